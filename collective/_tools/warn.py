"""Warnings that point at the user's line, not at one inside the package."""

import sys
import warnings

# frames that stand between the user's line and ours: of our own, and of what calls us back
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
    """Warn on behalf of the first caller outside the package, however deep we are.

    Where the whole stack is ours (a thread of our own), the outermost frame stands for the user.

    Args:
        message: what is wrong, with the number, and what the user can do about it.
        category: of the warning.
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _between(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _between(module: str) -> bool:
    return module.partition(".")[0] in _BETWEEN
