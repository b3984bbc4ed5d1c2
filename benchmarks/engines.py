"""Every engine compared with the fastest other program for the same problem, in alternating runs.

Run python benchmarks/engines.py [--quick | --large] [--output DIR] [--only WORD]. It writes
benchmarks.json, and from it benchmarks.md and benchmarks.svg; it needs Linux. Each case has its own
processes. In one of them our runs and those of the peers alternate (ours, theirs, ours, theirs …);
it gives the medians, and the median of the ratios of neighbouring runs. Another process for each
program measures its memory: the largest resident size beyond that after a small problem of the same
kind. Each engine also runs with an empty cache of compiled kernels. All programs, also BLAS, use
the number of threads of the case. Our time is that of the whole call; the operators of the peers
are prepared beforehand.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
DOCS = Path(__file__).parent.parent / "docs" / "_static"
SMALL = {"modes": 10, "symmetric": 10}  # emitters of the small problem that runs first; else 4


@dataclass(frozen=True)
class Case:
    """One of our methods, its problem, and the peers that solve the same problem."""

    method: str
    n: int
    peers: tuple[str, ...] = ()
    spacing: float = 0.2
    threads: int = 1
    trajectories: tuple[int, int] = (0, 0)  # ours and theirs
    repeats: int = 5
    effort: str = "quick"  # or "full", "large"
    driven: bool = False  # the emitters start in their ground states, with Ω = Γ₀

    @property
    def text(self) -> str:
        if self.method == "symmetric":
            return "identical couplings, inverted"
        where = f"chain at {self.spacing:g} λ₀"
        if self.method == "modes":
            return f"{where}, all modes"
        start = "ground, Ω = Γ₀" if self.driven else "inverted"
        each = ", one trajectory" if self.trajectories[0] else ""
        return f"{where}, {start}, t ≤ 5/Γ₀{each}"


def cases() -> list[Case]:
    cores = len(os.sched_getaffinity(0))
    return [
        Case("exact", 6, ("mesolve",)),
        Case("blocks", 4, ("mesolve",)),
        Case("blocks", 6, ("mesolve", "dynamiqs")),
        Case("blocks", 8, ("mesolve", "dynamiqs")),
        Case("blocks", 8, ("mesolve",), spacing=0.1),
        Case("blocks", 10, ("mesolve",), repeats=3, effort="full"),
        Case("blocks", 12, threads=cores, repeats=3),
        Case("blocks", 14, threads=cores, repeats=1, effort="full"),
        Case("blocks", 16, threads=cores, repeats=1, effort="large"),
        Case("trajectories", 6, ("mcsolve",), trajectories=(1024, 20)),
        Case("trajectories", 8, ("mcsolve",), trajectories=(1024, 20)),
        Case("trajectories", 10, ("mcsolve",), trajectories=(512, 10), repeats=3, effort="full"),
        Case("trajectories", 16, threads=cores, trajectories=(128, 0), repeats=1, effort="full"),
        Case("trajectories", 6, ("mcsolve",), trajectories=(1024, 20), driven=True),
        Case("trajectories", 8, ("mcsolve",), trajectories=(512, 10), driven=True),
        Case("trajectories", 12, trajectories=(64, 0), repeats=3, effort="full", driven=True),
        Case("driven", 6, ("mesolve", "dynamiqs"), driven=True),
        Case("driven", 8, ("mesolve",), effort="full", driven=True),
        Case("symmetric", 100, ("piqs",), repeats=3),
        Case("symmetric", 100_000),
        Case("modes", 500, ("eig",), threads=2),
        Case("modes", 2000, ("eig",), threads=2, repeats=2, effort="full"),
    ]


def problem(case: Case) -> Any:
    import numpy as np
    from peers import Problem

    import collective as co

    n = case.n
    if case.method == "symmetric":
        one, none = (np.broadcast_to(value, (n, n)) for value in (1.0, 0.0))  # 8 bytes each
        couplings = co.Couplings(one, none)
        # few times: piqs keeps a dense ρ of all its ladders for each
        return Problem(n, couplings, "inverted", np.linspace(0, 3 * np.log(n) / n, 11))
    couplings = co.couple(co.chain(n, case.spacing), co.Vacuum())
    state = "inverted"
    if case.driven:
        couplings, state = couplings.replace(drive=1.0), "ground"
    return Problem(n, couplings, state, np.linspace(0, 5, 101), case.trajectories[1] or None)


def ours(case: Case, given: Any) -> Callable[[], tuple[Any, dict[str, Any]]]:
    """The function that is timed; it returns the emission (or rates of modes) and diagnostics."""
    from peers import ATOL, RTOL

    import collective as co

    if case.method == "modes":
        return lambda: (given.couplings.modes().rates, {})

    drawn = case.trajectories[0]
    method = co.engines.Trajectories(n=drawn) if drawn else case.method

    def evolve() -> tuple[Any, dict[str, Any]]:
        result = co.evolve(
            given.couplings,
            given.state,
            given.times,
            method=method,
            rtol=RTOL,
            atol=ATOL,
            seed=1,
            threads=case.threads,
            progress=False,
        )
        return result.emission, result.diagnostics

    return evolve


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    returned = function()
    return time.perf_counter() - start, returned


def smaller(case: Case) -> Case:
    few = min(case.n, SMALL.get(case.method, 4))
    return replace(case, n=few, trajectories=tuple(min(k, 4) for k in case.trajectories))


def take_turns(case: Case) -> dict[str, Any]:
    """Medians, ratios of neighbouring runs, and the largest difference relative to the maximum."""
    import numpy as np
    from peers import PEERS

    ours(smaller(case), problem(smaller(case)))()
    before = lowered_mark()
    given = problem(case)
    mine, theirs = ours(case, given), {name: PEERS[name](given) for name in case.peers}
    first = {name: timed(theirs[name])[0] for name in case.peers if name == "dynamiqs"}
    per, per_peer = (max(k, 1) for k in case.trajectories)
    seconds: dict[str, list[float]] = {name: [] for name in ("ours", *case.peers)}
    fastest: dict[str, Any] = {}
    for _ in range(case.repeats):
        duration, (emission, diagnostics) = timed(mine)
        if not seconds["ours"] or duration / per < min(seconds["ours"]):
            fastest = diagnostics
        seconds["ours"].append(duration / per)
        differences = {}
        for name in case.peers:
            duration, other = timed(theirs[name])
            seconds[name].append(duration / per_peer)
            differences[name] = float(np.abs(emission - other).max() / np.abs(other).max())
    mine_found = {"seconds": statistics.median(seconds["ours"]), "all": seconds["ours"]}
    if "flops" in fastest:
        mine_found["flops_per_second"] = fastest["flops"] / fastest["seconds"]
    if not case.peers:
        mine_found["bytes"] = high_water() - before
    found: dict[str, Any] = {"ours": mine_found, "peers": {}}
    for name in case.peers:
        ratios = [b / a for a, b in zip(seconds["ours"], seconds[name], strict=True)]
        found["peers"][name] = {
            "seconds": statistics.median(seconds[name]),
            "ratio": statistics.median(ratios),
            "difference": differences[name],
            "all": seconds[name],
        }
        if name in first:
            found["peers"][name]["first_call"] = first[name]
    return found


def high_water() -> int:
    """The largest resident size since the last reset, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def lowered_mark() -> int:
    """Reset the largest resident size to the present one, and return it."""
    Path("/proc/self/clear_refs").write_text("5")
    return high_water()


