"""What users hold survives copies, pickles and other processes, and compares by its values.

The objects are those that all public functions return or take, from `recipes`, and results of every
engine. A new public object is held by its recipe.
"""

import copy
import dataclasses
import gc
import inspect
import multiprocessing
import pickle
import threading
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import cloudpickle
import numpy as np
import pytest
import qutip
import recipes
import threadpoolctl
import workers

import collective as co
from collective import errors

ROUTES = {
    f"pickle {n}": lambda thing, n=n: pickle.loads(pickle.dumps(thing, n))
    for n in range(2, pickle.HIGHEST_PROTOCOL + 1)
} | {
    "cloudpickle": lambda thing: cloudpickle.loads(cloudpickle.dumps(thing)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
PLAIN = [route for route in ROUTES if route.startswith("pickle")]
# they return figures or write files
OTHERS = ("plot.", "Result.save", "Result.to_netcdf", "Result.to_xarray")
# their answers hold seconds and free memory, which differ each time
MEASURED = {"scenarios.Scenario.methods", "scenarios.Scenario.run"}
NAMES = sorted(name for name in recipes.recipes() if not name.startswith(OTHERS))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def ours(thing):
    return type(thing).__module__.partition(".")[0] == "collective"


def leaves(thing, where=""):
    """Every number, text and array inside an object, with its place."""
    if isinstance(thing, dict):
        for name, value in thing.items():
            yield from leaves(value, f"{where}[{name!r}]")
    elif isinstance(thing, list | tuple):
        for i, value in enumerate(thing):
            yield from leaves(value, f"{where}[{i}]")
    elif isinstance(thing, qutip.Qobj):
        yield f"{where}.dims", str(thing.dims)
        yield where, thing.full()
    elif inspect.ismethod(thing):
        yield from leaves(thing.__self__, f"{where}()")
    elif ours(thing) and dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            if field.init:  # the rest is computed when it is needed
                yield from leaves(getattr(thing, field.name), f"{where}.{field.name}")
    elif ours(thing) and isinstance(thing.__getstate__(), dict):
        yield from leaves(thing.__getstate__(), where)
    else:
        yield where, thing


def require_alike(one, other, what=""):
    """Require the same leaves: arrays bit for bit and as read-only as before."""
    for (where, a), (place, b) in zip(leaves(one), leaves(other), strict=True):
        message = f"{what}{where}"
        assert where == place, message
        assert type(a) is type(b), message
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, message
            np.testing.assert_array_equal(a, b, err_msg=message)
        elif not callable(a):
            assert a == b or (a != a and b != b), message


def writeable(thing):
    """The places of the arrays that can be written to."""
    return [
        where
        for where, leaf in leaves(thing)
        if isinstance(leaf, np.ndarray) and leaf.flags.writeable and not is_operator(thing, where)
    ]


def is_operator(thing, where):
    """Whether a leaf is a new array made from a QuTiP object."""
    return f"{where}.dims" in {place for place, _ in leaves(thing)}


def holds_functions(thing):
    """Whether there is a function inside that has no name in a module, which pickle refuses."""
    found = [leaf for _, leaf in leaves(thing) if inspect.isfunction(leaf)]
    return any("<" in function.__qualname__ for function in found)


def survives(thing, what):
    """Require that every copy equals the object, and is as frozen as it is."""
    before = writeable(thing)
    for route, make in ROUTES.items():
        label = f"{what} by {route}: "
        if holds_functions(thing) and route in PLAIN:
            with pytest.raises((AttributeError, TypeError, pickle.PicklingError), match="<locals>"):
                make(thing)
            continue
        again = make(thing)
        require_alike(thing, again, label)
        assert repr(again) == repr(thing) or holds_functions(thing), label
        assert set(writeable(again)) <= set(before), label
        if holds_functions(thing) and route == "cloudpickle":
            continue  # which makes new functions, and those are not equal
        assert (again == thing) is True, label
        assert (again != thing) is False, label
        assert hash(again) == hash(thing), label


def objects(found):
    """The objects of ours among named values, in lists too, with their names."""
    for where, thing in found.items():
        for each in thing if isinstance(thing, list | tuple) else [thing]:
            if ours(each) and not inspect.isclass(each):
                yield where, each


# backwards, so that two processes do not compile the same kernels of `test_bad_input.py` at once
@pytest.mark.parametrize("name", NAMES[::-1])
def test_what_is_public_survives_copies_and_pickles(name):
    """Arguments and answers; and methods of a copy give the same as those of the original."""
    recipe = recipes.recipes()[name]
    arguments = recipe.arguments()
    answer = recipe.call(arguments)
    for where, thing in objects({**arguments, "answer": answer}):
        survives(thing, f"{name}: {where}")
    if "self" in arguments and name not in MEASURED:
        own = pickle.loads(pickle.dumps(arguments["self"]))
        require_alike(recipe.call({**recipe.arguments(), "self": own}), answer, name)


CONSTRUCTORS = [
    name
    for name, recipe in recipes.recipes().items()
    if inspect.isclass(recipe.target)
    or name.startswith(("states.", "materials.", "spectral.bath", "units.atom", "currents.g"))
    or name in ("chain", "ring", "square", "triangular", "cubic", "cloud", "couple", "spin")
]


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_equal_arguments_make_equal_objects(name):
    recipe = recipes.recipes()[name]
    one, other = (recipe.call(recipe.arguments()) for _ in range(2))
    if holds_functions(one) or not ours(one):
        return
    assert (one == other) is True
    assert hash(one) == hash(other)
    assert len({one, other}) == 1


LORENTZ = co.materials.Lorentz([1.0, 2.0], [10.0, 20.0], [0.1, 0.1])
GRID = np.linspace(1.0, 40.0, 50)
TABLE = co.materials.Table(GRID, LORENTZ.permittivity(GRID))
PAIR = co.chain(2, 0.1, frequency=1e6)
HALF = {"decay": np.eye(2), "shift": np.zeros((2, 2))}
SPIN = np.zeros((2, 2, 3))
SPIN[0, 1, 0] = SPIN[1, 0, 0] = 1.0
PLACES = [[0, 0, 0], [0, 0, 1.0]]
LEVELS = co.Multilevel(PLACES, [[1.0, 0.0]] * 2, [SPIN] * 2)
# each is different from its neighbours; what a run gives is made in the test, as a function, so that
# no kernel is compiled while tests are collected
DIFFERENT = {
    "emitters": [
        PAIR,
        PAIR.replace(positions=[[0, 0, 0], [0, 0, 0.2]]),
        PAIR.replace(dipoles=(0, 1, 0)),
        PAIR.replace(decay_rates=[1.0, 2.0]),
        PAIR.replace(detunings=0.1),
        PAIR.replace(frequency=None),
        PAIR.replace(wavelength=2.0),
        PAIR.replace(kind="magnetic"),
        co.chain(3, 0.1, frequency=1e6),
    ],
    "multilevels": [
        LEVELS,
        co.Multilevel(PLACES, [[1.0, 0.0], [2.0, 0.0]], [SPIN] * 2),
        co.Multilevel(PLACES, [[1.0, 0.0]] * 2, [SPIN, 2 * SPIN]),
        co.Multilevel(PLACES, [[1.0, 0.0]] * 2, [SPIN] * 2, speed_of_light=2.0),
        co.Multilevel(PLACES, [[1.0, 0.0]] * 2, [SPIN] * 2, kind="magnetic"),
    ],
    "couplings": [
        co.Couplings(**HALF),
        co.Couplings(**HALF | {"decay": 2 * np.eye(2)}),
        co.Couplings(**HALF | {"decay": [[1, 0.5j], [-0.5j, 1]]}),
        co.Couplings(**HALF | {"shift": np.ones((2, 2))}),
        co.Couplings(**HALF, detunings=[0.0, 1.0]),
        co.Couplings(**HALF, dephasing=0.1),
        co.Couplings(**HALF, dephasing=np.full((2, 2), 0.1)),
        co.Couplings(**HALF, pump=0.1),
        co.Couplings(**HALF, pump=[[0.1, 0.1j], [-0.1j, 0.1]]),
        co.Couplings(**HALF, drive=0.1),
        co.Couplings(**HALF, emitters=PAIR),
        co.Couplings(**HALF, field=co.Vacuum()),
        co.Couplings(**HALF, thermal_photons=0.1),
        co.Couplings(**HALF, ising=0.1),
        co.Couplings(**HALF, ising=[[0.0, 0.2], [0.2, 0.0]]),
        co.Couplings(np.eye(3), np.zeros((3, 3))),
    ],
    "materials": [
        LORENTZ,
        co.materials.Lorentz([1.0, 2.0], [10.0, 20.0], [0.1, 0.2]),
        co.materials.Lorentz([1.0, 2.0], [10.0, 20.0], [0.1, 0.1], 2.0),
        co.materials.Lorentz([1.0], [10.0], [0.1]),
        TABLE,
        co.materials.Table(GRID, 2 * TABLE.values),
        co.materials.Table(GRID, TABLE.values, allow_gain=True),
        co.materials.Drude(40.0, 0.1),
        co.materials.Drude(40.0, 0.2),
    ],
    "fields": [
        co.Vacuum(),
        co.Plasma(2.0),
        co.Plasma(3.0),
        co.Nanowire(0.01, LORENTZ),
        co.Nanowire(0.02, LORENTZ),
        co.Nanowire(0.01, TABLE),
        co.Nanowire(0.01, 2.0),
        co.Nanowire(0.01, 2.0, 1.5),
    ],
    "states": [
        co.states.inverted(),
        co.states.ground(),
        co.states.single(0),
        co.states.single(1),
        co.states.dicke(1),
        co.states.timed_dicke((0, 0, 1.0)),
        co.states.product([0.3, 1.0], 0.2),
        co.states.product([0.3, 1.0], 0.3),
        co.states.coherent(0.3, 0.2),
        co.states.mixed([0.3, 1.0]),
    ],
    "engines": [
        *(getattr(co.engines, kind)() for kind in co.engines.NAMES.values() if kind != "Capped"),
        co.engines.Capped(excitations=2),
        co.engines.Capped(holes=2),
        co.engines.Trajectories(n=7),
        co.engines.Cumulants(order=3),
        co.engines.Blocks(symmetries=[[1, 0]]),
        co.engines.Driven(symmetries=[[1, 0]]),
    ],
    "equations": lambda: [
        recipes.equation(),
        co.MasterEquation(qutip.tensor(qutip.sigmaz(), qutip.qeye(2))),
        co.MasterEquation(qutip.tensor(qutip.sigmax(), qutip.qeye(2))),
        co.MasterEquation(1.0000001 * qutip.tensor(qutip.sigmax(), qutip.qeye(2))),
    ],
    "results": lambda: [
        recipes.result(),
        recipes.result().at([0.0, 0.2]),
        recipes.result().replace(emission=2 * recipes.result().emission),
        recipes.sampled(),
    ],
}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_different_arguments_make_different_objects(kind):
    things = DIFFERENT[kind]() if callable(DIFFERENT[kind]) else DIFFERENT[kind]
    for i, one in enumerate(things):
        for j, other in enumerate(things):
            assert (one == other) is (i == j), (i, j)
            assert (one != other) is (i != j), (i, j)
    assert len(set(things)) == len(things)
    for thing in things:
        assert (thing == "inverted") is False


def test_zero_and_minus_zero_are_equal_and_have_one_hash():
    one, other = (co.Emitters([[0.0, 0.0, zero], [0, 0, 1]]) for zero in (0.0, -0.0))
    assert one == other
    assert hash(one) == hash(other)


def test_couplings_are_equal_however_they_are_stored():
    lattice = co.couple(co.square(3, 2, 0.6), co.Vacuum(), by_displacement=True)
    assert hasattr(lattice.decay, "kernel")
    dense = co.Couplings(
        np.asarray(lattice.decay), np.asarray(lattice.shift), emitters=lattice.emitters,
        field=lattice.field,
    )  # fmt: skip
    assert lattice == dense
    assert dense == lattice
    assert hash(lattice) == hash(dense)
    other = np.array(dense.shift)
    other[0, -1] = other[-1, 0] = 7.0
    assert lattice != dense.replace(shift=other, field=lattice.field)


@pytest.mark.parametrize("vacant", [[], [3, 17]])
def test_couplings_of_lattices_survive(vacant):
    places = np.delete(co.square(6, 6, 0.6).positions, vacant, axis=0)
    lattice = co.couple(co.Emitters(places), co.Vacuum(), by_displacement=True)
    survives(lattice, "a lattice")
    again = pickle.loads(pickle.dumps(lattice))
    assert not np.shares_memory(again.decay.kernel, lattice.decay.kernel)
    with pytest.raises(ValueError, match="read-only"):
        again.decay.kernel[0, 0] = 1.0


def test_one_number_is_compared_as_one_number():
    n = 50_000  # the matrices themselves would have 20 GB
    made = [
        co.Couplings(np.broadcast_to(1.0, (n, n)), np.broadcast_to(shift, (n, n)))
        for shift in (0.5, 0.5, 0.25)
    ]
    assert made[0] == made[1]
    assert hash(made[0]) == hash(made[1])
    assert made[0] != made[2]


def in_own_field(emitters):
    """Couplings in a field of the user's whose == raises an error."""

    @dataclasses.dataclass(frozen=True)
    class Own:
        places: np.ndarray

        def green(self, r, r_source, k):
            return co.Vacuum().green(r, r_source, k)

    return co.couple(emitters, Own(np.ones(3)))


def test_a_field_whose_equality_gives_an_array_is_compared_by_its_parts():
    one = in_own_field(PAIR)
    other = one.replace(field=type(one.field)(np.ones(3)))
    assert (one == other) is True
    assert hash(one) == hash(other)
    with pytest.raises(ValueError, match="field: Γ and Δ of these couplings belong to"):
        one.replace(field=type(one.field)(np.zeros(3)))


def result_of(name):
    if name in workers.problems():
        return workers.evolved(workers.problems()[name])
    equation = co.master_equation(co.chain(2, 0.1, frequency=1e4), co.Vacuum(), approximation=name)
    return co.evolve(equation, "inverted", [0.0, 1e-4], observe="states", progress=False)


@pytest.mark.parametrize("name", [*workers.problems(), "universal", "redfield"])
def test_results_of_every_engine_survive(name):
    found = result_of(name)
    survives(found, name)
    if found.couplings is not None:
        again = result_of(name)
        assert again == found, "but for diagnostics a second run is the same"


def test_an_interrupted_result_survives(interrupted_at):
    engine = co.engines.Cumulants()
    with interrupted_at(2):
        stopped = workers.evolved((workers.couplings(4), "inverted", engine))
    assert not stopped.complete
    assert stopped.resume
    survives(stopped, "interrupted")


def test_a_request_survives_without_what_engines_keep_in_it():
    class Looks(co.engines.Exact):
        def refusal(self, request):
            requests.append(request)
            return super().refusal(request)

    requests = []
    co.methods(recipes.pair(), "inverted", [0, 1.0])
    co.evolve(recipes.pair(), "inverted", [0, 1.0], method=Looks(), progress=False)
    request = requests[0]
    request.memo["large"] = np.ones(10**6)
    survives(request, "request")
    assert len(pickle.dumps(request)) < 10_000


def test_pickles_hold_no_caches():
    n = 100
    dense = co.couple(co.chain(n, 0.1), co.Vacuum())
    dense.modes()
    assert len(pickle.dumps(dense)) < 2 * 8 * n**2 + 200 * n + 5_000
    lattice = co.couple(co.square(30, 30, 0.6), co.Vacuum(), by_displacement=True)
    assert lattice.decay @ np.ones(900) is not None
    assert len(pickle.dumps(lattice)) < 2 * 16 * 59**2 + 200 * 900 + 5_000
    table = co.materials.Table(recipes.table().wavenumbers, recipes.table().values)
    table.permittivity(1j)
    assert len(pickle.dumps(table)) < 24 * len(table.values) + 1_000
    interaction = co.interaction(LEVELS, co.Vacuum())
    before = len(pickle.dumps(interaction))
    interaction.terms()
    bath = co.spectral.bath(LEVELS, co.Vacuum())
    empty = len(pickle.dumps(bath))
    bath.shift(1.0)
    assert len(pickle.dumps(interaction)) == before
    assert len(pickle.dumps(bath)) == empty


def test_baths_of_functions_that_can_be_pickled_are_pickled():
    for bath in (
        co.spectral.Bath(density),
        co.spectral.Bath.from_spectral_density(density, 0.5),
        co.spectral.bath(LEVELS, co.Vacuum(), 0.5),
    ):
        survives(bath, "bath")
        again = pickle.loads(pickle.dumps(bath))
        for name in ("gamma", "shift"):
            found, expected = (getattr(one, name)(0.7) for one in (again, bath))
            np.testing.assert_array_equal(found, expected)


def density(omega):
    return np.array([[omega**2 / (omega**2 + 1) ** 2]])


def test_a_lambda_is_named_by_pickle_and_taken_by_cloudpickle():
    bath = co.spectral.Bath(lambda w: np.array([[1 / (1 + w**2)]]))
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError), match="<lambda>"):
        pickle.dumps(bath)
    again = cloudpickle.loads(cloudpickle.dumps(bath))
    np.testing.assert_array_equal(again.shift(0.3), bath.shift(0.3))


