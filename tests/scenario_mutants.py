"""Scenario files with mistakes: keys, types, values, structure and bytes, from a given generator."""

import copy
import datetime
import string
import tomllib

import collective.cli

TEXTS = [(collective.cli.example(chapter)) for chapter in collective.cli.chapters()]
# what the examples do not have
TEXTS += [
    """
[emitters]
kind = "positions"
positions = [[0, 0, 0], [0, 0.2, 0], [0, 0, "0.3 wavelengths"]]
dipoles = [[1, "1i", 0], [1, 0, 0], [0, 1, "0.5-0.5i"]]
detunings = [0.1, -0.1, 0]
decay_rates = 1.5
offset = [0, 0, 1]
[field]
kind = "plasma"
wavenumber = 2.0
[couplings]
shift = "rwa"
pump = [0.1, 0.2, 0.3]
drive = {rabi_frequency = "1+0.5i", direction = [0, 0, 1], polarisation = [1, 0, 0]}
[state]
kind = "product"
theta = [0.1, 0.2, "90 deg"]
phi = 0.5
[times]
values = [0, 0.1, 0.5, 2]
[method]
name = "trajectories"
n = 300
standard_error = 0.5
[run]
seed = 3
rtol = 1e-6
atol = 1e-9
threads = 1
""",
    """
title = "matrices"
couplings = {decay = [[1, 0.5], [0.5, 1]], shift = [[0, 2], [2, 0]], drive = 1.5, thermal_photons = 0, ising = [[0, 0.5], [0.5, 0]]}
[observe]
spectrum = {frequencies = {start = -5, stop = 5, number = 11}}
g2 = {delays = [0, 1, 2], start = "ground"}
steady = true
[output]
folder = "here"
figure = ""
""",
    """
[emitters]
kind = "chain"
n = 2
spacing = 0.3
[atoms]
kind = "isotropic"
zeeman = "0.5 linewidths"
detunings = [0.1, -0.1]
axis = [1, 0, 0]
[field]
kind = "vacuum"
[couplings]
detunings = 0.3
drive = {rabi_frequency = 0.5, direction = [0, 0, 1], polarisation = [1, "1i", 0], line = 0}
[state]
kind = "level_product"
vectors = [0.1, "0.2i", 0, 1]
[times]
stop = 1
number = 3
[method]
name = "mean_field"
[observe]
polarised_emission = true
weak_light = {frequencies = [0, 0.5], polarisation = [1, 0, 0]}
""",
    """
[emitters]
kind = "cloud"
n = 3
radius = 0.5
min_distance = 0.05
seed = 2
shape = "gaussian"
motion = {width = [0.01, 0, 0.02], seed = 4}
random_detunings = {width = 0.3, seed = 5, distribution = "uniform"}
[field]
kind = "nanowire"
radius = 0.001
permittivity = {kind = "lorentz", strengths = [1.1], wavenumbers = [60.0], dampings = [0.1]}
[state]
kind = "mixed"
populations = [0.5, 1, 0]
[times]
start = 1
stop = 3
number = 3
[method]
name = "blocks"
[grid]
emitters.radius = [0.5, 0.6]
"method.name" = ["blocks", "exact"]
run.rtol = {start = 1e-8, stop = 1e-4, number = 3, log = true}
""",
]
JUNK = [
    True, False, 0, 1, -1, 2, 7, 0.5, -0.0, 1e-320, 1e308, -1e308, 10**30, 10**400, float("nan"),
    float("inf"), -float("inf"), "", "x", "true", "0.2", "0.2 wavelengths", "3 ns", "1+2i", "nan",
    "inverted", "chain", "é\u0000\n\"", [], [[]], [1, 2, 3], [[1, 0, 0]], [1, [2]], ["a", "b"],
    [1, True], [float("nan"), 0, 1], {}, {"kind": "vacuum"}, {"start": 0, "stop": 1, "number": 3},
    {"start": 0, "stop": 1, "number": 10**12}, {"file": "none.npz", "name": "a"}, {"a": {"b": 1}},
    datetime.date(2020, 1, 2), datetime.time(3, 4), datetime.datetime(2020, 1, 2, 3, 4),
]  # fmt: skip


