"""Photon statistics: second-order coherence at zero delay, delayed, and from counted photons."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools import operators as _operators
from collective.couplings.couplings import Couplings
from collective.engines import timescale
from collective.observables import _counting, _delays, _given, _identical, _regression
from collective.observables._light import (
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

# of Tr D: below it the square is lost in an evolution's tolerance
_DARK = 1e-5


def g2(
    source: Result | Couplings,
    delays: ArrayLike | None = None,
    *,
    state: "State | str | Qobj | None" = None,
    directions: ArrayLike | None = None,
    start: "State | str | Qobj | None" = None,
) -> NDArray[np.float64]:
    r"""Second-order coherence: how much more often than by chance two photons come together.

    .. math:: g^{(2)}(t, t+τ) = \frac{\sum D_{mn}D'_{pq}
              ⟨σ^+_m(t)\,σ^+_p(t+τ)\,σ^-_q(t+τ)\,σ^-_n(t)⟩}{R(t)\,R'(t+τ)}, \qquad
              R = \sum_{mn} D_{mn}⟨σ^+_mσ^-_n⟩

    with D = Γ for all light, or the far field's matrix of `angular_pattern` for a direction (which
    needs positions and vacuum); τ > 0 by the quantum regression theorem. Fully inverted emitters
    of one rate have 1 + (Var − 1)/N in all light, with Var the variance of the eigenvalues of
    Γ/Γ₀, and in one direction, if seen from there all dipoles are parallel and of one strength,
    2 − 2/N (Masson & Asenjo-Garcia, arXiv:2106.02042).

    Too dark is one rule, measured by the rate Tr D of fully excited emitters without interference:
    R must exceed 10⁻⁵ Tr D in a result, whose ⟨σ⁺σ⁺σ⁻σ⁻⟩ is known to the evolution's tolerance, and
    10⁻¹² Tr D for couplings, at either photon. The steady state of a weak drive or pump has its
    small entries to all digits; one that is given as `state` has its own round-off.

    Of couplings N goes to about 6, and further where the emitters are identical (`steady`): all
    light of a hundred of them that only decay, are pumped, or are driven with purely collective
    decay, and of 50 that are driven and decay individually.

    Args:
        source: a result with states, for τ = 0 at each of its times; or couplings, for delays.
        delays: τ, (K,), increasing from 0 or later, as long as you like where the light has
            become steady by then; only with couplings.
        state: only with couplings: at t = 0, a state of `co.states`, a word or a QuTiP state.
            None is the steady state of driven or pumped emitters.
        directions: None for all light; (3,) for both photons into one direction; (2, 3) for
            the first photon into one and the second into the other. Normalised here.
        start: only with couplings and without a state: where the steady state depends on it,
            the one that this state comes to. Purely collective decay keeps the total spin, so
            that identical emitters have many: "ground" gives that of the longest Dicke ladder.

    Returns:
        (T,) at the times of a result, NaN where it is too dark for the ratio to mean anything;
        or (K,) at the delays of couplings.

    Raises:
        ValueError: for a result without states, bad delays or delays that take hours to follow,
            a zero direction, couplings that are too dark, or a result that is at all times.
        ProblemTooLargeError: before anything is allocated.

    Example:
        One emitter never gives two photons at once, and forgets that in its lifetime (Carmichael
        & Walls, J. Phys. B 9, 1199 (1976)):

        >>> import collective as co
        >>> atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
        >>> co.observables.g2(atom, [0, 1, 10]).round(4)
        array([0.    , 0.4308, 1.0006])
    """
    if isinstance(source, Couplings):
        if delays is None:
            raise ValueError(
                "delays are needed with couplings: g2(couplings, delays, state=...); at zero delay "
                "[0.0], or inverted_g2(couplings) for any number of inverted emitters"
            )
        return _delayed(source, _given.delays("delays", delays), state, directions, start)
    if not isinstance(source, Result):
        raise TypeError(
            "source must be Result (co.evolve(...)) or Couplings (co.couple(...)), got "
            f"{type(source).__name__}"
        )
    if source.states is None and source.jumps is not None:
        raise ValueError(
            "g2 needs states; of trajectories, coincidences(result, edges) counts the photons"
        )
    density = _given.states(source, "g2")
    if delays is not None or state is not None or start is not None:
        raise ValueError(
            "delays, state and start go with couplings: g2(result.couplings, delays, "
            "state=...); a result has g2 at zero delay"
        )
    return _at_once(_given.two_level(source, "g2"), density, directions)


def inverted_g2(couplings: Couplings, *, directions: ArrayLike | None = None) -> float:
    r"""g² at zero delay of the fully inverted emitters, any number of them.

    .. math:: g^{(2)} = \frac{\mathrm{Tr}D\,\mathrm{Tr}D' + \mathrm{Tr}(DD')
              − 2\sum_m D_{mm}D'_{mm}}{\mathrm{Tr}D\,\mathrm{Tr}D'}

    of all light 1 + (Var − 1)/N for emitters of one rate: above 1, a photon makes the next one
    more likely, and a burst starts (Masson & Asenjo-Garcia, arXiv:2106.02042).

    Args:
        couplings: N emitters.
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
        diagonals = [np.diag(couplings.decay).real] * 2
        exchanged = trace_of_square(couplings.decay)
    else:
        fields = [
            amplitudes(couplings, unit, "inverted_g2", name)
            for name, unit in _photon_directions(directions)
        ]
        diagonals = [np.sum(np.abs(f) ** 2, axis=1) for f in fields]
        # Tr DD' of D = f*fᵀ without a matrix of N × N
        exchanged = float(np.sum(np.abs(fields[0].T @ fields[-1].conj()) ** 2))
    first, second = diagonals[0], diagonals[-1]
    return float(1 + (exchanged - 2 * first @ second) / (first.sum() * second.sum()))


