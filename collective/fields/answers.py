"""Questions to a field, and what is wrong with its answers.

Every answer is checked here: its shape, its type, and whether it is finite and, if necessary, real.
Errors name the field, the points and the way out. The members are described in
`collective.fields.protocol`.

The file is longer than others, because every member of a field is asked for here.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.fields.free_space import vacuum_green
from collective.fields.memory import Memory
from collective.fields.protocol import TENSORS, require_field

_REAL = 1e-8  # relative: by how much G(iκ) may miss being real
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


def total_green(field: Any, r: ArrayLike, r_source: ArrayLike, k: Any) -> NDArray[np.complex128]:
    """The whole Green's tensor of a field that defines `green` or only `scattered`, checked."""
    require_field("field", field)
    try:
        tensor = _green(field, r, r_source, k)
    except (ArithmeticError, RuntimeWarning) as error:
        if not _coincide(r, r_source).any():
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
            f"field {field!r} must be real at k = {kappa:.3g}i, because G(−k*) = G*(k); its "
            f"imaginary part is {np.abs(tensor.imag).max():.3g} of {size:.3g}"
        )
    return np.ascontiguousarray(tensor.real)


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


class MagneticResponse:
    """The field of magnetic dipoles, written as one of electric dipoles: `green` is C/k².

    Here C = ∇×G×∇' is `magnetic_green`. Reduced dipoles have 2m*·Im C·m = 2k²m*·Im(C/k²)·m, so
    that all formulas for electric dipoles and G hold for magnetic dipoles as well.
    """

    def __init__(self, field: Any):
        self._field = field

    def green(self, r: ArrayLike, r_source: ArrayLike, k: Any) -> NDArray[np.complex128]:
        """C(r, r_source, k)/k², (..., 3, 3); k a number."""
        tensor = self._field.magnetic_green(r, r_source, k)
        return checked_tensor(self._field, tensor, r, r_source) / k**2

    def __repr__(self) -> str:
        return repr(self._field)


def response(kind: str, field: Any) -> Any:
    """The field itself for "electric" dipoles, its `MagneticResponse` for "magnetic" ones.

    Raises:
        ValueError: for magnetic dipoles in a field without `magnetic_green`.
    """
    if kind == "electric" or isinstance(field, type):
        return field
    if not hasattr(field, "magnetic_green"):
        raise ValueError(
            f"field {field!r} has no magnetic response: define magnetic_green(r, r_source, k) or "
            "use electric dipoles"
        )
    return MagneticResponse(field)


def without_tensor(field: Any) -> bool:
    """Whether a field is a model that has `coefficients` and no tensor of any kind."""
    return hasattr(field, "coefficients") and not any(hasattr(field, name) for name in TENSORS)


