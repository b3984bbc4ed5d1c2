r"""Operators of emitters of a few species between their Dicke states, and their generator.

An operator that no exchange within a species changes consists of entries

.. math:: \bigotimes_A |J_A, M_A⟩⟨J_A, M_A'|,

summed over the copies of each ladder :math:`J_A = N_A/2 − d_A`, with k_A = M_A + N_A/2 excitations.
Without a drive only entries are kept whose rows have a fixed number of excitations more than their
columns; the coherence between two species, (k_A + 1, k_B) with (k_A, k_B + 1), is among them.
Every term of the generator moves an entry to one other entry, by a step in each species.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.ladders import Ladders, Move, clebsch
from collective.engines.basis.species import Species


class SpeciesSpace:
    """The entries of all species together, and superoperators between them.

    Args:
        found: the species.
        difference: excitations of the row minus those of the column; None keeps all entries.

    Attributes:
        ladders: the entries of each species.
        local: which of them each entry consists of, (S, E).
    """

    def __init__(self, found: Species, difference: int | None):
        self.found, self.difference = found, difference
        counts = found.counts
        self.ladders = [
            Ladders(e, everywhere, found.top, _reach(counts, a, difference))
            for a, (e, everywhere) in enumerate(zip(found.members, found.all_ladders, strict=True))
        ]
        sizes = np.array([len(each) for each in self.ladders])
        self._strides = np.append(np.cumprod(sizes[:0:-1])[::-1], 1).astype(np.int64)
        local = self._combined()
        rows = sum(each.k[i] for each, i in zip(self.ladders, local, strict=True))
        columns = sum(each.k2[i] for each, i in zip(self.ladders, local, strict=True))
        kept = (rows <= found.top) & (columns <= found.top)
        self.local = local[:, kept]
        self._keys = self._strides @ self.local

    def __len__(self) -> int:
        return len(self._keys)

    def _combined(self) -> NDArray[np.int64]:
        """All tuples of entries with the difference of excitations, (S, E), in ascending order."""
        if self.difference is None:
            grids = np.meshgrid(*(np.arange(len(x)) for x in self.ladders), indexing="ij")
            return np.stack([x.ravel() for x in grids])
        local, total = np.zeros((0, 1), dtype=np.int64), np.zeros(1, dtype=np.int64)
        for a, each in enumerate(self.ladders):
            steps, last = each.k - each.k2, a == len(self.ladders) - 1
            order = np.argsort(steps, kind="stable")
            if last:  # only entries that make up the difference
                wanted = self.difference - total
                low, high = (
                    np.searchsorted(steps[order], wanted, side=side) for side in ("left", "right")
                )
            else:
                low, high = np.zeros(len(total), int), np.full(len(total), len(order))
            many = high - low
            first = np.repeat(np.arange(len(total)), many)
            within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
            second = order[np.repeat(low, many) + within]
            local = np.vstack([local[:, first], second[None]])
            total = total[first] + steps[second]
        return local[:, np.argsort(self._strides @ local)]

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Excitations of each species in the row, (S, E)."""
        return np.stack([x.k[i] for x, i in zip(self.ladders, self.local, strict=True)])

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """Excitations of each species in the column, (S, E)."""
        return np.stack([x.k2[i] for x, i in zip(self.ladders, self.local, strict=True)])

    @cached_property
    def dark(self) -> NDArray[np.int64]:
        """Dark pairs of each species, (S, E)."""
        return np.stack([x.d[i] for x, i in zip(self.ladders, self.local, strict=True)])

    @cached_property
    def trace(self) -> NDArray[np.float64]:
        """The row whose product with X is its trace, (E,)."""
        return np.all(self.rows == self.columns, axis=0).astype(float)

    @cached_property
    def adjoint(self) -> NDArray[np.int64]:
        """Where the adjoint of each entry is, (E,); for a difference of 0 or None."""
        parts = [
            x.place(x.d[i], x.k2[i], x.k[i]) for x, i in zip(self.ladders, self.local, strict=True)
        ]
        return np.searchsorted(self._keys, self._strides @ np.stack(parts))

    def moved(
        self, moves: list[tuple[int, Move]], factor: complex, to: "SpeciesSpace | None" = None
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Triplets of a superoperator that is a product of steps of several species.

        Args:
            moves: a species and its step, each; at most one step of a species.
            factor: of the product.
            to: the space that it leads to, with the same ladders; None for this one.
        """
        to = self if to is None else to
        target = np.array(self.local)
        inside = np.ones(len(self), dtype=bool)
        values = np.full(len(self), factor, dtype=complex)
        for a, (goes, amplitudes) in moves:
            where = goes[self.local[a]]
            target[a] = where
            inside &= where >= 0
            values *= amplitudes[self.local[a]]
        inside &= values != 0
        source = np.flatnonzero(inside)
        if not len(to) or not len(source):
            return source[:0], source[:0], values[:0]
        keys = self._between(target[:, source], to)
        found = np.minimum(np.searchsorted(to._keys, keys), len(to) - 1)
        exists = to._keys[found] == keys
        return found[exists], source[exists], values[source][exists]

    def _between(self, target: NDArray[np.int64], to: "SpeciesSpace") -> NDArray[np.int64]:
        """The keys in another space of tuples of entries of this one, (E',); −1 for none."""
        if to is self:
            return np.asarray(self._strides @ target)
        keys, missing = np.zeros(target.shape[1], dtype=np.int64), np.zeros(target.shape[1], bool)
        for stride, mine, other, i in zip(
            to._strides, self.ladders, to.ladders, target, strict=True
        ):
            there = other.place(mine.d[i], mine.k[i], mine.k2[i])
            missing |= there < 0
            keys += stride * there
        return np.where(missing, -1, keys)

    def summed(self, triplets: list[tuple[Any, Any, Any]], to: "SpeciesSpace | None" = None) -> Any:
        """The sparse matrix of triplets, from the entries of this space to those of another one."""
        from scipy.sparse import csr_array

        shape = (len(self if to is None else to), len(self))
        rows, columns, values = (np.concatenate(part) for part in zip(*triplets, strict=True))
        return csr_array((values, (rows, columns)), shape=shape)

    def _pairs(self) -> list[tuple[int, int]]:
        """All ordered pairs of different species."""
        some = range(len(self.ladders))
        return [(a, b) for a in some for b in some if a != b]

    def generator(self) -> Any:
        """The sparse matrix L of dX/dt = LX without the drive, (E, E)."""
        local = zip(self.ladders, self.local, strict=True)
        own = np.sum([each.turned()[i] for each, i in local], axis=0)
        ising = self.found.ising
        for a, b in self._pairs() if np.any(ising) else ():
            both = self.rows[a] * self.rows[b] - self.columns[a] * self.columns[b]
            own = own - 0.5j * ising[a, b] * both  # each pair comes twice
        every = np.arange(len(self))
        triplets = [(every, every, own), *self._photon_jumps()]
        for a, each in enumerate(self.ladders):
            triplets += [self.moved([(a, move)], 1.0) for move in each.jumps(photons=False)]
        for a, b in self._pairs():
            h = self.found.exchange[a, b] - 0.5j * self.found.collective[a, b]
            if h == 0:
                continue
            x, y = self.ladders[a], self.ladders[b]
            triplets.append(self.moved([(a, x.raised), (b, y.lower)], -1j * h))
            column = [(b, y.lower_column), (a, x.raised_column)]
            triplets.append(self.moved(column, 1j * np.conj(h)))
        return self.summed(triplets)

    def _photon_jumps(self) -> list[tuple[Any, Any, Any]]:
        """Triplets of X → Σ_mn Γ_mn σ⁻_n X σ⁺_m."""
        found = []
        for a, each in enumerate(self.ladders):
            found += [self.moved([(a, move)], 1.0) for move in each.jumps(photons=True)]
        for a, b in self._pairs():
            rate = self.found.collective[a, b]
            if rate != 0:
                moves = [(b, self.ladders[b].lower), (a, self.ladders[a].lower_column)]
                found.append(self.moved(moves, rate))
        return found

    def photons(self) -> Any:
        """The sparse matrix of X → Σ_mn Γ_mn σ⁻_n X σ⁺_m, (E, E)."""
        return self.summed(self._photon_jumps())

    def drives(self) -> tuple[Any, Any]:
        """The two parts of the drive, sparse: −i[½Σ_A Ω_A J⁺_A, X] and −i[½Σ_A Ω*_A J⁻_A, X]."""
        up, down = [], []
        for a, each in enumerate(self.ladders):
            rabi = each.e.drive
            up.append(self.moved([(a, each.raised)], -0.5j * rabi))
            up.append(self.moved([(a, each.lower_column)], 0.5j * rabi))
            down.append(self.moved([(a, each.lower)], -0.5j * np.conj(rabi)))
            down.append(self.moved([(a, each.raised_column)], 0.5j * np.conj(rabi)))
        return self.summed(up), self.summed(down)

    def whole(self) -> Any:
        """L with the drive, sparse (E, E)."""
        up, down = self.drives()
        return self.generator() + up + down if self.found.driven else self.generator()

    def numbers(self) -> NDArray[np.float64]:
        """Rows whose products with X are ⟨n̂_A⟩ of each species, (S, E)."""
        return self.rows * self.trace

    def brightness(self) -> list[list[NDArray[np.complex128]]]:
        """Rows (E,) whose products with X are ⟨J⁺_AJ⁻_B⟩, for each A and B."""
        species = range(len(self.ladders))
        found = [[np.zeros(len(self), dtype=complex) for b in species] for a in species]
        for a, each in enumerate(self.ladders):
            found[a][a] += each.bright[self.local[a]] * self.trace
        for a, b in self._pairs():
            x, y = self.ladders[a], self.ladders[b]
            to, source, values = self.moved([(a, x.raised), (b, y.lower)], 1.0)
            np.add.at(found[a][b], source, self.trace[to] * values)
        return found


def _reach(counts: NDArray[np.int64], a: int, difference: int | None) -> int:
    """The largest difference of excitations of species a, which the others make up for.

    It is that of a photon's coherence too, so that both spaces have the same ladders.
    """
    return int(counts[a] if difference is None else counts.sum() - counts[a] + 1)


def entries(found: Species, difference: int | None) -> int:
    """The number of entries of a space, without making it (`top` counts for each species)."""
    counts, total = found.counts, np.ones(1)
    for a, (e, everywhere) in enumerate(zip(found.members, found.all_ladders, strict=True)):
        reach = min(_reach(counts, a, difference), e.n, found.top)
        sides = [
            min(e.n - d, found.top) - d + 1
            for d in range(min(e.n // 2, found.top) + 1 if everywhere else 1)
        ]
        steps = np.abs(np.arange(-reach, reach + 1))
        ways = np.maximum(np.array(sides)[:, None] - steps, 0).sum(axis=0).astype(float)
        total = np.convolve(total, ways)
    if difference is None:
        return int(total.sum())
    middle = len(total) // 2 + difference
    return int(total[middle]) if 0 <= middle < len(total) else 0


def one_apart(whole: SpeciesSpace, apart: SpeciesSpace, a: int) -> Any:
    """The sparse map of an operator to the same one with one emitter of species a kept apart.

    |J, M⟩ is √((j+½±m)/(2j+1)) |j, M∓½⟩|±½⟩ of N − 1 emitters and one. A share d_j/d_J of the
    copies of J comes from j, where d = C(N, N/2−J)(2J+1)/(N/2+J+1).
    """
    from scipy.sparse import csr_array

    mine, others, alone = whole.ladders[a], apart.ladders[a], apart.ladders[-1]
    total = mine.n
    at, last = apart.local[a], apart.local[-1]
    d, k, k2, s, s2 = others.d[at], others.k[at], others.k2[at], alone.k[last], alone.k2[last]
    rows, columns, values = [], [], []
    for up in (False, True):  # J = j + ½ has the same dark pairs as j, J = j − ½ one more
        before = d + (not up)
        source = mine.place(before, k + s, k2 + s2)
        copies = (
            (total - 2 * before) * (total - before + 1) if up else before * (total - 2 * before + 2)
        )
        share = copies / (total * np.maximum(total - 2 * before + 1.0, 1.0))
        amplitude = share * clebsch(others.n, d, k, s, up) * clebsch(others.n, d, k2, s2, up)
        found = np.flatnonzero((source >= 0) & (amplitude != 0))
        keys = np.zeros(len(found), dtype=np.int64)
        missing = np.zeros(len(found), dtype=bool)
        for b, stride in enumerate(whole._strides):
            x, i = apart.ladders[b], apart.local[b][found]
            there = source[found] if b == a else whole.ladders[b].place(x.d[i], x.k[i], x.k2[i])
            missing |= there < 0
            keys += stride * there
        places = np.minimum(np.searchsorted(whole._keys, keys), len(whole) - 1)
        exists = ~missing & (whole._keys[places] == keys)
        rows.append(found[exists])
        columns.append(places[exists])
        values.append(amplitude[found][exists])
    where = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(values), where), shape=(len(apart), len(whole)))
