"""What a stack of layers answers as a field: the work behind `HalfSpace` and `Layers`.

The vacuum is at z > 0, where the emitters are. The layers follow downwards from the surface z = 0.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.compiled import announced
from collective.emitters import Emitters
from collective.fields import permittivity as constants
from collective.fields.layered import modes, singularities, sommerfeld
from collective.fields.layered.reflection import reflections
from collective.fields.points import checked_pairs, checked_points, require_above
from collective.fields.vacuum import Vacuum
from collective.materials import wavenumbers

CITATION = r"""
@article{chance1978,
  author = {Chance, R. R. and Prock, A. and Silbey, R.},
  title = {Molecular fluorescence and energy transfer near interfaces},
  journal = {Adv. Chem. Phys.},
  volume = {37},
  pages = {1--65},
  year = {1978},
  doi = {10.1002/9780470142561.ch1},
}
""".strip()
# errors above this part of the largest entry, or of the field of an image, are refused if they also
# exceed this number times k: then they are seen in a decay rate
_ACCURACY, _SEEN = 1e-9, 1e-10
_CLOSEST, _FARTHEST = 1e-40, 1e9  # of |k|h and of |k| times the distance from the image
_SAME = 2.0**46  # relative: distances that differ by less are one distance
_COMPILING = 6.0  # seconds
_RESONANT = 1e-9  # |ε + 1| below which the plane's own plasmon has no finite wave number


@dataclass(frozen=True)
class Stack:
    """Layers from the top to the substrate.

    Attributes:
        names: of the arguments that hold the materials, for errors.
        materials: of the layers and, last, of the substrate, (L + 1,).
        thicknesses: of the layers, (L,).
    """

    names: tuple[str, ...]
    materials: tuple[Any, ...]
    thicknesses: tuple[float, ...]

    def scattered(
        self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike, *, magnetic: bool
    ) -> NDArray[np.complex128]:
        """What is reflected from r_source to r, (..., 3, 3): of G, or of C = ∇×G×∇'."""
        field, source, k, shape = checked_pairs(r, r_source, k)
        require_above("r", field)
        require_above("r_source", source)
        every = np.broadcast_to(k, shape).ravel()
        apart = np.broadcast_to(field - source, (*shape, 3)).reshape(-1, 3)
        heights = np.broadcast_to(field[..., 2] + source[..., 2], shape).ravel()
        distances = np.hypot(apart[:, 0], apart[:, 1])
        local = np.zeros((len(every), 4), dtype=complex)
        for one in np.unique(every):
            some = np.flatnonzero(every == one)
            local[some] = self._local(heights[some], distances[some], complex(one), magnetic)
        return _cartesian(local, apart, distances).reshape(*shape, 3, 3)

    def _local(
        self,
        heights: NDArray[np.float64],
        distances: NDArray[np.float64],
        k: complex,
        magnetic: bool,
    ) -> NDArray[np.complex128]:
        """G or C of pairs in components ρρ, φφ, zz, ρz, (P, 4). Equal pairs are computed once."""
        size = abs(k)
        h, rho = heights * size, distances * size
        _require_scale(h, rho, k)
        keys = np.stack([_rounded(h), _rounded(rho)])
        _, first, index = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        h, rho = h[first], rho[first]
        epsilons, depths = self._media(k)
        medium = bool(k.imag), epsilons, depths, magnetic
        compile_kernels()
        found, errors = sommerfeld.integrals(h, rho, medium, self._limits(epsilons, depths, k))
        sizes = np.maximum(
            np.abs(found).max(axis=1, initial=0.0), 1 / (4 * np.pi * np.hypot(h, rho))
        )
        if not np.all(errors <= np.maximum(_ACCURACY * sizes, _SEEN)):
            worst = int(np.argmax(errors / np.maximum(_ACCURACY * sizes, _SEEN)))
            along, up = rho[worst] / size, h[worst] / size
            films = ", and films thicker or left out" if len(depths) else ""
            raise ValueError(
                "r and r_source, the emitters' positions: the light reflected between points "
                f"{along:.3g} apart along the surface, with heights of {up:.3g} in all, is known "
                f"only to {errors[worst] / sizes[worst]:.1g} of its size at k = "
                f"{constants.spelled(k)}: so far apart, points must be "
                f"farther from the surface{films}"
            )
        factor = size**3 if magnetic else size * (-1 if k.imag else 1)
        return factor * found[index.reshape(-1)]

    def _limits(
        self, epsilons: NDArray[np.complex128], thicknesses: NDArray[np.float64], k: complex
    ) -> tuple[NDArray[np.complex128], float, float, NDArray[np.float64]]:
        """What the path must avoid: the limits of `paths.pieces`."""
        if k.imag:  # there all singularities are far from the path
            return np.zeros(0, dtype=complex), 0.0, 0.0, np.zeros(0)
        last = singularities.end(epsilons, thicknesses)
        dip = singularities.dip(epsilons, thicknesses, last)
        if dip == 0:
            metal = epsilons[np.argmin(epsilons.real)]
            raise ValueError(
                f"permittivities with {metal:g} at k = {k.real:g}: these layers guide backward "
                "waves, which differ from forward ones only with absorption: give the metal a "
                "larger Im ε"
            )
        leaks = singularities.leaks(epsilons, thicknesses)
        return singularities.landmarks(epsilons), last, dip, leaks

    def _media(self, k: complex) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """ε of the layers that have a thickness and of the substrate; |k| times the thicknesses."""
        thick = np.array(self.thicknesses) > 0
        epsilons = self._permittivities(k)[np.append(thick, True)]
        return epsilons, np.array(self.thicknesses)[thick] * abs(k)

    def _permittivities(self, k: complex) -> NDArray[np.complex128]:
        """ε of the layers and the substrate at one wave number, checked, (L + 1,)."""
        found = [
            constants.value(name, material, k, allow_gain=None)
            for name, material in zip(self.names, self.materials, strict=True)
        ]
        for name, epsilon in zip(self.names, found, strict=True):
            if abs(epsilon + 1) < _RESONANT:
                raise ValueError(
                    f"{name} {epsilon:g} at k = {constants.spelled(k)}: at ε = −1 without "
                    "absorption a surface reflects without limit; give it absorption, Im ε > 0"
                )
        return np.array(found)

    def guided(self, emitters: Emitters) -> dict[str, NDArray[np.float64]]:
        """The bound modes at the wave numbers of the emitters, and the rate into each, (N,)."""
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        require_above("emitters.positions", emitters.positions)
        found: dict[str, NDArray[np.float64]] = {}
        for k in np.unique(emitters.wavenumbers):
            chosen = np.flatnonzero(emitters.wavenumbers == k)
            across = np.abs(emitters.dipoles[chosen, 2]) ** 2
            heights = emitters.positions[chosen, 2] * k
            for mode in self._modes(float(k)):
                per_linewidth = modes.rates(
                    mode, heights, across, magnetic=emitters.kind == "magnetic"
                )
                into = found.setdefault(mode[0], np.zeros(len(emitters)))
                into[chosen] = per_linewidth * emitters.decay_rates[chosen]
        return found

    def _modes(self, k: float) -> list[modes.Mode]:
        """The bound modes at one wave number."""
        epsilons, depths = self._media(complex(k))
        if not len(depths):
            return modes.plasmon(complex(epsilons[0]))
        if np.any(epsilons.imag) or np.any(epsilons.real <= 0):
            odd = next(e for e in epsilons if e.imag or e.real <= 0)
            raise ValueError(
                f"permittivities with {odd:g} at k = {k:g}: the bound modes of several layers are "
                "known for lossless dielectrics only (ε real and positive); what layers take up in "
                "all is co.purcell(emitters, layers) less what the far field receives"
            )
        return modes.of_dielectrics(epsilons.real, depths)

    def far_field(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike, *, magnetic: bool
    ) -> NDArray[np.complex128]:
        """The far field above the surface of electric dipoles, or of magnetic ones without k²."""
        free = Vacuum().far_field(directions, r_source, k)
        source = checked_points("r_source", r_source)
        require_above("r_source", source)
        wave = wavenumbers(k)
        shape = free.shape[:-2]
        unit = np.broadcast_to(checked_points("directions", directions), (*shape, 3))
        every = np.broadcast_to(wave.real, shape)
        sine, cosine = np.hypot(unit[..., 0], unit[..., 1]), unit[..., 2]
        r_s, r_p = np.zeros(shape, dtype=complex), np.zeros(shape, dtype=complex)
        for one in np.unique(every):
            some = every == one
            r_s[some], r_p[some] = reflections(sine[some], 1.0, *self._media(complex(one)))
        if magnetic:
            r_s, r_p = r_p, r_s
        turned = np.where(sine > 0, sine, 1.0)
        east = np.where(sine > 0, unit[..., 0] / turned, 1.0)
        north = np.where(sine > 0, unit[..., 1] / turned, 0.0)
        across = np.stack([-north, east, np.zeros(shape)], axis=-1)
        up = np.stack([-cosine * east, -cosine * north, sine], axis=-1)
        down = up * [-1, -1, 1]
        phase = np.exp(-1j * every * np.einsum("...i,...i->...", unit, source * [1, 1, -1]))
        reflected = r_s[..., None, None] * _outer(across, across)
        reflected = reflected + r_p[..., None, None] * _outer(up, down)
        whole = free + phase[..., None, None] * reflected / (4 * np.pi)
        return np.asarray(np.where(cosine[..., None, None] > 0, whole, 0))


