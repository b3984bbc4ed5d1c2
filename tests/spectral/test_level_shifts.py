"""Level shifts by scattered light, the same in `couple` and in every master equation."""

from collections import Counter

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from multilevels import GOLDEN, Mirror, flip, lossy_mode, number, random_multilevel
from scipy.integrate import quad

import collective as co
from collective import spectral
from collective.master.approximations import APPROXIMATIONS
from collective.master.master_equation import derive, equation_of
from collective.spectral import sources

VACUUM = co.Vacuum()
K = 2 * np.pi
WIRE = co.Nanowire(0.01, co.materials.Drude.from_value(-50 + 0.6j, K))


class Tilted:
    """The same mirror with its normal turned towards the x axis."""

    def __init__(self, angle):
        c, s = np.cos(angle), np.sin(angle)
        self.turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])

    def green(self, r, r_source, k):
        inside = Mirror().green(np.asarray(r) @ self.turn, np.asarray(r_source) @ self.turn, k)
        return self.turn @ inside @ self.turn.T


class RealOnly:
    """A field that refuses imaginary wave numbers."""

    def __init__(self, field):
        self.field = field

    def green(self, r, r_source, k):
        if np.any(np.imag(k)):
            raise NotImplementedError("tabulated at real frequencies")
        return self.field.green(r, r_source, k)


class Counted:
    """A field that counts how often it is evaluated at each wave number."""

    def __init__(self, field):
        self.field, self.calls = field, Counter()

    def green(self, r, r_source, k):
        self.calls[complex(k)] += 1
        return self.field.green(r, r_source, k)


def traceless(matrix):
    return matrix - np.eye(len(matrix)) * np.trace(matrix) / len(matrix)


def both_ways(atoms, field):
    """Largest differences of H and of the dissipator between the two ways, and the largest rate."""
    couplings = co.couple(atoms, field)
    equation = co.master_equation(atoms, field, approximation="rwa")
    rotating = equation.hamiltonian().full() - np.diag(equation.frame)
    theirs = couplings.hamiltonian().full()

    def dissipator(jumps):
        zero = qutip.Qobj(np.zeros((len(theirs),) * 2), dims=equation.hamiltonian().dims)
        return qutip.liouvillian(zero, jumps).full()

    jumps = dissipator(equation.collapse_operators()) - dissipator(couplings.collapse_operators())
    largest = max(np.abs(couplings.shift).max(), np.abs(couplings.decay).max())
    # the zero of energy does not matter
    return np.abs(traceless(rotating) - traceless(theirs)).max(), np.abs(jumps).max(), largest


