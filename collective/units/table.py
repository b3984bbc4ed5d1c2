"""The table of common optical lines, with sources.

Every excited level listed here decays to the ground level alone, but for leaks of less than 10⁻⁴ of
the strong lines of strontium, ytterbium, erbium and dysprosium.
"""

import difflib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from collective._tools import checks
from collective.units.lines import Level, Line

_SPACES = str.maketrans("", "", " -_,.")


class _Isotope(NamedTuple):
    """I, g_I, the ground level (A and B of all levels in MHz here), and the sources of these.

    g_I of alkalis is that of the sources of their lines. Of strontium and ytterbium it is
    −μ_I/(Iμ_B) with the moments that N. J. Stone recommends, INDC(NDS)-0794, IAEA (2019).
    """

    nuclear_spin: float
    nuclear_g_factor: float
    ground: tuple[float, ...]
    lines: Mapping[str, tuple[float, float, float, float, tuple[float, ...], str]]


# Of each line: vacuum wavelength in nm and its uncertainty, Γ₀ in 2π·MHz and its uncertainty, the
# upper level (J, g_J, A/h and B/h in MHz), source.
_STECK = "D. A. Steck, {} (steck.us/alkalidata)"
_RUBIDIUM_87 = _STECK.format("Rubidium 87 D Line Data")
_RUBIDIUM_85 = _STECK.format("Rubidium 85 D Line Data")
_CAESIUM = _STECK.format("Cesium D Line Data")
_SODIUM = _STECK.format("Sodium D Line Data")
_POTASSIUM = "T. G. Tiecke, Properties of Potassium (2011)"
_LITHIUM_6 = "M. E. Gehm, Properties of ⁶Li (2003)"
_LITHIUM_7 = (
    "C. J. Sansonetti et al., Phys. Rev. Lett. 107, 023001 (2011); W. I. McAlexander et al., Phys. "
    "Rev. A 54, R5 (1996); E. Arimondo et al., Rev. Mod. Phys. 49, 31 (1977)"
)
_NIST = "NIST Atomic Spectra Database (wavelength of the natural mixture, g_J)"
_STRONTIUM_BLUE = f"{_NIST}; I. Puljić et al., arXiv:2501.07395 (2025)"
_STRONTIUM_RED = (
    "G. Ferrari et al., Phys. Rev. Lett. 91, 243002 (2003); T. L. Nicholson et al., Nat. Commun. "
    "6, 6896 (2015); g_J of LS coupling"
)
_STRONTIUM_87_BLUE = f"{_STRONTIUM_BLUE}; H.-J. Kluge and H. Sauter, Z. Phys. 270, 295 (1974)"
_STRONTIUM_87_RED = (
    "I. Courtillot et al., Eur. Phys. J. D 33, 161 (2005); T. L. Nicholson et al., Nat. Commun. 6, "
    "6896 (2015); G. zu Putlitz, Z. Phys. 175, 543 (1963); g_J of LS coupling"
)
_YTTERBIUM_BLUE = f"{_NIST}; Y. Takasu et al., Phys. Rev. Lett. 93, 123202 (2004)"
_YTTERBIUM_GREEN = (
    f"{_NIST}; K. B. Blagoev and V. A. Komarovskii, At. Data Nucl. Data Tables 56, 1 (1994)"
)
_YTTERBIUM_171_BLUE = f"{_YTTERBIUM_BLUE}; D. Das et al., Phys. Rev. A 72, 032506 (2005)"
_YTTERBIUM_173_BLUE = f"{_YTTERBIUM_BLUE}; M. Kleinert et al., Phys. Rev. A 94, 052511 (2016)"
_YTTERBIUM_ODD_GREEN = f"{_YTTERBIUM_GREEN}; K. Pandey et al., Phys. Rev. A 80, 022518 (2009)"
_ERBIUM = f"{_NIST}; A. Frisch, PhD thesis, Innsbruck (2014)"
_ERBIUM_RED = f"{_NIST}; H. Y. Ban et al., Opt. Express 13, 3185 (2005)"
_DYSPROSIUM = f"{_NIST}; T. Maier et al., Opt. Lett. 39, 3138 (2014)"
_DYSPROSIUM_RED = f"{_NIST}; M. Lu et al., Phys. Rev. A 83, 012510 (2011)"

_ERBIUM_LINES = {
    "401 nm": (400.9097, 1e-4, 29.7, 0.6, (7, 1.160), _ERBIUM),
    "583 nm": (582.8421, 1e-4, 0.190, 0.005, (7, 1.195), _ERBIUM),
    "841 nm": (841.2195, 1e-4, 8.0e-3, 1.6e-3, (7, 1.153), _ERBIUM_RED),
}
_DYSPROSIUM_LINES = {
    "421 nm": (421.2901, 2e-4, 32.2, 0.8, (9, 1.22), _DYSPROSIUM),
    "626 nm": (626.0820, 4e-4, 0.136, 0.004, (9, 1.29), _DYSPROSIUM),
    "741 nm": (740.9647, 6e-4, 1.78e-3, 0.02e-3, (9, 1.23), _DYSPROSIUM_RED),
}

