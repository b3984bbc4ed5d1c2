"""A weak beam on an array: power, known limits, and infinite arrays."""

import numpy as np
import pytest
import reference
from random_systems import random_emitters
from scipy.integrate import quad
from scipy.special import j0, jv

import collective as co
from collective.observables._focused_beam import focus
from collective.observables.beam import infinite_array, reflection, scattering, transmission
from collective.observables.bloch import bands
from collective.plot import arrays


def mirror(n):
    return co.couple(co.square(n, n, 0.6, dipoles=(1, 0, 0)), co.Vacuum())


@pytest.mark.parametrize("spacing", [0.2, 0.6, 0.8])
def test_infinite_array_reflects_fully_at_its_shifted_resonance(spacing):
    mode = bands("square", spacing, (0, 0))
    on = infinite_array(spacing, mode.shifts)
    assert on.reflected[0] == pytest.approx(-1, abs=1e-12)
    assert on.transmission[0] == pytest.approx(0, abs=1e-24)
    half = infinite_array(spacing, mode.shifts + mode.rates / 2)
    assert half.reflection[0] == pytest.approx(0.5)
    wide = infinite_array(spacing, np.linspace(-3, 3, 50))
    assert wide.loss == pytest.approx(np.zeros(50), abs=1e-12)


def test_open_orders_and_tilted_dipoles_of_an_infinite_array():
    above = infinite_array(1.2, bands("square", 1.2, (0, 0)).shifts)
    assert 0 < above.reflection[0] < 0.95
    assert above.loss[0] > 0.05
    tilted = bands("square", 0.5, (0, 0), dipole=(1, 0, 1))
    assert infinite_array(0.5, tilted.shifts, dipole=(1, 0, 1)).reflection[0] == pytest.approx(1)


def test_large_arrays_approach_a_perfect_mirror():
    """The waist grows with the array, so that fewer wave vectors and less of the edge matter."""
    mode = bands("square", 0.6, (0, 0))
    detunings = mode.shifts[0] + mode.rates[0] * np.linspace(-0.3, 0.3, 121)
    peaks, misses = [], []
    for n in (6, 10, 14):
        values = reflection(mirror(n), detunings, waist=0.12 * n)
        peaks.append(values.max())
        misses.append(abs(detunings[np.argmax(values)] - mode.shifts[0]) / mode.rates[0])
    assert peaks[0] > 0.9
    assert peaks[1] > 0.97
    assert peaks[2] > 0.998
    assert peaks == sorted(peaks)
    assert misses == sorted(misses, reverse=True)
    assert misses[-1] < 0.02
    # the whole line, not only its maximum
    found = reflection(mirror(14), detunings, waist=2.1)
    assert found == pytest.approx(infinite_array(0.6, detunings).reflection, abs=0.02)


@pytest.mark.parametrize("waist", [0.05, 0.4, 2.0])
def test_no_array_emits_more_than_the_beam_brings(waist):
    """|t|² + |r|² ≤ 1 for every array."""
    emitters = random_emitters(5, 8, extent=0.4, flat=True)
    found = scattering(
        co.couple(emitters, co.Vacuum()),
        np.linspace(-4, 4, 41),
        waist=waist,
        polarisation=(1, 1j, 0),
    )
    assert found.loss.min() > -1e-12
    assert found.loss.max() > 0.001


def test_one_emitter_at_the_focus_against_the_overlap_integral():
    """t = 1 − β and r = −β, where β = 2|f|² is the share of Γ that goes into both modes."""
    atom = co.couple(co.Emitters([[0, 0, 0]], dipoles=(1, 0, 0)), co.Vacuum())
    waist, k = 0.35, 2 * np.pi

    def spectrum(s, power):
        return np.exp(-power * (k * waist * s) ** 2 / 4)

    def flux(s):
        return s * spectrum(s, 2) * (1 - s**2 / 2) * np.sqrt(1 - s**2)

    field = quad(lambda s: s * spectrum(s, 1) * (1 - s**2 / 2), 0, 1)[0] / (2 * np.pi)
    power = quad(flux, 0, 1)[0] / (2 * np.pi)
    share = 2 * 1.5 * np.pi * field**2 / power
    found = scattering(atom, [0.0], waist=waist)
    assert found.reflected[0] == pytest.approx(-share, rel=1e-6)
    assert found.transmitted[0] == pytest.approx(1 - share, rel=1e-6)


