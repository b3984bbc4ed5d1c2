"""Errors of `spectral`, `interaction`, `master_equation` and `MasterEquation`.

Fields and functions with wrong return values, operators that do not fit, and indices or sizes out
of range raise a ValueError or TypeError that names the argument. `test_bad_input.py` tries
arguments of wrong classes.
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


class Wrong:
    """A field that returns NaN, a wrong shape, real numbers, text or None."""

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


ANSWERS = (None, "a", [], 1.0, [1.0], np.nan, [[np.nan]], [[1, 2]], object())
MATRICES = (None, "a", 1.0, [], np.eye(3), [[np.nan, 0], [0, 1]], [[0, 1], [0, 0]], -np.eye(2))
FUNCTIONS = [lambda k, y=y: y for y in (None, "a", np.nan, [np.inf])]


def lorentzian(w):
    return 1 / (1 + w**2)


# name of the argument in the message, a call with one bad value, the values
WALKS = {
    "coupling_tensor field": (
        "field", lambda x: spectral.coupling_tensor(PAIR, x, 0, 1, 1.0), WRONG
    ),
    "coupling_tensor i": (
        "i must", lambda x: spectral.coupling_tensor(PAIR, VACUUM, x, 1, 1.0), [2, -1, 0.0]
    ),
    "coupling_tensor omega": (
        "omega", lambda x: spectral.coupling_tensor(PAIR, VACUUM, 0, 1, x),
        [0, -1, 1 + 1j, -1j, [1.0], 1e-120],
    ),
    "static_tensor i": ("i must", lambda x: spectral.static_tensor(PAIR, VACUUM, x, 1), [7, -1]),
    "static_tensor field": ("field", lambda x: spectral.static_tensor(PAIR, x, 0, 1), WRONG),
    "decay_and_shift field": (
        "field", lambda x: spectral.decay_and_shift(PAIR, x, 0, 1, 1.0), WRONG
    ),
    "bath field": ("field", lambda x: spectral.bath(PAIR, x), WRONG),
    "bath temperature": ("temperature", lambda x: spectral.bath(PAIR, VACUUM, x), [-1, 1e70]),
    "shift omega": ("omega", spectral.bath(PAIR, VACUUM).shift, [None, "a", [1, 2], np.nan, 1j]),
    "gamma omega": ("omega", spectral.bath(PAIR, VACUUM, 1.0).gamma, [None, "a", [1, 2], np.nan]),
    "value of density": (
        "density", lambda x: spectral.Bath.from_spectral_density(lambda w: x).gamma(1.0), ANSWERS
    ),
    "imaginary_axis function": (
        "function", lambda x: spectral.imaginary_axis(x, 1.0, rtol=1e-8, atol=1e-8), FUNCTIONS
    ),
    "imaginary_axis scale": (
        "scale", lambda x: spectral.imaginary_axis(lorentzian, x, rtol=1e-8, atol=1e-8), [0, 1e-320]
    ),
    "imaginary_axis atol": (
        "atol", lambda x: spectral.imaginary_axis(lorentzian, 1.0, rtol=0, atol=x), [-1, 0]
    ),
    "principal_value function": (
        "function", lambda x: spectral.principal_value(x, 1.0), FUNCTIONS
    ),
    "principal_value period": (
        "period", lambda x: spectral.principal_value(np.sin, 1.0, period=x), [0, -1, 1e-9, 1e-320]
    ),
    "principal_value breakpoints": (
        "breakpoints", lambda x: spectral.principal_value(lorentzian, 1.0, breakpoints=x),
        [None, ("a",), (np.inf,), ((1,), (2,)), (1e90,)],
    ),
    "principal_value rtol": (
        "rtol", lambda x: spectral.principal_value(lorentzian, 1.0, rtol=x), [-1, 1]
    ),
    "interaction field": ("field", lambda x: co.interaction(PAIR, x), WRONG),
    "interaction bath": (
        "bath: gamma", lambda x: co.interaction(PAIR, bath_of(x)).hamiltonian(), MATRICES
    ),
    "interaction i": ("i must", lambda x: co.interaction(PAIR, BATH).principal(x, 1), [2, -1]),
    "interaction j": ("j must", lambda x: co.interaction(PAIR, VACUUM).dissipative(0, x), [2]),
    "master_equation environment": ("field", lambda x: co.master_equation(PAIR, x), WRONG),
    "master_equation environment class": (
        "environment", lambda x: co.master_equation(PAIR, x), [None, "x", co.Vacuum, BATH.gamma]
    ),
    "master_equation bath": (
        "bath: gamma", lambda x: co.master_equation(PAIR, bath_of(x)), MATRICES
    ),
    "compare environment": (
        "field", lambda x: co.compare(PAIR, x, "ground", [0, 1.0]), WRONG
    ),
    "compare approximations": (
        "approximations",
        lambda x: co.compare(PAIR, BATH, "ground", [0, 1.0], approximations=x),
        [("rwa",), ("rwa", "rwa"), ("rwa", 3), ("rwa", None), {"rwa", "universal"}],
    ),
    "MasterEquation hamiltonian": (
        "hamiltonian", co.MasterEquation,
        [SM, np.nan * SZ, qutip.basis(2, 0), qutip.to_super(SZ), qutip.QobjEvo([SZ, np.cos]),
         qutip.qeye(1), qutip.Qobj(np.zeros((2, 3)))],
    ),
    "MasterEquation collapse_operators": (
        "collapse_operators", lambda x: co.MasterEquation(SZ, x),
        [SM, [None], ["a"], [SM, 3], [qutip.qeye(3)], [np.inf * SM], [qutip.basis(2, 0)],
         [qutip.QobjEvo([SM, np.cos])], np.eye(2), np.array(SM, dtype=object)],
    ),
    "MasterEquation generator": (
        "generator", lambda x: co.MasterEquation(SZ, generator=x),
        [SM, qutip.Qobj(np.eye(4)), qutip.to_super(qutip.qeye(3)), np.nan * qutip.to_super(SZ)],
    ),
    "MasterEquation frame": (
        "frame", lambda x: co.MasterEquation(SZ, frame=x), [[1.0], [np.nan, 1], [1j, 0]]
    ),
    "MasterEquation emission_operator": (
        "emission_operator", lambda x: co.MasterEquation(SZ, emission_operator=x),
        [SM, 1j * SZ, np.nan * SZ, qutip.qeye(3), qutip.basis(2, 0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("walk", WALKS)
def test_errors_name_the_bad_argument(walk):
    name, call, values = WALKS[walk]
    for value in values:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                answer = call(value)
            except (ValueError, TypeError) as error:
                message = str(error)
            else:
                pytest.fail(f"{walk} accepted {value!r} and returned {answer!r}")
        assert name in message, (value, message)
        assert re.search(r"must|is not|returned|needs|gives no", message), (value, message)


def test_check_of_hermiticity_does_not_depend_on_the_unit():
    """For rates from 10⁻²⁰ to 10¹⁵ rounding is accepted and a mistake is refused."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((4, 4)) + 1j * rng.standard_normal((4, 4))
    rounded = a + a.conj().T
    rounded[0, 1] *= 1 + 1e-14
    for unit in (1e15, 1.0, 1e-20):
        co.MasterEquation(qutip.Qobj(unit * rounded, dims=[[2, 2], [2, 2]]))
        with pytest.raises(ValueError, match=r"hamiltonian must be Hermitian: \[\d, \d\]"):
            co.MasterEquation(qutip.Qobj(unit * a, dims=[[2, 2], [2, 2]]))


