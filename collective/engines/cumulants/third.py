r"""Third order without coherence: also T_jmn = ⟨z_jσ⁺_mσ⁻_n⟩ and Q_ijk = ⟨z_iz_jz_k⟩.

One product :math:`W_j = T_jh^T` (8N⁴ flops, which bound the time) gives every sum over a fourth
emitter: setting fourth joint cumulants to zero leaves

.. math::
   ⟨z_jz_nσ^+_mσ^-_l⟩ &= z_jT_{nml} + z_nT_{jml} + (Z_{jn} − 2z_jz_n)C_{ml} \\
   ⟨σ^+_jσ^+_mσ^-_nσ^-_l⟩ &= C_{jl}C_{mn} + C_{jn}C_{ml},

so that with :math:`P = Ch^T`, :math:`A_{mn} = W_{nmn}` and :math:`V_{ki} = W_{kii}`

.. math::
   \dot T_{jmn} &= (e^*_m + e_n − a_j)T_{jmn} − b_jC_{mn} + i(B_{mn} − B^*_{nm}) \\
   B_{mn} &= ½h_{nm}(Z_{jn} + Q_{jmn}) + z_jA_{mn} + z_nW_{jmn} + u_n(P_{mn} − h_{nj}C_{mj})
       − (1 + z_j)h_{nj}T_{nmj} \\
       &\quad − h_{jm}T_{mjn} − C_{jn}(h_{jm} + 2P_{mj})
       − 2C_{mn}(P_{jj} − h_{jm}C_{jm} − 2h_{jn}C_{jn}), \qquad u_n = Z_{jn} − 2z_jz_n.

The moments of pairs obey the equations of `second` with these A and V. T is kept for m < n, Q for
i < j < k: 8N³ and 4N³/3 bytes a vector. Closing Q by pairs would save a seventh of the memory, but
with Q three emitters are exact.

The file is longer than others: the kernels share one layout.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled, in_threads
from collective.engines.cumulants.ising import add_to_third
from collective.engines.cumulants.pairs import OPTIONS, Rates, count, packed, unpack, unpack_real
from collective.engines.cumulants.second import Second, pair_slope
from collective.states.entries import PairMoments

_SHARED = 32  # emitters; with fewer a second thread saves no time


class Third(Second):
    """The equations of third order for a vector (C, z, Z, T, Q); threads take emitters j in turn.

    Args:
        rates: of the couplings.
        threads: how many threads share the passes.
        pool: their pool, or None.
    """

    def __init__(self, rates: Rates, threads: int = 1, pool: ThreadPoolExecutor | None = None):
        super().__init__(rates)
        n = self._n
        self._threads, self._pool = (threads, pool) if n >= _SHARED else (1, None)
        last = self.blocks[-1]
        triples = last + 2 * n * count(n)
        self.blocks = (*self.blocks, triples, triples + n * (n - 1) * (n - 2) // 6)
        self.origins = (*self.origins, 0.0, -1.0)
        self._triple = np.zeros((n, n, n), dtype=complex)
        self._sums = np.empty_like(self._triple)
        self._inversions = np.zeros((n, n))
        self._scratch = np.zeros((self._threads, 5, n, n))
        self._places = _places(n)

    def start_triples(
        self, moments: PairMoments, triple: NDArray[Any], inversions: NDArray[Any]
    ) -> NDArray[np.float64]:
        """The vector of the moments of an initial state, T and Q included, (N, N, N) each."""
        start = np.empty(self.blocks[-1])
        start[: self.blocks[2]] = self.start(moments)
        t, q = self.triples(start)
        for j in range(self._n):
            t[j] = packed(triple[j])
        pieces = [packed(inversions[i, i + 1 :, i + 1 :]) for i in range(self._n)]
        q[:] = np.concatenate(pieces)
        return start

    def slope(self, t: float, y: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Write the time derivative of a vector to `out`."""
        r, n = self._rates.at(t), self._n
        (c, z, zz), (dc, dz, dzz) = self.parts(y), self.parts(out)
        (triple, q), (dtriple, dq) = self.triples(y), self.triples(out)
        unpack(c, -1.0, self._full)
        unpack_real(zz, self._inversions)
        np.matmul(self._full, r.turned, out=self._product)
        threads, pool, full, w = self._threads, self._pool, self._triple, self._sums
        in_threads(lambda thread: _unpack_triple(triple, full, thread, threads), threads, pool)
        np.matmul(full.reshape(n * n, n), r.turned, out=w.reshape(n * n, n))
        flow = self._product.diagonal().copy()
        dz[:] = -r.a * z - r.b + 4 * flow.imag
        v = np.einsum("kii->ki", w).imag.copy()
        around = np.ascontiguousarray(np.einsum("nmn->mn", w))
        ownc = (r.h * self._full).imag
        turning = (1 + z) * r.h - ((1 + z) * r.h).T.conj()
        parts = _split(around, self._product, self._full, r.turned)
        rows, sums, slopes = _doubled(full), _doubled(w), dtriple

        def work(thread: int) -> None:
            _pairs(c, zz, z, around, v, r.h, r.turned, r.e, r.a, r.b, dc, dzz, thread, threads)
            _triples(
                rows, sums, triple, q, self._places, z, self._inversions, parts, self._full,
                self._product, r.h, r.e, r.a, r.b, slopes, self._scratch[thread], thread, threads,
            )  # fmt: skip
            _inversions(
                q, self._places, z, self._inversions, full, turning, v, ownc, flow.imag,
                r.a, r.b, dq, thread, threads,
            )  # fmt: skip

        in_threads(work, threads, pool)
        if r.ising is not None:
            add_to_third(r.ising, self._full, self._inversions, z, full, dc, dtriple)

    def triples(self, y: NDArray[np.float64]) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """Views of T, (N, N(N − 1)/2), and of Q, packed."""
        first, second, third = self.blocks[2:]
        return y[first:second].view(complex).reshape(self._n, count(self._n)), y[second:third]


