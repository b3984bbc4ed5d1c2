"""Light in frequency: first-order coherence and the spectrum of what the emitters radiate."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.warn import warn
from collective.couplings.couplings import Couplings
from collective.engines import timescale
from collective.observables import _delays, _given, _identical, _regression
from collective.observables._light import channels, emission_matrix
from collective.states import State

if TYPE_CHECKING:
    from qutip import Qobj

_WHOLE = 6  # emitters whose full ρ fits
_CANCELLED = 1000 * float(np.finfo(float).eps)  # of all light: round-off of the incoherent part
_SAID = 1e-6  # of the values


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A spectrum of light, relative to the frame of the couplings.

    Attributes:
        frequencies: ω, (F,): of a driven system relative to the drive, else to ω₀.
        values: S(ω), (F,), per unit of angular frequency and, into a direction, of solid angle:
            a rate of a steady state (without the elastic line), a number of photons of a decay.
        coherent: the elastic line at the drive's frequency, a rate; 0 for a decay.
        total: exact ∫S dω over all frequencies; what the grid misses of it is outside or between.
    """

    frequencies: NDArray[np.float64]
    values: NDArray[np.float64]
    coherent: float
    total: float

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        checks.freeze(self, frequencies=self.frequencies, values=self.values)


def g1(
    couplings: Couplings,
    delays: ArrayLike,
    *,
    state: "State | str | Qobj | None" = None,
    direction: ArrayLike | None = None,
    start: "State | str | Qobj | None" = None,
) -> NDArray[np.complex128]:
    r"""First-order coherence of the emitted light, elastic part included.

    .. math:: g^{(1)}(τ) = \frac{G(τ)}{G(0)}, \qquad
              G(τ) = \sum_{mn} D_{mn}⟨σ^+_m(0)σ^-_n(τ)⟩

    with D = Γ for all light, or the far field's matrix of `angular_pattern` for one direction
    (which needs positions and vacuum). In the frame of the couplings: light at ω turns as e^{−iωτ}.

    Args:
        couplings: N emitters, N up to about 6; all light of identical ones to N = 100 where they
            only decay, are pumped, or are driven with purely collective decay, and to about 40
            where they are driven and decay individually.
        delays: τ, (K,), increasing from 0 or later, as long as you like where the light has
            become steady by then.
        state: at time 0: a state of `co.states`, a word, or a QuTiP state; None is the steady
            state of driven or pumped emitters.
        direction: n̂, (3,), normalised here; None for all light.
        start: without a state: where the steady state depends on it, the one that this state
            comes to, as in `steady`.

    Returns:
        (K,) complex, 1 at τ = 0.

    Raises:
        ValueError: for bad delays or directions, delays that take hours to follow, a steady state
            that is not unique, or if there is no light at time 0.
        ProblemTooLargeError: before anything is allocated.

    Example:
        >>> import numpy as np, collective as co
        >>> atom = co.Couplings([[1.0]], [[0.0]], detunings=np.pi)
        >>> co.observables.g1(atom, [0, 1], state="inverted").round(4)
        array([ 1.    +0.j, -0.6065-0.j])
    """
    checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    tau = _given.delays("delays", delays)
    identical = _identical.light(couplings, state, start, "g1", everything=direction is None)
    if identical is not None:
        return _identical.g1(identical, tau)
    unit = timescale.unit_of(couplings)  # not 0: there is light
    matrix = emission_matrix(couplings, direction, "g1") / unit
    couplings, tau = timescale.in_unit(couplings, unit), _delays.in_unit(tau, unit)
    _regression.check_size(couplings, "g1")
    rho = _regression.initial(couplings, state, "g1")
    operators = channels(matrix)
    # without a drive a pair of σ⁺ and σ⁻ sees one difference of excitations only
    places = _regression.sector(couplings, 1)
    starts = _regression.sources(rho, operators)[places]
    rows = _regression.read_out(operators)[:, places]
    zero = np.einsum("cn,nc->", rows, starts).real
    brightest = np.trace(matrix).real
    what = "g1 is normalised to the light at time 0"
    _regression.check_light(zero * unit, brightest * unit, what)
    generator = _regression.generator(couplings, places)
    forever = None
    if np.any(couplings.drive):
        forever = _regression.stationary(couplings, rho, places, steady=state is None)
    later = _delays.moments(generator, starts, rows, tau, "g1", stationary=forever)
    return np.asarray(np.einsum("kcc->k", later) / zero)


