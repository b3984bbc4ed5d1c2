r"""The kernel of the Ampère interaction in momentum and in space, and energies of point sources.

Integrating out the transverse field leaves (Su, Wang and Zhang, "Microscopic Ampère
current-current interaction", eqs. 3 and 16)

.. math:: V = \sum_q V_J(q, ω)\, j_⊥(−q)·j_⊥(q), \qquad
          V_J(q, ω) = \frac{1}{2ε_0}\,\frac{1}{(ω + i0)^2 − c^2q^2 − ω_p^2}.

The sum contains every pair of currents twice, so the energy of two currents has twice the kernel.
In space the waves have the wave number :math:`k_p = \sqrt{ω^2 − ω_p^2}/c` of a plasma.
"""

from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.currents.arguments import (
    distance_and_direction,
    frequencies,
    not_negative,
    positive_numbers,
    require_broadcast,
    vectors,
    velocities,
    wavenumbers,
)
from collective.currents.units import Constants, Units, constants

__all__ = [
    "Constants",
    "constants",
    "darwin_energy",
    "dipole_energy",
    "momentum_kernel",
    "spatial_kernel",
    "transverse_kernel",
]

_SMALLEST = 1e-280  # smallest denominator: V_J is its inverse and must not overflow
_SERIES_BELOW = 1.0  # |k_p r|: below it the closed forms of the tensors would lose digits
_ISOTROPIC = [(-1) ** n * (n - 1) ** 2 / factorial(n) for n in range(24)]
_ALONG = [(-1) ** n * (n - 1) * (3 - n) / factorial(n) for n in range(24)]


def momentum_kernel(
    q: ArrayLike,
    frequency: ArrayLike = 0.0,
    *,
    plasma_frequency: float = 0.0,
    units: Units = "atomic",
) -> Any:
    """V_J(q, ω) of eq. (3), in energy·volume per squared (charge·velocity).

    On the imaginary axis it is −(1/2ε₀)/(ν² + c²q² + ω_p²), eq. (16).

    Args:
        q: wave number ≥ 0, any shape.
        frequency: angular frequency ω, real or in the upper half plane; broadcasts over q.
        plasma_frequency: ω_p, an angular frequency.
        units: see `constants`.

    Returns:
        An array of the broadcast shape; real if every value is real.

    Raises:
        ValueError: at ω = ±√(c²q² + ω_p²), the frequency of a photon, where V_J diverges.

    Example:
        >>> import collective as co
        >>> co.currents.momentum_kernel(3.0, 4.0j, units="natural")
        np.float64(-0.02)
    """
    q = wavenumbers(q)
    omega = frequencies(frequency)
    require_broadcast(q=q.shape, frequency=omega.shape)
    c = constants(units)
    photon = np.hypot(c.speed_of_light * q, not_negative("plasma_frequency", plasma_frequency))
    # as a product, so that no digits cancel near the pole
    denominator = (omega - photon) * (omega + photon)
    imaginary = omega.real == 0  # there V_J is exactly real
    denominator = np.where(imaginary, -(omega.imag**2) - photon**2, denominator)
    on_pole = np.abs(denominator) < _SMALLEST
    if np.any(on_pole):
        pole = np.broadcast_to(photon, on_pole.shape)[on_pole][0]
        raise ValueError(
            f"frequency must not be at the pole ω² = c²q² + ω_p², |ω| = {pole:g}: add a positive "
            "imaginary part, or choose another frequency"
        )
    return _simplified(1 / (2 * c.permittivity) / denominator)


