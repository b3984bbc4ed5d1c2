r"""A sphere of any material in vacuum, with emitters around it.

Electric dipoles feel the scattered tensor G^S of the sphere. Magnetic dipoles feel k² times the
tensor of the sphere with ε and μ exchanged (duality).
"""

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.fields import permittivity as _constants
from collective.fields.free_space import times_squared
from collective.fields.points import checked_pairs, checked_points, checked_shapes
from collective.fields.sphere import tensors
from collective.fields.vacuum import Vacuum
from collective.materials import wavenumbers

_SURFACE = 1e-12  # of the radius: closer to the surface a point counts as on it
_FARTHEST = 1e9  # of k times the way by the sphere, up to which its phase has digits
_SMALLEST = 1e-30  # of |k|R: its fifth power is still a number
_LARGEST = 1e12  # of |k|R and of |m||k|R
_NEGLIGIBLE = 700.0  # e^−700 counts as zero
_CITATION = r"""
@article{chew1987,
  author = {Chew, H.},
  title = {Transition rates of atoms near spherical surfaces},
  journal = {J. Chem. Phys.},
  volume = {87},
  pages = {1355--1360},
  year = {1987},
}

@article{ruppin1982,
  author = {Ruppin, R.},
  title = {Decay of an excited molecule near a small metal sphere},
  journal = {J. Chem. Phys.},
  volume = {76},
  pages = {1681--1684},
  year = {1982},
  doi = {10.1063/1.443196},
}
""".strip()


