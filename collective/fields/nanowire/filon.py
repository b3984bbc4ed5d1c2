r"""∫dk_z T(k_z) e^{ik_zz} over panels on which T is a polynomial, for a phase of any speed.

On a panel of centre c and half-width h with Gauss nodes x_n, weights w_n,

.. math:: \int T e^{ik_zz}dk_z ≈ h e^{icz} \sum_n w_n T(c + hx_n)
          \sum_{l<16} (2l+1)\, i^l j_l(hz) P_l(x_n).

This is Filon's rule in Legendre polynomials. T is sampled once, for every z.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled

ORDER = 16  # nodes of a panel
RAY_ORDER = 12  # nodes of a panel on a ray, where the phase factor decays while it turns
_NODES, _GAUSS = np.polynomial.legendre.leggauss(ORDER)
_RAY_NODES, _RAY_GAUSS = np.polynomial.legendre.leggauss(RAY_ORDER)


def _legendre(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2l + 1)P_l at n points for l < n, (points, l)."""
    n = len(points)
    return np.asarray(np.polynomial.legendre.legvander(points, n - 1) * (2.0 * np.arange(n) + 1))


_LEGENDRE, _RAY_LEGENDRE = _legendre(_NODES), _legendre(_RAY_NODES)
_COEFFICIENTS = (_LEGENDRE * _GAUSS[:, None] / 2).T  # values at the nodes → Legendre coefficients
_SPARE = 30  # orders above the highest from which j_l is iterated downwards
_RESOLVED = 1e-14  # of the whole integral: what a panel's last coefficients may contribute
_MAX_PANELS = 4096
_NEGLIGIBLE = 600.0  # e^−600 counts as zero, and e^600 does not overflow


