"""Whether a burst starts: against evolution, the paper's spacings and closed forms."""

import numpy as np
import pytest
import reference
from random_systems import random_emitters

import collective as co
from collective.observables.criteria import (
    burst_criterion,
    critical_spacing,
    participation_ratios,
)


def unequal(seed=3, n=3):
    return co.couple(random_emitters(seed, n, extent=0.12), co.Vacuum())


def slope_at_start(couplings, matrix, **terms):
    """d/dt Σ D_mn⟨σ⁺_mσ⁻_n⟩ of the inverted state, from the dense generator."""
    rho = reference.projector(reference.inverted(len(couplings)))
    change = reference.slope_of(couplings.replace(**terms), rho)
    return reference.emission(matrix, change)


def seen(couplings, direction):
    """D_mn, element by element as in the physics."""
    e = couplings.emitters
    n, u, r = len(e), e.dipoles, e.positions
    matrix = np.empty((n, n), dtype=complex)
    for m in range(n):
        for k in range(n):
            factor = np.vdot(u[m], u[k]) - np.vdot(u[m], direction) * (direction @ u[k])
            phase = np.exp(2j * np.pi * direction @ (r[m] - r[k]))
            scale = np.sqrt(e.decay_rates[m] * e.decay_rates[k])
            matrix[m, k] = 3 / (8 * np.pi) * scale * factor * phase
    return matrix


def test_slope_against_the_generator():
    couplings = unequal()
    found = burst_criterion(couplings)
    expected = slope_at_start(couplings, couplings.decay, dephasing=0.3, pump=0.2, drive=1.5)
    assert found.slope == pytest.approx(expected, rel=1e-12)
    assert found.rate == pytest.approx(couplings.emitters.decay_rates.sum())


@pytest.mark.parametrize("direction", [(0, 0, 1), (1.0, -2, 0.5)])
def test_slope_into_a_direction_against_the_generator(direction):
    couplings = unequal()
    matrix = seen(couplings, np.array(direction) / np.linalg.norm(direction))
    found = burst_criterion(couplings, direction)
    assert found.rate == pytest.approx(np.trace(matrix).real, rel=1e-12)
    assert found.slope == pytest.approx(slope_at_start(couplings, matrix), rel=1e-11)


def test_slope_against_evolve():
    couplings = unequal()
    step = 1e-4
    result = co.evolve(couplings, co.states.inverted(), [0, step, 2 * step], method="exact")
    one, two, three = result.emission
    assert burst_criterion(couplings).slope == pytest.approx(
        (4 * two - 3 * one - three) / (2 * step), rel=1e-4
    )


def test_directions_add_up_to_all_light():
    """∫dΩ D = Γ in vacuum, so the slopes into all directions add up to the whole slope."""
    couplings = unequal()
    nodes, weights = np.polynomial.legendre.leggauss(12)
    total = 0.0
    for z, weight in zip(nodes, weights, strict=True):
        for angle in 2 * np.pi * np.arange(24) / 24:
            across = np.sqrt(1 - z * z)
            n = (across * np.cos(angle), across * np.sin(angle), z)
            total += weight * 2 * np.pi / 24 * burst_criterion(couplings, n).slope
    assert total == pytest.approx(burst_criterion(couplings).slope, rel=1e-9)


def test_variance_of_equal_rates():
    couplings = co.couple(co.chain(10, 0.1), co.Vacuum())
    found = burst_criterion(couplings)
    variance = np.var(np.linalg.eigvalsh(couplings.decay))
    assert found.variance == pytest.approx(variance, rel=1e-12)
    assert found.threshold == pytest.approx(1)
    assert found.g2 == pytest.approx(1 + (variance - 1) / 10)
    assert found.bursts
    assert "bursts: Ṙ(0) = +1.782 R(0)" in repr(found)
    assert repr(burst_criterion(co.couple(co.chain(3, 0.4), co.Vacuum()))).startswith("no burst")


@pytest.mark.parametrize("n", [1, 2, 5, 100_000])
def test_dicke_limit(n):
    found = burst_criterion(
        co.Couplings(np.broadcast_to(1.0, (n, n)), np.broadcast_to(0.0, (n, n)))
    )
    assert found.slope == pytest.approx(n * (n - 2))
    assert found.g2 == pytest.approx(2 - 2 / n)
    assert found.bursts == (n > 2)


@pytest.mark.parametrize(("n", "spacing"), [(3, 0.15414), (10, 0.22053), (100, 0.25623)])
def test_critical_spacing_of_chains(n, spacing):
    assert critical_spacing(lambda a: co.chain(n, a), samples=32) == pytest.approx(
        spacing, abs=6e-6
    )


