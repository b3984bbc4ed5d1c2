"""Arrays read as rows of eight lanes, whatever their shape, and turns of eight rows at once.

A row has a number, and lies at 64 bytes times this number after the start of the array. An address
takes fewer instructions than with the shape and the strides of `lanes.load`, which counts where a
row is used for a few multiply-adds only. Arrays must have no gaps.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import LANES, OPTIONS, lanes, read, transposed, write

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)

# LLVM leaves long functions as calls, and vectors that live across a call go to memory and back
always_inline = compiled(**OPTIONS, forceinline=True)


def _place(context: Any, builder: Any, kind: Any, value: Any, i: Any) -> Any:
    """The address of row i of an array that is read as rows of eight lanes."""
    array = context.make_array(kind)(context, builder, value)
    return builder.gep(builder.bitcast(array.data, _VECTOR.as_pointer()), [i])


@intrinsic
def get(typing: Any, x: Any, i: Any) -> Any:
    """Row i of an array without gaps, read as rows of eight lanes whatever its shape."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = context.cast(builder, arguments[1], signature.args[1], types.uintp)
        return read(builder, _place(context, builder, signature.args[0], arguments[0], row))

    return lanes(x, i), generate


@intrinsic
def put(typing: Any, x: Any, i: Any, u: Any) -> Any:
    """Put a vector at row i of such an array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = context.cast(builder, arguments[1], signature.args[1], types.uintp)
        place = _place(context, builder, signature.args[0], arguments[0], row)
        write(builder, arguments[2], place)
        return context.get_dummy_value()

    return types.void(x, i, u), generate


@intrinsic
def turn(
    typing: Any, x: Any, first: Any, rows: Any, r: Any, y: Any, to: Any, t: Any, step: Any, s: Any
) -> Any:
    """Row s + step·to[8t + c] of y gets lane c of the eight rows first + rows[8r + w] of x.

    x and y are arrays as `get` reads them, rows and to are arrays of whole numbers without gaps.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args

        def unsigned(k: int) -> Any:
            return context.cast(builder, arguments[k], kinds[k], types.uintp)

        def entry(k: int, row: Any, w: int) -> Any:
            data = context.make_array(kinds[k])(context, builder, arguments[k]).data
            eight, lane = (context.get_constant(types.uintp, v) for v in (LANES, w))
            place = builder.gep(data, [builder.add(builder.mul(row, eight), lane)])
            return context.cast(builder, builder.load(place), kinds[k].dtype, types.uintp)

        first, r, t, step, s = (unsigned(k) for k in (1, 3, 6, 7, 8))
        found = []
        for w in range(LANES):
            row = builder.add(first, entry(2, r, w))
            found.append(read(builder, _place(context, builder, kinds[0], arguments[0], row)))
        for c, vector in enumerate(transposed(builder, found)):
            row = builder.add(s, builder.mul(step, entry(5, t, c)))
            write(builder, vector, _place(context, builder, kinds[4], arguments[4], row))
        return context.get_dummy_value()

    return types.void(x, first, rows, r, y, to, t, step, s), generate
