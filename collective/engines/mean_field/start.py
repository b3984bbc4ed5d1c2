"""Where a run starts: product states, and random phases where nothing is coherent."""

import numpy as np
from numpy.typing import NDArray

from collective.engines.request import Request
from collective.states.moments import uncorrelated

COHERENT = 1e-12  # ⟨σ⁻⟩; a smaller one is round-off

Moments = tuple[NDArray[np.complex128], NDArray[np.float64]]


def moments(request: Request) -> Moments | None:
    """⟨σ⁻_n⟩ and z_n of the initial state, or None if emitters are correlated."""
    return uncorrelated(request.state, len(request.couplings))


def alone(request: Request) -> bool:
    """Whether excited emitters have no mean field: not coherent, and nothing drives them."""
    found = moments(request)
    assert found is not None
    lowered, inversion = found
    coherent = np.abs(lowered).max() > COHERENT or np.any(request.couplings.drive)
    return not coherent and bool(inversion.max() > -1)


def with_random_phases(
    lowered: NDArray[np.complex128],
    inversion: NDArray[np.float64],
    count: int,
    seed: int,
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    r"""Starts s and z, (N, B), whose phases stand for the noise by which emission begins.

    .. math:: s_n = ⟨σ^-_n⟩ + \sqrt{⟨σ^+_nσ^-_n⟩ − |⟨σ^-_n⟩|^2}\; e^{iφ_n}

    so that s and ``|s|²`` have the means of σ⁻ and σ⁺σ⁻, and correlations between emitters begin to
    grow as they should.

    Args:
        lowered: ⟨σ⁻_n⟩, (N,).
        inversion: z_n, (N,).
        count: number B of samples.
        seed: of the phases.
    """
    excited = (1 + inversion) / 2
    size = np.sqrt(np.maximum(excited - np.abs(lowered) ** 2, 0.0))
    turns = np.random.default_rng(seed).random((count, len(lowered))).T
    s = lowered[:, None] + size[:, None] * np.exp(2j * np.pi * turns)
    return s, np.broadcast_to(inversion[:, None], s.shape).copy()
