r"""The path of integration over the lateral wave number q for each pair of points.

With R² = ρ² + h² and ρ = R sin θ the factors e^{±iqρ − λh} decide. (In the code lengths are in
units of 1/|k| and q in units of |k|.)

* **Real k.** The singularities with Re q > 0 (branch points at √ε k, poles of guided waves) lie on
  the real axis or above it. The path dips below it, by no more than J_n(qρ) allows, which grows
  there, and comes back to the axis beyond them. If h is larger than ρ, it continues along the axis.
  Else J = (H⁽¹⁾ + H⁽²⁾)/2, and the two parts continue on rays at ±θ, on which they decay over 1/R.
* **Real k, far away.** On the path of steepest descent through q = k sin θ, with q = k sin α and
  cos(α − θ) = 1 + iu², the integrand is a Gaussian e^{−kRu²}. It is taken if what lies at q > k
  has decayed, if no singularity is close to the saddle, and if those between the path and the axis
  (leaky modes of the films, the branch point of a substrate with Re √ε < 1) add nothing.
* **Imaginary k = iκ.** All singularities are at q = ±is, s ≥ κ. Near points use the real axis and
  the rays. For distant ones the integral is smaller than its integrand on the real axis by
  e^{−κ(R−h)}. The path q = κ sinh(u + iθ) of steepest descent, where λ = κ cosh(u + iθ), keeps the
  digits: the integrand is e^{−κR cosh u} times a slow function.
"""

import numpy as np

from collective._tools.compiled import compiled
from collective.fields.layered.bessel import ASYMPTOTIC

STRAIGHT, RAYS, SADDLE, UPRIGHT, HYPERBOLA = 0, 1, 2, 3, 4  # kinds of pieces of a path
"""STRAIGHT: q itself, with J. RAYS: q = a ± a ray upwards, with H⁽¹⁾, and downwards, with H⁽²⁾.
SADDLE: the path of steepest descent for real k with H⁽¹⁾. UPRIGHT: that of ρ = 0, with J.
HYPERBOLA: the path of steepest descent for imaginary k with H⁽¹⁾."""

_GROWTH = 2.0  # J_n(qρ) may grow to e² on the path below the axis
_DECAYED = 42.0  # e^−42 is below round-off
_TURN = 6.0  # phase in one panel to begin with
_FAR = 300.0  # kR beyond which steepest descent is tried for real k
_AWAY = 25.0  # kR sin²θ above which the saddle is far from q = 0
_CLOSE = 2.0  # κR sin²θ below which the real axis is good enough for imaginary k
_CLEARANCE = 1.5  # extents of the path of steepest descent from its saddle to a branch point
_CAREFUL = 0.2  # of the distance to a leaky mode, which the path may depart from its saddle
_MOST_PANELS = 200_000  # at the start, of the path below the axis


@compiled()
def pieces(h, rho, imaginary, permittivities, limits):  # type: ignore[no-untyped-def]
    """The path for one pair of points, as a list of (kind, where rays begin, edges of panels).

    The list is empty if there would be too many panels.

    Args:
        h: (z + z')|k|.
        rho: the lateral distance times |k|.
        imaginary: whether k is imaginary.
        permittivities: of the layers and the substrate.
        limits: for real k, the known branch points and poles in q/k, (L,); the real q/k beyond
            which there is no singularity; how far the path may dip; how far above the axis leaky
            modes are, at equidistant q/k from 0 to 1, (S,).
    """
    marks, end, dip, leaks = limits
    length = np.hypot(h, rho)
    sine = rho / length
    away = length * sine * sine
    if imaginary and away > _CLOSE and _is_free(sine, permittivities):
        edges = np.linspace(0, np.arccosh(1 + _DECAYED / length), 7)
        return [(HYPERBOLA, 0.0, edges + 0j)]
    if not imaginary and _is_far(h, rho, marks, leaks):
        if away > _AWAY:
            top = np.sqrt(_DECAYED / length)
            return [(SADDLE, 0.0, np.linspace(-top, top, 5) + 0j)]
        # J_n(qρ) grows along the path, by e^{away/4} at most
        return [(UPRIGHT, 0.0, np.linspace(0, 1.5 * np.sqrt(_DECAYED / h), 5) + 0j)]
    return along_the_axis(h, rho, imaginary, end, dip)


