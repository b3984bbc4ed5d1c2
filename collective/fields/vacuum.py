"""Free space: the field of emitters with nothing around them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters import Emitters
from collective.fields.free_space import free_green, separations, times_squared
from collective.fields.memory import Memory, of_dipoles
from collective.fields.points import checked_points, checked_shapes
from collective.materials import wavenumbers

_UNIT = 1e-9  # by how much the length of a direction may differ from 1


@dataclass(frozen=True)
class Vacuum:
    """Free space, at real and imaginary wave numbers.

    Example:
        >>> import numpy as np, collective as co
        >>> G = co.Vacuum().green([0, 0, 0.25], [0, 0, 0], 2 * np.pi)
        >>> np.round(G[0, 0] * 6 * np.pi / (2 * np.pi), 6)
        np.complex128(-0.607927+0.567911j)
    """

    def green(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """G(r, r_source, k), (..., 3, 3), in inverse units of length.

        Args:
            r: field points, (..., 3).
            r_source: source points, (..., 3).
            k: wave number, positive or i times positive; a number, or an array that broadcasts
                over the points and lies on one of the two axes.

        Returns:
            The tensor; at coincident points ik/6π·1, on the imaginary axis zero.

        Raises:
            ValueError: for points that are not finite vectors or k off the two axes.
        """
        return free_green(*separations(r, r_source, k))

    def magnetic_green(
        self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        """The field of magnetic dipoles, ∇×G×∇' = k²G, (..., 3, 3); arguments as of `green`."""
        separation, k = separations(r, r_source, k)
        return times_squared(k**2, free_green(separation, k))

    def far_field(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        r"""The limit of :math:`r e^{-ikr} G(r\hat n, r', k)` far away, (..., 3, 3), no unit.

        .. math:: A(\hat n, r', k) = \frac{1}{4π}(1 − \hat n\hat n) e^{−ik\hat n·r'}

        Args:
            directions: unit vectors n̂, (..., 3).
            r_source: source points r', (..., 3).
            k: real wave number, positive.
        """
        unit, source = (
            checked_points("directions", directions),
            checked_points("r_source", r_source),
        )
        k = _real(k)
        checked_shapes(unit, source, k, first="directions")
        if np.any(np.abs(np.linalg.norm(unit, axis=-1) - 1) > _UNIT):
            raise ValueError("directions must be unit vectors: divide them by their lengths")
        phases = np.exp(-1j * k * np.einsum("...i,...i->...", unit, source))
        across = np.eye(3) - unit[..., :, None] * unit[..., None, :]
        return np.asarray(phases[..., None, None] / (4 * np.pi) * across)

    def magnetic_far_field(
        self, directions: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        """The same limit of `magnetic_green`, k² times that of `green`."""
        return times_squared(
            np.asarray(_real(k) ** 2, dtype=complex), self.far_field(directions, r_source, k)
        )

    def scattered(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """Zero: nothing scatters in free space."""
        separation, k = separations(r, r_source, k)
        shape = np.broadcast_shapes(separation.shape[:-1], k.shape)
        return np.zeros((*shape, 3, 3), dtype=complex)

    def memory(self, emitters: Emitters) -> Memory:
        """Δ − iΓ/2 of every pair with the delay r/c, to first order in the detuning from ω₀.

        Args:
            emitters: N of them, with a frequency.

        Raises:
            ValueError: for emitters without a frequency.
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        r = emitters.positions

        def direct(k: float) -> NDArray[np.complex128]:
            return self.green(r[:, None], r, k)

        return of_dipoles(emitters, [(direct, r[:, None] - r)])


def _real(k: ArrayLike) -> NDArray[np.float64]:
    """Positive wave numbers, checked."""
    array = wavenumbers(k)
    if np.any(array.imag):
        raise ValueError(f"k must be real: nothing arrives far away at k = {array.flat[0]:g}")
    return array.real
