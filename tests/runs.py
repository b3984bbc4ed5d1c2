"""Named runs of every engine, field, approximation and observable; `data/runs.npz` keeps their numbers.

A change that should not change answers, as moving files, is held against them by `test_runs.py`.
Only public names are used, so that it does not matter where in the package something lives.

    python tests/runs.py compare                # largest difference of each run to data/runs.npz
    python tests/runs.py write before.npz       # on this machine, before a change ...
    python tests/runs.py compare before.npz     # ... and after it: 0 means bit for bit
    python tests/runs.py add                    # to data/runs.npz what it lacks, such as a new run
    python tests/runs.py write                  # data/runs.npz anew

"add" leaves the numbers of other runs as they are. Write `data/runs.npz` anew only when an answer was
wrong and is now right, or when the samples of trajectories change on purpose. Say so in the commit,
with the differences that "compare" prints before. Never write it because a test fails after files
were moved.

How closely numbers agree. Every array is compared relative to its largest entry. The same code with
the same libraries on the same machine gives the same bits, trajectories included. Another processor
adds up in another order. With BLAS, numpy and numba told to leave out AVX-512, or everything since
SSE4, most runs still agreed to 2e-14, and are held to `CLOSE`. Some are more sensitive, and are held
to a looser number:

- `SOLVED`: adaptive integrators, exponentials and inverses of stiff matrices, square roots of
  eigenvalues near zero, integrals that end where the estimate of their error is small enough. They
  agreed to 4e-12.
- `SAMPLED`: quantum trajectories jump through eigenvectors of Γ at times that a root search finds.
  They agreed to 3e-15, but a jump that is nearly not taken could change all that follows.
- `SINGLE`: classical spins and conditional states in single precision, whose round-off grows along a run.

Other versions of QuTiP and scipy may take other steps and other random numbers: then only `SOLVED`'s
own tolerances hold, so the runs are tested with the versions of constraints.txt alone.
"""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import qutip
from multilevels import Mirror, flip, lossy_mode, random_multilevel

import collective as co

FILE = Path(__file__).parent / "data" / "runs.npz"
CLOSE, SOLVED, SAMPLED, SINGLE = 1e-12, 1e-10, 1e-9, 1e-4
TIMES = np.linspace(0.0, 2.0, 6)
K = 2 * np.pi
VACUUM = co.Vacuum()


@dataclass(frozen=True)
class Run:
    """A calculation: `arrays()` gives named numbers, equal to those kept within `rtol`."""

    arrays: Callable[[], dict]
    rtol: float


RUNS: dict[str, Run] = {}


def run(rtol=CLOSE):
    """Enter a function among the `RUNS` under its own name, with spaces."""

    def enter(function):
        RUNS[function.__name__.replace("_", " ")] = Run(function, rtol)
        return function

    return enter


def numbers(arrays):
    """The same dictionary with everything as numpy arrays; None and text are left out."""
    found = {}
    for name, value in arrays.items():
        if value is None or isinstance(value, str):
            continue
        if isinstance(value, dict):
            found |= numbers({f"{name}, {key}": inner for key, inner in value.items()})
            continue
        if isinstance(value, qutip.Qobj):
            value = value.full()
        elif isinstance(value, list) and value and isinstance(value[0], qutip.Qobj):
            value = [each.full() for each in value]
        found[name] = np.asarray(value)
        if found[name].dtype.kind not in "biufc":
            raise TypeError(f"{name} is {found[name].dtype}, not numbers")
    return found


def values_of(name):
    return numbers(RUNS[name].arrays())


def difference(one, other):
    """Largest difference relative to the largest entry; infinite if they are not comparable."""
    if one.shape != other.shape or one.dtype.kind != other.dtype.kind:
        return np.inf
    if one.size == 0 or np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"):
        return 0.0
    if one.dtype.kind in "biu" or not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return np.inf
    known = np.isfinite(one)
    gap, size = np.abs(one[known] - other[known]).max(), np.abs(other[known]).max()
    return float(gap / size) if size else np.inf


def of_result(result):
    """Everything that a result holds."""
    jumps = result.jumps
    return {
        "emission": result.emission,
        "excitation": result.excitation,
        "populations": result.populations,
        "correlations": result.correlations,
        "state": None if result.states is None else result.states[-1],
        "last state": result.last_state,
        "expect": result.expect,
        "emission error": result.emission_error,
        "excitation error": result.excitation_error,
        "populations error": result.populations_error,
    } | (
        {}
        if jumps is None
        else {
            "jump times": jumps.times,
            "jump channels": jumps.channels,
            "jump trajectories": jumps.trajectory,
        }
    )


