"""Integrals of orbitals and their Hamiltonian, against closed forms and other integrals."""

import tracemalloc

import numpy as np
import pytest
import qutip
from scipy.constants import fine_structure as alpha
from scipy.integrate import quad
from scipy.special import erf, erfcx, spherical_jn

import collective as co
from collective.currents.free_space import Grid, longitudinal, screened

currents = co.currents
CUBE = [np.linspace(-7, 7, 48)] * 3


def integrals(shapes, axes=CUBE, screening=0.0):
    return currents.interactions(currents.Orbitals(axes, shapes), screening, progress=False)


def rings(separation=(0, 0, 0), *, m=(1, 1)):
    r = np.array(separation) / 2
    return [currents.gaussian(1, m[0], centre=-r), currents.gaussian(1, m[1], centre=r)]


def balls(distance):
    return [currents.gaussian(centre=(0, 0, z)) for z in (-distance / 2, distance / 2)]


def ring_energy(separation, screening=0.0):
    """U^a of two p₊ Gaussians from their magnetisations ½e^{−r²}/π^{3/2} along z, in q space."""
    r = np.linalg.norm(separation)
    cosine = separation[2] / r if r else 0.0

    def integrand(q):
        j0, j2 = spherical_jn(0, q * r), spherical_jn(2, q * r)
        transverse = 2 / 3 * j0 + (cosine**2 - 1 / 3) * j2
        return q**2 / (q**2 + screening**2) * q**2 * np.exp(-(q**2) / 2) * transverse

    return alpha**2 / (2 * np.pi) * quad(integrand, 0, 15, epsabs=1e-15, epsrel=1e-12)[0]


def ball_exchange(distance, screening=0.0):
    """J^a of two s Gaussians: p along the axis times a Gaussian, of which ⅔ is transverse."""
    k = screening / np.sqrt(2)
    # ∫q²e^{−q²/2}/(q² + κ²)dq
    radial = np.sqrt(np.pi / 2) * (1 - np.sqrt(np.pi) * k * erfcx(k))
    return alpha**2 / 3 / np.pi * distance**2 * np.exp(-(distance**2) / 2) * radial


@pytest.fixture(scope="module")
def ring_pair():
    return integrals(rings(m=(1, -1)))


@pytest.fixture(scope="module")
def ball_pair():
    return integrals(balls(2))


def test_integrals_against_reference_numbers(ring_pair, ball_pair):
    apart = integrals(rings((0, 0, 2)))
    for value, golden in [
        (ring_pair.ampere[0, 0], 7.081405602313652e-6),
        (ring_pair.coulomb[0, 0], 0.6117114966155301),
        (apart.ampere[0, 1], 2.458002215144429e-6),
        (apart.coulomb[0, 1], 0.406054011575798),
        (ball_pair.exchange[0, 1], 0.1079819330263761),
        (ball_pair.ampere_exchange[0, 1], 3.833456131609816e-6),
    ]:
        assert value == pytest.approx(golden, rel=1e-7)


def test_integrals_against_closed_forms(ring_pair, ball_pair):
    assert ball_pair.coulomb[0, 1] == pytest.approx(erf(np.sqrt(2)) / 2, rel=1e-12)
    assert ball_pair.coulomb[0, 0] == pytest.approx(np.sqrt(2 / np.pi), rel=1e-12)
    assert ball_pair.exchange[0, 1] == pytest.approx(np.exp(-2) * np.sqrt(2 / np.pi), rel=1e-12)
    assert ball_pair.ampere_exchange[0, 1] == pytest.approx(
        alpha**2 / 3 / np.pi * 4 * np.exp(-2) * np.sqrt(np.pi / 2), rel=1e-11
    )
    assert ring_pair.ampere[0, 0] == pytest.approx(
        alpha**2 * 2 * np.pi / 3 / (2 * np.pi) ** 1.5, rel=1e-11
    )


@pytest.mark.parametrize("screening", [0.0, 1e-5, 0.03, 0.5, 3.0])
@pytest.mark.parametrize("separation", [(0, 0, 0), (1.1, 0.3, 1.4), (2.0, 0, 0)])
def test_ring_currents_at_any_distance_and_screening(separation, screening):
    axes = [
        np.linspace(-5.5 - r / 2, 5.5 + r / 2, n)
        for r, n in zip(separation, (29, 28, 30), strict=True)
    ]
    found = integrals(rings(separation), axes, screening)
    expected = ring_energy(np.array(separation), screening)
    # the grid is coarse: the error is below its estimate, and small
    assert abs(found.ampere[0, 1] - expected) < found.ampere_error
    assert found.ampere[0, 1] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("screening", [1e-300, 1e-12, 1e-8, 1e-6, 0.02, 1.0])
