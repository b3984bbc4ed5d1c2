"""Where the reflection coefficients of a stack are singular, and how the path may pass.

All wave numbers are in units of k, all lengths in units of 1/k, k real. Dielectrics guide waves
whose poles lie on the real axis of q or, with absorption, above it. Layers with a metal among them
may also guide backward waves, whose poles lie below it. The path of integration may not pass
between such a pole and the axis.
"""

import numpy as np
from numpy.typing import NDArray

from collective.fields.layered.reflection import media_roots

DIP = 0.25  # how far the path dips below the real axis at most
_MARGIN = 1.25  # no pole may be this close below the path, in units of the dip
_SHALLOWEST = 1e-3  # dips that are less deep do not tell forward from backward waves
_ABSORBING = 1e-6  # relative: absorption that moves all poles off the axis
_BEYOND = 1.1, 0.25  # how far the last singularity is passed, times its q and in units of k
_ECHO = 0.5  # size of the light that goes round in a film, beyond which it has no mode
_LONGER = 1.25  # steps in which the end of the path is sought
_FADED = 45.0  # qd beyond which no film couples its faces
_LONGEST = 1e50  # an end beyond which no light of an emitter reaches
_CHANGE = 1.0  # of the logarithm of the dispersion function from one point to the next
_LOWEST = 0.1  # q above which modes are looked for: bound modes have q above 1
_TINY = 1e-300  # keeps the logarithm of zero finite
_HALVINGS = 50  # of the distance of two points
_SAMPLES = 400  # of q at which modes of films are looked for


