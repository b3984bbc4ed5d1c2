"""The near field of multi-level emitters."""

import numpy as np
import pytest
import qutip
from multilevels import Mirror

import collective as co

near_field = co.observables.near_field
POINTS = np.array([[0.3, 0.1, 0.05], [0.0, -0.2, 0.4], [2.0, 1.0, -3.0]])
PAIR = co.Emitters(
    [[0, 0, 0.1], [0.05, 0, 0.3]],
    dipoles=[[1, 0, 1j], [0, 1, 1]],
    decay_rates=[1.0, 0.7],
    frequency=1e3,
)
START = qutip.tensor(qutip.basis(2, 0), (qutip.basis(2, 0) + 1j * qutip.basis(2, 1)).unit())


@pytest.mark.parametrize("kind", ["electric", "magnetic"])
@pytest.mark.parametrize("field", [co.Vacuum(), Mirror()])
def test_near_field_of_two_levels_against_two_level_emitters(kind, field):
    """The same density matrix, once evolved from couplings and once from a `Multilevel`."""
    emitters, times = PAIR.replace(kind=kind), [0.0, 0.3, 0.8]
    couplings = co.couple(emitters, field)
    usual = co.evolve(couplings, START, times, observe=["states", "correlations"], method="exact")
    equation = co.MasterEquation(
        couplings.hamiltonian(),
        couplings.collapse_operators(),
        multilevel=co.Multilevel.from_emitters(emitters),
    )
    found = co.evolve(equation, START, times, observe="states")
    np.testing.assert_allclose(
        near_field(found, POINTS, field), near_field(usual, POINTS), rtol=1e-6
    )


def cascade(energies, dipoles, state, times=(0.0,)):
    """One emitter with these levels, and its result at these times."""
    atom = co.Multilevel([[0.2, 0, 0]], [energies], [dipoles], speed_of_light=3.0)
    equation = co.master_equation(atom, co.Vacuum(), approximation="secular")
    return atom, co.evolve(equation, state, times, observe="states", progress=False)


def dipoles_of_three():
    d = np.zeros((3, 3, 3), dtype=complex)
    d[1, 0], d[2, 1], d[2, 0] = [0.1, 0.2j, 0], [0, 0, 0.3], [0.05, 0.05, 0.1j]
    return d + d.conj().transpose(1, 0, 2)


def test_far_away_the_near_field_is_the_photon_flux():
    """r²∫dΩ I = Σ_y p_y Σ_x k³|d|²/3π, each transition at its own frequency."""
    energies, populations = np.array([5.0, 3.0, 0.0]), np.array([0.5, 0.3, 0.2])
    atom, found = cascade(energies, dipoles_of_three(), qutip.qdiags(populations, 0))
    directions, weights = co.observables.sphere(12, 24)
    distance = 1e5
    light = near_field(found, distance * directions + atom.positions[0], co.Vacuum())[0]
    expected = sum(
        populations[y]
        * ((energies[y] - energies[x]) / 3) ** 3
        / (3 * np.pi)
        * np.sum(np.abs(atom.dipoles[0][x, y]) ** 2)
        for y, x in ((0, 1), (0, 2), (1, 2))
    )
    assert distance**2 * light @ weights == pytest.approx(expected, rel=1e-8)
    assert found.emission[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("frame", ["lab", "rotating"])
def test_transitions_beat_at_their_frequency_difference(frame):
    """Two upper levels Δ apart make the light of a V-shaped emitter beat at Δ, in every frame."""
    gap = 0.25
    d = np.zeros((3, 3, 3), dtype=complex)
    d[0, 2, 0] = d[2, 0, 0] = d[1, 2, 0] = d[2, 1, 0] = 1e-3  # hardly decays
    upper = (qutip.basis(3, 0) + qutip.basis(3, 1)).unit()
    times = np.linspace(0, 2 * np.pi / gap, 9)
    _, found = cascade([5.0 + gap, 5.0, 0.0], d, upper, times)
    light = near_field(found.in_frame(frame), [0.2, 0, 40.0], co.Vacuum())
    omegas = np.array([5.0 + gap, 5.0])
    green = np.array([co.Vacuum().green([0, 0, 40], [0, 0, 0], w / 3)[0, 0] for w in omegas])
    amplitudes = np.sqrt(2) * (omegas / 3) ** 1.5 * green * 1e-3 / np.sqrt(2)
    expected = np.abs(np.exp(-1j * np.multiply.outer(times, omegas)) @ amplitudes) ** 2
    np.testing.assert_allclose(light, expected, rtol=1e-4)


def test_errors_name_what_the_near_field_of_levels_needs():
    equation = co.master_equation(PAIR, co.Vacuum())
    without = co.evolve(equation, START, [0.0, 0.1], progress=False)
    with pytest.raises(ValueError, match=r"near_field needs states: evolve\(..., observe"):
        near_field(without, POINTS, co.Vacuum())
    found = co.evolve(equation, START, [0.0, 0.1], observe="states", progress=False)
    with pytest.raises(ValueError, match="needs a field, which a MasterEquation does not have"):
        near_field(found, POINTS)
    with pytest.raises(ValueError, match="is at emitter 1"):
        near_field(found, PAIR.positions[1], co.Vacuum())
    bare = co.MasterEquation(equation.hamiltonian(), equation.collapse_operators())
    unknown = co.observables.moment(bare, START)
    with pytest.raises(ValueError, match="which this MasterEquation does not have"):
        near_field(unknown, POINTS, co.Vacuum())
    dark = co.Multilevel([[0, 0, 0.0]], [[1.0, 0.0]], [np.zeros((2, 2, 3))])
    silent = co.MasterEquation(qutip.sigmaz(), multilevel=dark)
    still = co.observables.moment(silent, qutip.basis(2, 0))
    with pytest.raises(ValueError, match="no emitter has a transition"):
        near_field(still, POINTS, co.Vacuum())

    class OnlyElectric:
        def green(self, r, r_source, k):
            return co.Vacuum().green(r, r_source, k)

    magnetic = co.master_equation(PAIR.replace(kind="magnetic"), co.Vacuum())
    found = co.observables.moment(magnetic, START)
    with pytest.raises(ValueError, match="no magnetic response"):
        near_field(found, POINTS, OnlyElectric())
