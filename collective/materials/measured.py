"""Measured permittivities of gold, silver and fused silica."""

import numpy as np

from collective._tools import checks
from collective.materials.models import Drude, Lorentz
from collective.materials.table import Table

_MICROMETRE = 1e-6
_ELECTRONS = {"gold": 5.90e28, "silver": 5.86e28}  # one for each atom, per cubic metre
# optical mass in electron masses and relaxation time in seconds: Johnson and Christy, section IV
_CARRIERS = {"gold": (0.99, 9.3e-15), "silver": (0.96, 31e-15)}

# wavelength in μm, n and κ of gold, n and κ of silver: Johnson and Christy, Table I
_METALS = (
    (0.1879, 1.28, 1.188, 1.07, 1.212),
    (0.1916, 1.32, 1.203, 1.10, 1.232),
    (0.1953, 1.34, 1.226, 1.12, 1.255),
    (0.1993, 1.33, 1.251, 1.14, 1.277),
    (0.2033, 1.33, 1.277, 1.15, 1.296),
    (0.2073, 1.30, 1.304, 1.18, 1.312),
    (0.2119, 1.30, 1.350, 1.20, 1.325),
    (0.2164, 1.30, 1.387, 1.22, 1.336),
    (0.2214, 1.30, 1.427, 1.25, 1.342),
    (0.2262, 1.31, 1.460, 1.26, 1.344),
    (0.2313, 1.30, 1.497, 1.28, 1.357),
    (0.2371, 1.32, 1.536, 1.28, 1.367),
    (0.2426, 1.32, 1.577, 1.30, 1.378),
    (0.2490, 1.33, 1.631, 1.31, 1.389),
    (0.2551, 1.33, 1.688, 1.33, 1.393),
    (0.2616, 1.35, 1.749, 1.35, 1.387),
    (0.2689, 1.38, 1.803, 1.38, 1.372),
    (0.2761, 1.43, 1.847, 1.41, 1.331),
    (0.2844, 1.47, 1.869, 1.41, 1.264),
    (0.2924, 1.49, 1.878, 1.39, 1.161),
    (0.3009, 1.53, 1.889, 1.34, 0.964),
    (0.3107, 1.53, 1.893, 1.13, 0.616),
    (0.3204, 1.54, 1.898, 0.81, 0.392),
    (0.3315, 1.48, 1.883, 0.17, 0.829),
    (0.3425, 1.48, 1.871, 0.14, 1.142),
    (0.3542, 1.50, 1.866, 0.10, 1.419),
    (0.3679, 1.48, 1.895, 0.07, 1.657),
    (0.3815, 1.46, 1.933, 0.05, 1.864),
    (0.3974, 1.47, 1.952, 0.05, 2.070),
    (0.4133, 1.46, 1.958, 0.05, 2.275),
    (0.4305, 1.45, 1.948, 0.04, 2.462),
    (0.4509, 1.38, 1.914, 0.04, 2.657),
    (0.4714, 1.31, 1.849, 0.05, 2.869),
    (0.4959, 1.04, 1.833, 0.05, 3.093),
    (0.5209, 0.62, 2.081, 0.05, 3.324),
    (0.5486, 0.43, 2.455, 0.06, 3.586),
    (0.5821, 0.29, 2.863, 0.05, 3.858),
    (0.6168, 0.21, 3.272, 0.06, 4.152),
    (0.6595, 0.14, 3.697, 0.05, 4.483),
    (0.7045, 0.13, 4.103, 0.04, 4.838),
    (0.7560, 0.14, 4.542, 0.03, 5.242),
    (0.8211, 0.16, 5.083, 0.04, 5.727),
    (0.8920, 0.17, 5.663, 0.04, 6.312),
    (0.9840, 0.22, 6.350, 0.04, 6.992),
    (1.0880, 0.27, 7.150, 0.04, 7.795),
    (1.2160, 0.35, 8.145, 0.09, 8.828),
    (1.3930, 0.43, 9.519, 0.13, 10.10),
    (1.6100, 0.56, 11.21, 0.15, 11.85),
    (1.9370, 0.92, 13.78, 0.24, 14.08),
)

