"""A state as a matrix: ρ and the correlations ⟨σ⁺_mσ⁻_n⟩."""

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools import operators as _operators
from collective._tools.memory import require
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.emitters import Multilevel
from collective.states.answers import (
    amplitudes_of,
    excitations_of,
    is_mixed,
    one_excitation_of,
    probabilities_of,
    spinors_of,
    weights_of,
)
from collective.states.channel_moments import of_channels
from collective.states.checking import Problem, checked_state, dims_of
from collective.states.of_atoms import ket_of
from collective.states.protocol import State

if TYPE_CHECKING:
    from qutip import Qobj

_COPIES = 3  # of the numbers of ρ or of all σ⁻_n|ψ⟩, while a matrix is built


def matrix(state: "State | Qobj", problem: Problem) -> "Qobj":
    """The density matrix of a checked state."""
    import qutip

    dims = dims_of(problem)
    if isinstance(problem, CavityCouplings) and not isinstance(state, qutip.Qobj):
        empty = np.diag(np.arange(dims[-1]) == 0)
        emitters = matrix(state, problem.couplings).full()
        return qutip.Qobj(np.kron(emitters, empty), dims=[dims, dims])
    if isinstance(state, qutip.Qobj):
        if not state.isket:
            return state
        found = state.full().ravel()
    else:
        found = _ket(state, problem)
    if is_mixed(state):
        return qutip.Qobj(np.diag(found), dims=[dims, dims])
    return qutip.Qobj(np.outer(found, found.conj()), dims=[dims, dims])


def _ket(state: State, problem: Problem) -> NDArray[np.complex128]:
    """Amplitudes of a checked state in QuTiP's basis; probabilities if it is a mixture."""
    assert not isinstance(problem, CavityCouplings)
    if isinstance(problem, Couplings):
        return _of(state, _operators.excited(len(problem)), problem.emitters)
    if isinstance(problem, ChannelCouplings):
        return ket_of(state, problem.atoms)
    system = problem.multilevel
    if system is None:
        raise ValueError(
            f"state {state}: this MasterEquation does not know its levels; give a QuTiP ket or "
            "density matrix"
        )
    levels = getattr(state, "levels", None)
    if levels is not None:
        ket = np.zeros(problem.dimension, dtype=complex)
        ket[np.ravel_multi_index(_checked_levels(state, levels(system), system), system.levels)] = 1
        return ket
    if set(system.levels) != {2}:
        raise ValueError(f"state {state} is for two-level emitters, not for {system.levels} levels")
    level = np.stack(np.unravel_index(np.arange(problem.dimension), system.levels), axis=1)
    upper = np.array([int(np.argmax(e)) for e in system.energies])
    return _of(state, level == upper, system)


def _of(state: State, excited: NDArray[np.bool_], emitters: Any) -> NDArray[np.complex128]:
    """The amplitude of each configuration, or its probability if the state is a mixture."""
    weights = weights_of(state, excited)
    if weights is None:
        return amplitudes_of(state, excited, emitters)
    return weights.astype(complex)


def _checked_levels(state: State, found: Any, system: Multilevel) -> list[int]:
    """The levels that a state gives, one of each emitter."""
    if np.shape(found) != (len(system),):
        raise ValueError(
            f"levels of state {state} must be {len(system)} whole numbers, one for each emitter; "
            f"got {checks.short(found)}"
        )
    name = f"levels of state {state}"
    return [
        checks.index(f"{name}[{i}]", level, count, "levels")
        for i, (level, count) in enumerate(zip(found, system.levels, strict=True))
    ]


def _problem(couplings: Any) -> None:
    """Raise unless these are couplings or a master equation."""
    if not isinstance(couplings, Problem):
        raise TypeError(
            "couplings must be Couplings, CavityCouplings, ChannelCouplings or a MasterEquation "
            "(co.couple, co.Couplings, co.CavityCouplings, co.master_equation), got "
            f"{type(couplings).__name__}"
        )


def density_matrix(state: "State | str | Qobj", couplings: Problem) -> "Qobj":
    """The density matrix of a state, as `evolve` starts from it.

    Args:
        state: "inverted", "ground", a state of `co.states`, your own `State`, or a QuTiP ket or
            density matrix.
        couplings: `Couplings`, `CavityCouplings`, `ChannelCouplings` or a `MasterEquation`: how
            many emitters there are, and where.

    Returns:
        QuTiP density matrix of N two-level systems, dims [[2]*N, [2]*N], emitter 0 leftmost,
        `qutip.basis(2, 0)` excited; for other problems it has the dims of their Hamiltonian. The
        mode of `CavityCouplings` is empty.

    Raises:
        ValueError: if the state does not exist for these emitters.
        ProblemTooLargeError: (a MemoryError and ValueError) if 4^N numbers do not fit.

    Example:
        >>> import collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> co.states.density_matrix(co.states.single(0), pair).diag().real
        array([0., 1., 0., 0.])
    """
    _problem(couplings)
    size = prod(dims_of(couplings))
    require(16 * _COPIES * size**2, f"a density matrix of {size} states", "use fewer emitters")
    return matrix(checked_state(state, couplings), couplings)