def evolved(problem, state, *, method, times=TIMES, observe=(), **options):
    """What comes out of `evolve`, all of it; a large estimated error is no reason to warn here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the error of method")
        result = co.evolve(
            problem, state, times, method=method, observe=observe, progress=False, **options
        )
    return of_result(result)


def together(**parts):
    """Several dictionaries of arrays as one."""
    return {
        f"{part}: {name}": value for part, found in parts.items() for name, value in found.items()
    }


# --- what is evolved


@cache
def atoms():
    """Four emitters without any symmetry."""
    return co.cloud(4, 0.35, seed=3, min_distance=0.12, dipoles=(1, 0, 0), frequency=1e6)


@cache
def plain():
    return co.couple(atoms(), VACUUM)


@cache
def mixed():
    """Drive, pump, dephasing and detunings at once."""
    return co.couple(atoms().replace(decay_rates=[1.0, 0.5, 2.0, 0.8]), VACUUM).replace(
        dephasing=[0.3, 0, 0.1, 0.2],
        pump=[0, 0.2, 0.1, 0],
        drive=[1, 0.5j, -0.3, 0.2],
        detunings=[0, 1, -1, 0.4],
    )


@cache
def pair():
    return co.couple(co.chain(2, 0.1, detunings=[0.3, -0.2], frequency=1e6), VACUUM)


@cache
def driven_pair():
    return pair().replace(drive=[1.0, 0.6j])


@cache
def identical():
    """Six emitters that cannot be told apart, driven."""
    return co.Couplings(np.ones((6, 6)), 0.2 * (1 - np.eye(6)), drive=0.8)


def operator(n):
    one = 0.5 * qutip.sigmax() + qutip.num(2)
    return {"first": qutip.tensor([one, *[qutip.qeye(2)] * (n - 1)])}


ALL = ("correlations", "states")


# --- engines


@run(SOLVED)
def exact_by_qutip():
    warm = co.couple(pair().emitters, VACUUM, temperature=1e6)
    return together(
        inverted=evolved(
            plain(), "inverted", method="exact", observe=("correlations", operator(4))
        ),
        mixed=evolved(mixed(), "ground", method="exact", observe="correlations"),
        pulse=evolved(
            driven_pair(), "ground", method="exact", observe=ALL, envelope=lambda t: np.exp(-t)
        ),
        thermal=evolved(warm, co.states.dicke(1), method="exact", observe=ALL),
    )


@run(SOLVED)
def exact_of_a_large_master_equation():
    """Six two-level systems in a row, too many for exponentials."""

    def at(m, one):
        return qutip.tensor([one if k == m else qutip.qeye(2) for k in range(6)])

    hops = sum(at(m, qutip.sigmap()) * at(m + 1, qutip.sigmam()) for m in range(5))
    loss = [(0.2 + 0.1 * m) ** 0.5 * at(m, qutip.sigmam()) for m in range(6)]
    equation = co.MasterEquation(hops + hops.dag(), loss, emission_operator=loss[0].dag() * loss[0])
    inverted = qutip.tensor([qutip.basis(2, 0)] * 6)
    return evolved(equation, inverted, method="exact", times=TIMES[:3]) | {"last state": None}


@run(SOLVED)
def exact_by_exponentials():
    """A master equation with frequencies far above every rate."""
    energy = qutip.tensor(qutip.num(2), qutip.qeye(2)) + 0.7 * qutip.tensor(
        qutip.qeye(2), qutip.num(2)
    )
    exchange = qutip.tensor(qutip.sigmap(), qutip.sigmam())
    equation = co.MasterEquation(
        1e3 * energy + exchange + exchange.dag(),
        [qutip.tensor(qutip.sigmam(), qutip.qeye(2)), 0.3 * qutip.tensor(qutip.qeye(2), qutip.sigmam())],
        emission_operator=qutip.tensor(qutip.num(2), qutip.qeye(2)),
    )  # fmt: skip
    state = qutip.tensor(qutip.basis(2, 0), (qutip.basis(2, 0) + qutip.basis(2, 1)).unit())
    irregular = np.concatenate([[0], np.geomspace(0.01, 2, 9)])
    return together(
        regular=evolved(equation, state, method="exact", observe="states"),
        irregular=evolved(equation, state, method="exact", times=irregular),
    )


@run()
def blocks():
    return together(
        inverted=evolved(plain(), "inverted", method="blocks", observe="correlations"),
        coherent=evolved(
            plain(), co.states.coherent(1.1, 0.4), method="blocks", observe="correlations"
        ),
        dephased=evolved(
            pair().replace(dephasing=[0.2, 0.1]),
            co.states.single(1),
            method="blocks",
            observe="correlations",
        ),
        ring=evolved(
            co.couple(co.ring(5, 0.2), VACUUM),
            "inverted",
            method=co.engines.Blocks(symmetries=[[1, 2, 3, 4, 0]]),
            observe="correlations",
        ),
    )


@run(SINGLE)
def blocks_in_single_precision():
    engine = co.engines.Blocks(precision="single")
    return evolved(plain(), "inverted", method=engine, observe="correlations", rtol=1e-5)


@run()
def blocks_by_symmetry():
    """All permutations that change nothing are found: 4 of a rectangle, 2 if one atom is excited."""
    rectangle = co.couple(co.square(2, 3, spacing=0.2), VACUUM)
    return together(
        inverted=evolved(rectangle, "inverted", method="blocks", observe="correlations"),
        single=evolved(rectangle, co.states.single(1), method="blocks", observe="correlations"),
    )


@run()
def blocks_without_decay():
    hop = np.eye(4, k=1) + 0.5 * np.eye(4, k=3)
    couplings = co.Couplings(np.zeros((4, 4)), hop + hop.T, detunings=[0.3, 0, -0.2, 0.1])
    return evolved(couplings, co.states.dicke(2), method="blocks", observe="correlations")


@run()
def driven():
    return together(
        mixed=evolved(mixed(), "ground", method="driven", observe=("correlations", operator(4))),
        circular=evolved(
            co.couple(atoms().replace(dipoles=(1, 1j, 0.3)), VACUUM),
            co.states.coherent(1.1, 0.4),
            method="driven",
        ),
        matrix=evolved(
            driven_pair(),
            qutip.Qobj(np.diag([0.1, 0.2, 0.3, 0.4]), dims=[[2, 2]] * 2),
            method="driven",
            observe="states",
        ),
    )


@run()
def driven_with_symmetries():
    ring = co.couple(co.ring(5, 0.2), VACUUM).replace(drive=0.8, dephasing=0.1)
    turned = co.engines.Driven(symmetries=[[1, 2, 3, 4, 0]])
    return together(
        ring=evolved(ring, "ground", method=turned, observe="correlations"),
        every_column=evolved(
            ring, "ground", method=co.engines.Driven(symmetries=[]), observe="correlations"
        ),
    )


@run(SOLVED)
def driven_by_a_pulse():
    return evolved(
        driven_pair(),
        "ground",
        method="driven",
        observe=ALL,
        envelope=lambda t: np.exp(-((t - 1) ** 2)) * np.exp(0.3j * t),
    )


@run(SOLVED)
def pulses_and_sweeps():
    """Pulses of several ratios between the emitters, and couplings that change in time."""
    n = len(driven_pair())
    ratios = np.linspace(1, 2, n)
    half = co.pulse.square(area=1.5 * ratios, start=0.0, length=0.03)
    shapes = [
        *co.pulse.sequence([0.1, half, 0.4, half.replace(phase=0.5)]),
        co.pulse.gaussian(area=1.0, centre=1.1, width=0.05, detuning=2.0).shifted(0.1),
        co.pulse.sech(area=1.0, centre=1.5, width=0.01, chirp=3.0),
        co.pulse.from_array([1.6, 1.7, 1.8], [0, 2, 1j], rabi=ratios),
        co.pulse.Pulse("gaussian", 1j, 0.4, 0.02),
    ]
    sweep = co.pulse.table([0, 1, 2], [0, 2, -1], interpolation="cubic")
    fading = co.pulse.Table([0, 2], [np.ones(n), ratios / 2])
    controls = co.pulse.Controls(shapes, sweep, fading)
    light = {"drive": list(controls.drive)}
    changing = {"detunings": controls.detunings, "strength": controls.strength}
    return together(
        exact=evolved(driven_pair(), "ground", method="exact", observe=ALL, **light, **changing),
        driven=evolved(driven_pair(), "ground", method="driven", observe="states", **light),
        field=evolved(driven_pair(), "ground", method="mean_field", **light, **changing),
        turned=evolved(
            driven_pair(), "ground", method="driven", observe="states",
            drive=co.pulse.gaussian(rabi=driven_pair().drive, centre=1.0, width=0.1),
            detunings=sweep,
        ),
    )  # fmt: skip


@run(SAMPLED)
def trajectories_within_blocks():
    options = {"method": co.engines.Trajectories(n=24), "observe": "correlations"}
    return together(
        inverted=evolved(plain(), "inverted", seed=5, **options),
        coherent=evolved(plain(), co.states.coherent(1.1, 0.4), seed=6, **options),
    )


@run(SAMPLED)
def trajectories_of_driven_emitters():
    part = qutip.Qobj(np.diag([0.1, 0.2, 0.3, 0.4]), dims=[[2, 2]] * 2)
    options = {"method": co.engines.Trajectories(n=12)}
    return together(
        mixed=evolved(mixed(), "ground", seed=7, observe=operator(4), **options),
        matrix=evolved(driven_pair(), part, seed=8, **options),
        pulsed=evolved(driven_pair(), "ground", seed=9, envelope=lambda t: abs(t - 1), **options),
    )


@run(SINGLE)
def truncated_wigner():
    options = {"method": co.engines.TruncatedWigner(n=24), "observe": "correlations"}
    return together(
        inverted=evolved(plain(), "inverted", seed=5, **options),
        driven=evolved(driven_pair(), co.states.coherent(1.1, 0.4), seed=6, **options),
    )


@run(SINGLE)
def conditional_cumulants():
    options = {"method": co.engines.ConditionalCumulants(n=20), "observe": "correlations"}
    return together(
        inverted=evolved(plain(), "inverted", seed=5, **options),
        driven=evolved(driven_pair(), co.states.coherent(1.1, 0.4), seed=6, **options),
    )


@run(SOLVED)
def cumulants():
    return together(
        second=evolved(plain(), "inverted", method="cumulants", observe="correlations"),
        third=evolved(
            plain().replace(dephasing=0.1, pump=0.05),
            co.states.mixed([0.9, 0.5, 0.0, 1 / 3]),
            method=co.engines.Cumulants(order=3),
            observe="correlations",
        ),
        driven=evolved(
            driven_pair(), "ground", method="cumulants", envelope=lambda t: np.exp(-((t - 1) ** 2))
        ),
    )


@run(SAMPLED)
def capped():
    weak = plain().replace(drive=0.2, dephasing=0.05)
    return together(
        drive=evolved(weak, "ground", method="capped", observe="correlations"),
        holes=evolved(plain(), "inverted", method=co.engines.Capped(holes=3)),
        sampled=evolved(weak, "ground", method=co.engines.Capped(n=6), seed=4),
    )


@run()
def symmetric():
    ones = np.ones((5, 5))
    partly = co.Couplings(0.6 * ones + 0.4 * np.eye(5), 0.1 * (1 - np.eye(5)))
    everything = partly.replace(dephasing=0.1, pump=0.05, drive=0.3)
    cat = (qutip.ket("eeeee") + 0.5j * qutip.ket("ggggg")).unit()
    many = co.Couplings(np.broadcast_to(1.0, (200, 200)), np.broadcast_to(0.0, (200, 200)))
    dicke, options = co.states.dicke(2), {"method": "symmetric"}
    return together(
        collective=evolved(identical(), "ground", observe="correlations", **options),
        decay=evolved(partly.replace(dephasing=0.1), "inverted", **options),
        pumped=evolved(partly.replace(pump=0.05), dicke, **options),
        everything=evolved(everything, dicke, **options),
        pulse=evolved(identical(), "ground", envelope=lambda t: np.exp(-t), **options),
        ket=evolved(partly, cat, **options),
        many=evolved(many, "inverted", times=np.linspace(0, 0.1, 6), **options),
    )


@run()
def species():
    """Two species, made by couplings or by the state alone."""
    labels = np.array([0, 1, 1, 0, 1])
    decay = np.array([[0.7, 0.5 + 0.2j], [0.5 - 0.2j, 0.9]])[np.ix_(labels, labels)]
    shift = np.array([[0.4, 0.3], [0.3, -0.2]])[np.ix_(labels, labels)]
    collective = co.Couplings(decay, shift)
    alone = co.Couplings(decay + 0.2 * np.diag(labels), shift, pump=0.1 * labels)
    options = {"method": "symmetric", "observe": "correlations"}
    steady = co.observables.steady(alone.replace(drive=0.3, dephasing=0.1))
    return together(
        inverted=evolved(collective, "inverted", **options),
        driven=evolved(collective.replace(drive=0.3 + labels), "ground", **options),
        pumped=evolved(alone, co.states.mixed(0.2 + 0.5 * labels), **options),
        photon=evolved(identical(), co.states.single(1), **options),
        steady={"emission": steady.emission, "correlations": steady.correlations},
    )


@run()
def one_excitation_shared():
    state = co.states.from_amplitudes([0.6, 0.48j, 0.0, -0.64])
    places = np.eye(4, dtype=bool)
    return {
        "amplitudes": state.amplitudes(places, atoms()),
        "correlations": co.states.correlations(state, plain()),
        **together(
            single=evolved(plain(), state, method="single", observe="correlations"),
            mode=evolved(plain(), plain().modes().state(-1), method="single"),
        ),
    }


@run()
def light_of_a_decay():
    seven = co.couple(co.chain(7, 0.3), VACUUM)
    pair, tau = co.states.mixed([1, 0, 0, 1, 0, 0, 0]), [0.0, 0.3, 1.0]
    light = co.observables.spectrum(seven, [-1.0, 0.2], state=pair)
    one = seven.modes().state(2)
    return {
        "g1": co.observables.g1(seven, tau, state=pair),
        "g2": co.observables.g2(seven, tau, state=pair),
        "values": light.values,
        "total": light.total,
        "mode": co.observables.spectrum(seven, [-1.0, 0.2], state=one).values,
    }


@run()
def single():
    laser = [0.3, 0.1, 2 * np.pi]
    return together(
        timed=evolved(
            plain(), co.states.timed_dicke(laser), method="single", observe="correlations"
        ),
        dephased=evolved(
            plain().replace(dephasing=[0.2, 0.1, 0, 0.3]), co.states.single(2), method="single"
        ),
    )


@run(SOLVED)
def mean_field():
    lattice = co.square(4, 5, 0.2)
    driven = co.couple(lattice, VACUUM, by_displacement=True).replace(drive=0.7)
    steady = co.observables.steady(driven, method="mean_field")
    return together(
        driven=evolved(driven, "ground", method="mean_field", observe="correlations"),
        everything=evolved(mixed(), co.states.coherent(1.0, 0.3), method="mean_field"),
        steady={
            "emission": steady.emission,
            "populations": steady.populations,
            "coherences": steady.coherences,
        },
        kernel={"decay": driven.decay.kernel, "shift": driven.shift.kernel},
    )


@run(SOLVED)
def mean_field_with_vacant_sites():
    places = np.delete(co.square(5, 6, 0.2).positions, [3, 8, 15, 22, 28], axis=0)
    driven = co.couple(co.Emitters(places), VACUUM, by_displacement=True).replace(drive=0.7)
    return together(
        driven=evolved(driven, "ground", method="mean_field"),
        kernel={"decay": driven.decay.kernel, "shift": driven.shift.kernel},
    )


@run(SINGLE)
def mean_field_with_random_phases():
    return evolved(plain(), "inverted", seed=4, method=co.engines.MeanField(phases=6))


@run()
def choice_of_a_method():
    """What each method would take, and what `auto` takes where only one method can."""
    found = co.methods(plain(), "inverted", TIMES, threads=1)
    row = co.couple(co.chain(30, 0.2), VACUUM)
    return together(
        bytes={name: cost.bytes for name, cost in found.costs.items()},
        fits={name: found.fits(name) for name in found.costs},
        able=dict.fromkeys(found.able(), True),
        sampled=dict.fromkeys(found.fitting("sampled"), True),
        refused=dict.fromkeys(found.refusals, True),
        single=evolved(row, co.states.single(3), method="auto", times=TIMES[:3]),
        symmetric=evolved(
            co.Couplings(np.ones((40, 40)), np.zeros((40, 40))),
            co.states.coherent(2.0, 0.3),
            method="auto",
            times=np.linspace(0, 0.2, 3),
        ),
    )


# --- emitters, states, drives, units


@run()
def lattices():
    built = {
        "chain": co.chain(3, 0.2, axis=(1, 1, 0), detunings=[0, 1, 2.0]),
        "ring": co.ring(4, 0.3),
        "square": co.square(2, 3, 0.4),
        "triangular": co.triangular(3, 2, 0.4),
        "cubic": co.cubic(2, 2, 2, 0.5),
        "ball": co.cloud(4, 0.5, seed=2, min_distance=0.1),
        "gaussian": co.cloud(4, 0.5, seed=2, shape="gaussian"),
        "moved": co.Emitters([[0, 0, 0], [0, 0, 1.0]], dipoles=[[1, 1j, 0], [0, 0, 2]]).translated((0, 1, 0)),
    }  # fmt: skip
    parts = {
        name: {
            "positions": emitters.positions,
            "dipoles": emitters.dipoles,
            "wavenumbers": emitters.wavenumbers,
            "extent": emitters.extent,
            "nearest": emitters.nearest_pair()[0],
        }
        for name, emitters in built.items()
    }
    return together(**parts)


@run()
def disorder():
    square = co.square(3, 3, 0.4)
    detuned = {
        kind: square.with_random_detunings(0.3, seed=2, distribution=kind).detunings
        for kind in ("gaussian", "lorentzian", "uniform")
    }
    return {
        "filling": square.with_filling(0.6, seed=2).positions,
        "motion": square.with_motion((0.1, 0.2, 0.0), seed=2).positions,
        "trap": co.units.trap_width(1.4e-25, [6e5, 6e4], 1e-6),
        **detuned,
    }


@run()
def ensembles():
    def mirror(seed):
        atoms = co.square(4, 4, 0.6, dipoles=(1, 0, 0)).with_filling(0.8, seed=seed)
        light = co.observables.scattering(co.couple(atoms, VACUUM), [0.0, 0.3], waist=1.0)
        return {"reflected": light.reflected, "loss": light.loss}

    mean = co.ensemble(mirror, 5, seed=3)
    return {str(name): mean[name].values for name in mean}


@run()
def levels_and_spins():
    spin = co.spin(1.0, 2.0, field=(0, 1e-3, 1e-3), zero_field_splitting=1.9e-24)
    energies, dipoles = spin
    system = co.Multilevel.from_emitters(co.chain(2, 0.1, frequency=1e4))
    si = co.Multilevel.from_si(
        [[0, 0, 0], [0, 0, 1e-8]],
        [[1e-24, 0.0]] * 2,
        [1e-26 * flip()] * 2,
        kind="electric",
        length=1e-9,
        rate=1e6,
    )
    built = co.Multilevel([[0, 0, 0], [0, 0, 1.0]], [spin[0]] * 2, [spin[1]] * 2, kind="magnetic")
    return {
        "built": np.abs(built.dipoles) * 1e24,
        "built frequencies": built.bohr_frequencies(1) * 1e24,
        "spin energies": np.asarray(energies) * 1e24,
        "spin dipoles": np.abs(dipoles) * 1e24,
        "from emitters": np.array(system.dipoles),
        "energies": np.array(system.energies),
        "bohr frequencies": system.bohr_frequencies(0),
        "SI dipoles": np.array(si.dipoles),
        "SI energies": np.array(si.energies),
    }


@run(rtol=SOLVED)
def approximate_atoms_with_manifolds():
    isotropic = co.Atoms.isotropic([[0, 0, 0.1], [0.05, 0, 0.2], [0.1, 0.1, 0]], zeeman=0.4)
    half = co.atoms([[0, 0, 0], [0.1, 0, 0.05]], ground=1 / 2, excited=3 / 2)
    wave = {"direction": (0, 0, 1), "polarisation": (1, 0.5j, 0)}
    free = co.couple(isotropic, VACUUM)
    driven = free.replace(drive=co.plane_wave(isotropic, 0.8, **wave))
    pumped = co.couple(half, VACUUM).replace(drive=co.plane_wave(half, 0.8, **wave))
    superposed = co.states.level_product([0.5, 0.3j, 0.2, 0.8])
    below = co.states.levels("g -1/2")
    upper = co.states.levels("e 0")
    parts = {"excited": evolved(free, upper, method="cumulants")}
    for method in ("mean_field", "cumulants"):
        parts |= {
            f"superposed {method}": evolved(
                free, superposed, method=method, observe="correlations"
            ),
            f"driven {method}": evolved(driven, "ground", method=method),
            f"pumped {method}": evolved(pumped, below, method=method),
        }
    steady = co.observables.steady(pumped, start=below, method="mean_field")
    return {
        **together(**parts),
        "steady populations": steady.populations,
        "steady correlations": steady.correlations,
        "exact": co.observables.steady(pumped).populations,
    }


@run(rtol=SOLVED)
def atoms_with_manifolds():
    isotropic = co.Atoms.isotropic(
        [[0, 0, 0.1], [0.05, 0, 0.2]], zeeman=0.4, detunings=[0.1, -0.2], axis=(1, 2, 2)
    )
    turned = isotropic.rotated([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    lowering = np.zeros((1, 3, 3, 3), dtype=complex)
    lowering[0, 0, 1, 0], lowering[0, 1, 2, 0] = 0.6, 0.8j
    branching = co.Atoms(isotropic.positions, ("e", "a", "b"), (1, 0, 0), lowering)
    wave = co.plane_wave(branching, 0.5, direction=(0, 0, 1), polarisation=(1, 1j, 0))
    beside = co.couple(isotropic, co.Mirror())
    driven = co.couple(branching, VACUUM).replace(drive=wave)
    own = co.ChannelCouplings(driven.decay, driven.shift, branching, detunings=0.3)
    products = {
        "levels": co.states.levels(["e -1", "g 0"]),
        "vectors": co.states.level_product([0.6, 0, 0.8j, 0]),
    }
    start = co.states.from_amplitudes(np.array([1, 0.5j, 0, 0, -1, 2]) / 2.5)
    result = evolved(beside, start, method="single", observe="correlations")
    amplitudes = start.one_excitation(isotropic)
    return {
        "level": isotropic.level("e -1"),
        "decay rates": branching.decay_rates,
        "turned": turned.lowering,
        "decay": beside.decay,
        "shift": beside.shift,
        "ground shift": beside.ground_shift,
        "transitions": beside.transitions(),
        "between": beside.one_excitation()[1],
        "rates": beside.modes().rates,
        "jumps": driven.jump_channels()[0],
        "local": driven.local_hamiltonians(),
        "own": own.liouvillian(),
        "energies": own.energies,
        "amplitudes": amplitudes,
        **{name: state.level_vectors(isotropic) for name, state in products.items()},
        **together(single=result),
    }


@run(rtol=SOLVED)
def evolution_of_atoms():
    places = [[0, 0, 0.1], [0.05, 0, 0.2], [0.1, 0.15, 0]]
    free = co.couple(co.Atoms.isotropic(places, zeeman=0.4, axis=(1, 2, 2)), VACUUM)
    spins = co.atoms(places[:2], ground=0.5, excited=1.5)
    wave = co.plane_wave(spins, 1.5, direction=(0, 1, 0), polarisation=(1, 0, 0.3j))
    driven = co.couple(spins, VACUUM).replace(drive=wave)
    start = co.states.levels("g +1/2")
    observe = "correlations"
    equation = co.master_equation(
        co.Multilevel.from_atoms(free.atoms.replace(frequency=1e6)), VACUUM, approximation="rwa"
    )
    found = together(
        free=evolved(free, co.states.levels("e 0"), method="exact", observe=observe),
        driven=evolved(driven, start, method="exact", observe=observe),
        pulse=evolved(driven, start, method="exact", envelope=lambda t: np.exp(-4 * (t - 1) ** 2)),
        laboratory=evolved(equation, co.states.levels(1), method="exact"),
    )
    return {key: value for key, value in found.items() if not key.endswith("state")}  # large


@run(SINGLE)
def random_phases_of_atoms():
    places = [[0, 0, 0.1], [0.05, 0, 0.2], [0.1, 0.1, 0]]
    free = co.couple(co.Atoms.isotropic(places, zeeman=0.4), VACUUM)
    phases, upper = co.engines.MeanField(phases=20), co.states.levels("e 0")
    return together(mean=evolved(free, upper, method=phases, seed=1, times=TIMES[:2]))


@run(rtol=SAMPLED)
def trajectories_of_atoms():
    # without the mirror two decay channels would be equal, and round-off would choose their basis
    spins = co.atoms([[0, 0, 0.1], [0.05, 0, 0.2]], ground=0.5, excited=0.5)
    wave = co.plane_wave(spins, 1.5, direction=(0, 1, 0), polarisation=(1, 0, 0.3j))
    driven = co.couple(spins, co.Mirror()).replace(drive=wave)
    engine = co.engines.Trajectories(n=70)
    start = co.states.levels("g +1/2")
    return together(driven=evolved(driven, start, method=engine, seed=1, observe="correlations"))


@run()
def light_of_atoms():
    lowering = np.zeros((2, 3, 4, 4), dtype=complex)
    lowering[0, :, 2, :2] = [[0.6, 0], [0.8j, 0], [0, 1]]
    lowering[1, :, 3, :2] = [[0, 0.6], [1, 0], [0, 0.8j]]
    names, excited = ("e1", "e2", "g1", "g2"), (1, 1, 0, 0)
    places, waves = [[0, 0, 0], [0.1, 0.2, 0.05]], (6.3, 5.1)
    options = {"linewidths": (0.7, 0.4), "wavenumbers": waves, "axis": (1, 2, 2)}
    atoms = co.Atoms(places, names, excited, lowering, **options)
    start = co.states.level_product([[0.6, 0, 0.8j, 0], [0.5, 0.5, 0.5, 0.5j]])
    channels = co.couple(atoms, VACUUM)
    moment = co.observables.moment(channels, start, states=True)
    directions = [[1, 0, 0], [0.3, -0.4, 1.2]]
    polarised = {
        f"through {name}": co.observables.angular_pattern(moment, directions, polarisation=chosen)
        for name, chosen in {
            "s": "s",
            "p": "p",
            "+": "helicity+",
            "-": "helicity-",
            "vector": (0, 1, 0.5j),
        }.items()
    }
    ket = qutip.tensor(*[qutip.Qobj(v) for v in start.level_vectors(atoms)])
    return {
        "emission": moment.emission,
        "correlations": co.states.correlations(start, channels),
        "of a ket": co.states.correlations(ket, channels),
        "by transition": co.observables.polarised_emission(moment),
        "populations": co.observables.level_populations(moment)["e2"],
        "pattern": co.observables.angular_pattern(moment, directions),
        "near": co.observables.near_field(moment, [[1.0, 0.3, 0]]),
        "collected": co.observables.collected(moment, (0, 1, 0), 0.6),
        **polarised,
    }


@run()
def real_atoms():
    field = (0, 0.5 * co.units.gauss, 0)
    rubidium = co.atoms([[0, 0, 0]], "Rb87 D2", ground=(1, 2), excited=2, magnetic_field=field)
    spins = co.atoms(
        [[0, 0, 0], [0, 0, 0.2]],
        ground=1.5,
        excited=2.5,
        momenta=(0, 1),
        nuclear_spin=1.5,
        axis=(1, 1, 0),
    )
    line = co.units.atom("Cs133 D2")
    system = co.Multilevel.from_atoms(rubidium)
    return {
        "lowering": rubidium.lowering,
        "half-integer": spins.lowering,
        "energies": rubidium.energies,
        "waves": rubidium.wavenumbers,
        "frequency": rubidium.frequency,
        "caesium": [
            [line.hyperfine_shift("excited", f), line.g_factor("excited", f)] for f in (2, 3, 4, 5)
        ],
        "momenta": line.momenta("excited"),
        "multilevel": system.energies[0],
        "dipoles": system.dipoles[0],
    }  # fmt: skip


@run()
def states():
    excited = (np.arange(16)[:, None] >> np.arange(3, -1, -1) & 1).astype(bool)
    some = {
        "inverted": co.states.inverted(),
        "ground": co.states.ground(),
        "single": co.states.single(1),
        "dicke": co.states.dicke(2),
        "timed": co.states.timed_dicke((1.0, 0.5, 6.0)),
        "coherent": co.states.coherent(0.7, 0.2),
        "named": co.states.inverted(),
        "state": co.states.dicke(3),
    }
    return {name: state.amplitudes(excited, atoms()) for name, state in some.items()} | {
        f"{name}, excitations": state.excitations(4) for name, state in some.items()
    }


@run(rtol=SAMPLED)
def mixtures():
    state = co.states.mixed([0.9, 0.5, 0.0, 1 / 3])
    options = {"observe": "correlations", "seed": 7}
    driven = plain().replace(drive=0.5, dephasing=0.1)
    return {
        "probabilities": state.probabilities(4),
        "excitations": state.excitations(4),
        "correlations": co.states.correlations(state, plain()),
        "density matrix": co.states.density_matrix(state, plain()).full(),
        **together(
            blocks=evolved(plain(), state, method="blocks", **options),
            driven=evolved(driven, state, method="driven", **options),
            trajectories=evolved(plain(), state, method=co.engines.Trajectories(n=20), **options),
        ),
    }


@run()
def states_without_an_evolution():
    emitters = atoms()
    couplings = co.couple(emitters, VACUUM)
    angles = co.states.product([0.3, 1.0, 2.0, 0.1], [0.0, 0.5, -1.0, 2.0])
    moment = co.observables.moment(couplings, angles)
    later = co.evolve(couplings, angles, TIMES, method="blocks", progress=False).at(TIMES[3])
    return {
        "spinors": angles.spinors(4),
        "density matrix": co.states.density_matrix(angles, couplings).full(),
        "correlations": co.states.correlations(co.states.dicke(2), couplings),
        "moment": moment.emission,
        "pattern": co.observables.angular_pattern(moment, [[0, 1, 0.5]]),
        "symmetric": [angles.symmetric(4), co.states.dicke(2).symmetric(4)],
        "levels": co.states.inverted().levels(co.Multilevel.from_emitters(emitters)),
        "later": later.populations,
    }


@run()
def laser_and_units():
    line = co.units.atom("Rb87 D2")
    spins = co.units.from_collective_spins(np.eye(2, k=1) + np.eye(2, k=-1), np.eye(2), delta=0.3)
    return {
        "plane wave": co.plane_wave(
            atoms(), 2.0, direction=(0, 0, 1), polarisation=(1, 0.3j, 0)
        ),
        "line": [line.wavelength, line.linewidth, line.frequency],
        "natural": co.units.natural_frequency(780e-9, 4e7),
        "atomic": [co.units.from_atomic(1.0, unit) for unit in ("J", "eV", "K", "Hz", "m", "s")],
        "angles": np.array(co.units.bloch_angles_from_collective_spins(0.3, 0.1)),
        "julia": co.units.density_matrix_from_julia(np.diag([0.1, 0.2, 0.3, 0.4])),
        "spins": spins,
    }  # fmt: skip


# --- fields, materials, couplings


@cache
def wire():
    return co.Nanowire(0.01, co.materials.Drude.from_value(-50 + 0.6j, K))


@cache
def beside():
    return co.Emitters(
        [[0.02, 0, 0], [0, 0.025, 0.2], [0.03, 0.01, 0.45]], dipoles=(1, 0.2, 0.1), frequency=1e6
    )


HERE = np.array([[0.05, 0.02, 0.25], [0.02, 0.04, -0.1]])
THERE = np.array([[0.02, 0.01, 0.0]])


def tensors(field, magnetic=True):
    """Green's tensors on both axes."""
    found = {}
    for axis, k in (("real", K), ("imaginary", 5.0j)):
        found[f"electric, {axis}"] = field.green(HERE, THERE, k)
        if magnetic:
            found[f"magnetic, {axis}"] = field.magnetic_green(HERE, THERE, k)
    return found


