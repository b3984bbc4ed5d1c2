"""Numbers of a scenario: with or without a unit, real or complex.

A plain number is in the units of the package: lengths in wavelengths λ₀, rates in linewidths Γ₀,
times in 1/Γ₀, angles in radians. A text may give the unit: "0.2 wavelengths", "150 nm", "90 deg".
SI units are converted with the wavelength and the linewidth of the section [units].
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from collective._tools.checks import short

# how a message and the reference table name a dimension
SPELLED = {
    "length": "λ₀",
    "inverse length": "1/λ₀",
    "rate": "Γ₀",
    "time": "1/Γ₀",
    "velocity": "λ₀Γ₀",
    "angle": "rad",
    "magnetic field": "T",
    "": "",
}
# unit: (dimension, size, whether the size is in SI units)
_METRES = {"m": 1.0, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "nm": 1e-9, "pm": 1e-12}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9, "ps": 1e-12}
UNITS: dict[str, tuple[str, float, bool]] = {
    **dict.fromkeys(("wavelengths", "wavelength", "λ₀"), ("length", 1.0, False)),
    **dict.fromkeys(("1/wavelength", "1/λ₀"), ("inverse length", 1.0, False)),
    **dict.fromkeys(("linewidths", "linewidth", "Γ₀"), ("rate", 1.0, False)),
    **dict.fromkeys(("lifetimes", "lifetime", "1/Γ₀"), ("time", 1.0, False)),
    "λ₀Γ₀": ("velocity", 1.0, False),
    "rad": ("angle", 1.0, False),
    "deg": ("angle", math.pi / 180, False),
    "T": ("magnetic field", 1.0, False),
    "mT": ("magnetic field", 1e-3, False),
    **dict.fromkeys(("G", "gauss"), ("magnetic field", 1e-4, False)),
    "mG": ("magnetic field", 1e-7, False),
    **{name: ("length", size, True) for name, size in _METRES.items()},
    **{f"1/{name}": ("inverse length", 1 / size, True) for name, size in _METRES.items()},
    **{name: ("time", size, True) for name, size in _SECONDS.items()},
    **{f"1/{name}": ("rate", 1 / size, True) for name, size in _SECONDS.items()},
    "m/s": ("velocity", 1.0, True),
}
_CYCLES = ("Hz", "kHz", "MHz", "GHz", "THz")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_WITH_UNIT = re.compile(rf"\s*({_NUMBER})\s*([^\d\s.+-].*?|1\s*/.*?)\s*")
_COMPLEX = re.compile(rf"\s*(?:({_NUMBER})\s*(?=[+-]))?\s*([+-]?\s*(?:{_NUMBER[5:]})?)\s*[ij]\s*")


@dataclass(frozen=True)
class Units:
    """What SI units are converted with.

    Attributes:
        wavelength: λ₀ in metres, or None.
        linewidth: Γ₀ in 1/s, or None.
    """

    wavelength: float | None = None
    linewidth: float | None = None

    def factor(self, unit: str, dimension: str) -> float:
        """The size of a unit in the units of the package.

        Raises:
            ValueError: for a unit that is not known, is of another dimension, or cannot be
                converted.
        """
        known = ", ".join(name for name, (kind, _, _) in UNITS.items() if kind == dimension)
        if unit in _CYCLES:
            raise ValueError(
                f"{unit} is not used here, because a rate may be meant with or without 2π: write "
                '2π × 6.07 MHz as "3.81e7 1/s"'
            )
        if not dimension:
            raise ValueError(f"has no unit, but {short(unit)} was given: write the number alone")
        if unit not in UNITS:
            raise ValueError(f"{short(unit)} is not a unit that is known here: use {known}")
        kind, size, si = UNITS[unit]
        if kind != dimension:
            article = "an" if dimension[0] in "aeiou" else "a"
            raise ValueError(
                f"must be {article} {dimension}, but {unit} is a unit of {kind}: use {known}"
            )
        if not si:
            return size
        if kind in ("length", "inverse length"):
            scale = self._required("wavelength", unit, '"780 nm"')
            return size / scale if kind == "length" else size * scale
        scale = self._required("linewidth", unit, '"3.81e7 1/s"')
        if kind == "velocity":
            return size / scale / self._required("wavelength", unit, '"780 nm"')
        return size / scale if kind == "rate" else size * scale

    def _required(self, name: str, unit: str, example: str) -> float:
        """The wavelength or the linewidth; raises if it is not given."""
        value: float | None = getattr(self, name)
        if value is None:
            raise ValueError(f"in {unit} needs a section [units] with {name} = {example}")
        return value


SI_UNKNOWN = Units()


def quantity(text: str, dimension: str, units: Units) -> float:
    """The number in a text such as "0.2 wavelengths" or "150 nm".

    >>> round(quantity("150 nm", "length", Units(wavelength=750e-9)), 12)
    0.2

    Raises:
        ValueError: for a text that is not a number with a unit of this dimension.
    """
    found = _WITH_UNIT.fullmatch(text)
    if found is None:
        example = next((u for u, (kind, _, _) in UNITS.items() if kind == dimension), "")
        hint = f', or "0.2 {example}"' if example else ""
        raise ValueError(f"must be a number, not the text {short(text)}: write 0.2{hint}")
    number, unit = found.groups()
    size = float(number) * units.factor(unit.replace(" ", ""), dimension)
    if not math.isfinite(size):
        raise ValueError(f"must be finite, got {short(text)}")
    return size


def complex_text(text: str) -> complex | None:
    """The complex number in a text, or None if it is not one.

    >>> complex_text("-50+0.6i"), complex_text("1j"), complex_text("- i"), complex_text("0.6")
    ((-50+0.6j), 1j, -1j, None)
    """
    found = _COMPLEX.fullmatch(text)
    if found is None:
        return None
    real, imaginary = found.groups()
    imaginary = imaginary.replace(" ", "")
    if imaginary in ("", "+", "-"):
        imaginary += "1"
    return complex(float(real or 0), float(imaginary))


def si_units(given: Mapping[str, str]) -> Units:
    """The `Units` of texts such as {"wavelength": "780 nm", "linewidth": "3.81e7 1/s"}.

    Raises:
        ValueError: naming the key, for a text that is not positive with a unit of SI.
    """
    sizes = {}
    for name, dimension in (("wavelength", "length"), ("linewidth", "rate")):
        if name not in given:
            continue
        try:
            sizes[name] = quantity(given[name], dimension, Units(1.0, 1.0))
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
        found = _WITH_UNIT.fullmatch(given[name])
        assert found is not None
        unit = found.group(2).replace(" ", "")
        if not UNITS[unit][2]:
            raise ValueError(f"{name} must have a unit of SI, such as nm or 1/s, not {unit}")
        if sizes[name] <= 0:
            raise ValueError(f"{name} must be above 0, got {given[name]!r}")
    return Units(**sizes)
