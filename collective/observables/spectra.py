"""Light in frequency: first-order coherence, and the spectrum of the light of the emitters."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality, notebook
from collective._tools.console import printable, span
from collective._tools.warn import warn
from collective.couplings.couplings import Couplings
from collective.engines import timescale
from collective.observables import (
    _by_products,
    _delayed_moments,
    _falling,
    _identical_emitters,
    _inputs,
    _regression,
)
from collective.observables._detection import channels, emission_matrix
from collective.states import State

if TYPE_CHECKING:
    from qutip import Qobj

_MOST_FULL = 6  # largest number of emitters whose full ρ fits
_CANCELLATION = 1000 * float(np.finfo(float).eps)  # round-off of incoherent light over all light
_WARNED_ERROR = 1e-6  # relative error of the values from which on a warning is given


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum:
    """A spectrum of light, relative to the frame of the couplings.

    Attributes:
        frequencies: ω, (F,), relative to the frequency of the drive if there is one, else to ω₀.
        values: S(ω), (F,), per unit of angular frequency, and for one direction also per solid
            angle: a rate for a steady state (without the elastic line), a number of photons for a
            decay.
        coherent: rate of the elastic line at the frequency of the drive; 0 for a decay.
        total: exact ∫S dω over all frequencies; a sum over `values` gives less if the grid is
            coarse or narrow.
    """

    frequencies: NDArray[np.float64]
    values: NDArray[np.float64]
    coherent: float
    total: float

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.freeze(self, frequencies=self.frequencies, values=self.values)

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        peak = int(np.argmax(self.values))
        largest = f"{self.values[peak]:.6g} at ω = {self.frequencies[peak]:.6g}"
        plural = "y" if len(self.frequencies) == 1 else "ies"
        return (
            f"Spectrum: {len(self.frequencies)} frequenc{plural}\n"
            f"  frequencies    {span(self.frequencies)}\n"
            f"  largest value  {largest}\n"
            f"  total          {self.total:.6g}\n"
            f"  elastic line   {self.coherent:.6g}"
        )


def g1(
    couplings: Couplings,
    delays: ArrayLike,
    *,
    state: "State | str | Qobj | None" = None,
    direction: ArrayLike | None = None,
    site: int | None = None,
    start: "State | str | Qobj | None" = None,
) -> NDArray[np.complex128]:
    r"""First-order coherence of the emitted light, including its elastic part.

    .. math:: g^{(1)}(τ) = \frac{G(τ)}{G(0)}, \qquad
              G(τ) = \sum_{mn} D_{mn}⟨σ^+_m(0)σ^-_n(τ)⟩

    with D = Γ for all light, or the matrix of the far field in `angular_pattern` for one direction
    (which needs positions and vacuum). In the frame of the couplings light at ω goes as e^{−iωτ}.

    Args:
        couplings: of N emitters, N up to about 6 for a decay. Eight driven or pumped emitters take
            about ten seconds on one core for delays up to 10/Γ, ten take minutes. For all light of
            identical emitters N can be 100 if they only decay, are pumped, or are driven with
            purely collective decay, and about 40 if they are driven and decay individually; a few
            species of emitters take about 7 each. From a given state without drive and pump N can
            be about 10, more with few excitations, and thousands with one.
        delays: τ, (K,), increasing from 0 or later. They may be of any length if the light has
            become stationary by then.
        state: the state at time 0: a state of `co.states`, its name, or a QuTiP state; None means
            the steady state of driven or pumped emitters.
        direction: n̂, (3,), of any length but zero; None for all light.
        site: m, the only emitter whose light is seen, D_mm = Γ_mm alone; None for all of them.
            `correlation` has the coherences between all sites.
        start: only without `state`. Where there are several steady states, the one that this state
            comes to, as in `steady`.

    Returns:
        (K,) complex, 1 at τ = 0.

    Raises:
        ValueError: for bad delays, a bad direction or site, delays that would take hours, a steady
            state that is not unique, or if there is no light at time 0.
        ProblemTooLargeError: if the calculation does not fit into memory, before it starts.

    Example:
        >>> import numpy as np, collective as co
        >>> atom = co.Couplings([[1.0]], [[0.0]], detunings=np.pi)
        >>> co.observables.g1(atom, [0, 1], state="inverted").round(4)
        array([ 1.    +0.j, -0.6065-0.j])
    """
    checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    tau = _inputs.delays("delays", delays)
    identical = _identical_emitters.light(
        couplings, state, start, "g1", everything=direction is None and site is None
    )
    if identical is not None:
        return _identical_emitters.g1(identical, tau)
    unit = timescale.unit_of(couplings)  # it is not 0, because the emitters decay
    matrix = emission_matrix(couplings, direction, "g1", site=site) / unit
    couplings, tau = timescale.in_unit(couplings, unit), _delayed_moments.in_unit(tau, unit)
    if _falling.possible(couplings, state):
        return _falling.g1(couplings, matrix, tau, state, unit)
    if _by_products.suits(couplings):
        return _by_products.g1(couplings, matrix, tau, state, unit)
    _regression.check_size(couplings, "g1")
    rho = _regression.initial(couplings, state, "g1")
    operators = channels(matrix)
    # without a drive only entries are needed whose row has one excitation more than its column
    places = _regression.places_of(couplings, 1)
    starts = _regression.sources(rho, operators)[places]
    rows = _regression.read_out(operators)[:, places]
    zero = np.einsum("cn,nc->", rows, starts).real
    brightest = np.trace(matrix).real
    what = "g1, normalised to the light at time 0"
    _regression.check_light(zero * unit, brightest * unit, what)
    generator = _regression.generator(couplings, places)
    stationary = None
    if np.any(couplings.drive):
        stationary = _regression.stationary(couplings, rho, places, steady=state is None)
    later = _delayed_moments.moments(generator, starts, rows, tau, "g1", stationary=stationary)
    return np.asarray(np.einsum("kcc->k", later) / zero)


def spectrum(
    couplings: Couplings,
    frequencies: ArrayLike,
    *,
    state: "State | str | Qobj | None" = None,
    direction: ArrayLike | None = None,
    site: int | None = None,
    start: "State | str | Qobj | None" = None,
) -> Spectrum:
    r"""Spectrum of the light of a steady state, or of all light that a decaying state emits.

    .. math:: S(ω) = \frac{1}{π}\,\mathrm{Re}\int_0^∞ dτ\,e^{iωτ}
              \sum_{mn} D_{mn}\,[⟨σ^+_m(0)σ^-_n(τ)⟩ − ⟨σ^+_m⟩⟨σ^-_n⟩]

    in the steady state, where the subtracted product is the elastic line
    :math:`\sum D_{mn}⟨σ^+_m⟩⟨σ^-_n⟩\,δ(ω)`. For a decay, nothing is subtracted, and
    :math:`⟨σ^+_m(t)σ^-_n(t+τ)⟩` is integrated over t from 0 to ∞. Then ∫S dω is the incoherent
    emission rate of the steady state, or the number of photons of the decay. D is as in `g1`
    (Mollow, Phys. Rev. 188, 1969 (1969)). If the drive is so weak that the difference loses
    digits, a warning says how many.

    Args:
        couplings: of N emitters. Six that decay with dephasing take from seconds to half a minute
            on two cores; one more takes minutes and gigabytes, except with one excitation, for
            which 60 emitters take a tenth of a second, up to 300. For driven or pumped emitters
            the time hardly grows with the number of frequencies: six take 3 s on one core, eight a
            minute for all light and ten seconds for one direction. For all light of identical
            emitters, a hundred that decay, are pumped or are driven with purely collective decay
            take about 0.1 s for each frequency, and 20 that are driven and decay individually take
            0.5 s. Without dephasing eight emitters that decay take 0.15 s for
            each frequency, and a thousand with one excitation take 20 s in all.
        frequencies: ω, (F,), relative to the frequency of the drive if there is one, else to ω₀: a
            single emitter with detuning δ emits at ω = δ.
        state: the state that decays, for emitters without drive and pump; None means the steady
            state of driven or pumped emitters.
        direction: n̂, (3,), of any length but zero, for light per solid angle; None for all light.
        site: m, the only emitter whose light is seen, as by a detector close to it: D_mm = Γ_mm
            alone, and ∫S dω is Γ_mm times its population without the elastic part. None for all.
        start: only without `state`. Where there are several steady states, the one that this state
            comes to, as in `steady`.

    Returns:
        `Spectrum`, with `values` (F,).

    Raises:
        ValueError: for frequencies that are not finite, a bad direction or site, a steady state
            that is dark or not unique, a given state that is dark, a given state of driven or
            pumped emitters, whose light never ends, emitters so close that their shifts hide their
            slowest rates (pairs closer than 0.001 wavelengths), or several dephased excitations
            whose spectrum would take hours.
        ProblemTooLargeError: if the calculation does not fit into memory, before it starts.

    Warns:
        UserWarning: if the incoherent light is so weak that it loses digits.

    Example:
        One excited atom emits one photon, a Lorentzian of full width Γ:

        >>> import collective as co
        >>> atom = co.Couplings([[1.0]], [[0.0]])
        >>> light = co.observables.spectrum(atom, [0.0, 0.5], state="inverted")
        >>> light.values.round(6), round(light.total, 10)
        (array([0.63662, 0.31831]), 1.0)
    """
    checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    omega = np.atleast_1d(checks.finite("frequencies", frequencies))
    if omega.ndim != 1 or len(omega) == 0:
        raise ValueError(f"frequencies must be one row of numbers, got shape {omega.shape}")
    if state is not None and (np.any(couplings.drive) or np.any(couplings.pump)):
        raise ValueError(
            "state: the light of driven or pumped emitters never ends; leave state out for the "
            "spectrum of their steady state, or use couplings without drive and pump"
        )
    identical = _identical_emitters.light(
        couplings, state, start, "spectrum", everything=direction is None and site is None
    )
    if identical is not None:
        try:
            found = Spectrum(omega, *_identical_emitters.spectrum(identical, omega))
        except _identical_emitters.TrappedError:
            if len(couplings) > _MOST_FULL:
                raise
        else:
            _warn_of_cancellation(found)
            return found
    unit = timescale.unit_of(couplings)  # it is not 0, because the emitters decay
    matrix = emission_matrix(couplings, direction, "spectrum", site=site) / unit
    couplings, turns = timescale.in_unit(couplings, unit), omega / unit
    if _falling.possible(couplings, state):
        decay = _falling.spectrum(couplings, matrix, turns, state)
        if decay is not None:
            return Spectrum(omega, decay[0] / unit, 0.0, decay[1])
    if _by_products.suits(couplings):
        values, coherent, total = _by_products.spectrum(couplings, matrix, turns, unit)
        found = Spectrum(omega, values, coherent * unit, total * unit)
        _warn_of_cancellation(found)
        return found
    _regression.check_size(couplings, "the spectrum", dense=True)
    rho = _regression.initial(couplings, state, "spectrum")
    if state is not None:
        rho = _regression.time_integral(couplings, rho)  # sum over all times of emission
    operators = channels(matrix)
    places = _regression.places_of(couplings, 1)
    starts = _regression.sources(rho, operators)
    rows = _regression.read_out(operators)
    means = rows @ rho.ravel(order="F") if state is None else np.zeros(len(operators))
    starts = starts - np.outer(rho.ravel(order="F"), means.conj())
    starts, rows = starts[places], rows[:, places]
    total = float(np.einsum("cn,nc->", rows, starts).real)
    coherent = float(np.sum(np.abs(means) ** 2))
    brightest, what = np.trace(matrix).real, "rate"
    if state is not None:
        # every emitter gives one photon, of which this share goes into the direction
        brightest *= len(couplings) / couplings.decay.diagonal().real.sum()
        what = "photons"
    # a rate per frequency has no unit; a number of photons per frequency has one
    rates, density = (unit, 1.0) if state is None else (1.0, 1 / unit)
    _regression.check_light((total + coherent) * rates, brightest * rates, "spectrum", what)
    if state is None:
        generator = _regression.generator(couplings, places).toarray()
        generator = _without_steady_state(generator, rho, places)
    else:
        generator, basis = _regression.between_eigenstates(couplings, places)
        starts, rows = basis.conj().T @ starts, rows @ basis
    resolvent = _regression.Resolvent(generator)
    values = resolvent.moments(rows, starts, turns).real / np.pi
    found = Spectrum(omega, values * density, coherent * rates, total * rates)
    _warn_of_cancellation(found)
    return found


def _warn_of_cancellation(found: Spectrum) -> None:
    """Warn if the incoherent light is so weak beside the elastic line that it loses digits."""
    round_off = _CANCELLATION * found.coherent
    if round_off > _WARNED_ERROR * found.total:
        share = max(found.total, 0.0) / found.coherent
        wrong = f"about {round_off / found.total:.0e}" if round_off < found.total else "all"
        warn(
            f"spectrum: the incoherent light is {share:.1g} of the elastic line and follows from a "
            f"difference, so that {wrong} of its values is round-off. Drive more strongly: for a "
            "weak drive the values grow with its fourth power"
        )


def _without_steady_state(
    generator: NDArray[np.complex128], rho: NDArray[np.complex128], places: NDArray[np.intp]
) -> NDArray[np.complex128]:
    """L − κ|ρ⟩⟩⟨⟨1|, (P, P): it acts like L on matrices of trace zero and has no eigenvalue 0."""
    identity = np.eye(len(rho)).ravel()[places]
    rate = np.abs(generator).max()
    return generator - rate * np.outer(rho.ravel(order="F")[places], identity)
