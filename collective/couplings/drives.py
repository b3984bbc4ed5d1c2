"""Laser fields on the emitters, as Rabi frequencies for `Couplings.drive`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters import Emitters

_DRIVEN = 1e-3  # |u*·ε|: if it is smaller for every emitter, the wave is refused


def plane_wave(
    emitters: Emitters,
    rabi_frequency: complex,
    *,
    direction: ArrayLike,
    polarisation: ArrayLike,
) -> NDArray[np.complex128]:
    r"""Rabi frequencies of a plane wave, Ω_m = Ω (u_m*·ε) e^{ik·r_m}, for `Couplings.drive`.

    Magnetic dipoles couple to its magnetic field: for them ε is replaced by k̂×ε.

    Args:
        emitters: the driven emitters.
        rabi_frequency: Ω of an emitter at the origin with its dipole along ε (or k̂×ε).
        direction: direction of propagation, (3,) real; k has the length 2π/wavelength.
        polarisation: ε of the electric field, (3,) complex, perpendicular to the direction; it is
            normalised.

    Raises:
        ValueError: for a polarisation along the direction of propagation, or perpendicular to
            every dipole.

    Example:
        >>> import collective as co
        >>> atoms = co.chain(3, 0.25)
        >>> co.plane_wave(atoms, 2.0, direction=(0, 0, 1), polarisation=(1, 0, 0)).round(12)
        array([ 2.+0.j,  0.+2.j, -2.+0.j])
    """
    checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
    amplitude = checks.complex_number("rabi_frequency", rabi_frequency)
    towards = checks.direction("direction", direction)
    epsilon = checks.unit_vector("polarisation", polarisation)
    if abs(epsilon @ towards) > 1e-9:
        raise ValueError(
            f"polarisation must be perpendicular to direction: their product is "
            f"{abs(epsilon @ towards):.3g}"
        )
    if emitters.kind == "magnetic":
        epsilon = np.cross(towards, epsilon)
    along = emitters.dipoles.conj() @ epsilon
    if np.abs(along).max() < _DRIVEN:
        raise ValueError(
            f"polarisation {checks.short(polarisation)} is perpendicular to every dipole, the "
            f"first of which is {emitters.dipoles[0].round(6)}: the wave drives no emitter. Turn "
            "the polarisation or the dipoles. For a wave at normal incidence on a lattice the "
            "dipoles must be in its plane: co.square(..., dipoles=(1, 0, 0))"
        )
    phase = np.exp(2j * np.pi / emitters.wavelength * (emitters.positions @ towards))
    return checks.readonly(amplitude * along * phase)
