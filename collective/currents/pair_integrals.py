r"""Integrals of pairs of orbitals with a kernel: one potential for each pair.

Every source of a pair is :math:`f_{ll'} = ψ_l^*ψ_{l'}` (the charge) or
:math:`f_{ll'} = ψ_l^*g_{l'} − g_l^*ψ_{l'}`: with g = ∂ψ/∂x_i a component of :math:`ip_{ll'}`, with
g = ∇²ψ its divergence. The potential of one pair gives all L² integrals with it.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from collective._tools.progress import Progress
from collective.currents.checkpoint import Checkpoint, Integrals, UnfinishedIntegrals
from collective.currents.free_space import Convolution, Grid, longitudinal, screened
from collective.currents.orbitals import Orbitals

_ROUND_OFF = 1e-14  # relative error of an integral by round-off
_FOLDED = 32  # factor of the aliasing error: 2 ends × 2 densities × 4 (see _aliased) × 2 corners


def coulomb_and_ampere(
    orbitals: Orbitals, screening: float, bar: Progress, checkpoint: Checkpoint
) -> tuple[Integrals, Integrals]:
    """V^c and V^a; each part is saved in the checkpoint when it is finished."""
    from scipy.constants import fine_structure

    grid = Grid(orbitals.wavefunctions.shape[1:], orbitals.spacings)

    @cache
    def ampere() -> Convolution:
        """The kernel of all three components, which is made only if needed."""
        return screened(grid, screening)

    def part(
        name: str, others: Callable[[], NDArray | None], kernel: Callable[[], Convolution]
    ) -> Integrals:
        """One part, from the checkpoint if it is there."""
        found = checkpoint.get(name)
        if found is None:
            earlier = checkpoint.get_unfinished(name)
            bar.step(0 if earlier is None else earlier.pairs)

            def interrupted(part: UnfinishedIntegrals) -> None:
                checkpoint.put_unfinished(name, part)

            found = _pairwise(orbitals, others(), kernel(), bar, earlier, interrupted)
            checkpoint.put(name, found)
        else:
            bar.step(len(orbitals) * (len(orbitals) + 1) // 2)
        return found

    charge = part("charge", lambda: None, lambda: screened(grid, 0.0))
    # p = −i(ψ*∇ψ' − ∇ψ*ψ'), one component at a time
    x = part("x", lambda: orbitals.derivative(0), ampere)
    y = part("y", lambda: orbitals.derivative(1), ampere)
    z = part("z", lambda: orbitals.derivative(2), ampere)
    divergence = part("divergence", orbitals.laplacian, lambda: longitudinal(grid, screening))
    transverse = x + y + z + divergence.scaled(-1)
    return charge.scaled(4 * np.pi), transverse.scaled(-np.pi * fine_structure**2)


def _pairwise(
    orbitals: Orbitals,
    others: NDArray | None,
    kernel: Convolution,
    bar: Progress,
    earlier: UnfinishedIntegrals | None,
    interrupted: Callable[[UnfinishedIntegrals], None],
) -> Integrals:
    """∫∫f_{l₁l₂} k f_{l₃l₄} with f_ll' = ψ_l*ψ_l', or ψ_l*g_l' − g_l*ψ_l' for others g.

    The computation continues from `earlier`. After Ctrl-C, `interrupted` gets the finished pairs.
    """
    values = orbitals.wavefunctions
    size = len(values)
    flat = values.reshape(size, -1)
    other = None if others is None else others.reshape(size, -1)
    pairs = [(l, k) for l in range(size) for k in range(l, size)]
    done = 0 if earlier is None else earlier.pairs
    total = np.zeros((size,) * 4, dtype=values.dtype) if earlier is None else earlier.values.copy()
    error = 0.0 if earlier is None else earlier.error
    try:
        for l, k in pairs[done:]:
            f = values[l].conj() * (values if others is None else others)[k]
            if others is not None:
                f -= others[l].conj() * values[k]
            if np.any(f):
                aliased = _aliased(f)
                potential = kernel(f).reshape(-1)
                if other is None:
                    sums = _brackets(flat, potential, flat)
                else:
                    sums = _brackets(flat, potential, other) - _brackets(other, potential, flat)
                total[:, :, l, k] = sums
                total[:, :, k, l] = sums.conj().T  # f_kl = ±f_lk*, and the sign cancels
                error = max(error, aliased * abs(total[k, l, l, k]))
            done += 1
            bar.step()
    except KeyboardInterrupt:
        interrupted(UnfinishedIntegrals(total, float(error), done))
        raise
    # if the parts cancel in the sum, their round-off remains
    error = max(float(error), _ROUND_OFF * float(np.abs(total).max()))
    return Integrals(total, error).scaled(orbitals.volume_element)


def _aliased(f: NDArray) -> float:
    """The estimated relative part of a source in waves that are too short for the grid.

    On each axis let a be the largest amplitude near the shortest wave of the grid, and b that near
    twice its length. If the amplitudes fall at least as fast as a power law, that at half the
    length is at most a²/b. The grid folds it back from both ends, in both densities of an integral.
    Near a cusp between two points the folded ends may already have reduced a by up to a half,
    which, squared, makes another factor of four.
    """
    from scipy import fft

    spectrum = np.abs(fft.fftn(f, workers=-1))
    total = 0.0
    for axis, n in enumerate(f.shape):
        envelope = spectrum.max(axis=tuple({0, 1, 2} - {axis}))
        wave = np.abs(fft.fftfreq(n)) * 2  # 1 is a wave of two points
        short = envelope[wave > 0.9 * wave.max()].max()
        longer = envelope[np.abs(wave - 0.5) < 0.101].max()
        total += short * min(1.0, short / longer) if longer > 0 else short
    return _FOLDED * total / float(spectrum.max())


def _brackets(bras: NDArray, potential: NDArray, kets: NDArray) -> NDArray:
    """Σ_r bra_l*(r) Φ(r) ket_l'(r), (L, L)."""
    weighted = potential * kets
    return (bras @ np.conjugate(weighted, out=weighted).T).conj()