def test_screened_exchange_of_currents_with_a_divergence(screening):
    """The kernel of the divergence, where its series is used and where it is not."""
    found = integrals(balls(1.5), [np.linspace(-6, 6, 30)] * 3, screening)
    assert found.ampere_exchange[0, 1] == pytest.approx(ball_exchange(1.5, screening), rel=1e-9)
    assert found.coulomb[0, 0] == pytest.approx(np.sqrt(2 / np.pi), rel=1e-9)  # not screened


def test_ring_currents_around_another_axis():
    """The same rings around the x axis, at distances along it and across it."""

    def about_x(centre):
        def ring(x, y, z):
            x, y, z = x - centre[0], y - centre[1], z - centre[2]
            return np.pi**-0.75 * (y + 1j * z) * np.exp(-(x**2 + y**2 + z**2) / 2)

        return ring

    for turned, upright in [((2, 0, 0), (0, 0, 2)), ((0, 0, 2), (2, 0, 0))]:
        r = np.array(turned) / 2
        found = integrals([about_x(-r), about_x(r)], [np.linspace(-6.5, 6.5, 34)] * 3)
        assert found.ampere[0, 1] == pytest.approx(ring_energy(np.array(upright)), rel=1e-9)


def test_symmetries_of_rings_and_real_orbitals(ring_pair):
    scale = ring_pair.ampere[0, 0]
    assert ring_pair.ampere[0, 1] == pytest.approx(-scale, rel=1e-12)
    assert ring_pair.ampere_exchange[0, 1] == 0
    real = integrals(
        [currents.gaussian(1, m, real=True) for m in (1, -1, 0)], [np.linspace(-6, 6, 40)] * 3
    )
    assert not np.any(real.ampere)
    np.testing.assert_allclose(real.ampere_exchange, scale * (1 - np.eye(3)), rtol=1e-9)
    # for real orbitals V[ll'll'] = J^c + J^a
    pair_hopping = np.einsum("abab->ab", real.two_body)
    expected = real.exchange + real.ampere_exchange
    np.testing.assert_allclose(pair_hopping[0, 1:], expected[0, 1:], rtol=1e-12)


@pytest.fixture(scope="module")
def random_orbitals():
    """Complex orbitals without symmetry, neither orthogonal nor normalised; axes differ."""
    rng = np.random.default_rng(7)
    shapes = []
    for _ in range(3):
        parts = [
            currents.gaussian(l, m, centre=rng.uniform(-0.6, 0.6, 3), width=rng.uniform(0.9, 1.2))
            for l, m in [(0, 0), (1, 1), (2, -1)]
        ]
        weights = rng.normal(size=3) + 1j * rng.normal(size=3)
        shapes.append((parts, weights))
    axes = [np.linspace(-6.5, 6.5, 31), np.linspace(-7, 6.6, 30), np.linspace(-6.6, 7, 36)]
    functions = [
        lambda x, y, z, p=p, w=w: sum(c * f(x, y, z) for c, f in zip(w, p, strict=True))
        for p, w in shapes
    ]
    return currents.Orbitals(axes, functions)


def test_index_symmetries_and_positivity(random_orbitals):
    found = currents.interactions(random_orbitals, 0.4, progress=False)
    for v in (found.coulomb_integrals, found.ampere_integrals):
        scale = np.abs(v).max()
        np.testing.assert_allclose(v, v.transpose(2, 3, 0, 1), atol=1e-12 * scale)
        np.testing.assert_allclose(v, v.transpose(1, 0, 3, 2).conj(), atol=1e-12 * scale)
        # a charge, or a current, has positive energy with itself
        pairs = v.transpose(1, 0, 2, 3).reshape(9, 9)
        assert np.linalg.eigvalsh(pairs)[0] > -1e-12 * scale
    assert np.all(found.ampere_exchange >= 0)
    assert np.all(found.exchange >= 0)


