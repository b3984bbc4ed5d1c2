"""`steady_state` compared with the fastest of QuTiP's solvers, in alternating runs.

Run python benchmarks/steady.py [repeats] [--long]. For 2, 4 and 6 driven emitters it prints CPU
seconds of both, the median of the ratios theirs / ours of neighbouring runs, and the largest
difference of the two density matrices. QuTiP is timed from H and the collapse operators on with
every solver that it has for this size, and the fastest one counts. Seven emitters and more are
ours alone: with eight, also g1, g2 and a spectrum of 41 frequencies; with --long, ten. A step is
bound by four products of 2^N × 2^N matrices, 32·8^N real multiply-adds.
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

SOLVERS = (
    {"method": "direct"},
    {"method": "direct", "solver": "spsolve", "use_rcm": True},
    {"method": "power"},
    {"method": "eigen"},
    {"method": "direct", "solver": "gmres", "use_precond": True},
)
_LARGEST = {"eigen": 4}  # emitters; for more it takes minutes
_TIRED = 60.0  # seconds, after which QuTiP runs once only


def driven(n):
    return co.couple(co.chain(n, 0.2), co.Vacuum()).replace(drive=1.0)


def seconds(call):
    """CPU seconds of a call, and its answer."""
    begin = time.process_time()
    answer = call()
    return time.process_time() - begin, answer


def theirs(couplings, solver):
    return qutip.steadystate(couplings.hamiltonian(), couplings.collapse_operators(), **solver)


def fastest(couplings):
    """The fastest of QuTiP's solvers that works for these couplings."""
    found = []
    for solver in SOLVERS:
        if len(couplings) > _LARGEST.get(solver["method"], 99):
            continue
        try:
            found.append((seconds(lambda s=solver: theirs(couplings, s))[0], solver))
        except Exception as error:
            print(f"  {solver} failed: {str(error)[:60]}")
    return min(found, key=lambda each: each[0])


def compared(n, repeats):
    couplings = driven(n)
    co.steady_state(couplings)  # compiles
    theirs(couplings, SOLVERS[0]) if n < 6 else None
    once, solver = fastest(couplings)
    ratios, mine, others = [], [], []
    for _ in range(1 if once > _TIRED else repeats):
        ours, found = seconds(lambda: co.steady_state(couplings, progress=False))
        other, expected = seconds(lambda: theirs(couplings, solver))
        ratios.append(other / ours)
        others.append(other)
        mine.append(ours)
    error = np.abs((found - expected).full()).max()
    mine, others = statistics.median(mine), statistics.median(others)
    print(
        f"N = {n}: {mine:.4f} s, QuTiP {solver} {others:.4f} s, "
        f"ratio {statistics.median(ratios):.3g}, difference {error:.1e}",
        flush=True,
    )


def alone(n, *, light):
    couplings, tau = driven(n), np.linspace(0, 10, 101)
    taken, found = seconds(lambda: co.steady_state(couplings, result=True))
    print(f"N = {n}: {taken:.3g} s, error of ρ about {found.diagnostics['error']:.1e}", flush=True)
    if not light:
        return
    for name, call in (
        ("g2", lambda: co.observables.g2(couplings, tau)),
        ("g1", lambda: co.observables.g1(couplings, tau)),
        ("spectrum", lambda: co.observables.spectrum(couplings, np.linspace(-3, 3, 41))),
    ):
        print(f"  {name}: {seconds(call)[0]:.3g} s", flush=True)


def main():
    numbers = [int(each) for each in sys.argv[1:] if each.isdigit()]
    for n in (2, 4, 6):
        compared(n, numbers[0] if numbers else 5)
    alone(8, light=True)
    if "--long" in sys.argv:
        alone(10, light=False)


if __name__ == "__main__":
    main()
