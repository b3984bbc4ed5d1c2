r"""An infinite circular wire, whose plasmon or guided light couples the emitters beside it.

Electric dipoles feel the scattered tensor G^S of the wire. Magnetic dipoles feel k² times the
tensor of the wire with ε and μ exchanged (duality).

The file is longer than others because it holds everything that users ask a wire for.

Source: Dzsotjan, Kästel and Fleischhauer, Phys. Rev. B 84, 075419 (2011), with the tensor of
`collective.fields.nanowire.cylinder` in place of a fit to the plasmon's resonance.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective.emitters import Emitters
from collective.emitters.lengths import warn_of_field_lengths
from collective.fields import permittivity as _constants
from collective.fields.free_space import times_squared
from collective.fields.nanowire import around, contour, cylinder, emission
from collective.fields.nanowire import scattered as _scattered
from collective.fields.nanowire.guided import DIRECTIONS, GuidedMode, one_way
from collective.fields.points import checked_pairs, checked_points
from collective.fields.rates import purcell
from collective.fields.vacuum import Vacuum
from collective.materials import wavenumbers

_SURFACE = 1e-12  # of the radius: closer to the surface a point counts as on it
_FARTHEST = 1e9  # of |k|ρ and |k||Δz| on the real axis
_SMALLEST = 1e-60  # of |k|R: its fourth power is still a number
_BOUND = -1.0  # Re ε below which a plasmon is bound to the wire
_BATCH = 4096  # pairs at a time
_WANTED = "co.Emitters or a lattice; the modes at a wave number k alone are guided_modes(k)"
_CITATION = r"""
@article{dzsotjan2011,
  author = {Dzsotjan, David and K{\"a}stel, J{\"u}rgen and Fleischhauer, Michael},
  title = {Dipole-dipole shift of quantum emitters coupled to surface plasmons of a nanowire},
  journal = {Phys. Rev. B},
  volume = {84},
  pages = {075419},
  year = {2011},
  doi = {10.1103/PhysRevB.84.075419},
}
""".strip()


@dataclass(frozen=True, eq=False)
class Nanowire:
    r"""A circular cylinder on the z axis in vacuum; emitters outside.

    The scattered tensor is a sum over azimuthal orders and an integral over k_z,
    `collective.fields.nanowire.cylinder`, accurate to about 10⁻¹² of its value at Δz = Δφ = 0 on
    either axis. On the real axis the path of integration dips below the light line and the poles.
    Between Re ε = −3 and −0.9 surface modes may run backwards. The path then passes above their
    poles, which is possible only with absorption.

    Args:
        radius: R > 0, in units of length.
        permittivity: a material of `collective.materials`, any object with `permittivity(k)`, a
            function k → ε, or a number: a real one ≥ 1 (a lossless dielectric) holds on both axes,
            any other at real wave numbers only.
        permeability: μ of the wire, in any of the forms of the permittivity: a material of
            `collective.materials` is asked for its `permittivity(k)` as a function of k.
        allow_gain: accept Im ε < 0 or Im μ < 0, for which Γ need not be positive.

    Raises:
        ValueError: for a radius that is not positive, a constant that is not one number, a flag
            that is not True or False.

    Example:
        >>> import numpy as np, collective as co
        >>> silver = co.materials.Drude.from_value(-50 + 0.6j, 2 * np.pi)
        >>> wire = co.Nanowire(0.01, silver)
        >>> atom = co.Emitters([[0.015, 0, 0]], dipoles=(1, 0, 0))
        >>> float(wire.purcell(atom)[0].round(6))
        236.850298
    """

    citation: ClassVar[str] = _CITATION

    radius: float
    permittivity: Any
    permeability: Any = 1.0 + 0j
    allow_gain: bool = field(default=False, kw_only=True)

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.freeze(
            self,
            radius=checks.number("radius", self.radius, above=0),
            permittivity=_constants.material("permittivity", self.permittivity),
            allow_gain=checks.flag("allow_gain", self.allow_gain),
            permeability=_constants.material("permeability", self.permeability),
        )

    def green(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """The vacuum's part and the scattered part together; arguments as of `scattered`."""
        return Vacuum().green(r, r_source, k) + self.scattered(r, r_source, k)

    def magnetic_green(
        self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        r"""The field of magnetic dipoles, :math:`∇×G×∇'`, (..., 3, 3), in inverse units of length³.

        .. math:: C_{ij} = ε_{ikl}ε_{jmn} ∂_k∂'_m G_{ln}

        in vacuum k²G. What the wire adds is k² times the scattered tensor of a wire whose
        permittivity and permeability have changed places. Arguments as of `scattered`.
        """
        vacuum = Vacuum().magnetic_green(r, r_source, k)
        scattered = self._scattered(r, r_source, k, magnetic=True)
        return vacuum + times_squared(wavenumbers(k) ** 2, scattered)

    def scattered(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """What the wire scatters, (..., 3, 3), Cartesian, in inverse units of length.

        Args:
            r: field points outside the wire, (..., 3).
            r_source: source points outside the wire, (..., 3).
            k: wave number, positive or i times positive; a number, or an array that broadcasts
                over the points.

        Raises:
            ValueError: for points on or inside the wire, k off the two axes, gain without
                `allow_gain`, or a permittivity that is not known on the imaginary axis.
        """
        return self._scattered(r, r_source, k, magnetic=False)

    def _scattered(
        self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike, *, magnetic: bool
    ) -> NDArray[np.complex128]:
        """The scattered tensor; of magnetic dipoles without the factor k²."""
        field, source, k, shape = checked_pairs(r, r_source, k)
        left, right = (
            self._cylindrical(name, np.broadcast_to(points, (*shape, 3)).reshape(-1, 3))
            for name, points in (("r", field), ("r_source", source))
        )
        every = np.broadcast_to(k, shape).ravel()
        values = np.zeros((len(every), 3, 3), dtype=complex)
        for one in np.unique(every):
            epsilon, mu = (self._constant(name, complex(one)) for name in emission.NAMES)
            if magnetic:
                epsilon, mu = mu, epsilon
            chosen = np.flatnonzero(every == one)
            self._require_scale(left[:, chosen], right[:, chosen], complex(one))
            for batch in np.split(chosen, range(_BATCH, len(chosen), _BATCH)):
                heights = self._heights(left[:, batch], right[:, batch], complex(one))
                for height in np.unique(heights[heights != contour.NEGLIGIBLE]):
                    some = batch[heights == height]
                    pairs = around.pairs(left[:, some].tobytes(), right[:, some].tobytes())
                    values[some] = _scattered.scattered(
                        pairs, complex(one), epsilon, mu, self.radius, float(height)
                    )
        return values.reshape(*shape, 3, 3)

    def _require_scale(
        self, left: NDArray[np.float64], right: NDArray[np.float64], k: complex
    ) -> None:
        """Raise if lengths and 1/k differ so much that the integral has no correct digit."""
        if abs(k) * self.radius < _SMALLEST:
            raise ValueError(
                f"k = {_constants.spelled(k)} times the radius {self.radius:g} is below "
                f"{_SMALLEST:g}: are both in one unit of length?"
            )
        if k.imag:
            return  # the tensor is zero far away
        far = max(left[0].max(), right[0].max(), np.abs(left[2] - right[2]).max())
        if k.real * far > _FARTHEST:
            raise ValueError(
                f"r and r_source, the emitters' positions: at k = {k.real:g} they may be at most "
                f"{_FARTHEST / k.real:g} from the wire and from each other along it, got {far:g}; "
                "farther away no digit of the scattered field is correct"
            )

    def _heights(
        self, left: NDArray[np.float64], right: NDArray[np.float64], k: complex
    ) -> NDArray[np.float64]:
        """The height of the path of integration for each pair, as `contour.heights`."""
        if not k.imag:
            return np.zeros(left.shape[1])
        distance = left[0] + right[0] - 2 * self.radius
        return contour.heights(k.imag, np.abs(left[2] - right[2]), distance)

    @property
    def lengths(self) -> dict[str, float]:
        """The radius, which must be in the unit of the emitters' wavelength."""
        return {"radius": self.radius}

    def inside(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which points (..., 3) are on or inside the wire, (...)."""
        r = checked_points("points", points)
        return np.asarray(np.hypot(r[..., 0], r[..., 1]) <= self.radius * (1 + _SURFACE))

    def guided_modes(self, k: float) -> tuple[GuidedMode, ...]:
        r"""Every bound mode of a lossless dielectric wire at wave number k, by falling β.

        Each mode with m ≥ 1 exists in two circulations, and every mode in two directions. HE₁₁ has
        no cut-off, but a thin wire hardly binds it: its decay constant falls as
        e^{−(1+ε)(1+μ)/2V²}, V² = (εμ − 1)k²R². Where it would reach 10⁶⁹ radii it counts as not
        bound: its rates are below 10⁻¹³⁰ of a linewidth.

        Args:
            k: vacuum wave number, in inverse units of length.

        Raises:
            ValueError: for a wire that absorbs or has a negative constant; one that binds no mode,
                or more than about 900 (V above 60); a constant that is not smooth around k, so that
                the group velocity is not known.

        Example:
            >>> import numpy as np, collective as co
            >>> for mode in co.Nanowire(400 / 780, 1.45**2).guided_modes(2 * np.pi):
            ...     print(mode)
            HE11: β = 1.31499 k, group velocity 0.6493 c, 7.0% of the power outside the wire
            TE01: β = 1.15006 k, group velocity 0.6263 c, 24.1% of the power outside the wire
            TM01: β = 1.1051 k, group velocity 0.6524 c, 37.1% of the power outside the wire
            HE21: β = 1.09493 k, group velocity 0.6106 c, 28.1% of the power outside the wire
        """
        return emission.modes(self._constant, self.radius, checks.number("k", k, above=0))

    def guided(
        self, emitters: Emitters, *, direction: int | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """The rates at which emitters emit into each bound mode, (N,), by the mode's name.

        The rates depend on the places and dipoles of the emitters. The modes themselves, at a wave
        number k and without emitters, are `guided_modes(k)`.

        Of a lossless dielectric wire these are all modes of `guided_modes`, both circulations
        together, at the wave number of each emitter; the rest of its Γ_mm is radiated. A wire that
        binds no mode gives an empty dictionary. Of a metal it is the plasmon (m = 0) alone: a thick
        metal wire has further modes, which are not listed.

        Args:
            emitters: N of them.
            direction: 1 or −1 for the light that travels along +z or −z alone, known for lossless
                dielectric wires. A dipole that turns emits more into one of them.

        Raises:
            ValueError: for a dielectric that absorbs, in which no mode has a rate of its own;
                negative constants without a bound plasmon; magnetic dipoles, or a direction, at a
                metal; emitters on or inside the wire; a wire with more than about 900 modes.

        Example:
            >>> import numpy as np, collective as co
            >>> fibre = co.Nanowire(200 / 852, 1.45**2)
            >>> atom = co.Emitters([[0.3, 0, 0]], dipoles=(1, 0, -1j))
            >>> [fibre.guided(atom, direction=way)["HE11"].round(4) for way in (1, -1)]
            [array([0.2154]), array([0.029])]
        """
        checks.instance("emitters", emitters, Emitters, _WANTED)
        wanted = _directions(direction)
        every = np.unique(emitters.wavenumbers)
        if min(self.epsilon(float(k)).real for k in every) < _BOUND:
            if direction is not None:
                raise ValueError(
                    "direction: the plasmon's rates along +z and −z are not known apart, only of a "
                    "lossless dielectric wire's modes; leave it None"
                )
            return {"plasmon": self.plasmon_rate(emitters)}
        warn_of_field_lengths(self.lengths, emitters.wavelength)
        self._cylindrical("emitters.positions", emitters.positions)
        return emission.rates(self._constant, self.radius, emitters, wanted)

    def guided_decay(
        self, emitters: Emitters, *, direction: int | None = None
    ) -> NDArray[np.complex128]:
        r"""The part of Γ by which emitters share the bound modes of a lossless dielectric, (N, N).

        .. math:: Γ_{mn} = \frac{3π}{2k^2}\sqrt{Γ_mΓ_n}
                  \sum_ν [u_m^*·E_ν(r_m)]\,[E_ν^*(r_n)·u_n]

        over all modes, circulations and directions, at the mean wave number of the emitters, as in
        `couple`. Its rank is at most twice the number of circulations of all modes.
        `couple(emitters, wire).decay` less this matrix is the radiated part; both are positive
        semidefinite.

        Args:
            emitters: N of them.
            direction: 1 or −1 for the light that travels along +z or −z alone.

        Raises:
            ValueError: for a wire that absorbs or has a negative constant; emitters on or inside
                the wire; a wire with more than about 900 modes.

        Source: Le Kien, Dutta Gupta, Nayak and Hakuta, Phys. Rev. A 72, 063815 (2005).

        Example:
            >>> import numpy as np, collective as co
            >>> fibre = co.Nanowire(200 / 852, 1.45**2)
            >>> pair = co.Emitters([[0.3, 0, 0], [0.3, 0, 30.0]], dipoles=(1, 0, 0))
            >>> shared = fibre.guided_decay(pair).real
            >>> float(shared[0, 1].round(4)), float(co.couple(pair, fibre).decay[0, 1].round(4))
            (0.3918, 0.3907)
        """
        checks.instance("emitters", emitters, Emitters, _WANTED)
        wanted = _directions(direction)
        warn_of_field_lengths(self.lengths, emitters.wavelength)
        self._cylindrical("emitters.positions", emitters.positions)
        return emission.decay(self._constant, self.radius, emitters, wanted)

    def epsilon(self, k: complex) -> complex:
        """The wire's permittivity at one wave number, checked."""
        return self._constant("permittivity", _one(k))

    def mu(self, k: complex) -> complex:
        """The wire's permeability at one wave number, checked."""
        return self._constant("permeability", _one(k))

    def _constant(self, name: str, k: complex) -> complex:
        """ε or μ at one wave number, by the name of the argument."""
        return _constants.value(name, getattr(self, name), k, allow_gain=self.allow_gain)

    def plasmon(self, k: float) -> complex:
        r"""Complex k_z of the bound plasmon (m = 0, TM) at wave number k.

        The root of :math:`K_1(λR)/λK_0(λR) + εI_1(λ_1R)/λ_1I_0(λ_1R) = 0`,
        :math:`λ_1^2 = k_z^2 − εμk^2`. The plasmon's wavelength is 2π/Re k_z, and its amplitude
        decays over the length 1/Im k_z.

        Raises:
            ValueError: if there is none, because Re ε ≥ −1.
        """
        k = checks.number("k", k, above=0)
        epsilon = self.epsilon(k)
        if epsilon.real >= _BOUND:
            raise ValueError(
                f"no bound plasmon at k = {k:g}: Re ε = {epsilon.real:g}, it needs Re ε below −1"
            )
        return cylinder.plasmon(k, epsilon, self.mu(k), self.radius)

    def plasmon_amplitude(self, emitters: Emitters) -> NDArray[np.complex128]:
        r"""C of each emitter, (N,): the residue of the bound plasmon's pole, in rates.

        Two equal emitters far apart along the wire have
        :math:`Γ_{12} → \mathrm{Re}\,Ce^{ik_s|z|}` and
        :math:`Δ_{12} → ½\mathrm{Im}\,Ce^{ik_s|z|}`, where k_s is that of `plasmon`. C is slightly
        complex if the metal absorbs.

        Raises:
            ValueError: if there is no bound plasmon.
        """
        _require_electric(emitters)
        warn_of_field_lengths(self.lengths, emitters.wavelength)
        amplitudes = np.empty(len(emitters), dtype=complex)
        for k in np.unique(emitters.wavenumbers):
            chosen = np.flatnonzero(emitters.wavenumbers == k)
            u = emitters.dipoles[chosen]
            rho, phi, _ = self._cylindrical("emitters.positions", emitters.positions[chosen])
            # the field is even along the wire in both components, odd where they mix
            radial, axial = cylinder.plasmon_amplitudes(
                self.plasmon(k), float(k), self.epsilon(k), self.mu(k), self.radius, rho
            )
            across = u[:, 0] * np.cos(phi) + u[:, 1] * np.sin(phi)
            amplitudes[chosen] = radial * np.abs(across) ** 2 + axial * np.abs(u[:, 2]) ** 2
        return np.asarray(amplitudes * emitters.decay_rates)

    def plasmon_rate(self, emitters: Emitters) -> NDArray[np.float64]:
        """Rate of each emitter into the bound plasmon, (N,): Re C, the pole's part of Γ_mm.

        Raises:
            ValueError: if there is no bound plasmon.
        """
        return np.asarray(self.plasmon_amplitude(emitters).real)

    def purcell(self, emitters: Emitters) -> NDArray[np.float64]:
        """Γ_mm/Γ_m, the whole rate of each emitter in units of its vacuum linewidth, (N,).

        Short for `co.purcell(emitters, wire)`.
        """
        return purcell(emitters, self)

    def beta(self, emitters: Emitters) -> NDArray[np.float64]:
        """Fraction of each emitter's emission that goes into the bound modes of `guided`, (N,).

        Of a lossless dielectric wire these are all modes, of a metal the plasmon (m = 0) alone.

        Raises:
            ValueError: as `guided`.

        Example:
            >>> import numpy as np, collective as co
            >>> fibre = co.Nanowire(200 / 852, 1.45**2)
            >>> fibre.beta(co.Emitters([[0.25, 0, 0], [0.5, 0, 0]], dipoles=(1, 0, 0))).round(4)
            array([0.2979, 0.0837])
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        alike = emitters.replace(decay_rates=1.0)
        into = sum(self.guided(alike).values(), np.zeros(len(alike)))
        return np.asarray(into / self.purcell(alike))

    def _cylindrical(self, name: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """ρ, φ, z of points (P, 3) outside the wire, (3, P)."""
        rho = np.hypot(points[:, 0], points[:, 1])
        if np.any(rho <= self.radius * (1 + _SURFACE)):
            at = int(np.argmin(rho))
            raise ValueError(
                f"{name}: {points[at]} is on or inside the wire: {rho[at]:g} from its axis, the "
                f"radius is {self.radius:g}; both are in the unit of the emitters' wavelength"
            )
        return np.stack([rho, np.arctan2(points[:, 1], points[:, 0]), points[:, 2]])


def _one(k: complex) -> complex:
    """One wave number, checked."""
    wave = wavenumbers(k)
    if wave.shape:
        raise ValueError(f"k must be one number, got shape {wave.shape}")
    return complex(wave)


def _directions(direction: int | None) -> tuple[int, ...]:
    """The directions that are asked for, both by default."""
    if direction is None:
        return DIRECTIONS
    return (one_way("direction", direction),)


def _require_electric(emitters: Any) -> None:
    """Raise unless these are electric dipoles."""
    checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
    if emitters.kind != "electric":
        raise ValueError(
            "emitters: the bound plasmon's rate is known for electric dipoles, these are "
            "magnetic; their whole rates are co.couple(emitters, wire).decay"
        )
