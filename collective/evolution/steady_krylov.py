r"""The only state with Lρ = 0, from products of L with vectors.

From any state ρ₀ the steady state is ρ = ρ₀ + x with Lx = −Lρ₀ and tr x = 0, which is found by
GMRES (`steady_space`). ρ₀ is the state that lives longest between two jumps.

The steady state is unique if a second start, a product state at random, comes to the same state.
The difference of the two starts is reduced until almost nothing of it is left. If L annihilates
what is left before that, there is another steady state. A slow mode, which L nearly annihilates,
is reduced too, as long as its rate is above round-off.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import excited
from collective.evolution.steady_space import FEWEST, ROUND_OFF, Space

if TYPE_CHECKING:
    from collective.evolution.steady_generator import Generator

ZERO = 1e-11  # eigenvalue over the norm of L below which there is a second steady state
_ENOUGH = 4  # times that residual counts as none
_ACCEPTED = 1e-12  # residual over the norms of L and ρ; a larger one is an error
_SAME = 1e-5  # what is left of the difference of two starts that come to the same state
_NEARLY_SAME = 0.1  # the same, where a mode is so slow that round-off hides the rest
_STAGE = 1e-3  # the difference of two starts is reduced by this factor at a time
_TRIES = 12  # times that a residual is computed anew
_WEAK = 0.1  # √ of the mean excitation, below which small entries are found with their own scale


class NotUniqueError(ValueError):
    """There is more than one steady state, up to round-off.

    Args:
        gap: a second eigenvalue of L within this distance of zero, relative to the norm.
    """

    def __init__(self, gap: float):
        super().__init__(f"a second eigenvalue lies within {gap:.1e} of zero")
        self.gap = gap


class NotConvergedError(ValueError):
    """The residual of the steady state does not become small."""


@dataclass(frozen=True, eq=False)
class Steady:
    """A steady state and how well it is known.

    Attributes:
        vector: ρ, (S,), of trace 1.
        residual: ‖Lρ‖, the Frobenius norm, in the unit of the generator.
        gap: an estimate of the smallest ‖Lx‖/‖x‖ for matrices of trace 0, in this unit.
        applications: how often L was applied.
    """

    vector: NDArray[np.float64]
    residual: float
    gap: float
    applications: int


def bytes_needed(side: int) -> int:
    """Bytes for a state of D levels: H_eff and its eigenvectors, and the fewest directions."""
    return side**2 * (12 * 16 + 16 * FEWEST)


def steady(generator: "Generator", report: Callable[[float], None]) -> Steady:
    """The only state that L annihilates.

    Args:
        generator: L.
        report: is called with the share of the work that is done, from 0 to 1.

    Raises:
        NotUniqueError: if there is another one.
        NotConvergedError: if the residual does not become small.
    """
    scale = generator.norm
    target = ROUND_OFF * scale

    def shown(norm: float) -> None:
        report(0.6 * float(np.clip(np.log(max(norm, target)) / np.log(target), 0, 1)))

    start = _slowest(generator)
    space = Space(generator, start, shown)
    rho, residual = _solved(generator, space, start)
    _check_unique(generator, space, rho, report)
    gap, made = space.gap(rho), space.applications
    del space
    number = _mean_excitation(generator, rho)
    if number is not None and number < _WEAK**2:
        fine = generator.scaled(_amplitudes(generator, np.sqrt(max(number, 1e-16))))
        start = _slowest(fine)
        space = Space(fine, start, lambda norm: None)
        vector, _ = _solved(fine, space, start)
        rho = generator.pack(fine.unpack(vector), real=True)
        rho /= generator.trace @ rho
        residual = float(np.linalg.norm(generator.apply(rho)))
        made += space.applications
    return Steady(rho, residual, gap, made)


def _solved(
    generator: "Generator", space: Space, start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """The steady state that a start of trace 1 comes to, (S,), and its residual."""
    rho, before = start, np.inf
    for _ in range(_TRIES):
        slope = generator.apply(rho)
        residual, size = float(np.linalg.norm(slope)), float(np.linalg.norm(rho))
        target = ROUND_OFF * generator.norm * size
        if residual <= _ENOUGH * target or not residual < before / 2:
            break
        found, _ = space.reduced(-slope, target)
        rho, before = rho + found, residual
        rho /= generator.trace @ rho
    if not residual <= _ACCEPTED * generator.norm * size:
        raise NotConvergedError(
            f"the steady state is known only to a residual ‖Lρ‖ of {residual:.1e} in the unit of "
            f"the largest rate, after {space.applications} products with L: many states live too "
            "long beside the others; evolve from a state to late times, or add dephasing, a pump "
            "or individual decay"
        )
    return rho, residual


def _check_unique(
    generator: "Generator",
    space: Space,
    rho: NDArray[np.float64],
    report: Callable[[float], None],
) -> None:
    """Raise `NotUniqueError` if a second start does not come to the same state."""
    difference = _second_start(generator) - rho
    first = float(np.linalg.norm(difference))
    size, before = first, np.inf
    for k in range(_TRIES):
        slope = generator.apply(difference)
        norm = float(np.linalg.norm(slope))
        if not norm > ZERO * generator.norm * size:
            raise NotUniqueError(norm / (generator.norm * size))
        if not norm < before / 2:
            break
        found, _ = space.reduced(slope, _STAGE * norm)
        difference = difference - found
        difference -= (generator.trace @ difference) * rho
        size, before = float(np.linalg.norm(difference)), norm
        report(0.6 + 0.4 * (k + 1) / _TRIES)
        if size <= _SAME * first:
            return
    if size > _NEARLY_SAME * first:
        raise NotUniqueError(norm / (generator.norm * size))


def _slowest(generator: "Generator") -> NDArray[np.float64]:
    """The state that lives longest between two jumps, (S,)."""
    ket = generator.inverse.slowest
    found = generator.panels_of(np.outer(ket, ket.conj()))
    return found / (generator.trace @ found)


def _second_start(generator: "Generator") -> NDArray[np.float64]:
    """A product of pure states at random, the same for each call, (S,)."""
    rng = np.random.default_rng(1)
    ket = np.ones(1, dtype=complex)
    for levels in generator.dims:
        one = rng.normal(size=levels) + 1j * rng.normal(size=levels)
        ket = np.kron(ket, one / np.linalg.norm(one))
    return generator.pack(np.outer(ket, ket.conj()), real=True)


def _mean_excitation(generator: "Generator", rho: NDArray[np.float64]) -> float | None:
    """The mean number of excited two-level emitters; None for others."""
    if any(levels != 2 for levels in generator.dims):
        return None
    counts = excited(len(generator.dims)).sum(axis=1)
    return float(counts @ generator.unpack(rho).diagonal().real)


def _amplitudes(generator: "Generator", one: float) -> NDArray[np.float64]:
    """The expected amplitude of each state: that of one excitation to the power of their number."""
    counts = excited(len(generator.dims)).sum(axis=1)
    return np.asarray(one**counts)
