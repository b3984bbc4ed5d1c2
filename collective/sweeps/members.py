"""The members of an ensemble: each is made from its number alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collective.results.result import Result
from collective.sweeps.blocks import Block, block
from collective.sweeps.seeds import derived


@dataclass(frozen=True)
class Member:
    """The job of a worker: one member of an ensemble, from its number."""

    builder: Callable[[int], Any]
    seed: int

    def __call__(self, index: int) -> Block:
        """The member as a block; raises if its run is incomplete."""
        answer = self.builder(member_seed(self.seed, index))
        found = block(answer)
        if isinstance(answer, Result):
            if not answer.complete:
                why = answer.diagnostics.get("ended", "it was interrupted")
                raise ValueError(f"the run has only the times to t = {answer.times[-1]:g}: {why}")
            del found.variables["complete"]
        if not found.attributes.get("complete", True):
            raise ValueError("the dataset is incomplete")
        return found


def member_seed(seed: int, index: int) -> int:
    """The seed of one member, from 0 to 2⁶³ − 1."""
    return derived(seed, f"member {index}")