def spatial_kernel(
    r: ArrayLike,
    frequency: ArrayLike = 0.0,
    *,
    plasma_frequency: float = 0.0,
    units: Units = "atomic",
) -> Any:
    """V_J(r, ω) = −(μ₀/8πr) e^{ik_p r}, the transform of `momentum_kernel` (eq. 18 at ω = 0).

    The kernel is retarded: above ω_p, k_p has the sign of ω; below ω_p the kernel decays over
    1/Im k_p.

    Args:
        r: distance > 0, any shape.
        frequency: as in `momentum_kernel`; broadcasts over r.
        plasma_frequency: ω_p.
        units: see `constants`.

    Example:
        >>> import collective as co
        >>> print(f"{co.currents.spatial_kernel(1e-9, plasma_frequency=1.5e16, units='SI'):.2f}")
        -47.56
    """
    r = positive_numbers("r", r)
    x = _phase(r, frequency, plasma_frequency, units)
    return _simplified(-constants(units).permeability / (8 * np.pi * r) * np.exp(-x))


def transverse_kernel(
    separation: ArrayLike,
    frequency: ArrayLike = 0.0,
    *,
    plasma_frequency: float = 0.0,
    units: Units = "atomic",
) -> Any:
    r"""D(r), the transform of (1 − q̂q̂)/(q² − k_p²): −½μ₀D is V_J between transverse currents.

    .. math:: D = \frac{1}{4πr}\left[(e^{−x} − f)\,1 + (3f − e^{−x})\,r̂r̂\right], \quad
              f = \frac{1 − (1 + x)e^{−x}}{x^2}, \quad x = −ik_p r.

    At k_p = 0 it is (1 + r̂r̂)/8πr. With screening it still falls only as 1/r³, because the
    projection on transverse currents is not local.

    Args:
        separation: r₁ − r₂, (..., 3), not zero.
        frequency: as in `momentum_kernel`; broadcasts over the separations.
        plasma_frequency: ω_p.
        units: see `constants`.

    Returns:
        (..., 3, 3) in inverse units of length; real if every entry is real.

    Example:
        >>> import collective as co
        >>> (8 * 3.141592653589793 * co.currents.transverse_kernel([0, 0, 1])).round(12).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]
    """
    r, direction = distance_and_direction(separation)
    x = _phase(r, frequency, plasma_frequency, units)
    # D is the tensor of a dipole minus its static part, divided by −k_p²
    isotropic = _radial(x, _ISOTROPIC[2:], lambda x: (_isotropic(x) - 1) / x**2)
    along = _radial(x, _ALONG[2:], lambda x: (_along(x) + 3) / x**2)
    return _simplified(_tensor(isotropic / (4 * np.pi * r), along / (4 * np.pi * r), direction))


def darwin_energy(
    separation: ArrayLike,
    v1: ArrayLike,
    v2: ArrayLike,
    *,
    charges: ArrayLike = (-1.0, -1.0),
    units: Units = "atomic",
) -> Any:
    """Darwin's energy of two moving charges, −(μ₀q₁q₂/8πr)[v₁·v₂ + (v₁·r̂)(v₂·r̂)].

    It corrects the paper's eq. (36), which is not projected on transverse currents.

    Args:
        separation: r₁ − r₂, (..., 3), not zero.
        v1: velocity of the first charge, (..., 3), slower than light.
        v2: velocity of the second charge.
        charges: q₁ and q₂ in units of e.
        units: see `constants`.

    Example:
        >>> import collective as co
        >>> print(f"{co.currents.darwin_energy([0, 0, 1], [1, 0, 0], [1, 0, 0]):.4e}")
        -2.6626e-05
    """
    c = constants(units)
    v1, v2 = velocities("v1", v1, c.speed_of_light), velocities("v2", v2, c.speed_of_light)
    charges = checks.finite("charges", charges)
    if charges.shape != (2,):
        raise ValueError(f"charges must be two numbers, got shape {charges.shape}")
    tensor = transverse_kernel(separation, units=units)
    return -c.permeability * np.prod(charges * c.charge) * _between("v", v1, tensor, v2)


