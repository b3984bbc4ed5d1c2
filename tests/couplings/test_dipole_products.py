"""Sums over dipoles in vacuum, by compiled kernels and by Fourier transforms."""

import numpy as np
import pytest

import collective as co
from collective.couplings import vacuum_sum
from collective.couplings.dipole_products import LatticeDipoles, of_cloud
from collective.couplings.finding import sites

WAVE = 2 * np.pi


@pytest.mark.parametrize("extent", [1e-3, 0.1, 3.0, 400.0])
def test_kernel_against_the_tensor_of_vacuum(extent):
    rng = np.random.default_rng(9)
    where = extent * rng.random((40, 3))
    x = rng.standard_normal((40, 3, 2)) + 1j * rng.standard_normal((40, 3, 2))
    tensors = co.Vacuum().green(where[:, None], where[None], WAVE)
    tensors[range(40), range(40)] = 0
    expected = -1.5 * np.einsum("mnij,njb->mib", tensors, x)
    assert vacuum_sum.sums(WAVE * where, x) == pytest.approx(
        expected, abs=1e-12 * np.abs(expected).max()
    )
    # the part of the decay alone, which the near field would hide
    one = np.zeros((40, 3, 1), dtype=complex)
    one[7, 1] = 1
    found = vacuum_sum.sums(WAVE * where, one)[:, :, 0].imag
    assert found == pytest.approx(-1.5 * tensors[:, 7, :, 1].imag, abs=1e-12)


def test_transforms_against_sums_with_vacant_sites():
    rng = np.random.default_rng(3)
    where = co.cubic(5, 6, 7, 0.3).positions[rng.random(210) < 0.8]
    x = rng.standard_normal((len(where), 3, 2)) + 1j * rng.standard_normal((len(where), 3, 2))
    found = LatticeDipoles(where, sites(where), WAVE).product(x)
    assert found == pytest.approx(of_cloud(where, WAVE)(x), abs=1e-11)


def test_circulant_of_a_lattice_that_closes_on_itself():
    """Averaged over all pairs of the lattice with the same displacement, d or d − n."""
    where = co.chain(7, 0.4).positions
    lattice = LatticeDipoles(where, sites(where), WAVE)
    one = np.zeros((7, 3, 21), dtype=complex)
    one.reshape(21, 21)[range(21), range(21)] = 1
    matrix = lattice.product(one).reshape(7, 3, 7, 3)
    rows = [np.mean([matrix[(m + d) % 7, :, m] for m in range(7)], axis=0) for d in range(7)]
    assert lattice.averaged == pytest.approx(np.fft.fft(rows, axis=0), abs=1e-12)


def test_answers_do_not_depend_on_the_number_of_threads(monkeypatch):
    rng = np.random.default_rng(2)
    where, x = 5 * rng.random((150, 3)), rng.standard_normal((150, 3, 1)) + 0j
    many = vacuum_sum.sums(where, x)
    monkeypatch.setattr(vacuum_sum, "threads_available", lambda: 1)
    assert np.array_equal(vacuum_sum.sums(where, x), many)


def test_atoms_too_far_apart_are_refused():
    with pytest.raises(ValueError, match="wavelengths apart"):
        vacuum_sum.sums(np.array([[0, 0, 0], [2e6, 0, 0]]), np.ones((2, 3, 1), complex))
