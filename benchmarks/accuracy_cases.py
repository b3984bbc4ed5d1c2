"""The problems of `accuracy.py`, all small enough for an exact engine.

The estimates of `collective/engines/estimates.py` were fitted to most of these. The `fresh` ones
were drawn afterwards and never used for a fit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import collective as co

GROUPS = ("burst", "other starts", "noisy", "driven")


@dataclass(frozen=True)
class Case:
    """A problem: a name, the group under which its errors are summed up, and what it is."""

    name: str
    group: str
    couplings: Callable[[], Any]
    state: Any = "inverted"
    quick: bool = False
    fresh: bool = False


def vacuum(emitters: Any, **changes: Any) -> Any:
    return co.couple(emitters, co.Vacuum()).replace(**changes)


def identical(n: int, share: float = 1.0, **changes: Any) -> Any:
    """Emitters at one place: a share of the decay is common, the rest goes elsewhere."""
    decay = share * np.ones((n, n)) + (1 - share) * np.eye(n)
    return co.Couplings(decay, np.zeros((n, n)), **changes)


def one_way(n: int, phase: float, back: float, side: float, **changes: Any) -> Any:
    """A chiral waveguide with a share of the light that goes back, and one that leaves sideways."""
    away = phase * np.subtract.outer(np.arange(n), np.arange(n))
    forth, return_ = (1 - back) * np.exp(1j * away), back * np.exp(-1j * away)
    decay = (1 - side) * (forth + return_) + side * np.eye(n)
    shift = -0.5j * (1 - side) * np.sign(away) * (forth - return_)
    return co.Couplings(decay, shift, **changes)


def crossed(n: int, radius: float, seed: int, **changes: Any) -> Any:
    """A cloud of dipoles in random directions."""
    directions = np.random.default_rng(seed).normal(size=(n, 3))
    cloud = co.cloud(n, radius, min_distance=0.06, seed=seed)
    return vacuum(cloud.replace(dipoles=directions), **changes)


def cases() -> list[Case]:
    return [*bursts(), *other_starts(), *noisy(), *driven(), *fresh()]


def bursts() -> Iterator[Case]:
    """Inverted emitters."""

    def burst(name: str, emitters: Any, *, quick: bool = False) -> Case:
        return Case(name, "burst", lambda: vacuum(emitters), quick=quick)

    for a in (0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5):
        yield burst(f"chain of 8, {a} λ", co.chain(8, a), quick=a in (0.1, 0.3))
    for a in (0.05, 0.1, 0.15, 0.2, 0.3):
        along = co.chain(8, a, dipoles=(0, 0, 1))
        yield burst(f"chain of 8 along its dipoles, {a} λ", along, quick=a == 0.15)
    for n, a in ((4, 0.1), (5, 0.05), (6, 0.1), (6, 0.3), (10, 0.05), (10, 0.1), (10, 0.2)):
        yield burst(f"chain of {n}, {a} λ", co.chain(n, a))
    for a in (0.1, 0.2):
        yield burst(f"chain of 12, {a} λ", co.chain(12, a))
    for a in (0.05, 0.1, 0.15, 0.2, 0.3, 0.5):
        yield burst(f"2 × 4, {a} λ", co.square(2, 4, a), quick=a == 0.2)
    for a in (0.1, 0.2):
        yield burst(f"2 × 4, dipoles in the plane, {a} λ", co.square(2, 4, a, dipoles=(1, 0, 0)))
        yield burst(f"3 × 3, dipoles in the plane, {a} λ", co.square(3, 3, a, dipoles=(1, 0, 0)))
    for a in (0.05, 0.1, 0.15, 0.2, 0.3):
        yield burst(f"3 × 3, {a} λ", co.square(3, 3, a))
    for a in (0.1, 0.15, 0.2):
        yield burst(f"3 × 4, {a} λ", co.square(3, 4, a))
    for a in (0.05, 0.1, 0.2, 0.3):
        yield burst(f"ring of 8, {a} λ", co.ring(8, a), quick=a == 0.1)
    yield burst("ring of 6, 0.1 λ", co.ring(6, 0.1))
    yield burst("ring of 8, circular dipoles, 0.1 λ", co.ring(8, 0.1, dipoles=(1, 1j, 0)))
    for a in (0.1, 0.2, 0.3):
        yield burst(f"triangular 3 × 3, {a} λ", co.triangular(3, 3, a))
    for a in (0.05, 0.1, 0.15, 0.2, 0.3):
        yield burst(f"cube of 8, {a} λ", co.cubic(2, 2, 2, a))
    yield burst("2 × 2 × 3, 0.2 λ", co.cubic(2, 2, 3, 0.2))
    for radius, least in ((0.15, 0.05), (0.25, 0.05), (0.25, 0.1), (0.4, 0.05), (0.6, 0.1)):
        for seed in range(3):
            cloud = co.cloud(8, radius, min_distance=least, seed=seed)
            text = f"cloud of 8, radius {radius} λ, at least {least} λ apart, seed {seed}"
            yield burst(text, cloud, quick=radius == 0.25 and least == 0.1 and seed == 0)
    for radius, seed in ((0.3, 0), (0.3, 1), (0.5, 2)):
        cloud = co.cloud(11, radius, min_distance=0.05, seed=seed)
        yield burst(f"cloud of 11, radius {radius} λ, seed {seed}", cloud)
    for radius, seed in ((0.15, 5), (0.15, 6), (0.3, 7), (0.3, 8), (0.3, 9)):
        cloud = co.cloud(8, radius, shape="gaussian", min_distance=0.05, seed=seed)
        yield burst(f"Gaussian cloud of 8, {radius} λ, seed {seed}", cloud)
    uneven = np.exp(np.random.default_rng(4).normal(0, 0.6, 8))
    yield burst("chain of 8, unequal rates, 0.1 λ", co.chain(8, 0.1, decay_rates=uneven))
    for n in (3, 5, 8, 10, 15, 20, 30):
        yield Case(f"{n} identical", "burst", lambda n=n: identical(n))
    for share in (0.3, 0.6, 0.9):
        yield Case(
            f"8 identical, {share} of the decay common",
            "burst",
            lambda share=share: identical(8, share),
        )
    for phase, back, side in ((0.7, 0.0, 0.0), (0.7, 0.2, 0.2), (1.5, 0.0, 0.5), (np.pi, 0.3, 0.1)):
        yield Case(
            f"8 along a waveguide, {back} back, {side} sideways",
            "burst",
            lambda a=(phase, back, side): one_way(8, *a),
            quick=side == 0.2,
        )


def other_starts() -> Iterator[Case]:
    """Mixtures, Dicke states and tipped emitters, which then decay."""
    for a in (0.1, 0.2):
        for p in (0.5, 0.8):
            chain = co.chain(6, a)
            yield Case(
                f"chain of 6, each excited with {p}, {a} λ",
                "other starts",
                lambda chain=chain: vacuum(chain),
                co.states.mixed(p),
                quick=a == 0.1 and p == 0.8,
            )
        yield Case(
            f"chain of 8, symmetric with 4 excitations, {a} λ",
            "other starts",
            lambda a=a: vacuum(co.chain(8, a)),
            co.states.dicke(4),
        )
    square = co.square(2, 3, 0.1)
    for text, state in (
        ("each excited with 0.8", co.states.mixed(0.8)),
        ("tipped by 2.2", co.states.coherent(2.2)),
    ):
        yield Case(f"2 × 3, {text}, 0.1 λ", "other starts", lambda: vacuum(square), state)
    six = co.states.dicke(6)
    yield Case("8 identical, 6 excitations", "other starts", lambda: identical(8), six)
    for a, angle in ((0.1, np.pi / 2), (0.2, np.pi / 2), (0.4, np.pi / 2), (0.1, 0.5)):
        yield Case(
            f"chain of 7, tipped by {angle:.2g}, {a} λ",
            "other starts",
            lambda a=a: vacuum(co.chain(7, a)),
            co.states.coherent(angle),
            quick=a == 0.2,
        )


def noisy() -> Iterator[Case]:
    """Inverted emitters with dephasing or different frequencies."""
    rng = np.random.default_rng(3).normal(size=8)
    for a in (0.1, 0.2):
        for width in (1.0, 5.0):
            changes = {"detunings": width * rng}
            yield Case(
                f"chain of 8, detuned by {width}, {a} λ",
                "noisy",
                lambda a=a, changes=changes: vacuum(co.chain(8, a), **changes),
            )
        for rate in (0.3, 2.0):
            yield Case(
                f"chain of 8, dephased by {rate}, {a} λ",
                "noisy",
                lambda a=a, rate=rate: vacuum(co.chain(8, a), dephasing=rate),
                quick=a == 0.1 and rate == 0.3,
            )
        wide = 10 * np.random.default_rng(5).normal(size=8)
        yield Case(
            f"ring of 8, detuned by 10, {a} λ",
            "noisy",
            lambda a=a, wide=wide: vacuum(co.ring(8, a), detunings=wide),
        )


def driven() -> Iterator[Case]:
    """Emitters in their ground state under a constant drive."""

    def under(name: str, emitters: Any, *drives: Any, quick: Any = ()) -> Iterator[Case]:
        for drive in drives:
            yield Case(
                f"{name}, Ω = {drive}",
                "driven",
                lambda drive=drive: vacuum(emitters, drive=drive),
                "ground",
                quick=drive in quick,
            )

    strong, other = (0.2, 1.0, 5.0), (0.3, 2.0, 8.0)
    along = (0, 0, 1)
    yield from under("chain of 6, 0.05 λ", co.chain(6, 0.05), *strong)
    yield from under("chain of 6, 0.1 λ", co.chain(6, 0.1), *strong, quick=(1.0,))
    yield from under("chain of 6, 0.2 λ", co.chain(6, 0.2), *strong, quick=(5.0,))
    yield from under("chain of 7, 0.4 λ", co.chain(7, 0.4), *strong)
    yield from under("chain of 6 along, 0.15 λ", co.chain(6, 0.15, dipoles=along), *strong)
    yield from under("ring of 6, 0.1 λ", co.ring(6, 0.1), *strong)
    yield from under("2 × 3, 0.2 λ", co.square(2, 3, 0.2), *strong)
    yield from under("2 × 3, 0.1 λ", co.square(2, 3, 0.1), *strong)
    yield from under("cloud of 6", co.cloud(6, 0.25, min_distance=0.05, seed=0), *strong)
    yield from under("cloud of 7", co.cloud(7, 0.4, min_distance=0.05, seed=1), *strong)
    yield from under("chain of 4, 0.1 λ", co.chain(4, 0.1), *other)
    yield from under("chain of 8, 0.15 λ", co.chain(8, 0.15), *other)
    yield from under("chain of 8, 0.3 λ", co.chain(8, 0.3), *other)
    yield from under("chain of 7 along, 0.1 λ", co.chain(7, 0.1, dipoles=along), *other)
    yield from under("chain of 6 along, 0.3 λ", co.chain(6, 0.3, dipoles=along), *other)
    yield from under("ring of 7, 0.2 λ", co.ring(7, 0.2), *other)
    yield from under("2 × 4, 0.15 λ", co.square(2, 4, 0.15), *other)
    yield from under("2 × 4, 0.3 λ", co.square(2, 4, 0.3), *other)
    yield from under("cube of 8, 0.2 λ", co.cubic(2, 2, 2, 0.2), *other)
    yield from under("cloud of 7, denser", co.cloud(7, 0.3, min_distance=0.08, seed=5), *other)
    plane = co.square(2, 3, 0.2, dipoles=(1, 0, 0))
    yield from under("2 × 3, dipoles in the plane, 0.2 λ", plane, *other)
    for n, drive in ((3, 2.0), (6, 1.0), (6, 5.0), (8, 2.0)):
        text = f"{n} identical, Ω = {drive}"
        yield Case(text, "driven", lambda n=n, d=drive: identical(n, drive=d), "ground")
    for drive in (0.2, 2.0):
        yield Case(
            f"6 along a waveguide, Ω = {drive}",
            "driven",
            lambda d=drive: one_way(6, 0.7, 0.1, 0.3, drive=d),
            "ground",
        )
    chain = co.chain(6, 0.2)
    for text, a, state, changes in (
        ("phases of a wave", 0.2, "ground", {"drive": 2 * np.exp(1j * np.arange(6))}),
        ("dephased", 0.1, "ground", {"drive": 1.0, "dephasing": 0.5}),
        ("detuned", 0.1, "ground", {"drive": 2.0, "detunings": 3.0}),
        ("inverted", 0.2, "inverted", {"drive": 2.0}),
        ("pumped", 0.2, "ground", {"pump": 0.5}),
        ("pumped more", 0.1, "ground", {"pump": 3.0}),
    ):
        chain = co.chain(6, a)
        yield Case(
            f"chain of 6, {text}, {a} λ",
            "driven",
            lambda chain=chain, changes=changes: vacuum(chain, **changes),
            state,
        )


def fresh() -> Iterator[Case]:
    """Problems that no fit has seen."""

    def new(name: str, group: str, couplings: Callable[[], Any], state: Any = "inverted") -> Case:
        return Case(name, group, couplings, state, fresh=True)

    for a in (0.07, 0.12, 0.18, 0.35):
        yield new(f"chain of 9, {a} λ", "burst", lambda a=a: vacuum(co.chain(9, a)))
        yield new(f"ring of 7, {a} λ", "burst", lambda a=a: vacuum(co.ring(7, a)))
        yield new(f"triangular 2 × 4, {a} λ", "burst", lambda a=a: vacuum(co.triangular(2, 4, a)))
    for seed in range(100, 112):
        radius = 0.2 + 0.03 * (seed - 100)
        text = f"cloud of 8, radius {radius:.2f} λ, dipoles of any direction"
        yield new(text, "burst", lambda r=radius, s=seed: crossed(8, r, s))
        cloud = co.cloud(9, radius, min_distance=0.06, seed=seed)
        text = f"cloud of 9, radius {radius:.2f} λ"
        yield new(text, "burst", lambda cloud=cloud: vacuum(cloud))
    for seed in range(200, 212):
        rng = np.random.default_rng(seed)
        drive, radius = float(np.exp(rng.uniform(-1.5, 2))), float(rng.uniform(0.2, 0.6))
        text = f"cloud of 6, radius {radius:.2f} λ, dipoles of any direction, Ω = {drive:.2g}"
        yield new(
            text, "driven", lambda r=radius, s=seed, d=drive: crossed(6, r, s, drive=d), "ground"
        )
    for seed in range(300, 306):
        rng = np.random.default_rng(seed)
        cloud = co.cloud(8, float(rng.uniform(0.2, 0.5)), min_distance=0.06, seed=seed)
        changes = {"detunings": 3 * rng.normal(size=8), "dephasing": float(rng.uniform(0, 1))}
        text = f"cloud of 8, detuned and dephased, seed {seed}"
        yield new(text, "noisy", lambda c=cloud, o=changes: vacuum(c, **o))
