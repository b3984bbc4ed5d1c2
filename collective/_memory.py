"""How much memory a problem takes and how much there is, so that refusals come with numbers."""

import os
from pathlib import Path


class ProblemTooLargeError(MemoryError, ValueError):
    """The problem does not fit into memory; raised before anything is allocated."""


def bytes_text(n: int | float) -> str:
    """A size as people write it.

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
    """Memory that can be taken without swapping, or None where the system does not say."""
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


def resident_bytes() -> int | None:
    """Memory this process holds now, or None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError, ValueError):
        return None


def require(n: int, what: str, way_out: str) -> None:
    """Raise `ProblemTooLargeError` unless n bytes are available."""
    available = available_bytes()
    if available is not None and n > available:
        raise ProblemTooLargeError(
            f"{what} needs {bytes_text(n)}, but {bytes_text(available)} are available; {way_out}"
        )