_ISOTOPES = {
    "Li6": _Isotope(
        1,
        -0.0004476540,
        (1 / 2, 2.0023010, 152.1368407),
        {
            "D1": (670.992421, 1e-6, 5.8724, 0.002, (1 / 2, 0.6668, 17.386), _LITHIUM_6),
            "D2": (670.977338, 1e-6, 5.8724, 0.002, (3 / 2, 1.335, -1.155, -0.10), _LITHIUM_6),
        },
    ),
    "Li7": _Isotope(
        3 / 2,
        -0.0011822130,
        (1 / 2, 2.0023010, 401.7520433),
        {
            "D1": (670.976658173, 1e-7, 5.8724, 0.002, (1 / 2, 0.6668, 45.914), _LITHIUM_7),
            "D2": (670.961560887, 1e-7, 5.8724, 0.002, (3 / 2, 1.335, -3.055, -0.221), _LITHIUM_7),
        },
    ),
    "Na23": _Isotope(
        3 / 2,
        -0.00080461080,
        (1 / 2, 2.0022960, 885.8130644),
        {
            "D1": (589.7558147, 1.5e-6, 9.765, 0.013, (1 / 2, 0.66581, 94.44), _SODIUM),
            "D2": (589.1583264, 1.5e-6, 9.795, 0.011, (3 / 2, 1.3342, 18.534, 2.724), _SODIUM),
        },
    ),
    "K39": _Isotope(
        3 / 2,
        -0.00014193489,
        (1 / 2, 2.00229421, 230.8598601),
        {
            "D1": (770.108385049, 1.3e-7, 5.956, 0.011, (1 / 2, 2 / 3, 27.775), _POTASSIUM),
            "D2": (766.700921822, 3e-8, 6.035, 0.011, (3 / 2, 4 / 3, 6.093, 2.786), _POTASSIUM),
        },
    ),
    "K40": _Isotope(
        4,
        0.000176490,
        (1 / 2, 2.00229421, -285.7308),
        {
            "D1": (770.108136507, 3e-7, 5.956, 0.011, (1 / 2, 2 / 3, -34.523), _POTASSIUM),
            "D2": (766.700674872, 2e-7, 6.035, 0.011, (3 / 2, 4 / 3, -7.585, -3.445), _POTASSIUM),
        },
    ),
    "Rb85": _Isotope(
        5 / 2,
        -0.00029364000,
        (1 / 2, 2.00233113, 1011.9108130),
        {
            "D1": (794.979014933, 9.6e-8, 5.7500, 0.0056, (1 / 2, 0.666, 120.527), _RUBIDIUM_85),
            "D2": (
                *(780.241368271, 2.7e-8, 6.0666, 0.0018),
                *((3 / 2, 1.3362, 25.0020, 25.790), _RUBIDIUM_85),
            ),
        },
    ),
    "Rb87": _Isotope(
        3 / 2,
        -0.0009951414,
        (1 / 2, 2.00233113, 3417.34130545215),
        {
            "D1": (794.978851156, 2.3e-8, 5.7500, 0.0056, (1 / 2, 0.666, 407.24), _RUBIDIUM_87),
            "D2": (
                *(780.241209686, 1.3e-8, 6.0666, 0.0018),
                *((3 / 2, 1.3362, 84.7185, 12.4965), _RUBIDIUM_87),
            ),
        },
    ),
    "Cs133": _Isotope(
        7 / 2,
        -0.00039885395,
        (1 / 2, 2.00254032, 2298.1579425),
        {
            "D1": (894.59295986, 1.0e-7, 4.575, 0.012, (1 / 2, 0.66590, 291.9201), _CAESIUM),
            "D2": (
                *(852.34727582, 2.7e-7, 5.234, 0.013),
                *((3 / 2, 1.33400, 50.28827, -0.4934), _CAESIUM),
            ),
        },
    ),
    "Sr87": _Isotope(
        9 / 2,
        1.32301e-4,
        (0,),
        {
            "461 nm": (460.8623, 1e-4, 30.51, 0.09, (1, 1.0, -3.4, 39.0), _STRONTIUM_87_BLUE),
            "689 nm": (
                *(689.4489954, 1e-6, 7.479e-3, 0.011e-3),
                *((1, 1.5, -260.085, -35.667), _STRONTIUM_87_RED),
            ),
        },
    ),
    "Sr88": _Isotope(
        0,
        0.0,
        (0,),
        {
            "461 nm": (460.8623, 1e-4, 30.51, 0.09, (1, 1.0), _STRONTIUM_BLUE),
            "689 nm": (689.448896834, 1e-9, 7.479e-3, 0.011e-3, (1, 1.5), _STRONTIUM_RED),
        },
    ),
    "Yb171": _Isotope(
        1 / 2,
        -5.3623e-4,
        (0,),
        {
            "399 nm": (
                *(398.9114, 3e-4, 29.13, 0.03),
                *((1, 1.035, -214.173), _YTTERBIUM_171_BLUE),
            ),
            "556 nm": (
                *(555.8023, 3e-4, 0.182, 0.004),
                *((1, 1.49282, 3957.781), _YTTERBIUM_ODD_GREEN),
            ),
        },
    ),
    "Yb173": _Isotope(
        5 / 2,
        1.47700e-4,
        (0,),
        {
            "399 nm": (
                *(398.9114, 3e-4, 29.13, 0.03),
                *((1, 1.035, 59.52, 601.87), _YTTERBIUM_173_BLUE),
            ),
            "556 nm": (
                *(555.8023, 3e-4, 0.182, 0.004),
                *((1, 1.49282, -1094.328, -826.635), _YTTERBIUM_ODD_GREEN),
            ),
        },
    ),
    "Yb174": _Isotope(
        0,
        0.0,
        (0,),
        {
            "399 nm": (398.9114, 3e-4, 29.13, 0.03, (1, 1.035), _YTTERBIUM_BLUE),
            "556 nm": (555.8023, 3e-4, 0.182, 0.004, (1, 1.49282), _YTTERBIUM_GREEN),
        },
    ),
    "Er166": _Isotope(0, 0.0, (6, 1.163801), _ERBIUM_LINES),
    "Er168": _Isotope(0, 0.0, (6, 1.163801), _ERBIUM_LINES),
    "Dy162": _Isotope(0, 0.0, (8, 1.24159), _DYSPROSIUM_LINES),
    "Dy164": _Isotope(0, 0.0, (8, 1.24159), _DYSPROSIUM_LINES),
}
_NAMES = {
    f"{isotope} {line}".translate(_SPACES).lower().removesuffix("nm"): (isotope, line)
    for isotope, data in _ISOTOPES.items()
    for line in data.lines
}


