r"""Coherences and spectra of identical emitters, or of a few species, from ρ between Dicke states.

These are the sums of `photons` and `spectra` for all light, for numbers of emitters whose full ρ
of 4^N numbers does not fit. The states, and the effect of a photon on them, are in
`evolution.steady_identical` and `evolution.steady_species`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.engines.numerics.factors import factored
from collective.evolution import steady_identical, steady_species
from collective.evolution.steady_identical import Coherence, Light
from collective.evolution.steady_species import SpeciesLight
from collective.observables import _inputs
from collective.observables._delayed_moments import moments
from collective.observables._regression import check_light, require_source

AnyLight = Light | SpeciesLight

_MISSING_PHOTONS = 1e-9  # largest error of the number of photons, relative to the excitations


class TrappedError(ValueError):
    """Excitation stays in dark states, which only the full ρ can separate from the rest."""


def light(
    couplings: Couplings,
    state: Any,
    start: Any,
    observable: str,
    *,
    everything: bool = True,
    dark: bool = False,
) -> AnyLight | None:
    """ρ between Dicke states, or None where the full ρ has to be used.

    Args:
        couplings: any.
        state: the state that emits the light, or None for the steady state.
        start: the state from which the steady state is reached, or None.
        observable: its name, for errors.
        everything: whether the light of all directions is observed, not that of one direction.
        dark: whether a steady state without light is allowed.

    Raises:
        ValueError: for thermal light, a steady state that is dark or not unique, a start together
            with a state, or a start that is on no Dicke ladder.
    """
    if start is not None and state is not None:
        raise ValueError(
            f"{observable}: start belongs to a steady state, but state gives another state; leave "
            "one of them out"
        )
    steady_species.check_start(observable, couplings, start)
    if not dark:
        _inputs.require_cold(couplings, observable)
        if state is None:
            require_source(couplings, observable)
    if not everything and start is not None:
        raise ValueError(
            f"{observable}: start is possible for all light of identical emitters, not for one "
            f"direction{'' if observable == 'g2' else ' or one site'}; leave out "
            f"{'directions' if observable == 'g2' else 'direction and site'}"
        )
    if not everything or (len(couplings) < steady_identical.FEWEST and start is None):
        return None
    found = steady_identical.light(couplings, state, observable, start)
    return steady_species.light(couplings, state, observable, start) if found is None else found


def g2(light: AnyLight, delays: NDArray[np.float64]) -> NDArray[np.float64]:
    """⟨⟨rate| e^{Lτ} 𝒥ρ⟩⟩ divided by the rates at both times, (K,)."""
    rho, rate, trace, brightest = light.rho, light.rate(), light.trace(), light.brightest
    after = light.photons() @ rho
    bright = float((trace @ after).real)
    check_light(bright, brightest, "g2 is normalised to the light at time 0")
    weights = light.weights() if light.steady else np.ones(len(rho))
    starts = np.stack([after, rho], axis=1) / weights[:, None]
    limit = _limit(light)
    stationary = None
    if limit is not None:
        stationary = (limit / weights, trace * weights)
    found = moments(
        _rescaled(light.generator() * light.unit, weights),
        starts,
        (rate * weights)[None],
        delays,
        "g2",
        stationary=stationary,
    )
    counted, later = found[:, 0].real.T
    check_light(later.min(), brightest, f"g2 at a delay of {delays[np.argmin(later)]:g}")
    return np.asarray(counted / (bright * later))


def g1(light: AnyLight, delays: NDArray[np.float64]) -> NDArray[np.complex128]:
    """ΣΓ_mn⟨σ⁺_m(0)σ⁻_n(τ)⟩ divided by its value at τ = 0, (K,)."""
    parts = light.coherences(light.rho, "g1", factors=False)
    zero = sum(float(np.einsum("cn,nc->", part.rows, part.vectors).real) for part in parts)
    check_light(zero, light.brightest, "g1 is normalised to the light at time 0")
    found = np.zeros(len(delays), dtype=complex)
    for part in parts:
        stationary = (part.limit, part.trace) if light.steady and light.driven else None
        each = moments(
            part.generator * light.unit,
            part.vectors,
            part.rows,
            delays,
            "g1",
            stationary=stationary,
        )
        found += np.einsum("kcc->k", each)
    return np.asarray(found / zero)


def spectrum(
    light: AnyLight, frequencies: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, float]:
    """Values of the spectrum (F,), the elastic line and ∫S dω, of a steady state or a decay."""
    rho = light.rho if light.steady else _time_integral(light)
    coherent = total = 0.0
    sources = []
    for part in light.coherences(rho, "the spectrum", factors=True):
        vectors = part.vectors
        if light.steady:
            means = part.trace @ vectors
            coherent += float((part.rows @ part.limit @ means).real)
            vectors = vectors - np.outer(part.limit, means)
        total += float(np.einsum("cn,nc->", part.rows, vectors).real)
        sources.append((part, vectors))
    what, brightest = "rate", light.brightest
    if not light.steady:
        what, brightest = "photons", float(light.count)
    check_light(total + coherent, brightest, "spectrum", what)
    unit = light.unit
    values = np.array(
        [sum(_resolved(part, vectors, w / unit) for part, vectors in sources) for w in frequencies]
    )
    if light.steady:
        return values / np.pi, coherent * unit, total * unit
    return values / (np.pi * unit), 0.0, total


def _resolved(part: Coherence, vectors: NDArray[Any], frequency: float) -> float:
    """Re Σ_c row_c·(−iω − L)⁻¹·vector_c, for vectors of trace zero.

    Args:
        part: its generator, rows and trace are read.
        vectors: (S, C).
        frequency: ω in the unit of L.
    """
    from scipy.sparse import csr_array, eye_array, vstack

    system = (-1j * frequency * eye_array(len(vectors)) - part.generator).tocsr()
    if np.any(part.trace):
        # the first row follows from the others: it is replaced by "the trace is zero"
        scale = float(abs(system).sum(axis=1).max())
        system = vstack([csr_array(scale * part.trace[None]), system[1:]])
        vectors = np.concatenate([np.zeros((1, vectors.shape[1])), vectors[1:]])
    try:
        solve = factored(system)
        pairs = zip(part.rows, vectors.T, strict=True)
        return sum(float((row @ solve(vector)).real) for row, vector in pairs)
    except (RuntimeError, ArithmeticError):
        raise ValueError(
            f"spectrum: a coherence never decays, so that its line at {frequency:g} (in units of "
            "the largest rate) has no width; add a little dephasing"
        ) from None


def _time_integral(light: AnyLight) -> NDArray[np.complex128]:
    """∫₀^∞dt (ρ(t) − ρ(∞)) of a decay to the ground state, which is entry 0 and set to 0, (S,)."""
    rest = light.generator()[1:, 1:]
    try:
        lived = factored(-rest)(light.rho[1:])
    except (RuntimeError, ArithmeticError):
        raise TrappedError(
            "spectrum: some of the excitation stays in dark states forever; only the full ρ of at "
            "most six emitters can separate it from the rest; add individual decay"
        ) from None
    found = np.append(0.0, lived)
    photons = float((light.rate() @ found).real)
    excited = float((light.excitation() @ light.rho).real)
    if abs(photons - excited) > _MISSING_PHOTONS * max(1.0, excited):
        raise TrappedError(
            f"spectrum: {excited - photons:.2g} of {excited:.6g} photons are missing: the "
            "excitation stays in dark states, or decays at rates far below the others; add "
            "individual decay"
        )
    return found


def _limit(light: AnyLight) -> NDArray[np.complex128] | None:
    """ρ at infinite time, (S,), or None where it is not unique."""
    if light.steady:
        return light.rho
    if not (light.driven or light.pumped):
        return np.eye(1, len(light.rho), dtype=complex)[0]  # the ground state
    try:
        return light.limit("g2")
    except ValueError:
        return None


def _rescaled(matrix: Any, weights: NDArray[np.float64]) -> Any:
    """L acting on entries that are divided by their weights, sparse (S, S)."""
    from scipy.sparse import csr_array, diags_array

    if np.all(weights == 1):
        return csr_array(matrix)
    return csr_array(diags_array(1 / weights) @ matrix @ diags_array(weights))
