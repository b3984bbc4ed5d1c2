"""Optical lines: what is known of the two levels of a transition, and their hyperfine structure."""

from dataclasses import KW_ONLY, dataclass
from typing import Literal

import numpy as np

from collective._tools import checks
from collective._tools.console import printable
from collective.units.conversions import natural_frequency

_LARGEST_MOMENTUM = 50
_SMALLEST_ERROR = 1e-15  # relative; a smaller one cannot be shown beside its value
_SIDES = ("ground", "excited")
Side = Literal["ground", "excited"]


@dataclass(frozen=True)
class Level:
    """A level of the electrons with its Zeeman and hyperfine constants.

    Args:
        momentum: J, a multiple of ½.
        g_factor: g_J of the electrons, positive for a magnetic moment opposite to J; None if it
            is not known.
        magnetic_dipole: the hyperfine constant A/h in Hz.
        electric_quadrupole: the hyperfine constant B/h in Hz.

    Raises:
        ValueError: if J is not a multiple of ½ from 0 to 50, or for a number that is not finite.

    Example:
        The upper level of the rubidium-87 D2 line:

        >>> import collective as co
        >>> co.units.Level(3 / 2, 1.3362, magnetic_dipole=84.7185e6, electric_quadrupole=12.4965e6)
        Level(J=3/2, g=1.3362, A=84.7185 MHz, B=12.4965 MHz)
    """

    momentum: float
    g_factor: float | None = None
    magnetic_dipole: float = 0.0
    electric_quadrupole: float = 0.0

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        g = self.g_factor
        checks.freeze(
            self,
            momentum=half_integer("momentum", self.momentum),
            g_factor=None if g is None else checks.number("g_factor", g),
            magnetic_dipole=checks.number("magnetic_dipole", self.magnetic_dipole),
            electric_quadrupole=checks.number("electric_quadrupole", self.electric_quadrupole),
        )

    @printable
    def __repr__(self) -> str:
        parts = [f"J={fraction(self.momentum)}"]
        if self.g_factor is not None:
            parts.append(f"g={self.g_factor:.8g}")
        for name, hertz in (("A", self.magnetic_dipole), ("B", self.electric_quadrupole)):
            if hertz:
                parts.append(f"{name}={hertz / 1e6:.12g} MHz")
        return f"Level({', '.join(parts)})"


