r"""Sommerfeld's integrals: what a stack of layers reflects from one point above it to another.

In cylindrical components about the normal through the source, with h = z + z', ρ the lateral
distance, λ² = q² − k² and Bessel functions of qρ,

.. math:: k^2G_{ρρ,φφ} = \int_0^∞ \frac{q\,dq}{8πλ} e^{−λh}
          \left[k^2 r_s (J_0 ± J_2) + λ^2 r_p (J_0 ∓ J_2)\right], \\
          k^2G_{zz} = \int_0^∞ \frac{q^3dq}{4πλ} e^{−λh} r_p J_0, \qquad
          k^2G_{ρz} = −k^2G_{zρ} = \int_0^∞ \frac{q^2dq}{4π} e^{−λh} r_p J_1.

Magnetic dipoles have r_s and r_p exchanged. Each pair of points has a path of its own, see
`collective.fields.layered.paths`, halved until the rule of Gauss and Kronrod has converged.

Source: Novotny and Hecht, Principles of Nano-Optics, 2nd ed. (2012), section 10.4; Michalski and
Mosig, IEEE Trans. Antennas Propag. 45, 508 (1997).
"""

import numpy as np

from collective._tools.compiled import compiled
from collective.fields.layered.bessel import bessel, hankel
from collective.fields.layered.paths import (
    HYPERBOLA,
    RAYS,
    SADDLE,
    STRAIGHT,
    UPRIGHT,
    pieces,
)
from collective.fields.layered.reflection import reflection

# of the rule of Gauss and Kronrod with 7 and 15 nodes on [−1, 1]: the nodes from the right end to
# the middle, their weights by Kronrod, and by Gauss, which leaves out every second node
_NODES = np.array([
    0.9914553711208126, 0.9491079123427585, 0.8648644233597691, 0.7415311855993944,
    0.5860872354676911, 0.4058451513773972, 0.2077849550078985, 0.0,
])  # fmt: skip
_KRONROD = np.array([
    0.0229353220105292250, 0.0630920926299785533, 0.1047900103222501838, 0.1406532597155259187,
    0.1690047266392679028, 0.1903505780647854099, 0.2044329400752988924, 0.2094821410847278280,
])  # fmt: skip
_GAUSS = np.array([
    0.0, 0.1294849661688696933, 0.0, 0.2797053914892766679,
    0.0, 0.3818300505051189449, 0.0, 0.4179591836734693878,
])  # fmt: skip
_TOLERANCE = 1e-12  # of a stage's integral: the error allowed in one panel
_CANCELLED = 1e-3  # of ∫|f|: an integral that is smaller is not resolved any better
_DEEPEST = 60  # halvings of a panel
_MOST = (
    20_000  # halvings in one stage: round-off in r_s and r_p of a very thin film is never smooth
)
_UNDERFLOW = 700.0  # κR above which the integral is zero as a number
_ROUND_OFF, _PER_RADIAN = 4e-16, 0.02  # of ∫|f|, and more for each radian of phase


@compiled()
def integrals(h, rho, medium, limits):  # type: ignore[no-untyped-def]
    """The integrals of pairs, in components ρρ, φφ, zz, ρz, (P, 4), and their errors, (P,).

    They are k²G/|k|³ or C/|k|³. An error is infinite if there would be too many panels.

    Args:
        h: (z + z')|k|, (P,).
        rho: lateral distances times |k|, (P,).
        medium: whether k is imaginary, permittivities and thicknesses times |k| as of
            `reflection`, and whether r_s and r_p are exchanged.
        limits: as of `paths.pieces`.
    """
    found = np.zeros((len(h), 4), dtype=np.complex128)
    errors = np.zeros(len(h))
    for p in range(len(h)):
        length = np.hypot(h[p], rho[p])
        if medium[0] and length > _UNDERFLOW:
            continue
        path = pieces(h[p], rho[p], medium[0], medium[1], limits)
        errors[p] = integrated(path, h[p], rho[p], medium, found[p])
    return found, errors


@compiled()
def integrated(path, h, rho, medium, total):  # type: ignore[no-untyped-def]
    """Add the integral along a path to total (4,); returns its error, infinite without a path."""
    error = 0.0 if len(path) else np.inf
    for kind, start, edges in path:
        size, wrong = stage(kind, edges, start, h, rho, medium, total)
        phase = 0.0
        if kind == STRAIGHT:
            phase = np.abs(edges).max() * rho
        elif not medium[0]:
            phase = np.hypot(h, rho)
        error += wrong + _ROUND_OFF * size * (1 + _PER_RADIAN * phase)
    return error


