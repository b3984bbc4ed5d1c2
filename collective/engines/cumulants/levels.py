r"""Second order for atoms with manifolds: ρ_m of every atom, and χ_mn = ρ_mn − ρ_m ⊗ ρ_n of pairs.

Third joint cumulants are set to zero: ρ_lmn = ρ_lρ_mρ_n + χ_lmρ_n + χ_lnρ_m + χ_mnρ_l. With the
lowering operators a_k, h between atoms, the fields F of the means and of the correlations,

.. math::
   X_{nl,k} = \mathrm{tr}_l(a_{lk}χ_{nl}), \qquad
   F_{mk} = ½Ω_{mk} + \sum h_{mk,lk'}\,\mathrm{tr}(a_{lk'}ρ_l), \qquad
   G_{mk,n} = \sum_{l≠m,n} h_{mk,lk'}X_{nl,k'},

and with L the generator of an atom in the field of the means of the others,

.. math::
   \dot ρ_m = L_mρ_m − i\sum_k[a_{mk}^†, G_{mk,m}] + \mathrm{h.c.}, \qquad
   \dot χ_{mn} = (L_m^{≠n} + L_n^{≠m})χ_{mn} + (S_{mn} + S_{nm} + \mathrm{h.c.}),

.. math::
   S_{mn} = −i\sum_k[a_{mk}^†,\; B_{k}χ + ρ_m(G_{mk,n} + B_kρ_n − f_kρ_n) − \mathrm{tr}_n(B_kχ)ρ_n],
   \qquad B_k = \sum_{k'}h_{mk,nk'}a_{nk'}, \quad f_k = \mathrm{tr}(B_kρ_n).

Hermitian matrices are kept as real ones: real parts on and above the diagonal, imaginary parts
below. One product of matrices, 8(NK)²NL² flops, gives G. N²L⁴/2 numbers bound the size.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled, in_threads
from collective.couplings.channels import ChannelCouplings
from collective.engines.cumulants.pairs import OPTIONS
from collective.engines.numerics import channels as reduced

_SHARED = 12  # atoms; with fewer a second thread saves no time
inline = compiled(**OPTIONS)


class Levels:
    """The equations of first or second order for a vector of all ρ, then of all χ.

    Args:
        channels: of the atoms.
        envelope: f(t), by which the drive is multiplied, or None.
        threads: how many threads share the pass over the pairs.
        pool: their pool, or None.
        pairs: whether to keep χ; without it this is mean field.

    Attributes:
        blocks: where the parts of the vector end: ρ between excited levels, between manifolds,
            between ground levels, then χ.
        origins: zero for all of them.
        observed: how many numbers of the vector the observables need.
    """

    def __init__(
        self,
        channels: ChannelCouplings,
        envelope: Callable[[float], complex] | None = None,
        threads: int = 1,
        pool: ThreadPoolExecutor | None = None,
        *,
        pairs: bool = True,
    ):
        parts = reduced.of(channels)
        self._parts, self._envelope, self._pairs = parts, envelope, pairs
        self._basis = reduced.polarisations(channels)
        self._channels = channels.atoms.channels
        self._n, self._levels = parts.own.shape[:2]
        self._upper = up = int(channels.atoms.excited.sum())
        self._kinds = len(parts.lower)
        self._threads, self._pool = (threads, pool) if self._n >= _SHARED else (1, None)
        jumps = parts.jumps[:, :, up:, :up]
        self._fed = np.einsum("mvge,mvhf->mefgh", jumps, jumps.conj(), optimize=True)
        self._loss = np.einsum("mvge,mvgf->mef", jumps.conj(), jumps)
        self._raise = parts.lower.conj().transpose(0, 2, 1)
        self._order, ends = _blocks(self._levels, up)
        self.blocks = tuple(int(end) * self._n for end in ends)
        if pairs:
            count = self._n * (self._n - 1) // 2
            self.blocks = (*self.blocks, self.blocks[-1] + count * self._levels**4)
        self.origins = (0.0,) * len(self.blocks)
        self.observed = self.blocks[-1]
        self._traced = np.zeros(
            (self._n, self._kinds, self._n, self._levels, self._levels), dtype=complex
        )

    def start(
        self,
        matrices: NDArray[np.complex128],
        correlations: dict[tuple[int, int], NDArray[np.complex128]],
    ) -> NDArray[np.float64]:
        """The vector of an initial state.

        Args:
            matrices: ρ_m, (N, L, L).
            correlations: χ_mn of pairs m < n, (L², L²); zero where there is none.
        """
        found = np.zeros(self.blocks[-1])
        self._set(found, matrices)
        if self._pairs:
            chi = self._chi(found)
            for (a, b), matrix in correlations.items():
                chi[a * (2 * self._n - a - 1) // 2 + b - a - 1] = packed(matrix)
        return found

    def slope(self, t: float, y: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Write the time derivative of a vector to `out`."""
        parts, rho = self._parts, self.matrices(y)
        strength = 1.0 if self._envelope is None else self._envelope(t)
        s = self._lowered(rho)
        field = (parts.h @ s.ravel()).reshape(s.shape) + strength * parts.half_drive
        raised = np.tensordot(field, self._raise, 1)
        half = (parts.own - 1j * (raised + _adjoint(raised))) @ rho
        if self._pairs:
            around = self._around(y)
            each = np.arange(self._n)
            half -= 1j * _commutators(self._raise, around[each, :, each]).sum(axis=1)
        change, up = half + _adjoint(half), self._upper
        change[:, up:, up:] += np.einsum("mefgh,mef->mgh", self._fed, rho[:, :up, :up])
        self._set(out, change)
        if not self._pairs:
            return
        raising = -1j * _commutators(self._raise, rho[:, None])
        where, values = parts.entries
        h = parts.h.reshape(self._n, self._kinds, self._n, self._kinds)
        chi, slopes = self._chi(y), self._chi(out)

        def work(thread: int) -> None:
            _pass(
                chi, rho, s, field, self._traced, around, raising, h, parts.own, self._fed,
                where, values, slopes, thread, self._threads,
            )  # fmt: skip

        in_threads(work, self._threads, self._pool)

    def _around(self, y: NDArray[np.float64]) -> NDArray[np.complex128]:
        """G, (N, K, N, L, L), and X in `_traced`."""
        self._trace(y)
        flat = self._traced.reshape(self._n * self._kinds, -1)
        return np.asarray((self._parts.h @ flat).reshape(self._traced.shape))

    def _trace(self, y: NDArray[np.float64]) -> None:
        """Write X of all pairs to `_traced`, in the order (l, k, n)."""
        chi, (where, values) = self._chi(y), self._parts.entries

        def work(thread: int) -> None:
            _traces(chi, where, values, self._traced, thread, self._threads)

        in_threads(work, self._threads, self._pool)

    def _raised(self) -> NDArray[np.complex128]:
        """⟨a†_mk a_nk'⟩ − ⟨a†_mk⟩⟨a_nk'⟩ of different atoms, (N·K, N·K), from X."""
        n, kinds = self._n, self._kinds
        turned = self._traced.transpose(2, 0, 1, 3, 4).reshape(n * n * kinds, -1)  # (m, n, k')
        found = turned @ self._raise.transpose(0, 2, 1).reshape(kinds, -1).T
        return np.asarray(found.reshape(n, n * kinds, kinds).swapaxes(1, 2).reshape(n * kinds, -1))

    def _lowered(self, rho: NDArray[Any]) -> NDArray[np.complex128]:
        """The mean of every lowering operator, (N, K)."""
        return np.asarray(np.einsum("kge,meg->mk", self._parts.lower, rho))

    def _chi(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """The packed χ of all pairs, a view, (pairs, L², L²)."""
        return y[self.blocks[2] :].reshape(-1, self._levels**2, self._levels**2)

    def _set(self, y: NDArray[np.float64], matrices: NDArray[Any]) -> None:
        """Write ρ to a vector."""
        flat = packed(matrices).reshape(self._n, -1)
        y[: self.blocks[2]].reshape(-1, self._n)[...] = flat[:, self._order].T

    def matrices(self, y: NDArray[np.float64]) -> NDArray[np.complex128]:
        """The density matrices, (N, L, L)."""
        flat = np.empty((self._n, self._levels**2))
        flat[:, self._order] = y[: self.blocks[2]].reshape(-1, self._n).T
        return unpacked(flat.reshape(self._n, self._levels, self._levels))

    def populations(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """The populations of all levels, (N, L)."""
        return np.asarray(self.matrices(y).diagonal(axis1=1, axis2=2).real)

    def excitation(self, populations: NDArray[np.float64]) -> float:
        """The mean number of excited atoms."""
        return float(populations[:, : self._upper].sum())

    def lost(self, rate: NDArray[np.float64]) -> float:
        """The loss of excitation per time, from the time derivative of a vector."""
        return -self.excitation(self.populations(rate))

    def emission(self, y: NDArray[np.float64]) -> float:
        """The emission."""
        rho, up = self.matrices(y), self._upper
        s = self._lowered(rho)
        together = complex(np.vdot(s, self._parts.h @ s.ravel()))
        if self._pairs:
            self._trace(y)
            together += complex(np.vdot(self._parts.h.conj(), self._raised()))
        alone = np.einsum("mef,mfe->", self._loss, rho[:, :up, :up])
        return float(alone.real - 2 * together.imag)

    def correlations(self, y: NDArray[np.float64]) -> NDArray[np.complex128]:
        """⟨σ⁺_cσ⁻_c'⟩ of all channels of the atoms, (N·C, N·C)."""
        rho, n, kinds = self.matrices(y), self._n, self._kinds
        s = self._lowered(rho).ravel()
        found = np.outer(s.conj(), s)
        if self._pairs:
            self._trace(y)
            found += self._raised()
        found = found.reshape(n, kinds, n, kinds)
        whole = np.einsum("ck,mknl,dl->mcnd", self._basis.conj(), found, self._basis, optimize=True)
        products = np.einsum("cge,dgf->cdef", self._channels.conj(), self._channels)
        each = np.arange(n)
        whole[each, :, each] = np.einsum("cdef,mfe->mcd", products, rho, optimize=True)
        return np.asarray(whole.reshape(n * len(self._basis), -1))


def packed(matrices: NDArray[Any]) -> NDArray[np.float64]:
    """Hermitian matrices (…, D, D) as real ones."""
    upper = np.triu(np.ones(matrices.shape[-2:], dtype=bool))
    return np.asarray(np.where(upper, matrices.real, matrices.imag.swapaxes(-1, -2)))


def unpacked(real: NDArray[np.float64]) -> NDArray[np.complex128]:
    """The inverse of `packed`."""
    above = np.triu(real, 1) + 1j * np.tril(real, -1).swapaxes(-1, -2)
    found = above + _adjoint(above)
    count = real.shape[-1]
    found[..., range(count), range(count)] = real.diagonal(axis1=-2, axis2=-1)
    return np.asarray(found)


def _blocks(levels: int, upper: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Entries of a matrix by how many excited levels they join, 2, 1 and 0; where these end."""
    excited = (np.arange(levels) < upper).astype(int)
    joined = (excited[:, None] + excited).ravel()
    counts = [np.count_nonzero(joined == number) for number in (2, 1, 0)]
    return np.argsort(-joined, kind="stable"), np.cumsum(counts)


def _commutators(raising: NDArray[Any], matrices: NDArray[Any]) -> NDArray[np.complex128]:
    """[a_k†, M] for matrices (N, K or 1, L, L), (N, K, L, L)."""
    return np.asarray(raising @ matrices - matrices @ raising)


def _adjoint(matrices: NDArray[Any]) -> NDArray[Any]:
    return matrices.conj().swapaxes(-1, -2)


@inline
def _unpack(real: Any, levels: Any) -> Any:  # pragma: no cover
    """A packed χ as a complex array (L, L, L, L)."""
    size = levels * levels
    found = np.empty((size, size), dtype=np.complex128)
    for i in range(size):
        found[i, i] = real[i, i]
        for j in range(i + 1, size):
            found[i, j] = complex(real[i, j], real[j, i])
            found[j, i] = complex(real[i, j], -real[j, i])
    return found.reshape(levels, levels, levels, levels)


@compiled(**OPTIONS)
def _traces(
    chi: Any, where: Any, values: Any, traced: Any, thread: Any, threads: Any
) -> None:  # pragma: no cover
    """Write X[l, k, n] = tr_l(a_k χ_nl) of all pairs whose first atom belongs to a thread."""
    n, levels = traced.shape[0], traced.shape[3]
    for a in range(thread, n, threads):
        traced[a, :, a] = 0.0
        for b in range(a + 1, n):
            c = _unpack(chi[a * (2 * n - a - 1) // 2 + b - a - 1], levels)
            traced[a, :, b] = 0.0
            traced[b, :, a] = 0.0
            for x in range(len(values)):
                k, g, e = where[x]
                for i in range(levels):
                    for j in range(levels):
                        traced[b, k, a, i, j] += values[x] * c[i, e, j, g]
                        traced[a, k, b, i, j] += values[x] * c[e, i, g, j]


@inline
def _side(
    c: Any, out: Any, m: Any, n: Any, rho: Any, s: Any, field: Any, traced: Any, around: Any,
    raising: Any, h: Any, own: Any, fed: Any, where: Any, values: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """Add to `out` what the first atom m of a pair does: half of it, of which h.c. follows."""
    levels, kinds, upper = rho.shape[1], s.shape[1], fed.shape[1]
    hop = h[m, :, n, :]
    alone = own[m].copy()  # the generator in the field of all but n
    for x in range(len(values)):
        k, g, e = where[x]
        others = field[m, k]
        for q in range(kinds):
            others -= hop[k, q] * s[n, q]
        alone[e, g] -= 1j * others * values[x].conjugate()
        alone[g, e] -= 1j * others.conjugate() * values[x]
    for i in range(levels):
        for p in range(levels):
            value = alone[i, p]
            if value != 0:
                for j in range(levels):
                    for u in range(levels):
                        for v in range(levels):
                            out[i, j, u, v] += value * c[p, j, u, v]
    # a†Bχ − Bχa†
    for x in range(len(values)):
        k, g, e = where[x]
        for z in range(len(values)):
            q, low, high = where[z]
            value = -1j * hop[k, q] * values[x].conjugate() * values[z]
            for u in range(levels):
                for v in range(levels):
                    out[e, low, u, v] += value * c[g, high, u, v]
                    out[u, low, g, v] -= value * c[u, high, e, v]
    # [a†, ρ_m](G + Bρ_n − fρ_n)
    for k in range(kinds):
        beside = around[m, k, n].copy()
        mean = 0j
        for q in range(kinds):
            mean += hop[k, q] * s[n, q]
        for i in range(levels):
            for j in range(levels):
                beside[i, j] -= mean * rho[n, i, j]
        for z in range(len(values)):
            q, low, high = where[z]
            for j in range(levels):
                beside[low, j] += hop[k, q] * values[z] * rho[n, high, j]
        for i in range(levels):
            for u in range(levels):
                value = raising[m, k, i, u]
                if value != 0:
                    for j in range(levels):
                        for v in range(levels):
                            out[i, j, u, v] += value * beside[j, v]
    # −[a†, tr_n Bχ]ρ_n
    back = np.zeros((levels, levels), dtype=np.complex128)
    for x in range(len(values)):
        k, g, e = where[x]
        for q in range(kinds):
            value = 1j * hop[k, q] * values[x].conjugate()
            for i in range(levels):
                back[e, i] += value * traced[n, q, m, g, i]
                back[i, g] -= value * traced[n, q, m, i, e]
    for i in range(levels):
        for u in range(levels):
            for j in range(levels):
                for v in range(levels):
                    out[i, j, u, v] += back[i, u] * rho[n, j, v]
    # jumps of the atom alone, of which half is half
    for e in range(upper):
        for f in range(upper):
            for g in range(levels - upper):
                for b in range(levels - upper):
                    value = 0.5 * fed[m, e, f, g, b]
                    if value != 0:
                        for j in range(levels):
                            for v in range(levels):
                                out[upper + g, j, upper + b, v] += value * c[e, j, f, v]


@compiled(**OPTIONS)
def _pass(
    chi: Any, rho: Any, s: Any, field: Any, traced: Any, around: Any, raising: Any, h: Any,
    own: Any, fed: Any, where: Any, values: Any, slopes: Any, thread: Any, threads: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """The slopes of χ of all pairs whose first atom belongs to a thread."""
    count, levels = rho.shape[0], rho.shape[1]
    size = levels * levels
    for a in range(thread, count, threads):
        for b in range(a + 1, count):
            pair = a * (2 * count - a - 1) // 2 + b - a - 1
            c = _unpack(chi[pair], levels)
            turned = np.ascontiguousarray(c.transpose(1, 0, 3, 2))
            first, second = np.zeros_like(c), np.zeros_like(c)
            for m, n, given, found in ((a, b, c, first), (b, a, turned, second)):
                _side(
                    given, found, m, n, rho, s, field, traced, around, raising, h, own, fed,
                    where, values,
                )  # fmt: skip
            half = (first + second.transpose(1, 0, 3, 2)).reshape(size, size)
            for i in range(size):
                slopes[pair, i, i] = 2 * half[i, i].real
                for j in range(i + 1, size):
                    value = half[i, j] + half[j, i].conjugate()
                    slopes[pair, i, j] = value.real
                    slopes[pair, j, i] = value.imag
