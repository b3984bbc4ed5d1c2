r"""Truncated Wigner: classical spins with noise, whose mean is the burst of hundreds of emitters.

The equation is in `model`, the step of a batch in `spins`, initial values and threads in `samples`.
"""

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.blas import BlasThreads
from collective.engines import estimates
from collective.engines.base import Accuracy, Cost, resumed, unsupported
from collective.engines.request import Request
from collective.states.moments import uncorrelated

if TYPE_CHECKING:
    from collective.engines.truncated_wigner.means import Batch
    from collective.results.result import Result

_COVER = 1.4  # times the excess of the emission; see `model.error_weights`
# of the largest emission so far where emitters act on each other, at least, and in units of the
# expected error of second-order cumulants: for times at which the excess changes its sign
_LEAST, _SHARE = 0.01, 0.35
_FORGOTTEN = 2.0  # rates of an emitter at which an excess is forgotten that has been larger
_COMPILE_SECONDS = 3


@dataclass(frozen=True)
class TruncatedWigner:
    r"""Truncated Wigner: samples of classical spins with noise, for hundreds of emitters.

    Each emitter is a spin of length √3, which turns about the field of the others and of the
    vacuum:

    .. math:: ds^-_n = i s^z_n (F_n dt + dξ_n), \qquad
              F_n = \sum_l (Δ − iΓ/2)_{nl}\,s^-_l + Ω_n/2, \qquad
              ⟨dξ_n dξ^*_m⟩ = \tfrac12 Γ_{nm} dt

    Means over samples are symmetrically ordered expectation values. The mean of a single emitter
    is exact, with drive, detuning, dephasing and pump. A burst is right up to and at its peak: to
    1 % for spacings of 0.2 wavelengths or more, to 3 % at 0.1. **After the burst it is wrong**:
    each emitter seems to emit up to 0.07 of what it would if it were excited, so that neither the
    tail nor a weak drive (Ω of the order of Γ or less) can be trusted. `Result.error_estimate` says
    so: it is

    .. math:: 1.4\,\Bigl|\sum_n w_nΓ_{nn}\frac{⟨(s^z_n)^2⟩ − 1}{4}\Bigr|

    plus at least 1 % of the largest emission so far. A spin ½ has ⟨(s^z)²⟩ = 1, and w is 0 for
    emitters that do not act on each other and about 1 for dense ones. This covers the true
    error in 103 of 105 problems that an exact engine can solve, and is about twice as large.

    A result has `shots`, the emission of each sample, and `coincidence_rate`, from which
    `observables.g2` follows. A single shot is no record of a detector: it may be negative.

    It takes any `Couplings` without thermal light, and states of independent emitters, pure or
    mixed. The numbers of a seed do not depend on the threads. An interrupted run has all output
    times, as means over the samples so far.

    Args:
        n: number of samples, at least 2. Standard errors fall as 1/√n.
        step: the longest step of time, or None: 0.03 over the rate of an emitter,
            and 0.25 over the largest collective rate or frequency, less where shifts exceed the
            rates. The error of a step is of the order of the step; compare the result with that of
            half of it.

    Raises:
        ValueError: for an n that is not an integer above 1, or a step that is not a number above 0.

    Source:
        Mink & Fleischhauer, SciPost Phys. 15, 233 (2023), arXiv:2305.19829; for discrete initial
        values Schachenmayer, Pikovski & Rey, Phys. Rev. X 5, 011022 (2015).

    Example:
        >>> import numpy as np, collective as co
        >>> atoms = co.couple(co.chain(10, 0.1), co.Vacuum())
        >>> engine = co.engines.TruncatedWigner(n=500)
        >>> result = co.evolve(atoms, "inverted", np.linspace(0, 0.6, 7), method=engine, seed=1)
        >>> bool(abs(result.emission.max() / 11.7 - 1) < 0.1)
        True
        >>> result.shots.shape
        (500, 7)
    """

    n: int = 1000
    step: float | None = None

    name: ClassVar[str] = "truncated_wigner"
    accuracy: ClassVar[Accuracy] = "approximate"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ("mink2023", "schachenmayer2015")

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", checks.count("n", self.n, minimum=2))
        if self.step is not None:
            object.__setattr__(self, "step", checks.number("step", self.step, above=0))

    def refusal(self, request: Request) -> str | None:
        """Refuse correlated states, master equations, thermal light and density matrices."""
        common = unsupported(self, request)
        if common is not None:
            return common
        if uncorrelated(request.state, len(request.couplings)) is None:
            return (
                f"method {self.name!r} starts from emitters that are independent of each other, "
                f"but those of state {request.state_name} are correlated"
            )
        return None

    def cost(self, request: Request) -> Cost:
        """Predict memory, time and the error of the emission."""
        from collective.engines.truncated_wigner.size import cost

        return cost(request, self.n, self.step)

    def prepare(self, request: Request) -> None:
        """Compile the kernels, or read them from the cache."""
        import threadpoolctl  # noqa: F401

        from collective._tools.compiled import announced
        from collective.engines.truncated_wigner.samples import compile_kernels

        with announced("truncated Wigner", _COMPILE_SECONDS, show=request.progress):
            compile_kernels()

    def start(self, request: Request, earlier: "Result | None") -> "_Run":
        """Start without samples, or with those of an earlier result."""
        return _Run(self, request, earlier)


