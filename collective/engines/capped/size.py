r"""Predicted memory and time of both routes, and which of them runs.

A slope of ρ takes 8N²D² flops of small products and reads N D² numbers, where D² counts the entries
of ρ that are kept. A slope of the amplitudes takes 8N^{k+1} flops for each layer k. Both are
integrated in steps of twelve slopes, whose length is limited by the largest frequency and rate.
"""

from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np

from collective._tools.speed import COMMON, Speed, speed
from collective.engines.base import Cost, threads_for, writing
from collective.engines.basis.configurations import LARGEST
from collective.engines.capped.estimate import expected
from collective.engines.numerics.spectrum import Extent
from collective.engines.request import Request
from collective.states import answers

ANCHORS = 50  # states without jumps that are kept, at most
LEAST_RTOL, LEAST_ATOL = 1e-6, 1e-10  # of trajectories
DEFAULT = 64  # branches
_SLOPES = 12.0  # of a step, and …
_DENSE = 3.0  # … of its interpolation
_RADIANS = 3.0  # of a step
_FEWEST_STEPS = 6.0
_VECTORS = 38  # of the integrator, of its interpolation and of a slope
_PIECES = 2  # intermediate arrays of a slope of ρ
_BLAS = 2**24  # bytes of each thread that multiplies matrices
_MATRIX_CALLS, _TENSOR_CALLS = 60.0, 45.0  # of a slope, for each block or layer
_TENSOR_ENTRIES = 8.0  # per amplitude and slope, for each layer that is symmetrised
_MATRIX_ENTRIES = 1.0  # per entry of ρ and gathered column
_READ_CALLS = 120.0  # of the observables of one time, and …
_PAIRS = 0.15  # … of a slope for the pairs of photons
_FACTOR = 1.0  # of flops of small products, relative to large ones
_LASTING = 0.7  # of the time that a branch exists, on average
_WORTH = 3.0  # times the time of the trajectories that ρ may take, …
_QUICK = 10.0  # … or so many seconds
_RATED = 1000  # emitters; the error of more is not predicted, which takes N³ flops
_LARGEST_NUMBER = 2**1000  # no time or number of states need be told from a larger one
_MOST_BYTES = 2**31  # of ρ, if trajectories can be drawn


