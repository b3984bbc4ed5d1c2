"""Good arguments for every public function, constructor and method, for `walker.walk`.

A recipe names every parameter of the signature. A public function without one fails
`tests/test_bad_input.py`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import qutip
import systems
import walker

import collective as co

TIMES = [0.0, 0.2, 0.5]
OPTIONS = {
    "decay_rates": [1.0, 1.1, 0.9],
    "detunings": 0.1,
    "frequency": 1e6,
    "wavelength": 1.0,
}

# records that functions return; only the package makes them, but for `engines.Cost`, which engines
# of the user make too and `engines/test_own_engine.py` tests
RECORDS = {
    "Comparison",
    "DivergedError",
    "EngineComparison",
    "FieldCheck",
    "GuidedMode",
    "Jumps",
    "Methods",
    "Modes",
    "Result",
    "currents.Estimate",
    "currents.Interactions",
    "engines.Cost",
    "engines.Request",
    "scenarios.Outcome",
    "scenarios.Scenario",
    "engines.Request.user_time",
    "observables.Bands",
    "observables.BurstCriterion",
    "observables.CavityLight",
    "observables.FarField",
    "observables.Scattering",
    "observables.Spectrum",
    "observables.Steady",
    "observables.WeakLight",
    "spectral.ModeFit",
}
# protocols, which list what a class of the user must have
PROTOCOLS = {
    "Field",
    "Field.green",
    "Field.scattered",
    "engines.Engine",
    "engines.Run",
    "states.State",
    "states.State.excitations",
    "states.State.symmetric",
}
PROTOCOLS |= {
    f"engines.Run.{member}"
    for member in ("advance", "close", "diagnostics", "fields", "notes", "resume")
}
# what the package asks of an engine, with a request that is checked
PROTOCOLS |= {
    f"engines.{kind}.{member}"
    for kind in ("Engine", *co.engines.NAMES.values())
    for member in ("cost", "prepare", "refusal", "start")
}


@dataclass
class Recipe:
    """How to call one function.

    Attributes:
        name: the name in `walker.discovered`; a second recipe adds a word in brackets.
        target: the function, constructor or method.
        arguments: a function that makes good arguments by name; a method has "self" too.
        then: a function of the result, whose numbers must be finite too.
        errors: further exceptions that are allowed.
        holes: attributes of the result that may contain NaN, as documented.
    """

    name: str
    target: Callable[..., Any]
    arguments: Callable[[], dict[str, Any]]
    then: Callable[[Any], Any] | None = None
    errors: tuple[type[BaseException], ...] = ()
    holes: tuple[str, ...] = ("diagnostics",)

    def call(self, arguments):
        given = dict(arguments)
        positional = [given.pop("self")] if "self" in given else []
        kinds = inspect.signature(self.target).parameters
        for name, parameter in kinds.items():
            if parameter.kind is parameter.POSITIONAL_ONLY:
                positional.append(given.pop(name))
        try:
            return self.target(*positional, **given)
        finally:
            if self.name.startswith("plot"):
                import matplotlib.pyplot as plt

                plt.close("all")


def scenario_file(more=""):
    """The name of a scenario file, which is written anew."""
    text = """
