"""Random numbers of disordered emitters: which sites are filled, where each sits, its detuning.

Every kind of disorder draws from a stream of its own, so that one seed can serve all of them: the
displacements of a seed know nothing of the sites that the same seed leaves empty, nor of the random
numbers of an engine with this seed.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks

# keys of the streams: two numbers, because engines that sample have keys of one number
_FILLING, _MOTION, _DETUNINGS = ((0, kind) for kind in range(3))


def filled(n: int, fraction: float, seed: int) -> NDArray[np.bool_]:
    """Which of n sites are filled, each with the same probability, (n,); at least one is."""
    fraction = checks.number("fraction", fraction, above=0)
    if fraction > 1:
        raise ValueError(f"fraction must be at most 1, a probability; got {fraction:g}")
    kept = _stream(seed, _FILLING).random(n) < fraction
    if not kept.any():
        raise ValueError(
            f"fraction {fraction:g} leaves none of {n} emitters with seed "
            f"{checks.short(seed)}: enlarge fraction, or take another seed"
        )
    return kept


def displacements(n: int, width: ArrayLike, seed: int) -> NDArray[np.float64]:
    """Gaussian displacements of n emitters, independent along each axis, (n, 3)."""
    widths = checks.finite("width", width)
    if widths.shape not in ((), (3,)):
        raise ValueError(f"width must be one number or (3,), one for each axis; got {widths.shape}")
    if np.any(widths < 0):
        raise ValueError(f"width must not be negative, got {widths.min():g}")
    return widths * _stream(seed, _MOTION).standard_normal((n, 3))


def random_detunings(
    n: int, width: float, seed: int, distribution: str = "gaussian"
) -> NDArray[np.float64]:
    """Independent random detunings of n emitters, (n,); `width` is as in `Emitters`."""
    width = checks.not_negative("width", width)
    kinds = ("gaussian", "lorentzian", "uniform")
    kind = checks.choice("distribution", distribution, kinds)
    stream = _stream(seed, _DETUNINGS)
    if kind == "gaussian":
        return width * stream.standard_normal(n)
    if kind == "lorentzian":
        return width * stream.standard_cauchy(n)
    return width * stream.uniform(-1.0, 1.0, n)


def _stream(seed: Any, key: tuple[int, int]) -> np.random.Generator:
    """The random numbers of one kind of disorder."""
    seed = checks.count("seed", seed, minimum=0, maximum=None)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
