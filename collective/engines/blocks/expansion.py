r"""The run of the block engine: one Faber expansion of e^{𝓛t} after another.

A step of length h adds :math:`\sum_j c_j(h)F_j` to ρ, F_j from F_{j−1} and F_{j−2} by one
application of the generator. The step is complete when the terms are smaller than the tolerance.
Steps can be long, but not arbitrarily long: each block feeds only the one below it, which makes the
generator non-normal, and the terms grow before they fall. A step whose terms grow too much is
repeated with half the length, and later steps are not longer than that.

`tables` says where each number of ρ is stored, `kernels` do the arithmetic. The file is longer than
others because the run and the density matrix that it changes in place belong together.
"""

import time
from collections.abc import Callable, Generator
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.base import resumed
from collective.engines.basis.orbit_means import Settling
from collective.engines.blocks.density import PackedDensity
from collective.engines.numerics.spectrum import LONGEST_STEP, TERMS_PER_RADIUS, Ellipse
from collective.engines.record import Recorder
from collective.engines.request import Request

if TYPE_CHECKING:
    from collective.results.result import Result

LARGEST_GROWTH = 1e6  # of a term, relative to ρ: it loses six digits of sixteen
SINGLE_GROWTH = 5e5  # of a term, relative to ρ, for each unit of rtol: round-off is 6e-8 of a term
# share of the tolerance, relative to the largest population of an emitter at first, for the
# population of the blocks that are dropped
NEGLIGIBLE = 0.01
_SHORTEST_STEP = 2.0
_SPARE_TERMS = 20  # a step fails after two terms a radius, three for each digit, and these
_AT_ONCE = 2e-3  # seconds of terms in one `advance`
_COUNTED = ("dropped", "applications", "flops")  # numbers in a checkpoint


