r"""What Ising terms add to the slopes of the moments.

With n = ½(1 + z) and G = ½V,

.. math:: \sum_{m<n} V_{mn}n_mn_n = ½\sum_{m<n}G_{mn}z_mz_n + \sum_{mn} G_{mn}n_m + \text{const},

where the last sum shifts each emitter by :math:`\sum_n G_{mn}` (it is part of e in `pairs`), and

.. math:: \dot σ^-_m = … − i\sum_b G_{mb}z_bσ^-_m, \qquad \dot z_m = … + 0.

In products of σ^±_m and σ^±_n the terms b = m and b = n cancel. Sums over a third or fourth emitter
are closed as those of `second`, `general` and `third`; z, Z and Q do not change. These are a few
operations with N × N or N × N × N numbers, which only couplings with Ising terms need.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.cumulants.pairs import packed


def add_to_first(
    g: NDArray[np.float64], s: NDArray[Any], z: NDArray[np.float64], ds: NDArray[Any]
) -> None:
    """Add −i(Gz)_n s_n to the slope of s.

    Args:
        g: G, (N, N).
        s: ⟨σ⁻_n⟩, (N,).
        z: ⟨z_n⟩, (N,).
        ds: its slope, to which is added.
    """
    ds -= 1j * (g @ z) * s


def add_to_second(
    g: NDArray[np.float64], c: NDArray[Any], z: NDArray[np.float64], dc: NDArray[Any]
) -> None:
    """Add iΣ_b(G_mb − G_nb)z_b C_mn, b ≠ m, n, to the slope of the packed C."""
    dc += 1j * packed(_difference(g, z)) * c


def _difference(g: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ_b(G_mb − G_nb)z_b without b = m and b = n, (N, N)."""
    turned = g @ z
    return np.asarray(turned[:, None] - turned + g * (z[:, None] - z))


def add_to_general(
    g: NDArray[np.float64],
    full: NDArray[np.complex128],
    inversions: NDArray[np.float64],
    s: NDArray[Any],
    z: NDArray[np.float64],
    slopes: tuple[NDArray[Any], ...],
) -> None:
    r"""Add to the slopes of C, s, M and Y.

    With K = GY, ū_mn = Σ_b G_mb z_b without b = n, and k_mn = Σ_b G_mb⟨z_bσ⁻_m⟩ without b = n, the
    sums are

    .. math::
       \sum_b G_{mb}⟨z_bσ^-_mσ^-_n⟩ = ū_{mn}(M_{mn} − 2s_ms_n) + s_mK_{mn} + s_nk_{mn}

    and the same with σ⁺_m, s*_m and k*_mn.

    Args:
        g: G, (N, N).
        full: C, M and Y, (3, N, N).
        inversions: Z, (N, N).
        s: ⟨σ⁻_n⟩, (N,).
        z: ⟨z_n⟩, (N,).
        slopes: of C, z, s, M, Y and Z, packed as in `general`.
    """
    c, pairs, mixed = full
    dc, _, ds, dm, dmixed, _ = slopes
    products = g @ mixed
    own = np.diagonal(products)
    ds -= 1j * own
    without = (g @ z)[:, None] - g * z  # ū
    of_own = own[:, None] - g * mixed.T  # k
    both = without * (pairs - 2 * np.outer(s, s)) + s[:, None] * products + s * of_own
    dm -= 1j * packed(both + both.T)
    raised = without * (c - 2 * np.outer(s.conj(), s))
    raised = raised + s.conj()[:, None] * products + s * of_own.conj()
    dc += 1j * packed(raised - raised.conj().T)
    # Σ_b G_nb⟨z_mz_bσ⁻_n⟩ for Y_mn
    turned = z[:, None] * of_own.T + mixed * without.T + s * (inversions @ g)
    turned = turned - 2 * np.outer(z, s) * without.T + g * s
    np.fill_diagonal(turned, 0.0)
    dmixed -= 1j * turned


def add_to_third(
    g: NDArray[np.float64],
    full: NDArray[np.complex128],
    inversions: NDArray[np.float64],
    z: NDArray[np.float64],
    triple: NDArray[np.complex128],
    dc: NDArray[Any],
    dtriple: NDArray[Any],
) -> None:
    r"""Add to the slopes of C and T, with the names of `third`.

    .. math::
       \dot C_{mn} &= … + iD_{mn}, \qquad D_{mn} = \sum_b(G_{mb} − G_{nb})T_{bmn} \\
       \dot T_{jmn} &= … + i\big[D^j_{mn}C_{mn} + z_j(D_{mn} − D^j_{mn}T_{jmn})
           + d_{jmn}T_{jmn} + f_{jmn}C_{mn}\big]

    where D^j_mn = G_mj − G_nj, and d and f are the sums over b ≠ j, m, n of (G_mb − G_nb)z_b and of
    (G_mb − G_nb)(Z_jb − 2z_jz_b).

    Args:
        g: G, (N, N).
        full: C, (N, N).
        inversions: Z, (N, N).
        z: ⟨z_n⟩, (N,).
        triple: T, (N, N, N), zero where two indices are equal.
        dc: the slope of C, packed.
        dtriple: the slope of T, packed, (N, N(N − 1)/2).
    """
    n = len(z)
    d = np.einsum("mb,bmn->mn", g, triple) - np.einsum("nb,bmn->mn", g, triple)
    dc += 1j * packed(d)
    plain = _difference(g, z)
    u = inversions - 2 * np.outer(z, z)
    np.fill_diagonal(u, 0.0)
    ug = u @ g
    above = np.triu_indices(n, 1)
    for j in range(n):
        apart = g[:, j, None] - g[:, j]
        t = triple[j]
        weighted = ug[j][:, None] - ug[j] + g * (u[j][:, None] - u[j])
        added = (apart + weighted) * full + z[j] * (d - apart * t) + (plain - apart * z[j]) * t
        added[j], added[:, j] = 0.0, 0.0
        dtriple[j] += 1j * added[above]