def correlations(
    state: "State | str | Qobj", couplings: Couplings | ChannelCouplings
) -> NDArray[np.complex128]:
    r"""Correlations ⟨σ⁺_mσ⁻_n⟩ of a state, without a time evolution.

    They are known in closed form for product states, for one excitation and for symmetric states
    of k excitations: :math:`⟨σ^+_mσ^-_n⟩ = k(N-k)/N(N-1)`, m ≠ n (Dicke, Phys. Rev. 93, 99
    (1954)), for any N. Other states take N·2^N numbers.

    Of atoms with manifolds they are ⟨σ⁺_cσ⁻_c'⟩ of all channels, in closed form for products of
    levels and for one excitation.

    Args:
        state: as for `density_matrix`.
        couplings: how many emitters there are, and where.

    Returns:
        (N, N), or (N·C, N·C) for `ChannelCouplings`, as `Result.correlations` at one time.
        `co.observables.moment` gives the light.

    Raises:
        ValueError: if the state does not exist for these emitters.
        ProblemTooLargeError: (a MemoryError and ValueError) if the numbers do not fit.

    Example:
        >>> import collective as co
        >>> three = co.couple(co.chain(3, 0.1), co.Vacuum())
        >>> co.states.correlations(co.states.dicke(1), three)[0].real.round(6)
        array([0.333333, 0.333333, 0.333333])
    """
    if isinstance(couplings, ChannelCouplings):
        return of_channels(checked_state(state, couplings), couplings)[0]
    checks.instance("couplings", couplings, Couplings, "co.couple, co.Couplings")
    n = len(couplings)
    require(16 * _COPIES * n * n, f"the correlations of {n} emitters", "use fewer emitters")
    known = checked_state(state, couplings)
    if isinstance(known, State):
        found = _closed_form(known, n, couplings.emitters)
        if found is not None:
            return found
        what = f"the correlations of {n} emitters in state {known}"
        require(16 * _COPIES * n * 2**n, what, "use fewer emitters")
        return _of_ket(_ket(known, couplings), n)
    if known.isket:
        return _of_ket(known.full().ravel(), n)
    return _of_matrix(known.full(), n)


def _closed_form(state: State, n: int, emitters: Any) -> NDArray[np.complex128] | None:
    """⟨σ⁺_mσ⁻_n⟩ where they are known without 2^N numbers, or None."""
    chances = probabilities_of(state, n)
    if chances is not None:
        return np.diag(chances).astype(complex)
    each = spinors_of(state, n)
    if each is not None:
        lowered = each[:, 0] * each[:, 1].conj()  # ⟨σ⁻⟩
        found = np.outer(lowered.conj(), lowered)
        np.fill_diagonal(found, np.abs(each[:, 0]) ** 2)
        return found
    k = excitations_of(state, n)
    if not isinstance(k, int):
        return None
    if k == 1:
        one = one_excitation_of(state, n, emitters)
        return np.outer(one.conj(), one)
    if k in (0, n) or state.symmetric(n):
        apart = k * (n - k) / (n * (n - 1)) if n > 1 else 0.0
        found = np.full((n, n), complex(apart))
        np.fill_diagonal(found, k / n)
        return found
    return None


def _of_ket(ket: NDArray[Any], n: int) -> NDArray[np.complex128]:
    """⟨σ⁺_mσ⁻_n⟩ of a ket in QuTiP's basis."""
    lowered = np.zeros((n, 2**n), dtype=complex)
    for m, row in enumerate(lowered):
        row.reshape(2**m, 2, -1)[:, 1] = ket.reshape(2**m, 2, -1)[:, 0]  # excited to ground
    return lowered.conj() @ lowered.T


def _of_matrix(rho: NDArray[Any], n: int) -> NDArray[np.complex128]:
    """⟨σ⁺_mσ⁻_n⟩ of ρ in QuTiP's basis."""
    pairs, rows, columns = _operators.pair_table(n)
    found = np.diag(np.diagonal(rho).real @ _operators.excited(n)).astype(complex)
    m, k = pairs.T
    found[m, k] = rho[rows, columns].sum(axis=1)
    found[k, m] = found[m, k].conj()
    return found
