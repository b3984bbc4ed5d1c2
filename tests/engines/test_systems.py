"""Every engine on every system it claims."""

import numpy as np
import pytest
from systems import systems

import collective as co

SYSTEMS = systems()
CLAIMS = {
    "exact": [system.name for system in SYSTEMS],
    "blocks": [system.name for system in SYSTEMS if system.closed],
    "driven": [system.name for system in SYSTEMS],
    "symmetric": ["single atom", "two atoms", "Dicke ladder", "driven atom"],
    "single": ["single atom", "detuned pair", "dephased"],
}


@pytest.mark.parametrize(
    ("method", "system"),
    [
        pytest.param(method, system, id=f"{method}-{system.name}")
        for method, names in CLAIMS.items()
        for system in SYSTEMS
        if system.name in names
    ],
)
def test_emission_agrees_with_an_independent_route(method, system):
    result = co.evolve(
        system.couplings, system.state, system.times, method=method, rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(result.emission, system.emission(system.times), atol=1e-7)
    assert result.diagnostics.get("trace_error", 0.0) < 1e-10
    assert min(result.diagnostics.get("smallest_eigenvalues", [0])) > -1e-9


@pytest.mark.parametrize("system", [s for s in SYSTEMS if s.closed], ids=lambda s: s.name)
def test_emission_is_the_loss_of_excitation(system):
    result = co.evolve(system.couplings, system.state, np.linspace(0, 3, 601))
    lost = result.excitation[0] - result.excitation
    step = result.times[1]
    # Simpson over pairs of steps: error far below the solver's at this spacing
    photons = np.concatenate(
        [
            [0],
            np.cumsum(result.emission[:-2:2] + 4 * result.emission[1:-1:2] + result.emission[2::2]),
        ]
    )
    np.testing.assert_allclose(photons * step / 3, lost[::2], atol=2e-7)


def test_two_inverted_atoms_in_closed_form_at_any_distance():
    from reference import two_inverted_atoms

    times = np.linspace(0, 5, 51)
    for spacing in (0.02, 0.3, 1.7):
        couplings = co.couple(co.chain(2, spacing), co.Vacuum())
        result = co.evolve(couplings, "inverted", times)
        expected = two_inverted_atoms(couplings.decay[0, 1], times)
        np.testing.assert_allclose(result.emission, expected, atol=1e-7)


def peak(times, emission):
    """Time and height of the parabola through the three highest samples."""
    i = int(np.argmax(emission))
    a, b, c = np.polyfit(times[i - 1 : i + 2], emission[i - 1 : i + 2], 2)
    return -b / (2 * a), c - b**2 / (4 * a)


def dicke_peak(n, samples):
    """From the samples of [0, 4] in 2,000 steps that are named."""
    times = np.linspace(0, 4, 2001)[samples]
    couplings = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
    return peak(times, co.evolve(couplings, "inverted", times).emission)


def test_dicke_peak_of_three():
    np.testing.assert_allclose(dicke_peak(3, slice(None)), (0.156707, 3.22485), atol=1e-4)


@pytest.mark.slow
def test_dicke_peak_of_ten():
    np.testing.assert_allclose(
        dicke_peak(10, [0, 50, 105, 106, 107, 108]), (0.212843, 22.75912), atol=1e-4
    )
