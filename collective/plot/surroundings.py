"""What surrounds the emitters: matter, and the light of one of them in its near field."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters import Emitters
from collective.fields.answers import inside, require_outside, response, total_green
from collective.fields.protocol import require_field
from collective.plot.legends import legend
from collective.plot.maps import (
    Map,
    Plane,
    draw,
    draw_matter,
    square,
    unit_vectors,
    up_to_matter,
)
from collective.plot.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARGIN = 0.5  # wavelengths around the emitters
_IN_PLANE = 1e-6  # wavelengths: emitters closer to the plane are in it
_ARROW = 0.11  # length of a dipole over half the width of the map
_REAL = 1e-9  # imaginary part of a dipole that has a direction


def environment(
    field: Any,
    emitters: Emitters,
    *,
    source: int = 0,
    plane: Plane = "xz",
    extent: float | None = None,
    centre: ArrayLike | None = None,
    points: int = 81,
    ax: "Axes | None" = None,
) -> "Axes":
    r"""Emitters in a cross-section of their environment, and the light of one that is excited.

    The colours are the intensity :math:`I(r) = 6πΓ_0|G(r, r_s)·u_s|^2` of emitter s alone, as
    `observables.near_field` has it, on a logarithmic scale that spans the middle 98 % of the
    plane. Matter is grey. The source is the filled disc. Emitters outside of the plane are small
    crosses. Lines show real dipoles. The legend stands above the map; a title needs room for it,
    ``ax.set_title("...", pad=25)``.

    Args:
        field: `Vacuum()`, `Nanowire(...)` or any field with a Green's tensor.
        emitters: N of them.
        source: index of the emitter that is excited; the plane goes through it.
        plane: "xz" has x to the right and z up; likewise "xy", "yz" and the others.
        extent: half the width of the map, in units of length; None shows half a wavelength around
            the emitters.
        centre: of the map, (3,); None takes that of the emitters, moved into the plane.
        points: number of points along each side of the map.
        ax: where to draw; None makes a new figure.

    Raises:
        TypeError: for a model without a Green's tensor.
        ValueError: for an emitter in solid matter, a map that is too small, or a field that does
            not answer in the whole plane, such as `SampledField`.

    Example:
        >>> import collective as co
        >>> wire = co.Nanowire(0.05, -10 + 1j)
        >>> atoms = co.chain(3, 0.2, dipoles=(1, 0, 0)).translated([0.1, 0, 0])
        >>> ax = co.plot.environment(wire, atoms, extent=0.4, points=31)
    """
    require_field("field", field)
    checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
    source = checks.index("source", source, len(emitters))
    across, up = unit_vectors(plane)
    require_outside("emitters.positions", field, emitters.positions)
    r = emitters.positions
    middle = (r.min(axis=0) + r.max(axis=0)) / 2
    if centre is not None:
        middle = checks.vector("centre", centre)
    normal = np.cross(across, up)
    middle = middle + normal * ((r[source] - middle) @ normal)
    around = square(emitters, plane, extent=extent, middle=middle, margin=_MARGIN, points=points)
    hidden, places = around.hidden(r[source : source + 1], field), around.places()
    intensity = np.ma.masked_all(hidden.shape)
    intensity[~hidden] = _light(field, emitters, source, places[~hidden])
    ax = draw(ax, up_to_matter(intensity, inside(field, places)), around, emitters, "")
    draw_matter(ax, field, around)
    _draw_emitters(ax, emitters, source, around)
    legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize="small")
    return ax


def _light(
    field: Any, emitters: Emitters, source: int, at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """I of one excited emitter at points (P, 3), (P,)."""
    seen, k = response(emitters.kind, field), float(emitters.wavenumbers[source])
    try:
        tensors = total_green(seen, at, emitters.positions[source], k)
    except ValueError as error:
        raise ValueError(
            f"field {field!r} does not answer everywhere on the map; another extent or centre may "
            f"help ({error})"
        ) from error
    electric = tensors @ emitters.dipoles[source]
    rate = 6 * np.pi * emitters.decay_rates[source]
    return np.asarray(rate * np.sum(np.abs(electric) ** 2, axis=-1))


def _draw_emitters(ax: "Axes", emitters: Emitters, source: int, around: Map) -> None:
    """Mark the source, the others in the plane, those outside of it, and dipoles."""
    across, up = unit_vectors(around.plane)
    normal = np.cross(across, up)
    seen = emitters.positions - around.middle
    away = np.abs(seen @ normal) > _IN_PLANE * emitters.wavelength
    x, y = emitters.positions @ across, emitters.positions @ up
    real = np.all(np.abs(emitters.dipoles.imag) < _REAL, axis=1) & ~away
    for m in np.flatnonzero(real):
        u = _ARROW * around.half * emitters.dipoles[m].real
        ends = np.array([-1, 1])
        colour = COLOURS[1] if m == source else "white"
        ax.plot(x[m] + ends * (u @ across), y[m] + ends * (u @ up), color=colour, lw=2.2, zorder=3)
    others = ~away & (np.arange(len(emitters)) != source)
    kinds = (
        (away, "X", 6, "white", "emitters out of the plane"),
        (others, "o", 6, "white", "emitters"),
        (np.arange(len(emitters)) == source, "o", 7, COLOURS[1], "excited emitter"),
    )
    for chosen, marker, size, colour, label in kinds:
        if np.any(chosen):
            place = x[chosen], y[chosen]
            ax.plot(*place, marker, ms=size, mfc=colour, mec="black", zorder=5, label=label)
