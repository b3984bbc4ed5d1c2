"""Paths of integration over k_z: for imaginary k the real line, for real k a dip below it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.fields import _filon

_DIP = 2.5  # how far e^{−ik_zz} may grow on the dipped path: e^2.5
_LARGEST_DIP = 0.25  # of k
_LOWEST = 1e-7  # of the decay: where the logarithmic panels of the imaginary axis begin
_BACKWARD = (-3.0, -0.9)  # Re ε between which surface modes may have negative group velocity
_SHALLOWEST = 1e-3  # of k: closer to the light line too many digits are lost
_GAIN_GROWTH = 20.0  # e^20 is lost of sixteen digits
_NOISE = 1e-12  # relative: round-off in the spectrum over k_z


def imaginary_axis(kappa: float, decay: float) -> NDArray[np.complex128]:
    """Edges of logarithmic panels from 0: singularities are at least as far as k_z itself.

    They end where λ exceeds κ by the decay, at the next of few values, so that one set of weights
    serves many κ.
    """
    end = np.sqrt(decay * (decay + 2 * kappa))
    steps = np.arange(int(np.floor(np.log2(_LOWEST))), int(np.ceil(np.log2(end / decay))) + 1)
    return np.concatenate([[0.0], decay * 2.0**steps]).astype(complex)


def real_axis(
    k: float,
    end: float,
    depth: float,
    shortest: float,
    spectrum: Callable[[NDArray[Any]], NDArray[Any]],
    epsilon: complex,
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Down from 0, then parallel to the real axis below the light line and the poles.

    Returns:
        Edges of panels that resolve the spectrum, and the spectrum at their nodes.
    """
    # graded towards the light line, the one singularity whose place is known
    steps = depth * (2.0 ** np.arange(1, 60) - 1)
    steps = steps[steps < 0.4 * k]
    along = [*(k - steps[::-1]), k, *(k + steps), 1.5 * k]
    while along[-1] < end:
        along.append(2 * along[-1])
    down = -1j * depth * np.array([0.0, 0.5, 1.0])
    edges = np.concatenate([down, np.array([*along[:-1], max(end, 1.75 * k)]) - 1j * depth])
    # of a wire that is all but vacuum little is left after cancellation
    noise = _NOISE * max(1.0, 0.01 / abs(epsilon - 1))
    return _filon.refined(edges, spectrum, min(depth / 4, shortest), noise)


def depth(k: float, epsilon: complex, radius: float, z: float) -> float:
    """How far the path of integration dips below the real axis: past no pole."""
    if epsilon.imag < 0:
        # amplified waves' poles have crossed the axis; the path stays below them
        dip = _LARGEST_DIP * k
        if dip * z > _GAIN_GROWTH:
            raise ValueError(
                f"with gain points may be at most {_GAIN_GROWTH / dip:.3g} apart along the "
                f"wire, got {z:.3g}"
            )
        return dip
    dip = min(_LARGEST_DIP * k, _DIP / max(z, 1e-300))
    if _BACKWARD[0] < epsilon.real < _BACKWARD[1]:
        # modes with m ≥ 1 run backwards here: absorption moves their poles below the axis,
        # by more than Im ε/R
        above = epsilon.imag / (2 * radius)
        dip = min(dip, above)
        if above < _SHALLOWEST * k:
            raise ValueError(
                f"permittivity {epsilon:g} at k = {k:g}: between {_BACKWARD[0]:g} and "
                f"{_BACKWARD[1]:g} a wire guides backward waves, which need absorption to be "
                f"told from forward ones: Im ε above {2 * radius * k * _SHALLOWEST:.2g}"
            )
    return dip
