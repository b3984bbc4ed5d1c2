"""What an environment has to offer: the class `Field`, and questions to any object like it."""

from abc import ABCMeta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.fields.free_space import free_green, separations

_REAL = 1e-8  # relative: what G(iκ) may miss being real by
_ONE_PAIR = (
    "green and scattered must broadcast over points: r is (..., 3), r_source is (..., 3), what "
    "they return (..., 3, 3). For a function f(r, r_source, k) of one pair, return "
    'np.vectorize(f, signature="(i),(j),()->(i,j)", otypes=[complex])(r, r_source, k)'
)
_COINCIDENT = (
    "where r equals r_source, green must return ik/6π·1 plus the scattered part (on the imaginary "
    "axis the scattered part alone): the divergent real part of the vacuum is left out. It is "
    "easiest to define scattered(r, r_source, k) only, the part that is finite there"
)


class _LikeAField(ABCMeta):
    """Whatever has `green` or `scattered` is a field, of this class or not."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if cls is not Field or isinstance(instance, type):
            return super().__instancecheck__(instance)
        return _answers(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return super().__subclasscheck__(subclass) or (cls is Field and _answers(subclass))


def _answers(thing: Any) -> bool:
    return any(callable(getattr(thing, name, None)) for name in ("green", "scattered"))


class Field(metaclass=_LikeAField):
    """Anything with a Green's tensor.

    A field of your own needs one method, `green` (the whole tensor) or `scattered` (the whole
    less the vacuum's), and `magnetic_green` for magnetic dipoles. It need not inherit from this
    class: `isinstance(x, Field)` holds for every object with one of the two. One that does is given
    the other method.

    Example:
        >>> import numpy as np, collective as co
        >>> class Mirror(co.Field):  # perfectly conducting, at z = 0
        ...     def scattered(self, r, r_source, k):
        ...         flip = np.array([1, 1, -1])
        ...         return co.Vacuum().green(r, r_source * flip, k) * -flip
        >>> above = co.Emitters([[0, 0, 0.01]], dipoles=(1, 0, 0))
        >>> float(co.couple(above, Mirror()).decay[0, 0].round(2))  # its image takes the light away
        0.0
    """

    def green(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """G(r, r_source, k) in Cartesian components, broadcasting over points.

        Args:
            r: field points, (..., 3), in units of length.
            r_source: source points, (..., 3).
            k: vacuum wave number ω/c, a number, positive or i times positive, in inverse units of
                length. Level shifts by scattered light, `shift="rwa"` and master equations beyond
                the RWA need the imaginary axis, where G is real.

        Returns:
            (..., 3, 3), in inverse units of length. At coincident points the divergent real
            part of the vacuum is dropped: ik/6π·1 + scattered.
        """
        if type(self).scattered is Field.scattered:
            raise TypeError(f"{type(self).__name__} must define green or scattered, it has neither")
        return vacuum_green(r, r_source, k) + self.scattered(r, r_source, k)

    def scattered(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """What `green` has more than the vacuum, (..., 3, 3); arguments as of `green`."""
        if type(self).green is Field.green:
            raise TypeError(f"{type(self).__name__} must define green or scattered, it has neither")
        return self.green(r, r_source, k) - vacuum_green(r, r_source, k)


def require_field(
    name: str,
    field: Any,
    members: tuple[str, ...] = ("green", "scattered"),
    others: str = "",
) -> None:
    """Raise unless this is an object that answers as a field does.

    Args:
        name: of the argument.
        field: what is given for it.
        members: methods of which it must have one.
        others: what else it may be, for the error.
    """
    if isinstance(field, type):
        raise TypeError(f"{name} must be an object: use {field.__name__}() with its arguments")
    if not any(hasattr(field, member) for member in members):
        raise TypeError(
            f"{name} must be a Field (an object with green(r, r_source, k) or scattered(...), such "
            f"as co.Vacuum()){others}; got {checks.short(field)}"
        )


def total_green(field: Any, r: ArrayLike, r_source: ArrayLike, k: Any) -> NDArray[np.complex128]:
    """The whole Green's tensor of a field that defines `green` or only `scattered`, checked."""
    require_field("field", field)
    try:
        tensor = _answer(field, r, r_source, k)
    except (ArithmeticError, RuntimeWarning) as error:
        if not _together(r, r_source).any():
            raise
        raise ValueError(
            f"field {field!r} fails at coincident points ({type(error).__name__}: {error}); "
            f"{_COINCIDENT}"
        ) from error
    except Exception as error:
        if not _takes_one_pair(field, r, r_source, k):
            raise
        raise ValueError(
            f"field {field!r} takes one pair of points at a time ({type(error).__name__}: "
            f"{error}). {_ONE_PAIR}"
        ) from error
    return checked_tensor(field, tensor, r, r_source)


def _answer(field: Any, r: ArrayLike, r_source: ArrayLike, k: Any) -> NDArray[Any]:
    if callable(getattr(field, "green", None)):
        return np.asarray(field.green(r, r_source, k))
    return np.asarray(vacuum_green(r, r_source, k) + field.scattered(r, r_source, k))


def _together(r: ArrayLike, r_source: ArrayLike) -> NDArray[np.bool_]:
    """Which pairs of points coincide, (...)."""
    return np.asarray(np.all(np.equal(r, r_source), axis=-1))


def _takes_one_pair(field: Any, r: ArrayLike, r_source: ArrayLike, k: Any) -> bool:
    """Whether a field answers for some pair of different points, but not for it twice."""
    first, second = (x.reshape(-1, 3) for x in np.broadcast_arrays(r, r_source))
    apart = np.flatnonzero(~_together(first, second))
    if np.ndim(r) == np.ndim(r_source) == 1 or not len(apart):
        return False
    a, b = first[apart[0]], second[apart[0]]
    try:
        alone = np.shape(_answer(field, a, b, k)) == (3, 3)
    except Exception:
        return False
    try:
        _answer(field, np.stack([a, a]), np.stack([b, b]), k)
    except Exception:
        return alone
    return False


class MagneticView:
    """A field as magnetic dipoles see it: `green` is C/k², C = ∇×G×∇' of `magnetic_green`.

    Reduced dipoles have 2m*·Im C·m = 2k²m*·Im(C/k²)·m, so whatever is written for electric dipoles
    and G then holds for magnetic ones.
    """

    def __init__(self, field: Any):
        self._field = field

    def green(self, r: ArrayLike, r_source: ArrayLike, k: Any) -> NDArray[np.complex128]:
        """C(r, r_source, k)/k², (..., 3, 3); k a number."""
        tensor = self._field.magnetic_green(r, r_source, k)
        return checked_tensor(self._field, tensor, r, r_source) / k**2

    def __repr__(self) -> str:
        return repr(self._field)


def seen_by(kind: str, field: Any) -> Any:
    """A field as dipoles of a kind, "electric" or "magnetic", see it.

    Raises:
        ValueError: for magnetic dipoles in a field that does not know `magnetic_green`.
    """
    if kind == "electric" or isinstance(field, type):
        return field
    if not hasattr(field, "magnetic_green"):
        raise ValueError(
            f"field {field!r} has no magnetic response: define magnetic_green(r, r_source, k) or "
            "use electric dipoles"
        )
    return MagneticView(field)


def imaginary_green(
    field: Any, r: ArrayLike, r_source: ArrayLike, kappa: float
) -> NDArray[np.float64]:
    """The real tensor G(iκ) of a field, or an error that says it is not known there."""
    try:
        tensor = total_green(field, r, r_source, 1j * kappa)
    except (KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        raise ValueError(
            f"field {field!r} gives no Green's tensor at imaginary wave numbers, which this needs "
            f"({type(error).__name__} at k = {kappa:.3g}i: {error})"
        ) from error
    size = float(np.abs(tensor).max(initial=0.0))
    if float(np.abs(tensor.imag).max(initial=0.0)) > _REAL * size:
        raise ValueError(
            f"field {field!r} must be real at k = {kappa:.3g}i, as G(−k*) = G*(k) has it; its "
            f"imaginary part is {np.abs(tensor.imag).max():.3g} of {size:.3g}"
        )
    return np.ascontiguousarray(tensor.real)


def vacuum_green(r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
    """The tensor of free space, as `Vacuum.green` gives it."""
    return free_green(*separations(r, r_source, k))


def checked_tensor(
    field: Any, tensor: Any, r: ArrayLike, r_source: ArrayLike
) -> NDArray[np.complex128]:
    """A field's answer, or an error that says what is wrong with it."""
    tensor = np.asarray(tensor)
    shape = (*np.broadcast_shapes(np.shape(r)[:-1], np.shape(r_source)[:-1]), 3, 3)
    if tensor.shape != shape or tensor.dtype.kind != "c":
        hint = "" if tensor.shape == shape else f". {_ONE_PAIR}"
        raise ValueError(
            f"field {field!r} must return a complex array of shape {shape}, got {tensor.dtype} of "
            f"shape {tensor.shape}{hint}"
        )
    if not np.all(np.isfinite(tensor)):
        wrong = ~np.all(np.isfinite(tensor), axis=(-2, -1))
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        a, b = (x[where] for x in np.broadcast_arrays(r, r_source))
        hint = f": {_COINCIDENT}" if np.array_equal(a, b) else ""
        raise ValueError(
            f"field {field!r} returned a Green's tensor that is not finite between the points "
            f"{a} and {b}{hint}"
        )
    return tensor
