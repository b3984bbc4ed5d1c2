import re
from pathlib import Path

import numpy as np
import pytest
import qutip

import collective as co
from collective.citations import _APPROXIMATIONS, REFERENCES, citation

TIMES = np.linspace(0, 1, 3)


def keys(calculation):
    """Keys of the entries; asserts that each entry is well-formed."""
    entries = citation(calculation).split("\n\n")
    for entry in entries:
        assert re.fullmatch(r"@\w+\{\w+,\n(  \w+ = \{.*\},\n)+\}", entry), entry
        assert entry.count("{") == entry.count("}")
        assert entry.isascii()
    found = [re.match(r"@\w+\{(\w+),", entry)[1] for entry in entries]
    assert len(set(found)) == len(found)
    return set(found)


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        ("exact", set()),
        ("driven", set()),
        ("trajectories", {"dalibard1992", "molmer1993"}),
        ("symmetric", {"shammah2018"}),
        ("truncated_wigner", {"mink2023", "schachenmayer2015"}),
        ("conditional_cumulants", {"wiseman1993", "zhang2023"}),
    ],
)
def test_engines(method, wanted):
    couplings = co.Couplings(np.ones((2, 2)), np.zeros((2, 2)))
    if method == "trajectories":
        method = co.engines.Trajectories(n=5)
    result = co.evolve(couplings, "inverted", TIMES, method=method, seed=1)
    common = {"collective", "qutip", "dicke1954", "lehmberg1970", "gross1982", "ficek2002"}
    assert keys(couplings) == common
    assert keys(result) == common | wanted


def test_a_wire_is_cited():
    wire = co.Nanowire(0.01, -50 + 0.6j)
    couplings = co.Couplings([[1.0]], [[0.0]], field=wire)
    assert "dzsotjan2011" in keys(couplings)


@pytest.mark.parametrize(
    ("approximation", "wanted"),
    [
        ("universal", {"nathan2020"}),
        ("rwa", {"nathan2020"}),
        ("redfield", {"redfield1957"}),
        ("secular", {"davies1974"}),
    ],
)
def test_approximations(approximation, wanted):
    atoms = co.chain(1, 1.0, frequency=100.0)
    equation = co.master_equation(atoms, co.Vacuum(), approximation=approximation)
    assert keys(equation) == {"collective", "qutip"} | wanted
    assert keys(co.evolve(equation, "inverted", TIMES)) >= wanted


def test_equations_of_the_user():
    assert keys(co.MasterEquation(qutip.sigmaz())) == {"collective", "qutip"}


def test_every_reference_exists_and_is_complete():
    of_engines = [getattr(co.engines, kind).cite for kind in co.engines.NAMES.values()]
    used = {key for listed in (*of_engines, *_APPROXIMATIONS.values()) for key in listed}
    assert used <= set(REFERENCES)
    for kind, fields in REFERENCES.values():
        assert fields["year"].isdigit()
        assert "doi" in fields or kind == "misc"


def test_the_package_is_cited_as_in_its_citation_file():
    file = Path(__file__).parents[1] / "CITATION.cff"
    text = file.read_text()
    entry = citation(co.Couplings([[1.0]], [[0.0]])).split("\n\n")[0]
    for name in ("title", "version"):
        value = re.search(rf"^{name}: \"?(.*?)\"?$", text, re.M)[1]
        assert f"{{{value}}}" in entry
    assert re.search(r"name: (.*)", text)[1] in entry
    assert "year = {" + re.search(r"date-released: (\d+)", text)[1] in entry


def test_qutip_is_cited_with_its_own_reference(capsys):
    qutip.cite()
    assert REFERENCES["qutip"][1]["doi"] in capsys.readouterr().out


def test_wrong_types_are_refused():
    with pytest.raises(TypeError, match="must be a Result, Couplings or a MasterEquation"):
        citation("result")
