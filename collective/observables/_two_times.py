r"""Correlations of two times by the quantum regression theorem: how each method finds them.

.. math:: ⟨A(t)B(t+τ)C(t)⟩ = \mathrm{Tr}[B\,e^{Lτ}(Cρ(t)A)]

Every method makes a `Route`: the generator of ρ, the vectors CρA that follow from ρ(t), the
generator of these, and the rows Tr[B·]. All rates are in units of the largest rate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective._tools.operators import exchange, lowering
from collective._tools.progress import Progress
from collective.couplings.couplings import Couplings
from collective.evolution import steady_kernel
from collective.evolution.steady_generator import Threads, generator
from collective.evolution.steady_state import steady_state
from collective.observables import _by_products, _regression
from collective.observables._delayed_moments import evolved, moments
from collective.observables._products import Products
from collective.states import density_matrix

NAME = "correlation"
COHERENCE, COINCIDENCE = "coherence", "coincidence"
WORDS = (COHERENCE, COINCIDENCE)
_AT_ONCE = 2**27  # bytes of the vectors CρA that are evolved together
_COPIES = 10  # of them, while they are evolved
_MARKS = 1000  # of the progress bar

Operators = str | tuple[Any, Any, Any]
Stationary = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Route:
    """How a method finds a correlation.

    Attributes:
        before: generator of ρ, sparse (S, S) or `Products`.
        start: ρ at the first time, (S, Q); Q = 1, or vectors whose projectors sum to it.
        staying: ρ at infinite time and the row of the trace, (S,) each, or None.
        after: generator of the vectors CρA, sparse (S', S') or `Products`.
        sources: makes them, (S', C), from ρ at one time.
        rows: Tr[B·], (R, S').
        limit: the same as `staying`, for the vectors CρA.
        answer: makes the answer (B, K, …) from the moments (B, K, C, R) at B times, and ρ then.
        packed: makes the vector (S, 1) of a matrix ρ, (2^N, 2^N); None where ρ is no matrix.
    """

    before: Any
    start: NDArray[Any]
    staying: Stationary | None
    after: Any
    sources: Callable[[NDArray[Any]], NDArray[Any]]
    rows: NDArray[Any]
    limit: Stationary | None
    answer: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
    packed: Callable[[NDArray[Any]], NDArray[Any]] | None = None


def at_times(route: Route, times: NDArray[np.float64], *, show: bool) -> NDArray[np.complex128]:
    """ρ at times that start at 0, in units of 1/rate, (T, S, Q)."""
    with Progress(_MARKS, f"{NAME}: times", show=show) as bar:
        return evolved(
            route.before,
            route.start,
            times,
            NAME,
            stationary=route.staying,
            report=steady_kernel.advancing(bar),
        )


def values(
    route: Route, rho: NDArray[Any], delays: NDArray[np.float64], *, show: bool
) -> NDArray[np.complex128]:
    """The answer (T, K, …) of a route.

    Args:
        route: how to find it.
        rho: ρ at all times, (T, S, Q).
        delays: (K,), in units of 1/rate.
        show: whether to show progress.
    """
    columns = route.sources(rho[0]).shape[1]
    together = max(1, _AT_ONCE // (16 * columns * route.rows.shape[1] * _COPIES))
    found = []
    with Progress(_MARKS, NAME, show=show) as bar:
        for begin in range(0, len(rho), together):
            some = rho[begin : begin + together]
            starts = np.concatenate([route.sources(each) for each in some], axis=1)
            done = (begin / len(rho), len(some) / len(rho))
            advance = steady_kernel.advancing(bar)

            def report(share: float, done: Any = done, advance: Any = advance) -> None:
                advance(done[0] + share * done[1])

            each = _propagated(route, starts, delays, report, show=show and begin == 0)
            shape = (len(delays), len(route.rows), len(some), columns)
            found.append(route.answer(each.reshape(shape).transpose(2, 0, 3, 1), some))
    return np.concatenate(found)


def _propagated(
    route: Route,
    starts: NDArray[Any],
    delays: NDArray[np.float64],
    report: Callable[[float], None],
    *,
    show: bool,
) -> NDArray[np.complex128]:
    """Moments (K, R, C); with fewer rows than columns, the rows are evolved with Lᵀ."""
    if starts.shape[1] <= len(route.rows) or isinstance(route.after, Products):
        return moments(
            route.after, starts, route.rows, delays, NAME, stationary=route.limit, report=report,
            show=show,
        )  # fmt: skip
    limit = None if route.limit is None else (route.limit[1], route.limit[0])
    turned = route.after.T.tocsr()
    found = moments(
        turned, route.rows.T, starts.T, delays, NAME, stationary=limit, report=report, show=show
    )
    return found.swapaxes(1, 2)


def all_pairs(found: NDArray[Any], rho: NDArray[Any]) -> NDArray[Any]:
    """The answer of moments between all pairs of emitters, (B, K, N, N)."""
    return found


def one_number(found: NDArray[Any], rho: NDArray[Any]) -> NDArray[Any]:
    """The answer of a single moment, (B, K)."""
    return found[:, :, 0, 0]


def lowerings(n: int) -> list[Any]:
    """σ⁻_m of each emitter, sparse (2^N, 2^N)."""
    return [lowering(row).data_as("csr_matrix") for row in np.eye(n)]


def sources_of(operators: Operators, n: int) -> Callable[[NDArray[Any]], list[NDArray[Any]]]:
    """A function that makes the matrices CρA from ρ, (2^N, 2^N): one for every emitter, or one."""
    if not isinstance(operators, str):
        left, _, right = operators
        return lambda rho: [left_product(right, right_product(rho, left))]
    down = lowerings(n)
    if operators == COHERENCE:
        return lambda rho: [right_product(rho, each.conj().T.tocsr()) for each in down]
    return lambda rho: [each @ right_product(rho, each.conj().T.tocsr()) for each in down]


def left_product(operator: Any, matrix: NDArray[Any]) -> NDArray[Any]:
    """OX of a sparse operator, or X for None."""
    return matrix if operator is None else np.asarray(operator @ matrix)


def right_product(matrix: NDArray[Any], operator: Any) -> NDArray[Any]:
    """XO of a sparse operator, or X for None."""
    return matrix if operator is None else np.asarray((operator.T @ matrix.T).T)


def outputs_of(operators: Operators, n: int) -> list[Any]:
    """The operators B, sparse: one for every emitter, or one."""
    if not isinstance(operators, str):
        return [operators[1]]
    if operators == COHERENCE:
        return lowerings(n)
    return [exchange(np.diag(row)).data_as("csr_matrix") for row in np.eye(n)]


def exact(couplings: Couplings, state: Any, operators: Operators) -> Route:
    """The route by sparse matrices of L, between those entries of ρ that matter.

    Args:
        couplings: in units of a rate.
        state: at the first time, or None for the steady state.
        operators: a word, or A, B and C as sparse matrices, each of which may be None for 1.
    """
    n = len(couplings)
    _regression.check_size(couplings, NAME)
    start = steady_state(couplings) if state is None else density_matrix(state, couplings)
    rho = start.full()
    side, everything = len(rho), np.arange(rho.size)
    words = isinstance(operators, str)
    inside = _regression.places_of(couplings, 0) if words else everything
    places = _regression.places_of(couplings, int(operators == COHERENCE)) if words else everything
    make = sources_of(operators, n)

    def sources(vector: NDArray[Any]) -> NDArray[Any]:
        whole = np.zeros(rho.size, dtype=complex)
        whole[inside] = vector[:, 0]
        found = make(whole.reshape(side, side, order="F"))
        return np.stack([each.ravel(order="F")[places] for each in found], axis=1)

    # tr(BX) of X stacked by columns is the sum over B stacked by rows
    outputs = [each.toarray().ravel()[places] for each in outputs_of(operators, n)]

    def stationary(at: NDArray[np.intp]) -> Stationary | None:
        if state is not None and couplings.thermal_photons:
            return None  # the limit is not the ground state
        return _regression.stationary(couplings, rho, at, steady=state is None)

    # without a drive coherences have no stationary part
    fading = operators == COHERENCE and not np.any(couplings.drive)

    def packed(matrix: NDArray[Any]) -> NDArray[Any]:
        return matrix.ravel(order="F")[inside][:, None]

    return Route(
        _regression.generator(couplings, inside),
        packed(rho),
        stationary(inside),
        _regression.generator(couplings, places),
        sources,
        np.stack(outputs),
        None if fading else stationary(places),
        all_pairs if words else one_number,
        packed,
    )


def driven(
    couplings: Couplings, state: Any, operators: Operators, threads: Threads, *, show: bool
) -> Route:
    """The route by products with L, which is never stored; arguments as in `exact`.

    Args:
        couplings: in units of a rate.
        state: at the first time, or None for the steady state.
        operators: as in `exact`.
        threads: that share the work.
        show: whether to show progress.
    """
    n, words = len(couplings), isinstance(operators, str)
    _by_products.require_vectors(couplings, NAME, _COPIES * (n if words else 1))
    whole = generator(couplings, threads, show=show)
    if state is None:
        with Progress(_MARKS, "steady state", show=show) as bar:
            start = steady_kernel.unique(whole, steady_kernel.advancing(bar)).vector
    else:
        start = whole.pack(density_matrix(state, couplings).full(), real=True)
    make = sources_of(operators, n)

    def sources(vector: NDArray[Any]) -> NDArray[Any]:
        rho = whole.unpack(vector[:, 0].real)
        return np.stack([whole.pack(each) for each in make(rho)], axis=1)

    limit = (start, whole.trace) if state is None else None
    products = Products(whole)
    rows = np.stack([whole.row(each) for each in outputs_of(operators, n)])
    answer = all_pairs if words else one_number

    def packed(matrix: NDArray[Any]) -> NDArray[Any]:
        return whole.pack(matrix, real=True)[:, None]

    return Route(products, start[:, None], limit, products, sources, rows, limit, answer, packed)


def require_answer(count: int, what: str) -> None:
    """Raise if an answer of so many complex numbers does not fit, before it is computed."""
    require(3 * 16 * count, what, "use fewer times, delays or emitters")
