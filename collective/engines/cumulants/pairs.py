r"""What all orders share: rates of single emitters, and moments of pairs m < n in one vector.

Symmetric and Hermitian matrices with zero diagonals are kept as their N(N − 1)/2 entries above the
diagonal, row after row, which halves the memory and the work of the integrator.

With :math:`h = δ + Δ − iΓ/2` the Heisenberg equations of the operators of one emitter are

.. math::
   \dot σ^-_n = e_nσ^-_n + i z_n(F_n + ½Ω_n), \qquad
   \dot z_n = −a_nz_n − b_n + 4\,\mathrm{Im}\,σ^+_n(F_n + ½Ω_n),

with :math:`F_n = \sum_{l≠n}h_{nl}σ^-_l` on the right of all other operators,
:math:`e_n = −ih_{nn} − γ_n − p_n/2`, :math:`a_n = Γ_{nn} + p_n` and :math:`b_n = Γ_{nn} − p_n`.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled
from collective.couplings.couplings import Couplings
from collective.pulse.motion import Motion

# sums of products may be fused and reordered, but NaN must stay NaN
OPTIONS: dict[str, Any] = {
    "fastmath": {"contract", "reassoc", "nsz"},
    "error_model": "numpy",
    "nogil": True,
}


@dataclass(frozen=True, eq=False)
class Rates:
    """The numbers in the equations of motion.

    Attributes:
        h: (N, N) complex, δ + Δ − iΓ/2 without its diagonal.
        turned: (N, N) complex, the transpose of `h`.
        e: (N,) complex, the rate of ⟨σ⁻⟩ alone.
        a: (N,), Γ_nn + p_n.
        b: (N,), Γ_nn − p_n.
        drive: (N,) complex, Ω/2.
        emission: weights (N(N − 1),) of the packed ⟨σ⁺_mσ⁻_n⟩ in the emission.
        own: (N,), Γ_nn.
        ising: (N, N), G = V/2 of `ising`, or None without Ising terms.
        motion: what changes in time, or None.
    """

    h: NDArray[np.complex128]
    turned: NDArray[np.complex128]
    e: NDArray[np.complex128]
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    drive: NDArray[np.complex128]
    emission: NDArray[np.float64]
    own: NDArray[np.float64]
    ising: NDArray[np.float64] | None = None
    motion: Motion | None = None

    def at(self, t: float) -> "Rates":
        """The rates at a time: other drives and detunings."""
        if self.motion is None:
            return self
        e = self.e if self.motion.detunings is None else self.e - 1j * self.motion.detunings(t)
        drive = 0.5 * self.motion.drive(t) if self.motion.factors else self.drive
        return replace(self, e=e, drive=drive)


def rates(couplings: Couplings, motion: Motion | None = None) -> Rates:
    """The rates of couplings, and what changes in time."""
    decay = np.asarray(couplings.decay)
    h = np.asarray(couplings.shift - 0.5j * decay, dtype=complex)
    own = np.diagonal(decay).real.copy()
    frequencies = couplings.detunings + np.diagonal(couplings.shift).real
    ising = None if couplings.ising is None else 0.5 * couplings.ising
    if ising is not None:
        frequencies = frequencies + ising.sum(axis=1)
    if not np.any(couplings.drive):  # a frequency that all emitters share has no effect
        frequencies = frequencies - frequencies.mean()
    np.fill_diagonal(h, 0.0)
    lost = 0.5 * own + couplings.dephasing + 0.5 * couplings.pump
    weights = np.empty(len(own) * (len(own) - 1))
    above = decay[np.triu_indices(len(own), 1)]
    weights[::2], weights[1::2] = 2 * above.real, -2 * above.imag
    return Rates(
        h,
        np.ascontiguousarray(h.T),
        -1j * frequencies - lost,
        own + couplings.pump,
        own - couplings.pump,
        0.5 * couplings.drive,
        weights,
        own,
        ising,
        motion,
    )


def count(n: int) -> int:
    """How many pairs m < n there are."""
    return n * (n - 1) // 2


def packed(matrix: NDArray[Any]) -> NDArray[Any]:
    """The entries above the diagonal, (N(N − 1)/2,)."""
    return np.asarray(matrix[np.triu_indices(len(matrix), 1)])


@compiled(**OPTIONS)
def unpack(pairs: Any, sign: Any, out: Any) -> None:  # pragma: no cover
    """Write a packed matrix to `out`: Hermitian for sign −1, symmetric for sign 1."""
    n, k = len(out), 0
    for i in range(n):
        out[i, i] = 0.0
        for j in range(i + 1, n):
            value = pairs[k]
            out[i, j] = value
            out[j, i] = complex(value.real, sign * value.imag)
            k += 1


@compiled(**OPTIONS)
def unpack_real(pairs: Any, out: Any) -> None:  # pragma: no cover
    """Write a packed symmetric matrix to `out`."""
    n, k = len(out), 0
    for i in range(n):
        out[i, i] = 0.0
        for j in range(i + 1, n):
            out[i, j] = out[j, i] = pairs[k]
            k += 1


def emission(rates: Rates, exchange: NDArray[np.float64], inversion: NDArray[np.float64]) -> float:
    """ΣΓ_mn⟨σ⁺_mσ⁻_n⟩ from the packed correlations as real numbers."""
    return float(rates.emission @ exchange + rates.own @ (1 + inversion) / 2)


def correlations(
    exchange: NDArray[np.complex128], inversion: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """⟨σ⁺_mσ⁻_n⟩, (N, N), with the populations on the diagonal."""
    n = len(inversion)
    found = np.zeros((n, n), dtype=complex)
    above = np.triu_indices(n, 1)
    found[above] = exchange
    found.T[above] = exchange.conj()
    np.fill_diagonal(found, (1 + inversion) / 2)
    return found
