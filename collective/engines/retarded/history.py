"""The amplitudes of the past, one polynomial for each step, which delayed light looks up."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NODES = 16  # of a step, where the equation holds
TERMS = NODES + 1  # Legendre coefficients of the amplitudes in a step
_FIRST = 64  # steps for which there is room at the beginning
ENTRIES = 2**17  # gathered at once


class Past(NamedTuple):
    """All steps so far. It is replaced as one value, so that an interruption leaves it whole.

    Attributes:
        begin: of the first step that is kept.
        ends: of the steps, with room for more.
        terms: Legendre coefficients of the amplitudes, (…, n, TERMS, R), with room for more.
        kept: how many steps are kept.
        sums: integral of the amplitudes up to the begin of each step, (…, n, R), with room for
            more.
        whole: the same up to the end of the last step, (n, R).
        lasting: bound on the error that steps leave behind.
        passing: bound on the error within a step.
        length: of the next step that is tried.
        taken: how many steps were taken.
    """

    begin: float
    ends: NDArray[np.float64]
    terms: NDArray[np.complex128]
    kept: int
    sums: NDArray[np.complex128]
    whole: NDArray[np.complex128]
    lasting: float
    passing: float
    length: float
    taken: int

    @property
    def bound(self) -> float:
        """On the error of the amplitudes at any time so far."""
        return self.lasting + self.passing


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
            np.empty((_FIRST, n, columns), dtype=complex),
            np.zeros((n, columns), dtype=complex),
            0.0,
            0.0,
            length,
            0,
        )

    def restore(
        self,
        edges: NDArray[np.float64],
        terms: NDArray[np.complex128],
        sums: NDArray[np.complex128],
        numbers: NDArray[np.float64],
    ) -> None:
        """Continue from what `whole` gave."""
        lasting, passing, length, taken = (float(x) for x in numbers)
        begin, ends, sums = float(edges[0]), edges[1:].copy(), sums.astype(complex)
        self.past = Past(
            begin,
            ends,
            terms.astype(complex),
            len(ends),
            sums[:-1],
            sums[-1],
            lasting,
            passing,
            length,
            int(taken),
        )

    def whole(self) -> dict[str, NDArray[Any]]:
        """What `restore` needs.

        Returns:
            edges (S + 1,), terms, sums (S + 1, n, R), and both bounds, length and count.
        """
        p = self.past
        return {
            "edges": np.concatenate([[p.begin], p.ends[: p.kept]]),
            "terms": p.terms[: p.kept],
            "sums": np.concatenate([p.sums[: p.kept], p.whole[None]]),
            "numbers": np.array([p.lasting, p.passing, p.length, p.taken]),
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
        bounds: tuple[float, float],
        length: float,
        memory: float,
    ) -> None:
        """Add a step with new bounds; steps that ended before `end − memory` may be forgotten."""
        last, whole = self.now, self.past.whole
        begin, ends, kept, count, sums = self.past[:5]
        if count == len(ends):
            gone = int(np.searchsorted(ends, end - memory))
            if gone < count // 2 or not gone:
                gone = 0
                room = max(count, _FIRST)
            else:
                begin, room = float(ends[gone - 1]), gone
            ends, kept, sums = (
                np.concatenate([array[gone:], np.empty((room, *array.shape[1:]), array.dtype)])
                for array in (ends, kept, sums)
            )
            count -= gone
        ends[count], kept[count], sums[count] = end, terms, whole
        whole = whole + (end - last) * terms[:, 0]
        taken = self.past.taken + 1
        self.past = Past(begin, ends, kept, count + 1, sums, whole, *bounds, length, taken)

    def at(self, times: NDArray[np.float64], which: NDArray[np.intp]) -> NDArray[np.complex128]:
        """Amplitude `which[q]` at the times (Q, …) of row q, (Q, …, R); 0 before time 0.

        No time may be later than `now`.
        """
        p = self.past
        columns = p.terms.shape[3]
        found = np.zeros((*times.shape, columns), dtype=complex)
        rows = max(1, ENTRIES // (TERMS * columns * max(1, times[:1].size)))
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

    def integrated(
        self, times: NDArray[np.float64], which: NDArray[np.intp]
    ) -> NDArray[np.complex128]:
        """The integral of amplitude `which[q]` from 0 to the time of row q, (Q, R).

        No time may be later than `now`, nor negative.
        """
        p = self.past
        if not p.kept:
            return np.zeros((len(times), p.terms.shape[3]), dtype=complex)
        edges = np.concatenate([[p.begin], p.ends[: p.kept]])
        steps = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, p.kept - 1)
        low, high = edges[steps], edges[steps + 1]
        values = integrals((2 * times - low - high) / (high - low))
        own = np.einsum("kq,qkr->qr", values, p.terms[steps, which])
        return np.asarray(p.sums[steps, which] + own * ((high - low) / 2)[:, None])

    def last(self, times: NDArray[np.float64]) -> NDArray[np.complex128]:
        """All amplitudes at times (T,) within the last step, (T, n, R)."""
        p = self.past
        low = float(p.ends[p.kept - 2]) if p.kept > 1 else p.begin
        values = legendre((2 * times - low - self.now) / (self.now - low))
        return np.tensordot(values, p.terms[p.kept - 1], axes=(0, 1))


def legendre(s: NDArray[np.float64], terms: int = TERMS) -> NDArray[np.float64]:
    """P_k(s) for all k below `terms`, (terms, …)."""
    found = np.empty((terms, *s.shape))
    found[0] = 1.0
    found[1] = s
    for k in range(1, terms - 1):
        found[k + 1] = ((2 * k + 1) * s * found[k] - k * found[k - 1]) / (k + 1)
    return found


def integrals(s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The integrals of P_k from −1 to s for all k below TERMS, (TERMS, …)."""
    values = legendre(s, TERMS + 1)
    found = np.empty((TERMS, *s.shape))
    found[0] = 1 + s
    odd = 2 * np.arange(1, TERMS).reshape(-1, *[1] * s.ndim) + 1
    found[1:] = (values[2:] - values[:-2]) / odd
    return found