@run()
def vacuum():
    return tensors(VACUUM) | {"scattered": VACUUM.scattered(HERE, THERE, K)}


@run()
def plasma():
    return tensors(co.Plasma(9.0)) | {"inside": co.Plasma(2.0).green(HERE, THERE, K)}


@run()
def nanowire():
    permeable = co.Nanowire(0.01, 2.5, permeability=1.8)
    found = together(metal=tensors(wire()), permeable=tensors(permeable))
    return found | {
        "scattered": wire().scattered(HERE, THERE, K),
        "epsilon": wire().epsilon(K),
        "mu": permeable.mu(K),
        "plasmon": wire().plasmon(K),
        "plasmon amplitude": wire().plasmon_amplitude(beside()),
        "plasmon rate": wire().plasmon_rate(beside()),
        "purcell": wire().purcell(beside()),
        "beta": wire().beta(beside()),
    }


def ball():
    return co.Sphere(0.01, co.materials.Drude.from_value(-11 + 1.3j, K))


@run()
def sphere():
    dielectric = co.Sphere(0.3, 6.0, 1.5, centre=(0, 0, -0.4))
    return together(metal=tensors(ball()), dielectric=tensors(dielectric)) | {
        "scattered": ball().scattered(HERE, THERE, K),
        "far field": ball().far_field([[0, 0, 1], [0.6, 0, 0.8]], THERE, K),
        "magnetic far field": ball().magnetic_far_field([[0, 0.6, 0.8]], THERE, K),
        "inside": ball().inside(np.array([[0.005, 0, 0.001], [0.02, 0, 0]])),
        "purcell": co.purcell(beside(), ball()),
    }


