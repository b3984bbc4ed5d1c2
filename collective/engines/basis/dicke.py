r"""Identical emitters in the basis of Dicke states |J, M⟩, each averaged over its copies.

Couplings that no permutation changes consist of a collective and an individual part,

.. math:: Γ_{mn} = γ_c + γ_i δ_{mn}, \qquad
          H = V J^+J^- + (δ − V)\hat n + ½(Ω J^+ + h.c.) + ½I\hat n(\hat n − 1),

pump and dephasing likewise. A state that no permutation changes consists of blocks J = N/2 − d
(Chase & Geremia, Phys. Rev. A 78, 052101 (2008); Shammah et al., Phys. Rev. A 98, 063815 (2018)).
State (k, d) has k = M + N/2 excitations; d pairs of emitters are dark, and k − d = J + M of the
others are excited.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.couplings import Couplings
from collective.couplings.sharing import NAMES, shared

_EQUAL = 1e-12  # relative to the largest entry
_NONE = 1e-13  # γ_i relative to Γ_11, below which it is round-off


@dataclass(frozen=True)
class Identical:
    """The common parameters of N identical emitters.

    Attributes:
        n: N.
        collective: γ_c = Γ_12.
        individual: γ_i = Γ_11 − Γ_12, exactly zero within round-off.
        exchange: V = Δ_12.
        detuning: δ + Δ_11.
        dephasing: γ_φ, or D_11 − D_12 of a matrix.
        pump: p, or P_11 − P_12 of a matrix, with thermal light included.
        drive: Ω.
        pump_together: P_12, with thermal light included.
        dephasing_together: D_12.
        ising: I, the energy of every pair of excited emitters.
    """

    n: int
    collective: float
    individual: float
    exchange: float
    detuning: float
    dephasing: float
    pump: float
    drive: complex
    pump_together: float = 0.0
    dephasing_together: float = 0.0
    ising: float = 0.0

    @property
    def pumped(self) -> bool:
        """Whether there is a pump, or thermal light."""
        return bool(self.pump or self.pump_together)

    def energy(self, k: NDArray[Any]) -> NDArray[np.float64]:
        """The Ising energy of k excitations."""
        return np.asarray(0.5 * self.ising * k * (k - 1.0))

    @property
    def one_ladder(self) -> bool:
        """Whether no process leads from the states of largest J to others."""
        return not (self.individual or self.dephasing or self.pump)


def identical(couplings: Couplings) -> Identical | str:
    """The common parameters of identical emitters, or a text that says what is not identical."""
    vectors = {name: getattr(couplings, name) for name in ("detunings", *NAMES, "drive")}
    matrices = {name: vectors.pop(name) for name in shared(couplings)}
    for name, values in vectors.items():
        if np.abs(values - values[0]).max() > _EQUAL * np.abs(values).max():
            return f"the {name} are unequal" if name == "detunings" else f"the {name} is unequal"
    noise = {name: (float(vectors[name][0]), 0.0) for name in NAMES if name in vectors}
    found = []
    for name, matrix in {"decay": couplings.decay, "shift": couplings.shift, **matrices}.items():
        pair = _two_numbers(matrix)
        if pair is None:
            return f"the {name} is not the same for every emitter and for every pair"
        if np.iscomplexobj(matrix) and abs(pair[1].imag) > _EQUAL * abs(pair[1]):
            share = abs(pair[1].imag / pair[1])
            return f"the {name} of a pair is complex, its imaginary part {share:.2g} of its size"
        alone, together = float(np.real(pair[0])), float(np.real(pair[1]))
        if name == "shift":
            found.append((alone, together))
            continue
        individual = alone - together
        parts = (0.0 if abs(individual) <= _NONE * alone else individual, together)
        if name == "decay":
            found.append(parts)
        else:
            noise[name] = parts
    ising = _same_for_pairs(couplings.ising)
    if ising is None:
        return "the Ising terms are not the same for every pair"
    (individual, together), (own, exchange) = found
    (pump, pump_together), (dephasing, dephasing_together) = noise["pump"], noise["dephasing"]
    photons = couplings.thermal_photons
    return Identical(
        len(couplings),
        (1 + photons) * together,
        (1 + photons) * individual,
        exchange,
        float(couplings.detunings[0]) + own,
        dephasing,
        pump + photons * individual,
        complex(couplings.drive[0]),
        pump_together + photons * together,
        dephasing_together,
        ising,
    )


def _same_for_pairs(ising: NDArray[np.float64] | None) -> float | None:
    """The Ising term of all pairs, or None if they differ."""
    if ising is None:
        return 0.0
    if checks.constant(ising):
        return float(ising[0, 0])
    together = float(ising[0, 1])
    miss = np.abs(ising - together)
    np.fill_diagonal(miss, 0.0)
    return together if miss.max() <= _EQUAL * np.abs(ising).max() else None


def _two_numbers(matrix: NDArray[Any]) -> tuple[Any, Any] | None:
    """The diagonal and the off-diagonal entry of a matrix if it has only these two, else None."""
    n = len(matrix)
    if n == 1:  # for a single emitter collective and individual decay are the same
        return (matrix[0, 0], matrix[0, 0])
    alone, together = matrix[0, 0], matrix[0, 1]
    if matrix.strides == (0, 0):
        return alone, together
    allowed = _EQUAL * max(abs(alone), abs(together))
    if np.abs(matrix[0, 1:] - together).max() > allowed:
        return None
    miss = np.abs(matrix - together)
    np.fill_diagonal(miss, np.abs(np.diagonal(matrix) - alone))
    return (alone, together) if miss.max() <= allowed else None


def processes(
    e: Identical, k: NDArray[Any], d: NDArray[Any]
) -> dict[tuple[int, int], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The action of the jumps on |J, M⟩⟨J, M'|, summed over the emitters.

    A process leads to |J − b, M + a⟩⟨J − b, M' + a| with an amplitude A_J f(M)f(M').

    Args:
        e: the emitters.
        k: excitations, (S,).
        d: dark pairs, (S,).

    Returns:
        A_J and f(M)², (S,) each, by (a, b). For (0, 0), which is dephasing without a change of J, f
        is M itself. Processes of rate zero are left out.
    """
    n = e.n
    up, down = (k - d).astype(float), (n - d - k).astype(float)  # J + M, J − M
    j = n / 2 - d
    # an individual process ends in J − 1, J or J + 1; the numerators vanish where J = 0
    less = (n - d + 1) / np.where(j > 0, 2 * j * (2 * j + 1), np.inf)
    same = (n / 2 + 1) / np.where(j > 0, 2 * j * (j + 1), np.inf)
    more = d / (2 * (j + 1) * (2 * j + 1))
    twice = 2 * e.dephasing  # σ⁺σ⁻ at 2γ_φ is ½σ_z at 2γ_φ
    found = {(-1, 0): (e.collective + e.individual * same, up * (down + 1))}
    if e.individual:
        found[-1, 1] = e.individual * less, up * (up - 1)
        found[-1, -1] = e.individual * more, (down + 1) * (down + 2)
    if e.dephasing or e.dephasing_together:
        found[0, 0] = twice * same + 2 * e.dephasing_together, (up - down) ** 2 / 4
    if e.dephasing:
        found[0, 1] = twice * less, up * down
        found[0, -1] = twice * more, (up + 1) * (down + 1)
    if e.pumped:
        found[1, 0] = e.pump * same + e.pump_together, down * (up + 1)
    if e.pump:
        found[1, 1] = e.pump * less, down * (down - 1)
        found[1, -1] = e.pump * more, (up + 1) * (up + 2)
    return found