def error_of_a_run():
    with pytest.raises(co.EvolutionError) as caught:
        workers.diverges(workers.couplings(2))
    return caught.value


@pytest.mark.parametrize("route", ROUTES)
def test_errors_keep_their_message_and_what_they_hold(route):
    error = error_of_a_run()
    error.add_note("a note")
    again = ROUTES[route](error)
    assert type(again) is co.EvolutionError
    assert str(again) == str(error)
    assert again.__notes__ == ["a note"]
    assert again.result == error.result
    assert len(again.result.times) == 3
    for kind in (co.ProblemTooLargeError, co.DivergedError, errors.EngineContractError):
        other = ROUTES[route](kind("too much"))
        assert (type(other), str(other)) == (kind, "too much")


QUICK = ("blocks", "trajectories", "cumulants")


@pytest.fixture(scope="module")
def pools():
    """One pool of one process by each way of starting it, after runs with threads in this one."""
    workers.all_evolved(QUICK)
    made = {}

    def pool(method):
        if method not in made:
            context = multiprocessing.get_context(method)
            made[method] = ProcessPoolExecutor(1, mp_context=context)
        return made[method]

    yield pool
    for each in made.values():
        each.shutdown()


# a process that does not start as a copy imports everything first
START_METHODS = [pytest.param("spawn", marks=pytest.mark.slow)]
if "fork" in multiprocessing.get_all_start_methods():
    START_METHODS.append(pytest.param("fork"))