@st.composite
def ensembles(draw, rho=None):
    """Two or three emitters above z = 0, or around a wire; alike or within 3 Γ of each other."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n = draw(st.integers(2, 3))
    dipoles = rng.standard_normal((n, 3)) + 1j * rng.standard_normal((n, 3)) * draw(
        st.sampled_from([0.0, 1.0])
    )
    positions = rng.uniform(0.05, 0.6, (n, 3))
    if rho:
        radius, phi = rng.uniform(*rho, n), rng.uniform(0, 2 * np.pi, n)
        positions[:, :2] = np.stack([radius * np.cos(phi), radius * np.sin(phi)], axis=1)
    return co.Emitters(
        positions,
        dipoles=dipoles,
        decay_rates=rng.uniform(0.5, 2, n),
        detunings=rng.uniform(-3, 3, n) * draw(st.sampled_from([0.0, 1.0])),
        frequency=1e6,
    )


FIELDS = [VACUUM, Mirror(), Tilted(0.3), co.Plasma(3.0), co.Plasma(9.0)]


@settings(max_examples=10)
@given(ensembles(), st.sampled_from(FIELDS))
def test_couplings_and_the_rwa_master_equation_agree(atoms, field):
    """At ω₀/Γ = 10⁶ H (with level shifts) and the dissipator differ only by terms of order δ/ω₀."""
    if isinstance(field, Tilted):
        atoms = atoms.replace(positions=atoms.positions @ field.turn.T)
    shift, jumps, largest = both_ways(atoms, field)
    assert shift < 1e-8 * largest
    assert jumps < 1e-4 * largest


@pytest.mark.slow
@settings(max_examples=8)
@given(ensembles(rho=(0.012, 0.2)))
def test_couplings_and_the_rwa_master_equation_agree_at_a_wire(atoms):
    shift, jumps, largest = both_ways(atoms, WIRE)
    assert shift < 1e-7 * largest
    assert jumps < 1e-4 * largest


def test_a_wire_detunes_a_pair_in_every_approximation():
    """At ρ = 0.015 and 0.02 it detunes by 1,190 linewidths, in `couple` and in all four."""
    pair = co.Emitters([[0.015, 0, 0], [0.02, 0, 0.1]], dipoles=(1, 0, 0), frequency=1e6)
    own = np.diag(co.couple(pair, WIRE).shift)
    assert abs(own[0] - own[1]) == pytest.approx(1190, abs=1)
    derivation = derive(pair, WIRE, 0.0)
    for name in APPROXIMATIONS:
        equation = equation_of(derivation, pair, name, 0.0)
        levels = equation.hamiltonian().diag().real  # ee, eg, ge, gg
        np.testing.assert_allclose(levels[1] - levels[2], own[0] - own[1], rtol=1e-6)
        np.testing.assert_allclose(levels[1] - levels[3] - 1e6, own[0], rtol=1e-6)


def image(x):
    """F(iκ) = −2κ²(G_xx, G_zz) of the image at a distance R, without e^{−x}/R³: x = κR."""
    across, along = 1 + x + x**2, 2 * (1 + x)
    return np.array([across, along]) / (2 * np.pi)


def closed_half_range(omega, height):
    """S_xx and S_zz of one emitter at the mirror at T = 0, from scipy's quadrature."""
    r = 2 * height
    eta = abs(omega) * r
    # F = 2k²G of the image on the real axis
    wave = np.exp(1j * eta) / (2 * np.pi * r**3)
    across = -wave * (eta**2 + 1j * eta - 1)
    along = wave * (-2j * eta + 2)
    resonant = -0.5 * np.array([across.real, along.real])
    integral = []
    for which in range(2):
        value, _ = quad(
            lambda t, which=which: (
                image(t)[which] * np.exp(-t) / r**3 * omega * r / ((omega * r) ** 2 + t**2)
            ),
            0, np.inf, epsabs=1e-13, epsrel=1e-12, limit=500,
        )  # fmt: skip
        integral.append(value / (2 * np.pi))
    return resonant * (omega > 0) + np.array(integral)


@pytest.mark.parametrize("omega", [0.7, -0.7, 2.5])
def test_half_range_of_a_mirror_against_the_image_dipole(omega):
    height = 0.4
    atom = co.Multilevel([[0, 0, height]], [[abs(omega), 0.0]], [flip()])
    found = spectral.bath(atom, Mirror()).shift(omega)
    across, along = closed_half_range(omega, height)
    np.testing.assert_allclose(found, np.diag([across, across, along]), atol=1e-11)


def test_half_range_of_a_mirror_from_its_rates():
    """The principal value of the scattered part of γ(ω') on the real axis gives the same."""
    height, omega = 0.4, 0.7
    atom = co.Multilevel([[0, 0, height]], [[1.0, 0.0]], [flip()])
    bath = spectral.bath(atom, Mirror())

    def scattered(w):
        return bath.gamma(w) - np.eye(3) * max(w, 0) ** 3 / (3 * np.pi)

    by_rates = spectral.principal_value(scattered, omega, period=np.pi / height, rtol=1e-8)
    np.testing.assert_allclose(bath.shift(omega), by_rates, atol=1e-8)


@pytest.mark.parametrize("temperature", [0.03, 0.5, 20.0])
def test_thermal_half_range_shift_at_a_mirror_is_the_matsubara_sum(temperature):
    """It agrees with the plain sum."""
    system = random_multilevel(3, (2, 2))
    system = co.Multilevel([[0, 0, 0.4], [0.2, 0.3, 0.9]], system.energies, system.dipoles)
    field, omega = Mirror(), 0.8
    found = spectral.bath(system, field, temperature).shift(omega)
    nu = 2 * np.pi * temperature * np.arange(1, int(60 / (2 * np.pi * temperature)) + 2)
    for i, j in ((0, 0), (0, 1), (1, 1)):
        tensors = [spectral.coupling_tensor(system, field, i, j, 1j * x).real for x in nu]
        static = spectral.static_tensor(system, field, i, j)
        _, shift = spectral.decay_and_shift(system, field, i, j, omega)
        total = static / omega + sum(
            2 * f * omega / (omega**2 + x**2) for f, x in zip(tensors, nu, strict=True)
        )
        expected = shift / 2 * (1 + 1 / np.tanh(omega / 2 / temperature)) + temperature / 2 * total
        np.testing.assert_allclose(
            found[3 * i : 3 * i + 3, 3 * j : 3 * j + 3], expected,
            atol=1e-10 * np.abs(expected).max(),
        )  # fmt: skip


