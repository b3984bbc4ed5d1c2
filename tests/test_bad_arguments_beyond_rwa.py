"""What `spectral`, `interaction`, `master_equation` and `MasterEquation` say to bad arguments.

Every argument is given many things that it is not: the answer is a ValueError or TypeError that
names the argument (or what is wrong with it), at once, never an error from below or a NaN.
"""

import re
import warnings

import numpy as np
import pytest
import qutip
from multilevels import flip, lossy_mode

import collective as co
from collective import spectral

VACUUM = co.Vacuum()
PAIR, BATH = lossy_mode((1.0, 1.2), (0.05, 0.04), 1.6, 0.5)
SZ, SM = qutip.sigmaz(), qutip.sigmam()
FLOATS = (None, "a", "", b"x", [], [1, 2], {}, (), object(), np.nan, np.inf, -np.inf, 1j, float)
OBJECTS = (None, 0, 1.5, np.nan, "x", b"x", [], {}, (), object(), np.zeros(3), int, len, SZ, PAIR)


class Wrong:
    """A field whose tensor is not one: NaN, wrong shape, real, text, nothing."""

    def __init__(self, answer):
        self.answer = answer

    def green(self, r, r_source, k):
        return self.answer(np.broadcast_shapes(np.shape(r)[:-1], np.shape(r_source)[:-1]))

    magnetic_green = green

    def __repr__(self):
        return "Wrong()"


WRONG = [
    Wrong(lambda shape: np.full((*shape, 3, 3), np.nan + 0j)),
    Wrong(lambda shape: np.zeros((3,), complex)),
    Wrong(lambda shape: np.ones((*shape, 3, 3))),
    Wrong(lambda shape: "G"),
    Wrong(lambda shape: None),
]


def bath_of(value):
    return spectral.Bath(lambda w: value, lambda w: np.zeros((2, 2)))


def quiet(value, but=()):
    return [x for x in value if not any(x is y for y in but)]