emitters = {kind = "chain", n = 2, spacing = 0.1}
field = {kind = "vacuum"}
state = {kind = "inverted"}
times = {stop = 1, number = 3}
observe = {inverted_g2 = true}
"""
    Path("scenario.toml").write_text(text + more, encoding="utf-8")
    return "scenario.toml"


def twice(a):
    return 2 * a


@cache
def pair():
    return co.couple(co.chain(2, 0.1, frequency=1e6), co.Vacuum())


@cache
def three():
    return co.couple(co.chain(3, 0.2), co.Vacuum())


@cache
def isotropic():
    return co.Atoms.isotropic([[0, 0, 0], [0, 0, 0.1]], frequency=1e6)


@cache
def four_two_level_atoms():
    return co.Atoms.from_emitters(co.chain(4, 0.1))


@cache
def channels():
    return co.couple(isotropic(), co.Vacuum())


@cache
def lit_atoms():
    wave = co.plane_wave(isotropic(), 0.5, direction=(1, 0, 0), polarisation=(0, 1, 0.3j))
    return channels().replace(drive=wave)


@cache
def light_of_atoms():
    start = co.states.levels(["e +1", "g 0"])
    return co.evolve(channels(), start, TIMES, observe="correlations", progress=False)


@cache
def with_mode():
    return co.CavityCouplings(pair(), co.cavity_mode((0.3, 0.2j), 2.0, 0.1), 2)


@cache
def laser():
    atoms = co.Couplings(np.eye(2), np.zeros((2, 2)), pump=2.0)
    return co.CavityCouplings(atoms, co.cavity_mode(2.0, 30.0), 5)


@cache
def driven():
    return pair().replace(drive=1.0)


@cache
def lowered():
    """σ⁻ of the first of two emitters."""
    return qutip.tensor(qutip.sigmam(), qutip.qeye(2))


@cache
def driven_atoms():
    wave = co.plane_wave(isotropic(), 0.5, direction=(0, 0, 1), polarisation=(1, 0, 0))
    return channels().replace(drive=wave)


@cache
def array():
    return co.couple(co.square(2, 2, 0.6, dipoles=(1, 0, 0)), co.Vacuum())


@cache
def result():
    return co.evolve(pair(), "inverted", TIMES, observe=("correlations", "states"), progress=False)


@cache
def sampled():
    return co.evolve(
        pair(), "inverted", [0, 2, 4], method=co.engines.Trajectories(n=50), seed=1,
        progress=False,
    )  # fmt: skip


@cache
def samples():
    return result().replace(shots=np.array([0.5 * result().emission, 1.5 * result().emission]))


@cache
def dipoles():
    moment = np.zeros((2, 2, 3))
    moment[0, 1, 0] = moment[1, 0, 0] = 1e-3
    return co.Multilevel([[0, 0, 0], [0, 0, 1]], [[1.0, 0.0]] * 2, [moment] * 2)


@cache
def pulse():
    return co.pulse.square(rabi=[3.0, 1j], start=0.1, length=0.2, detuning=1.0)


@cache
def pulsed():
    sweep = co.pulse.table([0, 0.5], [-1, 1])
    return co.evolve(pair(), "ground", TIMES, drive=pulse(), detunings=sweep, progress=False)


@cache
def strontium():
    return co.atoms([[0, 0, 0], [0, 0, 0.2]], "Sr88 689 nm", ground=0, excited=1)


@cache
def equation():
    z, minus, one = qutip.sigmaz(), qutip.sigmam(), qutip.qeye(2)
    return co.MasterEquation(qutip.tensor(z, one), [qutip.tensor(minus, one)])


@cache
def wire():
    return co.Nanowire(0.01, -50 + 0.6j)


@cache
def ball():
    return co.Sphere(0.01, -11 + 1.3j)


@cache
def fibre():
    return co.Nanowire(0.2, 2.1)


@cache
def beside_fibre():
    return co.Emitters([[0.3, 0, 0], [0.25, 0.1, 0.2]], dipoles=(1, 0, 1j))


@cache
def beside_wire():
    return co.Emitters([[0.02, 0, 0], [0.02, 0, 0.2]], dipoles=(1, 0, 0))


def sampled_arrays(metres=1.0):
    """Arguments of `SampledField` in a unit of length."""
    places = np.array([[0, 0, 0], [0.1, 0.2, 0.3]]) * metres
    k = np.array([5.0, 5.7, 6.0, 6.4]) / metres
    tensors = co.Vacuum().green(places[:, None], places[None], k[:, None, None])
    return {"positions": places, "wavenumbers": k, "tensors": tensors}


@cache
def sampled_field():
    return co.SampledField(**sampled_arrays(), content="total")


def labelled():
    import xarray

    arrays = sampled_arrays()
    return xarray.Dataset(
        {
            "positions": (("position", "axis"), arrays["positions"]),
            "wavenumbers": ("wavenumber", arrays["wavenumbers"]),
            "tensors": (
                ("wavenumber", "position", "source", "axis", "source_axis"),
                arrays["tensors"],
            ),
        },
        attrs={"content": "total", "time": "exp(-iwt)", "unit": "natural"},
    )


@cache
def above_plane():
    return co.Emitters([[0, 0, 0.1], [0.2, 0, 0.15]], dipoles=(1, 0, 0.5))


def modes_of(columns):
    """Couplings of two modes to this many operators."""
    return [[0.1, 0.2][:columns], [0.3, -0.1][:columns]]


def lossy():
    return co.spectral.LossyModes([1.0, 2.0], [0.2, 0.3], modes_of(2))


def brownian():
    return co.spectral.BrownianModes([1.0, 2.0], [0.2, 0.3], modes_of(2), 0.5)


@cache
def comparison():
    return co.compare(
        co.chain(2, 0.1, frequency=1e4), co.Vacuum(), "inverted", TIMES, progress=False
    )


@cache
def bands():
    return co.observables.bands("chain", 0.2, [0.0, 1.0, 2.0])


@cache
def weak():
    return co.observables.weak_light(isotropic(), [0.0, 0.25])


@cache
def scattered():
    return co.observables.scattering(array(), [0.0, 0.25], waist=1.0)


@cache
def spectrum():
    return co.observables.spectrum(pair(), [0.0, 0.5], state="inverted")


@cache
def orbitals():
    axis = np.linspace(-7, 7, 24)
    places = ((0, 0, -1.0), (0, 0, 1.0))
    found = co.currents.Orbitals(
        [axis] * 3, [co.currents.gaussian(1, 1, centre=c, width=1.2) for c in places]
    )
    return found.orthonormalised()


@cache
def integrals():
    return co.currents.interactions(orbitals(), progress=False)


@cache
def table():
    k = np.geomspace(0.05, 200, 400)
    return co.materials.Table(k, co.materials.Lorentz(2.0, 10.0, 1.0).permittivity(k))


@cache
def interaction():
    return co.interaction(dipoles(), co.Vacuum())


@cache
def identical():
    """Six driven emitters with identical couplings."""
    n = 6
    return co.Couplings(np.ones((n, n)), np.zeros((n, n)), drive=1.0)


@cache
def levels():
    """A result of a master equation."""
    equation = co.master_equation(co.chain(2, 0.1, frequency=1e4), co.Vacuum())
    return co.evolve(equation, "inverted", [0.0, 1e-4], observe="states", progress=False)


def warm(emitters):
    return co.couple(emitters, co.Vacuum(), temperature=1e6)


def lorentzian(omega):
    return 1 / (omega**2 + 0.25)


def in_vacuum(emitters):
    return co.couple(emitters, co.Vacuum())


def decays(couplings):
    return co.evolve(couplings, "inverted", [0.0, 0.1], progress=False)


def with_pairs(ising):
    """The Hamiltonian of emitters with these energies of pairs."""
    matrices = np.eye(len(ising)), np.zeros((len(ising), len(ising)))
    return co.Couplings(*matrices, ising=ising).hamiltonian()


def twisted(terms):
    """The Hamiltonian of emitters with these Ising terms and detunings."""
    n = len(terms.detunings)
    matrices = np.eye(n), np.zeros((n, n))
    found = co.Couplings(*matrices, ising=terms.ising, detunings=terms.detunings)
    return found.hamiltonian() + terms.constant


def permittivities(material):
    return material.permittivity(6.0), material.permittivity(6.0j)


def uniform(seed):
    return np.random.default_rng(seed).random(2)


def far(wavefunction):
    at = np.ones(2)
    return wavefunction(at, at, at)


def shown(film):
    film._draw_was_started = True  # otherwise matplotlib warns when the film is deleted


POINTS = {"r": [[0, 0, 0.25]], "r_source": [[0, 0, 0]], "k": 6.0}
OUTSIDE = {"r": [[0.03, 0, 0.25]], "r_source": [[0.02, 0, 0]], "k": 6.0}
SAMPLED = {"r": [[0.1, 0.2, 0.3]], "r_source": [[0, 0, 0]], "k": 6.0}
ABOVE = {"r": [[0.1, 0, 0.25]], "r_source": [[0, 0, 0.1]], "k": 6.0}
EVOLVED = {
    "state": "inverted",
    "times": TIMES,
    "observe": "correlations",
    "rtol": 1e-7,
    "atol": 1e-9,
    "envelope": None,
    "drive": (),
    "detunings": None,
    "strength": None,
    "method": "blocks",
    "seed": 1,
    "threads": 1,
    "checkpoint": None,
    "progress": False,
}
BEAM = {
    "frequencies": [0.0, 0.25],
    "waist": 1.0,
    "axis": (0, 0, 1),
    "polarisation": (1, 0, 0),
}
SAME_PLACES = {"decay_rates": [1.0, 1.0], "detunings": [0.0, 0.0], "frequency": 1e6}


def _recipes():
    """The name, the target, the arguments and the other attributes of each `Recipe`."""
    o, c, p, m, u, s = co.observables, co.currents, co.plot, co.materials, co.units, co.states

    def lattice(name, **counts):
        return name, getattr(co, name), lambda: counts | OPTIONS, {"then": in_vacuum}

    yield lattice("chain", n=3, spacing=0.1, axis=(0, 0, 1), dipoles=(1, 0, 0))
    yield lattice("ring", n=3, spacing=0.2, dipoles=(0, 0, 1))
    yield lattice("square", nx=3, ny=1, spacing=0.2, dipoles=(0, 0, 1))
    yield lattice("triangular", nx=3, ny=1, spacing=0.2, dipoles=(0, 0, 1))
    yield lattice("cubic", nx=3, ny=1, nz=1, spacing=0.2, dipoles=(0, 0, 1))
    yield lattice("cloud", n=3, radius=0.5, shape="ball", min_distance=0.1, seed=1)
    yield (
        "Emitters",
        co.Emitters,
        lambda: {
            "positions": [[0, 0, 0], [0, 0, 0.1], [0, 0, 0.3]],
            "dipoles": (1, 0, 0),
            "kind": "electric",
            **OPTIONS,
        },
        {"then": in_vacuum},
    )
    yield (
        "Emitters.replace",
        co.Emitters.replace,
        lambda: {
            "self": co.chain(3, 0.1),
            "positions": [[0, 0, 0], [0, 0, 0.1], [0, 0, 0.3]],
            "dipoles": (1, 0, 0),
            "kind": "electric",
            **OPTIONS,
        },
        {"then": in_vacuum},
    )
    yield (
        "Emitters.rotated",
        co.Emitters.rotated,
        lambda: {
            "self": co.chain(3, 0.1),
            "rotation": [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
        },
        {},
    )
    yield (
        "Emitters.translated",
        co.Emitters.translated,
        lambda: {
            "self": co.chain(3, 0.1),
            "vector": (0, 0, 1),
        },
        {"then": in_vacuum},
    )
    disordered = (
        ("with_filling", {"fraction": 0.9}),
        ("with_motion", {"width": 0.01}),
        ("with_random_detunings", {"width": 0.1, "distribution": "gaussian"}),
    )
    for name, given in disordered:
        yield (
            f"Emitters.{name}",
            getattr(co.Emitters, name),
            lambda given=given: {"self": co.chain(3, 0.1), **given, "seed": 1},
            {"then": in_vacuum},
        )
    yield "Emitters.nearest_pair", co.Emitters.nearest_pair, lambda: {"self": co.chain(3, 0.1)}, {}

    matrices = {
        "decay": np.eye(2),
        "shift": np.zeros((2, 2)),
        "detunings": 0.1,
        "dephasing": 0.1,
        "pump": 0.1,
        "drive": 0.5,
        "field": co.Vacuum(),
        "thermal_photons": 0.1,
        "ising": [[0.0, 0.3], [0.3, 0.0]],
    }
    yield (
        "Couplings",
        co.Couplings,
        lambda: {
            **matrices,
            "emitters": co.chain(2, 0.1),
        },
        {"then": decays, "errors": (co.EvolutionError,)},
    )
    shared = {"dephasing": np.full((2, 2), 0.1), "pump": np.array([[0.1, 0.1j], [-0.1j, 0.1]])}
    yield (
        "Couplings.replace",
        co.Couplings.replace,
        lambda: {
            "self": pair(),
            **matrices,
            **shared,
            "emitters": pair().emitters,
        },
        {"then": decays, "errors": (co.EvolutionError,)},
    )
    yield (
        "Atoms",
        co.Atoms,
        lambda: {
            "positions": [[0, 0, 0], [0, 0, 0.1]],
            "levels": isotropic().levels,
            "excited": [1, 1, 1, 0],
            "lowering": isotropic().lowering,
            "linewidths": [1.0],
            "wavenumbers": [6.0],
            "energies": [0.1, 0.0, -0.1, 0.0],
            "axis": (0, 0, 1),
            "wavelength": 1.0,
            "frequency": 1e6,
        },
        {"then": in_vacuum},
    )
    yield (
        "Atoms.isotropic",
        co.Atoms.isotropic,
        lambda: {
            "positions": [[0, 0, 0], [0, 0, 0.1]],
            "zeeman": 0.5,
            "detunings": [0.1, 0.2],
            "axis": (0, 0, 1),
            "wavelength": 1.0,
            "frequency": 1e6,
        },
        {"then": in_vacuum},
    )
    yield (
        "Atoms.from_emitters",
        co.Atoms.from_emitters,
        lambda: {"emitters": co.chain(2, 0.1)},
        {"then": in_vacuum},
    )
    yield (
        "Atoms.replace",
        co.Atoms.replace,
        lambda: {
            "self": isotropic(),
            **{f.name: getattr(isotropic(), f.name) for f in fields(co.Atoms)},
        },
        {"then": in_vacuum},
    )
    for name, given in (
        ("translated", {"vector": (0, 0, 1)}),
        ("rotated", {"rotation": [[0, 0, 1], [1, 0, 0], [0, 1, 0]]}),
        ("level", {"name": "e 0"}),
        ("nearest_pair", {}),
    ):
        yield (
            f"Atoms.{name}",
            getattr(co.Atoms, name),
            lambda given=given: {"self": isotropic(), **given},
            {},
        )
    own = {
        "decay": np.eye(6),
        "shift": np.zeros((6, 6)),
        "ground_shift": np.zeros((2, 3, 3)),
        "detunings": [0.1, 0.2],
        "drive": np.full(6, 0.1),
    }
    yield (
        "ChannelCouplings",
        co.ChannelCouplings,
        lambda: {**own, "atoms": isotropic(), "field": co.Vacuum()},
        {"then": co.ChannelCouplings.hamiltonian},
    )
    yield (
        "ChannelCouplings.replace",
        co.ChannelCouplings.replace,
        lambda: {"self": channels(), **own, "atoms": isotropic(), "field": co.Vacuum()},
        {"then": co.ChannelCouplings.hamiltonian},
    )
    yield (
        "ChannelCouplings.local_hamiltonians",
        co.ChannelCouplings.local_hamiltonians,
        lambda: {"self": channels(), "drive": False},
        {},
    )
    for name in (
        "collapse_operator_names", "collapse_operators", "drive_operator",
        "effective_hamiltonian", "extreme_rates", "hamiltonian", "jump_channels",
        "largest_exchange", "liouvillian", "modes", "one_excitation", "transitions",
        "undriven_hamiltonian", "validity",
    ):  # fmt: skip
        yield (
            f"ChannelCouplings.{name}",
            getattr(co.ChannelCouplings, name),
            lambda: {"self": channels()},
            {},
        )
    yield (
        "couple [atoms]",
        co.couple,
        lambda: {
            "emitters": isotropic(),
            "field": co.Vacuum(),
            "shift": "full",
            "temperature": 0.0,
            "level_shifts": True,
            "by_displacement": True,
        },
        {},
    )
    for name in (
        "collapse_operator_names", "collapse_operators", "collective_rates", "drive_operator", "effective_hamiltonian",
        "extreme_rates", "hamiltonian", "largest_exchange", "largest_interaction", "liouvillian", "modes",
        "undriven_hamiltonian", "validity",
    ):  # fmt: skip
        yield f"Couplings.{name}", getattr(co.Couplings, name), lambda: {"self": pair()}, {}
    numbers_of_mode = {"coupling": (0.3, 0.2j), "linewidth": 2.0, "detuning": 0.1, "drive": 0.1j}
    yield "cavity_mode", co.cavity_mode, lambda: {**numbers_of_mode}, {}
    yield "CavityMode", co.CavityMode, lambda: {**numbers_of_mode}, {}
    emitters_and_mode = {
        "couplings": pair(),
        "mode": co.CavityMode(**numbers_of_mode),
        "photons": 3,
    }
    yield (
        "CavityCouplings",
        co.CavityCouplings,
        lambda: {**emitters_and_mode},
        {"then": co.CavityCouplings.hamiltonian},
    )
    yield (
        "CavityCouplings.replace",
        co.CavityCouplings.replace,
        lambda: {"self": with_mode(), **emitters_and_mode},
        {"then": co.CavityCouplings.hamiltonian},
    )
    for name in (
        "adiabatic", "collapse_operator_names", "collapse_operators", "drive_operator",
        "hamiltonian", "liouvillian", "undriven_hamiltonian", "validity",
    ):  # fmt: skip
        yield (
            f"CavityCouplings.{name}",
            getattr(co.CavityCouplings, name),
            lambda: {"self": with_mode()},
            {},
        )
    modes = type(pair().modes())
    yield "Modes.state", modes.state, lambda: {"self": pair().modes(), "i": 0}, {}
    yield (
        "couple",
        co.couple,
        lambda: {
            "emitters": co.chain(2, 0.1, frequency=1e6),
            "field": co.Vacuum(),
            "shift": "full",
            "temperature": 0.0,
            "level_shifts": True,
            "by_displacement": True,
        },
        {},
    )
    yield (
        "van_der_waals",
        co.van_der_waals,
        lambda: {"emitters": co.chain(3, 0.5), "c6": 0.1},
        {"then": with_pairs},
    )
    yield (
        "dipolar",
        co.dipolar,
        lambda: {"emitters": co.chain(3, 0.5), "c3": 0.1, "axis": (1, 0, 1)},
        {"then": with_pairs},
    )
    yield "one_axis_twisting", co.one_axis_twisting, lambda: {"n": 3, "chi": 0.5}, {"then": twisted}
    bonds = [[0.0, 0.3, 0.1], [0.3, 0.0, -0.2], [0.1, -0.2, 0.0]]
    yield (
        "ising_from_spins",
        co.ising_from_spins,
        lambda: {"bonds": bonds, "fields": [0.1, 0.2, -0.3]},
        {"then": twisted},
    )
    yield (
        "IsingTerms",
        co.IsingTerms,
        lambda: {"ising": bonds, "detunings": [0.1, 0.2, -0.3], "constant": 0.5},
        {"then": twisted},
    )
    yield "IsingTerms.spins", co.IsingTerms.spins, lambda: {"self": co.one_axis_twisting(3, 1)}, {}
    yield (
        "plane_wave",
        co.plane_wave,
        lambda: {
            "emitters": co.chain(3, 0.1),
            "rabi_frequency": 1.0,
            "direction": (0, 0, 1),
            "polarisation": (1, 0, 0),
            "line": 0,
        },
        {},
    )
    yield (
        "plane_wave [atoms]",
        co.plane_wave,
        lambda: {
            "emitters": isotropic(),
            "rabi_frequency": 1.0,
            "direction": (0, 0, 1),
            "polarisation": (1, 0, 0),
            "line": 0,
        },
        {},
    )

    moments = np.zeros((2, 2, 3))
    moments[0, 1, 0] = moments[1, 0, 0] = 1e-3
    levels = {
        "positions": [[0, 0, 0], [0, 0, 1.0]],
        "energies": [[1.0, 0.0]] * 2,
        "dipoles": [moments] * 2,
        "kind": "electric",
    }

    def interacting(multilevel):
        return co.interaction(multilevel, co.Vacuum()).principal(0, 1)

    yield (
        "Multilevel",
        co.Multilevel,
        lambda: {**levels, "speed_of_light": 1.0},
        {"then": interacting},
    )
    yield (
        "Multilevel.from_emitters",
        co.Multilevel.from_emitters,
        lambda: {"emitters": co.chain(2, 0.1, frequency=1e4)},
        {"then": interacting},
    )
    yield (
        "Multilevel.from_atoms",
        co.Multilevel.from_atoms,
        lambda: {"atoms": strontium()},
        {"then": interacting},
    )
    yield (
        "atoms",
        co.atoms,
        lambda: {
            "positions": [[0, 0, 0], [0, 0, 0.2]],
            "line": "Sr88 689 nm",
            "ground": 0,
            "excited": 1,
            "momenta": None,
            "nuclear_spin": None,
            "magnetic_field": [0, 0, 1e-7],
            "axis": [0, 0, 1],
            "detunings": [0.0, 1.0],
            "wavelength": 1.0,
        },
        {},
    )
    yield (
        "Emitters.from_si",
        co.Emitters.from_si,
        lambda: {
            "positions": [[0, 0, 0], [0, 0, 2e-8]],
            "dipoles": [[1e-29, 0, 0], [0, 1e-29j, 1e-29]],
            "wavelength": 780e-9,
            "detunings": [0.0, 1e8],
            "kind": "electric",
            "length": 1e-9,
            "rate": 1e6,
        },
        {"then": lambda made: co.couple(made, co.Vacuum())},
    )
    yield (
        "Multilevel.from_si",
        co.Multilevel.from_si,
        lambda: {
            **levels,
            "positions": [[0, 0, 0], [0, 0, 1e-8]],
            "energies": [[1e-24, 0.0]] * 2,
            "dipoles": [moments * 1e-26] * 2,
            "length": 1e-9,
            "rate": 1e6,
        },
        {"then": interacting},
    )
    yield (
        "Multilevel.bohr_frequencies",
        co.Multilevel.bohr_frequencies,
        lambda: {"self": dipoles(), "i": 0},
        {},
    )
    yield (
        "spin",
        co.spin,
        lambda: {
            "spin": 1.0,
            "g_factor": 2.0,
            "magneton": "bohr",
            "field": (0, 0, 1e-3),
            "zero_field_splitting": 1e-24,
            "axis": (0, 0, 1),
        },
        {},
    )

    yield (
        "MasterEquation",
        co.MasterEquation,
        lambda: {
            "hamiltonian": qutip.sigmaz(),
            "collapse_operators": [qutip.sigmam()],
            "generator": None,
            "approximation": "given",
            "multilevel": None,
            "frame": [1.0, 0.0],
            "emission_operator": qutip.sigmap() * qutip.sigmam(),
            "report": None,
        },
        {"then": lambda e: (e.liouvillian(), e.validity())},
    )
    for name in ("collapse_operators", "hamiltonian", "liouvillian", "validity"):
        yield (
            f"MasterEquation.{name}",
            getattr(co.MasterEquation, name),
            lambda: {"self": equation()},
            {},
        )
    yield (
        "master_equation",
        co.master_equation,
        lambda: {
            "system": co.chain(2, 0.1, frequency=1e4),
            "environment": co.Vacuum(),
            "approximation": "universal",
            "temperature": 0.0,
            "eigenoperators": "local",
        },
        {"then": lambda e: e.hamiltonian()},
    )
    yield (
        "interaction",
        co.interaction,
        lambda: {"multilevel": dipoles(), "field": co.Vacuum()},
        {"then": lambda i: i.principal(0, 1)},
    )
    for name in ("principal", "dissipative"):
        yield (
            f"Interaction.{name}",
            getattr(type(interaction()), name),
            lambda: {"self": interaction(), "i": 0, "j": 1},
            {},
        )
    for name in ("hamiltonian", "terms"):
        yield (
            f"Interaction.{name}",
            getattr(type(interaction()), name),
            lambda: {"self": interaction()},
            {},
        )
    yield (
        "sweep",
        co.sweep,
        lambda: {
            "function": twice,
            "grid": {"a": [1, 2.5]},
            "executor": None,
            "store": "sweep.nc",
            "seed": None,
            "progress": False,
            "retry_failed": True,
        },
        {"errors": (co.EvolutionError,)},  # of a function whose every answer is useless
    )
    yield (
        "compare",
        co.compare,
        lambda: {
            "system": co.chain(2, 0.1, frequency=1e4),
            "environment": co.Vacuum(),
            "state": "inverted",
            "times": [0.0, 0.1],
            "approximations": ("universal", "rwa"),
            "temperature": 0.0,
            "tolerance": 1e-6,
            "engines": None,
            "seed": None,
            "threads": None,
            "progress": False,
        },
        {"holes": ("diagnostics", "populations")},
    )
    yield (
        "compare (engines)",
        co.compare,
        lambda: {
            "system": pair(),
            "environment": None,
            "state": "inverted",
            "times": [0.0, 0.1],
            "approximations": ("universal", "rwa"),
            "temperature": 0.0,
            "tolerance": 1e-6,
            "engines": ("exact", "blocks"),
            "seed": 1,
            "threads": 1,
            "progress": False,
        },
        {"holes": ("diagnostics", "populations")},
    )
    yield (
        "EngineComparison.deviation",
        co.EngineComparison.deviation,
        lambda: {
            "self": co.compare(pair(), "inverted", TIMES, engines=["exact", "blocks"]),
            "one": "exact",
            "other": "blocks",
        },
        {"errors": (KeyError,)},
    )
    yield (
        "Comparison.distance",
        co.Comparison.distance,
        lambda: {"self": comparison(), "one": "universal", "other": "rwa"},
        {"errors": (KeyError,)},
    )

    yield (
        "Methods.fitting",
        co.Methods.fitting,
        lambda: {
            "self": co.methods(pair(), "inverted", TIMES),
            "accuracy": "exact",
        },
        {},
    )
    for kind in (
        co.engines.Exact,
        co.engines.Single,
        co.engines.Symmetric,
        co.engines.Driven,
        co.engines.Retarded,
    ):
        yield f"engines.{kind.__name__}", kind, dict, {}
    yield (
        "engines.Capped",
        co.engines.Capped,
        lambda: {"excitations": 2, "holes": None, "n": 20},
        {},
    )
    yield (
        "engines.Capped (holes)",
        co.engines.Capped,
        lambda: {"excitations": None, "holes": 3, "n": None},
        {},
    )
    yield "engines.MeanField", co.engines.MeanField, lambda: {"phases": 4}, {}
    yield (
        "engines.Driven",
        co.engines.Driven,
        lambda: {"symmetries": [[1, 0]]},
        {"then": lambda engine: co.evolve(pair(), "inverted", TIMES, method=engine)},
    )
    yield (
        "engines.Blocks",
        co.engines.Blocks,
        lambda: {"symmetries": [[1, 0]], "precision": "double"},
        {"then": lambda engine: co.evolve(pair(), "inverted", TIMES, method=engine)},
    )
    yield (
        "evolve",
        co.evolve,
        lambda: {"couplings": pair(), **EVOLVED},
        {"errors": (co.EvolutionError,)},
    )
    yield "methods", co.methods, lambda: {"couplings": pair(), **EVOLVED}, {}
    yield (
        "ensemble",
        co.ensemble,
        lambda: {
            "builder": uniform,
            "n": 3,
            "seed": 1,
            "executor": None,
            "standard_error": 10.0,
            "store": None,
            "progress": False,
        },
        {"errors": (co.EvolutionError,)},
    )
    yield (
        "Methods.fits",
        co.Methods.fits,
        lambda: {"self": co.methods(pair(), "inverted", TIMES), "name": "exact"},
        {"errors": (KeyError,)},
    )
    yield "engines.Cumulants", co.engines.Cumulants, lambda: {"order": 2, "closure": "u1"}, {}
    yield (
        "engines.Trajectories",
        co.engines.Trajectories,
        lambda: {"n": 8, "standard_error": 0.5},
        {},
    )
    yield (
        "engines.ConditionalCumulants",
        co.engines.ConditionalCumulants,
        lambda: {"n": 4, "efficiency": 0.4, "cut": 0.2, "margin": 0.1},
        {},
    )
    yield (
        "engines.TruncatedWigner",
        co.engines.TruncatedWigner,
        lambda: {"n": 8, "step": 0.1},
        {},
    )
    yield (
        "steady_state",
        co.steady_state,
        lambda: {
            "couplings": driven(),
            "start": None,
            "result": True,
            "observe": "correlations",
            "progress": False,
        },
        {},
    )
    yield (
        "observables.steady",
        o.steady,
        lambda: {"couplings": driven(), "start": None, "method": "exact"},
        {},
    )
    yield (
        "observables.cavity_light",
        o.cavity_light,
        lambda: {"couplings": laser(), "frequencies": [-1.0, 0.0], "method": "cumulants"},
        {},
    )
    yield (
        "observables.steady (mean field)",
        o.steady,
        lambda: {"couplings": driven(), "start": "ground", "method": "mean_field"},
        {},
    )
    yield (
        "observables.steady (atoms)",
        o.steady,
        lambda: {"couplings": driven_atoms(), "start": "ground", "method": "mean_field"},
        {},
    )
    for name in ("able", "needed"):
        yield (
            f"Methods.{name}",
            getattr(co.Methods, name),
            lambda: {"self": co.methods(pair(), "inverted", TIMES)},
            {},
        )
    yield "load", co.load, lambda: {"path": result().save("good.npz")}, {"errors": (OSError,)}
    yield (
        "Result.replace",
        co.Result.replace,
        lambda: {
            "self": result(),
            **{each.name: getattr(result(), each.name) for each in fields(co.Result)},
        },
        {},
    )
    yield "Result.at", co.Result.at, lambda: {"self": result(), "times": [0.0, 0.5]}, {}
    yield "Result.in_frame", co.Result.in_frame, lambda: {"self": result(), "frame": "lab"}, {}
    for kind, made in (
        (co.Couplings, pair),
        (co.ChannelCouplings, channels),
        (co.CavityCouplings, with_mode),
    ):
        yield (
            f"{kind.__name__}.save",
            kind.save,
            lambda made=made: {"self": made(), "path": "written"},
            {"errors": (OSError,)},
        )
    for name in ("save", "to_netcdf"):
        yield (
            f"Result.{name}",
            getattr(co.Result, name),
            lambda: {"self": result(), "path": "written"},
            {"errors": (OSError,)},
        )
    yield "Result.to_xarray", co.Result.to_xarray, lambda: {"self": result()}, {}
    yield (
        "scenarios.read",
        co.scenarios.read,
        lambda: {"path": scenario_file()},
        {"then": lambda found: found.times},
    )
    yield (
        "scenarios.sweep",
        co.scenarios.sweep,
        lambda: {
            "scenario": co.scenarios.read(scenario_file("grid.emitters.spacing = [0.1, 0.2]\n")),
            "executor": None,
            "store": None,
            "progress": False,
        },
        {"errors": (OSError,)},
    )
    for name in ("couplings", "validity", "methods"):
        yield (
            f"scenarios.Scenario.{name}",
            getattr(co.scenarios.Scenario, name),
            lambda: {"self": co.scenarios.read(scenario_file())},
            {},
        )
    yield (
        "scenarios.Scenario.run",
        co.scenarios.Scenario.run,
        lambda: {
            "self": co.scenarios.read(scenario_file()),
            "checkpoint": None,
            "progress": False,
        },
        {"errors": (OSError,)},
    )
    for name in ("arrays", "to_xarray"):
        yield (
            f"scenarios.Outcome.{name}",
            getattr(co.scenarios.Outcome, name),
            lambda: {"self": co.scenarios.read(scenario_file()).run(progress=False)},
            {},
        )
    for name, file in (("save_data", "data.nc"), ("save_figure", "figure.svg")):
        yield (
            f"scenarios.Outcome.{name}",
            getattr(co.scenarios.Outcome, name),
            lambda file=file: {
                "self": co.scenarios.read(scenario_file()).run(progress=False),
                "folder": "written",
                "name": file,
            },
            {"errors": (OSError,)},
        )
    yield "Jumps.of", co.Jumps.of, lambda: {"self": sampled().jumps, "trajectory": 0}, {}
    yield "citation", co.citation, lambda: {"calculation": result()}, {}

    planes = {
        co.Mirror: co.Mirror,
        co.HalfSpace: lambda: co.HalfSpace(-16 + 0.4j),
        co.Layers: lambda: co.Layers([4.0, 1.0], [0.2]),
    }
    bodies = {co.Nanowire: wire, co.Sphere: ball}
    empty = {co.Vacuum: co.Vacuum, co.Plasma: lambda: co.Plasma(2.0)}
    known = {co.SampledField: sampled_field}
    where_of = dict.fromkeys(bodies, OUTSIDE) | dict.fromkeys(planes, ABOVE)
    where_of |= {co.SampledField: SAMPLED}
    for kind, field in (empty | bodies | planes | known).items():
        for name in ("green", "magnetic_green", "scattered"):
            if hasattr(kind, name):
                where = where_of.get(kind, POINTS)
                yield (
                    f"{kind.__name__}.{name}",
                    getattr(kind, name),
                    lambda f=field, w=where: {"self": f(), **w},
                    {},
                )
    for kind in (co.Vacuum, co.Mirror):
        yield (
            f"{kind.__name__}.memory",
            kind.memory,
            lambda k=kind: {"self": k(), "emitters": above_plane().replace(frequency=1e3)},
            {},
        )
    yield (
        "Memory",
        co.Memory,
        lambda: {
            "strengths": [[[-0.5j, 0.2], [0.2, -0.5j]]],
            "delays": [[[0.0, 0.4], [0.4, 0.0]]],
            "couplings": [[0.1, 0.2j]],
            "frequencies": [0.3 - 0.1j],
            "changes": [[[0.0, 0.01], [0.01, 0.0]]],
        },
        {"then": lambda m: m.self_energy(0.2)},
    )
    yield (
        "Memory.self_energy",
        co.Memory.self_energy,
        lambda: {"self": co.Cavity(0.2, 4.0, 1.0).memory(co.chain(2, 0.1)), "detuning": [0.1, 0.3]},
        {},
    )
    for kind, field in ({co.Vacuum: co.Vacuum, co.Sphere: ball} | planes).items():
        for name in ("far_field", "magnetic_far_field"):
            yield (
                f"{kind.__name__}.{name}",
                getattr(kind, name),
                lambda f=field: {
                    "self": f(),
                    "directions": [0, 0.6, 0.8],
                    "r_source": [0.1, 0.2, 0.3],
                    "k": 6.0,
                },
                {},
            )
    for kind, field in (bodies | planes).items():
        yield (
            f"{kind.__name__}.inside",
            kind.inside,
            lambda f=field: {"self": f(), "points": [[0, 0, -1.0], [0.2, 0.1, 0.3]]},
            {},
        )
        if kind in planes and hasattr(kind, "guided"):
            yield (
                f"{kind.__name__}.guided",
                kind.guided,
                lambda f=field: {"self": f(), "emitters": above_plane()},
                {},
            )
    yield (
        "Sphere",
        co.Sphere,
        lambda: {
            "radius": 0.01,
            "permittivity": -11 + 1.3j,
            "permeability": 1.0,
            "centre": (0, 0, 0.001),
            "allow_gain": False,
        },
        {"then": lambda f: f.scattered([0.03, 0, 0.25], [0.02, 0, 0], 6.0)},
    )
    yield (
        "purcell",
        co.purcell,
        lambda: {"emitters": beside_wire(), "field": wire()},
        {},
    )
    yield "Vacuum", co.Vacuum, dict, {}
    near = {"then": lambda f: co.purcell(above_plane(), f)}
    yield "Mirror", co.Mirror, lambda: {"kind": "magnetic"}, near
    yield "HalfSpace", co.HalfSpace, lambda: {"permittivity": -16 + 0.4j}, near
    yield (
        "Layers",
        co.Layers,
        lambda: {"permittivities": [4.0, 2.25], "thicknesses": [0.2]},
        near,
    )
    yield (
        "Plasma",
        co.Plasma,
        lambda: {"wavenumber": 2.0},
        {"then": lambda f: f.green([0, 0, 0.25], [0, 0, 0], 6.0)},
    )
    yield (
        "Waveguide",
        co.Waveguide,
        lambda: {
            "rate": (1.0, 0.5),
            "wavenumber": 6.0,
            "chirality": 0.3,
            "side_rate": 0.1,
            "axis": (0, 0, 1),
            "group_velocity": 20.0,
            "mirror": -0.3,
        },
        {"then": lambda f: [f.coefficients(co.chain(2, 0.1)), f.memory(co.chain(2, 0.1))]},
    )
    yield (
        "Cavity",
        co.Cavity,
        lambda: {"coupling": (0.2, 0.1j), "linewidth": 4.0, "detuning": 1.0, "side_rate": 0.1},
        {"then": lambda f: f.coefficients(co.chain(2, 0.1))},
    )
    for model, members in (
        (
            co.Waveguide(1.0, 6.0, chirality=0.3, group_velocity=9.0),
            ("coefficients", "guided", "memory", "assumptions"),
        ),
        (
            co.Cavity(0.2, 4.0, 1.0),
            ("coefficients", "assumptions", "memory", "beyond_markov"),
        ),
    ):
        for name in members:
            yield (
                f"{type(model).__name__}.{name}",
                getattr(type(model), name),
                lambda m=model: {"self": m, "emitters": co.chain(2, 0.1)},
                {},
            )
    yield (
        "Nanowire",
        co.Nanowire,
        lambda: {
            "radius": 0.01,
            "permittivity": -50 + 0.6j,
            "permeability": 1.0,
            "allow_gain": False,
        },
        {"then": lambda f: f.purcell(beside_wire())},
    )
    yield (
        "SampledField",
        co.SampledField,
        lambda: {**sampled_arrays(), "content": "total", "time": "exp(-iwt)", "tolerance": 1e-6},
        {"then": lambda f: f.green(**SAMPLED)},
    )
    yield (
        "SampledField.from_si",
        co.SampledField.from_si,
        lambda: {
            **sampled_arrays(1e-7),
            "content": "total",
            "time": "exp(-iwt)",
            "tolerance": 1e-6,
            "length": 1e-7,
        },
        {"then": lambda f: f.green(**SAMPLED)},
    )
    yield (
        "SampledField.from_field",
        co.SampledField.from_field,
        lambda: {
            "field": wire(),
            "emitters": beside_wire(),
            "wavenumbers": [6.0, 6.2],
            "tolerance": 1e-6,
        },
        {},
    )
    yield (
        "SampledField.from_file",
        co.SampledField.from_file,
        lambda: {"path": sampled_field().save("samples.npz"), "tolerance": 1e-6, "length": 1.0},
        {"errors": (OSError,)},
    )
    yield (
        "SampledField.from_xarray",
        co.SampledField.from_xarray,
        lambda: {"dataset": labelled(), "tolerance": 1e-6, "length": 1.0},
        {},
    )
    yield (
        "SampledField.save",
        co.SampledField.save,
        lambda: {"self": sampled_field(), "path": "samples"},
        {"errors": (OSError,)},
    )
    yield (
        "SampledField.interpolation_error",
        co.SampledField.interpolation_error,
        lambda: {"self": sampled_field(), "k": 6.05},
        {},
    )
    for name in ("epsilon", "mu", "plasmon"):
        yield (
            f"Nanowire.{name}",
            getattr(co.Nanowire, name),
            lambda: {"self": wire(), "k": 2 * np.pi},
            {},
        )
    yield (
        "Nanowire.guided_modes",
        co.Nanowire.guided_modes,
        lambda: {"self": fibre(), "k": 2 * np.pi},
        {},
    )
    for name in ("guided", "guided_decay"):
        yield (
            f"Nanowire.{name}",
            getattr(co.Nanowire, name),
            lambda: {"self": fibre(), "emitters": beside_fibre(), "direction": 1},
            {},
        )
    for name in ("electric", "magnetic"):
        yield (
            f"GuidedMode.{name}",
            getattr(co.GuidedMode, name),
            lambda: {
                "self": fibre().guided_modes(2 * np.pi)[0],
                "points": [0.3, 0.1, 0.2],
                "direction": 1,
                "circulation": -1,
            },
            {},
        )
    for name in ("plasmon_amplitude", "plasmon_rate", "purcell", "beta"):
        yield (
            f"Nanowire.{name}",
            getattr(co.Nanowire, name),
            lambda: {"self": wire(), "emitters": beside_wire()},
            {},
        )
    yield (
        "check_field",
        co.check_field,
        lambda: {
            "field": co.Vacuum(),
            "points": [[0, 0, 0], [0.1, 0.2, 0.3]],
            "k": 6.0,
            "kramers_kronig": False,
        },
        {},
    )

    yield (
        "materials.Drude",
        m.Drude,
        lambda: {"plasma_wavenumber": 40.0, "damping": 0.1, "background": 1.0},
        {"then": permittivities},
    )
    yield (
        "materials.Drude.from_value",
        m.Drude.from_value,
        lambda: {"epsilon": -50 + 0.6j, "k": 6.0, "background": 1.0},
        {"then": permittivities},
    )
    yield (
        "materials.Drude.permittivity",
        m.Drude.permittivity,
        lambda: {"self": m.Drude(40.0, 0.1), "k": 6.0},
        {},
    )
    yield (
        "materials.Lorentz",
        m.Lorentz,
        lambda: {
            "strengths": [1.1],
            "wavenumbers": [60.0],
            "dampings": [0.1],
            "background": 1.0,
        },
        {"then": permittivities},
    )
    yield (
        "materials.Lorentz.permittivity",
        m.Lorentz.permittivity,
        lambda: {"self": m.Lorentz([1.1], [60.0], [0.1]), "k": 6.0},
        {},
    )
    yield (
        "materials.Table",
        m.Table,
        lambda: {
            "wavenumbers": table().wavenumbers,
            "values": table().values,
            "allow_gain": False,
            "carriers": None,
        },
        {"then": permittivities},
    )
    yield (
        "materials.Table.permittivity",
        m.Table.permittivity,
        lambda: {"self": table(), "k": 6.0},
        {},
    )
    yield (
        "materials.Table.imaginary_error",
        m.Table.imaginary_error,
        lambda: {"self": table(), "kappa": 6.0},
        {},
    )
    yield (
        "materials.Table.from_nk",
        m.Table.from_nk,
        lambda: {
            "wavelength": 2 * np.pi / table().wavenumbers,
            "n": np.sqrt(table().values).real,
            "k": np.sqrt(table().values).imag,
            "allow_gain": False,
            "carriers": None,
        },
        {"then": permittivities},
    )
    for measured in ("gold", "silver", "silica"):
        yield f"materials.{measured}", getattr(m, measured), lambda: {"length": 780e-9}, {}
    yield "materials.wavenumbers", m.wavenumbers, lambda: {"k": 6.0}, {}

    x = co.spectral
    yield (
        "spectral.Bath",
        x.Bath,
        lambda: {
            "gamma": lambda w: np.array([[lorentzian(w)]]),
            "shift": None,
        },
        {"then": lambda b: (b.gamma(1.0), b.shift(1.0))},
    )
    yield (
        "spectral.Bath.from_spectral_density",
        x.Bath.from_spectral_density,
        lambda: {
            "density": lambda w: np.array([[w * lorentzian(w) ** 2]]),
            "temperature": 0.5,
            "scale": 1.0,
        },
        {"then": lambda b: (b.gamma(1.0), b.shift(1.0))},
    )
    yield (
        "spectral.LossyModes",
        x.LossyModes,
        lambda: {"frequencies": [1.0, 2.0], "linewidths": [0.2, 0.3], "couplings": modes_of(2)},
        {"then": lambda b: (b.gamma(1.0), b.shift(1.0))},
    )
    yield (
        "spectral.BrownianModes",
        x.BrownianModes,
        lambda: {
            "frequencies": [1.0, 2.0],
            "linewidths": [0.2, 0.3],
            "couplings": modes_of(2),
            "temperature": 0.5,
        },
        {"then": lambda b: (b.gamma(1.0), b.shift(1.0))},
    )
    for bath, kind in ((x.LossyModes, lossy), (x.BrownianModes, brownian)):
        name = f"spectral.{bath.__name__}"
        for answer in ("gamma", "shift"):
            yield (
                f"{name}.{answer}",
                getattr(bath, answer),
                lambda kind=kind: {"self": kind(), "omega": 1.0},
                {},
            )
    yield (
        "spectral.LossyModes.exponentials",
        x.LossyModes.exponentials,
        lambda: {"self": lossy()},
        {},
    )
    yield (
        "spectral.LossyModes.thermal",
        x.LossyModes.thermal,
        lambda: {"self": lossy(), "temperature": 0.5},
        {"then": lambda b: (b.gamma(1.0), b.shift(1.0))},
    )
    for answer in ("exponentials", "remainder"):
        yield (
            f"spectral.BrownianModes.{answer}",
            getattr(x.BrownianModes, answer),
            lambda: {"self": brownian(), "terms": 2},
            {},
        )
    yield (
        "spectral.fit_modes",
        x.fit_modes,
        lambda: {"bath": lorentzian, "band": (0.0, 2.0), "modes": 1, "points": 12},
        {},
    )
    yield (
        "spectral.bath",
        x.bath,
        lambda: {
            "multilevel": dipoles(),
            "field": co.Vacuum(),
            "temperature": 0.5,
        },
        {"then": lambda b: (b.gamma(1.0), b.shift(1.0))},
    )
    places = {"multilevel": dipoles(), "field": co.Vacuum(), "i": 0, "j": 1}
    yield "spectral.coupling_tensor", x.coupling_tensor, lambda: {**places, "omega": 1.0}, {}
    yield "spectral.static_tensor", x.static_tensor, lambda: dict(places), {}
    yield (
        "spectral.decay_and_shift",
        x.decay_and_shift,
        lambda: {**places, "frequencies": np.array([0.5, 1.0])},
        {},
    )
    yield (
        "spectral.retarded",
        x.retarded,
        lambda: {**places, "delays": [0.0, 1.0], "width": 0.5, "breakpoints": (), "rtol": 1e-6},
        {},
    )
    yield (
        "spectral.imaginary_axis",
        x.imaginary_axis,
        lambda: {
            "function": lambda k: np.array([np.exp(-k)]),
            "scale": 1.0,
            "rtol": 1e-8,
            "atol": 1e-12,
        },
        {},
    )
    yield (
        "spectral.principal_value",
        x.principal_value,
        lambda: {
            "function": lorentzian,
            "omega": 1.0,
            "period": None,
            "scale": 1.0,
            "breakpoints": (0.0,),
            "rtol": 1e-9,
        },
        {},
    )

    axis = np.linspace(-7, 7, 16)
    yield (
        "currents.Orbitals",
        c.Orbitals,
        lambda: {
            "axes": [axis] * 3,
            "wavefunctions": [c.gaussian(width=1.5)],
        },
        {"then": lambda orbital: orbital.overlap()},
    )
    yield (
        "currents.Orbitals.from_si",
        c.Orbitals.from_si,
        lambda: {
            "axes": [axis * 5.3e-11] * 3,
            "wavefunctions": [lambda x, y, z: 1e15 * np.exp(-(x**2 + y**2 + z**2) / 1.2e-20)],
        },
        {"then": lambda orbital: orbital.overlap()},
    )
    yield (
        "currents.Orbitals.derivative",
        c.Orbitals.derivative,
        lambda: {"self": orbitals(), "axis": 0, "order": 1},
        {},
    )
    yield (
        "currents.Orbitals.one_body",
        c.Orbitals.one_body,
        lambda: {"self": orbitals(), "potential": 0.5},
        {},
    )
    for name in ("overlap", "orthonormalised", "laplacian"):
        yield (
            f"currents.Orbitals.{name}",
            getattr(c.Orbitals, name),
            lambda: {"self": orbitals()},
            {},
        )
    yield (
        "currents.interactions",
        c.interactions,
        lambda: {
            "orbitals": orbitals(),
            "screening": 0.1,
            "checkpoint": None,
            "progress": False,
        },
        {"errors": (OSError,)},
    )
    yield (
        "currents.Interactions.hamiltonian",
        c.Interactions.hamiltonian,
        lambda: {"self": integrals(), "one_body": np.eye(2), "form": "full"},
        {},
    )
    yield (
        "currents.annihilator",
        c.annihilator,
        lambda: {"orbitals": 2, "orbital": 0, "spin": "up"},
        {},
    )
    yield "currents.number", c.number, lambda: {"orbitals": 2, "orbital": 0}, {}
    yield "currents.spin", c.spin, lambda: {"orbitals": 2, "orbital": 0}, {}
    yield (
        "currents.Constants",
        c.Constants,
        lambda: {"speed_of_light": 1.0, "permeability": 1.0, "charge": 1.0, "mass": 1, "hbar": 1},
        {"then": lambda found: found.permittivity},
    )
    yield "currents.constants", c.constants, lambda: {"units": "SI"}, {}
    yield (
        "currents.darwin_energy",
        c.darwin_energy,
        lambda: {
            "separation": [0, 0, 1.0],
            "v1": [1.0, 0, 0],
            "v2": [1.0, 0, 0],
            "charges": (-1.0, -1.0),
            "units": "atomic",
        },
        {},
    )
    wave = {"frequency": 0.5, "plasma_frequency": 0.1, "units": "atomic"}
    yield (
        "currents.dipole_energy",
        c.dipole_energy,
        lambda: {"m1": [1.0, 0, 0], "m2": [1.0, 0, 0], "separation": [0, 0, 1.0], **wave},
        {},
    )
    bloch = {"q": [0, 0, 0.1], "velocity": lambda k: k, "volume": 1.0, "units": "atomic"}
    yield (
        "currents.bloch_coupling",
        c.bloch_coupling,
        lambda: {**bloch, **wave, "k1": [1.0, 0, 0], "k2": [0, 1.0, 1.0], "charges": (-1.0, -1.0)},
        {},
    )
    yield (
        "currents.bloch_current",
        c.bloch_current,
        lambda: {**bloch, "k": [1.0, 0, 0], "charge": -1.0},
        {},
    )
    yield (
        "currents.phonon_coupling",
        c.phonon_coupling,
        lambda: {
            "matrix_element": 0.1,
            "phonon_energy": 0.2,
            "ions": 10,
            "energy": 0.05,
            "tau": None,
            "temperature": 0.0,
        },
        {},
    )
    yield (
        "currents.phonon_matrix_element",
        c.phonon_matrix_element,
        lambda: {
            "q": [0, 0, 1.0],
            "polarisation": [0, 0, 1.0],
            "phonon_frequency": 0.1,
            "potential": -0.3,
            "ion_mass": 1e4,
            "units": "atomic",
        },
        {},
    )
    yield (
        "currents.coulomb_kernel",
        c.coulomb_kernel,
        lambda: {"q": 1.0, "units": "atomic"},
        {},
    )
    in_time = {"q": 1.0, "plasma_frequency": 0.1, "units": "atomic"}
    yield "currents.time_kernel", c.time_kernel, lambda: {**in_time, "t": 0.5}, {}
    yield (
        "currents.imaginary_time_kernel",
        c.imaginary_time_kernel,
        lambda: {**in_time, "tau": 0.3, "temperature": 0.5},
        {},
    )
    yield "currents.momentum_kernel", c.momentum_kernel, lambda: {"q": 1.0, **wave}, {}
    yield "currents.spatial_kernel", c.spatial_kernel, lambda: {"r": 1.0, **wave}, {}
    yield (
        "currents.transverse_kernel",
        c.transverse_kernel,
        lambda: {"separation": [0, 0, 1.0], **wave},
        {},
    )
    yield (
        "currents.plane_wave_coupling",
        c.plane_wave_coupling,
        lambda: {"k1": [1.0, 0, 0], "k2": [-1.0, 0, 0], "q": [0, 0, 0.1], "volume": 1.0, **wave},
        {},
    )
    shape = {"l": 1, "m": 1, "centre": (0, 0, 0), "real": False}
    yield "currents.gaussian", c.gaussian, lambda: {**shape, "width": 1.0}, {"then": far}
    yield (
        "currents.hydrogen_like",
        c.hydrogen_like,
        lambda: {**shape, "n": 2, "charge": 1.0},
        {"then": far},
    )
    yield (
        "currents.momentum_ratio",
        c.momentum_ratio,
        lambda: {"q": 1e10, "plasma_frequency": 1e16, "units": "SI"},
        {},
    )
    yield (
        "currents.phonon_ratio",
        c.phonon_ratio,
        lambda: {
            "fermi_energy": 10.0,
            "phonon_energy": 0.02,
            "coupling": 0.5,
            "electrons_per_ion": 4.0,
        },
        {},
    )
    yield (
        "currents.plasma_frequency",
        c.plasma_frequency,
        lambda: {
            "density": 1e28,
            "ion_density": 1e28,
            "ion_charge": 1.0,
            "ion_mass": 1e-25,
            "units": "SI",
        },
        {},
    )
    yield (
        "currents.screening_wavenumber",
        c.screening_wavenumber,
        lambda: {"plasma_frequency": 1e16, "units": "SI"},
        {},
    )
    yield (
        "currents.velocity_ratio",
        c.velocity_ratio,
        lambda: {"v1": [1e6, 0, 0], "v2": [1e6, 0, 0], "direction": [0, 0, 1.0], "units": "SI"},
        {},
    )

    yield (
        "observables.angular_pattern",
        o.angular_pattern,
        lambda: {"result": result(), "directions": [[0, 0, 1.0]], "polarisation": (1, 0.5j, 0)},
        {},
    )
    yield (
        "observables.angular_pattern (atoms)",
        o.angular_pattern,
        lambda: {
            "result": light_of_atoms(),
            "directions": [[0, 1.0, 1.0]],
            "polarisation": "helicity+",
        },
        {},
    )
    for name in ("polarised_emission", "level_populations"):
        yield (
            f"observables.{name}",
            getattr(o, name),
            lambda: {"result": light_of_atoms()},
            {},
        )
    yield (
        "observables.near_field (atoms)",
        o.near_field,
        lambda: {
            "result": light_of_atoms(),
            "points": [[0, 1.0, 0.3]],
            "field": co.Vacuum(),
        },
        {},
    )
    yield (
        "observables.far_field",
        o.far_field,
        lambda: {"result": result(), "n_polar": 4, "n_azimuth": 5},
        {},
    )
    for name in ("directions", "total"):
        yield (
            f"observables.FarField.{name}",
            getattr(o.FarField, name),
            lambda: {"self": o.far_field(result(), n_polar=4, n_azimuth=5)},
            {},
        )
    yield "observables.sphere", o.sphere, lambda: {"n_polar": 4, "n_azimuth": 5}, {}
    yield (
        "observables.collected",
        o.collected,
        lambda: {"result": result(), "axis": (1, 0, 0), "numerical_aperture": 0.5},
        {},
    )
    yield (
        "observables.moment (atoms)",
        o.moment,
        lambda: {
            "couplings": channels(),
            "state": co.states.levels(["e 0", "g 0"]),
            "states": True,
        },
        {},
    )
    yield (
        "observables.moment",
        o.moment,
        lambda: {"couplings": pair(), "state": co.states.single(1), "states": True},
        {},
    )
    yield (
        "observables.moment (correlations)",
        o.moment,
        lambda: {"couplings": pair(), "state": np.eye(2) / 2, "states": False},
        {},
    )
    yield (
        "observables.near_field",
        o.near_field,
        lambda: {"result": result(), "points": [[0, 1.0, 0]], "field": co.Vacuum()},
        {},
    )
    yield (
        "observables.bands",
        o.bands,
        lambda: {
            "lattice": "chain",
            "spacing": 0.2,
            "quasimomenta": [0.0, 1.0],
            "dipole": (1, 0, 0),
        },
        {},
    )
    yield (
        "observables.infinite_array",
        o.infinite_array,
        lambda: {"spacing": 0.6, "frequencies": [0.0, 0.1], "dipole": (1, 0, 0)},
        {},
    )
    for name in ("scattering", "transmission", "reflection"):
        yield f"observables.{name}", getattr(o, name), lambda: {"couplings": array(), **BEAM}, {}
    yield (
        "observables.weak_light",
        o.weak_light,
        lambda: {
            "atoms": isotropic(),
            "frequencies": [0.0, 0.25],
            "waist": 1.0,
            "axis": (0, 0, 1),
            "polarisation": (1, 0, 0),
            "method": "sum",
            "tolerance": 1e-10,
        },
        {},
    )
    yield (
        "observables.WeakLight.pattern",
        o.WeakLight.pattern,
        lambda: {"self": weak(), "directions": [[0, 0, 1.0]], "polarisation": (1, 0, 0)},
        {},
    )
    yield (
        "observables.burst_criterion",
        o.burst_criterion,
        lambda: {"couplings": pair(), "direction": (0, 0, 1)},
        {},
    )
    yield (
        "observables.critical_spacing",
        o.critical_spacing,
        lambda: {
            "builder": lambda spacing: co.chain(3, spacing),
            "bracket": (0.05, 1.0),
            "direction": None,
            "which": "last",
            "samples": 8,
        },
        {},
    )
    yield (
        "observables.participation_ratios",
        o.participation_ratios,
        lambda: {"couplings": pair()},
        {},
    )
    yield "observables.concurrence", o.concurrence, lambda: {"result": result(), "m": 0, "n": 1}, {}
    yield "observables.negativity", o.negativity, lambda: {"result": result(), "emitters": [0]}, {}
    for name in ("entropy", "purity"):
        yield (
            f"observables.{name}",
            getattr(o, name),
            lambda: {"result": result(), "emitters": [0]},
            {},
        )
    yield (
        "observables.squeezing",
        o.squeezing,
        lambda: {"result": result(), "definition": "wineland", "state": None, "times": None},
        {},
    )
    yield (
        "observables.squeezing [couplings]",
        o.squeezing,
        lambda: {
            "result": identical(),
            "definition": "kitagawa-ueda",
            "state": co.states.coherent(1.0),
            "times": [0.0, 0.1],
        },
        {},
    )
    yield (
        "observables.excitation_distribution",
        o.excitation_distribution,
        lambda: {"result": result()},
        {},
    )
    yield (
        "observables.coincidences",
        o.coincidences,
        lambda: {"result": sampled(), "edges": [0, 1.0, 2.0], "window": (0.0, 2.0)},
        {},
    )
    light = {"state": None, "start": None, "direction": (0, 0, 1.0), "site": None}
    yield "observables.g1", o.g1, lambda: {"couplings": driven(), "delays": [0, 0.5], **light}, {}
    yield (
        "observables.g2",
        o.g2,
        lambda: {
            "source": driven(),
            "delays": [0, 0.5],
            "state": None,
            "start": None,
            "directions": (0, 0, 1.0),
        },
        {},
    )
    yield (
        "observables.g1 (site)",
        o.g1,
        lambda: {"couplings": driven(), "delays": [0, 0.5], **light, "direction": None, "site": 1},
        {},
    )
    yield (
        "observables.correlation",
        o.correlation,
        lambda: {
            "couplings": driven(),
            "state": "ground",
            "times": [0.0, 0.4],
            "delays": [0, 0.5],
            "operators": "coherence",
            "drive": (),
            "method": "exact",
            "progress": False,
        },
        {},
    )
    yield (
        "observables.correlation (operators)",
        o.correlation,
        lambda: {
            "couplings": driven(),
            "state": None,
            "times": 0.0,
            "delays": [0, 0.5],
            "operators": (lowered().dag(), lowered()),
            "drive": (),
            "method": "auto",
            "progress": False,
        },
        {},
    )
    yield (
        "observables.correlation (pulses)",
        o.correlation,
        lambda: {
            "couplings": pair(),
            "state": "ground",
            "times": [0.0, 0.4],
            "delays": [0, 0.5],
            "operators": (lowered().dag(), lowered()),
            "drive": co.pulse.square(rabi=1.0, start=0.1, length=0.2),
            "method": "exact",
            "progress": False,
        },
        {},
    )
    yield (
        "observables.inverted_g2",
        o.inverted_g2,
        lambda: {"couplings": pair(), "directions": (0, 0, 1.0)},
        {},
    )
    yield (
        "observables.spectrum",
        o.spectrum,
        lambda: {"couplings": driven(), "frequencies": [0.0, 0.5], **light},
        {},
    )

    yield (
        "plot.animate",
        p.animate,
        lambda: {
            "result": result(),
            "path": None,
            "fps": 5,
            "seconds": 0.5,
        },
        {"errors": (OSError,), "then": shown},
    )
    yield "plot.in_units", p.in_units, lambda: {"time": "ns", "length": "nm"}, {}
    yield "plot.bands", p.bands, lambda: {"bands": bands(), "ax": None}, {}
    yield "plot.comparison", p.comparison, lambda: {"comparison": comparison(), "ax": None}, {}
    yield (
        "plot.couplings",
        p.couplings,
        lambda: {"couplings": pair(), "part": "decay", "ax": None},
        {},
    )
    yield (
        "plot.emission",
        p.emission,
        lambda: {"results": result(), "independent": True, "per_emitter": False, "ax": None},
        {},
    )
    yield (
        "plot.environment",
        p.environment,
        lambda: {
            "field": wire(),
            "emitters": beside_wire(),
            "source": 1,
            "plane": "xz",
            "extent": 0.3,
            "centre": (0.02, 0, 0.1),
            "points": 8,
            "ax": None,
        },
        {},
    )
    yield (
        "plot.field_map",
        p.field_map,
        lambda: {
            "result": result(),
            "plane": "xz",
            "extent": 1.0,
            "centre": (0, 0, 0),
            "time": 0.1,
            "field": co.Vacuum(),
            "points": 8,
            "ax": None,
        },
        {},
    )
    yield "plot.jumps", p.jumps, lambda: {"result": sampled(), "trajectories": 2, "ax": None}, {}
    yield "plot.ladder", p.ladder, lambda: {"result": result(), "ax": None}, {}
    yield "plot.lattice", p.lattice, lambda: {"emitters": co.chain(3, 0.1), "ax": None}, {}
    yield (
        "plot.levels",
        p.levels,
        lambda: {
            "atoms": strontium(),
            "populations": [0.2, 0.1, 0, 0.7],
            "time": None,
            "atom": 1,
            "ax": None,
        },
        {},
    )
    yield (
        "plot.levels (result)",
        p.levels,
        lambda: {
            "atoms": isotropic(),
            "populations": light_of_atoms(),
            "time": 0.1,
            "atom": 0,
            "ax": None,
        },
        {},
    )
    yield (
        "plot.polarised_emission",
        p.polarised_emission,
        lambda: {"result": light_of_atoms(), "ax": None},
        {},
    )
    yield (
        "plot.zeeman_spectrum",
        p.zeeman_spectrum,
        lambda: {
            "couplings": lit_atoms(),
            "shifts": [0.0, 1.0],
            "detunings": [-1.0, 0.5, 2.0],
            "ax": None,
        },
        {},
    )
    yield (
        "plot.zeeman",
        p.zeeman,
        lambda: {"line": "Rb87 D2", "ground": 2, "excited": 3, "field": 1e-3, "ax": None},
        {},
    )
    yield "plot.mode", p.mode, lambda: {"couplings": pair(), "index": 0, "ax": None}, {}
    yield "plot.modes", p.modes, lambda: {"couplings": pair(), "ax": None}, {}
    yield (
        "plot.pattern",
        p.pattern,
        lambda: {
            "results": result(),
            "plane": "xz",
            "time": 0.1,
            "polarisation": "helicity+",
            "ax": None,
        },
        {},
    )
    yield "plot.pattern_3d", p.pattern_3d, lambda: {"result": result(), "time": 0.1, "ax": None}, {}
    yield "plot.pulses", p.pulses, lambda: {"drive": [pulse()], "ax": None}, {}
    yield "plot.populations", p.populations, lambda: {"result": result(), "ax": None}, {}
    yield (
        "plot.scattering",
        p.scattering,
        lambda: {"scattering": scattered(), "infinite": None, "ax": None},
        {},
    )
    yield (
        "plot.shots",
        p.shots,
        lambda: {"result": samples(), "count": 2, "per_emitter": False, "ax": None},
        {},
    )
    yield "plot.spectrum", p.spectrum, lambda: {"spectra": spectrum(), "log": False, "ax": None}, {}

    for name, state in systems.STATES.items():
        kind = type(state)
        yield (
            f"states.{name} (excitations)",
            kind.excitations,
            lambda state=state: {"self": state, "n": 4},
            {},
        )
        yield (
            f"states.{name} (symmetric)",
            kind.symmetric,
            lambda state=state: {"self": state, "n": 4},
            {},
        )
        if hasattr(kind, "amplitudes"):
            yield (
                f"states.{name} (amplitudes)",
                kind.amplitudes,
                lambda state=state: {
                    "self": state,
                    "excited": np.eye(4, dtype=bool),
                    "emitters": co.chain(4, 0.1),
                },
                {},
            )
    for name in ("inverted", "ground", "levels", "level_product", "from_amplitudes"):
        kind = type(systems.STATES[name])
        member = "one_excitation" if name == "from_amplitudes" else "level_vectors"
        yield (
            f"states.{name} ({member})",
            getattr(kind, member),
            lambda state=systems.STATES[name]: {"self": state, "atoms": four_two_level_atoms()},
            {},
        )
    for name, member in (
        ("product", "spinors"),
        ("levels", "spinors"),
        ("level_product", "spinors"),
        ("mixed", "probabilities"),
    ):
        yield (
            f"states.{name} ({member})",
            getattr(type(systems.STATES[name]), member),
            lambda name=name: {"self": systems.STATES[name], "n": 4},
            {},
        )
    yield (
        "states.levels (levels)",
        type(s.levels("e")).levels,
        lambda: {"self": s.levels([0, 1]), "multilevel": dipoles()},
        {},
    )
    yield (
        "states.density_matrix",
        s.density_matrix,
        lambda: {"state": s.single(0), "couplings": pair()},
        {},
    )
    yield (
        "states.correlations (atoms)",
        s.correlations,
        lambda: {"state": s.levels(["e 0", "g 0"]), "couplings": channels()},
        {},
    )
    yield (
        "states.correlations",
        s.correlations,
        lambda: {"state": s.single(0), "couplings": pair()},
        {},
    )
    yield (
        "states.product",
        s.product,
        lambda: {"theta": [0.3, 1.0], "phi": 0.2},
        {"then": lambda state: co.evolve(pair(), state, TIMES, progress=False)},
    )
    yield (
        "states.levels",
        s.levels,
        lambda: {"names": ["g 0", "e +1"]},
        {"then": lambda state: co.evolve(channels(), state, TIMES, progress=False)},
    )
    yield (
        "states.level_product",
        s.level_product,
        lambda: {"vectors": [[0, 0, 0, 1], [1, 1j, 0, 0.3]]},
        {"then": lambda state: co.evolve(channels(), state, TIMES, progress=False)},
    )
    yield (
        "states.mixed",
        s.mixed,
        lambda: {"populations": [0.3, 1.0]},
        {"then": lambda state: co.evolve(pair(), state, TIMES, progress=False)},
    )
    yield "states.inverted", s.inverted, dict, {}
    yield "states.ground", s.ground, dict, {}
    yield "states.single", s.single, lambda: {"m": 0}, {}
    yield "states.dicke", s.dicke, lambda: {"k": 1}, {}
    yield (
        "states.timed_dicke",
        s.timed_dicke,
        lambda: {"wavevector": (0, 0, 6.0)},
        {"then": lambda state: co.evolve(pair(), state, TIMES, progress=False)},
    )
    yield (
        "states.from_amplitudes",
        s.from_amplitudes,
        lambda: {"vector": [0.6, 0.8j]},
        {"then": lambda state: co.evolve(pair(), state, TIMES, progress=False)},
    )
    yield (
        "states.coherent",
        s.coherent,
        lambda: {"theta": 0.3, "phi": 0.1},
        {"then": lambda state: co.evolve(pair(), state, TIMES, progress=False)},
    )

    phases = {"phase": 0.1, "detuning": 0.2, "chirp": 0.3}

    def driven_by(found):
        return found([0.0, 0.1, 0.25]), found.area

    for form in (co.pulse.gaussian, co.pulse.sech):
        yield (
            f"pulse.{form.__name__}",
            form,
            lambda: {"centre": 0.2, "width": 0.1, "rabi": [1.0, 1j], "area": None, **phases},
            {"then": driven_by},
        )
    yield (
        "pulse.square",
        co.pulse.square,
        lambda: {
            "length": 0.1,
            "start": 0.2,
            "centre": None,
            "rabi": None,
            "area": [3.0, 1.0],
            **phases,
        },
        {"then": driven_by},
    )
    yield (
        "pulse.from_array",
        co.pulse.from_array,
        lambda: {
            "times": [0, 0.1, 0.3],
            "values": [0, 1j, 2],
            "rabi": 1.0,
            "area": None,
            "interpolation": "linear",
            **phases,
        },
        {"then": driven_by},
    )
    yield "pulse.sequence", co.pulse.sequence, lambda: {"parts": [pulse(), 0.1], "start": 0.0}, {}
    yield (
        "pulse.table",
        co.pulse.table,
        lambda: {"times": [0, 1, 2], "values": [0, 2, 1], "interpolation": "cubic"},
        {"then": lambda found: found([0.5, 1.5])},
    )
    yield (
        "pulse.Table",
        co.pulse.Table,
        lambda: {
            "times": [0, 1],
            "values": [[0, 2], [1, 1]],
            "interpolation": "steps",
            "name": "f",
        },
        {"then": lambda found: found(0.5)},
    )
    yield (
        "pulse.Pulse",
        co.pulse.Pulse,
        lambda: {
            "shape": "sech",
            "rabi": 1.0,
            "centre": 0.2,
            "width": 0.1,
            "values": None,
            **phases,
        },
        {"then": lambda found: found([0.1, 0.2])},
    )
    yield "pulse.Pulse.shifted", co.pulse.Pulse.shifted, lambda: {"self": pulse(), "delay": 0.1}, {}
    yield "pulse.Pulse.replace", co.pulse.Pulse.replace, lambda: {"self": pulse(), "phase": 0.1}, {}
    yield (
        "pulse.Controls",
        co.pulse.Controls,
        lambda: {"drive": [pulse()], "detunings": co.pulse.table([0, 1], [0, 1]), "strength": None},
        {},
    )

    yield (
        "units.natural_frequency",
        u.natural_frequency,
        lambda: {"wavelength": 780e-9, "linewidth": 4e7},
        {},
    )
    yield (
        "units.trap_width",
        u.trap_width,
        lambda: {"mass": 1.4e-25, "frequency": [6e5, 6e4], "temperature": 1e-6},
        {},
    )
    yield (
        "units.linewidth",
        u.linewidth,
        lambda: {"dipole": [0, 1j * 2e-29, 1e-29], "wavelength": 780e-9, "kind": "electric"},
        {},
    )
    yield "units.atom", u.atom, lambda: {"name": "Rb87 D2"}, {}
    yield (
        "units.Level",
        u.Level,
        lambda: {
            "momentum": 1.5,
            "g_factor": 1.3362,
            "magnetic_dipole": 8.5e7,
            "electric_quadrupole": 1.2e7,
        },
        {},
    )
    yield (
        "units.Line",
        u.Line,
        lambda: {
            "name": "mine",
            "wavelength": 780e-9,
            "linewidth": 4e7,
            "source": "",
            "ground": u.Level(0.5, 2.0, 3.4e9),
            "excited": u.Level(1.5, 1.3362, 8.5e7, 1.2e7),
            "nuclear_spin": 1.5,
            "nuclear_g_factor": -1e-3,
            "wavelength_error": 1e-16,
            "linewidth_error": 1e4,
        },
        {"then": lambda line: line.hyperfine_shift("excited", 3) + line.g_factor("ground", 2)},
    )
    rubidium = {"self": u.atom("Rb87 D2"), "side": "excited"}
    yield "units.Line.level", u.Line.level, lambda: dict(rubidium), {}
    yield "units.Line.momenta", u.Line.momenta, lambda: dict(rubidium), {}
    yield (
        "units.Line.hyperfine_shift",
        u.Line.hyperfine_shift,
        lambda: rubidium | {"momentum": 3},
        {},
    )
    yield "units.Line.g_factor", u.Line.g_factor, lambda: rubidium | {"momentum": 3}, {}
    yield "units.from_atomic", u.from_atomic, lambda: {"value": 1.0, "unit": "eV"}, {}
    yield (
        "units.from_collective_spins",
        u.from_collective_spins,
        lambda: {"omega": np.zeros((2, 2)), "gamma": np.eye(2), "delta": 0.0},
        {"then": lambda theirs: co.Couplings(**theirs)},
    )
    yield (
        "units.density_matrix_from_julia",
        u.density_matrix_from_julia,
        lambda: {"matrix": np.eye(4) / 4},
        {},
    )
    yield (
        "units.bloch_angles_from_collective_spins",
        u.bloch_angles_from_collective_spins,
        (lambda: {"phi": 0.0, "theta": 0.1}),
        {},
    )


def _variants():
    """Second recipes for functions whose other arguments use other parts of the package."""
    yield (
        "atoms (by numbers)",
        co.atoms,
        lambda: {
            "positions": [[0, 0, 0], [0, 0, 0.2]],
            "ground": (1, 2),
            "excited": 2,
            "momenta": (0.5, 1.5),
            "nuclear_spin": 1.5,
            "line": None,
            "magnetic_field": None,
            "axis": (1, 1, 0),
            "detunings": [0.0, 1.0],
            "wavelength": 1.0,
        },
        {},
    )
    o, p = co.observables, co.plot
    here = {"positions": [[0, 0, 0], [0, 0, 0.1], [0, 0, 0.3]], "dipoles": (1, 0, 0), **OPTIONS}
    yield "Emitters (magnetic)", co.Emitters, lambda: here | {"kind": "magnetic"}, {"then": warm}
    near = {
        "emitters": co.chain(2, 0.1, frequency=1e6),
        "field": co.Vacuum(),
        "shift": "full",
        "level_shifts": True,
        "by_displacement": False,
    }
    yield "couple (warm)", co.couple, lambda: near | {"temperature": 1e6}, {}
    yield "couple (rwa)", co.couple, lambda: near | {"shift": "rwa", "temperature": 0.0}, {}
    yield (
        "Nanowire (permeable)",
        co.Nanowire,
        lambda: {"radius": 0.01, "permittivity": 2.5, "permeability": 1.8, "allow_gain": True},
        {"then": lambda f: f.magnetic_green([0.03, 0, 0.25], [0.02, 0, 0], 6.0j)},
    )
    yield (
        "observables.g2 (result)",
        o.g2,
        lambda: {
            "source": result(), "delays": None, "state": None, "start": None, "directions": None,
        },
        {"holes": ("diagnostics",)},
    )  # fmt: skip
    alike = {"state": None, "start": "ground"}
    for name, given in (
        ("g1", {"direction": None, "site": None}),
        ("spectrum", {"direction": None, "site": None}),
    ):
        what = {"delays": [0, 0.5]} if name == "g1" else {"frequencies": [0.0, 0.5]}
        yield (
            f"observables.{name} (identical)",
            getattr(o, name),
            lambda given=given, what=what: {"couplings": identical(), **what, **alike, **given},
            {},
        )
    yield (
        "observables.g2 (identical)",
        o.g2,
        lambda: {"source": identical(), "delays": [0, 0.5], "directions": None, **alike},
        {},
    )
    yield (
        "observables.near_field (levels)",
        o.near_field,
        lambda: {"result": levels(), "points": [[0, 1.0, 0.3]], "field": co.Vacuum()},
        {},
    )
    yield (
        "plot.populations (levels)",
        p.populations,
        lambda: {"result": levels(), "ax": None},
        {},
    )
    yield (
        "Result.in_frame (levels)",
        co.Result.in_frame,
        lambda: {"self": levels(), "frame": "rotating"},
        {},
    )
    yield (
        "Result.to_netcdf (sampled)",
        co.Result.to_netcdf,
        lambda: {"self": sampled(), "path": "written"},
        {"errors": (OSError,)},
    )


@cache
def recipes():
    """Every `Recipe` by name."""
    return {
        name: Recipe(name, target, arguments, **more)
        for name, target, arguments, more in (*_recipes(), *_variants())
    }


def missing():
    """Public functions without a recipe, and parameters that a recipe leaves out."""
    found = walker.discovered()
    lacking = sorted(set(found) - set(recipes()) - RECORDS - PROTOCOLS)
    for name, recipe in recipes().items():
        if name.partition(" ")[0] not in found and not name.startswith("Interaction."):
            lacking.append(f"{name} is not public any more")
            continue
        wanted = {
            parameter.name
            for parameter in inspect.signature(recipe.target).parameters.values()
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        }
        left_out = wanted - set(recipe.arguments())
        lacking += [f"{name}({parameter})" for parameter in sorted(left_out)]
    return lacking
