"""How fast this machine is: three numbers, from which engines predict how long a run takes.

They are measured once and kept in a small file in the user's cache folder. If that file cannot be
written, or measuring fails, the numbers of a common machine are used; predictions are then less
exact.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from math import isfinite
from pathlib import Path

import numpy as np

from collective._tools import files

_FORMAT = 1
_SIDE = 64  # rows of the matrices multiplied: BLAS uses one thread for them
_ENTRIES = 100_000  # entries gathered from memory
_REPEATS = 7
_CREDIBLE_FACTOR = 50.0  # faster or slower than the common machine; more is an error


@dataclass(frozen=True)
class Speed:
    """Seconds of CPU of three kinds of work; predictions count the work of an engine in them.

    Attributes:
        call: one call of numpy with small arrays, most of which is Python's own time.
        flop: one multiplication or addition in a product of large matrices.
        entry: one entry gathered from memory and multiplied.
    """

    call: float
    flop: float
    entry: float


COMMON = Speed(call=8e-7, flop=2.2e-11, entry=1.7e-9)


@cache
def speed() -> Speed:
    """The speed of this machine; the first call measures it, which takes a tenth of a second."""
    return _read_or_measured()


def _read_or_measured() -> Speed:
    """The speed in the file; else it is measured and saved; else that of a common machine."""
    path = _path()
    if path is None:
        return COMMON
    found = _read(path)
    if found is not None:
        return found
    try:
        found = measured()
        if not _credible(found):
            found = COMMON  # saved as well: a wrong clock would else be asked again every time
        text = json.dumps({"format": _FORMAT, **asdict(found)})

        def write(partial: Path) -> None:
            partial.write_text(text)

        files.written(path, ".json", write)
    except (OSError, ValueError, RuntimeError):
        return COMMON
    return found


def _path() -> Path | None:
    """The path of this machine's file, or None if there is no folder for it."""
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
    """The speed in a file, or None if the file is missing, damaged or not credible."""
    try:
        found = json.loads(path.read_text())
        if found["format"] != _FORMAT:
            return None
        speed = Speed(*(float(found[name]) for name in ("call", "flop", "entry")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return speed if _credible(speed) else None


def _credible(found: Speed) -> bool:
    """Whether the numbers are within a factor of those of a common machine."""
    pairs = zip(asdict(found).values(), asdict(COMMON).values(), strict=True)
    return all(isfinite(a) and b / _CREDIBLE_FACTOR < a < b * _CREDIBLE_FACTOR for a, b in pairs)


def measured() -> Speed:
    """The three numbers; each is the least of several repetitions, as other programs may run."""
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
    """Seconds of CPU of one call, the least of several repetitions."""
    found = []
    for _ in range(_REPEATS):
        start = time.thread_time()
        for _ in range(times):
            work()
        found.append((time.thread_time() - start) / times)
    return min(found)
