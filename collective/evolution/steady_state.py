"""The steady state of couplings or of a master equation: `steady_state`."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from collective import states
from collective._tools import checks
from collective._tools.version import versions
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings, require_markov
from collective.couplings.with_mode import CavityCouplings, too_few
from collective.engines import request, timescale
from collective.evolution import habits, steady_species
from collective.evolution.steady_kernel import Found, kernel_state
from collective.evolution.steady_result import result_of
from collective.master.equation import MasterEquation
from collective.results.result import Result
from collective.states.checking import checked_state

if TYPE_CHECKING:
    from qutip import Qobj

_BETWEEN_DICKE_STATES = "factors between Dicke states"


@overload
def steady_state(
    couplings: Couplings | CavityCouplings | ChannelCouplings | MasterEquation,
    *,
    start: "states.State | str | Qobj | None" = None,
    result: Literal[False] = False,
    observe: "str | Mapping[str, Qobj] | Sequence[str | Mapping[str, Qobj]]" = (),
    progress: bool = True,
) -> "Qobj": ...


@overload
def steady_state(
    couplings: Couplings | CavityCouplings | ChannelCouplings | MasterEquation,
    *,
    start: "states.State | str | Qobj | None" = None,
    result: Literal[True],
    observe: "str | Mapping[str, Qobj] | Sequence[str | Mapping[str, Qobj]]" = (),
    progress: bool = True,
) -> Result: ...


@habits.explained(habits.OF_STEADY_STATE, ("couplings",))
def steady_state(
    couplings: Couplings | CavityCouplings | ChannelCouplings | MasterEquation,
    *,
    start: "states.State | str | Qobj | None" = None,
    result: bool = False,
    observe: "str | Mapping[str, Qobj] | Sequence[str | Mapping[str, Qobj]]" = (),
    progress: bool = True,
) -> "Qobj | Result":
    r"""The density matrix with dρ/dt = 0, if there is exactly one.

    Up to four emitters the Liouvillian is factored. More of them, and any `MasterEquation` of
    Lindblad form, need only products with it: GMRES with the evolution between two jumps as
    preconditioner (`evolution/steady_krylov.py`). Eight driven emitters take about two seconds
    on one core, ten about a minute. For identical emitters, or a few species of them, ρ is found
    between Dicke states; the full matrix fits up to about twelve emitters.
    `co.observables.steady` gives emission, populations and correlations of the steady state
    without the full matrix, for up to a hundred identical emitters.

    The residual ‖Lρ‖ is always checked. That ρ is the only steady state follows from the singular
    values of the Liouvillian, or from a second start that must come to the same state.

    Args:
        couplings: usually with a drive or pump, without which the steady state is the ground
            state; or `CavityCouplings`, a `MasterEquation`, or `ChannelCouplings` of a few atoms:
            driven ones have up to 1,100 states together.
        start: the initial state that decides between several steady states: "ground", "inverted",
            co.states.dicke(k) or co.states.coherent(theta, phi). It is possible for identical
            emitters whose decay is purely collective, and for a few species of them; there also
            other states that are symmetric within each species.
        result: whether a `Result` is returned instead of the matrix.
        observe: {"name": operator}, expectation values for the `Result`, as in `evolve`; "states"
            keeps ρ also where it has more than 1,024 levels.
        progress: show a progress bar after two seconds.

    Returns:
        QuTiP density matrix, dims [[2]*N, [2]*N] for couplings.
        With ``result=True`` a `Result` with the one time 0 and method "steady": emission,
        populations, `expect`, for couplings also correlations, and `states` up to 1,024 levels.
        It is saved and loaded, and observables and figures that need one time take it. Its
        `diagnostics` have "residual", ‖Lρ‖ in the Frobenius norm, a rate, except for identical
        emitters. Where only products are used, they also have "gap", an estimate of the smallest
        ‖Lx‖/‖x‖ of matrices of trace 0, also a rate, and "error", the residual over the gap, which
        is the size of the error of ρ.

    Raises:
        ValueError: if the steady state is not unique, with the dimension of the kernel or the size
            of a second eigenvalue.
        TypeError: for arguments of QuTiP's `steadystate`, such as `c_ops`.
        ProblemTooLargeError: from about twelve emitters, or thirteen identical ones, on.
        KeyboardInterrupt: for Ctrl-C; nothing is kept.

    Example:
        One emitter driven at Ω is excited with the probability Ω²/(Γ² + 2Ω²):

        >>> import collective as co, qutip
        >>> atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
        >>> float(co.steady_state(atom).diag()[0].round(10))
        0.3333333333
        >>> chain = co.couple(co.chain(3, 0.2), co.Vacuum()).replace(drive=1.0)
        >>> steady = co.steady_state(chain, result=True)
        >>> co.observables.angular_pattern(steady, [0, 0, 1]).round(4)
        array([[0.0663]])
    """
    dims = request.checked_problem(couplings)
    require_markov("steady_state", couplings)
    wanted = checks.flag("result", result)
    show = checks.flag("progress", progress)
    words, operators = request.observables(observe, dims)
    if (words or operators) and not wanted:
        raise ValueError("observe belongs to a Result: give result=True too, or leave it out")
    if "correlations" in words and not isinstance(couplings, Couplings | CavityCouplings):
        raise ValueError("observe: correlations are of two-level Couplings; observe states instead")
    begin = time.monotonic()
    unit = timescale.unit_of(couplings)
    found = _found(couplings, dims, start, unit, show=show)
    if isinstance(couplings, CavityCouplings):
        highest = float(found.rho.ptrace(len(couplings)).diag().real[-1])
        if (why := too_few(highest, couplings.photons)) is not None:
            raise ValueError(why)
    if not wanted:
        return found.rho
    diagnostics: dict[str, Any] = {
        "seconds": time.monotonic() - begin,
        "versions": versions(),
    }
    if found.residual is not None:
        diagnostics["residual"] = found.residual * unit
    if found.residual is not None and found.gap is not None:
        diagnostics |= {"gap": found.gap * unit, "error": found.residual / found.gap}
    return result_of(
        couplings,
        found.rho,
        operators=operators,
        whole="states" in words,
        initial_state="any state" if start is None else checked_state(start, couplings),
        method="steady",
        reason=f"the only state with dρ/dt = 0; {found.solver}",
        accuracy="exact",
        diagnostics=diagnostics,
    )


def _found(
    couplings: Couplings | CavityCouplings | ChannelCouplings | MasterEquation,
    dims: list[int],
    start: Any,
    unit: float,
    *,
    show: bool,
) -> Found:
    """The steady state in the unit of the largest rate."""
    if isinstance(couplings, Couplings):
        rho = steady_species.steady_state(couplings, start)
        if rho is not None:
            return Found(rho, None, None, _BETWEEN_DICKE_STATES)
    elif start is not None:
        raise ValueError(
            "start is possible for identical Couplings only; evolve from that state to late times "
            "instead"
        )
    what = f"{len(dims)} emitters" if isinstance(couplings, Couplings) else f"dims {dims}"
    return kernel_state(timescale.in_unit(couplings, unit), dims, what, show=show)
