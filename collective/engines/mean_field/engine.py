r"""Mean field: product states of up to 10⁵ emitters, with or without random phases.

Correlations between emitters are left out, so that each keeps a Bloch vector of its own
(`equations`), or a density matrix if it is an atom with manifolds (`levels`). Emitters without
coherence then have no field, and would decay one by one. Their superradiance begins by noise, for
which each sample has random phases at the start, with

.. math:: ⟨σ^+_mσ^-_n⟩ ≈ \frac{1}{B}\sum_b s^{(b)*}_m s^{(b)}_n \quad (m ≠ n).

Adaptive steps of order 8 bound the time by the products with h; see `numerics/exchange.py`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from collective._tools import checks
from collective.couplings.with_mode import CavityCouplings
from collective.engines import estimates
from collective.engines.base import Accuracy, Cost, unsupported
from collective.engines.mean_field import mode, size
from collective.engines.mean_field.run import MeanFieldRun
from collective.engines.mean_field.start import alone, product
from collective.engines.mode_run import ModeRun
from collective.engines.request import Request

if TYPE_CHECKING:
    from collective.results.result import Result

_SAMPLES = 40_000  # emitters times samples, if the number of samples is not given, and …
_FEWEST, _MOST = 4, 1000  # of the samples


@dataclass(frozen=True)
class MeanField:
    """Every emitter in the mean field of the others, for up to 10⁵ of them: an approximation.

    It takes product states, pure or mixed, with any drive, pump and dephasing. Atoms with manifolds
    keep a density matrix each. For one emitter it is exact, and for weak excitation it is the
    equation of coupled dipoles. Correlations between emitters are left out, except those that
    phases have in common.

    Emitters that start without coherence and that nothing drives have no mean field. In truth their
    emission begins by noise. For them each sample starts with random phases of ⟨σ⁻⟩, and means have
    standard errors. The phases are drawn once: dephasing and pump destroy them, although in truth
    noise renews them. For atoms with manifolds they are random coherences between excited and
    ground levels, with the correlations ⟨σ⁺_cσ⁻_c'⟩ of each atom. On lattices, also with vacant
    sites, products are fast Fourier transforms: for two-level emitters found from their places and
    checked, for atoms where Γ and Δ are stored by displacement (see `couple`).

    `CavityCouplings` keep an amplitude of the mode beside them, with 100 samples of random phases
    where nothing is coherent.

    Args:
        phases: number of samples with random phases; 0 for none. None draws phases only for starts
            of several emitters without coherence and without drive: 1,000 samples of up to 40
            emitters, fewer of more emitters or levels, and 4 of 10,000 or more.

    With random phases steps have a tolerance of 1e-4 (or `rtol`, if that is larger) and products
    are computed in single precision, far below the standard errors.

    Raises:
        ValueError: for a number of phases that is neither 0 nor at least 2.

    Source:
        Krämer & Ritsch, Eur. Phys. J. D 69, 282 (2015); for random phases Gross & Haroche,
        Phys. Rep. 93, 301 (1982).

    Example:
        >>> import numpy as np, collective as co
        >>> atoms = co.couple(co.square(10, 10, 0.3), co.Vacuum())
        >>> engine = co.engines.MeanField(phases=100)
        >>> burst = co.evolve(atoms, "inverted", np.linspace(0, 1, 21), method=engine, seed=1)
        >>> bool(105 < burst.emission.max() < 122), burst.shots.shape
        (True, (100, 21))
    """

    phases: int | None = None

    name: ClassVar[str] = "mean_field"
    accuracy: ClassVar[Accuracy] = "approximate"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ("kramer2015", "gross1982")

    def __post_init__(self) -> None:
        if self.phases is not None:
            phases = checks.count("phases", self.phases, minimum=0)
            if phases == 1:
                raise ValueError("phases must be 0 or at least 2: one sample has no standard error")
            object.__setattr__(self, "phases", phases)

    def refusal(self, request: Request) -> str | None:
        """Refuse thermal light, and states of more than one emitter that are correlated."""
        common = unsupported(
            self, request, one_number=True, lattice=True, channels=True,
            ising=not isinstance(request.problem, CavityCouplings), cavity=True,
            motion=("drive", "detunings", "strength"),
        )  # fmt: skip
        if common is not None:
            return common
        if isinstance(request.problem, CavityCouplings):
            return mode.refusal(request)
        if not product(request):
            return (
                f"method {self.name!r} takes states without correlations between emitters, product "
                f"or mixed, not state {request.state_name}"
            )
        return None

    def cost(self, request: Request) -> Cost:
        """Predict memory and time, and the error that mean field usually has."""
        phases = self._samples(request)
        if isinstance(request.problem, CavityCouplings):
            return mode.cost(request, phases)
        kind: estimates.Kind = "random phases" if phases else "mean field"
        return size.cost(request, phases, estimates.expected(request, kind, phases or None))

    def prepare(self, request: Request) -> None:
        """Import the libraries whose memory does not count as the run's."""
        import scipy.fft
        import scipy.integrate  # noqa: F401
        import threadpoolctl  # noqa: F401

    def start(self, request: Request, earlier: "Result | None") -> MeanFieldRun | ModeRun:
        """Start from a product state, or from where an earlier result ended."""
        if isinstance(request.problem, CavityCouplings):
            return self._with_mode(request, earlier)
        return MeanFieldRun(request, self._samples(request), earlier)

    def _with_mode(self, request: Request, earlier: "Result | None") -> ModeRun:
        """The run of emitters with a cavity mode."""
        phases, seed = self._samples(request), request.seed
        if phases and earlier is not None:
            seed = int(earlier.diagnostics["seed"])
        elif phases and seed is None:
            seed = int(np.random.default_rng().integers(2**53))
        equations = mode.ModeField(request, phases, seed)
        return ModeRun(request, equations, equations.names(), earlier)

    def _samples(self, request: Request) -> int:
        """The number of samples with random phases, or 0."""
        if self.phases is not None:
            return self.phases
        if isinstance(request.problem, CavityCouplings):
            return mode.SAMPLES if mode.alone(request) else 0
        if len(request.rwa) == 1 or not alone(request):
            return 0
        return int(np.clip(_SAMPLES // size.work_of_one(request), _FEWEST, _MOST))
