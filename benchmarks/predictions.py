"""Predicted and measured CPU seconds and bytes of 60 random problems, with all engines in turn.

Run python benchmarks/predictions.py [how many] [first seed]. It draws problems (dense, stiff, long,
with many times, drives, pulses, dephasing, pumps, checkpoints) and runs each with one engine in its
own process on one thread. It prints the predicted and measured numbers of each run, and the share
within a factor of 3 (seconds) and 1.3 (bytes, from some MiB on). It needs Linux, because the memory
is read from /proc.
"""

import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import ctypes
import gc
import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import qutip

import collective as co
from collective._tools import operators
from collective.engines import choice
from collective.engines import request as _requests

LIMIT = 12.0  # predicted seconds of the longest problem that is run
LONGEST = 4.0  # a run is ended after this multiple of its predicted seconds, and 3 s
SMALL = 8 * 2**20  # bytes below which the interpreter dominates
ENGINES = (
    "exact",
    "master",
    "blocks",
    "driven",
    "symmetric",
    "single",
    "trajectories",
    "cumulants",
    "truncated_wigner",
    "capped",
    "conditional_cumulants",
    "mean_field",
    "retarded",
)
_NOISY = ("truncated_wigner", "conditional_cumulants")


def couplings_of(rng: Any, engine: str) -> Any:
    """Random couplings that an engine can evolve."""

    def often(p: float) -> bool:
        return bool(rng.random() < p)

    def size(low: int, high: int) -> int:
        return round(float(np.exp(rng.uniform(np.log(low), np.log(high)))))

    def strength(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    if engine == "symmetric":
        n = size(2, 3000) if often(0.4) else size(2, 120)
        one = np.full((n, n), 1.0) if n < 4000 else np.broadcast_to(1.0, (n, n))
        changes: dict[str, Any] = {}
        if n <= 120:
            if often(0.4):
                changes["drive"] = strength(0.1, 10)
            if often(0.4):
                changes["dephasing"] = strength(0.01, 10)
            if often(0.3):
                changes["pump"] = strength(0.01, 3)
            if often(0.3):
                one = one + strength(0.01, 1) * np.eye(n)
        if "drive" in changes and n > 40:
            n = 40
            one = one[:40, :40]
        return co.Couplings(one, np.zeros((n, n)), **changes)
    if engine == "retarded":
        return delayed(size(1, 30), strength, often, int(rng.integers(1000)))
    most = {
        "exact": 7,
        "master": 4,
        "blocks": 11,
        "driven": 8,
        "single": 1500,
        "trajectories": 14,
        "cumulants": 150,
        "truncated_wigner": 200,
        "capped": 60,
        "conditional_cumulants": 80,
        "mean_field": 2000,
    }
    n = size(2, most[engine])
    spacing = strength(0.02, 1.0)
    shape = rng.integers(3)
    rates = np.exp(rng.normal(0, 2.0, n)) if often(0.3) else 1.0
    if shape == 0:
        emitters = co.chain(n, spacing, decay_rates=rates)
    elif shape == 1 and n > 2:
        emitters = co.ring(n, spacing, decay_rates=rates)
    else:
        emitters = co.cloud(n, 0.6 * spacing * n ** (1 / 3), seed=int(rng.integers(1000)))
    found = co.couple(emitters, co.Vacuum())
    changes = {}
    if often(0.3):
        changes["detunings"] = strength(0.1, 1e3) * rng.normal(size=n)
    if often(0.3):
        changes["dephasing"] = strength(0.01, 100)
    if engine not in ("blocks", "single", "symmetric") and often(0.5):
        changes["drive"] = strength(0.1, 100)
    pumped = ("exact", "master", "driven", "trajectories", "cumulants", "mean_field", *_NOISY)
    if engine in pumped and often(0.3):
        changes["pump"] = strength(0.01, 10)
    return found.replace(**changes)


def delayed(n: int, strength: Any, often: Any, seed: int) -> Any:
    """N emitters in vacuum, in front of a mirror or in a guide, where light has a delay."""
    frequency, detunings = strength(50, 1e7), 0.0
    if often(0.4):
        detunings = strength(0.1, 10) * np.random.default_rng(seed).normal(size=n)
    if often(0.4):
        radius = strength(0.05, 1.0) * n ** (1 / 3)
        emitters = co.cloud(n, radius, seed=seed, min_distance=0.03, frequency=frequency)
        field: Any = co.Vacuum()
    elif often(0.3):
        emitters = co.cloud(min(n, 12), 0.8, seed=seed, min_distance=0.1, frequency=frequency)
        emitters, field = emitters.translated([0, 0, 1.0]), co.Mirror()
    else:
        emitters = co.chain(n, strength(0.1, 1.0))
        field = co.Waveguide(1.0, 2 * np.pi, group_velocity=strength(0.1, 1e3), side_rate=0.1)
    found = co.couple(emitters, field)
    return found if np.ndim(detunings) == 0 else found.replace(detunings=detunings[: len(found)])


def problem(seed: int) -> tuple[str, dict[str, Any]]:
    """An engine and the arguments of `evolve`, drawn until they take a reasonable time."""
    for attempt in range(200):
        rng = np.random.default_rng([seed, attempt])
        engine = ENGINES[seed % len(ENGINES)]
        couplings = couplings_of(rng, engine)
        n = len(couplings)
        span = float(np.exp(rng.uniform(np.log(0.1), np.log(1e4))))
        steps = int(np.exp(rng.uniform(np.log(2), np.log(3000))))
        if rng.random() < 0.2:
            steps *= 10
        times = np.linspace(0, span, steps)
        if rng.random() < 0.2 and steps > 2:
            times = np.concatenate([[0], np.geomspace(span / 1e4, span, steps - 1)])
        states = ["inverted", "ground", co.states.coherent(0.7)]
        if engine in ("single", "retarded"):
            states = ["single"]
        if engine == "capped":
            states = ["ground", co.states.dicke(2)]
        if engine == "symmetric":
            states = ["inverted", co.states.dicke(n // 2), co.states.coherent(1.0)]
        state = states[int(rng.integers(len(states)))]
        if state == "single":
            state = co.states.single(int(rng.integers(n)))
        arguments: dict[str, Any] = {"state": state, "times": times, "method": engine}
        if rng.random() < 0.3 and engine != "master":
            arguments["observe"] = ["correlations"]
        if engine in ("exact", "driven") and rng.random() < 0.25:
            arguments["observe"] = ["states"]
        pulsed = engine in ("exact", "driven", "trajectories") and np.any(couplings.drive)
        if pulsed and rng.random() < 0.2:
            arguments["envelope"] = _Pulse(span)
        if engine == "cumulants" and not np.any(couplings.drive) and rng.random() < 0.5:
            arguments["method"] = co.engines.Cumulants(order=3)
        if engine == "trajectories":
            drawn = co.engines.Trajectories(n=int(rng.integers(20, 600)))
            arguments |= {"method": drawn, "seed": 1}
        if engine == "truncated_wigner":
            drawn = co.engines.TruncatedWigner(n=int(rng.integers(20, 3000)))
            arguments |= {"method": drawn, "seed": 1}
        if engine == "conditional_cumulants":
            few = co.engines.ConditionalCumulants(n=int(rng.integers(2, 200)))
            arguments |= {"method": few, "seed": 1}
        if engine == "master":
            arguments["method"] = "exact"
            jumps = couplings.collapse_operators()
            shift = float(np.exp(rng.uniform(0, np.log(1e6))))
            number = operators.exchange(np.eye(n))
            couplings = co.MasterEquation(couplings.hamiltonian() + shift * number, jumps)
            arguments["state"] = qutip.tensor([qutip.basis(2, 0)] * n)
        arguments["couplings"] = couplings
        if rng.random() < 0.2:
            arguments["checkpoint"] = True
        request = requested(arguments)
        method = arguments["method"]
        if choice.engine(method).refusal(request) is not None:
            continue
        cost = choice.engine(method).cost(request)
        if cost.seconds < LIMIT and cost.bytes < 3 * 2**30:
            return engine, arguments
    raise RuntimeError(f"no problem of seed {seed} is short enough")


def one_thread(arguments: dict[str, Any]) -> dict[str, int]:
    """Options for engines with threads of their own; the environment limits BLAS to one thread."""
    name = choice.engine(arguments["method"]).name
    return {} if name in ("exact", "single", "symmetric", "retarded") else {"threads": 1}


class _Pulse:
    """A smooth pulse over the time of a run."""

    def __init__(self, span: float):
        self.span = span

    def __call__(self, t: float) -> float:
        return float(np.exp(-(((t / self.span - 0.5) / 0.2) ** 2)))


def requested(arguments: dict[str, Any]) -> Any:
    """The request that `evolve` would make of its arguments."""
    kept = {k: v for k, v in arguments.items() if k not in ("couplings", "method", "checkpoint")}
    state, times = kept.pop("state"), kept.pop("times")
    checkpointed = "checkpoint" in arguments
    return _requests.checked(
        arguments["couplings"], state, times, threads=1, checkpointed=checkpointed, **kept
    )


def held(name: str) -> int:
    """The resident size, VmRSS, or its largest value since the last reset, VmHWM, in bytes."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if name in x)
    return int(line.split()[1]) * 1024


def spent(arguments: dict[str, Any], limit: float) -> dict[str, float] | None:
    """CPU seconds and bytes of a run in a process of its own; None if it takes too long."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        found: dict[str, Any]
        try:
            signal.setitimer(signal.ITIMER_PROF, limit)  # of CPU; the signal ends the process
            with tempfile.TemporaryDirectory() as folder:
                if "checkpoint" in arguments:
                    arguments = {**arguments, "checkpoint": Path(folder) / "run.npz"}
                once_before(arguments)
                gc.collect()
                ctypes.CDLL(None).malloc_trim(0)  # give freed memory back to the system
                Path("/proc/self/clear_refs").write_text("5")
                before, start = held("VmRSS"), time.process_time()
                result = co.evolve(**arguments, **one_thread(arguments), progress=False)
                seconds = time.process_time() - start
                found = {"seconds": seconds, "bytes": held("VmHWM") - before, "ok": result.complete}
        except BaseException as error:
            found = {"error": f"{type(error).__name__}: {error}"[:200]}
        os.write(writer, json.dumps(found).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


def once_before(arguments: dict[str, Any]) -> None:
    """Run a small problem of the same kind, so that first uses of libraries are not counted."""
    couplings = arguments["couplings"]
    if arguments["method"] == "retarded":
        couplings = co.couple(co.chain(2, 0.3), co.Waveguide(1.0, 6.0, group_velocity=1.0))
        state = co.states.single(0)
    elif isinstance(couplings, co.Couplings):
        names = ("dephasing", "pump", "drive")
        changes = {name: float(np.abs(getattr(couplings, name)).max()) for name in names}
        alike = arguments["method"] == "symmetric"
        decay = np.ones((2, 2)) if alike else [[1, 0.5], [0.5, 1]]
        couplings = co.Couplings(decay, np.zeros((2, 2)), **changes)
        state = arguments["state"] if isinstance(arguments["state"], str) else co.states.dicke(1)
        if arguments["method"] == "single":
            state = co.states.single(0)
        if arguments["method"] == "mean_field" and not isinstance(state, str):
            state = arguments["state"]
    else:
        couplings = co.MasterEquation(qutip.sigmaz(), [qutip.sigmam()])
        state = qutip.basis(2, 0)
    smaller = {**arguments, "couplings": couplings, "state": state, "times": [0.0, 0.1, 0.2]}
    if "checkpoint" in arguments:
        smaller["checkpoint"] = arguments["checkpoint"].with_name("small.npz")
    if choice.engine(arguments["method"]).name == "trajectories":
        smaller["method"] = co.engines.Trajectories(n=8)
    co.evolve(**smaller, progress=False)


def warm() -> None:
    """Import and compile what the runs need."""
    times = [0.0, 0.1]
    pair = co.couple(co.chain(3, 0.3), co.Vacuum())
    driven = pair.replace(drive=1.0)
    for method in ("exact", "blocks", "driven", co.engines.Trajectories(n=4), "cumulants"):
        co.evolve(pair, "inverted", times, method=method, threads=1, seed=1)
    co.evolve(driven, "ground", times, method=co.engines.Trajectories(n=2), seed=1)
    co.evolve(driven, "ground", times, method=co.engines.TruncatedWigner(n=2), seed=1)
    co.evolve(driven, "ground", times, method=co.engines.ConditionalCumulants(n=2), seed=1)
    co.evolve(driven, "ground", times, method="driven", envelope=lambda t: 1.0, threads=1)
    co.evolve(driven, "ground", times, method="exact", envelope=lambda t: 1.0, observe="states")
    co.evolve(pair, co.states.single(0), times, method="single")
    co.evolve(pair.replace(dephasing=1.0), co.states.single(0), times, method="single")
    co.evolve(pair, co.states.single(0), [0, 1e4], method="exact")
    for changes in ({}, {"dephasing": 1.0}, {"pump": 1.0}, {"drive": 1.0}):
        alike = co.Couplings(np.ones((4, 4)), np.zeros((4, 4)), **changes)
        co.evolve(alike, "inverted", times, method="symmetric")


def main(count: int = 60, first: int = 0) -> None:
    warm()
    rows = []
    for seed in range(first, first + count):
        engine, arguments = problem(seed)
        cost = choice.engine(arguments["method"]).cost(requested(arguments))
        found = spent(arguments, LONGEST * cost.seconds + 3)
        n = arguments["couplings"]
        size = len(n) if isinstance(n, co.Couplings) else n.dimension
        what = f"{seed:3d} {engine:12s} {size:5d}, {len(arguments['times']):5d} times"
        if found is None or "error" in found:
            why = "ended" if found is None else found["error"]
            rows.append((engine, 100.0, 1.0))
            print(f"{what}  predicted {cost.seconds:9.4f} s, {why}", flush=True)
            continue
        ratio = found["seconds"] / cost.seconds
        share = found["bytes"] / cost.bytes
        counts = max(found["bytes"], cost.bytes) >= SMALL
        rows.append((engine, ratio, share if counts else 1.0))
        marks = ("  <-- s" if not 1 / 3 <= ratio <= 3 else "") + (
            "  <-- B" if counts and not 1 / 1.3 <= share <= 1.3 else ""
        )
        options = " ".join(k for k in arguments if k in ("observe", "envelope", "checkpoint"))
        print(
            f"{what}  predicted {cost.seconds:9.4f} s, took {found['seconds']:9.4f} "
            f"({ratio:5.2f})   {cost.bytes / 2**20:8.1f} MiB, took {found['bytes'] / 2**20:8.1f} "
            f"({share:5.2f})  {options} {cost.work[:40]}{marks}",
            flush=True,
        )
    good = np.mean([1 / 3 <= r <= 3 for _, r, _ in rows])
    fitting = np.mean([1 / 1.3 <= s <= 1.3 for _, _, s in rows])
    print(f"{len(rows)} runs: {good:.0%} within 3× of the predicted CPU seconds,", end=" ")
    print(f"{fitting:.0%} within 1.3× of the predicted bytes")
    for engine in ENGINES:
        mine = [r for e, r, _ in rows if e == engine]
        if mine:
            within = np.mean([1 / 3 <= r <= 3 for r in mine])
            print(f"  {engine:12s} {within:.0%} of {len(mine)}, median {np.median(mine):.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
