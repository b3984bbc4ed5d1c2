"""`couple` on 2,000 emitters: seconds, peak memory, and the share of one pass over the tensor.

Run python benchmarks/couple.py [N]. It is compared with the least work of any method that uses the
Green's tensor: to evaluate Im G and Re G of the upper triangle once, 9 complex entries (144 bytes)
for each pair.
"""

import resource
import sys
import time

import numpy as np

import collective as co


def peak_gib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(n=2000):
    atoms = co.cloud(n, 3.0, seed=0)
    few = atoms.replace(
        positions=atoms.positions[:2], dipoles=(0, 0, 1), decay_rates=1.0, detunings=0
    )
    co.couple(few, co.Vacuum())  # imports
    start = time.perf_counter()
    couplings = co.couple(atoms, co.Vacuum())
    whole = time.perf_counter() - start
    rows = 50
    start = time.perf_counter()
    for m in range(0, n, rows):
        co.Vacuum().green(atoms.positions[m : m + rows, None], atoms.positions[None, m:], 2 * np.pi)
    tensor = time.perf_counter() - start
    print(f"{n} emitters: {whole:.2f} s, peak {peak_gib():.2f} GiB; tensor alone {tensor:.2f} s")
    assert len(couplings) == n


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
