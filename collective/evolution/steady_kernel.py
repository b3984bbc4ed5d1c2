"""The steady state as the kernel of the Liouvillian, dense or sparse."""

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import bytes_text, fits, require
from collective._tools.operators import Untidied, entries_of
from collective.couplings.couplings import Couplings
from collective.engines.exact.size import density_bytes

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.master.equation import MasterEquation

_DENSE_DIMENSION = 256  # of the Liouvillian; its singular values take a second
_ZERO = 1e-11  # relative to the norm of the Liouvillian; below it ρ loses five digits
_SAMPLED = 2**16  # levels up to which driven trajectories end within days
_FILL_BYTES = 20  # per entry of a full LU factor: an upper bound, near it at six emitters


@Untidied()
def kernel_state(problem: "Couplings | MasterEquation", dims: list[int], what: str) -> "Qobj":
    """The one density matrix in the kernel of the Liouvillian; see `collective.steady_state`."""
    from qutip import Qobj

    size = prod(dims)
    require(_FILL_BYTES * size**4, f"the steady state of {what}", _way_to_steady(problem, size))
    liouvillian = problem.liouvillian()
    dense = size**2 <= _DENSE_DIMENSION
    vector = _dense_kernel(liouvillian.full()) if dense else _sparse_kernel(liouvillian)
    rho = vector.reshape(size, size).T  # QuTiP stacks columns
    rho = rho / np.trace(rho)
    return Qobj((rho + rho.conj().T) / 2, dims=[dims, dims])


def _way_to_steady(problem: "Couplings | MasterEquation", size: int) -> str:
    """What can be had instead of a steady state too large to solve for."""
    held = density_bytes(size)
    if fits(held):
        return (
            "evolve to times late against the slowest decay instead, where ρ alone "
            f"({bytes_text(held)}) is held"
        )
    if isinstance(problem, Couplings):
        ways = [
            "use fewer emitters",
            "couplings that are the same for all of them (co.observables.steady holds a hundred)",
        ]
        if size <= _SAMPLED:
            ways.append("method='trajectories' to late times")
        return f"{', '.join(ways[:-1])}, or {ways[-1]}"
    return "use fewer levels"


def _dense_kernel(matrix: NDArray[Any]) -> NDArray[Any]:
    _, singular, adjoint = np.linalg.svd(matrix)
    kernel = int(np.sum(singular <= _ZERO * singular[0]))
    if kernel != 1:
        raise ValueError(
            _degenerate(
                f"the kernel of the Liouvillian has dimension {kernel} (singular values below "
                f"{_ZERO:g} of the largest)"
            )
        )
    return adjoint[-1].conj()


def _sparse_kernel(liouvillian: "Qobj") -> NDArray[Any]:
    """Solve Lρ = 0 with one redundant row replaced by tr ρ = 1; singular if ρ is not unique."""
    from scipy.sparse import csr_array, vstack
    from scipy.sparse.linalg import LinearOperator, norm, onenormest, splu

    matrix = csr_array(entries_of(liouvillian))
    size = matrix.shape[0]
    side = int(np.sqrt(size))
    diagonal = np.arange(side) * (side + 1)
    scale = norm(matrix, np.inf)
    trace = csr_array(
        (np.full(side, scale, dtype=complex), (np.zeros(side, int), diagonal)), shape=(1, size)
    )
    target = np.zeros(size, dtype=complex)
    target[0] = scale
    try:
        factors = splu(vstack([trace, matrix[1:]]).tocsc())
    except RuntimeError as error:
        raise ValueError(_degenerate(f"the Liouvillian is singular ({error})")) from None
    inverse = LinearOperator(
        (size, size),
        matvec=factors.solve,
        rmatvec=lambda v: factors.solve(v, "H"),
        dtype=complex,
    )
    gap = 1 / (onenormest(inverse) * scale)
    if not gap > _ZERO:
        raise ValueError(
            _degenerate(f"a second eigenvalue lies within {gap:.1e} of zero, relative to the norm")
        )
    return factors.solve(target)


def _degenerate(finding: str) -> str:
    return (
        f"the steady state is not unique to working precision: {finding}, so where the emitters "
        "end depends on where they start; evolve from a state, or add dephasing, a pump or "
        "unequal couplings"
    )
