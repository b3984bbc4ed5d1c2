r"""Predicted time and memory of the whole density matrix, by QuTiP's integrator or exponentials.

`route_of` says which of the three routes a request takes; the third is that of `series_size`.

The integrator takes some 25 slopes a radian until what moves has decayed, and always 2 slopes a
unit of the largest rate, for stability. A slope is two products for each jump operator and two for
H_eff, 4^N numbers long. Exponentials take products of matrices, as large as the numbers that the
state reaches; how many grows with the logarithm of the phase. Which is faster is decided by the
speeds of a common machine, so that a problem takes the same route on every machine.

The file is longer than others because it predicts each of the routes.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import comb
from typing import Literal

import numpy as np

from collective._tools.operators import entries_of
from collective._tools.speed import COMMON, Speed
from collective._tools.speed import speed as machine_speed
from collective.couplings import noise
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.engines.base import writing
from collective.engines.exact import changing_size, series_size
from collective.engines.numerics import exponential
from collective.engines.numerics.spectrum import Extent
from collective.engines.record import EIGENVALUE_TIMES
from collective.engines.request import Request
from collective.master.equation import MasterEquation
from collective.states import answers
from collective.states.matrices import matrix

STIFF = 1000.0  # units of phase; beyond these, exponentials may replace steps
_LARGEST_SUPEROPERATOR = 7  # emitters whose generator is built as one sparse matrix
_LARGEST = 300  # emitters whose powers of two are finite

_SLOPES_PER_RADIAN = 25.0  # while the state moves
_SLOPES_PER_RATE = 2.2  # demanded by stability
_RELAXATION = 4.0  # lifetimes after which ρ hardly changes
_SLOPES_LABORATORY = 8.0  # per radian of the laboratory frame
_SLOPES_PER_STEP = 6
_FEWEST_SLOPES = 30.0
_SLOPE_CALLS = 0.4  # of an operator in a slope, in addition to its entries
_SLOPE_ENTRY = 0.62  # of an entry of an operator, per entry of ρ
_RUN_CALLS = 7000.0  # once
_TIME_CALLS = 30.0  # per output time
_TIME_ENTRIES = 4.0  # of ρ, per output time
_PULSE_CALLS = 15.0  # per slope
_EIGENVALUE_FLOPS = 60.0  # per 8^N
_INTEGRATOR_VECTORS = 18  # stages, state, interpolation and products inside QuTiP
_GENERATOR_CALLS = 2000.0  # to make the real form of a generator
_GENERATOR_ENTRIES = 450.0  # for each of its entries, to make this real form
_ROW_BYTES = 420  # of Python objects per output time
_STATE_BYTES = 500  # of a `Qobj`, beside its matrix


Route = Literal["QuTiP", "exponentials", "series"]


def route_of(request: Request) -> Route:
    """The route of a request: series for atoms and large master equations in a rotating frame."""
    found: Route | None = request.memo.get("route")
    if found is None:
        found = request.memo["route"] = _route(request)
    return found


def _route(request: Request) -> Route:
    problem = request.problem
    if isinstance(problem, Couplings):
        return "exponentials" if size_of(request).by_exponentials else "QuTiP"
    side = dimension(problem)
    small = side**2 <= exponential.LARGEST
    if isinstance(problem, ChannelCouplings | CavityCouplings):
        faster = small and size_of(request).by_exponentials
        return "exponentials" if faster else "series"
    if small:
        return "exponentials"
    return "series" if problem.of_lindblad_form and side <= series_size.LARGEST else "QuTiP"


def dimension(problem: ChannelCouplings | CavityCouplings | MasterEquation) -> int:
    """The dimension D of the Hilbert space."""
    if isinstance(problem, ChannelCouplings):
        return int(len(problem.atoms.levels) ** len(problem))
    if isinstance(problem, CavityCouplings):
        return 2 ** min(len(problem), _LARGEST) * (problem.photons + 1)
    return problem.dimension


def size_of(request: Request) -> "Size":
    """The `Size` of a request; it is made once and kept."""
    found = request.memo.get("exact")
    if found is None:
        found = request.memo["exact"] = Size(request)
    return found


@dataclass(frozen=True)
class Work:
    """The numbers that determine the work of a run by exponentials.

    Attributes:
        sizes: how many numbers of ρ each part has that the state reaches.
        entries: number of entries of the sparse generator.
        norm: norm of the generator, a rate.
    """

    sizes: tuple[int, ...]
    entries: int
    norm: float

    @property
    def fits(self) -> bool:
        """Whether the parts are small enough for exponentials."""
        return max(self.sizes) <= exponential.LARGEST


@dataclass(frozen=True, eq=False)
class Size:
    """The predicted cost of one request, computed once.

    Attributes:
        request: what is asked for.
        speed: the speed of the machine.
    """

    request: Request
    speed: Speed = field(default_factory=machine_speed)

    @property
    def _n(self) -> int:
        """N, or log₂ of the dimension of a master equation, rounded up."""
        problem = self.request.problem
        if isinstance(problem, Couplings):
            return min(len(problem), _LARGEST)
        return max(1, (dimension(problem) - 1).bit_length())

    @property
    def _span(self) -> float:
        return float(np.ptp(self.request.times))

    @cached_property
    def by_exponentials(self) -> bool:
        """Whether exponentials are faster than steps, or steps are not possible."""
        problem = self.request.problem
        if isinstance(problem, MasterEquation):
            return problem.dimension**2 <= exponential.LARGEST
        if self.request.envelope is not None or len(self.request.times) == 1:
            return False
        work = self._work
        if not work.fits or work.norm * self._span < STIFF:
            return False
        common = replace(self, speed=COMMON)
        return common._exponential_seconds(work) < common._step_seconds()

    def seconds(self) -> float:
        """The seconds of the run."""
        s, size = self.speed, 4.0**self._n
        if self.by_exponentials:
            work = self._work
            found = self._exponential_seconds(work)
        else:
            found = self._step_seconds()
        request = self.request
        each = _TIME_CALLS * s.call + _TIME_ENTRIES * size * s.entry
        each += len(request.operators) * (20 * s.call + size * s.entry)
        if "states" in request.words:
            each += size * s.entry
        looks = min(EIGENVALUE_TIMES, len(request.times))
        eigenvalues = looks * (300 * s.call + _EIGENVALUE_FLOPS * 8.0**self._n * s.flop)
        recorded = 16.0 * self._n**2 + ("states" in request.words) * 16.0 * size
        found += writing(request, recorded * len(request.times))[0]
        return found + _RUN_CALLS * s.call + len(request.times) * each + eigenvalues

    @cached_property
    def _work(self) -> Work:
        if isinstance(self.request.problem, Couplings):
            return coupled(self.request, self._extent)
        return given(self.request)

    @cached_property
    def _extent(self) -> Extent:
        return Extent(self.request.usual, self._n)

    def _exponential_seconds(self, work: Work) -> float:
        s, times = self.speed, self.request.times
        made, _ = exponential.products(times, work.norm)
        flops = sum(2.0 * made * n**3 + 8.0 * made * n**2 for n in work.sizes)
        made_seconds = made * 15 * s.call + flops * s.flop
        setup = _GENERATOR_CALLS * s.call + _GENERATOR_ENTRIES * work.entries * s.entry
        each = 25 * s.call + 0.4 * sum(n**2 for n in work.sizes) * s.entry
        return setup + made_seconds + len(times) * each

    def _step_seconds(self) -> float:
        s, problem, request = self.speed, self.request.problem, self.request
        size = 4.0**self._n
        if isinstance(problem, ChannelCouplings | CavityCouplings):
            return series_size.SeriesSize(request, s).seconds()
        if not isinstance(problem, Couplings):
            turned = float(np.ptp(problem.hamiltonian().diag().real)) * self._span
            slope = 10 * s.call + _SLOPE_ENTRY * s.entry * _entries(problem)
            return (_SLOPES_LABORATORY * turned + _FEWEST_SLOPES) * slope
        n = len(problem)
        slopes = _slopes(request, self._extent)
        if request.marks is not None:
            least = request.fewest_steps
            return changing_size.seconds(n, slopes - 2 * _SLOPES_PER_STEP * least, least, s)
        driven = np.any(problem.drive)
        own = n * n / 4 + 1 + (n if driven else 0)
        collective = 1 + bool(problem.thermal_photons) + (problem.pump.ndim == 2)
        jumps = n * n / 2 * collective
        extra = np.count_nonzero(problem.dephasing) + np.count_nonzero(problem.pump)
        entries = 2 * own + 2 * jumps + 3 * extra
        slope = _SLOPE_CALLS * (n + extra + 1) * s.call + _SLOPE_ENTRY * s.entry * entries * size
        if request.envelope is not None:
            slope = 1.5 * slope + _PULSE_CALLS * s.call
        return float(slopes) * slope

    def bytes(self) -> int:
        """The bytes at the peak."""
        request, problem = self.request, self.request.problem
        times = len(request.times)
        kept = times if "states" in request.words else 0
        n = self._n
        if isinstance(problem, Couplings):
            side, measured = 2**n, 16 * len(problem) ** 2
        elif isinstance(problem, ChannelCouplings):
            side, measured = dimension(problem), 8 * len(problem) * len(problem.atoms.levels)
            measured += 16 * len(problem.decay) ** 2 * ("correlations" in request.words)
        elif isinstance(problem, CavityCouplings):
            side, measured = dimension(problem), 16 * len(problem) ** 2 + 8
        else:
            side, measured = problem.dimension, 8 * sum(problem.levels)
        # a checkpoint copies what was recorded, and makes two more copies of the states
        copies = 1 + request.checkpointed
        row = 2 * copies * measured + _ROW_BYTES + 80 * len(request.operators)
        states = 16 * side * side * (1 + 2 * request.checkpointed) + _STATE_BYTES
        found = times * row + kept * states
        if request.checkpointed:
            found += 16 * side * side
        if self.by_exponentials:
            work = self._work
            _, results = exponential.products(request.times, work.norm)
            found += exponential.predicted_bytes(work.sizes, work.entries, results)
        else:
            vectors = _INTEGRATOR_VECTORS if request.marks is None else changing_size.VECTORS
            found += 16 * side * side * vectors
            found += 20 * side * (n * n + n * n // 2 + n)
        return found


def density_bytes(side: int) -> int:
    """Bytes of the density matrix of a Hilbert space of dimension `side`, with QuTiP's copies."""
    return 16 * side * side * _INTEGRATOR_VECTORS


