"""Photon statistics: second-order coherence at zero delay, delayed, and from counted photons.

The file is longer than others because all forms of g² are here, with docstrings that give the sums.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools import operators as _operators
from collective.couplings.couplings import Couplings
from collective.engines import timescale
from collective.observables import (
    _by_products,
    _delayed_moments,
    _falling,
    _identical_emitters,
    _inputs,
    _photon_pairs,
    _regression,
)
from collective.observables._detection import (
    amplitudes,
    channels,
    emission_matrix,
    require_light,
    trace_of_square,
)
from collective.results.result import Result
from collective.states import State

if TYPE_CHECKING:
    from qutip import Qobj

# rate over Tr D below which the tolerance of an evolution hides the square of the rate
_DARK = 1e-5
_TOO_DARK = (
    f"g2: at every time the emission rate is below {_DARK:g} of that of fully excited emitters, "
    "too little to normalise to; use earlier times"
)


def g2(
    source: Result | Couplings,
    delays: ArrayLike | None = None,
    *,
    state: "State | str | Qobj | None" = None,
    directions: ArrayLike | None = None,
    start: "State | str | Qobj | None" = None,
) -> NDArray[np.float64]:
    r"""Second-order coherence: how much more often than by chance two photons are detected.

    .. math:: g^{(2)}(t, t+τ) = \frac{\sum D_{mn}D'_{pq}
              ⟨σ^+_m(t)\,σ^+_p(t+τ)\,σ^-_q(t+τ)\,σ^-_n(t)⟩}{R(t)\,R'(t+τ)}, \qquad
              R = \sum_{mn} D_{mn}⟨σ^+_mσ^-_n⟩

    with D = Γ for all light, or the matrix of the far field in `angular_pattern` for one direction
    (which needs positions and vacuum). Delays τ > 0 follow from the quantum regression theorem.
    Fully inverted emitters of equal rates have g² = 1 + (Var − 1)/N for all light, where Var is
    the variance of the eigenvalues of Γ/Γ₀. In one direction they have 2 − 2/N, if all dipoles seen
    from there are parallel and of equal strength (Masson & Asenjo-Garcia, arXiv:2106.02042).

    The ratio has no meaning if there is too little light. The limit is relative to Tr D, the rate
    of fully excited emitters without interference: R must exceed 10⁻⁵ Tr D for a result, which
    knows ⟨σ⁺σ⁺σ⁻σ⁻⟩ to the tolerance of the evolution, and 10⁻¹² Tr D for couplings, at both
    photons. The steady state of a weak drive or pump is computed with a small relative error in
    every entry; a state given as `state` has its own round-off.

    `co.engines.TruncatedWigner` and `co.engines.Capped` with excitations give the rate of photon
    pairs of all light, ``result.coincidence_rate``. g² is then this rate over
    ``result.emission**2``, and has the errors of both.

    With couplings, N can be up to about 6 for a decay, and 10 for driven or pumped emitters (eight
    take a few seconds, ten a minute or two), and larger for all light of identical emitters (see
    `steady`): a hundred that only decay, are pumped, or are driven with purely collective decay,
    and 50 that are driven and decay individually. From a given state without drive and pump it can
    be about 10, and more with few excitations.

    Args:
        source: a result with states or with `coincidence_rate`, for τ = 0 at each of its times; or
            couplings, for delays.
        delays: τ, (K,), increasing from 0 or later; only with couplings. They may be of any length
            if the light has become stationary by then.
        state: the state at t = 0, only with couplings: a state of `co.states`, its name, or a QuTiP
            state. None means the steady state of driven or pumped emitters.
        directions: None for all light; (3,) for both photons into one direction; (2, 3) for the
            first photon into one direction and the second into another. Any length but zero.
        start: only with couplings and without `state`. Where there are several steady states, the
            one that this state comes to: purely collective decay keeps the total spin, so that
            identical emitters have one for each spin. "ground" gives that of the longest Dicke
            ladder.

    Returns:
        (T,) at the times of a result, NaN where there is too little light; or (K,) at the delays of
        couplings.

    Raises:
        ValueError: for a result without states and without that rate, bad delays, delays that would
            take hours, a zero direction, couplings with too little light, or a result with too
            little light at all times.
        ProblemTooLargeError: if the calculation does not fit into memory, before it starts.

    Example:
        One emitter never emits two photons at once; after a few lifetimes the photons are
        independent (Carmichael & Walls, J. Phys. B 9, 1199 (1976)):

        >>> import collective as co
        >>> atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
        >>> co.observables.g2(atom, [0, 1, 10]).round(4)
        array([0.    , 0.4308, 1.0006])
    """
    if isinstance(source, Couplings):
        if delays is None:
            raise ValueError(
                "delays must be given with couplings: g2(couplings, delays, state=...). For zero "
                "delay use [0.0], or inverted_g2(couplings) for any number of inverted emitters"
            )
        return _delayed(source, _inputs.delays("delays", delays), state, directions, start)
    if not isinstance(source, Result):
        raise TypeError(
            "source must be a Result (co.evolve(...)) or Couplings (co.couple(...)), got "
            f"{type(source).__name__}"
        )
    if source.states is None and source.jumps is not None:
        raise ValueError(
            "g2 needs states, which this result of trajectories does not have; "
            "coincidences(result, edges) counts its photons instead"
        )
    if source.states is None and source.coincidence_rate is not None:
        return _of_pairs(source, delays, state, start, directions)
    if source.states is None and source.accuracy == "approximate":
        raise ValueError(
            f"g2 needs the rate of photon pairs, which this result of {source.method!r} does not "
            "have: evolve with co.engines.TruncatedWigner() or co.engines.Capped(excitations=2), "
            "which give it; for few emitters use states of 'exact' or 'driven'"
        )
    density = _inputs.states(source, "g2")
    _refuse_delays(delays, state, start)
    return _at_once(_inputs.two_level(source, "g2"), density, directions)


def inverted_g2(couplings: Couplings, *, directions: ArrayLike | None = None) -> float:
    r"""g² at zero delay of any number of fully inverted emitters.

    .. math:: g^{(2)} = \frac{\mathrm{Tr}D\,\mathrm{Tr}D' + \mathrm{Tr}(DD')
              − 2\sum_m D_{mm}D'_{mm}}{\mathrm{Tr}D\,\mathrm{Tr}D'}

    For all light and equal rates this is 1 + (Var − 1)/N. Above 1, a photon makes the next one
    more likely, and a burst starts (Masson & Asenjo-Garcia, arXiv:2106.02042).

    Args:
        couplings: of N emitters.
        directions: as in `g2`.

    Raises:
        ValueError: if no emitter decays, or for bad directions.

    Example:
        >>> import numpy as np, collective as co
        >>> co.observables.inverted_g2(co.Couplings(np.ones((10, 10)), np.zeros((10, 10))))
        1.8
    """
    checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    if directions is None:
        require_light(couplings, "inverted_g2")
        diagonals = [couplings.decay.diagonal().real] * 2
        exchanged = trace_of_square(couplings.decay)
    else:
        fields = [
            amplitudes(couplings, unit, "inverted_g2", name)
            for name, unit in _photon_directions(directions)
        ]
        diagonals = [np.sum(np.abs(f) ** 2, axis=1) for f in fields]
        # Tr DD' of D = f*fᵀ, without a matrix of N × N
        exchanged = float(np.sum(np.abs(fields[0].T @ fields[-1].conj()) ** 2))
    first, second = diagonals[0], diagonals[-1]
    return float(1 + (exchanged - 2 * first @ second) / (first.sum() * second.sum()))


def coincidences(
    result: Result, edges: ArrayLike, *, window: tuple[float, float] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""g²(τ) of all light, from counts of the photons of trajectories as in an experiment.

    .. math:: g^{(2)}_k = \frac{⟨\text{pairs of one run with delay in bin } k⟩}
              {⟨\text{pairs of two different runs}⟩}

    where the first photon is in the window, and a run is one trajectory. The denominator estimates
    ∫∫dt dτ R(t)R(t+τ) without bias. The standard errors are those of a ratio of means over
    independent trajectories, to first order.

    Args:
        result: of trajectories, `evolve(..., method="trajectories")`.
        edges: edges of the bins of the delay τ, (K + 1,), increasing from 0 or later.
        window: times (from, to) of the first photon. None means from the first time of the result
            to the last time after which the longest delay still fits.

    Returns:
        g² in each bin (K,), and its standard errors (K,).

    Raises:
        ValueError: for a result without jumps, fewer than two trajectories, bad edges, a window
            outside the times of the result, or a bin without pairs from different trajectories.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.Couplings(np.eye(2), np.zeros((2, 2)))
        >>> result = co.evolve(pair, "inverted", [0, 4, 8], method="trajectories", seed=1)
        >>> value, error = co.observables.coincidences(result, [0, 4])
        >>> bool(abs(value[0] - 0.5) < 4 * error[0])  # two independent emitters have 1 − 1/2
        True
    """
    jumps = _inputs.photons(result, "coincidences")
    bins = _inputs.delays("edges", edges)
    if len(bins) < 2:
        raise ValueError(f"edges must be at least two numbers, got {len(bins)}")
    if jumps.n_trajectories < 2:
        raise ValueError(
            f"coincidences needs at least two trajectories, got {jumps.n_trajectories}: use "
            "method=co.engines.Trajectories(n=...)"
        )
    start, end = _photon_pairs.window(window, result.times, bins[-1])
    runs, times = jumps.trajectory, jumps.times
    count = jumps.n_trajectories
    in_window = (times >= start) & (times <= end)
    firsts, ordered = np.sort(times[in_window]), np.sort(times)
    values, errors = np.empty(len(bins) - 1), np.empty(len(bins) - 1)
    for k, (low, high) in enumerate(pairwise(bins)):
        # pairs with photons of any trajectory, of which each photon is the first or the second
        after = _photon_pairs.between(ordered, times[in_window] + low, times[in_window] + high)
        before = _photon_pairs.between(firsts, times - high, times - low, side="left")
        as_first = np.bincount(runs[in_window], after, minlength=count)
        as_second = np.bincount(runs, before, minlength=count)
        own = _photon_pairs.own_pairs(runs, times, in_window, low, high, count)
        others = (as_first.sum() - own.sum()) / (count * (count - 1))
        if others <= 0:
            raise ValueError(
                f"edges: no two trajectories have photons {low:g} … {high:g} apart; use wider "
                "bins, a wider window or more trajectories"
            )
        values[k] = own.mean() / others
        with_others = (as_first + as_second - 2 * own) / (count - 1)
        spread = (own - own.mean()) - values[k] * (with_others - 2 * others)
        errors[k] = np.sqrt(np.sum(spread**2) / (count * (count - 1))) / others
    return values, errors


