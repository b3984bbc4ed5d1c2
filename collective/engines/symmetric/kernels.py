r"""Solves of :math:`(z − hA)x = p` for rate matrices A of Dicke states, summed over poles z.

Both go from many excitations to few, as decay does, so that each solution is one sweep.
"""

from typing import Any

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import OPTIONS

kernel = compiled(**OPTIONS)

# smallest population; smaller ones soon need denormal numbers, which are 50× slower
_NOTHING = 1e-40


@kernel
def ladder(p, rates, h, poles, weights, result):  # type: ignore[no-untyped-def]
    """Σ_z Re w_z(z − hA)⁻¹p of one ladder, (Ap)_k = −r_k p_k + r_{k+1} p_{k+1}.

    The sweep goes from the highest populated state down to where populations vanish. It treats all
    poles together, because their recurrences do not depend on each other.

    Args:
        p: populations, (K + 1,).
        rates: r_k, (K + 1,).
        h: step.
        poles: z, (P,) complex.
        weights: w_z, (P,) complex.
        result: receives the sum, (K + 1,).
    """
    highest, lowest = len(p) - 1, 0
    while highest > 0 and p[highest] == 0.0:
        highest -= 1
    while lowest < highest and p[lowest] == 0.0:
        lowest += 1
    result[:] = 0.0
    x = weights * 0.0
    above = 0.0
    arriving = True
    for k in range(highest, -1, -1):
        if k < lowest and not arriving:
            break
        rate = h * rates[k]
        total = 0.0
        arriving = False
        for i in range(len(poles)):
            real, imaginary = poles[i].real + rate, poles[i].imag
            scale = 1.0 / (real * real + imaginary * imaginary)
            u, v = p[k] + above * x[i].real, above * x[i].imag
            a, b = (u * real + v * imaginary) * scale, (v * real - u * imaginary) * scale
            if abs(a) + abs(b) < _NOTHING:
                a = b = 0.0
            else:
                arriving = True
            x[i] = complex(a, b)
            total += weights[i].real * a - weights[i].imag * b
        result[k] = total if abs(total) > _NOTHING else 0.0
        above = rate


@kernel
def triangle(p, n, rates, fed, mixed, h, poles, weights, result):  # type: ignore[no-untyped-def]
    """Σ_z Re w_z(z − hA)⁻¹p of all ladders, without a pump.

    State i = first(k) + d has k excitations in ladder d, counted from the longest. States of k + 1
    feed it, and it is coupled to its neighbours of the same k, so that each k is a tridiagonal
    system.

    Args:
        p: populations, (S,).
        n: number of emitters.
        rates: rates out of each state, (S,).
        fed: rates into state (k, d) from (k+1, d−1), (k+1, d), (k+1, d+1), (3, S).
        mixed: rates into state (k, d) from (k, d−1), (k, d+1), (2, S).
        h: step.
        poles: z, (P,) complex.
        weights: w_z, (P,) complex.
        result: receives the sum, (S,).
    """
    widest = n // 2 + 1
    result[:] = 0.0
    for i in range(len(poles)):
        # one place of padding on either side, where every rate is zero
        x = [0j] * (widest + 2)
        y, ratio = [0j] * (widest + 2), [0j] * (widest + 2)
        first = len(p)
        for k in range(n, -1, -1):
            width = min(k, n - k) + 1
            first -= width
            y[0] = ratio[0] = 0j
            for d in range(width):
                s = first + d
                arriving = fed[0, s] * x[d] + fed[1, s] * x[d + 1] + fed[2, s] * x[d + 2]
                pivot = poles[i] + h * rates[s] - h * mixed[0, s] * ratio[d]
                inverse = pivot.conjugate() / (pivot.real * pivot.real + pivot.imag * pivot.imag)
                y[d + 1] = (p[s] + h * (arriving + mixed[0, s] * y[d])) * inverse
                ratio[d + 1] = h * mixed[1, s] * inverse
            x[width + 1] = 0j
            for d in range(width, 0, -1):
                x[d] = y[d] + ratio[d] * x[d + 1]
                if abs(x[d].real) + abs(x[d].imag) < _NOTHING:
                    x[d] = 0j
                result[first + d - 1] += (weights[i] * x[d]).real


def rehearse(poles: Any, weights: Any) -> None:
    """Compile both kernels by calling them for the smallest problem."""
    import numpy as np

    one, two = np.zeros(3), np.zeros((2, 3))
    ladder(one, one, 1.0, poles, weights, np.empty(3))
    triangle(one, 1, one, np.zeros((3, 3)), two, 1.0, poles, weights, np.empty(3))
