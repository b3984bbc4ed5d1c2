"""Entanglement and mixedness of the emitters: concurrence, negativity, entropy."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.observables import _inputs
from collective.observables.excitations import at_most_one
from collective.results.result import Result
from collective.states.answers import name_of

# σ_y ⊗ σ_y, which is real
_SPIN_FLIP = np.array([[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]], dtype=float)


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
