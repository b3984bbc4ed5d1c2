r"""The stochastic equation of truncated Wigner: its matrices, rates and steps.

Γ = Γ' + g, where g is diagonal and as large as Γ' ⪰ 0 allows. The spins of a batch obey, as
Stratonovich equations,

.. math:: ds^-_n = i s^z_n (F_n dt + dξ_n), \qquad
          ds^z_n = −2i\,(s^+_n (F_n dt + dξ_n) − \mathrm{c.c.}), \qquad
          F_n = \sum_l (Δ − iΓ'/2)_{nl} s^-_l + \tfrac12 f(t)Ω_n, \qquad
          ⟨dξ_n dξ^*_m⟩ = \tfrac12 Γ'_{nm} dt,

and single emitters decay at g_n, are pumped, dephased and detuned (`single_emitters`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.engines.numerics.pulses import coarse_steps, mean
from collective.pulse.timeline import Timeline

_LEAST_SHARE = 0.02  # of Γ that decays by itself; a smaller one changes nothing
_NEGLIGIBLE = 1e-6  # eigenvalue of Γ' without noise, relative to Γ_nn
_OWN_STEP = 0.03  # times the largest rate of a single emitter
_COLLECTIVE_STEP = 0.25  # times the largest frequency or collective rate
_STRONG = 2.0  # ‖Δ‖/‖Γ‖ from which the exchange needs shorter steps, …
_SHORTEST = 0.15  # … and by how much at most
_ITERATIONS = 30  # products with a matrix whose norm is wanted
_ENTRIES = 1 << 15  # spins of a batch: its arrays fit into the cache of one core
_SAMPLES = (64, 512)  # of a batch, at least and at most

Single = np.float32


@dataclass(frozen=True, eq=False)
class Model:
    """The matrices of the equation, in single precision, which all batches share.

    Attributes:
        n: N.
        field: (2N, 2N), the matrix of Δ − iΓ'/2 on real and imaginary parts.
        noise: (N, R), a factor LL† = Γ' if it is real; else (2N, 2R).
        decay: (N, N), Γ if it is real; else (2N, 2N).
        doubled: Γ∘Γ, entry by entry, in the same form.
        paired: (N, N), |Γ|².
        own: (N,), Γ_nn, in single precision.
        doubtful: (N,), the weight of each emitter in the estimated error, see `error_weights`.
        drive: (2, N), Ω/2.
        apart: (N,), g, the decay of single emitters.
        corrected: (N,), κ of `single_emitters`.
        pump: (N,).
        dephasing: (N,).
        detunings: (N,), see `own_frequencies`.
    """

    n: int
    field: NDArray[np.float32]
    noise: NDArray[np.float32]
    decay: NDArray[np.float32]
    doubled: NDArray[np.float32]
    paired: NDArray[np.float32]
    own: NDArray[np.float32]
    doubtful: NDArray[np.float32]
    drive: NDArray[np.float64]
    apart: NDArray[np.float64]
    corrected: NDArray[np.float64]
    pump: NDArray[np.float64]
    dephasing: NDArray[np.float64]
    detunings: NDArray[np.float64]

    @classmethod
    def of(cls, couplings: Couplings) -> "Model":
        """The model of couplings."""
        decay, shift = np.asarray(couplings.decay), np.asarray(couplings.shift)
        own, drive = np.diagonal(decay).real.astype(float), np.asarray(couplings.drive)
        apart, factor = separated(decay)
        together = decay - np.diag(apart)
        left = own - apart
        norms = np.sum(np.abs(together) ** 2, axis=1)
        corrected = np.divide(left**3, norms, out=np.zeros(len(own)), where=norms > 0)
        exchange = shift - np.diag(np.diagonal(shift))
        return cls(
            len(couplings),
            stacked(exchange - 0.5j * together),
            stacked(factor),
            stacked(decay),
            stacked(decay * decay),
            (np.abs(decay) ** 2).astype(Single),
            own.astype(Single),
            error_weights(decay, shift).astype(Single),
            0.5 * np.array([drive.real, drive.imag]),
            apart,
            corrected,
            np.asarray(couplings.pump, float),
            np.asarray(couplings.dephasing, float),
            own_frequencies(couplings),
        )

    @property
    def noisy(self) -> NDArray[np.bool_]:
        """Which emitters have a random phase of their own, (N,)."""
        return (self.apart > 0) | (self.pump > 0) | (self.dephasing > 0)


def separated(decay: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """The decay g of single emitters (N,), and a factor L (N, R) of the rest: Γ = g + LL†.

    g is the largest multiple of the diagonal of Γ that leaves the rest positive, or 0 if it is
    small. With Γ = √d W √d and W = V diag(w) V† it is min(w) d.
    """
    own = np.diagonal(decay).real
    decaying = np.flatnonzero(own > 0)
    apart = np.zeros(len(own))
    factor = np.zeros((len(own), 0), decay.dtype)
    if len(decaying) == 0:
        return apart, factor
    root = np.sqrt(own[decaying])
    weights, vectors = np.linalg.eigh(decay[np.ix_(decaying, decaying)] / np.outer(root, root))
    if weights[0] > _LEAST_SHARE:
        apart[decaying] = min(weights[0], 1.0) * own[decaying]
        weights = weights - weights[0]
    kept = weights > _NEGLIGIBLE
    factor = np.zeros((len(own), int(kept.sum())), decay.dtype)
    factor[decaying] = root[:, None] * vectors[:, kept] * np.sqrt(weights[kept])
    return apart, factor


def own_frequencies(couplings: Couplings) -> NDArray[np.float64]:
    """δ_n + Δ_nn, (N,); without a drive a frequency that all emitters share has no effect."""
    found = np.asarray(couplings.detunings + np.diagonal(couplings.shift).real)
    return found if np.any(couplings.drive) else found - found.mean()


def longest_step(couplings: Couplings, strongest: float) -> float:
    """The longest step that follows the dynamics, from norms by power iteration.

    The exchange conserves the excitation, a step of it does so only to order (‖Δ‖dt)³. What is
    lost until the emitters have decayed grows with ‖Δ‖/‖Γ‖, and the steps are shorter for it.

    Args:
        couplings: in the unit of the engine.
        strongest: the largest |f(t)| of the envelope, or 1.
    """
    decay, shift = np.asarray(couplings.decay), np.asarray(couplings.shift)
    exchange = shift - np.diag(np.diagonal(shift))
    hops, collective = _norm(exchange), _norm(decay)
    exchange += np.diag(own_frequencies(couplings))
    frequency = max(_norm(exchange), collective)
    if hops > _STRONG * collective:
        shorter = max(np.sqrt(_STRONG * collective / hops), _SHORTEST)
        frequency = max(frequency, hops / float(shorter))
    frequency = max(frequency, 0.5 * strongest * float(np.abs(couplings.drive).max()))
    single = float((np.diagonal(decay).real + couplings.pump + couplings.dephasing).max())
    fastest = max(single / _OWN_STEP, frequency / _COLLECTIVE_STEP)
    return 1 / fastest if fastest > 0 else np.inf


def _norm(matrix: NDArray[Any]) -> float:
    """The spectral norm of a Hermitian matrix, to some percent and from below."""
    n = len(matrix)
    vector = 1 + 0.5 * np.cos(np.arange(n) ** 2)  # not orthogonal to any smooth or rough vector
    found = 0.0
    for _ in range(_ITERATIONS):
        vector = matrix @ (vector / np.linalg.norm(vector))
        found = float(np.linalg.norm(vector))
        if found == 0:
            break
    return found


def error_weights(decay: NDArray[np.complex128], shift: NDArray[np.complex128]) -> NDArray[Any]:
    r"""The weight Γ_nn w_n of each emitter in the estimated error of the emission, (N,).

    For a state of spin ½ ⟨(s^z)²⟩ = 1. What the emission of the sampled spins lacks for it,
    Γ_nn(⟨(s^z)²⟩ − 1)/4, follows the true error closely for emitters that decay together, and is
    too large for those that decay by themselves, which are exact. So it is multiplied by

    .. math:: w_n^2 = 1 − \frac{Γ_{nn}^2}{\sum_l |Γ_{nl}|^2 + \sum_{l≠n} |Δ_{nl}|^2}.
    """
    own = np.diagonal(decay).real ** 2
    norms = np.sum(np.abs(decay) ** 2 + np.abs(shift) ** 2, axis=1)
    norms -= np.abs(np.diagonal(shift)) ** 2
    alone = np.divide(own, norms, out=np.ones(len(own)), where=norms > 0)
    return np.diagonal(decay).real * np.sqrt(np.maximum(1 - alone, 0))


def stacked(matrix: NDArray[np.complex128]) -> NDArray[np.float32]:
    """A real matrix as it is; a complex one as the real matrix on stacked Re and Im."""
    re, im = matrix.real, matrix.imag
    if not np.any(im):
        return np.ascontiguousarray(re, Single)
    return np.block([[re, -im], [im, re]]).astype(Single)


def single_emitters(model: Model, dt: float) -> NDArray[np.float32]:
    r"""What `kernels.alone` needs for a step dt, (6, N).

    An emitter that decays at g, is pumped at p and dephased at γ_φ obeys
    ⟨ṡ^z⟩ = −r(s^z − s^z_∞) and ⟨ṡ⁻⟩ = −(r/2 + γ_φ + iδ)s⁻, where r = g + p and
    s^z_∞ = (p − g)/r. A spin of fixed length has exactly these means if s^z relaxes without
    noise and the azimuth diffuses, by a variance of

    .. math:: (r + 2γ_φ)dt + \ln\frac{3 − s^z(dt)^2}{3 − s^z(0)^2} ≥ 0.

    The other part is a correction. The collective noise moves s^z by
    −Γ'_nn(s^z + 3/2 − (s^z)²/2), which is −Γ'_nn(1 + s^z) only while ⟨(s^z)²⟩ = 1, as it is for any
    state of spin ½. The drift ṡ^z = κ(1 − (s^z)²)/2 has no effect on states of spin ½, so that it
    may be added. With κ = Γ'_nn it would make the decay of single emitters exact, but N emitters
    that decay together would lose their total spin. κ = Γ'_nn³/(Γ'²)_nn is right in both limits:
    Γ'_nn for emitters that decay by themselves, Γ'_nn/N for N of them that decay together.
    """
    rate = model.apart + model.pump
    rest = np.divide(model.pump - model.apart, rate, out=np.zeros(model.n), where=rate > 0)
    phase = model.detunings * dt
    return np.array(
        [
            np.tanh(0.5 * model.corrected * dt),
            np.exp(-rate * dt),
            rest,
            (rate + 2 * model.dephasing) * dt,
            np.cos(phase),
            np.sin(phase),
        ],
        Single,
    )


def steps_between(times: NDArray[np.float64], longest: float) -> NDArray[np.float64]:
    """The number of steps from each of the times (T,) to the next, (T − 1,)."""
    return np.maximum(1, np.ceil(np.diff(times) / longest - 1e-9))


def pulse(
    start: float,
    end: float,
    steps: int,
    envelope: Callable[[float], complex],
    pieces: Timeline,
) -> NDArray[np.complex128]:
    """The mean of the envelope in each of some steps, (steps,), by Simpson's rule.

    Where the envelope has a kink, or changes faster than a step, it is averaged between these.
    """
    times = np.linspace(start, end, 2 * steps + 1)
    values = np.array([envelope(t) for t in times], complex)
    found = (values[:-1:2] + 4 * values[1::2] + values[2::2]) / 6
    for i in coarse_steps(times[::2], pieces):
        found[i] = mean(envelope, float(times[2 * i]), float(times[2 * i + 2]), pieces)
    return found


def batch_size(n: int) -> int:
    """The number of samples that are computed together, for N emitters."""
    wanted = 1 << max(0, (_ENTRIES // n).bit_length() - 1)
    return int(np.clip(wanted, *_SAMPLES))