def _places(n: int) -> NDArray[np.int64]:
    """Where Q_ij(j+1) lies among the packed Q_ijk, (N, N), minus j + 1."""
    found, place = np.zeros((n, n), dtype=np.int64), 0
    for i in range(n):
        for j in range(i + 1, n):
            found[i, j] = place - j - 1
            place += n - j - 1
    return found


def _doubled(matrix: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Complex numbers as pairs of real ones, (N, N, 2N)."""
    return matrix.view(float)


def _split(*matrices: NDArray[np.complex128]) -> NDArray[np.float64]:
    """The real and imaginary parts of matrices, one after the other: compilers use vectors then."""
    return np.array([part for m in matrices for part in (m.real, m.imag)])


@compiled(**OPTIONS)
def _unpack_triple(triple: Any, out: Any, thread: Any, threads: Any) -> None:  # pragma: no cover
    for j in range(thread, len(out), threads):
        unpack(triple[j], -1.0, out[j])


@compiled(**OPTIONS)
def _pairs(
    c: Any, zz: Any, z: Any, around: Any, v: Any, h: Any, turned: Any, e: Any, a: Any, b: Any,
    dc: Any, dzz: Any, thread: Any, threads: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """The slopes of C and Z for every row that belongs to a thread."""
    n = len(z)
    for i in range(thread, n, threads):
        k = i * (2 * n - i - 1) // 2
        for j in range(i + 1, n):
            dc[k], dzz[k] = pair_slope(
                c[k], zz[k], z[i], z[j], h[i, j], turned[i, j], e[i].conjugate() + e[j],
                a[i], a[j], b[i], b[j], around[i, j], around[j, i], v[i, j] + v[j, i],
            )  # fmt: skip
            k += 1


@compiled(**OPTIONS)
def _triples(
    rows: Any, sums: Any, triple: Any, q: Any, places: Any, z: Any, zz: Any, parts: Any, c: Any,
    p: Any, h: Any, e: Any, a: Any, b: Any, out: Any, scratch: Any, thread: Any, threads: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """The slope of T_j for every emitter j that belongs to a thread."""
    n = len(z)
    ar, ai, pr, pi, cr, ci, tr, ti = (
        parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6], parts[7]
    )  # fmt: skip
    xr, xi, qj, br, bi = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    u, ur, ui, vr, vi, gr, gi = (
        np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    )  # fmt: skip
    for j in range(thread, n, threads):
        zj = z[j]
        for m in range(n):  # T_nmj is the conjugate of T_njm
            row = rows[m, j]
            for k in range(n):
                xr[k, m] = row[2 * k]
                xi[k, m] = row[2 * k + 1]
        _inversions_of(q, places, j, qj)
        for k in range(n):
            u[k] = zz[j, k] - 2 * zj * z[k]
            ur[k], ui[k] = u[k] * tr[j, k], u[k] * ti[j, k]
            vr[k], vi[k] = (1 + zj) * tr[j, k], (1 + zj) * ti[j, k]
            back = -2 * h[j, k] * c[j, k]
            gr[k], gi[k] = back.real, back.imag
        for m in range(n):
            if m == j:
                continue
            cmj, hjm, s = c[m, j], h[j, m], h[j, m] + 2 * p[m, j]
            g = p[j, j] - h[j, m] * c[j, m]
            x, w = rows[m, j], sums[j, m]
            cmr, cmi, hr, hi, sr, si, g0r, g0i = (
                cmj.real, cmj.imag, hjm.real, hjm.imag, s.real, s.imag, g.real, g.imag
            )  # fmt: skip
            for k in range(n):
                half = 0.5 * (zz[j, k] + qj[m, k])
                real = tr[m, k] * half + zj * ar[m, k] + z[k] * w[2 * k] + u[k] * pr[m, k]
                imag = ti[m, k] * half + zj * ai[m, k] + z[k] * w[2 * k + 1] + u[k] * pi[m, k]
                real -= ur[k] * cmr - ui[k] * cmi + vr[k] * xr[m, k] + vi[k] * xi[m, k]
                imag -= ur[k] * cmi + ui[k] * cmr + vi[k] * xr[m, k] - vr[k] * xi[m, k]
                real -= hr * x[2 * k] - hi * x[2 * k + 1] + cr[j, k] * sr - ci[j, k] * si
                imag -= hr * x[2 * k + 1] + hi * x[2 * k] + cr[j, k] * si + ci[j, k] * sr
                dr, di = 2 * (g0r + gr[k]), 2 * (g0i + gi[k])
                br[m, k] = real - (cr[m, k] * dr - ci[m, k] * di)
                bi[m, k] = imag - (cr[m, k] * di + ci[m, k] * dr)
        place = 0
        for m in range(n):
            for k in range(m + 1, n):
                if m == j or k == j:
                    out[j, place] = 0.0
                else:
                    value = (e[m].conjugate() + e[k] - a[j]) * triple[j, place] - b[j] * c[m, k]
                    out[j, place] = value + complex(-bi[m, k] - bi[k, m], br[m, k] - br[k, m])
                place += 1


@compiled(**OPTIONS)
def _inversions_of(q: Any, places: Any, j: Any, out: Any) -> None:  # pragma: no cover
    """Write Q_jmn for one j to `out`, (N, N)."""
    n = len(out)
    for m in range(n):
        for k in range(m + 1, n):
            if j in (m, k):
                value = 0.0
            elif j < m:
                value = q[places[j, m] + k]
            elif j < k:
                value = q[places[m, j] + k]
            else:
                value = q[places[m, k] + j]
            out[m, k] = out[k, m] = value


@compiled(**OPTIONS)
def _inversions(
    q: Any, places: Any, z: Any, zz: Any, t: Any, turning: Any, v: Any, own: Any, flow: Any,
    a: Any, b: Any, out: Any, thread: Any, threads: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """The slope of Q_ijk for every i that belongs to a thread."""
    n = len(z)
    for i in range(thread, n, threads):
        for j in range(i + 1, n):
            uij = zz[i, j] - 2 * z[i] * z[j]
            for k in range(j + 1, n):
                place = places[i, j] + k
                value = z[j] * (v[k, i] + v[i, k]) + z[k] * (v[j, i] + v[i, j])
                value += z[i] * (v[k, j] + v[j, k])
                value += (zz[j, k] - 2 * z[j] * z[k]) * (flow[i] - own[i, j] - own[i, k])
                value += (zz[i, k] - 2 * z[i] * z[k]) * (flow[j] - own[j, i] - own[j, k])
                value += uij * (flow[k] - own[k, i] - own[k, j])
                value -= (turning[j, k] * t[i, j, k]).imag + (turning[i, k] * t[j, i, k]).imag
                value -= (turning[i, j] * t[k, i, j]).imag
                loss = (a[i] + a[j] + a[k]) * q[place]
                loss += b[i] * zz[j, k] + b[j] * zz[i, k] + b[k] * zz[i, j]
                out[place] = 4 * value - loss