def memory(case: Case, who: str) -> dict[str, Any]:
    """Largest bytes of one run beyond those held after a small run."""
    from peers import PEERS

    def prepared(case: Case) -> Callable[[], Any]:
        given = problem(case)
        return ours(case, given) if who == "ours" else PEERS[who](given)

    prepared(smaller(case))()
    before = lowered_mark()
    prepared(case)()
    return {"bytes": high_water() - before}


def first_calls(case: Case) -> dict[str, Any]:
    """Seconds of the first call in this process, and of a later call."""
    run = ours(case, problem(case))
    return {"first": timed(run)[0], "later": timed(run)[0]}


def child(request: dict[str, Any]) -> dict[str, Any]:
    if request["what"] == "peak":
        from peak import peak

        return peak()
    case = Case(**request["case"])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: case.threads])
    if request["what"] == "memory":
        return memory(case, request["who"])
    return {"turns": take_turns, "first": first_calls}[request["what"]](case)


def spawned(what: str, case: Case | None = None, **more: Any) -> dict[str, Any]:
    """The answer of a child process with the number of threads of the case."""
    threads = str(case.threads if case else 1)
    environment = os.environ | dict.fromkeys(BLAS, threads) | more.pop("environment", {})
    request = json.dumps({"what": what, "case": asdict(case) if case else None, **more})
    command = [sys.executable, __file__, "--child", request]
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"{what} of {case} ended with status {ran.returncode}")
    return json.loads(ran.stdout.splitlines()[-1])


