"""Laser fields on emitters and atoms, as Rabi frequencies for the `drive` of couplings."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters import Atoms, Emitters

_DRIVEN = 1e-3  # |u*·ε|: if it is smaller for every emitter, the wave is refused


def plane_wave(
    emitters: Emitters | Atoms,
    rabi_frequency: complex,
    *,
    direction: ArrayLike,
    polarisation: ArrayLike,
    line: int = 0,
) -> NDArray[np.complex128]:
    r"""Rabi frequencies of a plane wave, Ω_m = Ω (u_m*·ε) e^{ik·r_m}, for `Couplings.drive`.

    Magnetic dipoles couple to its magnetic field: for them ε is replaced by k̂×ε. For `Atoms` it
    gives Ω_{m,s,α} = Ω ε_α e^{ik·r_m} of every channel of one line s, and 0 of the others, for
    `ChannelCouplings.drive`; the transition from g to e then has the Rabi frequency Ω D*_{ge}·ε.

    Args:
        emitters: the driven emitters or atoms.
        rabi_frequency: Ω of an emitter at the origin with its dipole along ε (or k̂×ε).
        direction: direction of propagation, (3,) real; k has the length 2π/wavelength, or that of
            the line.
        polarisation: ε of the electric field, (3,) complex, perpendicular to the direction; it is
            normalised.
        line: s, the line of `Atoms` that the wave drives.

    Returns:
        (N,) complex, or (N·C,) for `Atoms`.

    Raises:
        ValueError: for a polarisation along the direction of propagation, or perpendicular to
            every dipole.

    Example:
        >>> import collective as co
        >>> atoms = co.chain(3, 0.25)
        >>> co.plane_wave(atoms, 2.0, direction=(0, 0, 1), polarisation=(1, 0, 0)).round(12)
        array([ 2.+0.j,  0.+2.j, -2.+0.j])
        >>> atoms = co.Atoms.isotropic([[0, 0, 0.25]])
        >>> co.plane_wave(atoms, 2.0, direction=(0, 0, 1), polarisation=(1, 0, 0)).round(12)
        array([0.+2.j, 0.+0.j, 0.+0.j])
    """
    if not isinstance(emitters, Atoms):
        checks.instance("emitters", emitters, Emitters, "co.Emitters, a lattice, or co.Atoms")
    amplitude = checks.complex_number("rabi_frequency", rabi_frequency)
    towards = checks.direction("direction", direction)
    epsilon = checks.unit_vector("polarisation", polarisation)
    if abs(epsilon @ towards) > 1e-9:
        raise ValueError(
            f"polarisation must be perpendicular to direction: their product is "
            f"{abs(epsilon @ towards):.3g}"
        )
    if isinstance(emitters, Atoms):
        return _on_channels(emitters, amplitude, towards, epsilon, line)
    if checks.count("line", line, minimum=0):
        raise ValueError(f"line must be 0: two-level emitters have one line, got {line}")
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


def _on_channels(
    atoms: Atoms,
    amplitude: complex,
    towards: NDArray[np.float64],
    epsilon: NDArray[np.complex128],
    line: int,
) -> NDArray[np.complex128]:
    """Rabi frequencies of a plane wave on every channel, (N·C,)."""
    s = checks.index("line", line, atoms.lines, "lines")
    driven = np.abs(np.einsum("age,a->ge", atoms.lowering[s].conj(), epsilon)).max()
    if driven < _DRIVEN:
        raise ValueError(
            f"polarisation {epsilon.round(6)} is perpendicular to every transition of line {s}: "
            "the wave drives no atom. Turn the polarisation or the atoms"
        )
    found = np.zeros((len(atoms), atoms.lines, 3), dtype=complex)
    phase = np.exp(1j * atoms.wavenumbers[s] * (atoms.positions @ towards))
    found[:, s] = amplitude * phase[:, None] * epsilon
    return checks.readonly(found.ravel())
