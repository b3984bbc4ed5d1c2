"""`Couplings`: Γ and Δ in vacuum, QuTiP operators, modes, plane waves, warnings, bad arguments."""

import mpmath
import numpy as np
import pytest
import qutip
import reference
from hypothesis import given
from hypothesis import strategies as st
from random_systems import random_couplings, random_matrix
from reference import rotation
from scipy.optimize import brentq

import collective as co
from collective.couplings import pairs

VACUUM = co.Vacuum()


@pytest.mark.parametrize(
    ("distance", "dipole", "decay", "shift"),
    [
        (0.1, (1, 0, 0), 0.9226968484, 2.5970938737),
        (0.1, (0, 0, 1), 0.9610741546, -7.125573553),
        (0.5, (1, 0, 0), -0.1519817755, 0.2145437638),
        (0.5, (0, 0, 1), 0.3039635509, 0.0483773016),
    ],
)
def test_vacuum_couplings_of_a_pair_against_reference_numbers(distance, dipole, decay, shift):
    pair = co.couple(co.chain(2, distance, dipoles=dipole), VACUUM)
    assert abs(pair.decay[0, 1] - decay) < 1e-9
    assert abs(pair.shift[0, 1] - shift) < 1e-9
    np.testing.assert_allclose(np.diag(pair.decay), 1, rtol=1e-14)
    np.testing.assert_array_equal(np.diag(pair.shift), 0)


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")
def test_near_field_of_the_decay():
    for axis, coefficient in (((1, 0, 0), 1 / 5), ((0, 0, 1), 1 / 10)):
        pair = co.couple(co.chain(2, 1e-6 / (2 * np.pi), dipoles=axis), VACUUM)
        assert abs(pair.decay[0, 1] - (1 - coefficient * 1e-12)) < 1e-12


@given(st.integers(0, 10**6))
def test_vacuum_couplings_of_random_complex_dipoles(seed):
    rng = np.random.default_rng(seed)
    dipoles = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    atoms = co.Emitters(
        rng.uniform(-0.5, 0.5, (3, 3)), dipoles=dipoles, decay_rates=[0.5, 1.0, 3.0], wavelength=0.8
    )
    couplings = co.couple(atoms, VACUUM)
    for m, n in ((0, 1), (2, 0)):
        decay, shift = reference.vacuum_pair(
            *atoms.positions[[m, n]], *atoms.dipoles[[m, n]], k=2 * np.pi / 0.8
        )
        strength = np.sqrt(atoms.decay_rates[m] * atoms.decay_rates[n])
        assert abs(couplings.decay[m, n] - strength * decay) < 1e-9
        assert abs(couplings.shift[m, n] - strength * shift) < 1e-9 * max(1, abs(shift))
    np.testing.assert_allclose(np.diag(couplings.decay), atoms.decay_rates)


def test_circular_dipoles_in_their_plane_give_complex_couplings():
    """u* is on the left and u on the right; a conjugate on the wrong side fails here."""
    atoms = co.Emitters([[0, 0, 0], [0.1, 0.2, 0]], dipoles=[[1, 1j, 0], [1, 0, 0]])
    couplings = co.couple(atoms, VACUUM)
    decay, shift = reference.vacuum_pair(*atoms.positions, *atoms.dipoles)
    assert abs(decay.imag) > 0.04
    assert abs(couplings.decay[0, 1] - decay) < 1e-12
    assert abs(couplings.shift[0, 1] - shift) < 1e-12


@given(st.integers(0, 10**6))
def test_couplings_are_invariant_under_motions_and_permutations(seed):
    rng = np.random.default_rng(seed)
    dipoles = rng.standard_normal((5, 3)) + 1j * rng.standard_normal((5, 3))
    atoms = co.Emitters(rng.uniform(-0.4, 0.4, (5, 3)), dipoles=dipoles)
    couplings = co.couple(atoms, VACUUM)
    turn, shuffle = rotation(seed), rng.permutation(5)
    moved = atoms.replace(
        positions=atoms.positions @ turn.T + rng.standard_normal(3), dipoles=dipoles @ turn.T
    )
    shuffled = atoms.replace(positions=atoms.positions[shuffle], dipoles=dipoles[shuffle])
    for name in ("decay", "shift"):
        mine = getattr(couplings, name)
        # the shift of the closest pair may be large: compare relative to it
        scale = np.abs(mine).max()
        np.testing.assert_allclose(
            getattr(co.couple(moved, VACUUM), name), mine, atol=1e-10 * scale
        )
        np.testing.assert_allclose(
            getattr(co.couple(shuffled, VACUUM), name), mine[np.ix_(shuffle, shuffle)], rtol=1e-12
        )


