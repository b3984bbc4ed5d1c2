"""The scripts of the page "Seven first tasks": short, as printed, and right by another route."""

import contextlib
import doctest
import io
import re
import sys
import tempfile
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import qutip
from scipy.integrate import simpson
from scipy.linalg import expm

import collective as co

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

import _pages  # noqa: E402

PAGE = DOCS / "first_tasks.md"
SCRIPTS = [(code, expected) for _, code, expected in _pages.blocks(PAGE)]
SLOW = (6, 7)  # tasks that take seconds


@cache
def outcome(task):
    """The variables of the script of a task, what it printed, and the names of its figures."""
    names, printed = {}, io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
            exec(compile(SCRIPTS[task - 1][0], f"task {task}", "exec"), names)
        figures = [file.name for file in Path(folder).iterdir()]
    plt.close("all")
    return names, printed.getvalue(), figures


def across(distance):
    """Γ₁₂ and Δ₁₂ in vacuum of two dipoles that are perpendicular to the line between them."""
    x = 2 * np.pi * distance
    decay = 1.5 * (np.sin(x) / x + np.cos(x) / x**2 - np.sin(x) / x**3)
    shift = 0.75 * (-np.cos(x) / x + np.sin(x) / x**2 + np.cos(x) / x**3)
    return decay, shift


def first_slope(positions):
    """dR/dt at t = 0 of inverted atoms with dipoles across all connecting lines, Tr Γ² − 2N."""
    distance = np.linalg.norm(positions[:, None] - positions, axis=-1)
    pairs = distance[np.triu_indices(len(positions), 1)]
    return 2 * np.sum(across(pairs)[0] ** 2) - len(positions)


def slope_of(values, step):
    """First derivative at the first of five equidistant values."""
    return np.dot([-25, 48, -36, 16, -3], values[:5]) / (12 * step)


def test_seven_numbered_scripts_of_at_most_ten_lines():
    headings = re.findall(r"^## (\d) · ", PAGE.read_text(encoding="utf-8"), flags=re.M)
    assert [int(number) for number in headings] == list(range(1, 8))
    assert len(SCRIPTS) == 7
    for code, expected in SCRIPTS:
        lines = [line for line in code.splitlines() if line.strip()]
        assert len(lines) <= 10
        assert all(len(line) <= 100 for line in lines)
        assert expected


@pytest.mark.parametrize(
    "task", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in range(1, 8)]
)
def test_a_script_prints_what_the_page_shows(task):
    names, printed, figures = outcome(task)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.OutputChecker().check_output(SCRIPTS[task - 1][1], printed, flags), printed
    assert "savefig" not in SCRIPTS[task - 1][0] or len(figures) == 1
    assert "ax" not in names or names["ax"].has_data()


def test_burst_of_an_array_begins_as_its_decay_matrix_says_and_emits_what_it_loses():
    names, _, _ = outcome(1)
    result, positions = names["result"], names["array"].emitters.positions
    emission = result.emission
    assert emission[0] == pytest.approx(9)
    assert slope_of(emission, 0.02) == pytest.approx(first_slope(positions), rel=1e-3)
    assert simpson(emission, x=result.times) == pytest.approx(9 - result.excitation[-1], abs=1e-5)
    # the burst is larger than 9 and smaller than that of nine atoms at one place, by rates k(10−k)
    rates = np.array([k * (10 - k) for k in range(10)], dtype=float)
    ladder = np.diag(-rates) + np.diag(rates[1:], 1)
    dicke = [rates @ expm(ladder * t)[:, 9] for t in np.linspace(0, 0.6, 61)]
    assert 14 < emission.max() < max(dicke)


def test_error_of_the_rwa_from_the_ground_state_is_that_of_two_levels():
    """|gg⟩ and |ee⟩ are 2ω₀ apart and coupled by Δ₁₂: the state turns by at most Δ₁₂/√(ω₀²+Δ₁₂²)."""
    names, printed, _ = outcome(2)
    shift = across(0.05)[1]
    ground, single = (float(line.split()[-1]) for line in printed.splitlines())
    assert ground == pytest.approx(shift / np.hypot(1000, shift), rel=0.05)
    distance = names["found"].distance("universal", "rwa")
    assert single == pytest.approx(distance.max(), abs=6e-4)
    assert distance[:10].max() < 1e-3  # t < 0.02: nearly nothing has decayed


def test_detuned_pair_beats_at_the_difference_of_its_modes():
    names, _, _ = outcome(2)
    decay, shift = across(0.05)
    h = np.array([[10, shift], [shift, -10]]) - 0.5j * np.array([[1, decay], [decay, 1]])
    amplitudes = [expm(-1j * h * t)[:, 0] for t in names["times"]]
    found = names["found"].results
    for name, tolerance in (("rwa", 2e-3), ("universal", 5e-3)):
        np.testing.assert_allclose(
            found[name].populations[:, :, 0], np.abs(amplitudes) ** 2, atol=tolerance
        )


