"""The measurements of `engines.py` as JSON, as a table for the documentation, and as a figure."""

import json
import os
import platform
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import peers

NAMES = {peer.__name__: name for peer, name in peers.NAMES.items()}
SHORT = {peer: name.split(" (")[0] for peer, name in NAMES.items()}  # without the settings


def surroundings() -> dict[str, Any]:
    """Number of cores and versions of the libraries, on which the numbers depend."""
    libraries = ["collective-emission", "numpy", "scipy", "numba", "qutip"]
    libraries += [name for name in ("dynamiqs", "jax") if find_spec(name)]
    return {
        "processor": f"{len(os.sched_getaffinity(0))} cores of {_processor()}",
        "versions": {"python": platform.python_version(), **{n: version(n) for n in libraries}},
    }


def _processor() -> str:
    """The name, family and model of the processor, as Linux gives them."""
    lines = (line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if line)
    found = {name.strip(): value.strip() for name, value in lines}
    name = found.get("model name", platform.machine())
    numbers = [f"{key.split()[-1]} {found[key]}" for key in ("cpu family", "model") if key in found]
    return f"{name} ({', '.join(numbers)})" if numbers else name


def seconds_text(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def bytes_text(n: int) -> str:
    if n < 2**20:
        return "< 1 MiB"
    return f"{n / 2**20:.3g} MiB" if n < 1000 * 2**20 else f"{n / 2**30:.3g} GiB"


def line(case: dict[str, Any]) -> str:
    """The measurements of a case in one line of text."""
    mine = case["ours"]
    text = (
        f"{case['method']}, {case['n']} emitters, {case['text']}: {seconds_text(mine['seconds'])}, "
    )
    text += bytes_text(mine["bytes"])
    if "share_of_peak" in mine:
        text += f", {100 * mine['share_of_peak']['compiled']:.0f} % of the compiled peak"
    for name, other in case["peers"].items():
        text += (
            f"; {name} {seconds_text(other['seconds'])}, {bytes_text(other['bytes'])}, "
            f"ratio {other['ratio']:.3g}, difference {other['difference']:.1g}"
        )
    return text


def table(found: dict[str, Any]) -> str:
    """The measurements as Markdown."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    lines = [
        f"Measured on {found['processor']} with {versions}; tolerances 1e-6 and 1e-8, 101 times "
        "(11 for identical couplings); medians of runs taken in turns, memory beyond that of the "
        "loaded libraries.",
    ]
    for problem in dict.fromkeys(case["text"] for case in found["cases"]):
        lines += _rows(problem, [case for case in found["cases"] if case["text"] == problem])
    solvers = [NAMES[name] for name in NAMES if any(name in c["peers"] for c in found["cases"])]
    lines += [
        "",
        "The ratio is their time over ours, the median over neighbouring runs; the difference is "
        "the largest of the emission rate (of the modes' rates), relative to its maximum, and "
        "statistical for trajectories.",
        "",
        f"The other programs' solvers and their settings: {', '.join(solvers)}.",
        "",
        "| engine | first call, nothing compiled | first call of a process | later call |",
        "|---|--:|--:|--:|",
    ]
    for method, calls in found["first_calls"].items():
        times = (calls["empty_cache"], calls["kept_cache"], calls["later"])
        lines.append(f"| `{method}` | " + " | ".join(map(seconds_text, times)) + " |")
    lines += ["", "Six emitters, 16 trajectories.", "", _peak_text(found)]
    compiled: dict[str, list[str]] = {}
    for case in found["cases"]:
        for name, other in case["peers"].items():
            if "first_call" in other:
                drive = ", driven" if case["driven"] else ""
                time = f"{seconds_text(other['first_call'])} ({case['n']} emitters{drive})"
                compiled.setdefault(name, []).append(time)
    for name, times in compiled.items():
        lines.append(
            f"The first call of {SHORT[name]} compiles for {', '.join(times)}, and again for each "
            "shape."
        )
    return "\n".join(lines) + "\n"


def _rows(problem: str, cases: list[dict[str, Any]]) -> list[str]:
    """The table of one problem, below its name."""
    lines = [
        "",
        f"**{problem[0].upper()}{problem[1:]}**",
        "",
        "| emitters | threads | method | time | memory | other program | time | memory | ratio "
        "| difference |",
        "|--:|--:|---|--:|--:|---|--:|--:|--:|--:|",
    ]
    for case in cases:
        mine = case["ours"]
        start = (
            f"| {case['n']:,} | {case['threads']} | `{case['method']}` "
            f"| {seconds_text(mine['seconds'])} | {bytes_text(mine['bytes'])} "
        )
        if not case["peers"]:
            lines.append(start + "| – | | | | |")
        for name, other in case["peers"].items():
            lines.append(
                start + f"| {SHORT[name]} | {seconds_text(other['seconds'])} "
                f"| {bytes_text(other['bytes'])} | **{other['ratio']:.3g}** "
                f"| {other['difference']:.1g} |"
            )
    return lines


def _peak_text(found: dict[str, Any]) -> str:
    compiled, blas = (found["peak"][key] / 1e9 for key in ("compiled", "blas"))
    text = (
        f"One core reaches {compiled:.0f} Gflop/s with compiled multiply-adds that stay in the "
        f"registers, and {blas:.0f} in a matrix product by BLAS."
    )
    shares = []
    for case in found["cases"]:
        if "share_of_peak" in case["ours"] and case["spacing"] == 0.2:
            compiled, blas = (100 * case["ours"]["share_of_peak"][k] for k in ("compiled", "blas"))
            shares.append(f"{compiled:.0f} ({blas:.0f}) % with {case['n']} emitters")
    if shares:
        text += (
            f" Of the first (of the second), a whole run of `blocks` reaches {', '.join(shares)}."
        )
    return text


def figure(found: dict[str, Any], path: Path) -> None:
    """Seconds against number of emitters: whole runs on the left, one trajectory on the right."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from collective.plot import COLOURS

    styles = {
        "blocks": (COLOURS[0], "o-"),
        "trajectories": (COLOURS[0], "o-"),
        "driven": (COLOURS[2], "^-"),
        "mesolve": (COLOURS[1], "s--"),
        "mcsolve": (COLOURS[1], "s--"),
        "dynamiqs": (COLOURS[3], "D:"),
    }
    panels = {"time of a run (s)": ("blocks",), "time of a trajectory (s)": ("trajectories",)}
    with mpl.rc_context({"svg.hashsalt": "collective", "font.size": 9}):
        drawn, axes = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained", sharey=True)
        for ax, (label, methods) in zip(axes, panels.items(), strict=True):
            curves: dict[str, list[tuple[int, float]]] = {}
            for case in found["cases"]:
                inverted = not case.get("driven") and case["spacing"] == 0.2
                if case["method"] in methods and inverted:
                    key = case["method"]
                    curves.setdefault(key, []).append((case["n"], case["ours"]["seconds"]))
                    for name, other in case["peers"].items():
                        curves.setdefault(name, []).append((case["n"], other["seconds"]))
            for name, points in curves.items():
                colour, style = styles[name]
                who = f"collective, {name}" if name in methods else SHORT[name]
                ax.plot(*zip(*sorted(points), strict=True), style, color=colour, label=who)
            ax.set(yscale="log", xlabel="emitters N", ylabel=label)
            ax.grid(axis="y", color="0.9")
            if curves:
                ax.legend(frameon=False)
        drawn.savefig(path, metadata={"Date": None})
        plt.close(drawn)


def write(found: dict[str, Any], folder: Path) -> None:
    """Write benchmarks.json, benchmarks.md and benchmarks.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "benchmarks.md").write_text(table(found))
    figure(found, folder / "benchmarks.svg")