@pytest.mark.parametrize("method", START_METHODS)
def test_other_processes_compute_and_return_the_same(method, pools):
    pool = pools(method)
    found = pool.submit(workers.all_evolved, QUICK).result(timeout=300)
    expected = workers.all_evolved(QUICK)
    for name in QUICK:
        assert found[name] == expected[name], name
        require_alike(found[name].populations, expected[name].populations, name)
    sent = {
        "lattice": co.couple(co.square(2, 2, 0.6), co.Vacuum(), by_displacement=True),
        "wire": co.Nanowire(0.01, TABLE),
        "result": recipes.result(),
        "orbitals": recipes.orbitals(),
        "methods": co.methods(recipes.pair(), "inverted", [0, 1.0]),
    }
    for name, back in pool.submit(workers.echo, sent).result(timeout=300).items():
        require_alike(back, sent[name], name)
        assert back == sent[name], name
        assert writeable(back) == writeable(sent[name]), name


@pytest.mark.parametrize("method", START_METHODS)
def test_errors_of_other_processes_arrive_with_their_results(method, pools):
    with pytest.raises(co.EvolutionError, match="it is broken") as caught:
        pools(method).submit(workers.diverges, workers.couplings(2)).result(timeout=300)
    assert len(caught.value.result.times) == 3
    # the pool still works
    assert pools(method).submit(workers.echo, 3).result(timeout=300) == 3