def test_couplings_do_not_depend_on_the_chunk_size(monkeypatch):
    atoms = co.cloud(23, 0.7, seed=1, dipoles=(1, 1j, 0.3))
    whole = co.couple(atoms, VACUUM)
    assert whole.decay.dtype == float  # equal dipoles, circular or not
    monkeypatch.setattr(pairs, "CHUNK_BYTES", 5000)
    chunked = co.couple(atoms, VACUUM)
    np.testing.assert_allclose(whole.decay, chunked.decay, rtol=1e-13)
    np.testing.assert_allclose(whole.shift, chunked.shift, rtol=1e-13)


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")
@given(st.integers(0, 10**6))
def test_decay_matrix_of_detuned_emitters_is_positive(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 30))
    atoms = co.cloud(
        n,
        10 ** rng.uniform(-3, 0.5),
        seed=seed,
        frequency=30.0,
        detunings=rng.uniform(-20, 20, n),
    )
    assert np.linalg.eigvalsh(co.couple(atoms, VACUUM).decay)[0] > -1e-12


def test_emitters_of_different_frequency():
    """Γ is taken at the mean wave number, Δ is the average over the two."""
    atoms = co.chain(2, 0.2, frequency=10.0, detunings=[1.0, -2.0], decay_rates=[1, 4])
    couplings = co.couple(atoms, VACUUM)
    at = [
        reference.vacuum_pair(*atoms.positions, *atoms.dipoles, k=k)
        for k in (*atoms.wavenumbers, atoms.wavenumbers.mean())
    ]
    np.testing.assert_allclose(couplings.decay[0, 1], 2 * at[2][0], rtol=1e-12)
    # `at` has dipoles of size 3πΓ/k³ with the k of the light; here they are 3πΓ_m/k_m³
    sizes = atoms.wavenumbers**3 / np.prod(atoms.wavenumbers) ** 1.5
    np.testing.assert_allclose(
        couplings.shift[0, 1], sizes[0] * at[0][1] + sizes[1] * at[1][1], rtol=1e-12
    )
    np.testing.assert_allclose(np.diag(couplings.decay), [1, 4], rtol=1e-14)
    np.testing.assert_array_equal(couplings.detunings, [1, -2])


def test_large_frequency_is_the_limit_of_a_finite_one():
    atoms = co.cloud(4, 0.3, seed=2, detunings=[3, -1, 0, 2], dipoles=(1, 1j, 0))
    limit = co.couple(atoms, VACUUM)
    close = co.couple(atoms.replace(frequency=1e9), VACUUM)
    np.testing.assert_allclose(close.decay, limit.decay, atol=1e-7)
    np.testing.assert_allclose(close.shift, limit.shift, rtol=1e-7, atol=1e-7)


def test_user_defined_fields():
    class OnlyScattered:
        def scattered(self, r, r_source, k):
            return np.zeros((*np.broadcast_shapes(np.shape(r), np.shape(r_source)), 3))

    atoms = co.chain(3, 0.2)
    mine = co.couple(atoms, OnlyScattered())
    np.testing.assert_array_equal(mine.decay, co.couple(atoms, VACUUM).decay)

    class Reflecting(OnlyScattered):
        def scattered(self, r, r_source, k):
            return super().scattered(r, r_source, k) + 0.3 * np.eye(3)

    with pytest.raises(ValueError, match="does not decay on the imaginary axis"):
        co.couple(atoms, Reflecting())


class Broken:
    """A field whose tensor is that of the vacuum, changed by a function."""

    def __init__(self, change):
        self.change = change

    def green(self, r, r_source, k):
        return self.change(VACUUM.green(r, r_source, k))

    def __repr__(self):
        return "Broken()"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: None, "must return a complex array of shape"),
        (lambda g: g.real, "must return a complex array of shape .*, got float64"),
        (lambda g: g[..., 0], "must return a complex array of shape"),
        (lambda g: g * np.nan, "not finite"),
        (lambda g: g + 1e-3 * np.triu(np.ones((3, 3)), 1), "is not reciprocal"),
        (lambda g: g + 1e-3 * np.eye(3), "does not decay on the imaginary axis"),
    ],
)
def test_fields_with_a_wrong_green_tensor_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        co.couple(co.chain(3, 0.2), Broken(change))


def test_a_class_is_not_a_field():
    with pytest.raises(TypeError, match=r"field must be an object: use Vacuum\(\)"):
        co.couple(co.chain(2, 0.2), co.Vacuum)