def test_integrals_do_not_depend_on_phases_and_positions(random_orbitals):
    found = currents.interactions(random_orbitals, progress=False)
    axes = [axis + shift for axis, shift in zip(random_orbitals.axes, (3, -1, 0.2), strict=True)]
    phases = np.exp([0.3j, 2j, -1j])[:, None, None, None]
    moved = currents.Orbitals(axes, phases * random_orbitals.wavefunctions)
    again = currents.interactions(moved, progress=False)
    for name in ("coulomb", "exchange", "ampere", "ampere_exchange"):
        np.testing.assert_allclose(getattr(again, name), getattr(found, name), rtol=1e-10)


def test_integrals_transform_like_a_tensor(random_orbitals):
    """V of the orthonormal orbitals is V of the given ones, transformed like a tensor."""
    values, vectors = np.linalg.eigh(random_orbitals.overlap())
    root = (vectors / np.sqrt(values)) @ vectors.conj().T
    v = currents.interactions(random_orbitals, progress=False).two_body
    turned = np.einsum("abcd,ai,bj,ck,dl->ijkl", v, root.conj(), root, root.conj(), root)
    orthonormal = random_orbitals.orthonormalised()
    found = currents.interactions(orthonormal, progress=False).two_body
    np.testing.assert_allclose(found, turned, atol=1e-10 * np.abs(v).max())
    np.testing.assert_allclose(orthonormal.overlap(), np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "spacings"), [((23, 24, 33), (0.4, 0.42, 0.3)), ((25, 25, 25), (0.4,) * 3)]
)
def test_potentials_of_a_gaussian_ball_in_free_space(shape, spacings):
    """Potentials of e^{−r²}/π^{3/2} off the centre: erf(r)/4πr, and −⟨|r − r'|⟩/8π."""
    grid = Grid(shape, spacings)
    axes = np.meshgrid(
        *[h * (np.arange(n) - 0.45 * n) for n, h in zip(shape, spacings, strict=True)],
        indexing="ij",
    )
    r = np.sqrt(sum(a**2 for a in axes))
    ball = np.exp(-(r**2)) / np.pi**1.5
    expected = erf(r) / (4 * np.pi * np.maximum(r, 1e-9))
    far = r > 0.1
    for f in (ball, ball * (1 + 2j)):
        found = screened(grid, 0.0)(f)
        np.testing.assert_allclose(found[far], (expected * f / ball)[far], rtol=1e-7)
    length = np.exp(-(r**2)) / np.sqrt(np.pi) + (r + 1 / (2 * np.maximum(r, 1e-9))) * erf(r)
    np.testing.assert_allclose(
        longitudinal(grid, 0.0)(ball)[far], -length[far] / (8 * np.pi), rtol=1e-6
    )


def test_hydrogen_2p_orbital():
    """U^c = F⁰ + F²/25; U^a from the vector potential of a ring current r sinθ e^{−r}/64π."""
    found = integrals([currents.hydrogen_like(2, 1, 1)], [np.linspace(-20, 20, 56)] * 3)
    assert found.coulomb[0, 0] == pytest.approx(0.181640625 + 45 / 512 / 25, rel=1e-4)
    assert abs(found.coulomb[0, 0] - 0.18515625) < found.coulomb_error

    def inner(r):
        return quad(lambda s: s**4 * np.exp(-s), 0, r)[0] / r**2

    def outer(r):
        return r * (1 + r) * np.exp(-r)

    energy = quad(lambda r: r**3 * np.exp(-r) * (inner(r) + outer(r)), 0, 60, epsrel=1e-9)[0]
    expected = 4 * np.pi * alpha**2 * 8 * np.pi / 3 / (64 * np.pi) ** 2 / 3 * energy
    assert expected == pytest.approx(2.42681953863e-7, rel=1e-8)
    assert found.ampere[0, 0] == pytest.approx(expected, rel=3e-4)
    assert abs(found.ampere[0, 0] - expected) < found.ampere_error


@pytest.mark.parametrize("n", [9, 10, 11, 16, 20, 24])
def test_error_is_below_its_estimate(n):
    found = integrals(rings(m=(1, -1)), [np.linspace(-6, 6, n)] * 3)
    exact = ring_energy(np.zeros(3))
    assert abs(found.ampere[0, 0] - exact) < found.ampere_error
    assert abs(found.coulomb[0, 0] - 0.6117114966155301) < found.coulomb_error
    finer = integrals(rings(m=(1, -1)), [np.linspace(-6, 6, n + 4)] * 3)
    assert finer.ampere_error < found.ampere_error


