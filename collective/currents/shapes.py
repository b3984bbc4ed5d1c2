r"""Wave functions of orbitals: Gaussian and hydrogen-like, with complex or real harmonics."""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial, gamma

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.currents.arguments import (
    positive,
    wavevector,
)

_LARGEST_L = 20  # higher ones overflow on any reasonable grid
_LARGEST_N = 100  # its factorials and powers do not overflow
_FARTHEST = 4000.0  # 2Zr/n above which e^{−Zr/n} times any power is zero
Wavefunction = Callable[[NDArray, NDArray, NDArray], NDArray]


def gaussian(
    l: int = 0,
    m: int = 0,
    *,
    width: float = 1.0,
    centre: ArrayLike = (0, 0, 0),
    real: bool = False,
) -> Wavefunction:
    r"""A normalised Gaussian orbital, :math:`∝ r^l Y_{lm}(r̂) e^{−r^2/2a^2}` about its centre.

    Args:
        l: angular momentum.
        m: its z component, −l … l; l = 1, m = ±1 is ∓(x ± iy), a ring current.
        width: a in bohr.
        centre: the centre in bohr, (3,).
        real: whether to use real harmonics, ∝ cos mφ for m > 0 and ``sin |m|φ`` for m < 0; those
            of l = 1 with m = 1, −1, 0 are p_x, p_y, p_z.

    Returns:
        ψ(x, y, z) for `Orbitals`.

    Raises:
        ValueError: for a width that is not positive, an m above l, or a flag that is neither True
            nor False.
    """
    harmonic = _harmonic(l, m, real)
    width = positive("width", width)
    return _Gaussian(harmonic, tuple(wavevector("centre", centre).tolist()), width)


def hydrogen_like(
    n: int,
    l: int = 0,
    m: int = 0,
    *,
    charge: float = 1.0,
    centre: ArrayLike = (0, 0, 0),
    real: bool = False,
) -> Wavefunction:
    r"""An orbital of one electron around a nucleus, :math:`R_{nl}(r) Y_{lm}(r̂)`.

    Args:
        n: principal quantum number, above l.
        l: angular momentum.
        m: its z component, −l … l.
        charge: Z of the nucleus.
        centre: the centre in bohr, (3,).
        real: whether to use real harmonics, as for `gaussian`.

    Returns:
        ψ(x, y, z) for `Orbitals`. Because of the cusp at the nucleus, results converge slowly with
        the grid, especially for l = 0.

    Raises:
        ValueError: for quantum numbers that do not exist or exceed 100, a charge that is not
            positive, or a flag that is neither True nor False.
    """
    harmonic = _harmonic(l, m, real)
    if checks.count("n", n) <= l:
        raise ValueError(f"n must be above l = {l}, got {n}")
    if n > _LARGEST_N:
        raise ValueError(f"n must not exceed {_LARGEST_N}, got {checks.short(n)}")
    charge = positive("charge", charge)
    return _HydrogenLike(harmonic, tuple(wavevector("centre", centre).tolist()), int(n), charge)


def _harmonic(l: int, m: int, real: bool) -> "_Harmonic":
    """The checked function (x, y, z) → (r, Y_lm)."""
    if checks.count("l", l, minimum=0) > _LARGEST_L:
        raise ValueError(f"l must not exceed {_LARGEST_L}, got {checks.short(l)}")
    if abs(checks.count("m", m, minimum=-l)) > l:
        raise ValueError(f"m must be between −l and l = {l}, got {checks.short(m)}")
    return _Harmonic(int(l), int(m), checks.flag("real", real))


# wave functions are objects of classes, because a pickle cannot hold functions within functions


@dataclass(frozen=True)
class _Harmonic:
    """(x, y, z) → (r, Y_lm)."""

    l: int
    m: int
    real: bool

    def __call__(self, x: NDArray, y: NDArray, z: NDArray) -> tuple[NDArray, NDArray]:
        from scipy.special import lpmv

        l, m, k = self.l, self.m, abs(self.m)
        scale = np.sqrt((2 * l + 1) / (4 * np.pi) * factorial(l - k) / factorial(l + k))
        r = np.sqrt(x**2 + y**2 + z**2)
        polar = scale * lpmv(k, l, z / np.where(r > 0, r, 1.0))
        phi = np.arctan2(y, x)
        if not self.real:
            return r, (polar if m >= 0 else (-1) ** k * polar) * np.exp(1j * m * phi)
        if m == 0:
            return r, polar
        wave = np.cos(k * phi) if m > 0 else np.sin(k * phi)
        return r, (-1) ** k * np.sqrt(2) * polar * wave


@dataclass(frozen=True)
class _Gaussian:
    """The wave function of `gaussian`."""

    harmonic: _Harmonic
    centre: tuple[float, ...]
    width: float

    def __call__(self, x: NDArray, y: NDArray, z: NDArray) -> NDArray:
        from scipy.special import xlogy

        l, width, at = self.harmonic.l, self.width, self.centre
        # ∫r^{2l+2} e^{−r²/a²}dr = ½a^{2l+3} Γ(l + 3/2)
        scale = np.sqrt(2 / (width**3 * gamma(l + 1.5)))
        r, angular = self.harmonic(x - at[0], y - at[1], z - at[2])
        # a single exponential, so that no power overflows where the Gaussian is zero
        return scale * angular * np.exp(xlogy(l, r / width) - (r / width) ** 2 / 2)


@dataclass(frozen=True)
class _HydrogenLike:
    """The wave function of `hydrogen_like`."""

    harmonic: _Harmonic
    centre: tuple[float, ...]
    n: int
    charge: float

    def __call__(self, x: NDArray, y: NDArray, z: NDArray) -> NDArray:
        from scipy.special import eval_genlaguerre

        n, l, charge, at = self.n, self.harmonic.l, self.charge, self.centre
        scale = np.sqrt((2 * charge / n) ** 3 * factorial(n - l - 1) / (2 * n * factorial(n + l)))
        r, angular = self.harmonic(x - at[0], y - at[1], z - at[2])
        rho = np.minimum(2 * charge * r / n, _FARTHEST)
        radial = rho**l * eval_genlaguerre(n - l - 1, 2 * l + 1, rho) * np.exp(-rho / 2)
        return scale * radial * angular
