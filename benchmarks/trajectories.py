"""`evolve(method="trajectories")` against `qutip.mcsolve`, interleaved in one run, a thread each.

python benchmarks/trajectories.py [N] [theirs] [repeats] prints milliseconds per trajectory and the
ratio theirs / ours, of neighbouring runs (median) and of the fastest. Both start from all emitters
of a chain at 0.2 wavelengths excited and return emission and excitation at 101 times; ours also
returns populations, standard errors and the jump record. `mcsolve` runs `theirs` trajectories, once
with its default options and once with Adams' method and looser tolerances.
"""

import operator
import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import statistics
import sys
import time

import numpy as np
import qutip

import collective as co
from collective import _operators


def ours(couplings, times, count):
    return co.evolve(
        couplings,
        "inverted",
        times,
        method="trajectories",
        n_trajectories=count,
        threads=1,
        seed=1,
        progress=False,
    )


def theirs(couplings, times, count, **options):
    n = len(couplings)
    return qutip.mcsolve(
        couplings.hamiltonian(),
        qutip.tensor([qutip.basis(2, 0)] * n),
        times,
        couplings.collapse_operators(),
        e_ops=[_operators.exchange(couplings.decay), _operators.exchange(np.eye(n))],
        ntraj=count,
        options={"progress_bar": "", "map": "serial", **options},
    )


def loose(couplings, times, count):
    return theirs(couplings, times, count, method="adams", rtol=1e-6, atol=1e-8, nsteps=10**5)


def main(n=8, few=10, repeats=5):
    couplings = co.couple(co.chain(n, 0.2), co.Vacuum())
    times = np.linspace(0, 5, 101)
    many = 100 * few
    ours(couplings, times, 2)
    runs = {"ours": (ours, many), "default": (theirs, few), "adams": (loose, few)}
    milliseconds = {name: [] for name in runs}
    for _ in range(repeats):
        for name, (run, count) in runs.items():
            start = time.perf_counter()
            run(couplings, times, count)
            milliseconds[name].append(1000 * (time.perf_counter() - start) / count)
    mine = milliseconds.pop("ours")
    print(f"N = {n}: ours {min(mine):.3g} ms a trajectory")
    for name, peer in milliseconds.items():
        paired = statistics.median(map(operator.truediv, peer, mine))
        print(
            f"  mcsolve, {name:<8} {min(peer):.3g} ms; "
            f"ratio {paired:.0f}, of the fastest {min(peer) / min(mine):.0f}"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