def test_first_and_last_crossing_of_a_waveguide():
    """Γ_mn = cos k(z_m − z_n), N = 3: Tr Γ² = 6 at cos² ka = (1 + √3)/4, twice in the bracket."""

    def builder(a):
        z = a * np.arange(3)
        return co.Couplings(np.cos(2 * np.pi * (z[:, None] - z)), np.zeros((3, 3)))

    crossing = np.arccos(np.sqrt((1 + np.sqrt(3)) / 4)) / (2 * np.pi)
    first = critical_spacing(builder, bracket=(0.01, 0.8), which="first")
    last = critical_spacing(builder, bracket=(0.01, 0.8))
    assert first == pytest.approx(crossing, abs=1e-10)
    assert last == pytest.approx(0.5 + crossing, abs=1e-10)


def test_critical_spacing_into_a_direction():
    """A chain observed along its axis; Tr(ΓD) is summed directly at the crossing."""
    found = critical_spacing(lambda a: co.chain(6, a), direction=(0, 0, 2), bracket=(0.02, 0.3))
    couplings = co.couple(co.chain(6, found), co.Vacuum())
    matrix = seen(couplings, np.array([0.0, 0, 1]))
    assert np.trace(couplings.decay @ matrix).real == pytest.approx(2 * np.trace(matrix).real)


def test_critical_spacing_in_metres():
    unit = 780e-9
    found = critical_spacing(
        lambda a: co.chain(5, a, wavelength=unit), bracket=(0.05 * unit, unit), samples=32
    )
    assert found / unit == pytest.approx(critical_spacing(lambda a: co.chain(5, a)), rel=1e-11)


def test_errors_of_a_builder_name_the_spacing():
    def builder(a):
        return co.Emitters([[0, 0, 0], [0, 0, a]], decay_rates=0.2 - a)

    with pytest.raises(ValueError, match="decay_rates") as caught:
        critical_spacing(builder, bracket=(0.1, 0.9), samples=5)
    assert caught.value.__notes__ == ["builder at spacing 0.3"]


def test_participation_ratios():
    pair = participation_ratios(co.couple(co.chain(2, 0.1), co.Vacuum()))
    assert pair == pytest.approx([2, 2])
    alone = co.Couplings(np.diag([1.0, 2.0, 3.0]), np.zeros((3, 3)))
    assert participation_ratios(alone) == pytest.approx([1, 1, 1])
    # modes of an open chain with nearest neighbours: sines, (N+1)·2/3
    n = 8
    hopping = np.eye(n, k=1) + np.eye(n, k=-1)
    assert participation_ratios(co.Couplings(np.eye(n), hopping)) == pytest.approx(
        np.full(n, 2 * (n + 1) / 3)
    )


def test_bad_input():
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    with pytest.raises(ValueError, match=r"direction\[0\] is the zero vector"):
        burst_criterion(pair, (0, 0, 0))
    with pytest.raises(ValueError, match="every dipole points along"):
        burst_criterion(pair, (1, 0, 0))
    with pytest.raises(ValueError, match="needs positions"):
        burst_criterion(co.Couplings(np.eye(2), np.zeros((2, 2))), (0, 0, 1))
    with pytest.raises(ValueError, match="every decay rate is zero"):
        burst_criterion(co.Couplings(np.zeros((2, 2)), np.zeros((2, 2))))
    with pytest.raises(TypeError, match="couplings must be Couplings"):
        burst_criterion(co.chain(2, 0.1))
    with pytest.raises(TypeError, match="builder must return Couplings or Emitters, got float"):
        critical_spacing(lambda a: a)
    with pytest.raises(ValueError, match="builder must be a function"):
        critical_spacing(3)
    with pytest.raises(ValueError, match="one or two emitters never start one"):
        critical_spacing(lambda a: co.chain(2, a))
    with pytest.raises(ValueError, match=r"no burst starts at any spacing .*use smaller spacings"):
        critical_spacing(lambda a: co.chain(3, a), bracket=(0.3, 1))
    with pytest.raises(ValueError, match=r"still starts at 0\.2"):
        critical_spacing(lambda a: co.chain(10, a), bracket=(0.05, 0.2))
    with pytest.raises(ValueError, match="0 < low < high"):
        critical_spacing(lambda a: co.chain(10, a), bracket=(0.2, 0.1))
    with pytest.raises(ValueError, match="which must be one of"):
        critical_spacing(lambda a: co.chain(10, a), which="any")
    with pytest.raises(TypeError, match="couplings must be Couplings"):
        participation_ratios(3)
