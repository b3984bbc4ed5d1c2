"""The approximate engines on hundreds of emitters and more: time and memory, and what bounds them.

Run python benchmarks/large_n.py [--quick] [--only WORD] [--threads N] [--rtol R] [--output FILE].
It needs Linux. Each case is a whole run of `co.evolve` in a process of its own, after a small run
of the same kind that compiles and imports everything. CPU seconds are those of all threads. Memory
is the largest resident size beyond that before the run. Predictions are those of `co.methods`. The
operations per CPU second are those of the largest products of matrices alone: where they are far
below those that BLAS reaches on one core in double precision (twice as many in single precision),
memory or other work bounds the run. Threads of BLAS wait in loops: on a machine that others use,
compare with --threads 1.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SPACING = 0.2  # wavelengths
TIMES = 101


@dataclass(frozen=True)
class Case:
    """A lattice and the engine that evolves it; also the sizes for a quick run.

    Attributes:
        engine: the name of its class in `co.engines`.
        options: its arguments.
        sides: emitters along both sides of a square lattice; one of them is 1 for a chain.
        quick: the sides in a quick run.
        wanted: seconds that the run should take at most, or None.
        drive: Ω in units of the decay rate; emitters then start in the ground state, else inverted.
        until: the last of 101 times.
    """

    engine: str
    options: dict[str, Any]
    sides: tuple[int, int]
    quick: tuple[int, int]
    wanted: float | None
    drive: float = 0.0
    until: float = 5.0

    @property
    def n(self) -> int:
        return self.sides[0] * self.sides[1]

    @property
    def text(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        lattice = "chain" if 1 in self.sides else f"{self.sides[0]} × {self.sides[1]}"
        start = f"Ω = {self.drive:g}" if self.drive else "inverted"
        return f"{self.engine}({options}), {lattice}, {start}"


CASES = [
    Case("Cumulants", {"order": 2}, (10, 10), (5, 5), 1),
    Case("Cumulants", {"order": 2}, (15, 20), (6, 6), 5),
    Case("Cumulants", {"order": 2}, (25, 40), (7, 7), 200),
    Case("Cumulants", {"order": 2}, (10, 10), (4, 4), None, drive=1.0),
    Case("Cumulants", {"order": 3}, (5, 6), (3, 4), 3),
    Case("Cumulants", {"order": 3}, (10, 10), (4, 4), 60),
    Case("Cumulants", {"order": 3}, (10, 20), (4, 5), None),
    Case("TruncatedWigner", {"n": 4000}, (10, 10), (5, 5), 10),
    Case("TruncatedWigner", {"n": 1000}, (25, 40), (6, 6), 120),
    Case("MeanField", {"phases": 0}, (316, 316), (40, 40), 60, drive=1.0),
    Case("MeanField", {"phases": 2}, (316, 316), (40, 40), 120),
    Case("Capped", {"excitations": 2}, (200, 1), (30, 1), 60, drive=0.1, until=10.0),
    Case("ConditionalCumulants", {"n": 32}, (10, 10), (3, 4), 90),
]

BOUNDS = {
    ("Cumulants", 2): "product of N × N matrices, 8N³ flops, beside one pass over 64N² bytes",
    ("Cumulants", 3): "product of N² × N and N × N, 8N⁴ flops, beside passes over 24N³ bytes",
    ("TruncatedWigner", None): "products of h and of noise factors with samples, ≤ 16N² flops each",
    ("MeanField", None): "Fourier transforms of 4N points, which stream from memory",
    ("Capped", None): "product of N × N matrices, 8N³ flops, for two excitations",
    ("ConditionalCumulants", None): "products of N × N matrices in every run and step",
}


def key(case: Case) -> tuple[str, int | None]:
    return case.engine, case.options.get("order")


def engine_of(case: Case) -> Any:
    import collective as co

    return getattr(co.engines, case.engine)(**case.options)


def arguments(case: Case, rtol: float | None) -> dict[str, Any]:
    """The arguments of `evolve` and `methods`."""
    import numpy as np

    import collective as co

    m, k = case.sides
    emitters = co.chain(max(m, k), SPACING) if 1 in case.sides else co.square(m, k, SPACING)
    couplings = co.couple(emitters, co.Vacuum())
    if case.drive:
        couplings = couplings.replace(drive=case.drive)
    found = {
        "couplings": couplings,
        "state": "ground" if case.drive else "inverted",
        "times": np.linspace(0, case.until, TIMES),
        "method": engine_of(case),
        "seed": 1,
        "progress": False,
    }
    return found if rtol is None else {**found, "rtol": rtol, "atol": rtol / 100}


def high_water() -> int:
    """The largest resident size since the last reset, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def measured(case: Case, rtol: float | None) -> dict[str, Any]:
    """The numbers of one case, in this process."""
    import numpy as np

    import collective as co

    few = {"n": 4, "phases": 2}
    small = {name: min(value, few.get(name, value)) for name, value in case.options.items()}
    sides = (8, 1) if 1 in case.sides else (3, 3)
    co.evolve(**arguments(replace(case, sides=sides, options=small, until=0.2), rtol))
    asked = arguments(case, rtol)
    cost = co.methods(**asked).costs[asked["method"].name]
    Path("/proc/self/clear_refs").write_text("5")  # resets the largest resident size
    before, wall, cpu = high_water(), time.perf_counter(), time.process_time()
    result = co.evolve(**asked)
    found = {
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "bytes": high_water() - before,
        "predicted": {"seconds": cost.seconds, "bytes": cost.bytes, "error": cost.error},
        "peak": float(result.emission.max() / case.n),
        "estimate": float(np.max(result.error_estimate) / result.emission.max()),
        "until": float(result.times[-1]),
        "complete": result.complete,
    }
    return found | {"flops": operations(case, result.diagnostics)}


