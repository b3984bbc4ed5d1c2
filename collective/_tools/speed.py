"""How fast this machine is: three numbers, measured once, from which engines predict their seconds.

They are kept in a small file in the user's cache folder. Where that cannot be written, or measuring
fails, figures of a common machine serve instead: predictions are then off by its speed, no more.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from math import isfinite
from pathlib import Path

import numpy as np

from collective._tools import files

_FORMAT = 1
_SIDE = 64  # of the matrices multiplied: BLAS takes one thread for it
_ENTRIES = 100_000  # gathered
_REPEATS = 7
_BEYOND = 50.0  # times faster or slower than the common machine: not believed


@dataclass(frozen=True)
class Speed:
    """Seconds of CPU of three kinds of work; each engine's work is counted in them.

    Attributes:
        call: a call of numpy on small arrays: what Python itself takes.
        flop: a multiplication or addition in a product of large matrices.
        entry: an entry gathered from memory and multiplied.
    """

    call: float
    flop: float
    entry: float


COMMON = Speed(call=8e-7, flop=2.2e-11, entry=1.7e-9)
_known: Speed | None = None


def speed() -> Speed:
    """Of this machine; measured (a tenth of a second) the first time it is asked."""
    global _known
    if _known is None:
        _known = _kept()
    return _known


def _kept() -> Speed:
    """From the file, or measured and kept there, or common figures."""
    path = _path()
    if path is None:
        return COMMON
    found = _read(path)
    if found is not None:
        return found
    try:
        found = measured()
        if not _believed(found):
            found = COMMON  # kept as well: a clock that lies would be asked again every time
        text = json.dumps({"format": _FORMAT, **asdict(found)})

        def write(partial: Path) -> None:
            partial.write_text(text)

        files.written(path, ".json", write)
    except (OSError, ValueError, RuntimeError):
        return COMMON
    return found


def _path() -> Path | None:
    """The file of this machine, or None if there is no folder for it."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if os.environ.get("XDG_CACHE_HOME"):
        folder = Path(os.environ["XDG_CACHE_HOME"])
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif sys.platform == "darwin":
        folder = home / "Library" / "Caches"
    else:
        folder = home / ".cache"
    # one home may serve many machines
    machine = f"{platform.node()} {platform.machine()} {os.cpu_count()} {np.__version__}"
    name = sha256(machine.encode()).hexdigest()[:12]
    return folder / "collective" / f"speed-{name}.json"


def _read(path: Path) -> Speed | None:
    """What a file holds, or None if it is not there, broken or beyond belief."""
    try:
        found = json.loads(path.read_text())
        if found["format"] != _FORMAT:
            return None
        speed = Speed(*(float(found[name]) for name in ("call", "flop", "entry")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return speed if _believed(speed) else None


def _believed(found: Speed) -> bool:
    pairs = zip(asdict(found).values(), asdict(COMMON).values(), strict=True)
    return all(isfinite(a) and b / _BEYOND < a < b * _BEYOND for a, b in pairs)


def measured() -> Speed:
    """The three numbers, each the least of some repetitions: others may be using the machine."""
    rng = np.random.default_rng(0)
    small, vector = rng.random((8, 8)), rng.random(8)
    matrix = rng.random((_SIDE, _SIDE))
    values, weights = rng.random(_ENTRIES), rng.random(_ENTRIES)
    places = rng.integers(0, _ENTRIES, _ENTRIES)
    return Speed(
        call=_least(lambda: small @ vector, 1000),
        flop=_least(lambda: matrix @ matrix, 100) / (2 * _SIDE**3),
        entry=_least(lambda: float((values[places] * weights).sum()), 2) / _ENTRIES,
    )


def _least(work: Callable[[], object], times: int) -> float:
    """Seconds of CPU of one call."""
    found = []
    for _ in range(_REPEATS):
        start = time.process_time()
        for _ in range(times):
            work()
        found.append((time.process_time() - start) / times)
    return min(found)