def coincidences(
    result: Result, edges: ArrayLike, *, window: tuple[float, float] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""g²(τ) of all light, counted from the photons of trajectories as in an experiment.

    .. math:: g^{(2)}_k = \frac{⟨\text{pairs of one run with delay in bin } k⟩}
              {⟨\text{pairs of two different runs}⟩}

    where the first photon falls into the window. The denominator estimates ∫∫dt dτ R(t)R(t+τ)
    without bias. Errors are those of a ratio of means over independent runs, to first order.

    Args:
        result: of trajectories, `evolve(..., method="trajectories")`.
        edges: of the bins of delay τ, (K + 1,), increasing from 0 or later.
        window: times (from, to) of the first photon; None is from the first time to the last
            at which the longest delay is still observed.

    Returns:
        g² in each bin (K,), and its standard errors (K,).

    Raises:
        ValueError: for a result without jumps, fewer than two trajectories, bad edges, a window
            outside the observed times, or a bin in which even different runs have no pair.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.Couplings(np.eye(2), np.zeros((2, 2)))
        >>> result = co.evolve(pair, "inverted", [0, 4, 8], method="trajectories", seed=1)
        >>> value, error = co.observables.coincidences(result, [0, 4])
        >>> bool(abs(value[0] - 0.5) < 4 * error[0])  # two independent emitters have 1 − 1/2
        True
    """
    jumps = _given.photons(result, "coincidences")
    bins = _given.delays("edges", edges)
    if len(bins) < 2:
        raise ValueError(f"edges must be at least two numbers, got {len(bins)}")
    if jumps.n_trajectories < 2:
        raise ValueError(
            f"coincidences needs at least two trajectories, got {jumps.n_trajectories}: use "
            "method=co.engines.Trajectories(n=...)"
        )
    start, end = _counting.window(window, result.times, bins[-1])
    runs, times = jumps.trajectory, jumps.times
    count = jumps.n_trajectories
    in_window = (times >= start) & (times <= end)
    firsts, ordered = np.sort(times[in_window]), np.sort(times)
    values, errors = np.empty(len(bins) - 1), np.empty(len(bins) - 1)
    for k, (low, high) in enumerate(pairwise(bins)):
        # every photon as the first and as the second of pairs with photons of any run
        after = _counting.between(ordered, times[in_window] + low, times[in_window] + high)
        before = _counting.between(firsts, times - high, times - low, side="left")
        as_first = np.bincount(runs[in_window], after, minlength=count)
        as_second = np.bincount(runs, before, minlength=count)
        own = _counting.own_pairs(runs, times, in_window, low, high, count)
        others = (as_first.sum() - own.sum()) / (count * (count - 1))
        if others <= 0:
            raise ValueError(
                f"edges: no two photons {low:g} … {high:g} apart in any two runs; use wider "
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
    """D of the first photon and of the second."""
    if directions is None:
        everything = emission_matrix(couplings, None, "g2")
        return everything, everything
    found = [
        emission_matrix(couplings, n, "g2", name) for name, n in _photon_directions(directions)
    ]
    return found[0], found[-1]


def _photon_directions(directions: ArrayLike) -> list[tuple[str, NDArray[np.float64]]]:
    """What errors call them, and one or two unit vectors."""
    found = _given.directions("directions", directions)
    if len(found) not in (1, 2):
        raise ValueError(f"directions must be one or two vectors, for two photons: {len(found)}")
    if len(found) == 1:
        return [("directions", found[0])]
    return [(f"directions[{i}]", unit) for i, unit in enumerate(found)]


@_operators.Untidied()
def _at_once(
    couplings: Couplings, density: "list[Qobj]", directions: ArrayLike | None
) -> NDArray[np.float64]:
    unit = timescale.unit_of(couplings)  # not 0: there is light
    first, second = (matrix / unit for matrix in _matrices(couplings, directions))
    rate = _operators.exchange(second)
    pairs = sum(L.dag() @ rate @ L for L in channels(first))

    def mean(operator: "Qobj") -> NDArray[np.float64]:
        import qutip

        return np.real(qutip.expect(operator, density))

    rates = [mean(_operators.exchange(matrix)) for matrix in (first, second)]
    dark = [r <= _DARK * np.trace(D).real for r, D in zip(rates, (first, second), strict=True)]
    dark_at = dark[0] | dark[1]
    if np.all(dark_at):
        raise ValueError("g2 is normalised to the light, and at none of the times there is any")
    return np.where(dark_at, np.nan, mean(pairs) / np.where(dark_at, 1.0, rates[0] * rates[1]))


def _delayed(
    couplings: Couplings,
    tau: NDArray[np.float64],
    state: Any,
    directions: ArrayLike | None,
    start: Any,
) -> NDArray[np.float64]:
    identical = _identical.light(couplings, state, start, "g2", everything=directions is None)
    if identical is not None:
        return _identical.g2(identical, tau)
    unit = timescale.unit_of(couplings)  # not 0: there is light
    first, second = (matrix / unit for matrix in _matrices(couplings, directions))
    couplings, tau = timescale.in_unit(couplings, unit), _delays.in_unit(tau, unit)
    _regression.check_size(couplings, "g2")
    rho = _regression.initial(couplings, state, "g2")
    operators = channels(first)
    after_first = sum((L.full() @ rho @ L.full().conj().T for L in operators), 0 * rho)
    light = float(np.trace(after_first).real)
    brightest = [np.trace(matrix).real * unit for matrix in (first, second)]
    what = "g2 is normalised to the light at time 0"
    _regression.check_light(light * unit, brightest[0], what)
    # without a drive the rate sees only coherences between states of as many excitations
    places = _regression.sector(couplings, 0)
    starts = np.stack([m.ravel(order="F")[places] for m in (after_first, rho)], axis=1)
    row = _operators.exchange(second).full().ravel()[places]
    orders = np.ones(rho.size) if state is not None else _regression.grading(couplings, rho)
    generator = _regression.generator(couplings, places, orders)
    starts, row = starts / orders[places, None], row * orders[places]
    forever = _regression.stationary(couplings, rho, places, steady=state is None)
    if forever is not None:
        forever = forever[0] / orders[places], forever[1] * orders[places]
    found = _delays.moments(generator, starts, row[None], tau, "g2", stationary=forever)
    counted, rate = found[:, 0].real.T
    darkest = f"g2 at a delay of {tau[np.argmin(rate)] / unit:g}"
    _regression.check_light(rate.min() * unit, brightest[1], darkest)
    return np.asarray(counted / (light * rate))
