"""Common arrangements of two-level emitters: chains, rings, lattices, clouds."""

from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.memory import require
from collective.emitters.two_level import Emitters

_BYTES = 200  # for each emitter: its position, dipole, rate, detuning, and temporary arrays


def chain(
    n: int,
    spacing: float,
    *,
    axis: ArrayLike = (0, 0, 1),
    dipoles: ArrayLike = (1, 0, 0),
    **emitter_options: Any,
) -> Emitters:
    """A straight chain that starts at the origin: r_m = m·spacing·axis.

    Args:
        n: number of emitters.
        spacing: distance between neighbours, in units of length.
        axis: direction of the chain, (3,).
        dipoles: (3,) or (n, 3); the default is perpendicular to the default axis.
        **emitter_options: further arguments of `Emitters`.

    Example:
        >>> import collective as co
        >>> co.chain(3, 0.1).positions[:, 2]
        array([0. , 0.1, 0.2])
    """
    (n,) = _counts(n=n)
    steps = np.arange(n) * checks.number("spacing", spacing, above=0)
    return Emitters(
        steps[:, None] * checks.direction("axis", axis), dipoles=dipoles, **emitter_options
    )


def ring(n: int, spacing: float, **emitter_options: Any) -> Emitters:
    """A regular polygon in the xy-plane around the origin.

    Args:
        n: number of emitters, at least 2.
        spacing: straight distance between neighbours, in units of length.
        **emitter_options: arguments of `Emitters`; dipoles are (0, 0, 1) by default.

    Example:
        >>> import collective as co
        >>> round(co.ring(6, 0.2).nearest_pair()[0], 12)
        0.2
    """
    (n,) = _counts(n=n)
    if n < 2:
        raise ValueError(f"n must be at least 2 for a ring, got {n}")
    radius = checks.number("spacing", spacing, above=0) / (2 * np.sin(np.pi / n))
    angles = 2 * np.pi * np.arange(n) / n
    positions = radius * np.stack([np.cos(angles), np.sin(angles), np.zeros(n)], axis=1)
    return Emitters(positions, **emitter_options)


def square(nx: int, ny: int, spacing: float, **emitter_options: Any) -> Emitters:
    """A square lattice in the xy-plane. The first emitter is at the origin; y varies fastest.

    Args:
        nx: emitters along x.
        ny: emitters along y.
        spacing: distance between neighbours, in units of length.
        **emitter_options: arguments of `Emitters`; dipoles are (0, 0, 1) by default.
    """
    return cubic(nx, ny, 1, spacing, **emitter_options)


def triangular(nx: int, ny: int, spacing: float, **emitter_options: Any) -> Emitters:
    """A triangular lattice in the xy-plane: every second row is shifted by half a spacing.

    Args:
        nx: emitters in each row along x.
        ny: number of rows.
        spacing: distance between neighbours, in units of length.
        **emitter_options: arguments of `Emitters`; dipoles are (0, 0, 1) by default.
    """
    cells = _cells(nx, ny, 1)
    x = cells[:, 0] + 0.5 * (cells[:, 1] % 2)
    y = cells[:, 1] * np.sqrt(3) / 2
    positions = np.stack([x, y, np.zeros(len(x))], axis=1)
    return Emitters(positions * checks.number("spacing", spacing, above=0), **emitter_options)


def cubic(nx: int, ny: int, nz: int, spacing: float, **emitter_options: Any) -> Emitters:
    """A simple cubic lattice. The first emitter is at the origin; z varies fastest, x slowest.

    Args:
        nx: emitters along x.
        ny: emitters along y.
        nz: emitters along z.
        spacing: distance between neighbours, in units of length.
        **emitter_options: arguments of `Emitters`; dipoles are (0, 0, 1) by default.
    """
    cells = _cells(nx, ny, nz)
    return Emitters(cells * checks.number("spacing", spacing, above=0), **emitter_options)


def _cells(nx: int, ny: int, nz: int) -> NDArray[np.float64]:
    """Integer coordinates of all cells, (nx·ny·nz, 3)."""
    counts = _counts(nx=nx, ny=ny, nz=nz)
    grid = np.meshgrid(*map(np.arange, counts), indexing="ij")
    return np.stack(grid, axis=-1).reshape(-1, 3).astype(float)


def _counts(**counts: Any) -> list[int]:
    """Checked numbers of emitters along each direction; raises if memory is too small for them."""
    found = [checks.count(name, n, maximum=None) for name, n in counts.items()]
    named = " × ".join(f"{name} = {checks.short(n)}" for name, n in zip(counts, found, strict=True))
    require(_BYTES * prod(found), f"a lattice of {named} emitters", "use fewer")
    return found


def cloud(
    n: int,
    radius: float,
    *,
    shape: Literal["ball", "gaussian"] = "ball",
    min_distance: float = 0.0,
    seed: int,
    **emitter_options: Any,
) -> Emitters:
    """Random positions around the origin, drawn one after another.

    Args:
        n: number of emitters.
        radius: the radius of the uniformly filled ball, or the standard deviation of each
            coordinate of the Gaussian cloud, in units of length.
        shape: "ball" or "gaussian".
        min_distance: a position closer than this to an earlier emitter is drawn again.
        seed: seed of numpy's default generator; the same seed gives the same cloud.
        **emitter_options: further arguments of `Emitters`.

    Raises:
        ValueError: if 1,000 draws in a row find no free place for the next emitter.

    Example:
        >>> import collective as co
        >>> co.cloud(50, 1.0, min_distance=0.1, seed=1).nearest_pair()[0] >= 0.1
        True
    """
    (n,) = _counts(n=n)
    radius = checks.number("radius", radius, above=0)
    shape_ = checks.choice("shape", shape, ("ball", "gaussian"))
    min_distance = checks.not_negative("min_distance", min_distance)
    rng = np.random.default_rng(checks.count("seed", seed, minimum=0, maximum=None))
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
