"""What trajectories of atoms with manifolds take, and which of them are refused."""

import numpy as np

from collective._tools.speed import speed
from collective.engines.base import Cost, threads_for
from collective.engines.request import Request
from collective.engines.trajectories.atom_parts import parts_of
from collective.engines.trajectories.atoms import AT_ONCE, RADIUS, TERMS, batch_of
from collective.states.of_atoms import most_excited

LARGEST = 2**16  # states
_STEP_CALLS = 12.0  # per term of a step of a batch
_ENTRY = 0.9  # per multiplication of complex numbers
_NUMBER = 13.0  # entries per amplitude and term: norms, sums, copies
_PULSE_NUMBER = 14.0  # the same of a drive with an envelope
_PIECES = 8  # further steps, where the envelope bends
_READ_CALLS, _READ_ENTRIES = 60.0, 25.0  # per output time; entries per amplitude
_READ_VECTORS = 5  # of kets that are read
_CLICK_CALLS = 60.0
_RUN_CALLS = 4000.0
_CLICK_BYTES = 250
_ENTRY_BYTES = 20  # of a sparse matrix


def refusal_of_atoms(name: str, request: Request) -> str | None:
    """The reason why trajectories do not describe these atoms, or None."""
    channels = request.channels
    levels, n = len(channels.atoms.levels), len(channels)
    if levels**n > LARGEST:
        return (
            f"method {name!r} takes atoms that have up to {LARGEST:,} states together, but {n} "
            f"atoms of {levels} levels have {levels}^{n}"
        )
    return None


def cost_of_atoms(request: Request, count: int, work: str) -> Cost:
    """Predict memory and time of so many trajectories."""
    channels, parts, s = request.channels, parts_of(request), speed()
    states, times = len(parts.frame), len(request.times)
    width = min(batch_of(states), count)
    span = float(np.ptp(request.times))
    clicks = _clicks(request)
    steps = 1 + span * parts.radius / RADIUS + clicks
    entries = _ENTRY * parts.effective.nnz + _NUMBER * states
    vectors = 2 * (TERMS + 1) + 4  # the terms, and a copy of them for the norms
    if parts.raising is not None:
        steps += _PIECES
        entries += 2 * _ENTRY * parts.raising.nnz + _PULSE_NUMBER * states
        vectors += TERMS  # three kinds of terms, before that copy is made
    each = steps * TERMS * (entries * s.entry + _STEP_CALLS * s.call / width)
    reading = (1 + len(request.operators)) * states
    rows = 2 + states + len(request.operators)
    if "correlations" in request.words:
        reading += len(channels.decay) * states
        rows += len(channels.decay) ** 2
    each += times * (
        _READ_CALLS * s.call / max(1.0, times / steps) + _READ_ENTRIES * reading * s.entry
    )
    each += clicks * (_CLICK_CALLS * s.call + parts.jumps.nnz * s.entry)
    together = min(threads_for(request), -(-count // width))  # batches
    used = 16 * states * width * vectors * together
    passed = min(width * max(1.0, times / steps), AT_ONCE / states)  # kets that are read together
    used += int(16 * states * passed * _READ_VECTORS * together)
    used += _ENTRY_BYTES * (parts.effective.nnz + 2 * parts.jumps.nnz + parts.emission.nnz)
    used += int(16 * width * times * (2 + channels.energies.size) + 16 * times * rows)
    used += int(count * clicks * _CLICK_BYTES)
    return Cost(used, _RUN_CALLS * s.call + count * each, work)


def _clicks(request: Request) -> float:
    """The number of jumps of one trajectory, roughly: at most half of the atoms stay excited."""
    channels, atoms = request.channels, request.channels.atoms
    first = most_excited(request.state, atoms)
    if not np.any(channels.drive):
        return float(first)
    rate = float(np.trace(channels.decay).real) / 3
    strongest = float(np.abs(request.pulse).max()) if request.envelope is not None else 1.0
    strength = float(np.abs(channels.drive).max()) * strongest
    width = rate / len(channels)
    excited = strength**2 / max(width**2 + 2 * strength**2, 1e-300)
    return first + rate * excited * float(np.ptp(request.times))
