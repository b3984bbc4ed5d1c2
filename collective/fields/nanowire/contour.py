"""Paths of integration over k_z: for imaginary k a ray, for real k a dip below the real line.

For k = iκ every singularity lies on the imaginary k_z axis, at |k_z| ≥ κ where εμ ≥ 1: with
e^{ik_zz} the energy that the wire takes up, κ∫(ε|E|² + μ|H|²) > 0, leaves through the flux
2 Im k_z ∫(E×H*)_z, which is nothing unless k_z² is real. For points apart along the wire the
integral is e^{−κ|r−r'|} of the integrand on the real line, and its digits are lost. The path from
iβκ upwards to the right, k_z = iβκ + te^{iπ/6}, keeps them: e^{ik_zz} decays along it. Its mirror
image gives the complex conjugate.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.fields.nanowire import filon

_DIP = 2.5  # how far e^{−ik_zz} may grow on the dipped path: e^2.5
_LARGEST_DIP = 0.25  # of k
_LOWEST = 1e-7  # of the decay: where the logarithmic panels of the imaginary axis begin
_BACKWARD = (-3.0, -0.9)  # Re ε between which surface modes may have negative group velocity
_SHALLOWEST = 1e-3  # of k: closer to the light line too many digits are lost
_GAIN_GROWTH = 20.0  # e^20 is lost of sixteen digits
RAY = np.exp(1j * np.pi / 6)  # the direction of the path for imaginary k and points apart
_FLAT = 0.3  # z over distance up to which the real line will do
_STEEP = 1.26  # z over distance where two other paths part
_LIFTS = 0.565, 0.7, 0.945  # β; the one in the middle has the fewest nodes
_LOST = 9.0  # e^9 is lost of sixteen digits where several would be best but one serves
GONE = -1.0  # in place of β: e^{−κs} is nothing
_NOTHING = 300.0  # κs beyond which it is
_FIRST = 0.6  # of the distance to κ: the first panel
_TURN, _MOST_TURNS = 6.0, 150.0  # how far e^{−λ·distance} may turn in a panel, and before it ends
_BEND = 1.5  # times κ: beyond it λ grows and e^{−λ·distance} decays as it turns
_STEP = 4.0  # by which κ is rounded up
_NOISE = 1e-12  # relative: round-off in the spectrum over k_z


def imaginary_axis(kappa: float, decay: float) -> NDArray[np.complex128]:
    """Edges of logarithmic panels from 0: singularities are at least as far as k_z itself.

    They end where λ exceeds κ by the decay, at the next of few values, so that one set of weights
    serves many κ.
    """
    end = np.sqrt(decay * (decay + 2 * kappa))
    steps = np.arange(int(np.floor(np.log2(_LOWEST))), int(np.ceil(np.log2(end / decay))) + 1)
    return np.concatenate([[0.0], decay * 2.0**steps]).astype(complex)


def lifts(kappa: float, z: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[Any]:
    """β of the path for each pair so far apart along the wire and, by way of it, across it.

    At β = sin ψ, tan ψ = z/distance, the integrand is as small as the integral; elsewhere it is
    larger by e^{κs(1 − cos δψ)}, s² = z² + distance². One path serves all pairs, or most, for which
    that is at most e^9; three do, at most e^9, up to κs = 150. `GONE` for pairs without any.
    """
    slope, way = z / distance, np.hypot(z, distance)
    kappa = _rounded(kappa)
    if np.all(slope <= _FLAT):
        return np.where(kappa / _STEP * way > _NOTHING, GONE, 0.0)
    psi, size = np.arctan(slope), kappa * way
    low, middle, high = _LIFTS
    cheap, common = (size * (1 - np.cos(psi - np.arcsin(lift))) <= _LOST for lift in (middle, high))
    if np.all(cheap):
        return np.full(len(z), middle)
    apart = np.where(slope <= _FLAT, 0.0, np.where(slope <= _STEEP, low, high))
    return np.where(size / _STEP > _NOTHING, GONE, np.where(common, high, apart))


def lifted(kappa: float, decay: float, lift: float, distance: float) -> NDArray[np.complex128]:
    """Edges of panels on the ray from 0, to which iβκ is to be added; logarithmic but the first.

    Args:
        kappa: of k = iκ.
        decay: of λ over its least value where the path ends.
        lift: β.
        distance: largest way of the pairs across the wire: λ turns e^{−λ·distance} within a panel.
    """
    return _ray(_rounded(kappa), decay, lift, distance)


@lru_cache(maxsize=16)
def _ray(kappa: float, decay: float, lift: float, distance: float) -> NDArray[np.complex128]:
    # the singularity at iκ is so far from the beginning
    first = np.log2(max(_FIRST * (1 - lift) * kappa / _STEP / decay, _LOWEST))
    last = np.log2(np.sqrt(1 + 2 * kappa / decay) / RAY.real)
    steps = np.arange(int(np.floor(first)), max(int(np.ceil(last)), int(np.floor(first)) + 1) + 1)
    along = np.concatenate([[0.0], decay * 2.0**steps])
    steepest = max(1.0, lift / np.sqrt(1 - lift**2))  # |dλ/dk_z| where the path begins
    longest = _TURN / steepest / min(distance, _MOST_TURNS / kappa)
    pieces = np.where(along[:-1] < _BEND * kappa, np.ceil(np.diff(along) / longest), 1).astype(int)
    ends = zip(along[:-1], along[1:], pieces, strict=True)
    parts = [np.linspace(a, b, n, endpoint=False) for a, b, n in ends]
    found = np.asarray(RAY * np.concatenate([*parts, along[-1:]]))
    found.flags.writeable = False
    return found


def _rounded(kappa: float) -> float:
    """The next of few values, so that many κ share their paths, pairs and weights."""
    return float(_STEP ** np.ceil(np.log(kappa) / np.log(_STEP)))


def real_axis(
    k: float,
    end: float,
    depth: float,
    shortest: float,
    spectrum: Callable[[NDArray[Any]], NDArray[Any]],
    contrast: float,
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
    noise = _NOISE * max(1.0, 0.01 / contrast)
    return filon.refined(edges, spectrum, min(depth / 4, shortest), noise)


def depth(k: float, epsilon: complex, mu: complex, radius: float, z: float) -> float:
    """How far the path of integration dips below the real axis: past no pole."""
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
                    f"{known} a wire guides backward waves, which need absorption to be "
                    f"told from forward ones: Im ε above {2 * radius * k * _SHALLOWEST:.2g}"
                )
    if epsilon.real < 0 and mu.real < 0:
        # a negative index: waves inside run backwards, damped by Im n·k or more
        above = k * abs(np.sqrt(epsilon * mu + 0j).imag) / 2
        dip = min(dip, above)
        if above < _SHALLOWEST * k:
            raise ValueError(
                f"permittivity {epsilon:g} and permeability {mu:g} at k = {k:g}: a wire of "
                "negative index guides backward waves, which need absorption to be told from "
                f"forward ones: |Im √(εμ)| above {2 * _SHALLOWEST:.2g}"
            )
    return dip
