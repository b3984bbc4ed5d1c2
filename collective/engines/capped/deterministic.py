"""Runs of the density matrix within the cap."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.blas import BlasThreads
from collective.engines.base import resumed
from collective.engines.capped.density import Cap
from collective.engines.capped.estimate import band
from collective.engines.capped.particles import Particles
from collective.engines.numerics.adaptive import Adaptive
from collective.engines.record import Recorder
from collective.engines.request import Request, envelope_at

if TYPE_CHECKING:
    from collective.results.result import Result

_LEAST_RTOL = 1e-13


class MatrixRun:
    """ρ within the cap, integrated from one output time to the next.

    Args:
        request: what is asked for.
        earlier: an interrupted result, or None.
        holes: whether the particles are holes.
        highest: K.
    """

    def __init__(self, request: Request, earlier: "Result | None", holes: bool, highest: int):
        self._request, self._holes, self._highest = request, holes, highest
        self._particles = Particles.of(request.couplings, holes)
        self._cap = Cap(self._particles, highest)
        self._recorder = Recorder(request, eigenvalues=False)
        self._solver: Adaptive | None = None
        self._limits = ExitStack()
        self._steps = 0
        if earlier is None:
            self._record(self._cap.start(request.state, request.couplings.emitters))
            return
        self._steps = int(earlier.diagnostics["steps"])
        names: tuple[str, ...] = ("emission", "populations")
        names += () if holes else ("coincidence_rate",)
        names += ("correlations",) if "correlations" in request.words else ()
        now = resumed(earlier, "state", (self._cap.size,)).astype(complex)
        further = {"weights": resumed(earlier, "weights", (-1, highest + 1))}
        self._recorder.restore(earlier, names, further=further, now=now)

    @property
    def done(self) -> bool:
        """Whether every output time is recorded."""
        return self._recorder.done

    @property
    def share(self) -> float:
        """The share of the output times that is recorded."""
        return self._recorder.share

    def advance(self) -> None:
        """Record the next output time."""
        request, reached = self._request, self._recorder.reached
        if self._solver is None:
            if request.threads:
                self._limits.enter_context(BlasThreads(request.threads))
            self._solver = Adaptive(
                self._change, float(request.times[reached - 1]), self._recorder.now,
                float(request.times[-1]), rtol=max(request.rtol / 10, _LEAST_RTOL),
                atol=request.atol / 10, pieces=request.timeline,
            )  # fmt: skip
        before = self._solver.steps
        state = self._solver.to(float(request.times[reached]))
        self._steps += self._solver.steps - before
        self._record(state.copy())

    def _change(self, t: float, flat: NDArray[Any]) -> NDArray[Any]:
        envelope = self._request.envelope
        return self._cap.slope(flat, 1.0 + 0j if envelope is None else envelope_at(envelope, t))

    def _record(self, state: NDArray[Any]) -> None:
        seen = self._cap.observed(state)
        if not np.isfinite(seen["emission"]):
            raise FloatingPointError("the density matrix is not finite")
        rows: dict[str, NDArray[Any]] = {
            "emission": np.array([seen["emission"]]),
            "populations": seen["populations"][None],
            "weights": np.array([list(seen["weights"].values())]),
        }
        if not self._holes:
            rows["coincidence_rate"] = np.array([seen["coincidence"]])
        if "correlations" in self._request.words:
            rows["correlations"] = seen["correlations"][None]
        self._recorder.add(rows, now=state)

    def fields(self) -> dict[str, Any]:
        """Fields of `Result` with the estimated error."""
        found = self._recorder.fields()
        found["error_estimate"] = band(
            self._request.couplings, self._holes, self._highest,
            found.pop("weights"), found["emission"],
        )  # fmt: skip
        return found

    def diagnostics(self) -> dict[str, Any]:
        """The route, counts, and the largest weights at the edge of the cap and beyond."""
        weights = self._recorder.fields()["weights"]
        return {"route": "density matrix", "steps": self._steps, **summary(weights)}

    def resume(self) -> dict[str, NDArray[Any]]:
        """ρ at the last recorded time, and the weights of the layers."""
        return {"state": self._recorder.now, "weights": self._recorder.fields()["weights"]}

    def notes(self) -> list[str]:
        """No warnings of its own."""
        return []

    def close(self) -> None:
        """End threads, and release what only `advance` needs."""
        self._solver = None
        self._limits.close()


def summary(weights: NDArray[np.float64]) -> dict[str, float]:
    """The largest weight of the top layer, and the largest weight beyond the cap."""
    beyond = float((1 - weights.sum(axis=1)).max())
    return {"top_weight": float(weights[:, -1].max()), "weight_beyond": max(beyond, 0.0)}