def test_sum_of_half_range_shifts_at_a_mirror_is_the_shift():
    system = random_multilevel(5, (2, 2), "magnetic")
    system = co.Multilevel(
        [[0, 0, 0.4], [0.2, 0.3, 0.9]], system.energies, system.dipoles, kind="magnetic"
    )
    for temperature in (0.0, 1e-9, 1e-3, 1.0):
        found = spectral.bath(system, Mirror(), temperature)
        whole = found.shift(0.9) + found.shift(-0.9)
        for i, j in ((0, 0), (1, 0)):
            _, expected = spectral.decay_and_shift(system, Mirror(), i, j, 0.9)
            np.testing.assert_allclose(
                whole[3 * i : 3 * i + 3, 3 * j : 3 * j + 3], expected, atol=1e-12
            )


@pytest.mark.parametrize("approximation", APPROXIMATIONS)
def test_a_tilted_mirror_mixes_degenerate_levels(approximation):
    """Three excited p levels split along the axes of the mirror, in any basis."""
    dipoles = np.zeros((4, 4, 3))
    dipoles[[0, 1, 2], 3, [0, 1, 2]] = dipoles[3, [0, 1, 2], [0, 1, 2]] = 0.3
    height, omega, field = 0.4, 1.0, Tilted(0.5)
    place = field.turn @ [0, 0, height]
    atom = co.Multilevel([place], [[omega] * 3 + [0.0]], [dipoles])
    found = co.master_equation(atom, field, approximation=approximation).hamiltonian().full()
    shift = found - np.diag([omega] * 3 + [0.0])
    across, along = 0.09 * closed_half_range(omega, height)
    expected = field.turn @ np.diag([across, across, along]) @ field.turn.T
    assert abs(expected[0, 2]) > 1e-3 * abs(along)
    np.testing.assert_allclose(shift[:3, :3], expected, atol=1e-11)
    # all three transitions shift the ground level
    down = 0.09 * closed_half_range(-omega, height)
    np.testing.assert_allclose(shift[3, 3], 2 * down[0] + down[1], atol=1e-11)


def test_rwa_needs_imaginary_wave_numbers_only_with_scattered_light():
    atoms = co.chain(3, 0.2, frequency=1e4).translated([0, 0, 0.1])
    for field in (VACUUM, co.Plasma(3.0), co.Plasma(9.0)):
        known, real = (
            co.master_equation(atoms, f, approximation="rwa").hamiltonian().full()
            for f in (field, RealOnly(field))
        )
        np.testing.assert_array_equal(known, real)
    with pytest.raises(ValueError, match="gives no Green's tensor at imaginary wave numbers"):
        co.master_equation(atoms, RealOnly(Mirror()), approximation="rwa")
    with pytest.raises(ValueError, match="gives no Green's tensor at imaginary wave numbers"):
        co.master_equation(atoms, RealOnly(VACUUM))


def test_field_is_evaluated_once_at_each_wave_number():
    """Four approximations need no more imaginary wave numbers than one."""
    atoms = co.chain(3, 0.2, frequency=1e4, detunings=[0, 3, 9]).translated([0, 0, 0.1])
    one, four = Counted(Mirror()), Counted(Mirror())
    co.master_equation(atoms, one)
    co.compare(atoms, four, "inverted", [0.0, 1e-3], approximations=APPROXIMATIONS, progress=False)
    imaginary = [k for k in one.calls if k.imag]
    assert 40 < len(imaginary) < 150
    assert all(one.calls[k] == 1 for k in imaginary)
    assert {k for k in four.calls if k.imag} == set(imaginary)
    assert all(four.calls[k] == 1 for k in imaginary)
    assert sum(four.calls.values()) < 1.2 * sum(one.calls.values())


def test_field_is_not_evaluated_at_unused_frequencies():
    """Without permanent dipoles the static field is not needed."""
    field = Counted(Mirror())
    co.master_equation(co.chain(2, 0.2, frequency=1e4).translated([0, 0, 0.1]), field)
    assert min(abs(k) for k in field.calls if not k.imag) > 0.5 * K


