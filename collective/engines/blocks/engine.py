r"""The exact collective master equation without drive and pump, by excitation number.

Excitations are only lost. ρ consists of blocks of C(N, k)² numbers instead of 4^N, and each block
is fed by the one above it. Coherences between different k never reach ⟨σ⁺_mσ⁻_n⟩, so they are left
out. The Liouvillian is block triangular. Its spectrum, which is that of H_eff in each block, lies
in an ellipse that is known in advance. On it e^{𝓛t} is expanded in Faber polynomials
(`numerics.spectrum`). Each term needs one application of the generator, a step lasts a lifetime or
more, and the moments ⟨O F_j⟩ give every output time at no further cost. Blocks whose population has
decayed below the tolerance are dropped from the top. The trace norm of a positive block is its
trace, so the error of this is known.

Permutations of the emitters that change neither couplings nor state are found (`basis.symmetries`)
and reduce what is stored to one column of each orbit (`tables`). If nothing decays at all, ρ is a
sum of pure states, and their vectors are evolved (`unitary`).

In single precision ρ takes half of the memory and about half of the time. Round-off is a float's,
1e-7, times the growth of the terms of an expansion, so steps are kept short enough for 1e-5.

The file is longer than others: it holds the prediction of a run too, so that a quick run reads few
files.
"""

from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import comb
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from collective._tools import checks
from collective._tools.speed import speed
from collective.couplings import noise
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.engines.base import Accuracy, Cost, Run, pieces_for, resumed, unsupported, writing
from collective.engines.basis.configurations import LARGEST
from collective.engines.basis.orbit_means import bytes_for
from collective.engines.basis.symmetries import (
    Symmetries,
    checked_permutations,
    found,
    generated,
    generated_with_reversal,
    needed_pairs,
    orbits,
    same_pairs,
)
from collective.engines.blocks import mode_size, unitary_size
from collective.engines.blocks.size import VECTOR_BYTES, ellipse, longest_stage
from collective.engines.mode_run import ModeRun
from collective.engines.numerics.spectrum import LONGEST_STEP, TERMS_PER_RADIUS, Extent
from collective.engines.request import Request
from collective.states import State, inverted
from collective.states.answers import highest_excitation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collective.results.result import Result

_SPARE_TERMS = 45  # terms beyond two a radius of a step, whose moments are kept too
_FEWEST_TERMS = 12
_LIFETIMES = 23.0  # after them a block is empty to within a hundredth of the usual tolerance
_CALLS = 36.0  # of Python, in an application to blocks of negligible size
_FLOPS = 1.2  # of BLAS, in the time of one operation of the hops and jumps
_OVERHEAD = 5000.0  # calls: tables and bounds of the spectrum
_READ_TERMS = 150.0  # of an expansion, read at each output time …
_READ_CALL, _READ_FLOPS = 12.0, 2.0  # … in this many entries, and products per pair of emitters
_LARGEST_DEPHASED = 24  # emitters: dephasing needs a table of 2^N rates
_COMPILING = 4.0  # seconds
LEAST_SINGLE = 1e-5  # rtol that single precision reaches


