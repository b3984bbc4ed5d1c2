"""Correlations between two times, of emitters or of operators: `correlation`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.operators import entries_of, require_operator
from collective.couplings.couplings import Couplings
from collective.engines import timescale
from collective.engines.basis.dicke import identical
from collective.evolution import steady_identical
from collective.evolution.steady_generator import FEWEST_COMPILED, Threads
from collective.observables import _delayed_moments, _falling, _inputs, _two_times, _two_times_fewer
from collective.observables._two_times_pulsed import pulsed
from collective.pulse import Controls, Pulse
from collective.states import State
from collective.states.checking import checked_state

if TYPE_CHECKING:
    from qutip import Qobj

METHODS = ("auto", "exact", "driven", "blocks", "symmetric")
Word = Literal["coherence", "coincidence"]


def correlation(
    couplings: Couplings,
    state: "State | str | Qobj | None",
    times: ArrayLike,
    delays: ArrayLike,
    *,
    operators: "Word | tuple[Qobj, ...]" = "coherence",
    drive: "Pulse | Sequence[Pulse]" = (),
    method: Literal["auto", "exact", "driven", "blocks", "symmetric"] = "auto",
    progress: bool = True,
) -> NDArray[np.complex128]:
    r"""Correlations between emitters, or operators, at the times t and t + τ.

    .. math:: ⟨σ^+_m(t)σ^-_n(t+τ)⟩ = \mathrm{Tr}[σ^-_n e^{Lτ}(ρ(t)σ^+_m)], \qquad
              ⟨A(t)B(t+τ)C(t)⟩ = \mathrm{Tr}[B e^{Lτ}(Cρ(t)A)]

    This is the quantum regression theorem (Carmichael, *Statistical Methods in Quantum Optics 1*,
    Springer (1999), chapter 1), in the frame of the couplings. Values are exact to about 10⁻¹⁰ of
    the largest possible ones. An earlier second time follows from
    ⟨σ⁺_m(t+τ)σ⁻_n(t)⟩ = ⟨σ⁺_n(t)σ⁻_m(t+τ)⟩*. `g1`, `g2` and `spectrum` sum these correlations as a
    detector does.

    Args:
        couplings: of N emitters.
        state: at the first of the times: a state of `co.states`, its name, or a QuTiP state. None
            means the steady state of driven or pumped emitters; `times` is then one number, which
            has no effect.
        times: t, (T,) or one number, increasing, in inverse units of rate.
        delays: τ ≥ 0, (K,) or one number, increasing. A grid of even steps may be of any length if
            there are up to about 1,000 entries of ρ: it is reached by powers of one propagator.
        operators: "coherence" for ⟨σ⁺_m(t)σ⁻_n(t+τ)⟩; "coincidence" for
            ⟨σ⁺_m(t)σ⁺_n(t+τ)σ⁻_n(t+τ)σ⁻_m(t)⟩, which is how often a photon of emitter m is followed
            by one of emitter n; or your own QuTiP operators (A, B) or (A, B, C) of dims
            [[2]*N, [2]*N] for one number at each pair of times.
        drive: a pulse or a list of pulses (`co.pulse`), as in `evolve`: what they do before the
            first of the times is not seen. From times after the last pulse, correlations cost what
            they cost without pulses; from earlier times each operator is evolved by `evolve`,
            which takes far longer.
        method: "exact" uses sparse matrices of 4^N entries, or of those without a drive that
            matter, up to about six emitters. "driven" needs only products with L: eight emitters
            take about 5 s for delays to 5/Γ. "blocks" takes emitters that nothing excites, by
            number of excitations: nine inverted ones take 9 s, and a thousand with one excitation
            less than a second. "symmetric" takes identical emitters in a symmetric state: a
            hundred, or thirty with a drive. "auto" takes the fastest that is possible.
        progress: show a progress bar after two seconds. A calculation of more than a minute is
            announced.

    Returns:
        (T, K, N, N) complex, in the order t, τ, m, n; (T, K) for your own operators.

    Raises:
        ValueError: for bad arguments, delays that would take hours, a method that cannot take
            these couplings, this state or these operators, or a steady state that is not unique.
        ProblemTooLargeError: if the calculation does not fit into memory, before it starts.

    Example:
        Two emitters at one place, one of them excited: half of the excitation is dark and stays.

        >>> import numpy as np, collective as co
        >>> pair = co.Couplings(np.ones((2, 2)), np.zeros((2, 2)))
        >>> found = co.observables.correlation(pair, co.states.single(0), 0.0, [0, 9.0])
        >>> np.abs(found[0]).round(3)
        array([[[1. , 0. ],
                [0. , 0. ]],
        <BLANKLINE>
               [[0.5, 0.5],
                [0. , 0. ]]])
    """
    checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    _inputs.require_matrices(couplings, "correlation")
    when, tau = _times(times), _inputs.delays("delays", delays)
    wanted = _operators(operators, len(couplings))
    show = checks.flag("progress", progress)
    given: Any = drive  # one pulse or several
    pulses = Controls(given).drive
    if state is None:
        _require_steady(couplings, when, pulses)
    else:
        state = checked_state(state, couplings)
    words = isinstance(wanted, str)
    count = len(when) * len(tau) * (len(couplings) ** 2 if words else 1)
    _two_times.require_answer(count, f"correlation at {len(when)} times and {len(tau)} delays")
    chosen = checks.choice("method", method, METHODS)
    if chosen == "auto":
        matrices = "exact" if len(couplings) < FEWEST_COMPILED else "driven"
        order = ("symmetric", "blocks", matrices)  # the fastest first
        asked = (couplings, state, wanted, pulses)
        chosen = next(name for name in order if _refusal(name, *asked) is None)
    elif (why := _refusal(chosen, couplings, state, wanted, pulses)) is not None:
        raise ValueError(f"method {chosen!r} of correlation {why}; use method='auto'")
    unit = timescale.unit_of(couplings) or 1.0
    scaled = timescale.in_unit(couplings, unit)
    since = _delayed_moments.in_unit(when - when[0], unit)
    later = _delayed_moments.in_unit(tau, unit)
    with Threads(2 ** len(couplings) if chosen == "driven" else 1) as threads:
        if chosen == "exact":
            route = _two_times.exact(scaled, state, wanted)
        elif chosen == "driven":
            route = _two_times.driven(scaled, state, wanted, threads, show=show)
        elif chosen == "blocks":
            found = _two_times_fewer.blocks(scaled, state, wanted)
            if found is None:
                n = len(couplings)
                return np.zeros((len(when), len(tau), n, n), dtype=complex)
            route = found
        else:
            light = steady_identical.light(scaled, state, "correlation")
            assert light is not None
            since, later = since * light.unit, later * light.unit
            route = _two_times_fewer.symmetric(light, wanted)
        if pulses:
            return pulsed(
                couplings, state, when, tau, pulses, wanted, chosen, route, unit, show=show
            )
        rho = _two_times.at_times(route, since, show=show)
        return _two_times.values(route, rho, later, show=show)


def _times(value: ArrayLike) -> NDArray[np.float64]:
    """Increasing times, (T,)."""
    found = np.atleast_1d(checks.finite("times", value))
    if found.ndim != 1 or len(found) == 0:
        raise ValueError(f"times must be one row of numbers, got shape {found.shape}")
    if np.any(np.diff(found) <= 0):
        raise ValueError(
            f"times must increase; got numbers from {found[0]:g} to {found[-1]:g} in another order"
        )
    return found


def _operators(value: Any, n: int) -> _two_times.Operators:
    """A word, or A, B and C as sparse matrices; C is None for two operators."""
    if isinstance(value, str):
        return checks.choice("operators", value, _two_times.WORDS)
    if not isinstance(value, tuple | list) or len(value) not in (2, 3):
        words = " or ".join(repr(word) for word in _two_times.WORDS)
        raise ValueError(
            f"operators must be {words}, or two or three QuTiP operators (A, B) or (A, B, C); got "
            f"{checks.short(value)}"
        )
    dims = [[2] * n, [2] * n]
    found = []
    for i, each in enumerate(value):
        require_operator(f"operators[{i}]", each, None)
        if each.dims != dims:
            raise ValueError(f"operators[{i}] must have dims {dims}, got {each.dims}")
        found.append(entries_of(each).tocsr())
    return (*found, *[None] * (3 - len(found)))


def _require_steady(
    couplings: Couplings, times: NDArray[np.float64], pulses: tuple[Pulse, ...]
) -> None:
    """Raise if there is no steady state but the ground state, or if it is not asked for alone."""
    if pulses:
        raise ValueError(
            "drive: with pulses there is no steady state (state=None); give the state before them, "
            "such as 'ground'"
        )
    active = np.any(couplings.drive) or np.any(couplings.pump) or couplings.thermal_photons
    if not active:
        raise ValueError(
            "state: without a drive or pump the steady state is the ground state, which has no "
            "correlations; give a state, such as 'inverted', or couplings.replace(drive=...)"
        )
    common = identical(couplings)
    if not isinstance(common, str) and common.one_ladder and common.n > 1:
        raise ValueError(
            "state: the steady state is not unique, because purely collective decay and drive keep "
            "the total spin; give a state, such as 'ground', and a late time"
        )
    if len(times) > 1:
        raise ValueError(
            f"times: the steady state (state=None) is the same at all {len(times)} times; give one "
            "number, such as 0.0, or give a state"
        )


def _refusal(
    method: str,
    couplings: Couplings,
    state: Any,
    operators: _two_times.Operators,
    pulses: tuple[Pulse, ...],
) -> str | None:
    """Why a method cannot find a correlation, or None if it can."""
    if method in ("exact", "driven"):
        return None
    others = "'exact' and 'driven' do"
    if pulses:
        return f"takes no pulses: {others}"
    if not isinstance(operators, str):
        return f"takes no operators of your own: {others}"
    if method == "blocks":
        if state is None:
            return "needs a state: its emitters have no other steady state than the ground state"
        if not _falling.possible(couplings, state):
            return f"takes no drive, pump, thermal light or matrix of dephasing: {others}"
        return None
    if len(couplings) < 2:
        return "is for two or more emitters"
    common = identical(couplings)
    if isinstance(common, str):
        return f"is for identical emitters, but {common}"
    if state is not None and not steady_identical.is_symmetric(couplings, state):
        return "is for states on the longest Dicke ladder: 'exact' and 'blocks' take others"
    return None
