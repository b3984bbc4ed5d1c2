"""Complex orbitals on a regular grid: `Orbitals`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective import _checks
from collective.currents.shapes import Wavefunction

_FEWEST = 8  # points per axis
_EVEN = 1e-6  # of a spacing, by which points may miss a regular grid
_LARGEST_OUTSIDE = 3e-5  # of the norm, that may lie outside the grid
_NEGLIGIBLE = 1e-13  # of the norm, at which a tail is round-off
_INDEPENDENT = 1e-8  # smallest eigenvalue of the overlap of independent orbitals


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Orbitals:
    r"""L orbitals ψ_l(r) on a regular grid, kept as they are given.

    Atomic units: lengths in bohr, ψ in bohr^{−3/2}. Between the points ψ is the function without
    waves shorter than twice the spacing, so that derivatives and integrals of smooth orbitals
    are exact to round-off; outside the grid it is zero.

    Args:
        axes: the points (x, y, z), three increasing arrays of equal steps, at least 8 points each.
        wavefunctions: (L, X, Y, Z) complex, or a sequence of L arrays (X, Y, Z) or functions
            ψ(x, y, z) of arrays, such as `gaussian(...)` and `hydrogen_like(...)`.

    Attributes:
        axes: the three arrays.
        wavefunctions: (L, X, Y, Z), real if all of it is.
        outside: (L,), the part of every norm that lies outside the grid, estimated by carrying on
            the decay of the last two layers on each side.

    Raises:
        ValueError: for uneven axes, shapes that do not fit, numbers that are not finite, zero
            orbitals, or a grid that cuts off more than 3·10⁻⁵ of a norm.

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

    def __init__(
        self, axes: Sequence[ArrayLike], wavefunctions: "ArrayLike | Sequence[Wavefunction]"
    ):
        points = _checked_axes(axes)
        values = _values(points, wavefunctions)
        norms = np.array([np.vdot(v, v).real for v in values])
        if np.any(norms == 0):
            raise ValueError(
                f"wavefunctions[{int(np.argmin(norms))}] is zero on the whole grid: does the grid "
                "cover it?"
            )
        outside = np.array([_outside(v) for v in values]) / norms
        worst = int(np.argmax(outside))
        if outside[worst] > _LARGEST_OUTSIDE:
            spans = ", ".join(f"{a[0]:g} to {a[-1]:g}" for a in points)
            raise ValueError(
                f"axes do not hold the orbitals: about {min(outside[worst], 1):.1e} of the norm of "
                f"wavefunctions[{worst}] lies outside {spans} bohr (allowed: "
                f"{_LARGEST_OUTSIDE:g}); take longer axes"
            )
        _checks.freeze(self, axes=points, wavefunctions=values, outside=outside)
        for axis in points:
            _checks.readonly(axis)

    @classmethod
    def from_si(cls, axes: Sequence[ArrayLike], wavefunctions: ArrayLike) -> "Orbitals":
        """The same from metres and metres^{−3/2}; functions are of metres.

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
        metres = _checked_axes(axes)
        return cls([axis / bohr for axis in metres], _values(metres, wavefunctions) * bohr**1.5)

    def __len__(self) -> int:
        return len(self.wavefunctions)

    @property
    def spacings(self) -> tuple[float, ...]:
        """Steps (h_x, h_y, h_z) in bohr."""
        return tuple(float((a[-1] - a[0]) / (len(a) - 1)) for a in self.axes)

    @property
    def volume_element(self) -> float:
        """h_x h_y h_z."""
        return float(np.prod(self.spacings))

    def overlap(self) -> NDArray[Any]:
        """S_ll' = ∫ψ_l*ψ_l' d³r, (L, L)."""
        flat = self.wavefunctions.reshape(len(self), -1)
        return self.volume_element * (flat.conj() @ flat.T)

    def orthonormalised(self) -> "Orbitals":
        """The orthonormal orbitals nearest to these, Σ_l' (S^{−1/2})_l'l ψ_l' (Löwdin).

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
        """∂ψ/∂x_axis or a higher derivative, (L, X, Y, Z), of the function through the points."""
        return derivative(self.wavefunctions, axis, self.spacings[axis], order)

    def laplacian(self) -> NDArray[Any]:
        """∇²ψ, (L, X, Y, Z)."""
        return self.derivative(0, 2) + self.derivative(1, 2) + self.derivative(2, 2)

    def one_body(self, potential: "ArrayLike | Wavefunction" = 0.0) -> NDArray[Any]:
        r"""h_ll' = ½∫∇ψ_l*·∇ψ_l' + ∫ψ_l*Vψ_l', (L, L) in hartree, for `Interactions.hamiltonian`.

        Args:
            potential: V in hartree, a number, (X, Y, Z), or a function V(x, y, z).

        Example:
            >>> import numpy as np, collective as co
            >>> axis = np.linspace(-6, 6, 48)
            >>> p = co.currents.Orbitals([axis] * 3, [co.currents.gaussian(1, 1)])
            >>> p.one_body(lambda x, y, z: (x**2 + y**2 + z**2) / 2).real.round(9)  # 5/2 ħω
            array([[2.5]])
        """
        shape = self.wavefunctions.shape[1:]
        values = potential(*_meshed(self.axes)) if callable(potential) else potential
        values = _checks.finite("potential", values)
        if values.shape not in ((), shape):
            raise ValueError(f"potential must have shape {shape}, got {values.shape}")
        flat = self.wavefunctions.reshape(len(self), -1)
        total = flat.conj() @ (self.wavefunctions * values).reshape(len(self), -1).T
        for axis in range(3):
            slope = self.derivative(axis).reshape(len(self), -1)
            total = total + 0.5 * slope.conj() @ slope.T
        return self.volume_element * total

    def __repr__(self) -> str:
        kind = "complex" if np.iscomplexobj(self.wavefunctions) else "real"
        points = " × ".join(str(len(a)) for a in self.axes)
        steps = sorted({f"{h:.3g}" for h in self.spacings})
        return (
            f"{len(self)} {kind} orbital{'s' * (len(self) != 1)} on {points} points of "
            f"{', '.join(steps)} bohr"
        )


