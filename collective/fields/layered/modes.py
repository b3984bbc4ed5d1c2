r"""Bound modes of a stack of layers, and what an emitter above it emits into each.

All lengths are in units of 1/k, and q in units of k. In lossless dielectrics the field across the
layers, ψ = E_y (TE, w = 1) or H_y (TM, w = ε), obeys

.. math:: −(ψ'/w)' + \frac{q^2 − ε}{w}ψ = 0.

By the oscillation theorem the number of bound modes above q is the number of zeros of the solution
that decays downwards. It is counted, so that no mode is missed. A pole of the reflection
coefficient has the residue (above the surface w = 1)

.. math:: \mathrm{Res}_q\, r = \frac{λ}{q} \frac{ψ(0)^2}{\int dz\, ψ^2/w}.

Source: Snyder and Love, Optical Waveguide Theory (1983), chapter 12; Novotny and Hecht, Principles
of Nano-Optics, 2nd ed. (2012), chapter 12 (the plasmon).
"""

import numpy as np
from numpy.typing import NDArray

_HALVINGS = 200  # of an interval of q², until no double is left in it
_STRAIGHT = 1e-5  # radians across a layer below which the field is a straight line in it
_MOST = 2000  # modes of one polarisation

Mode = tuple[str, complex, complex]
"""Its name, q, and the residue of r_s (names that begin with TE) or of r_p at q."""


def plasmon(epsilon: complex) -> list[Mode]:
    """The bound plasmon of a plane, if Re ε < −1."""
    if epsilon.real >= -1:
        return []
    q = np.sqrt(epsilon / (1 + epsilon))
    residue = -2 * epsilon**2 / ((1 + epsilon) * (epsilon**2 - 1) * q)
    return [("plasmon", complex(q), complex(residue))]


def of_dielectrics(epsilons: NDArray[np.float64], thicknesses: NDArray[np.float64]) -> list[Mode]:
    """TE0, TE1, … and TM0, TM1, … of films on a substrate, from the largest q down."""
    least = max(1.0, float(epsilons[-1]))
    most = float(epsilons.max())
    modes: list[Mode] = []
    for name, weights in (("TE", np.ones_like(epsilons)), ("TM", epsilons)):
        if most <= least:
            continue
        count = _zeros(least, epsilons, weights, thicknesses)
        if count > _MOST:
            raise ValueError(
                f"thicknesses: the layers guide {count:.4g} {name} modes, the limit is {_MOST}; "
                "are they in the unit of the emitters' wavelength?"
            )
        for m in range(count):
            low, high = least, most  # q²; more than m modes lie above the first of them
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                if not low < middle < high:
                    break
                if _zeros(middle, epsilons, weights, thicknesses) > m:
                    low = middle
                else:
                    high = middle
            if low > least:  # else the mode is as wide as the whole space
                top, norm = _norm(low, epsilons, weights, thicknesses)
                residue = np.sqrt((low - 1) / low) * top**2 / norm
                modes.append((f"{name}{m}", complex(np.sqrt(low)), complex(residue)))
    return modes


def rates(
    mode: Mode, z: NDArray[np.float64], across: NDArray[np.float64], *, magnetic: bool
) -> NDArray[np.float64]:
    r"""Rate into a mode per linewidth, of emitters at heights z in units of 1/k, (N,).

    .. math:: \frac{Γ}{Γ_0} = 6π^2\,\mathrm{Re}\, e^{−2λz}\left[|u_∥|^2 \frac{q}{8πλ}(ρ_s + λ^2ρ_p)
              + |u_z|^2 \frac{q^3}{4πλ}ρ_p\right]

    Args:
        mode: with the residue ρ_s or ρ_p.
        z: heights above the surface.
        across: \|u_z\|² of each dipole.
        magnetic: whether the dipoles are magnetic, for which r_s and r_p are exchanged.
    """
    name, q, residue = mode
    decay = np.sqrt(q * q - 1)
    if name.startswith("TE") != magnetic:
        weights = (1 - across) / 2
    else:
        weights = (1 - across) * decay**2 / 2 + across * q**2
    return np.asarray(1.5 * np.pi * (weights * q * residue / decay * np.exp(-2 * decay * z)).real)


