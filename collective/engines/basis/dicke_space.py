r"""Operators of identical emitters between Dicke states, and the generator of their evolution.

An operator that no permutation of the emitters changes consists of blocks ⟨J, M|X|J, M'⟩, summed
over the copies of each ladder J = n/2 − d. One emitter may be kept apart from the n others. Then an
operator that no permutation of the *others* changes consists of blocks |s⟩⟨s'| ⊗ |J, M⟩⟨J, M'|,
where s is the excitation of the emitter kept apart. The operator ρσ⁺_m in a two-time average is of
this form: emitter m differs from the others, which are all alike.

k = M + n/2 is the number of excitations, as in `dicke`. Without a drive only the entries with one
difference in the number of excitations between row and column are kept.

The file is longer than others because the moves, the generator and the expansion into
configurations count the same entries.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.dicke import Identical, processes

if TYPE_CHECKING:
    from qutip import Qobj

Move = tuple[int, int, NDArray[Any]]  # steps in k and s, amplitudes


def entries(n: int, driven: bool, one_ladder: bool, apart: bool) -> int:
    """The largest number of entries of an operator of n emitters (and one kept apart)."""
    if one_ladder:
        count = (n + 1) ** 2 if driven else n + 1
    elif driven:
        count = (n + 1) * (n + 2) * (n + 3) // 6
    else:
        count = (n // 2 + 1) * (n - n // 2 + 1)
    return 4 * count if apart else count


class Space:
    """The S entries of operators that are kept, and superoperators between them.

    Args:
        e: all emitters.
        difference: excitations of the row minus those of the column; None keeps all entries.
        apart: whether one emitter is kept apart.

    Attributes:
        d: dark pairs of the others, (S,).
        k: excitations of the others in the row, (S,).
        s: excitation of the emitter kept apart in the row, 0 or 1, (S,).
        k2: excitations of the others in the column, (S,).
        s2: excitation of the emitter kept apart in the column, (S,).
    """

    def __init__(self, e: Identical, difference: int | None, *, apart: bool = False):
        self.e, self.difference, self.apart = e, difference, apart
        self.n = n = e.n - apart
        self._ladders = 1 if e.one_ladder and not apart else n // 2 + 1
        dark = np.arange(self._ladders)
        sides = n - 2 * dark + 1
        width = np.ones_like(sides) if difference is not None else sides
        self._sides, self._width = sides, width
        self._firsts = np.cumsum(sides * width) - sides * width
        d = np.repeat(dark, sides * width)
        within = np.arange(len(d)) - self._firsts[d]
        k, k2 = np.divmod(within, width[d])
        k, k2 = k + d, k2 + d
        ends = np.array([(s, s2) for s in range(1 + apart) for s2 in range(1 + apart)])
        count = len(ends)
        d, k, k2 = (np.repeat(x, count) for x in (d, k, k2))
        s, s2 = np.tile(ends.T, len(d) // count)
        if difference is not None:
            k2 = k + s - s2 - difference
        kept = (k2 >= d) & (k2 <= n - d)
        self._place = np.cumsum(kept) - 1
        self._place[~kept] = -1
        self.d, self.k, self.k2, self.s, self.s2 = (x[kept] for x in (d, k, k2, s, s2))

    def __len__(self) -> int:
        return len(self.d)

    def place(self, d: Any, k: Any, s: Any, k2: Any, s2: Any) -> NDArray[np.int64]:
        """Indices of entries, −1 where an entry does not exist."""
        n = self.n
        inside = (d >= 0) & (d < self._ladders)
        for number, one in ((k, s), (k2, s2)):
            inside &= (number >= d) & (number <= n - d) & (one >= 0) & (one <= self.apart)
        if self.difference is not None:
            inside &= k + s - k2 - s2 == self.difference
        d, k, k2, s, s2 = (np.where(inside, x, 0) for x in (d, k, k2, s, s2))
        column = k2 - d if self.difference is None else 0
        index = self._firsts[d] + (k - d) * self._width[d] + column
        if self.apart:
            index = 4 * index + 2 * s + s2
        return np.where(inside, self._place[index], -1)

    def moved(
        self, left: tuple[int, int], right: tuple[int, int], b: int, values: Any, to: "Space"
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Triplets that map |k, s⟩⟨k', s'| of ladder d to k + left etc. of ladder d + b."""
        target = to.place(
            self.d + b, self.k + left[0], self.s + left[1], self.k2 + right[0], self.s2 + right[1]
        )
        values = np.broadcast_to(values, target.shape)
        source = np.flatnonzero((target >= 0) & (values != 0))
        return target[source], source, values[source]

    def lowering(self, right: bool = False) -> list[Move]:
        """Moves of S⁻X, where S⁻ acts on all emitters; of XS⁺ if `right`."""
        k, s = (self.k2, self.s2) if right else (self.k, self.s)
        moves = [(-1, 0, np.sqrt((k - self.d) * (self.n - self.d - k + 1.0)))]
        return [*moves, (0, -1, s * 1.0)] if self.apart else moves

    def raising(self, right: bool = False) -> list[Move]:
        """Moves of S⁺X; of XS⁻ if `right`."""
        k, s = (self.k2, self.s2) if right else (self.k, self.s)
        moves = [(1, 0, np.sqrt((k - self.d + 1.0) * (self.n - self.d - k)))]
        return [*moves, (0, 1, 1.0 - s)] if self.apart else moves

    def _bright(self, right: bool) -> list[Move]:
        """Moves of S⁺S⁻X; of XS⁺S⁻ if `right`."""
        k, s = (self.k2, self.s2) if right else (self.k, self.s)
        down = (k - self.d) * (self.n - self.d - k + 1.0)
        up = (k - self.d + 1.0) * (self.n - self.d - k)
        if not self.apart:
            return [(0, 0, down)]
        return [(0, 0, down + s), (1, -1, np.sqrt(up) * s), (-1, 1, np.sqrt(down) * (1 - s))]

    def summed(self, triplets: list[tuple[Any, Any, Any]], to: "Space | None" = None) -> Any:
        """The sparse matrix of triplets, from the entries of this space to those of another one."""
        from scipy.sparse import csr_array

        shape = (len(self if to is None else to), len(self))
        if not triplets:
            return csr_array(shape, dtype=complex)
        rows, columns, values = (np.concatenate(part) for part in zip(*triplets, strict=True))
        return csr_array((values.astype(complex), (rows, columns)), shape=shape)

    def _jumps(self, only_photons: bool) -> list[tuple[Any, Any, Any]]:
        """Triplets of the jump terms of the master equation."""
        e, found = self.e, []
        others = replace(e, n=self.n)
        left, right = processes(others, self.k, self.d), processes(others, self.k2, self.d)
        for (a, b), (strength, square) in left.items():
            if only_photons and a != -1:
                continue
            if (a, b) == (0, 0):  # dephasing by σ_z: f = M and f' = M' have signs
                factors = (self.k - self.n / 2) * (self.k2 - self.n / 2)
            else:
                factors = np.sqrt(square * right[a, b][1])
            found.append(self.moved((a, 0), (a, 0), b, strength * factors, self))
        if not self.apart:
            return found
        found += self._together(self.lowering(), self.lowering(True), e.collective, e.individual)
        if only_photons:
            return found
        found += self._together(self.raising(), self.raising(True), e.pump_together, e.pump)
        one, one2 = self.s - 0.5, self.s2 - 0.5
        rest, rest2 = self.k - self.n / 2, self.k2 - self.n / 2
        dephased = 2 * e.dephasing * one * one2
        dephased = dephased + 2 * e.dephasing_together * (one * one2 + one * rest2 + rest * one2)
        found.append(self.moved((0, 0), (0, 0), 0, dephased, self))
        return found

    def _together(
        self, left: list[Move], right: list[Move], collective: float, individual: float
    ) -> list[tuple[Any, Any, Any]]:
        """Triplets of the jumps in which the emitter kept apart takes part.

        Args:
            left: moves of all emitters in the row: the others, and the one kept apart.
            right: the same in the column.
            collective: the rate of all emitters together.
            individual: the rate of each emitter alone.
        """
        (rest, one), (rest2, one2) = left, right
        found = []
        for first, second, rate in (
            (rest, one2, collective),
            (one, rest2, collective),
            (one, one2, collective + individual),
        ):
            both = rate * first[2] * second[2]
            found.append(self.moved(first[:2], second[:2], 0, both, self))
        return found

    def generator(self) -> Any:
        """The sparse matrix L of dX/dt = LX, (S, S)."""
        e = self.e
        triplets = self._jumps(only_photons=False)
        for right in (False, True):
            number = self.k2 + self.s2 if right else self.k + self.s
            turn = 1j if right else -1j
            for dk, ds, values in self._bright(right):
                step = (dk, ds)
                at = ((0, 0), step) if right else (step, (0, 0))
                strength = turn * e.exchange - (e.collective + e.pump_together) / 2
                triplets.append(self.moved(*at, 0, strength * values, self))
            own = turn * ((e.detuning - e.exchange) * number + e.energy(number))
            own = own - (e.individual * number + e.pump * (e.n - number)) / 2
            own = own - e.pump_together * (e.n - 2 * number) / 2 - e.n * e.dephasing / 4
            own = own - e.dephasing_together * (number - e.n / 2) ** 2
            triplets.append(self.moved((0, 0), (0, 0), 0, own, self))
            if e.drive and self.difference is None:
                # on the column S⁺ from the right acts as S⁻
                for moves, rabi in (
                    (self.raising(right), np.conj(e.drive) if right else e.drive),
                    (self.lowering(right), e.drive if right else np.conj(e.drive)),
                ):
                    for dk, ds, values in moves:
                        at = ((0, 0), (dk, ds)) if right else ((dk, ds), (0, 0))
                        triplets.append(self.moved(*at, 0, turn * rabi / 2 * values, self))
        return self.summed(triplets)

    def photons(self) -> Any:
        """The sparse matrix of X → Σ_mn Γ_mn σ⁻_n X σ⁺_m, (S, S)."""
        return self.summed(self._jumps(only_photons=True))

    def trace(self) -> NDArray[np.float64]:
        """The row whose product with X is its trace, (S,)."""
        return ((self.k == self.k2) & (self.s == self.s2)).astype(float)


