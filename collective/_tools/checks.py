"""Checks of user input, so that every error names the argument, the number and the way out.

The file is longer than others because every check of a number, a count, a vector or a matrix is
here and nowhere else.
"""

import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import fields
from numbers import Complex, Number, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools.memory import require

LARGEST = 1e100  # largest number a user may give: its cube and the inverse of that are finite
MOST = 2**63 - 1  # largest count: the largest integer of numpy
_LARGE = 2**26  # bytes: before a larger array is copied, the available memory is checked
_LARGEST_COPIED = 4096  # rows: a larger matrix whose entries are all one number is not copied
_SMALL = 1e-290  # sizes of vectors below it are enlarged before they are divided by
_ROUND_OFF = 1e-10  # allowed deviation from a symmetric matrix, relative to the largest entry


def readonly(array: NDArray[Any]) -> NDArray[Any]:
    """Make the array read-only and return it."""
    array.flags.writeable = False
    return array


def freeze(instance: Any, **attributes: Any) -> None:
    """Set the attributes of a frozen dataclass and make their arrays read-only."""
    for name, value in attributes.items():
        object.__setattr__(instance, name, value)
    lock(attributes)


def lock(held: Any) -> None:
    """Make every array read-only in a list, a tuple or a dictionary, or the array itself."""
    if isinstance(held, np.ndarray):
        readonly(held)
    elif isinstance(held, Mapping):
        lock(list(held.values()))
    elif isinstance(held, list | tuple):
        for value in held:
            if isinstance(value, np.ndarray | list | tuple | Mapping):
                lock(value)


def restored(instance: Any, state: dict[str, Any]) -> None:
    """`__setstate__` of a frozen dataclass: a copy is checked and read-only, like the original.

    Without it the arrays of copies would be writable, and a pickle may contain anything.
    """
    names = list(inspect.signature(type(instance)).parameters)
    if set(names) <= state.keys():
        type(instance).__init__(instance, **{name: state[name] for name in names})
    else:  # the object was made by a function of ours, from other arguments
        freeze(instance, **state)


def arguments(instance: Any) -> dict[str, Any]:
    """`__getstate__` of a frozen dataclass: its arguments, without what was computed from them."""
    return {each.name: getattr(instance, each.name) for each in fields(instance) if each.init}


def finite(
    name: str, value: ArrayLike, dtype: type | None = float, *, largest: float = LARGEST
) -> NDArray[Any]:
    """A new array of finite numbers; the error names the first entry that is not finite.

    Args:
        name: the argument.
        value: numbers. Text, dates, True, False and masked arrays are refused, although numpy
            would convert them to numbers.
        dtype: float for real numbers, complex for complex ones, None to keep the kind they have.
        largest: allowed size; products of larger numbers may be too large for a double.

    Raises:
        ValueError: if an entry is not a number, not finite, too large, or not real for float.
    """
    array = _numbers(name, value)
    size = np.abs(array.real)
    if np.iscomplexobj(array):  # compare both parts: the modulus itself may overflow
        size = np.maximum(size, np.abs(array.imag))
    if not np.all(size <= min(largest, np.finfo(float).max)):
        _refuse_size(name, array, size, largest)
    if dtype is float and np.iscomplexobj(array):
        if np.any(array.imag != 0):
            where = _first(array.imag != 0)
            raise ValueError(f"{name} must be real: {_entry(name, where)} is {array[where]}")
        return array.real.copy()
    return array if dtype is None else array.astype(dtype, copy=False)


def _refuse_size(name: str, array: NDArray[Any], size: NDArray[np.float64], largest: float) -> None:
    """Raise for the first number that is not finite, or the first that is too large."""
    if not np.all(np.isfinite(size)):
        where = _first(~np.isfinite(size))
        raise ValueError(f"{name} must be finite: {_entry(name, where)} is {array[where]}")
    where = _first(size > largest)
    raise ValueError(
        f"{name} must be at most {largest:g} in size, so that its powers do not overflow: "
        f"{_entry(name, where)} is {array[where]:g}; choose other units"
    )


