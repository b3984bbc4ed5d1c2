"""Conversions from SI units, from atomic units and from the conventions of other programs."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.warn import warn
from collective.errors import UnitWarning

debye = 1e-21 / 299_792_458
"""One debye in C·m: a dipole of d debye is ``d * co.units.debye`` in SI units."""

gauss = 1e-4
"""One gauss in tesla: a magnetic field of b gauss is ``b * co.units.gauss`` in SI units."""

# dipole of a transition in C·m or J/T, and wavelength in metres, above which a unit is probably
# wrong; transitions of nuclear spins have long wavelengths
_SUSPICIOUS = {"electric": (1e-18, 10.0), "magnetic": (1e-12, 1e7)}
_IN_SI = {
    "electric": "C·m? Multiply debye by co.units.debye = 3.336e-30",
    "magnetic": "J/T? Multiply Bohr magnetons by 9.274e-24",
}


def natural_frequency(wavelength: float, linewidth: float) -> float:
    """ω₀/Γ₀ of a transition, for `Emitters(frequency=...)` in natural units.

    Args:
        wavelength: vacuum wavelength in metres.
        linewidth: Γ₀ in s⁻¹ (2π times the linewidth in Hz).

    Example:
        The rubidium D2 line, 780.24 nm and 2π·6.067 MHz:

        >>> import numpy as np, collective as co
        >>> f"{co.units.natural_frequency(780.241e-9, 2 * np.pi * 6.067e6):.4g}"
        '6.333e+07'
    """
    from scipy.constants import speed_of_light

    wavelength = checks.number("wavelength", wavelength, above=0)
    return 2 * np.pi * speed_of_light / wavelength / checks.number("linewidth", linewidth, above=0)


def linewidth(
    dipole: ArrayLike,
    wavelength: ArrayLike,
    *,
    kind: Literal["electric", "magnetic"] = "electric",
) -> Any:
    r"""Γ₀ in vacuum of a transition, in s⁻¹, from its dipole.

    .. math:: Γ_0 = \frac{ω_0^3 |d|^2}{3π ε_0 ħ c^3}, \qquad
        Γ_0 = \frac{μ_0 ω_0^3 |m|^2}{3π ħ c^3}

    for electric and magnetic dipoles.

    Args:
        dipole: ⟨g|d|e⟩ as a vector (..., 3), or its length as one number, in C·m (`debye`) or,
            for a magnetic dipole, in J/T.
        wavelength: vacuum wavelength in metres; it broadcasts against the dipoles without their
            last axis.
        kind: "electric" or "magnetic".

    Raises:
        ValueError: for a shape that does not fit, or a wavelength that is not above 0.

    Warns:
        UnitWarning: for a dipole or a wavelength that is probably not in SI units.

    Source:
        Novotny and Hecht, Principles of Nano-Optics, 2nd ed. (2012), equation 8.119.

    Example:
        The closed transition of the rubidium D2 line has 2.534e-29 C·m, about 7.6 debye:

        >>> import numpy as np, collective as co
        >>> f"2π·{co.units.linewidth(2.534e-29, 780.241e-9) / (2 * np.pi * 1e6):.2f} MHz"
        '2π·6.06 MHz'
    """
    from scipy.constants import epsilon_0, hbar, mu_0

    moment = checks.finite("dipole", dipole, complex)
    if moment.ndim and moment.shape[-1] != 3:
        raise ValueError(f"dipole must be one number or have shape (..., 3), got {moment.shape}")
    squared = np.abs(moment) ** 2 if moment.ndim == 0 else np.sum(np.abs(moment) ** 2, axis=-1)
    lengths = checks.finite("wavelength", wavelength)
    if np.any(lengths <= 0):
        raise ValueError(f"wavelength must be above 0, got {lengths.min():g}")
    try:
        np.broadcast_shapes(squared.shape, lengths.shape)
    except ValueError:
        raise ValueError(
            f"wavelength of shape {lengths.shape} does not fit dipoles of shape {moment.shape}"
        ) from None
    strength = (
        1 / epsilon_0
        if checks.choice("kind", kind, ("electric", "magnetic")) == "electric"
        else mu_0
    )
    with np.errstate(over="ignore", invalid="ignore"):
        found = strength * (2 * np.pi / lengths) ** 3 * squared / (3 * np.pi * hbar)
    if not np.all(np.isfinite(found)):
        raise ValueError(
            f"dipole and wavelength: the linewidth is not finite for a wavelength of "
            f"{lengths.min():g} m; both must be in SI units"
        )
    _warn_of_units(np.abs(moment).max(initial=0.0), lengths.max(initial=0.0), kind)
    return found


def _warn_of_units(dipole: float, wavelength: float, kind: str) -> None:
    """Warn of a dipole that is too large for C·m or J/T, or a wavelength too long for metres."""
    largest, longest = _SUSPICIOUS[kind]
    intended = "If it is intended: warnings.simplefilter('ignore', co.UnitWarning)"
    if dipole > largest:
        warn(
            f"dipoles: a dipole has a component of {dipole:.3g}, more than any emitter: is it in "
            f"{_IN_SI[kind]}. {intended}",
            UnitWarning,
        )
    if wavelength > longest:
        warn(
            f"wavelength: {wavelength:.3g} m is longer than that of any {kind} transition: is it "
            f"in metres? Multiply nanometres by 1e-9. {intended}",
            UnitWarning,
        )


def trap_width(mass: float, frequency: ArrayLike, temperature: float = 0.0) -> Any:
    r"""The rms width of the motion of an atom in a harmonic trap, for `Emitters.with_motion`.

    .. math:: σ^2 = \frac{ħ}{2mω} \coth\frac{ħω}{2k_BT}

    It is ħ/2mω at temperature zero, the zero-point motion, and k_BT/mω² in a hot trap.

    Args:
        mass: of the atom, in kg.
        frequency: ω of the trap in s⁻¹ (2π times the frequency in Hz), one number or an array,
            such as (3,) for the three axes.
        temperature: in K.

    Returns:
        Standard deviation of one coordinate, in metres, of the shape of `frequency`. Divide it by
        the wavelength in metres for `with_motion`.

    Raises:
        ValueError: for a mass or a frequency that is not above 0, or a negative temperature.

    Source:
        Landau & Lifshitz, Statistical Physics, Part 1, § 30.

    Example:
        Rubidium in the ground state of a trap of 100 kHz, in nm:

        >>> import numpy as np, collective as co
        >>> width = co.units.trap_width(86.909 * 1.66054e-27, 2 * np.pi * 100e3)
        >>> f"{width * 1e9:.1f}"
        '24.1'
    """
    from scipy.constants import Boltzmann, hbar

    mass = checks.number("mass", mass, above=0)
    frequencies = checks.finite("frequency", frequency)
    if not np.all(frequencies >= 1 / checks.LARGEST):
        raise ValueError(
            f"frequency must be at least {1 / checks.LARGEST:g} s⁻¹, got {frequencies.min():g}"
        )
    temperature = checks.not_negative("temperature", temperature)
    ground = np.sqrt(hbar / (2 * mass) / frequencies)
    if temperature == 0:
        return ground[()]
    with np.errstate(over="ignore"):  # ħω/2k_BT → ∞, where coth is 1
        argument = hbar / (2 * Boltzmann) * frequencies / temperature
    return (ground / np.sqrt(np.tanh(argument)))[()]


def from_atomic(
    value: ArrayLike, unit: Literal["J", "eV", "meV", "K", "Hz", "m", "nm", "s", "fs"]
) -> Any:
    """Convert a number from atomic units, which `co.currents` uses, to another unit.

    Args:
        value: an energy in hartree, a length in bohr or a time in ħ/hartree; any shape.
        unit: "J", "eV", "meV", "K" or "Hz" for an energy, "m" or "nm" for a length, "s" or "fs"
            for a time.

    Raises:
        ValueError: for any other unit.

    Example:
        >>> import collective as co
        >>> round(float(co.units.from_atomic(1.0, "eV")), 6)
        27.211386
    """
    from scipy.constants import Boltzmann, elementary_charge, h, physical_constants

    energy, length, time = (
        physical_constants[name][0]
        for name in ("Hartree energy", "Bohr radius", "atomic unit of time")
    )
    factors = {
        "J": energy,
        "eV": energy / elementary_charge,
        "meV": energy / elementary_charge * 1e3,
        "K": energy / Boltzmann,
        "Hz": energy / h,
        "m": length,
        "nm": length * 1e9,
        "s": time,
        "fs": time * 1e15,
    }
    return checks.finite("value", value) * factors[checks.choice("unit", unit, tuple(factors))]


def from_collective_spins(
    omega: ArrayLike, gamma: ArrayLike, *, delta: ArrayLike = 0.0
) -> dict[str, NDArray[Any]]:
    """Arguments of `Couplings` from the matrices of CollectiveSpins.jl.

    Its Ω_ij and Γ_ij have our signs and factors (H = Σ Ω_ij σ⁺_iσ⁻_j, rate Γ_ii = γ), and its
    ½δσ^z is our δσ⁺σ⁻ up to a constant. Its solvers multiply Γ_ij by σ⁻_iρσ⁺_j, ours by
    σ⁻_jρσ⁺_i. So for complex dipoles pass Γ as its formula gives it; do not transpose it. Its
    states differ from ours: see `density_matrix_from_julia` and
    `bloch_angles_from_collective_spins`.

    Args:
        omega: `OmegaMatrix(system)`, (N, N); its diagonal is zero.
        gamma: `GammaMatrix(system)`, (N, N).
        delta: detunings of the spins, scalar or (N,).

    Example:
        >>> import collective as co
        >>> theirs = co.units.from_collective_spins([[0, 2.6], [2.6, 0]], [[1, 0.9], [0.9, 1]])
        >>> co.Couplings(**theirs).shift[0, 1]
        np.float64(2.6)
    """
    return {
        "decay": checks.finite("gamma", gamma, complex),
        "shift": checks.finite("omega", omega, complex),
        "detunings": checks.finite("delta", delta),
    }


def density_matrix_from_julia(matrix: ArrayLike) -> NDArray[np.complex128]:
    """A density matrix of N spins as QuantumOptics.jl stores it, in QuTiP's basis order.

    In QuantumOptics.jl the index of the first spin varies fastest, in QuTiP that of the last. In
    both, the first state of a spin is the upper one, which decays. The map is its own inverse.

    Args:
        matrix: `ρ.data`, (2^N, 2^N).

    Returns:
        (2^N, 2^N), for `qutip.Qobj(..., dims=[[2]*N, [2]*N])`.
    """
    array = checks.finite("matrix", matrix, complex)
    n = int(np.log2(max(len(np.atleast_1d(array)), 1)))
    if array.shape != (2**n, 2**n) or n == 0:
        raise ValueError(f"matrix must have shape (2^N, 2^N), N ≥ 1, got {array.shape}")
    reverse = [*range(n - 1, -1, -1), *range(2 * n - 1, n - 1, -1)]
    return array.reshape([2] * (2 * n)).transpose(reverse).reshape(2**n, 2**n)


def bloch_angles_from_collective_spins(phi: float, theta: float) -> tuple[float, float]:
    """(θ, φ) for `co.states.coherent` from the arguments of CollectiveSpins' `blochstate`.

    `blochstate(phi, theta)` is ``cos(θ/2)|1⟩ + e^{iφ}sin(θ/2)|2⟩`` with ``|1⟩`` the state that
    decays: θ = 0 there is our inverted state.

    Example:
        >>> import collective as co
        >>> co.units.bloch_angles_from_collective_spins(0.0, 0.0)
        (3.141592653589793, -0.0)
    """
    return np.pi - checks.number("theta", theta), -checks.number("phi", phi)
