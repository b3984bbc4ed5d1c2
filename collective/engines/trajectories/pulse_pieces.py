r"""An envelope as polynomials in pieces of time, for Taylor series of a driven state.

.. math:: f(t) = \sum_{j=0}^{8} d_j y^j, \qquad y = (t − a)/ℓ, \quad a ≤ t ≤ a + ℓ

The polynomial of a piece goes through nine values of f, and is compared with f at further points. A
piece is halved until the two agree and the polynomial bends little; beside a jump of f it is halved
until what is wrong there no longer matters.
"""

from collections.abc import Callable
from itertools import pairwise
from math import comb

import numpy as np
from numpy.typing import NDArray

from collective.pulse.timeline import Timeline

DEGREE = 8
_NODES = 0.5 - 0.5 * np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE)
_INVERSE = np.linalg.inv(np.vander(_NODES, increasing=True))
_FEWEST = 5  # points of a piece, beside the nodes, at which f is compared
_WRONG = 1e-10  # turn of the state, in rad, that the error of a piece may make
_BENT = 2.0  # Σ 2^j|d_j| over the largest |f|; powers of time then fall off quickly
_MOST = 50_000  # pieces
_SAME = 1e-13  # of the whole time: a time so close to the end of a piece is in the next one


class Pieces:
    """The envelope between the first and the last output time.

    Args:
        envelope: f(t).
        timeline: where it has kinks, and how closely it is looked at between them.
        longest: the largest length of a piece.
        strength: the largest rate by which an envelope of 1 turns a state.
        strongest: about the largest |f|.

    Attributes:
        ends: where the pieces begin and the last one ends, (P + 1,).

    Raises:
        ValueError: for an envelope that so many polynomials do not describe, such as noise.
    """

    def __init__(
        self,
        envelope: Callable[[float], complex],
        timeline: Timeline,
        longest: float,
        strength: float,
        strongest: float,
    ):
        first, last = float(timeline.edges[0]), float(timeline.edges[-1])
        self._timeline, self._envelope, self._strength = timeline, envelope, strength
        self._largest = strongest
        count = max(1, int(np.ceil((last - first) / longest)))
        even = np.linspace(first, last, count + 1)
        edges = np.unique(np.concatenate([even, timeline.edges])).tolist()
        ends, found = [first], []
        waiting = list(pairwise(edges))[::-1]
        while waiting:
            begin, end = waiting.pop()
            coefficients = self._fitted(begin, end)
            middle = 0.5 * (begin + end)
            if coefficients is None and begin < middle < end:
                waiting += [(middle, end), (begin, middle)]
                continue
            found.append(np.zeros(DEGREE + 1) if coefficients is None else coefficients)
            ends.append(end)
            if len(found) > _MOST:
                raise ValueError(
                    f"envelope: more than {_MOST:,} polynomials of degree {DEGREE} do not describe "
                    "it, as if it were noise. Give a smooth function, such as an interpolation; "
                    "jumps are allowed"
                )
        self.ends, self._coefficients = np.array(ends), np.array(found)
        self._close = _SAME * (last - first)

    def _fitted(self, begin: float, end: float) -> NDArray[np.complex128] | None:
        """The polynomial of a piece, or None if it must be halved."""
        length = end - begin
        timeline = self._timeline
        piece = timeline.piece(0.5 * (begin + end))

        def at(y: float) -> complex:
            return self._envelope(timeline.inside(begin + length * float(y), piece))

        values = np.array([at(y) for y in _NODES])
        found = _INVERSE @ values
        # a pulse shorter than the distance of two points would not be seen
        count = max(_FEWEST, int(length / timeline.longest[piece]))
        between = np.linspace(0, 1, count + 2)[1:-1]
        seen = np.array([at(y) for y in between])
        self._largest = max(self._largest, float(np.abs(seen).max()))
        wrong = float(np.abs(np.vander(between, DEGREE + 1, increasing=True) @ found - seen).max())
        if length * self._strength * max(wrong, self._largest) <= _WRONG:
            return np.array([values.mean(), *np.zeros(DEGREE)])  # too short to matter
        bent = float(np.abs(found) @ 2.0 ** np.arange(DEGREE + 1))
        if length * self._strength * wrong > _WRONG or bent > _BENT * self._largest:
            return None
        return np.asarray(found)

    def steps(
        self, times: NDArray[np.float64], longest: float
    ) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """Steps from some times that stay in their pieces, (B,), and f there, (9, B).

        Args:
            times: (B,).
            longest: step.

        Returns:
            h, and c with f(t + xh) = Σ c_j x^j for 0 ≤ x ≤ 1.
        """
        piece = np.searchsorted(self.ends, times + self._close, side="right") - 1
        piece = np.clip(piece, 0, len(self._coefficients) - 1)
        begins, ends = self.ends[piece], self.ends[piece + 1]
        h = np.minimum(ends - times, longest)
        share, at, given = h / (ends - begins), (times - begins) / (ends - begins), self._of(piece)
        found = np.zeros_like(given)
        for j in range(DEGREE + 1):
            for i in range(j, DEGREE + 1):
                found[j] += comb(i, j) * at ** (i - j) * given[i]
            found[j] *= share**j
        return h, found

    def _of(self, piece: NDArray[np.intp]) -> NDArray[np.complex128]:
        """The coefficients d of some pieces, (9, B)."""
        return np.ascontiguousarray(self._coefficients[piece].T.astype(complex))
