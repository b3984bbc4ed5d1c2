"""The measurements of `accuracy.py` in a line, a table, a figure and a file."""

import json
from pathlib import Path
from typing import Any

import accuracy_cases
import numpy as np

LABELS = ("mean field", "order 2", "order 3", "Wigner", "conditional")
EXAMPLE = "3 × 3, 0.1 λ"  # drawn as curves
SHOWN = (  # of which the documentation has a table
    "chain of 8, 0.4 λ",
    "chain of 8, 0.2 λ",
    "chain of 8, 0.1 λ",
    "chain of 8, 0.05 λ",
    "chain of 8 along its dipoles, 0.1 λ",
    "3 × 3, 0.2 λ",
    "3 × 3, 0.1 λ",
    "ring of 8, 0.1 λ",
    "cube of 8, 0.1 λ",
    "cloud of 8, radius 0.25 λ, at least 0.05 λ apart, seed 0",
    "10 identical",
    "30 identical",
    "chain of 6, 0.2 λ, Ω = 0.2",
    "chain of 6, 0.2 λ, Ω = 1.0",
    "chain of 6, 0.2 λ, Ω = 5.0",
    "chain of 6, 0.1 λ, Ω = 5.0",
)


def percent(x: float) -> str:
    return f"{100 * x:.2g} %" if x < 1 else f"{x:.2g} ×"


def line(row: dict[str, Any]) -> str:
    """The errors of all engines for one problem: true, estimated, expected."""
    parts = []
    for label, found in row["engines"].items():
        covered = "" if found["covered"] else f" MISSED at t = {found['missed_at']:.2g}"
        expected = "–" if found["expected"] is None else percent(found["expected"])
        true, estimate = percent(found["true"]), percent(found["estimate"])
        parts.append(f"{label} {true} (said {estimate}, expected {expected}){covered}")
    return f"{row['name']}: " + "; ".join(parts)


def gathered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each engine and group: cases, share covered, median ratio of estimated to true error."""
    found = []
    groups = [*accuracy_cases.GROUPS, "all", "fresh"]
    for label in LABELS:
        for group in groups:
            here = [
                row["engines"][label]
                for row in rows
                if label in row["engines"]
                and (group == "all" or (group == "fresh" and row["fresh"]) or row["group"] == group)
            ]
            if not here:
                continue
            true, ratio = np.array([[x["true"], x["ratio"]] for x in here]).T
            known = [x for x in here if x["expected"] is not None and x["true"] > 1e-3]
            guesses = [(x["expected"] + 1e-3) / (x["true"] + 1e-3) for x in known]
            found.append(
                {
                    "engine": label,
                    "group": group,
                    "cases": len(here),
                    "true": [float(q) for q in np.quantile(true, (0.5, 0.95))],
                    "covered": float(np.mean([x["covered"] for x in here])),
                    "ratio": float(np.median(ratio)),
                    "expected": float(np.median(guesses)) if guesses else None,
                    "expected_90": [float(q) for q in np.quantile(guesses, (0.05, 0.95))]
                    if guesses
                    else None,
                }
            )
    return found


def believed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How good the engine is that expects the least error, compared with the best one."""
    ratios = []
    for row in rows:
        known = {k: x for k, x in row["engines"].items() if x["expected"] is not None}
        if len(known) > 1:
            named = min(known, key=lambda k: known[k]["expected"])
            best = min(x["true"] for x in known.values())
            ratios.append(known[named]["true"] / max(best, 1e-3))  # below 1e-3 all are good
    within = {str(q): float(np.mean(np.array(ratios) <= q)) for q in (1.0, 1.5, 2.0, 3.0)}
    return {"cases": len(ratios), "within": within}


