"""Predicted time and memory of the density matrix by the sparse matrices of `sectors`."""

from dataclasses import dataclass, field

import numpy as np

from collective._tools.speed import Speed
from collective._tools.speed import speed as machine_speed
from collective.couplings.channels import ChannelCouplings
from collective.couplings.with_mode import CavityCouplings
from collective.engines.base import writing
from collective.engines.exact.lindblad import lindblad_of
from collective.engines.exact.sectors import generator_of
from collective.engines.exact.series import AT_ONCE, GATHERED, REACH
from collective.engines.numerics.runge_kutta import VECTORS
from collective.engines.numerics.spectrum import Ellipse
from collective.engines.record import EIGENVALUE_TIMES
from collective.engines.request import Request

LARGEST = 2048  # states; ρ of more takes hours
_TERMS, _FEWEST = 3.1, 15.0  # applications per radius of the ellipse, and for each step
_SLOPES_PER_RADIUS, _SLOPES_PER_STEP = 3.0, 12.0  # under an envelope
_PULSE_CALLS = 150.0  # per slope: K with the drive of this time
_CALLS = 18.0  # per product of matrices
_ENTRY = 0.5  # per multiplication of complex numbers
_NUMBER = 6.0  # entries per number of ρ and application: of vectors added and copied
_SUM = 1.0  # entries per number of ρ, term and output time
_MEASURE_CALLS, _MEASURE_ENTRIES = 60.0, 3.0  # per output time; entries for each number of D²
_CORRELATION_CALLS = 6.0  # per pair of channels
_EIGENVALUE_FLOPS = 25.0  # per cube of the states that are connected
_RUN_CALLS = 35_000.0  # once
_ROW_BYTES = 600  # of Python objects per output time
_ENTRY_BYTES = 20  # of a sparse matrix


@dataclass(frozen=True, eq=False)
class SeriesSize:
    """The predicted cost of one request.

    Attributes:
        request: what is asked for.
        speed: the speed of the machine.
    """

    request: Request
    speed: Speed = field(default_factory=machine_speed)

    @property
    def _span(self) -> float:
        return float(np.ptp(self.request.times))

    @property
    def _ellipse(self) -> Ellipse:
        found: Ellipse | None = self.request.memo.get("ellipse")
        if found is None:
            pulse = self.request.pulse
            strongest = float(np.abs(pulse).max()) if len(pulse) else 0.0
            found = self.request.memo["ellipse"] = generator_of(self.request).ellipse(strongest)
        return found

    def seconds(self) -> float:
        """The seconds of the run."""
        request, s, generator = self.request, self.speed, generator_of(self.request)
        times, n, side = len(request.times), generator.size, lindblad_of(request).dimension
        each = _CALLS * generator.calls() * s.call
        each += (_ENTRY * generator.entries() + _NUMBER * n) * s.entry
        if request.envelope is not None:
            each += _PULSE_CALLS * s.call
        applied = self._applications()
        summed = 0.0
        if request.envelope is None:
            reach = self._ellipse.radius * self._span
            steps = max(reach / REACH, times / AT_ONCE)
            summed = _SUM * n * s.entry * applied * times / max(steps, 1.0)
        row = _MEASURE_CALLS * s.call + _MEASURE_ENTRIES * side**2 * s.entry
        row += len(request.operators) * (20 * s.call + side**2 * s.entry)
        if "correlations" in request.words and isinstance(request.problem, ChannelCouplings):
            row += len(request.channels.decay) ** 2 * _CORRELATION_CALLS * s.call
            row += len(request.channels.decay) * side**2 * s.entry
        flops = _EIGENVALUE_FLOPS * generator.cubes()
        looks = min(EIGENVALUE_TIMES, times) * (300 * s.call + flops * s.flop)
        found = _RUN_CALLS * s.call + applied * each + summed + times * row + looks
        return found + writing(request, self._recorded())[0]

    def bytes(self) -> int:
        """The bytes at the peak."""
        request, generator = self.request, generator_of(self.request)
        times, n, side = len(request.times), generator.size, lindblad_of(request).dimension
        kept = int((1 + 2 * request.checkpointed) * self._recorded()) + times * _ROW_BYTES
        found = 16 * side**2 * 4  # ρ as a whole, before and after a step, and its eigenvalues
        if request.envelope is None:
            # the last sums are made before the times that they belong to are recorded
            together = self._together()
            making = 16 * n * (GATHERED + 2 * together + 5) - kept * together // times
            found += kept + max(making, 16 * n * together)
        else:
            found += kept + 16 * n * (VECTORS + 4)
        return found + _ENTRY_BYTES * 3 * side

    def _together(self) -> int:
        """The most output times of one step."""
        times = self.request.times
        reach = times + REACH / self._ellipse.radius if self._ellipse.radius else times + np.inf
        inside = np.searchsorted(times, reach, side="right") - np.arange(len(times)) - 1
        return int(np.clip(inside.max(), 1, AT_ONCE))

    def _recorded(self) -> float:
        """Bytes of what is recorded."""
        request, side = self.request, lindblad_of(self.request).dimension
        row = 8 * 64 + 16 * len(request.operators)
        if isinstance(request.problem, CavityCouplings):
            row += 16 * len(request.problem) ** 2
        elif "correlations" in request.words:
            row += 16 * len(request.channels.decay) ** 2
        if "states" in request.words:
            row += 16 * side**2
        return float(row * len(request.times))

    def _applications(self) -> float:
        """The number of applications of the generator, roughly."""
        request, reach = self.request, self._ellipse.radius * self._span
        if request.envelope is None:
            return _TERMS * reach + _FEWEST * max(len(request.times) / AT_ONCE, 1.0)
        return _SLOPES_PER_RADIUS * reach + 100 + _SLOPES_PER_STEP * request.fewest_steps


def takes_atoms(channels: ChannelCouplings) -> bool:
    """Whether the atoms have few enough states."""
    return len(channels.atoms.levels) ** len(channels) <= LARGEST