def landmarks(epsilons: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The q of the branch point of the substrate and of the plasmon of each interface."""
    media = np.concatenate([[1.0 + 0j], epsilons])
    crossed = (media[1:].real < 0) != (media[:-1].real < 0)
    total = (media[1:] + media[:-1])[crossed]
    total = np.where(total == 0, 1e-300, total)
    plasmons = np.sqrt((media[1:] * media[:-1])[crossed] / total)
    return np.concatenate([np.sqrt(epsilons[-1:]), plasmons])


def end(epsilons: NDArray[np.complex128], thicknesses: NDArray[np.float64]) -> float:
    """Re q beyond which there are no singularities.

    It is beyond all branch points and the plasmons of single interfaces, and so far that light
    that goes to and fro in a film fades, for which all of a film with a metal may guide.
    """
    last = max(
        1.0,
        float(np.abs(landmarks(epsilons).real).max()),
        float(np.sqrt(epsilons).real.max()),
    )
    times, plus = _BEYOND
    found = times * last + plus
    if len(thicknesses) and np.any(epsilons.real < 0):
        q, farthest = found, min(_LONGEST, _FADED / float(thicknesses.min()))
        while q < farthest:
            if _rings(q, epsilons, thicknesses):
                found = _LONGER * q
            q *= _LONGER
    return found


def leaks(
    epsilons: NDArray[np.complex128], thicknesses: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How far above the real axis leaky modes of the films are, at q from 0 to 1, (S,).

    Where light goes round in a film with the amplitude a, they are about (1 − a)/(n d) away.
    """
    path = float(np.sum(np.abs(np.sqrt(epsilons[:-1])) * thicknesses))
    if path == 0:
        return np.full(2, np.inf)
    media = [1.0 + 0j, *epsilons]
    roots = media_roots(np.linspace(0, 1, _SAMPLES).astype(complex) ** 2, 1.0, media)
    lost = np.ones(_SAMPLES)
    for weights in ([1.0] * len(media), media):
        admittances = [root / weight for root, weight in zip(roots, weights, strict=True)]
        turns = [np.exp(-2 * root * d) for root, d in zip(roots[1:-1], thicknesses, strict=True)]
        down = _seen(admittances[::-1], turns[::-1])[::-1]
        up = _seen(admittances, turns)
        for above, under, turn in zip(up, down, turns, strict=True):
            lost = np.minimum(lost, 1 - np.abs(above * under * turn))
    return np.maximum(lost, 0.0) / path


def _seen(
    admittances: list[NDArray[np.complex128]], turns: list[NDArray[np.complex128]]
) -> list[NDArray[np.complex128]]:
    """What each film sees reflected by all media that come before it in the lists."""
    found: list[NDArray[np.complex128]] = []
    behind = np.zeros_like(admittances[0])
    for j in range(len(turns)):
        here, there = admittances[j + 1], admittances[j]
        with np.errstate(all="ignore"):
            single = (here - there) / (here + there)
            behind = (single + behind) / (1 + single * behind)
        found.append(np.nan_to_num(behind, nan=1.0, posinf=1.0, neginf=1.0))
        behind = found[-1] * turns[j]
    return found


def _rings(q: float, epsilons: NDArray[np.complex128], thicknesses: NDArray[np.float64]) -> bool:
    """Whether p-polarised light may build up in a film at q."""
    media = [1.0 + 0j, *epsilons]
    roots = media_roots(np.asarray(q * q + 0j), 1.0, media)
    largest = 0.0  # bounds what all below an interface reflects
    for j in range(len(epsilons) - 1, -1, -1):
        over, below = media[j + 1] * roots[j], media[j] * roots[j + 1]
        single = abs((over - below) / (over + below))
        if j < len(thicknesses):
            largest *= np.exp(-2 * roots[j + 1].real * thicknesses[j])
        if single * largest > _ECHO:
            return True
        largest = float((single + largest) / (1 - single * largest))
    return False


def dip(epsilons: NDArray[np.complex128], thicknesses: NDArray[np.float64], last: float) -> float:
    """How far the path may dip below the real axis before `last`; 0 if backward waves forbid it.

    Without absorption the poles of forward and backward waves lie on the axis. A little of it in
    every layer tells them apart.
    """
    films = thicknesses[thicknesses > 0]
    if not len(films) or not np.any(epsilons.real < 0):
        return DIP
    absorbing = epsilons + 1j * _ABSORBING * np.abs(epsilons)
    depth = DIP
    while depth > _SHALLOWEST:
        if _modes_below(_MARGIN * depth, absorbing, thicknesses, last) == 0:
            return depth
        depth /= 2
    return 0.0


def _modes_below(
    depth: float, epsilons: NDArray[np.complex128], thicknesses: NDArray[np.float64], last: float
) -> int:
    """The number of TM modes in a strip below the real axis, by the argument principle."""
    along = np.geomspace(_LOWEST, last, _SAMPLES) + 0j
    down = last - 1j * np.linspace(0, depth, _SAMPLES)
    up = _LOWEST - 1j * np.linspace(depth, 0, _SAMPLES)
    points = np.concatenate([along, down[1:], along[-2::-1] - 1j * depth, up[1:]])
    values = _dispersion(points, epsilons, thicknesses)
    left, right = points[:-1], points[1:]
    at_left, at_right = values[:-1], values[1:]
    turned = 0.0
    for _ in range(_HALVINGS):
        # two close zeros turn the phase by 2π, which shows at a point between alone
        middle = (left + right) / 2
        at_middle = _dispersion(middle, epsilons, thicknesses)
        first, second = np.log(at_middle / at_left), np.log(at_right / at_middle)
        smooth = np.maximum(np.abs(first), np.abs(second)) < _CHANGE
        turned += float(np.sum((first + second).imag[smooth]))
        rough = ~smooth
        if not np.any(rough):
            break
        left, middle, right = left[rough], middle[rough], right[rough]
        at_left, at_middle, at_right = at_left[rough], at_middle[rough], at_right[rough]
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        at_left, at_right = (
            np.concatenate([at_left, at_middle]), np.concatenate([at_middle, at_right])
        )  # fmt: skip
    return abs(round(turned / (2 * np.pi)))


def _dispersion(
    q: NDArray[np.complex128], epsilons: NDArray[np.complex128], thicknesses: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """A function of q that is analytic below the real axis and zero at the TM modes."""
    media = [1.0 + 0j, *epsilons]
    roots = media_roots(q * q, 1.0, media)
    field, slope = np.ones_like(q), roots[-1] / media[-1]
    for j in range(len(thicknesses) - 1, -1, -1):
        root, epsilon = roots[j + 1], media[j + 1]
        turn = np.exp(-2 * root * thicknesses[j])
        even, odd = (1 + turn) / 2, (1 - turn) / 2
        field, slope = (
            field * even + slope * epsilon / root * odd,
            slope * even + field * root / epsilon * odd,
        )
        size = np.abs(field) + np.abs(slope)
        field, slope = field / size, slope / size
    return slope + roots[0] * field + _TINY
