r"""Correlations of two times between fewer entries of ρ: by excitations, and of identical emitters.

Without anything that excites the emitters ρσ⁺_m has one excitation more in its rows than in its
columns, and only those blocks of ρ matter that have equally many (see `_falling`). For identical
emitters all sites m are alike, and so are all pairs m ≠ n:

.. math:: ⟨σ^+_1(t)σ^-_1(t+τ)⟩, \qquad
          ⟨σ^+_1(t)σ^-_2(t+τ)⟩ = \frac{1}{N−1}\sum_{n>1}⟨σ^+_1(t)σ^-_n(t+τ)⟩

follow from ρ between Dicke states with emitter 1 kept apart (`dicke_space.one_apart`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.couplings.couplings import Couplings
from collective.engines.basis.dicke_space import Space, entries, one_apart
from collective.evolution.steady_identical import Light, check_size
from collective.observables import _falling
from collective.observables._falling import Falling
from collective.observables._two_times import (
    COHERENCE,
    NAME,
    Operators,
    Route,
    Stationary,
    all_pairs,
)

_BYTES_ENTRY = 1900  # per entry with one emitter apart: two spaces, the generator, its transpose


def blocks(couplings: Couplings, state: Any, operators: Operators) -> Route | None:
    """The route by number of excitations, or None if the answer is zero at all times.

    Args:
        couplings: in units of a rate, without anything that excites the emitters.
        state: at the first time.
        operators: "coherence" or "coincidence".
    """
    coherent = operators == COHERENCE
    q, n = int(coherent), len(couplings)
    checked, highest = _falling.checked_highest(couplings, state, 0, NAME)
    if highest < 1 + (not coherent):
        return None
    if highest == 1 and not np.any(couplings.dephasing):
        return _amplitudes(couplings, checked)
    _falling.check_size(n, highest, *{0, q}, what=NAME)
    falling = Falling(couplings, highest)
    shapes, unit = falling.shapes(0), np.eye(n)
    ends = np.cumsum([rows * columns for rows, columns in shapes])

    def sources(vector: NDArray[Any]) -> NDArray[Any]:
        parts = np.split(vector[:, 0], ends[:-1])
        rho = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        if coherent:
            return _falling.after_photon(falling, rho, unit)
        return np.stack([_lowered_twice(falling, rho, row) for row in unit], axis=1)

    if coherent:
        rows = _falling.seen(falling, unit)
    else:
        rates = [[falling.rate(k, np.diag(row)) for k in range(highest + 1)] for row in unit]
        rows = np.array([_falling.stacked([each.toarray().T for each in row]) for row in rates])
    rho = [falling.density(checked, k) for k in range(highest + 1)]
    before = falling.generator(0)
    trace = _falling.stacked([np.eye(size) for size in falling.sizes]).real
    ground = np.eye(1, len(trace), dtype=complex)[0]
    return Route(
        before,
        _falling.stacked(rho)[:, None],
        (ground, trace),
        falling.generator(1) if q else before,
        sources,
        rows,
        None if q else (ground, trace),
        all_pairs,
    )


def _lowered_twice(
    falling: Falling, rho: list[NDArray[Any]], channel: NDArray[Any]
) -> NDArray[np.complex128]:
    """Stacked LρL†, (S,)."""
    after = [np.zeros_like(each) for each in rho]
    for k in range(1, falling.highest + 1):
        low = falling.lowered(k, channel)
        after[k - 1] = low @ (low.conj() @ rho[k].T).T
    return _falling.stacked(after)


def _amplitudes(couplings: Couplings, state: Any) -> Route:
    """The route of one excitation: ⟨σ⁺_m(t)σ⁻_n(t+τ)⟩ is c_m(t)* c_n(t+τ)."""

    def answer(found: NDArray[Any], vectors: NDArray[Any]) -> NDArray[Any]:
        return np.einsum("bmr,bkrn->bkmn", vectors.conj(), found, optimize=True)

    matrix = _falling.amplitudes(couplings)
    return Route(
        matrix,
        _falling.one_excitation(couplings, state),
        None,
        matrix,
        lambda vectors: vectors,
        np.eye(len(couplings)),
        None,
        answer,
    )


def symmetric(light: Light, operators: Operators) -> Route:
    """The route of identical emitters between Dicke states, in units of the light.

    Args:
        light: ρ at the first time, or the steady state.
        operators: "coherence" or "coincidence".
    """
    e, coherent = light.emitters, operators == COHERENCE
    difference = None if e.drive else int(coherent)
    check_size(e, difference, NAME, apart=True, factors=False)
    size = entries(e.n - 1, difference is None, False, True)
    require(_BYTES_ENTRY * size, f"{NAME} of {e.n} identical emitters", "use fewer emitters")
    before = Space(e, light.space.difference, apart=True)
    after = Space(e, difference, apart=True)
    parted = one_apart(light.space, before)
    down = before.lowering(right=True)[-1]
    if coherent:  # ρσ⁺ of the emitter kept apart
        moved = before.moved((0, 0), down[:2], 0, down[2], after)
    else:  # σ⁻ρσ⁺
        moved = before.moved((0, -1), (0, -1), 0, 1.0 * before.s * before.s2, after)
    photon = before.summed([moved], after) @ parted
    limit = _limit(light)
    ending = None if coherent and not e.drive else limit
    if ending is not None:
        ending = (one_apart(light.space, after) @ ending[0], after.trace())
    return Route(
        light.generator(),
        light.rho[:, None],
        limit,
        after.generator(),
        lambda vector: photon @ vector,
        _sites(after, e.n, coherent=coherent),
        ending,
        lambda found, rho: _alike(found, e.n),
    )


def _sites(after: Space, n: int, *, coherent: bool) -> NDArray[np.complex128]:
    """Rows of the emitter kept apart, and of the mean of all others, (2, S')."""
    rows = np.zeros((2, len(after)), dtype=complex)
    if not coherent:
        trace = after.trace()
        rows[0], rows[1] = after.s * trace, after.k * trace / (n - 1)
        return rows
    bottom = Space(after.e, None if after.e.drive else 0, apart=True)
    trace = bottom.trace()
    others, one = after.lowering()
    for row, (dk, ds, amplitudes), count in zip(rows, (one, others), (1, n - 1), strict=True):
        to, source, kept = after.moved((dk, ds), (0, 0), 0, amplitudes, bottom)
        np.add.at(row, source, trace[to] * kept / count)
    return rows


def _alike(found: NDArray[Any], n: int) -> NDArray[np.complex128]:
    """All pairs (B, K, N, N) from one emitter with itself and with another, (B, K, 1, 2)."""
    own, other = found[:, :, 0, 0], found[:, :, 0, 1]
    pairs = np.empty((*own.shape, n, n), dtype=complex)
    pairs[:] = other[..., None, None]
    pairs[..., np.arange(n), np.arange(n)] = own[..., None]
    return pairs


def _limit(light: Light) -> Stationary | None:
    """ρ at infinite time and the row of the trace, or None where it is not known."""
    if light.steady:
        return light.rho, light.trace()
    if light.driven or light.pumped:
        return None
    return np.eye(1, len(light.rho), dtype=complex)[0], light.trace()
