"""A perfect plane mirror, by the image of the source behind it."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters import Emitters
from collective.fields.free_space import free_green, times_squared
from collective.fields.layered.stack import CITATION
from collective.fields.memory import Memory, of_dipoles
from collective.fields.points import below_surface, checked_pairs, checked_points, require_above
from collective.fields.vacuum import Vacuum
from collective.materials import wavenumbers

_KINDS = ("electric", "magnetic")
_FLIP = np.array([1.0, 1.0, -1.0])  # from a point to its image
_IMAGE = {"electric": -_FLIP, "magnetic": _FLIP}  # from a dipole to its image


@dataclass(frozen=True)
class Mirror:
    r"""A perfect mirror at z = 0 with vacuum above it, where the emitters are.

    .. math:: G(r, r') = G_0(r, r') + G_0(r, \bar r')·D, \qquad \bar r' = (x', y', −z')

    An electric mirror (a perfect conductor) takes away the electric field along it,
    D = diag(−1, −1, 1). A magnetic mirror takes away the magnetic field along it,
    D = diag(1, 1, −1). With ξ = 2kz an electric dipole in front of an electric mirror decays at

    .. math:: Γ_⊥ = Γ_0 + 3Γ_0\left(\frac{\sin ξ}{ξ^3} − \frac{\cos ξ}{ξ^2}\right), \qquad
              Γ_∥ = Γ_0 − \frac{3Γ_0}{2}
                    \left(\frac{\sin ξ}{ξ} + \frac{\cos ξ}{ξ^2} − \frac{\sin ξ}{ξ^3}\right).

    Args:
        kind: "electric" or "magnetic".

    Raises:
        ValueError: for another kind.

    Source: Chance, Prock and Silbey, Adv. Chem. Phys. 37, 1 (1978).

    Example:
        >>> import collective as co
        >>> near = co.Emitters([[0, 0, 1e-3]] * 2, dipoles=[(1, 0, 0), (0, 0, 1)])
        >>> co.purcell(near, co.Mirror()).round(3)
        array([0., 2.])
    """

    citation: ClassVar[str] = CITATION

    kind: Literal["electric", "magnetic"] = "electric"

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        checks.freeze(self, kind=checks.choice("kind", self.kind, _KINDS))

    def green(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """The vacuum's tensor and that of the image, (..., 3, 3); arguments as of `scattered`."""
        return Vacuum().green(r, r_source, k) + self.scattered(r, r_source, k)

    def scattered(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """The tensor of the image, (..., 3, 3), in inverse units of length.

        Args:
            r: field points above the mirror, (..., 3).
            r_source: source points above the mirror, (..., 3).
            k: wave number, positive or i times positive; a number, or an array that broadcasts
                over the points.

        Raises:
            ValueError: for points on or below the mirror, or k off the two axes.
        """
        return self._image(r, r_source, k)[0]

    def magnetic_green(
        self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        """The field of magnetic dipoles, ∇×G×∇', (..., 3, 3); arguments as of `scattered`.

        The image of a magnetic dipole is opposite to that of an electric one.
        """
        image, k = self._image(r, r_source, k)
        return Vacuum().magnetic_green(r, r_source, k) - times_squared(k**2, image)

    def far_field(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        r"""The limit of :math:`r e^{-ikr} G(r\hat n, r', k)` far away, (..., 3, 3), no unit.

        Args:
            directions: unit vectors n̂, (..., 3). Below the mirror there is no light.
            r_source: source points r' above the mirror, (..., 3).
            k: real wave number, positive.
        """
        return self._far(directions, r_source, k, _IMAGE[self.kind])

    def magnetic_far_field(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        """The same limit of `magnetic_green`; arguments as of `far_field`."""
        far = self._far(directions, r_source, k, -_IMAGE[self.kind])
        return times_squared(wavenumbers(k) ** 2, far)

    def memory(self, emitters: Emitters) -> Memory:
        """Two paths from emitter to emitter, direct and by the mirror, to first order in ω.

        Light that goes by the mirror has the delay of the distance from the image.

        Args:
            emitters: N of them above the mirror, with a frequency.

        Raises:
            ValueError: for emitters without a frequency, or on or below the mirror.
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        r = emitters.positions
        sign = -1 if emitters.kind == "magnetic" else 1

        def direct(k: float) -> NDArray[np.complex128]:
            return Vacuum().green(r[:, None], r, k)

        def reflected(k: float) -> NDArray[np.complex128]:
            return sign * self.scattered(r[:, None], r, k)

        paths = [(direct, r[:, None] - r), (reflected, r[:, None] - r * _FLIP)]
        return of_dipoles(emitters, paths)

    def inside(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which points (..., 3) are on or below the mirror, (...)."""
        return below_surface(points)

    def _image(
        self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """The tensor of the image, and k as an array."""
        field, source, wave, _ = checked_pairs(r, r_source, k)
        require_above("r", field)
        require_above("r_source", source)
        return free_green(field - source * _FLIP, wave) * _IMAGE[self.kind], wave

    def _far(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike, image: NDArray[Any]
    ) -> NDArray[np.complex128]:
        """The far field of dipoles with this image."""
        free = Vacuum().far_field(directions, r_source, k)
        source = checked_points("r_source", r_source)
        require_above("r_source", source)
        whole = free + Vacuum().far_field(directions, source * _FLIP, k) * image
        upwards = checked_points("directions", directions)[..., 2] > 0
        return np.asarray(np.where(upwards[..., None, None], whole, 0))
