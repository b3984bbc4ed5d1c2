r"""Emitters with a cavity mode in blocks of equal total number of excitations.

Without a drive the number of excited emitters and photons, s, is lowered by one by every decay and
every photon that leaves, and raised by one by a pump. Observables need the blocks ρ_s alone,

.. math:: \dot ρ_s = −iK_sρ_s + (−iK_sρ_s)^† + \sum_m σ'_mρ_{s+1}σ^+_m + κaρ_{s+1}a^†
          + \sum_m p_mσ^+_mρ_{s−1}σ^-_m + 2\sum_m γ_m n_mρ_sn_m, \qquad
          σ'_m = \sum_n Γ_{mn}σ^-_n

where K is H_eff with the losses of all jumps, and n_m the excitation of emitter m. A block has as
many rows as there are configurations of s excitations: from N inverted emitters 2^N at most.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.with_mode import too_few
from collective.engines.blocks.mode_size import highest
from collective.engines.record import pair_fields
from collective.engines.request import Request
from collective.states import State
from collective.states.answers import amplitudes_of, weights_of

_LEAST_RTOL = 1e-13


@dataclass(frozen=True, eq=False)
class Block:
    """The configurations of one number of excitations.

    Attributes:
        masks: bit m of a configuration is 1 if emitter m is excited, (D,).
        photons: (D,).
        excited: the same as booleans, (D, N).
        place: where its numbers are in the vector.
    """

    masks: NDArray[np.int64]
    photons: NDArray[np.int64]
    excited: NDArray[np.bool_]
    place: slice

    def __len__(self) -> int:
        return len(self.masks)


class BlockMode:
    """The blocks of one request, their generator, and what is read off them.

    Args:
        request: that `refusal` does not refuse.
    """

    def __init__(self, request: Request):
        self._request, self._problem = request, request.cavity
        self._n, total = len(request.cavity), highest(request)
        c = self._problem.couplings
        self._cut = bool(np.any(c.pump)) or total > self._problem.photons
        self._highest_photon = 0.0
        self._blocks = self._made(total)
        self._row = np.zeros((2**self._n, self._problem.photons + 1), dtype=np.int64)
        for block in self._blocks:
            self._row[block.masks, block.photons] = np.arange(len(block))
        self._size = self._blocks[-1].place.stop
        self._effective = [self._turning(block) for block in self._blocks]
        self._weights = [self._dephasing(block) for block in self._blocks]
        self._lowering = [self._lowered(s) for s in range(total)]
        self._pairs = self._pair_places()

    def _made(self, total: int) -> list[Block]:
        """All blocks."""
        n, kept = self._n, self._problem.photons
        masks = np.arange(2**n)
        counts = np.bitwise_count(masks).astype(int)
        found, end = [], 0
        for s in range(total + 1):
            here = masks[(counts <= s) & (s - counts <= kept)]
            excited = (here[:, None] >> np.arange(n)) & 1 == 1
            begin, end = end, end + len(here) ** 2
            photons = s - counts[here]
            found.append(Block(here, photons, excited, slice(begin, end)))
        return found

    def _turning(self, block: Block) -> Any:
        """The sparse matrix −iK_s."""
        from scipy.sparse import csr_array

        problem, c = self._problem, self._problem.couplings
        here = np.arange(len(block))
        hop = np.asarray(c.shift) - 0.5j * np.asarray(c.decay)
        own = c.detunings + hop.diagonal() - 1j * c.dephasing
        energy = block.excited @ own - 0.5j * (~block.excited @ c.pump)
        if c.ising is not None:  # the energy of every pair of excited emitters
            up = block.excited.astype(float)
            energy = energy + 0.5 * np.einsum("im,im->i", up @ np.asarray(c.ising), up)
        energy = energy + (problem.mode.detuning - 0.5j * problem.mode.linewidth) * block.photons
        rows, columns, values = [here], [here], [energy]

        def add(at: NDArray[Any], masks: NDArray[Any], photons: Any, value: Any) -> None:
            rows.append(self._row[masks, photons])
            columns.append(at)
            values.append(np.broadcast_to(value, at.shape))

        for m in range(self._n):
            g = problem.coupling[m]
            free = here[~block.excited[:, m] & (block.photons > 0)]  # g* a σ⁺
            raised = block.masks[free] | (1 << m)
            photons = block.photons[free]
            add(free, raised, photons - 1, g.conj() * np.sqrt(photons))
            able = here[block.excited[:, m] & (block.photons < problem.photons)]  # g a† σ⁻
            lowered, photons = block.masks[able] & ~(1 << m), block.photons[able]
            add(able, lowered, photons + 1, g * np.sqrt(photons + 1))
            for other in range(self._n):
                if other != m and hop[m, other] != 0:
                    at = here[block.excited[:, other] & ~block.excited[:, m]]
                    moved = block.masks[at] ^ (1 << m) ^ (1 << other)
                    add(at, moved, block.photons[at], hop[m, other])
        shape = (len(block), len(block))
        triplets = (-1j * np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        return csr_array(triplets, shape=shape)

    def _dephasing(self, block: Block) -> NDArray[np.float64] | None:
        """2Σ γ_m n_m n'_m of every entry, or None."""
        rates = self._problem.couplings.dephasing
        if not np.any(rates):
            return None
        up = block.excited.astype(float)
        return 2 * (up * rates) @ up.T

    def _lowered(self, s: int) -> list[tuple[Any, NDArray[Any], NDArray[Any]]]:
        """Of each emitter that decays: σ'_m from block s + 1 to s, and the columns of σ⁺_m."""
        from scipy.sparse import csr_array

        below, above = self._blocks[s], self._blocks[s + 1]
        decay = np.asarray(self._problem.couplings.decay)
        found = []
        here = np.arange(len(above))
        for m in range(self._n):
            rows, columns, values = [], [], []
            for other in np.flatnonzero(decay[m]):
                at = here[above.excited[:, other]]
                rows.append(self._row[above.masks[at] & ~(1 << int(other)), above.photons[at]])
                columns.append(at)
                values.append(np.full(len(at), complex(decay[m, other])))
            if not rows:
                continue
            where = np.concatenate(rows), np.concatenate(columns)
            matrix = csr_array((np.concatenate(values), where), shape=(len(below), len(above)))
            to = np.flatnonzero(~below.excited[:, m])
            source = self._row[below.masks[to] | (1 << m), below.photons[to]]
            found.append((matrix, to, source))
        return found

    def _pair_places(self) -> list[tuple[int, int, NDArray[Any]]]:
        """For each pair of emitters, where the entries of ρ are that sum to ⟨σ⁺_mσ⁻_n⟩."""
        found = []
        for m in range(self._n):
            for other in range(m + 1, self._n):
                places = []
                for block in self._blocks:
                    before = np.flatnonzero(block.excited[:, other] & ~block.excited[:, m])
                    moved = block.masks[before] ^ (1 << m) ^ (1 << other)
                    after = self._row[moved, block.photons[before]]
                    places.append(block.place.start + before * len(block) + after)
                found.append((m, other, np.concatenate(places)))
        return found

    def start(self) -> NDArray[np.complex128]:
        """The blocks of the initial state, with an empty mode."""
        state, problem = self._request.state, self._problem
        assert isinstance(state, State)
        found = np.zeros(self._size, dtype=complex)
        for block in self._blocks:
            at = np.flatnonzero(block.photons == 0)
            if not len(at):
                continue
            weights = weights_of(state, block.excited[at])
            part = np.zeros((len(block),) * 2, dtype=complex)
            if weights is not None:
                part[at, at] = weights
            else:
                ket = amplitudes_of(state, block.excited[at], problem.couplings.emitters)
                part[np.ix_(at, at)] = np.outer(ket, ket.conj())
            found[block.place] = part.ravel()
        return found

    def slope(self, t: float, y: NDArray[Any]) -> NDArray[Any]:
        """The derivative."""
        found = np.empty_like(y)
        kappa, pump = self._problem.mode.linewidth, self._problem.couplings.pump
        parts = [y[b.place].reshape(len(b), len(b)) for b in self._blocks]
        for s, block in enumerate(self._blocks):
            out = self._effective[s] @ parts[s]
            out = out + out.conj().T
            if (weights := self._weights[s]) is not None:
                out += weights * parts[s]
            if s + 1 < len(parts):
                self._fall(s, kappa, parts[s + 1], out)
            for m in np.flatnonzero(pump) if s > 0 else ():
                to = np.flatnonzero(block.excited[:, m])
                source = self._row[block.masks[to] & ~(1 << int(m)), block.photons[to]]
                out[np.ix_(to, to)] += pump[m] * parts[s - 1][np.ix_(source, source)]
            found[block.place] = out.ravel()
        return found

    def _fall(self, s: int, kappa: float, above: NDArray[Any], out: NDArray[Any]) -> None:
        """Add what the block above loses to block s."""
        block = self._blocks[s]
        for matrix, to, source in self._lowering[s]:
            out[:, to] += (matrix @ above)[:, source]
        if kappa > 0:
            to = np.flatnonzero(block.photons < self._problem.photons)
            source = self._row[block.masks[to], block.photons[to] + 1]
            roots = np.sqrt(kappa * (block.photons[to] + 1.0))
            out[np.ix_(to, to)] += roots[:, None] * roots * above[np.ix_(source, source)]

    def tolerances(self) -> tuple[float, float]:
        """Of a step; its error is a mean over all entries, most of which are nearly zero."""
        request = self._request
        return max(request.rtol / 10, _LEAST_RTOL), float(request.atol / 10 / np.sqrt(self._size))

    def rows(self, y: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Fields of `Result` at one time.

        Raises:
            ValueError: if photon numbers are missing.
        """
        pairs = np.zeros((self._n, self._n), dtype=complex)
        self.watch(y)
        photons, trace = 0.0, 0.0
        excited = np.zeros(self._n)
        for block in self._blocks:
            p = y[block.place][:: len(block) + 1].real
            excited += p @ block.excited
            photons += float(p @ block.photons)
            trace += float(p.sum())
        for m, other, places in self._pairs:
            pairs[m, other] = y[places].sum()
            pairs[other, m] = pairs[m, other].conj()
        np.fill_diagonal(pairs, excited)
        found = pair_fields(np.asarray(self._problem.couplings.decay), pairs[None])
        if "correlations" not in self._request.words:
            del found["correlations"]
        return {**found, "photons": np.array([photons]), "trace_error": np.array([abs(trace - 1)])}

    def watch(self, y: NDArray[Any]) -> None:
        """Look at the highest photon number.

        Raises:
            ValueError: if photon numbers are missing.
        """
        if not self._cut:
            return
        most, top = self._problem.photons, 0.0
        for block in self._blocks:
            p = y[block.place][:: len(block) + 1].real
            top += float(p[block.photons == most].sum())
        self._highest_photon = max(self._highest_photon, top)
        if (why := too_few(top, most)) is not None:
            raise ValueError(why)

    def names(self) -> tuple[str, ...]:
        """Fields of `Result` that are recorded."""
        found = ("emission", "excitation", "populations", "photons")
        return (*found, "correlations") if "correlations" in self._request.words else found

    def finished(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of `Result`: all of them are known."""
        return fields

    def diagnostics(self) -> dict[str, Any]:
        """The largest population of the highest photon number."""
        return {"highest_photon_population": self._highest_photon}

    def notes(self) -> list[str]:
        """There is nothing to say."""
        return []
