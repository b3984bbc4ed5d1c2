"""Quantum numbers given by a user: which are possible, and which transitions are allowed."""

from typing import Any

import numpy as np

from collective._tools import checks
from collective.emitters.transitions import branching
from collective.units import Line
from collective.units.lines import Side, fraction

_CLOSED = 1e-12  # allowed deviation of the sum of all decays from 1


def refuse_forbidden(line: Line) -> None:
    """Raise unless an electric dipole can connect J and J′; a line of numbers has no name."""
    lower, upper = line.level("ground").momentum, line.level("excited").momentum
    of = f"line {line.name!r}" if line.name else "ground, excited or momenta"
    names = f"{of}: J = {fraction(lower)} → J′ = {fraction(upper)}"
    if (lower - upper) % 1:
        raise ValueError(f"{names} is impossible: both must be integers, or both half-integers")
    if lower == upper == 0 or abs(lower - upper) > 1:
        raise ValueError(
            f"{names} is forbidden for electric dipoles: J changes by at most 1, and 0 → 0 does "
            "not occur"
        )


def chosen_momenta(side: Side, value: Any, line: Line) -> tuple[float, ...]:
    """The checked F of the chosen levels, which J and I of the line allow, each once."""
    spin = line.nuclear_spin
    symbol = "F" if spin else "J"
    given = checks.finite(side, value)
    if given.ndim > 1 or given.size == 0:
        raise ValueError(f"{side} must be one {symbol} or a list of them, got shape {given.shape}")
    found = tuple(float(each) for each in np.atleast_1d(given))
    allowed = line.momenta(side)
    for each in found:
        if each not in allowed:
            momentum = fraction(line.level(side).momentum)
            why = (
                f"J = {momentum} and I = {fraction(spin)} of {line.name}"
                if line.name
                else f"J = {momentum} (momenta) and I = {fraction(spin)} (nuclear_spin)"
            )
            which = " or ".join(fraction(f) for f in allowed)
            raise ValueError(f"{side}: {symbol} must be {which} for {why}, got {each:g}")
    if len(set(found)) < len(found):
        raise ValueError(f"{side} must name each {symbol} once, got {checks.short(value)}")
    return found


def closed_pairs(
    momenta: tuple[float, float], spin: float, lower: tuple[float, ...], upper: tuple[float, ...]
) -> list[tuple[float, float]]:
    """The pairs (F, F′) between which light is emitted; raise if decays or levels are left over."""
    pairs = []
    for above in upper:
        decays = branching(momenta, spin, above)
        reached = [below for below in lower if below in decays]
        if not reached:
            raise ValueError(
                f"excited: F′={fraction(above)} → F={' or '.join(map(fraction, lower))} is "
                "forbidden for electric dipoles: F changes by at most 1, and 0 → 0 does not occur. "
                f"F′={fraction(above)} decays to {_listed(decays)}"
            )
        missing = {f: p for f, p in decays.items() if f not in lower}
        if sum(missing.values()) > _CLOSED:
            every = sorted({*lower, *missing})
            raise ValueError(
                f"ground must hold all decays: F′={fraction(above)} decays to {_listed(missing)}; "
                f"give ground=({', '.join(map(fraction, every))})"
            )
        pairs += [(below, above) for below in reached]
    idle = [below for below in lower if below not in {pair[0] for pair in pairs}]
    if idle:
        raise ValueError(
            f"ground: no chosen excited level decays to F={fraction(idle[0])}, so nothing happens "
            "there; leave it out"
        )
    return pairs


def _listed(decays: dict[float, float]) -> str:
    """Decays as text: "F=1 with probability 0.5"."""
    return " and ".join(f"F={fraction(f)} with probability {p:.4g}" for f, p in decays.items())