def test_results_do_not_depend_on_the_size_of_the_cache(monkeypatch):
    """A cache that holds almost nothing gives the same numbers."""
    atoms = co.chain(3, 0.2, frequency=1e4, detunings=[0, 3, 9]).translated([0, 0, 0.1])
    ample = co.master_equation(atoms, Mirror(), temperature=1e3).liouvillian()
    monkeypatch.setattr(sources, "_CACHE_BYTES", 1)
    scarce = co.master_equation(atoms, Mirror(), temperature=1e3).liouvillian()
    np.testing.assert_allclose(scarce.full(), ample.full(), rtol=1e-13, atol=1e-12)


def one_way(pair, size):
    """Vacuum, except that the coupling in one direction is stronger than in the other."""

    class OneWay:
        def green(self, r, r_source, k):
            r, r_source = np.broadcast_arrays(np.asarray(r, float), np.asarray(r_source, float))
            tensor = VACUUM.green(r, r_source, k)
            hit = np.all(r == pair[0], axis=-1) & np.all(r_source == pair[1], axis=-1)
            tensor[hit] *= 1 + size
            return tensor

        magnetic_green = green

        def __repr__(self):
            return "OneWay()"

    return OneWay()


@pytest.mark.parametrize("way", [(0, 1), (1, 2), (2, 0), (3, 1)])
@pytest.mark.parametrize("kind", ["electric", "magnetic"])
def test_fields_that_are_not_reciprocal_are_refused(way, kind):
    """Every function that uses a Green's tensor refuses it, for every affected pair."""
    positions = np.random.default_rng(0).standard_normal((4, 3))
    system = co.Multilevel(positions, [[1.0, 0.0]] * 4, [flip()] * 4, kind=kind)
    atoms = co.Emitters(positions, frequency=1e6)
    field = one_way(positions[list(way)], 1e-3)
    message = r"OneWay\(\) is not reciprocal: .* differ by 0.001 .* for emitters \d and \d at"
    for make in (
        lambda: co.interaction(system, field),
        lambda: co.master_equation(system, field),
        lambda: spectral.bath(system, field),
        lambda: co.couple(atoms, field),
    ):
        with pytest.raises(ValueError, match=message):
            make()


def test_nonreciprocal_self_coupling_is_refused():
    """With a bias field G(r, r) is not symmetric."""

    class Biased(Mirror):
        def scattered(self, r, r_source, k):
            tensor = super().scattered(r, r_source, k)
            tensor[..., 0, 1] += 0.1 * tensor[..., 0, 0]
            tensor[..., 1, 0] -= 0.1 * tensor[..., 0, 0]
            return tensor

    atom = co.Emitters([[0, 0, 0.1]], frequency=1e6)
    for make in (co.couple, co.master_equation):
        with pytest.raises(ValueError, match="is not reciprocal"):
            make(atom, Biased())