def toml(value):
    """A value as TOML writes it; tables inline."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {toml(v)}" for k, v in value.items()) + "}"
    return value.isoformat()


def quoted(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'


def document(data, random):
    """Tables as the text of a file, as sections or inline."""
    lines = [f"{quoted(k)} = {toml(v)}" for k, v in data.items() if not isinstance(v, dict)]
    for name, table in data.items():
        if not isinstance(table, dict):
            continue
        if random.random() < 0.1:
            lines.insert(0, f"{quoted(name)} = {toml(table)}")
            continue
        lines += ["", f"[{quoted(name)}]"]
        lines += [f"{quoted(key)} = {toml(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def places(data, path=()):
    """Every key and index of nested tables and lists, as paths."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def inside(data, path):
    """The table or list that holds the last key of a path."""
    for key in path[:-1]:
        data = data[key]
    return data


def misspelt(word, random):
    """A word with one letter lost, doubled, exchanged, or in the other case."""
    if not word:
        return "x"
    i = random.randrange(len(word))
    other = random.choice(string.ascii_letters + "_ .é")
    return random.choice(
        (
            word[:i] + word[i + 1 :],
            word[:i] + word[i] + word[i:],
            word[:i] + other + word[i + 1 :],
            word[:i] + word[i].swapcase() + word[i + 1 :],
            word + "s",
        )
    )


def mutated(data, random):
    """Change one thing in nested tables."""
    path = random.choice(list(places(data)))
    holder, key = inside(data, path), path[-1]
    kind = random.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[misspelt(key, random)] = holder.pop(key)
    elif kind == 2 and isinstance(holder[key], str):
        holder[key] = misspelt(holder[key], random)
    elif kind == 3:
        other = random.choice(list(places(data)))
        holder[key] = copy.deepcopy(inside(data, other)[other[-1]])  # the value of another key
    elif kind == 4 and isinstance(data.get(path[0]), dict):
        other = random.choice([k for k in data if isinstance(data[k], dict)])
        data[other][str(key)] = copy.deepcopy(holder[key])  # a key in another section
    else:
        holder[key] = copy.deepcopy(random.choice(JUNK))


def bytes_changed(text, random):
    """The text with some bytes changed, as a careless editor or a bad disk would."""
    content = text.encode()
    kind = random.randrange(8)
    i = random.randrange(len(content) + 1)
    j = min(len(content), i + random.randrange(1, 30))
    if kind == 0:
        return content[:i] + content[j:]
    if kind == 1:
        return content[:i] + bytes([random.randrange(256)]) + content[i + 1 :]
    if kind == 2:
        return (
            content[:i]
            + random.choice(list(b"\"'[]{}=#.,\n\r\\ 0e-_T")).to_bytes(1, "big")
            + content[i:]
        )
    if kind == 3:
        return content[:i]
    if kind == 4:
        lines = content.split(b"\n")
        k = random.randrange(len(lines))
        return b"\n".join([*lines[: k + 1], *lines[k:]])
    if kind == 5:
        lines = content.split(b"\n")
        random.shuffle(lines)
        return b"\n".join(lines)
    if kind == 6:
        return b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")
    return (
        content[:i]
        + random.choice((b"\0", b"\xff\xfe", b"[" * 3000, b"9" * 5000, b'"""'))
        + content[i:]
    )


def mutant(random):
    """The bytes of a scenario file with one to three mistakes."""
    text = random.choice(TEXTS)
    if random.random() < 0.35:
        return bytes_changed(text, random)
    data = tomllib.loads(text)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if data:
            mutated(data, random)
    return document(data, random).encode()