def measured(case: Case, peaks: dict[str, float]) -> dict[str, Any]:
    found = {**asdict(case), "text": case.text, **spawned("turns", case)}
    parties = {"ours": found["ours"], **found["peers"]}
    for who, numbers in parties.items():
        if "bytes" not in numbers:  # measured in a process of its own
            numbers["bytes"] = spawned("memory", case, who=who)["bytes"]
    rate = found["ours"].get("flops_per_second")
    if rate is not None:
        shares = {name: rate / (case.threads * peak) for name, peak in peaks.items()}
        found["ours"]["share_of_peak"] = shares
    return found


def compilation(method: str) -> dict[str, float]:
    """Seconds of a first call with an empty cache, a first call with a full cache, a later call."""
    case = Case(method, 6, trajectories=(16, 0) if method == "trajectories" else (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        empty = spawned("first", case, environment={"NUMBA_CACHE_DIR": folder})
        kept = spawned("first", case, environment={"NUMBA_CACHE_DIR": folder})
    return {"empty_cache": empty["first"], "kept_cache": kept["first"], "later": kept["later"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small problems, twice each")
    parser.add_argument("--large", action="store_true", help="sixteen emitters too")
    parser.add_argument("--only", default="", help="only cases with this in their description")
    parser.add_argument("--output", type=Path, default=DOCS)
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(child(options.child)))
        return 0

    import peers
    import report

    from collective.engines import NAMES as ENGINES

    efforts = {"quick"} if options.quick else {"quick", "full"}
    efforts |= {"large"} if options.large else set()
    found: dict[str, Any] = report.surroundings()
    found["peak"] = spawned("peak")
    chosen, failures = [], 0
    for case in cases():
        if case.effort not in efforts or options.only not in f"{case.method} {case.n}":
            continue
        if case.method not in (*ENGINES, "modes"):
            print(f"skipped: {case.method} of {case.n} emitters, which is not there yet")
            continue
        for name in case.peers:
            if not peers.there(name):
                print(f"skipped: {name}, which is not installed, on {case.n} emitters")
        there = tuple(filter(peers.there, case.peers))
        repeats = min(case.repeats, 2) if options.quick else case.repeats
        chosen.append(replace(case, peers=there, repeats=repeats))
    found["cases"], found["first_calls"] = [], {}
    for case in chosen:
        try:
            found["cases"].append(measured(case, found["peak"]))
        except RuntimeError as error:
            print(f"failed: {error}")
            failures += 1
            continue
        print(report.line(found["cases"][-1]), flush=True)
    for method in dict.fromkeys(case.method for case in chosen if case.method != "modes"):
        calls = found["first_calls"][method] = compilation(method)
        print(f"{method}: first call {calls['empty_cache']:.2g} s", flush=True)
    report.write(found, options.output)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
