"""The steady state of couplings or of a master equation: `steady_state`."""

from typing import TYPE_CHECKING

from collective import states
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.engines import request, timescale
from collective.evolution import steady_atoms, steady_identical, steady_kernel
from collective.master.equation import MasterEquation

if TYPE_CHECKING:
    from qutip import Qobj


def steady_state(
    couplings: Couplings | ChannelCouplings | MasterEquation,
    *,
    start: "states.State | str | Qobj | None" = None,
) -> "Qobj":
    """The density matrix with dρ/dt = 0, if there is exactly one.

    For identical emitters ρ is found between Dicke states; the full matrix fits up to about twelve
    of them. `co.observables.steady` gives emission, populations and correlations of the steady
    state without the full matrix, for up to a hundred identical emitters.

    Args:
        couplings: usually with a drive or pump, without which the steady state is the ground
            state; or a `MasterEquation`, or `ChannelCouplings` of a few atoms: driven ones have
            up to 1,100 states together.
        start: the initial state that decides between several steady states: "ground", "inverted",
            co.states.dicke(k) or co.states.coherent(theta, phi). It is possible for identical
            emitters whose decay is purely collective.

    Returns:
        QuTiP density matrix, dims [[2]*N, [2]*N] for couplings.
        `co.observables.moment(couplings, rho)` gives its emission and correlations.

    Raises:
        ValueError: if the steady state is not unique, with the dimension of the kernel.
        ProblemTooLargeError: from about eight emitters, or thirteen identical ones, on.

    Example:
        One emitter driven at Ω is excited with the probability Ω²/(Γ² + 2Ω²):

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
        raise ValueError(
            "start is possible for identical Couplings only; evolve from that state to late times "
            "instead"
        )
    what = f"{len(dims)} emitters" if isinstance(couplings, Couplings) else f"dims {dims}"
    scaled = timescale.in_unit(couplings, timescale.unit_of(couplings))
    if isinstance(scaled, ChannelCouplings):
        rho = steady_atoms.steady_state(scaled)
        if rho is not None:
            return rho
    return steady_kernel.kernel_state(scaled, dims, what)
