"""One guided mode with its two directions: a model without a Green's tensor."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.emitters import Emitters
from collective.fields import models
from collective.fields.memory import Memory, along_paths

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
    on those ahead of them: a cascade.

    A perfect mirror may end the guide at the place z₀. Light on the way to it comes back with the
    opposite sign, which adds :math:`+i\sqrt{γ_Rγ_L}\,e^{iβ(|z_m−z_0|+|z_n−z_0|)}` to Δ − iΓ/2 of
    every pair. In front of it an emitter alone decays at γ(1 − cos 2β|z_m − z₀|) for χ = 0.

    Γ and Δ neglect the time that light takes along the guide, z/v_g for z > 0. `evolve` takes it
    into account with `method="retarded"`: the phases are then those of β + ω/v_g at the detuning
    ω. With a group velocity `Couplings.validity` assesses what the other methods neglect; without
    one it takes the speed of light in vacuum, and a guide of the group index n_g is n_g times
    worse.

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
        group_velocity: v_g > 0 of light in the guide at the transition, a length times a rate; None
            if it is not known.
        mirror: the place z₀ of a perfect mirror along the axis, in units of length, with all
            emitters on one side of it; None for a guide that is open at both ends.

    Raises:
        ValueError: for a negative rate, a chirality outside −1 to 1, an axis without direction,
            a group velocity that is not positive.
            When emitters are coupled: for another number of rates than emitters, one rate for
            emitters of different `decay_rates`, or emitters on both sides of the mirror.

    Source: Pichler, Ramos, Daley and Zoller, Phys. Rev. A 91, 042116 (2015); with a mirror
    Dorner and Zoller, Phys. Rev. A 66, 023816 (2002).

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
    group_velocity: float | None = None
    mirror: float | None = None

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
        velocity, mirror = self.group_velocity, self.mirror
        if velocity is not None:
            velocity = checks.number("group_velocity", velocity, above=0)
        if mirror is not None:
            mirror = checks.number("mirror", mirror)
        checks.freeze(
            self,
            rate=models.rates("rate", self.rate),
            wavenumber=checks.wavenumber("wavenumber", self.wavenumber),
            chirality=chirality,
            side_rate=models.rates("side_rate", self.side_rate),
            axis=tuple(float(x) for x in axis),
            group_velocity=velocity,
            mirror=mirror,
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
        root = np.sqrt(into_guide)
        right, left, distance = self._ways(root, emitters)
        decay = right + left + np.diag(aside)
        shift = np.sign(distance) * (right - left) / 2j
        if self.mirror is not None:
            phases = self._to_mirror(emitters)[1]
            returned = self._returned(root, phases)
            shift = shift + (returned + returned.conj().T) / 2
            decay = self._before_mirror(root, emitters) + np.diag(aside)
        return checks.real_if_possible(decay), checks.real_if_possible(shift)

    def memory(self, emitters: Emitters) -> Memory:
        """The interaction along each path with the time that light takes, its length over v_g.

        Args:
            emitters: N of them; only their places along the axis matter.

        Raises:
            ValueError: as `coefficients`, and without a group velocity.
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        if self.group_velocity is None:
            raise ValueError(
                "group_velocity is required: light in the guide takes the time |z|/v_g, "
                "Waveguide(..., group_velocity=...)"
            )
        into_guide = models.of_emitters("rate", self.rate, emitters)
        aside = models.of_emitters("side_rate", self.side_rate, emitters)
        root = np.sqrt(into_guide)
        right, left, distance = self._ways(root, emitters)
        at_one_place = (right + left) / 2
        direct = -1j * np.select([distance > 0, distance < 0], [right, left], at_one_place)
        direct = direct - 0.5j * np.diag(aside)
        strengths, lengths = [direct], [np.abs(distance)]
        if self.mirror is not None:
            away, phases = self._to_mirror(emitters)
            strengths.append(self._returned(root, phases))
            lengths.append(away[:, None] + away)
        return along_paths(strengths, np.array(lengths) / self.group_velocity)

    def assumptions(self, emitters: Emitters) -> dict[str, tuple[float, str]]:
        """What neglecting the delay assumes, where the group velocity is known.

        Args:
            emitters: N of them.

        Returns:
            The decay rate into the guide of all emitters together times the longest delay, with
            its meaning; nothing without a group velocity.

        Raises:
            ValueError: as `coefficients`.
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        if self.group_velocity is None:
            return {}
        longest = float(self.memory(emitters).delays.max())
        together = float(models.of_emitters("rate", self.rate, emitters).sum())
        return {"no delay in the guide": (together * longest, "Σγ_m·distance/v_g")}

    def guided(self, emitters: Emitters) -> dict[str, NDArray[np.float64]]:
        """The rates at which each emitter alone emits along +axis and −axis, (N,) each.

        In front of a mirror all light leaves through the open end.
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        into_guide = models.of_emitters("rate", self.rate, emitters)
        if self.mirror is not None:
            rates = self._before_mirror(np.sqrt(into_guide), emitters).diagonal().real.copy()
            nothing, forward = np.zeros(len(rates)), self._beyond(emitters)
            return {
                "forward": rates if forward else nothing,
                "backward": nothing if forward else rates,
            }
        return {
            "forward": (1 + self.chirality) / 2 * into_guide,
            "backward": (1 - self.chirality) / 2 * into_guide,
        }

    def _places(self, emitters: Emitters) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The places along the guide from their middle, (N,), and z_m − z_n, (N, N)."""
        height = emitters.positions @ checks.direction("axis", self.axis)
        height = height - height.mean()
        self._require_phase(height, "their middle along the guide")
        distance = height[:, None] - height
        # the order of emitters in one plane across the guide must not be decided by round-off
        distance[np.abs(distance) <= _ONE_PLACE * np.abs(emitters.positions).max()] = 0.0
        return height, distance

    def _ways(
        self, root: NDArray[np.float64], emitters: Emitters
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
        """γ_R e^{iβz}, γ_L e^{−iβz} and z = z_m − z_n, (N, N) each."""
        height, distance = self._places(emitters)
        # an outer product, so that Γ is positive to round-off at any distance from the origin
        phases = root * np.exp(1j * self.wavenumber * height)
        onward = np.outer(phases, phases.conj())  # √(γ_mγ_n) e^{iβz}
        forward, backward = (1 + self.chirality) / 2, (1 - self.chirality) / 2
        return forward * onward, backward * onward.conj(), distance

    def _require_phase(self, lengths: NDArray[np.float64], origin: str) -> None:
        """Raise where the phases along these lengths have no correct digits."""
        if (farthest := float(np.abs(lengths).max())) * self.wavenumber > _FARTHEST:
            raise ValueError(
                f"emitters: they are up to {farthest:.3g} from {origin}, "
                f"{self.wavenumber * farthest:.3g} times 1/β. At most {_FARTHEST:g} is possible: "
                "the phase has no correct digits beyond. Are both in one unit of length?"
            )

    def _to_mirror(self, emitters: Emitters) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """The distance d of each emitter from the mirror and e^{iβd}, (N,) each.

        The phases have the same round-off as those of `_ways`: Γ by the open end and Γ of the
        single paths are then equal to all digits, however far the emitters are from each other.
        """
        assert self.mirror is not None
        from_it = emitters.positions @ checks.direction("axis", self.axis) - self.mirror
        if from_it.min() < 0 < from_it.max():
            raise ValueError(
                f"mirror: the emitters must be on one side of the mirror at {self.mirror:g}, but "
                f"they are from {from_it.min():.4g} to {from_it.max():.4g} from it along the axis"
            )
        self._require_phase(from_it, "the mirror")
        away = np.abs(from_it)
        outward = 1 if self._beyond(emitters) else -1
        height, _ = self._places(emitters)
        phases = np.exp(1j * self.wavenumber * outward * height)
        return away, phases * np.exp(1j * self.wavenumber * away.mean())

    def _returned(
        self, root: NDArray[np.float64], phases: NDArray[np.complex128]
    ) -> NDArray[np.complex128]:
        """Δ − iΓ/2 by light that the mirror sends back, (N, N): √(γ_Rγ_L) = γ√(1 − χ²)/2."""
        size = np.sqrt(1 - self.chirality**2) / 2
        return np.asarray(1j * size * np.outer(root * phases, root * phases))

    def _before_mirror(self, root: NDArray[np.float64], emitters: Emitters) -> NDArray[Any]:
        """Γ by light that leaves through the open end, (N, N), an outer product."""
        assert self.mirror is not None
        phases = self._to_mirror(emitters)[1]
        outward = self.chirality if self._beyond(emitters) else -self.chirality
        # what goes to the open end at once, and what goes by the mirror
        sent = np.sqrt((1 + outward) / 2) * phases.conj() - np.sqrt((1 - outward) / 2) * phases
        return np.outer((root * sent).conj(), root * sent)

    def _beyond(self, emitters: Emitters) -> bool:
        """Whether the emitters are on the side of the mirror to which the axis points."""
        assert self.mirror is not None
        places = emitters.positions @ checks.direction("axis", self.axis)
        return bool(np.all(places >= self.mirror))