def coefficients(field: Any, emitters: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Γ and Δ of a model without a Green's tensor, (N, N) each.

    Raises:
        ValueError: for an answer that is not two Hermitian N × N matrices, or whose Γ is not
            positive semidefinite.
    """
    n = len(emitters)
    answer = field.coefficients(emitters)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise ValueError(
            f"field.coefficients must return (decay, shift), got {checks.short(answer)}"
        )
    try:
        decay, shift = (
            checks.hermitian(name, value)
            for name, value in zip(("decay", "shift"), answer, strict=True)
        )
        for name, matrix in (("decay", decay), ("shift", shift)):
            if matrix.shape != (n, n):
                raise ValueError(
                    f"{name} must have the shape {(n, n)}, of {n} emitters; got {matrix.shape}"
                )
        checks.positive_semidefinite(decay)
    except ValueError as error:
        raise ValueError(f"field.coefficients: {error}") from error
    return decay, shift


def has_far_field(field: Any, kind: str) -> bool:
    """Whether a field has a far field of dipoles of a kind, "electric" or "magnetic"."""
    return callable(getattr(field, _far_field_name(kind), None))


def far_field(
    field: Any, kind: str, directions: NDArray[np.float64], r_source: NDArray[np.float64], k: float
) -> NDArray[np.complex128]:
    """The limit of r e^{−ikr} G, or of C/k² for magnetic dipoles, (..., 3, 3).

    Args:
        field: one for which `has_far_field` is true.
        kind: of the dipoles, "electric" or "magnetic".
        directions: unit vectors, (..., 3).
        r_source: source points, (..., 3); they broadcast over the directions.
        k: vacuum wave number.
    """
    name = _far_field_name(kind)
    tensor = np.asarray(getattr(field, name)(directions, r_source, k))
    shape = (*np.broadcast_shapes(directions.shape[:-1], r_source.shape[:-1]), 3, 3)
    if tensor.shape != shape or tensor.dtype.kind not in "fc" or not np.all(np.isfinite(tensor)):
        raise ValueError(
            f"field {field!r}: {name} must return finite numbers of shape {shape}, got "
            f"{tensor.dtype} of shape {tensor.shape}"
        )
    return np.asarray(tensor / k**2 if kind == "magnetic" else tensor, dtype=complex)


def _far_field_name(kind: str) -> str:
    return "far_field" if kind == "electric" else "magnetic_far_field"


def inside(field: Any, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points (..., 3) lie in solid matter, (...); none if the field does not say."""
    if not hasattr(field, "inside"):
        return np.zeros(points.shape[:-1], dtype=bool)
    mask = np.asarray(field.inside(points))
    if mask.shape != points.shape[:-1] or mask.dtype != bool:
        raise ValueError(
            f"field {field!r}: inside must return a mask of shape {points.shape[:-1]}, got "
            f"{mask.dtype} of shape {mask.shape}"
        )
    return mask


def require_outside(name: str, field: Any, points: NDArray[np.float64]) -> None:
    """Raise if one of the points (P, 3) lies in solid matter."""
    mask = inside(field, points)
    if np.any(mask):
        at = int(np.argmax(mask))
        raise ValueError(
            f"{name}[{at}] = {points[at]} is on or inside the solid matter of {field!r}, where no "
            "emitter or point can be; all lengths are in the unit of the emitters' wavelength"
        )


def lengths(field: Any) -> Mapping[str, float]:
    """The lengths of a field by name; none if it does not say."""
    named = getattr(field, "lengths", {})
    checks.instance("field.lengths", named, Mapping, "lengths by name")
    return {name: checks.number(f"field.lengths[{name!r}]", x) for name, x in named.items()}


def assumptions(field: Any, emitters: Any) -> dict[str, tuple[float, str]]:
    """What a model assumes: for each name a number that must be small, and its meaning."""
    if not hasattr(field, "assumptions"):
        return {}
    named = field.assumptions(emitters)
    checks.instance("field.assumptions", named, Mapping, "(number, meaning) by name")
    found = {}
    for name, answer in named.items():
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise ValueError(
                f"field.assumptions[{name!r}] must be (number, meaning), got {checks.short(answer)}"
            )
        value = checks.not_negative(f"field.assumptions[{name!r}]", answer[0])
        found[str(name)] = value, str(answer[1])
    return found


def memory(field: Any, emitters: Any) -> Memory | None:
    """The memory of a field for N emitters; None if the field does not give it.

    Raises:
        TypeError: for an answer that is no `Memory`.
        ValueError: for a memory of another number of emitters.
    """
    if not callable(getattr(field, "memory", None)):
        return None
    found = field.memory(emitters)
    checks.instance("field.memory(emitters)", found, Memory, "co.Memory")
    if len(found) != len(emitters):
        raise ValueError(
            f"field.memory must be of {len(emitters)} emitters, got one of {len(found)}"
        )
    return found


def beyond_markov(field: Any, emitters: Any) -> str | None:
    """Why the Γ and Δ of a field describe nothing for N emitters, or None.

    Raises:
        TypeError: for an answer that is neither a text nor None.
    """
    if not callable(getattr(field, "beyond_markov", None)):
        return None
    found = field.beyond_markov(emitters)
    if found is not None:
        checks.instance(
            "field.beyond_markov(emitters)", found, str, "a text that says why, or None"
        )
    return found


def citation(field: Any) -> str:
    """BibTeX entries of a field; empty if it has none.

    Raises:
        TypeError: for a citation that is not a text.
    """
    found = getattr(field, "citation", "")
    checks.instance("field.citation", found, str, "BibTeX entries")
    return str(found).strip()


def _green(field: Any, r: ArrayLike, r_source: ArrayLike, k: Any) -> NDArray[Any]:
    """`green`, or the vacuum's tensor plus `scattered`."""
    if callable(getattr(field, "green", None)):
        return np.asarray(field.green(r, r_source, k))
    return np.asarray(vacuum_green(r, r_source, k) + field.scattered(r, r_source, k))


def _coincide(r: ArrayLike, r_source: ArrayLike) -> NDArray[np.bool_]:
    """Which pairs of points coincide, (...)."""
    return np.asarray(np.all(np.equal(r, r_source), axis=-1))


def _takes_one_pair(field: Any, r: ArrayLike, r_source: ArrayLike, k: Any) -> bool:
    """Whether a field answers for one pair of different points, but not for the same pair twice."""
    first, second = (x.reshape(-1, 3) for x in np.broadcast_arrays(r, r_source))
    apart = np.flatnonzero(~_coincide(first, second))
    if np.ndim(r) == np.ndim(r_source) == 1 or not len(apart):
        return False
    a, b = first[apart[0]], second[apart[0]]
    try:
        alone = np.shape(_green(field, a, b, k)) == (3, 3)
    except Exception:
        return False
    try:
        _green(field, np.stack([a, a]), np.stack([b, b]), k)
    except Exception:
        return alone
    return False
