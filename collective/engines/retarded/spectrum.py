r"""Σ(ω) of a field that has a Green's tensor at every frequency, and no list of its delays.

.. math:: Σ_{mn}(ω) = −k^2\,d̃_m^*·G(r_m, r_n, k)·d̃_n, \qquad k = k_0 + ω/c,

of dipoles of fixed size. The part of the vacuum is known, with its delay r/c. What is scattered is

.. math:: Σ^S_{mn}(ω) = e^{iωτ_{mn}}f_{mn}(ω),

where τ is the delay with which light arrives in most of a band of frequencies, and f has little
left to change. f is sampled, and a rational function goes through the samples. The straight line
through its ends, S + ωC, gives a `Memory` with these delays. What is left between the line and f is
for `remainder`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.retarded.rational import Fit
from collective.engines.retarded.sampled import Sampled, Scattered
from collective.fields import Vacuum
from collective.fields.memory import Memory

_STEP = 1e-4  # of half the band: two frequencies whose phases tell a delay
_AT = (-0.7, -0.3, 0.05, 0.4, 0.8)  # of half the band: where delays are read
_TURNED = 1e-7  # at the ends of the band: a delay beyond r/c that turns phases less is round-off
_SHARE = 0.1  # of rtol, for f
_FINEST = 1e-11  # of the dynamics: smallest error that is asked of f
_SMALL = 1e-12  # of the largest entry: one without a phase
_GRADED = (1.0, 0.25, 0.06)  # of half the band: the first support points, beside the middle


@dataclass(frozen=True, eq=False)
class Spectrum:
    """What is known of Σ(ω) in a band.

    Attributes:
        memory: the part of the vacuum and straight lines for f, in the user's unit.
        at_resonance: Σ(0), (N, N).
        middle: of the band.
        half: of its width.
        fit: of f, in the band.
        lines: S and C of the straight lines, (N, N) each.
        delays: τ, (N, N).
        error: of an entry of f, at the middle of the band.
        samples: how many frequencies were sampled.
    """

    memory: Memory
    at_resonance: NDArray[np.complex128]
    middle: float
    half: float
    fit: Fit
    lines: tuple[NDArray[np.complex128], NDArray[np.complex128]]
    delays: NDArray[np.float64]
    error: float
    samples: int

    def left(self, detunings: NDArray[Any]) -> NDArray[np.complex128]:
        """Σ(ω) minus that of the memory, (F, N, N), at detunings that may be complex."""
        x = detunings[:, None, None]
        strengths, changes = self.lines
        off = self.fit.rational(detunings) - strengths - x * changes
        return np.asarray(off * np.exp(1j * x * self.delays))

    def caused(self, detunings: NDArray[Any]) -> NDArray[np.complex128]:
        """C e^{iωτ} of what is scattered, (F, N, N), at detunings that may be complex."""
        x = detunings[:, None, None]
        return np.asarray(self.lines[1] * np.exp(1j * x * self.delays))

    def beyond(self) -> float:
        """The norm of C if a resonance beyond the band may cause it.

        C of a resonance within the band falls with the square of its width, that of others and of
        dispersion does not.
        """
        inner = self.fit.rational(self.middle + self.half / 2 * np.array([-1, 1]))
        inside = float(np.linalg.norm((inner[1] - inner[0]) / self.half, 2))
        whole = float(np.linalg.norm(self.lines[1], 2))
        return whole if inside < 2 * whole else 0.0


def in_band(sampled: Sampled, half: float, rtol: float, last: float) -> Spectrum:
    """Σ(ω) in a band around the frequencies of the dynamics.

    Args:
        sampled: the field.
        half: of the width of the band, in the user's unit.
        rtol: of the amplitudes.
        last: the last time, to which errors of f add up, in the user's unit.

    Raises:
        ValueError: for a field that does not answer in the whole band.
    """
    vacuum = Vacuum().memory(sampled.emitters)
    middle, size, scattered = sampled.middle, sampled.size, sampled.scattered
    delays = _delays(scattered, vacuum.delays[0], middle, half)
    finest = max(_SHARE * rtol / (len(vacuum) * last), _FINEST * size)

    def function(x: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.asarray(scattered(x) * np.exp(-1j * x[:, None, None] * delays))

    def tolerance(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(finest * np.maximum(1.0, np.abs(x - middle) / (2 * size)))

    graded = half * np.array(_GRADED)
    support = middle + np.concatenate([-graded, [0.0], graded[::-1]])
    fit = Fit(function, support, tolerance)
    ends = fit.rational(support[[0, -1]])
    changes = (ends[1] - ends[0]) / (2 * half)
    strengths = ends.mean(axis=0) - middle * changes
    memory = Memory(
        np.concatenate([vacuum.strengths, strengths[None]]),
        np.concatenate([vacuum.delays, delays[None]]),
        vacuum.couplings,
        vacuum.frequencies,
        np.concatenate([vacuum.changes, changes[None]]),
    )
    at_resonance = vacuum.self_energy(0.0) + scattered(np.zeros(1))[0]
    return Spectrum(
        memory,
        at_resonance,
        middle,
        half,
        fit,
        (strengths, changes),
        delays,
        fit.error * finest,
        scattered.count,
    )


def _delays(
    scattered: Scattered, direct: NDArray[np.float64], middle: float, half: float
) -> NDArray[np.float64]:
    """τ of what is scattered, (N, N): the median of d arg Σ^S/dω in the band, at least r/c."""
    at, step = middle + half * np.array(_AT), _STEP * half
    first, second = scattered(at), scattered(at + step)
    weak = np.abs(first) <= _SMALL * np.abs(first).max(initial=0.0)
    turned = np.angle(np.where(weak, 1.0, second * first.conj()))
    found = np.median(turned, axis=0) / step
    found = (found + found.T) / 2
    return np.where((found - direct) * half > _TURNED, found, direct)
