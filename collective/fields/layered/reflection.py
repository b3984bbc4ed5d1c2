r"""Reflection of plane waves by a stack of layers, from the vacuum above it.

With the lateral wave number q, λ_j² = q² − ε_jk² and Re λ_j ≥ 0, the interface from j to j + 1 has

.. math:: r^s = \frac{λ_j − λ_{j+1}}{λ_j + λ_{j+1}}, \qquad
          r^p = \frac{ε_{j+1}λ_j − ε_jλ_{j+1}}{ε_{j+1}λ_j + ε_jλ_{j+1}}

(r^s of the electric field, r^p of the magnetic one: −1 and 1 for a perfect mirror), and all that is
below it, of the layer j + 1 with the thickness d,

.. math:: R_j = \frac{r + R_{j+1}e^{−2λd}}{1 + r\,R_{j+1}e^{−2λd}}.

No exponential grows, however thick a layer is. The differences are written with the factor
ε_{j+1} − ε_j, so that weak reflection keeps its digits.

Source: Novotny and Hecht, Principles of Nano-Optics, 2nd ed. (2012), sections 2.8 and 10.4.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled


@compiled()
def root(square, outgoing):  # type: ignore[no-untyped-def]
    """λ of λ²: decaying, Re λ ≥ 0; or the outgoing −i|λ| continued to both sides of q < √ε k."""
    if outgoing and square.real < 0:
        return -1j * np.sqrt(-square)
    return np.sqrt(square)


@compiled()
def reflection(square, above, k_squared, outgoing, permittivities, thicknesses):  # type: ignore[no-untyped-def]
    """(r_s, r_p) at one q.

    Args:
        square: q², complex.
        above: λ in the vacuum above, on the sheet of the path.
        k_squared: k², real; negative on the imaginary axis.
        outgoing: whether the path crosses the real axis where waves propagate, see `root`.
        permittivities: of the layers from the top, (L + 1,) complex; the last is the substrate.
        thicknesses: of the layers, (L,).
    """
    last = len(permittivities) - 1
    lower = above
    if last >= 0:
        lower = root(square - permittivities[last] * k_squared, outgoing)
    reflected_s, reflected_p = 0j, 0j
    for j in range(last, -1, -1):
        below = permittivities[j]
        if j < last:
            turn = np.exp(-2 * lower * thicknesses[j])
            reflected_s *= turn
            reflected_p *= turn
        if j:
            over = permittivities[j - 1]
            upper = root(square - over * k_squared, outgoing)
        else:
            upper, over = above, 1.0 + 0j
        both = upper + lower
        contrast = below - over
        r_s = contrast * k_squared / (both * both)
        r_p = contrast * (upper + over * k_squared / both) / (below * upper + over * lower)
        reflected_s = (r_s + reflected_s) / (1 + r_s * reflected_s)
        reflected_p = (r_p + reflected_p) / (1 + r_p * reflected_p)
        lower = upper
    return reflected_s, reflected_p


def media_roots(
    square: NDArray[np.complex128], k_squared: float, media: list[complex]
) -> list[NDArray[np.complex128]]:
    """λ_j of each medium at many q², each of the shape of q²; outgoing as in `root` for real k."""
    found = []
    for epsilon in media:
        inside = square - epsilon * k_squared
        outgoing = (inside.real < 0) & (k_squared > 0)
        found.append(np.where(outgoing, -1j * np.sqrt(-inside), np.sqrt(inside)))
    return found


def reflections(
    q: NDArray[Any], k_squared: float, permittivities: NDArray[Any], thicknesses: NDArray[Any]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """(r_s, r_p) at many q ≥ 0, each of the shape of q; arguments as of `reflection`."""
    square = np.asarray(q, dtype=complex) ** 2
    media = [1.0 + 0j, *permittivities]
    roots = media_roots(square, k_squared, media)
    found = [np.zeros_like(square), np.zeros_like(square)]
    for j in range(len(media) - 2, -1, -1):
        over, below, upper, lower = media[j], media[j + 1], roots[j], roots[j + 1]
        if j < len(thicknesses):
            turn = np.exp(-2 * lower * thicknesses[j])
            found = [turn * each for each in found]
        both = upper + lower
        contrast = below - over
        r_s = contrast * k_squared / both**2
        r_p = contrast * (upper + over * k_squared / both) / (below * upper + over * lower)
        found = [(r + each) / (1 + r * each) for r, each in zip((r_s, r_p), found, strict=True)]
    return found[0], found[1]
