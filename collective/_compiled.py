"""Compilation of kernels by numba, kept on disk where there is somewhere to keep them."""

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` with a cache; without one where no cache directory can be written."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # no locator available: neither the package's folder nor the user's
            return njit(**options)(function)

    return decorate