def test_green_tensor_is_computed_in_chunks():
    """The pairs are computed in chunks of at most 16 MiB."""
    sizes = []

    def watch(green):
        sizes.append(green.nbytes)
        return green

    co.couple(co.chain(400, 0.3), Broken(watch))
    assert max(sizes) <= pairs.CHUNK_BYTES
    assert sum(sizes) > 400 * 400 / 2 * 144


def test_small_imaginary_parts_of_couplings_are_kept():
    """Round-off is removed, a slight ellipticity is not."""
    atoms = co.Emitters([[0, 0, 0], [0.1, 0.2, 0]], dipoles=[[1, 1e-9j, 0], [1, 0, 0]])
    decay, _ = reference.vacuum_pair(*atoms.positions, *atoms.dipoles)
    found = co.couple(atoms, VACUUM).decay[0, 1]
    assert 1e-11 < abs(decay.imag) < 1e-9
    np.testing.assert_allclose(found.imag, decay.imag, rtol=1e-5)


def test_a_large_rate_does_not_hide_a_negative_one():
    for decay in (np.diag([1e11, -1.0]), np.diag([2e8, -1e-3])):
        with pytest.raises(ValueError, match=r"positive semidefinite: decay\[1, 1\] = -"):
            co.Couplings(decay, np.zeros((2, 2)))
    hidden = np.diag([1e11, 1.0, 1.0]) + 1.5 * (np.eye(3, k=1) + np.eye(3, k=-1)) * [[0], [1], [1]]
    hidden[0, 1] = hidden[1, 0] = 0
    with pytest.raises(ValueError, match=r"smallest eigenvalue -0.5"):
        co.Couplings(hidden, np.zeros((3, 3)))


def test_couplings_take_the_detunings_of_the_emitters():
    atoms = co.chain(2, 0.1, detunings=[1, -1])
    mine = co.Couplings(np.eye(2), np.zeros((2, 2)), emitters=atoms)
    np.testing.assert_array_equal(mine.detunings, [1, -1])
    np.testing.assert_array_equal(mine.replace(detunings=0).detunings, 0)
    # new matrices do not belong to the field
    assert co.couple(atoms, VACUUM).replace(decay=np.eye(2)).field is None


@pytest.mark.parametrize("seed", range(4))
def test_generator_is_the_double_sum(seed):
    couplings, rho = random_couplings(seed), random_matrix(seed, 8)
    image = qutip.vector_to_operator(
        couplings.liouvillian() * qutip.operator_to_vector(reference.as_qobj(rho))
    ).full()
    np.testing.assert_allclose(image, reference.slope_of(couplings, rho), atol=1e-12)


def test_complex_decay_preserves_the_trace():
    """QuTiP's lindblad_dissipator(a, b) would not preserve the trace for complex Γ."""
    couplings = co.Couplings([[1, 0.6j], [-0.6j, 1]], np.zeros((2, 2)))
    ket = (qutip.basis([2, 2], [0, 1]) + 1j * qutip.basis([2, 2], [1, 0])).unit()
    image = qutip.vector_to_operator(
        couplings.liouvillian() * qutip.operator_to_vector(qutip.ket2dm(ket))
    )
    assert abs(image.tr()) < 1e-12
    emission = sum(qutip.expect(c.dag() * c, ket) for c in couplings.collapse_operators())
    # |01⟩ = |eg⟩: amplitudes 1/√2 on emitter 0, i/√2 on emitter 1
    amplitudes = np.array([1, 1j]) / np.sqrt(2)
    np.testing.assert_allclose(emission, (amplitudes.conj() @ couplings.decay @ amplitudes).real)
    np.testing.assert_allclose(emission, 0.4, atol=1e-12)


def test_hamiltonian_against_tensor_products():
    couplings = random_couplings(7, n=4)
    s = reference.lowering(4)
    expected = sum(
        (couplings.shift[m, n] + couplings.detunings[m] * (m == n)) * s[m].T @ s[n]
        for m in range(4)
        for n in range(4)
    ) + sum(
        0.5 * (couplings.drive[m] * s[m].T + couplings.drive[m].conj() * s[m]) for m in range(4)
    )
    hamiltonian = couplings.hamiltonian()
    assert hamiltonian.dims == [[2] * 4, [2] * 4]
    assert hamiltonian.isherm
    np.testing.assert_allclose(hamiltonian.full(), expected, atol=1e-14)


