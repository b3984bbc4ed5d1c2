r"""Emitters together with the modes of their bath, as one master equation in a larger space.

.. math:: H = H_0 + \sum_k ω_k b_k^†b_k + \sum_k (G_k b_k + G_k^†b_k^†), \qquad
          G_k = \sum_a g_{ak}A_a, \qquad L_k = \sqrt{κ_k}\, b_k

ρ of the emitters is the partial trace over the modes, which start in vacuum. It is exact but for
the highest number of quanta that each mode may hold.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective._tools.operators import Untidied, local, sparse_of, sum_of_levels
from collective.emitters import Emitters, Multilevel
from collective.master.equation import MasterEquation
from collective.spectral.brownian import BrownianModes
from collective.spectral.lossy import LossyModes
from collective.spectral.sources import BathMatrices

BARE = "emitters alone"  # the `approximation` of an equation without its bath
_ENTRY_BYTES = 200  # of an entry of a sparse operator while it is built


def checked_environment(name: str, environment: Any) -> LossyModes | BrownianModes:
    """The environment of an exact method, or an error that says which environments it takes.

    Raises:
        ValueError: for an environment whose correlation function is no sum of exponentials.
    """
    if name == "modes" and isinstance(environment, BrownianModes):
        raise ValueError(
            "approximations: 'modes' takes spectral.LossyModes, but BrownianModes have terms of "
            "negative weight; take 'heom', or the modes of spectral.fit_modes"
        )
    if not isinstance(environment, LossyModes | BrownianModes):
        kinds = "LossyModes" if name == "modes" else "LossyModes or BrownianModes"
        raise ValueError(
            f"approximations: {name!r} takes spectral.{kinds} as the environment, not "
            f"{type(environment).__name__}; spectral.fit_modes finds modes that come close to it"
        )
    return environment


def bare(system: Multilevel | Emitters) -> MasterEquation:
    """H₀ of the emitters without their bath, in the frame of their other equations."""
    multilevel = Multilevel.from_emitters(system) if isinstance(system, Emitters) else system
    energies = sum_of_levels(multilevel.energies)
    frame = energies
    if isinstance(system, Emitters):
        frame = sum_of_levels([[system.frequency, 0.0]] * len(system))
    dims = [list(multilevel.levels)] * 2
    return MasterEquation(
        sparse_of(np.diag(energies).astype(complex), dims),
        approximation=BARE,
        multilevel=multilevel,
        frame=frame,
    )


def coupling_operators(multilevel: Multilevel, bath: LossyModes | BrownianModes) -> list[Any]:
    """The M sparse operators A_a to which the columns of g_ak belong.

    Raises:
        ValueError: for a bath of another number of coupling operators.
    """
    kept = BathMatrices(multilevel, bath).kept  # which checks the size
    chosen = kept if bath.couplings.shape[1] == len(kept) else range(3 * len(multilevel))
    return [
        local(multilevel.levels, a // 3, multilevel.dipoles[a // 3][:, :, a % 3]) for a in chosen
    ]


@Untidied()
def with_modes(
    multilevel: Multilevel, modes: LossyModes, quanta: tuple[int, ...]
) -> MasterEquation:
    """The master equation of the emitters and of all modes, with up to so many quanta in each.

    Raises:
        ProblemTooLargeError: if its operators do not fit into memory.
    """
    from scipy.sparse import csr_array, diags_array, kron

    levels = (*multilevel.levels, *(n + 1 for n in quanta))
    size, count = prod(levels), len(multilevel)
    require(
        _ENTRY_BYTES * size * (1 + 2 * len(multilevel)) * (1 + len(modes)),
        f"operators of dimension {size}: {count} emitters and modes of {quanta} quanta",
        "use fewer modes, or a larger tolerance",
    )
    couplings = combined(coupling_operators(multilevel, modes), modes.couplings)
    energies = [*multilevel.energies]
    energies += [w * np.arange(n + 1) for w, n in zip(modes.frequencies, quanta, strict=True)]
    total = csr_array(diags_array(sum_of_levels(energies).astype(complex)))
    rest = prod(levels[count:])
    jumps = []
    for k, n in enumerate(quanta):
        lowering = local(levels, count + k, np.diag(np.sqrt(np.arange(1.0, n + 1)), 1))
        part = csr_array(kron(couplings[k], diags_array(np.ones(rest)))) @ lowering
        total = total + part + part.conj().T
        jumps.append(np.sqrt(modes.linewidths[k]) * lowering)
    dims = [list(levels)] * 2
    return MasterEquation(
        sparse_of(total, dims), [sparse_of(jump, dims) for jump in jumps], approximation="modes"
    )


def combined(operators: list[Any], rows: NDArray[Any]) -> list[Any]:
    """Σ_a g_a A_a for each row of g, as sparse matrices."""
    from scipy.sparse import csr_array

    return [
        csr_array(sum(complex(g) * operator for g, operator in zip(row, operators, strict=True)))
        for row in rows
    ]