def _numbers(name: str, value: Any) -> NDArray[Any]:
    """A new array of float or complex; the error shows the value that is not one."""

    def wrong() -> ValueError:  # only on failure: printing an array takes longer than checking it
        return ValueError(
            f"{name} must be a number or a regular array of numbers, not {short(value)}"
        )

    if isinstance(value, np.ma.MaskedArray):
        raise ValueError(
            f"{name} must not be a masked array, because its mask would be lost: remove the masked "
            "entries with .compressed(), or fill them with .filled(...)"
        )
    if isinstance(value, np.ndarray) and value.nbytes > _LARGE:
        require(2 * value.nbytes, f"{name} of shape {value.shape}", "pass fewer numbers")
    try:
        array = np.array(value)
        if array.dtype.kind == "O":
            if not all(_is_number(entry) for entry in array.flat):
                raise wrong()
            # integers above 2⁶³, fractions, decimal numbers
            array = array.astype(complex if _any_complex(array) else float)
        elif array.dtype.kind in "iuf":
            array = array.astype(float, copy=False)
        elif array.dtype.kind == "c":
            array = array.astype(complex, copy=False)
        else:
            raise wrong()
    except OverflowError:
        raise ValueError(
            f"{name} must be below 1e308, the largest number that can be stored; got {short(value)}"
        ) from None
    except (TypeError, ValueError, RecursionError):
        raise wrong() from None
    return array


def _is_number(entry: Any) -> bool:
    """Whether an entry of an array of objects is a number."""
    return isinstance(entry, Number) and not isinstance(entry, bool)


def _any_complex(array: NDArray[Any]) -> bool:
    """Whether an array of objects has a complex entry."""
    return any(isinstance(entry, Complex) and not isinstance(entry, Real) for entry in array.flat)


def _first(where: NDArray[np.bool_]) -> tuple[int, ...]:
    """The index of the first True."""
    return tuple(int(i) for i in np.argwhere(where)[0])


def per_emitter(
    name: str, value: ArrayLike, n: int, *, dtype: type = float, minimum: float | None = None
) -> NDArray[Any]:
    """A new (n,) array from one number, or from one number per emitter."""
    array = finite(name, value, dtype)
    if array.shape not in ((), (n,)):
        raise ValueError(
            f"{name} must be a number or {n} numbers (one per emitter), got shape {array.shape}"
        )
    if minimum is not None and np.any(array < minimum):
        where = _first(array < minimum)
        raise ValueError(
            f"{name} must not be below {minimum:g}: {_entry(name, where)} is {array[where]:g}"
        )
    return np.broadcast_to(array, (n,)).copy()


def number(name: str, value: Any, *, above: float | None = None, scale: bool = True) -> float:
    """A finite real number, optionally strictly above a bound.

    A number that must be above zero is usually one that something is divided by. So it must also
    be at least 1e-100, unless `scale` is False.
    """
    array = finite(name, value)
    if array.shape != ():
        raise ValueError(f"{name} must be one number, got shape {array.shape}")
    if above is not None and not array > above:
        raise ValueError(f"{name} must be above {above:g}, got {float(array):g}")
    if above == 0 and scale and array < 1 / LARGEST:
        raise ValueError(
            f"{name} must be at least {1 / LARGEST:g}, so that its inverse powers do not overflow, "
            f"got {float(array):g}; choose other units"
        )
    return float(array)


def wavenumber(name: str, value: Any) -> float:
    """A positive wave number whose powers neither overflow nor underflow."""
    k = number(name, value, above=0)
    if not 1 / LARGEST <= k <= LARGEST:
        raise ValueError(
            f"{name} must lie between {1 / LARGEST:g} and {LARGEST:g}, got {k:g}, whose "
            "powers overflow; give 2π over a wavelength, in inverse units of length"
        )
    return k


