"""Assumptions behind couplings: their numbers, their verdicts and how they print."""

import numpy as np
import pytest

import collective as co
from collective.couplings.pairs import linewidth_variation


def report(**options):
    return co.couple(co.chain(4, 0.1, **options), co.Vacuum()).validity()


def test_numbers_of_an_optical_chain():
    couplings = co.couple(co.chain(4, 0.1, frequency=1e7, detunings=[0, 0, 0, 300]), co.Vacuum())
    found = couplings.validity()
    rates = np.linalg.eigvalsh(couplings.decay)
    off = np.abs(couplings.shift).max()
    c = 1e7 / (2 * np.pi)
    expected = {
        "decay matrix positive": rates[0],
        "rotating-wave approximation": off / 1e7,
        "no retardation": rates[-1] * 0.3 / c,
        "no retardation of beats": 300 * 0.3 / c,
        "one wave number for all": 300 / 1e7,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(found[name].value, value, rtol=1e-12)
        assert found[name].verdict == "holds"


def test_variation_over_a_linewidth_of_a_far_pair():
    """A phase kr turns by Γr/c over a linewidth: Γ₁₂ ~ sin(kr)/kr changes by Γ₀/(c/r)·1.5/kr."""
    r, frequency = 40.25, 1e4  # sin(kr) = 1: the shift −¾cos(kr)/kr has its steepest slope
    pair = co.couple(co.chain(2, r, frequency=frequency), co.Vacuum())
    value = pair.validity()["couplings flat over a linewidth"].value
    width = np.linalg.eigvalsh(pair.decay)[-1]
    slope = 0.75 * width / frequency  # d(¾cos(kr)/kr)·kr·(width/ω₀), kr cancels
    cubed = 3 * width / frequency  # a fixed dipole's own rate grows as k³
    np.testing.assert_allclose(value, max(slope, cubed) / width, rtol=0.02)


def test_verdicts_follow_the_numbers():
    assert report(frequency=1e7)["rotating-wave approximation"].verdict == "holds"
    assert report(frequency=100.0)["rotating-wave approximation"].verdict == "doubtful"
    assert report(frequency=20.0)["rotating-wave approximation"].verdict == "fails"
    strong = co.couple(co.chain(2, 0.1, frequency=100.0), co.Vacuum()).replace(drive=30.0)
    assert strong.validity()["weak drive"].value == pytest.approx(0.3)


def test_assumptions_that_need_a_frequency_are_not_assessed_without_it():
    found = report()
    assert found["decay matrix positive"].verdict == "holds"
    for name in ("rotating-wave approximation", "no retardation", "one wave number for all"):
        assert found[name].verdict == "not assessed"
        assert found[name].value is None
    assert "needs Emitters(frequency=...)" in str(found)
    bare = co.Couplings([[1]], [[0]]).validity()
    assert "needs emitters" in bare["no retardation"].meaning


def test_validity_prints_one_line_for_each_assumption():
    lines = str(report(frequency=1e7)).splitlines()
    assert len(lines) == 7
    assert all("holds" in line for line in lines)
    assert repr(report(frequency=1e7)) == str(report(frequency=1e7))


NAME = "one excitation without memory"


@pytest.mark.parametrize(
    ("couplings", "share"),
    [
        (co.couple(co.chain(2, 0.25), co.Waveguide(1.0, 6.0, group_velocity=0.5)), 0.01),
        (co.couple(co.chain(2, 0.25), co.Waveguide(1.0, 6.0, group_velocity=1e4)), 0.01),
        (
            co.couple(
                co.chain(3, 0.25), co.Waveguide(1.0, 6.0, group_velocity=2.0, chirality=0.5)
            ).replace(detunings=[0.0, 2.0, -1.0]),
            0.01,
        ),
        (co.couple(co.chain(2, 0.3), co.Cavity((0.8, 0.5j), 4.0, 1.0)), 0.01),
        (co.couple(co.chain(2, 0.3), co.Cavity(2.0, 0.5, 0.3)).replace(detunings=[0, 1.0]), 0.01),
        (co.couple(co.chain(3, 0.2, dipoles=(1, 1j, 0), frequency=1e3), co.Vacuum()), 0.15),
        (co.couple(co.Emitters([[0, 0, 2.3]], frequency=30.0), co.Mirror()), 0.15),
    ],
    ids=["slow guide", "fast guide", "chiral", "bad cavity", "good cavity", "vacuum", "mirror"],
)
def test_the_measured_effect_of_memory_is_that_of_the_engine_with_delays(couplings, share):
    """Of excitations in the brightest mode and of each emitter, by steps in time and by e^{−iHt}."""
    field, atoms = couplings.field, couplings.emitters
    last = 5 / couplings.decay.diagonal().real.max() + 2 * field.memory(atoms).delays.max()
    times, most = np.linspace(0, last, 301), 0.0
    values, vectors = np.linalg.eig(
        np.diag(couplings.detunings) + couplings.shift - 0.5j * couplings.decay
    )
    bright = np.linalg.eigh(couplings.decay)[1][:, -1]
    for start in (*np.eye(len(atoms)), bright):
        state = co.states.from_amplitudes(start)
        found = co.evolve(couplings, state, times, method="retarded", progress=False).populations
        waves = np.exp(-1j * np.multiply.outer(times, values)) * np.linalg.solve(vectors, start)
        change = found - np.abs(waves @ vectors.T) ** 2
        most = max(most, np.abs(change).max())
    most = max(most, np.abs(change.sum(axis=1)).max())
    row = couplings.validity()[NAME]
    assert row.value == pytest.approx(most, rel=share)
    verdict = "holds" if row.value < 0.01 else "doubtful" if row.value < 0.1 else "fails"
    assert row.verdict == verdict
    assert "delays and modes" in couplings.validity()._repr_html_()


@pytest.mark.parametrize(
    ("couplings", "why"),
    [
        (co.couple(co.chain(2, 0.3), co.Vacuum()), "frequency is required"),
        (co.couple(co.chain(2, 0.3), co.Plasma(3.0)), "gives no memory"),
        (co.couple(co.chain(2, 0.3), co.Waveguide(1.0, 6.0)), "group_velocity is required"),
        (co.couple(co.chain(60, 0.3, frequency=1e6), co.Vacuum()), "more than half a second"),
        (
            co.couple(co.chain(2, 0.3), co.Waveguide(1.0, 6.0, group_velocity=1e-90)),
            "more than half a second",
        ),
        (co.Couplings([[1.0]], [[0.0]]), "needs emitters and field"),
    ],
)
def test_where_the_effect_of_memory_is_not_measured_the_report_says_so(couplings, why):
    row = couplings.validity()[NAME]
    assert row.value is None
    assert row.verdict == "not assessed"
    assert why in row.meaning


def test_unknown_assumption_raises():
    with pytest.raises(
        KeyError, match="no assumption is named 'luck'; use one of 'decay matrix positive'"
    ):
        report()["luck"]


def test_change_over_a_linewidth_of_detuned_dipoles():
    """The dipoles are fixed, with sizes from their own wave numbers: 2k²d·Im G·d and −k²d·Re G·d."""
    pair = co.Emitters(
        [[0, 0, 0], [0, 0, 0.1]], dipoles=(1, 0, 0), frequency=10.0, detunings=[0.0, 5.0]
    )
    width = 0.2
    d = np.sqrt(3 * np.pi / pair.wavenumbers**3)
    edges = pair.wavenumbers.mean() * (1 + np.array([-1, 1]) * width / 20)
    parts = []
    for k in edges:
        green = co.Vacuum().green(pair.positions[:, None], pair.positions, k)[..., 0, 0]
        both = k**2 * np.multiply.outer(d, d) * np.stack([2 * green.imag, -green.real])
        parts.append(both)
    expected = np.abs(parts[1] - parts[0]).max() / width
    found = linewidth_variation(pair, co.Vacuum(), width)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("place", [0.5, 1.0])
def test_what_neglects_the_delay_is_measured_at_the_node_of_a_far_mirror(place):
    """Γ = 0 by light that comes back after τ = 2z; until then the emitter decays at γ = 1."""
    field = co.Waveguide(1.0, 2 * np.pi, group_velocity=1.0, mirror=0.0)
    report = co.couple(co.Emitters([[0, 0, place]]), field).validity()
    expected = 1 - np.exp(-2 * place)  # the plateau later is higher
    assert report["one excitation without memory"].value == pytest.approx(expected, abs=0.005)