def settings():
    """Settings of the process that runs change for a while."""
    gc.collect()
    blas = [each["num_threads"] for each in threadpoolctl.threadpool_info()]
    return blas, qutip.settings.core["auto_tidyup"], list(warnings.filters), np.geterr()


def test_runs_in_several_threads_are_those_in_one():
    problems = workers.problems()
    before = settings()
    expected = {name: workers.evolved(problem) for name, problem in problems.items()}
    kept = threading.active_count()
    with ThreadPoolExecutor(4) as pool:
        names = [*problems, *reversed(problems)]
        found = list(pool.map(lambda name: (name, workers.evolved(problems[name])), names))
    for name, result in found:
        assert result == expected[name], name
    assert settings() == before
    assert threading.active_count() <= kept, "runs leave no threads behind"


def test_files_read_in_several_threads_leave_the_filters_of_warnings(tmp_path):
    path = recipes.result().save(tmp_path / "kept")
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(co.load, [path] * 16):
            assert found == recipes.result()
    assert warnings.filters == before


def test_the_package_leaves_the_filters_of_warnings_alone():
    """They belong to the process: two threads that change them for a while lose some."""
    from pathlib import Path

    sources = Path(co.__file__).parent.rglob("*.py")
    assert not [p.name for p in sources if "catch_warnings" in p.read_text(encoding="utf-8")]