@pytest.mark.parametrize("k", [4, 5, 6])
def test_error_estimate_includes_unresolved_waves(k):
    """A moving Gaussian has the same |ψ|² as one at rest, so U^a is proportional to k²."""

    def moving(k):
        return lambda x, y, z: currents.gaussian()(x, y, z) * np.exp(1j * k * z)

    axes = [np.linspace(-6, 6, 30), np.linspace(-6, 6, 30), np.linspace(-6, 6, 32)]
    found, slow = (integrals([moving(k)], axes) for k in (k, 1))
    assert abs(found.ampere[0, 0] - k**2 * slow.ampere[0, 0]) < found.ampere_error
    with pytest.raises(ValueError, match="do not resolve the orbitals: 3"):
        integrals([moving(7)], axes)


def test_longitudinal_currents_have_no_ampere_exchange():
    """Between two balls with the same centre the current is longitudinal."""
    found = integrals(
        [currents.gaussian(), currents.gaussian(width=1.01)], [np.linspace(-7, 7, 32)] * 3
    )
    assert np.all(found.ampere_exchange >= 0)
    assert np.all(found.ampere_exchange <= found.ampere_error)


def test_error_estimate_includes_the_part_outside_the_grid():
    found = integrals(rings(m=(1, -1)), [np.linspace(-3.7, 3.7, 30)] * 3)
    assert 1e-6 < found.orbitals.outside[0] < 3e-5
    assert abs(found.coulomb[0, 0] - 0.6117114966155301) < found.diagnostics["coulomb_box_error"]


@pytest.mark.parametrize("along", [True, False])
def test_far_rings_are_magnetic_dipoles(along):
    """m = −½ for L_z = 1; the field of `interaction`, in units where c = 1/α and μ₀ = 4πα²."""
    direction = np.array([0, 0, 1]) if along else np.array([1, 0, 0])
    r = 20 * direction
    axes = [np.linspace(-5 - abs(x) / 2, 5 + abs(x) / 2, 22 + int(2.2 * abs(x))) for x in r]
    found = integrals(rings(r), axes)
    moment = [[[0, 0, -0.5 * np.sqrt(4 * np.pi * alpha**2)]]]  # √μ₀ m, permanent
    pair = co.Multilevel([-r / 2, r / 2], [[0.0]] * 2, np.array([moment, moment]), kind="magnetic")
    energy = co.interaction(pair, co.Vacuum()).principal(0, 1)[0, 0, 0, 0].real
    assert found.ampere[0, 1] == pytest.approx(-energy, rel=1e-3)
    assert found.ampere[0, 1] == pytest.approx(
        -energy, rel=1e-8
    )  # for balls of magnetisation it is exact
    opposite = integrals(rings(r, m=(1, -1)), axes)
    assert opposite.ampere[0, 1] == pytest.approx(energy, rel=1e-8)


# --- the Hamiltonian ---------------------------------------------------------------------------


def first_quantised(h, v):
    """Energies of two electrons: h ⊗ 1 + 1 ⊗ h + V on antisymmetric states with spins."""
    size = len(h)
    spin = np.eye(2)
    one = np.kron(h, spin)
    total = np.kron(one, np.eye(2 * size)) + np.kron(np.eye(2 * size), one)
    # [a s][c u] ← [b t][d v], spins conserved
    pair = np.einsum("abcd,st,uv->ascubtdv", v, spin, spin).reshape(4 * size**2, 4 * size**2)
    total = total + pair
    n = 2 * size
    swap = np.zeros((n * n, n * n))
    for i in range(n):
        for j in range(n):
            swap[i * n + j, j * n + i] = 1
    values, vectors = np.linalg.eigh((np.eye(n * n) - swap) / 2)
    basis = vectors[:, values > 0.5]
    return np.linalg.eigvalsh(basis.conj().T @ total @ basis)


def block(operator, electrons, size):
    """The block of a given number of electrons, dense."""
    count = sum(currents.number(size, l) for l in range(size)).diag().round().astype(int)
    keep = np.flatnonzero(count == electrons)
    return operator.full()[np.ix_(keep, keep)]


