"""A metal or a dielectric that fills all space below a plane."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters import Emitters
from collective.fields import permittivity as constants
from collective.fields.free_space import times_squared
from collective.fields.layered.stack import CITATION, Stack
from collective.fields.points import below_surface
from collective.fields.vacuum import Vacuum
from collective.materials import wavenumbers


@dataclass(frozen=True)
class HalfSpace:
    r"""A metal or a dielectric at z < 0, vacuum above it, where the emitters are.

    .. math:: G^S = \frac{1}{8π^2} \int \frac{d^2q}{λ} e^{iq·(r−r') − λ(z+z')}
              \left[r_s\,\hat s\hat s + r_p\,\hat p_+\hat p_−\right], \qquad
              r_s = \frac{λ − λ_1}{λ + λ_1}, \quad r_p = \frac{ελ − λ_1}{ελ + λ_1}

    with λ² = q² − k² and λ₁² = q² − εk². The integrals are computed to about 10⁻¹² of the largest
    entry on both axes. They are refused if their estimated error is above 10⁻⁹ of that entry and
    above 10⁻¹⁰k, so that it might be seen in a decay rate. Light that enters the material is
    absorbed there or, if the material is transparent, leaves downwards. Both count as decay.

    Args:
        permittivity: a material of `collective.materials`, any object with `permittivity(k)`, a
            function k → ε, or a number: a real one ≥ 1 (a lossless dielectric) holds on both axes,
            any other at real wave numbers only.

    Raises:
        ValueError: for a permittivity that is not one number.

    Source: Novotny and Hecht, Principles of Nano-Optics, 2nd ed. (2012), chapter 10; Chance, Prock
    and Silbey, Adv. Chem. Phys. 37, 1 (1978).

    Example:
        >>> import numpy as np, collective as co
        >>> silver = co.HalfSpace(co.materials.Drude.from_value(-16 + 0.4j, 2 * np.pi))
        >>> atom = co.Emitters([[0, 0, 0.05]], dipoles=(0, 0, 1))
        >>> co.purcell(atom, silver).round(6), silver.guided(atom)["plasmon"].round(6)
        (array([3.192625]), array([2.215036]))
    """

    citation: ClassVar[str] = CITATION

    permittivity: Any

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        material = constants.material("permittivity", self.permittivity)
        checks.freeze(self, permittivity=material)

    def green(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """The vacuum's part and the reflected part together; arguments as of `scattered`."""
        return Vacuum().green(r, r_source, k) + self.scattered(r, r_source, k)

    def scattered(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """What the surface reflects, (..., 3, 3), Cartesian, in inverse units of length.

        Args:
            r: field points above the surface, (..., 3).
            r_source: source points above the surface, (..., 3).
            k: wave number, positive or i times positive; a number, or an array that broadcasts
                over the points.

        Raises:
            ValueError: for points on or below the surface, k off the two axes, gain, or a
                permittivity that is not known on the imaginary axis.
        """
        return self._stack.scattered(r, r_source, k, magnetic=False)

    def magnetic_green(
        self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        """The field of magnetic dipoles, ∇×G×∇', (..., 3, 3); arguments as of `scattered`.

        In the reflected part r_s and r_p are exchanged, and it is multiplied by k².
        """
        vacuum = Vacuum().magnetic_green(r, r_source, k)
        return vacuum + self._stack.scattered(r, r_source, k, magnetic=True)

    def far_field(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        r"""The limit of :math:`r e^{-ikr} G(r\hat n, r', k)` far above, (..., 3, 3), no unit.

        Args:
            directions: unit vectors n̂, (..., 3). Below the surface the answer is zero: light that
                travels on in a transparent material has another wave number and is not described.
            r_source: source points r' above the surface, (..., 3).
            k: real wave number, positive.
        """
        return self._stack.far_field(directions, r_source, k, magnetic=False)

    def magnetic_far_field(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        """The same limit of `magnetic_green`; arguments as of `far_field`."""
        far = self._stack.far_field(directions, r_source, k, magnetic=True)
        return times_squared(wavenumbers(k) ** 2, far)

    def inside(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which points (..., 3) are on or below the surface z = 0, (...)."""
        return below_surface(points)

    def guided(self, emitters: Emitters) -> dict[str, NDArray[np.float64]]:
        """The bound plasmon and the rates at which emitters emit into it, if Re ε < −1.

        The rate is the part of the pole at q_p = k√(ε/(ε + 1)) in the whole rate. In a metal that
        absorbs, the pole is not on the real axis, and the real part of its residue is taken.
        """
        return self._stack.guided(emitters)

    @property
    def _stack(self) -> Stack:
        return Stack(("permittivity",), (self.permittivity,), ())
