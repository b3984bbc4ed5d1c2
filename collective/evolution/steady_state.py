"""The steady state of couplings or of a master equation: `steady_state`."""

from typing import TYPE_CHECKING

from collective import states
from collective.couplings.couplings import Couplings
from collective.engines import request, timescale
from collective.evolution import steady_identical, steady_kernel
from collective.master.equation import MasterEquation

if TYPE_CHECKING:
    from qutip import Qobj


def steady_state(
    couplings: Couplings | MasterEquation, *, start: "states.State | str | Qobj | None" = None
) -> "Qobj":
    """The density matrix with dρ/dt = 0, if there is exactly one.

    Of identical couplings ρ is found between Dicke states, and laid out in full up to about twelve
    emitters; `co.observables.steady` gives what there is to know of a hundred.

    Args:
        couplings: usually with a drive or pump; without, the ground state is what decays to. Or a
            `MasterEquation`.
        start: the one of several steady states that this state comes to: "ground", "inverted",
            co.states.dicke(k) or coherent(theta, phi), of identical emitters whose decay is purely
            collective.

    Returns:
        QuTiP density matrix, dims [[2]*N, [2]*N]. `co.observables.moment(couplings, it)`
        gives its emission and correlations.

    Raises:
        ValueError: if the steady state is not unique, with the dimension of the kernel.
        ProblemTooLargeError: from about eight emitters, or thirteen identical ones.

    Example:
        One emitter driven at Ω is excited with probability Ω²/(Γ² + 2Ω²):

        >>> import collective as co, qutip
        >>> atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
        >>> float(co.steady_state(atom).diag()[0].round(10))
        0.3333333333
    """
    dims = request.checked_problem(couplings)
    if isinstance(couplings, Couplings):
        rho = steady_identical.steady_state(couplings, start)
        if rho is not None:
            return rho
    elif start is not None:
        raise ValueError("start is for identical Couplings; evolve a MasterEquation from its state")
    what = f"{len(dims)} emitters" if isinstance(couplings, Couplings) else f"dims {dims}"
    scaled = timescale.in_unit(couplings, timescale.unit_of(couplings))
    return steady_kernel.kernel_state(scaled, dims, what)
