r"""Second order with coherence: also s = ⟨σ⁻⟩, M_mn = ⟨σ⁻_mσ⁻_n⟩ and Y_mn = ⟨z_mσ⁻_n⟩.

For drives and coherent initial states. Third joint cumulants are set to zero, so that every sum
over a third emitter is made of three products of N × N matrices,

.. math::
   P = Ch^T, \qquad R = Mh^T, \qquad U = Yh^T, \qquad f = hs,

with h without its diagonal, e, a, b as in `pairs`, and w = Ω/2. With
:math:`⟨XYσ^-_l⟩ = ⟨X⟩⟨Yσ^-_l⟩ + ⟨Y⟩⟨Xσ^-_l⟩ + (⟨XY⟩ − 2⟨X⟩⟨Y⟩)⟨σ^-_l⟩` one pass over the pairs
finishes the slopes; the operator algebra behind each line is repeated in the tests. 24N³ flops
bound the time for N > 200.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled, in_threads
from collective.engines.cumulants.ising import add_to_general
from collective.engines.cumulants.pairs import (
    OPTIONS,
    Rates,
    correlations,
    count,
    emission,
    packed,
    unpack,
    unpack_real,
)
from collective.states.entries import PairMoments

inline = compiled(**OPTIONS)
_SHARED = 100  # emitters; with fewer a second thread saves no time


class General:
    """The equations of second order for a vector (C, z, s, M, Y, Z).

    Args:
        rates: of the couplings.
        envelope: f(t), by which the drive is multiplied, or None.
        threads: how many threads share the pass.
        pool: their pool, or None.

    Attributes:
        blocks: where the parts of the vector end.
        observed: how many numbers of the vector the observables need: the first two parts.
        origins: the values of the parts in the ground state.
    """

    def __init__(
        self,
        rates: Rates,
        envelope: Callable[[float], complex] | None = None,
        threads: int = 1,
        pool: ThreadPoolExecutor | None = None,
    ):
        self._rates, self._envelope, n = rates, envelope, len(rates.own)
        self._threads, self._pool = (threads, pool) if n >= _SHARED else (1, None)
        self._n, pairs = n, count(n)
        sizes = (2 * pairs, n, 2 * n, 2 * pairs, 2 * n * n, pairs)
        self.blocks = tuple(np.cumsum(sizes).tolist())
        self.origins = (0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
        self.observed = self.blocks[1]
        self._full = np.zeros((3, n, n), dtype=complex)
        self._products = np.empty_like(self._full)
        self._inversions = np.zeros((n, n))

    def start(self, moments: PairMoments) -> NDArray[np.float64]:
        """The vector of the moments of an initial state."""
        complexes = (packed(moments.exchange), moments.lowered, packed(moments.double))
        c, s, m, y = (
            np.ascontiguousarray(x, dtype=complex).ravel().view(float)
            for x in (*complexes, moments.mixed)
        )
        return np.concatenate([c, moments.inversion, s, m, y, packed(moments.inversions)])

    def slope(self, t: float, y: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Write the time derivative of a vector to `out`."""
        r = self._rates.at(t)
        (c, z, s, m, mixed, zz), slopes = self.parts(y), self.parts(out)
        strength = 1.0 if self._envelope is None else self._envelope(t)
        w = strength * r.drive
        unpack(c, -1.0, self._full[0])
        unpack(m, 1.0, self._full[1])
        self._full[2] = mixed
        unpack_real(zz, self._inversions)
        n = self._n
        flat = self._full.reshape(3 * n, n)
        np.matmul(flat, r.turned, out=self._products.reshape(3 * n, n))
        f, diagonals = r.h @ s, np.einsum("knn->kn", self._products)
        slopes[2][:] = r.e * s + 1j * (diagonals[2] + z * w)
        slopes[1][:] = -r.a * z - r.b + 4 * (diagonals[0] + s.conj() * w).imag
        dc, dm, dmixed, dzz = slopes[0], *slopes[3:]

        def work(thread: int) -> None:
            _pass(
                self._full, self._products, self._inversions, s, z, f, w, r.h, r.e, r.a, r.b,
                dc, dm, dmixed, dzz, thread, self._threads,
            )  # fmt: skip

        in_threads(work, self._threads, self._pool)
        if r.ising is not None:
            add_to_general(r.ising, self._full, self._inversions, s, z, slopes)

    def parts(self, y: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
        """Views of C, packed, z, s, M, packed, Y, (N, N), and Z, packed."""
        c, z, s, m, mixed, zz = np.split(y, self.blocks[:-1])
        matrix = mixed.view(complex).reshape(self._n, self._n)
        return c.view(complex), z, s.view(complex), m.view(complex), matrix, zz

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
        return correlations(y[: self.blocks[0]].view(complex), self.inversion(y))


@inline
def _closed(x: Any, y: Any, xy: Any, xl: Any, yl: Any, sl: Any) -> Any:  # pragma: no cover
    """⟨XYσ⁻_l⟩ from ⟨X⟩, ⟨Y⟩, ⟨XY⟩, ⟨Xσ⁻_l⟩, ⟨Yσ⁻_l⟩ and ⟨σ⁻_l⟩, or sums of these over l."""
    return x * yl + y * xl + (xy - 2 * x * y) * sl


@inline
def _mixed(
    m: Any, n: Any, full: Any, products: Any, zz: Any, s: Any, z: Any, f: Any, w: Any, h: Any,
    e: Any, a: Any, b: Any,
) -> Any:  # fmt: skip  # pragma: no cover
    """The slope of Y_mn = ⟨z_mσ⁻_n⟩."""
    c, pairs, mixed = full[0], full[1], full[2]
    p, r, u = products[0], products[1], products[2]
    hnm, hmn = h[n, m], h[m, n]
    fn, fm = f[n] - hnm * s[m], f[m] - hmn * s[n]
    from_n = _closed(z[m], z[n], zz[m, n], u[m, n], u[n, n] - hnm * mixed[n, m], fn)
    raised = s[m].conjugate()
    own = p[m, m] - hmn * c[m, n]
    from_m = _closed(raised, s[n], c[m, n], own, r[n, m], fm)
    back = _closed(
        s[m].conjugate(), s[n].conjugate(), pairs[m, n].conjugate(), own, p[n, m], fm
    ).conjugate()
    found = (e[n] - a[m]) * mixed[m, n] - b[m] * s[n]
    found += 1j * (from_n - hnm * mixed[n, m] + w[n] * zz[m, n]) - 2j * (from_m + w[m] * c[m, n])
    back += 0.5 * hmn.conjugate() * (s[m] + mixed[n, m]) + w[m].conjugate() * pairs[m, n]
    return found + 2j * back


@compiled(**OPTIONS)
def _pass(
    full: Any, products: Any, zz: Any, s: Any, z: Any, f: Any, w: Any, h: Any, e: Any, a: Any,
    b: Any, dc: Any, dm: Any, dmixed: Any, dzz: Any, thread: Any, threads: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """The slopes of all pairs whose first emitter belongs to a thread."""
    c, pairs, mixed = full[0], full[1], full[2]
    p, r, u = products[0], products[1], products[2]
    count = len(z)
    for m in range(thread, count, threads):
        k = m * (2 * count - m - 1) // 2
        dmixed[m, m] = 0.0
        sm, raised = s[m], s[m].conjugate()
        for n in range(m + 1, count):
            sn, both = s[n], zz[m, n]
            hnm, hmn, ymn, ynm = h[n, m], h[m, n], mixed[m, n], mixed[n, m]
            fn, fm = f[n] - hnm * sm, f[m] - hmn * sn
            un, um = u[n, n] - hnm * ynm, u[m, m] - hmn * ymn
            # Σ_l h_nl⟨σ⁺_mz_nσ⁻_l⟩ and the same with m and n exchanged, without l = m, n
            first = _closed(raised, z[n], ynm.conjugate(), p[m, n], un, fn)
            second = _closed(sn.conjugate(), z[m], ymn.conjugate(), p[n, m], um, fm)
            first += 0.5 * hnm * (z[n] + both) + w[n] * ynm.conjugate()
            second += 0.5 * hmn * (z[m] + both) + w[m] * ymn.conjugate()
            dc[k] = (e[m].conjugate() + e[n]) * c[m, n] + 1j * (first - second.conjugate())
            # Σ_l h_nl⟨σ⁻_mz_nσ⁻_l⟩ and the other
            first = _closed(sm, z[n], ynm, r[m, n], un, fn) + w[n] * ynm
            second = _closed(sn, z[m], ymn, r[n, m], um, fm) + w[m] * ymn
            dm[k] = (e[m] + e[n]) * pairs[m, n] + 1j * (first + second)
            # Σ_l h_ml⟨z_nσ⁺_mσ⁻_l⟩ and the other
            first = _closed(z[n], raised, ynm.conjugate(), u[n, m], p[m, m] - hmn * c[m, n], fm)
            second = _closed(
                z[m], sn.conjugate(), ymn.conjugate(), u[m, n], p[n, n] - hnm * c[n, m], fn
            )
            first += w[m] * ynm.conjugate() - hmn * c[m, n]
            second += w[n] * ymn.conjugate() - hnm * c[n, m]
            dzz[k] = 4 * (first + second).imag - (a[m] + a[n]) * both - b[m] * z[n] - b[n] * z[m]
            dmixed[m, n] = _mixed(m, n, full, products, zz, s, z, f, w, h, e, a, b)
            dmixed[n, m] = _mixed(n, m, full, products, zz, s, z, f, w, h, e, a, b)
            k += 1