def one_apart(whole: Space, to: Space) -> Any:
    """The sparse map of an operator of N emitters to the same operator with one emitter kept apart.

    |J, M⟩ is √((j+½±m)/(2j+1)) |j, M∓½⟩|±½⟩ of N − 1 emitters and one. A share d_j/d_J of the
    copies of J comes from j, where d = C(N, N/2−J)(2J+1)/(N/2+J+1).
    """
    from scipy.sparse import csr_array

    total = whole.e.n
    rows, columns, values = [], [], []
    number, number2 = to.k + to.s, to.k2 + to.s2
    for up in (False, True):  # J = j + ½ has the same dark pairs as j, J = j − ½ one more
        d = to.d + (not up)
        source = whole.place(d, number, 0, number2, 0)
        copies = (total - 2 * d) * (total - d + 1) if up else d * (total - 2 * d + 2)
        share = copies / (total * np.maximum(total - 2 * d + 1.0, 1.0))
        amplitudes = share * _clebsch(to, to.k, to.s, up) * _clebsch(to, to.k2, to.s2, up)
        found = np.flatnonzero((source >= 0) & (amplitudes != 0))
        rows.append(found)
        columns.append(source[found])
        values.append(amplitudes[found])
    where = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(values), where), shape=(len(to), len(whole)))


