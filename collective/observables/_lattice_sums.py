r"""Sums over infinite lattices: polylogarithms for a chain, Ewald's method for a square lattice.

For a square lattice without the emitter at the origin, in units with k = 1, the scalar wave is
split at the distance 1/E into two sums: one over plane waves, with
:math:`γ_g = \sqrt{q_g^2 − 1}` and :math:`q_g = Q + g`, and one over sites, of which only the near
ones count,

.. math:: \sum_{R≠0} \frac{e^{iR}}{4πR} e^{iQ·R} = \frac{1}{2a^2}\sum_g
          \frac{\mathrm{erfc}(γ_g/2E)}{γ_g} + \sum_{R≠0} e^{iQ·R} h(R) + h_0(0), \qquad
          h = \frac{1}{8πr}\sum_± e^{±ir}\,\mathrm{erfc}(rE ± i/2E),

with :math:`h_0 = h − e^{ir}/4πr`; then (1 + ∇∇) is applied to every term (Linton, SIAM Rev. 52,
630 (2010)). An open diffraction order has γ = −i√(1 − q²).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_TERMS = 30  # of the Clausen series, whose terms fall at least like 4⁻ⁿ
_CUTOFF = 6.4  # argument of erfc beyond which terms are left out: erfc(6.4) < 1e-19
_CHUNK = 200_000  # terms of a sum held at a time


def polylogarithms(angle: Array) -> tuple[NDArray[np.complex128], ...]:
    """Li₁, Li₂ and Li₃ of e^{iθ}, each of the shape of θ; at multiples of 2π Li₁ is not defined."""
    from scipy.special import zeta

    positive = np.mod(angle, 2 * np.pi)  # Bernoulli polynomials, on 0 … 2π
    reduced = np.minimum(positive, 2 * np.pi - positive)  # Clausen functions, on 0 … π
    sign = np.where(positive <= np.pi, 1.0, -1.0)
    safe = np.where(reduced > 0, reduced, 1.0)
    log = np.log(safe)
    n = np.arange(1, _TERMS)
    powers = (reduced[..., None] / (2 * np.pi)) ** (2 * n)
    series = zeta(2 * n) / (n * (2 * n + 1))
    cl2 = sign * reduced * (1 - log + powers @ series)
    cl3 = zeta(3) - reduced**2 * (0.75 - log / 2 + powers @ (series / (2 * n + 2)))
    rest = 2 * np.pi - positive
    li1 = -np.log(2 * np.sin(safe / 2)) + 0.5j * (np.pi - positive)
    li2 = np.pi**2 / 6 - positive * rest / 4 + 1j * cl2
    li3 = cl3 + 1j * positive * (np.pi - positive) * rest / 12
    return li1, li2, li3


def chain_shifts(xi: float, bloch: Array, along: float) -> Array:
    """Shifts ω_Q of a chain, (K,).

    Args:
        xi: ξ = ka.
        bloch: Q in units of k, (K,).
        along: |u·axis|² of the dipole.
    """
    p, q = 1.0, along
    total = np.zeros(len(bloch))
    for sign in (1, -1):
        li1, li2, li3 = polylogarithms(xi * (1 + sign * bloch))
        total += ((p - 3 * q) * (1j * li2 / xi**2 - li3 / xi**3)).real
        if q < 1:
            total += (p - q) * li1.real / xi
    return -0.75 * total


def square_shifts(xi: float, bloch: Array, dipole: NDArray[np.complex128], split: float) -> Array:
    """Shifts ω_Q of a square lattice in the xy-plane, (K,).

    Args:
        xi: ξ = ka.
        bloch: Q in units of k, (K, 2).
        dipole: unit dipole, (3,).
        split: E/k.
    """
    zone = 2 * np.pi / xi
    bloch = bloch - zone * np.round(bloch / zone)
    # every order that is left out has γ/2E above the cutoff
    orders = _cells(int(np.ceil((1 + 2 * split * _CUTOFF) / zone)) + 1) * zone
    sites = _cells(int(np.ceil(_CUTOFF / split / xi)) + 1) * xi
    sites = sites[np.any(sites != 0, axis=1)]
    weights = _near_sites(sites, dipole, split)
    self_term = _at_origin(split)
    shifts = np.empty(len(bloch))
    step = max(1, _CHUNK // (len(orders) + len(sites)))
    for start in range(0, len(bloch), step):
        some = bloch[start : start + step]
        waves = _waves(some[:, None] + orders, dipole, split).sum(axis=1) / xi**2
        near = np.cos(some @ sites.T) @ weights
        shifts[start : start + step] = -3 * np.pi * (waves + near + self_term)
    return shifts


def weight(q: Array, dipole: NDArray[np.complex128]) -> Array:
    """u*·(1 + ∇∇)·u of a plane wave, averaged over both sides of the plane.

    Args:
        q: its wave vector in the plane, in units of k, (..., 2).
        dipole: unit dipole u, (3,).
    """
    squared = (q**2).sum(axis=-1)
    across = np.abs(q @ dipole[:2]) ** 2
    in_plane = float(np.sum(np.abs(dipole[:2]) ** 2))
    return in_plane - across + squared * abs(dipole[2]) ** 2


def _cells(reach: int) -> Array:
    """All pairs of whole numbers from −reach to reach, ((2·reach + 1)², 2)."""
    numbers = np.arange(-reach, reach + 1, dtype=float)
    return np.stack(np.meshgrid(numbers, numbers, indexing="ij"), axis=-1).reshape(-1, 2)


def _waves(q: Array, dipole: NDArray[np.complex128], split: float) -> Array:
    """Real part of the terms of the sum over plane waves, times a², for q (..., 2): (...,)."""
    from scipy.special import erfc, erfi

    squared = (q**2).sum(axis=-1) - 1
    root = np.sqrt(np.abs(squared))
    safe = np.where(root > 0, root, 1.0)
    is_open = squared < 0
    # real part of erfc(γ/2E)/γ; in an open order −erfi(√(1 − q²)/2E) takes the place of erfc
    ratio = np.where(
        is_open, -erfi(np.where(is_open, root, 0.0) / (2 * split)), erfc(root / (2 * split))
    )
    terms = weight(q, dipole) * ratio / safe
    gauss = 2 * split / np.sqrt(np.pi) * np.exp(-squared / (4 * split**2))
    return np.asarray((terms - abs(dipole[2]) ** 2 * gauss) / 2)


def _near_sites(sites: Array, dipole: NDArray[np.complex128], split: float) -> Array:
    """u*·(h + ∇∇h)·u at every site (S, 2), (S,)."""
    from scipy.special import erfc

    r = np.sqrt((sites**2).sum(axis=1))
    wave = np.exp(1j * r) * erfc(r * split + 0.5j / split)
    gauss = 4 * split / np.sqrt(np.pi) * np.exp(0.25 / split**2 - (r * split) ** 2)
    value = 2 * wave.real
    slope = -2 * wave.imag - gauss
    second = -value + 2 * gauss * split**2 * r
    h = value / r
    first = (slope - h) / r
    curved = (second - 2 * first) / r
    along = np.abs(sites @ dipole[:2]) ** 2 / r**2
    return np.asarray((h + first / r + (curved - first / r) * along) / (8 * np.pi))


def _at_origin(split: float) -> float:
    """Real part of (1 + ∇∇)(h − e^{ir}/4πr) at the origin, where it is isotropic."""
    from scipy.special import erfi

    gauss = 2 * split / np.sqrt(np.pi) * np.exp(0.25 / split**2)
    value = float(erfi(0.5 / split)) - gauss
    second = -value + 2 * gauss * split**2
    return (value + second / 3) / (4 * np.pi)
