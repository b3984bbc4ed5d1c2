"""Cumulants of second order of the state that a heterodyne record reveals, averaged over records.

A record of the emitted light tells where the emitters are going, so that the conditional state is
closer to a product state than the mean state, and second-order cumulants of it neglect less. The
mean over records is the solution of the master equation, whatever the efficiency of the detection.
With efficiency 0 it is plain second order.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from collective._tools import checks
from collective.engines.base import Accuracy, Cost, unsupported
from collective.engines.conditional_cumulants import size
from collective.engines.request import Request
from collective.states.moments import moments_known

if TYPE_CHECKING:
    from collective.engines.conditional_cumulants.run import SampledRun
    from collective.results.result import Result

_KNOWN = 12  # emitters of a correlated state given as 2^N numbers


@dataclass(frozen=True)
class ConditionalCumulants:
    """Second-order cumulants of states conditioned on heterodyne records, averaged over samples.

    It takes `Couplings` with any Γ, drive, detunings, dephasing and pump, and starts from any state
    whose means and pair correlations are known. Of all approximations it is the one that is right
    at the burst and in the tail after it, for most arrays from 0.1 λ on. At 0.05 λ, and in cubes
    and between dipoles in the plane at 0.1 λ, it fails: see `Result.error_estimate`. A sample costs
    a few N × N products a step, so that some hundred emitters are possible.

    The mean does not depend on the efficiency as long as the closure is good: two efficiencies
    that disagree show an error. See `docs/conditional_cumulants.md` for the derivation.

    Args:
        n: number of samples, at least 2. Without a recorded channel all samples are the same, and
            one is drawn.
        efficiency: of the heterodyne detection, from 0 (plain second order) to 1.
        cut: channels whose rate is at most this share of the mean decay rate are not recorded.
        margin: an emitter whose Bloch vector becomes longer than 1 + margin is made pure and
            uncorrelated; `diagnostics["resets_per_sample"]` counts it, and above 3 the run warns.

    Raises:
        ValueError: for an n below 2, an efficiency or a cut outside [0, 1], or a margin that is not
            a number above 0.

    Source:
        Wiseman & Milburn, Phys. Rev. A 47, 1652 (1993), for the heterodyne record; Zhang et al.,
        arXiv:2306.00868, for cumulants of a conditional state.

    Example:
        >>> import numpy as np, collective as co
        >>> chain = co.couple(co.chain(5, 0.2), co.Vacuum())
        >>> engine = co.engines.ConditionalCumulants(n=32)
        >>> times = np.linspace(0, 3, 16)
        >>> found = co.evolve(chain, "inverted", times, method=engine, seed=1, progress=False)
        >>> exact = co.evolve(chain, "inverted", times, method="blocks", progress=False)
        >>> error = 4 * found.emission_error + found.error_estimate
        >>> bool(np.all(np.abs(found.emission - exact.emission) <= error + 1e-3))
        True
    """

    n: int = 64
    efficiency: float = 0.5
    cut: float = 0.1
    margin: float = 0.1

    name: ClassVar[str] = "conditional_cumulants"
    accuracy: ClassVar[Accuracy] = "approximate"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ("wiseman1993", "zhang2023")

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "n", checks.count("n", self.n, minimum=2))
        for name in ("efficiency", "cut"):
            value = checks.number(name, getattr(self, name))
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {value:g}")
            set_(self, name, value)
        set_(self, "margin", checks.number("margin", self.margin, above=0))

    def refusal(self, request: Request) -> str | None:
        """Refuse master equations, thermal light and states whose pair moments are not known."""
        common = unsupported(self, request)
        if common is not None:
            return common
        if not moments_known(request.state, len(request.couplings)):
            return (
                f"method {self.name!r} needs the correlations of all pairs, which for state "
                f"{request.state_name} of {len(request.couplings)} emitters take 2^N numbers (it "
                f"takes such states of at most {_KNOWN} emitters)"
            )
        return None

    def cost(self, request: Request) -> Cost:
        """Predict memory, time and error of all samples."""
        large = len(request.couplings) > size.SPECTRUM
        return size.cost(request, _plan(self, request, guessed=large))

    def prepare(self, request: Request) -> None:
        """Compile the kernels and import what runs them."""
        import threadpoolctl  # noqa: F401

        from collective._tools.compiled import announced
        from collective.engines.conditional_cumulants.sampler import compile_kernels

        with announced("conditional cumulants", 10, show=request.progress):
            compile_kernels()

    def start(self, request: Request, earlier: "Result | None") -> "SampledRun":
        """Start without samples, or with those of an interrupted run."""
        from collective.engines.conditional_cumulants.run import SampledRun

        return SampledRun(request, _plan(self, request), self.efficiency, self.margin, earlier)


def _plan(engine: ConditionalCumulants, request: Request, *, guessed: bool = False) -> size.Plan:
    """Channels, steps and batches; kept, because `start` needs what `cost` has found."""
    key = (engine.name, engine, guessed)
    if key not in request.memo:
        request.memo[key] = size.Plan.of(
            request, engine.n, engine.efficiency, engine.cut, guessed=guessed
        )
    found: size.Plan = request.memo[key]
    return found
