"""A hundred emitters above silver and above a slab: Γ and both shifts.

Run python benchmarks/planes.py, after one run that compiles the kernels. The work is one integral
for each different pair (z + z', ρ): 5,050 of them at the emitters' wave number and, for the full
shift, 100 at each of the wave numbers on the imaginary axis; for that of RWA couplings all of them
at each.
"""

import time

import numpy as np

import collective as co

K = 2 * np.pi


def main(n=100):
    rng = np.random.default_rng(0)
    silver = co.HalfSpace(co.materials.Drude.from_value(-16 + 0.4j, K))
    anywhere = rng.uniform([0, 0, 0.05], [2, 2, 1], (n, 3))
    flat = co.square(10, n // 10, 0.2).translated([0, 0, 0.05]).positions
    co.couple(co.Emitters(flat[:2]), silver)
    for where, points in (("anywhere", anywhere), ("in a square array", flat)):
        for name, field in (("silver", silver), ("a slab", co.Layers([4.0, 1.0], [0.2]))):
            for shift, size in (("full", n), ("rwa", 20)):
                atoms = co.Emitters(points[:size], dipoles=(0, 0, 1))
                start = time.process_time()
                co.couple(atoms, field, shift=shift)
                took = time.process_time() - start
                print(f"{size} emitters {where} above {name}, {shift}: {took:.2f} s of CPU")


if __name__ == "__main__":
    main()
