r"""Mean field of atoms with manifolds: every atom has a density matrix of its own.

With the lowering operators a_k of an atom and h = Δ − iΓ/2 between atoms, without correlations,

.. math:: \dot ρ_m = −i[h_m + V_m, ρ_m] + \mathcal{D}_mρ_m, \qquad
          V_m = \sum_k F_{mk}a_k^† + \mathrm{h.c.}, \qquad
          F_{mk} = ½Ω_{mk} + \sum_{n≠m,l} h_{mk,nl}\,\mathrm{tr}(a_lρ_n).

The emission is :math:`\sum_m \mathrm{tr}(Γ_{mm}a^†aρ_m) − 2\,\mathrm{Im}\sum s^*_{mk}
\sum_{n≠m}h_{mk,nl}s_{nl}` with s = tr(aρ), because Δ is Hermitian.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.channels import ChannelCouplings
from collective.couplings.lattice import LatticeMatrix
from collective.engines.numerics import channels as reduced

_LEFT, _KRYLOV, _RESTARTS = 1e-10, 60, 10  # of GMRES, for steady states on lattices
_DARK = 1e-9  # rate of decay, relative to the largest, that dark states get in an inverse


class LevelEquations:
    """The equations of N atoms of L levels for B samples at once.

    The values of all samples are one vector of real numbers: ρ, (N, B, L, L) complex.

    Args:
        channels: of the atoms.
        envelope: by which the drive is multiplied, or None.
        single: whether the field of the others is computed in single precision.

    Attributes:
        numbers: length of the vector of one sample.
    """

    def __init__(
        self,
        channels: ChannelCouplings,
        envelope: Callable[[float], complex] | None = None,
        *,
        single: bool = False,
    ):
        parts = reduced.of(channels, single=single)
        self.n, self.levels = parts.own.shape[:2]
        self.numbers = 2 * self.n * self.levels**2
        self.excited = channels.atoms.excited
        self.channels = channels.atoms.channels
        self._upper = int(self.excited.sum())
        self._lower, self._own = parts.lower, parts.own
        self._raise = parts.lower.conj().transpose(0, 2, 1).reshape(len(parts.lower), -1)
        self._drive = parts.half_drive[:, :, None]
        self._driven, self._envelope = bool(np.any(channels.drive)), envelope
        self._h, self._others = parts.h, reduced.exchange(parts.h, single=single)
        up, down = self._upper, self.levels - self._upper
        jumps = parts.jumps[:, :, up:, :up]
        # ρ_ee → ρ_gg as a matrix of each atom, acting on flattened blocks from the right
        fed = np.einsum("mvge,mvhf->mefgh", jumps, jumps.conj(), optimize=True)
        self._fed = fed.reshape(self.n, up * up, down * down)
        self._loss = np.einsum("mvge,mvgf->mef", jumps.conj(), jumps)

    def slope(self, t: float, y: NDArray[np.float64], threads: int = 1) -> NDArray[np.float64]:
        """Dy/dt."""
        rho = self.split(y)
        strength = 1.0 if self._envelope is None else self._envelope(t)
        field = self._field(self.lowered(rho), strength, threads)
        return self.joined(self._slope(rho, field))

    def derivative(
        self, y: NDArray[np.float64]
    ) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """The derivative of the slope at y, without an envelope, as a function of δy."""
        rho = self.split(y)
        field = self._field(self.lowered(rho), 1.0, 1)

        def changed(change: NDArray[np.float64]) -> NDArray[np.float64]:
            moved = self.split(np.ascontiguousarray(change.reshape(-1)))
            beside = -1j * self._potential(self._field(self.lowered(moved), 0.0, 1)) @ rho
            return self.joined(self._slope(moved, field) + beside + _adjoint(beside))

        return changed

    def newton(self, y: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.float64]:
        r"""The step δρ of Newton's method, from ρ and its slope.

        With the generators M of all atoms in fixed fields, and the change UδF that fields make,

        .. math:: Mδρ + UδF = −\dot ρ, \quad δF = h\,δs, \quad δs = Wδρ
           \quad ⇒ \quad (1 + hWM^{-1}U)\,δF = −hWM^{-1}\dot ρ.

        WM⁻¹U acts on each atom alone. As a complex F and its conjugate both appear, real and
        imaginary parts are separate unknowns: 2NK of them. Where h is stored by displacement they
        are found by products.
        """
        rho, count = self.split(y)[:, 0], self.levels
        inverse = np.linalg.inv(self._generators(y))
        alone = inverse @ -self.split(slope).reshape(self.n, -1, 1)  # M⁻¹(−ρ̇), (N, L², 1)
        up = self._raise.reshape(-1, count, count)
        turning = np.concatenate([up + _adjoint(up), 1j * (up - _adjoint(up))])  # V of δF
        made = -1j * (turning @ rho[:, None] - rho[:, None] @ turning)
        moved = inverse @ made.reshape(self.n, len(turning), -1).transpose(0, 2, 1)
        down = self._lower.transpose(0, 2, 1).reshape(len(up), -1)  # s = tr(aρ) from flat ρ
        response = _parts(down @ moved)  # (N, 2K, 2K), from parts of δF to parts of δs
        s = (down @ alone)[:, :, 0]
        solve = self._solved_by_products if isinstance(self._h, LatticeMatrix) else self._solved
        changed = solve(response, s)
        each = _parts(changed)[:, :, None]  # (N, 2K, 1)
        return self.possible(self.joined(alone - moved @ each))

    def _solved(self, response: NDArray[Any], s: NDArray[Any]) -> NDArray[np.complex128]:
        """The change δF of the fields, (N, K), by elimination."""
        assert isinstance(self._h, np.ndarray)
        kinds = len(self._lower)
        field = np.zeros((2, self.n, kinds, 2, self.n, kinds))
        h = self._h.reshape(self.n, kinds, self.n, kinds)
        field[0, :, :, 0], field[0, :, :, 1] = h.real, -h.imag
        field[1, :, :, 0], field[1, :, :, 1] = h.imag, h.real
        acted = np.empty_like(field)
        for m in range(self.n):
            columns = field[:, :, :, :, m].reshape(-1, 2 * kinds)
            acted[:, :, :, :, m] = (columns @ response[m]).reshape(2, self.n, kinds, 2, kinds)
        side = 2 * self.n * kinds
        whole = acted.reshape(side, side)
        whole[range(side), range(side)] += 1.0
        flat = s.ravel()
        driving = field.reshape(side, side) @ np.concatenate([flat.real, flat.imag])
        real, imaginary = np.linalg.solve(whole, driving).reshape(2, self.n, kinds)
        return np.asarray(real + 1j * imaginary)

    def _solved_by_products(
        self, response: NDArray[Any], s: NDArray[Any]
    ) -> NDArray[np.complex128]:
        """The same by GMRES, with products by h alone."""
        from scipy.sparse.linalg import LinearOperator, gmres

        kinds = len(self._lower)

        def others(lowered: NDArray[Any]) -> NDArray[Any]:
            return self._others(lowered.reshape(-1, 1), 1).reshape(self.n, kinds)

        def acted(flat: NDArray[np.float64]) -> NDArray[np.float64]:
            made = response @ flat.reshape(self.n, 2 * kinds, 1)
            lowered = made[:, :kinds, 0] + 1j * made[:, kinds:, 0]
            return flat.reshape(-1) + _parts(others(lowered)).reshape(-1)

        side = 2 * self.n * kinds
        operator = LinearOperator((side, side), matvec=acted, dtype=float)
        driving = _parts(others(s)).reshape(-1)
        found = gmres(operator, driving, rtol=_LEFT, restart=_KRYLOV, maxiter=_RESTARTS)[0]
        found = found.reshape(self.n, 2 * kinds)
        return np.asarray(found[:, :kinds] + 1j * found[:, kinds:])

    def _generators(self, y: NDArray[np.float64]) -> NDArray[np.complex128]:
        """M of each atom in fixed fields, (N, L², L²), made invertible."""
        count, up, n = self.levels, self._upper, self.n
        field = self._field(self.lowered(self.split(y)), 1.0, 1)
        a = (self._own[:, None] - 1j * self._potential(field))[:, 0]
        one = np.eye(count)
        found = np.einsum("mip,jq->mijpq", a, one) + np.einsum("mjq,ip->mijpq", a.conj(), one)
        fed = self._fed.reshape(n, up, up, count - up, count - up)
        found[:, up:, up:, :up, :up] += fed.transpose(0, 3, 4, 1, 2)
        # an atom keeps its trace, and may have several dark states: both would be singular
        largest = float(np.abs(self._own).max())
        found[:, -1, -1, range(count), range(count)] -= largest
        return found.reshape(n, count**2, -1) - _DARK * largest * np.eye(count**2)

    def _field(self, lowered: NDArray[Any], strength: complex, threads: int) -> NDArray[Any]:
        """F of every channel and sample, (N, K, B), from s."""
        n, kinds, samples = lowered.shape
        found = self._others(lowered.reshape(n * kinds, samples), threads)
        found = found.astype(complex, copy=False).reshape(lowered.shape)
        return found + strength * self._drive if self._driven else found

    def _potential(self, field: NDArray[Any]) -> NDArray[np.complex128]:
        """V, (N, B, L, L)."""
        up = field.transpose(0, 2, 1) @ self._raise
        up = up.reshape(*up.shape[:2], self.levels, self.levels)
        return np.asarray(up + _adjoint(up))

    def _slope(self, rho: NDArray[Any], field: NDArray[Any]) -> NDArray[np.complex128]:
        """The change of ρ in a given field."""
        up, samples = self._upper, rho.shape[1]
        half = (self._own[:, None] - 1j * self._potential(field)) @ rho
        found = half + _adjoint(half)
        inner = np.ascontiguousarray(rho[:, :, :up, :up]).reshape(self.n, samples, -1)
        down = self.levels - up
        found[:, :, up:, up:] += (inner @ self._fed).reshape(self.n, samples, down, down)
        return np.asarray(found)

    def lowered(self, rho: NDArray[Any]) -> NDArray[np.complex128]:
        """S = tr(aρ) of every channel, (N, K, B)."""
        n, samples = rho.shape[:2]
        turned = self._lower.transpose(2, 1, 0).reshape(-1, len(self._lower))
        return np.asarray((rho.reshape(n, samples, -1) @ turned).transpose(0, 2, 1))

    def split(self, y: NDArray[np.float64]) -> NDArray[np.complex128]:
        """ρ, (N, B, L, L), as a view of y."""
        return y.view(complex).reshape(self.n, -1, self.levels, self.levels)

    def joined(self, rho: NDArray[Any]) -> NDArray[np.float64]:
        """Y from ρ, (N, B, L, L)."""
        return np.ascontiguousarray(rho, dtype=complex).reshape(-1).view(float)

    def emission(self, y: NDArray[np.float64], threads: int = 1, t: float = 0.0) -> NDArray[Any]:
        """The emission of every sample, (B,); it does not depend on the time."""
        rho, up = self.split(y), self._upper
        s = self.lowered(rho)
        field = self._others(s.reshape(-1, s.shape[2]), threads)
        together = -2 * np.einsum("kb,kb->b", s.reshape(field.shape).conj(), field).imag
        alone = np.einsum("mef,mbfe->b", self._loss, rho[:, :, :up, :up]).real
        return np.asarray(together + alone)

    def populations(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """The populations of all levels, (N, L, B)."""
        found = np.einsum("mbll->mlb", self.split(y)).real
        return np.ascontiguousarray(found)

    def excitation(self, populations: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean number of excited atoms from the populations (N, L, …)."""
        return np.asarray(populations[:, : self._upper].sum(axis=(0, 1)))

    def pairs(self, y: NDArray[np.float64]) -> NDArray[np.complex128]:
        """⟨σ⁺_cσ⁻_c'⟩ of all channels of the atoms, summed over the samples, (N·C, N·C)."""
        rho, each = self.split(y), len(self.channels)
        s = np.einsum("cge,mbeg->mcb", self.channels, rho).reshape(self.n * each, -1)
        found = s.conj() @ s.T
        products = np.einsum("cge,dgf->cdef", self.channels.conj(), self.channels)
        within = np.einsum("cdef,mbfe->mcd", products, rho, optimize=True)
        for m in range(self.n):
            own = slice(m * each, (m + 1) * each)
            found[own, own] = within[m]
        return np.asarray(found)

    def possible(self, change: NDArray[np.float64]) -> NDArray[np.float64]:
        """A change of a vector without what no state has: Hermitian, and without trace.

        The last ground level makes up for the others: weakly excited levels keep their size.
        """
        found = self.split(np.ascontiguousarray(change))
        found = (found + _adjoint(found)) / 2
        found[:, :, -1, -1] -= np.trace(found, axis1=2, axis2=3)
        return self.joined(found)

    def scales(self, weak: float, excited: float, length: int) -> NDArray[np.float64]:
        """The units of the numbers of a vector of this length.

        Args:
            weak: how large coherences between excited and ground levels become.
            excited: how large populations of excited levels become.
            length: of the vector.
        """
        sizes = np.array([1.0, weak, excited])[self.excited[:, None] + self.excited]
        one = np.repeat(sizes.ravel(), 2)
        return np.tile(one, length // len(one))


def _parts(matrices: NDArray[Any]) -> NDArray[np.float64]:
    """Real parts of rows (N, R, …), then imaginary parts."""
    return np.concatenate([matrices.real, matrices.imag], axis=1)


def _adjoint(matrices: NDArray[Any]) -> NDArray[Any]:
    return matrices.conj().swapaxes(-1, -2)