def atom(name: str) -> Line:
    """A common optical line, by the name of isotope and line.

    There are the D1 and D2 lines of Li6, Li7, Na23, K39, K40, Rb85, Rb87 and Cs133 ("Rb87 D2"); the
    461 nm and 689 nm lines of Sr87 and Sr88 ("Sr88 689 nm"); 399 nm and 556 nm of Yb171, Yb173 and
    Yb174; 401 nm, 583 nm and 841 nm of Er166 and Er168; 421 nm, 626 nm and 741 nm of Dy162 and
    Dy164. Of the elements from strontium on the wavelength of the natural mixture is given, unless
    the source says otherwise: isotopes differ by less than 10⁻⁵.

    Args:
        name: such as "Rb87 D2" or "Sr88 689 nm". Capitals, spaces and the unit do not matter.

    Raises:
        ValueError: for any other name; the error shows the nearest ones.

    Example:
        >>> import collective as co
        >>> co.units.atom("rb87 d2")
        Line: Rb87 D2, J = 1/2 → 3/2, I = 3/2
          wavelength  780.241209686 ± 0.000000013 nm
          linewidth   2π·6.0666 ± 0.0018 MHz
          source      D. A. Steck, Rubidium 87 D Line Data (steck.us/alkalidata)
    """
    return named("name", name)


def named(argument: str, name: str) -> Line:
    """The line of that name; errors call it by the argument that holds it."""
    if not isinstance(name, str):
        raise ValueError(f'{argument} must be a name such as "Rb87 D2", got {checks.short(name)}')
    key = name.translate(_SPACES).lower().removesuffix("nm")
    if key not in _NAMES:
        raise ValueError(f"{argument} {checks.short(name)} is not in the table. {_near(key)}")
    isotope, line = _NAMES[key]
    data = _ISOTOPES[isotope]
    nanometres, error, megahertz, spread, excited, source = data.lines[line]
    return Line(
        f"{isotope} {line}",
        nanometres * 1e-9,
        2e6 * np.pi * megahertz,
        source,
        ground=_level(*data.ground),
        excited=_level(*excited),
        nuclear_spin=data.nuclear_spin,
        nuclear_g_factor=data.nuclear_g_factor,
        wavelength_error=error * 1e-9,
        linewidth_error=2e6 * np.pi * spread,
    )


def _level(
    momentum: float, g_factor: float | None = None, dipole: float = 0.0, quadrupole: float = 0.0
) -> Level:
    """A level from A and B in MHz."""
    return Level(momentum, g_factor, dipole * 1e6, quadrupole * 1e6)


def _near(key: str) -> str:
    """The nearest names in the table, and all of them."""
    close = [
        repr(" ".join(_NAMES[each])) for each in difflib.get_close_matches(key, _NAMES, 3, 0.5)
    ]
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    lines = (f"{isotope} {', '.join(data.lines)}" for isotope, data in _ISOTOPES.items())
    return (
        f"{hint}The table has {'; '.join(lines)}. Others: co.units.Line(name, wavelength, "
        "linewidth, ground=co.units.Level(J, g), excited=co.units.Level(J, g), nuclear_spin=I)"
    )
