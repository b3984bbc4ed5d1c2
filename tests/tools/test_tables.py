"""Printed tables: cells stay apart, also for long names and numbers."""

import re
from dataclasses import replace

import numpy as np
import pytest

import collective as co
from collective._tools.console import aligned
from collective.currents.integrals import Interactions
from collective.engines.base import Cost
from collective.master.interactions import Term, Terms
from collective.validity import Assumption, Validity

LONG, TINY = "a name of forty letters and a few to spare", 1.234567e-300


def methods():
    costs = {"exact": Cost(2**80, 1e30, LONG), "trajectories": Cost(1, TINY, LONG)}
    accuracy = {"exact": "exact", "trajectories": "sampled", "single": "exact"}
    keeps = dict.fromkeys(accuracy, ("correlations",))
    return co.Methods(costs, {"single": LONG}, accuracy, keeps, None, "exact")


def validity():
    return Validity((Assumption(LONG, -TINY, "not assessed", LONG),))


def comparison():
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    result = co.evolve(pair, "inverted", np.array([0.0, TINY]), progress=False)
    return co.Comparison({LONG: result, "rwa": result}, {(LONG, "rwa"): -result.times})


def check_field():
    found = co.check_field(co.Vacuum(), [[0, 0, 0], [0.1, 0.2, 0.3]], kramers_kronig=False)
    return replace(found, reciprocity=TINY, passivity=-TINY)


def terms():
    levels = (100, 200, 300, 400)
    return Terms((Term((1000, 2000), levels, "counter-rotating", -TINY, 1j * TINY),))


def currents():
    axis, matrix = np.linspace(-6, 6, 24), np.full((2, 2, 2, 2), -TINY)
    orbitals = co.currents.Orbitals(
        [axis] * 3, [co.currents.gaussian(1, 1), co.currents.gaussian(1, -1)]
    )
    return Interactions(orbitals, 0.0, matrix, matrix, TINY, TINY)


@pytest.mark.parametrize(
    ("table", "columns", "above"),
    [(methods, 6, 0), (validity, 4, 0), (comparison, 3, 0), (check_field, 3, 0), (terms, 5, 0),
     (currents, 5, 2)],
)  # fmt: skip
def test_cells_of_any_length_are_separated_by_two_spaces(table, columns, above):
    for line in str(table()).splitlines()[above:]:
        assert len(re.split(r"\s{2,}", line.strip())) == columns, line


def test_columns_are_as_wide_as_their_longest_cell():
    lines = aligned([["rate", "at t"], ["1e-300", "0.25"], ["a", "-1e-12"]], "<4 >3").splitlines()
    assert lines == ["rate      at t", "1e-300    0.25", "a       -1e-12"]
