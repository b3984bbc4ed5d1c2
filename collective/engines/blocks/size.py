"""How large vectors, ellipses and expansions of the block engine are; it compiles nothing."""

from collective.engines.numerics.spectrum import Ellipse

VECTOR_BYTES = 64  # of a row of a panel, as in `numerics.lanes`
_STAGE = 2**17  # numbers; smaller blocks share a stage
# The jumps make the generator far from normal. On an ellipse with room at large decay rates, and
# nearly as wide as long, the terms of an expansion hardly grow beyond ρ, and no more are needed.
_DECAY, _WIDTH, _ROUND = 1.25, 0.95, 0.45


def longest_stage(blocks: list[int]) -> int:
    """The largest number of entries of a stage of `passes`, for blocks of these numbers of entries.

    It is that of the largest block, or of all of them if they are small.
    """
    return min(sum(blocks), max(_STAGE, *blocks))


def ellipse(decay: float, frequency: float) -> Ellipse:
    """The ellipse of an expansion, for a spectrum with these largest rates."""
    return Ellipse(_DECAY * decay, max(_WIDTH * frequency, _ROUND * decay))
