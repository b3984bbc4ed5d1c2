r"""At most K excitations of up to hundreds of emitters, or at most K holes in full inversion.

The :math:`D = Σ_{k≤K} C(N, k)` configurations of the cap are evolved exactly, with everything that
couples them: decay, jumps, shifts, Ising terms, detunings, drive, dephasing and pump. What leaves
the cap is lost, and the weights of the layers say how wrong the emission is (`estimate`).

Where ρ fits and is quick it is integrated (`density`, `deterministic`). Otherwise quantum trajectories
are drawn, without sampling the part of ρ in which nothing has jumped (`branches`, `sampled`): N = 200
emitters with K = 2 have 20,101 amplitudes, on which H_eff acts by one product of 200 × 200 matrices.
"""  # noqa: E501

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from collective._tools import checks
from collective.engines.base import Accuracy, Cost, unsupported
from collective.engines.basis.configurations import LARGEST
from collective.engines.capped.size import Size, weight_beyond
from collective.engines.request import Request

if TYPE_CHECKING:
    from collective.engines.capped.deterministic import MatrixRun
    from collective.engines.capped.sampled import SampledRun
    from collective.results.result import Result

_MOST_BEYOND = 0.01  # weight of the initial state beyond the cap


@dataclass(frozen=True)
class Capped:
    """At most K excitations, or at most K holes in full inversion; exact within.

    `Capped(excitations=2)` is for weak drives, also of hundreds of emitters: populations, emission and
    the pairs of photons, whose rate needs two excitations (`observables.g2`). `Capped(holes=3)` is for
    the first photons of a burst, up to about 40 emitters.

    `Result.error_estimate` follows from the weight of what is left out. `diagnostics` has the largest
    "top_weight" of the layer of K, and the "weight_beyond" the cap. A strong drive makes the estimate
    as large as the emission; a larger K helps.

    Args:
        excitations: K, the largest number of excitations; 2 if `holes` is not given.
        holes: the largest number of emitters that are not excited, instead.
        n: number of trajectories with at least one jump. None stands for the density matrix where it
            is quick, and for 64 trajectories where it is not. With them the result has standard errors.

    Raises:
        ValueError: for numbers that are not integers above 0, or both excitations and holes.

    Example:
        >>> import numpy as np, collective as co
        >>> chain = co.couple(co.chain(10, 0.2), co.Vacuum()).replace(drive=0.1)
        >>> engine = co.engines.Capped(excitations=2)
        >>> result = co.evolve(chain, "ground", np.linspace(0, 5, 11), method=engine)
        >>> bool(result.error_estimate[-1] < 0.01 * result.emission[-1])
        True
    """  # noqa: E501

    excitations: int | None = None
    holes: int | None = None
    n: int | None = None

    name: ClassVar[str] = "capped"
    accuracy: ClassVar[Accuracy] = "approximate"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ("dalibard1992", "molmer1993")

    def __post_init__(self) -> None:
        for name in ("excitations", "holes", "n"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, checks.count(name, value))
        if self.excitations is not None and self.holes is not None:
            raise ValueError(
                f"holes: give a largest number of excitations ({self.excitations}) or of holes "
                f"({self.holes}), not both"
            )
        if self.excitations is None and self.holes is None:
            object.__setattr__(self, "excitations", 2)

    def _size(self, request: Request) -> Size:
        most = self.excitations if self.holes is None else self.holes
        assert most is not None
        highest = min(most, len(request.couplings))
        return Size(request, self.holes is not None, highest, self.n)

    def refusal(self, request: Request) -> str | None:
        """Refuse master equations, thermal light, operators, and states beyond the cap."""
        common = unsupported(self, request, ising=True)
        if common is not None:
            return common
        size = self._size(request)
        what = "holes" if size.holes else "excitations"
        weight = weight_beyond(request, size.holes, size.highest)
        if not weight <= _MOST_BEYOND:
            known = "an unknown weight" if weight != weight else f"a weight of {weight:.2g}"
            other = (
                "engines.Capped(excitations=...) near the ground state"
                if size.holes
                else "engines.Capped(holes=...) near full inversion"
            )
            return (
                f"method 'capped' keeps at most {size.highest} {what}, but state "
                f"{request.state_name} has {known} beyond; use more {what}, or {other}"
            )
        if not size.pure and self.n is not None:
            return "method 'capped' draws trajectories of pure states only; leave out n"
        if not size.pure and len(request.couplings) > LARGEST:
            return (
                f"method 'capped' takes at most {LARGEST} emitters in a mixed state, got "
                f"{len(request.couplings)}"
            )
        return None

    def cost(self, request: Request) -> Cost:
        """Predict memory, time and error, of the density matrix or of trajectories."""
        return self._size(request).cost()

    def prepare(self, request: Request) -> None:
        """Import the libraries whose memory does not count as the run's."""
        import scipy.integrate
        import scipy.sparse  # noqa: F401
        import threadpoolctl  # noqa: F401

    def start(self, request: Request, earlier: "Result | None") -> "MatrixRun | SampledRun":
        """Start with ρ, or with the amplitudes of the branch without jumps."""
        size = self._size(request)
        matrix = size.matrix
        if earlier is not None:  # the memory that is free may have changed the choice
            matrix = earlier.diagnostics.get("route") == "density matrix"
        if matrix:
            from collective.engines.capped.deterministic import MatrixRun

            return MatrixRun(request, earlier, size.holes, size.highest)
        from collective.engines.capped.sampled import SampledRun

        return SampledRun(request, earlier, size.holes, size.highest, size.branches)
