r"""Integrals of pairs of orbitals through a kernel, one potential per pair.

Every field of a pair is :math:`f_{ll'} = ψ_l^*ψ_{l'}` (the charge) or
:math:`f_{ll'} = ψ_l^*g_{l'} − g_l^*ψ_{l'}`: with g = ∂ψ/∂x_i a component of :math:`ip_{ll'}`, with
g = ∇²ψ its divergence. The potential of one serves all L² integrals with it.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from collective._tools.progress import Progress
from collective.currents._free_space import Convolution, Grid, longitudinal, screened
from collective.currents._kept import Begun, Integrals, Kept
from collective.currents.orbitals import Orbitals

_ROUND_OFF = 1e-14  # relative, of an integral
_FOLDED = 32  # two ends, two densities, four for what has cancelled, two for corners


def coulomb_and_ampere(
    orbitals: Orbitals, screening: float, bar: Progress, kept: Kept
) -> tuple[Integrals, Integrals]:
    """V^c and V^a, each part kept as soon as it is there."""
    from scipy.constants import fine_structure

    grid = Grid(orbitals.wavefunctions.shape[1:], orbitals.spacings)

    @cache
    def ampere() -> Convolution:
        return screened(grid, screening)

    def part(
        name: str, others: Callable[[], NDArray | None], kernel: Callable[[], Convolution]
    ) -> Integrals:
        found = kept.get(name)
        if found is None:
            begun = kept.begun(name)
            bar.step(0 if begun is None else begun.pairs)
            found = _pairwise(
                orbitals, others(), kernel(), bar, begun, lambda part: kept.put_begun(name, part)
            )
            kept.put(name, found)
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
    begun: Begun | None,
    interrupted: Callable[[Begun], None],
) -> Integrals:
    """∫∫f_{l₁l₂} k f_{l₃l₄} of f_ll' = ψ_l*ψ_l', or of ψ_l*g_l' − g_l*ψ_l' with others g.

    What was begun earlier is gone on with; what Ctrl-C stops is given to `interrupted`.
    """
    values = orbitals.wavefunctions
    size = len(values)
    flat = values.reshape(size, -1)
    other = None if others is None else others.reshape(size, -1)
    pairs = [(l, k) for l in range(size) for k in range(l, size)]
    done = 0 if begun is None else begun.pairs
    total = np.zeros((size,) * 4, dtype=values.dtype) if begun is None else begun.values.copy()
    error = 0.0 if begun is None else begun.error
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
                total[:, :, k, l] = sums.conj().T  # f_kl = ±f_lk*, with the sign on both sides
                error = max(error, aliased * abs(total[k, l, l, k]))
            done += 1
            bar.step()
    except KeyboardInterrupt:
        interrupted(Begun(total, float(error), done))
        raise
    # what the sum of the parts may cancel to is no better than the parts
    error = max(float(error), _ROUND_OFF * float(np.abs(total).max()))
    return Integrals(total, error).scaled(orbitals.volume_element)


def _aliased(f: NDArray) -> float:
    """The part of a field whose waves are too short for the grid and pass for longer ones.

    On each axis the largest amplitude near the shortest wave, a, and near twice its length, b, go
    on to a²/b at half of it, if not faster; that is folded back from both ends, into both
    densities of an integral. Near a cusp between two points the folded ends have already
    cancelled in a, by less than a half: the square makes another factor of four.
    """
    from scipy import fft

    spectrum = np.abs(fft.fftn(f, workers=-1))
    total = 0.0
    for axis, n in enumerate(f.shape):
        envelope = spectrum.max(axis=tuple({0, 1, 2} - {axis}))
        wave = np.abs(fft.fftfreq(n)) * 2  # 1 is two points long
        short = envelope[wave > 0.9 * wave.max()].max()
        longer = envelope[np.abs(wave - 0.5) < 0.101].max()
        total += short * min(1.0, short / longer) if longer > 0 else short
    return _FOLDED * total / float(spectrum.max())


def _brackets(bras: NDArray, potential: NDArray, kets: NDArray) -> NDArray:
    """Σ_r bra_l*(r) Φ(r) ket_l'(r), (L, L)."""
    weighted = potential * kets
    return (bras @ np.conjugate(weighted, out=weighted).T).conj()