@run(SOLVED)
def light_that_takes_its_time():
    row, options = co.chain(3, 0.4), {"method": "retarded", "observe": "correlations"}
    guide = co.Waveguide(1.0, K, group_velocity=0.8, mirror=-0.3, side_rate=0.1)
    cavity = co.Cavity((0.2, 0.1j, -0.3), 0.7, 0.5)
    far = co.couple(co.chain(3, 0.7, frequency=30.0), VACUUM)
    start = co.states.single(0)
    return together(
        guide=evolved(co.couple(row, guide), start, **options),
        cavity=evolved(co.couple(row, cavity), start, **options),
        vacuum=evolved(far.replace(detunings=[0.1, 0.0, -0.4]), start, **options),
        energy={
            "sigma": guide.memory(row).self_energy([0.2, 1.0]),
            "own": co.Memory([[[-0.5j]]], [[[0.4]]], [[0.2]], [1 - 0.5j]).self_energy(0.3),
        },
    )


@run()
def models_of_one_mode():
    row = co.chain(3, 0.13)
    chiral = co.Waveguide((1.0, 0.5, 0.7), 1.3 * K, chirality=0.4, side_rate=0.1)
    cavity = co.Cavity((0.2, 0.1j, -0.3), 4.0, 1.5, side_rate=0.05)
    return together(
        guide=of_couplings(co.couple(row, co.Waveguide(0.8, K))),
        chiral=of_couplings(co.couple(row, chiral)),
        cavity=of_couplings(co.couple(row, cavity)),
        coefficients={
            "rates": chiral.coefficients(row)[0],
            "shifts": cavity.coefficients(row)[1],
        },
        directions=dict(chiral.guided(row)),
        assumptions={name: value for name, (value, _) in cavity.assumptions(row).items()},
    )


