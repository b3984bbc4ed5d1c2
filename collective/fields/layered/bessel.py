r"""Bessel functions of orders 0, 1 and 2 at complex arguments, compiled.

J comes from its power series for small arguments, from Miller's backward recurrence, normalised by

.. math:: J_0(x) + 2\sum_{m≥1} (±i)^m J_m(x) = e^{±ix},

for medium ones (the sign that makes the right side large), and from Hankel's expansion beyond 18.
The Hankel function comes from that expansion, and below 18 from the continued fraction for K,
H^{(1)}_n(x) = (2/π) i^{−n−1} K_n(−ix). The plain twins are those of `scipy.special`.
"""

import numpy as np

from collective._tools.compiled import compiled

ASYMPTOTIC = 18.0  # |x| from which the smallest term of Hankel's expansion is round-off
_SERIES = 2.0  # |x| below which the power series loses no digit
_SPARE = 28  # orders above |x| from which J is iterated downwards


@compiled()
def bessel(x):  # type: ignore[no-untyped-def]
    """J₀, J₁, J₂ of x, Re x ≥ 0."""
    size = abs(x)
    if size < _SERIES:
        minus = -x * x / 4
        term = 1.0 + 0j
        zero, one, two = term, term, term
        for n in range(1, 18):
            term *= minus / (n * n)
            zero += term
            one += term / (n + 1)
            two += term * 2 / ((n + 1) * (n + 2))
        return zero, one * x / 2, two * x * x / 8
    if size >= ASYMPTOTIC:
        p0, q0 = _amplitudes(x, 0.0)
        p1, q1 = _amplitudes(x, 4.0)
        scale = np.sqrt(2 / (np.pi * x))
        cos, sin = np.cos(x - np.pi / 4), np.sin(x - np.pi / 4)
        zero = scale * (p0 * cos - q0 * sin)
        one = scale * (p1 * sin + q1 * cos)
        return zero, one, 2 * one / x - zero
    turn = 1j if x.imag < 0 else -1j
    power = 1.0 + 0j  # turn^m; the order begins at a multiple of four
    above, here = 0j, 1e-250 + 0j
    total, one, two = 0j, 0j, 0j
    inverse = 2 / x
    top = 4 * int((size + _SPARE) / 4)
    for m in range(top, 0, -1):
        total += 2 * power * here
        if m == 2:
            two = here
        elif m == 1:
            one = here
        above, here = here, m * inverse * here - above
        power /= turn
    total += here
    scale = np.exp(turn * x) / total
    zero, one, two = here * scale, one * scale, two * scale
    if x.imag == 0:  # round-off of the near field, which is real, may not be seen in a decay rate
        return zero.real + 0j, one.real + 0j, two.real + 0j
    return zero, one, two


@compiled()
def hankel(x):  # type: ignore[no-untyped-def]
    """e^{−ix}H⁽¹⁾ of orders 0, 1, 2, |x| ≥ 2; below 18 for Im x > 0 only."""
    if abs(x) >= ASYMPTOTIC:
        p0, q0 = _amplitudes(x, 0.0)
        p1, q1 = _amplitudes(x, 4.0)
        scale = np.sqrt(2 / (np.pi * x)) * np.exp(-0.25j * np.pi)
        zero, one = scale * (p0 + 1j * q0), -1j * scale * (p1 + 1j * q1)
        return zero, one, 2 * one / x - zero
    z = -1j * x
    b = 2 * (1 + z)
    d = 1 / b
    change, h = d, d
    before, now = 0j, 1.0 + 0j
    c = 0.25 + 0j
    a = -0.25
    q = c
    s = 1 + q * change
    for i in range(2, 2000):
        a -= 2 * (i - 1)
        c = -a * c / i
        before, now = now, (before - b * now) / a
        q += c * now
        b += 2
        d = 1 / (b + a * d)
        change *= b * d - 1
        h += change
        more = q * change
        s += more
        if abs(more) < 1e-17 * abs(s):
            break
    k0 = np.sqrt(np.pi / (2 * z)) / s
    k1 = k0 * (z + 0.5 - 0.25 * h) / z
    zero, one = -2j / np.pi * k0, -2 / np.pi * k1
    return zero, one, 2 * one / x - zero


@compiled()
def _amplitudes(x, squared):  # type: ignore[no-untyped-def]
    """P and Q of Hankel's expansion of order n, 4n² given: their sum P + iQ is H's amplitude."""
    term = 1.0 + 0j
    p, q = term, 0j
    inverse = 1 / (8 * x)
    for m in range(1, 40):
        more = term * (squared - (2 * m - 1) ** 2) * inverse / m
        if abs(more) > abs(term):
            break
        term = more
        if m % 4 == 1:
            q += term
        elif m % 4 == 2:
            p -= term
        elif m % 4 == 3:
            q -= term
        else:
            p += term
        if abs(term) < 1e-17:
            break
    return p, q
