"""Coherence and spectra of light against closed forms, QuTiP, and the dense master equation."""

import matplotlib
import numpy as np
import pytest
import qutip
import reference
from scipy.integrate import quad, simpson
from systems import complex_pair

import collective as co
from collective.observables import _regression
from collective.observables.spectra import Spectrum, g1, spectrum

matplotlib.use("Agg")


def atom(rabi=0.0, **more):
    return co.Couplings([[1.0]], [[0.0]], drive=rabi, **more)


def lorentzian(omega, centre, width):
    """A line of unit area and of this full width at half maximum."""
    return width / (2 * np.pi) / ((omega - centre) ** 2 + width**2 / 4)


def mollow_coherence(rabi, tau):
    """⟨σ⁺(0)σ⁻(τ)⟩ without its limit, Γ = 1 (Carmichael, Statistical Methods 1, 2.3)."""
    y2 = 2 * rabi**2
    d = np.sqrt(1 / 16 - rabi**2 + 0j)
    pair = sum(
        (1 - y2 + sign * (1 - 5 * y2) / (4 * d)) * np.exp(-(0.75 - sign * d) * tau)
        for sign in (1, -1)
    )
    return y2 / (1 + y2) / 4 * np.exp(-tau / 2) - y2 / (1 + y2) ** 2 / 8 * pair


@pytest.mark.parametrize("rabi", [0.1, 0.2499, 1.3, 8.0])
def test_driven_atom_against_mollow(rabi):
    omega = np.linspace(-12, 12, 7)
    light = spectrum(atom(rabi), omega)
    s = 2 * rabi**2
    excited = s / (1 + s) / 2
    assert light.coherent == pytest.approx(excited / (1 + s), rel=1e-9)
    assert light.total == pytest.approx(excited * s / (1 + s), rel=1e-7)
    for frequency, value in zip(omega, light.values, strict=True):
        expected = quad(
            lambda tau, frequency=frequency: (
                (mollow_coherence(rabi, tau) * np.exp(1j * frequency * tau)).real
            ),
            0,
            70,
            limit=400,
            epsabs=1e-10,
        )[0]
        assert value == pytest.approx(expected / np.pi, abs=1e-8)


def test_exceptional_point_of_the_driven_atom():
    """Ω = Γ/4, where two eigenvectors of the Liouvillian coincide."""
    omega = np.array([0.0, 0.3])
    near = [spectrum(atom(0.25 + shift), omega).values for shift in (-1e-5, 1e-5)]
    found = spectrum(atom(0.25), omega).values
    np.testing.assert_allclose(found, np.mean(near, axis=0), rtol=1e-7)


def test_mollow_triplet():
    """Sidebands at ±√(Ω²−(Γ/4)²), widths Γ and 3Γ/2, weights 1:2:1."""
    rabi = 200.0
    side = np.sqrt(rabi**2 - 1 / 16)

    def line(centre):
        omega = centre + np.linspace(-20, 20, 8001)
        return omega, spectrum(atom(rabi), omega).values

    for centre, width, weight in ((-side, 1.5, 1 / 8), (0, 1, 1 / 4), (side, 1.5, 1 / 8)):
        omega, values = line(centre)
        assert omega[np.argmax(values)] == pytest.approx(centre, abs=0.011)
        above = omega[values >= values.max() / 2]
        assert np.ptp(above) == pytest.approx(width, abs=0.02)
        # the whole line from what a Lorentzian has within ±20
        inside = 2 / np.pi * np.arctan(2 * 20 / width)
        assert simpson(values, omega) / inside == pytest.approx(weight, rel=2e-3)


def test_weak_drive_is_elastic():
    light = spectrum(atom(0.01), [0.0])
    assert light.coherent / (light.coherent + light.total) == pytest.approx(1 / 1.0002, rel=1e-8)


def test_integral_is_the_emission_rate():
    pair = complex_pair(drive=[1.5, 0.5j], detunings=[0.4, -0.2], dephasing=0.1)
    angles = (np.arange(500) + 0.5) * np.pi / 500 - np.pi / 2
    omega = 2 * np.tan(angles)
    light = spectrum(pair, omega)
    rho = co.steady_state(pair).full()
    rate = reference.emission(pair.decay, rho)
    assert light.total + light.coherent == pytest.approx(rate, rel=1e-10)
    integral = np.sum(light.values * 2 / np.cos(angles) ** 2) * np.pi / 500
    assert integral == pytest.approx(light.total, rel=1e-9)


