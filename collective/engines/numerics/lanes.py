"""Eight numbers at a time as one value: LLVM's own vector type inside numba kernels.

A `Lanes` value is an LLVM vector of eight doubles, which any back end splits into registers of its
own width (one with AVX-512, two with AVX2, four with NEON). Unlike tuples of eight floats it needs
no pass of the compiler to find the vectors again: kernels compile in a third of the time and run
at the same speed whichever vectoriser is on. Arrays end in an axis of eight lanes and are read by
`load(x, i, j)`; indices are read as unsigned numbers, so that none can wrap around.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from collective._tools.compiled import compiled

LANES = 8
# sums of products may be fused, but not reordered
OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
_FUSED = ("contract",)
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_ALIGNED = 8  # bytes; what numpy promises

inline = compiled(**OPTIONS)


class Lanes(types.Type):
    """The numba type of eight doubles."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


lanes = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any):
        super().__init__(manager, kind, _VECTOR)


def _index(*entries: int) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(entries)), list(entries))


def _address(context: Any, builder: Any, kinds: Any, values: Any, row: int = 0) -> Any:
    """The address at which the lanes of x[i, j + row] begin, for values (x, i, j)."""
    array = context.make_array(kinds[0])(context, builder, values[0])
    i, j = (
        context.cast(builder, value, kind, types.uintp)
        for value, kind in zip(values[1:3], kinds[1:3], strict=True)
    )
    place = [
        i,
        builder.add(j, context.get_constant(types.uintp, row)),
        context.get_constant(types.uintp, 0),
    ]
    pointer = cgutils.get_item_pointer(context, builder, kinds[0], array, place, wraparound=False)
    return builder.bitcast(pointer, _VECTOR.as_pointer())


def _read(builder: Any, pointer: Any) -> Any:
    value = builder.load(pointer)
    value.align = _ALIGNED
    return value


def _write(builder: Any, value: Any, pointer: Any) -> None:
    builder.store(value, pointer).align = _ALIGNED


def _multiplied(builder: Any, u: Any, a: Any, x: Any) -> Any:
    return builder.fadd(u, builder.fmul(a, x, flags=_FUSED), flags=_FUSED)


@intrinsic
def zero(typing: Any) -> Any:
    """Eight zeros."""
    return lanes(), lambda context, builder, signature, arguments: ir.Constant(
        _VECTOR, [0.0] * LANES
    )


@intrinsic
def load(typing: Any, x: Any, i: Any, j: Any) -> Any:
    """The vector at x[i, j]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _read(builder, _address(context, builder, signature.args, arguments))

    return lanes(x, i, j), generate


@intrinsic
def store(typing: Any, x: Any, i: Any, j: Any, u: Any) -> Any:
    """Put a vector at x[i, j]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _write(builder, arguments[3], _address(context, builder, signature.args, arguments))
        return context.get_dummy_value()

    return types.void(x, i, j, u), generate


@intrinsic
def axpy(typing: Any, u: Any, a: Any, x: Any) -> Any:
    """The vector u + a·x, where a is one number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        u, a, x = arguments
        nothing = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(nothing, a, ir.Constant(ir.IntType(32), 0))
        spread = builder.shuffle_vector(first, nothing, _index(*[0] * LANES))
        return _multiplied(builder, u, spread, x)

    return lanes(u, types.float64, x), generate


@intrinsic
def fma(typing: Any, u: Any, a: Any, x: Any) -> Any:
    """The vector u + a·x, where a is a vector too, lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _multiplied(builder, *arguments)

    return lanes(u, a, x), generate


@intrinsic
def add(typing: Any, u: Any, x: Any) -> Any:
    """The vector u + x."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=_FUSED)

    return lanes(u, x), generate


@intrinsic
def total(typing: Any, u: Any) -> Any:
    """The sum of the lanes, from the first to the last."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        entries = [
            builder.extract_element(arguments[0], ir.Constant(ir.IntType(32), w))
            for w in range(LANES)
        ]
        found = entries[0]
        for entry in entries[1:]:
            found = builder.fadd(found, entry)
        return found

    return types.float64(u), generate


@intrinsic
def column(typing: Any, x: Any, q: Any, rows: Any, g: Any, c: Any) -> Any:
    """The vector whose lane w is x[q, rows[g, w], c]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        values, table = (
            context.make_array(kinds[k])(context, builder, arguments[k]) for k in (0, 2)
        )
        q, g, c = (context.cast(builder, arguments[k], kinds[k], types.uintp) for k in (1, 3, 4))
        found = ir.Constant(_VECTOR, ir.Undefined)
        for w in range(LANES):
            place = [g, context.get_constant(types.uintp, w)]
            pointer = cgutils.get_item_pointer(
                context, builder, kinds[2], table, place, wraparound=False
            )
            row = context.cast(builder, builder.load(pointer), kinds[2].dtype, types.uintp)
            pointer = cgutils.get_item_pointer(
                context, builder, kinds[0], values, [q, row, c], wraparound=False
            )
            found = builder.insert_element(
                found, builder.load(pointer), ir.Constant(ir.IntType(32), w)
            )
        return found

    return lanes(x, q, rows, g, c), generate


def _moved(source: Callable[[int], int | None]) -> Any:
    """The intrinsic whose lane w is lane source(w) of its argument, or 0 for None."""
    sources = [source(w) for w in range(LANES)]
    mask = [LANES if w is None else w for w in sources]

    @intrinsic
    def move(typing: Any, u: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            zeros = ir.Constant(_VECTOR, [0.0] * LANES)
            return builder.shuffle_vector(arguments[0], zeros, _index(*mask))

        return lanes(u), generate

    return move


# where the bit is clear in w, lane w takes the lane with the bit set; then the reverse
from_set_0, from_set_1, from_set_2 = (
    _moved(lambda w, b=b: None if w & b else w | b)  # type: ignore[misc]
    for b in (1, 2, 4)
)
from_clear_0, from_clear_1, from_clear_2 = (
    _moved(lambda w, b=b: w ^ b if w & b else None)  # type: ignore[misc]
    for b in (1, 2, 4)
)


@intrinsic
def transpose(typing: Any, x: Any, i: Any, j: Any, y: Any, k: Any, h: Any) -> Any:
    """y[k, h + c, w] = x[i, j + w, c] for all w and c, in registers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = [
            _read(builder, _address(context, builder, signature.args[:3], arguments[:3], w))
            for w in range(LANES)
        ]
        for bit in (1, 2, 4):  # swap this bit of row and lane
            for w in (w for w in range(LANES) if not w & bit):
                upper, lower = rows[w], rows[w | bit]
                swapped = (
                    [LANES + (c ^ bit) if c & bit else c for c in range(LANES)],
                    [LANES + c if c & bit else c | bit for c in range(LANES)],
                )
                rows[w], rows[w | bit] = (
                    builder.shuffle_vector(upper, lower, _index(*mask)) for mask in swapped
                )
        for c, row in enumerate(rows):
            place = _address(context, builder, signature.args[3:], arguments[3:], c)
            _write(builder, row, place)
        return context.get_dummy_value()

    return types.void(x, i, j, y, k, h), generate