def test_dipoles_of_a_detuned_pair_use_their_own_wave_numbers():
    """Δ₁₂ = 7.7533 for δ = ω₀ at 0.05 λ₀; one k for both dipoles would give 12.84."""
    place, k = 0.05, K * np.array([1.0, 2.0])
    pair = co.Emitters(
        [[0, 0, 0], [0, 0, place]], dipoles=(1, 0, 0), frequency=10.0, detunings=[0.0, 10.0]
    )
    found = co.couple(pair, VACUUM)
    assert found.shift[0, 1] == pytest.approx(7.7533, abs=5e-5)
    # K(ω) of physics between dipoles of size 3πΓ/k³
    x = k * place
    kernel = (np.cos(x) + x * np.sin(x) - x**2 * np.cos(x)) / (4 * np.pi * place**3)
    size = 3 * np.pi / np.prod(k) ** 1.5
    np.testing.assert_allclose(found.shift[0, 1], size * kernel.mean(), rtol=1e-12)
    # and with the RWA in the coupling: −(1/π)∫dκ κ²k/(κ²+k²) G(iκ) of the same dipoles
    closer = co.couple(pair, VACUUM, shift="rwa").shift[0, 1]
    integral = [
        quad(
            lambda t, k=k: (
                (1 + t + t**2) * np.exp(-t) * k * place / ((k * place) ** 2 + t**2)
            ),
            0, np.inf, epsrel=1e-12,
        )[0] / (4 * np.pi**2 * place**3)
        for k in k
    ]  # fmt: skip
    np.testing.assert_allclose(closer, size * (kernel.mean() - np.mean(integral)), rtol=1e-9)


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")  # shifts may exceed this low ω₀
@settings(max_examples=10)
@given(st.integers(0, 10**6), st.floats(0.01, 0.8))
def test_detuned_couplings_are_those_of_the_interaction(seed, delta):
    """Δ_mn equals G^(P) of multi-level dipoles at any detuning."""
    rng = np.random.default_rng(seed)
    atoms = co.Emitters(
        rng.uniform(0.1, 0.6, (3, 3)), dipoles=rng.standard_normal((3, 3)), frequency=10.0,
        detunings=[0.0, 10 * delta, -5 * delta], decay_rates=rng.uniform(0.5, 2, 3),
    )  # fmt: skip
    for field in (VACUUM, Mirror()):
        shift = co.couple(atoms, field).shift
        found = co.interaction(co.Multilevel.from_emitters(atoms), field)
        for i, j in ((0, 1), (0, 2), (1, 2)):
            np.testing.assert_allclose(found.principal(i, j)[0, 1, 1, 0], shift[i, j], rtol=1e-10)


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")
@pytest.mark.parametrize("distance", [1e-4, 1e-6, 1e-8, 1e-9])
def test_the_rwa_shift_of_pairs_close_together(distance):
    """The RWA shift of a close pair is half of the full shift."""
    pair = co.chain(2, distance)
    full, rwa = (co.couple(pair, VACUUM, shift=shift).shift[0, 1] for shift in ("full", "rwa"))
    np.testing.assert_allclose(rwa, full / 2, rtol=1e-7)


def test_the_interaction_through_a_lossy_mode():
    """G^(P) + G^(D) of two qubits against reference numbers: K = S(ω) + S(−ω), J = γ(ω) − γ(−ω)."""
    g = GOLDEN["pseudomode_two_qubits"]
    pair, bath = lossy_mode((1.25, 0.75), (0.05, 0.04), 1.6, 0.5)
    found = co.interaction(pair, bath)
    matrix = found.hamiltonian().full()
    assert abs(matrix[1, 2] - number(g["HLS_s1p_s2m"])) < 1e-15
    assert abs(matrix[0, 3] - number(g["HLS_s1p_s2p"])) < 1e-15
    assert {t.kind for t in found.terms()} == {"detuned", "counter-rotating"}


@pytest.mark.parametrize("complete", [True, False])
def test_the_interaction_through_a_bath_is_the_pair_part_of_the_lamb_shift(complete):
    """A complex bath for three and two levels, for all components or those that are not zero."""
    system = random_multilevel(1, (3, 2))
    flat = [d * [1, 1, 0] for d in system.dipoles]
    system = co.Multilevel(system.positions, system.energies, system.dipoles if complete else flat)
    size = 6 if complete else 4
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((size, 2)) + 1j * rng.standard_normal((size, 2))

    def gamma(w):
        return (mix * [1 / (1 + w**2), 1 / (1 + (w - 1) ** 2)]) @ mix.conj().T

    def shift(w):
        return (mix * [np.tanh(w), w / (1 + w**2)]) @ mix.conj().T

    bath = spectral.Bath(gamma, shift)
    pair = co.interaction(system, bath).hamiltonian().full()
    whole = co.master_equation(system, bath).hamiltonian().full()
    own = 0
    bare = np.diag(np.add.outer(*system.energies).ravel())
    for i in range(2):
        silent = co.Multilevel(
            system.positions, system.energies,
            [d if j == i else 0 * d for j, d in enumerate(system.dipoles)],
        )  # fmt: skip
        half = size // 2
        rows = slice(i * half, (i + 1) * half)
        alone = spectral.Bath(lambda w, r=rows: gamma(w)[r, r], lambda w, r=rows: shift(w)[r, r])
        own = own + co.master_equation(silent, alone).hamiltonian().full() - bare
    np.testing.assert_allclose(pair, whole - bare - own, atol=1e-13 * np.abs(pair).max())


