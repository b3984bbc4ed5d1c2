r"""The whole density matrix of any `Couplings`, without a matrix for the generator.

ρ has 4^N entries and is kept as one real matrix of that size (`packed`), or as fewer columns of it
if there are symmetries (`symmetry`, `columns`). H_eff moves rows of it and jumps move blocks
(`kernels`), which takes a fifth of the memory and a small part of the time of
sparse operators. e^{Lt} of a constant generator L is expanded in Faber polynomials (`steps`), so
that output times cost almost nothing. With an envelope, ρ is expanded in powers of time (`pulsed`).
Without drive and pump, the engine "blocks" needs less work. If nothing decays at all, ρ is a sum of
pure states, and their vectors of 2^N amplitudes are evolved (`vectors`).
"""

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.couplings.sharing import NAMES, shared
from collective.engines.base import ONLY_HOW, Accuracy, Cost, Run, unsupported
from collective.engines.basis.symmetries import checked_permutations
from collective.engines.driven import packed as _packed
from collective.engines.driven import symmetry, vector_size
from collective.engines.driven.size import STATE_EMITTERS, Size
from collective.engines.request import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collective.results.result import Result

_COMPILING = 8  # seconds


@dataclass(frozen=True)
class Driven:
    """The whole density matrix of any `Couplings`, by kernels of our own.

    It takes every drive, envelope, dephasing, pump and state, thermal light, and matrices of pump
    and dephasing, up to about twelve emitters. Without decay, dephasing and pump, pure states stay
    pure: then 2^N amplitudes are enough, up to about twenty emitters (H. Tal-Ezer and R. Kosloff,
    J. Chem. Phys. 81, 3967 (1984)).
    ρ̇ = Lρ is solved to `rtol` of the norm of ρ, and its trace and ⟨σ⁺_mσ⁻_n⟩ to `rtol`: by a
    series of Faber polynomials of L (Huisinga et al., J. Chem. Phys. 110, 5538 (1999)), or by a
    power series in time if the drive has an envelope. The result has a `last_state` for up to 10
    emitters, and the smallest eigenvalues of ρ for up to 8.

    If permutations of the emitters change neither couplings, drive nor state, ρ(gi, gj) = ρ(i, j)
    for all configurations i, j and all such permutations g. Then only one column of ρ is computed
    of all that they turn into each other. Observables need not have the symmetry.

    Args:
        symmetries: "auto" finds such permutations. A list is used instead: of permutations p, each
            a sequence of the numbers 0 … N − 1, that change nothing if emitter m takes the place of
            emitter p[m], and that generate a group. An empty list keeps every column. Nothing is
            reduced where that would not save at least eight columns. The attribute is "auto" or a
            tuple of tuples.

    Raises:
        ValueError: for anything that is not permutations. A run also raises it for permutations
            of another number of emitters, for those that change couplings, drive, pump or state,
            and for those that generate more than 1,000.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum()).replace(drive=1.0)
        >>> result = co.evolve(pair, "ground", np.linspace(0, 4, 81), method=co.engines.Driven())
        >>> result.method, result.accuracy, float(result.excitation[0])
        ('driven', 'exact', 0.0)
        >>> chain = co.couple(co.chain(5, 0.1), co.Vacuum()).replace(drive=1.0)
        >>> co.evolve(chain, "ground", [0, 1.0], method="driven").diagnostics["symmetries"]
        2
    """

    symmetries: "Literal['auto'] | Sequence[Sequence[int]]" = field(
        default="auto", metadata=ONLY_HOW
    )

    name: ClassVar[str] = "driven"
    accuracy: ClassVar[Accuracy] = "exact"
    keeps: ClassVar[tuple[str, ...]] = ("correlations", "states", "operators")
    cite: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if isinstance(self.symmetries, str) and self.symmetries == "auto":
            return
        object.__setattr__(self, "symmetries", checked_permutations(self.symmetries))

    def refusal(self, request: Request) -> str | None:
        """Refuse master equations and a Γ that is one number (`unsupported`).

        Raises:
            ValueError: for permutations that are no symmetries of the request.
        """
        common = unsupported(self, request, noise=NAMES, ising=True, motion=("drive",))
        if common is None and self.symmetries != "auto":
            self._group(request)
        return common

    def cost(self, request: Request) -> Cost:
        """Predict memory and time of a run."""
        if vector_size.applies(request):
            return vector_size.cost(request)
        group, n = self._group(request), len(request.couplings)
        size = Size(request, group)
        less = "" if len(group) == 1 else f", one column of {len(group)} by symmetry"
        return Cost(size.bytes(), size.seconds(), f"{n} emitters, 4^{n} real entries of ρ{less}")

    def prepare(self, request: Request) -> None:
        """Compile the kernels, or read them from disk, on the smallest of problems."""
        from collective._tools.compiled import announced

        with announced("the driven engine", _COMPILING, show=request.progress):
            if vector_size.applies(request):
                _compile_vectors()
            else:
                _compile(request.envelope is not None, _together(request.couplings))
        if len(request.couplings) <= STATE_EMITTERS or "states" in request.words:
            import qutip  # noqa: F401  (its seconds and bytes do not count as the run's)

    def start(self, request: Request, earlier: "Result | None") -> Run:
        """Record the first output time, or continue from an earlier result.

        Raises:
            ValueError: for arrays of the earlier result that do not fit.
        """
        # a checkpoint of an earlier version may hold the whole ρ of such a problem
        whole = earlier is not None and "state" in earlier.resume
        if vector_size.applies(request) and not whole:
            from collective.engines.driven.vectors import VectorRun

            return VectorRun(request, earlier)
        from collective.engines.driven.run import DrivenRun

        return DrivenRun(request, self._group(request), earlier)

    def _group(self, request: Request) -> list[NDArray[np.int64]]:
        """The permutations by which ρ is reduced."""
        key = "driven", self.symmetries
        if key not in request.memo:
            given = None if isinstance(self.symmetries, str) else self.symmetries
            request.memo[key] = symmetry.reduced(request, given)
        found: list[NDArray[np.int64]] = request.memo[key]
        return found


def _together(couplings: Couplings) -> bool:
    """Whether emitters share their pump or dephasing, as in thermal light."""
    return bool(shared(couplings)) or couplings.thermal_photons > 0


@cache
def _compile_vectors() -> None:
    """Compile the kernel for vectors by the smallest of problems."""
    from collective.engines.driven.hamiltonian import Hamiltonian

    Hamiltonian(Couplings([[0.0]], [[0.0]], drive=1.0), 1)


@cache
def _compile(pulsed: bool, shared: bool) -> None:
    """Compile the kernels, with those for an envelope or for noise that emitters share."""
    from collective.engines.driven.generator import PackedGenerator

    atoms = Couplings([[1.0]], [[0.0]])
    if shared:
        atoms = Couplings(np.eye(2), np.zeros((2, 2)), pump=np.ones((2, 2)))
    here, before, sums = (np.zeros(_packed.shape(len(atoms))) for _ in range(3))
    generator = PackedGenerator(atoms, 1, None)
    past = [(np.ones(1, dtype=complex), here)] if pulsed else []
    vectors = generator.half(np.ones((1, len(atoms)), dtype=complex))
    generator.advance(here, before, sums, (1.0, 0.0, 0.0), 0.0, None, vectors, past)
