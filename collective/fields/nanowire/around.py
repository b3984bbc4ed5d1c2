"""Pairs of points around an axis. Pairs that differ by a shift or a turn are computed once."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.fields.nanowire import cylinder, filon

_CHUNK_BYTES = 2**25
_SAME = 1e-13  # relative: distances that differ by rounding only


@lru_cache(maxsize=8)
def pairs(field: bytes, source: bytes) -> "Pairs":
    """The `Pairs` of two (3, P) arrays of ρ, φ, z, given as bytes; kept for the next k."""
    return Pairs(*(np.frombuffer(points).reshape(3, -1) for points in (field, source)))


class Pairs:
    """Pairs of points in cylindrical coordinates, grouped by what makes them equal.

    Attributes:
        distances: the different values of ρ, (D,).
        groups: ρ and ρ' of each group as indices of distances, (G, 2). A group is all pairs
            of one (ρ, ρ', Δφ).
        angles: Δφ of the groups, (G,).
        separations: the different values of |Δz|, (Z,).
    """

    def __init__(self, field: NDArray[np.float64], source: NDArray[np.float64]):
        self.count = field.shape[1]
        self.distances, index = _distinct(np.stack([field[0], source[0]]))
        angle, around = _distinct(field[1] - source[1], _SAME)
        self.separations, self._z_of = _distinct(np.abs(field[2] - source[2]))
        self._sign = np.sign(field[2] - source[2])
        keys, self._group_of = np.unique(
            np.stack([index[0], index[1], around]), axis=1, return_inverse=True
        )
        self._group_of = self._group_of.reshape(-1)
        self.groups = np.ascontiguousarray(keys[:2].T)
        self.angles = angle[keys[2]]
        self._members = np.split(
            np.argsort(self._group_of, kind="stable"),
            np.cumsum(np.bincount(self._group_of, minlength=len(self.groups)))[:-1],
        )
        self._bases = _basis(field[1]), np.swapaxes(_basis(source[1]), -1, -2)

    def integrated(
        self,
        edges: NDArray[np.complex128],
        spectrum: Callable[[NDArray[Any], slice], NDArray[Any]],
        height: float = 0.0,
    ) -> NDArray[np.complex128]:
        """∫dk_z of the spectra of all groups, for every pair, Cartesian, (pairs, 3, 3).

        Args:
            edges: of the panels of a path from 0 to the right, or of a ray if there is a height.
            spectrum: a function of k_z and of which nodes these are, T as (groups, 9, nodes).
            height: imaginary part that is added to the path.
        """
        result = np.zeros((self.count, cylinder.COMPONENTS), dtype=complex)
        path = filon.ray_nodes(edges) + 1j * height if height else filon.nodes(edges)
        kz: NDArray[Any] = path if np.any(path.imag) else path.real
        members = self._members
        rule = filon.outgoing if height else filon.weights
        cosine, sine = rule(edges.tobytes(), self.separations.tobytes())
        step = max(1, _CHUNK_BYTES // (16 * cylinder.COMPONENTS * len(members)))
        for start in range(0, len(kz), step):
            part = slice(start, start + step)
            spectra = spectrum(kz[part], part)
            if height:  # real and imaginary parts alternate
                spectra, part = spectra.view(float), slice(2 * start, 2 * (start + step))
            for which, weights in ((cylinder.EVEN_IN_Z, cosine), (cylinder.ODD_IN_Z, sine)):
                if len(members) == self.count:  # no two pairs alike
                    some = weights[self._z_of, part, None]
                    result[:, which] += (spectra[self._group_of][:, which] @ some)[..., 0]
                    continue
                for pairs, one in zip(members, spectra, strict=True):
                    z = self._z_of[pairs]
                    if 2 * len(z) > len(weights):  # fewer separations than copies of them
                        values = (weights[:, part] @ one[which].T)[z]
                    else:
                        values = weights[z, part] @ one[which].T
                    result[np.ix_(pairs, which)] += values
        result[:, cylinder.ODD_IN_Z] *= self._sign[:, None]
        if height:
            result *= np.exp(-height * self.separations)[self._z_of, None]
        left, right = self._bases
        return np.asarray(left @ result.reshape(-1, 3, 3) @ right)


def _basis(phi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns ρ̂, φ̂, ẑ, (..., 3, 3)."""
    basis = np.zeros((*phi.shape, 3, 3))
    basis[..., 0, 0] = basis[..., 1, 1] = np.cos(phi)
    basis[..., 1, 0] = np.sin(phi)
    basis[..., 0, 1] = -basis[..., 1, 0]
    basis[..., 2, 2] = 1.0
    return basis


def _distinct(
    values: NDArray[np.float64], tolerance: float | None = None
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The values that differ by more than rounding, and for each entry which of them it is."""
    flat = values.ravel()
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    if tolerance is None:
        tolerance = _SAME * float(np.abs(flat).max(initial=0.0))
    new = np.diff(ordered, prepend=-np.inf) > tolerance
    index = np.empty(len(flat), dtype=np.intp)
    index[order] = np.cumsum(new) - 1
    return ordered[new], index.reshape(values.shape)
