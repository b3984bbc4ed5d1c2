r"""Second order without coherence: ⟨z_m⟩, Z_mn = ⟨z_mz_n⟩ and C_mn = ⟨σ⁺_mσ⁻_n⟩.

With :math:`P = Ch^T` (h without its diagonal) and e, a, b of `pairs`,

.. math::
   \dot z_m &= −a_mz_m − b_m + 4\,\mathrm{Im}P_{mm} \\
   \dot C_{mn} &= (e^*_m + e_n)C_{mn} + iA_{mn} − iA^*_{nm}
       + \tfrac i2h_{nm}(z_n + Z_{mn}) − \tfrac i2h^*_{mn}(z_m + Z_{mn}) \\
   \dot Z_{mn} &= −(a_m + a_n)Z_{mn} − b_mz_n − b_nz_m
       + 4\,\mathrm{Im}(V_{mn} + V_{nm} − h_{mn}C_{mn} − h_{nm}C_{nm})

where :math:`A_{mn} = \sum_l h_{nl}⟨z_nσ^+_mσ^-_l⟩ = z_nP_{mn}` and
:math:`V_{nm} = \sum_{l≠n} h_{ml}⟨z_nσ^+_mσ^-_l⟩ = z_n(P_{mm} − h_{mn}C_{mn})` are closed by pairs.
One product of N × N matrices (8N³ flops, which bound the time for N > 200) and one pass.

On a square lattice Fourier transforms give P in half the time at N = 1,000 (0.08 against 0.15 s
of CPU), and elsewhere none: too little for a second route. A Γ of low rank saves nothing, as Δ has
all of its rank.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled, in_threads
from collective.engines.cumulants.ising import add_to_second
from collective.engines.cumulants.pairs import (
    OPTIONS,
    Rates,
    correlations,
    count,
    emission,
    packed,
    unpack,
)
from collective.states.entries import PairMoments

inline = compiled(**OPTIONS)
_SHARED = 200  # emitters; with fewer a second thread saves no time


class Second:
    """The equations of second order for a vector (C, z, Z).

    Args:
        rates: of the couplings.
        threads: how many threads share the pass.
        pool: their pool, or None.

    Attributes:
        blocks: where the parts of the vector end; the emission needs only the first two.
        origins: the values of the parts in the ground state.
    """

    def __init__(self, rates: Rates, threads: int = 1, pool: ThreadPoolExecutor | None = None):
        self._rates, self._n = rates, len(rates.own)
        self._threads, self._pool = (threads, pool) if self._n >= _SHARED else (1, None)
        pairs = count(self._n)
        self.blocks: tuple[int, ...] = (2 * pairs, 2 * pairs + self._n, 3 * pairs + self._n)
        self.origins: tuple[float, ...] = (0.0, -1.0, 1.0)
        self.observed = self.blocks[1]
        self._full = np.zeros((self._n, self._n), dtype=complex)
        self._product = np.empty_like(self._full)

    def start(self, moments: PairMoments) -> NDArray[np.float64]:
        """The vector of the moments of an initial state."""
        c = packed(np.asarray(moments.exchange, dtype=complex)).view(float)
        return np.concatenate([c, moments.inversion, packed(moments.inversions)])

    def slope(self, t: float, y: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Write the time derivative of a vector to `out`."""
        r, (c, z, zz), (dc, dz, dzz) = self._rates.at(t), self.parts(y), self.parts(out)
        unpack(c, -1.0, self._full)
        np.matmul(self._full, r.turned, out=self._product)
        flow = self._product.diagonal().copy()
        dz[:] = -r.a * z - r.b + 4 * flow.imag

        def work(thread: int) -> None:
            _pass(
                c, zz, z, self._product, flow, r.h, r.turned, r.e, r.a, r.b, dc, dzz,
                thread, self._threads,
            )  # fmt: skip

        in_threads(work, self._threads, self._pool)
        if r.ising is not None:
            add_to_second(r.ising, c, z, dc)

    def parts(
        self, y: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64], NDArray[np.float64]]:
        """Views of C, packed, of z and of Z, packed."""
        first, second, third = self.blocks[:3]
        return y[:first].view(complex), y[first:second], y[second:third]

    def inversion(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """⟨z_n⟩, (N,)."""
        return y[self.blocks[0] : self.blocks[1]]

    def populations(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """The population of every emitter, (N,)."""
        return (1 + self.inversion(y)) / 2

    def excitation(self, populations: NDArray[np.float64]) -> float:
        """The mean number of excited emitters."""
        return float(populations.sum())

    def lost(self, rate: NDArray[np.float64]) -> float:
        """The loss of excitation per time, from the time derivative of a vector."""
        return float(-0.5 * self.inversion(rate).sum())

    def emission(self, y: NDArray[np.float64]) -> float:
        """The emission."""
        return emission(self._rates, y[: self.blocks[0]], self.inversion(y))

    def correlations(self, y: NDArray[np.float64]) -> NDArray[np.complex128]:
        """⟨σ⁺_mσ⁻_n⟩, (N, N)."""
        return correlations(self.parts(y)[0], self.inversion(y))


@inline
def pair_slope(
    c: Any, zz: Any, zm: Any, zn: Any, hmn: Any, hnm: Any, e: Any,
    am: Any, an: Any, bm: Any, bn: Any, amn: Any, anm: Any, v: Any,
) -> Any:  # fmt: skip  # pragma: no cover
    """The slopes of C_mn and Z_mn; e = e*_m + e_n, amn = A_mn, anm = A_nm, v = Im(V_mn + V_nm)."""
    first = e * c + 1j * (amn - anm.conjugate())
    first += 0.5j * (hnm * (zn + zz) - hmn.conjugate() * (zm + zz))
    both = (hmn * c).imag + (hnm * c.conjugate()).imag
    return first, -(am + an) * zz - bm * zn - bn * zm + 4 * (v - both)


@compiled(**OPTIONS)
def _pass(
    c: Any, zz: Any, z: Any, p: Any, flow: Any, h: Any, turned: Any, e: Any, a: Any, b: Any,
    dc: Any, dzz: Any, thread: Any, threads: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """The slopes of C and Z for every row that belongs to a thread."""
    n = len(z)
    for i in range(thread, n, threads):
        k = i * (2 * n - i - 1) // 2
        for j in range(i + 1, n):
            value, hij, hji = c[k], h[i, j], turned[i, j]
            v = z[j] * (flow[i].imag - (hij * value).imag)
            v += z[i] * (flow[j].imag - (hji * value.conjugate()).imag)
            dc[k], dzz[k] = pair_slope(
                value, zz[k], z[i], z[j], hij, hji, e[i].conjugate() + e[j],
                a[i], a[j], b[i], b[j], z[j] * p[i, j], z[i] * p[j, i], v,
            )  # fmt: skip
            k += 1
