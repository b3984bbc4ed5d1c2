"""The Hamiltonian of driven emitters applied to 2^N amplitudes, eight of them at a time.

Amplitude q belongs to the state q of QuTiP's basis: a bit of q that is 0 is an excited emitter, and
the lowest bit belongs to the last emitter. The three lowest bits are the place within a vector of
eight. So a hop between two other emitters takes whole vectors from one place to another. Hops to
and from the last three emitters are added up first; numbers within a vector are exchanged at the
end.
"""

from typing import Any

import numpy as np
from numba.extending import intrinsic

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import (
    LANES,
    OPTIONS,
    add,
    axpy,
    index,
    load,
    store,
    zero_of,
)

LOW = 3  # emitters whose states are the eight places within a vector

kernel = compiled(**OPTIONS)


def _exchange(bit: int) -> Any:
    """An intrinsic: lane l is u[l | bit] if the bit of l is 0, else v[l − bit]."""
    mask = index(*[LANES + w - bit if w & bit else w + bit for w in range(LANES)])

    @intrinsic
    def exchanged(typing: Any, u: Any, v: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.shuffle_vector(*arguments, mask)

        return u(u, v), generate

    return exchanged


_last, _last_but_one, _last_but_two = _exchange(1), _exchange(2), _exchange(4)


@kernel
def slope(  # type: ignore[no-untyped-def]
    begin, end, psi, raising, lowering, last, out, scale, gamma,
    real, imaginary, drive, low, centre,
):  # fmt: skip
    """Set out to −i·scale·(H − centre)ψ + γ·last, for the vectors begin … end − 1.

    Args:
        begin: the first vector of eight amplitudes.
        end: the vector after the last one.
        psi: real and imaginary part of ψ, (2^N/8, 2, 8), like all arrays of amplitudes.
        raising: what σ⁺ of the drive acts on; ψ itself if the drive is constant.
        lowering: what σ⁻ of the drive acts on.
        last: is not read if γ = 0.
        out: receives the result.
        scale: a number.
        gamma: γ.
        real: real part of δ + Δ by the bits of two emitters, (N, N).
        imaginary: imaginary part, (N, N), or (0, 0) if there is none.
        drive: real and imaginary part of ½Ω, (N, 2).
        low: real and imaginary part of H of the last three emitters, (2, 8, 8), the second axis is
            that of ψ; or of H without the drive, of σ⁺ and of σ⁻ of their drive, (6, 8, 8), if the
            drive does not act on ψ.
        centre: a number that is subtracted from H.
    """
    high, complex_hops = len(drive) - LOW, len(imaginary) > 0
    up, down = np.empty(high, np.int64), np.empty(high, np.int64)
    sums = np.empty((LOW, 4, LANES))
    for i in range(begin, end):
        ups = downs = 0
        own = -centre
        for m in range(high):
            if i >> m & 1:
                down[downs] = m
                downs += 1
            else:
                up[ups] = m
                ups += 1
                own += real[m + LOW, m + LOW]
        x, y = load(psi, i, 0), load(psi, i, 1)
        r, s = axpy(zero_of(psi), own, x), axpy(zero_of(psi), own, y)
        for a in range(ups):
            m = up[a]
            j = i ^ (1 << m)
            u, v = drive[m + LOW, 0], drive[m + LOW, 1]
            x, y = load(raising, j, 0), load(raising, j, 1)
            r, s = axpy(axpy(r, u, x), -v, y), axpy(axpy(s, u, y), v, x)
            for b in range(downs):
                n = down[b]
                u = real[m + LOW, n + LOW]
                x, y = load(psi, j ^ (1 << n), 0), load(psi, j ^ (1 << n), 1)
                r, s = axpy(r, u, x), axpy(s, u, y)
                if complex_hops:
                    v = imaginary[m + LOW, n + LOW]
                    r, s = axpy(r, -v, y), axpy(s, v, x)
        for b in range(downs):
            n = down[b]
            j = i ^ (1 << n)
            u, v = drive[n + LOW, 0], -drive[n + LOW, 1]
            x, y = load(lowering, j, 0), load(lowering, j, 1)
            r, s = axpy(axpy(r, u, x), -v, y), axpy(axpy(s, u, y), v, x)
        for lane in range(LANES):
            u, v = psi[i, 0, lane], psi[i, 1, lane]
            x, y = load(low, 0, lane), load(low, 1, lane)
            r, s = axpy(axpy(r, u, x), -v, y), axpy(axpy(s, u, y), v, x)
            if len(low) > 2:
                u, v = raising[i, 0, lane], raising[i, 1, lane]
                x, y = load(low, 2, lane), load(low, 3, lane)
                r, s = axpy(axpy(r, u, x), -v, y), axpy(axpy(s, u, y), v, x)
                u, v = lowering[i, 0, lane], lowering[i, 1, lane]
                x, y = load(low, 4, lane), load(low, 5, lane)
                r, s = axpy(axpy(r, u, x), -v, y), axpy(axpy(s, u, y), v, x)
        for c in range(LOW):  # Σ_n h_cn σ⁻_n and Σ_m h_mc σ⁺_m, where m and n are other emitters
            for part in range(2):
                x, y = zero_of(psi), zero_of(psi)
                for a in range(ups if part else downs):
                    m = up[a] if part else down[a]
                    j = i ^ (1 << m)
                    u = real[c, m + LOW]
                    p, q = load(psi, j, 0), load(psi, j, 1)
                    x, y = axpy(x, u, p), axpy(y, u, q)
                    if complex_hops:
                        v = imaginary[m + LOW, c] if part else imaginary[c, m + LOW]
                        x, y = axpy(x, -v, q), axpy(y, v, p)
                store(sums, c, 2 * part, x)
                store(sums, c, 2 * part + 1, y)
        # their products with σ⁺_c and σ⁻_c
        r = add(r, _last(load(sums, 0, 0), load(sums, 0, 2)))
        s = add(s, _last(load(sums, 0, 1), load(sums, 0, 3)))
        r = add(r, _last_but_one(load(sums, 1, 0), load(sums, 1, 2)))
        s = add(s, _last_but_one(load(sums, 1, 1), load(sums, 1, 3)))
        r = add(r, _last_but_two(load(sums, 2, 0), load(sums, 2, 2)))
        s = add(s, _last_but_two(load(sums, 2, 1), load(sums, 2, 3)))
        x, y = axpy(zero_of(psi), scale, s), axpy(zero_of(psi), -scale, r)
        if gamma != 0.0:
            x, y = axpy(x, gamma, load(last, i, 0)), axpy(y, gamma, load(last, i, 1))
        store(out, i, 0, x)
        store(out, i, 1, y)