def spectrum(
    couplings: Couplings,
    frequencies: ArrayLike,
    *,
    state: "State | str | Qobj | None" = None,
    direction: ArrayLike | None = None,
    start: "State | str | Qobj | None" = None,
) -> Spectrum:
    r"""Spectrum of the emitted light: of a steady state, or all that a state emits as it decays.

    .. math:: S(ω) = \frac{1}{π}\,\mathrm{Re}\int_0^∞ dτ\,e^{iωτ}
              \sum_{mn} D_{mn}\,[⟨σ^+_m(0)σ^-_n(τ)⟩ − ⟨σ^+_m⟩⟨σ^-_n⟩]

    in the steady state, where the subtracted product is the elastic line
    :math:`\sum D_{mn}⟨σ^+_m⟩⟨σ^-_n⟩\,δ(ω)`; of a decay, without the subtraction,
    :math:`⟨σ^+_m(t)σ^-_n(t+τ)⟩` integrated over t from 0 to ∞. Then ∫S dω is the incoherent
    emission rate, or the number of photons. D as in `g1`. Mollow, Phys. Rev. 188, 1969 (1969).
    For a drive so weak that the difference loses digits a warning says how many.

    Args:
        couplings: N emitters; five of them driven, or six that decay, take from seconds to half a
            minute on two cores, and one more minutes and gigabytes. All light of identical ones:
            a hundred that decay, are pumped or are driven with purely collective decay take some
            0.1 s for each frequency, 20 that are driven and decay individually 0.5 s.
        frequencies: ω, (F,), relative to the drive's frequency if driven, else to ω₀: an emitter
            with detuning δ alone shines at ω = δ.
        state: what decays, of emitters without drive and pump; None is the steady state of
            driven or pumped ones.
        direction: n̂, (3,), normalised here, for the light per solid angle; None for all light.
        start: without a state: where the steady state depends on it, the one that this state
            comes to, as in `steady`.

    Returns:
        `Spectrum`, with `values` (F,).

    Raises:
        ValueError: for frequencies that are not finite, a zero direction, a steady state that is
            dark or not unique, a given state that is dark, one of emitters that never stop to
            shine, or emitters so close that their slowest rates are lost beside their shifts
            (pairs nearer than 0.001 wavelengths).
        ProblemTooLargeError: before anything is allocated.

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
            "spectrum of their steady state, or take away drive and pump"
        )
    identical = _identical.light(couplings, state, start, "spectrum", everything=direction is None)
    if identical is not None:
        try:
            return _known(Spectrum(omega, *_identical.spectrum(identical, omega)))
        except _identical.TrappedError:
            if len(couplings) > _WHOLE:
                raise
    unit = timescale.unit_of(couplings)  # not 0: there is light
    matrix = emission_matrix(couplings, direction, "spectrum") / unit
    couplings, turns = timescale.in_unit(couplings, unit), omega / unit
    _regression.check_size(couplings, "the spectrum", dense=True)
    rho = _regression.initial(couplings, state, "spectrum")
    if state is not None:
        rho = _regression.lifetime(couplings, rho)
    operators = channels(matrix)
    places = _regression.sector(couplings, 1)
    starts = _regression.sources(rho, operators)
    rows = _regression.read_out(operators)
    means = rows @ rho.ravel(order="F") if state is None else np.zeros(len(operators))
    starts = starts - np.outer(rho.ravel(order="F"), means.conj())
    starts, rows = starts[places], rows[:, places]
    total = float(np.einsum("cn,nc->", rows, starts).real)
    coherent = float(np.sum(np.abs(means) ** 2))
    brightest, what = np.trace(matrix).real, "rate"
    if state is not None:
        # one photon of every emitter, by the share of them that is looked at
        brightest *= len(couplings) / np.trace(couplings.decay).real
        what = "photons"
    # a spectrum of rates per frequency has no unit; one of photons per frequency has
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
    return _known(Spectrum(omega, values * density, coherent * rates, total * rates))


def _known(found: Spectrum) -> Spectrum:
    """The same, with a warning where the elastic line leaves the rest few digits."""
    lost = _CANCELLED * found.coherent
    if lost > _SAID * found.total:
        share = max(found.total, 0.0) / found.coherent
        known = f"about {lost / found.total:.0e}" if lost < found.total else "all"
        warn(
            f"spectrum: {share:.1g} of the light is incoherent, the rest is the elastic line; it "
            f"is what is left of a difference, and of its values {known} is round-off. Drive more "
            "strongly: for a weak drive the values grow with its fourth power"
        )
    return found


def _without_steady_state(
    generator: NDArray[np.complex128], rho: NDArray[np.complex128], places: NDArray[np.intp]
) -> NDArray[np.complex128]:
    """L − κ|ρ⟩⟩⟨⟨1|: the same on everything of trace zero, and without its eigenvalue 0."""
    identity = np.eye(len(rho)).ravel()[places]
    rate = np.abs(generator).max()
    return generator - rate * np.outer(rho.ravel(order="F")[places], identity)
