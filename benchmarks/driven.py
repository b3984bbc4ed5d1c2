"""The driven engine with and without symmetries, and QuTiP's solver in its fastest form.

Run python benchmarks/driven.py [--large]. Chains of N emitters at 0.2 λ₀ are driven from the ground
state by Ω = Γ₀ up to t = 5/Γ₀, with 101 output times, rtol 1e-6 and one thread. All runs alternate;
the numbers are medians of CPU seconds, and of the ratios of neighbouring runs. The last lines say
how long one application of the generator takes, and its share of the largest number of fused
multiply-adds of this core (`peak`).
"""

import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from peak import peak
from peers import ATOL, RTOL, Problem, mesolve

import collective as co
from collective.engines.driven.columns import columns_of
from collective.engines.driven.generator import PackedGenerator
from collective.engines.numerics.alignment import aligned

REPEATS = 5
TIMES = np.linspace(0, 5, 101)
LARGEST_PEER = 8  # emitters; QuTiP takes more than a minute for ten


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and what it returns."""
    start = time.process_time()
    found = function()
    return time.process_time() - start, found


def driven(n: int) -> co.Couplings:
    return co.couple(co.chain(n, 0.2), co.Vacuum()).replace(drive=1.0)


def ours(n: int, symmetries: Any) -> Callable[[], np.ndarray]:
    """Our run as a function without arguments, which returns the emission."""
    couplings = driven(n)
    options = {
        "method": co.engines.Driven(symmetries),
        "rtol": RTOL,
        "atol": ATOL,
        "threads": 1,
        "progress": False,
    }
    return lambda: co.evolve(couplings, "ground", TIMES, **options).emission


def compared(n: int) -> None:
    """Print the medians for N emitters."""
    programs = {"reduced": ours(n, "auto"), "every column": ours(n, [])}
    if n <= LARGEST_PEER:
        programs["QuTiP"] = mesolve(Problem(n, driven(n), "ground", TIMES))
    runs: dict[str, list[float]] = {name: [] for name in programs}
    found: dict[str, np.ndarray] = {}
    for _ in range(REPEATS if n <= LARGEST_PEER else 1):
        for name, solve in programs.items():
            taken, found[name] = seconds(solve)
            runs[name].append(taken)
    texts = [f"{name} {statistics.median(taken):.4g} s" for name, taken in runs.items()]
    for name in ("reduced", "every column") if "QuTiP" in runs else ():
        ratios = [a / b for a, b in zip(runs["QuTiP"], runs[name], strict=True)]
        texts.append(f"QuTiP / {name} = {statistics.median(ratios):.3g}")
    scale = np.abs(found["reduced"]).max()
    apart = max(np.abs(other - found["reduced"]).max() for other in found.values()) / scale
    print(f"N = {n}: {', '.join(texts)}; largest difference {apart:.1e}")


def one_application(n: int, symmetric: bool, fastest: float) -> None:
    """Print the time of one application, and the share of the peak."""
    identity = list(range(n))
    columns = columns_of(n, [identity, identity[::-1]] if symmetric else [])
    generator = PackedGenerator(driven(n), 1, None, columns)
    here, before = aligned(columns.shape), aligned(columns.shape)
    here[:] = np.random.default_rng(0).normal(size=columns.shape)
    taken = min(
        seconds(lambda: generator.advance(here, before, before, (0.01, 0.1, 0.1), 0.0))[0]
        for _ in range(200 if n <= LARGEST_PEER else 5)
    )
    # multiply-adds for each entry: four a hop and on the diagonal, two a flip, one a jump
    flops = 2 * here.size * (4 * (n * (n - 1) / 4 + 1) + 2 * n + n * n / 4)
    what, share = "reduced" if symmetric else "every column", flops / taken / fastest
    print(f"N = {n}, {what}: {1e3 * taken:.3g} ms an application, {share:.0%} of the peak")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="also nine and ten emitters")
    large = parser.parse_args().large
    ours(4, "auto")()  # compile
    for n in (6, 8, 9, 10) if large else (6, 8):
        compared(n)
    fastest = peak()["compiled"]
    for n in (8, 10) if large else (8,):
        for symmetric in (False, True):
            one_application(n, symmetric, fastest)


if __name__ == "__main__":
    main()
