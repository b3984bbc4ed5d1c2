"""How much memory is available, and the error for a problem that needs more."""

import os
import time
from pathlib import Path

from collective.errors import ProblemTooLargeError

MEMBERSHIP = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")  # where Linux shows control groups
# names of the limit, the use, and the part of the use that is a cache of files
_GROUPS_1 = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
_GROUPS_2 = "memory.max", "memory.current", "inactive_file"
FRESH = 0.05  # seconds for which an answer is reused: a small run asks ten times
_answer: tuple[float, int | None] | None = None


def bytes_text(n: int | float) -> str:
    """A number of bytes in a readable unit.

    >>> bytes_text(3.2e6)
    '3.1 MiB'
    """
    if n >= 1024**6:
        return "more than 1 EiB"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if n < 1024 or unit == "PiB":
            return f"{n:.0f} B" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1024
    raise AssertionError("unreachable")


def available_bytes() -> int | None:
    """Memory that this process can use without swapping, or None if it is unknown.

    It is the least of what the machine has left, what the limits of the process leave
    (`ulimit -v`, `ulimit -d`), and what its control groups and their parents leave.
    """
    global _answer
    now = time.monotonic()
    if _answer is None or not 0 <= now - _answer[0] < FRESH:
        known = (_machine_bytes(), *_process_bytes(), *_group_bytes())
        found = [left for left in known if left is not None]
        _answer = now, max(0, min(found)) if found else None
    return _answer[1]


def _machine_bytes() -> int | None:
    """Memory that the machine has left, or all its memory if that is unknown."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _process_bytes() -> list[int]:
    """What the limits of the process on addresses and data leave; empty without limits."""
    try:
        import resource
    except ImportError:  # not on Windows
        return []
    used = _used()
    found = []
    for limit, name in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        most, _ = resource.getrlimit(limit)
        if most != resource.RLIM_INFINITY:
            found.append(most - used.get(name, 0))
    return found


def _used() -> dict[str, int]:
    """Bytes of addresses and data of this process, by their names in Linux; empty elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return {}
    rows = (line.split() for line in lines if line.startswith("Vm"))
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows}


def _group_bytes() -> list[int]:
    """What the control groups of this process leave: its own group and all its parents.

    Version 2 has one tree of groups; version 1 has a separate tree for memory. A file that cannot
    be read, or that contains "max" and not a number, sets no limit.
    """
    try:
        lines = MEMBERSHIP.read_text().splitlines()
    except OSError:
        return []
    found: list[int] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = GROUPS / "memory" if controllers else GROUPS
        names = _GROUPS_1 if controllers else _GROUPS_2
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for depth in range(len(parts) + 1):
            found += _left_in(root.joinpath(*parts[:depth]), *names)
    return found


def _left_in(group: Path, most: str, used: str, cache: str) -> list[int]:
    """Bytes that one control group leaves; its cache of files counts as free."""
    try:
        limit, held = int((group / most).read_text()), int((group / used).read_text())
    except (OSError, ValueError):
        return []
    try:
        rows = (line.split() for line in (group / "memory.stat").read_text().splitlines())
        held -= sum(int(row[1]) for row in rows if row[0] == cache)
    except (OSError, ValueError, IndexError):
        pass
    return [limit - max(held, 0)]


def held_bytes() -> int | None:
    """Memory that this process has written to and holds now, or None if it is unknown.

    Pages of files are not counted, such as the code of libraries: the system drops them when it is
    short of memory, and reads them again when they are used, whatever the process does.
    """
    try:
        with open("/proc/self/statm", "rb") as file:
            _, resident, of_files, *_ = map(int, file.read().split())
        return (resident - of_files) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError, ValueError):
        return None


def fits(n: int) -> bool:
    """Whether n bytes are available; True if that is unknown."""
    available = available_bytes()
    return available is None or n <= available


def require(n: int, what: str, way_out: str) -> None:
    """Raise `ProblemTooLargeError` if fewer than n bytes are available."""
    available = available_bytes()
    if available is not None and n > available:
        raise ProblemTooLargeError(
            f"{what} needs {bytes_text(n)}, but {bytes_text(available)} are available; {way_out}"
        )
