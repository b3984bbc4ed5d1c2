"""Two-level emitters: `Emitters`.

Lengths are in vacuum wavelengths λ₀ and rates in linewidths Γ₀ unless `wavelength` and
`decay_rates` are given in other units. Any consistent pair of units is allowed.

The file is longer than others because it holds one class with its constructors and its disorder.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality, notebook
from collective._tools.console import printable
from collective.emitters import choosing, disorder
from collective.emitters.si import LARGEST_MOMENT, unit
from collective.emitters.spherical import checked_rotation
from collective.units import linewidth

_EACH = ("positions", "dipoles", "decay_rates", "detunings")  # what each emitter has of its own
_HIGHEST = 1e12  # detunings in units of ω₀: above it rounding would lose ω₀


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Emitters:
    r"""Two-level emitters: their positions, dipoles, decay rates and frequencies.

    The dipole of emitter m is the lowering element :math:`u_m = ⟨g|d|e⟩/|⟨g|d|e⟩|`; a complex
    one is circular or elliptical polarisation. Emitter m has the frequency
    :math:`ω_m = ω_0 + δ_m` and the wave number :math:`k_m = (2π/λ_0)\,ω_m/ω_0`.

    Args:
        positions: (N, 3), in units of length.
        dipoles: (3,) or (N, 3), complex directions, which are normalised.
        decay_rates: vacuum linewidth of each emitter at its own frequency, scalar or (N,).
        detunings: δ_m = ω_m − ω₀, scalar or (N,), in units of rate.
        frequency: ω₀ in units of rate. None is the limit ω₀ → ∞: detunings then do not change
            the wave numbers, 2π/wavelength, and what needs the speed of light is not assessed.
        wavelength: vacuum wavelength λ₀ of the reference transition, in units of length.
        kind: "electric", or "magnetic" for magnetic dipole transitions; `dipoles` are then the
            directions of ⟨g|m|e⟩, and the field needs `magnetic_green`.

    Raises:
        ValueError: for a wrong shape, a number that is not finite, a zero dipole, a negative
            rate, or a detuning that makes ω_m negative.

    Example:
        >>> import collective as co
        >>> co.Emitters([[0, 0, 0], [0, 0, 0.1]], dipoles=(1, 0, 0))
        Emitters: 2 two-level emitters
          nearest pair  0.1
          extent        0.1
          dipoles       (1, 0, 0)
          decay rates   1
          detunings     0
          frequency     None (limit of large ω₀)
          wavelength    1

        Parts and sums of emitters are emitters again:

        >>> chain = co.chain(5, 0.2)
        >>> len(chain[1:]), len(chain[[0, 4]] + chain.translated([1, 0, 0]))
        (4, 7)
    """

    positions: NDArray[np.float64]
    dipoles: NDArray[np.complex128]
    decay_rates: NDArray[np.float64]
    detunings: NDArray[np.float64]
    frequency: float | None
    wavelength: float
    kind: Literal["electric", "magnetic"]

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __init__(
        self,
        positions: ArrayLike,
        *,
        dipoles: ArrayLike = (0, 0, 1),
        decay_rates: ArrayLike = 1.0,
        detunings: ArrayLike = 0.0,
        frequency: float | None = None,
        wavelength: float = 1.0,
        kind: Literal["electric", "magnetic"] = "electric",
    ):
        positions = checked_positions(positions)
        n = len(positions)
        detunings = checks.per_emitter("detunings", detunings, n)
        if frequency is not None:
            frequency = checks.number("frequency", frequency, above=0)
            lowest = int(np.argmin(detunings))
            if frequency + detunings[lowest] <= 0:
                raise ValueError(
                    f"frequency + detunings must be positive: emitter {lowest} has "
                    f"{frequency:g} + {detunings[lowest]:g}"
                )
            if detunings.max() > _HIGHEST * frequency:
                raise ValueError(
                    f"detunings must be at most {_HIGHEST:g} times the frequency, {frequency:g}; "
                    f"the largest is {detunings.max():g}"
                )
        checks.freeze(
            self,
            positions=positions,
            dipoles=_unit_dipoles(dipoles, n),
            decay_rates=checks.per_emitter("decay_rates", decay_rates, n, minimum=0),
            detunings=detunings,
            frequency=frequency,
            wavelength=checks.number("wavelength", wavelength, above=0),
            kind=checks.choice("kind", kind, ("electric", "magnetic")),
        )

    @classmethod
    def from_si(
        cls,
        positions: ArrayLike,
        *,
        dipoles: ArrayLike,
        wavelength: float,
        detunings: ArrayLike = 0.0,
        kind: Literal["electric", "magnetic"] = "electric",
        length: float = 1.0,
        rate: float = 1.0,
    ) -> "Emitters":
        r"""Make emitters from metres and C·m; their linewidths follow from their dipoles.

        .. math:: Γ_m = \frac{ω_m^3 |d_m|^2}{3π ε_0 ħ c^3}, \qquad ω_m = 2πc/λ_0 + δ_m

        Args:
            positions: (N, 3) in metres.
            dipoles: ⟨g|d|e⟩ as vectors (3,) or (N, 3) in C·m, one debye is `units.debye`; in J/T
                for magnetic dipoles.
            wavelength: vacuum wavelength λ₀ of the reference transition in metres.
            detunings: δ_m = ω_m − ω₀ in rad/s, scalar or (N,).
            kind: "electric" or "magnetic".
            length: unit of length of the result, in metres.
            rate: unit of rate of the result, in s⁻¹.

        Returns:
            `Emitters` with a frequency, in metres and s⁻¹ unless other units are given.

        Raises:
            ValueError: as the constructor, and for a unit that is not above 0.

        Warns:
            UnitWarning: for dipoles or a wavelength that are probably not in C·m (J/T) or metres.

        Example:
            Two molecules of 10 debye, 20 nm apart, at 600 nm, in nanometres and 1/ns:

            >>> import collective as co
            >>> pair = co.Emitters.from_si(
            ...     [[0, 0, 0], [0, 0, 20e-9]], dipoles=[0, 0, 10 * co.units.debye],
            ...     wavelength=600e-9, length=1e-9, rate=1e9)
            >>> float(pair.decay_rates[0].round(4)), round(pair.wavelength)
            (0.1452, 600)
        """
        from scipy.constants import c

        length, rate = unit("length", length, "metres"), unit("rate", rate, "s⁻¹")
        checks.choice("kind", kind, ("electric", "magnetic"))
        metres = unit("wavelength", wavelength, "metres")
        where = checked_positions(positions)
        moments = checks.finite("dipoles", dipoles, complex, largest=LARGEST_MOMENT)
        if moments.shape not in ((3,), (len(where), 3)):
            raise ValueError(
                f"dipoles must have shape (3,) or ({len(where)}, 3), got {moments.shape}"
            )
        offsets = checks.per_emitter("detunings", detunings, len(where))
        frequency = 2 * np.pi * c / metres
        if np.abs(offsets).max() >= frequency:
            raise ValueError(
                f"detunings must be smaller than the frequency of the wavelength, {frequency:.4g} "
                f"rad/s, got {np.abs(offsets).max():.4g}"
            )
        made = cls(
            where / length,
            dipoles=moments,
            detunings=offsets / rate,
            frequency=frequency / rate,
            wavelength=metres / length,
            kind=kind,
        )
        own = 2 * np.pi * c / (frequency + offsets)  # wavelength of each
        linewidths = linewidth(np.broadcast_to(moments, (len(where), 3)), own, kind=kind)
        return made.replace(decay_rates=linewidths / rate)

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> "Emitters":
        """Some of the emitters: `atoms[0]`, `atoms[1:]`, `atoms[[0, 3]]`, or by truth values."""
        chosen = choosing.places(index, len(self), "emitters")
        return self.replace(**{name: getattr(self, name)[chosen] for name in _EACH})

    def __add__(self, other: object) -> "Emitters":
        """Both sets in one, those of the left side first."""
        if not isinstance(other, Emitters):
            choosing.refuse_numbers(other)
            return NotImplemented
        choosing.require_same(self, other, ("kind", "wavelength", "frequency"))
        return self.replace(
            **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in _EACH}
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return choosing.as_one_object(self, dtype)

    @property
    def wavenumbers(self) -> NDArray[np.float64]:
        """k_m of every emitter, (N,)."""
        k = 2 * np.pi / self.wavelength
        if self.frequency is None:
            return np.full(len(self), k)
        return k * (1 + self.detunings / self.frequency)

    @property
    def speed_of_light(self) -> float | None:
        """The speed of light ω₀λ₀/2π in these units, or None without a frequency."""
        return None if self.frequency is None else self.frequency * self.wavelength / (2 * np.pi)

    @property
    def extent(self) -> float:
        """Diagonal of the box around the emitters, in units of length; no pair is farther apart."""
        return float(np.linalg.norm(np.ptp(self.positions, axis=0)))

    def nearest_pair(self) -> tuple[float, tuple[int, int]]:
        """Distance and indices of the two closest emitters (∞ and (0, 0) for one emitter)."""
        if len(self) == 1:
            return float("inf"), (0, 0)
        from scipy.spatial import cKDTree

        distances, partners = cKDTree(self.positions).query(self.positions, k=2)
        m = int(np.argmin(distances[:, 1]))
        n = next(int(p) for p in partners[m] if p != m)
        return float(distances[m, 1]), (min(m, n), max(m, n))

    def replace(self, **changes: Any) -> "Emitters":
        """A copy with the given arguments of the constructor changed."""
        return replace(self, **changes)

    def translated(self, vector: ArrayLike) -> "Emitters":
        """A copy moved by a vector (3,)."""
        return self.replace(positions=self.positions + checks.vector("vector", vector))

    def rotated(self, rotation: ArrayLike) -> "Emitters":
        """A copy turned about the origin, positions and dipoles.

        Args:
            rotation: (3, 3), an orthogonal matrix R with determinant 1; a position r becomes R r.

        Raises:
            ValueError: for another matrix.

        Example:
            >>> import collective as co
            >>> standing = co.square(2, 2, 0.5).rotated([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
            >>> standing.dipoles[0].real, float(abs(standing.positions[:, 0]).max())
            (array([1., 0., 0.]), 0.0)
        """
        turn = checked_rotation("rotation", rotation)
        return self.replace(positions=self.positions @ turn.T, dipoles=self.dipoles @ turn.T)

    def with_filling(self, fraction: float, *, seed: int) -> "Emitters":
        """A copy in which each emitter is kept with the given probability, as in a loaded array.

        The number of emitters that are left has a binomial distribution, with the mean
        N·fraction. They keep their order.

        Args:
            fraction: the probability that a site is filled, above 0 and at most 1.
            seed: seed of numpy's default generator; the same seed leaves the same sites empty.
                Other kinds of disorder may use the same seed: they draw from other streams.

        Raises:
            ValueError: for another fraction, and if no emitter is left.

        Example:
            >>> import collective as co
            >>> len(co.square(10, 10, 0.3).with_filling(0.8, seed=1))
            76
        """
        kept = disorder.filled(len(self), fraction, seed)
        return self.replace(**{name: getattr(self, name)[kept] for name in _EACH})

    def with_motion(self, width: ArrayLike, *, seed: int) -> "Emitters":
        """A copy with each emitter displaced by a Gaussian, one snapshot of motion in a trap.

        This describes atoms that hardly move while they emit. `units.trap_width` gives the width
        of a harmonic trap from its frequency and temperature.

        Args:
            width: the standard deviation of each coordinate, in units of length: one number, or
                (3,) for the three axes.
            seed: seed of numpy's default generator; the same seed gives the same displacements.
                Other kinds of disorder may use the same seed: they draw from other streams.

        Raises:
            ValueError: for a negative width, or one that moves emitters too far for a number.

        Example:
            >>> import collective as co
            >>> moved = co.chain(3, 0.5).with_motion((0, 0, 0.02), seed=1)
            >>> moved.positions[:, 2].round(4)
            array([0.0094, 0.5009, 0.996 ])
        """
        moved = self.positions + disorder.displacements(len(self), width, seed)
        if not np.all(np.abs(moved) <= checks.LARGEST):
            raise ValueError(f"width {checks.short(width)} moves emitters beyond 1e100")
        return self.replace(positions=moved)

    def with_random_detunings(
        self,
        width: float,
        *,
        seed: int,
        distribution: Literal["gaussian", "lorentzian", "uniform"] = "gaussian",
    ) -> "Emitters":
        """A copy with random detunings added: inhomogeneous broadening.

        Args:
            width: in units of rate. Of a Gaussian it is the standard deviation. Of a Lorentzian
                it is half the width at half maximum, so that coherences of the mean decay like
                e^{−width·t}. A uniform distribution reaches from −width to width.
            seed: seed of numpy's default generator; the same seed gives the same detunings.
                Other kinds of disorder may use the same seed: they draw from other streams.
            distribution: "gaussian", "lorentzian" or "uniform".

        Raises:
            ValueError: for a negative width, and if a detuning would be below −`frequency`.

        Example:
            >>> import collective as co
            >>> co.chain(3, 0.5).with_random_detunings(2.0, seed=1).detunings.round(4)
            array([0.1361, 3.8396, 1.027 ])
        """
        added = disorder.random_detunings(len(self), width, seed, distribution)
        try:
            return self.replace(detunings=self.detunings + added)
        except ValueError as error:
            raise ValueError(f"width {width:g} is too large: {error}") from None

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        nearest = "–" if len(self) == 1 else f"{self.nearest_pair()[0]:.6g}"
        frequency = "None (limit of large ω₀)" if self.frequency is None else f"{self.frequency:g}"
        noun = "emitter" if len(self) == 1 else "emitters"
        magnetic = "magnetic " if self.kind == "magnetic" else ""
        return "\n".join(
            [
                f"Emitters: {len(self)} {magnetic}two-level {noun}",
                f"  nearest pair  {nearest}",
                f"  extent        {self.extent:.6g}",
                f"  dipoles       {_summary(self.dipoles)}",
                f"  decay rates   {_summary(self.decay_rates)}",
                f"  detunings     {_summary(self.detunings)}",
                f"  frequency     {frequency}",
                f"  wavelength    {self.wavelength:g}",
            ]
        )


def checked_positions(value: ArrayLike) -> NDArray[np.float64]:
    """The checked positions, (N, 3)."""
    positions = checks.finite("positions", value)
    if positions.ndim != 2 or positions.shape[1] != 3 or len(positions) == 0:
        raise ValueError(f"positions must have shape (N, 3), N ≥ 1, got {positions.shape}")
    return positions


def _unit_dipoles(value: ArrayLike, n: int) -> NDArray[np.complex128]:
    """The checked and normalised dipoles, (n, 3)."""
    dipoles = checks.finite("dipoles", value, complex, largest=np.inf)
    if dipoles.shape not in ((3,), (n, 3)):
        raise ValueError(f"dipoles must have shape (3,) or ({n}, 3), got {dipoles.shape}")
    # divide by the largest component first, so that tiny SI dipoles do not underflow
    largest = np.maximum(np.abs(dipoles.real), np.abs(dipoles.imag)).max(axis=-1, keepdims=True)
    if np.any(largest == 0):
        which = f"[{int(np.argmin(largest))}]" if dipoles.ndim == 2 else ""
        raise ValueError(f"dipoles{which} is zero: a dipole needs a direction")
    dipoles, largest = checks.enlarged(dipoles, largest)
    norm = np.linalg.norm(dipoles / largest, axis=-1, keepdims=True)
    with np.errstate(over="ignore"):
        length = norm * largest
    # a unit vector must not change by rounding
    unit = np.where(np.abs(length - 1) < 1e-15, dipoles, dipoles / largest / norm)
    return np.broadcast_to(unit, (n, 3)).copy()


def _summary(values: NDArray[Any]) -> str:
    """Values as `repr` shows them: the common value, the range, or "individual"."""
    if np.all(values == values[0]):
        first = values[0]
        if first.ndim == 0:
            return f"{first:g}"
        parts = [f"{z.real:.4g}" if z.imag == 0 else f"{z:.4g}" for z in first]
        return "(" + ", ".join(parts) + ")"
    if values.ndim == 1:
        return f"{values.min():g} … {values.max():g}"
    return "individual"
