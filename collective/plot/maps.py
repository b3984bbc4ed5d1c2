"""What maps of the light in a plane share: the plane, its points, and how they are drawn."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.memory import require
from collective.emitters import Atoms, Emitters
from collective.fields.answers import inside
from collective.plot.labels import labels
from collective.plot.legends import colour_bar
from collective.plot.style import axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Plane = Literal["xy", "xz", "yx", "yz", "zx", "zy"]
_PLANES = ("xy", "xz", "yx", "yz", "zx", "zy")
_FINER = 4  # points of the outline of matter for one of the map
_MASKED = 0.015  # radius of the white disc around an emitter, over the width of the map
_FINEST = 1e-8  # smallest half width of a map, over the wavelength and the distance of its centre


def unit_vectors(plane: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors to the right and up, both (3,)."""
    checks.choice("plane", plane, _PLANES)
    right, up = (np.eye(3)["xyz".index(axis)] for axis in plane)
    return right, up


@dataclass(frozen=True, eq=False)
class Map:
    """A square in a plane.

    Attributes:
        plane: "xz" has x to the right and z up; likewise "xy", "yz" and the others.
        middle: its centre, (3,).
        half: half its width.
        count: number of points along each side.
    """

    plane: str
    middle: NDArray[np.float64]
    half: float
    count: int

    @property
    def side(self) -> NDArray[np.float64]:
        """Places along each side, from the centre, (count,)."""
        return np.linspace(-self.half, self.half, self.count)

    def places(self, finer: int = 1) -> NDArray[np.float64]:
        """Points of the square, (count·finer, count·finer, 3)."""
        across, up = unit_vectors(self.plane)
        side = np.linspace(-self.half, self.half, finer * self.count)
        horizontal, vertical = np.meshgrid(side, side)
        return self.middle + horizontal[..., None] * across + vertical[..., None] * up

    def centre(self) -> tuple[float, float]:
        """Coordinates of the centre in the plane."""
        across, up = unit_vectors(self.plane)
        return float(self.middle @ across), float(self.middle @ up)

    def hidden(self, positions: NDArray[np.float64], field: Any) -> NDArray[np.bool_]:
        """Where the map stays empty: at emitters, and in the solid matter of the field."""
        from scipy.spatial import cKDTree

        places = self.places()
        distances = cKDTree(positions).query(places.reshape(-1, 3))[0].reshape(places.shape[:-1])
        close = distances < 2 * self.half * _MASKED
        return np.asarray(close | inside(field, places))


def square(
    emitters: Emitters | Atoms,
    plane: str,
    *,
    extent: float | None,
    middle: NDArray[np.float64],
    margin: float,
    points: int,
) -> Map:
    """A square around emitters.

    Args:
        emitters: in the map.
        plane: as in `Map`.
        extent: half the width of the map; None shows all emitters and a margin.
        middle: its centre, (3,).
        margin: the space around the emitters, in wavelengths.
        points: number of points along each side.
    """
    across, up = unit_vectors(plane)
    seen = emitters.positions - middle
    if extent is None:
        half = float(np.abs([seen @ across, seen @ up]).max()) + margin * emitters.wavelength
    else:
        half = checks.number("extent", extent, above=0)
    if half < _FINEST * np.abs(middle).max() or half < _FINEST * emitters.wavelength:
        raise ValueError(
            f"extent = {half:g} is too small in double precision, beside the centre {middle} or "
            f"the wavelength {emitters.wavelength:g}; use a larger extent"
        )
    points = checks.count("points", points, minimum=2)
    require(200 * points**2, f"a map of points = {points} along each side", "use fewer points")
    return Map(plane, middle, half, points)


def middle_of(emitters: Emitters | Atoms, centre: ArrayLike | None) -> NDArray[np.float64]:
    """The given centre of a map, or that of the emitters, (3,)."""
    if centre is not None:
        return checks.vector("centre", centre)
    r = emitters.positions
    return np.asarray((r.min(axis=0) + r.max(axis=0)) / 2)


def draw(
    ax: "Axes | None", intensity: Any, square: Map, emitters: Emitters | Atoms, title: str
) -> "Axes":
    """Draw intensities as colours on a logarithmic scale.

    Args:
        ax: where to draw; None makes a new figure.
        intensity: (count, count), masked where the map stays empty.
        square: what the map shows.
        emitters: whose unit of length labels the axes.
        title: of the map.
    """
    from matplotlib.colors import LogNorm

    ax = axes(ax)
    x, y = square.centre()
    known = intensity.compressed()
    # the colours leave out the extreme values next to an emitter or in a node
    dark, bright = np.quantile(known, [0.01, 0.99]) if len(known) else (0.0, 0.0)
    dark = max(dark, 1e-6 * bright)
    # without light there is no logarithm, and the map has one colour
    norm = LogNorm(dark, bright) if dark < bright else None
    image = ax.pcolormesh(
        x + square.side,
        y + square.side,
        intensity,
        norm=norm,
        cmap="viridis",
        shading="nearest",
        rasterized=True,
    )
    unit = labels(emitters)
    ax.set(
        xlabel=f"{square.plane[0]} ({unit.of_length})",
        ylabel=f"{square.plane[1]} ({unit.of_length})",
        xlim=(x - square.half, x + square.half),
        ylim=(y - square.half, y + square.half),
        aspect="equal",
        title=title,
    )
    ends = "neither" if norm is None else "both"
    colour_bar(ax, image, f"intensity ({unit.per_area})", extend=ends)
    return ax


def up_to_matter(intensity: Any, matter: NDArray[np.bool_]) -> Any:
    """The map with cells in matter taken from the nearest ones outside.

    The shade of matter covers them but for the parts of cells that lie outside. These would be
    white.
    """
    from scipy.ndimage import distance_transform_edt

    if intensity.mask.all():
        return intensity
    nearest = distance_transform_edt(intensity.mask, return_distances=False, return_indices=True)
    filled = intensity.copy()
    filled[matter] = intensity[tuple(nearest)][matter]
    return filled


def draw_matter(ax: "Axes", field: Any, around: Map) -> None:
    """Shade the points in solid matter."""
    mask = inside(field, around.places(_FINER)).astype(float)
    if not mask.any():
        return
    x, y = around.centre()
    side = np.linspace(-around.half, around.half, len(mask))
    ax.contourf(x + side, y + side, mask, levels=[0.5, 1.5], colors=["0.72"], zorder=2)
    ax.contour(x + side, y + side, mask, levels=[0.5], colors=["0.3"], linewidths=1.0, zorder=2)
