"""Equality and hash by value: of every kind of value that our objects hold."""

import dataclasses
from collections import namedtuple

import numpy as np
import pytest
import qutip

from collective._tools import equality

NAN = float("nan")


Pair = namedtuple("Pair", "a b")


class Hashless:
    """Its hash fails with an error of its own."""

    def __hash__(self):
        raise ValueError("not now")


def ragged():
    found = np.empty(2, dtype=object)
    found[:] = [np.ones(2), np.array([NAN])]
    return found


class Broken:
    """Its == fails."""

    def __eq__(self, other):
        raise RuntimeError("not now")

    __hash__ = None


@dataclasses.dataclass(frozen=True)
class Holds:
    """A class of the user's, whose == gives an error for arrays and which cannot be hashed."""

    values: np.ndarray


def bound(value):
    return Method(value).call


class Method:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value

    def __hash__(self):
        return hash(self.value)

    def call(self):
        return self.value


EQUAL = [
    (np.arange(3), np.arange(3.0)),
    (np.array([1.0, NAN]), np.array([1.0, NAN])),
    (np.array([0.0, -0.0]), np.array([-0.0, 0.0])),
    (np.array([1.0]), np.array([1.0 + 0j])),
    (np.broadcast_to(1.0, (3, 3)), np.ones((3, 3))),
    (np.array(["a"]), np.array(["a"])),
    (np.array([complex(NAN, 1)]), np.array([complex(NAN, 2)])),
    (np.array([np.longdouble("1e4000")]), np.array([np.longdouble("1e4000")])),
    (np.array([(1, 2.0)], dtype="i,f"), np.array([(1, 2.0)], dtype="i,f")),
    (ragged(), ragged()),
    (complex(NAN, 0), complex(NAN, 0)),
    (np.float32(NAN), np.float32(NAN)),
    ({1, 2}, frozenset({1, 2})),
    (np.empty((0, 3)), np.empty((0, 3))),
    (NAN, float("nan")),
    (np.float64(NAN), NAN),
    (1, 1.0),
    ([1, np.ones(2)], [1, np.ones(2)]),
    ((), ()),
    ({"a": np.ones(2), "b": None}, {"b": None, "a": np.ones(2)}),
    (qutip.sigmax(), qutip.sigmax().to("Dense")),
    (qutip.basis(2, 0), qutip.basis(2, 0)),
    (Holds(np.ones(3)), Holds(np.ones(3))),
    (bound(1), bound(1)),
]
DIFFERENT = [
    (np.ones(2), np.ones(3)),
    (np.ones(2), np.ones((1, 2))),
    (np.ones(2), [1.0, 1.0]),
    (np.ones(2), 1.0),
    (np.array([1.0, NAN]), np.array([NAN, 1.0])),
    (np.array(["a"]), np.array([1.0])),
    (np.array([1.0], dtype=object), np.array([1.0])),
    (np.array([(1, 2.0)], dtype="i,f"), np.array([1.0])),
    (np.ma.array([1.0], mask=[True]), np.array([1.0])),
    (np.ma.array([1.0], mask=[True]), np.ma.array([1.0], mask=[False])),
    (Pair(1, 2), (1, 2)),
    (Hashless(), Hashless()),
    (NAN, 0.0),
    ([1], (1,)),
    ([1], [1, 2]),
    ({"a": 1}, {"b": 1}),
    ({"a": 1}, {"a": 2}),
    (qutip.sigmax(), qutip.sigmax() * (1 + 1e-15)),
    (qutip.sigmax(), qutip.sigmay()),
    (qutip.basis(4, 0), qutip.tensor(qutip.basis(2, 0), qutip.basis(2, 0))),
    (qutip.sigmax(), np.ones((2, 2))),
    (Holds(np.ones(3)), Holds(np.zeros(3))),
    (Broken(), Broken()),
    (bound(1), bound(2)),
    (bound(1), 1),
    (None, 0.5),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_values_have_one_digest(one, other):
    assert equality.equal(one, other) is True
    assert equality.equal(other, one) is True
    assert equality.digest(one) == equality.digest(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_values_are_different(one, other):
    assert equality.equal(one, other) is False
    assert equality.equal(other, one) is False
    assert isinstance(equality.digest(one), int)
    assert isinstance(equality.digest(other), int)


def test_an_array_that_stores_one_number_is_not_filled():
    huge = [np.broadcast_to(value, (10**6, 10**6)) for value in (1.0, 1.0, 2.0)]
    assert equality.equal(huge[0], huge[1])
    assert not equality.equal(huge[0], huge[2])
    assert equality.digest(huge[0]) == equality.digest(huge[1])


def test_large_arrays_that_differ_in_one_entry_are_different():
    one, other = np.zeros(10**5), np.zeros(10**5)
    other[12345] = 1.0
    assert not equality.equal(one, other)