def summary(rows: list[dict[str, Any]]) -> str:
    """What `gathered` and `believed` say, in text."""
    lines = []
    for x in gathered(rows):
        guess = "" if x["expected"] is None else f", expected / true {x['expected']:.2g}"
        if guess:
            guess += " (90 %: {:.2g} … {:.2g})".format(*x["expected_90"])
        lines.append(
            f"{x['engine']}, {x['group']}: {x['cases']} cases, error {percent(x['true'][0])} "
            f"(95 %: {percent(x['true'][1])}), covered {100 * x['covered']:.1f} %, "
            f"estimate / true {x['ratio']:.2g}{guess}"
        )
    if any(len(row["engines"]) > 1 for row in rows):
        found = believed(rows)
        shares = ", ".join(f"{100 * v:.0f} % within {k}" for k, v in found["within"].items())
        lines.append(
            f"the engine to believe, of {found['cases']} cases, against the best: {shares}"
        )
    return "\n".join(lines)


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown for the page: all groups, then some problems."""
    names = {"all": "all", "fresh": "of these, not used in the fit"}
    lines = [
        "| engine | problems | cases | error, median | error, 95 % below | covered "
        "| estimate ÷ error | expected ÷ error |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for x in gathered(rows):
        guess = "–" if x["expected"] is None else f"{x['expected']:.2g}"
        lines.append(
            f"| {x['engine']} | {names.get(x['group'], x['group'])} | {x['cases']} "
            f"| {percent(x['true'][0])} | {percent(x['true'][1])} | {100 * x['covered']:.0f} % "
            f"| {x['ratio']:.2g} | {guess} |"
        )
    lines += ["", "Error of the emission (what the engine says) in some problems:", ""]
    lines += ["| problem | " + " | ".join(LABELS) + " |", "|---|" + "--:|" * len(LABELS)]
    by_name = {row["name"]: row["engines"] for row in rows}
    for name in SHOWN:
        cells = []
        for label in LABELS:
            found = by_name.get(name, {}).get(label)
            text = "–"
            if found is not None:
                text = f"{percent(found['true'])} ({percent(found['estimate'])})"
            cells.append(text)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def figure(rows: list[dict[str, Any]], example: dict[str, Any], times: Any, path: Path) -> None:
    """Estimated against true error of every case, and one problem with the bands of all engines."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from collective.plot import COLOURS

    markers = dict(zip(LABELS, "vos^D", strict=True))
    colours = dict(zip(LABELS, COLOURS, strict=False))
    with mpl.rc_context({"svg.hashsalt": "collective", "font.size": 9}):
        drawn, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="constrained")
        for label in LABELS:
            here = [row["engines"][label] for row in rows if label in row["engines"]]
            if not here:
                continue
            points = np.array([[x["true"], x["estimate"] + x["scatter"]] for x in here])
            style = {"ms": 2.5, "ls": "", "color": colours[label], "alpha": 0.7}
            style["rasterized"] = True  # a thousand markers
            left.plot(*np.maximum(points, 1e-4).T, markers[label], label=label, **style)
        line = np.array([1e-4, 3])
        left.plot(line, line, "k-", lw=0.8)
        left.plot(line, 3 * line, "k:", lw=0.8)
        left.set(xscale="log", yscale="log", xlim=(1e-4, 3), ylim=(1e-4, 10))
        left.set(xlabel="true error of the emission", ylabel="what the engine says")
        left.legend(frameon=False, fontsize=8)
        right.plot(times, example["exact"], "k-", lw=1.2, label="exact")
        for label in LABELS:
            if label in example:
                emission, band = example[label]
                until = times[: len(emission)]
                right.plot(until, emission, color=colours[label], lw=1, label=label)
                low, high = emission - band, emission + band
                right.fill_between(until, low, high, color=colours[label], alpha=0.15, lw=0)
        right.set(xlim=(0, 3), ylim=(0, None), xlabel="time (1/Γ₀)", ylabel="emission (Γ₀)")
        right.set_title(EXAMPLE, fontsize=9)
        right.legend(frameon=False, fontsize=8)
        drawn.savefig(path, metadata={"Date": None}, dpi=200)
        plt.close(drawn)


def rounded(x: Any) -> Any:
    """The same with all numbers to three digits."""
    if isinstance(x, dict):
        return {key: rounded(value) for key, value in x.items()}
    if isinstance(x, list):
        return [rounded(value) for value in x]
    return float(f"{x:.3g}") if isinstance(x, float) else x


def write(rows: list[dict[str, Any]], example: Any, times: Any, folder: Path) -> None:
    """Write accuracy.json, accuracy.md and accuracy.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"groups": gathered(rows), "believed": [believed(rows)], "cases": rows}
    lists = []
    for name, entries in parts.items():
        lines = ",\n".join(
            json.dumps(rounded(x), ensure_ascii=False, separators=(",", ":")) for x in entries
        )
        lists.append(f'"{name}": [\n{lines}\n]')
    text = "{" + ",\n".join(lists) + "}\n"
    (folder / "accuracy.json").write_text(text, encoding="utf-8")
    (folder / "accuracy.md").write_text(table(rows), encoding="utf-8")
    figure(rows, example, times, folder / "accuracy.svg")