@run()
def couplings_beside_a_sphere():
    return together(
        full=of_couplings(co.couple(beside(), ball())),
        rwa=of_couplings(co.couple(beside(), ball(), shift="rwa")),
        thermal=of_couplings(co.couple(beside(), ball(), temperature=1e6)),
        magnetic=of_couplings(co.couple(beside().replace(kind="magnetic"), ball())),
    )


ABOVE = np.array([[0.05, 0.02, 0.25], [1.0, 0.3, 0.1]]), np.array([[0.02, 0.01, 0.15]])


def of_plane(field):
    """Green's tensors of a field above a plane on both axes, and its far fields."""
    found = {"inside": field.inside(np.array([[0, 0, -0.1], [0, 0, 0.1]]))}
    for axis, k in (("real", K), ("imaginary", 5.0j)):
        found[f"scattered, {axis}"] = field.scattered(*ABOVE, k)
        found[f"electric, {axis}"] = field.green(*ABOVE, k)
        found[f"magnetic, {axis}"] = field.magnetic_green(*ABOVE, k)
    far = [[0, 0, 1], [0.6, 0, 0.8]], ABOVE[1], K
    return found | {"far": field.far_field(*far), "magnetic far": field.magnetic_far_field(*far)}


@cache
def above_plane():
    return co.Emitters([[0, 0, 0.05], [0.2, 0.1, 0.3]], dipoles=(1, 0.2, 0.5), frequency=1e6)


def silver_plane():
    return co.HalfSpace(co.materials.Drude.from_value(-16 + 0.4j, K))


def slab():
    return co.Layers([4.0, 2.25], [0.2])


@run(SOLVED)
def planes():
    return together(
        mirror=of_plane(co.Mirror()),
        magnetic=of_plane(co.Mirror("magnetic")),
        silver=of_plane(silver_plane()),
        slab=of_plane(slab()),
        guided=silver_plane().guided(above_plane()) | slab().guided(above_plane()),
    )


@run()
def sampled_field():
    k = K * np.concatenate([np.linspace(0.95, 1.05, 5), 1j * np.geomspace(1e-4, 300, 60)])
    field = co.SampledField.from_field(wire(), beside(), k)
    near = beside().replace(wavelength=1.01, frequency=None)
    return {
        "real": field.green(near.positions[:, None], near.positions, 6.2),
        "imaginary": field.green(near.positions[:, None], near.positions, 3j),
        "error": field.interpolation_error(6.2),
        "full": co.couple(near, field).shift,
        "resonant": co.couple(near, field, shift="resonant").shift,
    }


@run()
def members_of_fields():
    far = co.Vacuum().far_field([[0, 0, 1], [0.6, 0, 0.8]], THERE, K)
    return {
        "far field": far,
        "magnetic far field": co.Vacuum().magnetic_far_field([[0, 0.6, 0.8]], THERE, K),
        "inside": wire().inside(np.array([[0.005, 0, 0.3], [0.02, 0, 0]])),
        "guided": wire().guided(beside())["plasmon"],
        "purcell": co.purcell(beside(), wire()),
    }


@run(SOLVED)
def guided_modes():
    fibre, atoms = co.Nanowire(0.5, 2.1), beside().translated([0.6, 0, 0])
    modes = fibre.guided_modes(K)
    points = [[0.3, 0.1, 0.2], [0.6, 0.2, -0.1]]
    found = {"decay": fibre.guided_decay(atoms), "beta": fibre.beta(atoms)}
    for way in (1, -1):
        found |= {f"{name}, {way}": x for name, x in fibre.guided(atoms, direction=way).items()}
    for mode in modes:
        found[f"numbers of {mode.name}"] = np.array(
            [mode.wavenumber, mode.decay_constant, mode.group_velocity, mode.power_outside]
        )
        found[f"electric {mode.name}"] = mode.electric(points, direction=-1)
        found[f"magnetic {mode.name}"] = mode.magnetic(points, circulation=-1)
    return found


class PairByPair:
    """What a user has who can only write down one point and one source; of half a mirror."""

    def scattered(self, r, r_source, k):
        each = np.vectorize(self.one, signature="(i),(j),()->(i,j)", otypes=[complex])
        return each(r, r_source, k)

    def one(self, r, r_source, k):
        return 0.5 * Mirror().scattered(r, r_source, k)


@run()
def field_of_pairs():
    above = co.Emitters([[0, 0, 0.2], [0.1, 0, 0.3]], dipoles=(1, 0, 1), frequency=1e6)
    return together(
        rwa=of_couplings(co.couple(above, PairByPair(), shift="rwa")),
        full=of_couplings(co.couple(above, PairByPair())),
    )


@run()
def mirror_of_a_user():
    above = co.Emitters([[0, 0, 0.2], [0.1, 0, 0.3]], dipoles=(1, 0, 1), frequency=1e6)
    return tensors(Mirror()) | {
        "couplings": of_couplings(co.couple(above, Mirror())),
        "magnetic": of_couplings(co.couple(above.replace(kind="magnetic"), Mirror())),
    }


@run()
def checks_of_fields():
    points = [[0, 0, 0.3], [0.1, 0.2, 0.4]]
    fields = {"vacuum": VACUUM, "plasma": co.Plasma(2.0), "mirror": Mirror()}
    # what it measures is round-off: only that each holds is the same everywhere
    return {
        name: co.check_field(field, points, 6.0, kramers_kronig=name == "vacuum").passed
        for name, field in fields.items()
    }


@run(SOLVED)
def materials():
    k = np.geomspace(0.05, 200, 400)
    lorentz = co.materials.Lorentz(2.0, 10.0, 1.0)
    table = co.materials.Table(k, lorentz.permittivity(k))
    several = {
        "drude": co.materials.Drude(40.0, 0.1),
        "from value": co.materials.Drude.from_value(-50 + 0.6j, 6.0, background=2.0),
        "lorentz": co.materials.Lorentz([1.1, 0.4], [60.0, 9.0], [0.1, 0.5], background=1.2),
        "table": table,
    }
    return {
        name: [complex(material.permittivity(at)) for at in (6.0, 6.0j, 2.5)]
        for name, material in several.items()
    } | {
        "error": table.imaginary_error(6.0),
        "wavenumbers": co.materials.wavenumbers(6.0),
    }


@run()
def measured_materials():
    metals = (co.materials.gold(780e-9), co.materials.silver(600e-9), co.materials.silica(852e-9))
    index = co.materials.Table.from_nk([1.0, 0.9, 0.8, 0.7], [1.5, 1.6, 1.7, 1.8], 0.1)
    return {
        "permittivities": [complex(metal.permittivity(6.0)) for metal in metals],
        "imaginary error": metals[0].imaginary_error([1.0, 6.0]),
        "index": index.values,
        "linewidth": co.units.linewidth([1e-29, 2e-29j, 0], 780e-9),
    }


def of_couplings(couplings):
    return {
        "decay": couplings.decay,
        "shift": couplings.shift,
        "photons": couplings.thermal_photons,
    }


@run(SOLVED)
def ising_terms():
    row, start = co.chain(4, 0.5), co.states.coherent(1.2, 0.4)
    bonds, fields, constant = co.one_axis_twisting(4, 0.3).spins()
    spins = co.IsingTerms(co.dipolar(row, 0.2), [0.1, 0.2, 0.3, 0.4], 0.5)
    terms = co.ising_from_spins(co.van_der_waals(row, 0.02), fields)
    interacting = plain().replace(ising=terms.ising, detunings=terms.detunings)
    twisted = co.Couplings(np.eye(4), np.zeros((4, 4)), ising=bonds)
    found = co.evolve(interacting, start, TIMES, method="driven", progress=False)
    return {
        "bonds": bonds,
        "constant": constant + terms.constant + spins.constant,
        "dipolar": spins.ising,
        "largest": interacting.largest_interaction(),
        "emission": found.emission,
        "blocks": co.evolve(
            interacting, "inverted", TIMES, method="blocks", progress=False
        ).emission,
        "squeezing": co.observables.squeezing(twisted, state=start, times=TIMES),
    }


@run()
def couplings_of_vacuum():
    tuned = atoms().replace(detunings=[0.0, 1e5, -2e5, 3e5])
    return together(
        full=of_couplings(plain()),
        rwa=of_couplings(co.couple(atoms(), VACUUM, shift="rwa")),
        detuned=of_couplings(co.couple(tuned, VACUUM)),
        detuned_rwa=of_couplings(co.couple(tuned, VACUUM, shift="rwa")),
        circular=of_couplings(co.couple(atoms().replace(dipoles=(1, 1j, 0.3)), VACUUM)),
        magnetic=of_couplings(co.couple(atoms().replace(kind="magnetic"), VACUUM)),
        thermal=of_couplings(co.couple(atoms(), VACUUM, temperature=1e6)),
        plasma=of_couplings(co.couple(atoms(), co.Plasma(2.0))),
    )


@run()
def couplings_beside_a_wire():
    return together(
        full=of_couplings(co.couple(beside(), wire())),
        rwa=of_couplings(co.couple(beside(), wire(), shift="rwa")),
        thermal=of_couplings(co.couple(beside(), wire(), temperature=1e6)),
        permeable=of_couplings(
            co.couple(
                beside().replace(kind="magnetic"), co.Nanowire(0.01, 2.5, permeability=1.8)
            )
        ),
    )  # fmt: skip


