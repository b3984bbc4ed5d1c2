"""Warnings that point to the user's line, not to a line inside the package."""

import sys
import warnings

# packages whose frames may lie between the user's line and ours
_BETWEEN = {
    "collective",
    "concurrent",
    "contextlib",
    "copy",
    "dataclasses",
    "functools",
    "numba",
    "numpy",
    "qutip",
    "scipy",
    "threading",
}


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning that points to the first caller outside the package.

    If all frames are ours (in a thread of our own), the warning points to the outermost one.

    Args:
        message: what is wrong, with the number, and what the user can do about it.
        category: the class of the warning.
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _between(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _between(module: str) -> bool:
    """Whether a module belongs to us or to a package that may call us."""
    return module.partition(".")[0] in _BETWEEN