def test_wide_beams_are_gaussian():
    atom = co.couple(co.Emitters([[0, 0, 0]], dipoles=(1, 0, 0)), co.Vacuum())
    width = 2 * np.pi * 20
    assert scattering(atom, [0.0], waist=20).reflected[0] == pytest.approx(-6 / width**2, rel=1e-3)
    # off the axis the amplitude falls like e^{−ρ²/w²}, and so twice in and out
    two = co.Emitters([[-3, 0, 0], [3, 0, 0]], dipoles=(1, 0, 0))
    near = scattering(co.couple(two, co.Vacuum()), [0.0], waist=5).reflected[0]
    expected = -2 * 6 / (2 * np.pi * 5) ** 2 * np.exp(-2 * 9 / 25)
    assert near == pytest.approx(expected, rel=0.01)


def test_field_in_the_focal_plane_against_an_integral():
    """E_x of an x-polarised beam on the y axis, from an integral over rings of plane waves."""
    waist = 3.0
    y = np.array([0.0, 1.0, 4.0, 9.0])
    points = np.stack([0 * y, y, 0 * y], axis=1)
    field, _ = focus(points, waist, np.array([0, 0, 1.0]), np.array([1.0, 0, 0], dtype=complex))

    def exact(rho):
        def integrand(s):
            angles = 2 * np.pi * np.arange(128) / 128
            mean = np.mean(np.sin(angles) ** 2 * np.cos(s * rho * np.cos(angles)))
            return s * np.exp(-((waist * s) ** 2) / 4) * (j0(s * rho) - s * s * mean)

        return quad(integrand, 0, 1)[0] / (2 * np.pi)

    assert field[:, 0] == pytest.approx(np.array([exact(x) for x in y]), abs=1e-10)
    assert np.abs(field[:, 1:]).max() < 1e-15


def test_rotation_invariance_of_array_and_beam():
    flat = co.square(4, 4, 0.5, dipoles=(1, 0, 0))
    turned = co.Emitters(flat.positions[:, [2, 0, 1]] + [3.0, 0, -1], dipoles=(0, 1, 0))
    w = np.linspace(-1, 1, 5)
    one = scattering(co.couple(flat, co.Vacuum()), w, waist=0.8)
    two = scattering(
        co.couple(turned, co.Vacuum()), w, waist=0.8, axis=(2, 0, 0), polarisation=(0, 3, 0)
    )
    assert two.transmitted == pytest.approx(one.transmitted, rel=1e-9)
    assert two.reflected == pytest.approx(one.reflected, rel=1e-9)
    # from the other side
    back = scattering(co.couple(flat, co.Vacuum()), w, waist=0.8, axis=(0, 0, -1))
    assert back.transmitted == pytest.approx(one.transmitted, rel=1e-9)


def test_detuning_dephasing_and_crossed_polarisation():
    couplings = mirror(4)
    w = np.linspace(-1, 1, 7)
    found = scattering(couplings, w, waist=1.0)
    shifted = scattering(couplings.replace(detunings=np.full(16, 0.3)), w + 0.3, waist=1.0)
    assert shifted.reflected == pytest.approx(found.reflected, rel=1e-9)
    assert transmission(couplings, w, waist=1.0) == pytest.approx(found.transmission)
    blurred = scattering(couplings.replace(dephasing=2.0), w, waist=1.0)
    assert blurred.reflection.max() < 0.1 * found.reflection.max()
    crossed = scattering(couplings, w, waist=1.0, polarisation=(0, 1, 0))
    assert crossed.reflection.max() < 0.02