def test_one_atom_decays_at_its_detuning():
    omega = np.array([-2.0, 0.0, 2.6, 3.0, 3.35])
    light = spectrum(co.Couplings([[0.7]], [[0]], detunings=3.0), omega, state="inverted")
    np.testing.assert_allclose(light.values, lorentzian(omega, 3.0, 0.7), rtol=1e-11)
    assert light.total == pytest.approx(1, rel=1e-12)
    assert light.coherent == 0


def test_superradiant_and_subradiant_lines():
    """At ±Δ₁₂ with widths Γ±, from symmetric, antisymmetric, and one excited emitter."""
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    gamma, delta = 0.9226968484, 2.5970938737
    omega = np.linspace(-5, 5, 41)
    bright, dark = lorentzian(omega, delta, 1 + gamma), lorentzian(omega, -delta, 1 - gamma)
    up, down = qutip.basis(2, 0), qutip.basis(2, 1)
    one, other = qutip.tensor(up, down), qutip.tensor(down, up)
    for state, expected in (
        (co.states.dicke(1), bright),
        ((one - other).unit(), dark),
        (co.states.single(0), (bright + dark) / 2),
    ):
        light = spectrum(pair, omega, state=state)
        np.testing.assert_allclose(light.values, expected, rtol=1e-7)
        assert light.total == pytest.approx(1, rel=1e-10)


def dense_decay_spectrum(couplings, rho, omega):
    """The double integral: ρ summed over a fine time grid, then a solve for each frequency."""
    superoperator = reference.generator_of(couplings)
    n = len(couplings)
    times = np.linspace(0, 60, 6001)
    states = np.array(reference.evolve(superoperator, rho, times))
    lived = simpson(states - states[-1], times, axis=0)
    lower = reference.lowering(n)
    values = np.zeros(len(omega))
    for m in range(n):
        for k in range(n):
            start = (lived @ lower[m].T).ravel()
            for i, w in enumerate(omega):
                x = np.linalg.solve(
                    -1j * w * np.eye(len(superoperator))
                    - superoperator
                    + 1e-12 * np.eye(len(start)),
                    start,
                )
                moment = np.trace(lower[k] @ x.reshape(rho.shape))
                values[i] += (couplings.decay[m, k] * moment).real / np.pi
    return values


@pytest.mark.parametrize("start", ["inverted", "coherent"])
def test_decay_of_a_complex_pair(start):
    pair = complex_pair(detunings=[0.5, -0.3], dephasing=[0, 0.2])
    omega = np.array([-1.7, -0.2, 0.4, 1.1])
    inverted = start == "inverted"
    ket = reference.inverted(2) if inverted else reference.product_ket(2, 0.8, np.pi / 2)
    state = "inverted" if inverted else co.states.coherent(0.8, np.pi / 2)
    light = spectrum(pair, omega, state=state)
    expected = dense_decay_spectrum(pair, reference.projector(ket), omega)
    np.testing.assert_allclose(light.values, expected, rtol=1e-6)
    photons = 2 if inverted else 2 * np.sin(0.4) ** 2
    assert light.total == pytest.approx(photons, rel=1e-9)


def test_dark_states_keep_their_excitation():
    """Half the excitation of one emitter of a Dicke pair stays: half a photon, of width 2Γ."""
    pair = co.Couplings(np.ones((2, 2)), np.zeros((2, 2)))
    omega = np.array([-1.0, 0.0, 0.5])
    light = spectrum(pair, omega, state=co.states.single(1))
    np.testing.assert_allclose(light.values, lorentzian(omega, 0, 2) / 2, rtol=1e-9)
    assert light.total == pytest.approx(0.5)


@pytest.mark.parametrize("rate", [1e-9, 1.0, 1e13])
def test_photons_do_not_depend_on_the_unit_of_rate(rate):
    atom = co.Couplings([[rate]], [[0.0]])
    light = spectrum(atom, [0.0], state="inverted")
    assert light.total == pytest.approx(1, rel=1e-12)
    assert light.values[0] == pytest.approx(2 / (np.pi * rate), rel=1e-12)
    weak = spectrum(atom, [0.0], state=co.states.coherent(2e-5, 0.0))
    assert weak.total == pytest.approx(1e-10, rel=1e-6)
    with pytest.raises(ValueError, match=r"photons 0, against 1 of fully excited emitters\)"):
        spectrum(atom, [0.0], state="ground")


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")
def test_subradiant_light_of_close_pairs():
    """One photon at −Δ₁₂ of width Γ − Γ₁₂, or an error: photons are never lost silently."""
    up, down = qutip.basis(2, 0), qutip.basis(2, 1)
    dark = (qutip.tensor(up, down) - qutip.tensor(down, up)).unit()
    for distance in (1e-2, 1e-3):
        pair = co.couple(co.chain(2, distance), co.Vacuum())
        width = 1 - pair.decay[0, 1]
        light = spectrum(pair, [-pair.shift[0, 1]], state=dark)
        assert light.total == pytest.approx(1, rel=1e-9)
        assert light.values[0] == pytest.approx(2 / (np.pi * width), rel=1e-8)
        assert spectrum(pair, [0.0], state="inverted").total == pytest.approx(2, rel=1e-9)
    for distance in (5e-4, 1e-4):
        pair = co.couple(co.chain(2, distance), co.Vacuum())
        for state in (dark, "inverted"):
            with pytest.raises(ValueError, match="so close that their shifts hide"):
                spectrum(pair, [0.0], state=state)
        assert spectrum(pair, [0.0], state=co.states.dicke(1)).total == pytest.approx(1)


