"""The amplitudes of the past, one polynomial for each step, which delayed light looks up."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NODES = 16  # of a step, where the equation holds
TERMS = NODES + 1  # Legendre coefficients of the amplitudes in a step
_FIRST = 64  # steps for which there is room at the beginning
_ENTRIES = 2**20  # gathered at once


class Past(NamedTuple):
    """All steps so far. It is replaced as one value, so that an interruption leaves it whole.

    Attributes:
        begin: of the first step that is kept.
        ends: of the steps, with room for more.
        terms: Legendre coefficients of the amplitudes, (…, n, TERMS, R), with room for more.
        kept: how many steps are kept.
        slopes: coefficients of the slope in the last step, (NODES, n, R).
        bound: on the error of the amplitudes.
        length: of the next step that is tried.
        taken: how many steps were taken.
    """

    begin: float
    ends: NDArray[np.float64]
    terms: NDArray[np.complex128]
    kept: int
    slopes: NDArray[np.complex128]
    bound: float
    length: float
    taken: int


class History:
    """Amplitudes x(t), (n, R), on successive steps, which begin at time 0; before it x = 0.

    Args:
        n: number of amplitudes.
        columns: R.
        length: of the first step that is tried.
    """

    def __init__(self, n: int, columns: int, length: float):
        self.past = Past(
            0.0,
            np.empty(_FIRST),
            np.empty((_FIRST, n, TERMS, columns), dtype=complex),
            0,
            np.zeros((NODES, 0, columns), dtype=complex),
            0.0,
            length,
            0,
        )

    def restore(
        self,
        edges: NDArray[np.float64],
        terms: NDArray[np.complex128],
        slopes: NDArray[np.complex128],
        numbers: NDArray[np.float64],
    ) -> None:
        """Continue from what `whole` gave."""
        bound, length, taken = (float(x) for x in numbers)
        begin, ends = float(edges[0]), edges[1:].copy()
        slopes = slopes.astype(complex)
        self.past = Past(
            begin, ends, terms.astype(complex), len(ends), slopes, bound, length, int(taken)
        )

    def whole(self) -> dict[str, NDArray[Any]]:
        """What `restore` needs: edges (S + 1,), terms, slopes, and bound, length and count."""
        p = self.past
        return {
            "edges": np.concatenate([[p.begin], p.ends[: p.kept]]),
            "terms": p.terms[: p.kept],
            "slopes": p.slopes,
            "numbers": np.array([p.bound, p.length, p.taken]),
        }

    @property
    def now(self) -> float:
        """The end of the last step."""
        p = self.past
        return float(p.ends[p.kept - 1]) if p.kept else p.begin

    def append(
        self,
        end: float,
        terms: NDArray[np.complex128],
        slopes: NDArray[np.complex128],
        bound: float,
        length: float,
        memory: float,
    ) -> None:
        """Add a step; steps that ended before `end − memory` may be forgotten."""
        begin, ends, kept, count, *_, taken = self.past
        if count == len(ends):
            gone = int(np.searchsorted(ends, end - memory))
            if gone < count // 2 or not gone:
                gone = 0
                room = max(count, _FIRST)
            else:
                begin, room = float(ends[gone - 1]), gone
            ends = np.concatenate([ends[gone:], np.empty(room)])
            kept = np.concatenate([kept[gone:], np.empty((room, *kept.shape[1:]), dtype=complex)])
            count -= gone
        ends[count], kept[count] = end, terms
        self.past = Past(begin, ends, kept, count + 1, slopes, bound, length, taken + 1)

    def at(self, times: NDArray[np.float64], which: NDArray[np.intp]) -> NDArray[np.complex128]:
        """Amplitude `which[q]` at the times (Q, …) of row q, (Q, …, R); 0 before time 0.

        No time may be later than `now`.
        """
        p = self.past
        columns = p.terms.shape[3]
        found = np.zeros((*times.shape, columns), dtype=complex)
        rows = max(1, _ENTRIES // (TERMS * columns * max(1, times[:1].size)))
        edges = np.concatenate([[p.begin], p.ends[: p.kept]])
        for begin in range(0, len(times), rows):
            some = times[begin : begin + rows]
            past = some >= 0
            t = some[past]
            if not t.size:
                continue
            steps = np.clip(np.searchsorted(edges, t, side="right") - 1, 0, p.kept - 1)
            low, high = edges[steps], edges[steps + 1]
            values = legendre((2 * t - low - high) / (high - low))
            sources = np.broadcast_to(
                which[begin : begin + rows].reshape(-1, *[1] * (some.ndim - 1)), some.shape
            )[past]
            gathered = p.terms[steps, sources]
            found[begin : begin + rows][past] = np.einsum("qk,qkr->qr", values.T, gathered)
        return found

    def last(self, t: float) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """All amplitudes and their slopes at a time within the last step, (n, R) each."""
        p = self.past
        low = float(p.ends[p.kept - 2]) if p.kept > 1 else p.begin
        values = legendre(np.array([(2 * t - low - self.now) / (self.now - low)]))[:, 0]
        amplitudes = np.tensordot(values, p.terms[p.kept - 1], axes=(0, 1))
        return np.asarray(amplitudes), np.tensordot(values[:NODES], p.slopes, axes=1)


def legendre(s: NDArray[np.float64], terms: int = TERMS) -> NDArray[np.float64]:
    """P_k(s) for all k below `terms`, (terms, …)."""
    found = np.empty((terms, *s.shape))
    found[0] = 1.0
    found[1] = s
    for k in range(1, terms - 1):
        found[k + 1] = ((2 * k + 1) * s * found[k] - k * found[k - 1]) / (k + 1)
    return found
