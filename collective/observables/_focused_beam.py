"""The field of a focused beam in its focal plane, and the power it carries."""

import numpy as np
from numpy.typing import NDArray

_LEFT_OUT = 40.0  # plane waves of less than e^(−40) of the largest intensity are left out
_ORDER = 32  # points of Gauss's rule on each panel
_MOST_PLANE_WAVES = 100_000  # take a few seconds for a hundred emitters
_CHUNK = 1_000_000  # plane waves times emitters held at a time


def focus(
    points: NDArray[np.float64],
    waist: float,
    normal: NDArray[np.float64],
    vector: NDArray[np.complex128],
) -> tuple[NDArray[np.complex128], float]:
    """The field E of the beam in its focal plane, (N, 3), and its power P, with lengths in 1/k.

    Args:
        points: positions relative to the focus, (N, 3).
        waist: kw.
        normal: unit vector along which the beam travels, (3,).
        vector: polarisation, perpendicular to it, (3,).

    Raises:
        ValueError: if the points are so far away that too many plane waves are needed.
    """
    flat = points - (points @ normal)[:, None] * normal
    distance = np.linalg.norm(flat, axis=1)
    angle, weights = _angles(min(1.0, np.sqrt(2 * _LEFT_OUT) / waist), float(distance.max()))
    s, c = np.sin(angle), np.cos(angle)
    spectrum = np.exp(-((s * waist) ** 2) / 4)
    measure = weights * s * c / (2 * np.pi)
    power = float(measure * spectrum**2 @ ((1 - s**2 / 2) * c))
    isotropic, radial, forward = _rings(distance, s, c, measure * spectrum)
    outwards = flat / np.where(distance > 0, distance, 1.0)[:, None]
    part = outwards @ vector
    field = isotropic[:, None] * vector + (radial * part)[:, None] * outwards
    return field - 1j * (forward * part)[:, None] * normal, power


def _angles(widest: float, farthest: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Angles of plane waves to the axis, and their weights, both (A,).

    Gauss's rule is used on panels, over each of which the phase changes by less than 16π: to set
    up one rule over all angles would take a time that grows with the cube of its order.

    Args:
        widest: sine of the largest angle.
        farthest: largest distance of a point from the focus.
    """
    panels = 2 + int(farthest * widest / _ORDER)
    if panels * _ORDER > _MOST_PLANE_WAVES:
        raise ValueError(
            f"couplings: emitters up to {farthest / (2 * np.pi):.3g} wavelengths from their mean "
            f"position need {panels * _ORDER} plane waves of this beam, more than "
            f"{_MOST_PLANE_WAVES}: use emitters closer together or a wider waist"
        )
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    width = float(np.arcsin(widest)) / panels
    angles = width * (np.arange(panels)[:, None] + (nodes + 1) / 2)
    return angles.ravel(), np.tile(width / 2 * weights, panels)


def _rings(
    distance: NDArray[np.float64],
    s: NDArray[np.float64],
    c: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Amplitudes along ε, outwards and along the axis, (3, N): sums over rings of plane waves.

    Args:
        distance: of each point from the axis, (N,).
        s: sines of the angles of the plane waves, (A,).
        c: their cosines, (A,).
        weights: weight times spectrum of each angle, (A,).
    """
    from scipy.special import j0, j1

    found = np.empty((3, len(distance)))
    step = max(1, _CHUNK // len(s))
    for start in range(0, len(distance), step):
        part = slice(start, start + step)
        phases = np.outer(distance[part], s)
        zeroth, first = j0(phases), j1(phases)
        # J₂ = 2J₁/x − J₀ is several times as fast as scipy's jv
        second = 2 * first / np.where(phases > 0, phases, 1.0) - np.where(phases > 0, zeroth, 0.0)
        along = zeroth @ (weights * (1 - s**2 / 2)) - second @ (weights * s**2 / 2)
        found[:, part] = along, second @ (weights * s**2), first @ (weights * s * c)
    return found
