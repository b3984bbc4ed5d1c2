"""Every test system once: what to evolve and what must come out, from an independent route."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import reference

import collective as co


@dataclass(frozen=True)
class System:
    name: str
    couplings: co.Couplings
    state: object
    times: np.ndarray
    emission: Callable[[np.ndarray], np.ndarray]

    @property
    def closed(self):
        """Whether photons are the only thing that excitation comes from and goes to."""
        return not (np.any(self.couplings.drive) or np.any(self.couplings.pump))


def plain(couplings, ket):
    """Emission by the plain numpy Lindblad equation."""

    def emission(times):
        superoperator = reference.generator_of(couplings)
        states = reference.evolve(superoperator, np.outer(ket, ket.conj()), times)
        return np.array([reference.emission(couplings.decay, rho) for rho in states])

    return emission


def identical(n, *, together=1.0, alone=1.0, exchange=0.0, own=0.0, **others):
    """N emitters at one place: Γ_mn = together, Γ_mm = alone, Δ_mn = exchange, Δ_mm = own."""
    one = np.eye(n)
    decay, shift = together + (alone - together) * one, exchange + (own - exchange) * one
    return co.Couplings(decay, shift, **others)


def complex_pair(**more):
    """Two emitters with complex Γ and Δ and unequal rates."""
    return co.Couplings(
        [[1.0, 0.4 + 0.3j], [0.4 - 0.3j, 0.7]], [[0, 0.8 - 0.6j], [0.8 + 0.6j, 0]], **more
    )


def circular_ring(spacing=0.2, **options):
    """Three emitters with different complex dipoles: Γ and Δ are complex matrices."""
    dipoles = [[1, 1j, 0], [1, 1j, 0.5], [0, 1j, 1]]
    return co.couple(co.ring(3, spacing, dipoles=dipoles, **options), co.Vacuum())


def _ket(n, *excited):
    """Basis state with the given emitters excited."""
    ket = np.ones(1)
    for m in range(n):
        ket = np.kron(ket, [1, 0] if m in excited else [0, 1])
    return ket


def _product(n, theta, phi):
    one = np.array([np.exp(1j * phi) * np.sin(theta / 2), np.cos(theta / 2)])
    ket = np.ones(1)
    for _ in range(n):
        ket = np.kron(ket, one)
    return ket


def systems():
    vacuum = co.Vacuum()
    pair = co.couple(co.chain(2, 0.1), vacuum)
    dicke = co.Couplings(np.ones((3, 3)), np.zeros((3, 3)))
    chain = co.couple(co.chain(4, 0.15), vacuum)
    detuned = co.couple(co.chain(2, 0.3, detunings=[0.4, -0.9]), vacuum)
    circular = co.couple(co.ring(3, 0.2, dipoles=[[1, 1j, 0], [1, 1j, 0.5], [0, 1j, 1]]), vacuum)
    mixed = co.couple(co.cloud(3, 0.3, seed=4, decay_rates=[1, 0.5, 2.0]), vacuum).replace(
        dephasing=[0.3, 0, 0.1], pump=[0, 0.2, 0.1], drive=[1, 0.5j, -0.3], detunings=[0, 1, -1]
    )
    dephased = chain.replace(dephasing=0.2)
    atom = co.couple(co.Emitters([[0, 0, 0]], decay_rates=0.7), vacuum)
    driven = co.Couplings([[1.0]], [[0.0]], drive=3.0)

    def detuned_emission(times):
        amplitudes = np.array([1, 0])
        return reference.one_excitation(
            detuned.decay, detuned.shift, detuned.detunings, amplitudes, times
        )[1]

    t = np.linspace(0, 4, 41)
    return [
        System("single atom", atom, "inverted", t, lambda t: 0.7 * np.exp(-0.7 * t)),
        System(
            "two atoms",
            pair,
            "inverted",
            t,
            lambda t: reference.two_inverted_atoms(pair.decay[0, 1], t),
        ),
        System("Dicke ladder", dicke, "inverted", t, lambda t: reference.dicke_ladder(3, t)),
        System("chain", chain, "inverted", t, plain(chain, _ket(4, 0, 1, 2, 3))),
        System("detuned pair", detuned, co.states.single(0), t, detuned_emission),
        System("complex dipoles", circular, "inverted", t, plain(circular, _ket(3, 0, 1, 2))),
        System("dephased", dephased, co.states.single(1), t, plain(dephased, _ket(4, 1))),
        System(
            "coherent",
            circular,
            co.states.coherent(1.1, 0.4),
            t,
            plain(circular, _product(3, 1.1, 0.4)),
        ),
        System("driven atom", driven, "ground", t, lambda t: reference.driven_atom(3.0, t)),
        System("everything", mixed, "ground", t, plain(mixed, _ket(3))),
    ]
