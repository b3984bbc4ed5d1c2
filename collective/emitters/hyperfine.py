"""Hyperfine levels that are close to each other: their light interferes."""

import numpy as np

from collective._tools.warn import warn
from collective.emitters.transitions import branching
from collective.units.lines import Line, Side, fraction

_OVERLAP = 10  # linewidths between levels, below which they are not well separated


def offset(line: Line, side: Side, momentum: float, reference: float) -> float:
    """Energy of a hyperfine level above another one of the same side, in linewidths."""
    hertz = line.hyperfine_shift(side, momentum) - line.hyperfine_shift(side, reference)
    return 2 * np.pi * hertz / line.linewidth


def _apart(line: Line, side: Side, one: float, other: float) -> float:
    """Distance of two hyperfine levels in linewidths."""
    return abs(offset(line, side, one, other))


def near_levels(line: Line, side: Side, chosen: tuple[float, ...]) -> dict[float, float]:
    """For each chosen hyperfine level the first one of those that are close to it, or to these."""
    found = {f: f for f in chosen}
    for _ in chosen:  # levels may be linked by others
        for one in chosen:
            for other in chosen:
                if _apart(line, side, one, other) < _OVERLAP:
                    both = sorted((found[one], found[other]), key=chosen.index)
                    found[one] = found[other] = both[0]
    return found


def warn_of_overlap(line: Line, lower: tuple[float, ...], upper: tuple[float, ...]) -> None:
    """Warn if light of the chosen lines also excites a hyperfine level that is left out."""
    electrons = line.level("ground").momentum, line.level("excited").momentum
    reached = [
        f
        for f in line.momenta("excited")
        if f not in upper and set(branching(electrons, line.nuclear_spin, f)) & {*lower}
    ]
    apart = {
        (chosen, other): _apart(line, "excited", chosen, other)
        for chosen in upper
        for other in reached
    }
    if apart and min(apart.values()) < _OVERLAP:
        chosen, other = min(apart, key=lambda pair: apart[pair])
        warn(
            f"excited: F′={fraction(chosen)} and F′={fraction(other)} of {line.name} are "
            f"{apart[chosen, other]:.2g} linewidths apart, too close to leave one of them out. The "
            f"numbers are good for light that is tuned much closer to F′={fraction(chosen)}; or "
            "give both in excited="
        )