def test_collapse_operators_may_be_any_iterable():
    for jumps in ([SM], (SM,), (op for op in [SM]), iter([SM]), np.array([SM, None])[:1]):
        assert len(co.MasterEquation(SZ, jumps).collapse_operators()) == 1


def test_function_that_does_not_decay_is_refused():
    for function in (lambda k: 1.0, lambda k: k, lambda k: np.array([np.exp(-k), 1.0])):
        with pytest.raises(ValueError, match=r"does not decay|not finite near"):
            spectral.imaginary_axis(function, 1.0, rtol=1e-8, atol=0)


def test_error_of_a_bath_that_does_not_decay_names_the_bath():
    bath = spectral.Bath(lambda w: np.eye(2) * (w > 0) * w**2)
    with pytest.raises(ValueError, match=r"bath: shift\(1\) from gamma: .*; give shift= as a"):
        bath.shift(1.0)


def test_field_that_grows_on_the_imaginary_axis_is_refused():
    """G(iκ) of a field that is not causal gives an error with κ and the number."""

    class Growing:
        def green(self, r, r_source, k):
            return VACUUM.green(r, r_source, k) + 1e-3 * np.eye(3) * np.abs(k) ** 2 * (1 + 0j)

    atom = co.Multilevel([[0, 0, 0]], [[1.0, 0]], [flip()])
    with pytest.raises(
        ValueError, match=r"does not decay on the imaginary axis: at κ = .* the sum"
    ):
        spectral.bath(atom, Growing()).shift(1.0)
