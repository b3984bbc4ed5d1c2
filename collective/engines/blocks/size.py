"""How much the vectors of the block engine hold; importing this compiles nothing."""

VECTOR_BYTES = 64  # of a row of a panel, as in `numerics.lanes`
_STAGE = 2**17  # numbers; smaller blocks share a stage


def stage(blocks: list[int]) -> int:
    """The largest number of entries of a stage of `passes`, for blocks of these numbers of entries.

    It is that of the largest block, or of all of them if they are small.
    """
    return min(sum(blocks), max(_STAGE, *blocks))