def dipole_energy(
    m1: ArrayLike,
    m2: ArrayLike,
    separation: ArrayLike,
    frequency: ArrayLike = 0.0,
    *,
    plasma_frequency: float = 0.0,
    units: Units = "atomic",
) -> Any:
    r"""The energy m₁·T·m₂ of two point magnetic moments, whose currents are ∇×(mδ).

    .. math:: T = \frac{μ_0 e^{−x}}{4πr^3}\left[(1 + x + x^2)\,1 − (3 + 3x + x^2)\,r̂r̂\right],
              \quad x = −ik_p r.

    It equals K(ω) − (i/2)J(ω) of `collective.interaction`, in vacuum and in a plasma. At k_p = 0 it
    is the classical dipole-dipole energy.

    Args:
        m1: first moment, (..., 3), real or complex, in charge·length²/time (the Bohr magneton is
            ½ in atomic units); the product is bilinear.
        m2: second moment.
        separation: r₁ − r₂, (..., 3), not zero.
        frequency: as in `momentum_kernel`; broadcasts over the separations.
        plasma_frequency: ω_p.
        units: see `constants`.

    Example:
        >>> import collective as co
        >>> z = [0, 0, 1]
        >>> print(f"{co.currents.dipole_energy(z, z, z, units='natural'):.6f}")
        -0.159155
    """
    m1, m2 = vectors("m1", m1, complex), vectors("m2", m2, complex)
    r, direction = distance_and_direction(separation)
    x = _phase(r, frequency, plasma_frequency, units)
    scale = constants(units).permeability / (4 * np.pi * r**3)
    isotropic = scale * _radial(x, _ISOTROPIC, _isotropic)
    along = scale * _radial(x, _ALONG, _along)
    return _simplified(_between("m", m1, _tensor(isotropic, along, direction), m2))


def _phase(
    r: NDArray[np.float64], frequency: ArrayLike, plasma_frequency: float, units: Units
) -> NDArray[np.complex128]:
    """The phase x = −ik_p r: Im k_p ≥ 0, and k_p has the sign of ω for real ω above ω_p."""
    omega = frequencies(frequency)
    require_broadcast(separations=r.shape, frequency=omega.shape)
    cutoff = not_negative("plasma_frequency", plasma_frequency)
    # each root lies in the first quadrant, so their product is the right branch
    root = np.sqrt(omega - cutoff) * np.sqrt(omega + cutoff)
    # exactly imaginary on the imaginary axis, so that kernels are real there
    root = np.where(omega.real == 0, 1j * np.hypot(omega.imag, cutoff), root)
    return -1j * root * (r / constants(units).speed_of_light)


def _isotropic(x: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Coefficient of the unit matrix in the tensor of a dipole."""
    return np.exp(-x) * (1 + x + x**2)


def _along(x: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Coefficient of r̂r̂ in the tensor of a dipole."""
    return -np.exp(-x) * (3 + 3 * x + x**2)


def _radial(
    x: NDArray[np.complex128], series: list[float], closed: Callable[..., Any]
) -> NDArray[np.complex128]:
    """A function of x = −ik_p r, from its series where the closed form would lose digits."""
    small = np.abs(x) < _SERIES_BELOW
    near = np.polynomial.polynomial.polyval(np.where(small, x, 0), series)
    return np.where(small, near, closed(np.where(small, 1, x)))


def _tensor(
    isotropic: NDArray[Any], along: NDArray[Any], direction: NDArray[np.float64]
) -> NDArray[Any]:
    """isotropic·1 + along·r̂r̂, (..., 3, 3)."""
    dyad = direction[..., :, None] * direction[..., None, :]
    return isotropic[..., None, None] * np.eye(3) + along[..., None, None] * dyad


def _between(name: str, first: NDArray[Any], tensor: NDArray[Any], second: NDArray[Any]) -> Any:
    """first·tensor·second without conjugation; the leading shapes must broadcast."""
    leading = {f"{name}1": first.shape[:-1], f"{name}2": second.shape[:-1]}
    require_broadcast(**leading, separation=tensor.shape[:-2])
    return np.einsum("...i,...ij,...j->...", first, tensor, second)


def _simplified(value: Any) -> Any:
    """A real array if all imaginary parts are zero; a number instead of an array without axes."""
    array = np.asarray(value)
    if np.iscomplexobj(array) and not np.any(array.imag):
        array = array.real
    return array[()]