@dataclass(frozen=True)
class Sphere:
    r"""A sphere in vacuum, of metal or dielectric, of any size; emitters outside.

    The scattered tensor is Mie's series in vector spherical harmonics,
    `collective.fields.sphere.mie`, summed until the terms have fallen by e⁻⁵⁰, at real and
    imaginary wave numbers. Its error is about 10⁻¹² of the tensor's value on the same side of the
    sphere, r̂ = r̂'. The number of orders is 25 R/gap close to the surface. It is at most 10⁵, and
    closer points are refused.

    Args:
        radius: R > 0, in units of length.
        permittivity: a material of `collective.materials`, any object with `permittivity(k)`, a
            function k → ε, or a number: a real one ≥ 1 (a lossless dielectric) holds on both axes,
            any other at real wave numbers only.
        permeability: μ of the sphere, in any of the forms of the permittivity: a material of
            `collective.materials` is asked for its `permittivity(k)` as a function of k.
        centre: of the sphere, (3,), in units of length.
        allow_gain: accept Im ε < 0 or Im μ < 0, for which Γ need not be positive.

    Raises:
        ValueError: for a radius that is not positive, a constant that is not one number, a centre
            that is not a vector, a flag that is not True or False.

    Source: Ruppin, J. Chem. Phys. 76, 1681 (1982); Chew, J. Chem. Phys. 87, 1355 (1987).

    Example:
        >>> import numpy as np, collective as co
        >>> gold = co.materials.Drude.from_value(-11.0 + 1.3j, 2 * np.pi)
        >>> sphere = co.Sphere(0.05, gold)
        >>> atom = co.Emitters([[0, 0, 0.07]], dipoles=(0, 0, 1))
        >>> float(co.purcell(atom, sphere)[0].round(6))
        10.365646
    """

    citation: ClassVar[str] = _CITATION

    radius: float
    permittivity: Any
    permeability: Any = 1.0 + 0j
    _: KW_ONLY
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    allow_gain: bool = False

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        centre = checks.vector("centre", self.centre)
        checks.freeze(
            self,
            radius=checks.number("radius", self.radius, above=0),
            permittivity=_constants.material("permittivity", self.permittivity),
            permeability=_constants.material("permeability", self.permeability),
            centre=tuple(float(x) for x in centre),
            allow_gain=checks.flag("allow_gain", self.allow_gain),
        )

    def green(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """The vacuum's part and the scattered part together; arguments as of `scattered`."""
        return Vacuum().green(r, r_source, k) + self.scattered(r, r_source, k)

    def magnetic_green(
        self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        r"""The field of magnetic dipoles, :math:`∇×G×∇'`, (..., 3, 3), in inverse units of length³.

        In vacuum it is k²G. What the sphere adds is k² times the scattered tensor of a sphere whose
        permittivity and permeability have changed places. Arguments as of `scattered`.
        """
        vacuum = Vacuum().magnetic_green(r, r_source, k)
        scattered = self._scattered(r, r_source, k, magnetic=True)
        return vacuum + times_squared(wavenumbers(k) ** 2, scattered)

    def scattered(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """What the sphere scatters, (..., 3, 3), Cartesian, in inverse units of length.

        Args:
            r: field points outside the sphere, (..., 3).
            r_source: source points outside the sphere, (..., 3).
            k: wave number, positive or i times positive; a number, or an array that broadcasts
                over the points.

        Raises:
            ValueError: for points on or inside the sphere, or so close to it that the series has
                too many orders; k off the two axes; gain without `allow_gain`; a permittivity that
                is not known on the imaginary axis.
        """
        return self._scattered(r, r_source, k, magnetic=False)

    def far_field(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        r"""The limit of :math:`r e^{-ikr} G(r\hat n, r', k)` far away, (..., 3, 3), no unit.

        Args:
            directions: unit vectors n̂, (..., 3).
            r_source: source points r' outside the sphere, (..., 3).
            k: real wave number, positive.
        """
        vacuum = Vacuum().far_field(directions, r_source, k)
        return vacuum + self._far(directions, r_source, k, magnetic=False)

    def magnetic_far_field(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        """The same limit of `magnetic_green`, (..., 3, 3), in inverse units of length²."""
        vacuum = Vacuum().magnetic_far_field(directions, r_source, k)
        far = self._far(directions, r_source, k, magnetic=True)
        return vacuum + times_squared(wavenumbers(k) ** 2, far)

    def inside(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which points (..., 3) are on or inside the sphere, (...)."""
        r = checked_points("points", points) - np.array(self.centre)
        return np.asarray(np.linalg.norm(r, axis=-1) <= self.radius * (1 + _SURFACE))

    @property
    def lengths(self) -> dict[str, float]:
        """The radius, which must be in the unit of the emitters' wavelength."""
        return {"radius": self.radius}

    def _scattered(
        self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike, *, magnetic: bool
    ) -> NDArray[np.complex128]:
        """The scattered tensor; of magnetic dipoles without the factor k²."""
        field, source, k, shape = checked_pairs(r, r_source, k)
        left, right = (
            self._from_centre(name, points, shape)
            for name, points in (("r", field), ("r_source", source))
        )
        path = np.linalg.norm(left, axis=1) + np.linalg.norm(right, axis=1) - 2 * self.radius
        every = np.broadcast_to(k, shape).ravel()
        values = np.zeros((len(every), 3, 3), dtype=complex)
        for one in np.unique(every):
            chosen = np.flatnonzero((every == one) & (one.imag * path <= _NEGLIGIBLE))
            if not len(chosen):
                continue
            ball = self._ball(complex(one), magnetic=magnetic)
            _require_digits(ball.k, float(path[chosen].max()))
            values[chosen] = tensors.scattered(ball, left[chosen], right[chosen])
        return values.reshape(*shape, 3, 3)

    def _far(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike, *, magnetic: bool
    ) -> NDArray[np.complex128]:
        """The scattered part of the far field; of magnetic dipoles without the factor k²."""
        unit, source = (
            checked_points("directions", directions),
            checked_points("r_source", r_source),
        )
        k = wavenumbers(k)
        shape = checked_shapes(unit, source, k, first="directions")
        right = self._from_centre("r_source", source, shape)
        unit = np.broadcast_to(unit, (*shape, 3)).reshape(-1, 3)
        every = np.broadcast_to(k, shape).ravel()
        values = np.zeros((len(every), 3, 3), dtype=complex)
        for one in np.unique(every):
            chosen = np.flatnonzero(every == one)
            ball = self._ball(complex(one), magnetic=magnetic)
            _require_digits(ball.k, float(np.linalg.norm(right[chosen], axis=1).max()))
            found = tensors.far(ball, unit[chosen], right[chosen])
            moved = np.exp(-1j * ball.k * (unit[chosen] @ np.array(self.centre)))
            values[chosen] = moved[:, None, None] * found
        return values.reshape(*shape, 3, 3)

    def _from_centre(
        self, name: str, points: NDArray[np.float64], shape: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Points from the centre, (P, 3), or an error if one is on or inside the sphere."""
        within = self.inside(points)
        if np.any(within):
            first = points[within][0]
            raise ValueError(
                f"{name}: the point {first} is on or inside the sphere of radius {self.radius:g} "
                f"about {self.centre}; points must be outside"
            )
        return np.broadcast_to(points - np.array(self.centre), (*shape, 3)).reshape(-1, 3)

    def _ball(self, k: complex, *, magnetic: bool) -> tensors.Ball:
        """The sphere at one wave number, with ε and μ exchanged for magnetic dipoles."""
        epsilon, mu = (
            _constants.value(name, getattr(self, name), k, allow_gain=self.allow_gain)
            for name in ("permittivity", "permeability")
        )
        ball = tensors.Ball(self.radius, k, *((mu, epsilon) if magnetic else (epsilon, mu)))
        size, within = abs(k) * self.radius, abs(ball.inside)
        if size < _SMALLEST or max(size, within) > _LARGEST:
            raise ValueError(
                f"k = {_constants.spelled(k)} times the radius {self.radius:g} is {size:.3g}, and "
                f"times the index inside {within:.3g}: both must lie between {_SMALLEST:g} and "
                f"{_LARGEST:g}; are wave number and radius in one unit of length?"
            )
        return ball


def _require_digits(k: complex, path: float) -> None:
    """Raise if the way from point to point by the sphere is so long that phases have no digits."""
    if not k.imag and k.real * path > _FARTHEST:
        raise ValueError(
            f"r and r_source, the emitters' positions: at k = {k.real:g} the way by the sphere may "
            f"be at most {_FARTHEST / k.real:g}, got {path:g}; if it is longer, no digit of the "
            "scattered field is correct"
        )