def not_negative(name: str, value: Any) -> float:
    """A finite real number, zero or above."""
    found = number(name, value)
    if found < 0:
        raise ValueError(f"{name} must not be negative, got {found:g}")
    return found


def complex_number(name: str, value: Any) -> complex:
    """A finite complex number."""
    array = finite(name, value, complex)
    if array.shape != ():
        raise ValueError(f"{name} must be one number, got shape {array.shape}")
    return complex(array)


def count(name: str, value: Any, *, minimum: int = 1, maximum: int | None = MOST) -> int:
    """An integer between two bounds; True and False are refused."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        n = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be an integer, got {short(value)}") from None
    if n < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {short(n)}")
    if maximum is not None and n > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {short(n)}")
    return n


def index(name: str, value: Any, size: int, what: str = "emitters") -> int:
    """An index from 0 to size − 1; `what` names the things that are counted."""
    found = count(name, value, minimum=0)
    if found >= size:
        raise ValueError(f"{name} must be below {size}, the number of {what}; got {found}")
    return found


def listed(name: str, value: Any, size: int | None = None) -> list[Any]:
    """A list, tuple or array of one entry per emitter, as a list."""
    array = isinstance(value, np.ndarray)
    if not isinstance(value, list | tuple) and not (array and value.ndim):
        raise ValueError(f"{name} must be a list with one entry per emitter, not {short(value)}")
    if size is not None and len(value) != size:
        raise ValueError(f"{name} must have one entry per emitter, {size}; got {len(value)}")
    return list(value)


def flag(name: str, value: Any) -> bool:
    """True or False; other values such as 1 or "yes" are refused."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {short(value)}")
    return bool(value)


def vector(
    name: str, value: ArrayLike, dtype: type = float, *, largest: float = LARGEST
) -> NDArray[Any]:
    """A finite vector of three components."""
    array = finite(name, value, dtype, largest=largest)
    if array.shape != (3,):
        raise ValueError(f"{name} must have three components, got shape {array.shape}")
    return array


def direction(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """A real unit vector."""
    return unit_vector(name, value, float)


def unit_vector(name: str, value: ArrayLike, dtype: type = complex) -> NDArray[Any]:
    """A vector of three components divided by its length, which may be any number above 0."""
    array = vector(name, value, dtype, largest=np.inf)
    largest = max(np.abs(array.real).max(), np.abs(array.imag).max())
    if largest == 0:
        raise ValueError(f"{name} must not be the zero vector")
    array, largest = enlarged(array, largest)
    array = array / largest  # this comes first, so that no square overflows or underflows
    return array / np.linalg.norm(array)


def enlarged(array: NDArray[Any], largest: Any) -> tuple[NDArray[Any], Any]:
    """Vectors, and the sizes of their largest parts, both times 2⁶⁰⁰ where these are below 10⁻²⁹⁰.

    Dividing a complex number by one below 10⁻³⁰⁸ gives NaN, because the inverse overflows.
    """
    if np.all(largest >= _SMALL):
        return array, largest
    factor = np.where(largest < _SMALL, 2.0**600, 1.0)
    return array * factor, largest * factor


def real_if_possible(array: NDArray[Any]) -> NDArray[Any]:
    """The real part if the imaginary part is exactly zero, else the array itself."""
    if not np.iscomplexobj(array) or np.any(array.imag):
        return array
    return np.ascontiguousarray(array.real)


def constant(matrix: Any) -> bool:
    """Whether a matrix stores a single number: `np.broadcast_to(number, (N, N))`."""
    return isinstance(matrix, np.ndarray) and matrix.ndim == 2 and matrix.strides == (0, 0)


def hermitian(name: str, value: ArrayLike) -> NDArray[Any]:
    """A new (N, N) matrix that is exactly Hermitian; it is real if its entries are.

    A large matrix that stores a single number (see `constant`) is not copied.
    """
    if isinstance(value, np.ndarray) and constant(value) and len(value) > _LARGEST_COPIED:
        if value.shape[0] != value.shape[1]:
            raise ValueError(f"{name} must be a square matrix (N, N), got shape {value.shape}")
        return np.broadcast_to(finite(f"every entry of {name}", value[0, 0]), value.shape)
    matrix = finite(name, value, None)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) == 0:
        raise ValueError(f"{name} must be a square matrix (N, N), got shape {matrix.shape}")
    deviation = np.abs(matrix - matrix.conj().T)
    m, n = (int(i) for i in np.unravel_index(np.argmax(deviation), deviation.shape))
    if deviation[m, n] > _ROUND_OFF * np.abs(matrix).max():
        raise ValueError(
            f"{name} must be Hermitian: {name}[{m}, {n}] = {matrix[m, n]:.6g} but "
            f"{name}[{n}, {m}]* = {matrix[n, m].conjugate():.6g}"
        )
    return real_if_possible(matrix / 2 + matrix.conj().T / 2)