def test_full_hamiltonian_against_first_quantisation(random_orbitals):
    orbitals = random_orbitals.orthonormalised()
    found = currents.interactions(orbitals, 0.2, progress=False)
    h = orbitals.one_body(lambda x, y, z: (x**2 + 2 * y**2 + z**2) / 2 + 0.1 * x)
    full = found.hamiltonian(h)
    assert full.isherm
    np.testing.assert_allclose(
        np.linalg.eigvalsh(block(full, 2, 3)), first_quantised(h, found.two_body), atol=1e-10
    )
    # one electron has no interaction
    np.testing.assert_allclose(
        np.linalg.eigvalsh(block(full, 1, 3)), np.repeat(np.linalg.eigvalsh(h), 2), atol=1e-11
    )


def singly_occupied(size=2):
    """Singlet and the three triplets with one electron in each of two orbitals."""
    up = [currents.annihilator(size, l, "up").dag() for l in range(size)]
    down = [currents.annihilator(size, l, "down").dag() for l in range(size)]
    vacuum = qutip.tensor([qutip.basis(2, 0)] * (2 * size))
    first, second = up[0] * down[1] * vacuum, down[0] * up[1] * vacuum
    triplets = [up[0] * up[1] * vacuum, (first + second).unit(), down[0] * down[1] * vacuum]
    return (first - second).unit(), triplets


def exchanged(found):
    j = found.exchange[0, 1], found.ampere_exchange[0, 1]
    return -2 * j[0] + 2 * j[1]


def test_singlet_triplet_splitting(ring_pair):
    orbitals = currents.Orbitals(CUBE, balls(2)).orthonormalised()
    for found in (ring_pair, currents.interactions(orbitals, progress=False)):
        reduced = found.hamiltonian(form="reduced")
        singlet, triplets = singly_occupied()
        low = reduced.matrix_element(singlet, singlet).real
        for triplet in triplets:
            high = reduced.matrix_element(triplet, triplet).real
            assert high - low == pytest.approx(exchanged(found), abs=1e-12)


def test_full_and_reduced_forms_agree_without_assisted_hops(ring_pair):
    """For p₊p₋ at one centre, conservation of angular momentum forbids assisted hops."""
    assert abs(ring_pair.two_body[0, 0, 0, 1]) < 1e-12
    forms = [ring_pair.hamiltonian(form=form) for form in ("full", "reduced")]
    singlet, triplets = singly_occupied()
    basis = np.hstack([s.full() for s in (singlet, *triplets)])
    spectra = [np.linalg.eigvalsh(basis.conj().T @ H.full() @ basis) for H in forms]
    np.testing.assert_allclose(spectra[0], spectra[1], atol=1e-12)
    np.testing.assert_allclose(forms[0].full(), forms[1].full(), atol=1e-12)


def test_full_and_reduced_forms_differ_by_assisted_hops():
    orbitals = currents.Orbitals(CUBE, balls(2)).orthonormalised()
    found = currents.interactions(orbitals, progress=False)
    difference = found.hamiltonian() - found.hamiltonian(form="reduced")
    assisted = found.two_body[0, 0, 0, 1]
    assert abs(assisted) > 1e-3
    # ½·(4 positions of the index 1) V[0001]: one spin hops while the other stays
    up = [currents.annihilator(2, l, "up") for l in (0, 1)]
    vacuum = qutip.tensor([qutip.basis(2, 0)] * 4)
    both = up[0].dag() * currents.annihilator(2, 0, "down").dag() * vacuum
    moved = up[1].dag() * up[0] * both
    assert difference.matrix_element(moved, both) == pytest.approx(assisted, abs=1e-12)


def test_exchange_oscillation_of_two_electrons(ring_pair):
    """↑ on p₊ and ↓ on p₋ exchange with the period 2π/(2J^c − 2J^a)."""
    hamiltonian = ring_pair.hamiltonian(form="reduced")
    start = (
        currents.annihilator(2, 0, "up").dag()
        * currents.annihilator(2, 1, "down").dag()
        * qutip.tensor([qutip.basis(2, 0)] * 4)
    )
    times = np.linspace(0, 60, 61)
    result = co.evolve(co.MasterEquation(hamiltonian), start, times, progress=False)
    assert result.populations.shape == (61, 4, 2)
    # the pair may also hop to one orbital, since V[ll'll'] is not zero; S_z of orbital 0 is exact
    angle = exchanged(ring_pair) * times
    up, down = result.populations[:, 0, 1], result.populations[:, 1, 1]
    np.testing.assert_allclose(up - down, np.cos(angle), atol=1e-7)


