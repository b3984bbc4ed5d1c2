r"""Sums over the dipoles of a cloud in vacuum, without a matrix: compiled kernels.

.. math:: y_m = \sum_{n≠m} [a(ξ)\,1 + b(ξ)\,\hat r\hat r]·x_n, \qquad ξ = k|r_m − r_n|,

.. math:: a = −¾[y_1/ξ − y_0 + i(j_0 − j_1/ξ)], \qquad b = −¾[y_0 − 3y_1/ξ + i(3j_1/ξ − j_0)]

with spherical Bessel functions of ξ: Δ − iΓ/2 per linewidth. The pairs are taken in blocks: first
a and b of a whole block, in a loop that the compiler turns into vector instructions, then the
products with all vectors. Flops bound both: about 100 for a and b of a pair, and 50 for each
vector. Every row is summed by one thread in a fixed order, so that the answer does not depend on
the number of threads.
"""

from concurrent.futures import ThreadPoolExecutor
from math import factorial, floor, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled, in_pieces, threads_available

_BLOCK = 256  # pairs at a time: their numbers stay in the nearest cache
_ROWS = 64  # of a piece of work that a thread takes
_SERIES_BELOW = 0.5  # the closed form of j₁/ξ cancels like ξ⁻²

# π/2 in three parts; products of the first two with whole numbers below 2²⁰ are exact
_HALF_PI = float.fromhex("0x1.921fb544p+0")
_HALF_PI_NEXT = float.fromhex("0x1.0b4611a6p-34")
_HALF_PI_LAST = float.fromhex("0x1.3198a2e037073p-69")
_MOST_TURNS = 2.0**20