def positive_semidefinite(decay: NDArray[Any], name: str = "decay") -> None:
    """Raise if a matrix of rates has a negative eigenvalue that is larger than round-off.

    The test uses Γ_mn/√(Γ_mmΓ_nn), so that a large rate does not hide a small negative one.
    """
    rates = np.diag(decay).real
    lowest = int(np.argmin(rates))
    if rates[lowest] < 0:
        raise ValueError(
            f"{name} must be positive semidefinite: {name}[{lowest}, {lowest}] = {rates[lowest]:g}"
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
        of_field = (
            "Γ must include the whole field, its vacuum part and its scattered part. Normalise "
            "rounded dipoles before you compute Γ from them. "
        )
        raise ValueError(
            f"{name} must be positive semidefinite: smallest eigenvalue "
            f"{np.linalg.eigvalsh(decay)[0]:.3g}. {of_field if name == 'decay' else ''}If "
            "the rest is known to be rounding, clip it: "
            f"values, v = np.linalg.eigh({name}); {name} = (v * values.clip(0)) @ v.conj().T"
        ) from None


def choice(name: str, value: Any, options: tuple[str, ...]) -> str:
    """One of the allowed words."""
    if not isinstance(value, str) or value not in options:
        listed = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of {listed}; got {short(value)}")
    return value


def instance(name: str, value: Any, kind: type, made_by: str) -> None:
    """Raise unless value is of the given class; made_by names what makes such objects."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {kind.__name__} ({made_by}), got {type(value).__name__}")


def function(name: str, value: Any) -> Callable[..., Any]:
    """A function. Classes are refused, and so are QuTiP operators, although both can be called."""
    if not callable(value) or isinstance(value, type) or hasattr(value, "dims"):
        raise ValueError(f"{name} must be a function, got {short(value)}")
    return value


def _entry(name: str, where: tuple[int, ...]) -> str:
    """The name of an argument with the index of one entry: "decay[0, 1]"."""
    return name + (f"[{', '.join(map(str, where))}]" if where else "")


def short(value: Any) -> str:
    """A value as an error message shows it: at most 60 characters."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an integer of more than 4300 digits, or a fault in the object's __repr__
        text = f"something of type {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def configurations(excited: Any, emitters: Any) -> NDArray[np.bool_]:
    """Arguments of a state's `amplitudes`, checked: which of N emitters are excited, (B, N)."""
    try:
        excited = np.asarray(excited)
    except ValueError:
        excited = np.array(None)
    if excited.dtype != bool or excited.ndim != 2:
        raise ValueError(
            "excited must be truth values (B, N), one row for each configuration, got "
            f"{excited.dtype} of shape {excited.shape}"
        )
    n = excited.shape[1]
    positions = getattr(emitters, "positions", np.empty(0))
    if emitters is not None and np.shape(positions) != (n, 3):
        raise ValueError(
            f"emitters must be {n} emitters, as excited has them; got {short(emitters)}"
        )
    return excited
