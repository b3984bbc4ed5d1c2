r"""How much the memory of the field changes one excitation: Γ and Δ at ω₀ against Σ(ω).

With H the matrix δ + Δ − iΓ/2, the amplitudes of an excitation at emitter n change by

.. math:: D(t) = \frac{i}{2π}\int dω\,e^{−iωt}\left\{[ω − H − Σ(ω) + Σ(0)]^{-1}
          \Big[1 − \sum_p C^pe^{iωτ^p}\Big] − [ω − H]^{-1}\right\},

where the second bracket makes D(0) = 0. The integrand falls as 1/ω², so that a Fourier sum on a
line above the real axis is enough. It is a rough answer and shares no line with the engine that
solves the equation in time.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.lattice import LatticeMatrix
from collective.fields import answers
from collective.fields.memory import MOST_CHANGE, Memory, largest_change

NAME = "one excitation without memory"
MEANING = "largest change of a population by delays and modes"
_LIFETIMES = 5.0  # of the fastest emitter
_DELAYS = 2.0  # of the longest delay, that come on top
_WIDEST = 200.0  # frequencies up to this multiple of the largest rate or frequency
_SMOOTH = 3.0  # widths of the Gaussian by which high frequencies are weighted
_FALL = 14.0  # logarithm by which the next period of the sum is smaller
_MOST = 1_500_000  # entries of all matrices; these take about half a second
_LARGEST = 48  # emitters; more have too many entries
_LONG = "it would take more than half a second"
_POINTS = 400  # times


def largest(couplings: Any) -> float | str:
    """The largest change of an excited population, or why it was not measured.

    The excitation starts at each emitter alone, or in the mode of Γ that decays fastest. Of these
    starts the largest change of any |c_m|² is taken, and for the mode also that of their sum.
    The time is five lifetimes of the emitter that decays fastest, and two of the longest delay.
    """
    emitters, field = couplings.emitters, couplings.field
    if emitters is None or field is None:
        return "needs emitters and field"
    if isinstance(couplings.decay, LatticeMatrix):
        return "assess a smaller lattice"
    if couplings.thermal_photons:
        return "of emitters in thermal light it is not known"
    if len(couplings) > _LARGEST:
        return _LONG
    try:
        memory = answers.memory(field, emitters)
    except ValueError as error:
        return str(error)
    if memory is None:
        return f"{field!r} gives no memory"
    if np.any(memory.frequencies == 0):
        return "a mode has no loss and the frequency ω₀ itself"
    if largest_change(memory) > MOST_CHANGE:
        return "the interaction changes too fast with frequency"
    h = np.diag(couplings.detunings) + couplings.shift - 0.5j * np.asarray(couplings.decay)
    return _measured(h, np.asarray(couplings.decay), memory)


def _measured(h: NDArray[Any], decay: NDArray[Any], memory: Memory) -> float | str:
    """`largest` for H and Γ, (N, N) each, and the memory of the field."""
    # what an emitter loses until light comes back, which may cancel it in Γ, as before a mirror
    at_once = np.where(memory.delays == 0, memory.strengths, 0).sum(axis=0)
    n, own = len(h), float(max(decay.diagonal().real.max(), -2 * at_once.diagonal().imag.min()))
    if own <= 0:
        return "no emitter decays"
    middle = float(h.diagonal().real.mean())
    h, away = h - middle * np.eye(n), memory.frequencies - middle
    strength = float(np.linalg.norm(memory.couplings, axis=0).max(initial=0.0))
    paths = float(np.linalg.norm(np.abs(memory.strengths).sum(axis=0), 2))
    scale = max(float(np.linalg.norm(h, 2)), float(np.abs(away).max(initial=0.0)), strength, paths)
    last = _LIFETIMES / own + _DELAYS * float(memory.delays.max(initial=0.0))
    pairs = _WIDEST * scale * last / np.pi
    if not 2 * (pairs + 1) * n * n <= _MOST:
        return _LONG
    half = int(np.ceil(pairs))
    spacing = np.pi / last  # a period of 2·last
    omega, lift = np.arange(-half, half) * spacing, _FALL / (2 * last)
    line = omega + 1j * lift
    change = memory.self_energy(line + middle) - memory.self_energy(0.0)
    free = line[:, None, None] * np.eye(n) - h
    found = np.linalg.inv(free - change) @ _start(memory, line + middle) - np.linalg.inv(free)
    found *= np.exp(-0.5 * (_SMOOTH * omega / omega[0]) ** 2)[:, None, None]
    picked = np.arange(0, half, max(1, half // _POINTS))
    times = picked * (last / half)
    phases = (-1.0) ** picked * np.exp(lift * times)
    added = np.fft.fft(found, axis=0)[picked] * (0.5j * spacing / np.pi * phases)[:, None, None]
    without = _propagators(h, float(times[1]), len(times))
    bright = np.linalg.eigh(decay)[1][:, -1]
    alone = _populations(without + added) - _populations(without)
    together = _populations((without + added) @ bright) - _populations(without @ bright)
    changes = (alone, together, together.sum(axis=1))
    most = max(float(np.abs(change).max()) for change in changes)
    return most if np.isfinite(most) else "it is beyond the range of numbers"


def _start(memory: Memory, omega: NDArray[Any]) -> NDArray[np.complex128]:
    """1 − ΣCe^{iωτ} at all frequencies, (…, N, N): C acts on the slope, not on the start."""
    n = len(memory)
    found = np.broadcast_to(np.eye(n, dtype=complex), (len(omega), n, n))
    for change, delay in zip(memory.changes, memory.delays, strict=True):
        if np.any(change):
            found = found - change * np.exp(1j * omega[:, None, None] * delay)
    return found


def _propagators(h: NDArray[Any], step: float, count: int) -> NDArray[np.complex128]:
    """e^{−iHt} at multiples of a step, (count, N, N)."""
    from scipy.linalg import expm

    one = expm(-1j * step * h)
    found = np.empty((count, *h.shape), dtype=complex)
    found[0] = np.eye(len(h))
    for k in range(1, count):
        found[k] = found[k - 1] @ one
    return found


def _populations(amplitudes: NDArray[Any]) -> NDArray[np.float64]:
    """The squared size of each amplitude."""
    return np.asarray(amplitudes.real**2 + amplitudes.imag**2)
