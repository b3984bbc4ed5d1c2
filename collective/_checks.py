"""Checks of user input, so that every error names the argument, the number and the way out."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LARGEST_COPIED = 4096  # rows of a matrix of one number
_ROUND_OFF = 1e-10  # relative to the largest entry: what a matrix may miss its symmetry by


def readonly(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array itself, marked unwritable."""
    array.flags.writeable = False
    return array


def freeze(instance: Any, **attributes: Any) -> None:
    """Set the attributes of a frozen dataclass once, arrays read-only."""
    for name, value in attributes.items():
        if isinstance(value, np.ndarray):
            readonly(value)
        object.__setattr__(instance, name, value)


def finite(name: str, value: ArrayLike, dtype: type = float) -> NDArray[Any]:
    """A fresh array of finite numbers, or an error naming the first entry that is not one."""
    try:
        array = np.array(value)
        if array.dtype.kind not in "biuf":
            array = array.astype(complex)
        elif array.dtype != float:
            array = array.astype(float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"{name} must be numbers in a regular array, not {_short(value)}"
        ) from None
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(
            f"{name} must be finite: {_entry(name, where)} is {np.asarray(value)[where]}"
        )
    if dtype is float and np.iscomplexobj(array):
        if np.any(array.imag != 0):
            where = tuple(int(i) for i in np.argwhere(array.imag != 0)[0])
            raise ValueError(f"{name} must be real: {_entry(name, where)} is {array[where]}")
        return array.real.copy()
    return array.astype(dtype, copy=False)


def per_emitter(
    name: str, value: ArrayLike, n: int, *, dtype: type = float, minimum: float | None = None
) -> NDArray[Any]:
    """A fresh (n,) array from a number or one number per emitter."""
    array = finite(name, value, dtype)
    if array.shape not in ((), (n,)):
        raise ValueError(
            f"{name} must be a number or {n} numbers (one per emitter), got shape {array.shape}"
        )
    if minimum is not None and np.any(array < minimum):
        where = tuple(int(i) for i in np.argwhere(array < minimum)[0])
        raise ValueError(
            f"{name} must not be below {minimum:g}: {_entry(name, where)} is {array[where]:g}"
        )
    return np.broadcast_to(array, (n,)).copy()


def number(name: str, value: Any, *, above: float | None = None) -> float:
    """A finite real number, optionally strictly above a bound."""
    array = finite(name, value)
    if array.shape != ():
        raise ValueError(f"{name} must be one number, got shape {array.shape}")
    if above is not None and not array > above:
        raise ValueError(f"{name} must be above {above:g}, got {float(array):g}")
    return float(array)


def count(name: str, value: Any, *, minimum: int = 1) -> int:
    """An integer not below a bound."""
    try:
        n = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be an integer, got {_short(value)}") from None
    if n < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {n}")
    return n


def vector(name: str, value: ArrayLike, dtype: type = float) -> NDArray[Any]:
    """A finite vector of three components."""
    array = finite(name, value, dtype)
    if array.shape != (3,):
        raise ValueError(f"{name} must have three components, got shape {array.shape}")
    return array


def direction(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """A real unit vector."""
    return unit_vector(name, value, float)


def unit_vector(name: str, value: ArrayLike, dtype: type = complex) -> NDArray[Any]:
    """A vector of three components divided by its length."""
    array = vector(name, value, dtype)
    largest = np.abs(array).max()
    if largest == 0:
        raise ValueError(f"{name} must not be the zero vector")
    array = array / largest  # first, so that no square over- or underflows
    return array / np.linalg.norm(array)


def real_if_possible(array: NDArray[Any]) -> NDArray[Any]:
    """The real part if the imaginary part is exactly zero."""
    if not np.iscomplexobj(array) or np.any(array.imag):
        return array
    return np.ascontiguousarray(array.real)


def constant(matrix: NDArray[Any]) -> bool:
    """Whether a matrix is one number, seen N² times: `np.broadcast_to(number, (N, N))`."""
    return matrix.ndim == 2 and matrix.strides == (0, 0)


def hermitian(name: str, value: ArrayLike) -> NDArray[Any]:
    """A Hermitian (N, N) matrix, real if it can be, freed of its round-off.

    One number seen N² times stays that if the matrix would be large.
    """
    if isinstance(value, np.ndarray) and constant(value) and len(value) > _LARGEST_COPIED:
        if value.shape[0] != value.shape[1]:
            raise ValueError(f"{name} must be a square matrix (N, N), got shape {value.shape}")
        return np.broadcast_to(finite(f"every entry of {name}", value[0, 0]), value.shape)
    matrix = finite(name, value, complex if np.iscomplexobj(value) else float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) == 0:
        raise ValueError(f"{name} must be a square matrix (N, N), got shape {matrix.shape}")
    miss = np.abs(matrix - matrix.conj().T)
    m, n = (int(i) for i in np.unravel_index(np.argmax(miss), miss.shape))
    if miss[m, n] > _ROUND_OFF * np.abs(matrix).max():
        raise ValueError(
            f"{name} must be Hermitian: {name}[{m}, {n}] = {matrix[m, n]:.6g} but "
            f"{name}[{n}, {m}]* = {matrix[n, m].conjugate():.6g}"
        )
    return real_if_possible(matrix / 2 + matrix.conj().T / 2)


def positive_semidefinite(decay: NDArray[Any]) -> None:
    """Raise unless a decay matrix has no negative eigenvalue beyond round-off.

    Judged on Γ_mn/√(Γ_mmΓ_nn), so that a large rate does not hide a negative small one.
    """
    rates = np.diag(decay).real
    lowest = int(np.argmin(rates))
    if rates[lowest] < 0:
        raise ValueError(
            f"decay must be positive semidefinite: decay[{lowest}, {lowest}] = {rates[lowest]:g}"
        )
    if constant(decay):
        return
    scale = 1 / np.sqrt(np.where(rates > 0, rates, 1.0))
    scaled = scale[:, None] * decay * scale
    try:
        np.linalg.cholesky(scaled + _ROUND_OFF * np.eye(len(decay)))
    except np.linalg.LinAlgError:
        if np.linalg.eigvalsh(scaled)[0] >= -_ROUND_OFF:
            return
        raise ValueError(
            "decay must be positive semidefinite: smallest eigenvalue "
            f"{np.linalg.eigvalsh(decay)[0]:.3g}; "
            "Γ belongs to the whole environment, vacuum and scattered part together"
        ) from None


def choice(name: str, value: Any, options: tuple[str, ...]) -> str:
    """One of the listed words."""
    if not isinstance(value, str) or value not in options:
        listed = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of {listed}; got {_short(value)}")
    return value


def instance(name: str, value: Any, kind: type, made_by: str) -> None:
    """Raise unless value is of the given class; made_by says where such objects come from."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {kind.__name__} ({made_by}), got {type(value).__name__}")


def function(name: str, value: Any) -> Callable[..., Any]:
    """A callable."""
    if not callable(value):
        raise ValueError(f"{name} must be a function, got {_short(value)}")
    return value


def _entry(name: str, where: tuple[int, ...]) -> str:
    return name + (f"[{', '.join(map(str, where))}]" if where else "")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
