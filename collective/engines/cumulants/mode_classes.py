"""Emitters beside a cavity mode in classes that nothing distinguishes: `Classes`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.with_mode import CavityCouplings

_EQUAL = 1e-12  # relative to the largest entry: emitters that nothing distinguishes


@dataclass(frozen=True, eq=False)
class Classes:
    """Emitters in classes that nothing distinguishes, and one mode.

    Attributes:
        of: the class of each emitter, (N,).
        sizes: w, (K,).
        g: coupling of each class, (K,).
        own: e = −i(δ + Δ_mm) − Γ_mm/2 − γ_φ − p/2 of each class, (K,).
        decay: Γ_mm, (K,).
        pump: p, (K,).
        between: h_mn of two different emitters of two classes, (K, K).
        shared: Γ_mn of these, (K, K).
        linewidth: κ.
        detuning: Δ_c.
    """

    of: NDArray[np.int64]
    sizes: NDArray[np.float64]
    g: NDArray[np.complex128]
    own: NDArray[np.complex128]
    decay: NDArray[np.float64]
    pump: NDArray[np.float64]
    between: NDArray[np.complex128]
    shared: NDArray[np.complex128]
    linewidth: float
    detuning: float

    def others(self) -> NDArray[np.float64]:
        """How many emitters of class j are beside one of class k, (K, K)."""
        return self.sizes - np.eye(len(self.sizes))


def classes_of(problem: CavityCouplings, inversion: NDArray[np.float64] | None) -> Classes:
    """The classes of emitters.

    Args:
        problem: emitters and mode.
        inversion: ⟨z_m⟩ at the start, where emitters are not correlated; None lets only emitters
            that are alike in every pair be one class.
    """
    c, n, mode = problem.couplings, len(problem), problem.mode
    decay, shift = c.decay, c.shift
    frequencies = c.detunings + shift.diagonal().real
    own = -1j * frequencies - decay.diagonal().real / 2 - c.dephasing - c.pump / 2
    columns = [
        problem.coupling.real, problem.coupling.imag, frequencies, decay.diagonal().real,
        c.dephasing, c.pump,
    ]  # fmt: skip
    if inversion is not None:
        columns.append(inversion)
    table = np.stack(columns, axis=1)
    sizes = np.abs(table).max(axis=0)
    rounded = np.round(table / np.where(sizes > 0, sizes, 1.0) / _EQUAL / 10)
    _, first, of = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    of = of.ravel()
    pairs = _between(decay, shift, len(first))
    if pairs is None:
        first = of = np.arange(n)
        decays, shifts = np.array(decay, dtype=complex), np.array(shift, dtype=complex)
        np.fill_diagonal(decays, 0.0)
        np.fill_diagonal(shifts, 0.0)
    else:
        decays, shifts = (np.full((len(first),) * 2, value, dtype=complex) for value in pairs)
    return Classes(
        of, np.bincount(of).astype(float), problem.coupling[first], own[first],
        decay.diagonal().real[first], c.pump[first], shifts - 0.5j * decays, decays,
        mode.linewidth, mode.detuning,
    )  # fmt: skip


def _between(decay: Any, shift: Any, count: int) -> tuple[complex, complex] | None:
    """Γ_mn and Δ_mn if they are one number each for all pairs; None if classes differ in them."""
    found = []
    for matrix in (decay, shift):
        if len(matrix) == 1:
            return 0.0, 0.0
        together = matrix[0, 1]
        if checks.constant(matrix):
            found.append(complex(together))
            continue
        miss = np.abs(matrix - together)
        np.fill_diagonal(miss, 0.0)
        if miss.max() > _EQUAL * np.abs(matrix).max():
            return None
        if abs(np.imag(together)) > _EQUAL * abs(together):
            return None
        found.append(complex(together))
    return found[0], found[1]
