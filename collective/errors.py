"""Errors and warnings of the package: what each means, and what it carries."""

from typing import Any


class ProblemTooLargeError(MemoryError, ValueError):
    """The problem does not fit into memory; raised before anything is allocated."""


class EvolutionError(RuntimeError):
    """The integrator failed, or a warning is an error here; `.result` holds what was reached.

    A `Result` from `evolve`, a `Comparison` from `compare`.
    """

    def __init__(self, message: str, result: Any):
        super().__init__(message)
        self.result = result


class UnitWarning(UserWarning):
    """A length or a shift that looks as if it were given in another unit than meant."""