def _across(
    square: float,
    epsilons: NDArray[np.float64],
    weights: NDArray[np.float64],
    thicknesses: NDArray[np.float64],
) -> list[tuple[float, float, float]]:
    """(ψ, ψ'/w, λ²) at the bottom of each film from below, and at the surface at last."""
    lowest = np.sqrt(max(square - epsilons[-1], 0.0))
    psi, slope = 1.0, lowest / weights[-1]
    found = []
    for epsilon, w, d in zip(epsilons[-2::-1], weights[-2::-1], thicknesses[::-1], strict=True):
        inside = square - epsilon
        found.append((psi, slope, inside))
        root = np.sqrt(abs(inside))
        if inside < 0:
            even, odd = np.cos(root * d), np.sin(root * d) / root
        elif inside > 0:  # divided by cosh, which may overflow
            even, odd = 1.0, np.tanh(root * d) / root
        else:
            even, odd = 1.0, d
        psi, slope = psi * even + slope * w * odd, slope * even + psi * inside * odd / w
    return [*found, (psi, slope, square - 1)]


def _zeros(
    square: float,
    epsilons: NDArray[np.float64],
    weights: NDArray[np.float64],
    thicknesses: NDArray[np.float64],
) -> int:
    """How often the solution that decays downwards crosses zero: the number of modes above q²."""
    steps = _across(square, epsilons, weights, thicknesses)
    count = 0
    for (psi, slope, inside), (after, *_), w, d in zip(
        steps[:-1], steps[1:], weights[-2::-1], thicknesses[::-1], strict=True
    ):
        if inside < 0:
            root = np.sqrt(-inside)
            phase = np.arctan2(slope * w / root, psi) + np.pi / 2
            count += int(np.floor((root * d - phase) / np.pi) - np.floor(-phase / np.pi))
        else:
            count += int(psi * after < 0)
    psi, slope, inside = steps[-1]
    grows = slope + np.sqrt(max(inside, 0.0)) * psi  # the part that grows upwards in the vacuum
    return count + int(psi * grows < 0)


def _norm(
    square: float,
    epsilons: NDArray[np.float64],
    weights: NDArray[np.float64],
    thicknesses: NDArray[np.float64],
) -> tuple[float, float]:
    """ψ at the surface and ∫ψ²/w over all z."""
    steps = _across(square, epsilons, weights, thicknesses)
    total = 1 / (2 * np.sqrt(square - epsilons[-1]) * weights[-1])
    for (psi, slope, inside), w, d in zip(
        steps[:-1], weights[-2::-1], thicknesses[::-1], strict=True
    ):
        root = np.sqrt(abs(inside))
        if root * d < _STRAIGHT:
            bend = slope * w * d
            total += d * (psi**2 + psi * bend + bend**2 / 3) / w
        elif inside < 0:
            a, b = psi, slope * w / root
            wave = np.sin(2 * root * d) / (4 * root)
            mixed = a * b * np.sin(root * d) ** 2 / root
            total += (a**2 * (d / 2 + wave) + b**2 * (d / 2 - wave) + mixed) / w
        else:  # divided by cosh² as in `_across`
            rising, falling = (psi + slope * w / root) / 2, (psi - slope * w / root) / 2
            fade = np.exp(-2 * root * d)
            ends = (rising**2 + falling**2 * fade) * (1 - fade) / (2 * root)
            total = total * fade + (ends + 2 * rising * falling * d * fade) / w
            total *= 4 / (1 + fade) ** 2
    psi, _, inside = steps[-1]
    return psi, float(total + psi**2 / (2 * np.sqrt(inside)))