def operations(case: Case, diagnostics: dict[str, Any]) -> float | None:
    """Floating-point operations of the largest products of matrices, where a run counts them."""
    if key(case) == ("Cumulants", 2):
        products = 3 if diagnostics["closure"] == "general" else 1
        return 8.0 * products * case.n**3 * diagnostics["slopes"]
    if case.engine == "TruncatedWigner":  # in single precision
        return 16.0 * case.n**2 * diagnostics["steps"] * case.options["n"]
    return None


def spawned(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """The answer of a child process."""
    request = json.dumps({"case": asdict(case), "rtol": options.rtol, "threads": options.threads})
    environment = os.environ | dict.fromkeys(BLAS, str(options.threads))
    command = [sys.executable, __file__, "--child", request]
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"{case.text} ended with status {ran.returncode}")
    return json.loads(ran.stdout.splitlines()[-1])


def child(request: dict[str, Any]) -> dict[str, Any]:
    given = request["case"]
    case = Case(**{**given, "sides": tuple(given["sides"]), "quick": tuple(given["quick"])})
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: request["threads"]])
    return measured(case, request["rtol"])


def row(case: Case, found: dict[str, Any]) -> list[str]:
    """The cells of one line of the table."""
    from report import bytes_text, seconds_text

    predicted = found["predicted"]
    wanted = "–" if case.wanted is None else seconds_text(case.wanted)
    error = "–" if predicted["error"] is None else f"{100 * predicted['error']:.2g} %"
    rate = "–" if found["flops"] is None else f"{found['flops'] / found['cpu'] / 1e9:.1f}"
    ended = "" if found["complete"] else f", ended at t = {found['until']:.2g}"
    return [
        case.text + ended,
        f"{case.n:,}",
        seconds_text(found["cpu"]),
        seconds_text(found["wall"]),
        seconds_text(predicted["seconds"]),
        wanted,
        bytes_text(found["bytes"]),
        bytes_text(predicted["bytes"]),
        f"{found['peak']:.3f}",
        error,
        f"{100 * found['estimate']:.2g} %",
        rate,
        BOUNDS[key(case)],
    ]


HEAD = [
    "run", "emitters", "CPU", "wall", "predicted", "wanted", "memory", "predicted",
    "peak per emitter", "expected error", "estimated error", "Gflop/s", "bound by",
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small lattices and few samples")
    parser.add_argument("--only", default="", help="only runs with this in their description")
    parser.add_argument("--threads", type=int, default=2, help="cores and threads of each run")
    parser.add_argument("--rtol", type=float, help="tolerance; that of co.evolve if left out")
    parser.add_argument("--output", type=Path, help="a file for the table as Markdown")
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        asked = options.child
        answer = rate_of_product(asked["product"]) if "product" in asked else child(asked)
        print(json.dumps(answer))
        return 0

    import report

    import collective as co

    libraries = report.surroundings()["versions"]
    versions = ", ".join(f"{name} {number}" for name, number in libraries.items())
    tolerance = "the default" if options.rtol is None else f"{options.rtol:g}"
    product = (
        f"a product of matrices by BLAS reaches {best_product() / 1e9:.0f} Gflop/s on one core"
    )
    lines = [
        f"{options.threads} threads, square lattices and chains at {SPACING} λ₀, {TIMES} times, "
        f"rtol {tolerance}; {product}; {versions}.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|---" + "|--:" * (len(HEAD) - 2) + "|---|",
    ]
    print("\n".join(lines), flush=True)
    failures = 0
    for each in CASES:
        case = each
        if options.quick:
            few = {name: min(value, 64) for name, value in each.options.items()}
            case = replace(each, sides=each.quick, options=few, wanted=None)
        if options.only not in case.text:
            continue
        if not hasattr(co.engines, case.engine):
            print(f"skipped: {case.engine}, which is not there yet")
            continue
        try:
            found = spawned(case, options)
        except RuntimeError as error:
            print(f"failed: {error}", flush=True)
            failures += 1
            continue
        lines.append("| " + " | ".join(row(case, found)) + " |")
        print(lines[-1], flush=True)
    if options.output is not None:
        options.output.write_text("\n".join(lines) + "\n")
    return 1 if failures else 0


def best_product() -> float:
    """Operations per CPU second of one core in a product of matrices by BLAS."""
    command = [sys.executable, __file__, "--child", json.dumps({"product": 1200})]
    environment = os.environ | dict.fromkeys(BLAS, "1")
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(ran.stdout)


def rate_of_product(size: int) -> float:
    """The same in this process: of the fastest of several products."""
    import numpy as np

    matrix, seconds = np.random.default_rng(0).standard_normal((size, size)), []
    for _ in range(10):
        start = time.process_time()
        matrix @ matrix
        seconds.append(time.process_time() - start)
    return 2 * size**3 / min(seconds)


if __name__ == "__main__":
    sys.exit(main())
