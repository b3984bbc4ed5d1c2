r"""Pump and dephasing as matrices: noise that several emitters share.

A pump P and a dephasing D, both Hermitian and positive semidefinite, give

.. math::
   \dot ρ = … + \sum_{mn} P_{mn}(σ^+_m ρ σ^-_n − ½\{σ^-_nσ^+_m, ρ\})
   + \sum_{mn} 2D_{mn}(n_m ρ n_n − ½\{n_n n_m, ρ\}), \qquad n_m = σ^+_mσ^-_m .

Diagonal matrices are the pump p_m and the dephasing γ_φm of single emitters. With the eigenvectors,
P = V diag(p) V†, the jumps are :math:`L_ν = \sqrt{p_ν}\sum_m V_{mν}σ^+_m`, and
:math:`\sqrt{2d_ν}\sum_m V_{mν}n_m` for D = V diag(d) V†. Thermal light of n̄ photons per mode is the
decay (n̄ + 1)Γ and the pump n̄Γ.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.couplings.modes import emitting


def checked(name: str, value: ArrayLike, n: int) -> NDArray[Any]:
    """Rates of single emitters, (N,), or a matrix that is not diagonal, (N, N).

    Raises:
        ValueError: for another shape, and for what is negative, not finite, or not Hermitian.
    """
    array = value if isinstance(value, np.ndarray) else checks.finite(name, value, None)
    if array.ndim < 2:
        return checks.per_emitter(name, value, n, minimum=0)
    if array.shape != (n, n):
        raise ValueError(
            f"{name} must be a number, {n} numbers (one per emitter) or a matrix ({n}, {n}), got "
            f"shape {array.shape}"
        )
    rates = checks.hermitian(name, value)
    checks.positive_semidefinite(rates, name)
    if n == 1 or rates[0, 0] == 0 or not checks.constant(rates):
        alone = own(rates).copy()
        if n == 1 or not np.any(alone) or not np.any(rates - np.diag(alone)):
            return alone
    return rates


def own(rates: NDArray[Any]) -> NDArray[np.float64]:
    """The rate of each emitter alone, (N,), of rates (N,) or of a matrix (N, N)."""
    return np.asarray(rates if rates.ndim == 1 else np.diagonal(rates).real)


def matrix(rates: NDArray[Any]) -> NDArray[Any]:
    """The matrix (N, N) of rates (N,), or the matrix itself."""
    return np.diag(rates) if rates.ndim == 1 else rates


def modes(rates: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """The rates of the jumps and the emitters that take part in each of them.

    Returns:
        Of a matrix its eigenvalues (C,), the largest first, without round-off, and its eigenvectors
        as columns (N, C). Of rates (N,) those above zero, and unit vectors.
    """
    if rates.ndim == 1:
        acting = np.flatnonzero(rates)
        return rates[acting], np.eye(len(rates))[:, acting]
    values, vectors = np.linalg.eigh(rates)
    kept = np.flatnonzero(emitting(values))[::-1]
    return values[kept], vectors[:, kept]


def largest(rates: NDArray[Any]) -> float:
    """The largest rate of (N,), or the largest eigenvalue of a matrix (N, N)."""
    return float(rates.max() if rates.ndim == 1 else np.linalg.eigvalsh(rates)[-1])


def strongest_dephasing(rates: NDArray[Any]) -> float:
    """A bound on the rate at which a coherence of all emitters decays.

    It is Σ_mn D_mn s_ms_n with all s_m = ±1, at most N times the largest eigenvalue of D.
    """
    return len(rates) * largest(rates) if rates.ndim == 2 else float(rates.sum())


def total(rates: NDArray[Any]) -> float:
    """The sum of the rates of all emitters: the trace of a matrix."""
    return float(own(rates).sum())
