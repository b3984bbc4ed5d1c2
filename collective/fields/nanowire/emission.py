"""Emission into the bound modes of a lossless dielectric wire: which modes, and at which rates.

The wire is given by its radius and by a function that gives ε ("permittivity") or μ
("permeability") at a wave number.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from collective.emitters import Emitters
from collective.fields.nanowire.bound import profiles
from collective.fields.nanowire.guided import DIRECTIONS, GuidedMode, guided_mode

Constant = Callable[[str, complex], complex]

NAMES = ("permittivity", "permeability")
_REAL = 1e-13  # relative: how small the imaginary part of a constant without absorption is
_STEP, _FINEST = 2e-3, 1e-6  # of k, for derivatives by k: the first and the least step
_AGREED = 1e-10  # relative: by how much the derivatives of two steps may differ
# places in units of the step, and weights, on both sides, above and below
_RULES = (
    ((-2, -1, 1, 2), (1, -8, 8, -1)),
    ((0, 1, 2, 3, 4), (-25, 48, -36, 16, -3)),
    ((0, -1, -2, -3, -4), (25, -48, 36, -16, 3)),
)


def modes(constant: Constant, radius: float, k: float) -> tuple[GuidedMode, ...]:
    """All bound modes at k, with the dispersion of the material, or an error that says why none."""
    epsilon, mu = _lossless(constant, k)
    found = profiles(k, epsilon, mu, radius)
    if not found:
        why = f"it needs εμ above 1, got ε = {epsilon:g}, μ = {mu:g}"
        if epsilon * mu > 1:
            why = f"HE11 would reach more than 1e69 times the radius {radius:g}"
        raise ValueError(f"no bound mode at k = {k:g}: {why}")
    slopes = _slopes(constant, k)
    return tuple(guided_mode(one, k, (epsilon, mu), slopes, radius) for one in found)


def rates(
    constant: Constant, radius: float, emitters: Emitters, directions: tuple[int, ...]
) -> dict[str, NDArray[np.float64]]:
    """Rate of each emitter into each mode at its own wave number, (N,), by the mode's name."""
    found: dict[str, NDArray[np.float64]] = {}
    for k in np.unique(emitters.wavenumbers):
        chosen = np.flatnonzero(emitters.wavenumbers == k)
        for mode in _modes_of_rates(constant, radius, float(k)):
            into = np.concatenate([_amplitudes(mode, emitters, chosen, way) for way in directions])
            rate = found.setdefault(mode.name, np.zeros(len(emitters)))
            rate[chosen] = np.sum(np.abs(into) ** 2, axis=0)
    return found


def decay(
    constant: Constant, radius: float, emitters: Emitters, directions: tuple[int, ...]
) -> NDArray[np.complex128]:
    """The part of Γ that all modes carry, (N, N), at the mean wave number of the emitters."""
    every = np.arange(len(emitters))
    into = [
        _amplitudes(mode, emitters, every, way)
        for mode in _modes_of_rates(constant, radius, float(emitters.wavenumbers.mean()))
        for way in directions
    ]
    shared = np.concatenate([*into, np.zeros((0, len(emitters)))])
    return np.asarray(shared.conj().T @ shared)


def _modes_of_rates(constant: Constant, radius: float, k: float) -> tuple[GuidedMode, ...]:
    """All bound modes, without the material's dispersion, on which no rate depends."""
    constants = _lossless(constant, k)
    found = profiles(k, *constants, radius)
    return tuple(guided_mode(one, k, constants, constants, radius) for one in found)


def _amplitudes(
    mode: GuidedMode, emitters: Emitters, chosen: NDArray[np.intp], direction: int
) -> NDArray[np.complex128]:
    """√(3πΓ/2k²) E*·u of each circulation and chosen emitter, (circulations, chosen)."""
    of = mode.electric if emitters.kind == "electric" else mode.magnetic
    circulations = DIRECTIONS if mode.order else (1,)
    positions, dipoles = emitters.positions[chosen], emitters.dipoles[chosen]
    fields = [of(positions, direction=direction, circulation=turn) for turn in circulations]
    size = np.sqrt(3 * np.pi / 2 * emitters.decay_rates[chosen]) / mode.k
    return np.asarray(size * np.einsum("cni,ni->cn", np.conj(fields), dipoles))


def _lossless(constant: Constant, k: float) -> tuple[float, float]:
    """ε and μ at k, or an error that says which of them absorbs or is negative."""
    values = [constant(name, complex(k)) for name in NAMES]
    for name, value in zip(NAMES, values, strict=True):
        if abs(value.imag) > _REAL * abs(value):
            raise ValueError(
                f"{name} {value:g} at k = {k:g} is not real: a mode that is absorbed or amplified "
                "has no rate of its own. What remains known are the whole rates, "
                "co.purcell(emitters, wire), and of a metal the plasmon, plasmon(k)"
            )
        if value.real < 0:
            raise ValueError(
                f"{name} {value.real:g} at k = {k:g} is negative: such a wire binds surface waves, "
                "of which only the plasmon of a metal is known, plasmon(k). What remains known are "
                "the whole rates, co.purcell(emitters, wire)"
            )
    return values[0].real, values[1].real


def _slopes(constant: Constant, k: float) -> tuple[float, float]:
    """The derivatives of kε and kμ by k."""
    epsilon, mu = (_slope(constant, name, k) for name in NAMES)
    return epsilon, mu


def _slope(constant: Constant, name: str, k: float) -> float:
    """One of them, by differences whose step shrinks until a finer one gives the same."""
    step, coarse = _STEP, _difference(constant, name, k, _STEP)
    while step > _FINEST:
        step /= 4
        fine = _difference(constant, name, k, step)
        if abs(fine - coarse) <= _AGREED * (abs(fine) + abs(constant(name, complex(k)))):
            return coarse
        coarse = fine
    raise ValueError(
        f"{name} changes too fast at k = {k:g} for a group velocity, for example close to a "
        "resonance without absorption; the rates into the modes do not need it: guided(emitters)"
    )


def _difference(constant: Constant, name: str, k: float, step: float) -> float:
    """The derivative of kε or kμ by a rule of fourth order; at an end of the data from inside."""
    for places, weights in _RULES:
        at = k * (1 + step * np.array(places))
        try:
            values = [x * constant(name, complex(x)).real for x in at]
        except ValueError:  # not known there
            continue
        return float(np.dot(weights, values)) / (12 * step * k)
    raise ValueError(
        f"{name} is known at k = {k:g}, but not around it, as the group velocity needs; the rates "
        "into the modes do not need it: guided(emitters)"
    )
