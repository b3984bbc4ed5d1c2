"""The interaction of multi-level dipoles: reference numbers, symmetries, limits, bad arguments."""

import numpy as np
import pytest
import qutip
from hypothesis import given
from hypothesis import strategies as st
from multilevels import GOLDEN, flip, golden_pair, number, random_multilevel, vector

import collective as co
from collective import spectral

VACUUM = co.Vacuum()
NAMES = list(GOLDEN["dipoles"])


@pytest.mark.parametrize("kind", ["electric", "magnetic"])
@pytest.mark.parametrize("name", NAMES)
def test_interaction_of_pairs_against_reference_numbers(name, kind):
    """In vacuum electric and magnetic dipoles have the same interaction."""
    pair, element = golden_pair(name, kind)
    g = GOLDEN["dipoles"][name]
    found = co.interaction(pair, VACUUM)
    assert abs(found.principal(0, 1)[element] - number(g["G_P"])) < 1e-12
    assert abs(found.dissipative(0, 1)[element] - number(g["G_D"])) < 1e-12
    m1, m2 = vector(g["m1"]), vector(g["m2"])
    for which in "12":
        omega = np.array(float(g[f"Omega{which}"]))
        decay, shift = spectral.decay_and_shift(pair, VACUUM, 0, 1, omega)
        assert abs(m1 @ decay @ m2 - number(g[f"J_O{which}"])) < 1e-12
        assert abs(m1 @ shift @ m2 - number(g[f"K_O{which}"])) < 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_interaction_in_a_plasma_against_reference_numbers(name):
    pair, _ = golden_pair(name, "magnetic")
    g = GOLDEN["dipoles"][name]
    omega = np.array(float(g["Omega1"]))
    decay, shift = spectral.decay_and_shift(pair, co.Plasma(1.0), 0, 1, omega)
    m1, m2 = vector(g["m1"]), vector(g["m2"])
    assert abs(m1 @ decay @ m2 - number(g["J_plasma_wp1"])) < 1e-12
    assert abs(m1 @ shift @ m2 - number(g["K_plasma_wp1"])) < 1e-12


def test_interaction_in_si_units_against_reference_numbers():
    from scipy.constants import h, hbar, physical_constants

    moment = flip() * physical_constants["Bohr magneton"][0]
    pair = co.Multilevel.from_si(
        [[0, 0, 0], [0, 0, 1e-8]], [[2.87e9 * h, 0.0]] * 2, [moment] * 2, kind="magnetic"
    )
    g = GOLDEN["SI_two_muB_10nm_2.87GHz"]
    k = co.interaction(pair, VACUUM).principal(0, 1)[0, 1, 1, 0]
    np.testing.assert_allclose(k.real * hbar, number(g["K_joule"]).real, rtol=1e-8)
    np.testing.assert_allclose(k.real / (2 * np.pi), number(g["K_over_h_Hz"]).real, rtol=1e-8)
    omega = 2 * np.pi * 2.87e9
    decay, _ = spectral.decay_and_shift(pair, VACUUM, 0, 1, np.array(omega))
    m = pair.dipoles[0][0, 1]
    np.testing.assert_allclose((m @ decay @ m).real * hbar, number(g["J_joule"]).real, rtol=1e-8)
    own = spectral.coupling_tensor(pair, VACUUM, 0, 0, omega).imag
    np.testing.assert_allclose((m @ own @ m).real, number(g["Gamma11_per_s"]).real, rtol=1e-8)
    # any unit of length and rate gives the same rate
    scaled = co.Multilevel.from_si(
        [[0, 0, 0], [0, 0, 1e-8]], [[2.87e9 * h, 0.0]] * 2, [moment] * 2,
        kind="magnetic", length=1e-9, rate=1e6,
    )  # fmt: skip
    other = co.interaction(scaled, VACUUM).principal(0, 1)[0, 1, 1, 0]
    np.testing.assert_allclose(other * 1e6, k, rtol=1e-12)


@pytest.mark.parametrize("frequency", [2.87e9, 2 * np.pi * 384e12])
def test_energies_in_hertz_warn(frequency):
    def pair(energy):
        return co.Multilevel.from_si(
            [[0, 0, 0]], [[energy, 0.0]], [flip() * 1e-29], kind="electric"
        )

    with pytest.warns(co.UnitWarning, match="are they in joules"):
        pair(frequency)
    assert pair(frequency * 6.626e-34).bohr_frequencies(0)[0, 1] > 0
    assert pair(1e7 * 1.602e-19).bohr_frequencies(0)[0, 1] > 0  # a nucleus, 10 MeV


