"""The Hamiltonian H(t) of a drive with an envelope, in the form that QuTiP's integrators take."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings

if TYPE_CHECKING:
    from qutip import Qobj, QobjEvo

ENVELOPE_STEPS = 20_000  # of the integrator at most, unless the dynamics needs more


def driven_hamiltonian(
    couplings: Couplings,
    times: NDArray[np.float64],
    envelope: Callable[[float], complex] | None,
) -> "tuple[Qobj | QobjEvo, dict[str, float]]":
    """H(t), and the options with which a QuTiP integrator does not step over the pulse.

    Args:
        couplings: the problem.
        times: output times of the run.
        envelope: the function f, or None.
    """
    from qutip import QobjEvo

    if envelope is None:
        return couplings.hamiltonian(), {}

    def pulse(t: float) -> complex:
        # QuTiP also asks at t = 0, where the envelope need not be defined
        return envelope(t) if t >= times[0] else 0j

    up = couplings.drive_operator()
    hamiltonian = QobjEvo(
        [
            couplings.undriven_hamiltonian(),
            [up, pulse],
            [up.dag(), lambda t: pulse(t).conjugate()],
        ]
    )
    if len(times) == 1:
        return hamiltonian, {}
    # a pulse shorter than an internal step would be stepped over unseen
    span = float(times[-1] - times[0])
    return hamiltonian, {"max_step": max(float(np.diff(times).min()), span / ENVELOPE_STEPS)}