@run(SOLVED)
def couplings_above_a_plane():
    return together(
        mirror=of_couplings(co.couple(above_plane(), co.Mirror())),
        silver=of_couplings(co.couple(above_plane(), silver_plane())),
        slab=of_couplings(co.couple(above_plane(), slab())),
    )


@run()
def operators_of_couplings():
    modes, jumps = plain().modes(), driven_pair().collapse_operators()
    return {
        "effective": mixed().effective_hamiltonian(),
        "hamiltonian": driven_pair().hamiltonian(),
        "without drive": driven_pair().undriven_hamiltonian(),
        "drive": driven_pair().drive_operator(),
        "liouvillian": driven_pair().liouvillian(),
        "warm liouvillian": co.couple(pair().emitters, VACUUM, temperature=1e6).liouvillian(),
        "loss": sum(jump.dag() * jump for jump in jumps),
        "rates": plain().collective_rates(),
        "extreme rates": plain().extreme_rates(),
        "exchange": plain().largest_exchange(),
        "eigenvalues": modes.eigenvalues,
        "mode weights": np.abs(modes.vectors) ** 2,
        "mode rates": modes.rates,
        "mode shifts": modes.shifts,
        "jump rates": modes.jump_rates,
        "jump weights": np.abs(modes.jump_vectors) ** 2,
    }


def of_report(report):
    return {each.name: each.value for each in report.assumptions if each.value is not None}


@run(SOLVED)
def validity():
    tuned = atoms().replace(detunings=[0.0, 1e3, -2e3, 3e3])
    warm = co.couple(tuned, VACUUM, temperature=1e6).replace(drive=0.5)
    equation = co.master_equation(pair().emitters, VACUUM, approximation="secular")
    return together(
        couplings=of_report(warm.validity()),
        wire=of_report(co.couple(beside(), wire()).validity()),
        equation={
            name: value
            for name, value in of_report(equation.validity()).items()
            if name != "complete positivity"  # zero but for round-off
        },
    )


# --- beyond the rotating-wave approximation


@cache
def two_levels():
    return lossy_mode((1.0, 1.3), (0.1, 0.15), 1.1, 0.4)


@cache
def three_levels():
    return random_multilevel(4, levels=(3, 2))


def of_equation(equation):
    return {
        "hamiltonian": equation.hamiltonian(),
        "liouvillian": equation.liouvillian(),
        "emission": equation.emission_operator,
    }


def every_approximation(system, environment, **options):
    approximations = ("universal", "redfield", "secular", "rwa")
    return together(
        **{
            name: of_equation(
                co.master_equation(system, environment, approximation=name, **options)
            )
            for name in approximations
        }
    )


@run()
def approximations_of_a_lossy_mode():
    return every_approximation(*two_levels())


@run()
def approximations_of_levels_in_vacuum():
    return every_approximation(
        co.Multilevel.from_emitters(pair().emitters), VACUUM, temperature=5e5
    )


@run()
def approximations_of_three_levels():
    found = co.master_equation(three_levels(), VACUUM, approximation="universal", temperature=0.5)
    return of_equation(found) | {"jumps": len(found.collapse_operators())}


@run()
def dressed_eigenoperators():
    system, bath = two_levels()
    return together(
        **{
            name: of_equation(
                co.master_equation(system, bath, approximation=name, eigenoperators="dressed")
            )
            for name in ("universal", "secular")
        }
    )


@run()
def evolution_beyond_the_rwa():
    system, bath = two_levels()
    equation = co.master_equation(system, bath)
    found = co.evolve(equation, "inverted", TIMES, observe="states", progress=False)
    return of_result(found) | {"rotating": found.in_frame("rotating").states[-1]}


@run()
def comparison_of_approximations():
    system, bath = two_levels()
    names = ("universal", "redfield", "secular", "rwa")
    found = co.compare(
        system, bath, "inverted", TIMES, approximations=names, progress=False
    )  # fmt: skip
    return {
        f"{one}, {other}": found.distance(one, other)
        for one in names
        for other in names
        if one < other
    } | {name: found.results[name].emission for name in names}


@run()
def comparison_of_engines():
    chain = co.couple(co.chain(3, 0.2), VACUUM)
    found = co.compare(chain, "inverted", TIMES, engines=["exact", "blocks"], progress=False)
    return {
        "exact": found.results["exact"].emission,
        "deviation": 1 + found.deviation("exact", "blocks"),  # which itself is round-off
    }


@run()
def sweep_with_seeds():
    def point(n, spacing, seed):
        chain = co.couple(co.chain(n, spacing), VACUUM)
        emission = co.evolve(chain, "inverted", TIMES, method="exact", progress=False).emission
        return {"emission": emission, "seed": seed / 2**63}

    found = co.sweep(point, {"n": [2, 3], "spacing": [0.1, 0.2]}, seed=5, progress=False)
    return {name: found[name].values for name in ("emission", "seed")}


@run()
def interaction_terms():
    parts = {}
    for kind in ("electric", "magnetic"):
        system = random_multilevel(4, levels=(3, 2), kind=kind)
        found = co.interaction(system, VACUUM)
        terms = list(found.terms())
        parts[kind] = {
            "principal": found.principal(0, 1),
            "dissipative": found.dissipative(0, 1),
            "hamiltonian": found.hamiltonian(),
            "terms": [term.principal for term in terms],
            "levels": [term.levels for term in terms],
        }
    return together(**parts)


@run()
def spectral_functions():
    system = random_multilevel(4, levels=(3, 2))
    warm = co.spectral.bath(system, VACUUM, 0.5)
    made = co.spectral.Bath.from_spectral_density(
        lambda w: np.array([[w / (1 + w**2) ** 2]]), temperature=0.5, scale=1.0
    )
    own = co.spectral.Bath(lambda w: np.array([[1 / (w**2 + 0.25)]]))
    places = (system, co.Plasma(2.0), 0, 1)
    return {
        "tensor": co.spectral.coupling_tensor(*places, 1.0),
        "tensor, imaginary": co.spectral.coupling_tensor(*places, 1.0j),
        "static": co.spectral.static_tensor(system, VACUUM, 0, 1),
        "decay and shift": np.array(
            co.spectral.decay_and_shift(system, VACUUM, 0, 1, np.array([0.5, 1.0]))
        ),
        "warm gamma": [warm.gamma(w) for w in (-1.0, 0.5)],
        "warm shift": [warm.shift(w) for w in (-1.0, 0.5)],
        "density gamma": [made.gamma(w) for w in (-1.0, 0.5)],
        "density shift": [made.shift(w) for w in (-1.0, 0.5)],
        "own shift": own.shift(1.0),
        "imaginary axis": co.spectral.imaginary_axis(
            lambda k: np.array([np.exp(-k)]), 1.0, rtol=1e-8, atol=1e-12
        ),
        "periodic": co.spectral.principal_value(
            lambda w: np.sin(6 * w) / w if w else 6.0, 1.0, period=np.pi / 3
        ),
        "principal value": co.spectral.principal_value(lambda w: 1 / (w**2 + 0.25), 1.0),
    }


@run(SOLVED)
def retarded_interaction():
    system = random_multilevel(4, levels=(3, 2))
    delays = [3.0, 4.0, 5.0]
    return {
        "vacuum": co.spectral.retarded(system, VACUUM, 0, 1, delays, width=0.5),
        "plasma": co.spectral.retarded(
            system, co.Plasma(2.0), 0, 1, delays, width=0.5, breakpoints=[2.0], rtol=1e-6
        ),
    }


# --- currents


@cache
def orbitals():
    axis = np.linspace(-7, 7, 20)
    return co.currents.Orbitals(
        [axis] * 3,
        [co.currents.gaussian(1, 1, centre=(0, 0, z), width=1.2) for z in (-1.0, 1.3)],
    )


@run()
def current_integrals():
    found = co.currents.interactions(orbitals().orthonormalised(), progress=False)
    screened = co.currents.interactions(orbitals().orthonormalised(), 0.4, progress=False)
    axis = np.linspace(-7, 7, 12) * 5.3e-11
    si = co.currents.Orbitals.from_si(
        [axis] * 3, [lambda x, y, z: 1e15 * np.exp(-(x**2 + y**2 + z**2) / 1.2e-20)]
    )
    return {
        "coulomb": found.coulomb_integrals,
        "ampere": found.ampere_integrals,
        "U": found.coulomb,
        "J": found.exchange,
        "Ua": found.ampere,
        "Ja": found.ampere_exchange,
        "two body": found.two_body,
        "screened": screened.ampere_integrals,
        "full": found.hamiltonian(np.diag([0.1, 0.3])).tr(),
        "levels": found.hamiltonian(np.diag([0.1, 0.3])).eigenenergies(),
        "reduced levels": found.hamiltonian(form="reduced").eigenenergies(),
        "overlap": orbitals().overlap(),
        "one body": orbitals().one_body(0.5),
        "kinetic": np.array([np.abs(each).sum() for each in orbitals().laplacian()]),
        "slope": np.array([np.abs(each).sum() for each in orbitals().derivative(0, 1)]),
        "SI": si.overlap(),
    }