def test_electron_operators_anticommute():
    c = [currents.annihilator(2, l, s) for l in (0, 1) for s in ("up", "down")]
    one = qutip.tensor([qutip.qeye(2)] * 4)
    for i, a in enumerate(c):
        for j, b in enumerate(c):
            assert (a * b.dag() + b.dag() * a - (i == j) * one).norm() < 1e-14
            assert (a * b + b * a).norm() < 1e-14
    x, y, z = currents.spin(2, 1)
    assert (x * y - y * x - 1j * z).norm() < 1e-14
    assert (
        x * x + y * y + z * z - 0.75 * (currents.number(2, 1) * (2 - currents.number(2, 1)))
    ).norm() < 1e-14


# --- sizes and bad input -----------------------------------------------------------------------


@pytest.mark.slow
def test_memory_of_the_integrals_is_predicted():
    shapes = [currents.gaussian(1, m) for m in (1, 0, -1)] + [currents.gaussian()]
    orbitals = currents.Orbitals([np.linspace(-6, 6, 40)] * 3, shapes)
    tracemalloc.start()
    found = currents.interactions(orbitals, 0.1, progress=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.4 * found.diagnostics["bytes_predicted"] < peak < found.diagnostics["bytes_predicted"]


def test_checkpoint_continues_after_an_interruption(tmp_path, monkeypatch):
    orbitals = currents.Orbitals([np.linspace(-6, 6, 24)] * 3, rings(m=(1, -1)))
    path = tmp_path / "rings"
    plain = currents.interactions(orbitals, 0.1)
    calls = []
    original = currents.Orbitals.derivative

    def interrupted(self, axis, order=1):
        calls.append(axis)
        if axis == 2:
            raise KeyboardInterrupt
        return original(self, axis, order)

    monkeypatch.setattr(currents.Orbitals, "derivative", interrupted)
    with pytest.raises(KeyboardInterrupt):
        currents.interactions(orbitals, 0.1, checkpoint=path)
    assert calls == [0, 1, 2]
    monkeypatch.setattr(currents.Orbitals, "derivative", original)
    again = currents.interactions(orbitals, 0.1, checkpoint=path)
    np.testing.assert_array_equal(again.two_body, plain.two_body)
    assert again.ampere_error == plain.ampere_error
    monkeypatch.setattr(currents.Orbitals, "derivative", None)  # nothing must be computed again
    third = currents.interactions(orbitals, 0.1, checkpoint=str(path) + ".npz")
    np.testing.assert_array_equal(third.two_body, plain.two_body)
    with pytest.raises(ValueError, match="belongs to other orbitals or another screening"):
        currents.interactions(orbitals, 0.2, checkpoint=path)
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(ValueError, match="or not a file of integrals"):
        currents.interactions(orbitals, 0.1, checkpoint=tmp_path / "text")
    np.save(tmp_path / "array.npy", np.ones(3))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    with pytest.raises(ValueError, match="or not a file of integrals"):
        currents.interactions(orbitals, 0.1, checkpoint=tmp_path / "array")
    (tmp_path / "folder.npz").mkdir()
    for path in (tmp_path / "folder", tmp_path / "folder.npz", ""):
        with pytest.raises(ValueError, match="must name a file"):
            currents.interactions(orbitals, 0.1, checkpoint=path)
    with pytest.raises(ValueError, match="checkpoint must be a file name"):
        currents.interactions(orbitals, 0.1, checkpoint=3)


def test_integrals_that_do_not_fit_into_memory_are_refused(available_memory, ring_pair):
    available_memory(10**6)
    with pytest.raises(co.ProblemTooLargeError, match="2 complex orbitals on 48"):
        currents.interactions(ring_pair.orbitals)
    available_memory(10)
    with pytest.raises(co.ProblemTooLargeError, match=r"4\^2 states"):
        ring_pair.hamiltonian()


def orbitals_of(values, axes=CUBE):
    return currents.Orbitals(axes, values)


@pytest.mark.parametrize(
    ("axes", "values", "match"),
    [
        (CUBE[:2], [currents.gaussian()], "axes must be three"),
        (3.0, [currents.gaussian()], "axes must be three"),
        ([CUBE[0], CUBE[1], CUBE[2] ** 3], [currents.gaussian()], "z must increase in equal steps"),
        ([CUBE[0], CUBE[1][::-1], CUBE[2]], [currents.gaussian()], "y must increase"),
        ([CUBE[0], CUBE[1], [0, 1, 2]], [currents.gaussian()], "z must be a list of at least 8"),
        (CUBE, np.ones((1, 48, 48)), r"shape \(L, 48, 48, 48\)"),
        (CUBE, [np.ones((48, 48, 47))], r"wavefunctions\[0\] must have the shape"),
        (CUBE, np.full((1, 48, 48, 48), np.nan), "wavefunctions must be finite"),
        (CUBE, np.zeros((2, 48, 48, 48)), r"wavefunctions\[0\] is zero"),
        (CUBE, [], "wavefunctions must have shape"),
        (CUBE, currents.gaussian(), "put a single function into a list"),
        (CUBE, 3, "must be arrays"),
        ([np.linspace(-2, 2, 30)] * 3, [currents.gaussian()], "lies outside -2 to 2"),
        (CUBE, [currents.gaussian(centre=(0, 0, 7))], "lies outside"),
        (CUBE, [lambda x, y, z: 1 + 0 * (x + y + z)], "lies outside"),
        (CUBE, [lambda x, y, z: x[:3]], r"wavefunctions\[0\] must return values for the grid"),
        (CUBE, [lambda x, y, z: 1e200 * currents.gaussian()(x, y, z)], r"at most 1e\+100"),
        (CUBE, [lambda x, y, z: 1e-120 * currents.gaussian()(x, y, z)], "largest value between"),
        (CUBE, [currents.gaussian(width=0.01, centre=(0.149, 0.149, 0.149))], "do not resolve"),
    ],
)
def test_bad_arguments_of_orbitals_and_axes_are_refused(axes, values, match):
    with pytest.raises(ValueError, match=match):
        orbitals_of(values, axes)


def test_bad_arguments_of_wave_functions_are_refused():
    with pytest.raises(ValueError, match="width must be above 0"):
        currents.gaussian(width=0)
    with pytest.raises(ValueError, match="m must be"):
        currents.gaussian(1, 2)
    with pytest.raises(ValueError, match="m must be"):
        currents.hydrogen_like(2, 1, -2)
    with pytest.raises(ValueError, match="l must not exceed 20"):
        currents.gaussian(200)
    with pytest.raises(ValueError, match="axes must be in metres"):
        currents.Orbitals.from_si(CUBE, [currents.gaussian()])
    with pytest.raises(ValueError, match="n must be above l = 1"):
        currents.hydrogen_like(1, 1)


def test_bad_arguments_of_interactions_are_refused(ring_pair, ball_pair):
    with pytest.raises(ValueError, match=r"screening must not be negative, got -0\.1"):
        currents.interactions(ring_pair.orbitals, -0.1)
    with pytest.raises(ValueError, match=r"is it in bohr⁻¹\?"):
        currents.interactions(ring_pair.orbitals, 5.5e7)
    with pytest.raises(TypeError, match="orbitals must be Orbitals"):
        currents.interactions(np.ones((2, 8, 8, 8)))
    with pytest.raises(ValueError, match=r"orbitals 0 and 1 overlap by 3\.68e-01"):
        ball_pair.hamiltonian()
    with pytest.raises(ValueError, match="orbital 0 has norm 1 "):
        integrals([lambda x, y, z: 1.1 * currents.gaussian()(x, y, z)]).hamiltonian()
    with pytest.raises(ValueError, match="one_body must have shape"):
        ring_pair.hamiltonian(np.eye(3))
    with pytest.raises(ValueError, match="one_body must be Hermitian"):
        ring_pair.hamiltonian([[0, 1], [0, 0]])
    with pytest.raises(ValueError, match="form must be one of"):
        ring_pair.hamiltonian(form="half")
    with pytest.raises(ValueError, match="linearly independent"):
        orbitals_of([currents.gaussian(), currents.gaussian()]).orthonormalised()
    with pytest.raises(ValueError, match="orbital must be below 2"):
        currents.annihilator(2, 2, "up")
    with pytest.raises(ValueError, match="spin must be one of"):
        currents.annihilator(2, 0, "sideways")
    with pytest.raises(ValueError, match="potential must have shape"):
        ring_pair.orbitals.one_body(np.ones(3))
