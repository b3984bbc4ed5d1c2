r"""The exact collective master equation without drive and pump, by excitation number.

Excitations only leave: ρ consists of blocks of C(N, k)² numbers instead of 4^N, each fed by the one
above it, and coherences between different k never reach ⟨σ⁺_mσ⁻_n⟩, so they are left out. The
Liouvillian is block triangular. Its spectrum, that of H_eff in each block, lies in an ellipse known
beforehand, on which e^{𝓛t} is expanded in Faber polynomials (`numerics.faber`): one application of
the generator for each term, steps of a lifetime and more, and the moments ⟨O F_j⟩ give every output
time at no further cost. Blocks whose population has decayed below the tolerance are dropped from
the top: the trace norm of a positive block is its trace, so the error of this is known.

Permutations of the emitters that change neither couplings nor state are used to store one column of
each orbit (`tables`). Where nothing decays at all, ρ is carried as the pure states it consists of
(`unitary`).
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.engines.base import Accuracy, Cost, Run, unsupported
from collective.engines.basis.permutations import checked_permutations, group
from collective.engines.basis.sectors import LARGEST
from collective.engines.blocks import size, unitary_size
from collective.engines.request import Request
from collective.states import inverted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collective.results.result import Result

_LARGEST_DEPHASED = 24  # emitters: a table of 2^N rates
_COMPILING = 4.0  # seconds


@dataclass(frozen=True)
class Blocks:
    r"""The master equation without drive and pump, in blocks of equal excitation number.

    .. math:: \dot ρ_k = −i(H_{eff}ρ_k − ρ_k H_{eff}^†) + \sum_{mn} Γ_{mn} σ^−_n ρ_{k+1} σ^+_m

    for each number k of excitations, and dephasing. It is exact to `rtol`, up to about N = 16
    emitters from the inverted state, and up to 62 with few excitations. Emitters that neither decay
    nor dephase take C(N, k) amplitudes of pure states instead of C(N, k)² numbers.

    Args:
        symmetries: permutations p of the emitters, each a sequence of the numbers 0 … N − 1, that
            change neither couplings nor state if emitter m takes the place of emitter p[m]. One
            column of ρ is stored for all those that the permutations and their products turn into
            each other. The reversal of the order of the emitters is always tried; "auto" tries
            nothing else. It is stored as a tuple of tuples.

    Raises:
        ValueError: for something else than permutations; when a run starts, also for permutations
            of another number of emitters, for those that change couplings or state, and for those
            that generate more than 1,000.

    Source:
        The expansion: W. Huisinga et al., J. Chem. Phys. 110, 5538 (1999). Without decay:
        H. Tal-Ezer and R. Kosloff, J. Chem. Phys. 81, 3967 (1984).

    Example:
        >>> import numpy as np, collective as co
        >>> ring = co.couple(co.ring(6, 0.2), co.Vacuum())
        >>> turned = co.engines.Blocks(symmetries=[[1, 2, 3, 4, 5, 0]])
        >>> result = co.evolve(ring, "inverted", np.linspace(0, 1, 11), method=turned)
        >>> result.method, result.diagnostics["symmetries"]
        ('blocks', 12)
    """

    symmetries: "Literal['auto'] | Sequence[Sequence[int]]" = "auto"

    name: ClassVar[str] = "blocks"
    accuracy: ClassVar[Accuracy] = "exact"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if isinstance(self.symmetries, str) and self.symmetries == "auto":
            return
        found = checked_permutations(self.symmetries)
        object.__setattr__(self, "symmetries", found or "auto")

    def refusal(self, request: Request) -> str | None:
        """Refuses drives, pumps, and what only a whole density matrix has.

        Raises:
            ValueError: for permutations that are no symmetries of the request.
        """
        common = unsupported(self, request)
        if common is not None:
            return common
        couplings, n = request.couplings, len(request.couplings)
        if np.any(couplings.drive) or np.any(couplings.pump):
            what = "drive" if np.any(couplings.drive) else "pump"
            return f"method 'blocks' needs a falling excitation number, but there is a {what}"
        if n > (_LARGEST_DEPHASED if np.any(couplings.dephasing) else LARGEST):
            return (
                f"method 'blocks' ends at {LARGEST} emitters ({_LARGEST_DEPHASED} with "
                f"dephasing), got {n}"
            )
        if self.symmetries != "auto":
            self._permutations(request)
        return None

    def cost(self, request: Request) -> Cost:
        """Memory and time of a run."""
        if unitary_size.unitary(request):
            return unitary_size.cost(request)
        return size.cost(request, self._permutations(request))

    def prepare(self, request: Request) -> None:
        """Compile the kernels, or import what the route without decay needs."""
        if unitary_size.unitary(request):
            import scipy.sparse.linalg
            import scipy.special  # noqa: F401
        else:
            compile_kernels(request.progress)

    def start(self, request: Request, earlier: "Result | None") -> Run:
        """Record the first output time, or take over what an earlier result recorded.

        Raises:
            ValueError: for times after which the phases of emitters without decay have no digits,
                and for arrays of the earlier result that do not fit.
        """
        if unitary_size.unitary(request):
            from collective.engines.blocks.unitary import PureStates

            return PureStates(request, earlier)
        from collective.engines.blocks.expansion import Expansion

        return Expansion(request, self._permutations(request), earlier)

    def _permutations(self, request: Request) -> list[NDArray[np.int64]]:
        """The symmetries of the request, closed under composition."""
        given = self.symmetries
        return group(request, () if isinstance(given, str) else given)


@cache
def compile_kernels(show: bool) -> None:
    """Compile the kernels, or read them from the cache, by a run of two emitters."""
    from collective._tools.compiled import announced
    from collective.engines.blocks.expansion import Expansion

    with announced("the blocks engine", _COMPILING, show=show):
        pair = Request(Couplings(np.eye(2), np.zeros((2, 2))), inverted(), np.arange(2.0))
        run = Expansion(pair, [np.arange(2)])
        run.advance()
        run.close()