@dataclass(frozen=True)
class Blocks:
    r"""The master equation without drive and pump, in blocks of equal excitation number.

    .. math:: \dot ρ_k = −i(H_{eff}ρ_k − ρ_k H_{eff}^†) + \sum_{mn} Γ_{mn} σ^−_n ρ_{k+1} σ^+_m

    for each number k of excitations, with dephasing where there is any. It is exact to `rtol`. It
    takes up to about N = 16 emitters from the inverted state, 18 in a ring, and up to 62 with few
    excitations. Emitters that neither decay nor dephase need C(N, k) amplitudes of pure states
    instead of C(N, k)² numbers.

    Of all columns of ρ that permutations of the emitters turn into each other, only one is stored,
    if they change neither couplings nor state: one of 2N in a ring, of 8 in a square, of 4 in a
    rectangle, of 16 in a cube with parallel dipoles along an axis.

    `CavityCouplings` without a drive have such blocks too, of equal numbers of excited emitters and
    photons together, also with a pump; they are integrated in double precision, without
    symmetries, for about eight inverted emitters.

    Args:
        symmetries: "auto" finds all such permutations. They keep the complex Γ and Δ, all other
            rates, and the state, so that a detuning of one emitter or a chiral coupling leaves
            fewer of them. Of more than 100, a smaller group is used if it leaves less work, and of
            more than 1,000 always. A list overrules this. It holds permutations p, each a sequence
            of the numbers 0 … N − 1, that change nothing if emitter m takes the place of emitter
            p[m]; they and their products are used, and no others. An empty list stores every
            column. The attribute is "auto" or a tuple of tuples.
        precision: of the numbers that ρ consists of. "double" takes 8 bytes each. "single" takes 4
            bytes, about half of the time, and is accurate to 1e-5 of the largest population or
            emission rate; sums over ρ are in double precision all the same. "auto" takes single
            precision if `rtol` is 1e-5 or more, else double precision. Emitters without decay are
            always evolved in double precision.

    Raises:
        ValueError: for anything that is not permutations, and for another precision. A run also
            raises it for permutations of another number of emitters, for those that change
            couplings or state, for those that generate more than 1,000, and for an `rtol` below
            1e-5 in single precision.

    Source:
        The expansion: W. Huisinga et al., J. Chem. Phys. 110, 5538 (1999). Without decay:
        H. Tal-Ezer and R. Kosloff, J. Chem. Phys. 81, 3967 (1984).

    Example:
        >>> import numpy as np, collective as co
        >>> ring, times = co.couple(co.ring(6, 0.2), co.Vacuum()), np.linspace(0, 1, 11)
        >>> result = co.evolve(ring, "inverted", times, method="blocks")
        >>> result.method, result.diagnostics["symmetries"]
        ('blocks', 12)
        >>> turned = co.engines.Blocks(symmetries=[[1, 2, 3, 4, 5, 0]])
        >>> co.evolve(ring, "inverted", times, method=turned).diagnostics["symmetries"]
        6
    """

    symmetries: "Literal['auto'] | Sequence[Sequence[int]]" = "auto"
    precision: Literal["auto", "double", "single"] = "auto"

    name: ClassVar[str] = "blocks"
    accuracy: ClassVar[Accuracy] = "exact"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        checks.choice("precision", self.precision, ("auto", "double", "single"))
        if isinstance(self.symmetries, str) and self.symmetries == "auto":
            return
        object.__setattr__(self, "symmetries", checked_permutations(self.symmetries))

    def refusal(self, request: Request) -> str | None:
        """Refuse drives, pumps, and observables that need the whole density matrix.

        Raises:
            ValueError: for permutations that are no symmetries of the request.
        """
        shared = () if isinstance(request.problem, CavityCouplings) else ("dephasing",)
        common = unsupported(self, request, noise=shared, ising=True, cavity=True)
        if common is not None:
            return common
        if isinstance(request.problem, CavityCouplings):
            return self._refusal_with_mode() or mode_size.refusal(request)
        couplings, n = request.couplings, len(request.couplings)
        if np.any(couplings.drive) or np.any(couplings.pump):
            what = "drive" if np.any(couplings.drive) else "pump"
            return f"method 'blocks' needs a falling excitation number, but there is a {what}"
        if n > (_LARGEST_DEPHASED if np.any(couplings.dephasing) else LARGEST):
            return (
                f"method 'blocks' ends at {LARGEST} emitters ({_LARGEST_DEPHASED} with "
                f"dephasing), got {n}"
            )
        if np.iscomplexobj(couplings.dephasing):
            return "method 'blocks' takes a real matrix of dephasing, but here it is complex"
        if self.precision == "single" and request.rtol < LEAST_SINGLE:
            return (
                f"method 'blocks' in single precision is accurate to {LEAST_SINGLE:g}, but rtol is "
                f"{request.rtol:g}: ask for rtol={LEAST_SINGLE:g}, or for precision='double'"
            )
        if self.symmetries != "auto":
            self._symmetries(request)
        return None

    def _refusal_with_mode(self) -> str | None:
        """The reason why these options are not for emitters with a cavity mode, or None."""
        if self.symmetries != "auto" or self.precision == "single":
            return (
                "method 'blocks' with a cavity mode uses no symmetries and double precision: "
                "use Blocks()"
            )
        return None

    def cost(self, request: Request) -> Cost:
        """Predict memory and time of a run."""
        if isinstance(request.problem, CavityCouplings):
            return mode_size.cost(request)
        if _never_decays(request):
            return unitary_size.cost(request)
        return _cost(request, self._symmetries(request), self._number(request))

    def prepare(self, request: Request) -> None:
        """Compile the kernels, or import what emitters without decay need."""
        if isinstance(request.problem, CavityCouplings):
            import scipy.integrate
            import scipy.sparse
        elif _never_decays(request):
            import scipy.sparse.linalg
            import scipy.special  # noqa: F401
        else:
            compile_kernels(request.progress, self._number(request).__name__)

    def start(self, request: Request, earlier: "Result | None") -> Run:
        """Record the first output time, or take over what an earlier result recorded.

        Raises:
            ValueError: for times at which the phases of emitters without decay have no correct
                digit, and for arrays of the earlier result that do not fit.
        """
        if isinstance(request.problem, CavityCouplings):
            from collective.engines.blocks.mode import BlockMode

            equations = BlockMode(request)
            return ModeRun(request, equations, equations.names(), earlier)
        if _never_decays(request):
            from collective.engines.blocks.unitary import PureStates

            return PureStates(request, earlier)
        from collective.engines.blocks.expansion import Expansion

        symmetries = self._symmetries(request)
        if earlier is not None and earlier.resume:
            symmetries = self._earlier(request, earlier)
        return Expansion(request, symmetries.permutations, self._number(request), earlier)

    def _number(self, request: Request) -> "type[np.floating[Any]]":
        """The type of the numbers of ρ."""
        single = self.precision == "single" or (
            self.precision == "auto" and request.rtol >= LEAST_SINGLE
        )
        return np.float32 if single else np.float64

    def _earlier(self, request: Request, earlier: "Result") -> Symmetries:
        """The permutations by which an earlier run reduced the ρ that it kept.

        Raises:
            ValueError: for anything that is not permutations that change nothing.
        """
        if "permutations" not in earlier.resume:
            return generated_with_reversal(request, self._given)
        kept = resumed(earlier, "permutations", (-1, len(request.couplings)))
        return generated(request, kept.tolist(), by_number=True)

    @property
    def _given(self) -> "Sequence[Sequence[int]]":
        """The permutations of the user; none with "auto"."""
        return () if isinstance(self.symmetries, str) else self.symmetries

    def _symmetries(self, request: Request) -> Symmetries:
        """The permutations that reduce the request."""
        key = "symmetries", self.symmetries
        if key not in request.memo:
            request.memo[key] = (
                found(request, by_number=True)
                if self.symmetries == "auto"
                else generated(request, self._given, by_number=True)
            )
        known: Symmetries = request.memo[key]
        return known


