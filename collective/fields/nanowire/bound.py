r"""The bound modes of a lossless dielectric cylinder: which exist, and what they are made of.

A mode of azimuthal order m has the longitudinal fields E_z = a f, Z₀H_z = ib f times
e^{i(βz + mφ)}, with f = J_m(hρ)/J_m(u) inside and f = K_m(qρ)/K_m(w) outside, u = hR, w = qR,
h² = εμk² − β², q² = β² − k². Continuity of E_φ and H_φ at R gives the characteristic equation

.. math:: (μF + κ)(εF + κ) = (mβ/k)^2 (1/u^2 + 1/w^2)^2, \qquad
          F = \frac{J_m'(u)}{uJ_m(u)}, \quad κ = \frac{K_m'(w)}{wK_m(w)}.

Its two solutions F are the EH modes (the larger F) and the HE modes. For m = 0 the right side
vanishes: μF + κ = 0 are the TE modes, εF + κ = 0 the TM modes.

κ = −m/w² − T with T = K_{m−1}/wK_m, and a mode close to cut-off has w → 0. Everything is written
in T, so that nothing cancels there. The roots are sought in ln(w/u), because HE₁₁, which has no
cut-off, has w ∝ e^{−(1+ε)(1+μ)/2V²} in a thin wire, V² = u² + w².

Source: Snyder and Love, Optical Waveguide Theory (1983), chapter 12; Okamoto,
Fundamentals of Optical Waveguides, 2nd ed. (2006), chapter 3.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LOOSEST = 160.0  # e^−160 is the least w/u with m = 1: the fourth power of w is still a number
_NEAREST = 40.0  # e^−40 for other m: there w² follows V² − V_c², which is zero or above rounding
_LEAST = 0.01  # u of HE₁₁ is above it
_GRID = 48  # points on which changes of sign are sought between two zeros of J_m
_LARGEST = 60.0  # V up to which modes are sought: about V²/4 of them


@dataclass(frozen=True)
class Profile:
    r"""One bound mode by its numbers without unit, and its amplitudes at the surface.

    Attributes:
        name: "HE11": the family, the order m, and the number of the mode in its family;
            "HE11,2" if one of them is above 9.
        order: m ≥ 0.
        u: hR, inside.
        w: qR, outside.
        log: F, the logarithmic derivative J_m'(u)/uJ_m(u).
        ratio: T = K_{m−1}(w)/wK_m(w).
        axial: a and b, E_z and Z₀H_z/i at the surface.
        mixed: (βa + kb)/k and (ka + βb)/k, which vanish as w² at cut-off.
    """

    name: str
    order: int
    u: float
    w: float
    log: float
    ratio: float
    axial: tuple[float, float]
    mixed: tuple[float, float]


def profiles(k: float, epsilon: float, mu: float, radius: float) -> tuple[Profile, ...]:
    """All bound modes at one wave number, by falling β; none if the wire is too thin.

    Raises:
        ValueError: for a wire so thick that it has thousands of modes.
    """
    if min(epsilon, mu) <= 0 or epsilon * mu <= 1:
        return ()
    strength = k * radius * np.sqrt(epsilon * mu - 1)  # V
    if strength > _LARGEST:
        raise ValueError(
            f"k = {k:g} times the radius {radius:g}: the wire guides about "
            f"{strength**2 / 4:.0f} modes (V = {strength:.3g}); they are found up to "
            f"V = {_LARGEST:g}, a radius of {_LARGEST / strength * radius:.3g}"
        )
    found: list[Profile] = []
    order, more = 0, True
    while more:
        families = ("TE", "TM") if order == 0 else ("HE", "EH")
        at_order = [
            _profile(family, order, number, s, strength, k * radius, epsilon, mu)
            for family in families
            for number, s in _roots(family, order, strength, epsilon, mu)
        ]
        found += at_order
        more = bool(at_order) or order < 2
        order += 1
    return tuple(sorted(found, key=lambda mode: -mode.w))


def characteristic(
    family: str,
    order: int,
    u: Any,
    w: Any,
    epsilon: float,
    mu: float,
) -> Any:
    """F of a family as it follows from the outside field; the modes have F = J_m'/uJ_m."""
    ratio = _ratio(order, w)
    if order == 0:
        return ratio / (mu if family == "TE" else epsilon)
    inner, outer = 1 / u**2, 1 / w**2
    kappa = -order * outer - ratio
    # the right side is m²(1/u² + 1/w²)(εμ/u² + 1/w²); κ² less it, without the m²/w⁴ that cancels
    rest = 2 * order * outer * ratio + ratio**2
    rest -= order**2 * inner * (outer * (1 + epsilon * mu) + epsilon * mu * inner)
    right = order**2 * (inner + outer) * (epsilon * mu * inner + outer)
    root = np.sqrt(((epsilon - mu) * kappa) ** 2 + 4 * epsilon * mu * right)
    larger = (root - (epsilon + mu) * kappa) / (2 * epsilon * mu)
    return larger if family == "EH" else rest / (epsilon * mu * larger)