def _matrices(
    couplings: Couplings, directions: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """D of the first photon and of the second, both (N, N)."""
    if directions is None:
        everything = emission_matrix(couplings, None, "g2")
        return everything, everything
    found = [
        emission_matrix(couplings, n, "g2", name) for name, n in _photon_directions(directions)
    ]
    return found[0], found[-1]


def _photon_directions(directions: ArrayLike) -> list[tuple[str, NDArray[np.float64]]]:
    """One or two unit vectors (3,), each with its name for errors."""
    found = _inputs.directions("directions", directions)
    if len(found) not in (1, 2):
        raise ValueError(
            f"directions must be one or two vectors, for two photons; got {len(found)}"
        )
    if len(found) == 1:
        return [("directions", found[0])]
    return [(f"directions[{i}]", unit) for i, unit in enumerate(found)]


def _refuse_delays(delays: Any, state: Any, start: Any) -> None:
    """Raise for what only couplings can have."""
    if delays is not None or state is not None or start is not None:
        raise ValueError(
            "delays, state and start are only possible with couplings: g2(result.couplings, "
            "delays, state=...). From a result g2 is computed at zero delay"
        )


def _of_pairs(
    result: Result, delays: Any, state: Any, start: Any, directions: Any
) -> NDArray[np.float64]:
    """g² at zero delay from the rate of photon pairs of a result, (T,)."""
    _refuse_delays(delays, state, start)
    if directions is not None:
        raise ValueError(
            f"directions: method {result.method!r} knows the photon pairs of all light only; leave "
            "directions out, or use an engine that keeps states"
        )
    limit = _DARK * _inputs.two_level(result, "g2").decay.diagonal().real.sum()
    dark = result.emission <= limit
    if np.all(dark):
        raise ValueError(_TOO_DARK)
    rates = np.where(dark, 1.0, result.emission)
    return np.where(dark, np.nan, np.asarray(result.coincidence_rate) / rates**2)


@_operators.Untidied()
def _at_once(
    couplings: Couplings, density: "list[Qobj]", directions: ArrayLike | None
) -> NDArray[np.float64]:
    """g² at zero delay for T density matrices, (T,)."""
    unit = timescale.unit_of(couplings)  # it is not 0, because the emitters decay
    first, second = (matrix / unit for matrix in _matrices(couplings, directions))
    rate = _operators.exchange(second)
    pairs = sum(L.dag() @ rate @ L for L in channels(first))

    def mean(operator: "Qobj") -> NDArray[np.float64]:
        import qutip

        return np.real(qutip.expect(operator, density))

    rates = [mean(_operators.exchange(matrix)) for matrix in (first, second)]
    limits = [_DARK * np.trace(matrix).real for matrix in (first, second)]
    dark = (rates[0] <= limits[0]) | (rates[1] <= limits[1])
    if np.all(dark):
        raise ValueError(_TOO_DARK)
    return np.where(dark, np.nan, mean(pairs) / np.where(dark, 1.0, rates[0] * rates[1]))


def _delayed(
    couplings: Couplings,
    tau: NDArray[np.float64],
    state: Any,
    directions: ArrayLike | None,
    start: Any,
) -> NDArray[np.float64]:
    """g² of couplings at delays τ (K,), (K,)."""
    identical = _identical_emitters.light(
        couplings, state, start, "g2", everything=directions is None
    )
    if identical is not None:
        return _identical_emitters.g2(identical, tau)
    unit = timescale.unit_of(couplings)  # it is not 0, because the emitters decay
    first, second = (matrix / unit for matrix in _matrices(couplings, directions))
    couplings, tau = timescale.in_unit(couplings, unit), _delayed_moments.in_unit(tau, unit)
    if _falling.possible(couplings, state):
        return _falling.g2(couplings, first, second, tau, state, unit)
    if _by_products.suits(couplings):
        return _by_products.g2(couplings, first, second, tau, state, unit)
    _regression.check_size(couplings, "g2")
    rho = _regression.initial(couplings, state, "g2")
    operators = channels(first)
    after_first = sum((L.full() @ rho @ L.full().conj().T for L in operators), 0 * rho)
    light = float(np.trace(after_first).real)
    brightest = [np.trace(matrix).real * unit for matrix in (first, second)]
    what = "g2, normalised to the light at time 0"
    _regression.check_light(light * unit, brightest[0], what)
    # without a drive the rate depends only on entries between states of equally many excitations
    places = _regression.places_of(couplings, 0)
    starts = np.stack([m.ravel(order="F")[places] for m in (after_first, rho)], axis=1)
    row = _operators.exchange(second).full().ravel()[places]
    scale = np.ones(rho.size) if state is not None else _regression.magnitudes(couplings, rho)
    generator = _regression.generator(couplings, places, scale)
    starts, row = starts / scale[places, None], row * scale[places]
    stationary = _regression.stationary(couplings, rho, places, steady=state is None)
    if stationary is not None:
        stationary = stationary[0] / scale[places], stationary[1] * scale[places]
    found = _delayed_moments.moments(generator, starts, row[None], tau, "g2", stationary=stationary)
    counted, rate = found[:, 0].real.T
    darkest = f"g2 at a delay of {tau[np.argmin(rate)] / unit:g}"
    _regression.check_light(rate.min() * unit, brightest[1], darkest)
    return np.asarray(counted / (light * rate))
