"""Complex orbitals on a regular grid: `Orbitals`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.console import printable
from collective.currents.grids import (
    checked_axes,
    derivative,
    outside_of,
    sample,
    sampled,
    unresolved_of,
)
from collective.currents.shapes import Wavefunction

_LARGEST_OUTSIDE = 3e-5  # of the norm: largest part outside the grid
_LARGEST_UNRESOLVED = 0.05  # of the norm: largest part in the shortest tenth of the waves
_EXTREME = 1e60  # of ψ: its fourth power does not overflow
_LONGEST = 1e-3  # metres; longer axes are probably not in metres
_HIGHEST = 8  # highest order of a derivative: powers of wave numbers do not overflow
_INDEPENDENT = 1e-8  # smallest eigenvalue of the overlap of independent orbitals


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Orbitals:
    r"""L orbitals ψ_l(r) on a regular grid; they are neither normalised nor changed.

    Units are atomic: lengths in bohr, ψ in bohr^{−3/2}. Between the points, ψ is the function
    without waves shorter than twice the spacing. So derivatives and integrals of smooth orbitals
    are exact to round-off. Outside the grid ψ is zero.

    Args:
        axes: the points (x, y, z), three increasing arrays with equal steps and at least 8 points.
        wavefunctions: (L, X, Y, Z) complex, or a sequence of L arrays (X, Y, Z) or functions
            ψ(x, y, z) of arrays, such as `gaussian(...)` and `hydrogen_like(...)`.

    Attributes:
        axes: the three arrays.
        wavefunctions: (L, X, Y, Z), real if all values are real.
        outside: (L,), the part of each norm outside the grid, estimated from the decay of the last
            two layers on each side.
        unresolved: (L,), the part of each norm in the shortest tenth of the waves on the grid; it
            estimates the part in shorter waves.

    Raises:
        ValueError: for axes with unequal steps, shapes that do not fit, numbers that are not
            finite, an orbital that is zero, or a grid that is too small (more than 3·10⁻⁵ of a
            norm is outside) or too coarse (more than a twentieth is unresolved).

    Example:
        >>> import numpy as np, collective as co
        >>> axis = np.linspace(-6, 6, 48)
        >>> p = co.currents.Orbitals([axis] * 3, [co.currents.gaussian(1, m) for m in (1, -1)])
        >>> p
        2 complex orbitals on 48 × 48 × 48 points of 0.255 bohr
        >>> np.round(p.overlap().real, 12) + 0.0
        array([[1., 0.],
               [0., 1.]])
    """

    axes: tuple[NDArray[np.float64], ...]
    wavefunctions: NDArray[Any]
    outside: NDArray[np.float64]
    unresolved: NDArray[np.float64]

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __init__(
        self, axes: Sequence[ArrayLike], wavefunctions: "ArrayLike | Sequence[Wavefunction]"
    ):
        points = checked_axes(axes)
        values = sample(points, wavefunctions)
        for k, largest in enumerate(np.abs(values).max(axis=(1, 2, 3))):
            if largest == 0:
                raise ValueError(
                    f"wavefunctions[{k}] is zero on the whole grid: choose axes that contain it"
                )
            if not 1 / _EXTREME < largest < _EXTREME:
                raise ValueError(
                    f"wavefunctions[{k}] must have a largest value between {1 / _EXTREME:g} and "
                    f"{_EXTREME:g}, got {largest:g}"
                )
        outside = np.array([outside_of(v) for v in values])
        unresolved = np.array([unresolved_of(v) for v in values])
        worst = int(np.argmax(unresolved))
        if unresolved[worst] > _LARGEST_UNRESOLVED:
            steps = ", ".join(f"{a[1] - a[0]:.3g}" for a in points)
            raise ValueError(
                f"axes do not resolve the orbitals: {unresolved[worst]:.0%} of "
                f"wavefunctions[{worst}] are in the shortest waves of the grid, with steps of "
                f"{steps} bohr; use more points"
            )
        worst = int(np.argmax(outside))
        if outside[worst] > _LARGEST_OUTSIDE:
            spans = ", ".join(f"{a[0]:g} to {a[-1]:g}" for a in points)
            raise ValueError(
                f"axes are too short: about {min(outside[worst], 1):.1e} of the norm of "
                f"wavefunctions[{worst}] lies outside {spans} bohr (allowed: "
                f"{_LARGEST_OUTSIDE:g}); use longer axes"
            )
        checks.freeze(
            self, axes=points, wavefunctions=values, outside=outside, unresolved=unresolved
        )
        for axis in points:
            checks.readonly(axis)

    @classmethod
    def from_si(cls, axes: Sequence[ArrayLike], wavefunctions: ArrayLike) -> "Orbitals":
        """Make orbitals from metres and metres^{−3/2}; functions take metres.

        Example:
            >>> import numpy as np, collective as co
            >>> a = 1e-10
            >>> def s(x, y, z):
            ...     return np.exp(-(x**2 + y**2 + z**2) / (2 * a**2)) / (np.pi * a**2) ** 0.75
            >>> orbital = co.currents.Orbitals.from_si([np.linspace(-6 * a, 6 * a, 40)] * 3, [s])
            >>> orbital.overlap().real.round(9)
            array([[1.]])
        """
        from scipy.constants import physical_constants

        bohr = physical_constants["Bohr radius"][0]
        metres = checked_axes(axes)
        longest = max(np.ptp(axis) for axis in metres)
        if longest > _LONGEST:
            raise ValueError(f"axes must be in metres; these are {longest:g} metres long")
        return cls([axis / bohr for axis in metres], sample(metres, wavefunctions) * bohr**1.5)

    def __len__(self) -> int:
        return len(self.wavefunctions)

    @property
    def spacings(self) -> tuple[float, ...]:
        """Steps (h_x, h_y, h_z) in bohr."""
        return tuple(float((a[-1] - a[0]) / (len(a) - 1)) for a in self.axes)

    @property
    def volume_element(self) -> float:
        """h_x h_y h_z in bohr³."""
        return float(np.prod(self.spacings))

    def overlap(self) -> NDArray[Any]:
        """S_ll' = ∫ψ_l*ψ_l' d³r, (L, L)."""
        flat = self.wavefunctions.reshape(len(self), -1)
        return self.volume_element * (flat.conj() @ flat.T)

    def orthonormalised(self) -> "Orbitals":
        """The nearest orthonormal orbitals, Σ_l' (S^{−1/2})_l'l ψ_l' (Löwdin).

        Raises:
            ValueError: if the orbitals are linearly dependent.

        Example:
            >>> import numpy as np, collective as co
            >>> axis = np.linspace(-6, 6, 40)
            >>> s, t = (co.currents.gaussian(centre=(0, 0, z)) for z in (-0.5, 0.5))
            >>> pair = co.currents.Orbitals([axis] * 3, [s, t])
            >>> np.round(pair.orthonormalised().overlap(), 12) + 0.0
            array([[1., 0.],
                   [0., 1.]])
        """
        overlap = self.overlap()
        scale = 1 / np.sqrt(np.diag(overlap).real)
        values, vectors = np.linalg.eigh(scale[:, None] * overlap * scale)
        if values[0] < _INDEPENDENT:
            raise ValueError(
                "wavefunctions must be linearly independent: the smallest eigenvalue of their "
                f"overlap is {values[0]:.1e}"
            )
        values, vectors = np.linalg.eigh(overlap)
        root = (vectors / np.sqrt(values)) @ vectors.conj().T
        return Orbitals(self.axes, np.tensordot(root.T, self.wavefunctions, 1))

    def derivative(self, axis: int, order: int = 1) -> NDArray[Any]:
        """∂ψ/∂x_axis or a higher derivative, (L, X, Y, Z), of the function through the points.

        Raises:
            ValueError: for an axis that is not 0, 1 or 2, or an order that is not 1 to 8.
        """
        along = checks.count("axis", axis, minimum=0)
        if along > 2:
            raise ValueError(f"axis must be 0, 1 or 2, got {along}")
        times = checks.count("order", order)
        if times > _HIGHEST:
            raise ValueError(f"order must not exceed {_HIGHEST}, got {checks.short(times)}")
        return derivative(self.wavefunctions, along, self.spacings[along], times)

    def laplacian(self) -> NDArray[Any]:
        """∇²ψ, (L, X, Y, Z)."""
        return self.derivative(0, 2) + self.derivative(1, 2) + self.derivative(2, 2)

    def one_body(self, potential: "ArrayLike | Wavefunction" = 0.0) -> NDArray[Any]:
        r"""h_ll' = ½∫∇ψ_l*·∇ψ_l' + ∫ψ_l*Vψ_l', (L, L) in hartree, for `Interactions.hamiltonian`.

        Args:
            potential: V in hartree: a number, an array (X, Y, Z) or a function V(x, y, z).

        Example:
            >>> import numpy as np, collective as co
            >>> axis = np.linspace(-6, 6, 48)
            >>> p = co.currents.Orbitals([axis] * 3, [co.currents.gaussian(1, 1)])
            >>> p.one_body(lambda x, y, z: (x**2 + y**2 + z**2) / 2).real.round(9)  # 5/2 ħω
            array([[2.5]])
        """
        shape = self.wavefunctions.shape[1:]
        values = sampled("potential", potential, self.axes) if callable(potential) else potential
        values = checks.finite("potential", values)
        if values.shape not in ((), shape):
            raise ValueError(f"potential must have shape {shape}, got {values.shape}")
        flat = self.wavefunctions.reshape(len(self), -1)
        total = flat.conj() @ (self.wavefunctions * values).reshape(len(self), -1).T
        for axis in range(3):
            slope = self.derivative(axis).reshape(len(self), -1)
            total = total + 0.5 * slope.conj() @ slope.T
        return self.volume_element * total

    @printable
    def __repr__(self) -> str:
        kind = "complex" if np.iscomplexobj(self.wavefunctions) else "real"
        points = " × ".join(str(len(a)) for a in self.axes)
        steps = sorted({f"{h:.3g}" for h in self.spacings})
        return (
            f"{len(self)} {kind} orbital{'s' * (len(self) != 1)} on {points} points of "
            f"{', '.join(steps)} bohr"
        )
