"""From the sums over orders to Cartesian tensors: pairs of points, in batches."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.fields.sphere import mie

_TABLE = 2**26  # bytes of u_n and D_n at a time
_REST = 1e-11  # by how much the last term must have fallen below the largest


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
        """kR times the index; the sign of the root does not matter."""
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
    return _tensors(ball, units, distances)


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
    return _tensors(ball, units, (np.full(len(distance), np.inf), distance))


def _tensors(
    ball: Ball,
    units: tuple[NDArray[np.float64], NDArray[np.float64]],
    distances: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.complex128]:
    """The tensors of all pairs, those that need few orders first."""
    x, size = ball.k * ball.radius, abs(ball.k)
    needed = mie.orders_needed(size * distances[0], size * distances[1], x, ball.inside)
    worst = int(np.argmax(needed)) if len(needed) else 0
    if len(needed) and not needed[worst] <= mie.MOST_ORDERS:
        at = min(distances[0][worst], distances[1][worst])
        raise ValueError(
            f"points {at:.6g} from the centre, at the surface of a sphere of radius "
            f"{ball.radius:g}: {needed[worst]:.3g} orders are needed at |k| = {size:g}, and at "
            f"most {mie.MOST_ORDERS:,} are summed; keep more distance, or take a half-space for a "
            "sphere as large as this"
        )
    orders = needed.astype(np.int64)
    top = int(orders.max(initial=1))
    require(8 * 16 * top, f"{top:,} orders of the field of a sphere", "take points farther away")
    electric, magnetic, back = _of_the_sphere(ball, top)
    found = np.empty((len(orders), 3, 3), dtype=complex)
    # the tables of u_n and D_n are as long as the largest number of orders of a batch
    sequence = np.argsort(orders, kind="stable")
    start = 0
    while start < len(sequence):
        stop = min(len(sequence), start + 4096)
        while stop > start + 1 and 64 * (stop - start) * orders[sequence[stop - 1]] > _TABLE:
            stop = start + (stop - start) // 2
        chosen = sequence[start:stop]
        ours = tuple(each[chosen] for each in units), tuple(each[chosen] for each in distances)
        found[chosen] = _batch(ball, *ours, orders[chosen], electric, magnetic, back)
        start = stop
    return found if x.imag == 0 else np.asarray(found.real, dtype=complex)


def _of_the_sphere(ball: Ball, top: int) -> tuple[NDArray[np.complex128], ...]:
    """The coefficients of both polarisations and h_{n−1}/h_n at the surface, (top + 1,) each."""
    x = ball.k * ball.radius
    inside, outside, back = (
        mie.downward(ball.inside, top),
        mie.downward(x, top),
        mie.upward(x, top),
    )
    electric = mie.coefficients(x, inside, outside, back, ball.mu)
    magnetic = mie.coefficients(x, inside, outside, back, ball.epsilon)
    return electric, magnetic, back


def _batch(  # noqa: PLR0913 - all that one batch of pairs needs
    ball: Ball,
    units: tuple[NDArray[np.float64], ...],
    distances: tuple[NDArray[np.float64], ...],
    orders: NDArray[np.int64],
    electric: NDArray[np.complex128],
    magnetic: NDArray[np.complex128],
    back: NDArray[np.complex128],
) -> NDArray[np.complex128]:
    """The tensors of some pairs, (P, 3, 3)."""
    k, count, top = ball.k, len(orders), int(orders.max())
    every, which = np.unique(np.concatenate(distances), return_inverse=True)
    left, right = which[:count], which[count:]
    waves = np.empty((len(every), top + 1), dtype=complex)
    slopes = np.empty_like(waves)
    for row, distance in enumerate(every):
        if np.isinf(distance):
            mie.far_away(k * ball.radius, back, top, waves[row], slopes[row])
        else:
            phase = np.exp(1j * k * (distance - ball.radius))
            mie.radial(k * distance, phase, back, top, waves[row], slopes[row])
    to, source = units
    apart = to - source
    gaps = np.einsum("pi,pi->p", apart, apart) / 2
    near = np.isfinite(distances[0]).astype(float)
    parts, rest = mie.sums(electric, magnetic, waves, slopes, left, right, near, gaps, orders)
    if np.any(rest > _REST) or not np.all(np.isfinite(parts)):
        raise ValueError(
            f"the sum over orders of a sphere of radius {ball.radius:g} has not converged at |k| = "
            f"{abs(k):g}: its last term is {rest.max():.1g} of the largest; is ε or μ so large that "
            "a constant does not describe it, or are lengths and wave numbers in different units?"
        )
    # 1/ρ of one distance for transverse electric waves, 1/ρ² for transverse magnetic ones
    scale = np.where(near > 0, 1 / (k * np.where(near > 0, distances[0], 1.0)), 1 / k)
    scale = scale / (k * distances[1])
    squared = np.where(near > 0, 1 / (k * np.where(near > 0, distances[0], 1.0)), 1.0)
    squared = scale * squared / (k * distances[1])
    parts = 1j * k / (4 * np.pi) * parts
    e1, e2 = (scale * parts[:, 0]), (scale * parts[:, 1])
    m0, m1, m2, m3, m4 = (squared * parts[:, 2 + i] for i in range(5))
    cosine = (1 - gaps)[:, None]
    across = np.cross(to, source)
    # r̂' − r̂ cos γ and r̂ − r̂' cos γ, with digits at small angles
    t, t_source = gaps[:, None] * to - apart, gaps[:, None] * source + apart
    one = np.eye(3)

    def dyad(weight, a, b):  # type: ignore[no-untyped-def]
        return weight[:, None, None] * a[:, :, None] * b[:, None, :]

    found = -dyad(e2, across, across) - dyad(e1, source, to)
    found += (e1[:, None] * cosine + m4[:, None])[..., None] * one
    found += dyad(m0, to, source) + dyad(m1, to, t_source) + dyad(m2, t, source)
    found += dyad(m3, t, t_source) - dyad(m4, to, to) - dyad(m4, t, source)
    return np.asarray(found)