def test_rwa_keeps_the_level_shifts_of_a_bath():
    """One qubit and one lossy mode: the level shifts are g²δ/(δ² + κ²/4)."""
    pair, bath = lossy_mode((1.25, 0.75), (0.05, 0.0), 1.6, 0.5)
    found = co.master_equation(pair, bath, approximation="rwa").hamiltonian().diag().real
    np.testing.assert_allclose(found[1] - found[3] - 1.25, sum(
        sign * 0.0025 * (w - 1.6) / ((w - 1.6) ** 2 + 0.0625) for w, sign in ((1.25, 1), (-1.25, -1))
    ), rtol=1e-9)  # fmt: skip


def test_validity_of_the_rwa_lists_the_dropped_terms():
    atoms = co.chain(2, 0.2, frequency=1e4)
    report = co.master_equation(atoms, VACUUM, approximation="rwa").validity()["dropped"].meaning
    assert "G^(D)" in report
    assert "single emitters" not in report


@pytest.mark.parametrize("field", [VACUUM, Mirror(), Tilted(0.3)])
@pytest.mark.parametrize("temperature", [0.0, 5e5])
def test_orthogonal_dipoles_at_one_place_couple_by_scattered_light_only(field, temperature):
    """Two transitions of one atom as two emitters: `couple` and `master_equation` agree."""
    place = [0.1, 0.2, 0.15]
    atoms = co.Emitters([place] * 2, dipoles=[[1, 0, 0], [0, 0, 1]], frequency=1e6)
    couplings = co.couple(atoms, field, temperature=temperature)
    assert (abs(couplings.shift[0, 1]) > 0.01) == isinstance(field, Tilted)
    found = co.interaction(co.Multilevel.from_emitters(atoms), field)
    np.testing.assert_allclose(found.principal(0, 1)[0, 1, 1, 0], couplings.shift[0, 1], atol=1e-9)
    np.testing.assert_allclose(found.dissipative(0, 1)[0, 1, 1, 0], 0, atol=1e-12)
    equation = co.master_equation(atoms, field, approximation="rwa", temperature=temperature)
    turning = qutip.Qobj(np.diag(equation.frame), dims=[[2, 2]] * 2)
    rotating = equation.hamiltonian() - turning
    theirs = qutip.liouvillian(rotating, equation.collapse_operators()).full()
    ours = couplings.liouvillian().full()
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-9 * np.abs(ours).max())
    for name in ("universal", "secular", "redfield"):
        co.master_equation(atoms, field, approximation=name, temperature=temperature)


def test_interacting_dipoles_at_one_place_are_refused():
    """This includes opposite circular dipoles: their counter-rotating terms diverge."""
    for dipoles in ([[1, 0, 0], [1, 0, 1]], [[1, 1j, 0], [1, -1j, 0]]):
        atoms = co.Emitters([[0, 0, 0.1]] * 2, dipoles=dipoles, frequency=1e6)
        with pytest.raises(ValueError, match=r"emitters 0 and 1 coincide.*counter-rotating"):
            co.interaction(co.Multilevel.from_emitters(atoms), VACUUM)
    near = co.Multilevel(
        [[0, 0, 0], [0, 0, 1e-70]], [[1, 0]] * 2, [flip((1, 0, 0)), flip((0, 1, 0))]
    )
    with pytest.raises(ValueError, match="exactly the same place"):
        co.interaction(near, VACUUM)


@pytest.mark.parametrize(("kind", "temperature"), [("electric", 2e5), ("magnetic", 3e6)])
def test_couplings_and_master_equation_agree_in_thermal_light_at_a_wire(kind, temperature):
    """Γ, Δ and level shifts at T = 0.2 ω₀ and 3 ω₀, at which F(0) of the metal matters."""
    atoms = co.Emitters(
        [[0.015, 0, 0], [0.012, 0.016, 0.1]],
        dipoles=[[1, 0, 1j], [0.3, 1, 0.5]],
        frequency=1e6,
        kind=kind,
    )
    couplings = co.couple(atoms, WIRE, temperature=temperature)
    equation = co.master_equation(atoms, WIRE, approximation="rwa", temperature=temperature)
    turning = qutip.Qobj(np.diag(equation.frame), dims=[[2, 2]] * 2)
    theirs = qutip.liouvillian(
        equation.hamiltonian() - turning, equation.collapse_operators()
    ).full()
    ours = couplings.liouvillian().full()
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=3e-6 * np.abs(ours).max())
    cold = np.diag(co.couple(atoms, WIRE).shift)
    assert np.all(np.abs(np.diag(couplings.shift) - cold) > 1e-3 * np.abs(cold))
