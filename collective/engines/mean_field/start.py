"""Where a run starts: product states, and random phases where nothing is coherent."""

import numpy as np
from numpy.typing import NDArray

from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.engines.mean_field.equations import Equations
from collective.engines.mean_field.levels import LevelEquations
from collective.engines.request import Request
from collective.states.level_moments import uncorrelated_matrices
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


def density_matrices(request: Request) -> NDArray[np.complex128] | None:
    """The density matrix of each atom at the start, (N, L, L), or None if atoms are correlated."""
    if density_matrices not in request.memo:
        found = uncorrelated_matrices(request.state, request.channels.atoms)
        request.memo[density_matrices] = found
    kept: NDArray[np.complex128] | None = request.memo[density_matrices]
    return kept


def product(request: Request) -> bool:
    """Whether the emitters are not correlated at the start."""
    if isinstance(request.problem, ChannelCouplings):
        return density_matrices(request) is not None
    return moments(request) is not None


def alone(request: Request) -> bool:
    """Whether excited emitters have no mean field: not coherent, and nothing drives them."""
    dipole, excited = _largest(request)
    return not np.any(request.rwa.drive) and dipole <= COHERENT and excited > 0


def _largest(request: Request) -> tuple[float, float]:
    """The largest coherence between excited and ground levels, and the largest excitation."""
    if isinstance(request.problem, ChannelCouplings):
        rho, atoms = density_matrices(request), request.channels.atoms
        assert rho is not None
        up = int(atoms.excited.sum())
        dipoles = np.einsum("cge,meg->mc", atoms.channels, rho)
        return float(np.abs(dipoles).max()), float(np.einsum("mee->m", rho[:, :up, :up]).real.max())
    found = moments(request)
    assert found is not None
    return float(np.abs(found[0]).max()), float(found[1].max())


def units(request: Request, phases: int) -> tuple[float, float]:
    """How large s and e become at most, roughly: 1, or less where excitation is weak.

    Absolute tolerances are in these units, so that weak excitation keeps its digits.
    """
    couplings, (dipole, started) = request.rwa, _largest(request)
    pumped = couplings.pump if isinstance(couplings, Couplings) else np.zeros(1)
    pump, own = float(pumped.max()), float((couplings.decay.diagonal().real + pumped).max())
    strongest = float(np.abs(request.pulse).max()) if len(request.pulse) else 1.0
    drive = float(np.abs(couplings.drive).max()) * strongest
    if drive + pump >= own:
        return 1.0, 1.0
    weak = max(started**0.5 if phases else dipole, drive / own)
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


def begin(
    request: Request, equations: Equations | LevelEquations, groups: list[int], seed: int | None
) -> list[NDArray[np.float64]]:
    """The vectors of all groups of samples at the start.

    Args:
        request: with a state without correlations.
        equations: of its emitters.
        groups: how many samples are in each of them.
        seed: of random phases, or None for none.
    """
    ends, count = np.cumsum(groups)[:-1], sum(groups)
    if isinstance(equations, LevelEquations):
        rho = density_matrices(request)
        assert rho is not None
        upper = int(request.channels.atoms.excited.sum())
        if seed is not None:
            each = with_random_coherences(rho, upper, count, seed)
        else:
            each = np.broadcast_to(rho[:, None], (len(rho), count, *rho.shape[1:]))
        return [equations.joined(part) for part in np.split(each, ends, axis=1)]
    found = moments(request)
    assert found is not None
    s, e = (np.broadcast_to(x[:, None], (len(x), count)) for x in found)
    if seed is not None:
        s, e = with_random_phases(*found, count, seed)
    parts = zip(np.split(s, ends, axis=1), np.split(e, ends, axis=1), strict=True)
    return [equations.joined(*part) for part in parts]


def with_random_coherences(
    rho: NDArray[np.complex128], upper: int, count: int, seed: int
) -> NDArray[np.complex128]:
    r"""Starts ρ, (N, B, L, L), whose coherences between manifolds stand for the first noise.

    .. math:: ρ_{eg} → ρ_{eg} + \sum_j v^{(j)}_{eg}\sqrt{p_j}\,e^{iφ_j}

    with the eigenvectors v and eigenvalues p of the covariance of the operators \|g⟩⟨e\|,
    ⟨(\|g⟩⟨e\|)†\|g'⟩⟨e'\|⟩ − ρ*_eg ρ_e'g' = δ_gg' ρ_e'e − ρ*_eg ρ_e'g'. So the means of these
    products are right for every atom, and those of different atoms vanish. For two levels these are
    the phases of `with_random_phases`.

    Args:
        rho: (N, L, L), excited levels first.
        upper: number of excited levels.
        count: number B of samples.
        seed: of the phases.
    """
    n, levels = rho.shape[:2]
    lower, inner = levels - upper, rho[:, :upper, :upper]
    coherences = rho[:, :upper, upper:].reshape(n, -1)  # ρ_eg, e slowly
    covariance = np.einsum("mfe,gh->mfheg", inner, np.eye(lower)).reshape(n, upper * lower, -1)
    covariance = covariance - coherences[:, :, None] * coherences[:, None, :].conj()
    sizes, vectors = np.linalg.eigh(covariance)
    turns = np.random.default_rng(seed).random((count, n, upper * lower)).transpose(1, 2, 0)
    least = upper * lower * _ROUND_OFF * sizes[:, -1:]  # the root of round-off is far larger
    sizes = np.where(sizes > least, sizes, 0.0)
    drawn = np.sqrt(sizes)[:, :, None] * np.exp(2j * np.pi * turns)
    between = (coherences[:, :, None] + vectors @ drawn).transpose(0, 2, 1)
    between = between.reshape(n, count, upper, lower)
    found = np.repeat(rho[:, None], count, axis=1)
    found[:, :, :upper, upper:] = between
    found[:, :, upper:, :upper] = between.conj().swapaxes(-1, -2)
    return found
