"""The steady state as the only matrix in the kernel of the Liouvillian: which solver finds it.

A Liouvillian of up to 256 rows is factored as a dense matrix. Larger ones of Lindblad form are
never made: `steady_krylov` needs only products. What is not of Lindblad form is factored as a
sparse matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import bytes_text, fits, require
from collective._tools.operators import Untidied, entries_of
from collective._tools.progress import Progress, notice
from collective._tools.speed import speed
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.engines.exact.size import density_bytes
from collective.engines.request import Problem
from collective.evolution import steady_krylov
from collective.evolution.steady_generator import Threads, generator
from collective.master.equation import MasterEquation

if TYPE_CHECKING:
    from qutip import Qobj


DENSE_DIMENSION = 256  # rows of the Liouvillian whose factors take milliseconds
FEWEST = 5  # driven emitters, for fewer of which two-time averages are as fast by matrices
_LARGEST_DIRECT = 64  # levels, up to which sparse factors may replace products that do not converge
_ZERO = 1e-11  # eigenvalue over the norm of the Liouvillian below which ρ loses five digits
_NEARLY_SINGULAR = 1e-7  # inverse condition, below which the singular values are looked at
_MOST_SAMPLED = 2**16  # dimension of the state up to which driven trajectories end within days
_FILL_BYTES = 20  # per entry of a full LU factor; an upper bound, nearly reached at six emitters
_ALIKE = 1e-14  # of the largest rate: then a second eigenvalue is far below `_ZERO`
_MARKS = 1000  # of the progress bar
_ANNOUNCED = 60.0  # predicted seconds
_STEPS = 110.0  # products with L, usually, and as many with the inverse of S
_STEP_FLOPS, _STEP_ENTRIES = 24.0, 70.0  # of one step: times D³, and D²
_EIGENVECTOR_FLOPS = 150.0  # times D³


@dataclass(frozen=True, eq=False)
class Found:
    """A steady state and how well it is known, in the unit of rate of the problem.

    Attributes:
        rho: ρ, a QuTiP density matrix.
        residual: ‖Lρ‖, the Frobenius norm; None if not known.
        gap: an estimate of the smallest ‖Lx‖/‖x‖ for matrices x of trace 0; None if not known.
        solver: in words.
    """

    rho: "Qobj"
    residual: float | None
    gap: float | None
    solver: str


@Untidied()
def kernel_state(problem: Problem, dims: list[int], what: str, *, show: bool = False) -> Found:
    """The only density matrix in the kernel of the Liouvillian; see `collective.steady_state`.

    Args:
        problem: couplings or a master equation, in the unit of its largest rate.
        dims: number of levels of every emitter.
        what: the problem in words, for errors.
        show: whether progress is shown.

    Raises:
        ValueError: if the kernel has more than one dimension.
        ProblemTooLargeError: before anything is allocated.
    """
    if isinstance(problem, ChannelCouplings | CavityCouplings):
        problem = MasterEquation(problem.hamiltonian(), problem.collapse_operators())
    size = prod(dims)
    if size**2 <= DENSE_DIMENSION:
        matrix = problem.liouvillian().full()
        return _of_vector(_dense_kernel(matrix), matrix, dims, "dense factors")
    if isinstance(problem, Couplings):
        refuse_dark_pairs(problem)
    if isinstance(problem, Couplings) or problem.of_lindblad_form:
        require_products(problem, size, f"the steady state of {what}")
        try:
            return _by_products(problem, size, show=show)
        except steady_krylov.NotConvergedError:
            if size > _LARGEST_DIRECT:
                raise
    require(_FILL_BYTES * size**4, f"the steady state of {what}", _remedy(problem, size))
    liouvillian = problem.liouvillian()
    vector = _sparse_kernel(liouvillian)
    return _of_vector(vector, entries_of(liouvillian).tocsr(), dims, "sparse factors")


def _of_vector(vector: NDArray[Any], matrix: Any, dims: list[int], solver: str) -> Found:
    """The state of a stacked vector in the kernel of a matrix."""
    from qutip import Qobj

    size = prod(dims)
    rho = vector.reshape(size, size).T  # QuTiP stacks columns
    rho = rho / np.trace(rho)
    rho = (rho + rho.conj().T) / 2
    residual = float(np.linalg.norm(matrix @ rho.ravel(order="F")))
    return Found(Qobj(rho, dims=[dims, dims]), residual, None, solver)


def refuse_dark_pairs(couplings: Couplings) -> None:
    """Raise if two emitters have an antisymmetric state that keeps its probability.

    Products with L would find that out too, but for eight emitters only after half a minute.
    """
    pair = alike(couplings)
    if pair is not None:
        raise ValueError(
            _degenerate(
                f"emitters {pair[0]} and {pair[1]} are alike and emit only together, so that their "
                "antisymmetric state keeps its probability"
            )
        )


def alike(couplings: Couplings) -> tuple[int, int] | None:
    """Two emitters whose exchange changes nothing, and which emit only together; None without any.

    In the phases of τ⁻_n = cσ⁻_n, with a number c of size 1, they are the same emitter twice: their
    columns of Γ are equal, and so is all that H has of them. Every jump then keeps the probability
    of their antisymmetric state.
    """
    decay = np.asarray(couplings.decay)
    h = np.asarray(couplings.shift) + np.diag(couplings.detunings)
    drive, n = couplings.drive, len(couplings)
    size = max(float(np.abs(part).max()) for part in (decay, h, drive))
    alone = np.flatnonzero((couplings.dephasing == 0) & (couplings.pump == 0))
    for i, a in enumerate(alone.tolist()):
        for b in alone[i + 1 :].tolist():
            own = float(decay[a, a].real)
            if not own > 0:
                continue
            c = decay[a, b] / own
            others = (np.arange(n) != a) & (np.arange(n) != b)
            differences = (
                abs(abs(c) - 1) * own,
                np.abs(decay[:, b] - c * decay[:, a]).max(),
                np.abs(h[others, b] - c * h[others, a]).max(initial=0.0),
                abs((h[a, b] * np.conj(c)).imag),
                abs(h[a, a] - h[b, b]),
                abs(c * drive[b] - drive[a]),
            )
            if max(differences) <= _ALIKE * size:
                return a, b
    return None


def require_products(problem: Couplings | MasterEquation, size: int, what: str) -> None:
    """Raise if the vectors of the steady state of D levels do not fit into memory."""
    require(steady_krylov.bytes_needed(size), what, _remedy(problem, size))


def _by_products(problem: Couplings | MasterEquation, size: int, *, show: bool) -> Found:
    """The steady state by `steady_krylov`, with a bar of progress."""
    from qutip import Qobj

    seconds = predicted_seconds(size)
    if show and seconds > _ANNOUNCED:
        notice(f"collective: the steady state of {size:,} levels, about {seconds:.0f} s predicted")
    with Threads(size) as threads:
        whole = generator(problem, threads, show=show)
        with Progress(_MARKS, "steady state", show=show) as bar:
            found = unique(whole, advancing(bar))
    dims = [whole.dims, whole.dims]
    rho = Qobj(whole.unpack(found.vector), dims=dims, copy=False)
    return Found(rho, found.residual, found.gap, f"{found.applications} products with L")


def unique(whole: Any, report: Callable[[float], None]) -> steady_krylov.Steady:
    """The steady state of a generator; the error for several of them says what to do."""
    try:
        return steady_krylov.steady(whole, report)
    except steady_krylov.NotUniqueError as error:
        raise ValueError(_degenerate(f"{error}, relative to the norm")) from None


def advancing(bar: Progress) -> Callable[[float], None]:
    """A function that moves a bar to a share of its marks, and never back."""
    shown = 0

    def report(share: float) -> None:
        nonlocal shown
        marks = max(round(_MARKS * share), shown)
        bar.step(marks - shown)
        shown = marks

    return report


def predicted_seconds(size: int) -> float:
    """Seconds of CPU for the steady state of D levels by products, roughly."""
    s, side = speed(), float(size)
    step = _STEP_FLOPS * side**3 * s.flop + _STEP_ENTRIES * side**2 * s.entry
    return _EIGENVECTOR_FLOPS * side**3 * s.flop + _STEPS * step


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
    """The vector (D,) in the kernel of a dense Liouvillian (D, D); raises if there are several.

    The first row of Lρ = 0, which follows from the others, is replaced by tr ρ = 1.
    """
    from scipy.linalg import lapack

    scale = np.abs(matrix).sum(axis=1).max() or 1.0
    system, side = matrix.copy(), int(np.sqrt(len(matrix)))
    system[0] = 0.0
    system[0, np.arange(side) * (side + 1)] = scale
    target = np.zeros(len(matrix), dtype=complex)
    target[0] = scale
    factors, pivots, failed = lapack.zgetrf(system)
    inverse, _ = lapack.zgecon(factors, np.abs(system).sum(axis=0).max())
    if failed or not inverse > _NEARLY_SINGULAR:
        _, singular, adjoint = np.linalg.svd(matrix)
        kernel = int(np.sum(singular <= _ZERO * singular[0]))
        if kernel != 1:
            raise ValueError(
                _degenerate(
                    f"the kernel of the Liouvillian has dimension {kernel} (singular values below "
                    f"{_ZERO:g} of the largest)"
                )
            )
        return np.asarray(adjoint[-1].conj())
    found: NDArray[Any] = lapack.zgetrs(factors, pivots, target)[0]
    found += lapack.zgetrs(factors, pivots, target - system @ found)[0]
    return found


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
