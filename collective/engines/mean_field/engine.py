r"""Mean field: product states of up to 10⁵ emitters, with or without random phases.

Correlations between emitters are left out, so that each keeps a Bloch vector of its own
(`equations`). Emitters without coherence then have no field, and would decay one by one. Their
superradiance begins by noise, for which each sample has random phases at the start, with

.. math:: ⟨σ^+_mσ^-_n⟩ ≈ \frac{1}{B}\sum_b s^{(b)*}_m s^{(b)}_n \quad (m ≠ n).

Adaptive steps of order 8 bound the time by the products with h; see `numerics/exchange.py`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.engines import estimates
from collective.engines.base import (
    Accuracy,
    Cost,
    pieces_for,
    resumed,
    threads_for,
    unsupported,
)
from collective.engines.mean_field import size
from collective.engines.mean_field.equations import Equations, with_random_phases
from collective.engines.numerics.adaptive import Adaptive
from collective.engines.numerics.pulses import ENVELOPE_STEPS
from collective.engines.record import Recorder
from collective.engines.request import Request
from collective.errors import DivergedError
from collective.states.moments import uncorrelated

if TYPE_CHECKING:
    from collective.results.result import Result

_SAMPLES = 40_000  # emitters times samples, if the number of samples is not given, and …
_FEWEST, _MOST = 4, 1000  # of the samples
_COHERENT = 1e-12  # ⟨σ⁻⟩; a smaller one is round-off

Moments = tuple[NDArray[np.complex128], NDArray[np.float64]]


@dataclass(frozen=True)
class MeanField:
    """Every emitter in the mean field of the others, for up to 10⁵ of them: an approximation.

    It takes product states, pure or mixed, with any drive, pump and dephasing. For one emitter it
    is exact, and for weak excitation it is the equation of coupled dipoles. Correlations between
    emitters are left out, except those that phases have in common.

    Emitters that start without coherence and that nothing drives have no mean field. In truth their
    emission begins by noise. For them each sample starts with random phases of ⟨σ⁻⟩, and means have
    standard errors. The phases are drawn once: dephasing and pump destroy them, although in truth
    noise renews them. On lattices products are fast Fourier transforms, found from the places of
    the emitters and checked.

    Args:
        phases: number of samples with random phases; 0 for none. None draws phases only for starts
            without coherence and without drive: 1,000 samples of up to 40 emitters, fewer of more
            emitters, and 4 of 10,000 or more.

    With random phases steps have a tolerance of 1e-4 (or `rtol`, if that is larger) and products
    are computed in single precision, far below the standard errors.

    Raises:
        ValueError: for a number of phases that is neither 0 nor at least 2.

    Source:
        Krämer & Ritsch, Eur. Phys. J. D 69, 282 (2015); for random phases Gross & Haroche,
        Phys. Rep. 93, 301 (1982).

    Example:
        >>> import numpy as np, collective as co
        >>> atoms = co.couple(co.square(10, 10, 0.2), co.Vacuum())
        >>> engine = co.engines.MeanField(phases=100)
        >>> burst = co.evolve(atoms, "inverted", np.linspace(0, 1, 21), method=engine, seed=1)
        >>> bool(130 < burst.emission.max() < 180), burst.shots.shape
        (True, (100, 21))
    """

    phases: int | None = None

    name: ClassVar[str] = "mean_field"
    accuracy: ClassVar[Accuracy] = "approximate"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ("kramer2015", "gross1982")

    def __post_init__(self) -> None:
        if self.phases is not None:
            phases = checks.count("phases", self.phases, minimum=0)
            if phases == 1:
                raise ValueError("phases must be 0 or at least 2: one sample has no standard error")
            object.__setattr__(self, "phases", phases)

    def refusal(self, request: Request) -> str | None:
        """Refuse thermal light, and states of more than one emitter that are correlated."""
        common = unsupported(self, request, one_number=True, lattice=True)
        if common is not None:
            return common
        if _moments(request) is None:
            return (
                f"method {self.name!r} takes states without correlations between emitters, product "
                f"or mixed, not state {request.state_name}"
            )
        return None

    def cost(self, request: Request) -> Cost:
        """Predict memory and time, and the error that mean field usually has."""
        phases = self._samples(request)
        return size.cost(request, phases, _expected(request, phases))

    def prepare(self, request: Request) -> None:
        """Import the libraries whose memory does not count as the run's."""
        import scipy.fft
        import scipy.integrate
        import threadpoolctl  # noqa: F401

    def start(self, request: Request, earlier: "Result | None") -> "_Run":
        """Start from a product state, or from where an earlier result ended."""
        return _Run(request, self._samples(request), earlier)

    def _samples(self, request: Request) -> int:
        """The number of samples with random phases, or 0."""
        if self.phases is not None:
            return self.phases
        if not _alone(request):
            return 0
        return int(np.clip(_SAMPLES // len(request.couplings), _FEWEST, _MOST))


def _moments(request: Request) -> Moments | None:
    """⟨σ⁻_n⟩ and z_n of the initial state, or None if emitters are correlated."""
    return uncorrelated(request.state, len(request.couplings))


def _alone(request: Request) -> bool:
    """Whether excited emitters have no mean field: they are not coherent, and nothing drives them."""
    found = _moments(request)
    assert found is not None
    lowered, inversion = found
    coherent = np.abs(lowered).max() > _COHERENT or np.any(request.couplings.drive)
    return not coherent and bool(inversion.max() > -1)


def _expected(request: Request, phases: int) -> float | None:
    """The expected error; without any field, that of decay one by one."""
    if not phases and len(request.couplings) > 1 and _alone(request):
        return 1.0
    return estimates.expected(request, "random phases" if phases else "mean field")


class _Run:
    """Observables of the times reached so far, and s and z of every sample at the last of them."""

    def __init__(self, request: Request, phases: int, earlier: "Result | None"):
        self._request, self._phases = request, phases
        self._recorder = Recorder(request, eigenvalues=False)
        self._groups = size.columns(request, phases)
        self._expected = _expected(request, phases)
        self._lost = not phases and len(request.couplings) > 1 and _alone(request)
        self._seed = request.seed
        self._stopped = Event()
        self._limits = ExitStack()
        self._equations = Equations(
            request.couplings, request.envelope, single=bool(phases)
        )
        self._solvers: list[Adaptive] | None = None
        self._threads = (1, 1)  # groups at a time, and threads of a product
        if earlier is None:
            if phases and self._seed is None:
                self._seed = int(np.random.default_rng().integers(2**53))
            self._begin()
        else:
            self._continue(earlier)

    def _begin(self) -> None:
        """Record the first time."""
        found = _moments(self._request)
        assert found is not None
        lowered, inversion = found
        if self._phases:
            assert self._seed is not None
            s, z = with_random_phases(lowered, inversion, self._phases, self._seed)
        else:
            s, z = lowered[:, None], inversion[:, None]
        ends = np.cumsum(self._groups)[:-1]
        parts = zip(np.split(s, ends, axis=1), np.split(z, ends, axis=1), strict=True)
        values = [self._equations.joined(*part) for part in parts]
        t = float(self._request.times[0])
        self._record(values, [(t, y, None) for y in values])

    def _continue(self, earlier: "Result") -> None:
        """Continue from the last step of every group."""
        n, samples = len(self._request.couplings), max(self._phases, 1)
        times = resumed(earlier, "since", (len(self._groups),))
        steps = resumed(earlier, "steps", (len(self._groups),))
        whole = resumed(earlier, "values", (3 * n * samples,)).astype(float)
        ends = np.cumsum([3 * n * count for count in self._groups])[:-1]
        again = [
            (float(t), y, float(step) if step > 0 else None)
            for t, y, step in zip(times, np.split(whole, ends), steps, strict=True)
        ]
        names = ["emission", "populations"]
        names += ["correlations"] if "correlations" in self._request.words else []
        further = {}
        if self._phases:
            names += ["emission_error", "populations_error", "excitation_error"]
            self._seed = int(earlier.diagnostics["seed"])
            if earlier.shots is None:
                raise ValueError("its array 'shots' is missing")
            further = {"shots": earlier.shots.T}
        self._recorder.restore(earlier, tuple(names), further=further, now=again)

    @property
    def done(self) -> bool:
        return self._recorder.done

    @property
    def share(self) -> float:
        return self._recorder.share

    def advance(self) -> None:
        """Record the next output time."""
        request = self._request
        if self._solvers is None:
            self._prepare()
        assert self._solvers is not None
        t = float(request.times[self._recorder.reached])
        groups, _ = self._threads
        try:
            if groups == 1:
                values = [solver.to(t) for solver in self._solvers]
            else:
                values = list(self._pool.map(partial(_to, t), self._solvers))
        except ArithmeticError as error:
            time = request.user_time(t)
            raise DivergedError(f"mean field diverged before t = {time:.4g}: {error}") from None
        if not all(np.all(np.isfinite(y)) for y in values):
            raise DivergedError(f"mean field diverged before t = {request.user_time(t):.4g}")
        self._record(values, [solver.again for solver in self._solvers])

    def _prepare(self) -> None:
        """Set up integrators and threads."""
        from threadpoolctl import threadpool_limits

        request, groups = self._request, len(self._groups)
        self._limits.enter_context(threadpool_limits(1, "blas"))
        together = min(threads_for(request), groups)
        if together > 1 and len(request.couplings) * max(self._groups) >= 1000:
            self._pool = self._limits.enter_context(ThreadPoolExecutor(together))
            self._threads = (together, 1)
        elif groups == 1:
            squared = len(request.couplings) * 8
            self._threads = (1, pieces_for(request, squared)[0])
        rtol, atol = size.tolerances(request, self._phases)
        times, end = request.times, float(request.times[-1])
        longest = np.inf
        if request.envelope is not None:  # a pulse shorter than a step would not be seen
            longest = max(float(np.diff(times).min()), float(np.ptp(times)) / ENVELOPE_STEPS)
        self._solvers = [
            Adaptive(self._slope, t, y, end, rtol=rtol, atol=atol, longest=longest, first=first)
            for t, y, first in self._recorder.now
        ]

    def _slope(self, t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._stopped.is_set():
            raise RuntimeError("the run was stopped")
        return self._equations.slope(t, y, self._threads[1])

    def _record(self, values: list[NDArray[np.float64]], again: list[Any]) -> None:
        """Record one output time."""
        equations = self._equations
        emission = np.concatenate([equations.emission(y, self._threads[1]) for y in values])
        samples = [equations.split(y) for y in values]
        excited = np.concatenate([(1 + z) / 2 for _, z in samples], axis=1)
        populations = excited.mean(axis=1)
        rows = {"emission": emission.mean(keepdims=True), "populations": populations[None]}
        if self._phases:
            rows |= {
                "emission_error": _error(emission[None]),
                "populations_error": _error(excited)[None],
                "excitation_error": _error(excited.sum(axis=0, keepdims=True)),
                "shots": emission[None],
            }
        if "correlations" in self._request.words:
            pairs = sum(s.conj() @ s.T for s, _ in samples) / len(emission)
            np.fill_diagonal(pairs, populations)
            rows["correlations"] = pairs[None]
        self._recorder.add(rows, now=again)

    def fields(self) -> dict[str, Any]:
        found = self._recorder.fields()
        if "shots" in found:
            found["shots"] = np.ascontiguousarray(found["shots"].T)
        error = 1.0 if self._expected is None else self._expected
        found["error_estimate"] = estimates.from_expected(found["emission"], error)
        return found

    def diagnostics(self) -> dict[str, Any]:
        solvers = self._solvers or []
        found: dict[str, Any] = {"steps": sum(solver.steps for solver in solvers)}
        if self._phases:
            found |= {"phases": self._phases, "seed": self._seed}
        return found

    def resume(self) -> dict[str, NDArray[Any]]:
        again = self._recorder.now
        return {
            "since": np.array([t for t, _, _ in again]),
            "steps": np.array([step or 0.0 for _, _, step in again]),
            "values": np.concatenate([y for _, y, _ in again]),
        }

    def notes(self) -> list[str]:
        """A warning if emitters were not coupled at all."""
        if not self._lost:
            return []
        return [
            "mean field without random phases: the emitters start without coherence and nothing "
            "drives them, so that they have decayed one by one, without any burst; use "
            "MeanField(phases=500), Cumulants() or TruncatedWigner()"
        ]

    def close(self) -> None:
        self._stopped.set()
        self._limits.close()


def _to(t: float, solver: Adaptive) -> NDArray[Any]:
    return solver.to(t)


def _error(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard errors of the means of rows."""
    return np.asarray(values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1]))
