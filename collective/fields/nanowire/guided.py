r"""The field of a bound mode of a lossless dielectric wire.

Bound modes whose power ∫Re(E×Z₀H*)·ẑ dA is normalised to 1 are the poles of the Green's tensor,

.. math:: G(r, r') = \frac{i}{2k} \sum_ν E_ν(r) E_ν^*(r') + \text{radiation},

summed over the modes that travel from r' to r, with both circulations e^{±imφ}. Half the sum over
both directions is the dissipative part, so that emitters with unit dipoles u decay into them at

.. math:: Γ_{mn} = \frac{3π}{2k^2} \sqrt{Γ_mΓ_n} \sum_ν [u_m^*·E_ν(r_m)] [E_ν^*(r_n)·u_n].

Magnetic dipoles have Z₀H in the place of E.

Source: Snyder and Love, Optical Waveguide Theory (1983), chapters 11 and 31; Le Kien, Dutta Gupta,
Balykin and Hakuta, Phys. Rev. A 72, 032509 (2005).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.fields.nanowire.bound import Profile, outside
from collective.fields.points import checked_points

DIRECTIONS = (1, -1)


@dataclass(frozen=True)
class GuidedMode:
    """A bound mode of a lossless dielectric wire, one of `Nanowire.guided_modes(k)`.

    Light that travels along +z and turns with +φ has E(ρ)e^{i(βz + mφ)}. The opposite direction
    and the opposite circulation are mirror images with the same β; a mode with m = 0 does not turn.

    Attributes:
        name: "HE11", "TE01": the family, the order m, the number of the mode in its family.
        order: m ≥ 0.
        k: vacuum wave number, in inverse units of length.
        wavenumber: propagation constant β, between k and the wave number in the material.
        decay_constant: √(β² − k²), in inverse units of length: how fast the field decays outside.
            It has all digits even where those of β are equal to those of k.
        group_velocity: dω/dβ in units of c, with the dispersion of the material.
        power_outside: share of the power that travels outside the wire; below zero for slow modes
            of wires of high index, outside of which the light flows back.
        radius: of the wire.

    Example:
        >>> import numpy as np, collective as co
        >>> (mode,) = co.Nanowire(200 / 852, 1.45**2).guided_modes(2 * np.pi)
        >>> mode
        HE11: β = 1.06789 k, group velocity 0.7386 c, 59.6% of the power outside the wire
    """

    name: str
    order: int
    k: float
    wavenumber: float
    decay_constant: float
    group_velocity: float
    power_outside: float
    radius: float
    _profile: Profile = field(repr=False)
    _constants: tuple[float, float] = field(repr=False)
    _scale: float = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"{self.name}: β = {self.wavenumber / self.k:.6g} k, group velocity "
            f"{self.group_velocity:.4g} c, {self.power_outside:.1%} of the power outside the wire"
        )

    def electric(
        self, points: ArrayLike, *, direction: int = 1, circulation: int = 1
    ) -> NDArray[np.complex128]:
        r"""E of the mode at points outside and inside the wire, (..., 3), Cartesian.

        The power :math:`∫\mathrm{Re}(E×Z_0H^*)·ẑ\,dA` is ±1 with the direction, so that E is in
        inverse units of length.

        Args:
            points: (..., 3).
            direction: 1 for light that travels along +z, −1 along −z.
            circulation: 1 for the phase e^{imφ}, −1 for e^{−imφ}; for m = 0 both are one mode.

        Example:
            >>> import numpy as np, collective as co
            >>> (mode,) = co.Nanowire(200 / 852, 1.45**2).guided_modes(2 * np.pi)
            >>> field = mode.electric([0.25, 0, 0])
            >>> complex((field[2] / field[0]).round(3))  # it turns in the plane of x and z
            -0.471j
        """
        return self._field(points, direction, circulation, magnetic=False)

    def magnetic(
        self, points: ArrayLike, *, direction: int = 1, circulation: int = 1
    ) -> NDArray[np.complex128]:
        """Z₀H of the mode, in the units and with the arguments of `electric`."""
        return self._field(points, direction, circulation, magnetic=True)

    def _field(
        self, points: ArrayLike, direction: int, circulation: int, *, magnetic: bool
    ) -> NDArray[np.complex128]:
        """E or Z₀H with e^{i(βz + mφ)}, Cartesian."""
        r = checked_points("points", points)
        along, around = one_way("direction", direction), one_way("circulation", circulation)
        rho, phi = np.hypot(r[..., 0], r[..., 1]), np.arctan2(r[..., 1], r[..., 0])
        radial, azimuthal, axial = self._components(rho, magnetic=magnetic)
        values: tuple[NDArray[Any], ...]
        if magnetic:  # mirrored as a pseudovector
            values = along * around * radial, 1j * along * azimuthal, 1j * around * axial
        else:
            values = 1j * radial, around * azimuthal, along * axial
        cosine, sine = np.cos(phi), np.sin(phi)
        wave = np.exp(1j * (along * self.wavenumber * r[..., 2] + around * self.order * phi))
        cartesian = [
            values[0] * cosine - values[1] * sine,
            values[0] * sine + values[1] * cosine,
            values[2],
        ]
        return np.asarray(self._scale * wave[..., None] * np.stack(cartesian, axis=-1))

    def _components(
        self, rho: NDArray[np.float64], *, magnetic: bool
    ) -> tuple[NDArray[np.float64], ...]:
        """E_ρ/i, E_φ, E_z or H_ρ, H_φ/i, H_z/i of the mode with E_z = a f, at ρ, not normalised."""
        found = np.empty((3, *rho.shape))
        within = rho <= self.radius
        found[:, within] = self._inside(rho[within], magnetic=magnetic)
        found[:, ~within] = self._outside(rho[~within], magnetic=magnetic)
        return tuple(found)

    def _outside(
        self, rho: NDArray[np.float64], *, magnetic: bool
    ) -> tuple[NDArray[np.float64], ...]:
        """The components outside, written so that nothing cancels close to cut-off."""
        mode, q, k, beta = self._profile, self.decay_constant, self.k, self.wavenumber
        f, lower = outside(mode, rho / self.radius)
        around = self.order / rho * f
        a, b = mode.axial
        if magnetic:
            mixed = k * mode.mixed[1]
            radial, azimuthal = -around * mixed - beta * b * q * lower, k * a * q * lower
            return radial / q**2, (around * mixed + azimuthal) / q**2, b * f
        mixed = k * mode.mixed[0]
        radial, azimuthal = around * mixed + beta * a * q * lower, k * b * q * lower
        return radial / q**2, (around * mixed + azimuthal) / q**2, a * f

    def _inside(
        self, rho: NDArray[np.float64], *, magnetic: bool
    ) -> tuple[NDArray[np.float64], ...]:
        """The components inside, finite on the axis."""
        from scipy.special import jv

        mode, k, beta, m = self._profile, self.k, self.wavenumber, self.order
        h = mode.u / self.radius
        lower, f, upper = (jv(m + j, h * rho) / jv(m, mode.u) for j in (-1, 0, 1))
        slope, around = h * (lower - upper) / 2, h * (lower + upper) / 2  # f' and m f/ρ
        a, b = mode.axial
        epsilon, mu = self._constants
        if magnetic:
            radial = k * epsilon * a * around - beta * b * slope
            azimuthal = k * epsilon * a * slope - beta * b * around
            return radial / h**2, azimuthal / h**2, b * f
        radial = beta * a * slope - k * mu * b * around
        azimuthal = k * mu * b * slope - beta * a * around
        return radial / h**2, azimuthal / h**2, a * f


def guided_mode(
    mode: Profile,
    k: float,
    constants: tuple[float, float],
    slopes: tuple[float, float],
    radius: float,
) -> GuidedMode:
    r"""The mode with its power, its energy and what follows from them.

    The group velocity is the power over the energy per length,
    :math:`½∫[∂_k(kε)|E|^2 + ∂_k(kμ)|H|^2]dA`.

    Args:
        mode: what `bound.profiles` has found.
        k: vacuum wave number.
        constants: ε and μ.
        slopes: ∂(kε)/∂k and ∂(kμ)/∂k.
        radius: of the wire.
    """
    u, w, m = mode.u, mode.w, mode.order
    epsilon, mu = constants
    beta = float(np.hypot(k, w / radius))
    a, b = mode.axial
    p, q = k * mode.mixed[0], k * mode.mixed[1]
    # ∫ρf² and ∫ρ(f'² + m²f²/ρ²) inside, and the latter outside less m/q², over w²
    inner = (u**2 * mode.log**2 + 1 - m**2 / u**2) / 2
    inner_slope = u**2 * (mode.log + inner)
    t = mode.ratio
    outer = m * t + (w**2 * t**2 - 1) / 2
    outer_slope = t - outer
    within = beta * k * (epsilon * a**2 + mu * b**2) * inner_slope
    within -= a * b * m * (beta**2 + epsilon * mu * k**2)
    without = beta * k * (a**2 + b**2) * outer_slope + m * p * q / w**2
    power_in, power_out = within * radius**4 / u**4, without * radius**4 / w**2
    cross = 2 * beta * k * a * b * m
    electric = (beta**2 * a**2 + k**2 * mu**2 * b**2) * inner_slope - mu * cross
    magnetic = (beta**2 * b**2 + k**2 * epsilon**2 * a**2) * inner_slope - epsilon * cross
    energy = slopes[0] * (electric * radius**4 / u**4 + a**2 * inner * radius**2)
    energy += slopes[1] * (magnetic * radius**4 / u**4 + b**2 * inner * radius**2)
    free = (a**2 + b**2) * (beta**2 + k**2) * outer_slope + m * (p**2 + q**2) / w**2
    energy += free * radius**4 / w**2 + (a**2 + b**2) * outer * radius**2
    power = power_in + power_out
    return GuidedMode(
        name=mode.name,
        order=m,
        k=k,
        wavenumber=beta,
        decay_constant=w / radius,
        group_velocity=float(2 * power / energy),
        power_outside=float(power_out / power),
        radius=radius,
        _profile=mode,
        _constants=constants,
        _scale=float(1 / np.sqrt(2 * np.pi * power)),
    )


def one_way(name: str, value: int) -> int:
    """1 or −1, checked."""
    way = checks.number(name, value)
    if way not in DIRECTIONS:
        raise ValueError(f"{name} must be 1 or −1, got {way:g}")
    return int(way)