def _slopes(request: Request, extent: Extent) -> float:
    """The number of slopes that the integrator needs, roughly."""
    couplings = extent.couplings
    span, n = float(np.ptp(request.times)), len(couplings)
    decay = extent.decay(min(n, _LARGEST))
    largest = float(np.hypot(extent.spread, decay + 2 * extent.others))
    found = _SLOPES_PER_RATE * largest * span + _FEWEST_SLOPES
    photons = couplings.thermal_photons
    excited = np.any(couplings.drive) or np.any(couplings.pump) or photons > 0
    if excited or answers.highest_excitation(request.state, n) > 0:
        slowest = (1 + 2 * photons) * float(np.trace(couplings.decay).real) / n
        slowest += 2 * (noise.total(couplings.dephasing) + noise.total(couplings.pump)) / n
        lasting = min(span, _RELAXATION / max(slowest, 1e-300))
        found += _SLOPES_PER_RADIAN * (extent.spread + decay) * lasting
    return found + 2 * _SLOPES_PER_STEP * request.fewest_steps


def coupled(request: Request, extent: Extent) -> Work:
    """The `Work` for Couplings: the state reaches parts of ρ with certain excitation numbers."""
    couplings = request.couplings
    n = len(couplings)
    if n > _LARGEST_SUPEROPERATOR:
        return Work((4 ** min(n, _LARGEST),), 0, 0.0)
    top = answers.highest_excitation(request.state, n)
    sharp = answers.definite_number(request.state, n) is not None
    sharp = sharp or answers.probabilities_of(request.state, n) is not None
    if np.any(couplings.drive):
        sizes = (4**n,)
    else:
        last = n if np.any(couplings.pump) or couplings.thermal_photons else top
        sizes = (sum(comb(n, k) ** 2 for k in range(last + 1)),)
        if not sharp:  # coherences between k and k + q excitations, real and imaginary parts
            sizes += tuple(2 * comb(2 * n, n - q) for q in range(1, n + 1))
    norm = 2 * extent.spread + 2 * (extent.decay(n) + 2 * extent.others)
    collective = 1 + bool(couplings.thermal_photons) + (couplings.pump.ndim == 2)
    entries = 4**n * (4 + 3 * n * n) // 4 * collective
    return Work(sizes, entries, norm)


def given(request: Request) -> Work:
    """The `Work` for atoms or a master equation: the generator itself gives the parts."""
    problem = request.problem
    assert not isinstance(problem, Couplings)
    generator = problem.liouvillian()
    try:
        state = matrix(request.state, problem)
    except ValueError:  # a state by name, but the levels are not known: the run raises the error
        return Work((dimension(problem) ** 2,), 0, 0.0)
    return Work(*exponential.extent(generator, state))


def _entries(problem: MasterEquation) -> float:
    """The number of multiplications in a slope of a master equation."""
    if not problem.of_lindblad_form:
        return float(entries_of(problem.liouvillian()).nnz)
    operators = [problem.hamiltonian(), *problem.collapse_operators()]
    entries = sum(entries_of(operator).nnz for operator in operators)
    return 2.0 * entries * problem.dimension