def test_collapse_operators_are_named_in_their_order():
    couplings = co.Couplings(
        np.diag([1.0, 2.0, 0.0]), np.zeros((3, 3)), dephasing=[0, 0.1, 0], pump=[0.3, 0, 0.2]
    ).replace(thermal_photons=0.5)
    names, jumps = couplings.collapse_operator_names(), couplings.collapse_operators()
    assert names == [
        "collective decay 0", "collective decay 1", "dephasing of emitter 1", "pump of emitter 0",
        "pump of emitter 2", "collective absorption 0", "collective absorption 1",
    ]  # fmt: skip
    assert len(jumps) == len(names)
    one = qutip.num(2)  # of the ground state in QuTiP's order
    number = sum(
        qutip.tensor([1 - one if k == m else qutip.qeye(2) for k in range(3)]) for m in range(3)
    )
    changes = {"decay": -1, "dephasing": 0, "pump": 1, "absorption": 1}
    for name, jump in zip(names, jumps, strict=True):
        (by,) = [step for word, step in changes.items() if word in name.split()]
        assert (number * jump - jump * number - by * jump).norm() < 1e-12
    assert couplings.replace(decay=np.zeros((3, 3)), shift=np.zeros((3, 3)), dephasing=0, pump=0,
                             thermal_photons=0).collapse_operator_names() == []  # fmt: skip


def test_collapse_operators_leave_out_round_off():
    dicke = co.Couplings(np.ones((5, 5)), np.zeros((5, 5)))
    assert len(dicke.collapse_operators()) == 1
    assert len(dicke.replace(dephasing=0.1, pump=[0, 0, 1, 0, 0]).collapse_operators()) == 7


def test_replace_refuses_other_emitters_and_fields_without_new_matrices():
    atoms = co.chain(2, 0.1)
    pair = co.couple(atoms, VACUUM)
    for other in (
        co.chain(2, 0.7),
        atoms.replace(dipoles=(0, 0, 1)),
        atoms.replace(decay_rates=2.0),
        atoms.replace(wavelength=0.5),
    ):
        with pytest.raises(ValueError, match=r"^emitters: .* belong to other emitters.*co.couple"):
            pair.replace(emitters=other)
        new = co.couple(other, VACUUM)
        replaced = pair.replace(decay=new.decay, shift=new.shift, emitters=other, field=VACUUM)
        np.testing.assert_array_equal(replaced.decay, new.decay)
        assert replaced.emitters is other
    with pytest.raises(ValueError, match=r"^field: .* belong to Vacuum\(\), not to Plasma"):
        pair.replace(field=co.Plasma(2.0))
    no_field = "^field must be a Field"
    wrongs = {co.Vacuum: r"^field must be an object: use Vacuum\(\)", "x": no_field, 3: no_field}
    for wrong, message in wrongs.items():
        with pytest.raises(TypeError, match=message):
            pair.replace(field=wrong)
        with pytest.raises(TypeError, match=message):
            co.Couplings(np.eye(2), np.zeros((2, 2)), field=wrong)
    with pytest.raises(TypeError, match=no_field):
        pair.replace(field=np.eye(3))
    assert pair.replace(field=co.Vacuum(), emitters=co.chain(2, 0.1)).field == VACUUM
    assert pair.replace(field=None, emitters=None).emitters is None
    # emitters that differ only in frequency bring new detunings
    detuned = pair.replace(emitters=atoms.replace(detunings=[0.0, 0.3]))
    np.testing.assert_array_equal(detuned.detunings, [0, 0.3])
    by_hand = co.Couplings(np.eye(2), np.zeros((2, 2)))
    assert by_hand.replace(emitters=atoms).emitters is atoms


