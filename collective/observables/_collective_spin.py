r"""Mean and covariance of the collective spin J = Σ_mσ_m/2 of identical emitters, of any number.

All of them follow from ⟨n̂⟩, ⟨n̂²⟩, ⟨J⁺J⁻⟩, ⟨J⁻⟩, ⟨½{J_z, J⁻}⟩ and ⟨J⁻J⁻⟩. The last three need
entries of ρ between Dicke states (`engines.basis.dicke_space`) whose rows have one or two
excitations more than their columns. Without a drive these evolve by themselves.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.couplings.couplings import Couplings
from collective.engines.basis.dicke import identical
from collective.engines.basis.dicke_space import Space
from collective.engines.basis.dicke_states import density
from collective.evolution.steady_identical import check_size, is_symmetric, scaled
from collective.observables._delayed_moments import moments
from collective.states.answers import name_of
from collective.states.checking import checked_state


def of_identical(
    couplings: Couplings, state: Any, times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """⟨J⟩, (T, 3), and the symmetrised covariance of J, (T, 3, 3), from a state at time 0.

    Args:
        couplings: of identical emitters.
        state: a symmetric state.
        times: (T,), increasing from 0 or later.

    Raises:
        ValueError: for other emitters or states.
        ProblemTooLargeError: before anything is allocated.
    """
    common = identical(couplings)
    if isinstance(common, str):
        raise ValueError(
            f"squeezing of Couplings is for identical emitters, but {common}; evolve them and give "
            "the result, with observe=('states',)"
        )
    if not is_symmetric(couplings, state):
        raise ValueError(
            f"squeezing: state must be a pure symmetric state, which {name_of(state)} is not: "
            "co.states.coherent(theta, phi), for example"
        )
    e, unit = scaled(common)
    n = e.n
    check_size(e, None if e.drive else 0, "squeezing", factors=False)
    require(48 * (n + 1) ** 2, f"squeezing of {n} emitters", "use fewer emitters")
    start = density(checked_state(state, couplings), n)
    found = []
    for steps in ((0, 1, 2),) if e.drive else ((0,), (1,), (2,)):
        space = Space(e, None if e.drive else steps[0])
        rows = np.concatenate([_rows(space, step) for step in steps])
        rho = np.zeros((len(space), 1), dtype=complex)
        inside = space.d == 0
        rho[inside, 0] = start[space.k[inside], space.k2[inside]]
        found.append(moments(space.generator() * unit, rho, rows, times, "squeezing")[:, :, 0])
    number, square, bright, lowered, mixed, twice = np.concatenate(found, axis=1).T
    return _spin(n, number.real, square.real, bright.real, lowered, mixed, twice)


def _rows(space: Space, step: int) -> NDArray[np.float64]:
    """The rows whose products with ρ are the moments that lower the excitation by a step."""
    n, d, k = space.n, space.d, space.k
    there = k - space.k2 == step
    squared = (k - d) * (n - d - k + 1.0)  # of J⁻
    if step == 0:
        rows = [k, k * (k + 0.0), squared]
    elif step == 1:
        rows = [np.sqrt(squared), (k - n / 2 - 0.5) * np.sqrt(squared)]
    else:
        again = (k - 1 - d) * (n - d - k + 2.0)
        rows = [np.sqrt(np.maximum(squared * again, 0))]
    return np.stack(rows) * there


def _spin(
    n: int,
    number: NDArray[np.float64],
    square: NDArray[np.float64],
    bright: NDArray[np.float64],
    lowered: NDArray[np.complex128],
    mixed: NDArray[np.complex128],
    twice: NDArray[np.complex128],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance from ⟨n̂⟩, ⟨n̂²⟩, ⟨J⁺J⁻⟩, ⟨J⁻⟩, ⟨½{J_z, J⁻}⟩ and ⟨J⁻J⁻⟩, (T,) each."""
    up = number - n / 2
    mean = np.stack([lowered.real, -lowered.imag, up], axis=1)
    across = (bright - up) / 2  # ½⟨J_x² + J_y²⟩, because J⁻J⁺ = J⁺J⁻ − 2J_z
    products = np.empty((len(up), 3, 3))
    products[:, 0, 0], products[:, 1, 1] = across + twice.real / 2, across - twice.real / 2
    products[:, 0, 1] = products[:, 1, 0] = -twice.imag / 2
    products[:, 0, 2] = products[:, 2, 0] = mixed.real
    products[:, 1, 2] = products[:, 2, 1] = -mixed.imag
    products[:, 2, 2] = square - n * number + n * n / 4
    return mean, products - mean[:, :, None] * mean[:, None, :]
