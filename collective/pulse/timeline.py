r"""Where functions of time have kinks and features, so that no integrator steps over them.

A pulse knows its own kinks (`Marks`). Of a function that knows nothing, samples are taken: in 256
equal cells of the whole time, nine in each. A cell whose samples no polynomial fits is halved
again; where the function jumps, until the cell is as short as round-off. A feature that lies
between all samples is not seen: one that is shorter than a thousandth of the whole time may be
missed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENVELOPE_STEPS = 20_000  # of an integrator under a function that knows no kinks, unless needed
_CELLS, _SAMPLES = 256, 9
_FITS = 1e-7  # of the largest value: a cell is fine enough if a polynomial fits so well
_CALLS = 40_000  # of a function, at most
_SHORTEST = 2.0**-42  # of the whole time; the cell of a jump
_PARTS = 10_000  # of a piece, at most
_LEVELS = 3  # halvings within one piece
_TOGETHER = 1e-12  # of the whole time: edges that are closer are one
_MARGIN = 1e-12  # of a piece: so far from its ends functions are evaluated
_ROUND_OFF = 4 * float(np.finfo(float).eps)


@dataclass(frozen=True)
class Marks:
    """What is known of a function of time.

    Attributes:
        kinks: times at which it, or one of its derivatives, jumps.
        limits: (from, to, longest), how long a step may be between two times.
    """

    kinks: tuple[float, ...] = ()
    limits: tuple[tuple[float, float, float], ...] = ()

    def joined(self, other: "Marks") -> "Marks":
        """The marks of both."""
        return Marks(self.kinks + other.kinks, self.limits + other.limits)

    def moved(self, since: float, unit: float) -> "Marks":
        """The same in another time, (t − since) · unit."""
        return Marks(
            tuple((t - since) * unit for t in self.kinks),
            tuple(((a - since) * unit, (b - since) * unit, c * unit) for a, b, c in self.limits),
        )


@dataclass(frozen=True, eq=False)
class Timeline:
    """The time of a run in pieces, at whose ends an integrator stops.

    Attributes:
        edges: (P + 1,), increasing.
        longest: (P,), the longest step in each piece; it may be infinite.
        sharp: whether something jumps at the first or at the last edge.
    """

    edges: NDArray[np.float64]
    longest: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    sharp: bool = False

    def piece(self, t: float) -> int:
        """The index of the piece that begins at this time, or that contains it."""
        found = int(np.searchsorted(self.edges, t, side="right")) - 1
        return min(max(found, 0), len(self.longest) - 1)

    def inside(self, t: float, piece: int) -> float:
        """The time, a little away from the ends of the piece, where the function may jump."""
        if len(self.longest) == 1 and not self.sharp:  # nothing jumps
            return t
        start, end = self.edges[piece], self.edges[piece + 1]
        margin = max(_MARGIN * (end - start), _ROUND_OFF * max(abs(start), abs(end)))
        margin = min(margin, (end - start) / 4)
        return float(min(max(t, start + margin), end - margin))

    @property
    def steps(self) -> float:
        """The number of steps that an integrator has to take at least, roughly."""
        return float(np.sum(np.diff(self.edges) / self.longest + 6)) - 6

    def parts(self, start: float, end: float) -> NDArray[np.float64]:
        """The edges between two times, and points so close that no step is too long."""
        inner = self.edges[(self.edges > start) & (self.edges < end)]
        ends = np.concatenate([[start], inner, [end]])
        found = [np.array([start])]
        for a, b in pairwise(ends):
            longest = self.longest[self.piece(0.5 * (a + b))]
            count = max(1, int(min(np.ceil((b - a) / longest - 1e-9), _PARTS)))
            found.append(np.linspace(a, b, count + 1)[1:])
        return np.concatenate(found)


def timeline(
    start: float,
    end: float,
    marks: Marks,
    functions: Sequence[Callable[[float], Any]] = (),
    longest: float = np.inf,
) -> Timeline:
    """The pieces of a run.

    Args:
        start: its first time.
        end: its last time.
        marks: what is known.
        functions: of which nothing is known; they are sampled.
        longest: no step is longer than this.

    Example:
        >>> found = timeline(0.0, 8.0, Marks((1.0, 3.0), ((1.0, 3.0, 0.5),)))
        >>> found.edges.tolist(), found.longest.tolist()
        ([0.0, 1.0, 3.0, 8.0], [inf, 0.5, inf])
    """
    for function in functions:
        marks = marks.joined(features(function, start, end))
    span = end - start
    bounds = [t for a, b, _ in marks.limits for t in (a, b)]
    edges = [start]
    for t in sorted({*marks.kinks, *bounds}):
        if edges[-1] + _TOGETHER * span < t < end - _TOGETHER * span:
            edges.append(t)
    edges.append(end)
    found = np.array(edges)
    allowed = np.full(len(found) - 1, longest)
    middles = (found[:-1] + found[1:]) / 2
    for a, b, limit in marks.limits:
        within = (middles > a) & (middles < b)
        allowed[within] = np.minimum(allowed[within], limit)
    close = _TOGETHER * span
    sharp = any(abs(t - start) <= close or abs(t - end) <= close for t in marks.kinks)
    return Timeline(found, allowed, sharp)


def features(function: Callable[[float], Any], start: float, end: float) -> Marks:
    """The kinks of a function that knows nothing of itself, and how fast it changes, by samples.

    Where the function fails or is not finite, nothing is found: the engine that calls it there
    raises the error.
    """
    nodes = 0.5 + 0.5 * np.cos(np.pi * (np.arange(_SAMPLES) + 0.5) / _SAMPLES)[::-1]
    fit = np.linalg.pinv(np.polynomial.chebyshev.chebvander(2 * nodes - 1, _SAMPLES - 3))
    rest = np.eye(_SAMPLES) - np.polynomial.chebyshev.chebvander(2 * nodes - 1, _SAMPLES - 3) @ fit
    calls, largest = 0, 0.0

    def misfit(a: float, b: float) -> float:
        nonlocal calls, largest
        calls += _SAMPLES
        try:
            rows = [np.ravel(function(float(a + (b - a) * x))) for x in nodes]
            values = np.array(rows, dtype=complex)
        except Exception:  # the function is the user's
            return 0.0
        if not np.all(np.isfinite(values)):
            return 0.0
        largest = max(largest, float(np.abs(values).max()))
        return float(np.abs(rest @ values).max())

    cells = np.linspace(start, end, _CELLS + 1)
    open_ = [(a, b, 0, misfit(a, b)) for a, b in pairwise(cells)]
    if sum(error > _FITS * largest for *_, error in open_) > _CELLS // 2:
        return Marks()  # noise, or faster everywhere than samples can tell
    kinks, leaves = [], []
    open_.reverse()
    while open_:
        a, b, level, error = open_.pop()
        if error <= _FITS * largest or calls > _CALLS:
            leaves.append((a, b, level))
        elif b - a < _SHORTEST * (end - start):
            kinks.append(0.5 * (a + b))
        else:
            middle = 0.5 * (a + b)
            halves = ((middle, b), (a, middle))
            open_ += [(c, d, level + 1, misfit(c, d)) for c, d in halves]
    return Marks(tuple(kinks), tuple(_limits(leaves, kinks, end - start)))


def _limits(
    leaves: list[tuple[float, float, int]], kinks: list[float], span: float
) -> list[tuple[float, float, float]]:
    """How long steps may be, in groups of neighbouring cells of similar length.

    Cells that are short only because a kink is close say nothing: the integrator stops there.
    """
    found: list[tuple[float, float, float]] = []
    key = None
    for a, b, level in leaves:
        near = any(abs(k - a) <= 2 * (b - a) or abs(k - b) <= 2 * (b - a) for k in kinks)
        if level == 0 or near:
            key = None
            continue
        if key == level // _LEVELS and found and found[-1][1] == a:
            found[-1] = (found[-1][0], b, min(found[-1][2], 2 * (b - a)))
        else:
            found.append((a, b, 2 * (b - a)))
        key = level // _LEVELS
    return found