@given(st.integers(0, 10**6), st.sampled_from(["electric", "magnetic"]))
def test_the_hamiltonian_is_hermitian_and_symmetric_in_the_pair(seed, kind):
    system = random_multilevel(seed, (3, 2), kind)
    found = co.interaction(system, VACUUM)
    for part in (found.principal, found.dissipative):
        np.testing.assert_allclose(part(0, 1), part(1, 0).transpose(2, 3, 0, 1), atol=1e-12)
        np.testing.assert_allclose(part(0, 1), part(0, 1).transpose(1, 0, 3, 2).conj(), atol=1e-12)
    assert found.hamiltonian().isherm


def test_the_hamiltonian_sums_every_pair():
    system = random_multilevel(3)
    found = co.interaction(system, VACUUM)
    total = 0
    for i, j in ((0, 1), (0, 2), (1, 2)):
        elements = found.principal(i, j) + found.dissipative(i, j)
        for y, x, u, v in np.ndindex(elements.shape):
            factors = [qutip.qeye(n) for n in system.levels]
            factors[i] = qutip.basis(system.levels[i], y) * qutip.basis(system.levels[i], x).dag()
            factors[j] = qutip.basis(system.levels[j], u) * qutip.basis(system.levels[j], v).dag()
            total = total + elements[y, x, u, v] * qutip.tensor(factors)
    np.testing.assert_allclose(found.hamiltonian().full(), total.full(), atol=1e-12)


def test_interaction_of_resonant_pairs_equals_the_rwa_couplings():
    atoms = co.Emitters(
        [[0, 0, 0], [0.1, 0.05, 0.2]], dipoles=[[1, 1j, 0], [1, 0, 2]], frequency=1e6,
        decay_rates=[1.0, 2.0],
    )  # fmt: skip
    couplings = co.couple(atoms, VACUUM)
    found = co.interaction(co.Multilevel.from_emitters(atoms), VACUUM)
    np.testing.assert_allclose(found.principal(0, 1)[0, 1, 1, 0], couplings.shift[0, 1], rtol=1e-12)
    np.testing.assert_allclose(found.dissipative(0, 1)[0, 1, 1, 0], 0, atol=1e-12)


def test_dicke_limit_is_the_classical_dipole_energy():
    system = random_multilevel(5, (3, 3), "magnetic")
    r = np.array([0.3, -0.2, 0.4]) * 1e-3
    close = co.Multilevel(
        [r, [0, 0, 0]], [1e-3 * e for e in system.energies], system.dipoles, kind="magnetic"
    )
    distance = np.linalg.norm(r)
    along = r / distance
    first, second = close.dipoles
    classical = (
        np.einsum("yxa,uva->yxuv", first, second)
        - 3 * np.einsum("yxa,a,uvb,b->yxuv", first, along, second, along)
    ) / (4 * np.pi * distance**3)
    found = co.interaction(close, VACUUM)
    scale = np.abs(classical).max()
    np.testing.assert_allclose(found.principal(0, 1), classical, atol=1e-10 * scale)
    np.testing.assert_allclose(found.dissipative(0, 1), 0, atol=1e-10 * scale)


def test_kinds_of_interaction_terms():
    moment = np.zeros((2, 2, 3))
    moment[0, 1] = moment[1, 0] = (1, 0, 0)
    moment[0, 0], moment[1, 1] = (0.3, 0, 0), (-0.3, 0, 0)
    system = co.Multilevel(
        [[0, 0, 0], [0, 0, 1], [0, 0, 2]], [[1.0, 0], [1.0, 0], [0.7, 0]], [moment] * 3
    )
    terms = co.interaction(system, VACUUM).terms()
    kinds = {(t.pair, t.levels): t.kind for t in terms}
    assert kinds[(0, 1), (0, 1, 1, 0)] == "resonant"
    assert kinds[(0, 2), (0, 1, 1, 0)] == "detuned"
    assert kinds[(0, 1), (0, 1, 0, 1)] == "counter-rotating"
    assert kinds[(0, 1), (0, 0, 1, 1)] == "permanent"
    assert kinds[(0, 1), (0, 0, 0, 1)] == "mixed"
    assert len(terms) == 3 * 16
    sizes = [abs(t.principal + t.dissipative) for t in terms]
    assert sizes == sorted(sizes, reverse=True)
    detuned = [t for t in terms if t.kind == "detuned"]
    assert all(abs(t.dissipative) > 0 for t in detuned)
    assert all(abs(t.dissipative) < 1e-15 for t in terms if t.kind in ("permanent", "resonant"))
    text = str(terms)
    assert "|0⟩⟨1| ⊗ |1⟩⟨0|" in text
    assert "counter-rotating" in text


def test_from_emitters_reproduces_the_linewidth():
    atoms = co.Emitters([[0, 0, 0]], decay_rates=3.0, frequency=50.0, detunings=5.0, wavelength=2.0)
    system = co.Multilevel.from_emitters(atoms)
    np.testing.assert_allclose(system.bohr_frequencies(0)[0, 1], 55)
    d = system.dipoles[0][1, 0]
    own = spectral.coupling_tensor(system, VACUUM, 0, 0, 55.0).imag
    np.testing.assert_allclose((d.conj() @ own @ d).real, 3.0, rtol=1e-12)


