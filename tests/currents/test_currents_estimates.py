import numpy as np
import pytest
from scipy import constants as codata

from collective.currents import estimates, kernels

Z = [0, 0, 1.0]


def test_plasma_frequency_of_electrons_and_ions():
    omega = estimates.plasma_frequency(8.49e28)
    assert omega == pytest.approx(1.64378637406e16, rel=1e-8, abs=0)
    assert estimates.screening_wavenumber(omega) == pytest.approx(54830811.456238, rel=1e-8, abs=0)
    # in atomic units ω_p² = 4πn, and electrons beside positrons have twice that
    assert estimates.plasma_frequency(0.02, units="atomic") == pytest.approx(np.sqrt(0.08 * np.pi))
    pairs = estimates.plasma_frequency(0.02, ion_density=0.02, ion_mass=1, units="atomic")
    assert pairs == pytest.approx(np.sqrt(0.16 * np.pi))
    doubled = estimates.plasma_frequency(
        0, ion_density=0.02, ion_charge=2, ion_mass=4, units="atomic"
    )
    assert doubled == pytest.approx(np.sqrt(0.08 * np.pi))
    bohr = codata.value("Bohr radius")
    atomic = estimates.plasma_frequency(8.49e28 * bohr**3, units="atomic")
    q = estimates.screening_wavenumber(atomic, units="atomic") / bohr
    assert q == pytest.approx(54830811.456238, rel=1e-8, abs=0)


@pytest.mark.parametrize(("g", "golden"), [(0.1, 17.5793598547762), (0.5, 0.703174394191046), (1.0, 0.175793598547762)])  # fmt: skip
def test_phonon_ratio_of_tin(g, golden):
    phonon = codata.k * 200 / codata.e
    ratio = estimates.phonon_ratio(10.2, phonon, g, electrons_per_ion=4)
    assert ratio.printed == pytest.approx(golden, rel=1e-8, abs=0)
    # from the two interactions at q → 0, with the kernel itself and N_e = 4 N_I
    ions, volume, kf = 7.0, 50.0, 1.3
    plasma = np.sqrt(4 * np.pi * 4 * ions / volume)
    kernel = kernels.momentum_kernel(0.0, plasma_frequency=plasma)
    ampere = -(kf**2) * kernel / volume
    fermi, phonon, g = kf**2 / 2, 0.01, 0.1 * g
    expected = ampere / (g**2 / (ions * phonon))
    corrected = estimates.phonon_ratio(fermi, phonon, g, electrons_per_ion=4).corrected
    assert corrected == pytest.approx(expected, rel=1e-9, abs=0)


def test_velocity_and_momentum_ratios():
    ratio = estimates.velocity_ratio([1e6, 0, 0], [1e6, 0, 0], [0, 3, 0])
    assert ratio.printed == pytest.approx(1.11265005605362e-5, rel=1e-12, abs=0)
    assert ratio.corrected == pytest.approx(5.56325028026809e-6, rel=1e-12, abs=0)
    behind = estimates.velocity_ratio([1e6, 0, 0], [-1e6, 0, 0], [2, 0, 0])
    assert behind.corrected == pytest.approx(behind.printed, rel=1e-12, abs=0)
    assert "\n" not in repr(ratio)
    omega = 10 * codata.e / codata.hbar
    ratio = estimates.momentum_ratio(1e10, omega)
    assert ratio.printed == pytest.approx(2.5681894611475e-5, rel=1e-8, abs=0)
    assert ratio.corrected == pytest.approx(2.56812350687025e-5, rel=1e-8, abs=0)
    options = {"plasma_frequency": omega, "units": "SI"}
    kernel = kernels.momentum_kernel([1e10, 0], **options)
    assert ratio.corrected == pytest.approx(kernel[0] / kernel[1], rel=1e-12, abs=0)


def test_parallel_plane_waves_attract_and_opposite_ones_repel():
    k, volume = np.array([0.7, -0.2, 0.4]), 30.0
    for q in ([0.1, 0.3, 0.2], [0, 0, 0.05]):
        pair = estimates.plane_wave_coupling(k, -k, q, volume=volume, plasma_frequency=0.5)
        assert pair > 0
        assert estimates.plane_wave_coupling(k, k, q, volume=volume, plasma_frequency=0.5) < 0
        # (q̂ × k)² is the transverse part of the pair channel
        across = np.linalg.norm(np.cross(q, k)) / np.linalg.norm(q)
        photon = (np.linalg.norm(q) / codata.alpha) ** 2 + 0.25
        assert pair == pytest.approx(2 * np.pi * across**2 / photon / volume, rel=1e-9, abs=0)
    bohr, hartree = codata.value("Bohr radius"), codata.value("Hartree energy")
    si = estimates.plane_wave_coupling(
        k / bohr, -k / bohr, [0, 0, 0.05 / bohr], volume=volume * bohr**3, units="SI"
    )
    atomic = estimates.plane_wave_coupling(k, -k, [0, 0, 0.05], volume=volume)
    assert si == pytest.approx(atomic * hartree, rel=1e-8, abs=0)
    above = estimates.plane_wave_coupling(k, -k, [0, 0, 1e-3], volume=volume, frequency=1.0)
    assert above < 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: estimates.plasma_frequency(-1e28), "density must not be negative"),
        (lambda: estimates.plasma_frequency(1e28, ion_density=1e28), "ion_mass is required with ion_density = 1e"),
        (lambda: estimates.plasma_frequency(1e28, ion_density=1e28, ion_mass=0), "ion_mass must be above 0"),
        (lambda: estimates.screening_wavenumber(-1), "plasma_frequency must not be negative"),
        (lambda: estimates.phonon_ratio(1, 1, 0), "coupling must be above 0"),
        (lambda: estimates.phonon_ratio(1, 1, 1, electrons_per_ion=0), "electrons_per_ion must be above 0"),
        (lambda: estimates.velocity_ratio(Z, [4e8, 0, 0], Z), "v2 must be slower than light"),
        (lambda: estimates.velocity_ratio(Z, Z, [0, 0, 0]), "direction must not be the zero vector"),
        (lambda: estimates.momentum_ratio(0, 1e16), "q must be positive"),
        (lambda: estimates.plane_wave_coupling(Z, Z, [0, 0, 0], volume=1), "q must not be the zero vector"),
        (lambda: estimates.plane_wave_coupling(Z, Z, Z, volume=0), "volume must be above 0"),
    ],
)  # fmt: skip
def test_bad_arguments_of_estimates_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
