"""Spin squeezing: by how much correlations reduce the noise of the collective spin."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.operators import excited, lowering
from collective.couplings.couplings import Couplings
from collective.observables import _collective_spin, _inputs
from collective.results.result import Result
from collective.states import State

if TYPE_CHECKING:
    from qutip import Qobj

DEFINITIONS = ("wineland", "kitagawa-ueda")
# |⟨J⟩| per emitter below which its direction is only the error of an evolution with rtol = 1e-8
_NO_SPIN = 1e-7


def squeezing(
    result: Result | Couplings,
    *,
    definition: Literal["wineland", "kitagawa-ueda"] = "wineland",
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
        array([1.   , 0.072])
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
    known = _inputs.states(result, "squeezing")
    spins = _spins(n)
    # tr(Aρ) of three spins and their nine products, as sums over the entries of sparse A
    operators = spins + [a @ b for a in spins for b in spins]
    found = []
    for rho in known:
        values = np.array([a.T.multiply(rho.full()).sum() for a in operators]).real
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