# strengths and resonance wavelengths in μm: Malitson, the formula of his fit
_SILICA = ((0.6961663, 0.0684043), (0.4079426, 0.1162414), (0.8974794, 9.896161))


def gold(length: float = 1.0) -> Table:
    r"""Gold at room temperature, measured from 188 nm to 1,937 nm.

    The wave numbers of the table are in the inverse unit of length of the emitters. Between the 49
    measured values it is interpolated, outside of them real wave numbers are refused.

    Args:
        length: the unit of length in metres: the wavelength of the emitters if lengths are in
            wavelengths, 1e-9 for nanometres, 1 for metres.

    Raises:
        ValueError: for a length that is not a number above 0.

    Source:
        Johnson and Christy, Phys. Rev. B 6, 4370 (1972), Table I. The printed errors of n are
        0.02 to 0.08, and 1 to 2 % of κ.

    Example:
        At 780 nm, with lengths in wavelengths:

        >>> import numpy as np
        >>> from collective import materials
        >>> complex(materials.gold(780e-9).permittivity(2 * np.pi).round(1))
        (-22.5+1.4j)
    """
    return _metal("gold", length, 1)


def silver(length: float = 1.0) -> Table:
    """Silver at room temperature, measured from 188 nm to 1,937 nm; otherwise like `gold`.

    Args:
        length: the unit of length in metres.

    Raises:
        ValueError: for a length that is not a number above 0.

    Source:
        Johnson and Christy, Phys. Rev. B 6, 4370 (1972), Table I.

    Example:
        >>> import numpy as np
        >>> from collective import materials
        >>> complex(materials.silver(1e-9).permittivity(2 * np.pi / 600).round(1))
        (-16.1+0.4j)
    """
    return _metal("silver", length, 3)


def silica(length: float = 1.0) -> Lorentz:
    r"""Fused silica (glass) at 20 °C: Sellmeier's formula, fitted from 210 nm to 3,710 nm.

    .. math:: ε = n^2 = 1 + \sum_j \frac{B_j λ^2}{λ^2 − C_j^2}

    The formula has no absorption. It holds on the imaginary axis too, but not for real wave numbers
    outside of the fitted range.

    Args:
        length: the unit of length in metres.

    Raises:
        ValueError: for a length that is not a number above 0.

    Source:
        Malitson, J. Opt. Soc. Am. 55, 1205 (1965).

    Example:
        The refractive index at 852 nm:

        >>> import numpy as np
        >>> from collective import materials
        >>> float(np.sqrt(materials.silica(852e-9).permittivity(2 * np.pi).real).round(4))
        1.4525
    """
    unit = _unit(length)
    strengths, resonances = np.array(_SILICA).T
    wavenumbers = 2 * np.pi * unit / (resonances * _MICROMETRE)
    return Lorentz(strengths, wavenumbers, np.zeros(len(strengths)))


def _unit(length: float) -> float:
    """A checked unit of length in metres."""
    size = checks.number("length", length, above=0)
    if not 1e-30 <= size <= 1e30:
        raise ValueError(f"length must be a unit of length in metres, got {size:g}")
    return size


def _metal(name: str, length: float, column: int) -> Table:
    """The table of a metal, whose n is in this column of the measured values."""
    from scipy.constants import c, electron_mass, elementary_charge, epsilon_0

    unit = _unit(length)
    mass, relaxation = _CARRIERS[name]
    squared = _ELECTRONS[name] * elementary_charge**2 / (epsilon_0 * mass * electron_mass)
    carriers = Drude(unit * np.sqrt(squared) / c, unit / (relaxation * c))
    values = np.array(_METALS)
    return Table.from_nk(
        values[:, 0] * _MICROMETRE / unit,
        values[:, column],
        values[:, column + 1],
        carriers=carriers,
    )