def test_linear_response_against_the_driven_steady_state():
    """Two emitters driven weakly by the same field: ⟨σ⁻⟩ of QuTiP's steady state gives t."""
    emitters = co.Emitters([[-0.15, 0, 0], [0.15, 0, 0]], dipoles=(1, 0, 0))
    couplings = co.couple(emitters, co.Vacuum())
    k, waist, weak, frequency = 2 * np.pi, 0.6, 1e-3, 0.4
    field, power = focus(
        k * emitters.positions, k * waist, np.array([0, 0, 1.0]), np.array([1, 0, 0], dtype=complex)
    )
    into = np.sqrt(1.5 * np.pi / power) * field[:, 0]
    driven = couplings.replace(detunings=-frequency, drive=2 * weak * into)
    rho = co.steady_state(driven)
    amplitude = np.array([np.trace(rho.full() @ x) for x in reference.lowering(2)])
    expected = 1 - 1j * into.conj() @ amplitude / weak
    found = scattering(couplings, [frequency], waist=waist).transmitted[0]
    assert found == pytest.approx(expected, abs=1e-4)


def test_an_emitter_that_does_not_decay_is_left_out():
    """If it is uncoupled it changes nothing; if it is coupled, its resonance is refused."""
    pair = co.Emitters([[0, 0, 0], [1, 0, 0]], decay_rates=[0, 1], dipoles=(1, 0, 0))
    alone = co.Emitters([[0.5, 0, 0]], dipoles=(1, 0, 0))
    found = scattering(co.couple(pair, co.Vacuum()), [0.0, 1.0], waist=40.0)
    one = scattering(co.couple(alone, co.Vacuum()), [0.0, 1.0], waist=40.0)
    assert found.reflected == pytest.approx(one.reflected, rel=1e-3)
    dark = co.Emitters(pair.positions, decay_rates=[0, 0], dipoles=(1, 0, 0))
    nothing = scattering(co.couple(dark, co.Vacuum()), [0.0], waist=1.0)
    assert nothing.transmission == pytest.approx(1)
    bound = co.Couplings(np.zeros((2, 2)), [[0, 0.5], [0.5, 0]], field=co.Vacuum(), emitters=dark)
    with pytest.raises(ValueError, match=r"frequencies\[1\] = 0\.5 is .* mode that does not decay"):
        scattering(bound, [0.1, 0.5], waist=1.0)
    assert scattering(bound.replace(dephasing=0.1), [0.5], waist=1.0).loss == pytest.approx(0)


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")
def test_field_far_from_a_tight_focus():
    """500 wavelengths from the focus the phases of the plane waves vary by 3000 radians."""
    points = np.array([[0.0, 2 * np.pi * 500, 0.0], [0.0, 1.0, 0.0]])
    field, _ = focus(points, 2 * np.pi * 0.1, np.array([0, 0, 1.0]), np.array([1.0 + 0j, 0, 0]))
    # a trapezoidal sum over angles, 2⁻¹⁶ of the quarter turn each, corrected by Richardson
    rho, values = points[0, 1], []
    for n in (2**15, 2**16):
        angle = np.arange(n + 1) * np.pi / 2 / n
        s, c = np.sin(angle), np.cos(angle)
        kernel = (1 - s**2 / 2) * j0(rho * s) - s**2 / 2 * jv(2, rho * s)
        integrand = s * c * np.exp(-((2 * np.pi * 0.1 * s) ** 2) / 4) * kernel
        values.append((integrand.sum() - (integrand[0] + integrand[-1]) / 2) * np.pi / 2 / n)
    expected = (4 * values[1] - values[0]) / 3 / (2 * np.pi)
    assert field[0, 0] == pytest.approx(expected, abs=1e-10)
    far = co.Emitters([[0, 0, 0], [1e5, 0, 0]], dipoles=(1, 0, 0))
    with pytest.raises(ValueError, match=r"5e\+04 wavelengths .* plane waves .* more than 100000"):
        scattering(co.couple(far, co.Vacuum()), [0.0], waist=0.1)
    assert scattering(co.couple(far, co.Vacuum()), [0.0], waist=1e4).loss[0] < 1e-6


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")
def test_a_beam_that_drives_no_dipole_is_refused():
    """Dipoles along the beam: exactly on the axis, and in a beam too wide to have a field there."""
    alone = co.couple(co.Emitters([[0, 0, 0]]), co.Vacuum())
    wide = co.couple(co.square(3, 3, 0.6), co.Vacuum())
    for couplings, waist in ((alone, 1.0), (wide, 1e3)):
        for observable in (scattering, transmission, reflection):
            with pytest.raises(ValueError, match=r"^polarisation .* perpendicular to every dipole"):
                observable(couplings, [0.0], waist=waist)
    # a narrow beam has a field component along its axis at points beside it
    assert scattering(wide, [0.0], waist=1.0).reflection[0] > 0
    with pytest.raises(ValueError, match="dipole: its part in the xy-plane"):
        infinite_array(0.6, [0.0], dipole=(1e-6, 0, 1))