def test_orthogonal_dipoles_at_one_place_do_not_couple():
    """Γ = u*·u' = 0 and no shift; a third emitter couples to each as if the other were absent."""
    one = np.array([1, 1j, 0]) / np.sqrt(2)
    other = np.array([1, -1j, 0]) / np.sqrt(2)
    far, third = [0.1, -0.05, 0.15], [0, 0.6, 0.8]
    both = co.Emitters([[0, 0, 0], [0, 0, 0], far], dipoles=[one, other, third])
    assert both.nearest_pair() == (0.0, (0, 1))
    for shift in ("full", "rwa"):
        found = co.couple(both, VACUUM, shift=shift)
        assert abs(found.decay[0, 1]) < 1e-15
        assert abs(found.shift[0, 1]) < 1e-15
        for m, dipole in ((0, one), (1, other)):
            pair = co.couple(co.Emitters([[0, 0, 0], far], dipoles=[dipole, third]), VACUUM,
                             shift=shift)  # fmt: skip
            assert found.decay[m, 2] == pytest.approx(pair.decay[0, 1], abs=1e-12)
            assert found.shift[m, 2] == pytest.approx(pair.shift[0, 1], abs=1e-10)
    # two independent decays: e^{-t} each
    inverted = co.evolve(co.couple(both.replace(positions=[[0, 0, 0]] * 2 + [[90, 0, 0]]), VACUUM),
                         "inverted", [0, 1.0])  # fmt: skip
    assert inverted.populations[1, :2] == pytest.approx(np.exp(-1), abs=1e-4)
    for dipoles, place in (([one, one], [0, 0, 0]), ([one, other], [0, 0, 1e-13])):
        close = co.Emitters([[0, 0, 0], place], dipoles=dipoles)
        with pytest.raises(ValueError, match="emitters 0 and 1 coincide"):
            co.couple(close, VACUUM)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: co.couple(co.chain(4, 150e-9), VACUUM), r"1.5e-07 wavelengths.*wavelength="),
        (lambda: co.couple(co.chain(4, 150), VACUUM), "150 wavelengths apart.*independent"),
        (lambda: co.couple(co.chain(4, 2e4), VACUUM), r"2e\+04 wavelengths"),
        (
            lambda: co.couple(
                co.Emitters([[30, 0, 0], [30, 0, 99]], wavelength=780.0),
                co.Nanowire(25e-9, -50 + 0.6j),
            ),
            "field: its radius is 2.5e-08",
        ),
        (
            lambda: co.couple(co.chain(2, 0.1), co.Plasma(8e6)),
            "all decay rates and couplings are zero.*wave number",
        ),
        (lambda: co.couple(co.chain(2, 0.01, frequency=20), VACUUM), "shift.*is above 20"),
        (
            lambda: co.couple(co.chain(2, 1.01e-4, dipoles=(0, 0, 1)), VACUUM),
            r"shift.*is above 1e\+09",
        ),
        (
            lambda: co.master_equation(co.chain(2, 150e-9, frequency=1e30), VACUUM),
            "1.5e-07 wavelengths",
        ),
    ],
)
def test_lengths_in_a_wrong_unit_warn(make, message):
    with pytest.warns(co.UnitWarning, match=message):
        make()


def test_lengths_in_the_unit_of_the_wavelength_do_not_warn():
    """Metres, nanometres and wavelengths give the same couplings, without a warning."""
    expected = co.couple(co.chain(3, 0.2), VACUUM)
    for wavelength in (780e-9, 780.0):
        found = co.couple(co.chain(3, 0.2 * wavelength, wavelength=wavelength), VACUUM)
        np.testing.assert_allclose(found.shift, expected.shift, rtol=1e-12)
    co.couple(co.chain(2, 1e-3), VACUUM)
    co.couple(co.chain(2, 90), VACUUM)
    co.couple(co.Emitters([[0, 0, 0]], wavelength=1e-9), VACUUM)


def test_rounded_decay_matrix_is_refused_with_advice_that_works():
    """Close emitters with Γ rounded to three digits: an eigenvalue of a few thousandths below 0."""
    decay = np.round(co.couple(co.chain(6, 0.05), VACUUM).decay, 3)
    assert np.linalg.eigvalsh(decay)[0] < -1e-5
    with pytest.raises(ValueError, match="must be positive semidefinite") as caught:
        co.Couplings(decay, np.zeros((6, 6)))
    way_out = str(caught.value).partition("clip it: ")[2]
    given = {"np": np, "decay": decay}
    exec(way_out, given)
    clipped = co.Couplings(given["decay"], np.zeros((6, 6)))
    np.testing.assert_allclose(clipped.decay, decay, atol=2e-3)


def test_replace_keeps_all_other_attributes():
    couplings = co.couple(co.chain(3, 0.2), VACUUM)
    other = couplings.replace(dephasing=0.5)
    np.testing.assert_array_equal(other.decay, couplings.decay)
    np.testing.assert_array_equal(other.dephasing, 0.5)
    assert other.emitters is couplings.emitters
    assert not np.any(couplings.dephasing)


def test_modes_of_a_chain():
    modes = co.couple(co.chain(7, 0.15), VACUUM).modes()
    couplings = co.couple(co.chain(7, 0.15), VACUUM)
    h = couplings.effective_hamiltonian()
    np.testing.assert_allclose(h @ modes.vectors, modes.vectors * modes.eigenvalues, atol=1e-12)
    assert np.all(np.diff(modes.rates) <= 0)
    np.testing.assert_allclose(modes.rates.sum(), 7)
    np.testing.assert_allclose(modes.shifts.sum(), 0, atol=1e-10)
    np.testing.assert_allclose(modes.jump_rates.sum(), 7)
    np.testing.assert_allclose(
        modes.jump_vectors * modes.jump_rates @ modes.jump_vectors.T, couplings.decay, atol=1e-13
    )


