"""Level diagrams and Zeeman shifts: what is drawn is what was computed."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import collective as co

HERE = [[0.0, 0.0, 0.0]]
GAUSS = co.units.gauss


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def arrows(ax):
    return [text for text in ax.texts if hasattr(text, "arrow_patch")]


def shares(ax):
    return sorted(float(t.get_text()) for t in ax.texts if t.get_text())


def test_strengths_of_every_decay_are_written():
    """Those of F′ = 3/2 → F = 1/2: 1, 2/3, 1/3 (and the same for −m)."""
    atoms = co.atoms(HERE, "Yb171 556 nm", ground=1 / 2, excited=3 / 2)
    ax = co.plot.levels(atoms)
    assert shares(ax) == [0.33, 0.33, 0.67, 0.67, 1, 1]
    assert len(arrows(ax)) == 6
    assert [t.get_text() for t in ax.get_xticklabels()] == ["-3/2", "-1/2", "1/2", "3/2"]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["σ⁺", "π", "σ⁻"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["g", "e"]


def test_arrows_lead_from_excited_to_ground_sublevels():
    """A σ⁺ photon is absorbed from m to m + 1: the blue arrows go from m + 1 down to m."""
    axis = (1.0, -1.0, 0.5)
    atoms = co.atoms(HERE, "Rb87 D2", ground=2, excited=3, axis=axis)
    steps = {}
    for arrow in arrows(co.plot.levels(atoms)):
        (end, low), (begin, high) = arrow.xy, arrow.xyann
        assert high > low
        steps.setdefault(arrow.arrow_patch.get_edgecolor(), set()).add(round(begin - end))
    assert sorted(map(tuple, steps.values())) == [(-1,), (0,), (1,)]


def test_sublevels_are_displaced_by_their_energies():
    atoms = co.atoms(HERE, "Sr88 689 nm", ground=0, excited=1, magnetic_field=(0, 0, GAUSS))
    bars = co.plot.levels(atoms).collections[0].get_segments()
    heights = {round(bar[:, 0].mean()): bar[0, 1] for bar in bars[:3]}
    assert heights[1] - heights[0] == pytest.approx(heights[0] - heights[-1])
    assert heights[1] > heights[0] > bars[3][0, 1]


def test_hyperfine_manifolds_stand_by_frequency():
    """F = 1 of rubidium lies below F = 2, whatever the order of the arguments."""
    for ground in ((1, 2), (2, 1)):
        ax = co.plot.levels(co.atoms(HERE, "Rb87 D2", ground=ground, excited=2))
        names = [text.get_text() for text in ax.get_yticklabels()]
        at = dict(zip(names, ax.get_yticks(), strict=True))
        assert at["g1"] < at["g2"] < at["e"]


def test_populations_are_areas():
    atoms = co.atoms([[0, 0, 0], [0, 0, 1]], ground=0, excited=1)
    one = [0.1, 0.2, 0.3, 0.4]
    sizes = co.plot.levels(atoms, populations=one).collections[1].get_sizes()
    np.testing.assert_allclose(sizes / sizes[0], np.divide(one, 0.1))
    mean = co.plot.levels(atoms, populations=[one, one[::-1]]).collections[1].get_sizes()
    np.testing.assert_allclose(mean / mean[0], 1)
    with pytest.raises(ValueError, match=r"populations must be a result .* got \(3,\)"):
        co.plot.levels(atoms, populations=[1, 0, 0])
    with pytest.raises(ValueError, match="populations must be from 0 to 1, got 3"):
        co.plot.levels(atoms, populations=[1, 0, 0, 3])


def test_populations_of_a_result_are_those_of_its_last_time():
    """One atom: the population of "e +1" decays to the ground level."""
    atoms = co.atoms(HERE, ground=0, excited=1)
    couplings = co.couple(atoms, co.Vacuum())
    result = co.evolve(couplings, co.states.levels(["e +1"]), [0, np.log(2)], progress=False)
    sizes = co.plot.levels(atoms, populations=result).collections[1].get_sizes()
    assert sizes[3] == pytest.approx(sizes[0])
    np.testing.assert_allclose(sizes[1:3], 0, atol=1e-9)
    begin = co.plot.levels(atoms, populations=result, time=0.1).collections[1].get_sizes()
    assert begin[0] == pytest.approx(2 * sizes[0])
    with pytest.raises(ValueError, match="time: only a result has times"):
        co.plot.levels(atoms, populations=[1, 0, 0, 0], time=0.1)


def test_levels_with_names_of_the_user():
    atoms = co.Atoms.from_emitters(co.chain(2, 0.3))
    assert shares(co.plot.levels(atoms)) == [1]


def test_shifts_of_transitions():
    field = 5 * GAUSS
    atoms = co.atoms(HERE, "Rb87 D2", ground=2, excited=3, magnetic_field=(0, 0, field))
    ax = co.plot.zeeman("Rb87 D2", ground=2, excited=3, field=field)
    assert len(ax.get_lines()) == 15
    ends = [line.get_ydata()[1] for line in ax.get_lines()]
    expected = [
        atoms.energies[0, e] - atoms.energies[0, g]
        for g, e in np.argwhere(np.any(atoms.lowering, axis=(0, 1)))
    ]
    np.testing.assert_allclose(sorted(ends), sorted(expected), atol=1e-12)
    assert ax.get_lines()[0].get_xdata()[1] == pytest.approx(0.5)
    assert ax.get_xlabel() == "magnetic field (mT)"
    narrow = co.plot.zeeman("Sr88 689 nm", ground=0, excited=1)
    assert max(np.abs(line.get_ydata()).max() for line in narrow.get_lines()) == pytest.approx(10)
    assert narrow.get_xlabel() == "magnetic field (µT)"


def test_the_linear_regime_is_marked():
    labels = [
        t.get_text() for t in co.plot.zeeman("Rb87 D2", ground=2, excited=3).get_legend().texts
    ]
    assert labels == ["σ⁺", "π", "σ⁻", "linear up to here"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"line": "Rb87 D2", "ground": 1, "excited": 3}, "F′=3 → F=1 is forbidden"),
        ({"line": "Rb87 D2", "ground": 0.5, "excited": 3}, "ground: F must be 1 or 2"),
        ({"line": "Rb8 D2", "ground": 2, "excited": 3}, "line 'Rb8 D2' is not in the table"),
        ({"line": "Rb87 D2", "ground": 2, "excited": 3, "field": 0}, "field must be above 0"),
        ({"line": "Rb87 D2", "ground": 2, "excited": 3, "field": 300}, "field must be in tesla"),
    ],
)
def test_impossible_figures_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        co.plot.zeeman(**arguments)


def driven(positions, axis=(0, 0, 1), rabi=1.0):
    atoms = co.Atoms.isotropic(positions, axis=axis)
    wave = co.plane_wave(atoms, rabi, direction=(0, 0, 1), polarisation=(1, 0.5j, 0))
    return co.couple(atoms, co.Vacuum()).replace(drive=wave)


def test_curves_of_polarisations_are_those_of_the_observable():
    atoms = co.Atoms.isotropic([[0, 0, 0], [0.1, 0, 0]])
    start, times = co.states.levels(["e +1", "g 0"]), np.linspace(0, 1, 5)
    channels = co.couple(atoms, co.Vacuum())
    result = co.evolve(channels, start, times, observe="correlations", progress=False)
    curves = co.plot.polarised_emission(result).get_lines()
    assert [line.get_label() for line in curves] == ["σ⁺", "π", "σ⁻", "sum"]
    drawn = np.array([line.get_ydata() for line in curves])
    np.testing.assert_allclose(drawn[:3].T, co.observables.polarised_emission(result)[:, 0])
    np.testing.assert_allclose(drawn[3], result.emission)
    rubidium = co.couple(co.atoms(HERE, "Rb87 D2", ground=(1, 2), excited=2), co.Vacuum())
    moment = co.observables.moment(rubidium, co.states.levels("e +2"))
    labels = [line.get_label() for line in co.plot.polarised_emission(moment).get_lines()]
    assert labels[2:4] == ["σ⁻, line 0", "σ⁺, line 1"]


def test_populations_of_levels_are_means_with_their_range():
    atoms = co.Atoms.isotropic([[0, 0, 0], [0.1, 0, 0]])
    start = co.states.levels(["e +1", "g 0"])
    result = co.evolve(co.couple(atoms, co.Vacuum()), start, [0, 0.5, 1], progress=False)
    ax = co.plot.populations(result)
    assert [line.get_label() for line in ax.get_lines()] == list(atoms.levels)
    drawn = np.array([line.get_ydata() for line in ax.get_lines()])
    np.testing.assert_allclose(drawn.T, result.populations.mean(axis=1))
    assert len(ax.collections) == 4


def test_light_scattered_in_a_field_by_one_atom():
    """Two Lorentzians, of σ⁺ and σ⁻, at ± the Zeeman shift."""
    shifts, detunings = np.array([0.0, 1.0, 2.0]), np.linspace(-3, 3, 7)
    ax = co.plot.zeeman_spectrum(driven(HERE), shifts, detunings)
    seen = ax.collections[0].get_array()
    strengths = [abs(-1 + 0.5) ** 2 / 2.5, abs(1 + 0.5) ** 2 / 2.5]  # |e*·(1, i/2)|² over 5/4
    expected = sum(
        strength / (1 + 4 * (detunings[:, None] - sign * shifts) ** 2)
        for strength, sign in zip(strengths, (-1, 1), strict=True)
    )
    np.testing.assert_allclose(np.reshape(seen, expected.shape), expected, rtol=1e-12)
    ends = [line.get_ydata()[-1] for line in ax.get_lines()]
    assert ends == [2.0, -2.0]


@pytest.mark.slow
def test_light_scattered_in_a_field_by_a_pair():
    """The steady state of a weak drive, by the whole density matrix."""
    rabi, places = 1e-3, [[0, 0, 0], [0.1, 0, 0.15]]
    weak = driven(places, axis=(1, 0, 1), rabi=rabi)
    seen = co.plot.zeeman_spectrum(weak, [0.5, 1.0], [-1.0, 2.0]).collections[0].get_array()
    expected = np.empty((2, 2))
    for b, shift in enumerate([0.5, 1.0]):
        moved = weak.atoms.replace(energies=shift * np.array([1.0, 0, -1, 0]))
        for d, detuning in enumerate([-1.0, 2.0]):
            couplings = weak.replace(atoms=moved, detunings=-detuning)
            light = co.observables.moment(couplings, co.steady_state(couplings)).emission[0]
            expected[d, b] = light / (2 * rabi**2)
    np.testing.assert_allclose(np.reshape(seen, (2, 2)), expected, rtol=1e-4)


def test_a_spectrum_without_a_drive_or_of_several_ground_levels_is_refused():
    rows = [0.0, 1.0], [0.0, 1.0]
    alone = co.couple(co.Atoms.isotropic(HERE), co.Vacuum())
    with pytest.raises(ValueError, match=r"couplings have no drive: use couplings.replace\(drive"):
        co.plot.zeeman_spectrum(alone, *rows)
    several = co.couple(co.atoms(HERE, ground=1, excited=2), co.Vacuum())
    with pytest.raises(ValueError, match="these atoms have 3"):
        co.plot.zeeman_spectrum(several, *rows)
    with pytest.raises(ValueError, match="detunings must be at least two increasing numbers"):
        co.plot.zeeman_spectrum(driven(HERE), [0.0, 1.0], [1.0, 0.0])


def test_a_spectrum_of_what_does_not_decay_is_refused():
    pair = driven([[0, 0, 0], [0, 0, 0.1]])
    alike = np.kron(np.ones((2, 2)), np.eye(3))  # three modes are exactly dark
    dark = co.ChannelCouplings(alike, 0 * alike, pair.atoms, drive=pair.drive)
    with pytest.raises(ValueError, match="detunings: at 0 and a shift of 0 the laser is in reson"):
        co.plot.zeeman_spectrum(dark, [0.0, 1.0], [-1.0, 0.0])
    still = pair.atoms.replace(linewidths=(0.0,))
    nothing = co.ChannelCouplings(0 * alike, 0 * alike, still, drive=pair.drive)
    with pytest.raises(ValueError, match="the drive reaches a level that does not decay"):
        co.plot.zeeman_spectrum(nothing, [0.0, 1.0], [-1.0, 0.0])


def test_a_map_of_the_light_of_atoms():
    atoms = co.couple(co.Atoms.isotropic([[0, 0, 0], [0.3, 0, 0]]), co.Vacuum())
    moment = co.observables.moment(atoms, co.states.levels(["e 0", "g 0"]))
    ax = co.plot.field_map(moment, plane="xy", extent=1.0, points=9)
    drawn = np.ma.filled(ax.collections[0].get_array(), np.nan).reshape(9, 9)
    places = np.linspace(-1, 1, 9)
    seen = co.observables.near_field(moment, [places[0] + 0.15, places[-2], 0.0])
    assert drawn[-2, 0] == pytest.approx(seen[0])