@run()
def current_kernels():
    known = [co.currents.constants(units) for units in ("atomic", "natural")]
    wave = {"frequency": 0.5, "plasma_frequency": 0.1, "units": "atomic"}
    q = np.array([0.3, 1.0, 4.0])
    at = np.array([0.4, 1.0])
    return {
        "coulomb": co.currents.coulomb_kernel(q),
        "momentum": co.currents.momentum_kernel(q, **wave),
        "space": co.currents.spatial_kernel(q, **wave),
        "transverse": co.currents.transverse_kernel([0.1, 0.2, 1.0], **wave),
        "time": co.currents.time_kernel(q, 0.5, plasma_frequency=0.1),
        "imaginary time": co.currents.imaginary_time_kernel(
            q, 0.3, temperature=0.5, plasma_frequency=0.1
        ),
        "darwin": co.currents.darwin_energy([0, 0.5, 1.0], [1.0, 0, 0], [1.0, 0, 0.2]),
        "dipoles": co.currents.dipole_energy([1.0, 0, 0], [1.0, 0, 0.3], [0, 0.2, 1.0], **wave),
        "plane waves": co.currents.plane_wave_coupling(
            [1.0, 0, 0], [-1.0, 0, 0], [0, 0, 0.1], volume=1.0, **wave
        ),
        "gaussian": co.currents.gaussian(1, 1, width=1.3)(at, at, at),
        "hydrogen": co.currents.hydrogen_like(2, 1, 0, real=True)(at, at, at),
        "annihilator": co.currents.annihilator(2, 1, "up"),
        "number": co.currents.number(2, 1),
        "spin": list(co.currents.spin(2, 0)),
        "constants": [each.permittivity * each.permeability for each in known],
        "own constants": co.currents.Constants(2.0, 3.0).permittivity,
    }  # fmt: skip


@run()
def bloch_currents_and_estimates():
    wave = {"frequency": 0.5, "plasma_frequency": 0.1, "units": "atomic"}
    bloch = {"velocity": np.sin, "volume": 1.0}
    q, k1, k2 = [0, 0, 0.1], [1.0, 0, 0.2], [0, 1.0, 1.0]
    estimates = {
        "momentum": co.currents.momentum_ratio(1e10, 1e16),
        "phonon": co.currents.phonon_ratio(10.0, 0.02, coupling=0.5, electrons_per_ion=4.0),
        "velocity": co.currents.velocity_ratio([1e6, 0, 0], [1e6, 0, 1e5], direction=[0, 0, 1.0]),
    }
    return {name: [found.printed, found.corrected] for name, found in estimates.items()} | {
        "coupling": co.currents.bloch_coupling(k1, k2, q, charges=(-1.0, -1.0), **bloch, **wave),
        "current": co.currents.bloch_current(k1, q, **bloch),
        "phonons": co.currents.phonon_coupling(0.1, 0.2, ions=10, energy=0.05),
        "phonons at a delay": co.currents.phonon_coupling(0.1, 0.2, ions=10, tau=0.7, temperature=0.1),
        "matrix element": co.currents.phonon_matrix_element(
            [0, 0, 1.0], [0, 0, 1.0], 0.1, potential=-0.3, ion_mass=1e4
        ),
        "plasma": co.currents.plasma_frequency(1e28, ion_density=1e28, ion_charge=1.0, ion_mass=1e-25),
        "screening": co.currents.screening_wavenumber(1e16),
    }  # fmt: skip


# --- what a detector sees


@cache
def decayed():
    """Four emitters that were inverted, with all that observables ask for."""
    return co.evolve(
        plain(), "inverted", TIMES, method="driven", observe=ALL, rtol=1e-10, progress=False
    )


@cache
def driven_result():
    return co.evolve(
        driven_pair(), "ground", TIMES, method="driven", observe=ALL, rtol=1e-10, progress=False
    )


@cache
def sampled():
    return co.evolve(
        plain(), "inverted", [0, 2, 6], method=co.engines.Trajectories(n=200), seed=1, progress=False
    )  # fmt: skip


@run()
def patterns():
    far = co.observables.far_field(decayed(), n_polar=6, n_azimuth=8)
    directions, weights = co.observables.sphere(4, 5)
    return {
        "angular": co.observables.angular_pattern(decayed(), [[0, 0, 1.0], [1.0, 1.0, 0]]),
        "far": far.pattern[::2],
        "far, total": far.total(),
        "far, directions": far.directions(),
        "far, weights": far.weights,
        "sphere": directions,
        "sphere, weights": weights,
        "collected": co.observables.collected(decayed(), (1, 0, 0), 0.5),
        "near": co.observables.near_field(decayed(), [[0, 1.0, 0], [0.3, 0.2, 1.0]]),
    }


@run()
def near_field_of_levels_and_wires():
    equation = co.master_equation(co.chain(2, 0.1, frequency=1e4), VACUUM)
    levels = co.evolve(equation, "inverted", [0.0, 1e-4], observe="states", progress=False)
    wired = co.evolve(
        co.couple(beside(), wire(), shift="rwa"), "inverted", TIMES[:3], method="blocks",
        observe="correlations", progress=False,
    )  # fmt: skip
    points = [[0.05, 0.02, 0.3]]
    return {
        "levels": co.observables.near_field(levels, [[0, 1.0, 0.3]], VACUUM),
        "wire": co.observables.near_field(wired, points),
        "of another field": co.observables.near_field(wired, points, wire()),
    }


@run()
def correlations_of_light():
    delays = [0.0, 0.3, 1.0]
    z = (0, 0, 1.0)
    return {
        "g1": co.observables.g1(driven_pair(), delays),
        "g1, direction": co.observables.g1(driven_pair(), delays, direction=z),
        "g1, state": co.observables.g1(pair(), delays, state="inverted"),
        "g1, much later": co.observables.g1(driven_pair(), [0.0, 3e3]),
        "g2": co.observables.g2(driven_pair(), delays),
        "g2, direction": co.observables.g2(driven_pair(), delays, directions=z),
        "g2, state": co.observables.g2(pair(), delays, state="inverted"),
        "g2 of a result": co.observables.g2(driven_result())[1:],
        "inverted": co.observables.inverted_g2(plain()),
        "inverted, directions": co.observables.inverted_g2(plain(), directions=z),
        "g1, identical": co.observables.g1(identical(), delays, start="ground"),
        "g2, identical": co.observables.g2(identical(), delays, start="ground"),
    }


def of_spectrum(found):
    return {"values": found.values, "coherent": found.coherent, "total": found.total}


@run(SOLVED)
def spectra():
    frequencies = np.linspace(-2, 2, 7)
    spectrum = co.observables.spectrum
    return together(
        driven=of_spectrum(co.observables.spectrum(driven_pair(), frequencies)),
        direction=of_spectrum(spectrum(driven_pair(), frequencies, direction=(0, 0, 1.0))),
        decay=of_spectrum(spectrum(pair(), frequencies, state="inverted")),
        identical=of_spectrum(spectrum(identical(), frequencies, start="ground")),
        ladder=of_spectrum(spectrum(identical().replace(drive=0), frequencies, state="inverted")),
    )


def three_modes():
    """A row of driven oscillators with loss, cut off at 3, 3 and 4 levels: too many for a dense L."""
    sizes = (3, 3, 4)
    a, b, c = (
        qutip.tensor([qutip.destroy(n) if k == m else qutip.qeye(n) for k, n in enumerate(sizes)])
        for m in range(3)
    )
    hop = a.dag() * b + 0.7 * b.dag() * c + 0.3 * (a + b)
    return co.MasterEquation(hop + hop.dag(), [a, 0.8 * b, 0.6 * c])


@run(SOLVED)
def steady_states():
    light = co.observables.steady(driven_pair())
    many = co.observables.steady(identical(), start="ground")
    names = ("emission", "excitation", "populations", "correlations", "coherences", "distribution")
    system, bath = two_levels()
    return {
        "pair": co.steady_state(driven_pair()),
        "identical": co.steady_state(identical(), start="ground").diag(),
        "mixed": co.steady_state(mixed()),
        "large": co.steady_state(three_modes()).diag(),
        "equation": co.steady_state(co.master_equation(system, bath)),
    } | together(
        pair={name: getattr(light, name) for name in names},
        identical={name: getattr(many, name) for name in names},
    )


@run(SOLVED)
def steady_states_by_products():
    five = co.couple(co.chain(5, 0.3), VACUUM).replace(drive=[1.0, 0.5j, 1.0, 0.3, 0.8])
    light = co.observables.spectrum(five, [-1.0, 0.0, 2.0])
    found = co.steady_state(five, result=True)
    return {
        "state": found.states[0],
        "emission": found.emission,
        "correlations": found.correlations,
        "equation": co.steady_state(three_modes(), result=True).populations,
        "g1": co.observables.g1(five, [0.0, 0.5, 3.0]),
        "g2": co.observables.g2(five, [0.0, 0.5, 3.0]),
        "spectrum": np.append(light.values, [light.total, light.coherent]),
    }


@run(SAMPLED)
def coincidences_of_trajectories():
    found = co.observables.coincidences(sampled(), [0, 0.5, 1.0, 2.0], window=(0.0, 3.0))
    return {
        "coincidences": np.array(found) if isinstance(found, tuple) else found,
        "distribution": co.observables.excitation_distribution(sampled()),
        "first run": sampled().jumps.of(0)[0],
    }


@run()
def distributions():
    return {
        "decay": co.observables.excitation_distribution(decayed()),
        "driven": co.observables.excitation_distribution(driven_result()),
    }


@run(SOLVED)
def entanglement():
    return {
        "concurrence": co.observables.concurrence(driven_result(), 0, 1),
        "negativity": co.observables.negativity(driven_result(), [0]),
        "entropy": co.observables.entropy(decayed(), emitters=[0, 2]),
        "entropy of all": co.observables.entropy(driven_result())[1:],
        "purity": co.observables.purity(decayed(), emitters=[0, 2]),
        "wineland": co.observables.squeezing(driven_result()),
        "kitagawa": co.observables.squeezing(driven_result(), definition="kitagawa-ueda"),
    }


@run()
def criteria():
    found = co.observables.burst_criterion(plain())
    along = co.observables.burst_criterion(plain(), direction=(0, 0, 1))
    names = ("rate", "slope", "variance", "threshold", "g2", "bursts")
    return {
        "rates": [getattr(found, name) for name in names],
        "rates along z": [getattr(along, name) for name in names],
        "participation": co.observables.participation_ratios(plain()),
        "critical spacing": co.observables.critical_spacing(
            lambda spacing: co.chain(4, spacing), samples=12
        ),
    }


