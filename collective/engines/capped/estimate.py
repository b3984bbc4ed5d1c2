r"""The error of the emission, from the weights of the layers.

**What has left the cap** (states with more particles at the start, a pump, the decay of an inverted
ensemble) is known exactly: the missing weight :math:`1 − Σ_k w_k`. No state of k excitations emits
faster than :math:`Σ_ν γ_ν c_ν`: the rates γ_ν of the channels, the largest first, are filled with
occupations c_ν ≤ k(N−k+1)/N that sum to k. (This is the largest possible eigenvalue of ⟨σ⁺_mσ⁻_n⟩,
Tennie, Vedral & Schilling, Phys. Rev. B 96, 064502 (2017); Dicke states reach it.) Of holes it is a
strict bound. Of excitations the rate of K + 1 is used, as more are far less likely.

**What the drive would lift above the top layer** is not known. Under a weak drive weights fall as
those of a coherent state, so that the next layer would hold about :math:`w_K^2/w_{K−1}`, and the
layers below would change by as much. Twice this weight times the largest rate of K + 1 excitations
covers the error of arrays at spacings ≥ 0.1 λ. Where interactions shift single excitations out of
resonance, pairs may be resonant; a hundredth of what the top layer can emit is added for them, and
all of it with Ising terms, which can make any number of excitations resonant.

After a pulse the error decays like the light itself: it keeps the largest share of the emission
that it had before.
"""

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings

_SAFETY = 2.0
_LARGER = 1.1  # rate of states beyond K + 1 excitations, on average
_RESONANT = 0.01  # of the emission of the top layer …
_ISING_RESONANT = 1.0  # … with Ising terms
_ROUND_OFF = 1e-12


def largest_rate(rates: NDArray[np.float64], n: int, k: int) -> float:
    """A bound on the emission of n emitters with k excitations.

    Args:
        rates: eigenvalues of Γ, (n,), in any order.
        n: number of emitters.
        k: number of excitations.
    """
    occupied = k * (n - k + 1) / n
    left, total = float(k), 0.0
    for rate in np.sort(rates)[::-1].tolist():
        here = min(occupied, left)
        total += here * max(rate, 0.0)
        left -= here
        if left <= 0:
            break
    return total


def beyond(couplings: Couplings, holes: bool, highest: int) -> float:
    """A bound on the emission of states beyond the cap; 0 if there are none."""
    n, rates = len(couplings), couplings.collective_rates()
    if highest >= n:
        return 0.0
    if holes:
        return max(largest_rate(rates, n, k) for k in range(n - highest))
    return largest_rate(rates, n, highest + 1)


def band(
    couplings: Couplings,
    holes: bool,
    highest: int,
    weights: NDArray[np.float64],
    emission: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The estimated error of the emission, (T,).

    Args:
        couplings: the problem.
        holes: whether the particles are holes.
        highest: K.
        weights: of every layer, (T, K + 1).
        emission: (T,).
    """
    rate = beyond(couplings, holes, highest)
    if rate == 0:
        return np.zeros(len(weights))
    missing = (1 - weights.sum(axis=1)).clip(0)
    found = np.where(missing > _ROUND_OFF, missing, 0.0) * rate * (1.0 if holes else _LARGER)
    if not np.any(couplings.drive):
        return found
    top, below = weights[:, -1].clip(0), weights[:, -2].clip(_ROUND_OFF**2)
    following = np.minimum(top * top / below, 1.0)
    resonant = _RESONANT if couplings.ising is None else _ISING_RESONANT
    lifted = _SAFETY * rate * following + resonant * rate * top
    share = np.divide(lifted, emission, out=np.zeros_like(lifted), where=emission > 0)
    kept = np.maximum(lifted, emission * np.maximum.accumulate(share))
    return found + np.minimum(kept, np.maximum.accumulate(lifted))


def expected(couplings: Couplings, holes: bool, highest: int, span: float) -> float | None:
    """The error of the emission that is expected before a run, relative to the largest emission.

    Numbers of particles are taken from Poisson distributions: of holes as if each emitter decayed
    at its own rate, of pumped excitations as if each lived as long as alone, of driven ones with
    the amplitudes of the linear response to the whole drive.

    Args:
        couplings: the problem.
        holes: whether the particles are holes.
        highest: K.
        span: duration.
    """
    rate = beyond(couplings, holes, highest)
    own, pumped = float(np.trace(couplings.decay).real), float(couplings.pump.sum())
    if rate == 0:
        return 0.0
    if holes:
        return min(1.0, _more(own * span, highest) * rate / own) if own > 0 else None
    error = 0.0
    if pumped > 0:
        lasting = min(span, len(couplings) / own) if own > 0 else span
        error += _more(pumped * lasting, highest - 1) * span * rate
    if not np.any(couplings.drive):
        return min(1.0, error)
    h = np.asarray(couplings.effective_hamiltonian(), dtype=complex)
    h = h - 1j * np.diag(couplings.dephasing)
    try:
        amplitudes = np.linalg.solve(h, -np.asarray(couplings.drive) / 2)
    except np.linalg.LinAlgError:
        return None
    limit = float(np.linalg.norm(couplings.drive)) * span / 2
    size = float(np.linalg.norm(amplitudes))
    if size > limit > 0:
        amplitudes = amplitudes * (limit / size)
    emission = float(np.vdot(amplitudes, couplings.decay @ amplitudes).real)
    mean = float(np.vdot(amplitudes, amplitudes).real)
    if not (emission > 0 and np.isfinite(mean)):
        return None
    resonant = _RESONANT if couplings.ising is None else _ISING_RESONANT
    lifted = _SAFETY * _more(mean, highest) + resonant * _more(mean, highest - 1)
    return min(1.0, error + rate * lifted / emission)


def _more(mean: float, k: int) -> float:
    """The probability of more than k of a Poisson distribution, which keeps its digits."""
    from scipy.special import gammainc

    return float(gammainc(k + 1, mean))
