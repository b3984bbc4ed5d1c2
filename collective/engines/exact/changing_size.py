"""Predicted time and memory of ρ under light and couplings that change in time (`changing`)."""

from collective._tools.speed import Speed

VECTORS = 36  # of the length of ρ: stages, interpolation, and products of a slope
_SLOPES = 0.35  # per slope of QuTiP's integrator, whose order is lower
_SLOPES_PER_STEP = 12.0
_CALLS, _JUMP_CALLS = 100.0, 13.0  # per slope, and per emitter
_ENTRY, _ENTRIES = 1.1, 12.0  # per entry of ρ: of an operator's entry in its row, and of vectors


def seconds(n: int, slopes: float, steps: float, speed: Speed) -> float:
    """The seconds of all steps of N emitters.

    Args:
        n: N.
        slopes: that QuTiP's integrator would need without pulses.
        steps: that pulses need at least.
        speed: of the machine.
    """
    entries = _ENTRY * (1.25 * n * n + n + 1) + _ENTRIES
    each = (_CALLS + _JUMP_CALLS * n) * speed.call + entries * 4.0**n * speed.entry
    return float(_SLOPES * slopes + _SLOPES_PER_STEP * steps) * each