# argument's name in the message, call with one bad value, the values
WALKS = {
    "coupling_tensor multilevel": (
        "multilevel", lambda x: spectral.coupling_tensor(x, VACUUM, 0, 1, 1.0), quiet(OBJECTS, [PAIR])
    ),
    "coupling_tensor field": (
        "field", lambda x: spectral.coupling_tensor(PAIR, x, 0, 1, 1.0), [*OBJECTS, co.Vacuum, *WRONG]
    ),
    "coupling_tensor i": (
        "i must", lambda x: spectral.coupling_tensor(PAIR, VACUUM, x, 1, 1.0), [*FLOATS, 2, -1, 0.0, 10**400]
    ),
    "coupling_tensor j": (
        "j must", lambda x: spectral.coupling_tensor(PAIR, VACUUM, 0, x, 1.0), [*FLOATS, 2, -1, 0.0, 10**400]
    ),
    "coupling_tensor omega": (
        "omega", lambda x: spectral.coupling_tensor(PAIR, VACUUM, 0, 1, x),
        [*quiet(FLOATS, [1j]), 0, -1, 1 + 1j, -1j, [1.0]],
    ),
    "static_tensor i": (
        "i must", lambda x: spectral.static_tensor(PAIR, VACUUM, x, 1), [*FLOATS, 7]
    ),
    "static_tensor field": (
        "field", lambda x: spectral.static_tensor(PAIR, x, 0, 1), [*OBJECTS, *WRONG]
    ),
    "decay_and_shift field": (
        "field", lambda x: spectral.decay_and_shift(PAIR, x, 0, 1, 1.0), [*OBJECTS, co.Vacuum, *WRONG]
    ),
    "decay_and_shift frequencies": (
        "frequencies", lambda x: spectral.decay_and_shift(PAIR, VACUUM, 0, 1, x),
        [None, "a", ["a"], np.nan, [1, np.inf], 1j, object(), [[1], [1, 2]]],
    ),
    "bath multilevel": ("multilevel", lambda x: spectral.bath(x, VACUUM), quiet(OBJECTS, [PAIR])),
    "bath field": ("field", lambda x: spectral.bath(PAIR, x), [*OBJECTS, co.Vacuum, *WRONG]),
    "bath temperature": (
        "temperature", lambda x: spectral.bath(PAIR, VACUUM, x), [*FLOATS, -1, 1e300]
    ),
    "shift omega": ("omega", lambda x: spectral.bath(PAIR, VACUUM).shift(x), FLOATS),
    "gamma omega": ("omega", lambda x: spectral.bath(PAIR, VACUUM, 1.0).gamma(x), FLOATS),
    "Bath gamma": ("gamma", spectral.Bath, quiet(OBJECTS, [int, len, SZ])),
    "Bath shift": (
        "shift", lambda x: spectral.Bath(BATH.gamma, x), quiet(OBJECTS, [None, int, len, SZ])
    ),
    "density": (
        "density", spectral.Bath.from_spectral_density, quiet(OBJECTS, [int, len, SZ])
    ),
    "density's answer": (
        "density", lambda x: spectral.Bath.from_spectral_density(lambda w: x).gamma(1.0),
        [None, "a", [], 1.0, [1.0], np.nan, [[np.nan]], [[1, 2]], object()],
    ),
    "from_spectral_density temperature": (
        "temperature", lambda x: spectral.Bath.from_spectral_density(BATH.gamma, x), [*FLOATS, -1]
    ),
    "from_spectral_density scale": (
        "scale", lambda x: spectral.Bath.from_spectral_density(BATH.gamma, scale=x), [*FLOATS, -1, 0]
    ),
    "imaginary_axis function": (
        "function", lambda x: spectral.imaginary_axis(x, 1.0, rtol=1e-8, atol=1e-8),
        [*quiet(OBJECTS, [int, len]), *[(lambda k, y=y: y) for y in (None, "a", np.nan, [np.inf])]],
    ),
    "imaginary_axis scale": (
        "scale", lambda x: spectral.imaginary_axis(lambda k: np.exp(-k), x, rtol=1e-8, atol=1e-8),
        [*FLOATS, 0, -1, 1e-320, 1e300],
    ),
    "imaginary_axis rtol": (
        "rtol", lambda x: spectral.imaginary_axis(lambda k: np.exp(-k), 1.0, rtol=x, atol=1e-8),
        [*FLOATS, -1, 1],
    ),
    "imaginary_axis atol": (
        "atol", lambda x: spectral.imaginary_axis(lambda k: np.exp(-k), 1.0, rtol=0, atol=x),
        [*FLOATS, -1, 0],
    ),
    "principal_value function": (
        "function", lambda x: spectral.principal_value(x, 1.0),
        [*quiet(OBJECTS, [int, len]), *[(lambda k, y=y: y) for y in (None, "a", np.nan, [np.inf])]],
    ),
    "principal_value omega": (
        "omega", lambda x: spectral.principal_value(lambda w: 1 / (1 + w**2), x), FLOATS
    ),
    "principal_value period": (
        "period", lambda x: spectral.principal_value(np.sin, 1.0, period=x),
        [*quiet(FLOATS, [None]), 0, -1, 1e-9, 1e-320],
    ),
    "principal_value scale": (
        "scale", lambda x: spectral.principal_value(np.exp, 1.0, scale=x), [*FLOATS, 0, -1, 1e300]
    ),
    "principal_value breakpoints": (
        "breakpoints", lambda x: spectral.principal_value(lambda w: 1 / (1 + w**2), 1.0, breakpoints=x),
        [None, "a", ("a",), np.nan, (np.inf,), 1j, object(), ((1,), (2,)), (1e200,)],
    ),
    "principal_value rtol": (
        "rtol", lambda x: spectral.principal_value(lambda w: 1 / (1 + w**2), 1.0, rtol=x),
        [*FLOATS, -1, 1],
    ),
    "interaction multilevel": (
        "multilevel", lambda x: co.interaction(x, VACUUM), quiet(OBJECTS, [PAIR])
    ),
    "interaction field": ("field", lambda x: co.interaction(PAIR, x), [*OBJECTS, co.Vacuum, *WRONG]),
    "interaction bath": (
        "bath: gamma", lambda x: co.interaction(PAIR, bath_of(x)).hamiltonian(),
        [None, "a", 1.0, [], np.eye(3), [[np.nan, 0], [0, 1]], [[0, 1], [0, 0]], -np.eye(2)],
    ),
    "interaction i": ("i must", lambda x: co.interaction(PAIR, BATH).principal(x, 1), [*FLOATS, 2, -1]),
    "interaction j": ("j must", lambda x: co.interaction(PAIR, VACUUM).dissipative(0, x), [*FLOATS, 2]),
    "master_equation system": (
        "system", lambda x: co.master_equation(x, VACUUM), quiet(OBJECTS, [PAIR])
    ),
    "master_equation environment": (
        "field", lambda x: co.master_equation(PAIR, x), [*OBJECTS, co.Vacuum, *WRONG]
    ),
    "master_equation bath": (
        "bath: gamma", lambda x: co.master_equation(PAIR, bath_of(x)),
        [None, "a", 1.0, [], np.eye(3), [[np.nan, 0], [0, 1]], [[0, 1], [0, 0]], -np.eye(2)],
    ),
    "master_equation approximation": (
        "approximation", lambda x: co.master_equation(PAIR, BATH, approximation=x), OBJECTS
    ),
    "master_equation eigenoperators": (
        "eigenoperators", lambda x: co.master_equation(PAIR, BATH, eigenoperators=x), OBJECTS
    ),
    "master_equation temperature": (
        "temperature", lambda x: co.master_equation(PAIR, VACUUM, temperature=x), [*FLOATS, -1]
    ),
    "compare system": (
        "system", lambda x: co.compare(x, BATH, "ground", [0, 1.0]), quiet(OBJECTS, [PAIR])
    ),
    "compare environment": (
        "field", lambda x: co.compare(PAIR, x, "ground", [0, 1.0]), [*OBJECTS, *WRONG]
    ),
    "compare approximations": (
        "approximations",
        lambda x: co.compare(PAIR, BATH, "ground", [0, 1.0], approximations=x),
        [*OBJECTS, ("rwa",), ("rwa", "rwa"), ("rwa", 3), ("rwa", None), {"rwa", "universal"}],
    ),
    "MasterEquation hamiltonian": (
        "hamiltonian", co.MasterEquation,
        [*quiet(OBJECTS, [SZ]), SM, np.nan * SZ, qutip.basis(2, 0), qutip.to_super(SZ),
         qutip.QobjEvo([SZ, np.cos]), qutip.qeye(1), qutip.Qobj(np.zeros((2, 3)))],
    ),
    "MasterEquation collapse_operators": (
        "collapse_operators", lambda x: co.MasterEquation(SZ, x),
        [*quiet(OBJECTS, [OBJECTS[6], OBJECTS[8]]), SM, [None], ["a"], [SM, 3], [qutip.qeye(3)], [np.inf * SM],
         [qutip.basis(2, 0)], [qutip.QobjEvo([SM, np.cos])], np.eye(2)],
    ),
    "MasterEquation generator": (
        "generator", lambda x: co.MasterEquation(SZ, generator=x),
        [*quiet(OBJECTS, [None]), SM, qutip.Qobj(np.eye(4)), qutip.to_super(qutip.qeye(3)),
         np.nan * qutip.to_super(SZ)],
    ),
    "MasterEquation scheme": (
        "scheme", lambda x: co.MasterEquation(SZ, scheme=x), quiet(OBJECTS, ["x"])
    ),
    "MasterEquation multilevel": (
        "multilevel", lambda x: co.MasterEquation(SZ, multilevel=x), quiet(OBJECTS, [None])
    ),
    "MasterEquation frame": (
        "frame", lambda x: co.MasterEquation(SZ, frame=x),
        [*quiet(OBJECTS, [None]), [1.0], [np.nan, 1], [1j, 0]],
    ),
    "MasterEquation emission_operator": (
        "emission_operator", lambda x: co.MasterEquation(SZ, emission_operator=x),
        [*quiet(OBJECTS, [None, SZ]), SM, 1j * SZ, np.nan * SZ, qutip.qeye(3), qutip.basis(2, 0)],
    ),
    "MasterEquation report": (
        "report", lambda x: co.MasterEquation(SZ, report=x), quiet(OBJECTS, [None])
    ),
}  # fmt: skip


