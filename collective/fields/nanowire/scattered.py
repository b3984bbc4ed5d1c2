"""What a wire scatters between pairs of points: how many orders are summed, and which path."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.fields.nanowire import contour, cylinder
from collective.fields.nanowire.around import Pairs

_DECAYED = 37.0  # e^−37 is below the round-off of what it is added to
_OWN_ORDERS = (8.0, 15)  # |k|R + a·(|k|R)^⅓ + b orders is where J_m(|k|R) ends
_MOST_ORDERS = 20_000
_CHUNK_BYTES = 2**25


def scattered(
    pairs: Pairs, k: complex, epsilon: complex, mu: complex, radius: float, height: float
) -> NDArray[np.complex128]:
    """The tensor of pairs at one wave number, Cartesian, (pairs, 3, 3).

    Args:
        pairs: of points outside the wire.
        k: real or imaginary.
        epsilon: permittivity of the wire at k.
        mu: permeability.
        radius: of the wire.
        height: β of the path of integration, `contour.heights`; 0 is the real line.
    """
    if epsilon == mu == 1:
        return np.zeros((pairs.count, 3, 3), dtype=complex)
    sums = pairs.distances[pairs.groups].sum(axis=1) - 2 * radius
    log = np.log(pairs.distances[pairs.groups] / radius).sum(axis=1)
    # static: (R²/ρρ')^m; beyond it the cylinder's own J_m, I_m decay once m exceeds |k|R
    own = abs(k) * radius
    orders = np.ceil(
        np.maximum(_DECAYED / log + own, own + _OWN_ORDERS[0] * np.cbrt(own) + _OWN_ORDERS[1])
    )
    if orders.max() > _MOST_ORDERS:
        raise ValueError(
            f"points {sums.min() / 2:.3g} from a wire of radius {radius:g}: {orders.max():.0f} "
            f"azimuthal orders would be needed, the limit is {_MOST_ORDERS}; so close, or so "
            f"thick (|k|R = {own:.3g}), the wire is a plane; lengths are in the unit of the "
            "emitters' wavelength"
        )
    orders = orders.astype(np.intp)
    decay = _DECAYED / sums.min()  # by how much λ exceeds its least value where the paths end

    def spectrum(kz: NDArray[Any], some: NDArray[np.intp]) -> NDArray[np.complex128]:
        """The tensor at nodes k_z of some of the groups of pairs, summed over the orders."""
        top, angles = int(orders[some].max()), pairs.angles[some]
        used, groups = np.unique(pairs.groups[some], return_inverse=True)
        groups, distances = groups.reshape(-1, 2), pairs.distances[used]
        step = max(1, _CHUNK_BYTES // (32 * (len(distances) + 2) * (top + 1)))
        found = []
        for part in (kz[start : start + step] for start in range(0, len(kz), step)):
            radial = cylinder.waves(part, k, radius, distances, top)
            coefficients = cylinder.reflection(part, k, epsilon, mu, radius, top)
            found.append(
                cylinder.spectra(
                    part, k, coefficients, radial, distances, groups, angles, orders[some]
                )
            )
        return np.concatenate(found, axis=-1)

    every = np.arange(len(pairs.groups))
    if height:
        edges = contour.raised(k.imag, decay, height, float(sums.max()))
        return pairs.integrated(edges, lambda kz, _: spectrum(kz, every), height * k.imag)
    if k.imag:
        index = np.sqrt((epsilon * mu).real)  # of the wire; κn is where λ₁ vanishes
        edges = contour.imaginary_axis(k.imag, decay, k.imag * min(1.0, float(index)))
        return pairs.integrated(edges, lambda kz, _: spectrum(kz, every))
    extremes = np.unique([np.argmin(sums), np.argmax(sums)])
    edges, known = contour.real_axis(
        k.real,
        float(np.hypot(k.real, decay)),
        contour.depth(k.real, epsilon, mu, radius, float(pairs.separations.max())),
        4 / (sums.max() + 2 * radius),
        lambda kz: spectrum(kz, extremes).reshape(-1, len(kz)),
        max(abs(epsilon - 1), abs(mu - 1)),
    )
    if len(extremes) == len(every):
        known = known.reshape(len(every), cylinder.COMPONENTS, -1)
        return pairs.integrated(edges, lambda _, part: known[..., part])
    return pairs.integrated(edges, lambda kz, _: spectrum(kz, every))
