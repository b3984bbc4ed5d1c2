"""Eight or sixteen numbers at a time as one value: LLVM's own vector type inside numba kernels.

A `Lanes` value is an LLVM vector of eight doubles or of sixteen floats, which any back end splits
into registers of its own width (one with AVX-512, two with AVX2, four with NEON). Unlike tuples of
floats it needs no pass of the compiler to find the vectors again: kernels compile in a third of the
time and run at the same speed whichever vectoriser is on. Arrays end in an axis of eight doubles or
sixteen floats and are read by `load(x, i, j)`; indices are read as unsigned numbers, so that none
can wrap around. The type of the array decides the type of the lanes, so one kernel serves both
precisions.

The file is longer than others because all operations share the type and the way to its addresses.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from collective._tools.compiled import compiled

LANES = 8  # doubles
BYTES = 64  # of one vector, in both precisions
# sums of products may be fused, but not reordered
OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
_FUSED = ("contract",)
_ALIGNED = 4  # bytes; what numpy promises of floats

inline = compiled(**OPTIONS)


class Lanes(types.Type):
    """The numba type of eight doubles or sixteen floats.

    Attributes:
        scalar: the numba type of one number.
        count: how many numbers there are.
        vector: the type in LLVM.
    """

    def __init__(self, scalar: Any):
        self.scalar, self.count = scalar, BYTES * 8 // scalar.bitwidth
        entry = ir.DoubleType() if scalar.bitwidth == 64 else ir.FloatType()
        self.vector = ir.VectorType(entry, self.count)
        super().__init__(name=f"Lanes({scalar}, {self.count})")

    @property
    def zeros(self) -> ir.Constant:
        """The vector of zeros."""
        return ir.Constant(self.vector, [0.0] * self.count)


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes):
        super().__init__(manager, kind, kind.vector)


_DOUBLES, _FLOATS = Lanes(types.float64), Lanes(types.float32)
lanes = _DOUBLES


def lanes_of(array: Any) -> Lanes:
    """The type of the lanes in which the last axis of an array of this numba type is read."""
    return _DOUBLES if array.dtype == types.float64 else _FLOATS


def index(*entries: int) -> ir.Constant:
    """A vector of whole numbers, as masks of shuffles are."""
    return ir.Constant(ir.VectorType(ir.IntType(32), len(entries)), list(entries))


def pointer(context: Any, builder: Any, kind: Any, value: Any, *place: Any) -> Any:
    """The address of an entry of an array, for indices that are LLVM integers of 64 bits."""
    array = context.make_array(kind)(context, builder, value)
    return cgutils.get_item_pointer(context, builder, kind, array, list(place), wraparound=False)


def unsigned(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """An integer of any numba type as an LLVM integer of 64 bits."""
    return context.cast(builder, value, kind, types.uintp)


def entry(context: Any, builder: Any, kind: Any, value: Any, *place: Any) -> Any:
    """The integer at a place of an array as an LLVM integer of 64 bits."""
    found = builder.load(pointer(context, builder, kind, value, *place))
    return unsigned(context, builder, kind.dtype, found)


def vector_at(context: Any, builder: Any, kind: Any, value: Any, *place: Any) -> Any:
    """The address of the lanes x[place, :]."""
    begin = (*place, context.get_constant(types.uintp, 0))
    address = pointer(context, builder, kind, value, *begin)
    return builder.bitcast(address, lanes_of(kind).vector.as_pointer())


def read(builder: Any, address: Any) -> Any:
    """The vector at an address, which need not be that of a line of the cache."""
    value = builder.load(address)
    value.align = _ALIGNED
    return value


def write(builder: Any, value: Any, address: Any) -> None:
    """Put a vector at an address."""
    builder.store(value, address).align = _ALIGNED


def multiplied(builder: Any, u: Any, a: Any, x: Any) -> Any:
    """The vector u + a·x of three vectors."""
    return builder.fadd(u, builder.fmul(a, x, flags=_FUSED), flags=_FUSED)


def spread(builder: Any, kind: Lanes, a: Any) -> Any:
    """The vector with the number a in each lane."""
    nothing = ir.Constant(kind.vector, ir.Undefined)
    first = builder.insert_element(nothing, a, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, index(*[0] * kind.count))


def _fetch(builder: Any, address: Any) -> None:
    """Ask for a line of the cache that will be read soon; any address is allowed."""
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    for_reading, in_all_caches, data = (ir.Constant(number, value) for value in (0, 3, 1))
    builder.call(function, [builder.bitcast(address, byte), for_reading, in_all_caches, data])


def _address(context: Any, builder: Any, kinds: Any, values: Any, row: int = 0) -> Any:
    """The address at which the lanes of x[i, j + row] begin, for values (x, i, j)."""
    i, j = (
        unsigned(context, builder, kind, value)
        for value, kind in zip(values[1:3], kinds[1:3], strict=True)
    )
    j = builder.add(j, context.get_constant(types.uintp, row))
    return vector_at(context, builder, kinds[0], values[0], i, j)


@intrinsic
def zero(typing: Any) -> Any:
    """Eight zeros."""
    return lanes(), lambda context, builder, signature, arguments: lanes.zeros


@intrinsic
def zero_of(typing: Any, x: Any) -> Any:
    """A vector of zeros like those of the array x."""
    kind = lanes_of(x)
    return kind(x), lambda context, builder, signature, arguments: kind.zeros


@intrinsic
def load(typing: Any, x: Any, i: Any, j: Any) -> Any:
    """The vector at x[i, j]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return read(builder, _address(context, builder, signature.args, arguments))

    return lanes_of(x)(x, i, j), generate


