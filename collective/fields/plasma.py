"""The transverse field in a plasma: free space with another wave number."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.fields.free_space import free_green, separations, times_squared


@dataclass(frozen=True)
class Plasma:
    r"""The transverse field in a lossless plasma: waves of :math:`k_p = \sqrt{k^2 − k_0^2}`.

    Below the plasma frequency nothing propagates: J = 0, and the interaction is screened over
    1/√(k₀² − k²).

    Args:
        wavenumber: k₀ = ω_p/c, in inverse units of length.

    Example:
        >>> import collective as co
        >>> co.Plasma(2.0).green([0, 0, 1], [0, 0, 0], 1.0).imag.any()
        np.False_
    """

    wavenumber: float

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        checks.freeze(self, wavenumber=checks.wavenumber("wavenumber", self.wavenumber))

    def green(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """The vacuum's tensor at k_p; arguments as of `Vacuum.green`, k not at k₀ itself."""
        separation, k = separations(r, r_source, k)
        return free_green(separation, self._inside(k))

    def magnetic_green(
        self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike
    ) -> NDArray[np.complex128]:
        """The field of magnetic dipoles, k_p²G(k_p); arguments as of `Vacuum.green`."""
        separation, k = separations(r, r_source, k)
        if np.all(k == self.wavenumber):
            # the limit is the static field, reached to round-off this far below
            inside = np.full(k.shape, 1e-9j * self.wavenumber)
        else:
            inside = self._inside(k)
        return times_squared(inside**2, free_green(separation, inside))

    def _inside(self, k: NDArray[np.complex128]) -> NDArray[np.complex128]:
        squared = (k**2).real - self.wavenumber**2
        if np.any(squared == 0) or (np.any(squared > 0) and np.any(squared < 0)):
            raise ValueError(
                f"k must lie above or below the plasma wave number {self.wavenumber:g}, not at it "
                "or on both sides in one call"
            )
        return np.sqrt(squared.astype(complex))
