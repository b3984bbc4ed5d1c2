"""One guided mode with its two directions: a model without a Green's tensor."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.emitters import Emitters
from collective.fields import models

_FARTHEST = 1e9  # of β|z|: beyond it the phase has fewer than seven digits
_ONE_PLACE = 16 * np.finfo(float).eps  # of the coordinates: places closer along the axis are one
_CITATION = """
@article{pichler2015,
  author = {Pichler, Hannes and Ramos, Tom{\\'a}s and Daley, Andrew J. and Zoller, Peter},
  title = {Quantum optics of chiral spin networks},
  journal = {Phys. Rev. A},
  volume = {91},
  pages = {042116},
  year = {2015},
  doi = {10.1103/PhysRevA.91.042116},
}
""".strip()


@dataclass(frozen=True)
class Waveguide:
    r"""A guide with one mode, which carries light along an axis without loss.

    With the place z_m of emitter m along the axis, z = z_m − z_n, the propagation constant β and
    the rates γ_R,L = γ(1 ± χ)/2 into the two directions,

    .. math:: Γ_{mn} = γ_R e^{iβz} + γ_L e^{−iβz} + γ_\mathrm{side}\,δ_{mn}, \qquad
              Δ_{mn} = \mathrm{sgn}(z)\,\frac{γ_R e^{iβz} − γ_L e^{−iβz}}{2i}.

    For χ = 0 these are γ cos βz and ½γ sin β|z|, real matrices. For χ ≠ 0 they are complex, and the
    coupling is not reciprocal. For χ = 1 all guided light goes along +axis, and emitters act only
    on those ahead of them: a cascade. The time that light takes along the guide is neglected.
    `Couplings.validity` assesses that with the speed of light in vacuum: a guide of the group index
    n_g is n_g times worse.

    It gives Γ and Δ alone and has no Green's tensor. What needs one refuses it by name. All rates
    are absolute and include everything: `Emitters.decay_rates` and the dipoles do not enter.

    Args:
        rate: γ ≥ 0, the rate at which an emitter alone emits into the guide, in both directions
            together, in units of rate; one number, or one for each emitter, of which
            √(γ_mγ_n) then stands for γ between two.
        wavenumber: β > 0, the propagation constant of the mode at the transition, in inverse units
            of length; 2π over the wavelength in the guide.
        chirality: χ from −1 to 1, (γ_R − γ_L)/γ.
        side_rate: γ_side ≥ 0, the rate at which an emitter emits into everything else; one number,
            or one for each emitter.
        axis: the direction of the guide, (3,), of any length.

    Raises:
        ValueError: for a negative rate, a chirality outside −1 to 1, an axis without direction.
            When emitters are coupled: for another number of rates than emitters, or one rate for
            emitters of different `decay_rates`.

    Source: Pichler, Ramos, Daley and Zoller, Phys. Rev. A 91, 042116 (2015).

    Example:
        >>> import numpy as np, collective as co
        >>> atoms = co.chain(3, 0.25)
        >>> guide = co.Waveguide(1.0, 2 * np.pi)
        >>> pair = co.couple(atoms, guide)  # neighbours a quarter of a wavelength apart
        >>> pair.decay[0].round(6) + 0.0, pair.shift[0].round(6)
        (array([ 1.,  0., -1.]), array([0. , 0.5, 0. ]))
        >>> cascade = co.couple(atoms, co.Waveguide(1.0, 2 * np.pi, chirality=1.0))
        >>> first = cascade.effective_hamiltonian()[0]  # what acts on the first
        >>> first.round(6) + 0.0
        array([0.-0.5j, 0.+0.j , 0.+0.j ])
    """

    citation: ClassVar[str] = _CITATION

    rate: Any
    wavenumber: float
    _: KW_ONLY
    chirality: float = 0.0
    side_rate: Any = 0.0
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        chirality = checks.number("chirality", self.chirality)
        if abs(chirality) > 1:
            raise ValueError(
                f"chirality must lie between -1 and 1, got {chirality:g}: it is (γ_R − γ_L)/γ of "
                "the rates into the two directions"
            )
        axis = checks.vector("axis", self.axis)
        checks.direction("axis", axis)
        checks.freeze(
            self,
            rate=models.rates("rate", self.rate),
            wavenumber=checks.wavenumber("wavenumber", self.wavenumber),
            chirality=chirality,
            side_rate=models.rates("side_rate", self.side_rate),
            axis=tuple(float(x) for x in axis),
        )

    def coefficients(self, emitters: Emitters) -> tuple[NDArray[Any], NDArray[Any]]:
        """Γ and Δ, (N, N) each, in units of rate; real for χ = 0.

        Args:
            emitters: N of them; only their places along the axis matter. Emitters at the same place
                along the axis have Δ_mn = 0.

        Raises:
            ValueError: for another number of rates than emitters, one rate for emitters of
                different `decay_rates`, or emitters so far apart that the phase has no digits.
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        into_guide = models.of_emitters("rate", self.rate, emitters)
        aside = models.of_emitters("side_rate", self.side_rate, emitters)
        height = emitters.positions @ checks.direction("axis", self.axis)
        height = height - height.mean()
        if (farthest := float(np.abs(height).max())) * self.wavenumber > _FARTHEST:
            raise ValueError(
                f"emitters: they are up to {farthest:.3g} from their middle along the guide, "
                f"{self.wavenumber * farthest:.3g} times 1/β. At most {_FARTHEST:g} is possible: "
                "the phase has no correct digits beyond. Are both in one unit of length?"
            )
        # an outer product, so that Γ is positive to round-off at any distance from the origin
        phases = np.sqrt(into_guide) * np.exp(1j * self.wavenumber * height)
        onward = np.outer(phases, phases.conj())  # √(γ_mγ_n) e^{iβz}
        right = (1 + self.chirality) / 2 * onward
        left = (1 - self.chirality) / 2 * onward.conj()
        distance = height[:, None] - height
        # the order of emitters in one plane across the guide must not be decided by round-off
        distance[np.abs(distance) <= _ONE_PLACE * np.abs(emitters.positions).max()] = 0.0
        decay = right + left + np.diag(aside)
        shift = np.sign(distance) * (right - left) / 2j
        return checks.real_if_possible(decay), checks.real_if_possible(shift)

    def guided(self, emitters: Emitters) -> dict[str, NDArray[np.float64]]:
        """The rates at which each emitter alone emits along +axis and −axis, (N,) each."""
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        into_guide = models.of_emitters("rate", self.rate, emitters)
        return {
            "forward": (1 + self.chirality) / 2 * into_guide,
            "backward": (1 - self.chirality) / 2 * into_guide,
        }
