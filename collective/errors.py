"""The errors and warnings of the package."""

from typing import Any


class ProblemTooLargeError(MemoryError, ValueError):
    """The problem does not fit into memory; this is raised before memory is allocated."""


class EvolutionError(RuntimeError):
    """A run failed, or a warning was turned into an error; `.result` holds what was computed.

    Attributes:
        result: a `Result` if `evolve` raised the error, a `Comparison` if `compare` did, an
            `xarray.Dataset` if `sweep` or `ensemble` did.
    """

    def __init__(self, message: str, result: Any):
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        """How a pickle makes the error again: without it Python forgets the result."""
        return type(self), (str(self), self.result), vars(self)


class DivergedError(ArithmeticError):
    """An approximate engine raises it in `advance` when its numbers grow without bound.

    The run then ends: its result holds the times before that, and says why it ended.
    """


class EngineContractError(TypeError):
    """An answer of an engine given as `method` breaks the contract `co.engines.Engine`."""


class UnitWarning(UserWarning):
    """A length or a shift has a value that suggests a wrong unit."""
