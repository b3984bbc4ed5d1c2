"""All integrals of four orbitals on 64³ points: seconds, peak memory, share of one transform each.

Run python benchmarks/currents.py [POINTS]. It is compared with the direct way to the same
potentials: the truncated kernel is sampled on the whole grid of L + R, and each of the 50
potentials (10 pairs with a charge, three currents and a divergence) takes a complex FFT and its
inverse. Our time is bounded by a 0.58 part of two transforms of (2n)³ points for each potential,
5·(2n)³·log₂(2n)³ operations, and 2·16·(2n)³ bytes for each pass.
"""

import resource
import sys
import time

import numpy as np
from scipy import fft

import collective as co
from collective.currents.free_space import Grid, screened


def plain_seconds(grid, repeats=2):
    """One potential on the grid on which the sampled kernel repeats."""
    f = np.ones(grid.repeated, dtype=complex)
    start = time.perf_counter()
    for _ in range(repeats):
        fft.ifftn(fft.fftn(f, workers=-1), workers=-1)
    return (time.perf_counter() - start) / repeats


def main(points=64):
    axis = np.linspace(-7, 7, points)
    shapes = [co.currents.gaussian(1, m) for m in (1, 0, -1)] + [co.currents.gaussian()]
    orbitals = co.currents.Orbitals([axis] * 3, shapes)
    few = co.currents.Orbitals([axis[::4]] * 3, shapes)
    co.currents.interactions(few, progress=False)  # imports
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = co.currents.interactions(orbitals, progress=False)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    grid = Grid((points,) * 3, orbitals.spacings)
    convolve, f = screened(grid, 0.0), orbitals.wavefunctions[0]
    start = time.perf_counter()
    convolve(f)
    once = time.perf_counter() - start
    plain = plain_seconds(grid)
    predicted = found.diagnostics["bytes_predicted"] / 2**20
    print(
        f"4 orbitals on {points}³: {found.diagnostics['seconds']:.1f} s, {after - before:.0f} MiB "
        f"more ({predicted:.0f} predicted); one potential {once:.2f} s, on {grid.repeated[0]}³ "
        f"points {plain:.2f} s: {plain / once:.1f} times as long"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
