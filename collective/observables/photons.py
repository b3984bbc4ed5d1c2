"""Photon statistics: second-order coherence at zero delay, delayed, and from counted photons."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective import _checks, _operators
from collective.couplings import Couplings
from collective.observables import _given, _regression
from collective.observables._light import channels, emission_matrix
from collective.result import Result
from collective.states import State

if TYPE_CHECKING:
    from qutip import Qobj

# of the rate of fully excited emitters: below it the square is lost in an evolution's tolerance
_DARK = 1e-5


def g2(
    source: Result | Couplings,
    delays: ArrayLike | None = None,
    *,
    state: "State | str | Qobj | None" = None,
    directions: ArrayLike | None = None,
) -> NDArray[np.float64]:
    r"""Second-order coherence: how much more often than by chance two photons come together.

    .. math:: g^{(2)}(t, t+τ) = \frac{\sum D_{mn}D'_{pq}
              ⟨σ^+_m(t)\,σ^+_p(t+τ)\,σ^-_q(t+τ)\,σ^-_n(t)⟩}{R(t)\,R'(t+τ)}, \qquad
              R = \sum_{mn} D_{mn}⟨σ^+_mσ^-_n⟩

    with D = Γ for all light, or the far field's matrix of `angular_pattern` for a direction (which
    needs positions and vacuum); τ > 0 by the quantum regression theorem. Fully inverted emitters
    of one rate have 1 + (Var − 1)/N in all light, with Var the variance of the eigenvalues of
    Γ/Γ₀, and 2 − 2/N in one direction (Masson & Asenjo-Garcia, arXiv:2106.02042).

    Args:
        source: a result with states, for τ = 0 at each of its times; or couplings, for delays.
        delays: τ, (K,), increasing from 0 or later; only with couplings.
        state: only with couplings: at t = 0, a state of `co.states`, a word or a QuTiP state.
            None is the steady state of driven or pumped emitters.
        directions: None for all light; (3,) for both photons into one direction; (2, 3) for
            the first photon into one and the second into the other. Normalised here.

    Returns:
        (T,) at the times of a result, NaN where there is too little light (R < 10⁻⁵ of that of
        excited emitters) for the ratio to mean anything; or (K,) at the delays of couplings.

    Raises:
        ValueError: for a result without states, bad delays, no light, or a zero direction.
        ProblemTooLargeError: before anything is allocated.

    Example:
        One emitter never gives two photons at once, and forgets that in its lifetime (Carmichael
        & Walls, J. Phys. B 9, 1199 (1976)):

        >>> import collective as co
        >>> from collective.observables.photons import g2
        >>> atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
        >>> g2(atom, [0, 1, 10]).round(4)
        array([0.    , 0.4308, 1.0006])
    """
    if isinstance(source, Couplings):
        if delays is None:
            raise ValueError(
                "delays are needed with couplings: g2(couplings, delays, state=...); at zero delay "
                "[0.0], or inverted_g2(couplings) for any number of inverted emitters"
            )
        return _delayed(source, _given.delays("delays", delays), state, directions)
    density = _given.states(source, "g2")
    if delays is not None or state is not None:
        raise ValueError(
            "delays and state go with couplings: g2(result.couplings, delays, state=...); a result "
            "has g2 at zero delay"
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

    Example:
        >>> import numpy as np, collective as co
        >>> from collective.observables.photons import inverted_g2
        >>> inverted_g2(co.Couplings(np.ones((10, 10)), np.zeros((10, 10))))
        1.8
    """
    _checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    first, second = _matrices(couplings, directions)
    diagonals = np.diag(first).real, np.diag(second).real
    scale = diagonals[0].sum() * diagonals[1].sum()
    pairs = np.sum(first * second.T).real - 2 * diagonals[0] @ diagonals[1]
    return float(1 + pairs / scale)


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
        >>> from collective.observables.photons import coincidences
        >>> pair = co.Couplings(np.eye(2), np.zeros((2, 2)))
        >>> result = co.evolve(pair, "inverted", [0, 4, 8], method="trajectories", seed=1)
        >>> value, error = coincidences(result, [0, 4])  # two independent emitters have 1 − 1/2
        >>> bool(abs(value[0] - 0.5) < 4 * error[0])
        True
    """
    jumps = _given.photons(result, "coincidences")
    bins = _given.delays("edges", edges)
    if len(bins) < 2:
        raise ValueError(f"edges must be at least two numbers, got {len(bins)}")
    if jumps.n_trajectories < 2:
        raise ValueError("coincidences needs at least two trajectories: n_trajectories=...")
    start, end = _window(window, result.times, bins[-1])
    runs, times = jumps.trajectory, jumps.times
    count = jumps.n_trajectories
    in_window = (times >= start) & (times <= end)
    firsts, ordered = np.sort(times[in_window]), np.sort(times)
    values, errors = np.empty(len(bins) - 1), np.empty(len(bins) - 1)
    for k, (low, high) in enumerate(pairwise(bins)):
        # every photon as the first and as the second of pairs with photons of any run
        after = _between(ordered, times[in_window] + low, times[in_window] + high)
        before = _between(firsts, times - high, times - low, side="left")
        as_first = np.bincount(runs[in_window], after, minlength=count)
        as_second = np.bincount(runs, before, minlength=count)
        own = _own_pairs(runs, times, in_window, low, high, count)
        others = (as_first.sum() - own.sum()) / (count * (count - 1))
        if others <= 0:
            raise ValueError(
                f"edges: no two photons {low:g} … {high:g} apart in any two runs; use wider bins "
                "or more trajectories"
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
    found = _given.directions("directions", directions)
    if len(found) > 2:
        raise ValueError(f"directions must be one or two vectors, for two photons: {len(found)}")
    return (
        emission_matrix(couplings, found[0], "g2"),
        emission_matrix(couplings, found[-1], "g2"),
    )


def _at_once(
    couplings: Couplings, density: "list[Qobj]", directions: ArrayLike | None
) -> NDArray[np.float64]:
    first, second = _matrices(couplings, directions)
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
) -> NDArray[np.float64]:
    first, second = _matrices(couplings, directions)
    _regression.check_size(couplings, "g2")
    rho = _regression.initial(couplings, state, "g2")
    operators = channels(first)
    after_first = sum((L.full() @ rho @ L.full().conj().T for L in operators), 0 * rho)
    light = float(np.trace(after_first).real)
    _regression.check_light(light, first, "g2 is normalised to the light at time 0")
    # without a drive the rate sees only coherences between states of as many excitations
    places = _regression.sector(couplings, 0)
    starts = np.stack([m.ravel(order="F")[places] for m in (after_first, rho)], axis=1)
    row = _operators.exchange(second).full().ravel()[places]
    generator = _regression.generator(couplings, places)
    counted, rate = (row @ _regression.evolved(generator, starts, tau)).real.T
    _regression.check_light(rate.min(), second, f"g2 at a delay of {tau[np.argmin(rate)]:g}")
    return counted / (light * rate)


def _window(
    window: tuple[float, float] | None, times: NDArray[np.float64], longest: float
) -> tuple[float, float]:
    last = float(times[-1] - longest)
    if window is None:
        start, end = float(times[0]), last
    else:
        bounds = _checks.finite("window", window)
        if bounds.shape != (2,):
            raise ValueError(f"window must be two times (from, to), got shape {bounds.shape}")
        start, end = map(float, bounds)
    if not times[0] <= start < end <= last:
        raise ValueError(
            f"window must increase and lie within {times[0]:g} … {last:g}, where delays up to "
            f"{longest:g} are still observed; got {start:g} … {end:g}"
        )
    return start, end


def _between(
    ordered: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    side: Literal["left", "right"] = "right",
) -> NDArray[np.intp]:
    """How many of the ordered times lie in each (low, high], or in [low, high) for "left"."""
    return np.searchsorted(ordered, high, side) - np.searchsorted(ordered, low, side)


def _own_pairs(
    runs: NDArray[np.int64],
    times: NDArray[np.float64],
    in_window: NDArray[np.bool_],
    low: float,
    high: float,
    count: int,
) -> NDArray[np.float64]:
    """Pairs of photons of one run, first in the window, per run: (n_trajectories,)."""
    found = np.zeros(count)
    bounds = np.searchsorted(runs, np.arange(count + 1))
    for run, (begin, stop) in enumerate(pairwise(bounds)):
        mine = times[begin:stop]
        firsts = mine[in_window[begin:stop]]
        found[run] = _between(mine, firsts + low, firsts + high).sum()
    return found
