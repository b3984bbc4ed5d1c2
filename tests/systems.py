"""Every test system once: what to evolve and what must come out, from an independent route.

A `System` knows ρ(t) by matrix exponentials of the plain Lindblad equation of `reference`, and
some know their emission in closed form as well. A `Route` is a system and the engine that is to
evolve it: one for every way that an engine can take.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import reference
from random_systems import random_rates, random_state

import collective as co

TIMES = np.linspace(0, 4, 21)
QUIET = {"seed": 2, "progress": False}
RATES = ("decay", "shift", "detunings", "dephasing", "pump", "drive")
# energies of pairs of three excited emitters, of both signs
PAIRS = np.array([[0, 0.5, -0.3], [0.5, 0, 0.8], [-0.3, 0.8, 0]])
# every state of the package by the name of its function, for four emitters
STATES = {
    "inverted": co.states.inverted(),
    "ground": co.states.ground(),
    "single": co.states.single(1),
    "dicke": co.states.dicke(2),
    "timed_dicke": co.states.timed_dicke((1 / 3, 2e-7, 6)),
    "coherent": co.states.coherent(1 / 3, 2.0),
    "product": co.states.product([0.1, 1 / 3, 2, 1.2], 0.5),
    "mixed": co.states.mixed([0.9, 1 / 3, 0.0, 0.6]),
    "levels": co.states.levels(["e", 1, "g", "e"]),
    "level_product": co.states.level_product([[1, 1j], [0, 1], [1 / 3, -1], [1, 0]]),
    "from_amplitudes": co.states.from_amplitudes([0.6, 0.48j, 0.0, -0.64]),
}


@dataclass(frozen=True)
class System:
    """What to evolve.

    Attributes:
        name: a few words.
        couplings: of at most four emitters.
        state: as for `co.evolve`.
        start: the same state, as a vector or a density matrix.
        times: output times, which start at 0.
        closed_form: emission at these times in closed form, or None.
    """

    name: str
    couplings: co.Couplings
    state: object
    start: np.ndarray
    times: np.ndarray = field(default_factory=lambda: TIMES)
    closed_form: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def closed(self):
        """Whether excitation only leaves, as photons."""
        c = self.couplings
        return not (np.any(c.drive) or np.any(c.pump) or c.thermal_photons)

    @cached_property
    def states(self):
        """ρ at every time."""
        rho = self.start if np.ndim(self.start) == 2 else reference.projector(self.start)
        return reference.evolve(reference.generator_of(self.couplings), rho, self.times)

    @cached_property
    def correlations(self):
        """⟨σ⁺_mσ⁻_n⟩, (T, N, N)."""
        return np.array([reference.correlations(rho) for rho in self.states])

    @property
    def populations(self):
        """Excited populations, (T, N)."""
        return np.diagonal(self.correlations, axis1=1, axis2=2).real

    @property
    def emission(self):
        """Photons per time, (T,)."""
        rate = np.einsum("mn,tmn->t", self.couplings.decay, self.correlations).real
        return (1 + self.couplings.thermal_photons) * rate


@dataclass(frozen=True)
class Route:
    """A system and the engine that is to evolve it."""

    engine: co.engines.Engine
    system: System

    def run(self, unit=1.0, start=0.0, **further):
        """The result, with rates in another unit and output times that begin at `start`."""
        s = self.system
        problem, times = in_unit(s.couplings, unit), start + s.times / unit
        options = {"method": self.engine, "observe": "correlations", **QUIET, **further}
        return co.evolve(problem, s.state, times, **options)

    def repeated(self, n):
        """The same by an engine that samples, n times."""
        return replace(self, engine=replace(self.engine, n=n))


def refusal(engine, couplings, state, times, **options):
    """Why an engine cannot evolve this, or None if it can."""
    table = co.methods(couplings, state, times, method=engine, **options)
    return table.refusals.get(engine.name)


def engines():
    """The names of all engines."""
    table = co.methods(co.Couplings([[1.0]], [[0.0]]), "inverted", [0.0, 1.0])
    return [*table.costs, *table.refusals]


def in_unit(couplings, unit):
    """The same emitters with their rates in another unit, and in the guide of `guided`."""
    if isinstance(couplings.field, co.Waveguide):
        return guided(unit)
    rates = {name: getattr(couplings, name) * unit for name in RATES}
    ising = None if couplings.ising is None else couplings.ising * unit
    return co.Couplings(**rates, ising=ising, thermal_photons=couplings.thermal_photons)


def identical(n, *, together=1.0, alone=1.0, exchange=0.0, own=0.0, **others):
    """N emitters at one place: Γ_mn = together, Γ_mm = alone, Δ_mn = exchange, Δ_mm = own."""
    one = np.eye(n)
    decay, shift = together + (alone - together) * one, exchange + (own - exchange) * one
    return co.Couplings(decay, shift, **others)


def chain(n=3, spacing=0.2, **others):
    """Emitters on a line in vacuum, with all that acts on them."""
    return co.couple(co.chain(n, spacing), co.Vacuum()).replace(**others)


def guided(unit=1.0):
    """Three emitters in a guide with light that is fast, in a unit of rate."""
    fast = co.Waveguide(0.9 * unit, 8.0, side_rate=0.1 * unit, group_velocity=1e13 * unit)
    return co.couple(co.chain(3, 0.2, decay_rates=unit), fast)


def complex_pair(**others):
    """Two emitters with complex Γ and Δ and unequal rates."""
    return co.Couplings(
        [[1.0, 0.4 + 0.3j], [0.4 - 0.3j, 0.7]], [[0, 0.8 - 0.6j], [0.8 + 0.6j, 0]], **others
    )


def circular_ring(spacing=0.2, **options):
    """Three emitters with different complex dipoles: Γ and Δ are complex matrices."""
    dipoles = [[1, 1j, 0], [1, 1j, 0.5], [0, 1j, 1]]
    return co.couple(co.ring(3, spacing, dipoles=dipoles, **options), co.Vacuum())


def systems():
    """All systems, no two of the same name."""
    vacuum, states = co.Vacuum(), co.states
    ket, inverted, product = reference.ket, reference.inverted, reference.product_ket
    pair, ring = chain(2, 0.1), circular_ring()
    detuned = co.couple(co.chain(2, 0.3, detunings=[0.4, -0.9]), vacuum)
    mixed = co.couple(co.cloud(3, 0.3, seed=4, decay_rates=[1, 0.5, 2.0]), vacuum).replace(
        dephasing=[0.3, 0, 0.1], pump=[0, 0.2, 0.1], drive=[1, 0.5j, -0.3], detunings=[0, 1, -1]
    )
    together = identical(
        3, together=0.6, alone=0.9, exchange=1.3, own=0.4,
        dephasing=0.2, pump=0.4, detunings=0.7, drive=1.2 - 0.5j,
    )  # fmt: skip
    noisy = ring.replace(
        pump=0.3 * ring.decay.conj(), dephasing=random_rates(7), detunings=[0, 1, -1], drive=0.4
    )
    quiet = chain(4, 0.15, dephasing=random_rates(8, 4, real=True))
    alike = identical(
        3, together=0.6, alone=0.9, exchange=1.3, dephasing=0.1 + 0.2 * np.eye(3),
        pump=0.3 + 0.2 * np.eye(3), drive=1.2 - 0.5j, thermal_photons=0.3,
    )  # fmt: skip
    lossless = co.Couplings(np.zeros((3, 3)), chain().shift + np.diag([0.5, 0, -0.3]))
    rho = random_state(3, 3)
    photon = np.array([0.3, -1.0, 6.0])
    absorbed = sum(
        np.exp(1j * photon @ r) * ket(3, m) / np.sqrt(3)
        for m, r in enumerate(co.chain(3, 0.2).positions)
    )

    def detuned_emission(times):
        return reference.one_excitation(
            detuned.decay, detuned.shift, detuned.detunings, np.array([1, 0]), times
        )[1]

    return [
        System(
            "single atom",
            co.Couplings([[0.7]], [[0.0]]),
            "inverted",
            inverted(1),
            closed_form=lambda t: 0.7 * np.exp(-0.7 * t),
        ),
        System(
            "two atoms",
            pair,
            "inverted",
            inverted(2),
            closed_form=lambda t: reference.two_inverted_atoms(pair.decay[0, 1], t),
        ),
        System(
            "Dicke ladder",
            identical(3),
            "inverted",
            inverted(3),
            closed_form=lambda t: reference.dicke_ladder(3, t),
        ),
        System("chain", chain(4, 0.15), "inverted", inverted(4)),
        System("detuned pair", detuned, states.single(0), ket(2, 0), closed_form=detuned_emission),
        System("absorbed photon", chain(), states.timed_dicke(photon), absorbed),
        System("complex dipoles", ring, "inverted", inverted(3)),
        System("dephased", chain(4, 0.15, dephasing=0.2), states.single(1), ket(4, 1)),
        System("dephased together", quiet, states.single(1), ket(4, 1)),
        System("coherent", ring, states.coherent(1.1, 0.4), product(3, 1.1, 0.4)),
        System("mixed state", ring, reference.as_qobj(rho), rho),
        System("lossless", lossless, states.coherent(0.9, 1.2), product(3, 0.9, 1.2)),
        System(
            "driven atom",
            co.Couplings([[1.0]], [[0.0]], drive=3.0),
            "ground",
            ket(1),
            closed_form=lambda t: reference.driven_atom(3.0, t),
        ),
        System("guide", guided(), states.single(0), ket(3, 0)),
        System("everything", mixed, "ground", ket(3)),
        System("identical, everything", together, states.coherent(1.1), product(3, 1.1, 0)),
        System(
            "Ising", ring.replace(ising=4 * PAIRS), states.coherent(2.0, 0.4), product(3, 2.0, 0.4)
        ),
        System("Ising, everything", mixed.replace(ising=4 * PAIRS), "ground", ket(3)),
        System("thermal light", complex_pair(thermal_photons=0.4), "inverted", inverted(2)),
        System("shared noise", noisy, states.coherent(1.1, 0.4), product(3, 1.1, 0.4)),
        System("identical, shared noise", alike, states.coherent(1.1), product(3, 1.1, 0)),
    ]


def routes():
    """Every way that an engine can take, on three emitters up to time 2."""
    times, single, ket = np.linspace(0, 2, 5), co.states.single(0), reference.ket
    everything = {"drive": [1.0, 0.5j, 0.3], "dephasing": 0.2, "pump": 0.1}
    alike = identical(3, together=0.4, exchange=1.0, own=1.0)
    lossless = co.Couplings(np.zeros((3, 3)), chain().shift, ising=PAIRS)

    def system(couplings, state):
        start = {"inverted": ket(3, 0, 1, 2), "ground": ket(3)}.get(str(state), ket(3, 0))
        return System("", couplings, state, start, times)

    driven = system(chain(**everything), "ground")
    interacting = system(chain(**everything, ising=PAIRS), "ground")
    dephased = chain(dephasing=0.3, ising=PAIRS)
    weak = chain(drive=0.3, ising=PAIRS)
    e, sampled = co.engines, co.engines.Trajectories(n=40)
    conditional = e.ConditionalCumulants(n=20)
    return {
        "exact": Route(e.Exact(), interacting),
        "blocks": Route(e.Blocks(), system(chain(), "inverted")),
        "blocks dephased": Route(e.Blocks(), system(dephased, "inverted")),
        "blocks lossless": Route(e.Blocks(), system(lossless, single)),
        "driven": Route(e.Driven(), interacting),
        "single": Route(e.Single(), system(chain(), single)),
        "single dephased": Route(e.Single(), system(dephased, single)),
        "retarded": Route(e.Retarded(), system(guided(), single)),
        "symmetric": Route(e.Symmetric(), system(alike, "inverted")),
        "symmetric pumped": Route(e.Symmetric(), system(alike.replace(pump=0.2), "inverted")),
        "symmetric driven": Route(
            e.Symmetric(), system(alike.replace(drive=1.0, ising=0.6), "ground")
        ),
        "trajectories": Route(sampled, system(chain(ising=PAIRS), "inverted")),
        "trajectories driven": Route(sampled, interacting),
        "cumulants": Route(e.Cumulants(), system(chain(), "inverted")),
        "cumulants driven": Route(e.Cumulants(), interacting),
        "cumulants of order 3": Route(e.Cumulants(order=3), system(dephased, "inverted")),
        "truncated_wigner": Route(e.TruncatedWigner(n=1500), system(chain(), "inverted")),
        "truncated_wigner driven": Route(e.TruncatedWigner(n=1500), driven),
        "capped": Route(e.Capped(), system(weak.replace(pump=0.01), "ground")),
        "capped holes": Route(e.Capped(holes=3), system(dephased, "inverted")),
        "capped sampled": Route(e.Capped(n=12), system(weak.replace(dephasing=0.2), "ground")),
        "mean field": Route(e.MeanField(), interacting),
        "mean field phases": Route(e.MeanField(phases=64), system(chain(), "inverted")),
        "conditional cumulants": Route(conditional, system(chain(), "inverted")),
        "conditional cumulants driven": Route(conditional, driven),
    }


def within_the_estimate(result, emission):
    """Whether an approximate emission is within twice its estimated error and five standard errors.

    3 % beside them are allowed: how often the estimate covers the error is measured in
    `benchmarks/accuracy.py`.
    """
    scatter = 0.0 if result.emission_error is None else 5 * result.emission_error
    allowed = 2 * result.error_estimate + scatter + 0.03 * np.abs(emission).max() + 1e-12
    return np.all(np.abs(result.emission - emission) <= allowed)


def as_pattern(text):
    """A regular expression that a message must match, whatever follows the text."""
    return "^" + re.escape(text)
