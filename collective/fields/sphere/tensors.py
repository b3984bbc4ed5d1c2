"""From the sums over orders to Cartesian tensors: pairs of points, in batches."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import announced
from collective.fields.sphere import mie

_BATCH = 4096  # pairs at a time
_ENTRY = 32  # bytes of u_n and D_n of one distance, for each order
_TABLE = 2**27  # bytes of u_n and D_n at a time
_COMPILING = 5.0  # seconds
_REST = 1e-11  # by how much the last term must have fallen below the largest

_Both = tuple[NDArray[np.float64], NDArray[np.float64]]  # of field points and of source points


@dataclass(frozen=True)
class Ball:
    """A sphere at one wave number.

    Attributes:
        radius: R.
        k: the wave number, positive or i times positive.
        epsilon: ε.
        mu: μ.
    """

    radius: float
    k: complex
    epsilon: complex
    mu: complex

    @property
    def index(self) -> complex:
        """√(εμ); the sign of the root does not matter."""
        return complex(np.sqrt(self.epsilon * self.mu))

    @property
    def inside(self) -> complex:
        """The index times kR."""
        return complex(self.k * self.radius * self.index)


def scattered(
    ball: Ball, points: NDArray[np.float64], sources: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """The scattered tensor between pairs of points outside, (P, 3, 3).

    Args:
        ball: the sphere.
        points: from the centre, (P, 3).
        sources: likewise.
    """
    compile_kernels()
    distances = np.linalg.norm(points, axis=1), np.linalg.norm(sources, axis=1)
    units = points / distances[0][:, None], sources / distances[1][:, None]
    return _in_batches(ball, units, distances)


def far(
    ball: Ball, directions: NDArray[np.float64], sources: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """The limit of r e^{−ikr} times the scattered tensor far away, (P, 3, 3).

    Args:
        ball: the sphere, at a real wave number.
        directions: unit vectors, (P, 3).
        sources: from the centre, (P, 3).
    """
    compile_kernels()
    distance = np.linalg.norm(sources, axis=1)
    units = directions, sources / distance[:, None]
    return _in_batches(ball, units, (np.full(len(distance), np.inf), distance))


@cache
def compile_kernels() -> None:
    """Compile the kernels, or read them from the cache, by a pair of points and one far away.

    The line that announces it appears on stderr once, as a field is not told whether to print.
    """
    ball = Ball(1.0, 1 + 0j, 2 + 0j, 1 + 0j)
    up, twice = np.array([[0.0, 0.0, 1.0]]), np.array([2.0])
    with announced("the sphere", _COMPILING, show=True):
        for distance in (twice, np.array([np.inf])):
            _in_batches(ball, (up, up), (distance, twice))


def _in_batches(ball: Ball, units: _Both, distances: _Both) -> NDArray[np.complex128]:
    """The tensors of pairs of points, those that need few orders first.

    Args:
        ball: the sphere.
        units: directions of field and source points from the centre, (P, 3) each.
        distances: of both from the centre, (P,) each; ∞ for field points far away.
    """
    x, size = ball.k * ball.radius, abs(ball.k)
    needed = mie.orders_needed(size * distances[0], size * distances[1], x, ball.inside)
    found = np.empty((len(needed), 3, 3), dtype=complex)
    if not len(needed):
        return found
    worst = int(np.argmax(needed))
    if not needed[worst] <= mie.MOST_ORDERS:
        at = min(distances[0][worst], distances[1][worst])
        raise ValueError(
            f"points {at:.6g} from the centre of a sphere of radius {ball.radius:g} need "
            f"{needed[worst]:.3g} orders at |k| = {size:g} and the index {ball.index:.3g} inside, "
            f"and at most {mie.MOST_ORDERS:,} are summed: keep more distance from the surface, "
            "take a plane surface for a sphere as large as this, or a smaller |ε| for a good "
            "conductor"
        )
    orders = needed.astype(np.int64)
    top = int(orders.max())
    series = _series(ball, top)
    # all pairs share one table of u_n and D_n if it fits, else each batch has its own
    every = np.unique(np.concatenate(distances))
    shared = _ENTRY * len(every) * (top + 1) <= _TABLE
    table = _tabled(ball, series, every, top) if shared else None
    largest = np.inf if shared else _TABLE // (2 * _ENTRY)  # of pairs times orders in a batch
    sequence, start = np.argsort(orders, kind="stable"), 0
    while start < len(sequence):
        stop = min(len(sequence), start + _BATCH)
        while stop > start + 1 and (stop - start) * orders[sequence[stop - 1]] > largest:
            stop = start + (stop - start) // 2
        some = sequence[start:stop]
        there, here = (units[0][some], units[1][some]), (distances[0][some], distances[1][some])
        own = table or _tabled(
            ball, series, np.unique(np.concatenate(here)), int(orders[some].max())
        )
        found[some] = _cartesian(
            ball.k, _sums(ball, series, own, there, here, orders[some]), there, here
        )
        start = stop
    return found if x.imag == 0 else np.asarray(found.real, dtype=complex)


@dataclass(frozen=True)
class _Series:
    """What belongs to the sphere alone, (orders + 1,) each.

    Attributes:
        electric: coefficients of transverse electric waves.
        magnetic: the same of transverse magnetic ones.
        back: h_{n−1}/h_n at the surface.
        turned: φ_n of `mie.angles` at the surface, for real kR ≤ 1; else zeros that are not used.
    """

    electric: NDArray[np.complex128]
    magnetic: NDArray[np.complex128]
    back: NDArray[np.complex128]
    turned: NDArray[np.float64]


def _series(ball: Ball, top: int) -> _Series:
    """The series of a sphere up to an order."""
    x = ball.k * ball.radius
    inside, outside = mie.downward(ball.inside, top), mie.downward(x, top)
    back = mie.upward(x, top)
    electric = mie.coefficients(x, inside, outside, back, ball.mu)
    magnetic = mie.coefficients(x, inside, outside, back, ball.epsilon)
    close = x.imag == 0 and x.real <= 1
    turned = mie.angles(x.real, back, top) if close else np.zeros(top + 1)
    return _Series(electric, magnetic, back, turned)


@dataclass(frozen=True)
class _Table:
    """The radial part of waves at every distance.

    Attributes:
        distances: from the centre, ascending, (U,).
        waves: u_n, (U, orders + 1).
        slopes: D_n likewise.
    """

    distances: NDArray[np.float64]
    waves: NDArray[np.complex128]
    slopes: NDArray[np.complex128]


def _tabled(ball: Ball, series: _Series, distances: NDArray[np.float64], top: int) -> _Table:
    """u_n and D_n up to an order at ascending distances (U,)."""
    k = ball.k
    waves = np.empty((len(distances), top + 1), dtype=complex)
    slopes = np.empty_like(waves)
    for row, distance in enumerate(distances):
        if np.isinf(distance):
            mie.far_away(k * ball.radius, series.back, top, waves[row], slopes[row])
        else:
            phase = np.exp(1j * k * (distance - ball.radius))
            surface = series.back, series.turned
            mie.radial(k * distance, phase, *surface, top, waves[row], slopes[row])
    return _Table(distances, waves, slopes)


def _sums(
    ball: Ball,
    series: _Series,
    table: _Table,
    units: _Both,
    distances: _Both,
    orders: NDArray[np.int64],
) -> NDArray[np.complex128]:
    """The seven sums over orders of each pair, (P, 7), as `mie.sums`."""
    left, right = (np.searchsorted(table.distances, each) for each in distances)
    near = np.isfinite(distances[0]).astype(float)
    gaps = np.sum((units[0] - units[1]) ** 2, axis=1) / 2
    found, rest = mie.sums(
        series.electric,
        series.magnetic,
        table.waves,
        table.slopes,
        left,
        right,
        near,
        gaps,
        orders,
    )
    if np.any(rest > _REST) or not np.all(np.isfinite(found)):
        raise ValueError(
            f"the sum over orders of a sphere of radius {ball.radius:g} has not converged at |k| = "
            f"{abs(ball.k):g}: its last term is {rest.max():.1g} of the largest; is ε or μ too "
            "large? Are lengths and wave numbers in one unit?"
        )
    return np.asarray(found)


def _cartesian(
    k: complex, sums: NDArray[np.complex128], units: _Both, distances: _Both
) -> NDArray[np.complex128]:
    """The tensors that belong to the sums, (P, 3, 3).

    The derivatives of P_n(r̂·r̂') are ∂P = P't, ∂'P = P't', with t = r̂' − yr̂ and t' = r̂ − yr̂', and

        ∂∂'P = P''tt' + P'(1 − r̂r̂ − tr̂'),    LL'P = −P''ww + P'(y1 − r̂'r̂),    w = r̂×r̂'.
    """
    to, source = units
    apart = to - source
    gaps = np.sum(apart**2, axis=1)[:, None] / 2
    w = np.cross(to, source)
    t, t_source = gaps * to - apart, gaps * source + apart  # with all digits at small angles
    near = np.isfinite(distances[0])
    there = np.where(near, k * np.where(near, distances[0], 1.0), 1.0)  # ρ, left out far away
    here = k * distances[1]
    scale = 1j * k / (4 * np.pi) / (np.where(near, there, k) * here)
    electric = scale[:, None] * sums[:, :2]
    magnetic = (scale / (there * here))[:, None] * sums[:, 2:]
    one = electric[:, :1] * (1 - gaps) + magnetic[:, 4:]
    found = one[..., None] * np.eye(3)
    for weight, left, right in (
        (-electric[:, 1], w, w),
        (-electric[:, 0], source, to),
        (magnetic[:, 0], to, source),
        (magnetic[:, 1], to, t_source),
        (magnetic[:, 2], t, source),
        (magnetic[:, 3], t, t_source),
        (-magnetic[:, 4], to, to),
        (-magnetic[:, 4], t, source),
    ):
        found += weight[:, None, None] * left[:, :, None] * right[:, None, :]
    return np.asarray(found)