def _roots(
    family: str, order: int, strength: float, epsilon: float, mu: float
) -> list[tuple[int, float]]:
    """Number and ln(w/u) of every mode of one family and order."""
    from scipy.optimize import brentq
    from scipy.special import jn_zeros, jv

    def mismatch(s: Any) -> Any:
        """u·J_m'(u) less what the outside field asks for; it has no poles."""
        u, w = _split(s, strength)
        bessel = jv(order, u)
        slope = order * bessel - u * jv(order + 1, u)
        return slope - bessel * u**2 * characteristic(family, order, u, w, epsilon, mu)

    zeros = jn_zeros(order, int(strength / np.pi) + 2)
    zeros = zeros[zeros < strength]
    # HE has a mode below the first zero of J_m; the others begin there
    lowest = max(_LEAST, (order - 1) / 2)
    ends = [lowest, *zeros] if family == "HE" and lowest < strength else [*zeros]
    bottom = -_LOOSEST if order == 1 else -_NEAREST
    found = []
    for number, (above, below) in enumerate(pairwise([*ends, np.inf]), start=1):
        highest = np.log(strength**2 - above**2) / 2 - np.log(above)
        least = bottom
        if np.isfinite(below):
            least = np.log(strength**2 - below**2) / 2 - np.log(below)
        # finer towards the upper end: the lower one is far away if there is no zero
        grid = highest - (highest - least) * np.linspace(0, 1, _GRID) ** 3
        values = np.asarray(mismatch(grid))
        for i in np.flatnonzero(np.diff(np.sign(values))):
            found.append((number, float(brentq(mismatch, grid[i + 1], grid[i], xtol=1e-15))))
    return found


def _split(s: Any, strength: float) -> tuple[Any, Any]:
    """The numbers u and w with ln(w/u) = s and u² + w² = V², both to all digits."""
    u = strength / np.hypot(1.0, np.exp(s))
    return u, u * np.exp(s)


def _ratio(order: int, w: Any) -> Any:
    """K_{m−1}/wK_m, by the stable upward recurrence; K₁/wK₀ for m = 0."""
    from scipy.special import k0e, k1e

    upward = k1e(w) / k0e(w)
    if order == 0:
        return upward / w
    for m in range(1, order):
        upward = 1 / upward + 2 * m / w
    return 1 / (w * upward)


def _profile(
    family: str,
    order: int,
    number: int,
    s: float,
    strength: float,
    size: float,
    epsilon: float,
    mu: float,
) -> Profile:
    """The `Profile` of a root; size is kR."""
    u, w = (float(x) for x in _split(s, strength))
    ratio = float(_ratio(order, w))
    log = float(characteristic(family, order, u, w, epsilon, mu))
    index = float(np.hypot(1.0, w / size))  # β/k
    if order == 0:
        axial = (0.0, 1.0) if family == "TE" else (1.0, 0.0)
        mixed = index * axial[0] + axial[1], axial[0] + index * axial[1]
    else:
        inner, outer = 1 / u**2, 1 / w**2
        first = mu * log - ratio - order * outer  # μF + κ
        b = index * order * (inner + outer) / first
        axial = 1.0, float(b)
        mixed = (
            index * (mu * log - ratio + order * inner) / first,
            (order * inner + epsilon * log - ratio) / (order * (inner + outer)),
        )
    comma = "," if max(order, number) > 9 else ""
    return Profile(f"{family}{order}{comma}{number}", order, u, w, log, ratio, axial, mixed)


def outside(
    mode: Profile, distance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """K_m(qρ)/K_m(w) and K_{m−1}(qρ)/K_m(w) at ρ/R, by upward recurrences."""
    from scipy.special import k0e, k1e

    near, far = mode.w, mode.w * distance
    f = k0e(far) / k0e(near) * np.exp(near - far)
    near_ratio, far_ratio = k1e(near) / k0e(near), k1e(far) / k0e(far)
    if mode.order == 0:
        return f, f * far_ratio
    lower = f
    for m in range(1, mode.order + 1):
        lower = f / near_ratio
        f = lower * far_ratio
        near_ratio, far_ratio = 1 / near_ratio + 2 * m / near, 1 / far_ratio + 2 * m / far
    return f, lower
