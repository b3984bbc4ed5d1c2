"""Ising terms as an argument of couplings, and the functions that make them."""

import pickle

import numpy as np
import pytest
import qutip

import collective as co

V = np.array([[0, 1.5, -0.3], [1.5, 0, 0.7], [-0.3, 0.7, 0]])
ONE, NONE = np.eye(3), np.zeros((3, 3))


def number(n, m):
    """σ⁺σ⁻ of emitter m, with QuTiP."""
    up = qutip.sigmap() * qutip.sigmam()
    return qutip.tensor([up if k == m else qutip.qeye(2) for k in range(n)])


def pauli(n, m):
    return qutip.tensor([qutip.sigmaz() if k == m else qutip.qeye(2) for k in range(n)])


def test_hamiltonian_counts_every_pair_once():
    found = co.Couplings(ONE, NONE, ising=V).hamiltonian()
    wanted = sum(V[m, k] * number(3, m) * number(3, k) for m in range(3) for k in range(m + 1, 3))
    np.testing.assert_allclose(found.full(), wanted.full(), atol=1e-14)


def test_liouvillian_has_the_ising_terms():
    with_terms, without = (co.Couplings(ONE, NONE, ising=v) for v in (V, None))
    difference = with_terms.liouvillian() - without.liouvillian()
    wanted = qutip.liouvillian(with_terms.hamiltonian())
    np.testing.assert_allclose(difference.full(), wanted.full(), atol=1e-13)


def test_one_number_stands_for_every_pair():
    found = co.Couplings(ONE, NONE, ising=0.4)
    np.testing.assert_array_equal(found.ising, 0.4 * (1 - np.eye(3)))
    assert found == co.Couplings(ONE, NONE, ising=0.4 * (1 - np.eye(3)))


def test_no_interaction_is_none():
    assert co.Couplings(ONE, NONE).ising is None
    assert co.Couplings(ONE, NONE, ising=NONE).ising is None
    assert co.Couplings([[1.0]], [[0.0]], ising=3.0).ising is None
    assert co.Couplings(ONE, NONE, ising=V).replace(ising=None) == co.Couplings(ONE, NONE)


def test_one_number_for_many_emitters_takes_no_memory():
    n = 5000
    one, none = (np.broadcast_to(x, (n, n)) for x in (1.0, 0.0))
    found = co.Couplings(one, none, ising=0.2)
    assert found.ising.strides == (0, 0)
    copy = pickle.loads(pickle.dumps(found))
    assert copy == found == found.replace(dephasing=0.0)
    assert copy.ising.strides == (0, 0)
    assert found.largest_interaction() == 0.2


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (V + 0.5 * np.eye(3), r"ising must have a zero diagonal.*ising\[0, 0\] is 0.5.*detunings"),
        (np.triu(V), r"ising must be Hermitian: ising\[0, 1\] = 1.5 but ising\[1, 0\]\* = 0"),
        (1j * V, r"ising must be real: ising\[0, 1\]"),
        (V[:2, :2], r"ising must be a number or have the shape \(3, 3\), got shape \(2, 2\)"),
        (V[0], r"ising must be a number or have the shape \(3, 3\), got shape \(3,\)"),
        (np.nan, "ising must be finite"),
        ("strong", "ising must be a number or a regular array"),
        (np.broadcast_to(1.0, (2, 2)), r"ising must have the shape \(3, 3\), got \(2, 2\)"),
    ],
)
def test_what_is_no_interaction_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        co.Couplings(ONE, NONE, ising=value)


def test_what_is_printed_and_assessed():
    atoms = co.chain(3, 0.2, frequency=1e6)
    found = co.couple(atoms, co.Vacuum()).replace(ising=V)
    assert "Ising |V_mn| ≤ 1.5" in repr(found)
    assumption = found.validity()["weak interaction of excited emitters"]
    assert assumption.value == pytest.approx(1.5e-6)
    with pytest.raises(KeyError):
        found.replace(ising=None).validity()["weak interaction of excited emitters"]


