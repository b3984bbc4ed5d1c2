"""The Philox generator inside kernels: random numbers of any trajectory and any jump at once.

Philox4x64-10 (Salmon et al., Proc. SC11, 16 (2011)) turns a counter of four words and a key of two
into four random words. The counter is the number of the jump and the number of the trajectory, so
that no random number depends on what other trajectories have drawn. numpy has the same generator,
which counts once before it draws.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.numerics.lanes import inline

_ROUNDS = 10
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_FIRST, _SECOND = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_FIRST_STEP, _SECOND_STEP = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_DROPPED = np.uint64(11)  # bits, so that 53 are left
_UNIT = 2.0**-53


def key_of(seed: int) -> NDArray[np.uint64]:
    """The two words of the key that numpy's Philox makes of a seed."""
    state: Any = np.random.Philox(seed).state
    return np.array(state["state"]["key"], dtype=np.uint64)


@inline
def _multiplied(a, b):  # type: ignore[no-untyped-def]
    """The upper and the lower word of the product of two words."""
    a0, a1, b0, b1 = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    middle = a1 * b0 + (a0 * b0 >> _HALF)
    other = a0 * b1 + (middle & _LOW)
    return a1 * b1 + (middle >> _HALF) + (other >> _HALF), a * b


@inline
def uniforms(key, jump, trajectory):  # type: ignore[no-untyped-def]
    """Three uniform random numbers in [0, 1) for one stretch of a trajectory.

    Args:
        key: (2,), see `key_of`.
        jump: the number of jumps before this stretch.
        trajectory: the number of the trajectory.
    """
    zero = np.uint64(0)
    a, b, c, d = np.uint64(jump), np.uint64(trajectory), zero, zero
    k, l = key[0], key[1]
    for _ in range(_ROUNDS):
        upper, lower = _multiplied(_FIRST, a)
        above, below = _multiplied(_SECOND, c)
        a, b, c, d = above ^ b ^ k, below, upper ^ d ^ l, lower
        k += _FIRST_STEP
        l += _SECOND_STEP
    return (a >> _DROPPED) * _UNIT, (b >> _DROPPED) * _UNIT, (c >> _DROPPED) * _UNIT