@pytest.mark.parametrize("waist", [1e-6, 2e4])
def test_warning_for_a_waist_in_another_unit(waist):
    array = co.couple(co.square(2, 2, 0.5, dipoles=(1, 0, 0)), co.Vacuum())
    for measure in (scattering, transmission, reflection):
        with pytest.warns(
            co.UnitWarning, match="waist.*unit as the emitters' wavelength"
        ) as warned:
            measure(array, [0.0], waist=waist)
        assert [warning.filename for warning in warned] == [__file__]


def test_bad_input():
    couplings = mirror(2)
    for waist in (0, -1.0):
        with pytest.raises(ValueError, match="waist must be above 0"):
            scattering(couplings, [0.0], waist=waist)
    with pytest.raises(ValueError, match="axis must not be the zero vector"):
        reflection(couplings, [0.0], waist=1, axis=(0, 0, 0))
    with pytest.raises(ValueError, match="polarisation must be perpendicular"):
        scattering(couplings, [0.0], waist=1, polarisation=(1, 0, 1))
    with pytest.raises(ValueError, match="one plane perpendicular to the axis"):
        scattering(co.couple(co.cubic(2, 2, 2, 0.3), co.Vacuum()), [0.0], waist=1)
    with pytest.raises(ValueError, match="needs pump = 0"):
        scattering(couplings.replace(pump=0.1), [0.0], waist=1)
    with pytest.raises(ValueError, match="frequencies must be finite"):
        scattering(couplings, [np.inf], waist=1)
    with pytest.raises(ValueError, match="frequencies must be a row"):
        transmission(couplings, [[0.0]], waist=1)
    with pytest.raises(ValueError, match="needs positions"):
        scattering(co.Couplings(np.eye(2), np.zeros((2, 2))), [0.0], waist=1)
    with pytest.raises(ValueError, match="light along z drives only that part"):
        infinite_array(0.5, [0.0], dipole=(0, 0, 1))
    with pytest.raises(ValueError, match="light line"):
        infinite_array(1.0, [0.0])
    with pytest.raises(TypeError, match="couplings must be Couplings"):
        scattering(co.chain(2, 0.1), [0.0], waist=1)


def test_figure():

    w = np.linspace(-1, 1, 11)
    found = scattering(mirror(3), w, waist=0.8)
    ax = arrays.scattering(found, infinite=infinite_array(0.6, w))
    assert ax.get_ylim()[1] == pytest.approx(1.02)
    assert len(ax.lines) == 4
    assert ax.lines[0].get_ydata() == pytest.approx(found.reflection)
    with pytest.raises(TypeError, match="scattering must be Scattering"):
        arrays.scattering(w)