@pytest.mark.parametrize(("n", "rate"), [(10, 5.0596e-3), (20, 5.6855e-4), (40, 6.8716e-5)])
def test_darkest_mode_of_a_chain(n, rate):
    darkest = co.couple(co.chain(n, 0.3), VACUUM).modes().rates[-1]
    assert abs(darkest / rate - 1) < 1e-4


def ring_rates(n, spacing):
    """Decay rates of a ring with dipoles along its axis: sums of a circulant matrix, 50 digits."""
    with mpmath.workdps(50):
        across = mpmath.mpf(spacing) / mpmath.sin(mpmath.pi / n)
        row = [mpmath.mpf(1)]
        for j in range(1, n):
            x = 2 * mpmath.pi * across * mpmath.sin(mpmath.pi * j / n)
            row.append(1.5 * (mpmath.sin(x) / x + mpmath.cos(x) / x**2 - mpmath.sin(x) / x**3))
        phase = 2 * mpmath.pi / n
        return sorted(
            float(mpmath.fsum(g * mpmath.cos(phase * q * j) for j, g in enumerate(row)))
            for q in range(n)
        )


@pytest.mark.parametrize(("n", "lost"), [(40, 0), (60, 7)])
def test_modes_say_which_decay_rates_are_below_round_off(n, lost):
    """The darkest rate of 60 atoms is 2·10⁻¹⁸; what the eigenvalues say of it has any sign."""
    modes = co.couple(co.ring(n, 0.2), VACUUM).modes()
    expected = np.array(ring_rates(n, "0.2"))
    error = np.abs(np.sort(modes.rates) - expected).max()
    note = [line for line in repr(modes).splitlines() if "round-off" in line]
    if lost == 0:
        assert not note
        assert error < 0.01 * expected[0]
    else:
        assert f"; {lost} decay rates are smaller" in note[0]
        limit = float(note[0].split()[1].rstrip(";"))
        assert expected[0] < error < limit
        assert np.count_nonzero(expected < limit) == lost


def test_modes_without_decay_say_nothing_of_round_off():
    """All rates are exactly 0."""
    lossless = co.Couplings(np.zeros((3, 3)), np.ones((3, 3)) - np.eye(3))
    assert "round-off" not in repr(lossless.modes())
    dicke = co.Couplings(np.ones((2, 2)), np.zeros((2, 2)))
    assert "1 decay rate is smaller" in repr(dicke.modes())


@pytest.mark.parametrize(("n", "spacing"), [(3, 0.15414), (10, 0.22053), (100, 0.25623)])
def test_burst_threshold_of_chains(n, spacing):
    """A burst starts iff Tr Γ²/N > 2."""

    def excess(a):
        decay = co.couple(co.chain(n, a), VACUUM).decay
        return np.sum(decay**2) / n - 2

    assert abs(brentq(excess, 0.1, 0.35, xtol=1e-8) - spacing) < 1e-4


def band(a, q_bloch, perpendicular):
    """ω_Q − iΓ_Q/2 of the infinite chain in closed form."""
    xi, (p, q) = 2 * np.pi * a, (1, 0) if perpendicular else (1, 1)
    total = mpmath.mpc(0, -0.5)
    for sign in (1, -1):
        z = mpmath.exp(1j * (xi + sign * q_bloch * a))
        li = [mpmath.polylog(s, z) for s in (1, 2, 3)]
        total -= 0.75 * ((p - q) * li[0] / xi + (p - 3 * q) * (1j * li[1] / xi**2 - li[2] / xi**3))
    return complex(total)


@pytest.mark.slow
@pytest.mark.parametrize("perpendicular", [True, False])
@pytest.mark.parametrize("q_bloch", [0.0, 2.5, 9.0])
def test_bands_of_the_infinite_chain_are_the_limit_of_long_chains(perpendicular, q_bloch):
    a, n = 0.2, 1201
    dipoles = (1, 0, 0) if perpendicular else (0, 0, 1)
    couplings = co.couple(co.chain(n, a, dipoles=dipoles), VACUUM)
    middle = n // 2
    offset = np.arange(n) - middle
    # a smooth window makes the slowly alternating tail of the Bloch sum converge
    window = np.exp(-((offset / (n / 7)) ** 2))
    row = couplings.effective_hamiltonian()[middle]
    total = np.sum(window * row * np.exp(1j * q_bloch * a * offset))
    assert abs(total - band(a, q_bloch, perpendicular)) < 3e-4
    if perpendicular and q_bloch == 0:
        assert abs(band(a, 0, True) - (1.283595 - 0.5j * 1.875)) < 1e-6