def test_pumped_complex_pair_against_qutip():
    pair = complex_pair(detunings=[0.5, -0.3], pump=[0.6, 0.2])
    omega = np.linspace(-3, 3, 9)
    jumps = pair.collapse_operators()
    expected = sum(
        qutip.spectrum(pair.hamiltonian(), omega, jumps, L.dag(), L) for L in jumps[:2]
    ) / (2 * np.pi)
    light = spectrum(pair, omega)
    np.testing.assert_allclose(light.values, expected, rtol=1e-6)
    assert light.coherent == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("state", [None, "inverted"])
def test_g1_against_qutip(state):
    pair = complex_pair(detunings=[0.5, -0.3], drive=[1.0, 0.4j])
    tau = np.array([0, 0.3, 0.7, 2.0])
    jumps = pair.collapse_operators()
    up = qutip.basis(2, 0)
    start = co.steady_state(pair) if state is None else qutip.ket2dm(qutip.tensor(up, up))
    tight = {"rtol": 1e-10, "atol": 1e-12}
    expected = sum(
        qutip.correlation_2op_1t(pair.hamiltonian(), start, tau, jumps, L.dag(), L, options=tight)
        for L in jumps
    )
    # ⟨A(τ)B(0)⟩ by default; here ⟨A(0)B(τ)⟩, its conjugate for A† = B
    found = g1(pair, tau, state=state)
    np.testing.assert_allclose(found, np.conj(expected / expected[0]), atol=1e-8)
    assert found[0] == pytest.approx(1)
    assert g1(pair, [0.7], state=state)[0] == pytest.approx(found[2], abs=1e-12)


def test_g1_is_the_fourier_transform_of_the_spectrum():
    pair = co.couple(co.chain(2, 0.2), co.Vacuum()).replace(drive=2.0)
    direction = [0, 1, 1]
    omega = np.linspace(-150, 150, 4001)
    light = spectrum(pair, omega, direction=direction)
    tau = 0.8
    moment = simpson(light.values * np.exp(-1j * omega * tau), omega) + light.coherent
    found = g1(pair, [tau], direction=direction)[0]
    assert moment / (light.total + light.coherent) == pytest.approx(found, abs=1e-5)


def test_spectrum_into_one_direction():
    """A driven pair, per solid angle, against the sum over the far fields of both emitters."""
    pair = co.couple(
        co.Emitters([[0, 0, 0], [0.3, 0, 0.1]], dipoles=[[1, 1j, 0], [0, 0.2, 1]]), co.Vacuum()
    )
    pair = pair.replace(drive=[1.0, 0.7j])
    n = np.array([2.0, -1.0, 2.0]) / 3
    light = spectrum(pair, [0.0], direction=7 * n)
    rho = co.steady_state(pair).full()
    rate = reference.emission(reference.far_field(pair.emitters, n), rho)
    assert light.total + light.coherent == pytest.approx(rate, rel=1e-10)


def test_spectra_of_all_directions_add_up_to_all_light():
    pair = co.couple(co.chain(2, 0.3), co.Vacuum())
    nodes, weights = np.polynomial.legendre.leggauss(8)
    angles = np.arange(12) * np.pi / 6
    found = 0
    for cosine, weight in zip(nodes, weights, strict=True):
        for phi in angles:
            sine = np.sqrt(1 - cosine**2)
            n = [sine * np.cos(phi), sine * np.sin(phi), cosine]
            found += (
                weight * np.pi / 6 * spectrum(pair, [0.3], state="inverted", direction=n).values
            )
    np.testing.assert_allclose(found, spectrum(pair, [0.3], state="inverted").values, rtol=1e-6)