class Expansion:
    """The evolution of ρ in excitation blocks through the output times; see `base.Run`.

    A step changes ρ in place. If a run ends within a step, it continues from the start of the step,
    which is kept if the run is checkpointed. The recorder holds the time after the last whole step
    with ρ at this time, or None within a step whose start is not kept.

    Args:
        request: a request of Couplings without drive and pump.
        permutations: a group that changes neither couplings nor state, the identity first, (G, N).
        number: the type of the numbers of ρ, float64 or float32.
        earlier: an interrupted result of the same request, or None.

    Raises:
        ValueError: if the arrays of the earlier result do not fit.
    """

    def __init__(
        self,
        request: Request,
        permutations: NDArray[np.int64],
        number: Any = np.float64,
        earlier: "Result | None" = None,
    ):
        self._request, self._permutations = request, np.asarray(permutations)
        self._single = number == np.float32
        self._rho = PackedDensity(request, permutations, number)
        self._recorder = Recorder(request, request.couplings.decay, eigenvalues=False)
        self._begin, self._end = float(request.times[0]), float(request.times[-1])
        self._span = max(self._end - self._begin, 1e-300)
        if self._single:  # truncation takes a half of the tolerance, round-off the other half
            self._rtol = request.rtol / 2
            self._growth = min(LARGEST_GROWTH, SINGLE_GROWTH * request.rtol)
        else:
            self._rtol = request.rtol
            self._growth = min(LARGEST_GROWTH, max(1e3, 1e14 * request.rtol))
        self._longest = LONGEST_STEP
        self._restart: Callable[[], None] | None
        self._start = np.zeros_like(self._rho.y) if request.checkpointed else None
        if earlier is not None and earlier.resume:
            self._continue_from(earlier)
        else:
            self._restart = self._rho.set_initial
            self._restart()
            first = {"correlations": self._rho.moments(self._rho.y)[0][None]}
            self._recorder.add(first, now=(self._begin, self._rho.y))
        first = self._recorder.fields()["populations"][0]
        self._droppable = NEGLIGIBLE * request.rtol * float(first.max(initial=0.0))
        self._share = (self._recorder.now[0] - self._begin) / self._span
        self._terms = self._steps()

    def _continue_from(self, earlier: "Result") -> None:
        """Continue from what an interrupted run has reached."""
        rho = self._rho
        found = {name: resumed(earlier, name, ()).item() for name in (*_COUNTED, "time")}
        vector = resumed(earlier, "vector", (rho.layout.size,)).real
        self._restart = lambda: rho.set_vector(vector, found["dropped"])
        self._restart()
        rho.applications, rho.flops = found["applications"], found["flops"]
        now = float(found["time"]), rho.y
        self._recorder.restore(earlier, ("correlations",), now=now)

    @property
    def done(self) -> bool:
        """Whether every output time is reached."""
        return self._recorder.done

    @property
    def share(self) -> float:
        """The share of the time that has passed, from 0 to 1."""
        return 1.0 if self.done else self._share

    def advance(self) -> None:
        """Compute some terms of the expansion."""
        begin = time.monotonic()
        while True:
            next(self._terms)
            if self.done or time.monotonic() - begin > _AT_ONCE:
                return

    def fields(self) -> dict[str, Any]:
        """The recorded arrays by the names of `Result`."""
        return self._recorder.fields()

    def diagnostics(self) -> dict[str, Any]:
        """Numbers of applications and operations, and the largest error of the trace."""
        return {
            "applications": self._rho.applications,
            "flops": self._rho.flops,
            "dropped": self._rho.dropped,
            "threads": self._rho.threads,
            "precision": "single" if self._single else "double",
            "symmetries": len(self._permutations),
            **self._recorder.checks(),
        }

    def resume(self) -> dict[str, NDArray[Any]]:
        """ρ after the last whole step, and its time.

        It is empty within a step whose start is not kept.
        """
        at, vector = self._recorder.now
        if vector is None:
            return {}
        counted = {name: np.array(getattr(self._rho, name)) for name in _COUNTED}
        permutations = self._permutations.astype(np.uint8)
        return {"vector": vector, "time": np.array(at), "permutations": permutations, **counted}

    def notes(self) -> list[str]:
        """No warnings."""
        return []

    def close(self) -> None:
        """End the threads."""
        self._terms.close()
        self._rho.close()

    def _steps(self) -> Generator[None, None, None]:
        """Compute step after step until every output time is reached; yields after each term."""
        while not self.done:
            yield from self._step()
            yield

    def _step(self) -> Generator[None, None, None]:
        """Advance by one expansion, as long as its terms allow.

        Raises:
            FloatingPointError: if the terms grow too much even in a very short step.
        """
        rho, left = self._rho, self._end - self._recorder.now[0]
        while True:
            rho.drop_empty(self._droppable)
            if rho.highest == 0:
                self._stay_in_ground_state()
                return
            ellipse = rho.ellipse
            steps = max(1, ceil(left * ellipse.radius / self._longest))
            h = left / steps
            growth = yield from self._expand(ellipse, h, last=steps == 1)
            if growth < self._growth:
                break
            # the first step finds out how long later ones can be, which therefore rarely fail
            if self._longest < _SHORTEST_STEP:
                raise FloatingPointError(
                    f"the expansion does not converge over a share {h / self._span:.1e} "
                    f"of the times: its terms grow {growth:.1e} times; method='exact' steps more "
                    "slowly"
                )
            self._longest /= 2
            if self._restart is None:  # the start of this step is not kept
                self._begin_again()
                left = self._end - self._recorder.now[0]
            else:
                self._restart()
        self._restart = None if self._start is None else self._set_start
        if growth > self._growth**0.8:
            self._longest *= 0.8

    def _begin_again(self) -> None:
        """Go back to the initial state; the output times are computed again."""
        self._rho.set_initial()
        self._recorder.progress = 1, (self._begin, self._rho.y)

    def _set_start(self) -> None:
        """Set ρ to its value before this step."""
        self._rho.y[:] = self._start

    def _stay_in_ground_state(self) -> None:
        """Record the later times, at which only the ground state is left."""
        later, n = len(self._request.times) - self._recorder.reached, len(self._request.couplings)
        zeros = np.broadcast_to(np.complex128(0), (later, n, n))  # takes no memory
        self._recorder.add({"correlations": zeros}, now=(self._end, self._rho.y))

    def _expand(self, ellipse: Ellipse, h: float, *, last: bool) -> Generator[None, None, float]:
        """Advance ρ by h if the expansion converges; returns the largest term relative to ρ."""
        rho, begin = self._rho, self._recorder.now[0]
        tolerance = max(self._rtol * h / self._span, 1e-15)  # all steps share it
        end = self._end if last else begin + h
        times = self._request.times[self._recorder.reached :]
        inside = times[times <= end * (1 + np.sign(end) * 1e-14)] - begin
        count = ceil(2 * h * ellipse.radius - 3 * np.log10(tolerance)) + _SPARE_TERMS
        weights = ellipse.coefficients(count, np.append(inside, h))
        norm = rho.norm()
        active = rho.active
        previous, current = rho.two, rho.one
        current[active] = rho.y[active]
        previous[active] = 0
        moments = [rho.moments(current)[0]]
        if self._start is not None:
            self._start[:] = rho.y
        self._recorder.add({}, now=(begin, self._start))
        rho.y[active] *= weights[0, -1]
        small, growth, settling = 0, 1.0, Settling(rho.layout.means)
        first = max(float(np.abs(moments[0]).max()), 1e-300)
        expected = max(8.0, TERMS_PER_RADIUS * h * ellipse.radius)
        for j in range(1, count):
            weight = float(weights[j, -1])
            lowest = max(0, rho.lowest - j)
            size = rho.apply(current, previous, ellipse.recurrence(j), weight, lowest)
            current, previous = previous, current
            settling.after(j, size, (current, previous))
            found, trace = rho.moments(current)
            moments.append(found)
            reached = begin + h * min(1.0, j / expected) - self._begin
            self._share = max(self._share, reached / self._span)
            yield
            growth = max(growth, abs(weight) * size / norm)
            if not growth < self._growth:
                return growth
            seen = max(float(np.abs(found).max()) / first, size / norm, abs(trace))
            small = small + 1 if abs(weight) * seen < tolerance else 0
            if small == 2 and j > h * ellipse.radius / 2:
                rho.one, rho.two = current, previous
                rho.lowest = lowest
                rho.layout.means.settle(rho.y)
                inside = _sums(weights[: j + 1, :-1], np.array(moments))
                error = rho.trace_error()
                self._recorder.add({"correlations": inside}, trace_error=error, now=(end, rho.y))
                return growth
        return max(growth, self._growth)


def _sums(weights: NDArray[np.float64], moments: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Σ_j weights[j, t] moments[j, m, n] as one product of real matrices, (T, N, N)."""
    numbers = moments.reshape(len(moments), -1).view(float)
    return (weights.T @ numbers).view(complex).reshape(-1, *moments.shape[1:])