@compiled()
def along_the_axis(h, rho, imaginary, end, dip):  # type: ignore[no-untyped-def]
    """The path below the singularities, or on the real axis for imaginary k, and its tail.

    Args:
        h: z + z'.
        rho: the lateral distance.
        imaginary: whether k is imaginary.
        end: q beyond the last singularity.
        dip: how far the path may dip.

    Returns:
        A list as of `pieces`.
    """
    length = np.hypot(h, rho)
    last = np.hypot(1.0, _DECAYED / h)  # where e^{−λh} has decayed
    start = 0.0
    path = [(STRAIGHT, 0.0, np.zeros(1, dtype=np.complex128)) for _ in range(0)]
    if not imaginary:
        depth = dip
        if rho * depth > _GROWTH:
            depth = _GROWTH / rho
        stop = min(end, last)
        corners = np.array([0.0, min(1.0, stop) / 2 - 1j * depth, stop - 1j * depth, stop + depth])
        panels, total = np.zeros(3), 0.0
        for n in range(3):
            panels[n] = 3 + abs(corners[n + 1] - corners[n]) * length / _TURN
            total += panels[n]
        if total > _MOST_PANELS:
            return path
        for n in range(3):
            edges = np.linspace(corners[n], corners[n + 1], int(panels[n]) + 1)
            path.append((STRAIGHT, 0.0, edges))
        if stop == last:
            return path
        start = corners[3].real
    first = min(1.0, 1 / length)
    if rho <= h:
        path.append((STRAIGHT, 0.0, _growing(start, start + last, first, _TURN / length)))
        return path
    split = ASYMPTOTIC / rho
    if split > start:
        path.append((STRAIGHT, 0.0, _growing(start, split, first, _TURN / rho)))
        start = split
    path.append((RAYS, start, _growing(0.0, _DECAYED / length, first, np.inf)))
    return path


@compiled()
def _is_free(sine, permittivities):  # type: ignore[no-untyped-def]
    """Whether the hyperbola begins below all branch points, at q = i√ε, for imaginary k."""
    free = True
    for epsilon in permittivities:
        free = free and epsilon.real > sine * sine
    return free


@compiled()
def _is_far(h, rho, marks, leaks):  # type: ignore[no-untyped-def]
    """Whether steepest descent gives the integral for real k."""
    length = np.hypot(h, rho)
    sine, cosine = rho / length, h / length
    if length < _FAR or h * cosine < _DECAYED * sine:
        return False
    angle = np.sqrt(2 * _DECAYED / length)  # by how much the path departs from α = θ
    extent = angle * (cosine + angle / 2)  # and from q = sin θ
    clear = True
    for q in marks:
        clear = clear and min(abs(q - sine), abs(q + sine)) > _CLEARANCE * extent
        if q.real < sine:  # the path passes on its other side
            faded = (q * rho + np.sqrt(1 - q * q + 0j) * h).imag
            clear = clear and faded > _DECAYED
    samples = len(leaks) - 1
    for n in range(int(min(1.0, sine + extent) * samples) + 1):
        q = n / samples
        if q < sine - extent:
            clear = clear and leaks[n] * (rho - h * q / np.sqrt(1 - q * q)) > _DECAYED
        else:
            clear = clear and extent < _CAREFUL * leaks[n]
    return clear


@compiled()
def _growing(start, stop, first, longest):  # type: ignore[no-untyped-def]
    """Edges from start to stop, each panel as long as all before it, but not above the longest."""
    edges = [start]
    step = min(first, longest)
    while edges[-1] + step < stop:
        edges.append(edges[-1] + step)
        step = min(edges[-1] - start, longest)
    edges.append(stop)
    return np.array(edges) + 0j
