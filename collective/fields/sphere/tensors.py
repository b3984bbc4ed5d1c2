"""From the sums over orders to Cartesian tensors: pairs of points, in batches."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collective.fields.sphere import mie

_BATCH = 4096  # pairs at a time
_ROW = 64  # bytes of u_n and D_n of both points, for each order
_TABLE = 2**26  # bytes of u_n and D_n at a time
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
    def inside(self) -> complex:
        """The index times kR; the sign of the root does not matter."""
        return complex(self.k * self.radius * np.sqrt(self.epsilon * self.mu))


def scattered(
    ball: Ball, points: NDArray[np.float64], sources: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """The scattered tensor between pairs of points outside, (P, 3, 3).

    Args:
        ball: the sphere.
        points: from the centre, (P, 3).
        sources: likewise.
    """
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
    distance = np.linalg.norm(sources, axis=1)
    units = directions, sources / distance[:, None]
    return _in_batches(ball, units, (np.full(len(distance), np.inf), distance))


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
            f"{needed[worst]:.3g} orders at |k| = {size:g}, and at most {mie.MOST_ORDERS:,} are "
            "summed: keep more distance from the surface, or take a plane surface for a sphere as "
            "large as this"
        )
    orders = needed.astype(np.int64)
    series = _series(ball, int(orders.max()))
    # the tables of u_n and D_n are as long as the largest number of orders of a batch
    sequence, start = np.argsort(orders, kind="stable"), 0
    while start < len(sequence):
        stop = min(len(sequence), start + _BATCH)
        while stop > start + 1 and _ROW * (stop - start) * orders[sequence[stop - 1]] > _TABLE:
            stop = start + (stop - start) // 2
        some = sequence[start:stop]
        there, here = (units[0][some], units[1][some]), (distances[0][some], distances[1][some])
        found[some] = _cartesian(
            ball.k, _sums(ball, series, there, here, orders[some]), there, here
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
    """

    electric: NDArray[np.complex128]
    magnetic: NDArray[np.complex128]
    back: NDArray[np.complex128]


def _series(ball: Ball, top: int) -> _Series:
    """The series of a sphere up to an order."""
    x = ball.k * ball.radius
    inside, outside = mie.downward(ball.inside, top), mie.downward(x, top)
    back = mie.upward(x, top)
    electric = mie.coefficients(x, inside, outside, back, ball.mu)
    magnetic = mie.coefficients(x, inside, outside, back, ball.epsilon)
    return _Series(electric, magnetic, back)


def _sums(
    ball: Ball, series: _Series, units: _Both, distances: _Both, orders: NDArray[np.int64]
) -> NDArray[np.complex128]:
    """The seven sums over orders of each pair, (P, 7), as `mie.sums`."""
    k, count, top = ball.k, len(orders), int(orders.max())
    every, which = np.unique(np.concatenate(distances), return_inverse=True)
    waves = np.empty((len(every), top + 1), dtype=complex)
    slopes = np.empty_like(waves)
    for row, distance in enumerate(every):
        if np.isinf(distance):
            mie.far_away(k * ball.radius, series.back, top, waves[row], slopes[row])
        else:
            phase = np.exp(1j * k * (distance - ball.radius))
            mie.radial(k * distance, phase, series.back, top, waves[row], slopes[row])
    near = np.isfinite(distances[0]).astype(float)
    gaps = np.sum((units[0] - units[1]) ** 2, axis=1) / 2
    found, rest = mie.sums(
        series.electric,
        series.magnetic,
        waves,
        slopes,
        which[:count],
        which[count:],
        near,
        gaps,
        orders,
    )
    if np.any(rest > _REST) or not np.all(np.isfinite(found)):
        raise ValueError(
            f"the sum over orders of a sphere of radius {ball.radius:g} has not converged at |k| = "
            f"{abs(k):g}: its last term is {rest.max():.1g} of the largest; is ε or μ too large? "
            "Are lengths and wave numbers in one unit?"
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