@compiled()
def integrand(kind, at, start, h, rho, medium, found):  # type: ignore[no-untyped-def]
    """The four integrands, ρρ, φφ, zz and ρz, per unit of the parameter of a piece of the path.

    Args:
        kind: of the piece.
        at: the parameter: q for `STRAIGHT`, the distance along the ray, or u.
        start: where the rays begin.
        h: z + z'.
        rho: the lateral distance.
        medium: as of `integrals`.
        found: (4,), the result.
    """
    imaginary = medium[0]
    k_squared = -1.0 if imaginary else 1.0
    outgoing = kind in (SADDLE, UPRIGHT)
    if kind == STRAIGHT:
        q = at
        lam = np.sqrt(q * q - k_squared)
        scale = np.exp(-lam * h) + 0j
        j0, j1, j2 = bessel(q * rho)
    elif kind == RAYS:
        step = (h + 1j * rho) / np.hypot(rho, h)
        q = start + step * at.real
        lam = np.sqrt(q * q - k_squared)
        j0, j1, j2 = hankel(q * rho)
        scale = step * np.exp(1j * q * rho - lam * h) / 2
    elif kind == HYPERBOLA:
        w = at.real + 1j * np.arctan2(rho, h)
        q, lam = np.sinh(w), np.cosh(w)
        j0, j1, j2 = hankel(q * rho)
        scale = lam * np.exp(-np.hypot(rho, h) * np.cosh(at.real))
    else:
        theta = np.arctan2(rho, h) if kind == SADDLE else 0.0
        length = np.hypot(rho, h) if kind == SADDLE else h
        turn = np.exp(-0.25j * np.pi) * np.sqrt(2.0)
        half = np.arcsin(turn * at.real / 2)
        angle = theta + 2 * half
        q, along = np.sin(angle), np.cos(angle)
        lam = -1j * along
        scale = along * turn / np.cos(half) * np.exp(length * (1j - at.real**2))
        if kind == SADDLE:
            j0, j1, j2 = hankel(q * rho)
            scale /= 2
        else:
            j0, j1, j2 = bessel(q * rho)
    _weighted(q, lam, scale, j0, j1, j2, k_squared, outgoing, medium, found)
    if kind == RAYS:
        # H⁽²⁾ at q* is the conjugate of H⁽¹⁾ at q
        a, b, c, d = found[0], found[1], found[2], found[3]
        q, lam, scale = np.conj(q), np.conj(lam), np.conj(scale)
        j0, j1, j2 = np.conj(j0), np.conj(j1), np.conj(j2)
        _weighted(q, lam, scale, j0, j1, j2, k_squared, outgoing, medium, found)
        found[0] += a
        found[1] += b
        found[2] += c
        found[3] += d
    elif kind == HYPERBOLA:
        # the other half of the path adds the conjugate
        for c in range(4):
            found[c] = found[c].real


@compiled()
def _weighted(q, lam, scale, j0, j1, j2, k_squared, outgoing, medium, found):  # type: ignore[no-untyped-def]
    """The four integrands at one q, with Bessel or Hankel functions and a common factor."""
    _, permittivities, thicknesses, magnetic = medium
    r_s, r_p = reflection(q * q, lam, k_squared, outgoing, permittivities, thicknesses)
    if magnetic:
        r_s, r_p = r_p, r_s
    common = scale * q / (8 * np.pi * lam)
    across, along = common * k_squared * r_s, common * lam * lam * r_p
    found[0] = across * (j0 + j2) + along * (j0 - j2)
    found[1] = across * (j0 - j2) + along * (j0 + j2)
    found[2] = 2 * common * q * q * r_p * j0
    found[3] = 2 * common * q * lam * r_p * j1


@compiled()
def _panel(kind, a, b, start, h, rho, medium, work, found):  # type: ignore[no-untyped-def]
    """∫ from a to b into found (4,); returns ∫|f| and the error, both of the largest entry."""
    half, centre = (b - a) / 2, (b + a) / 2
    low = np.zeros(4, dtype=np.complex128)
    size = np.zeros(4)
    found[:] = 0
    for n in range(15):
        node = min(n, 14 - n)
        x = -_NODES[node] if n < 8 else _NODES[node]
        integrand(kind, centre + half * x, start, h, rho, medium, work)
        for c in range(4):
            found[c] += _KRONROD[node] * work[c]
            low[c] += _GAUSS[node] * work[c]
            size[c] += _KRONROD[node] * abs(work[c])
    largest, error = 0.0, 0.0
    for c in range(4):
        found[c] *= half
        largest = max(largest, size[c] * abs(half))
        error = max(error, abs(found[c] - half * low[c]))
    if largest > 0:
        # the rule of Kronrod is far better than its difference from that of Gauss
        error = largest * min(1.0, 200 * error / largest) ** 1.5
    return largest, error


@compiled()
def stage(kind, edges, start, h, rho, medium, total):  # type: ignore[no-untyped-def]
    """Add ∫ over a piece of a path to total; returns ∫|f| and the error of the largest entry.

    Args:
        kind: of the piece.
        edges: of the panels to begin with, complex values of the parameter.
        start: where the rays begin.
        h: z + z'.
        rho: the lateral distance.
        medium: as of `integrals`.
        total: (4,).
    """
    count = len(edges) - 1
    values = np.zeros((count, 4), dtype=np.complex128)
    errors = np.zeros(count)
    work, here = np.zeros(4, dtype=np.complex128), np.zeros(4, dtype=np.complex128)
    size, error, halvings = 0.0, 0.0, 0
    for p in range(count):
        found, errors[p] = _panel(kind, edges[p], edges[p + 1], start, h, rho, medium, work, here)
        for c in range(4):
            values[p, c] = here[c]
        size += found
    scale = _CANCELLED * size
    for c in range(4):
        scale = max(scale, abs(np.sum(values[:, c])))
    lows = np.empty(_DEEPEST + 2, dtype=np.complex128)
    highs = np.empty(_DEEPEST + 2, dtype=np.complex128)
    depths = np.empty(_DEEPEST + 2, dtype=np.int64)
    for p in range(count):
        if errors[p] <= _TOLERANCE * scale:
            for c in range(4):
                total[c] += values[p, c]
            error += errors[p]
            continue
        lows[0], highs[0], depths[0] = edges[p], edges[p + 1], 0
        left = 1
        while left:
            left -= 1
            a, b, depth = lows[left], highs[left], depths[left]
            _, wrong = _panel(kind, a, b, start, h, rho, medium, work, here)
            if wrong <= _TOLERANCE * scale or depth >= _DEEPEST or halvings >= _MOST:
                for c in range(4):
                    total[c] += here[c]
                error += wrong
                continue
            halvings += 1
            middle = (a + b) / 2
            lows[left], highs[left], depths[left] = middle, b, depth + 1
            lows[left + 1], highs[left + 1], depths[left + 1] = a, middle, depth + 1
            left += 2
    return size, error
