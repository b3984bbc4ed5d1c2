r"""Coherences and spectra of identical emitters, from ρ between Dicke states.

These are the sums of `photons` and `spectra` for all light, for numbers of emitters whose full ρ
of 4^N numbers does not fit. The states, and the effect of a photon on them, are in
`evolution.steady_identical`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.engines.numerics.factors import factored
from collective.evolution import steady_identical
from collective.evolution.steady_identical import Light
from collective.observables import _inputs
from collective.observables._delayed_moments import moments
from collective.observables._regression import check_light, require_source

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
) -> Light | None:
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
    steady_identical.check_start(observable, couplings, start)
    if not dark:
        _inputs.require_cold(couplings, observable)
        if state is None:
            require_source(couplings, observable)
    if not everything and start is not None:
        raise ValueError(
            f"{observable}: start is possible for all light of identical emitters, not for one "
            f"direction; leave out {'directions' if observable == 'g2' else 'direction'}"
        )
    if not everything or (len(couplings) < steady_identical.FEWEST and start is None):
        return None
    return steady_identical.light(couplings, state, observable, start)


def g2(light: Light, delays: NDArray[np.float64]) -> NDArray[np.float64]:
    """⟨⟨rate| e^{Lτ} 𝒥ρ⟩⟩ divided by the rates at both times, (K,)."""
    e, space, rho = light.emitters, light.space, light.rho
    brightest = e.n * (e.collective + e.individual)
    rate = light.rate()
    after = space.photons() @ rho
    bright = float((space.trace() @ after).real)
    check_light(bright, brightest, "g2 is normalised to the light at time 0")
    weights = steady_identical.magnitudes(space, rho) if light.steady else np.ones(len(rho))
    starts = np.stack([after, rho], axis=1) / weights[:, None]
    limit = _limit(light)
    stationary = None
    if limit is not None:
        stationary = (limit / weights, space.trace() * weights)
    found = moments(
        _rescaled(space.generator() * light.unit, weights),
        starts,
        (rate * weights)[None],
        delays,
        "g2",
        stationary=stationary,
    )
    counted, later = found[:, 0].real.T
    check_light(later.min(), brightest, f"g2 at a delay of {delays[np.argmin(later)]:g}")
    return np.asarray(counted / (bright * later))


def g1(light: Light, delays: NDArray[np.float64]) -> NDArray[np.complex128]:
    """ΣΓ_mn⟨σ⁺_m(0)σ⁻_n(τ)⟩ divided by its value at τ = 0, (K,)."""
    e = light.emitters
    space, vector, row = light.one_photon(light.rho, "g1", factors=False)
    zero = float((row @ vector).real)
    brightest = e.n * (e.collective + e.individual)
    check_light(zero, brightest, "g1 is normalised to the light at time 0")
    stationary = light.stationary(space) if light.steady and e.drive else None
    found = moments(
        space.generator() * light.unit,
        vector[:, None],
        row[None],
        delays,
        "g1",
        stationary=stationary,
    )
    return np.asarray(found[:, 0, 0] / zero)


def spectrum(
    light: Light, frequencies: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, float]:
    """Values of the spectrum (F,), the elastic line and ∫S dω, of a steady state or a decay."""
    e = light.emitters
    rho = light.rho if light.steady else _time_integral(light)
    space, vector, row = light.one_photon(rho, "the spectrum", factors=True)
    limit, trace = light.stationary(space)
    coherent = 0.0
    if light.steady:
        mean = trace @ vector
        coherent = float((row @ limit * mean).real)
        vector = vector - limit * mean
    total = float((row @ vector).real)
    what, brightest = "rate", e.n * (e.collective + e.individual)
    if not light.steady:
        what, brightest = "photons", float(e.n)
    check_light(total + coherent, brightest, "spectrum", what)
    values = np.array(
        [_resolved(space.generator(), trace, row, vector, w / light.unit) for w in frequencies]
    )
    unit = light.unit
    if light.steady:
        return values / np.pi, coherent * unit, total * unit
    return values / (np.pi * unit), 0.0, total


def _resolved(
    generator: Any,
    trace: NDArray[np.float64],
    row: NDArray[Any],
    vector: NDArray[Any],
    frequency: float,
) -> float:
    """Re row·(−iω − L)⁻¹·vector, for a vector of trace zero.

    Args:
        generator: L, sparse (S, S).
        trace: row whose product with a vector is its trace, (S,); zeros where no entry has one.
        row: (S,).
        vector: (S,).
        frequency: ω in the unit of L.
    """
    from scipy.sparse import csr_array, eye_array, vstack

    system = (-1j * frequency * eye_array(len(row)) - generator).tocsr()
    if np.any(trace):
        # the first row follows from the others: it is replaced by "the trace is zero"
        scale = float(abs(system).sum(axis=1).max())
        system = vstack([csr_array(scale * trace[None]), system[1:]])
        vector = np.append(0.0, vector[1:])
    try:
        return float((row @ factored(system)(vector)).real)
    except (RuntimeError, ArithmeticError):
        raise ValueError(
            f"spectrum: a coherence never decays, so that its line at {frequency:g} (in units of "
            "the largest rate) has no width; add a little dephasing"
        ) from None


def _time_integral(light: Light) -> NDArray[np.complex128]:
    """∫₀^∞dt (ρ(t) − ρ(∞)) of a decay to the ground state, which is entry 0 and set to 0, (S,)."""
    rest = light.space.generator()[1:, 1:]
    try:
        lived = factored(-rest)(light.rho[1:])
    except (RuntimeError, ArithmeticError):
        raise TrappedError(
            "spectrum: some of the excitation stays in dark states forever; only the full ρ of at "
            "most six emitters can separate it from the rest; add individual decay"
        ) from None
    found = np.append(0.0, lived)
    photons = float((light.rate() @ found).real)
    excited = float((light.space.k * light.space.trace() @ light.rho).real)
    if abs(photons - excited) > _MISSING_PHOTONS * max(1.0, excited):
        raise TrappedError(
            f"spectrum: {excited - photons:.2g} of {excited:.6g} photons are missing: the "
            "excitation stays in dark states, or decays at rates far below the others; add "
            "individual decay"
        )
    return found


def _limit(light: Light) -> NDArray[np.complex128] | None:
    """ρ at infinite time, (S,), or None where it is not unique."""
    if light.steady:
        return light.rho
    if not (light.emitters.drive or light.emitters.pump):
        return np.eye(1, len(light.rho), dtype=complex)[0]  # the ground state
    try:
        return steady_identical.steady(light.emitters, "g2", symmetric=True)[1]
    except ValueError:
        return None


def _rescaled(matrix: Any, weights: NDArray[np.float64]) -> Any:
    """L acting on entries that are divided by their weights, sparse (S, S)."""
    from scipy.sparse import csr_array, diags_array

    if np.all(weights == 1):
        return csr_array(matrix)
    return csr_array(diags_array(1 / weights) @ matrix @ diags_array(weights))