@dataclass(frozen=True, eq=False)
class Size:
    """Memory and time of a request.

    Attributes:
        request: what is asked for.
        holes: whether the particles are holes.
        highest: K.
        n: number of branches that is asked for, or None.
    """

    request: Request
    holes: bool
    highest: int
    n: int | None

    @property
    def _emitters(self) -> int:
        return len(self.request.couplings)

    @property
    def branches(self) -> int:
        """Branches that are drawn at most."""
        return DEFAULT if self.n is None else self.n

    @cached_property
    def _driven(self) -> bool:
        return bool(np.any(self.request.couplings.drive))

    @cached_property
    def layers(self) -> list[int]:
        """C(N, k) for k = 0 … K."""
        return [comb(self._emitters, k) for k in range(self.highest + 1)]

    @property
    def configurations(self) -> int:
        """D, the number of configurations."""
        return sum(self.layers)

    @property
    def entries(self) -> int:
        """Entries of ρ that are kept."""
        return self.configurations**2 if self._driven else sum(x * x for x in self.layers)

    @property
    def amplitudes(self) -> int:
        """Entries of all tensors."""
        return sum(self._emitters**k for k in range(self.highest + 1))

    @cached_property
    def pure(self) -> bool:
        """Whether the state is pure."""
        return not answers.is_mixed(self.request.state)

    @cached_property
    def _slopes(self) -> float:
        """Slopes of a run from the first time to the last."""
        request, couplings = self.request, self.request.usual
        span, top = float(np.ptp(request.times)), min(self.highest, self._emitters)
        extent = Extent(couplings, top)
        moving = (extent.frequency(top) + extent.decay(top)) / 2 + extent.others
        if self._driven:
            detuned = np.abs(couplings.detunings).max() * top
            moving += float(detuned + np.linalg.norm(couplings.drive) * np.sqrt(top))
        steps = _FEWEST_STEPS + moving * span / _RADIANS
        steps = max(steps, request.fewest_steps)
        return (_SLOPES + _DENSE) * steps

    def matrix_seconds(self, s: Speed) -> float:
        """Seconds of the density matrix on a machine of this speed."""
        n, times = self._emitters, len(self.request.times)
        blocks = (self.highest + 1) ** (2 if self._driven else 1)
        slope = blocks * _MATRIX_CALLS * s.call + _FACTOR * 8 * n * n * self.entries * s.flop
        slope += _MATRIX_ENTRIES * n * (2 * self.highest + 1) * self.entries * s.entry
        reading = _READ_CALLS * s.call + 4 * n * n * self.configurations * s.entry
        return self._slopes * slope + times * (reading + _PAIRS * slope)

    def matrix_bytes(self) -> int:
        """Bytes of the density matrix at the peak."""
        n = self._emitters
        tables = 40 * n * n * self.configurations + _PIECES * min(2**25, 16 * n * self.entries)
        return 16 * _VECTORS * self.entries + tables + self._recorded

    def tensor_seconds(self, s: Speed, threads: int) -> float:
        """Seconds of the trajectories on a machine of this speed."""
        n, times = self._emitters, len(self.request.times)
        used = range(self.highest + 1) if self._driven else [self.highest]
        flops = _number(sum(8 * n ** (k + 1) for k in used if k))
        vector = _number(sum(n**k for k in used))
        slope = len(used) * _TENSOR_CALLS * s.call + flops * s.flop
        slope += _TENSOR_ENTRIES * self.highest * vector * s.entry
        reading = len(used) * _READ_CALLS * s.call + 1.5 * flops * s.flop
        whole = self._slopes * slope + times * reading
        return whole * (1 + _LASTING * self.branches / threads)

    def tensor_bytes(self) -> int:
        """Bytes of the trajectories at the peak."""
        threads = threads_for(self.request)
        anchors = min(ANCHORS, len(self.request.times))
        held = 16 * self.amplitudes * (_VECTORS * threads + anchors) + _BLAS * threads
        if "correlations" in self.request.words:
            held += 16 * self._emitters**2 * len(self.request.times) * (2 * threads + 4)
        listing = 3 * self._emitters * max(self.layers)
        return held + listing + self._recorded

    @property
    def _recorded(self) -> int:
        """Bytes of what is kept at the output times."""
        n, times = self._emitters, len(self.request.times)
        each = 16 * n * n if "correlations" in self.request.words else 0
        return times * (each + 8 * 4 * (n + self.highest + 8))

    @cached_property
    def matrix(self) -> bool:
        """Whether the density matrix is evolved, and not trajectories.

        This does not depend on the machine, nor on the number of threads.
        """
        if not self.pure:
            return True
        if self.n is not None or self._emitters > LARGEST or self.matrix_bytes() > _MOST_BYTES:
            return False
        trajectories = self.tensor_seconds(COMMON, 2)
        return self.matrix_seconds(COMMON) <= max(_QUICK, _WORTH * trajectories)

    def cost(self) -> Cost:
        """Memory, time and expected error."""
        request, n = self.request, self._emitters
        what = "holes" if self.holes else "excitations"
        states = self.configurations
        count = f"{states:,}" if states < 1e15 else f"{_number(states):.1e}"
        work = f"at most {self.highest} {what} of {n} emitters, {count} states"
        span = float(np.ptp(request.times))
        error = None
        if n <= _RATED:
            error = expected(request.couplings, self.holes, self.highest, span)
        if error is not None:
            error = min(1.0, error + weight_beyond(request, self.holes, self.highest))
        if self.matrix:
            held, seconds = self.matrix_bytes(), self.matrix_seconds(speed())
        else:
            threads = threads_for(request)
            held, seconds = self.tensor_bytes(), self.tensor_seconds(speed(), threads)
            work += f", {self.branches} trajectories"
        compressing, written = writing(request, self._recorded)
        return Cost(held + int(written), seconds + compressing, work, error)


def _number(count: int) -> float:
    """A whole number, which may be too large for a float, as a float."""
    return float(min(count, _LARGEST_NUMBER))


def weight_beyond(request: Request, holes: bool, highest: int) -> float:
    """The probability that the initial state has more particles than the cap allows.

    It is NaN if the state does not give its distribution.
    """
    n = len(request.couplings)
    chances = answers.distribution(request.state, n)
    if chances is None:
        return float("nan")
    beyond = chances[: n - highest] if holes else chances[highest + 1 :]
    return float(beyond.sum())
