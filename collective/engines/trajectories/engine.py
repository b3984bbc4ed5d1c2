r"""Quantum jumps: single photons, and means over trajectories with their standard errors.

.. math:: \overline{⟨O⟩} = \frac{1}{M}\sum_{i=1}^M \frac{⟨ψ_i|O|ψ_i⟩}{⟨ψ_i|ψ_i⟩}, \qquad
          σ = \sqrt{\mathrm{var}/M}

If emitters only decay, the number of excitations stays definite between photons. Such trajectories
are drawn within excitation blocks (`blocks`). Emission −d ln‖ψ‖²/dt, populations and correlations
are exact along each trajectory. Only the blocks ρ^(k,k) of the initial state matter: coherences
between different numbers of excitations evolve separately and reach none of these observables.

With a drive, a pump, dephasing or operators of the user a trajectory has all 2^N amplitudes
(`whole`); the channels of the jumps are then indices into `couplings.collapse_operators()`.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.channels import ChannelCouplings
from collective.couplings.sharing import NAMES
from collective.engines.base import ENDS_A_RUN, Accuracy, Cost, unsupported
from collective.engines.basis.configurations import LARGEST
from collective.engines.numerics.sparse_rows import compile_multiply
from collective.engines.request import Request
from collective.engines.trajectories.atoms_size import cost_of_atoms, refusal_of_atoms
from collective.engines.trajectories.means import (
    Batch,
    Totals,
    earlier_means,
    named,
    populations,
)
from collective.engines.trajectories.sampler import Sampler, batches
from collective.engines.trajectories.size import cost_within_blocks, size_for
from collective.engines.trajectories.whole.size import WholeSize, cost_of_whole

if TYPE_CHECKING:
    from collective.results.result import Result

_DEFAULT = 1000  # trajectories
_MOST_FOR_ERROR = 100_000  # trajectories, if a standard error is asked for but no number
_TRUSTED = 100  # trajectories that are needed before their scatter is trusted
_CLICKS = 10  # jumps that are needed too: before the first jump all trajectories are alike
_COMPILING = 2  # seconds
_UNLIKELY = 0.01  # expected photons of all trajectories; if fewer, no jump is waited for


@dataclass(frozen=True)
class Trajectories:
    """Quantum jumps: each trajectory is a pure state, and means over many have standard errors.

    It takes `Couplings` with any drive, envelope, pump and dephasing, up to about 16 emitters.
    Without these a trajectory stays in excitation blocks, holds C(N, N/2) amplitudes instead of the
    C(2N, N) numbers of a density matrix, and up to about 24 emitters are possible. `Result.jumps`
    keeps the time and the channel of every jump; `Couplings.collapse_operator_names` names the
    channels of a driven problem.

    `ChannelCouplings` of atoms with manifolds have up to 65,536 states, with any drive and
    envelope; `ChannelCouplings.collapse_operator_names` names the channels of their jumps.

    Trajectory i of a seed is the same with any number of threads. An interrupted run has all
    output times, as means over the trajectories drawn so far.

    Args:
        n: the largest number of trajectories. None stands for 1,000, or for 100,000 with a
            `standard_error`. The standard error of a single trajectory is not known: it is NaN.
        standard_error: the standard error of the emission, relative to its largest value, at
            which the run ends. The run warns if n trajectories do not reach it. A finished
            checkpoint can be continued to a smaller one.

    Raises:
        ValueError: for an n that is not an integer above 0, or a standard error that is not a
            number above 0.

    Source:
        Dalibard, Castin & Mølmer, Phys. Rev. Lett. 68, 580 (1992); Mølmer, Castin & Dalibard,
        J. Opt. Soc. Am. B 10, 524 (1993).

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> engine = co.engines.Trajectories(n=500)
        >>> result = co.evolve(pair, "inverted", np.linspace(0, 40, 11), method=engine, seed=1)
        >>> result.accuracy, result.jumps.n_trajectories
        ('sampled', 500)
        >>> bool(abs(result.excitation[1] - 0.0384) < 4 * result.excitation_error[1])
        True
    """

    n: int | None = None
    standard_error: float | None = field(default=None, metadata=ENDS_A_RUN)

    name: ClassVar[str] = "trajectories"
    accuracy: ClassVar[Accuracy] = "sampled"
    keeps: ClassVar[tuple[str, ...]] = ("correlations", "operators", "jumps")
    cite: ClassVar[tuple[str, ...]] = ("dalibard1992", "molmer1993")

    def __post_init__(self) -> None:
        if self.n is not None:
            object.__setattr__(self, "n", checks.count("n", self.n))
        if self.standard_error is not None:
            error = checks.number("standard_error", self.standard_error, above=0)
            object.__setattr__(self, "standard_error", error)

    @property
    def most(self) -> int:
        """The largest number of trajectories that are drawn."""
        if self.n is not None:
            return self.n
        return _DEFAULT if self.standard_error is None else _MOST_FOR_ERROR

    def refusal(self, request: Request) -> str | None:
        """Refuse density matrices, master equations, and too many emitters."""
        common = unsupported(self, request, channels=True, noise=NAMES, ising=True)
        if common is not None:
            return common
        if isinstance(request.problem, ChannelCouplings):
            return refusal_of_atoms(self.name, request)
        n = len(request.couplings)
        if n > LARGEST and within_blocks(request):
            return f"method {self.name!r} takes at most {LARGEST} emitters, got {n}"
        return None

    def cost(self, request: Request) -> Cost:
        """Predict memory and time of the largest number of trajectories."""
        at_most = "at most " if self.standard_error is not None else ""
        noun = "trajectory" if self.most == 1 else "trajectories"
        if isinstance(request.problem, ChannelCouplings):
            n, levels = request.channels.energies.shape
            work = f"{at_most}{self.most:,} {noun} of {n} atoms of {levels} levels"
            return cost_of_atoms(request, self.most, work)
        work = f"{at_most}{self.most:,} {noun} of {len(request.couplings)} emitters"
        if within_blocks(request):
            return cost_within_blocks(request, self.most, work)
        return cost_of_whole(request, self.most, work)

    def prepare(self, request: Request) -> None:
        """Compile the kernels, or read them from the cache; atoms need QuTiP and SciPy."""
        if isinstance(request.problem, ChannelCouplings):
            import qutip  # noqa: F401

            from collective._tools.compiled import announced

            with announced("trajectories of atoms", _COMPILING, show=request.progress):
                compile_multiply()
            return
        if within_blocks(request):
            from collective.engines.trajectories.blocks import compile_kernels
        else:
            from collective.engines.trajectories.whole.sampler import compile_kernels
        compile_kernels(show=request.progress)

    def start(self, request: Request, earlier: "Result | None") -> "_Run":
        """Start without trajectories, or with those of an earlier result."""
        return _Run(self, request, earlier)


def within_blocks(request: Request) -> bool:
    """Whether the excitation number stays definite, and no operators of the user are observed."""
    couplings = request.couplings
    others = (couplings.drive, couplings.pump, couplings.dephasing)
    acting = couplings.thermal_photons > 0 or any(np.any(values) for values in others)
    return not (request.operators or acting)


class _Run:
    """Trajectories drawn so far, and the threads that draw the next ones."""

    def __init__(self, engine: Trajectories, request: Request, earlier: "Result | None"):
        self._most, self._standard_error = engine.most, engine.standard_error
        self._request = request
        self._sampler = _sampler(request, engine.most)
        self._batches: Generator[Batch] | None = None
        shape = (len(request.times), populations(request) + 2)
        self._totals = Totals.empty(*shape, self._sampler.extra)
        if earlier is not None:
            self._seed = int(earlier.diagnostics["seed"])
            if earlier.diagnostics["n_trajectories"] > 0:
                self._totals = Totals.of(earlier, earlier_means(request, earlier))
        elif request.seed is not None:
            self._seed = request.seed
        else:
            self._seed = int(np.random.default_rng().integers(2**53))

    @property
    def done(self) -> bool:
        return self._totals.count >= self._most or self._good_enough()

    @property
    def share(self) -> float:
        return min(1.0, self._totals.count / self._most)

    def advance(self) -> None:
        """Add the next batch of trajectories."""
        if self._batches is None:
            self._sampler.prepare()
            self._batches = batches(self._sampler, self._seed, self._totals.count, self._most)
        self._totals = self._totals.with_batch(next(self._batches))

    def fields(self) -> dict[str, Any]:
        """Means at all output times; before the first batch, exact values at the first time."""
        totals = self._totals
        if totals.count == 0:
            values, means = self._initial
            totals = Totals(0, values, np.zeros_like(values), means)
        else:
            means = totals.sums / totals.count
        found = {**totals.observables(), **named(self._request, means)}
        if isinstance(self._request.problem, ChannelCouplings):
            levels = (-1, *self._request.channels.energies.shape)
            for name in ("populations", "populations_error"):
                found[name] = found[name].reshape(levels)
        return found

    @cached_property
    def _initial(self) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """The exact initial values, computed when needed: they may take as long as a trajectory."""
        return self._sampler.initial()

    def diagnostics(self) -> dict[str, Any]:
        return {
            "n_trajectories": self._totals.count,
            "seed": self._seed,
            "threads": max(self._sampler.threads, 1),
        }

    def resume(self) -> dict[str, NDArray[Any]]:
        return self._totals.resume()

    def notes(self) -> list[str]:
        """A warning if the standard error that was asked for is not reached."""
        wanted, totals = self._standard_error, self._totals
        if wanted is None or not self.done:
            return []
        reached = self._relative_error()
        if reached > wanted:
            needed = float(f"{totals.count * (reached / wanted) ** 2:.2g}")
            return [
                f"standard_error: {reached:.2g} of the largest emission after {totals.count:,} "
                f"trajectories, {wanted:g} asked for; allow more by Trajectories(n=...), about "
                f"{needed:,.0f} are needed"
            ]
        if not self._trusted():
            return [
                f"standard_error: only {totals.clicks} jumps in {totals.count:,} trajectories, too "
                "few to know the error; allow more by Trajectories(n=...)"
            ]
        return []

    def close(self) -> None:
        if self._batches is not None:
            self._batches.close()

    def _good_enough(self) -> bool:
        """Whether the run may end, because the standard error asked for is reached."""
        wanted = self._standard_error
        return wanted is not None and self._relative_error() <= wanted and self._trusted()

    def _relative_error(self) -> float:
        """The largest standard error of the emission over its largest value; 0 without emission."""
        totals = self._totals
        error, emission = totals.errors()[:, 0].max(), np.abs(totals.mean[:, 0]).max()
        return float(error / emission) if emission > 0 else 0.0

    def _trusted(self) -> bool:
        """Whether the scatter can be trusted: before the first jump all trajectories are alike.

        If even all the trajectories asked for would hardly emit a photon, no jump is needed.
        """
        if self._totals.count < _TRUSTED:
            return False
        if self._totals.clicks >= _CLICKS:
            return True
        photons = float(np.trapezoid(self._totals.mean[:, 0], self._request.times))
        return photons * self._most < _UNLIKELY


def _sampler(request: Request, most: int) -> Sampler:
    """The sampler that draws the trajectories of a request."""
    if isinstance(request.problem, ChannelCouplings):
        from collective.engines.trajectories.atoms import AtomSampler

        return AtomSampler(request)
    if within_blocks(request):
        from collective.engines.trajectories.blocks import BlockSampler

        return BlockSampler(request, size_for(request, most))
    from collective.engines.trajectories.whole.sampler import WholeSampler

    return WholeSampler(request, WholeSize.of(request, most))