def expanded(space: Space, rho: NDArray[Any]) -> "Qobj":
    """A permutation-symmetric ρ of few emitters as a QuTiP matrix of dims [[2]*N, [2]*N]."""
    from qutip import Qobj

    n = space.e.n
    table = elements(n, space.d, space.k, space.k2, rho)
    # bit 1 is the ground state in QuTiP's basis
    states = np.arange(2**n)
    count = np.bitwise_count
    up = ~states & (2**n - 1)
    found = np.empty((2**n, 2**n), dtype=complex)
    for i, one in enumerate(up):
        both = count(one & up)
        found[i] = table[both, count(one) - both, count(up) - both]
    return Qobj(found, dims=[[2] * n, [2] * n])


def elements(n: int, d: Any, k: Any, k2: Any, values: NDArray[Any]) -> NDArray[np.complex128]:
    """Operators of n emitters that no permutation changes, between configurations.

    One emitter after another is separated from the rest. The operator of the remaining emitters is
    the same for all configurations with the same numbers of ee, eg, ge and gg.

    Args:
        n: number of emitters.
        d: dark pairs of the entries, (S,).
        k: excitations in their rows, (S,).
        k2: excitations in their columns, (S,).
        values: of the entries of one operator, (S,), or of several, (S, C).

    Returns:
        The element by the number of emitters that are excited in row and column, in the row only,
        and in the column only, (n + 1, n + 1, n + 1) or (n + 1, n + 1, n + 1, C).
    """
    alike = Identical(n, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0j)  # leaves the longest ladder
    everything, many = Space(alike, None), values.shape[1:]
    whole = np.zeros((len(everything), *many), dtype=complex)
    whole[everything.place(d, k, 0 * k, k2, 0 * k)] = values
    parts: dict[tuple[int, ...], NDArray[Any]] = {(0, 0, 0, 0): whole}
    for left in range(n, 0, -1):
        e = replace(alike, n=left)
        apart, fewer = Space(e, None, apart=True), Space(replace(e, n=left - 1), None)
        split = one_apart(Space(e, None), apart)
        made: dict[tuple[int, ...], NDArray[Any]] = {}
        for counts, part in parts.items():
            pieces = split @ part
            for which, (s, s2) in enumerate(((1, 1), (1, 0), (0, 1), (0, 0))):
                key = (*counts[:which], counts[which] + 1, *counts[which + 1 :])
                if key not in made:
                    some = (apart.s == s) & (apart.s2 == s2)
                    piece = np.zeros((len(fewer), *many), dtype=complex)
                    at = fewer.place(
                        apart.d[some], apart.k[some], 0 * apart.s[some], apart.k2[some], 0
                    )
                    piece[at] = pieces[some]
                    made[key] = piece
        parts = made
    table = np.zeros((n + 1, n + 1, n + 1, *many), dtype=complex)
    for (both, row, column, _), part in parts.items():
        table[both, row, column] = part[0]
    return table


def _clebsch(space: Space, k: Any, s: Any, up: bool) -> NDArray[np.float64]:
    """⟨j, m; s|J, M⟩ with J = j ± ½, where k = m + n/2 of the others are excited."""
    n, d = space.n, space.d
    width = n - 2 * d + 1.0  # 2j + 1
    above, below = k - d, n - d - k  # j + m, j − m
    if up:
        return np.sqrt(np.where(s == 1, above + 1, below + 1) / width)
    return np.sqrt(np.where(s == 1, below, above) / width) * np.where(s == 1, -1, 1)