def nodes(edges: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Gauss nodes of the panels between consecutive edges, (panels·16,)."""
    return _on(edges, _NODES)


def ray_nodes(edges: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Gauss nodes of the panels, 12 in each, for `outgoing`, (panels·12,)."""
    return _on(edges, _RAY_NODES)


def _on(edges: NDArray[np.complex128], points: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Points of [−1, 1] on each panel, one row."""
    half, centre = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
    return (centre[:, None] + half[:, None] * points).ravel()


def refined(
    edges: NDArray[np.complex128],
    spectrum: Callable[[NDArray[np.complex128]], NDArray[np.complex128]],
    shortest: float,
    noise: float,
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Halve panels until every row of the spectrum, (rows, nodes), is a polynomial on each.

    Args:
        edges: of the panels to start with, in the complex plane.
        spectrum: the function that is to be resolved.
        shortest: panels of this length are not halved any more.
        noise: round-off relative to a panel's largest value; below it, halving does not help.

    Returns:
        The edges of the panels, and the spectrum at their nodes.
    """
    todo = list(pairwise(edges))
    done: list[tuple[complex, complex, NDArray[np.complex128]]] = []
    total: NDArray[Any] = np.zeros(())
    while todo:
        points = np.concatenate([nodes(np.array(panel)) for panel in todo])
        values = spectrum(points).reshape(-1, len(todo), ORDER)
        lengths = np.abs([b - a for a, b in todo])
        largest = np.abs(values).max(axis=2)
        total = np.maximum(total, (largest * lengths).max(axis=1))
        tail = np.abs(values @ _COEFFICIENTS[-2:].T).max(axis=2)
        bad = (tail * lengths > _RESOLVED * total[:, None]) & (tail > noise * largest)
        split = bad.any(axis=0) & (lengths > shortest)
        if len(done) + len(todo) + int(split.sum()) > _MAX_PANELS:
            raise ValueError(
                f"the spectrum over k_z is not resolved by {_MAX_PANELS} panels: the points "
                f"are too far apart, or k is too large, for features as narrow as {shortest:.2g}"
            )
        halves = []
        for p, (a, b) in enumerate(todo):
            if split[p]:
                halves += [(a, (a + b) / 2), ((a + b) / 2, b)]
            else:
                done.append((a, b, values[:, p]))
        todo = halves
    done.sort(key=lambda panel: (panel[0].real, -panel[0].imag))
    path = np.array([a for a, *_ in done] + [done[-1][1]])
    return path, np.concatenate([values for *_, values in done], axis=1)


@lru_cache(maxsize=4)
def weights(edges: bytes, z: bytes) -> tuple[NDArray[Any], NDArray[Any]]:
    """Weights of the nodes for 2cos k_zz and 2sin k_zz, (z, nodes), kept for the next k.

    Args:
        edges: complex edges of the panels, `.tobytes()`. Only horizontal panels may be longer
            than the period of the phase.
        z: ≥ 0, `.tobytes()`.

    Returns:
        Real weights for a path on the real axis, else complex ones.
    """
    path, separations = np.frombuffer(edges, dtype=complex), np.frombuffer(z)
    shape = (len(separations), (len(path) - 1) * ORDER)
    cosine, sine = np.empty(shape, dtype=complex), np.empty(shape, dtype=complex)
    _weights(path, separations, _NODES, _GAUSS, _LEGENDRE, cosine, sine)
    if not np.any(path.imag):
        cosine, sine = cosine.real.copy(), sine.real.copy()
    for array in (cosine, sine):
        array.flags.writeable = False
    return cosine, sine


@lru_cache(maxsize=8)
def outgoing(edges: bytes, z: bytes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """2Re and 2Im of the weights for e^{ik_zz}, (z, 2·nodes), kept for the next k.

    They multiply the real and imaginary parts of T at the nodes, which alternate. The sum is the
    integral over both halves of a path that is symmetric about the imaginary axis, where
    T(−k_z*) = ±T*(k_z).

    Args:
        edges: complex edges of the panels on a ray from 0, `.tobytes()`.
        z: ≥ 0, `.tobytes()`.
    """
    path, separations = np.frombuffer(edges, dtype=complex), np.frombuffer(z)
    found = np.zeros((len(separations), (len(path) - 1) * RAY_ORDER), dtype=complex)
    _outgoing(path, separations, _RAY_GAUSS, _RAY_LEGENDRE, found)
    pair = np.stack([found, 1j * found], axis=-1).reshape(len(separations), -1)
    parts = 2 * pair.real, 2 * pair.imag
    for array in parts:
        array.flags.writeable = False
    return parts


@compiled()
def _outgoing(edges, separations, gauss, legendre, found):  # type: ignore[no-untyped-def]
    order = len(gauss)
    bessel = np.empty(order + _SPARE + 2, dtype=np.complex128)
    for s in range(len(separations)):
        z = separations[s]
        for p in range(len(edges) - 1):
            if edges[p].imag * z > _NEGLIGIBLE:
                break
            half, centre = (edges[p + 1] - edges[p]) / 2, (edges[p + 1] + edges[p]) / 2
            forward = half * np.exp(1j * centre * z)
            _spherical_bessel(half * z, bessel, order)
            for n in range(order):
                even, odd = 0j, 0j
                for m in range(0, order, 4):
                    even += bessel[m] * legendre[n, m] - bessel[m + 2] * legendre[n, m + 2]
                    odd += bessel[m + 1] * legendre[n, m + 1]
                    odd -= bessel[m + 3] * legendre[n, m + 3]
                found[s, p * order + n] = gauss[n] * forward * (even + 1j * odd)


@compiled()
def _weights(edges, separations, points, gauss, legendre, cosine, sine):  # type: ignore[no-untyped-def]
    order = len(points)
    bessel = np.empty(order + _SPARE + 2)
    for s in range(len(separations)):
        z = separations[s]
        for p in range(len(edges) - 1):
            half, centre = (edges[p + 1] - edges[p]) / 2, (edges[p + 1] + edges[p]) / 2
            forward, backward = half * np.exp(1j * centre * z), half * np.exp(-1j * centre * z)
            straight = half.imag == 0
            if straight:
                _spherical_bessel(half.real * z, bessel, order)
            for n in range(order):
                if straight:
                    even, odd = 0.0, 0.0  # i^l is ±1 at even, ±i at odd l
                    for m in range(0, order, 4):
                        even += bessel[m] * legendre[n, m] - bessel[m + 2] * legendre[n, m + 2]
                        odd += bessel[m + 1] * legendre[n, m + 1]
                        odd -= bessel[m + 3] * legendre[n, m + 3]
                    up, down = forward * (even + 1j * odd), backward * (even - 1j * odd)
                else:
                    phase = np.exp(1j * half * points[n] * z)
                    up, down = forward * phase, backward / phase
                cosine[s, p * order + n] = gauss[n] * (up + down)
                sine[s, p * order + n] = -1j * gauss[n] * (up - down)


@compiled()
def _spherical_bessel(x, found, order):  # type: ignore[no-untyped-def]
    """j_0…j_{order−1} of x, Re x ≥ 0: upwards beyond the order, downwards below it."""
    if abs(x) < 1e-8:
        found[:order] = 0.0
        found[0], found[1] = 1.0, x / 3
        return
    if abs(x) >= order:
        found[0] = np.sin(x) / x
        found[1] = (found[0] - np.cos(x)) / x
        for m in range(1, order - 1):
            found[m + 1] = (2 * m + 1) / x * found[m] - found[m - 1]
        return
    top = order + _SPARE
    found[top + 1], found[top] = 0.0, 1e-300
    for m in range(top, 0, -1):
        found[m - 1] = (2 * m + 1) / x * found[m] - found[m + 1]
        if abs(found[m - 1]) > 1e100:
            for n in range(m - 1, top + 2):
                found[n] *= 1e-200
    first, second = np.sin(x) / x, (np.sin(x) / x - np.cos(x)) / x
    scale = first / found[0] if abs(first) > abs(second) else second / found[1]
    for n in range(order):
        found[n] *= scale
