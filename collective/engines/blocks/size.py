"""Memory and seconds of a run by excitation blocks, predicted without doing the work."""

from math import comb

import numpy as np
from numpy.typing import NDArray

from collective._tools.speed import speed
from collective.couplings.couplings import Couplings
from collective.engines.base import Cost, threads_for, writing
from collective.engines.basis.permutations import orbits
from collective.engines.numerics.extent import Extent
from collective.engines.request import Request
from collective.states import State
from collective.states.answers import highest_excitation

TERMS_PER_RADIUS = 2.6  # of the ellipse, roughly
LONGEST_STEP = 45.0  # radii of the ellipse; longer ones lose digits to non-normality
_SPARE_TERMS = 105  # beyond the radii, of which moments are kept
_FEWEST_TERMS = 12
_LIFETIMES = 23.0  # after which a block is empty to within a hundredth of the usual tolerance
_CALLS = 36.0  # of Python, in an application of nothing
_ONE_THREAD = 60_000  # numbers in a vector; below, handing out the work costs more
_PIECES = 24
_FLOPS = 3.0  # of BLAS, in the time of one of the hops and jumps
_OVERHEAD = 5000.0  # calls: tables and bounds of the spectrum
_READ_TERMS = 150.0  # of an expansion, from which each output time is read, and …
_READ_CALL, _READ_FLOPS = 12.0, 2.0  # … entries for each, and products per pair of emitters


def unitary(request: Request) -> bool:
    """Whether nothing but H moves the state."""
    problem = request.problem
    if not isinstance(problem, Couplings):
        return False
    return not any(
        np.any(part) for part in (problem.decay, problem.dephasing, problem.pump, problem.drive)
    )


def cost(request: Request, permutations: list[NDArray[np.int64]]) -> Cost:
    """Memory of vectors and tables; applications by the mean-field extent of the spectrum.

    Args:
        request: of Couplings without drive and pump.
        permutations: a group that changes neither couplings nor state, the identity included.
    """
    couplings, n = request.couplings, len(request.couplings)
    highest, steps = highest_excitation(request.state, n), len(request.times)
    columns = orbits(n, highest, permutations)
    size = sum(comb(n, k) * -(-c // 8) * 8 for k, c in enumerate(columns))
    states = sum(comb(n, k) for k in range(highest + 1))
    hops = max(k * (n - k) for k in range(highest + 1))
    pairs = (
        sum(comb(n - 2, k - 1) for k in range(1, highest + 1)) * n * (n - 1) // 2 if n > 1 else 0
    )
    images = len(permutations)
    tables = states * (6 * hops + 8 * n + 8 * (highest + 1) + 60 + 8 * images) + 24 * pairs
    tables += tables // 8  # while they are made
    if np.any(couplings.dephasing):
        tables += 16 * 2**n
    if not isinstance(request.state, State):
        tables += 96 * 2**n if request.state.isket else 96 * 4**n
    flops = sum(
        comb(n, k) * c * (8 * (k * (n - k) + 1) + 6 * (n - k) ** 2) for k, c in enumerate(columns)
    )
    extent = Extent(couplings, highest)
    reach = max(float(np.ptp(request.times)) * _radius(extent, highest), 1e-300)
    kept = _SPARE_TERMS + min(LONGEST_STEP, reach)
    # beside the moments of all times: coefficients of one step, its moments, or what is written
    terms, emitted = _terms(extent, float(np.ptp(request.times)))
    later = np.count_nonzero(request.times - request.times[0] > emitted)
    dark = 0.0 if np.any(couplings.dephasing) else float(later)
    inside = max(steps * min(1.0, LONGEST_STEP / reach), dark)
    taken, written = writing(request, 16 * n * n * steps)
    copied = max(24 * kept * inside, 16 * n * n * min(steps, inside), 2 * written)
    moments = int(copied + 16 * n * n * (kept + steps))
    threads, _ = shares(request, size)
    half = "" if images == 1 else f", one column of {images} by symmetry"
    s = speed()
    each = _CALLS * s.call + flops * _FLOPS * s.flop / threads
    reading = _READ_TERMS * (_READ_CALL * s.entry + 8 * n * n * _READ_FLOPS * s.flop)
    return Cost(
        int((4 + 1.2 * request.checkpointed) * 8 * size + tables) + moments,
        taken + _OVERHEAD * s.call + terms * each + steps * reading,
        f"{size:.3g} numbers in {highest + 1} excitation blocks{half}",
    )


def _radius(extent: Extent, highest: int) -> float:
    """Of the ellipse around the spectrum of the blocks up to some number of excitations."""
    numbers = range(highest + 1)
    decay = max(extent.decay(k) for k in numbers) + float(extent.couplings.dephasing.sum())
    return 1.05 * (decay / 2 + max(extent.frequency(k) for k in numbers)) / 2


def _terms(extent: Extent, span: float) -> tuple[float, float]:
    """Applications of the generator, and when only the ground state is left.

    They become fewer as the highest blocks empty and are dropped.
    """
    found, ended = float(_FEWEST_TERMS), 0.0
    # a block lasts as long as the one above that feeds it, and then as its own slowest mode
    last = emitted = 0.0
    for k in range(extent.top, -1, -1):
        lasting = _LIFETIMES / max(extent.lasting(k), 1e-300) if k else np.inf
        last = min(span, max(last, lasting))
        found += TERMS_PER_RADIUS * _radius(extent, k) * (last - ended)
        ended = last
        emitted = last if k else emitted
    return found, emitted


def shares(request: Request, size: int) -> tuple[int, int]:
    """Threads for vectors of so many numbers, and pieces an application is cut into.

    The pieces follow from the size alone, so that sums do not depend on the threads.
    """
    return (1, 1) if size < _ONE_THREAD else (threads_for(request), _PIECES)
