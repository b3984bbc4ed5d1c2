"""What `co.ensemble` costs beyond its members: 200 clouds of 8 atoms against the plain loop.

python benchmarks/ensembles.py [members] [repeats] prints seconds of processor time of a loop that
calls the builder and takes the mean and the standard error by numpy, of `co.ensemble` in this
process, and their ratio; medians, the two alternate. What is above 1 takes the members apart into
named arrays and adds them up: calls of Python bound it. It also prints by how much the peak memory
of this process grows from a quarter of the members to all of them, for members of 1 MiB.
"""

import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import resource
import statistics
import sys
import time

import numpy as np

import collective as co

TIMES = np.linspace(0, 2, 41)
LARGE = 2**17  # numbers in a large member


def cloud(seed):
    atoms = co.cloud(8, 0.3, min_distance=0.05, seed=seed)
    return co.evolve(co.couple(atoms, co.Vacuum()), "inverted", TIMES, progress=False)


def large(seed):
    return np.random.default_rng(seed).random(LARGE)


def seconds(function):
    begin = time.process_time()
    found = function()
    return time.process_time() - begin, found


def peak():
    """The most bytes that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(members=200, repeats=5):
    seeds = []
    co.ensemble(lambda seed: seeds.append(seed) or 0.0, members, seed=1)  # those of its members
    cloud(0)  # compile and import

    def loop():
        values = np.array([cloud(seed).emission for seed in seeds])
        return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(members)

    def ensemble():
        return co.ensemble(cloud, members, seed=1, progress=False)

    plain, ours = [], []
    for _ in range(repeats):
        took, (mean, error) = seconds(loop)
        plain.append(took)
        took, found = seconds(ensemble)
        ours.append(took)
        np.testing.assert_allclose(found.emission, mean, rtol=1e-13)
        np.testing.assert_allclose(found.emission_error, error, rtol=1e-9, atol=1e-14)
    ratios = [b / a for a, b in zip(plain, ours, strict=True)]
    print(f"{members} clouds of 8 atoms, seconds of processor time")
    print(f"plain loop   {statistics.median(plain):8.3f}")
    print(f"co.ensemble  {statistics.median(ours):8.3f}")
    print(f"ratio        {statistics.median(ratios):8.3f}")

    co.ensemble(large, members // 4, seed=1, progress=False)
    before = peak()
    co.ensemble(large, members, seed=1, progress=False)
    print(f"peak memory grew by {(peak() - before) / 2**20:.1f} MiB for {members} members of 1 MiB")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
