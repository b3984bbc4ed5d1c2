"""The light and the populations of a given state, without a time evolution."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.evolution.steady_result import result_of
from collective.master.equation import MasterEquation
from collective.results.result import Result
from collective.states import State, correlations, density_matrix
from collective.states.channel_moments import of_channels
from collective.states.checking import checked_state

if TYPE_CHECKING:
    from qutip import Qobj

_ROUND_OFF = 1e-8  # largest error of correlations that a user gives


def moment(
    couplings: Couplings | ChannelCouplings | MasterEquation,
    state: "State | str | Qobj | NDArray[Any]",
    *,
    states: bool = False,
) -> Result:
    r"""A result with one time, 0, at which the emitters are in a given state.

    Observables and figures that need neither jumps nor several times accept it like the result of
    `evolve`. No engine runs: populations and emission follow from ⟨σ⁺_mσ⁻_n⟩ of the state, which
    `co.states.correlations` gives for many emitters.

    Args:
        couplings: `Couplings`, `ChannelCouplings`, or a `MasterEquation`, for which ρ is computed.
        state: "inverted", "ground", a state of `co.states`, your own `State`, a QuTiP ket or
            density matrix; for `Couplings` also only the correlations ⟨σ⁺_mσ⁻_n⟩ of a state,
            (N, N).
        states: whether ρ is computed too, which needs 4^N numbers.

    Returns:
        `Result` with correlations (for a `MasterEquation` with states) and method "moment". Its
        diagnostics are empty, and its `initial_state` is a text if correlations were given.

    Raises:
        ValueError: if the state does not exist for these emitters; for given correlations that no
            state can have, as far as ⟨σ⁺_mσ⁻_n⟩ and ⟨σ⁻_mσ⁺_n⟩ tell, each of which must be
            positive semidefinite.
        ProblemTooLargeError: (a MemoryError and ValueError) if the numbers do not fit.

    Example:
        One excitation at a random place, in light of 100 emitters:

        >>> import numpy as np, collective as co
        >>> atoms = co.couple(co.chain(100, 0.2), co.Vacuum())
        >>> somewhere = co.observables.moment(atoms, np.eye(100) / 100)
        >>> co.observables.angular_pattern(somewhere, [0, 1, 0]).round(6)
        array([[0.119366]])
    """
    keep = checks.flag("states", states)
    if isinstance(couplings, MasterEquation):
        rho, initial = density_matrix(state, couplings), checked_state(state, couplings)
        return result_of(couplings, rho, whole=True, initial_state=initial, **_READ)
    if isinstance(couplings, ChannelCouplings):
        return _of_channels(couplings, state, keep)
    checks.instance("couplings", couplings, Couplings, "co.couple, co.Couplings")
    given = isinstance(state, np.ndarray)
    if given and keep:
        raise ValueError(
            "states: the density matrix does not follow from correlations; give the state itself"
        )
    pairs = _given_pairs(state, couplings) if given else correlations(state, couplings)
    populations = np.diagonal(pairs).real.copy()
    photons = 1 + couplings.thermal_photons
    return Result(
        times=np.zeros(1),
        emission=np.array([photons * np.einsum("mn,mn->", couplings.decay, pairs).real]),
        excitation=populations[None].sum(axis=1),
        populations=populations[None],
        correlations=pairs[None],
        states=[density_matrix(state, couplings)] if keep else None,
        couplings=couplings,
        initial_state="given correlations" if given else checked_state(state, couplings),
        **_READ,
    )


_READ: dict[str, Any] = {
    "method": "moment",
    "reason": "read off the state, nothing is evolved",
    "accuracy": "exact",
}


def _of_channels(channels: ChannelCouplings, state: Any, keep: bool) -> Result:
    """The result for atoms with manifolds: populations of every level, correlations of channels."""
    if isinstance(state, np.ndarray):
        raise ValueError(
            "state: correlations alone do not say which levels atoms with manifolds are in; give "
            "the state itself, such as co.states.levels(...)"
        )
    known = checked_state(state, channels)
    pairs, populations = of_channels(known, channels)
    return Result(
        times=np.zeros(1),
        emission=np.array([np.einsum("cd,cd->", channels.decay, pairs).real]),
        excitation=np.array([(populations @ channels.atoms.excited).sum()]),
        populations=populations[None],
        correlations=pairs[None],
        states=[density_matrix(known, channels)] if keep else None,
        couplings=channels,
        initial_state=known,
        **_READ,
    )


def _given_pairs(value: Any, couplings: Couplings) -> NDArray[np.complex128]:
    """Checked correlations ⟨σ⁺_mσ⁻_n⟩ that a user gives, (N, N)."""
    n = len(couplings)
    found = checks.finite("state", value, complex)
    if found.shape != (n, n):
        raise ValueError(
            f"state: correlations of {n} emitters have shape ({n}, {n}), got {found.shape}"
        )
    if np.abs(found - found.conj().T).max() > _ROUND_OFF:
        raise ValueError("state: correlations must be Hermitian, ⟨σ⁺_mσ⁻_n⟩ = ⟨σ⁺_nσ⁻_m⟩*")
    largest = float(np.diagonal(found).real.max())
    if largest > 1 + _ROUND_OFF:
        raise ValueError(f"state: the diagonal holds probabilities, but one is {largest:.6g}")
    populations = np.diagonal(found).real
    # σ⁺_m and σ⁻_n of different emitters commute: only the diagonals of the two differ
    holes = found.T + np.diag(1 - 2 * populations)
    for name, matrix in (("⟨σ⁺_mσ⁻_n⟩", found), ("⟨σ⁻_mσ⁺_n⟩", holes)):
        smallest = float(np.linalg.eigvalsh(matrix)[0])
        if smallest < -_ROUND_OFF:
            raise ValueError(
                f"state: no state has these correlations: {name} must be positive semidefinite, "
                f"but its smallest eigenvalue is {smallest:.3g}"
            )
    return found