@run()
def bands_of_lattices():
    chain = co.observables.bands("chain", 0.2, [0.0, 1.0, 2.0], dipole=(1, 0, 0.5))
    square = co.observables.bands("square", 0.3, [[0.0, 1.0], [2.0, 0.5]], dipole=(1, 1j, 0))
    return {
        "chain, shifts": chain.shifts,
        "chain, rates": chain.rates,
        "chain, radiating": chain.radiating,
        "chain, light line": chain.light_line,
        "square, shifts": square.shifts,
        "square, rates": square.rates,
    }


@run()
def scattering_of_a_beam():
    array = co.couple(co.square(3, 3, 0.6, dipoles=(1, 0, 0)), VACUUM)
    frequencies = [-0.5, 0.0, 0.25]
    found = co.observables.scattering(array, frequencies, waist=1.0)
    infinite = co.observables.infinite_array(0.6, frequencies)
    return {
        "transmitted": found.transmitted,
        "reflected": found.reflected,
        "loss": found.loss,
        "transmission": co.observables.transmission(array, frequencies, waist=1.0),
        "reflection": co.observables.reflection(array, frequencies, waist=1.0),
        "infinite, transmitted": infinite.transmitted,
        "infinite, reflected": infinite.reflected,
    }


@run(rtol=SOLVED)
def weak_light():
    places = co.square(4, 5, 0.6).positions
    atoms = co.Atoms.isotropic(places, zeeman=0.6, axis=(1, 0, 2))
    beam = {"waist": 1.0, "polarisation": (1, 0.3j, 0), "tolerance": 1e-13}
    found = {}
    for method in ("dense", "lattice", "sum"):
        light = co.observables.weak_light(atoms, [-0.5, 0.2], method=method, **beam)
        found[f"{method}, transmitted"] = light.transmitted
        found[f"{method}, reflected"] = light.reflected
        found[f"{method}, amplitudes"] = light.amplitudes
        found[f"{method}, extinction"] = light.extinction
    wave = co.observables.weak_light(atoms.translated((0, 0, 0.1)), [0.2], axis=(0, 1, 0))
    found["cross-section"] = wave.extinction
    found["pattern"] = wave.pattern([[1, 0, 0], [0, 1, 2]])
    found["pattern along x"] = wave.pattern([[0, 1, 2]], (1, 0, 0))
    return found


@run(rtol=SOLVED)
def emitters_with_a_cavity_mode():
    chain = co.couple(co.chain(3, 0.3), VACUUM)
    kept = co.CavityCouplings(chain, co.CavityMode((0.8, 0.5j, -0.3), 1.5, 0.4))
    alike = co.Couplings(0.3 * np.eye(3) + 0.1, 0.2 * np.ones((3, 3)), pump=0.1, dephasing=0.1)
    laser = co.CavityCouplings(alike, co.cavity_mode(0.6, 4.0), 8)
    found = {"eliminated": co.CavityCouplings(chain, co.cavity_mode(0.5, 8.0)).adiabatic().decay}
    methods = {"exact": kept, "blocks": kept, "cumulants": kept, "symmetric": laser}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the error of method")
        for method, problem in (methods | {"mean_field": laser}).items():
            result = co.evolve(problem, "inverted", TIMES, method=method, seed=1, progress=False)
            found[method] = [result.photons, result.emission]
    for method in ("cumulants", "symmetric"):
        light = co.observables.cavity_light(laser, [-1.0, 0.5], method=method)
        three = [light.photons, light.excitation, light.linewidth]
        found[f"light, {method}"] = [*three, *light.values]
    return found


@run()
def atoms_by_displacement():
    atoms = co.Atoms.isotropic(co.square(3, 3, 0.3).positions, zeeman=0.4)
    drive = co.plane_wave(atoms, 0.6, direction=(0, 0, 1), polarisation=(1, 0.3j, 0))
    lattice = co.couple(atoms, VACUUM, by_displacement=True).replace(drive=drive)
    found = co.evolve(lattice, "ground", [0, 1, 3], method="mean_field", progress=False)
    few = co.couple(co.Atoms.isotropic([[0, 0, 0], [0.1, 0, 0.1]]), VACUUM)
    few = few.replace(drive=np.tile([1.5, 0, 0.5j], 2))
    pulsed = co.evolve(
        few,
        "ground",
        [0, 1, 3],
        method=co.engines.Trajectories(n=8),
        seed=1,
        envelope=lambda t: np.exp(-((t - 1) ** 2)),
        progress=False,
    )
    return {
        "decay": lattice.decay.kernel,
        "shift": lattice.shift.kernel,
        "emission": found.emission,
        "populations": found.populations,
        "steady": co.observables.steady(lattice, method="mean_field").populations,
        "pulsed": pulsed.populations,
    }


@run()
def shared_noise():
    """Pump and dephasing that three emitters share, thermal light, one drive; a pumped ladder."""
    mixed = np.array([[1, 0.4j, 0.2], [-0.4j, 0.8, 0.1], [0.2, 0.1, 0.6]])
    given = {"pump": 0.3 * mixed, "dephasing": 0.2 * mixed.conj(), "thermal_photons": 0.2}
    noisy = co.couple(co.chain(3, 0.2), VACUUM).replace(drive=[1.0, 0, 0.5j], **given)
    few = co.engines.Trajectories(n=20)
    ones = np.ones((20, 20))
    ladder = co.Couplings(ones, np.zeros((20, 20)), pump=0.7 * ones)
    climbing = co.evolve(ladder, "ground", [0, 0.1, 0.3], method="symmetric", progress=False)
    return {
        "driven": co.evolve(noisy, "ground", TIMES, method="driven", progress=False).populations,
        "jumps": co.evolve(noisy, "ground", TIMES, method=few, seed=2, progress=False).populations,
        "ladder": climbing.emission,
    }


@run()
def emitters_that_never_decay():
    chain = co.couple(co.chain(4, 0.2), VACUUM)
    still = co.Couplings(np.zeros((4, 4)), chain.shift, drive=[1, 0.5j, 0, 0.2])
    options = {"method": "driven", "envelope": lambda t: np.exp(1j * t**2), "progress": False}
    chirped = co.evolve(still, "ground", TIMES, observe="correlations", **options)
    ones = np.ones((7, 7))
    alike = co.Couplings(0.9 * ones + 0.1 * np.eye(7), 0.3 * (ones - np.eye(7)))
    return {
        "constant": co.evolve(
            still, "inverted", TIMES, method="driven", progress=False
        ).populations,
        "chirped": chirped.correlations,
        "seven alike": co.evolve(
            alike, "inverted", [0, 1, 4], method="blocks", progress=False
        ).emission,
    }


@run()
def two_times():
    times, delays = [0.0, 0.7], [0.0, 0.4, 3.0]
    pulse = co.pulse.square(area=1.0, start=0.1, length=0.2)
    return {
        "decay": co.observables.correlation(pair(), "inverted", times, delays),
        "driven": co.observables.correlation(
            driven_pair(), None, 0.0, delays, operators="coincidence"
        ),
        "identical": co.observables.correlation(identical(), "ground", times, delays),
        "pulsed": co.observables.correlation(pair(), "ground", times, delays[:2], drive=pulse),
        "site": of_spectrum(co.observables.spectrum(driven_pair(), [0.0, 0.5], site=1)),
    }


@run(rtol=SOLVED)
def lossy_modes():
    along = np.zeros((2, 2, 3))
    along[0, 1, 2] = along[1, 0, 2] = 1.0
    levels = [[1.05, 0.0], [0.95, 0.0]]
    qubits = co.Multilevel([[0, 0, 0], [0, 0, 1]], levels, [along, along])
    modes = co.spectral.LossyModes(1.6, 0.5, [0.05, 0.04])
    warm = co.spectral.BrownianModes(1.6, 0.5, [0.05, 0.04], 0.7)
    known, names = [0.3, -0.3, 1.5], ("universal", "modes", "heom")
    found = co.compare(
        qubits, modes, "inverted", [0.0, 4.0, 20.0], approximations=names, progress=False
    )
    return {
        "compared": [found.results[name].populations for name in names],
        "thermal": [modes.thermal(0.7).gamma(w) for w in known],
        "damped": [[warm.gamma(w), warm.shift(w)] for w in known],
        "terms": [*modes.exponentials()[1], *warm.exponentials(2)[1], *warm.remainder(2).ravel()],
        "fit": co.spectral.fit_modes(modes, (0.5, 3.0), modes=1).modes.frequencies,
    }


# --- the file


def write(path=FILE):
    """Every run anew into one file."""
    arrays = {f"{name}/{key}": value for name in RUNS for key, value in values_of(name).items()}
    np.savez_compressed(path, **arrays)


def add(path=FILE):
    """Add the numbers that the file lacks. Only those that no run gives any more are dropped."""
    before = kept(path)
    arrays = {
        f"{name}/{key}": before.get(name, {}).get(key, value)
        for name in RUNS
        for key, value in values_of(name).items()
    }
    np.savez_compressed(path, **arrays)


@cache
def kept(path=FILE):
    """The arrays of the file by run and name."""
    found: dict[str, dict] = {}
    with np.load(path) as stored:
        for full in stored.files:
            name, _, key = full.partition("/")
            found.setdefault(name, {})[key] = stored[full]
    return found


def differences(name, path=FILE):
    """Of each array of a run to the one in the file; infinite if only one of them has it."""
    here, there = values_of(name), kept(path).get(name, {})
    return {
        key: difference(here[key], there[key]) if key in here and key in there else np.inf
        for key in [*here, *(key for key in there if key not in here)]
    }


def compare(path=FILE):
    """Print the largest difference of every run."""
    for name, each in RUNS.items():
        found = differences(name, path)
        worst = max(found, key=lambda key: found[key])
        verdict = "" if found[worst] <= each.rtol else "   <- DIFFERS"
        print(f"{name:32} {found[worst]:8.1e} of {each.rtol:.0e}  {worst}{verdict}")


if __name__ == "__main__":
    command = {"write": write, "add": add, "compare": compare}.get(
        sys.argv[1] if len(sys.argv) > 1 else ""
    )
    if command is None or len(sys.argv) > 3:
        sys.exit(__doc__)
    command(*sys.argv[2:])
