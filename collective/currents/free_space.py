r"""Potentials of localised sources in free space by FFT, with truncated kernels.

Points on a grid of diameter D are at distances r ≤ D. So the kernel may be cut off at any R ≥ D,
and a kernel that is cut off has a smooth transform (Vico, Greengard and Ferrando, J. Comput. Phys.
323, 191). With κ the screening wave number,

.. math:: A(q) = \frac{1 − e^{−κR}(\cos qR + (κ/q)\sin qR)}{q^2 + κ^2}, \qquad
          B(q) = \frac{1}{κ^2}\Big[\frac{1 − \cos qR}{q^2} − A(q)\Big]

are the transforms of :math:`e^{−κr}/4πr` and of :math:`(1 − e^{−κr})/4πκ^2r`, cut off at R. The
transverse kernel :math:`(1 − q̂q̂)/(q^2 + κ^2)` is then :math:`δ_{ij}A − q_iq_jB`. The sampled kernel
is periodic with the length L + R. It is transformed to the grid once; each source then needs a grid
of only twice the length.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

_SERIES_BELOW = 0.5  # κR below which the series is used, because 1/κ² would lose digits
_SERIES_TERMS = 16
_TINY = 1e-6  # κR whose square is negligible
_CHUNK = 2**19  # numbers transformed along x at once, so that they stay in the cache


@dataclass(frozen=True)
class Grid:
    """A regular grid: points along each axis, and their spacings in bohr."""

    shape: tuple[int, ...]
    spacings: tuple[float, ...]

    @property
    def radius(self) -> float:
        """R: the diameter of the grid with one more point on each side."""
        return float(np.hypot.reduce([(n + 1) * h for n, h in self._axes]))

    @property
    def padded(self) -> tuple[int, ...]:
        """Even lengths of at least twice the grid that suit the FFT."""
        from scipy.fft import next_fast_len

        return tuple(2 * next_fast_len(n) for n in self.shape)

    @property
    def repeated(self) -> tuple[int, ...]:
        """Even lengths of at least L + R, the periods of the sampled kernel."""
        from scipy.fft import next_fast_len

        return tuple(
            2 * next_fast_len(int((n + 1 + self.radius / h) / 2) + 1) for n, h in self._axes
        )

    @property
    def bytes(self) -> int:
        """The most memory that two `Convolution` objects and one transform need."""
        kernel = 8 * prod(n // 2 + 1 for n in self.padded)
        making = 5 * 8 * prod(n // 2 + 1 for n in self.repeated)
        part = max(_CHUNK, self.padded[0] * self.padded[2])
        transforming = 2 * 16 * self.shape[0] * prod(self.padded[1:]) + 2 * 16 * part
        return 2 * kernel + max(making, transforming)

    @property
    def _axes(self) -> list[tuple[int, float]]:
        """Points and spacing of each axis."""
        return list(zip(self.shape, self.spacings, strict=True))


def screened(grid: Grid, screening: float) -> "Convolution":
    """Convolution with e^{−κr}/4πr."""
    return Convolution(grid, lambda q: _screened(q, grid.radius, screening))


def longitudinal(grid: Grid, screening: float) -> "Convolution":
    """Convolution with (1 − e^{−κr})/4πκ²r up to a constant; at κ = 0 with −r/8π.

    The constant has no effect on the divergence of a localised current, whose integral is zero.
    """
    return Convolution(grid, lambda q: _longitudinal(q, grid.radius, screening))


class Convolution:
    """∫k(r − r')f(r')d³r' on a grid, for a real kernel k(r) given by its transform k(q).

    Args:
        grid: the grid of f and of the result.
        transform: k(|q|) of the kernel that is cut off at `grid.radius`.
    """

    def __init__(self, grid: Grid, transform: Callable[[NDArray[np.float64]], NDArray[np.float64]]):
        from scipy.fft import dctn

        self._grid = grid
        sizes = zip(grid.repeated, grid.spacings, strict=True)
        squares = [(2 * np.pi / (m * h) * np.arange(m // 2 + 1)) ** 2 for m, h in sizes]
        q = np.sqrt(squares[0][:, None, None] + squares[1][:, None] + squares[2])
        near = tuple(slice(0, n) for n in grid.shape)
        # the kernel is even in every direction: cosine transforms of one octant are enough
        kernel = dctn(transform(q), type=1, overwrite_x=True)[near] / prod(grid.repeated)
        room = [(0, p // 2 + 1 - n) for p, n in zip(grid.padded, grid.shape, strict=True)]
        self._kernel = dctn(np.pad(kernel, room), type=1, overwrite_x=True)

    def __call__(self, f: NDArray) -> NDArray:
        """The convolution with f; it is real for real f."""
        from scipy import fft

        real = not np.iscomplexobj(f)
        forward, backward = (fft.rfft, fft.irfft) if real else (fft.fft, fft.ifft)
        px, py, pz = self._grid.padded
        nx, ny, nz = self._grid.shape
        x, y, z = (np.minimum(i, p - i) for p in (px, py, pz) for i in [np.arange(p)])
        z = z[: pz // 2 + 1] if real else z
        # the padding along an axis is added only when that axis is transformed
        g = fft.fft(forward(f, pz, axis=2, workers=-1), py, axis=1, workers=-1)
        step = max(1, _CHUNK // (px * len(z)))
        for start in range(0, py, step):
            rows = slice(start, start + step)
            part = fft.fft(g[:, rows], px, axis=0, workers=-1)
            part *= self._kernel[:, y[rows]][:, :, z][x]
            g[:, rows] = fft.ifft(part, axis=0, overwrite_x=True, workers=-1)[:nx]
        g = fft.ifft(g, axis=1, overwrite_x=True, workers=-1)[:, :ny]
        return backward(g, pz, axis=2, workers=-1)[:, :, :nz]


def _screened(q: NDArray, radius: float, screening: float) -> NDArray:
    """A(q): the transform of e^{−κr}/4πr up to R."""
    from scipy.special import gammainc

    at, x = q * radius, screening * radius
    # 1 − e^{−x}(cos qR + x sin(qR)/qR), written so that no digits cancel for x → 0 except at q = 0
    numerator = (
        2 * np.sin(at / 2) ** 2 - np.expm1(-x) * np.cos(at) - x * np.exp(-x) * np.sinc(at / np.pi)
    )
    origin = q == 0
    found = numerator / np.where(origin, 1.0, q**2 + screening**2)
    at_origin = 0.5 - x / 3 if x < _TINY else gammainc(2, x) / x**2  # ∫₀ᴿ r e^{−κr} dr / R²
    return np.where(origin, radius**2 * at_origin, found)


def _longitudinal(q: NDArray, radius: float, screening: float) -> NDArray:
    """B(q) minus a constant in space, so that κ may be zero."""
    if screening * radius > _SERIES_BELOW:
        unscreened = _screened(q, radius, 0.0)
        return (unscreened - _screened(q, radius, screening)) / screening**2
    # (1 − e^{−κr} − κr)/4πκ²r = −Σ (−κ)ⁿ rⁿ⁺¹/4π(n+2)!
    total = np.zeros_like(q)
    for n, moment in enumerate(_moments(q, radius, _SERIES_TERMS if screening else 1)):
        total -= (-screening) ** n / factorial(n + 2) * moment
    return total


def _moments(q: NDArray, radius: float, count: int) -> Iterator[NDArray]:
    """∫₀ᴿ rⁿ⁺² sin(qr)/q dr for n = 0 … count − 1, by parts, which is stable for qR > π."""
    origin = q == 0
    q = np.where(origin, 1 / radius, q)
    sine, cosine = np.sin(q * radius), np.cos(q * radius)
    s, c = (1 - cosine) / q, sine / q  # ∫rᵖ sin qr, ∫rᵖ cos qr at p = 0
    for p in range(1, count + 2):
        s, c = (p * c - radius**p * cosine) / q, (radius**p * sine - p * s) / q
        if p > 1:
            yield np.where(origin, radius ** (p + 2) / (p + 2), s / q)
