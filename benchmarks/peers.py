"""Other programs for the same problem, each called in its fastest way.

A peer is a function of a `Problem`. It prepares operators and returns the function that is timed,
which has no arguments and returns the emission rate, (T,). The preparation of a peer is not timed;
ours is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

import collective as co
from collective._tools import operators

RTOL, ATOL = 1e-6, 1e-8
Timed = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Problem:
    """One evolution: couplings of n emitters, an initial state by name, and times."""

    n: int
    couplings: co.Couplings
    state: str
    times: np.ndarray
    n_trajectories: int | None = None


def _qutip_problem(problem: Problem) -> tuple[Any, ...]:
    import qutip

    emission = operators.exchange(problem.couplings.decay)
    level = {"inverted": 0, "ground": 1}[problem.state]
    state = qutip.tensor([qutip.basis(2, level)] * problem.n)
    h, jumps = problem.couplings.hamiltonian(), problem.couplings.collapse_operators()
    return h, state, problem.times, jumps, emission


def mesolve(problem: Problem) -> Timed:
    """QuTiP's master equation as matrix products with CSR operators, by far its fastest form."""
    import qutip

    h, state, times, jumps, emission = _qutip_problem(problem)
    options = {
        "method": "tsit5",
        "matrix_form": True,
        "rtol": RTOL,
        "atol": ATOL,
        "nsteps": 10**6,
        "progress_bar": "",
        "store_states": False,
        "store_final_state": False,
    }
    return lambda: np.real(
        qutip.mesolve(h, state, times, jumps, e_ops=[emission], options=options).expect[0]
    )


def mcsolve(problem: Problem) -> Timed:
    """QuTiP's trajectories in series; tsit5 is faster here than adams, vern7 and diag."""
    import qutip

    h, state, times, jumps, emission = _qutip_problem(problem)
    options = {
        "method": "tsit5",
        "map": "serial",
        "rtol": RTOL,
        "atol": ATOL,
        "nsteps": 10**6,
        "progress_bar": "",
        "store_states": False,
        "store_final_state": False,
    }
    return lambda: np.real(
        qutip.mcsolve(
            h,
            state,
            times,
            jumps,
            e_ops=[emission],
            ntraj=problem.n_trajectories,
            seeds=0,
            options=options,
        ).expect[0]
    )


def piqs(problem: Problem) -> Timed:
    """QuTiP's permutationally invariant ladder; it returns ρ at every time, as dense matrices."""
    from qutip import piqs

    n = problem.n
    system = piqs.Dicke(n, collective_emission=1.0)
    state = piqs.dicke(n, n / 2, n / 2)
    raising = piqs.jspin(n, "+")
    emission = (raising @ raising.dag()).diag().real

    def solve() -> np.ndarray:
        states = system.pisolve(state, problem.times).states
        return np.array([emission @ rho.diag().real for rho in states])

    return solve


def dynamiqs(problem: Problem) -> Timed:
    """dynamiqs with sparse diagonals, in double precision; the first call compiles."""
    import dynamiqs as dq

    dq.set_precision("double")
    h, state, times, jumps, emission = _qutip_problem(problem)
    h, emission, *jumps = (dq.asqarray(q.full(), layout=dq.dia) for q in (h, emission, *jumps))
    ket, method = dq.asqarray(state.full()), dq.method.Tsit5(rtol=RTOL, atol=ATOL)
    options = {"save_states": False, "progress_meter": False}

    def solve() -> np.ndarray:
        found = dq.mesolve(h, jumps, ket, times, exp_ops=[emission], method=method, **options)
        return np.asarray(found.expects)[0].real

    return solve


def eig(problem: Problem) -> Timed:
    """LAPACK on H_eff and Γ without using their symmetry; returns the decreasing rates."""
    effective, decay = problem.couplings.effective_hamiltonian(), problem.couplings.decay

    def solve() -> np.ndarray:
        values, _ = np.linalg.eig(effective)
        np.linalg.eigh(decay)
        return np.sort(-2 * values.imag)[::-1]

    return solve


NAMES = {
    mesolve: "QuTiP mesolve (CSR, tsit5, matrix form)",
    mcsolve: "QuTiP mcsolve (CSR, tsit5, serial)",
    piqs: "QuTiP piqs (pisolve)",
    dynamiqs: "dynamiqs mesolve (sparse diagonals, tsit5)",
    eig: "LAPACK (eig, eigh)",
}
PEERS = {peer.__name__: peer for peer in NAMES}


def there(name: str) -> bool:
    """Whether the library of a peer is installed."""
    return name != "dynamiqs" or find_spec("dynamiqs") is not None
