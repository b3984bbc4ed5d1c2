"""Approximate engines compared with exact results: how large is the error, and is it said?

Run python benchmarks/accuracy.py [--quick] [--only TEXT]. For each problem of `accuracy_cases.py`
and each approximate engine it prints the true error, the estimated one and the one expected before
the run, all relative to the largest emission. An estimate covers the error if at every time
|R − R_exact| ≤ error_estimate + 3 standard errors + 2e-4 of the largest emission (the integrators).
The summary goes to docs/_static/accuracy.json, .md and .svg, which the page "How far to trust it"
shows. The exact results take about 2 minutes of CPU, all engines about 10.
"""

import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import argparse
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import accuracy_cases
import accuracy_report
import numpy as np

import collective as co
from collective.engines import NAMES

DOCS = Path(__file__).resolve().parents[1] / "docs" / "_static"
TIMES = np.linspace(0, 5, 101)
INTEGRATOR = 2e-4  # of the largest emission
SCATTER = 3  # standard errors


def engines() -> dict[str, Any]:
    """The approximate engines that there are, by what the tables call them."""
    wanted = {
        "mean field": ("mean_field", "MeanField", {}),
        "order 2": ("cumulants", "Cumulants", {"order": 2}),
        "order 3": ("cumulants", "Cumulants", {"order": 3}),
        "Wigner": ("truncated_wigner", "TruncatedWigner", {"n": 1000}),
        "conditional": ("conditional_cumulants", "ConditionalCumulants", {"n": 64}),
    }
    return {
        label: getattr(co.engines, kind)(**options)
        for label, (name, kind, options) in wanted.items()
        if name in NAMES
    }


def exact(case: accuracy_cases.Case, kept: Path | None) -> Any:
    """The exact emission (T,), from a file if one is kept."""
    path = None if kept is None else kept / f"{case.name.replace('/', '-')}.npz"
    if path is not None and path.exists():
        return np.load(path)["emission"]
    result = co.evolve(case.couplings(), case.state, TIMES, rtol=1e-7, atol=1e-9, progress=False)
    assert result.accuracy == "exact", f"{case.name}: {result.reason}"
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, emission=result.emission)
    return result.emission


def judged(result: Any, emission: Any, expected: float | None) -> dict[str, Any]:
    """The true and the estimated error of a result, relative to the largest emission."""
    known = len(result.times)
    size, true = emission.max(), emission[:known]
    error = np.abs(result.emission - true)
    scatter = 0 * error if result.emission_error is None else result.emission_error
    allowed = result.error_estimate + SCATTER * scatter + INTEGRATOR * size
    worst = int(np.argmax(error - allowed))
    floor = INTEGRATOR * size
    claimed = result.error_estimate.max() + scatter.max()
    return {
        "true": float(error.max() / size),
        "estimate": float(result.error_estimate.max() / size),
        "scatter": float(scatter.max() / size),
        "expected": expected,
        "ratio": float((claimed + floor) / (error.max() + floor)),
        "covered": bool(np.all(error <= allowed)),
        "missed_at": None if np.all(error <= allowed) else float(result.times[worst]),
        "trusted_until": result.trusted_until,
        "complete": bool(result.complete),
    }


def measured(case: accuracy_cases.Case, chosen: dict[str, Any], kept: Path | None) -> Any:
    """The errors of all engines that take a problem, and curves for the figure."""
    couplings, emission = case.couplings(), exact(case, kept)
    options: dict[str, Any] = {"seed": 1, "progress": False}
    found: dict[str, Any] = {"name": case.name, "group": case.group, "fresh": case.fresh}
    found["n"], found["engines"], curves = len(couplings), {}, {"exact": emission}
    for label, engine in chosen.items():
        table = co.methods(couplings, case.state, TIMES, method=engine)
        if engine.name in table.refusals:
            continue
        begun = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = co.evolve(couplings, case.state, TIMES, method=engine, **options)
        expected = table.costs[engine.name].error
        found["engines"][label] = judged(result, emission, expected)
        found["engines"][label]["seconds"] = time.process_time() - begun
        curves[label] = np.stack([result.emission, result.error_estimate])
    return found, curves


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a dozen problems")
    parser.add_argument("--only", default="", help="only problems with this in their name")
    parser.add_argument("--engine", default="", help="only engines with this in their label")
    parser.add_argument("--output", type=Path, default=DOCS)
    parser.add_argument("--exact", type=Path, help="a folder to keep the exact results in")
    options = parser.parse_args()
    chosen = {k: v for k, v in engines().items() if options.engine in k}
    rows, example = [], None
    for case in accuracy_cases.cases():
        if options.only not in case.name or (options.quick and not case.quick):
            continue
        row, curves = measured(case, chosen, options.exact)
        rows.append(row)
        if case.name == accuracy_report.EXAMPLE:
            example = curves
        print(accuracy_report.line(row), flush=True)
    if not rows:
        print("no such problem")
        return 1
    print(accuracy_report.summary(rows))
    if not (options.quick or options.only or options.engine):
        accuracy_report.write(rows, example, TIMES, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
