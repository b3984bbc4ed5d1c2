"""Entanglement and mixedness of the emitters: concurrence, negativity, entropy, spin squeezing."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.operators import excited, lowering
from collective.couplings.couplings import Couplings
from collective.observables import _collective_spin, _inputs
from collective.observables.excitations import at_most_one
from collective.results.result import Result
from collective.states import State
from collective.states.answers import name_of

if TYPE_CHECKING:
    from qutip import Qobj

# σ_y ⊗ σ_y, which is real
_SPIN_FLIP = np.array([[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]], dtype=float)
# |⟨J⟩| per emitter below which its direction is only the error of an evolution with rtol = 1e-8
_NO_SPIN = 1e-7
DEFINITIONS = ("wineland", "kitagawa-ueda")


def concurrence(result: Result, m: int, n: int) -> NDArray[np.float64]:
    r"""Wootters' concurrence of two emitters: 0 for separable, 1 for maximally entangled.

    .. math:: C = \max(0, λ_1 − λ_2 − λ_3 − λ_4),

    where the λ_i are the decreasing square roots of the eigenvalues of ρρ̃, ρ is the reduced state
    of the two emitters, and ρ̃ = (σ_y⊗σ_y)ρ*(σ_y⊗σ_y) (Wootters, Phys. Rev. Lett. 80, 2245 (1998)).
    With at most one excitation among all emitters it is exactly ``2|⟨σ⁺_mσ⁻_n⟩|``.

    It is computed from the states of "exact" and "driven". If a run without drive and pump starts
    with at most one excitation, the correlations of any engine are enough: "single", "blocks", or
    "trajectories" (where the concurrence should be zero, their standard error makes it positive).
    With more excitations correlations are not enough, because they do not contain ⟨n_mn_n⟩.

    Args:
        result: of `evolve`, for two-level emitters m and n.
        m: index of one emitter, 0 … N − 1.
        n: index of the other.

    Returns:
        (T,), from 0 to 1.

    Raises:
        ValueError: for bad indices, or a result that has neither states nor, where they are
            enough, correlations.

    Example:
        >>> import qutip, collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> dark = qutip.bell_state("11")
        >>> result = co.evolve(pair, dark, [0, 1.0], observe="states")
        >>> co.observables.concurrence(result, 0, 1).round(4)
        array([1.    , 0.9256])
    """
    checks.instance("result", result, Result, "co.evolve(...)")
    count = result.populations.shape[1]
    m, n = _inputs.emitter("m", m, count), _inputs.emitter("n", n, count)
    if m == n:
        raise ValueError(f"m and n must be two different emitters, both are {m}")
    if result.states is not None:
        for name, i in (("m", m), ("n", n)):
            levels = result.states[0].dims[0][i]
            if levels != 2:
                raise ValueError(
                    f"concurrence is for two-level emitters, but emitter {name} = {i} has {levels} "
                    "levels; negativity(result, emitters) works with any number of levels"
                )
        return _wootters(np.array([_reduced(*each, [m, n]) for each in _matrices(result, "")]))
    if result.couplings is None:  # a MasterEquation, for which only states are enough
        _inputs.states(result, "concurrence")
    else:
        _inputs.two_level(result, "concurrence")
    if result.correlations is not None and at_most_one(result):
        return np.minimum(2 * np.abs(result.correlations[:, m, n]), 1.0)
    raise ValueError(
        "concurrence needs states: evolve(..., observe=('states',)) with 'exact' or 'driven', or "
        "moment(..., states=True); with at most one excitation and without drive and pump "
        "observe=('correlations',) is enough, with any method; this result comes from "
        f"{result.method!r} and started in {name_of(result.initial_state)}"
    )


def negativity(result: Result, emitters: Sequence[int]) -> NDArray[np.float64]:
    r"""Negativity of some emitters against the rest, 0 if they are separable.

    .. math:: \mathcal N = \frac{‖ρ^{T_A}‖_1 − 1}{2},

    the sum of the negative eigenvalues of the partial transpose, without its sign. It is ½ for a
    Bell pair (Vidal & Werner, Phys. Rev. A 65, 032314 (2002)). The logarithmic negativity is
    log₂(2𝒩 + 1).

    Args:
        result: with states, of "exact" or "driven".
        emitters: indices of the emitters of A, at least one and not all.

    Returns:
        (T,), at least 0.

    Raises:
        ValueError: for bad indices, or a result without states.

    Example:
        >>> import qutip, collective as co
        >>> pair = co.Couplings([[1, 1], [1, 1]], [[0, 0], [0, 0]])
        >>> dark = qutip.bell_state("11")
        >>> result = co.observables.moment(pair, dark, states=True)
        >>> co.observables.negativity(result, [0]).round(6)
        array([0.5])
    """
    count = len(_dims(result, "negativity"))
    chosen = _indices(emitters, count)
    if len(chosen) == count:
        raise ValueError(
            f"emitters: these are all {count} emitters, so there is no rest; leave at least one out"
        )
    found = []
    for matrix, dims in _matrices(result, "negativity"):
        order = np.arange(2 * count)
        for i in chosen:
            order[[i, count + i]] = count + i, i
        turned = matrix.reshape(dims * 2).transpose(order).reshape(matrix.shape)
        values = np.linalg.eigvalsh(turned)
        found.append(0.0 - values[values < 0].sum())
    return np.array(found)


def purity(result: Result, *, emitters: Sequence[int] | None = None) -> NDArray[np.float64]:
    """Purity tr ρ²: 1 for a pure state, 1/2^N for the maximally mixed state.

    Args:
        result: with states, of "exact" or "driven".
        emitters: indices of the emitters whose reduced state is used; None for all.

    Returns:
        (T,).

    Raises:
        ValueError: for bad indices, or a result without states.

    Example:
        >>> import collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> result = co.evolve(pair, "inverted", [0, 1.0], observe="states")
        >>> co.observables.purity(result).round(4)
        array([1.    , 0.4088])
    """
    return np.array([float((np.abs(rho) ** 2).sum()) for rho in _parts(result, "purity", emitters)])


def entropy(result: Result, *, emitters: Sequence[int] | None = None) -> NDArray[np.float64]:
    r"""Von Neumann entropy :math:`S = −\mathrm{tr}\,ρ\lnρ` in nats; divide by ln 2 for bits.

    It is 0 for a pure state and N ln 2 for the maximally mixed state. If the state of all emitters
    is pure, the entropy of some of them is their entropy of entanglement with the rest.

    Args:
        result: with states, of "exact" or "driven".
        emitters: indices of the emitters whose reduced state is used; None for all.

    Returns:
        (T,), at least 0; an eigenvalue that numerical errors made negative counts as 0.

    Raises:
        ValueError: for bad indices, or a result without states.

    Example:
        >>> import qutip, collective as co
        >>> pair = co.Couplings([[1, 1], [1, 1]], [[0, 0], [0, 0]])
        >>> dark = qutip.bell_state("11")
        >>> result = co.observables.moment(pair, dark, states=True)
        >>> co.observables.entropy(result, emitters=[0]).round(4)
        array([0.6931])
    """
    found = []
    for rho in _parts(result, "entropy", emitters):
        p = np.linalg.eigvalsh(rho)
        p = p[p > 0]
        found.append(max(0.0, float(-(p * np.log(p)).sum())))
    return np.array(found)


def squeezing(
    result: Result | Couplings,
    *,
    definition: str = "wineland",
    state: "State | str | Qobj | None" = None,
    times: ArrayLike | None = None,
) -> NDArray[np.float64]:
    r"""Spin squeezing ξ² of J = Σ_mσ_m/2: 1 for a coherent spin state, below 1 if squeezed.

    .. math:: ξ_W^2 = \frac{N \min \mathrm{Var}\,J_⊥}{|⟨J⟩|^2}, \qquad
              ξ_{KU}^2 = \frac{4 \min \mathrm{Var}\,J_⊥}{N},

    with the smallest variance among the directions perpendicular to ⟨J⟩. The first definition
    (Wineland et al., Phys. Rev. A 50, 67 (1994)) is the gain in phase sensitivity; below 1 the
    emitters are entangled. The second is that of Kitagawa & Ueda, Phys. Rev. A 47, 5138 (1993).
    Where ⟨J⟩ = 0 no direction is perpendicular to it, and both are infinite.

    With couplings of identical emitters it is computed between Dicke states: thousands of emitters
    that share all of their decay, or only turn, hundreds with individual decay, dephasing or a pump
    and without a drive, some tens with both.

    Args:
        result: a result of two-level emitters with states, of "exact" or "driven"; or couplings of
            identical emitters, see `one_axis_twisting`.
        definition: "wineland" or "kitagawa-ueda".
        state: with couplings, the initial state: co.states.coherent(theta, phi), or another pure
            symmetric one.
        times: with couplings, the times since then, (T,), increasing from 0 or later.

    Returns:
        (T,), `inf` where the mean spin vanishes.

    Raises:
        ValueError: for another definition, a result without states, couplings of emitters that are
            not identical or without state and times, and a result with them.
        ProblemTooLargeError: if there are too many emitters, before anything is allocated.

    Example:
        >>> import numpy as np, collective as co
        >>> atoms = co.couple(co.chain(3, 0.2), co.Vacuum())
        >>> result = co.observables.moment(atoms, co.states.coherent(1.0), states=True)
        >>> co.observables.squeezing(result).round(6)
        array([1.])

        A hundred spins from the x axis by χJ_z², at χt = 0 and 0.04:

        >>> twist, never = co.one_axis_twisting(100, 1.0), np.zeros((100, 100))
        >>> spins = co.Couplings(never, never, ising=twist.ising, detunings=twist.detunings)
        >>> along_x = co.states.coherent(np.pi / 2)
        >>> co.observables.squeezing(spins, state=along_x, times=[0, 0.04]).round(4)
        array([1.    , 0.0739])
    """
    checks.choice("definition", definition, DEFINITIONS)
    if isinstance(result, Couplings):
        if state is None or times is None:
            lacking = "state" if state is None else "times"
            raise ValueError(
                f"squeezing of Couplings needs state and times, but {lacking} is missing; or give "
                "a result with states"
            )
        means, covariances = _collective_spin.of_identical(
            result, state, _inputs.delays("times", times)
        )
        pairs = zip(means, covariances, strict=True)
        return np.array([_smallest(*each, len(result), definition) for each in pairs])
    if state is not None or times is not None:
        given = "state" if state is not None else "times"
        raise ValueError(f"{given} belongs to Couplings; a result has its own: leave it out")
    n = len(_inputs.two_level(result, "squeezing"))
    _inputs.states(result, "squeezing")
    spins = _spins(n)
    # tr(Aρ) of three spins and their nine products, as sums over the entries of sparse A
    operators = spins + [a @ b for a in spins for b in spins]
    found = []
    for matrix, _ in _matrices(result, "squeezing"):
        values = np.array([a.T.multiply(matrix).sum() for a in operators]).real
        mean, products = values[:3], values[3:].reshape(3, 3)
        covariance = (products + products.T) / 2 - np.outer(mean, mean)
        found.append(_smallest(mean, covariance, n, definition))
    return np.array(found)


def _smallest(
    mean: NDArray[np.float64], covariance: NDArray[np.float64], n: int, definition: str
) -> float:
    """ξ² of n emitters from the mean of J, (3,), and its covariance, (3, 3)."""
    length = float(np.linalg.norm(mean))
    if length < _NO_SPIN * n:
        return np.inf
    _, _, axes = np.linalg.svd(mean[None] / length)
    across = axes[1:]
    smallest = max(0.0, float(np.linalg.eigvalsh(across @ covariance @ across.T)[0]))
    return n * smallest / length**2 if definition == "wineland" else 4 * smallest / n


def _spins(n: int) -> list[Any]:
    """J_x, J_y and J_z of n emitters, sparse (2^n, 2^n)."""
    from scipy.sparse import csr_array, diags_array

    down = csr_array(lowering(np.ones(n)).to("CSR").data_as("csr_matrix"))
    up = down.conj().T
    jz = diags_array(excited(n).sum(axis=1) - n / 2)
    return [csr_array(j) for j in ((up + down) / 2, (up - down) / 2j, jz)]


def _wootters(rho: NDArray[Any]) -> NDArray[np.float64]:
    """Concurrence of two-emitter states (T, 4, 4), (T,).

    With ρ = AA†, the λ_i are the singular values of Aᵀ(σ_y⊗σ_y)A; this avoids square roots of small
    differences.
    """
    values, vectors = np.linalg.eigh(rho)
    a = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    found = np.linalg.svd(a.transpose(0, 2, 1) @ _SPIN_FLIP @ a, compute_uv=False)
    return np.clip(found[:, 0] - found[:, 1:].sum(axis=1), 0.0, 1.0)


def _dims(result: Result, observable: str) -> list[int]:
    """Number of levels of every emitter."""
    return list(_inputs.states(result, observable)[0].dims[0])


def _matrices(result: Result, observable: str) -> Iterator[tuple[NDArray[Any], list[int]]]:
    """Yield ρ at each time and the number of levels of every emitter."""
    for rho in _inputs.states(result, observable):
        yield rho.full(), list(rho.dims[0])


def _parts(
    result: Result, observable: str, emitters: Sequence[int] | None
) -> Iterator[NDArray[Any]]:
    """Yield ρ, or the reduced state of some emitters, at each time."""
    count = len(_dims(result, observable))
    kept = list(range(count)) if emitters is None else _indices(emitters, count)
    for matrix, dims in _matrices(result, observable):
        yield matrix if len(kept) == count else _reduced(matrix, dims, kept)


def _reduced(matrix: NDArray[Any], dims: list[int], kept: list[int]) -> NDArray[Any]:
    """Partial trace over all emitters except those in `kept`, whose order it follows."""
    n = len(dims)
    rest = [i for i in range(n) if i not in kept]
    order = [*kept, *rest]
    inside, outside = prod(dims[i] for i in kept), prod(dims[i] for i in rest)
    tensor = matrix.reshape(dims * 2).transpose([*order, *(n + i for i in order)])
    return np.einsum("arbr->ab", tensor.reshape(inside, outside, inside, outside))


def _indices(emitters: Any, count: int) -> list[int]:
    """Checked indices of emitters: at least one, all different."""
    listed = isinstance(emitters, Sequence) and not isinstance(emitters, str)
    if not (listed or (isinstance(emitters, np.ndarray) and emitters.ndim == 1)):
        raise ValueError(f"emitters must be a list of indices, such as [0, 1]; got {emitters!r}")
    found = [_inputs.emitter(f"emitters[{i}]", m, count) for i, m in enumerate(emitters)]
    if not found:
        raise ValueError("emitters is empty: give at least one index")
    if len(set(found)) < len(found):
        raise ValueError(f"emitters must be different indices, got {found}")
    return found
