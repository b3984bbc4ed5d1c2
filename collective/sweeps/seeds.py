"""Seeds that depend on one number and a text alone: not on order, neighbours or workers."""

import hashlib

import numpy as np


def derived(seed: int, text: str) -> int:
    """An integer below 2⁶³ from a seed and a text.

    It comes from numpy's `SeedSequence` of the seed and the SHA-256 of the text, so that different
    texts give independent streams of random numbers.
    """
    words = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u4")
    sequence = np.random.SeedSequence([seed, *(int(word) for word in words)])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