def test_bad_input():
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    driven = pair.replace(drive=1.0)
    with pytest.raises(ValueError, match="dark"):
        spectrum(pair, [0.0])
    with pytest.raises(ValueError, match="dark"):
        g1(pair, [0.0])
    with pytest.raises(ValueError, match="no light"):
        spectrum(pair, [0.0], state="ground")
    with pytest.raises(ValueError, match="every decay rate is zero"):
        spectrum(co.Couplings([[0.0]], [[0.0]], pump=1.0), [0.0])
    with pytest.raises(ValueError, match="never ends"):
        spectrum(driven, [0.0], state="inverted")
    for bad in ([np.nan], [np.inf, 0]):
        with pytest.raises(ValueError, match=r"frequencies must be finite: frequencies\[0\]"):
            spectrum(driven, bad)
    with pytest.raises(ValueError, match="one row"):
        spectrum(driven, [])
    for bad in ([-1, 0], [0, 1, 1], [1, 0.5]):
        with pytest.raises(ValueError, match="delays must increase"):
            g1(driven, bad)
    with pytest.raises(ValueError, match="finite"):
        g1(driven, [0, np.nan])
    with pytest.raises(ValueError, match="zero vector"):
        spectrum(driven, [0.0], direction=[0, 0, 0])
    with pytest.raises(ValueError, match="points along"):
        spectrum(driven, [0.0], direction=driven.emitters.dipoles[0].real)
    with pytest.raises(ValueError, match="one vector"):
        g1(driven, [0.0], direction=np.eye(3))
    with pytest.raises(ValueError, match="positions"):
        g1(atom(1.0), [0.0], direction=[0, 0, 1])
    with pytest.raises(TypeError, match="Couplings"):
        spectrum("driven", [0.0])
    large = co.couple(co.chain(30, 0.2), co.Vacuum()).replace(drive=1.0)
    for call in (spectrum, g1):
        with pytest.raises(MemoryError, match="30 emitters"):
            call(large, [0.0])
    dark = co.Couplings(np.ones((2, 2)), np.zeros((2, 2)), drive=1.0)
    with pytest.raises(ValueError, match="kernel"):
        spectrum(dark, [0.0])


def test_figure():
    from collective.plot.light import spectrum as draw

    omega = np.linspace(-4, 4, 81)
    light = spectrum(atom(1.0), omega)
    assert not light.values.flags.writeable
    ax = draw(light)
    assert any("elastic 0.111" in text.get_text() for text in ax.texts)
    several = draw({"weak": spectrum(atom(0.1), omega), "strong": light}, log=True)
    assert [line.get_label() for line in several.lines] == ["weak", "strong"]
    decay = draw(Spectrum(omega, lorentzian(omega, 0, 1), 0.0, 1.0))
    assert not decay.texts
    with pytest.raises(TypeError, match="Spectrum"):
        draw([1, 2])
    with pytest.raises(ValueError, match="empty"):
        draw({})


def test_warning_for_a_drive_so_weak_that_digits_are_lost():
    """The incoherent light is a difference of order Ω⁴ of terms of order Ω²."""
    omega = [0.0, 0.5]
    weak = co.Couplings([[1.0]], [[0.0]], drive=1e-5)
    with pytest.warns(UserWarning, match="is round-off. Drive more strongly"):
        found = spectrum(weak, omega)
    # S = (Ω⁴/2π)·…: its value at a drive ten times as strong, over 10⁴, is known without loss
    strong = spectrum(co.Couplings([[1.0]], [[0.0]], drive=1e-3), omega)
    np.testing.assert_allclose(found.values * 1e8, strong.values, rtol=1e-4)


def test_seconds_of_dephased_decays_are_predicted(monkeypatch, capsys):
    """Several dephased excitations need a dense Liouvillian; one needs none."""
    seven = co.couple(co.chain(7, 0.2), co.Vacuum()).replace(dephasing=0.1)
    monkeypatch.setattr(_regression, "_LONGEST", 1.0)
    with pytest.raises(ValueError, match=r"hours: use fewer .* a state with one excitation"):
        co.observables.spectrum(seven, [0.0], state="inverted")
    one = co.observables.spectrum(seven, [0.0], state=co.states.single(0))
    assert one.total == pytest.approx(1, abs=1e-9)
    monkeypatch.setattr(_regression, "_ANNOUNCED", 0.0)
    two = co.couple(co.chain(2, 0.2), co.Vacuum()).replace(dephasing=0.1)
    co.observables.spectrum(two, [0.0], state="inverted")
    assert "the spectrum of 2 emitters, about" in capsys.readouterr().err