@intrinsic
def store(typing: Any, x: Any, i: Any, j: Any, u: Any) -> Any:
    """Put a vector at x[i, j]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write(builder, arguments[3], _address(context, builder, signature.args, arguments))
        return context.get_dummy_value()

    return types.void(x, i, j, u), generate


@intrinsic
def axpy(typing: Any, u: Any, a: Any, x: Any) -> Any:
    """The vector u + a·x, where a is one number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        u, a, x = arguments
        return multiplied(builder, u, spread(builder, signature.args[0], a), x)

    return u(u, u.scalar, x), generate


@intrinsic
def fma(typing: Any, u: Any, a: Any, x: Any) -> Any:
    """The vector u + a·x, where a is a vector too, lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return multiplied(builder, *arguments)

    return u(u, a, x), generate


@intrinsic
def add(typing: Any, u: Any, x: Any) -> Any:
    """The vector u + x."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=_FUSED)

    return u(u, x), generate


@intrinsic
def total(typing: Any, u: Any) -> Any:
    """The sum of the lanes, from the first to the last, in double precision."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = ir.Constant(ir.DoubleType(), 0.0)
        for w in range(u.count):
            part = builder.extract_element(arguments[0], ir.Constant(ir.IntType(32), w))
            part = context.cast(builder, part, u.scalar, types.float64)
            found = builder.fadd(found, part) if w else part
        return found

    return types.float64(u), generate


def transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """The columns of as many vectors as each of them has lanes, all of them in registers."""
    count, rows = len(rows), list(rows)
    bit = 1
    while bit < count:  # swap this bit of row and lane
        for w in (w for w in range(count) if not w & bit):
            upper, lower = rows[w], rows[w | bit]
            swapped = (
                [count + (c ^ bit) if c & bit else c for c in range(count)],
                [count + c if c & bit else c | bit for c in range(count)],
            )
            rows[w], rows[w | bit] = (
                builder.shuffle_vector(upper, lower, index(*mask)) for mask in swapped
            )
        bit *= 2
    return rows


@intrinsic
def transpose(typing: Any, x: Any, i: Any, j: Any, y: Any, k: Any, h: Any) -> Any:
    """y[k, h + c, w] = x[i, j + w, c] for all w and c, in registers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = [
            read(builder, _address(context, builder, signature.args[:3], arguments[:3], w))
            for w in range(lanes_of(x).count)
        ]
        for c, column in enumerate(transposed(builder, rows)):
            place = _address(context, builder, signature.args[3:], arguments[3:], c)
            write(builder, column, place)
        return context.get_dummy_value()

    return types.void(x, i, j, y, k, h), generate


@intrinsic
def transpose_rows(
    typing: Any, x: Any, q: Any, rows: Any, g: Any, y: Any, places: Any, i: Any
) -> Any:
    """y[places[c], i, w] = x[q, rows[g, w], c] for all lanes w and c, in registers.

    The same rows of x[q + 1] are fetched into the cache meanwhile.
    """
    count = lanes_of(x).count

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        q, g, i = (unsigned(context, builder, kinds[k], arguments[k]) for k in (1, 3, 6))
        lane = [context.get_constant(types.uintp, w) for w in range(count)]
        following = builder.add(q, context.get_constant(types.uintp, 1))
        found = []
        for w in lane:
            row = entry(context, builder, kinds[2], arguments[2], g, w)
            found.append(read(builder, vector_at(context, builder, kinds[0], arguments[0], q, row)))
            _fetch(builder, vector_at(context, builder, kinds[0], arguments[0], following, row))
        for c, column in zip(lane, transposed(builder, found), strict=True):
            place = entry(context, builder, kinds[5], arguments[5], c)
            write(builder, column, vector_at(context, builder, kinds[4], arguments[4], place, i))
        return context.get_dummy_value()

    return types.void(x, q, rows, g, y, places, i), generate
