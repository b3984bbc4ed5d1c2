r"""How long `weak_light` will take: flops of elimination, or products and what each costs.

The number of products depends on the spectrum of H. In clouds it grows with the optical depth
:math:`b = 6πN/k^2A` of N atoms in the area A across the beam, and by each close pair, whose levels
are far from all others. The rule

.. math:: P = \frac{d}{11}\,45\,b^{0.4} + 40\,N_2

for d digits and N₂ pairs closer than 1/k was fitted to clouds of 150 to 3,000 atoms with 10⁻⁴ to
10⁻² atoms per 1/k³. It is good to a factor of two there.
"""

from math import log10, prod

import numpy as np
from numpy.typing import NDArray

from collective._tools.progress import say
from collective._tools.speed import speed
from collective.couplings.sites import Sites, padded
from collective.emitters import Atoms

_ANNOUNCED = 10.0  # seconds; longer work is announced
_ELIMINATION_FLOPS = 3.4  # per n³: LU of a complex matrix, and its condition
_MATRIX_FLOPS = 60.0  # per n², while H is made; and for a product with it
_PAIR_FLOPS = 450.0  # of one product, which mostly are no products of matrices
_FURTHER_FLOPS = 150.0  # for a pair and each further vector
_SITE_FLOPS = 400.0  # of one product, per site of the padded lattice and factor of 2 in it
_BASIS_FLOPS = 30.0  # per number, and pair of vectors that are made orthogonal
_LATTICE_PRODUCTS = 14.0  # for each frequency
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

    n, k, gamma = len(atoms), float(atoms.wavenumbers[0]), float(atoms.linewidths[0])
    places = k * atoms.positions
    across = places - np.outer(places @ towards, towards)
    # the area of an ellipse with the same second moments
    moments = np.linalg.eigvalsh(np.cov(across.T, bias=True)) if n > 1 else np.zeros(3)
    area = 4 * np.pi * np.sqrt(prod(moments[1:] + 1.0))
    own = atoms.energies[:, :-1] - atoms.energies[:, -1:]
    away = max(0.0, float(np.min(np.abs(frequencies[:, None] - np.ravel(own)[:100]))) / gamma)
    depth = 6 * np.pi * n / area / (1 + 4 * away**2)
    tree = cKDTree(places)
    pairs = (tree.count_neighbors(tree, 1.0) - n) / 2
    found = -log10(tolerance) / _DIGITS * 45.0 * depth**0.4 + 40.0 * pairs
    return float(min(3 * n, max(found, 5.0)))


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
    n, rows, count = len(atoms), len(atoms) * levels, len(frequencies)
    if rows * rows * count < 1e6:  # far below a second
        return
    from collective._tools.compiled import threads_available

    threads, products = threads_available(), 0.0
    if method == "dense":
        flops = count * _ELIMINATION_FLOPS * rows**3 / threads + _MATRIX_FLOPS * rows**2
    elif sites is not None:
        size = float(prod(padded(sites.shape)))
        products = _LATTICE_PRODUCTS * count
        flops = products * _SITE_FLOPS * size * max(1.0, log10(size) / log10(2.0)) / threads
    else:
        products = cloud_products(atoms, towards, frequencies, tolerance)
        one = _MATRIX_FLOPS * rows**2 if matrix else _PAIR_FLOPS * float(n) ** 2 / threads
        further = _MATRIX_FLOPS * rows**2 if matrix else _FURTHER_FLOPS * float(n) ** 2 / threads
        flops = products * one + count * further + _BASIS_FLOPS * rows * products**2
    seconds = flops * speed().flop
    if seconds > _ANNOUNCED:
        how = f", some {products:.0f} products" if products else ""
        say(
            f"collective: weak light on {n:,} atoms by {method!r}{how}, about {seconds:.0f} s "
            "predicted"
        )
