"""Functions on a regular grid: points, values, derivatives, and the errors of the grid."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.currents.arguments import (
    bounded,
)
from collective.currents.shapes import Wavefunction

_FEWEST = 8  # points along an axis
_EVEN = 1e-6  # of a spacing: allowed deviation of points from a regular grid
_NEGLIGIBLE = 1e-13  # of the norm: a smaller tail is round-off


def derivative(values: NDArray, axis: int, spacing: float, order: int = 1) -> NDArray:
    """The derivative along a grid axis of (..., X, Y, Z), by FFT."""
    from scipy import fft

    n = values.shape[axis - 3]
    real = not np.iscomplexobj(values)
    forward, backward = (fft.rfft, fft.irfft) if real else (fft.fft, fft.ifft)
    q = 2 * np.pi * (fft.rfftfreq if real else fft.fftfreq)(n, spacing)
    factor = (1j * q) ** order
    if order % 2 and n % 2 == 0:
        factor[n // 2] = 0  # the slope of the shortest wave is zero at the points
    shape = [1, 1, 1]
    shape[axis] = -1
    waves = forward(values, axis=axis - 3, workers=-1)
    waves *= factor.reshape(shape)
    return backward(waves, n, axis=axis - 3, workers=-1)


def checked_axes(axes: Sequence[ArrayLike]) -> tuple[NDArray[np.float64], ...]:
    """The checked points (x, y, z): three increasing arrays with equal steps."""
    try:
        given = list(axes) if not hasattr(axes, "__len__") or len(axes) == 3 else []
    except TypeError:
        given = []
    if len(given) != 3:
        raise ValueError(f"axes must be three arrays (x, y, z), got {checks.short(axes)}")
    points = []
    for name, axis in zip("xyz", given, strict=True):
        array = bounded(f"axes: {name}", axis)
        if array.ndim != 1 or len(array) < _FEWEST:
            raise ValueError(
                f"axes: {name} must be a list of at least {_FEWEST} points, got shape {array.shape}"
            )
        steps = np.diff(array)
        mean = (array[-1] - array[0]) / (len(array) - 1)
        if mean <= 0 or np.abs(steps - mean).max() > _EVEN * mean:
            raise ValueError(
                f"axes: {name} must increase in equal steps, got steps from "
                f"{steps.min():g} to {steps.max():g}"
            )
        points.append(array)
    return tuple(points)


def meshed(axes: tuple[NDArray, ...]) -> tuple[NDArray, ...]:
    """Arrays x, y, z that broadcast to the grid."""
    x, y, z = axes
    return x[:, None, None], y[:, None], z


def sample(axes: tuple[NDArray, ...], wavefunctions: Any) -> NDArray[Any]:
    """The checked values of wave functions, given as arrays or functions: (L, X, Y, Z)."""
    shape = tuple(len(axis) for axis in axes)
    if not isinstance(wavefunctions, np.ndarray):
        if callable(wavefunctions):
            raise ValueError("wavefunctions must be a sequence; put a single function into a list")
        try:
            listed = list(wavefunctions)
        except TypeError:
            raise ValueError("wavefunctions must be arrays (X, Y, Z) or functions") from None
        for k, each in enumerate(listed):
            if callable(each):
                listed[k] = sampled(f"wavefunctions[{k}]", each, axes)
            try:
                found = str(np.shape(listed[k]))
            except ValueError:
                found = checks.short(listed[k])
            if found != str(shape):
                raise ValueError(
                    f"wavefunctions[{k}] must have the shape of the grid, {shape}, got {found}"
                )
        wavefunctions = listed
    values = checks.finite("wavefunctions", wavefunctions, complex)
    if values.shape[1:] != shape or len(values) == 0:
        raise ValueError(
            f"wavefunctions must have shape (L, {', '.join(map(str, shape))}) on these axes, got "
            f"{values.shape}"
        )
    return checks.real_if_possible(values)


def sampled(name: str, function: Wavefunction, axes: tuple[NDArray, ...]) -> NDArray:
    """The values of a function of (x, y, z) at every point."""
    try:
        values = np.asarray(function(*meshed(axes)))
    except Exception as error:
        raise ValueError(
            f"{name} must take arrays x, y, z of the grid; it raised {error!r}"
        ) from error
    shape = tuple(len(axis) for axis in axes)
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise ValueError(
            f"{name} must return values for the grid, {shape}, from arrays x, y, z that broadcast "
            f"to it; got shape {values.shape}"
        ) from None


def outside_of(values: NDArray) -> float:
    """The part of the norm outside the grid, if the decay of the last two layers continues."""
    density = np.abs(values / np.abs(values).max()) ** 2
    total = 0.0
    for axis in range(3):
        layers = density.sum(axis=tuple({0, 1, 2} - {axis}))
        for last, before in ((layers[0], layers[1]), (layers[-1], layers[-2])):
            if last < _NEGLIGIBLE * layers.sum():
                continue
            ratio = last / before if before > 0 else np.inf
            total += last * ratio / (1 - ratio) if ratio < 1 else np.inf
    return total / density.sum()


def unresolved_of(values: NDArray) -> float:
    """The part of the norm in the shortest tenth of the waves, along the worst axis."""
    from scipy import fft

    shares = []
    for axis in range(3):
        n = values.shape[axis]
        power = np.abs(fft.fft(values, axis=axis, workers=-1)) ** 2
        power = power.sum(axis=tuple({0, 1, 2} - {axis}))
        wave = np.abs(fft.fftfreq(n)) * 2  # 1 is a wave of two points
        shares.append(power[wave > 0.9 * wave.max()].sum() / power.sum())
    return float(max(shares))
