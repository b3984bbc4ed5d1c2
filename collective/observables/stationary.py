"""The steady state of driven or pumped emitters: its light, populations and correlations."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks, equality
from collective._tools.memory import require
from collective._tools.operators import excited, lowering, pair_table
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.sharing import shared
from collective.engines import request, timescale
from collective.engines.basis.species import pair_correlations
from collective.engines.mean_field.start import moments
from collective.engines.mean_field.steady import mean_emission, needed
from collective.engines.mean_field.steady import steady as mean_field
from collective.evolution.steady_identical import Light
from collective.evolution.steady_species import SpeciesLight
from collective.evolution.steady_state import steady_state
from collective.observables import _identical_emitters
from collective.observables import _stationary_atoms as _atoms
from collective.states import State

if TYPE_CHECKING:
    from qutip import Qobj


METHODS = ("exact", "mean_field")
_PAIRS = 4096  # emitters whose correlations mean field gives


@dataclass(frozen=True, eq=False, repr=False)
class Steady:
    """Expectation values in the steady state of N emitters.

    Mean field gives no `distribution`, and no `correlations` of more than 4,096 emitters: these are
    None. For atoms with manifolds populations are those of all levels, (N, L), and correlations and
    coherences are of the N·C channels.

    Attributes:
        emission: photons per time into the field, Σ_mn Γ_mn⟨σ⁺_mσ⁻_n⟩; in thermal light of n̄
            photons per mode, (n̄ + 1) times that.
        excitation: mean number of excited emitters.
        populations: (N,), probability that each emitter is excited.
        correlations: (N, N), ⟨σ⁺_mσ⁻_n⟩, or (N·C, N·C).
        coherences: (N,) or (N·C,), ⟨σ⁻_m⟩ in the frame of the couplings.
        distribution: (N + 1,), probability that k emitters are excited.
        couplings: of the emitters.
        method: "exact" or "mean_field", an approximation.
    """

    emission: float
    excitation: float
    populations: NDArray[np.float64]
    correlations: NDArray[np.complex128] | None
    coherences: NDArray[np.complex128]
    distribution: NDArray[np.float64] | None
    couplings: Couplings | ChannelCouplings
    method: str = "exact"

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        names = ("populations", "correlations", "coherences", "distribution")
        checks.freeze(self, **{name: getattr(self, name) for name in names})
        checks.choice("method", self.method, METHODS)

    def __repr__(self) -> str:
        n = len(self.populations)
        noun = "atom" if isinstance(self.couplings, ChannelCouplings) else "emitter"
        return (
            f"Steady state of {n} {noun}{'' if n == 1 else 's'}"
            f"{', mean field (an approximation)' if self.method == 'mean_field' else ''}\n"
            f"  emission    {self.emission:.6g}\n"
            f"  excitation  {self.excitation:.6g}"
        )


def steady(
    couplings: Couplings | ChannelCouplings,
    *,
    start: "State | str | Qobj | None" = None,
    method: Literal["exact", "mean_field"] = "exact",
) -> Steady:
    r"""Emission, populations and correlations in the steady state, where dρ/dt = 0.

    .. math:: \mathcal{L}ρ = 0, \qquad R = \sum_{mn} Γ_{mn}⟨σ^+_mσ^-_n⟩

    For identical emitters (equal Γ_mn and equal Δ_mn for all m ≠ n, and the same Γ_mm, drive, pump,
    detuning and dephasing for all) ρ is found between Dicke states. With a pump, or with purely
    collective decay and a drive, 100 of them take less than a second. With a drive and individual
    decay, 50 take about 4 s and 70 take 30 s. A few species of emitters, alike within each, have
    Dicke states of each species: 7 + 7 driven ones take 1 s. For other emitters the full ρ is
    needed, with N up to about 11: eight take about two seconds, ten a minute (`co.steady_state`).

    For thousands of emitters there is mean field (`engines.MeanField`): each emitter has the steady
    state of a Bloch vector in the field of the others. It is exact for weak drives. With several
    steady states (bistability) the answer depends on `start`.

    Args:
        couplings: of N emitters, usually with a drive or pump. Atoms with manifolds
            (`ChannelCouplings`) are allowed: mean field gives each its density matrix.
        start: where there are several steady states, the one that this state comes to: "ground",
            "inverted", co.states.dicke(k) or co.states.coherent(theta, phi), for identical
            emitters, or species of them, whose decay is purely collective. For mean field any
            product state; None is the ground state.
        method: "exact", or "mean_field" for an approximation of many emitters.

    Returns:
        `Steady`, all arrays read-only.

    Raises:
        ValueError: if the steady state is not unique; for mean field if no stable one is reached,
            and for thermal light.
        ProblemTooLargeError: if ρ does not fit into memory, before anything is allocated.

    Example:
        A hundred emitters with purely collective decay are driven at Ω = NΓ/2, the threshold of
        cooperative resonance fluorescence (Puri & Lawande, Phys. Lett. A 72, 200 (1979)):

        >>> import numpy as np, collective as co
        >>> one = np.ones((100, 100))
        >>> driven = co.Couplings(one, 0 * one, drive=50.0)
        >>> round(co.observables.steady(driven, start="ground").excitation, 4)
        43.766
        >>> weak = co.couple(co.square(20, 20, 0.3), co.Vacuum()).replace(drive=0.1)
        >>> co.observables.steady(weak, method="mean_field")
        Steady state of 400 emitters, mean field (an approximation)
          emission    0.130807
          excitation  0.424744
    """
    if isinstance(couplings, ChannelCouplings):
        return _of_atoms(couplings, start, checks.choice("method", method, METHODS))
    checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    if checks.choice("method", method, METHODS) == "mean_field":
        return _of_mean_field(couplings, start)
    light = _identical_emitters.light(couplings, None, start, "steady", dark=True)
    if isinstance(light, SpeciesLight):
        return _of_species(couplings, light)
    if light is not None:
        return _of_dicke_states(couplings, light)
    n = len(couplings)
    rho = steady_state(couplings).full()
    populations = np.diagonal(rho).real
    up = excited(n)
    pairs, rows, columns = pair_table(n)
    correlations = np.diag(populations @ up).astype(complex)
    m, k = pairs.T
    correlations[m, k] = rho[rows, columns].sum(axis=1)
    correlations[k, m] = correlations[m, k].conj()
    lowered = [lowering(row).data_as("csr_matrix") for row in np.eye(n)]
    return Steady(
        (1 + couplings.thermal_photons) * float(np.sum(couplings.decay * correlations).real),
        float(np.trace(correlations).real),
        np.diagonal(correlations).real.copy(),
        correlations,
        np.array([(a @ rho).trace() for a in lowered], dtype=complex),
        np.bincount(up.sum(axis=1), populations, n + 1).astype(float),
        couplings,
    )


def _of_mean_field(couplings: Couplings, start: "State | str | Qobj | None") -> Steady:
    """Expectation values of the product state to which mean field leads from a start."""
    if couplings.thermal_photons:
        raise ValueError(
            f"method 'mean_field' does not treat thermal light, but these couplings have "
            f"{couplings.thermal_photons:.4g} thermal photons per mode"
        )
    if given := shared(couplings):
        raise ValueError(
            f"method 'mean_field' takes the {given[0]} of each emitter alone, not a matrix (N, N); "
            "use method='exact'"
        )
    n = len(couplings)
    try:
        asked = request.checked(couplings, "ground" if start is None else start, [0.0])
    except (TypeError, ValueError) as error:
        raise type(error)(f"start: {error}") from None
    found = moments(asked)
    if found is None:
        raise ValueError(
            f"start: mean field needs a state without correlations between emitters, not "
            f"{asked.state_name}"
        )
    bytes_needed = needed(asked) + (48 * n * n if n <= _PAIRS else 0)
    require(bytes_needed, f"the steady state of {n:,} emitters in mean field", "use fewer emitters")
    scaled = timescale.in_unit(couplings, timescale.unit_of(couplings))
    s, populations = mean_field(scaled, *found)
    correlations = None
    if n <= _PAIRS:
        correlations = np.outer(s.conj(), s)
        np.fill_diagonal(correlations, populations)
    return Steady(
        mean_emission(couplings, s, populations),
        float(populations.sum()),
        populations,
        correlations,
        s,
        None,
        couplings,
        "mean_field",
    )


def _of_species(couplings: Couplings, light: SpeciesLight) -> Steady:
    """Expectation values of a few species, which follow from ⟨n̂_A⟩, ⟨J⁺_AJ⁻_B⟩ and ⟨J⁻_A⟩."""
    found, space, rho = light.species, light.space, light.rho
    weights = (space.trace * rho).real
    numbers = space.numbers() @ rho
    bright = np.array([[row @ rho for row in rows] for rows in space.brightness()])
    correlations = pair_correlations(found, numbers.real[None], bright[None])[0]
    count = len(found.labels)
    return Steady(
        light.unit * float((light.rate() @ rho).real),
        float(numbers.real.sum()),
        (numbers.real / found.counts)[found.labels],
        correlations,
        (light.means() / found.counts)[found.labels],
        np.bincount(space.rows.sum(axis=0), weights, count + 1).astype(float),
        couplings,
    )


def _of_atoms(
    channels: ChannelCouplings, start: "State | str | Qobj | None", method: str
) -> Steady:
    """Expectation values of atoms with manifolds."""
    if method == "mean_field":
        found = _atoms.mean_field(channels, start)
    else:
        found = _atoms.exact(channels, steady_state(channels, start=start))
    return Steady(**found, couplings=channels, method=method)


def _of_dicke_states(couplings: Couplings, light: Light) -> Steady:
    """Expectation values of identical emitters, which follow from ⟨n̂⟩, ⟨J⁺J⁻⟩ and ⟨J⁻⟩."""
    n, space, rho = light.emitters.n, light.space, light.rho
    weights = (space.trace() * rho).real
    number = float(space.k @ weights)
    bright = float(((space.k - space.d) * (n - space.d - space.k + 1.0)) @ weights)
    correlations = np.full((n, n), (bright - number) / max(1, n * (n - 1)), dtype=complex)
    np.fill_diagonal(correlations, number / n)
    emission = light.unit * float(light.rate() @ weights)
    return Steady(
        emission,
        number,
        np.full(n, number / n),
        correlations,
        np.full(n, light.mean() / n),
        np.bincount(space.k, weights, n + 1).astype(float),
        couplings,
    )
