"""The steady state as the kernel of the Liouvillian, dense or sparse."""

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import bytes_text, fits, require
from collective._tools.operators import Untidied, entries_of
from collective.couplings.couplings import Couplings
from collective.engines.exact.size import density_bytes
from collective.engines.request import Problem

if TYPE_CHECKING:
    from qutip import Qobj


_DENSE_DIMENSION = 256  # rows of the Liouvillian whose singular values take a second
_ZERO = 1e-11  # eigenvalue over the norm of the Liouvillian below which ρ loses five digits
_MOST_SAMPLED = 2**16  # dimension of the state up to which driven trajectories end within days
_FILL_BYTES = 20  # per entry of a full LU factor; an upper bound, nearly reached at six emitters


@Untidied()
def kernel_state(problem: Problem, dims: list[int], what: str) -> "Qobj":
    """The only density matrix in the kernel of the Liouvillian; see `collective.steady_state`.

    Args:
        problem: couplings or a master equation, in the unit of its largest rate.
        dims: number of levels of every emitter.
        what: the problem in words, for errors.

    Raises:
        ValueError: if the kernel has more than one dimension.
        ProblemTooLargeError: before anything is allocated.
    """
    from qutip import Qobj

    size = prod(dims)
    require(_FILL_BYTES * size**4, f"the steady state of {what}", _remedy(problem, size))
    liouvillian = problem.liouvillian()
    dense = size**2 <= _DENSE_DIMENSION
    vector = _dense_kernel(liouvillian.full()) if dense else _sparse_kernel(liouvillian)
    rho = vector.reshape(size, size).T  # QuTiP stacks columns
    rho = rho / np.trace(rho)
    return Qobj((rho + rho.conj().T) / 2, dims=[dims, dims])


def _remedy(problem: Problem, size: int) -> str:
    """What a user can do if the steady state is too large to solve for.

    Args:
        problem: couplings or a master equation.
        size: rows of ρ.
    """
    density = density_bytes(size)
    if fits(density):
        return (
            "evolve until long after the slowest decay instead, which needs only ρ "
            f"({bytes_text(density)})"
        )
    if isinstance(problem, Couplings):
        remedies = [
            "use fewer emitters",
            "use equal couplings for all of them (co.observables.steady takes up to a hundred)",
            "approximate it by co.observables.steady(..., method='mean_field')",
        ]
        if size <= _MOST_SAMPLED:
            remedies.append("evolve to late times with method='trajectories'")
        return f"{', '.join(remedies[:-1])}, or {remedies[-1]}"
    return "use fewer atoms or levels"


def _dense_kernel(matrix: NDArray[Any]) -> NDArray[Any]:
    """The vector (D,) in the kernel of a dense Liouvillian (D, D); raises if there are several."""
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
    """The vector (D,) in the kernel of a sparse Liouvillian; raises if there are several.

    One redundant row of Lρ = 0 is replaced by tr ρ = 1. The system is singular if ρ is not unique.
    """
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
    """Text of the error for more than one steady state."""
    return (
        f"the steady state is not unique to working precision: {finding}, so the final state "
        "depends on the initial one; evolve from a state to late times, or add dephasing, a pump "
        "or unequal couplings"
    )