@pytest.mark.parametrize("walk", WALKS)
def test_bad_values_are_named(walk):
    name, call, values = WALKS[walk]
    for value in values:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                answer = call(value)
            except (ValueError, TypeError) as error:
                said = str(error)
            else:
                pytest.fail(f"{walk} took {value!r} and gave {answer!r}")
        assert name in said, (value, said)
        assert re.search(r"must|is not|returned|needs|gives no", said), (value, said)


def test_hermitian_up_to_rounding_in_any_unit():
    """Rates of 10¹⁵ a second, and of 10⁻²⁰: rounding passes and a mistake does not."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((4, 4)) + 1j * rng.standard_normal((4, 4))
    rounded = a + a.conj().T
    rounded[0, 1] *= 1 + 1e-14
    for unit in (1e15, 1.0, 1e-20):
        co.MasterEquation(qutip.Qobj(unit * rounded, dims=[[2, 2], [2, 2]]))
        with pytest.raises(ValueError, match=r"hamiltonian must be Hermitian: \[\d, \d\]"):
            co.MasterEquation(qutip.Qobj(unit * a, dims=[[2, 2], [2, 2]]))


def test_jumps_may_come_from_any_iterable():
    for jumps in ([SM], (SM,), (op for op in [SM]), iter([SM]), np.array([SM, None])[:1]):
        assert len(co.MasterEquation(SZ, jumps).collapse_operators()) == 1


def test_a_function_that_does_not_decay_ends_in_an_error():
    for function in (lambda k: 1.0, lambda k: k, lambda k: np.array([np.exp(-k), 1.0])):
        with pytest.raises(ValueError, match=r"does not decay|not finite near"):
            spectral.imaginary_axis(function, 1.0, rtol=1e-8, atol=0)


def test_a_bath_that_does_not_decay_says_so_as_a_bath():
    bath = spectral.Bath(lambda w: np.eye(2) * (w > 0) * w**2)
    with pytest.raises(ValueError, match=r"bath: shift\(1\) from gamma: .*; give shift= as a"):
        bath.shift(1.0)


def test_fields_that_do_not_decay_on_the_imaginary_axis():
    """G(iκ) of something that is no causal field: an error with κ and the number."""

    class Growing:
        def green(self, r, r_source, k):
            return VACUUM.green(r, r_source, k) + 1e-3 * np.eye(3) * np.abs(k) ** 2 * (1 + 0j)

    atom = co.Multilevel([[0, 0, 0]], [[1.0, 0]], [flip()])
    with pytest.raises(ValueError, match=r"does not decay on the imaginary axis: at κ = .* of"):
        spectral.bath(atom, Growing()).shift(1.0)