def darkest_of_a_ring(n, spacing):
    """The smallest decay rate of a ring, Γ_q = Σ_j Γ_0j cos(2πqj/n), as its matrix is circulant."""
    j = np.arange(1, n)
    decay = across(spacing * np.sin(np.pi * j / n) / np.sin(np.pi / n))[0]
    return min(1 + np.sum(decay * np.cos(2 * np.pi * q * j / n)) for q in range(n))


def test_lifetimes_of_the_rings_are_those_of_a_circulant_matrix():
    _, printed, _ = outcome(3)
    rows = [line.split() for line in printed.splitlines()]
    assert [int(row[0]) for row in rows] == [4, 8, 12, 16, 20, 24]
    lifetimes = [float(row[2]) for row in rows]
    expected = [1 / darkest_of_a_ring(int(row[0]), 0.2) for row in rows]
    np.testing.assert_allclose(lifetimes, expected, rtol=6e-4)
    ratios = np.divide(lifetimes[1:], lifetimes[:-1])
    assert np.all((ratios > 14) & (ratios < 20))


def test_three_driven_atoms_against_qutip():
    names, _, _ = outcome(4)
    triple, light = names["triple"], names["light"]
    H, c_ops = triple.hamiltonian(), triple.collapse_operators()
    chosen = [300, 490, 700]  # both sidebands, and a place near the middle
    theirs = sum(qutip.spectrum(H, light.frequencies[chosen], c_ops, c.dag(), c) for c in c_ops)
    np.testing.assert_allclose(light.values[chosen], theirs / (2 * np.pi), rtol=1e-6)
    rho = qutip.steadystate(H, c_ops)
    elastic = sum(abs(qutip.expect(c, rho)) ** 2 for c in c_ops)
    everything = sum(qutip.expect(c.dag() * c, rho) for c in c_ops)
    assert light.coherent == pytest.approx(elastic, rel=1e-6)
    assert light.total == pytest.approx(everything - elastic, rel=1e-6)
    side = light.values[light.frequencies > 10]
    assert light.frequencies[light.frequencies > 10][side.argmax()] == pytest.approx(20, abs=0.5)


def test_excitation_in_si_units_is_the_beat_of_two_modes():
    names, _, _ = outcome(5)
    g = 2 * np.pi * 6e6
    t = names["result"].times
    bright = np.exp(-(1.8 * g / 2 + 3j * g) * t)
    dark = np.exp(-(0.2 * g / 2 - 3j * g) * t)
    np.testing.assert_allclose(names["second"], np.abs(bright - dark) ** 2 / 4, atol=1e-6)


@pytest.mark.slow
def test_mean_over_clouds_is_that_of_its_members_and_these_are_those_of_qutip():
    names, _, _ = outcome(6)
    seeds = []

    def member(seed):
        seeds.append(seed)
        return 0.0

    co.ensemble(member, 20, seed=1)  # seeds depend on the seed of the ensemble alone
    assert len(set(seeds)) == 20
    runs = [names["burst"](seed) for seed in seeds]
    emission = np.array([run.emission for run in runs])
    np.testing.assert_allclose(names["mean"].emission, emission.mean(axis=0), rtol=1e-6)
    error = emission.std(axis=0, ddof=1) / np.sqrt(20)
    np.testing.assert_allclose(names["mean"].emission_error, error, rtol=1e-4, atol=1e-9)
    atoms = runs[0].couplings.emitters
    assert np.linalg.norm(atoms.positions, axis=1).max() <= 0.2
    assert atoms.nearest_pair()[0] >= 0.05
    H, c_ops = runs[0].couplings.hamiltonian(), runs[0].couplings.collapse_operators()
    excited = qutip.tensor([qutip.basis(2, 0)] * 5)
    photons = [c.dag() * c for c in c_ops]
    theirs = qutip.mesolve(H, excited, runs[0].times, c_ops, e_ops=photons)
    np.testing.assert_allclose(emission[0], np.sum(theirs.expect, axis=0), atol=1e-4)


@pytest.mark.slow
def test_burst_of_two_hundred_atoms_begins_exactly_and_lies_in_the_band_of_another_engine():
    names, _, _ = outcome(7)
    result, array = names["result"], names["array"]
    assert result.emission[0] == pytest.approx(200)
    slope = first_slope(array.emitters.positions)
    assert slope_of(result.emission, 0.05) == pytest.approx(slope, rel=1e-2)
    other = co.evolve(array, "inverted", result.times, method="truncated_wigner", seed=1)
    peak = result.emission.argmax()
    band = result.error_estimate[peak] + other.error_estimate[peak]
    assert abs(other.emission[peak] - result.emission[peak]) < band < 0.25 * result.emission[peak]
    assert result.trusted_until == pytest.approx(1.5)