def _never_decays(request: Request) -> bool:
    """Whether only H changes the state."""
    problem = request.problem
    if not isinstance(problem, Couplings):
        return False
    return not any(
        np.any(part) for part in (problem.decay, problem.dephasing, problem.pump, problem.drive)
    )


def _cost(request: Request, symmetries: Symmetries, number: Any) -> Cost:
    """Predict memory and time; `Extent` gives the number of applications of the generator.

    Args:
        request: a request of Couplings without drive and pump.
        symmetries: permutations that change neither couplings nor state.
        number: the type of the numbers of ρ.
    """
    itemsize = np.dtype(number).itemsize
    lanes = VECTOR_BYTES // itemsize
    couplings, n = request.couplings, len(request.couplings)
    highest, steps = highest_excitation(request.state, n), len(request.times)
    columns = orbits(n, highest, symmetries.permutations)
    sizes = [comb(n, k) * -(-c // lanes) * lanes for k, c in enumerate(columns)]
    size = sum(sizes)
    states = sum(comb(n, k) for k in range(highest + 1))
    hops = max(k * (n - k) for k in range(highest + 1))
    images, pairs = len(symmetries), len(needed_pairs(same_pairs(symmetries.permutations)))
    pairs *= sum(comb(n - 2, k - 1) for k in range(1, highest + 1)) if n > 1 else 0
    tables = states * (6 * hops + 8 * n + 8 * (highest + 1) + 60 + 8 * images) + 24 * pairs
    tables += tables // 8  # while they are built
    tables += sum(bytes_for(comb(n, k), c, comb(n, k), images) for k, c in enumerate(columns))
    if np.any(couplings.dephasing):
        tables += 16 * 2**n
    if not isinstance(request.state, State):
        tables += 96 * 2**n if request.state.isket else 96 * 4**n
    flops = sum(
        comb(n, k) * c * (8 * (k * (n - k) + 1) + 6 * (n - k) ** 2) for k, c in enumerate(columns)
    )
    extent = Extent(couplings, highest)
    radii = _radii(extent)
    reach = max(float(np.ptp(request.times)) * radii[-1], 1e-300)
    kept = _SPARE_TERMS + 2 * min(LONGEST_STEP, reach)
    # in addition to the moments of all times: those of one step, its coefficients, or a checkpoint
    terms, emitted = _terms(extent, radii, float(np.ptp(request.times)))
    later = np.count_nonzero(request.times - request.times[0] > emitted)
    dark = 0.0 if np.any(couplings.dephasing) else float(later)
    inside = max(steps * min(1.0, LONGEST_STEP / reach), dark)
    seconds, written = writing(request, 16 * n * n * steps)
    copied = max(24 * kept * inside, 16 * n * n * min(steps, inside), 2 * written)
    moments = int(copied + 16 * n * n * (kept + steps))
    threads, _ = pieces_for(request, size)
    reduced = "" if images == 1 else f", {symmetries}"
    reduced += ", in single precision" if itemsize == 4 else ""
    numbers = 3 * size + longest_stage(sizes) + 1.2 * request.checkpointed * size
    s = speed()
    each = _CALLS * s.call + flops * _FLOPS * (itemsize / 8) * s.flop / threads
    reading = _READ_TERMS * (_READ_CALL * s.entry + 8 * n * n * _READ_FLOPS * s.flop)
    return Cost(
        int(numbers * itemsize + tables) + moments,
        seconds + _OVERHEAD * s.call + terms * each + steps * reading,
        f"{size:.3g} numbers in {highest + 1} excitation blocks{reduced}",
    )


def _radii(extent: Extent) -> list[float]:
    """The radii of the ellipses around the spectra of the blocks up to each one."""
    numbers = range(extent.top + 1)
    dephasing = noise.strongest_dephasing(extent.couplings.dephasing)
    decays = accumulate((extent.decay(k) for k in numbers), max)
    frequencies = accumulate((extent.frequency(k) for k in numbers), max)
    return [ellipse(d + dephasing, f).radius for d, f in zip(decays, frequencies, strict=True)]


def _terms(extent: Extent, radii: list[float], span: float) -> tuple[float, float]:
    """The number of applications of the generator, and the time when only the ground state is left.

    They become fewer as the highest blocks empty and are dropped.
    """
    found, ended = float(_FEWEST_TERMS), 0.0
    # a block lasts as long as the block above that feeds it, and then as long as its slowest mode
    last = emitted = 0.0
    for k in range(extent.top, -1, -1):
        lasting = _LIFETIMES / max(extent.lasting(k), 1e-300) if k else np.inf
        last = min(span, max(last, lasting))
        found += TERMS_PER_RADIUS * radii[k] * (last - ended) if k else 0.0
        ended = last
        emitted = last if k else emitted
    return found, emitted


@cache
def compile_kernels(show: bool, number: str = "float64") -> None:
    """Compile the kernels for a type of numbers, or read them from the cache, by calling them."""
    from collective._tools.compiled import announced
    from collective.engines.blocks.expansion import Expansion

    with announced("the blocks engine", _COMPILING, show=show):
        rates = Couplings(np.eye(2), np.zeros((2, 2)))
        pair = Request(rates, inverted(), np.arange(2.0), rtol=LEAST_SINGLE)
        run = Expansion(pair, np.arange(2)[None], np.dtype(number).type)
        run.advance()
        run.close()
