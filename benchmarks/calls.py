"""What a call of `evolve` costs beyond the work: the sweep of a student, two atoms, 11 times.

python benchmarks/calls.py [repeats] [source] prints milliseconds of processor time of one call of
`evolve` with `method="auto"`, "exact" and "blocks", of QuTiP's solver alone on operators that are
there already, and of making these operators. The work in "exact" is the sum of the last two; the
rest of the call is checks, the choice of the engine, observables and the result. Medians; the calls
alternate. Another source tree, such as a checkout of an earlier version, is timed in a process of
its own, and the ratio is printed. Nothing bounds these numbers but calls of Python.
"""

import json
import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import statistics
import subprocess
import sys
import time

import numpy as np
import qutip

import collective as co

TIMES = np.linspace(0, 4, 11)
OPTIONS = {
    "method": "tsit5",
    "matrix_form": True,
    "rtol": 1e-8,
    "atol": 1e-10,
    "nsteps": 10**9,
    "progress_bar": "",
}


def calls():
    """Functions to time, by name."""
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    hamiltonian, jumps = pair.hamiltonian(), pair.collapse_operators()
    inverted = qutip.tensor([qutip.basis(2, 0)] * 2).proj()

    def evolve(method):
        return lambda: co.evolve(pair, "inverted", TIMES, method=method)

    def solver():
        made = qutip.MESolver(hamiltonian, jumps, options=OPTIONS)
        made.start(inverted, 0.0)
        for t in TIMES[1:]:
            made.step(t)

    def operators():
        pair.hamiltonian()
        pair.collapse_operators()

    found = {f"evolve({method})": evolve(method) for method in ("auto", "exact", "blocks")}
    return {**found, "QuTiP's solver alone": solver, "its operators": operators}


def measured(repeats):
    """Median milliseconds of each, by name."""
    functions = calls()
    seconds = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            begin = time.process_time()
            function()
            seconds[name].append(time.process_time() - begin)
    skipped = repeats // 5  # while caches fill
    found = {name: 1e3 * statistics.median(values[skipped:]) for name, values in seconds.items()}
    work = found["QuTiP's solver alone"] + found["its operators"]
    return {**found, "evolve(exact) beyond them": found["evolve(exact)"] - work}


def elsewhere(repeats, source):
    """The same of another source tree."""
    environment = {**os.environ, "PYTHONPATH": source}
    command = [sys.executable, __file__, str(repeats), "--json"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main(repeats=300, source=None):
    if source == "--json":
        print(json.dumps(measured(repeats)))
        return
    before = elsewhere(repeats, source) if source else {}
    for name, milliseconds in measured(repeats).items():
        ratio = f"  {milliseconds / before[name]:.2f} of {before[name]:.2f} ms" if before else ""
        print(f"{name:<26}{milliseconds:8.2f} ms{ratio}")


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))
