"""Kernels that read observables off a panel of eight trajectories, whose norm may be any.

Panels and tables are those of `panel`.
"""

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import OPTIONS, add, axpy, fma, load, store, zero

kernel = compiled(**OPTIONS)


@kernel
def emission(value, n, tables, found):  # type: ignore[no-untyped-def]
    """Σ_lm Γ_lm ⟨σ⁺_lσ⁻_m⟩ of the n rows of φ, in every lane, to found (1, ·, 8)."""
    empty, widths, decay, across = tables.empty, tables.width, tables.decay, tables.across
    one, total, whole = np.uint64(1), zero(), len(across) > 0
    for d in range(n):
        width = widths[d]
        for l in range(0, width, 2):  # two emitters at a time use the same loaded numbers
            p, two = np.uint64(empty[d, l]), l + 1 < width
            o = np.uint64(empty[d, l + 1]) if two else p
            x, y = load(value, d + (one << p), 0), load(value, d + (one << p), 1)
            ur, ui = axpy(zero(), 0.5 * decay[p, p], x), axpy(zero(), 0.5 * decay[p, p], y)
            g, h, vr, vi = zero(), zero(), zero(), zero()
            if two:
                g, h = load(value, d + (one << o), 0), load(value, d + (one << o), 1)
                ur, ui = axpy(ur, decay[p, o], g), axpy(ui, decay[p, o], h)
                vr, vi = axpy(vr, 0.5 * decay[o, o], g), axpy(vi, 0.5 * decay[o, o], h)
                if whole:
                    ur, ui = axpy(ur, -across[p, o], h), axpy(ui, across[p, o], g)
            for m in range(l + 2, width):
                q = np.uint64(empty[d, m])
                r, s = load(value, d + (one << q), 0), load(value, d + (one << q), 1)
                ur, ui = axpy(ur, decay[p, q], r), axpy(ui, decay[p, q], s)
                vr, vi = axpy(vr, decay[o, q], r), axpy(vi, decay[o, q], s)
                if whole:
                    ur, ui = axpy(ur, -across[p, q], s), axpy(ui, across[p, q], r)
                    vr, vi = axpy(vr, -across[o, q], s), axpy(vi, across[o, q], r)
            total = fma(fma(fma(fma(total, x, ur), y, ui), g, vr), h, vi)
    store(found, 0, 0, add(total, total))


@kernel
def correlate(value, n, tables, pairs):  # type: ignore[no-untyped-def]
    """Compute ⟨σ⁺_lσ⁻_m⟩ = Σ_d φ*(d+l) φ(d+m) for l ≤ m; pairs is (N², 2, 8), row N l + m.

    For each pair the configurations d, in which both emitters are not excited, are counted through:
    the bits of the two emitters are put between the others.
    """
    size, one = np.uint64(len(tables.h)), np.uint64(1)
    for p in range(size):
        low, u = (one << p) - one, zero()
        for k in range(n >> one):
            i = ((k & ~low) << one) | (k & low) | (one << p)
            r, s = load(value, i, 0), load(value, i, 1)
            u = fma(fma(u, r, r), s, s)
        store(pairs, size * p + p, 0, u)
        store(pairs, size * p + p, 1, zero())
        for q in range(p + one, size):
            high = (one << (q - one)) - one
            rr = ss = rs = sr = zero()
            for k in range(n >> np.uint64(2)):
                d = ((k & ~high) << one) | (k & high)
                d = ((d & ~low) << one) | (d & low)
                i, j = d + (one << p), d + (one << q)
                a, b, r, s = (
                    load(value, i, 0),
                    load(value, i, 1),
                    load(value, j, 0),
                    load(value, j, 1),
                )
                rr, ss, rs, sr = fma(rr, a, r), fma(ss, b, s), fma(rs, a, s), fma(sr, b, r)
            store(pairs, size * p + q, 0, add(rr, ss))
            store(pairs, size * p + q, 1, axpy(rs, -1.0, sr))


@kernel
def expectation(value, n, starts, columns, entries, found):  # type: ignore[no-untyped-def]
    """⟨φ|O|φ⟩ of a sparse operator in every lane.

    Args:
        value: φ, (n, 2, 8).
        n: 2^N, unsigned.
        starts: (n + 1,), the first entry of each row.
        columns: the column of each entry.
        entries: (·, 2), real and imaginary part of each entry.
        found: (1, 2, 8), receives the expectation values.
    """
    real = imaginary = zero()
    for i in range(n):
        ur = ui = zero()
        for k in range(starts[i], starts[i + np.uint64(1)]):
            j = np.uint64(columns[k])
            r, s, a, b = load(value, j, 0), load(value, j, 1), entries[k, 0], entries[k, 1]
            ur, ui = axpy(axpy(ur, a, r), -b, s), axpy(axpy(ui, a, s), b, r)
        r, s = load(value, i, 0), load(value, i, 1)
        real = fma(fma(real, r, ur), s, ui)
        imaginary = axpy(fma(imaginary, r, ui), -1.0, fma(zero(), s, ur))
    store(found, 0, 0, real)
    store(found, 0, 1, imaginary)


@kernel
def populate(value, n, excited):  # type: ignore[no-untyped-def]
    """Compute how much of ‖φ‖² has each emitter excited, (N, 1, 8), highest bit first; φ is lost.

    The squares of configurations that differ in the highest bit are added, then those that differ
    in the next one, and so on.
    """
    for i in range(n):
        r, s = load(value, i, 0), load(value, i, 1)
        store(value, i, 0, fma(fma(zero(), r, r), s, s))
    half, m = n, len(excited)
    while m > 0:
        half >>= np.uint64(1)
        m -= 1
        upper = zero()
        for i in range(half):
            above = load(value, half + i, 0)
            upper = add(upper, above)
            store(value, i, 0, add(load(value, i, 0), above))
        store(excited, np.uint64(m), 0, upper)
