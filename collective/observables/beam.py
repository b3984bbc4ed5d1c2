r"""A weak beam on an array: how much is transmitted and how much is reflected.

The beam is an exact solution of Maxwell's equations with a Gaussian spectrum of plane waves,

.. math:: E(r) = \int_{q<k}\frac{d^2q}{(2π)^2}\, e^{−q^2w^2/4}\,[ε − K̂(K̂·ε)]\, e^{iK·r},
          \qquad K = (q, \sqrt{k^2 − q^2}),

which is the Gaussian beam of waist w for w ≫ λ₀; for smaller w it is focused as tightly as light
can be. It carries the power :math:`P = \int\frac{d^2q}{(2π)^2}|E_q|^2 K_z/k`. Transmitted and
reflected light are both measured in the mode of this beam.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.blas import BlasThreads
from collective._tools.console import printable, span
from collective.couplings.couplings import Couplings
from collective.couplings.noise import own
from collective.emitters import lengths
from collective.observables import _focused_beam, _inputs
from collective.observables.bloch import bands

_IN_PLANE = 1e-9  # largest distance of an emitter from the plane of the array, in wavelengths
_PERPENDICULAR = 1e-9  # largest product of two unit vectors that count as perpendicular
_DRIVEN = 1e-3  # |u*·E| over the strongest field below which the beam does not drive the array
_ROUND_OFF = 4 * np.finfo(float).eps  # distance from a resonance over the largest eigenvalue


@dataclass(frozen=True, eq=False, repr=False)
class Scattering:
    """Light transmitted and reflected by an array; see `scattering`.

    Attributes:
        frequencies: ω − ω₀ of the light, (F,), in Γ₀.
        transmitted: amplitude t of the mode of the beam behind the array, (F,).
        reflected: amplitude r of the mirror image of that mode in front of the array, (F,).
    """

    frequencies: NDArray[np.float64]
    transmitted: NDArray[np.complex128]
    reflected: NDArray[np.complex128]

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.lock(vars(self))

    @printable
    def __repr__(self) -> str:
        plural = "y" if len(self.frequencies) == 1 else "ies"
        return (
            f"Scattering: {len(self.frequencies)} frequenc{plural}\n"
            f"  frequencies   {span(self.frequencies)}\n"
            f"  transmission  {span(self.transmission)}\n"
            f"  reflection    {span(self.reflection)}"
        )

    @property
    def transmission(self) -> NDArray[np.float64]:
        """``|t|²``, (F,)."""
        return np.abs(self.transmitted) ** 2

    @property
    def reflection(self) -> NDArray[np.float64]:
        """``|r|²``, (F,)."""
        return np.abs(self.reflected) ** 2

    @property
    def loss(self) -> NDArray[np.float64]:
        """``1 − |t|² − |r|²``, the share scattered into other directions or dephased, (F,)."""
        return 1 - self.transmission - self.reflection


def scattering(
    couplings: Couplings,
    frequencies: ArrayLike,
    *,
    waist: float,
    axis: ArrayLike = (0, 0, 1),
    polarisation: ArrayLike = (1, 0, 0),
) -> Scattering:
    r"""Transmission and reflection of a weak focused beam by a flat array.

    To first order in the amplitude of the beam,

    .. math:: t = 1 − i f^†(ω − H_{eff} + iγ_φ)^{-1}f, \qquad
              r = −i f_r^†(ω − H_{eff} + iγ_φ)^{-1}f, \qquad
              f_m = \sqrt{\frac{3πΓ_m}{2k^2P}}\; u_m^*·E(r_m)

    and f_r is the same with the beam mirrored at the plane of the array. Both beams have their
    focus in that plane, at the mean position of the emitters. :math:`|f|^2` is the rate into the
    mode, so that ``|t|² + |r|² ≤ 1``. For w ≫ λ₀ and one emitter, t on resonance is 1 − 6/(kw)²
    (Shahmoon, Wild, Lukin & Yelin, Phys. Rev. Lett. 118, 113601 (2017)). With dephasing, t and r
    are the coherent amplitudes. The drive of the couplings is ignored: the beam is the drive.

    Args:
        couplings: of emitters in vacuum, all in one plane, without pump.
        frequencies: ω − ω₀ of the light, (F,), in units of rate (in the frame of the couplings).
        waist: radius w in the focus at which the amplitude has fallen to 1/e, in units of length.
        axis: direction of the beam, (3,), perpendicular to the plane of the array.
        polarisation: ε, (3,) real or complex, perpendicular to the axis.

    Returns:
        `Scattering` with amplitudes and powers, (F,).

    Warns:
        UnitWarning: for a waist below 10⁻⁴ or above 10⁴ wavelengths, as if it were in metres or
            nanometres.

    Raises:
        ValueError: if the emitters are not in a plane perpendicular to the axis, are pumped, or
            are so far apart that the beam needs too many plane waves; if the beam does not drive
            the dipoles; if a frequency is that of a mode that does not decay.

    Example:
        >>> import collective as co
        >>> array = co.couple(co.square(6, 6, 0.6, dipoles=(1, 0, 0)), co.Vacuum())
        >>> co.observables.scattering(array, [0.25], waist=1.0).reflection.round(3)
        array([0.988])
    """
    checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    emitters = _inputs.in_vacuum(couplings, "scattering of a beam")
    _inputs.require_matrices(couplings, "scattering of a beam")
    if np.any(couplings.pump):
        raise ValueError(
            f"couplings: pump is up to {own(couplings.pump).max():.3g}, but scattering needs "
            "pump = 0; use couplings.replace(pump=0)"
        )
    if emitters.kind != "electric":
        raise ValueError(
            f"couplings: the dipoles are {emitters.kind}, but scattering of a beam is defined for "
            "electric dipoles"
        )
    frequencies = _frequencies(frequencies)
    waist = checks.number("waist", waist, above=0)
    normal = checks.direction("axis", axis)
    vector = checks.unit_vector("polarisation", polarisation)
    if abs(vector @ normal) > _PERPENDICULAR:
        raise ValueError(
            "polarisation must be perpendicular to the axis of the beam, but the product of their "
            f"unit vectors is {abs(vector @ normal):.3g}"
        )
    away = emitters.positions - emitters.positions.mean(axis=0)
    height = float(np.abs(away @ normal).max())
    if height > _IN_PLANE * emitters.wavelength:
        raise ValueError(
            "couplings: the emitters must lie in one plane perpendicular to the axis, but they are "
            f"up to {height:.3g} away from it; turn the axis or the array"
        )
    lengths.warn_of_waist(waist, emitters.wavelength)
    k = float(emitters.wavenumbers.mean())
    field, power = _focused_beam.focus(k * away, k * waist, normal, vector)
    mirrored = field - 2 * (field @ normal)[:, None] * normal
    scale = np.sqrt(1.5 * np.pi * emitters.decay_rates / power)
    along = np.einsum("mi,mi->m", emitters.dipoles.conj(), field)
    if np.abs(along).max() < _DRIVEN * np.linalg.norm(field, axis=1).max():
        raise ValueError(
            f"polarisation {checks.short(polarisation)} is perpendicular to every dipole (the "
            f"first is {emitters.dipoles[0].round(6)}), so the beam does not drive the array. Turn "
            "the polarisation or the dipoles: co.square(..., dipoles=(1, 0, 0)), for instance, has "
            "its dipoles in its plane"
        )
    into = scale * along
    back = scale * np.einsum("mi,mi->m", emitters.dipoles.conj(), mirrored)
    # dephasing that emitters share acts on one excitation as that of each emitter alone
    effective = couplings.effective_hamiltonian() - 1j * np.diag(own(couplings.dephasing))
    answers = np.zeros((len(frequencies), len(into)), dtype=complex)
    driven = (into != 0) | _exchanging(effective)
    answers[:, driven] = _resolvent(effective[np.ix_(driven, driven)], frequencies, into[driven])
    return Scattering(frequencies, 1 - 1j * answers @ into.conj(), -1j * answers @ back.conj())


def transmission(
    couplings: Couplings,
    frequencies: ArrayLike,
    *,
    waist: float,
    axis: ArrayLike = (0, 0, 1),
    polarisation: ArrayLike = (1, 0, 0),
) -> NDArray[np.float64]:
    """``|t|²`` of a weak focused beam, (F,), with the arguments and errors of `scattering`.

    Example:
        >>> import collective as co
        >>> array = co.couple(co.square(6, 6, 0.6, dipoles=(1, 0, 0)), co.Vacuum())
        >>> co.observables.transmission(array, [50.0], waist=1.0).round(3)
        array([1.])
    """
    return scattering(
        couplings, frequencies, waist=waist, axis=axis, polarisation=polarisation
    ).transmission


def reflection(
    couplings: Couplings,
    frequencies: ArrayLike,
    *,
    waist: float,
    axis: ArrayLike = (0, 0, 1),
    polarisation: ArrayLike = (1, 0, 0),
) -> NDArray[np.float64]:
    """``|r|²`` of a weak focused beam, (F,), with the arguments and errors of `scattering`.

    Example:
        >>> import collective as co
        >>> array = co.couple(co.square(6, 6, 0.6, dipoles=(1, 0, 0)), co.Vacuum())
        >>> co.observables.reflection(array, [50.0], waist=1.0).round(3)
        array([0.])
    """
    return scattering(
        couplings, frequencies, waist=waist, axis=axis, polarisation=polarisation
    ).reflection


def infinite_array(
    spacing: float, frequencies: ArrayLike, *, dipole: ArrayLike = (1, 0, 0)
) -> Scattering:
    r"""Transmission and reflection of a plane wave by an infinite square array.

    The wave comes at normal incidence and is polarised like the dipoles:

    .. math:: r = \frac{−iΓ_s/2}{ω − ω_0 − Δ + iΓ/2}, \qquad t = 1 + r, \qquad
              Γ_s = \frac{3π|u_∥|^2}{k^2a^2}

    with shift Δ and rate Γ of the mode Q = 0 of `bands`. Below one wavelength only the specular
    order is open, Γ_s = Γ, and the array is a perfect mirror at ω = ω₀ + Δ (Bettles, Gardiner &
    Adams, Phys. Rev. Lett. 116, 103602 (2016)).

    Args:
        spacing: a, in wavelengths.
        frequencies: ω − ω₀ of the light, (F,), in Γ₀.
        dipole: (3,). The array lies in the xy-plane, and the light is polarised like the part of
            the dipole in that plane.

    Raises:
        ValueError: for dipoles along z, which the wave cannot drive, or a spacing at which a
            diffraction order opens.

    Example:
        >>> import collective as co
        >>> resonance = co.observables.bands("square", 0.6, [[0, 0]]).shifts
        >>> co.observables.infinite_array(0.6, resonance).reflection.round(12)
        array([1.])
    """
    frequencies = _frequencies(frequencies)
    normal = bands("square", spacing, np.zeros((1, 2)), dipole=dipole)
    in_plane = float(np.sum(np.abs(normal.dipole[:2]) ** 2))
    if in_plane < _DRIVEN**2:
        raise ValueError(
            f"dipole: its part in the xy-plane is {np.sqrt(in_plane):.2g} of its length, and light "
            "along z drives only that part; give a dipole with a part in the xy-plane"
        )
    specular = 3 * in_plane / (4 * np.pi * normal.spacing**2)
    resonance = frequencies - normal.shifts[0] + 0.5j * normal.rates[0]
    back = -0.5j * specular / resonance
    return Scattering(frequencies, 1 + back, back)


def _exchanging(effective: NDArray[np.complex128]) -> NDArray[np.bool_]:
    """Which emitters exchange light with another one, (N,)."""
    others = effective - np.diag(np.diagonal(effective))
    return np.any(others != 0, axis=0) | np.any(others != 0, axis=1)


def _resolvent(
    effective: NDArray[np.complex128],
    frequencies: NDArray[np.float64],
    source: NDArray[np.complex128],
) -> NDArray[np.complex128]:
    """(ω − H_eff)⁻¹ applied to a source (N,) at every frequency, (F, N).

    Schur's triangular form is used because eigenvectors of H_eff may be nearly parallel. BLAS gets
    one thread: most of the work is a sequence of rotations that it cannot do in parallel.
    """
    from scipy.linalg import schur, solve_triangular

    if len(source) == 0:
        return np.zeros((len(frequencies), 0), dtype=complex)
    with BlasThreads(1):
        triangular, unitary = schur(effective, output="complex")
        _refuse_undamped(np.diagonal(triangular), frequencies)
        turned, one = unitary.conj().T @ source, np.eye(len(source))
        solved = [solve_triangular(w * one - triangular, turned) for w in frequencies]
    return np.asarray(solved) @ unitary.T


def _refuse_undamped(eigenvalues: NDArray[np.complex128], frequencies: NDArray[np.float64]) -> None:
    """Raise for a frequency (F,) that equals an eigenvalue (N,), which then has no decay rate."""
    closest = _ROUND_OFF * float(np.abs(eigenvalues).max())
    for i, frequency in enumerate(frequencies):
        if np.abs(frequency - eigenvalues).min() <= closest:
            raise ValueError(
                f"frequencies[{i}] = {frequency:g} is the frequency of a mode that does not decay, "
                "at which the response diverges: move the frequency, or give the emitters some "
                "dephasing"
            )


def _frequencies(value: ArrayLike) -> NDArray[np.float64]:
    """Checked frequencies, (F,) with F ≥ 1."""
    frequencies = np.atleast_1d(checks.finite("frequencies", value))
    if frequencies.ndim != 1 or len(frequencies) == 0:
        raise ValueError(f"frequencies must be a row of numbers, got shape {frequencies.shape}")
    return frequencies
