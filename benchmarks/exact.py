"""`evolve(method="exact")` compared with a hand-written `qutip.mesolve`, in alternating runs.

Run python benchmarks/exact.py [N] [repeats] for the first part, or without arguments for this and
the third. For QuTiP's default integrator, and for its fastest one in matrix form, it prints seconds
and the ratio ours / theirs: the median of the ratios of neighbouring runs, and the ratio of the
fastest runs. Operators, e_ops and tolerances are the same; states are not stored. The step is bound
by sparse-times-dense products inside QuTiP: about N²·4^N complex multiply-adds and 16·4^N bytes for
each collapse operator.

Run python benchmarks/exact.py blocks [N ...] for the second part. It evolves the
same chain by `blocks` in double and in single precision, in turns, with 12 and 14 emitters or
those given. It prints CPU seconds, applications of the generator, operations
in a second, and their share of the largest number that this core can do (`peak.py`; twice as many
in single precision). Operations are those of a plain sum over all hops and jumps; the kernels need
a quarter less for the hops. They are bound by multiply-adds for the hops, and for the jumps by the
vectors of 64 bytes that they read for each multiply-add.

Run python benchmarks/exact.py symmetries [repeats] for `evolve(method="blocks")` with all
permutations that it finds and with the reversal of the order alone, in alternating runs on one
thread. It prints CPU seconds, predicted memory, and the median of the ratios of neighbouring runs.
A ring of 16 by the reversal alone would take an hour and 10 GiB: its seconds are predicted. Both
are bound by the flops of hops and jumps, of which there are as many as numbers in ρ.
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
from collective._tools import operators


def ours(couplings, times):
    return co.evolve(couplings, "inverted", times, rtol=1e-6, atol=1e-8, progress=False).emission


def theirs(couplings, times, method, matrix_form):
    n = len(couplings)
    emission = operators.exchange(couplings.decay)
    populations = [operators.exchange(np.diag(row)) for row in np.eye(n)]
    result = qutip.mesolve(
        couplings.hamiltonian(),
        qutip.tensor([qutip.basis(2, 0)] * n),
        times,
        c_ops=couplings.collapse_operators(),
        e_ops=[emission, *populations],
        options={
            "method": method,
            "matrix_form": matrix_form,
            "rtol": 1e-6,
            "atol": 1e-8,
            "nsteps": 10**6,
            "store_states": False,
            "store_final_state": False,
        },
    )
    return result.expect[0]


def by_symmetries(couplings, times, permutations):
    """CPU seconds, predicted MiB, and the result."""
    method = co.engines.Blocks(symmetries=permutations)
    start = time.process_time()
    result = co.evolve(
        couplings, "inverted", times, method=method, rtol=1e-6, threads=1, progress=False
    )
    return time.process_time() - start, result.diagnostics["bytes_predicted"] / 2**20, result


def symmetries(repeats=3):
    vacuum, times = co.Vacuum(), np.linspace(0, 5, 101)
    by_symmetries(co.couple(co.chain(2, 0.2), vacuum), times, "auto")  # compiles
    for name, emitters, runs in (
        ("3 × 4 array", co.square(3, 4, spacing=0.2), repeats),
        ("ring of 12", co.ring(12, 0.2), repeats),
        ("ring of 16", co.ring(16, 0.2), 0),
    ):
        couplings = co.couple(emitters, vacuum)
        reversal = [list(range(len(couplings)))[::-1]]
        found, ratios = [], []
        for _ in range(max(runs, 1)):
            found.append(by_symmetries(couplings, times, "auto"))
            if runs:
                other = by_symmetries(couplings, times, reversal)
                assert np.abs(found[-1][2].emission - other[2].emission).max() < 1e-5
                ratios.append(found[-1][0] / other[0])
        if runs:
            seconds, size = other[:2]
        else:
            alone = co.engines.Blocks(symmetries=reversal)
            options = {"method": alone, "rtol": 1e-6, "threads": 1}
            cost = co.methods(couplings, "inverted", times, **options).costs["blocks"]
            seconds, size = cost.seconds, cost.bytes / 2**20
            ratios.append(found[-1][0] / seconds)
        mine = statistics.median(each[0] for each in found)
        count = found[-1][2].diagnostics["symmetries"]
        predicted = "" if runs else "predicted "
        print(
            f"{name}, inverted, t ≤ 5: {count} permutations {mine:.2f} s, {found[-1][1]:.0f} MiB; "
            f"reversal alone {predicted}{seconds:.2f} s, {size:.0f} MiB; "
            f"ratio {statistics.median(ratios):.3f}"
        )


def main(n=8, repeats=5):
    couplings = co.couple(co.chain(n, 0.2), co.Vacuum())
    times = np.linspace(0, 5, 101)
    forms = (True, False) if n <= 6 else (True,)
    peers = [(method, form) for form in forms for method in ("adams", "tsit5", "vern7")]
    seconds = {"ours": [], **{peer: [] for peer in peers}}
    for _ in range(repeats):
        start = time.perf_counter()
        mine = ours(couplings, times)
        seconds["ours"].append(time.perf_counter() - start)
        for peer in peers:
            start = time.perf_counter()
            other = theirs(couplings, times, *peer)
            seconds[peer].append(time.perf_counter() - start)
            assert np.abs(mine - other).max() < 1e-4
    median = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"N = {n}, chain at 0.2 wavelengths, inverted, t ≤ 5: ours {median['ours']:.3f} s")
    for method, form in peers:
        t = seconds[method, form]
        paired = statistics.median(map(operator.truediv, seconds["ours"], t))
        fastest = min(seconds["ours"]) / min(t)
        kind = "matrix form" if form else "superoperator"
        print(
            f"  mesolve {method:<6} {kind:<14} {median[method, form]:.3f} s   "
            f"ratio {paired:.2f}, of the fastest {fastest:.2f}"
        )


def precisions(*emitters):
    """CPU seconds of `blocks` in double and in single precision, with the share of the peak."""
    from peak import peak

    fastest = {"double": peak()["compiled"]}
    fastest["single"] = 2 * fastest["double"]
    times = np.linspace(0, 5, 101)
    for n in (4, *(emitters or (12, 14))):  # the first compiles
        couplings = co.couple(co.chain(n, 0.2), co.Vacuum())
        seconds = {precision: [] for precision in fastest}
        done = {}
        for _ in range(3 if n < 14 else 1):
            for precision, found in seconds.items():
                start = time.process_time()
                engine = co.engines.Blocks(precision=precision)
                result = co.evolve(couplings, "inverted", times, method=engine, rtol=1e-5)
                found.append(time.process_time() - start)
                done[precision] = result.diagnostics
        if n == 4:
            continue
        for precision, found in seconds.items():
            cpu = statistics.median(found)
            rate = done[precision]["flops"] / cpu
            print(
                f"blocks, N = {n}, {precision}: {cpu:.2f} s of CPU, "
                f"{done[precision]['applications']} applications, {rate / 1e9:.1f} Gflop/s, "
                f"{rate / fastest[precision]:.0%} of the peak"
            )


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["blocks"]:
        precisions(*map(int, words[1:]))
    elif words[:1] == ["symmetries"]:
        symmetries(*map(int, words[1:]))
    else:
        main(*map(int, words))
        if not words:
            symmetries()
