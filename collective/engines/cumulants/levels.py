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

from collective._tools.compiled import in_threads
from collective.couplings.channels import ChannelCouplings
from collective.engines.cumulants.level_kernels import slopes_of_pairs, traces_of_pairs
from collective.engines.numerics import channels as reduced

_SHARED = 12  # atoms; with fewer a second thread saves no time


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
        fed = np.einsum("mvge,mvhf->mefgh", jumps, jumps.conj(), optimize=True)
        self._fed = np.ascontiguousarray(fed)  # each other layout would compile the kernel again
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
            slopes_of_pairs(
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
            traces_of_pairs(chi, where, values, self._traced, thread, self._threads)

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
        pairs, basis = found.reshape(n, kinds, n, kinds), self._basis
        whole = np.einsum("ck,mknl,dl->mcnd", basis.conj(), pairs, basis, optimize=True)
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
