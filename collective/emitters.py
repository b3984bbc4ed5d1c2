"""Quantum emitters in space: `Emitters` and the lattices they are usually put on.

Lengths are in vacuum wavelengths λ₀ and rates in linewidths Γ₀ unless `wavelength` and
`decay_rates` say otherwise; any consistent pair of units will do.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective import _checks


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Emitters:
    r"""Two-level emitters: where they are, how their dipoles point, how fast they decay.

    The dipole of emitter m is the lowering element :math:`u_m = ⟨g|d|e⟩/|⟨g|d|e⟩|`; a complex
    one is circular or elliptical polarisation. Emitter m has the frequency
    :math:`ω_m = ω_0 + δ_m` and the wave number :math:`k_m = (2π/λ_0)\,ω_m/ω_0`.

    Args:
        positions: (N, 3), in units of length.
        dipoles: (3,) or (N, 3), complex directions; normalised here.
        decay_rates: vacuum linewidth of each emitter at its own frequency, scalar or (N,).
        detunings: δ_m = ω_m − ω₀, scalar or (N,), in units of rate.
        frequency: ω₀ in units of rate. None is the limit ω₀ → ∞, in which detunings leave every
            wave number at 2π/wavelength; what needs the speed of light is then not assessed.
        wavelength: vacuum wavelength λ₀ of the reference transition, in units of length.

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
    """

    positions: NDArray[np.float64]
    dipoles: NDArray[np.complex128]
    decay_rates: NDArray[np.float64]
    detunings: NDArray[np.float64]
    frequency: float | None
    wavelength: float

    def __init__(
        self,
        positions: ArrayLike,
        *,
        dipoles: ArrayLike = (0, 0, 1),
        decay_rates: ArrayLike = 1.0,
        detunings: ArrayLike = 0.0,
        frequency: float | None = None,
        wavelength: float = 1.0,
    ):
        positions = _checks.finite("positions", positions)
        if positions.ndim != 2 or positions.shape[1] != 3 or len(positions) == 0:
            raise ValueError(f"positions must have shape (N, 3), N ≥ 1, got {positions.shape}")
        n = len(positions)
        detunings = _checks.per_emitter("detunings", detunings, n)
        if frequency is not None:
            frequency = _checks.number("frequency", frequency, above=0)
            lowest = int(np.argmin(detunings))
            if frequency + detunings[lowest] <= 0:
                raise ValueError(
                    f"frequency + detunings must be positive: emitter {lowest} has "
                    f"{frequency:g} + {detunings[lowest]:g}"
                )
        _checks.freeze(
            self,
            positions=positions,
            dipoles=_unit_dipoles(dipoles, n),
            decay_rates=_checks.per_emitter("decay_rates", decay_rates, n, minimum=0),
            detunings=detunings,
            frequency=frequency,
            wavelength=_checks.number("wavelength", wavelength, above=0),
        )

    def __len__(self) -> int:
        return len(self.positions)

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
        """Diagonal of the box around the emitters, in units of length: no pair is further apart."""
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
        return self.replace(positions=self.positions + _checks.vector("vector", vector))

    def __repr__(self) -> str:
        nearest = "–" if len(self) == 1 else f"{self.nearest_pair()[0]:.6g}"
        frequency = "None (limit of large ω₀)" if self.frequency is None else f"{self.frequency:g}"
        noun = "emitter" if len(self) == 1 else "emitters"
        return "\n".join(
            [
                f"Emitters: {len(self)} two-level {noun}",
                f"  nearest pair  {nearest}",
                f"  extent        {self.extent:.6g}",
                f"  dipoles       {_summary(self.dipoles)}",
                f"  decay rates   {_summary(self.decay_rates)}",
                f"  detunings     {_summary(self.detunings)}",
                f"  frequency     {frequency}",
                f"  wavelength    {self.wavelength:g}",
            ]
        )


def _unit_dipoles(value: ArrayLike, n: int) -> NDArray[np.complex128]:
    dipoles = _checks.finite("dipoles", value, complex)
    if dipoles.shape not in ((3,), (n, 3)):
        raise ValueError(f"dipoles must have shape (3,) or ({n}, 3), got {dipoles.shape}")
    # divide by the largest component first, so that tiny SI dipoles do not underflow
    largest = np.max(np.abs(dipoles), axis=-1, keepdims=True)
    if np.any(largest == 0):
        which = f"[{int(np.argmin(largest))}]" if dipoles.ndim == 2 else ""
        raise ValueError(f"dipoles{which} is zero: a dipole needs a direction")
    norm = np.linalg.norm(dipoles / largest, axis=-1, keepdims=True)
    length = norm * largest
    # a unit vector stays what it is, bit for bit
    unit = np.where(np.abs(length - 1) < 1e-15, dipoles, dipoles / largest / norm)
    if not np.all(np.isfinite(unit)):
        raise ValueError("dipoles are too large or too small for their direction to be known")
    dipoles = unit
    return np.broadcast_to(dipoles, (n, 3)).copy()


def _summary(values: NDArray[Any]) -> str:
    if np.all(values == values[0]):
        first = values[0]
        if first.ndim == 0:
            return f"{first:g}"
        parts = [f"{z.real:.4g}" if z.imag == 0 else f"{z:.4g}" for z in first]
        return "(" + ", ".join(parts) + ")"
    if values.ndim == 1:
        return f"{values.min():g} … {values.max():g}"
    return "individual"


def chain(
    n: int,
    spacing: float,
    *,
    axis: ArrayLike = (0, 0, 1),
    dipoles: ArrayLike = (1, 0, 0),
    **emitter_options: Any,
) -> Emitters:
    """A straight chain, first emitter at the origin: r_m = m·spacing·axis.

    Args:
        n: number of emitters.
        spacing: distance between neighbours, in units of length.
        axis: direction of the chain, (3,).
        dipoles: perpendicular to the default axis by default.
        **emitter_options: further arguments of `Emitters`.

    Example:
        >>> import collective as co
        >>> co.chain(3, 0.1).positions[:, 2]
        array([0. , 0.1, 0.2])
    """
    steps = np.arange(_checks.count("n", n)) * _checks.number("spacing", spacing, above=0)
    return Emitters(
        steps[:, None] * _checks.direction("axis", axis), dipoles=dipoles, **emitter_options
    )


def ring(n: int, spacing: float, **emitter_options: Any) -> Emitters:
    """A regular polygon in the xy-plane around the origin.

    Args:
        n: number of emitters, at least 2.
        spacing: chord between neighbours, in units of length.
        **emitter_options: arguments of `Emitters`; dipoles are (0, 0, 1) by default.

    Example:
        >>> import collective as co
        >>> round(co.ring(6, 0.2).nearest_pair()[0], 12)
        0.2
    """
    n = _checks.count("n", n, minimum=2)
    radius = _checks.number("spacing", spacing, above=0) / (2 * np.sin(np.pi / n))
    angles = 2 * np.pi * np.arange(n) / n
    positions = radius * np.stack([np.cos(angles), np.sin(angles), np.zeros(n)], axis=1)
    return Emitters(positions, **emitter_options)


def square(nx: int, ny: int, spacing: float, **emitter_options: Any) -> Emitters:
    """A square lattice in the xy-plane, first emitter at the origin; x runs slowest.

    Args:
        nx: emitters along x.
        ny: emitters along y.
        spacing: distance between neighbours, in units of length.
        **emitter_options: arguments of `Emitters`; dipoles are (0, 0, 1) by default.
    """
    return cubic(nx, ny, 1, spacing, **emitter_options)


def triangular(nx: int, ny: int, spacing: float, **emitter_options: Any) -> Emitters:
    """A triangular lattice in the xy-plane: ny rows of nx, every second row shifted by half.

    Args:
        nx: emitters in a row along x.
        ny: number of rows.
        spacing: distance between neighbours, in units of length.
        **emitter_options: arguments of `Emitters`; dipoles are (0, 0, 1) by default.
    """
    cells = _cells(nx, ny, 1)
    x = cells[:, 0] + 0.5 * (cells[:, 1] % 2)
    y = cells[:, 1] * np.sqrt(3) / 2
    positions = np.stack([x, y, np.zeros(len(x))], axis=1)
    return Emitters(positions * _checks.number("spacing", spacing, above=0), **emitter_options)


def cubic(nx: int, ny: int, nz: int, spacing: float, **emitter_options: Any) -> Emitters:
    """A simple cubic lattice, first emitter at the origin; x runs slowest, z fastest.

    Args:
        nx: emitters along x.
        ny: emitters along y.
        nz: emitters along z.
        spacing: distance between neighbours, in units of length.
        **emitter_options: arguments of `Emitters`; dipoles are (0, 0, 1) by default.
    """
    cells = _cells(nx, ny, nz)
    return Emitters(cells * _checks.number("spacing", spacing, above=0), **emitter_options)


def _cells(nx: int, ny: int, nz: int) -> NDArray[np.float64]:
    counts = [_checks.count(name, n) for name, n in (("nx", nx), ("ny", ny), ("nz", nz))]
    grid = np.meshgrid(*map(np.arange, counts), indexing="ij")
    return np.stack(grid, axis=-1).reshape(-1, 3).astype(float)


def cloud(
    n: int,
    radius: float,
    *,
    shape: Literal["ball", "gaussian"] = "ball",
    min_distance: float = 0.0,
    seed: int,
    **emitter_options: Any,
) -> Emitters:
    """Random positions around the origin, drawn one after the other.

    Args:
        n: number of emitters.
        radius: of the uniformly filled ball, or the standard deviation of each coordinate of
            the Gaussian cloud, in units of length.
        shape: "ball" or "gaussian".
        min_distance: a candidate closer than this to an earlier emitter is drawn again.
        seed: of numpy's default generator; the same seed gives the same cloud.
        **emitter_options: further arguments of `Emitters`.

    Raises:
        ValueError: when 1,000 draws in a row find no room for the next emitter.

    Example:
        >>> import collective as co
        >>> co.cloud(50, 1.0, min_distance=0.1, seed=1).nearest_pair()[0] >= 0.1
        True
    """
    n = _checks.count("n", n)
    radius = _checks.number("radius", radius, above=0)
    shape_ = _checks.choice("shape", shape, ("ball", "gaussian"))
    min_distance = _checks.number("min_distance", min_distance)
    if min_distance < 0:
        raise ValueError(f"min_distance must not be negative, got {min_distance:g}")
    rng = np.random.default_rng(_checks.count("seed", seed, minimum=0))
    positions = np.empty((n, 3))
    for m in range(n):
        for _ in range(1000):
            candidate = rng.standard_normal(3)
            if shape_ == "ball":
                candidate *= np.cbrt(rng.random()) / np.linalg.norm(candidate)
            candidate *= radius
            distances = np.linalg.norm(positions[:m] - candidate, axis=1)
            if m == 0 or distances.min() >= min_distance:
                positions[m] = candidate
                break
        else:
            raise ValueError(
                f"min_distance {min_distance:g} leaves no room for emitter {m} of {n} in radius "
                f"{radius:g}: 1,000 draws failed; enlarge radius or reduce min_distance or n"
            )
    return Emitters(positions, **emitter_options)
