"""A stack of films on a substrate."""

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

_MOST = 1000  # layers


@dataclass(frozen=True)
class Layers:
    r"""Films on a substrate, with vacuum above them, where the emitters are.

    The surface of the uppermost film is the plane z = 0. The tensor is that of `HalfSpace` with
    the reflection coefficients of the stack. From the bottom to the top, with
    λ_j² = q² − ε_jk² and the coefficients r_j of the interface below layer j,

    .. math:: R_j = \frac{r_j + R_{j+1} e^{−2λ_{j+1}d_{j+1}}}{1 + r_j R_{j+1} e^{−2λ_{j+1}d_{j+1}}},

    in which no exponential grows. A slab may be lossless and guide waves: the path of integration
    passes the poles on the real axis at a distance. A free slab has the substrate 1.

    Args:
        permittivities: of the films from the top down and, last, of the substrate; each a material
            of `collective.materials`, any object with `permittivity(k)`, a function k → ε, or a
            number as for `HalfSpace`.
        thicknesses: of the films, ≥ 0, in units of length; one fewer than the permittivities.

    Raises:
        ValueError: for lists of other lengths, a permittivity that is not one number, a thickness
            below zero.

    Source: Novotny and Hecht, Principles of Nano-Optics, 2nd ed. (2012), sections 2.8 and 10.4;
    Chance, Prock and Silbey, Adv. Chem. Phys. 37, 1 (1978).

    Example:
        >>> import collective as co
        >>> slab = co.Layers([4.0, 1.0], [0.2])
        >>> atom = co.Emitters([[0, 0, 0.1]], dipoles=(1, 0, 0))
        >>> co.purcell(atom, slab).round(3)
        array([1.077])
        >>> {name: float(rate[0].round(3)) for name, rate in slab.guided(atom).items()}
        {'TE0': 0.18, 'TM0': 0.183}
    """

    citation: ClassVar[str] = CITATION

    permittivities: tuple[Any, ...]
    thicknesses: tuple[float, ...] = ()

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        given = _listed("permittivities", self.permittivities)
        if not given:
            raise ValueError("permittivities must hold at least one, that of the substrate")
        lengths = _listed("thicknesses", self.thicknesses)
        if len(lengths) != len(given) - 1:
            raise ValueError(
                f"thicknesses must be one fewer than the permittivities, the last of which is that "
                f"of the substrate: got {len(lengths)} and {len(given)}"
            )
        checks.freeze(
            self,
            permittivities=tuple(
                constants.material(f"permittivities[{j}]", each) for j, each in enumerate(given)
            ),
            thicknesses=tuple(
                checks.not_negative(f"thicknesses[{j}]", each) for j, each in enumerate(lengths)
            ),
        )

    def green(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """The vacuum's part and the reflected part together; arguments as of `scattered`."""
        return Vacuum().green(r, r_source, k) + self.scattered(r, r_source, k)

    def scattered(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """What the stack reflects, (..., 3, 3); arguments and errors as of `HalfSpace.scattered`.

        Raises:
            ValueError: also for layers that guide backward waves with too little absorption.
        """
        return self._stack.scattered(r, r_source, k, magnetic=False)

    def magnetic_green(
        self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        """The field of magnetic dipoles, ∇×G×∇', (..., 3, 3); arguments as of `scattered`."""
        vacuum = Vacuum().magnetic_green(r, r_source, k)
        return vacuum + self._stack.scattered(r, r_source, k, magnetic=True)

    def far_field(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        """The far field above the stack, (..., 3, 3); arguments as of `HalfSpace.far_field`."""
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
        """The bound modes TE0, TE1, …, TM0, … and the rates at which emitters emit into each, (N,).

        Without films, the plasmon as of `HalfSpace.guided`.

        Raises:
            ValueError: for films or a substrate below them that absorb or are metals.
        """
        return self._stack.guided(emitters)

    @property
    def lengths(self) -> dict[str, float]:
        """The thicknesses above zero, which must be in the unit of the emitters' wavelength."""
        return {f"thicknesses[{j}]": d for j, d in enumerate(self.thicknesses) if d > 0}

    @property
    def _stack(self) -> Stack:
        names = tuple(f"permittivities[{j}]" for j in range(len(self.permittivities)))
        return Stack(names, self.permittivities, self.thicknesses)


def _listed(name: str, value: Any) -> list[Any]:
    """A list, a tuple or an array with one axis, as a list."""
    array = isinstance(value, np.ndarray) and value.ndim == 1
    if not array and not isinstance(value, list | tuple):
        raise ValueError(
            f"{name} must be a list, from the uppermost film down, got {checks.short(value)}"
        )
    if len(value) > _MOST:
        raise ValueError(f"{name} may have at most {_MOST} entries, got {len(value)}")
    return list(value)
