"""Where a run starts: product states, and random phases where nothing is coherent."""

import numpy as np
from numpy.typing import NDArray

from collective.engines.request import Request
from collective.states.moments import uncorrelated

COHERENT = 1e-12  # ⟨σ⁻⟩; a smaller one is round-off
_WEAKEST = 1e-100  # unit of s or e
_ROUND_OFF = 4 * float(np.finfo(float).eps)  # of a population

Moments = tuple[NDArray[np.complex128], NDArray[np.float64]]


def moments(request: Request) -> Moments | None:
    """⟨σ⁻_n⟩ and populations of the initial state, or None if emitters are correlated.

    A small population of a pure state follows from ⟨σ⁻⟩, which has all digits.
    """
    found = uncorrelated(request.state, len(request.couplings))
    if found is None:
        return None
    lowered, excited = found[0], (1 + found[1]) / 2
    squared = np.minimum(np.abs(lowered) ** 2, 0.25)
    pure = 2 * squared / (1 + np.sqrt(1 - 4 * squared))
    return lowered, np.where(np.abs(excited - pure) <= _ROUND_OFF, pure, excited)


def alone(request: Request) -> bool:
    """Whether excited emitters have no mean field: not coherent, and nothing drives them."""
    found = moments(request)
    assert found is not None
    lowered, excited = found
    coherent = np.abs(lowered).max() > COHERENT or np.any(request.couplings.drive)
    return not coherent and bool(excited.max() > 0)


def units(request: Request, phases: int) -> tuple[float, float]:
    """How large s and e become at most, roughly: 1, or less where excitation is weak.

    Absolute tolerances are in these units, so that weak excitation keeps its digits.
    """
    couplings, found = request.couplings, moments(request)
    assert found is not None
    own = float((couplings.decay.diagonal().real + couplings.pump).max())
    strongest = float(np.abs(request.pulse).max()) if len(request.pulse) else 1.0
    drive = float(np.abs(couplings.drive).max()) * strongest
    started, pump = float(found[1].max()), float(couplings.pump.max())
    if drive + pump >= own:
        return 1.0, 1.0
    weak = max(started**0.5 if phases else float(np.abs(found[0]).max()), drive / own)
    excited = max(weak**2, started, pump / own)
    return max(weak, _WEAKEST) if weak else 1.0, max(excited, _WEAKEST) if excited else 1.0


def with_random_phases(
    lowered: NDArray[np.complex128],
    excited: NDArray[np.float64],
    count: int,
    seed: int,
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    r"""Starts s and e, (N, B), whose phases stand for the noise by which emission begins.

    .. math:: s_n = ⟨σ^-_n⟩ + \sqrt{⟨σ^+_nσ^-_n⟩ − |⟨σ^-_n⟩|^2}\; e^{iφ_n}

    so that s and ``|s|²`` have the means of σ⁻ and σ⁺σ⁻, and correlations between emitters begin to
    grow as they should.

    Args:
        lowered: ⟨σ⁻_n⟩, (N,).
        excited: ⟨σ⁺_nσ⁻_n⟩, (N,).
        count: number B of samples.
        seed: of the phases.
    """
    size = np.sqrt(np.maximum(excited - np.abs(lowered) ** 2, 0.0))
    turns = np.random.default_rng(seed).random((count, len(lowered))).T
    s = lowered[:, None] + size[:, None] * np.exp(2j * np.pi * turns)
    return s, np.broadcast_to(excited[:, None], s.shape).copy()