def test_energies_and_moments_of_spins():
    from scipy.constants import h, physical_constants

    bohr = physical_constants["Bohr magneton"][0]
    energies, moments = co.spin(1, 2.0028, zero_field_splitting=2.87e9 * h, field=(0, 0, 1e-3))
    split = 2.0028 * bohr * 1e-3
    np.testing.assert_allclose(energies, [2.87e9 * h + split, 2.87e9 * h - split, 0], atol=1e-33)
    np.testing.assert_allclose(
        np.diag(moments[:, :, 2]).real / bohr, [-2.0028, 2.0028, 0], atol=1e-9
    )
    np.testing.assert_allclose(
        np.abs(moments[0, 2]) / bohr, 2.0028 / np.sqrt(2) * np.array([1, 1, 0]), atol=1e-9
    )
    # S² from the moments: Σ m² = (gμ)² S(S+1)
    square = np.einsum("xya,yza->xz", moments, moments)
    np.testing.assert_allclose(square / (2.0028 * bohr) ** 2, 2 * np.eye(3), atol=1e-9)
    nuclear, m = co.spin(0.5, 1.4048, magneton="nuclear", field=(0, 0, 1.0))
    unit = physical_constants["nuclear magneton"][0]
    np.testing.assert_allclose(nuclear[0] - nuclear[1], 1.4048 * unit, rtol=1e-12)
    assert m[0, 0, 2].real < 0  # the upper level points against the field
    tilted, _ = co.spin(0.5, 2.0, field=(1e-3, 0, 0))
    np.testing.assert_allclose(np.diff(tilted), -2 * bohr * 1e-3, rtol=1e-9)


class Broken:
    """A field whose tensor is not finite."""

    def magnetic_green(self, r, r_source, k):
        return np.full((*np.shape(r)[:-1], 3, 3), np.nan + 0j)


class OnlyElectric:
    """A field without a tensor for magnetic dipoles."""

    def green(self, r, r_source, k):
        return VACUUM.green(r, r_source, k)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: co.Multilevel([[0, 0, 0]], [[1, 0]], [1j * flip()]), r"dipoles\[0\] must be Herm"),
        (lambda: co.Multilevel([[0, 0, 0]], [[1, 0]], [np.eye(2)]), r"shape \(2, 2, 3\)"),
        (lambda: co.Multilevel([[0, 0, 0]], [[1, 0]] * 2, [flip()]), "one entry per emitter, 1"),
        (lambda: co.Multilevel([[0, 0, 0]], [[1, np.nan]], [flip()]), r"energies\[0\] must be finite"),
        (lambda: co.Multilevel([[0, 0, 0]], [[]], [flip()]), "must be a list of energies"),
        (lambda: co.Multilevel([[0, 0, 0]], [[1, 0]], [flip()], kind="gravity"), "kind must be one"),
        (
            lambda: co.Multilevel([[0, 0, 0]], [[1, 0]], [flip()], speed_of_light=0),
            "speed_of_light must be above 0",
        ),
        (lambda: co.Multilevel.from_emitters(co.chain(2, 0.1)), "frequency is required"),
        (lambda: co.spin(1e9, 2.0), "spin must be at most 100"),
        (lambda: co.Multilevel([[0, 0, 0]], 1.0, [flip()]), "energies must be a list"),
        (lambda: co.interaction(golden_pair("real_par")[0], Broken()).principal(0, 1), "not finite"),
        (lambda: co.spin(0.3, 2.0), "spin must be a multiple of 1/2"),
        (lambda: co.spin(0.5, 2.0, magneton="tau"), "magneton must be one of"),
        (
            lambda: co.interaction(co.Multilevel([[0, 0, 0]] * 2, [[1, 0]] * 2, [flip()] * 2), VACUUM),
            "emitters 0 and 1 coincide",
        ),
        (
            lambda: co.interaction(golden_pair("real_par", "magnetic")[0], OnlyElectric()),
            "has no magnetic response",
        ),
        (lambda: co.interaction(golden_pair("real_par")[0], VACUUM).principal(0, 2), "j must be below 2"),
        (lambda: co.interaction(golden_pair("real_par")[0], VACUUM).principal(1, 1), "must differ"),
        (lambda: co.Plasma(-1.0), "wavenumber must be above 0"),
        (lambda: co.Plasma(1.0).green([0, 0, 1], [0, 0, 0], 1.0), "not at it"),
    ],
)  # fmt: skip
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_repr():
    assert "2 magnetic dipoles of 2, 2 levels" in repr(golden_pair("real_par")[0])
    assert "through Vacuum()" in repr(co.interaction(golden_pair("real_par")[0], VACUUM))