def lost(e: Identical, k: NDArray[Any], d: NDArray[Any]) -> NDArray[np.float64]:
    """The rate of all jumps of |J, M⟩, (S,); ⟨J⁻J⁺⟩ is ⟨J⁺J⁻⟩ + N − 2k.

    Args:
        e: the emitters.
        k: excitations, (S,).
        d: dark pairs, (S,).
    """
    bright = (k - d) * (e.n - d - k + 1.0)
    found = e.collective * bright + e.individual * k + e.pump * (e.n - k)
    found = found + e.pump_together * (bright + e.n - 2 * k)
    together = 2 * e.dephasing_together * (k - e.n / 2) ** 2
    return np.asarray(found + 2 * e.dephasing * e.n / 4 + together)


@dataclass(frozen=True, eq=False)
class Triangle:
    """The states (k, d), k = 0 … N, d = 0 … min(k, N−k), in this order.

    Attributes:
        n: N.
        k: excitations of each state, (S,).
        d: dark pairs of each state, (S,).
    """

    n: int
    k: NDArray[np.int64]
    d: NDArray[np.int64]

    @classmethod
    def of(cls, n: int) -> "Triangle":
        """The states of n emitters."""
        widths = np.minimum(np.arange(n + 1), n - np.arange(n + 1)) + 1
        first = np.cumsum(widths) - widths
        k = np.repeat(np.arange(n + 1), widths)
        return cls(n, k, np.arange(len(k)) - first[k])

    @staticmethod
    def size(n: int) -> int:
        """The number of states of n emitters."""
        return (n // 2 + 1) * (n - n // 2 + 1)

    def place(self, k: NDArray[np.int64], d: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of (k, d), −1 where there is no such state."""
        n = self.n
        widths = np.minimum(np.arange(n + 1), n - np.arange(n + 1)) + 1
        first = np.cumsum(widths) - widths
        inside = (k >= 0) & (k <= n)
        kept = np.where(inside, k, 0)
        inside &= (d >= 0) & (d < widths[kept])
        return np.where(inside, first[kept] + d, -1)

    @property
    def bright(self) -> NDArray[np.float64]:
        """⟨J⁺J⁻⟩ = (J + M)(J − M + 1) of each state, (S,)."""
        return (self.k - self.d) * (self.n - self.d - self.k + 1.0)

    def rates(self, e: Identical) -> dict[tuple[int, int], NDArray[np.float64]]:
        """Rate from each state to (k + a, d + b), (S,) each, by (a, b)."""
        return {
            where: strength * square
            for where, (strength, square) in processes(e, self.k, self.d).items()
            if where != (0, 0)
        }

    def arriving(self, rates: NDArray[np.float64], a: int, b: int) -> NDArray[np.float64]:
        """The rate into each state from (k − a, d − b), (S,); zero if that state does not exist."""
        source = self.place(self.k - a, self.d - b)
        return np.where(source >= 0, rates[source], 0.0)

    def matrix(self, e: Identical) -> Any:
        """The sparse matrix A of dp/dt = Ap, (S, S)."""
        from scipy.sparse import csc_array

        here = np.arange(len(self.k))
        rows, columns, values = [], [], []
        for (a, b), rate in self.rates(e).items():
            target = self.place(self.k + a, self.d + b)
            kept = (rate != 0) & (target >= 0)
            rows += [target[kept], here[kept]]
            columns += [here[kept], here[kept]]
            values += [rate[kept], -rate[kept]]
        where = (np.concatenate(rows), np.concatenate(columns))
        return csc_array((np.concatenate(values), where), shape=(len(here), len(here)))
