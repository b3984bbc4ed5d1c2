r"""The predicted time and memory of a run of the driven engine, and the length of its steps.

Most of the time is spent in applications of the generator: 2.35 for each unit of radius
times duration, where the radius is that of the ellipse in which the spectrum lies
(`numerics.spectrum`). Most of the memory holds vectors of 4^N entries or, for few emitters and many
output times, the recorded observables.

The length of a step is limited by `REACH` and `KEPT_AT_ONCE`, under an envelope by `INTERVALS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective._tools.speed import speed
from collective.engines.base import threads_for, writing
from collective.engines.basis.orbit_means import bytes_for
from collective.engines.driven import packed
from collective.engines.driven.columns import LANES
from collective.engines.driven.symmetry import panels
from collective.engines.numerics.spectrum import Ellipse, Extent
from collective.engines.record import EIGENVALUE_TIMES
from collective.engines.request import Request

if TYPE_CHECKING:
    from qutip import Qobj

REACH = 45.0  # radius of the ellipse times the longest step: longer steps lose digits
KEPT_AT_ONCE = 16  # largest number of output times in one step at which ρ itself is kept
INTERVALS = 200  # longest step under an envelope, in smallest intervals of output times
DEGREE = 8  # of the polynomial that approximates an envelope in a step
STATE_EMITTERS = 10  # up to this number of emitters the last state is returned
EIGENVALUE_EMITTERS = 8  # up to this number the smallest eigenvalue of ρ is found

_TERMS, _FEWEST = 2.35, 15.0  # applications per radius of the ellipse, and added for each step
_PULSE_TERMS, _PULSE_FEWEST = 8.0, 110.0  # the same with an envelope
_FLOPS = 7.0  # of BLAS, in the time of an entry of ρ, per application and N²; N = 8 takes 0.5 ms
_PULSE_FLOPS = 100.0  # per application and N² too, added by the powers of time
_APPLICATION_CALLS = 32.0  # of Python, per application
_OVERHEAD = 5500.0  # calls, once: tables, bounds, operators that read ρ
_TABLES = 8.0  # entries, once, for each of 2^N N² numbers of the tables
_READ_CALLS, _READ_TERMS = 3.0, 100.0  # per output time: calls, and terms of a series
_SAMPLE_CALLS = 10.0  # of the envelope, per output time
_STATE_CALLS, _STATE_ENTRIES = 100.0, 8.0  # per state kept
_EIGENVALUE_CALLS, _EIGENVALUE_FLOPS = 400.0, 40.0  # per eigenvalue; flops are multiplied by 8^N
_LARGEST_POWER = 500  # emitters whose powers of two are finite
_SMALL = 60_000  # entries of ρ; with fewer a second thread saves no time

_SERIES_VECTORS = 5  # state, next state, two polynomials, and V
_PULSE_VECTORS = DEGREE + 6  # state, next state, powers, their sum for the drive, and V
_EIGENVALUE_BYTES = 28  # per entry of ρ: unpacked, and copies for its eigenvalues
_MIRRORED_BYTES = 14  # the same with a symmetry that undoes itself
_UNPACKED_BYTES = 32  # per entry of ρ: the last state, and a copy in another order
_OPERATOR_BYTES = 130  # per entry of an operator, while its functional is built
_STATE_BYTES = 580  # of a `Qobj`, beside its matrix
_COPIED_STATE_BYTES = 300  # of its copies while a checkpoint is written
_TERM_BYTES = 24  # per coefficient of a series: unscaled, scaled, and its magnitude
_INSIDE_BYTES = 20  # per output time of a step, beside its coefficients
_PULSE_BYTES = 110  # samples of an envelope, per output time
_PULSE_INSIDE_BYTES = 3000  # under an envelope, per output time of a step
_LEAST_BYTES, _LEAST_PAIR_BYTES = 15_000, 1500  # of Python objects, and per correlation


@dataclass(frozen=True, eq=False)
class Size:
    """The predicted cost of one request.

    Attributes:
        request: what is asked for.
        permutations: the symmetries by which ρ is reduced, the identity included.
    """

    request: Request
    permutations: Sequence[NDArray[np.int64]]

    @property
    def _n(self) -> int:
        return len(self.request.couplings)

    @cached_property
    def _stored(self) -> int:
        """The number of entries of ρ that are stored."""
        size = 1 << packed.padded(self._n)
        if len(self.permutations) == 1:
            return size * size
        return panels(self._n, self.permutations) * LANES * size

    @property
    def _kept(self) -> int:
        """The number of output times at which ρ itself is returned."""
        return len(self.request.times) if "states" in self.request.words else 0

    @property
    def _eigenvalues(self) -> int:
        """The number of times at which the smallest eigenvalue of ρ is found."""
        return min(EIGENVALUE_TIMES, len(self.request.times)) * (self._n <= EIGENVALUE_EMITTERS)

    @cached_property
    def _reach(self) -> float:
        """The radius of the ellipse around the spectrum, roughly, times the length of the run."""
        extent = Extent(self.request.usual, self._n)
        ellipse = Ellipse(extent.decay(self._n) + extent.others, extent.spread)
        return ellipse.radius * float(np.ptp(self.request.times))

    @property
    def threads(self) -> int:
        """The number of threads that share the work."""
        return 1 if self._stored < _SMALL else threads_for(self.request)

    def seconds(self) -> float:
        """The seconds of the run, once the kernels are compiled."""
        request, s, n = self.request, speed(), min(self._n, _LARGEST_POWER)
        size, times, pulsed = 4.0**n, len(request.times), request.envelope is not None
        share = self._stored / (1 << 2 * packed.padded(self._n))
        entries = n * n + (n if np.any(request.couplings.drive) else 0)
        each = _APPLICATION_CALLS * s.call + _FLOPS * s.flop * share * size * entries / self.threads
        reading = _READ_CALLS * s.call + _READ_TERMS * s.entry
        reading += _READ_TERMS * (n * n + len(request.operators)) * s.flop
        if pulsed:
            each += _PULSE_FLOPS * s.flop * share * size
            reading += _SAMPLE_CALLS * s.call
        states = self._kept * (_STATE_CALLS * s.call + _STATE_ENTRIES * size * s.entry)
        eigenvalue = _EIGENVALUE_CALLS * s.call
        eigenvalue += _EIGENVALUE_FLOPS * 8.0 ** min(n, EIGENVALUE_EMITTERS) * s.flop
        recorded = 16.0 * times * self._n**2 + 16.0 * self._kept * size
        found = writing(request, recorded)[0] + _OVERHEAD * s.call
        found += _TABLES * 2.0**n * n * n * s.entry
        found += self._applications() * each + times * reading + states
        return found + self._eigenvalues * eigenvalue

    def _applications(self) -> float:
        """The number of applications of the generator, roughly."""
        if self.request.envelope is not None:
            return _PULSE_TERMS * self._reach + _PULSE_FEWEST
        return _TERMS * self._reach + _FEWEST * max(self._kept / KEPT_AT_ONCE, 1.0)

    def bytes(self) -> int:
        """The bytes at the peak."""
        request, n = self.request, self._n
        padded = packed.padded(n)
        size, states = 1 << padded, 4**n
        vectors = _SERIES_VECTORS if request.envelope is None else _PULSE_VECTORS
        images = 4 if len(self.permutations) == 1 else 12  # while they are made
        tables = size * (8 * (padded * padded // 4 + padded) + 90 + images * len(self.permutations))
        scratch = self.threads * 9 * size * 64
        count = len(self.permutations)
        tables += bytes_for(size, self._stored // size, size, count) if count > 1 else 0
        functionals = n * n * max(size // 4, 1) * 16
        operators = sum(_OPERATOR_BYTES * _entries(each) for each in request.operators.values())
        operators = operators * self._stored // (size * size)  # entries that are equal are joined
        running = vectors * 8 * self._stored + tables + scratch
        if n <= STATE_EMITTERS:  # at the end the vectors are gone, and ρ is unpacked
            running = max(running, 8 * self._stored + _UNPACKED_BYTES * states)
        found = running + functionals + operators
        found += self._row_bytes() + self._kept * (16 * states + _STATE_BYTES)
        if request.checkpointed:  # two copies of states are written
            found += self._kept * (32 * states + _COPIED_STATE_BYTES)
            found += 8 * self._stored + (16 * states if n <= STATE_EMITTERS else 0)
        wanted, every = min(max(self._kept, self._eigenvalues), KEPT_AT_ONCE), np.arange(n)
        if wanted:
            mirrored = any((p[p] == every).all() and (p != every).any() for p in self.permutations)
            each = _MIRRORED_BYTES if mirrored else _EIGENVALUE_BYTES
            found += each * states + 8 * wanted * self._stored
        return found

    def _row_bytes(self) -> int:
        """Bytes of the recorded rows, and of the coefficients of a step or the returned copies."""
        n, times, reach = self._n, len(self.request.times), self._reach
        recorded = 16 * (n * n + len(self.request.operators)) * times
        returned = (8 * n + 48 + 24 * n * n * self.request.checkpointed) * times
        inside = times * min(1.0, REACH / reach if reach > 0 else 1.0)
        if self._kept:
            inside = min(inside, KEPT_AT_ONCE)
        if self.request.envelope is None:
            terms = 2.5 * min(reach, REACH) + 40
            step = int(inside * (_TERM_BYTES * terms + _INSIDE_BYTES))
        else:
            step = _PULSE_INSIDE_BYTES * min(INTERVALS, times)
            recorded += _PULSE_BYTES * times
        least = _LEAST_BYTES + _LEAST_PAIR_BYTES * n * n
        return recorded + max(step, returned) + least


def _entries(operator: "Qobj") -> int:
    """The number of stored entries of an operator."""
    data = operator.data
    return int(data.as_scipy().nnz) if hasattr(data, "as_scipy") else operator.shape[0] ** 2
