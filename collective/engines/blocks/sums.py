"""The inner loops of the hops and jumps: several sums of products at a time, in registers.

A sum Σ_m a_m x_m reads one coefficient and one vector for each product. If several sums share their
vectors, or their sources, each vector is read once for all of them, and the processor need not wait
for one sum before it continues the next. The loops are written in LLVM, with one accumulator a sum,
because Python code with a fixed number of sums would have to be repeated for each number.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any

from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from collective.engines.numerics.lanes import (
    entry,
    lanes_of,
    multiplied,
    pointer,
    read,
    spread,
    unsigned,
    vector_at,
    write,
)

# 32 registers of a whole vector, or 16 of half a vector
_WIDE = bool(binding.get_host_cpu_features().get("avx512f"))
ROWS = 8 if _WIDE else 2  # of the hops at a time
TERMS = 8  # of a jump at a time


def _add_at(builder: Any, address: Any, u: Any) -> None:
    """Add a vector to the one at an address."""
    write(builder, builder.fadd(read(builder, address), u), address)


def _each_case(builder: Any, value: Any, most: int, emit: Callable[[int], None]) -> None:
    """Code that branches to emit(1) … emit(most), by an integer that is one of these numbers."""
    after = builder.append_basic_block("after")
    switch = builder.switch(value, after)
    for case in range(1, most + 1):
        block = builder.append_basic_block(f"case{case}")
        switch.add_case(ir.Constant(value.type, case), block)
        builder.position_at_end(block)
        emit(case)
        builder.branch(after)
    builder.position_at_end(after)


@intrinsic
def hops(
    typing: Any, X: Any, h: Any, raised: Any, d: Any, first: Any, rows: Any, E: Any,
    F: Any, T: Any, p: Any,
) -> Any:  # fmt: skip
    """F[p, i] += α(YR − XRᵀ) and T[p, i] += α(YRᵀ + XR), for some of the states i = d + l.

    l is one of the emitters first … first + rows − 1 in raised[d], at most ROWS. R runs over the E
    states d + m; X[j] = R, Rᵀ. With h[l, m] = α(X + Y, X, Y − X) three products are enough:
    YR − XRᵀ = (X + Y)R − X(R + Rᵀ) and YRᵀ + XR = X(R + Rᵀ) + (Y − X)Rᵀ.
    """
    kind = lanes_of(X)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        zero, one, two = (context.get_constant(types.uintp, c) for c in range(3))
        d, first, rows, E, p = (
            unsigned(context, builder, kinds[a], arguments[a]) for a in (3, 4, 5, 6, 9)
        )

        def state(m: Any) -> tuple[Any, Any]:
            """The state d + m and its additional emitter."""
            return (
                entry(context, builder, kinds[2], arguments[2], d, m, zero),
                entry(context, builder, kinds[2], arguments[2], d, m, one),
            )

        def emit(count: int) -> None:
            own = [
                state(builder.add(first, context.get_constant(types.uintp, a)))
                for a in range(count)
            ]
            sums = [[cgutils.alloca_once(builder, kind.vector) for _ in range(3)] for _ in own]
            for place in chain(*sums):
                builder.store(kind.zeros, place)
            with cgutils.for_range(builder, E, intp=E.type) as loop:
                j, site = state(loop.index)
                r, t = (
                    read(builder, vector_at(context, builder, kinds[0], arguments[0], j, part))
                    for part in (zero, one)
                )
                factors = r, builder.fadd(r, t), t
                for (_, l), places in zip(own, sums, strict=True):
                    for c, place, x in zip((zero, one, two), places, factors, strict=True):
                        address = pointer(context, builder, kinds[1], arguments[1], l, site, c)
                        a = spread(builder, kind, builder.load(address))
                        builder.store(multiplied(builder, builder.load(place), a, x), place)
            for (i, _), places in zip(own, sums, strict=True):
                a, b, c = (builder.load(place) for place in places)
                for at, u in ((7, builder.fsub(a, b)), (8, builder.fadd(b, c))):
                    _add_at(builder, vector_at(context, builder, kinds[at], arguments[at], p, i), u)

        _each_case(builder, rows, ROWS, emit)
        return context.get_dummy_value()

    return types.void(X, h, raised, d, first, rows, E, F, T, p), generate


@intrinsic
def jumps(
    typing: Any, A: Any, x: Any, z: Any, terms: Any, g: Any, c: Any, lowered: Any, r: Any, K: Any,
    T: Any, p: Any,
) -> Any:  # fmt: skip
    """T[p, o] += Σ_z g[c + m, z] A[x, z] for the K states o = r − m in lowered[r].

    The sum has the terms z … z + terms − 1, at most TERMS. Their A stay in registers.
    """
    kind = lanes_of(A)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        zero, one = (context.get_constant(types.uintp, v) for v in range(2))
        x, z, terms, c, r, K, p = (
            unsigned(context, builder, kinds[a], arguments[a]) for a in (1, 2, 3, 5, 7, 8, 10)
        )

        def emit(count: int) -> None:
            places = [builder.add(z, context.get_constant(types.uintp, a)) for a in range(count)]
            known = [
                read(builder, vector_at(context, builder, kinds[0], arguments[0], x, place))
                for place in places
            ]
            with cgutils.for_range(builder, K, intp=K.type) as loop:
                o = entry(context, builder, kinds[6], arguments[6], r, loop.index, zero)
                m = entry(context, builder, kinds[6], arguments[6], r, loop.index, one)
                row = builder.add(c, m)
                target = vector_at(context, builder, kinds[9], arguments[9], p, o)
                sums = [read(builder, target), kind.zeros]  # two, so that none waits for the other
                for a, (place, u) in enumerate(zip(places, known, strict=True)):
                    factor = read(
                        builder, vector_at(context, builder, kinds[4], arguments[4], row, place)
                    )
                    sums[a % 2] = multiplied(builder, sums[a % 2], factor, u)
                write(builder, builder.fadd(*sums) if count > 1 else sums[0], target)

        _each_case(builder, terms, TERMS, emit)
        return context.get_dummy_value()

    return types.void(A, x, z, terms, g, c, lowered, r, K, T, p), generate