@pytest.mark.parametrize("delta", [0.0, 0.3, 0.599, 0.601, 1.0, 5.0])
def test_eigenvalues_of_a_detuned_pair(delta):
    """Exceptional point at δ = |Γ₁₂| when Δ₁₂ = 0."""
    gamma = 0.6
    pair = co.Couplings(
        [[1, gamma], [gamma, 1]], np.zeros((2, 2)), detunings=[delta / 2, -delta / 2]
    )
    root = np.sqrt(complex(delta**2 - gamma**2))
    expected = sorted([-0.5j + root / 2, -0.5j - root / 2], key=lambda z: (z.imag, z.real))
    found = sorted(pair.modes().eigenvalues, key=lambda z: (round(z.imag, 9), z.real))
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_eigenvalues_at_the_exceptional_point():
    pair = co.Couplings([[1, 0.6], [0.6, 1]], np.zeros((2, 2)), detunings=[0.3, -0.3])
    np.testing.assert_allclose(pair.modes().eigenvalues, -0.5j, atol=1e-7)


def test_eigenvalues_of_a_detuned_pair_with_shift():
    pair = co.couple(
        co.chain(2, 0.23, detunings=[0.7, -0.7], dipoles=[[1, 1j, 0], [1, 0, 2]]), VACUUM
    )
    g = pair.effective_hamiltonian()
    root = np.sqrt(1.4**2 + 4 * g[0, 1] * g[1, 0])
    expected = np.sort_complex(-0.5j + np.array([1, -1]) * root / 2)
    np.testing.assert_allclose(np.sort_complex(pair.modes().eigenvalues), expected, atol=1e-10)


def test_rabi_frequencies_of_a_plane_wave():
    atoms = co.Emitters(
        [[0, 0, 0], [0.25, 0, 0.5]], dipoles=[[1, 1j, 0], [0, 1, 1]], wavelength=2.0
    )
    drive = co.plane_wave(atoms, 3.0, direction=(1, 0, 0), polarisation=(0, 2j, 0))
    expected = [3 * (-1j / np.sqrt(2)) * 1j, 3 * (1 / np.sqrt(2)) * 1j * np.exp(0.25j * np.pi)]
    np.testing.assert_allclose(drive, expected, atol=1e-14)
    np.testing.assert_allclose(co.couple(atoms, VACUUM).replace(drive=drive).drive, drive)


@pytest.mark.parametrize("polarisation", [(1, 0, 0), (1, 1j, 0), (0, 1, 0)])
def test_plane_wave_perpendicular_to_all_dipoles_is_refused(polarisation):
    """The default dipoles of a lattice are normal to its plane: light at normal incidence fails."""
    flat, beam = co.square(2, 2, 0.4), {"direction": (0, 0, 1), "polarisation": polarisation}
    with pytest.raises(ValueError, match=r"perpendicular to every dipole.*dipoles=\(1, 0, 0\)"):
        co.plane_wave(flat, 1.0, **beam)
    tilted = flat.replace(dipoles=(1e-5, 1e-5, 1))
    with pytest.raises(ValueError, match=r"^polarisation .* drives no emitter"):
        co.plane_wave(tilted, 1.0, **beam)
    # one driven emitter is enough, and a Rabi frequency of zero is allowed
    mixed = flat.replace(dipoles=[[0, 0, 1]] * 3 + [[1, 1, 0]])
    drive = co.plane_wave(mixed, 1.0, **beam)
    assert np.count_nonzero(np.abs(drive) > 1e-12) == 1
    assert not np.any(co.plane_wave(mixed, 0.0, **beam))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": (0, 0, 1), "polarisation": (1, 0, 1)}, "polarisation must be perpendicular"),
        ({"direction": (0, 0, 1), "polarisation": (1, 0, 1e-3)}, "must be perpendicular"),
        ({"direction": (0, 0, 0), "polarisation": (1, 0, 0)}, "direction must not be the zero"),
        ({"direction": (0, 0, 1), "polarisation": (0, 0, 0)}, "polarisation must not be the zero"),
        ({"direction": (0, 0, 1j), "polarisation": (1, 0, 0)}, "direction must be real"),
    ],
)
def test_bad_arguments_of_plane_wave_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        co.plane_wave(co.chain(2, 0.1), 1.0, **options)


