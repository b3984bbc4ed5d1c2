"""What the engine solves: the memory of the field in the unit of the run, and what is left over."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.request import Request
from collective.engines.retarded.sampled import sampled_of
from collective.engines.retarded.steps import Equation
from collective.fields import answers
from collective.fields.memory import MOST_CHANGE, Memory, largest_change

_FARTHEST = 0.2  # rates and shifts over ω₀; from 0.25 on amplitudes of close dipoles grow
_MOST = 400  # emitters
_SAME = 1e-9  # relative to the largest Γ: by how much Γ of the memory may differ
_ROUND_OFF = 1e-12  # relative to the largest part of Σ(0): a smaller rest is none


def memory_of(request: Request) -> Memory | str:
    """The memory of the field in the user's unit, or the reason why there is none; kept.

    For a field that is sampled it is a guess, by which the cost is predicted.
    """
    if "memory" not in request.memo:
        request.memo["memory"] = _memory_of(request)
    found: Memory | str = request.memo["memory"]
    return found


def _memory_of(request: Request) -> Memory | str:
    couplings = request.couplings
    if couplings.emitters is None or couplings.field is None:
        return (
            "method 'retarded' needs the emitters and the field of the couplings, which "
            "co.couple(emitters, field) gives"
        )
    if len(couplings) > _MOST:
        return (
            f"method 'retarded' is for at most {_MOST} emitters, whose pairs all have a delay, but "
            f"these are {len(couplings):,}"
        )
    try:
        found = answers.memory(couplings.field, couplings.emitters)
    except ValueError as error:
        return f"method 'retarded': {error}"
    if found is None:
        try:
            sampled = sampled_of(request)
        except ValueError as error:
            return f"method 'retarded': {error}"
        request.memo["sampled"] = sampled
        return sampled.guess
    if np.any(found.frequencies == 0):
        return "method 'retarded': a mode of the memory has no loss and the frequency ω₀ itself"
    why = too_fast(found) or too_far(request, found)
    if why is not None:
        return why
    why = another_rate(request, found.self_energy(0.0), largest_part(found))
    return found if why is None else why


def too_fast(memory: Memory) -> str | None:
    """Why there is no solution, if the interaction changes too fast with frequency."""
    most = largest_change(memory)
    if most <= MOST_CHANGE:
        return None
    return (
        "method 'retarded': the interaction changes too fast with frequency, by "
        f"{most:.2g} of the change of frequency. It must be at most {MOST_CHANGE:g}: these "
        "emitters are too close, or their frequency is too low for the RWA"
    )


def too_far(request: Request, memory: Memory) -> str | None:
    """Why strengths to first order in ω/ω₀ are not enough: the shifts are no small part of ω₀."""
    emitters = request.couplings.emitters
    if emitters is None or emitters.frequency is None or not np.any(memory.changes):
        return None
    size = float(np.linalg.norm(memory.self_energy(0.0), 2))
    if size <= _FARTHEST * emitters.frequency:
        return None
    return (
        f"method 'retarded': rates and shifts of {size:.3g} are {size / emitters.frequency:.2g} of "
        f"the frequency {emitters.frequency:g}. They must be at most {_FARTHEST:g} of it, because "
        "the interaction of dipoles is known to first order in this number: these emitters are too "
        "close, or their frequency is too low for the RWA"
    )


def most_excitation(memory: Memory) -> float:
    """How much excitation the emitters can have at most if they start with one.

    Without changes C of the interaction it is 1. With them :math:`c^†(1 − C)c` and the light
    together do not grow.
    """
    change = largest_change(memory)
    return (1 + change) / (1 - change)


def another_rate(
    request: Request, at_resonance: NDArray[np.complex128], part: float = 0.0
) -> str | None:
    """Why the Γ of the couplings is not that of their field, if it is not.

    Args:
        request: what is asked for.
        at_resonance: Σ(0) of the field, in the user's unit.
        part: the largest of the terms of which Σ(0) is the sum, which round-off is relative to.
    """
    couplings = request.couplings
    rest = instantaneous_rest(request, at_resonance, part)
    lost = float(np.abs(rest - rest.conj().T).max())  # Γ that the field does not know
    largest = float(np.abs(couplings.decay).max()) + _SAME * float(np.abs(couplings.shift).max())
    if lost <= _SAME * largest + _ROUND_OFF * part / request.unit:
        return None
    return (
        f"method 'retarded': Γ of these couplings differs by {lost * request.unit:.2g} from "
        "that of the field at ω₀. Couple emitters without detunings, and give these by "
        "couplings.replace(detunings=...)"
    )


def instantaneous_rest(
    request: Request, at_resonance: NDArray[np.complex128], part: float = 0.0
) -> NDArray[np.complex128]:
    """Δ − iΓ/2 minus Σ(0), (N, N), in the unit of the run: shifts that act without delay.

    Σ(0), and the largest of the terms of which it is the sum, are given in the user's unit.

    In front of a mirror it is the part of the level shift that is not resonant, and with
    shift="rwa" the integral over Green's tensor.
    """
    couplings = request.couplings
    whole = np.asarray(couplings.shift) - 0.5j * np.asarray(couplings.decay)
    of_field = at_resonance / request.unit
    rest = whole - of_field
    size = np.maximum(np.abs(whole), np.abs(of_field)).max(initial=part / request.unit)
    rest[np.abs(rest) <= _ROUND_OFF * size] = 0.0
    return np.asarray(rest)


def largest_part(memory: Memory) -> float:
    """The largest entry that one path or one mode contributes to Σ(0), in the user's unit.

    Far from a mirror, at a node, direct and returned light cancel in Γ: what is left is round-off
    of the parts, however small Γ is.
    """
    largest = float(np.abs(memory.strengths).max(initial=0.0))
    if len(memory.frequencies):
        strongest = np.abs(memory.couplings).max(axis=1) ** 2
        largest = max(largest, float((strongest / np.abs(memory.frequencies)).max()))
    return largest


def at_once(
    request: Request, at_resonance: NDArray[np.complex128], part: float = 0.0
) -> NDArray[np.complex128]:
    """Shifts without delay beside Σ(ω), and detunings, (N, N), in the unit of the run."""
    rest = instantaneous_rest(request, at_resonance, part)
    return np.asarray((rest + rest.conj().T) / 2 + np.diag(request.couplings.detunings))


def equation_of(
    request: Request, memory: Memory, at_resonance: NDArray[np.complex128] | None = None
) -> Equation:
    """The equation of the amplitudes of N emitters and K modes, in the frame of their mean.

    Args:
        request: what is asked for.
        memory: in the user's unit.
        at_resonance: Σ(0) of the field, if that of the memory is not.
    """
    n, unit = len(memory), request.unit
    if at_resonance is None:
        shifts = at_once(request, memory.self_energy(0.0), largest_part(memory))
    else:
        shifts = at_once(request, at_resonance)
    now = memory.delays == 0
    shifts = shifts + np.where(now, memory.strengths, 0).sum(axis=0) / unit
    modes = len(memory.frequencies)
    generator = np.zeros((n + modes, n + modes), dtype=complex)
    generator[:n, :n] = shifts
    generator[:n, n:] = memory.couplings.conj().T / unit
    generator[n:, :n] = memory.couplings / unit
    generator[n:, n:] = np.diag(memory.frequencies / unit)
    # ωC without delay is a part of the slope on the left: (1 − C)iċ = …
    whole = np.eye(n + modes, dtype=complex)
    whole[:n, :n] -= np.where(now, memory.changes, 0).sum(axis=0)
    mixing = np.linalg.inv(whole)
    generator = mixing @ generator
    mean = float(np.mean(generator.diagonal().real))
    generator -= mean * np.eye(n + modes)
    # ωc is mean·c + iċ in the frame of the mean
    of_amplitudes = np.where(now, 0, memory.strengths / unit + mean * memory.changes)
    of_slopes = np.where(now, 0, memory.changes)
    found = []
    for strengths, shift in ((of_amplitudes, 0), (of_slopes, n + modes)):
        paths, to, origin = np.nonzero(strengths)
        delays = memory.delays[paths, to, origin] * unit
        turned = strengths[paths, to, origin] * np.exp(1j * mean * delays)
        found.append((turned, delays, to, origin + shift))
    strengths, delays, to, origin = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Equation(generator, strengths, delays, to, origin, mixing, frame=mean)


def kept(vectors: NDArray[Any], modes: int) -> NDArray[np.complex128]:
    """Vectors of emitters, (N, R), with modes that are empty, (N + K, R)."""
    return np.concatenate([vectors, np.zeros((modes, vectors.shape[1]))]).astype(complex)