def test_one_axis_twisting_is_the_square_of_the_spin():
    n, chi = 3, 0.7
    twist = co.one_axis_twisting(n, chi)
    spins = co.Couplings(NONE, NONE, ising=twist.ising, detunings=twist.detunings)
    jz = sum(pauli(n, m) for m in range(n)) / 2
    found = spins.hamiltonian() + twist.constant
    np.testing.assert_allclose(found.full(), (chi * jz**2).full(), atol=1e-14)


def test_ising_terms_and_pauli_matrices_are_the_same_operator():
    bonds, fields = V, np.array([0.3, -0.2, 1.1])
    terms = co.ising_from_spins(bonds, fields)
    spins = co.Couplings(NONE, NONE, ising=terms.ising, detunings=terms.detunings)
    wanted = sum(fields[m] * pauli(3, m) for m in range(3))
    wanted += sum(
        bonds[m, k] * pauli(3, m) * pauli(3, k) for m in range(3) for k in range(m + 1, 3)
    )
    found = spins.hamiltonian() + terms.constant
    np.testing.assert_allclose(found.full(), wanted.full(), atol=1e-14)
    again = terms.spins()
    for one, other in zip(again, (bonds, fields, 0.0), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-14)


def test_many_spins_that_twist_are_stored_as_one_number():
    twist = co.one_axis_twisting(6000, 1.0)
    assert twist.ising.strides == (0, 0)
    copy = pickle.loads(pickle.dumps(twist))
    assert copy == twist
    assert copy.ising.strides == (0, 0)


def test_van_der_waals_and_dipolar_energies():
    atoms = co.Emitters([[0, 0, 0], [0, 0, 2], [3, 0, 0]])
    found = co.van_der_waals(atoms, 128.0)
    np.testing.assert_allclose(found[0], [0, 128 / 64, 128 / 729], rtol=1e-14)
    np.testing.assert_allclose(found[1, 2], 128 / 13**3, rtol=1e-14)
    along = co.dipolar(atoms, 4.0)
    np.testing.assert_allclose(along[0], [0, 4 * (1 - 3) / 8, 4 / 27], rtol=1e-14)
    np.testing.assert_allclose(along[1, 2], 4 * (1 - 3 * 4 / 13) / 13**1.5, rtol=1e-13)
    tilted = co.dipolar(atoms, 4.0, axis=(1, 0, 1))
    np.testing.assert_allclose(tilted[0, 1:], [4 * (1 - 1.5) / 8, 4 * (1 - 1.5) / 27], rtol=1e-13)
    assert np.all(found == found.T)
    assert np.all(along == along.T)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: co.van_der_waals([[0, 0, 0]], 1.0), TypeError, "emitters must be Emitters"),
        (
            lambda: co.van_der_waals(co.Emitters([[0, 0, 0], [0, 0, 0]]), 1.0),
            ValueError,
            "emitters 0 and 1 are at one place, where van_der_waals diverges",
        ),
        (lambda: co.van_der_waals(co.chain(2, 1e-40), 1.0), ValueError, "c6: the largest energy"),
        (lambda: co.van_der_waals(co.chain(2, 1.0), np.inf), ValueError, "c6 must be finite"),
        (lambda: co.dipolar(co.chain(2, 1.0), 1.0, axis=(0, 0, 0)), ValueError, "axis must not be"),
        (lambda: co.one_axis_twisting(0, 1.0), ValueError, "n must be at least 1"),
        (lambda: co.one_axis_twisting(2, 1j), ValueError, "chi must be real"),
        (lambda: co.ising_from_spins(V[0]), ValueError, "bonds must be a square matrix"),
        (lambda: co.ising_from_spins(V, [1, 2]), ValueError, "fields must be a number or 3"),
        (lambda: co.ising_from_spins(np.eye(2)), ValueError, "bonds must have a zero diagonal"),
        (lambda: co.IsingTerms(V, [1.0], 0.0), ValueError, "detunings must be 3 numbers, one for"),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_files_and_tables_keep_the_interaction(tmp_path):
    atoms = co.Couplings(ONE, NONE, ising=V)
    result = co.evolve(atoms, "inverted", [0, 1.0], method="exact", progress=False)
    result.save(tmp_path / "ising.npz")
    assert co.load(tmp_path / "ising.npz").couplings == atoms
    np.testing.assert_array_equal(result.to_xarray()["ising"], V)
