"""The tables of the page on scenario files, made from the schema by which files are checked."""

import re
from pathlib import Path

from collective.scenarios import schema
from collective.scenarios.observing import OBSERVABLES
from collective.scenarios.options import NAMED
from collective.scenarios.quantities import SPELLED, UNITS

HEAD = "| key | value | unit | default | meaning |\n|---|---|---|---|---|"
SHORTEST = 12  # letters of a meaning
SHORT = {
    "array": "numbers",
    "complex": "complex number",
    "disorder": "table",
    "drive": "numbers, or a plane wave",
    "flag": "true or false",
    "integer": "integer",
    "levels": "names or numbers of levels",
    "material": "number or material",
    "number": "number",
    "observable": "true, or a table",
    "permutations": "permutations",
    "polarisation": "word or vector",
    "state": "state",
    "text": "text",
    "versions": "texts by name",
    "word": "word",
}


def write(path):
    """Write all tables to a file."""
    Path(path).write_text(tables(), encoding="utf-8")


def tables():
    """Every section with its keys, then the tables that stand in other tables."""
    parts = []
    for section in schema.SECTIONS.values():
        parts += [f"### [{section.name}]", "", section.meaning, ""]
        parts += variants(section.variants(), section.selector, section.default)
    parts += ["### Observables", "", "The keys of the table of each observable in [observe].", ""]
    for name in OBSERVABLES:
        found = schema.observable_options(name)
        parts += [f"**{name}**: {sentence(found.meaning)}", ""]
        if found.keys:
            parts += [HEAD, *rows({"": found}), ""]
    parts += ["### Disorder", "", "The tables in [emitters] that add disorder, in this order.", ""]
    for name, found in schema.disorder().items():
        parts += [f"**{name}**: {sentence(found.meaning)}", "", HEAD, *rows({"": found}), ""]
    parts += ["### Materials", "", "A permittivity or a permeability as a table.", ""]
    parts += variants(schema.material_kinds(), "kind", None)
    parts += ["### Plane waves", "", "The table of a drive in [couplings].", ""]
    parts += [HEAD, *rows({"": schema.drive_options()}), ""]
    parts += [
        "### Units",
        "",
        "| dimension | unit of a number | units of a text |",
        "|---|---|---|",
    ]
    for dimension in dict.fromkeys(kind for kind, _, _ in UNITS.values()):
        known = ", ".join(name for name, (kind, _, _) in UNITS.items() if kind == dimension)
        parts.append(f"| {dimension} | {SPELLED[dimension]} | {known} |")
    return "\n".join(parts) + "\n"


def variants(every, selector, default):
    """The words of a selector with what they mean, and the keys of all variants."""
    lines = []
    if selector:
        lines += [f"| {selector} | |", "|---|---|"]
        for word, found in every.items():
            note = " (the default)" if word == default else ""
            lines.append(f"| `{word}` | {sentence(found.meaning)}{note} |")
        lines.append("")
    elif len(every) == 1 and not next(iter(every.values())).keys:
        return lines
    if any(found.keys for found in every.values()):
        lines += [HEAD, *rows(every), ""]
    return lines


def rows(every):
    """One row for each key; a key that differs between variants has a row for each kind of it."""
    found = {}
    for word, options in every.items():
        for key in options.keys.values():
            default = "required" if key.required else shown(key.default)
            cells = (SHORT[key.kind], SPELLED[key.dimension], default, sentence(key.meaning))
            found.setdefault((key.name, cells), []).append(word)
    for (name, cells), words in found.items():
        named = ", ".join(word or "without decay" for word in words)
        only = "" if len(words) == len(every) else f" ({named})"
        yield f"| `{name}`{only} | {' | '.join(cells)} |"


def shown(default):
    """A default as it would stand in a file; nothing for None."""
    if default is None:
        return ""
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, tuple):
        return str(list(default))
    if isinstance(default, complex):
        return f"{default.real:g}"
    return f"{default:g}" if isinstance(default, float) else str(default)


def sentence(text):
    """The first sentence of a meaning, or two if it is very short, as a cell of a table."""
    sentences = re.split(r"(?:\.|;) ", text)
    first = sentences.pop(0)
    while sentences and len(first) < SHORTEST:  # "P" alone says nothing
        first = f"{first}; {sentences.pop(0)}"
    first = first.rstrip(".")
    first = re.sub(r":math:`([^`]*)`", r"$\1$", first)
    return first.replace("``", "`").replace("|", "\\|")


assert set(SHORT) >= set(NAMED)