@pytest.mark.parametrize(
    ("decay", "shift", "options", "message"),
    [
        ([1, 2], [[0]], {}, r"decay must be a square matrix \(N, N\), got shape \(2,\)"),
        (np.eye(2), np.zeros((3, 3)), {}, r"shift must have the shape \(2, 2\) of decay"),
        ([[1, np.nan], [0, 1]], np.zeros((2, 2)), {}, r"decay must be finite: decay\[0, 1\]"),
        (
            [[1, 0.5], [0.4, 1]],
            np.zeros((2, 2)),
            {},
            r"decay must be Hermitian: decay\[0, 1\] = 0.5",
        ),
        (np.eye(2), [[0, 1j], [1j, 0]], {}, "shift must be Hermitian"),
        ([[1, 1.5], [1.5, 1]], np.zeros((2, 2)), {}, "smallest eigenvalue -0.5"),
        ([[1, 1 + 1e-7], [1 + 1e-7, 1]], np.zeros((2, 2)), {}, "smallest eigenvalue -1e-07"),
        (np.eye(2), np.zeros((2, 2)), {"dephasing": -1}, "dephasing must not be below 0"),
        (np.eye(2), np.zeros((2, 2)), {"pump": [0, -1]}, r"below 0: pump\[1\] is -1"),
        (np.eye(2), np.zeros((2, 2)), {"detunings": [1, 2, 3]}, "detunings must be a number or 2"),
        (np.eye(2), np.zeros((2, 2)), {"detunings": 1j}, "detunings must be real"),
        (np.eye(2), np.zeros((2, 2)), {"drive": np.inf}, "drive must be finite"),
        (np.eye(2), np.zeros((2, 2)), {"emitters": co.chain(3, 0.1)}, "must be 2, as decay is 2×2"),
    ],
)
def test_bad_arguments_of_couplings_are_refused(decay, shift, options, message):
    with pytest.raises(ValueError, match=message):
        co.Couplings(decay, shift, **options)


def test_coincident_emitters_are_refused():
    with pytest.raises(ValueError, match="emitters 1 and 2 coincide"):
        co.couple(co.Emitters([[0, 0, 0], [1, 0, 0], [1, 0, 0]]), VACUUM)


def test_arguments_of_a_wrong_class_are_refused():
    with pytest.raises(TypeError, match="emitters must be Emitters"):
        co.couple([[0, 0, 0]], VACUUM)
    with pytest.raises(TypeError, match="field must be a Field"):
        co.couple(co.chain(2, 0.1), "vacuum")


def test_operators_too_large_are_refused_before_they_are_built():
    large = co.Couplings(np.eye(40), np.zeros((40, 40)))
    for build in (large.hamiltonian, large.collapse_operators, large.liouvillian):
        with pytest.raises(MemoryError, match=r"40 emitters needs .* are available"):
            build()


def test_repr_of_couplings():
    text = repr(co.couple(co.chain(3, 0.1), VACUUM).replace(drive=[1, 1j, 0]))
    assert "3 two-level emitters in Vacuum()" in text
    assert "drive |…| ≤ 1" in text


def test_several_orthogonal_transitions_at_each_site():
    """Three transitions of one atom, at two sites: Γ = Δ = 0 at one site in vacuum."""
    three = np.array([[1, 1j, 0], [1, -1j, 0], [0, 0, 1]])
    sites = np.repeat([[0, 0, 0], [0, 0, 0.2]], 3, axis=0)
    atoms = co.Emitters(sites, dipoles=np.tile(three, (2, 1)))
    couplings = co.couple(atoms, VACUUM)
    for block in (slice(0, 3), slice(3, 6)):
        np.testing.assert_allclose(couplings.decay[block, block], np.eye(3), atol=1e-14)
        np.testing.assert_allclose(couplings.shift[block, block], 0, atol=1e-14)
    # the coupling between two sites is that of the pairs alone
    for m in range(3):
        for n in range(3):
            alone = co.couple(
                co.Emitters(sites[[0, 3]], dipoles=np.stack([three[m], three[n]])), VACUUM
            )
            np.testing.assert_allclose(couplings.shift[m, 3 + n], alone.shift[0, 1], atol=1e-13)
    # not quite orthogonal, four at one place, or very close but not at one place
    almost = np.array([[1, 0, 0], [1e-6, 1, 0]])
    for positions, dipoles, pair in (
        ([[0, 0, 0]] * 2, almost, "0 and 1"),
        ([[0, 0, 0]] * 4, [*three, [1, 1, 1]], "1 and 3|0 and 3|2 and 3"),
        ([[0, 0, 0], [0, 0, 1e-12]], three[1:], "0 and 1"),
        ([[0, 0, 0], [0, 0, 0], [0, 0, 1e-12]], three, r"\d and 2"),
    ):
        with pytest.raises(ValueError, match=f"emitters ({pair}) coincide .* their shift diverges"):
            co.couple(co.Emitters(positions, dipoles=dipoles), VACUUM)
