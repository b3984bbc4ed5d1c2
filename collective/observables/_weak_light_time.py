r"""How long `weak_light` will take: flops of elimination, or products and what each costs.

The number of products depends on the spectrum of H. In clouds it grows with the optical depth
:math:`b = 6πN/k^2A` of N atoms in the area A across the beam, and by each close pair, whose levels
are far from all others. The rule

.. math:: P = \frac{d}{11}\,45\,b^{0.4} + 40\,N_2

for d digits and N₂ pairs closer than 1/k was fitted to clouds of 150 to 3,000 atoms with 10⁻⁴ to
10⁻¹ atoms per 1/k³. It is good to a factor of two there. On a lattice the one that closes on itself
is the guess, and each frequency needs 11 (1 + b) products, 2.5 times as many in three dimensions:
some 25 for a square array, a thousand for a thick crystal.
"""

from math import log2, log10, prod

import numpy as np
from numpy.typing import NDArray

from collective._tools.progress import notice
from collective._tools.speed import speed
from collective.couplings.sites import Sites, padded
from collective.emitters import Atoms

_ANNOUNCED = 10.0  # seconds; longer work is announced
_LITTLE = 3e10  # flops that take less than ten seconds on any machine
_ELIMINATION_FLOPS = 4.5  # per n³: LU of a complex matrix, and its condition
_MATRIX_FLOPS = 60.0  # per n², while H is made; and for a product with it
_PAIR_FLOPS = 450.0  # of one product, which mostly are no products of matrices
_FURTHER_FLOPS = 150.0  # for a pair and each further vector
_SITE_FLOPS = 800.0  # of one product, per site of the padded lattice and factor of 2 in it
_BASIS_FLOPS = 30.0  # per number, and pair of vectors that are made orthogonal
_LATTICE_PRODUCTS = 11.0  # for each frequency, of a thin array
_CRYSTAL = 2.5  # times as many on a lattice in three dimensions
_DIGITS = 11.0


def cloud_products(
    atoms: Atoms, towards: NDArray[np.float64], frequencies: NDArray[np.float64], tolerance: float
) -> float:
    """About how many products a cloud needs.

    Args:
        atoms: the atoms.
        towards: direction of the beam, (3,).
        frequencies: ω − ω₀ of the light, (F,).
        tolerance: largest residual.
    """
    from scipy.spatial import cKDTree

    n, k = len(atoms), float(atoms.wavenumbers[0])
    depth = _depth(atoms, towards, frequencies)
    tree = cKDTree(k * atoms.positions)
    pairs = (tree.count_neighbors(tree, 1.0) - n) / 2
    found = -log10(tolerance) / _DIGITS * 45.0 * depth**0.4 + 40.0 * pairs
    return float(min(3 * n, max(found, 5.0)))


def _depth(atoms: Atoms, towards: NDArray[np.float64], frequencies: NDArray[np.float64]) -> float:
    """The optical depth of independent atoms at the frequency that is nearest to a resonance."""
    n, k, gamma = len(atoms), float(atoms.wavenumbers[0]), float(atoms.linewidths[0])
    places = k * atoms.positions
    across = places - np.outer(places @ towards, towards)
    # the area of an ellipse with the same second moments, and that over which diffraction spreads
    moments = np.linalg.eigvalsh(np.cov(across.T, bias=True)) if n > 1 else np.zeros(3)
    area = 4 * np.pi * np.sqrt(prod(moments[1:] + 1.0))
    area += 2 * np.pi * float(np.ptp(places @ towards))
    own = atoms.energies[:, :-1] - atoms.energies[:, -1:]
    away = max(0.0, float(np.min(np.abs(frequencies[:, None] - np.ravel(own)[:100]))) / gamma)
    return float(6 * np.pi * n / area / (1 + 4 * away**2))


def announce(
    method: str,
    atoms: Atoms,
    levels: int,
    towards: NDArray[np.float64],
    frequencies: NDArray[np.float64],
    tolerance: float,
    sites: Sites | None,
    matrix: bool,
) -> None:
    """Print one line before work of more than ten seconds.

    Args:
        method: by which the equations are solved.
        atoms: the atoms.
        levels: number of their excited levels that the light reaches.
        towards: direction of the beam, (3,).
        frequencies: ω − ω₀ of the light, (F,).
        tolerance: largest residual.
        sites: of "lattice".
        matrix: whether "sum" multiplies with a matrix.
    """
    n, rows, count, products = len(atoms), len(atoms) * levels, len(frequencies), 0.0
    if method == "dense":
        shared, alone = count * _ELIMINATION_FLOPS * rows**3, _MATRIX_FLOPS * rows**2
    elif sites is not None:
        size = float(prod(padded(sites.shape)))
        one = _LATTICE_PRODUCTS * (1 + _depth(atoms, towards, frequencies))
        one = min(rows, one * _CRYSTAL if len(sites.shape) == 3 else one)
        products = one * count
        shared = products * _SITE_FLOPS * size * log2(size)
        alone = _BASIS_FLOPS * rows * one**2 * count
    else:
        products = cloud_products(atoms, towards, frequencies, tolerance)
        alone = _BASIS_FLOPS * rows * products**2
        if matrix:
            shared = _MATRIX_FLOPS * rows**2 * (products + count)
        else:
            shared = (_PAIR_FLOPS * products + _FURTHER_FLOPS * count) * float(n) ** 2
    if shared + alone < _LITTLE:
        return
    from collective._tools.compiled import threads_available

    seconds = (shared / threads_available() + alone) * speed().flop
    if seconds > _ANNOUNCED:
        how = f", some {products:.0f} products" if products else ""
        notice(
            f"collective: weak light on {n:,} atoms by {method!r}{how}, about {seconds:.0f} s "
            "predicted"
        )
