"""One lossy mode that emitters share, eliminated or kept: a model without a Green's tensor."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.emitters import Emitters
from collective.fields import models
from collective.fields.memory import Memory

_STRONGEST = 1.0  # g over √(δ² + κ²/4): beyond it light and emitters exchange excitation
_CITATION = """
@article{bonifacio1971,
  author = {Bonifacio, R. and Schwendimann, P. and Haake, Fritz},
  title = {Quantum Statistical Theory of Superradiance. I},
  journal = {Phys. Rev. A},
  volume = {4},
  pages = {302--313},
  year = {1971},
  doi = {10.1103/PhysRevA.4.302},
}
""".strip()


@dataclass(frozen=True)
class Cavity:
    r"""A mode of a cavity that the emitters share, Σ_m (g_m σ⁻_m a† + h.c.).

    In a bad cavity, which loses light faster than the emitters exchange it, the mode a is
    eliminated:

    .. math:: Γ_{mn} = \frac{g_m^* g_n\,κ}{δ^2 + κ^2/4} + γ_\mathrm{side}\,δ_{mn}, \qquad
              Δ_{mn} = \frac{g_m^* g_n\,δ}{δ^2 + κ^2/4}

    On resonance Γ_mm = 4|g_m|²/κ. The diagonal Δ_mm, the shift by an emitter's own light that the
    cavity gives back, is included. One δ is used for all emitters: their own `detunings` do not
    change Γ and Δ. The elimination needs √(Σ|g_m|²) and these detunings to be much smaller than
    √(δ² + κ²/4), which `Couplings.validity` reports, and so must a drive and dephasing be. The
    error in populations falls as (g/κ)².

    In a good cavity, with a g_m above √(δ² + κ²/4), nothing can be eliminated. Γ and Δ are then
    those of a weak emitter at ω₀, and whatever would use them refuses. ``method="retarded"`` of
    `evolve` keeps the mode, in good cavities and in bad ones, for one excitation. For more of them
    see `CavityCouplings`.

    It gives Γ and Δ alone and has no Green's tensor. What needs one refuses it by name. All rates
    are absolute: `Emitters.decay_rates`, positions and dipoles do not enter.

    Args:
        coupling: g, in units of rate, half the splitting of one emitter and the mode; a number,
            or one for each emitter, also complex: its phase is that of the mode at the emitter.
        linewidth: κ > 0, the rate at which the mode loses energy, in units of rate (full width).
        detuning: δ = ω₀ − ω_c, transition minus mode, in units of rate; ω₀ is the frequency from
            which `Emitters.detunings` count.
        side_rate: γ_side ≥ 0, the rate at which an emitter emits into everything else; one number,
            or one for each emitter.

    Raises:
        ValueError: for a linewidth that is not positive, a negative side rate. When emitters are
            coupled: for another number of couplings than emitters, or one coupling for emitters of
            different `decay_rates`.

    Source: Bonifacio, Schwendimann and Haake, Phys. Rev. A 4, 302 (1971).

    Example:
        >>> import collective as co
        >>> cavity = co.Cavity(0.5, 10.0, 0.0)
        >>> float(co.couple(co.chain(2, 0.5), cavity).decay[0, 1].round(12))  # 4g²/κ
        0.1
        >>> good = co.couple(co.chain(1, 0.5), co.Cavity(1.0, 0.2, 0.0))  # g > κ/2
        >>> rabi = co.evolve(good, "inverted", [0.0, np.pi / 2, np.pi], method="retarded")
        >>> rabi.excitation.round(2)  # to the mode and back, e^{−κt/2} of it
        array([1.  , 0.  , 0.73])
    """

    citation: ClassVar[str] = _CITATION

    coupling: Any
    linewidth: float
    detuning: float
    _: KW_ONLY
    side_rate: Any = 0.0

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        checks.freeze(
            self,
            coupling=models.numbers("coupling", self.coupling),
            linewidth=checks.number("linewidth", self.linewidth, above=0),
            detuning=checks.number("detuning", self.detuning),
            side_rate=models.rates("side_rate", self.side_rate),
        )

    def coefficients(self, emitters: Emitters) -> tuple[NDArray[Any], NDArray[Any]]:
        """Γ and Δ, (N, N) each, in units of rate; real if all couplings have one phase.

        Args:
            emitters: N of them; only their number matters.

        Raises:
            ValueError: for another number of couplings than emitters, or one coupling for emitters
                of different `decay_rates`.
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        g = models.of_emitters("coupling", self.coupling, emitters)
        aside = models.of_emitters("side_rate", self.side_rate, emitters)
        decay, shift = eliminated(g, self.linewidth, self.detuning)
        decay = decay + np.diag(aside)
        return checks.real_if_possible(decay), checks.real_if_possible(shift)

    def memory(self, emitters: Emitters) -> Memory:
        r"""The mode itself, not eliminated: Σ_mn(ω) = g*_mg_n/(ω + δ + iκ/2) − iγ_side δ_mn/2.

        Args:
            emitters: N of them; only their number matters.

        Raises:
            ValueError: for another number of couplings than emitters, or one coupling for emitters
                of different `decay_rates`.
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        g = models.of_emitters("coupling", self.coupling, emitters)
        aside = models.of_emitters("side_rate", self.side_rate, emitters)
        lost = -0.5j * np.diag(aside)[None]
        mode = np.array([-self.detuning - 0.5j * self.linewidth])
        return Memory(lost, np.zeros(lost.shape), g[None].astype(complex), mode)

    def beyond_markov(self, emitters: Emitters) -> str | None:
        """Why the mode cannot be eliminated, if g is above √(δ² + κ²/4), or None.

        Args:
            emitters: N of them; only their number matters.

        Raises:
            ValueError: as `coefficients`.
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        g = models.of_emitters("coupling", self.coupling, emitters)
        return too_strong(g, self.linewidth, self.detuning)

    def assumptions(self, emitters: Emitters) -> dict[str, tuple[float, str]]:
        """How good the elimination is: rates over √(δ² + κ²/4), which must be small.

        Args:
            emitters: N of them, with the detunings δ_m from ω₀.

        Returns:
            √(Σ|g_m|²) and max|δ_m|, both over √(δ² + κ²/4), each with its meaning.

        Raises:
            ValueError: as `coefficients`.
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        g = models.of_emitters("coupling", self.coupling, emitters)
        speed = np.hypot(self.detuning, self.linewidth / 2)
        ratio = float(np.linalg.norm(g) / speed)
        farthest = float(np.abs(emitters.detunings).max() / speed)
        return {
            "cavity eliminated": (ratio, "√Σ|g_m|²/√(δ²+κ²/4)"),
            "one detuning from the cavity": (farthest, "max|δ_m|/√(δ²+κ²/4)"),
        }


def eliminated(
    g: NDArray[Any], linewidth: float, detuning: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Γ and Δ by an eliminated mode, (N, N) each, without losses elsewhere.

    Args:
        g: the coupling of each emitter, (N,).
        linewidth: κ.
        detuning: δ, transition minus mode.
    """
    scaled = g / np.hypot(detuning, linewidth / 2)
    shared = np.outer(scaled.conj(), scaled)
    return linewidth * shared, detuning * shared


def too_strong(g: NDArray[Any], linewidth: float, detuning: float) -> str | None:
    """Why a mode cannot be eliminated, with the way out, or None; arguments as of `eliminated`."""
    largest = float(np.abs(g).max())
    ratio = largest / np.hypot(detuning, linewidth / 2)
    if ratio <= _STRONGEST:
        return None
    return (
        f"coupling: {largest:g} is {ratio:.3g} times √(δ² + κ²/4), so that the cavity cannot be "
        "eliminated; method='retarded' keeps its mode for one excitation in co.Cavity, and "
        "co.CavityCouplings with co.cavity_mode for more"
    )
