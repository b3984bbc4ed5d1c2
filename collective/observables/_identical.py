r"""Coherences and spectra of identical emitters, from ρ between Dicke states.

The same sums as in `photons` and `spectra` for all light, where the full ρ of 4^N numbers would be
out of reach: `engines._dicke_steady` has the states and what a photon does to them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.engines.numerics.factors import factored
from collective.evolution import steady_identical
from collective.evolution.steady_identical import Light
from collective.observables import _given
from collective.observables._delays import moments
from collective.observables._regression import check_light, require_source

_MISSED = 1e-9  # of the photons


class TrappedError(ValueError):
    """Light that stays in dark states, which only the full ρ tells from the rest."""


def light(
    couplings: Couplings,
    state: Any,
    start: Any,
    observable: str,
    *,
    everything: bool = True,
    dark: bool = False,
) -> Light | None:
    """ρ between Dicke states, or None where the full one is meant.

    Args:
        couplings: any.
        state: whose light it is, or None for the steady state.
        start: from where the steady state is reached, or None.
        observable: for errors.
        everything: whether all light is looked at, not one direction.
        dark: whether a steady state without light will do.

    Raises:
        ValueError: for thermal light, a dark steady state, or one that is not unique; a start
            beside a state, or on no Dicke ladder.
    """
    if start is not None and state is not None:
        raise ValueError(
            f"{observable}: start says from where a steady state is reached, and state gives "
            "another state; leave one of them out"
        )
    steady_identical.check_start(observable, couplings, start)
    if not dark:
        _given.cold(couplings, observable)
        if state is None:
            require_source(couplings, observable)
    if not everything and start is not None:
        raise ValueError(
            f"{observable}: start is for all light of identical emitters, not for one direction: "
            f"leave out {'directions' if observable == 'g2' else 'direction'}"
        )
    if not everything or (len(couplings) < steady_identical.FEWEST and start is None):
        return None
    return steady_identical.found(couplings, state, observable, start)


def g2(light: Light, delays: NDArray[np.float64]) -> NDArray[np.float64]:
    """⟨⟨rate| e^{Lτ} 𝒥ρ⟩⟩ over the rates at both times, (K,)."""
    e, space, rho = light.e, light.space, light.rho
    brightest = e.n * (e.collective + e.individual)
    rate = light.rate()
    after = space.photons() @ rho
    bright = float((space.trace() @ after).real)
    check_light(bright, brightest, "g2 is normalised to the light at time 0")
    weights = steady_identical.orders(space, rho) if light.steady else np.ones(len(rho))
    starts = np.stack([after, rho], axis=1) / weights[:, None]
    forever = _forever(light)
    stationary = None
    if forever is not None:
        stationary = (forever / weights, space.trace() * weights)
    found = moments(
        _graded(space.generator() * light.unit, weights),
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
    """ΣΓ_mn⟨σ⁺_m(0)σ⁻_n(τ)⟩ over its value at τ = 0, (K,)."""
    e = light.e
    space, vector, row = light.one_photon(light.rho, "g1", factors=False)
    zero = float((row @ vector).real)
    brightest = e.n * (e.collective + e.individual)
    check_light(zero, brightest, "g1 is normalised to the light at time 0")
    stationary = light.whole(space) if light.steady and e.drive else None
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
    e = light.e
    rho = light.rho if light.steady else _lifetime(light)
    space, vector, row = light.one_photon(rho, "the spectrum", factors=True)
    forever, trace = light.whole(space)
    coherent = 0.0
    if light.steady:
        mean = trace @ vector
        coherent = float((row @ forever * mean).real)
        vector = vector - forever * mean
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
    """Re row·(−iω − L)⁻¹·vector, of a vector without trace."""
    from scipy.sparse import csr_array, eye_array, vstack

    system = (-1j * frequency * eye_array(len(row)) - generator).tocsr()
    if np.any(trace):
        # its first row is implied by the others: in its place, the solution has no trace
        scale = float(abs(system).sum(axis=1).max())
        system = vstack([csr_array(scale * trace[None]), system[1:]])
        vector = np.append(0.0, vector[1:])
    try:
        return float((row @ factored(system)(vector)).real)
    except (RuntimeError, ArithmeticError):
        raise ValueError(
            f"spectrum: a coherence never decays, its line at {frequency:g} (in units of the "
            "largest rate) has no width; add a little dephasing"
        ) from None


def _lifetime(light: Light) -> NDArray[np.complex128]:
    """∫₀^∞dt (ρ(t) − ρ(∞)) of a decay to the ground state, which is entry 0 and left at 0."""
    rest = light.space.generator()[1:, 1:]
    try:
        lived = factored(-rest)(light.rho[1:])
    except (RuntimeError, ArithmeticError):
        raise TrappedError(
            "spectrum: some of the excitation stays in dark states for ever, which only the full "
            "ρ of at most six emitters tells from the rest; add individual decay"
        ) from None
    found = np.append(0.0, lived)
    photons = float((light.rate() @ found).real)
    excited = float((light.space.k * light.space.trace() @ light.rho).real)
    if abs(photons - excited) > _MISSED * max(1.0, excited):
        raise TrappedError(
            f"spectrum: {excited - photons:.2g} of {excited:.6g} photons are missing, lost to "
            "dark states or to rates far below the others; add individual decay"
        )
    return found


def _forever(light: Light) -> NDArray[np.complex128] | None:
    """What ρ comes to, if that is unique."""
    if light.steady:
        return light.rho
    if not (light.e.drive or light.e.pump):
        return np.eye(1, len(light.rho), dtype=complex)[0]  # the ground state
    try:
        return steady_identical.steady(light.e, "g2", symmetric=True)[1]
    except ValueError:
        return None


def _graded(matrix: Any, weights: NDArray[np.float64]) -> Any:
    """L between entries divided by their weights."""
    from scipy.sparse import csr_array, diags_array

    if np.all(weights == 1):
        return csr_array(matrix)
    return csr_array(diags_array(1 / weights) @ matrix @ diags_array(weights))