def derivative(values: NDArray, axis: int, spacing: float, order: int = 1) -> NDArray:
    """The derivative along a grid axis of (..., X, Y, Z), by FFT."""
    from scipy import fft

    n = values.shape[axis - 3]
    real = not np.iscomplexobj(values)
    forward, backward = (fft.rfft, fft.irfft) if real else (fft.fft, fft.ifft)
    q = 2 * np.pi * (fft.rfftfreq if real else fft.fftfreq)(n, spacing)
    factor = (1j * q) ** order
    if order % 2 and n % 2 == 0:
        factor[n // 2] = 0  # the shortest wave has no slope at the points
    shape = [1, 1, 1]
    shape[axis] = -1
    waves = forward(values, axis=axis - 3, workers=-1)
    waves *= factor.reshape(shape)
    return backward(waves, n, axis=axis - 3, workers=-1)


def _checked_axes(axes: Sequence[ArrayLike]) -> tuple[NDArray[np.float64], ...]:
    try:
        given = list(axes)
    except TypeError:
        given = []
    if len(given) != 3:
        raise ValueError(f"axes must be three arrays (x, y, z), got {len(given)}")
    points = []
    for name, axis in zip("xyz", given, strict=True):
        array = _checks.finite(f"axes: {name}", axis)
        if array.ndim != 1 or len(array) < _FEWEST:
            raise ValueError(
                f"axes: {name} must have at least {_FEWEST} points in one row, got shape "
                f"{array.shape}"
            )
        steps = np.diff(array)
        mean = (array[-1] - array[0]) / (len(array) - 1)
        if mean <= 0 or np.abs(steps - mean).max() > _EVEN * mean:
            raise ValueError(
                f"axes: {name} must increase in equal steps, these are {steps.min():g} to "
                f"{steps.max():g}"
            )
        points.append(array)
    return tuple(points)


def _meshed(axes: tuple[NDArray, ...]) -> tuple[NDArray, ...]:
    x, y, z = axes
    return x[:, None, None], y[:, None], z


def _values(axes: tuple[NDArray, ...], wavefunctions: Any) -> NDArray[Any]:
    shape = tuple(len(axis) for axis in axes)
    if not isinstance(wavefunctions, np.ndarray):
        if callable(wavefunctions):
            raise ValueError("wavefunctions must be a sequence: put one function into a list")
        try:
            listed = list(wavefunctions)
        except TypeError:
            raise ValueError("wavefunctions must be arrays (X, Y, Z) or functions") from None
        for k, each in enumerate(listed):
            if callable(each):
                listed[k] = np.broadcast_to(np.asarray(each(*_meshed(axes))), shape)
            if np.shape(listed[k]) != shape:
                raise ValueError(
                    f"wavefunctions[{k}] must have the shape of the grid, {shape}, got "
                    f"{np.shape(listed[k])}"
                )
        wavefunctions = listed
    values = _checks.finite("wavefunctions", wavefunctions, complex)
    if values.shape[1:] != shape or len(values) == 0:
        raise ValueError(
            f"wavefunctions must have shape (L, {', '.join(map(str, shape))}) on these axes, got "
            f"{values.shape}"
        )
    return _checks.real_if_possible(values)


def _outside(values: NDArray) -> float:
    """What carries on beyond the six faces, if the last two layers go on as they began."""
    density = np.abs(values) ** 2
    total = 0.0
    for axis in range(3):
        layers = density.sum(axis=tuple({0, 1, 2} - {axis}))
        for last, before in ((layers[0], layers[1]), (layers[-1], layers[-2])):
            if last < _NEGLIGIBLE * layers.sum():
                continue
            ratio = last / before if before > 0 else np.inf
            total += last * ratio / (1 - ratio) if ratio < 1 else np.inf
    return total