@cache
def compile_kernels() -> None:
    """Compile the kernels, or read them from the cache, by one pair of points above vacuum.

    The line that announces it appears on stderr once, as a field is not told whether to print.
    """
    none, vacuum, height = np.zeros(0), np.ones(1, dtype=complex), np.ones(1)
    limits = vacuum, 1.0, singularities.DIP, np.full(2, np.inf)
    with announced("the integrals of half-spaces and layers", _COMPILING, show=True):
        sommerfeld.integrals(height, height, (False, vacuum, none, False), limits)


def _require_scale(h: NDArray[np.float64], rho: NDArray[np.float64], k: complex) -> None:
    """Raise for distances, in units of 1/|k|, at which the integrals have no correct digit."""
    if np.any(h < _CLOSEST):
        raise ValueError(
            f"r and r_source, the emitters' positions: at k = {constants.spelled(k)} they are only "
            f"{h.min() / abs(k) / 2:.3g} above the surface, at least {_CLOSEST / abs(k):.3g} is "
            "needed: the near field there is too large for a number"
        )
    far = np.hypot(h, rho).max(initial=0.0)
    if not k.imag and far > _FARTHEST:
        raise ValueError(
            f"r and r_source, the emitters' positions: at k = {k.real:g} they may be at most "
            f"{_FARTHEST / k.real:g} from each other's image, got {far / k.real:g}; farther away "
            "no digit of the reflected field is correct"
        )


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers ≥ 0 with the last bits rounded away, so that equal distances are equal."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.round(mantissa * _SAME) / _SAME, exponent))


def _cartesian(
    local: NDArray[np.complex128], apart: NDArray[np.float64], distances: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """The tensors of pairs from their components ρρ, φφ, zz, ρz, (P, 3, 3)."""
    safe = np.where(distances > 0, distances, 1.0)
    x = np.where(distances > 0, apart[:, 0] / safe, 1.0)
    y = np.where(distances > 0, apart[:, 1] / safe, 0.0)
    tensor = np.empty((len(local), 3, 3), dtype=complex)
    along, across, vertical, mixed = local.T
    tensor[:, 0, 0] = along * x**2 + across * y**2
    tensor[:, 1, 1] = along * y**2 + across * x**2
    tensor[:, 0, 1] = tensor[:, 1, 0] = (along - across) * x * y
    tensor[:, 2, 2] = vertical
    tensor[:, 0, 2], tensor[:, 1, 2] = mixed * x, mixed * y
    tensor[:, 2, 0], tensor[:, 2, 1] = -mixed * x, -mixed * y
    return tensor


def _outer(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """The products of two stacks of vectors, (..., 3, 3)."""
    return np.asarray(left[..., :, None] * right[..., None, :])