@dataclass(frozen=True)
class Line:
    r"""An optical transition between two levels of an atom.

    Its hyperfine levels, F from :math:`|J − I|` to J + I, have the energies, with
    K = F(F+1) − I(I+1) − J(J+1),

    .. math:: \frac{E_F}{h} = \frac{A K}{2}
        + B\,\frac{\frac32 K(K+1) - 2I(I+1)J(J+1)}{4I(2I-1)J(2J-1)} .

    Args:
        name: the atom and the line.
        wavelength: the vacuum wavelength in metres, of the line without hyperfine structure.
        linewidth: Γ₀ in s⁻¹, the rate at which the excited level decays.
        source: where the numbers come from.
        ground: the lower level; None if only wavelength and linewidth are known.
        excited: the upper level; all its decays lead to the lower one.
        nuclear_spin: I, a multiple of ½.
        nuclear_g_factor: g_I in units of the Bohr magneton, of the same sign convention as g_J:
            H = μ_B (g_J J + g_I I)·B.
        wavelength_error: standard uncertainty of the wavelength in metres; None if not known.
        linewidth_error: that of the linewidth in s⁻¹.

    Raises:
        ValueError: for a number that is not finite, a wavelength or a linewidth that is not above
            0, one level without the other, or a spin that is not a multiple of ½.

    Source:
        D. A. Steck, Rubidium 87 D Line Data, sections 4.1 and 4.2.

    Example:
        >>> import numpy as np, collective as co
        >>> line = co.units.Line("mine", 500e-9, 2 * np.pi * 1e6, ground=co.units.Level(0),
        ...     excited=co.units.Level(1, g_factor=1.5))
        >>> f"ω₀/Γ₀ = {line.frequency:.4g}"
        'ω₀/Γ₀ = 5.996e+08'
    """

    name: str
    wavelength: float
    linewidth: float
    source: str = ""
    _: KW_ONLY
    ground: Level | None = None
    excited: Level | None = None
    nuclear_spin: float = 0.0
    nuclear_g_factor: float = 0.0
    wavelength_error: float | None = None
    linewidth_error: float | None = None

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        for name in ("name", "source"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} must be text, got {checks.short(getattr(self, name))}")
        for side in _SIDES:
            if getattr(self, side) is not None:
                checks.instance(side, getattr(self, side), Level, "co.units.Level(J, ...)")
        if (self.ground is None) != (self.excited is None):
            missing = "ground" if self.ground is None else "excited"
            raise ValueError(f"{missing} is missing: give both levels of the line, or none")
        checks.freeze(
            self,
            wavelength=checks.number("wavelength", self.wavelength, above=0),
            linewidth=checks.number("linewidth", self.linewidth, above=0),
            nuclear_spin=half_integer("nuclear_spin", self.nuclear_spin),
            nuclear_g_factor=checks.number("nuclear_g_factor", self.nuclear_g_factor),
            **{
                name: None if error is None else checks.not_negative(name, error)
                for name, error in (
                    ("wavelength_error", self.wavelength_error),
                    ("linewidth_error", self.linewidth_error),
                )
            },
        )

    @property
    def frequency(self) -> float:
        """ω₀/Γ₀, for `Emitters(frequency=...)` in natural units."""
        return natural_frequency(self.wavelength, self.linewidth)

    def level(self, side: Side) -> Level:
        """The lower or the upper level of the line.

        Args:
            side: "ground" or "excited".

        Raises:
            ValueError: if the levels of the line are not known.
        """
        found: Level | None = getattr(self, checks.choice("side", side, _SIDES))
        if found is None:
            raise ValueError(
                f"line {self.name!r} has no levels: make it with co.units.Line(..., "
                "ground=co.units.Level(J, g), excited=co.units.Level(J, g))"
            )
        return found

    def momenta(self, side: Side) -> tuple[float, ...]:
        """The hyperfine levels, F from :math:`|J − I|` to J + I; J alone without a nuclear spin.

        Args:
            side: "ground" or "excited".

        Example:
            >>> import collective as co
            >>> co.units.atom("Rb87 D2").momenta("excited")
            (0.0, 1.0, 2.0, 3.0)
        """
        return coupled(self.level(side).momentum, self.nuclear_spin)

    def hyperfine_shift(self, side: Side, momentum: float) -> float:
        """Energy of a hyperfine level in Hz, from the level without hyperfine structure.

        Args:
            side: "ground" or "excited".
            momentum: F.

        Example:
            The clock transition of caesium, 9.192631770 GHz:

            >>> import collective as co
            >>> line = co.units.atom("Cs133 D2")
            >>> line.hyperfine_shift("ground", 4) - line.hyperfine_shift("ground", 3)
            9192631770.0
        """
        level, spin = self.level(side), self.nuclear_spin
        f, j = self._momentum(side, momentum), level.momentum
        both = spin * (spin + 1) * j * (j + 1)
        k = f * (f + 1) - spin * (spin + 1) - j * (j + 1)
        shift = level.magnetic_dipole * k / 2
        if spin >= 1 and j >= 1:
            over = 4 * spin * (2 * spin - 1) * j * (2 * j - 1)
            shift += level.electric_quadrupole * (1.5 * k * (k + 1) - 2 * both) / over
        return shift

    def g_factor(self, side: Side, momentum: float) -> float:
        r"""g_F of a hyperfine level: its sublevel m is shifted by g_F m μ_B B in a weak field.

        .. math:: g_F = \frac{g_J (X + J(J+1) - I(I+1)) + g_I (X + I(I+1) - J(J+1))}{2X},
            \qquad X = F(F+1)

        Args:
            side: "ground" or "excited".
            momentum: F.

        Raises:
            ValueError: if g_J is not known.

        Example:
            >>> import collective as co
            >>> line = co.units.atom("Rb87 D2")
            >>> [round(line.g_factor("ground", f), 4) for f in (1, 2)]
            [-0.5018, 0.4998]
        """
        level, spin = self.level(side), self.nuclear_spin
        f, j = self._momentum(side, momentum), level.momentum
        if f == 0:
            return 0.0
        if level.g_factor is None and j > 0:
            raise ValueError(
                f"line {self.name!r}: g_J of the {side} level is not known; give it to "
                f"co.units.Level({fraction(j)}, g_factor=...)"
            )
        x, electrons, nucleus = f * (f + 1), j * (j + 1), spin * (spin + 1)
        moment = (level.g_factor or 0.0) * (x + electrons - nucleus)
        return (moment + self.nuclear_g_factor * (x + nucleus - electrons)) / (2 * x)

    def _momentum(self, side: Side, value: float) -> float:
        """The checked F of a hyperfine level."""
        found = half_integer("momentum", value)
        allowed = self.momenta(side)
        if found not in allowed:
            raise ValueError(
                f"momentum must be one of {', '.join(map(fraction, allowed))} in the {side} level, "
                f"got {fraction(found)}"
            )
        return found

    @printable
    def __repr__(self) -> str:
        title = f"Line: {self.name}"
        if self.ground is not None and self.excited is not None:
            title += f", J = {fraction(self.ground.momentum)} → {fraction(self.excited.momentum)}"
            if self.nuclear_spin:
                title += f", I = {fraction(self.nuclear_spin)}"
        rate = 2e6 * np.pi
        wavelength = _with_error(self.wavelength, self.wavelength_error, 1e-9)
        return "\n".join(
            [
                title,
                f"  wavelength  {wavelength} nm",
                f"  linewidth   2π·{_with_error(self.linewidth, self.linewidth_error, rate)} MHz",
                f"  source      {self.source or '–'}",
            ]
        )


def coupled(one: float, other: float) -> tuple[float, ...]:
    """The momenta |j₁ − j₂| … j₁ + j₂ of two coupled angular momenta."""
    return tuple(float(f) for f in np.arange(abs(one - other), one + other + 0.5))


def half_integer(name: str, value: float) -> float:
    """A checked angular momentum: a multiple of ½, not negative."""
    size = checks.not_negative(name, value)
    if size > _LARGEST_MOMENTUM:
        raise ValueError(f"{name} must be at most {_LARGEST_MOMENTUM}, got {size:g}")
    if abs(round(2 * size) - 2 * size) > 1e-12:
        raise ValueError(f"{name} must be a multiple of 1/2, got {size:g}")
    return round(2 * size) / 2


def fraction(momentum: float) -> str:
    """A multiple of ½ as text: "3/2", "2", "-1/2"."""
    twice = round(2 * momentum)
    return f"{twice}/2" if twice % 2 else f"{twice // 2}"


def _with_error(value: float, error: float | None, unit: float) -> str:
    """A number in some unit with its uncertainty, if that is known."""
    if not error or error < _SMALLEST_ERROR * value:
        return f"{value / unit:.12g}"
    digits = max(0, 1 - int(np.floor(np.log10(error / unit))))
    return f"{value / unit:.{digits}f} ± {error / unit:.{digits}f}"