_S3, _S5, _S7, _S9, _S11, _S13, _S15 = (
    (-1) ** (n // 2) / factorial(n) for n in (3, 5, 7, 9, 11, 13, 15)
)
_C4, _C6, _C8, _C10, _C12, _C14, _C16 = (
    (-1) ** (n // 2) / factorial(n) for n in (4, 6, 8, 10, 12, 14, 16)
)
_J0, _J2, _J4, _J6, _J8, _J10, _J12 = (
    (-1) ** n * 2 * (n + 1) / factorial(2 * n + 3) for n in range(7)
)

# no reordering where digits depend on the order
_exact = compiled(fastmath={"contract"}, error_model="numpy", nogil=True)
_sums = compiled(fastmath={"contract", "reassoc", "nsz"}, error_model="numpy", nogil=True)


@_exact
def _tensors(here, there, begin, count, out):  # type: ignore[no-untyped-def]
    """Unit vectors and complex a and b from one atom to those of a block.

    Args:
        here: k times its position, (3,).
        there: k times the positions of all atoms, (3, N).
        begin: number of the first atom of the block.
        count: how many atoms the block has.
        out: (7, ≥count): r̂ in rows 0 … 2, Re a, Im a, Re b, Im b below; 0 for the atom itself.
    """
    for j in range(count):
        x = here[0] - there[0, begin + j]
        y = here[1] - there[1, begin + j]
        z = here[2] - there[2, begin + j]
        xi = sqrt(x * x + y * y + z * z)
        apart = 1.0 if xi > 0.0 else 0.0
        inverse = apart / (xi + (1.0 - apart))
        # sine and cosine: ξ = nπ/2 + r with |r| ≤ π/4
        n = floor(xi * (1.0 / _HALF_PI) + 0.5)
        r = ((xi - n * _HALF_PI) - n * _HALF_PI_NEXT) - n * _HALF_PI_LAST
        q = r * r
        odd = q * (_S9 + q * (_S11 + q * (_S13 + q * _S15)))
        odd = r + r * q * (_S3 + q * (_S5 + q * (_S7 + odd)))
        even = q * (_C10 + q * (_C12 + q * (_C14 + q * _C16)))
        even = 1.0 + (-0.5 * q + q * q * (_C4 + q * (_C6 + q * (_C8 + even))))
        half = floor(n * 0.5)
        swap = n - 2.0 * half
        sign = 1.0 - 2.0 * (half - 2.0 * floor(half * 0.5))
        sine = sign * (even if swap > 0.5 else odd)
        cosine = sign * (-odd if swap > 0.5 else even)
        j0 = sine * inverse
        y0 = -cosine * inverse
        square = inverse * inverse
        y1 = (y0 - sine) * square
        p = xi * xi
        series = _J4 + p * (_J6 + p * (_J8 + p * (_J10 + p * _J12)))
        series = apart * (_J0 + p * (_J2 + p * series))
        j1 = series if xi < _SERIES_BELOW else (j0 - cosine) * square
        out[0, j] = x * inverse
        out[1, j] = y * inverse
        out[2, j] = z * inverse
        out[3, j] = -0.75 * (y1 - y0)
        out[4, j] = -0.75 * (j0 - j1)
        out[5, j] = -0.75 * (y0 - 3.0 * y1)
        out[6, j] = -0.75 * (3.0 * j1 - j0)


@_sums
def _rows(scaled, vectors, first, last, out):  # type: ignore[no-untyped-def]
    """Rows first … last of the sums.

    Args:
        scaled: k times the positions, (3, N).
        vectors: real and imaginary parts of x, (B, 6, N): Re x, y, z, then Im x, y, z.
        first: number of the first row.
        last: number after the last row.
        out: (B, 6, N), of which the columns of these rows are written.
    """
    size, total = vectors.shape[0], scaled.shape[1]
    block = np.empty((7, _BLOCK))
    for m in range(first, last):
        for b in range(size):
            for c in range(6):
                out[b, c, m] = 0.0
        for begin in range(0, total, _BLOCK):
            count = min(_BLOCK, total - begin)
            _tensors(scaled[:, m], scaled, begin, count, block)
            for b in range(size):
                sx = sy = sz = tx = ty = tz = 0.0
                for j in range(count):
                    rx, ry, rz = block[0, j], block[1, j], block[2, j]
                    ar, ai, br, bi = block[3, j], block[4, j], block[5, j], block[6, j]
                    px, py, pz = (
                        vectors[b, 0, begin + j],
                        vectors[b, 1, begin + j],
                        vectors[b, 2, begin + j],
                    )
                    qx, qy, qz = (
                        vectors[b, 3, begin + j],
                        vectors[b, 4, begin + j],
                        vectors[b, 5, begin + j],
                    )
                    p = rx * px + ry * py + rz * pz
                    q = rx * qx + ry * qy + rz * qz
                    u = br * p - bi * q
                    v = br * q + bi * p
                    sx += ar * px - ai * qx + u * rx
                    sy += ar * py - ai * qy + u * ry
                    sz += ar * pz - ai * qz + u * rz
                    tx += ar * qx + ai * px + v * rx
                    ty += ar * qy + ai * py + v * ry
                    tz += ar * qz + ai * pz + v * rz
                out[b, 0, m] += sx
                out[b, 1, m] += sy
                out[b, 2, m] += sz
                out[b, 3, m] += tx
                out[b, 4, m] += ty
                out[b, 5, m] += tz


def sums(scaled: NDArray[np.float64], vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """(Δ − iΓ/2)x per linewidth, without the part of an atom on itself, (N, 3, B).

    Args:
        scaled: k times the positions, (N, 3).
        vectors: x, (N, 3, B).

    Raises:
        ValueError: for atoms so far apart that phases lose digits.
    """
    extent = float(np.linalg.norm(np.ptp(scaled, axis=0)))
    if extent > _MOST_TURNS:
        raise ValueError(
            f"atoms: they are up to {extent / (2 * np.pi):.3g} wavelengths apart, more than the "
            f"{_MOST_TURNS / (2 * np.pi):.3g} for which phases keep their digits"
        )
    n, size = len(scaled), vectors.shape[2]
    parts = np.ascontiguousarray(
        np.concatenate([vectors.real, vectors.imag], axis=1).transpose(2, 1, 0)
    )
    there, out = np.ascontiguousarray(scaled.T), np.empty((size, 6, n))
    pieces, threads = -(-n // _ROWS), min(threads_available(), -(-n // _ROWS))

    def work(_: int, piece: int) -> Any:
        _rows(there, parts, piece * _ROWS, min(n, (piece + 1) * _ROWS), out)

    if threads == 1:
        in_pieces(work, pieces, 1, None)
    else:
        with ThreadPoolExecutor(threads - 1) as pool:
            in_pieces(work, pieces, threads, pool)
    return (out[:, :3] + 1j * out[:, 3:]).transpose(2, 1, 0)
