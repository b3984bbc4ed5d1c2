"""`evolve(method="driven")` against `qutip.mesolve` in its best setting, interleaved in one run.

python benchmarks/driven.py [N] [repeats]: a chain at 0.2 wavelengths driven at Ω = Γ₀ from the
ground state, t ≤ 5, 101 output times, one thread each. QuTiP has CSR operators, tsit5 in matrix
form, rtol 1e-6 and atol 1e-8; ours has its defaults, and its error is taken against rtol 1e-12.
"""

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

TIMES = np.linspace(0, 5, 101)


def ours(couplings, **options):
    options = {"method": "driven", "threads": 1, "progress": False} | options
    return co.evolve(couplings, "ground", TIMES, **options)


def theirs(couplings, hamiltonian, jumps, emission):
    return qutip.mesolve(
        hamiltonian,
        qutip.tensor([qutip.basis(2, 1)] * len(couplings)),
        TIMES,
        c_ops=jumps,
        e_ops=[emission],
        options={
            "method": "tsit5",
            "matrix_form": True,
            "rtol": 1e-6,
            "atol": 1e-8,
            "nsteps": 10**6,
            "progress_bar": "",
            "store_states": False,
            "store_final_state": False,
        },
    ).expect[0]


def main(n=8, repeats=5):
    couplings = co.couple(co.chain(n, 0.2), co.Vacuum()).replace(drive=1.0)
    operators = (
        couplings.hamiltonian().to("CSR"),
        [jump.to("CSR") for jump in couplings.collapse_operators()],
        _operators.exchange(couplings.decay),
    )
    exact = ours(couplings, rtol=1e-12, atol=1e-13).emission
    seconds = {"ours": [], "theirs": []}
    for _ in range(repeats):
        start = time.perf_counter()
        mine = ours(couplings)
        seconds["ours"].append(time.perf_counter() - start)
        start = time.perf_counter()
        other = theirs(couplings, *operators)
        seconds["theirs"].append(time.perf_counter() - start)
    ratios = [b / a for a, b in zip(seconds["ours"], seconds["theirs"], strict=True)]
    fastest = {name: min(values) for name, values in seconds.items()}
    errors = [np.abs(emission - exact).max() for emission in (mine.emission, other)]
    print(
        f"N = {n}: ours {fastest['ours']:.3f} s, error {errors[0]:.1e}, "
        f"{mine.diagnostics['applications']} applications; mesolve {fastest['theirs']:.3f} s, "
        f"error {errors[1]:.1e}; {statistics.median(ratios):.1f} times faster, of the fastest "
        f"{fastest['theirs'] / fastest['ours']:.1f}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
