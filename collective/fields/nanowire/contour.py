"""Paths of integration over k_z: a ray for imaginary k, a dip below the real line for real k.

For k = iκ every singularity lies on the imaginary k_z axis, at |k_z| ≥ κ if εμ ≥ 1. Reason: with
e^{ik_zz} the energy that the wire takes up, κ∫(ε|E|² + μ|H|²) > 0, leaves through the flux
2 Im k_z ∫(E×H*)_z, which is zero unless k_z² is real. For points that are apart along the wire the
integral is smaller than the integrand on the real line by e^{−κ|r−r'|}, and its digits are lost.
The path k_z = iβκ + te^{iπ/6}, from iβκ upwards to the right, keeps them: e^{ik_zz} decays along
it. The mirror image of the path gives the complex conjugate. β is called the height of the path.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.fields.nanowire import filon

_DIP = 2.5  # how far e^{−ik_zz} may grow on the dipped path: e^2.5
_LARGEST_DIP = 0.25  # of k
_LOWEST = 1e-7  # of the decay: where the logarithmic panels of the imaginary axis begin at least
_BACKWARD = (-3.0, -0.9)  # Re ε between which surface modes may have negative group velocity
_SHALLOWEST = 1e-3  # of k: closer to the light line too many digits are lost
_GAIN_GROWTH = 20.0  # e^20 is lost of sixteen digits
RAY = np.exp(1j * np.pi / 6)  # the direction of the path for imaginary k and points apart
_FLAT = 0.3  # z over distance up to which the real line is good enough
_STEEP = 1.26  # z over distance; above it the highest path is used, below it the lowest
_HEIGHTS = 0.565, 0.7, 0.945  # β; the one in the middle has the fewest nodes
_LOST = 9.0  # e^9 is lost of sixteen digits where one path serves pairs of different slopes
NEGLIGIBLE = -1.0  # in place of β: the integral, of the size e^{−κs}, counts as zero
_FARTHEST = 300.0  # κs beyond which it does
_FIRST = 0.6  # length of the first panel in units of the distance to the singularity at iκ
# phase by which e^{−λ·distance} may turn in one panel, and in all before it has decayed
_TURN, _MOST_TURNS = 6.0, 150.0
_BEND = 1.5  # in units of κ: farther along the ray e^{−λ·distance} decays while it turns
_STEP = 4.0  # κ is rounded up to a power of this
_NOISE = 1e-12  # relative: round-off in the spectrum over k_z


def imaginary_axis(kappa: float, decay: float, nearest: float) -> NDArray[np.complex128]:
    """Edges of logarithmic panels from 0, the first shorter than the distance of a singularity.

    They end where λ exceeds κ by the decay. Both ends are rounded to one of few values, so that
    one set of weights serves many κ.

    Args:
        kappa: of k = iκ.
        decay: by how much λ exceeds κ where the panels end.
        nearest: distance of the nearest singularity from 0: κ, or less if εμ < 1.
    """
    end = np.sqrt(decay * (decay + 2 * kappa))
    first = min(int(np.floor(np.log2(max(_LOWEST, _FIRST * nearest / decay)))), 0)
    steps = np.arange(first, int(np.ceil(np.log2(end / decay))) + 1)
    return np.concatenate([[0.0], decay * 2.0**steps]).astype(complex)


def heights(kappa: float, z: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[Any]:
    """The height β of the path for each pair, `NEGLIGIBLE` where the integral counts as zero.

    At β = sin ψ with tan ψ = z/distance the integrand is as small as the integral. At another
    angle it is larger by e^{κs(1 − cos δψ)}, s² = z² + distance². One path serves all pairs, or
    most of them, if that is at most e^9. Three paths are enough up to κs = 150.

    Args:
        kappa: of k = iκ.
        z: how far the points of each pair are apart along the wire.
        distance: of each pair across the wire: from one point to the surface and from there to
            the other.
    """
    slope, length = z / distance, np.hypot(z, distance)
    kappa = _rounded(kappa)
    if np.all(slope <= _FLAT):
        return np.where(kappa / _STEP * length > _FARTHEST, NEGLIGIBLE, 0.0)
    psi, size = np.arctan(slope), kappa * length
    low, middle, high = _HEIGHTS
    cheap, common = (
        size * (1 - np.cos(psi - np.arcsin(height))) <= _LOST for height in (middle, high)
    )
    if np.all(cheap):
        return np.full(len(z), middle)
    apart = np.where(slope <= _FLAT, 0.0, np.where(slope <= _STEEP, low, high))
    return np.where(size / _STEP > _FARTHEST, NEGLIGIBLE, np.where(common, high, apart))


def raised(kappa: float, decay: float, height: float, distance: float) -> NDArray[np.complex128]:
    """Edges of panels on the ray from 0, logarithmic except the first; the path is iβκ higher.

    Args:
        kappa: of k = iκ.
        decay: by how much λ exceeds its least value where the path ends.
        height: β.
        distance: the largest distance of the pairs across the wire, which sets how fast
            e^{−λ·distance} turns within a panel.
    """
    return _ray(_rounded(kappa), decay, height, distance)


@lru_cache(maxsize=16)
def _ray(kappa: float, decay: float, height: float, distance: float) -> NDArray[np.complex128]:
    """The edges for a rounded κ, kept for the next call."""
    # the singularity at iκ is (1 − β)κ away from where the path begins
    first = np.log2(max(_FIRST * (1 - height) * kappa / _STEP / decay, _LOWEST))
    last = np.log2(np.sqrt(1 + 2 * kappa / decay) / RAY.real)
    steps = np.arange(int(np.floor(first)), max(int(np.ceil(last)), int(np.floor(first)) + 1) + 1)
    along = np.concatenate([[0.0], decay * 2.0**steps])
    steepest = max(1.0, height / np.sqrt(1 - height**2))  # |dλ/dk_z| where the path begins
    longest = _TURN / steepest / min(distance, _MOST_TURNS / kappa)
    pieces = np.where(along[:-1] < _BEND * kappa, np.ceil(np.diff(along) / longest), 1).astype(int)
    ends = zip(along[:-1], along[1:], pieces, strict=True)
    parts = [np.linspace(a, b, n, endpoint=False) for a, b, n in ends]
    found = np.asarray(RAY * np.concatenate([*parts, along[-1:]]))
    found.flags.writeable = False
    return found


def _rounded(kappa: float) -> float:
    """κ rounded up to one of few values, so that many κ share their paths and weights."""
    return float(_STEP ** np.ceil(np.log(kappa) / np.log(_STEP)))


def real_axis(
    k: float,
    end: float,
    depth: float,
    shortest: float,
    spectrum: Callable[[NDArray[Any]], NDArray[Any]],
    contrast: float,
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """The path down from 0, then parallel to the real axis below the light line and the poles.

    Returns:
        Edges of panels that resolve the spectrum, and the spectrum at their nodes.
    """
    # panels become shorter towards the light line, the one singularity whose place is known
    steps = depth * (2.0 ** np.arange(1, 60) - 1)
    steps = steps[steps < 0.4 * k]
    along = [*(k - steps[::-1]), k, *(k + steps), 1.5 * k]
    while along[-1] < end:
        along.append(2 * along[-1])
    down = -1j * depth * np.array([0.0, 0.5, 1.0])
    edges = np.concatenate([down, np.array([*along[:-1], max(end, 1.75 * k)]) - 1j * depth])
    # if the wire is almost vacuum, little is left after cancellation
    noise = _NOISE * max(1.0, 0.01 / contrast)
    return filon.refined(edges, spectrum, min(depth / 4, shortest), noise)


def depth(k: float, epsilon: complex, mu: complex, radius: float, z: float) -> float:
    """How far the path of integration dips below the real axis without passing a pole."""
    if epsilon.imag < 0 or mu.imag < 0:
        # amplified waves' poles have crossed the axis; the path stays below them
        dip = _LARGEST_DIP * k
        if dip * z > _GAIN_GROWTH:
            raise ValueError(
                f"with gain points may be at most {_GAIN_GROWTH / dip:.3g} apart along the "
                f"wire, got {z:.3g}"
            )
        return dip
    dip = min(_LARGEST_DIP * k, _DIP / max(z, 1e-300))
    for name, value, other in (("permittivity", epsilon, mu), ("permeability", mu, epsilon)):
        # where modes of one constant run backwards is known for the other at 1
        lowest = _BACKWARD[0] if other == 1 else -np.inf
        if lowest < value.real < _BACKWARD[1]:
            # modes with m ≥ 1 run backwards here: absorption moves their poles below the axis,
            # by more than Im ε/R
            above = value.imag / (2 * radius)
            dip = min(dip, above)
            if above < _SHALLOWEST * k:
                known = "" if other == 1 else f" with the other constant at {other:g}"
                raise ValueError(
                    f"{name} {value:g} at k = {k:g}: between {lowest:g} and {_BACKWARD[1]:g}"
                    f"{known} a wire guides backward waves, which differ from forward "
                    f"ones only with absorption: Im ε above {2 * radius * k * _SHALLOWEST:.2g}"
                )
    if epsilon.real < 0 and mu.real < 0:
        # a negative index: waves inside run backwards, damped by Im n·k or more
        above = k * abs(np.sqrt(epsilon * mu + 0j).imag) / 2
        dip = min(dip, above)
        if above < _SHALLOWEST * k:
            raise ValueError(
                f"permittivity {epsilon:g} and permeability {mu:g} at k = {k:g}: a wire of "
                "negative index guides backward waves, which differ from forward ones only with "
                f"absorption: |Im √(εμ)| above {2 * _SHALLOWEST:.2g}"
            )
    return dip
