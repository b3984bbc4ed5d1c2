r"""Cumulants: equations for the moments of one, two or three emitters, closed beyond.

The mean of a product of n + 1 operators of different emitters is expressed by those of n and fewer:
the joint cumulant of order n + 1 is set to zero (Kubo, J. Phys. Soc. Jpn. 17, 1100 (1962)). Order 2
keeps N² numbers, order 3 N³. Without a drive, and from a state without coherence, only moments
with as many σ⁺ as σ⁻ differ from zero (`second`, `third`). Drives and coherent states need more
(`general`), which is built for order 2. Order 2 of atoms with manifolds keeps N²L⁴/2 (`levels`).

The other order runs beside where it takes little, and the gap between both tells the error.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from collective._tools import checks
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.emitters import Atoms
from collective.engines import estimates
from collective.engines.base import Accuracy, Cost, unsupported
from collective.engines.cumulants import mode, size
from collective.engines.mode_run import ModeRun
from collective.engines.request import Request
from collective.states import ground
from collective.states.moments import moments_known

if TYPE_CHECKING:
    from collective.engines.cumulants.run import CumulantRun
    from collective.results.result import Result

ORDERS = (2, 3)
_COMPILING = 5  # seconds


@dataclass(frozen=True)
class Cumulants:
    r"""Cumulant expansion of order 2 or 3, for hundreds of emitters.

    .. math::
       \frac{d}{dt}⟨σ^+_mσ^-_n⟩ = … + i\sum_l h_{nl}⟨z_nσ^+_mσ^-_l⟩ − …, \qquad
       ⟨ABC⟩ ≈ ⟨A⟩⟨BC⟩ + ⟨B⟩⟨AC⟩ + ⟨C⟩⟨AB⟩ − 2⟨A⟩⟨B⟩⟨C⟩

    Order 2 takes any `Couplings` and `ChannelCouplings` and is exact for two emitters. Order 3 is
    more accurate, takes neither a drive nor a coherent initial state, and is exact for three
    emitters. Both have the burst of inverted emitters right where they are 0.2 wavelengths or more
    apart, and the light after the burst wrong by factors: see `Result.error_estimate`. With Ising
    terms the error is not known before a run. Steps are integrated to `rtol`; as the closure is
    wrong by more than 10⁻³, rtol = 10⁻⁵ loses nothing and takes half the time.

    `CavityCouplings` without a drive and a coherent start have moments of second order too, those
    with the photons included (Meiser et al., Phys. Rev. Lett. 102, 163601 (2009)). Emitters that
    nothing distinguishes then share their numbers.

    `diagnostics` has the largest excess of a population beyond 0 and 1, the smallest eigenvalues
    of ⟨σ⁺_mσ⁻_n⟩ at a few times (negative ones are unphysical), and for emitters that only decay
    the largest difference of the emission and the loss of excitation, which no closure changes.

    Args:
        order: 2 or 3.
        closure: "u1" keeps only moments with as many σ⁺ as σ⁻, which is right without a drive and
            a coherent initial state; "general" keeps all, as is always done for atoms with
            manifolds. "auto" chooses.

    Raises:
        ValueError: for another order or closure, and for order 3 with the general closure.

    Source:
        Kubo, J. Phys. Soc. Jpn. 17, 1100 (1962); Krämer & Ritsch, Eur. Phys. J. D 69, 282 (2015);
        Rubies-Bigorda, Ostermann & Yelin, Phys. Rev. Res. 5, 013091 (2023).

    Example:
        >>> import numpy as np, collective as co
        >>> chain = co.couple(co.chain(12, 0.2), co.Vacuum())
        >>> engine = co.engines.Cumulants(order=3)
        >>> result = co.evolve(chain, "inverted", np.linspace(0, 2, 21), method=engine)
        >>> result.accuracy, float(result.emission[0].round(9))
        ('approximate', 12.0)
        >>> bool(np.all(result.error_estimate < 0.05 * result.emission.max()))
        True
    """

    order: int = 2
    closure: Literal["auto", "u1", "general"] = "auto"

    name: ClassVar[str] = "cumulants"
    accuracy: ClassVar[Accuracy] = "approximate"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ("kubo1962", "kramer2015")

    def __post_init__(self) -> None:
        order = checks.count("order", self.order)
        if order not in ORDERS:
            raise ValueError(f"order must be 2 or 3, got {order}: no other order is built")
        object.__setattr__(self, "order", order)
        checks.choice("closure", self.closure, ("auto", "u1", "general"))
        if order == 3 and self.closure == "general":
            raise ValueError(
                "closure: order 3 keeps only moments with as many σ⁺ as σ⁻; use order=2 with "
                'closure="general"'
            )

    def refusal(self, request: Request) -> str | None:
        """Refuse master equations, thermal light, states without moments, coherence at order 3."""
        with_mode = isinstance(request.problem, CavityCouplings)
        common = unsupported(
            self,
            request,
            channels=True,
            ising=not with_mode,
            one_number=with_mode,
            cavity=True,
            motion=("drive", "detunings"),
        )
        if common is not None:
            return common
        if isinstance(request.problem, CavityCouplings):
            return self._refusal_with_mode() or mode.refusal(request)
        if isinstance(request.problem, ChannelCouplings):
            return self._refusal_of_atoms()
        if not moments_known(request.state, len(request.couplings)):
            return (
                f"method 'cumulants' needs the moments of pairs of the {request.state_name}, and "
                f"those of {len(request.couplings)} emitters need 2^N numbers; it takes "
                "independent emitters, one excitation and symmetric states"
            )
        coherent = size.coherence(request)
        if coherent is None or (self.order == 2 and self.closure != "u1"):
            return None
        if self.order == 3:
            return f"method 'cumulants' of order 3 {coherent}: use Cumulants(order=2)"
        return f'method \'cumulants\' with closure="u1" {coherent}: use closure="general"'

    def _refusal_with_mode(self) -> str | None:
        """The reason why these options are not for emitters with a cavity mode, or None."""
        if self.order == 3 or self.closure == "general":
            return (
                "method 'cumulants' with a cavity mode keeps moments of second order with as many "
                "σ⁺ as σ⁻: use Cumulants(order=2)"
            )
        return None

    def _refusal_of_atoms(self) -> str | None:
        """The reason why these options are not for atoms with manifolds, or None."""
        if self.order == 3:
            return (
                "method 'cumulants' of order 3 takes two-level Couplings, not ChannelCouplings: "
                "use Cumulants(order=2)"
            )
        if self.closure == "u1":
            return (
                "method 'cumulants' with closure=\"u1\" takes two-level Couplings; for "
                'ChannelCouplings use closure="general"'
            )
        return None

    def cost(self, request: Request) -> Cost:
        """Predict memory and time, and the error of the emission."""
        if isinstance(request.problem, CavityCouplings):
            return mode.cost(request)
        if isinstance(request.problem, ChannelCouplings):
            found = size.cost_of_atoms(request)
        else:
            found = size.cost(request, self.order, general=_general(self, request))
        kind: estimates.Kind = "order 2" if self.order == 2 else "order 3"
        exact = len(request.rwa) <= self.order
        return replace(found, error=0.0 if exact else estimates.expected(request, kind))

    def prepare(self, request: Request) -> None:
        """Compile the kernels, or read them from disk, on three emitters."""
        if isinstance(request.problem, CavityCouplings):
            import scipy.integrate  # noqa: F401

            return
        import threadpoolctl  # noqa: F401

        from collective._tools.compiled import announced
        from collective.engines.cumulants.run import CumulantRun

        with announced("the cumulants", _COMPILING, show=request.progress):
            small = replace(
                request, problem=_example(request), state=ground(), times=np.array([0.0, 1e-3]),
                threads=1, envelope=None, motion=None, marks=None, unknown=(),
            )  # fmt: skip
            # order 2 has the other orders beside it
            run = CumulantRun(2, _general(self, request), small, None)
            while not run.done:
                run.advance()
            run.fields()
            run.close()

    def start(self, request: Request, earlier: "Result | None") -> "CumulantRun | ModeRun":
        """Start from the moments of the initial state, or from where an earlier result ended."""
        from collective.engines.cumulants.run import CumulantRun

        if isinstance(request.problem, CavityCouplings):
            names: tuple[str, ...] = ("emission", "populations", "photons")
            if "correlations" in request.words:
                names = (*names, "correlations")
            return ModeRun(request, mode.ModeMoments(request), names, earlier)
        return CumulantRun(self.order, _general(self, request), request, earlier)


def _example(request: Request) -> Couplings | ChannelCouplings:
    """A small problem of the same kind."""
    if isinstance(request.problem, Couplings):
        return Couplings(np.eye(3), np.ones((3, 3)))
    atoms = Atoms.isotropic([[0, 0, 0], [0, 0, 1], [0, 0, 2]])
    return ChannelCouplings(np.eye(9), np.ones((9, 9)), atoms)


def _general(engine: Cumulants, request: Request) -> bool:
    """Whether the general closure runs."""
    if isinstance(request.problem, ChannelCouplings):
        return True
    return engine.closure == "general" or size.coherence(request) is not None