class _Run:
    """Samples so far, and the threads that draw the next ones."""

    def __init__(self, engine: TruncatedWigner, request: Request, earlier: "Result | None"):
        from collective.engines.truncated_wigner.means import Totals
        from collective.engines.truncated_wigner.model import Model
        from collective.engines.truncated_wigner.samples import Sampler
        from collective.engines.truncated_wigner.size import step_of, threads_of, turns

        self._request, self._count = request, engine.n
        n, steps = len(request.couplings), len(request.times)
        self._steps = turns(request, engine.step)
        bloch = uncorrelated(request.state, n)
        assert bloch is not None  # otherwise refused
        self._bloch = bloch
        with BlasThreads(1):  # rounding depends on the number of threads, and samples on rounding
            model = Model.of(request.couplings)
        second = estimates.expected(request, "order 2") or 0.0
        couplings = request.couplings
        self._excited = bool(np.any(couplings.drive) or np.any(couplings.pump))
        share = 1.0 if self._excited else _SHARE
        self._least = max(_LEAST, share * second) if np.any(model.doubtful) else 0.0
        self._sampler = Sampler(
            request,
            model,
            step_of(request, engine.step),
            bloch,
            threads_of(request, engine.n, engine.step),
        )
        self._batches: Generator[Batch] | None = None
        self._limits = ExitStack()
        self._shots = np.empty((engine.n, steps))
        self._totals = Totals.empty(steps, n, correlated="correlations" in request.words)
        if earlier is not None:
            self._seed = int(earlier.diagnostics["seed"])
            self._restore(earlier)
        elif request.seed is not None:
            self._seed = request.seed
        else:
            self._seed = int(np.random.default_rng().integers(2**53))

    def _restore(self, earlier: "Result") -> None:
        """Continue with the samples of an earlier result."""
        from collective.engines.truncated_wigner.means import Totals

        n, steps = len(self._request.couplings), len(self._request.times)
        count = int(earlier.diagnostics["n_samples"])
        mean, scatter = (resumed(earlier, name, (steps, 3 + n)) for name in ("mean", "scatter"))
        excess = resumed(earlier, "excess", (steps,))
        if count == 0:
            return
        if earlier.shots is None or earlier.shots.shape != (count, steps):
            raise ValueError("its shots are missing")
        pairs = np.zeros((steps, 0, 0), complex)
        if "correlations" in self._request.words:
            if earlier.correlations is None:
                raise ValueError("its correlations are missing")
            pairs = np.array(earlier.correlations)
        self._shots[:count] = earlier.shots
        self._totals = Totals(count, mean, scatter, excess, pairs)

    @property
    def done(self) -> bool:
        return self._totals.count >= self._count

    @property
    def share(self) -> float:
        return self._totals.count / self._count

    def advance(self) -> None:
        """Add the next batch of samples."""
        if self._batches is None:
            from collective.engines.truncated_wigner.samples import batches

            self._sampler.prepare()
            self._limits.enter_context(BlasThreads(1))
            self._batches = batches(self._sampler, self._seed, self._totals.count, self._count)
        new, before = next(self._batches), self._totals.count
        self._shots[before : before + new.count] = new.shots
        self._totals = self._totals.with_batch(new)

    def fields(self) -> dict[str, Any]:
        """Means at all output times; before the first batch, exact values at the first time."""
        totals = self._totals
        if totals.count == 0:
            found = self._initial()
            excess: NDArray[np.float64] = np.zeros(1)
        else:
            found = totals.fields()
            found["shots"] = self._shots[: totals.count]
            if "correlations" in self._request.words:
                found["correlations"] = totals.correlations.copy()
            excess = totals.excess
        largest = np.maximum.accumulate(np.abs(found["emission"]))
        return found | {"error_estimate": self._least * largest + self._unphysical(excess)}

    def _unphysical(self, excess: NDArray[np.float64]) -> NDArray[np.float64]:
        """The error (T,) that follows from ⟨(s^z)²⟩ − 1, remembered where this changes its sign."""
        rates = np.diagonal(self._request.couplings.decay).real
        forgotten = 0.0 if self._excited else _FORGOTTEN * float(rates.mean())
        times = self._request.times[: len(excess)]
        found, memory = _COVER * np.abs(excess), np.exp(-forgotten * np.diff(times))
        for i in range(1, len(found)):
            found[i] = max(found[i], memory[i - 1] * found[i - 1])
        return found

    def _initial(self) -> dict[str, Any]:
        """The exact values at the first output time."""
        lowered, inversion = self._bloch
        pairs = np.outer(lowered.conj(), lowered)
        np.fill_diagonal(pairs, (1 + inversion) / 2)
        populations = np.diagonal(pairs).real.copy()[None]
        zero = np.zeros(1)
        found = {
            "emission": np.array([np.sum(self._request.couplings.decay * pairs).real]),
            "emission_error": zero,
            "excitation": populations.sum(axis=1),
            "excitation_error": zero,
            "populations": populations,
            "populations_error": 0 * populations,
        }
        if "correlations" in self._request.words:
            found["correlations"] = pairs[None]
        return found

    def diagnostics(self) -> dict[str, Any]:
        return {
            "n_samples": self._totals.count,
            "seed": self._seed,
            "threads": self._sampler.threads,
            "steps": self._steps,
        }

    def resume(self) -> dict[str, NDArray[Any]]:
        totals = self._totals
        return {"mean": totals.mean, "scatter": totals.scatter, "excess": totals.excess}

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        if self._batches is not None:
            self._batches.close()
        self._limits.close()
