"""The field of a focused beam, and the power it carries."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEFT_OUT = 40.0  # plane waves of less than e^(−40) of the largest intensity are left out
_ORDER = 32  # points of Gauss's rule on each panel
_MOST_PLANE_WAVES = 100_000  # take a few seconds for a hundred emitters
_CHUNK = 1_000_000  # plane waves times emitters held at a time
_FLAT = 1e-12  # of the extent: a smaller height above the focal plane is round-off


def focus(
    points: NDArray[np.float64],
    waist: float,
    normal: NDArray[np.float64],
    vector: NDArray[np.complex128],
) -> tuple[NDArray[np.complex128], float]:
    """The field E of the beam at some points, (N, 3), and its power P, with lengths in 1/k.

    Args:
        points: positions relative to the focus, (N, 3).
        waist: kw.
        normal: unit vector along which the beam travels, (3,).
        vector: polarisation, perpendicular to it, (3,).

    Raises:
        ValueError: if the points are so far away that too many plane waves are needed.
    """
    found = beam(points, waist, normal)
    return found.field(vector), found.power


@dataclass(frozen=True, eq=False)
class Beam:
    """What the field of a beam of any polarisation is made of.

    Attributes:
        normal: unit vector along which the beam travels, (3,).
        outwards: unit vector of each point away from the axis, (N, 3).
        parts: amplitudes along ε, outwards and along the axis, (3, N).
        power: P.
        middle: amplitude along ε in the focus.
    """

    normal: NDArray[np.float64]
    outwards: NDArray[np.float64]
    parts: NDArray[np.complex128]
    power: float
    middle: float

    def field(self, vector: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """The field for a polarisation ε perpendicular to the axis, (N, 3)."""
        return self._sum(self.parts, vector, -1j)

    def mirrored(self, vector: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """The field of the beam mirrored at its focal plane, which travels backwards, (N, 3)."""
        return self._sum(self.parts.conj(), vector, 1j)

    def _sum(
        self, parts: NDArray[Any], vector: NDArray[np.complex128], along: complex
    ) -> NDArray[np.complex128]:
        isotropic, radial, forward = parts
        part = self.outwards @ vector
        field = isotropic[:, None] * vector + (radial * part)[:, None] * self.outwards
        return field + along * (forward * part)[:, None] * self.normal


def beam(
    points: NDArray[np.float64],
    waist: float,
    normal: NDArray[np.float64],
    name: str = "couplings",
) -> Beam:
    """The beam at some points; arguments as of `focus`, and the name of the argument for errors."""
    height = points @ normal
    flat = points - height[:, None] * normal
    if np.abs(height).max() <= _FLAT * max(1.0, float(np.abs(points).max())):
        height = np.zeros(len(points))
    distance = np.linalg.norm(flat, axis=1)
    widest = min(1.0, np.sqrt(2 * _LEFT_OUT) / waist)
    span = widest**2 / (1 + np.sqrt(1 - widest**2))  # 1 − cos θ of the outermost plane wave
    phases = float(distance.max()) * widest + float(np.abs(height).max()) * span
    angle, weights = _angles(widest, phases, float(np.linalg.norm(points, axis=1).max()), name)
    s, c = np.sin(angle), np.cos(angle)
    spectrum = np.exp(-((s * waist) ** 2) / 4)
    measure = weights * s * c / (2 * np.pi)
    power = float(measure * spectrum**2 @ ((1 - s**2 / 2) * c))
    parts = _rings(distance, height, s, c, measure * spectrum)
    middle = float(measure * spectrum @ (1 - s**2 / 2))
    outwards = flat / np.where(distance > 0, distance, 1.0)[:, None]
    return Beam(normal, outwards, parts, power, middle)


def _angles(
    widest: float, phases: float, farthest: float, name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Angles of plane waves to the axis, and their weights, both (A,).

    Gauss's rule is used on panels, over each of which the phase changes by less than 16π: to set
    up one rule over all angles would take a time that grows with the cube of its order.

    Args:
        widest: sine of the largest angle.
        phases: largest change of the phase at a point from the axis to the largest angle.
        farthest: largest distance of a point from the focus.
        name: of the argument with the emitters, for errors.
    """
    panels = 2 + int(phases / _ORDER)
    if panels * _ORDER > _MOST_PLANE_WAVES:
        raise ValueError(
            f"{name}: emitters up to {farthest / (2 * np.pi):.3g} wavelengths from their mean "
            f"position need {panels * _ORDER} plane waves of this beam, more than "
            f"{_MOST_PLANE_WAVES}: use emitters closer together or a wider waist"
        )
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    width = float(np.arcsin(widest)) / panels
    angles = width * (np.arange(panels)[:, None] + (nodes + 1) / 2)
    return angles.ravel(), np.tile(width / 2 * weights, panels)


def _rings(
    distance: NDArray[np.float64],
    height: NDArray[np.float64],
    s: NDArray[np.float64],
    c: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[Any]:
    """Amplitudes along ε, outwards and along the axis, (3, N): sums over rings of plane waves.

    Args:
        distance: of each point from the axis, (N,).
        height: of each point above the focal plane, (N,).
        s: sines of the angles of the plane waves, (A,).
        c: their cosines, (A,).
        weights: weight times spectrum of each angle, (A,).
    """
    from scipy.special import j0, j1

    above = bool(np.any(height))
    found = np.empty((3, len(distance)), dtype=complex if above else float)
    step = max(1, _CHUNK // len(s))
    for start in range(0, len(distance), step):
        part = slice(start, start + step)
        phases = np.outer(distance[part], s)
        zeroth, first = j0(phases), j1(phases)
        # J₂ = 2J₁/x − J₀ is several times as fast as scipy's jv
        second = 2 * first / np.where(phases > 0, phases, 1.0) - np.where(phases > 0, zeroth, 0.0)
        if above:
            forward = np.exp(1j * np.outer(height[part], c))
            zeroth, first, second = zeroth * forward, first * forward, second * forward
        along = zeroth @ (weights * (1 - s**2 / 2)) - second @ (weights * s**2 / 2)
        found[:, part] = along, second @ (weights * s**2), first @ (weights * s * c)
    return found
