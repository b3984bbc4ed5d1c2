r"""Dipoles between Zeeman sublevels, by the Wigner–Eckart theorem.

The electrons absorb the photon and the nuclear spin stays as it is. So the dipole acts on the first
factor of |J m_J⟩|I m_I⟩ alone,

.. math:: ⟨J'm_J'|d_q|J m_J⟩ ∝ ⟨J m_J; 1 q|J' m_J'⟩, \qquad
    |F m⟩ = \sum_{m_J m_I} ⟨J m_J; I m_I|F m⟩\, |J m_J⟩|I m_I⟩ .

That is the Wigner–Eckart theorem with its 6j symbol written out as a sum of Clebsch–Gordan
coefficients. They come from QuTiP, which computes them from exact fractions.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from collective.units.lines import coupled

_MOST_COEFFICIENTS = 100_000  # kept in memory
_ROUND_OFF = 1e-14  # an amplitude below it is a forbidden transition


@lru_cache(_MOST_COEFFICIENTS)
def clebsch_gordan(j1: float, m1: float, j2: float, m2: float, j: float, m: float) -> float:
    """⟨j₁ m₁; j₂ m₂|j m⟩, which is zero where a selection rule is broken."""
    if m1 + m2 != m or j not in coupled(j1, j2):
        return 0.0
    if abs(m1) > j1 or abs(m2) > j2 or abs(m) > j:
        return 0.0
    import qutip

    return float(qutip.clebsch(j1, j2, j, m1, m2, m))


def sublevels(momentum: float) -> NDArray[np.float64]:
    """The projections m = F, F − 1 … −F."""
    return np.asarray(momentum - np.arange(round(2 * momentum) + 1), dtype=float)


def amplitudes(
    momenta: tuple[float, float], nuclear_spin: float, ground: float, excited: float
) -> NDArray[np.float64]:
    """⟨F′ m′|d_q|F m⟩ for q = +1, 0, −1, both by falling m, (3, 2F+1, 2F′+1).

    The squares of all decays of one excited sublevel to all ground levels F together sum to 1.

    Args:
        momenta: J of the ground and J′ of the excited level.
        nuclear_spin: I.
        ground: F.
        excited: F′.
    """
    lower, upper = sublevels(ground), sublevels(excited)
    found = np.zeros((3, len(lower), len(upper)))
    for i, low in enumerate(lower):
        for k, high in enumerate(upper):
            q = round(high - low)
            if abs(q) <= 1:
                found[1 - q, i, k] = _amplitude(
                    momenta, nuclear_spin, (ground, low), (excited, high), q
                )
    found[np.abs(found) < _ROUND_OFF] = 0.0
    return found


def _amplitude(
    momenta: tuple[float, float],
    nuclear_spin: float,
    ground: tuple[float, float],
    excited: tuple[float, float],
    q: int,
) -> float:
    """⟨F′ m′|d_q|F m⟩, a sum over the projections of the nuclear spin."""
    j, upper = momenta
    total = 0.0
    for spin in sublevels(nuclear_spin):
        low, high = ground[1] - spin, excited[1] - spin
        total += (
            clebsch_gordan(j, low, nuclear_spin, float(spin), *ground)
            * clebsch_gordan(j, low, 1.0, float(q), upper, high)
            * clebsch_gordan(upper, high, nuclear_spin, float(spin), *excited)
        )
    return total


def branching(
    momenta: tuple[float, float], nuclear_spin: float, excited: float
) -> dict[float, float]:
    """The probability of the decay of F′ to each ground level F; those of zero are left out.

    Args:
        momenta: J of the ground and J′ of the excited level.
        nuclear_spin: I.
        excited: F′.
    """
    found = {}
    for ground in coupled(momenta[0], nuclear_spin):
        # the same for every excited sublevel: the mean over them has the least round-off
        strength = amplitudes(momenta, nuclear_spin, ground, excited) ** 2
        probability = float(strength.sum() / (2 * excited + 1))
        if probability > 0:
            found[ground] = probability
    return found
