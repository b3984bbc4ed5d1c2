r"""The scattered Green's tensor of a sphere, summed over orders n of vector spherical harmonics.

With ρ = kr, x = kR, ξ_n(ρ) = ρh_n(ρ), ψ_n(ρ) = ρj_n(ρ), y = r̂·r̂', and with the sum over m done by
the addition theorem,

.. math:: G^S = \frac{ik}{4π}\sum_n \frac{2n+1}{n(n+1)}\left[
          C^E_n \frac{u_n u'_n}{ρρ'} L L' P_n(y)
          + C^M_n \frac{u_n u'_n}{ρ^2ρ'^2}(n(n+1) r̂ + D_n ∂)(n(n+1) r̂' + D'_n ∂') P_n(y)\right]

where u_n = ξ_n(ρ)/ξ_n(x) falls with n, D_n = ρξ'_n/ξ_n, ∂ is r times the gradient on the sphere
and L = ∂×r̂. C_n is −ξ_n(x)² times Mie's b_n (transverse electric, η = μ) or a_n (transverse
magnetic, η = ε):

.. math:: C_n = ix \frac{(n+1)(1−η) + F_n(mx) − ηF_n(x)}
          {[2n+1+F_n(x)−E_n(x)]\,[n+1+nη+F_n(mx)−ηE_n(x)]}, \qquad m^2 = εμ,

with F_n(z) = zψ'_n/ψ_n − n − 1 = −z j_{n+1}/j_n and E_n(z) = zξ'_n/ξ_n + n = z h_{n−1}/h_n. Both
are small for n ≫ |z|. So nothing cancels there, and nothing over- or underflows. F is iterated
downwards in n, E upwards. All of this holds on both axes.

Source: Bohren and Huffman, Absorption and Scattering of Light by Small Particles (1983), chapter 4,
for the coefficients; Ruppin, J. Chem. Phys. 76, 1681 (1982), and Chew, J. Chem. Phys. 87, 1355
(1987), for r = r'.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled

MOST_ORDERS = 100_000
DECAYED = 50.0  # terms fall by e^−50 beyond the orders that waves and resonances reach
_FAR = 1e9  # times 1 + x: a distance from which on more distance saves no orders
_TINY = 1e-150  # in the place of zero, so that its inverse is a number
_HALVINGS = 60
_TERMS = 11  # of the power series of ψ_n at ρ ≤ 1


def orders_needed(
    first: NDArray[np.float64], second: NDArray[np.float64], x: complex, within: complex
) -> NDArray[np.float64]:
    """How many orders each pair of points needs, (P,).

    Args:
        first: |k| times the distances of the field points from the centre, (P,); ∞ for far away.
        second: the same of the source points.
        x: k times the radius, real or i times real.
        within: x times the index inside.
    """
    if x.imag:
        return _on_the_imaginary_axis(first, second, abs(x))
    size = max(x.real, abs(within.real))
    resonant = size + 8 * size ** (1 / 3) + 10
    # beyond n = x, u_n falls at least by x/ρ from one order to the next
    bounded = np.minimum(first, _FAR * (1 + x.real))
    further = DECAYED / (np.log(bounded / x.real) + np.log(second / x.real))
    # far away it falls by n/x, which is enough from n = 2x on
    far_away = np.minimum(further, 60 + x.real)
    return np.asarray(resonant + np.where(np.isinf(first), far_away, further))


def _on_the_imaginary_axis(
    first: NDArray[np.float64], second: NDArray[np.float64], x: float
) -> NDArray[np.float64]:
    """The same for k = iκ, where u_n falls like Gauss' function of n until n is about x."""
    low, high = np.zeros(len(first)), np.full(len(first), 2.0 * MOST_ORDERS)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        fallen = 2 * _growth(middle, x) - _growth(middle, first) - _growth(middle, second)
        enough = fallen >= DECAYED
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray(high + 10)


def _growth(n: NDArray[np.float64], y: Any) -> NDArray[np.float64]:
    """By which exponent k_n(y) exceeds k_0(y), for modified spherical Bessel functions."""
    return np.asarray(n * np.arcsinh(n / y) - n * n / (np.hypot(n, y) + y))


@compiled()
def downward(z, orders):  # type: ignore[no-untyped-def]
    """F_n(z) = −z j_{n+1}(z)/j_n(z) for n ≤ orders."""
    found = np.empty(orders + 1, dtype=np.complex128)
    size = abs(z)
    start = max(orders, int(abs(z.real)))
    start += int(10 * size ** (1 / 3) + np.sqrt(60 * size) + 50)
    ratio = z / (2 * start + 3)  # j_{n+1}/j_n; what is wrong with it is forgotten on the way
    for n in range(start, -1, -1):
        if n <= orders:
            found[n] = -z * ratio
        rest = (2 * n + 1) / z - ratio
        if abs(rest) < _TINY:
            rest = _TINY + 0j
        ratio = 1 / rest
    return found


@compiled()
def upward(z, orders):  # type: ignore[no-untyped-def]
    """h_{n−1}(z)/h_n(z) for 1 ≤ n ≤ orders; entry 0 is not used.

    On the real axis the imaginary part is 1/|ξ_n|², from the Wronskian, so that it keeps its digits
    where it is tiny: it is the width of resonances.
    """
    found = np.empty(orders + 1, dtype=np.complex128)
    value = 1j * z / (z + 1j)
    squared = 1.0  # |ξ_n|²
    found[0] = 1j
    for n in range(1, orders + 1):
        if n > 1:
            value = 1 / ((2 * n - 1) / z - value)
        if z.imag == 0:
            squared /= value.real * value.real + value.imag * value.imag
            value = complex(value.real, 1 / squared)
        found[n] = value
    return found


@compiled()
def coefficients(x, inside, outside, back, eta):  # type: ignore[no-untyped-def]
    """(2n + 1)/(n(n + 1)) C_n for 1 ≤ n ≤ orders; entry 0 is zero.

    Args:
        x: k times the radius.
        inside: F_n(mx).
        outside: F_n(x).
        back: h_{n−1}(x)/h_n(x).
        eta: ε for the transverse magnetic ones, μ for the transverse electric ones.
    """
    found = np.zeros(len(inside), dtype=np.complex128)
    for n in range(1, len(inside)):
        outgoing = x * back[n]
        above = (n + 1) * (1 - eta) + inside[n] - eta * outside[n]
        resonance = n + 1 + n * eta + inside[n] - eta * outgoing
        found[n] = 1j * x * above / (2 * n + 1 + outside[n] - outgoing) / resonance
        found[n] *= (2 * n + 1) / (n * (n + 1))
    return found


@compiled()
def angles(rho, back, orders):  # type: ignore[no-untyped-def]
    """φ_n for 0 < ρ ≤ 1 and n ≤ orders, where ξ_n(ρ) = −i|ξ_n|e^{iφ_n}, so sin φ_n = ψ_n/|ξ_n|.

    φ_n falls as ρ^{2n + 1}. A product of the ratios of `upward` has large phases that cancel, which
    leaves no digit of the decay close to a small sphere without losses.

    Args:
        rho: ρ, real.
        back: h_{n−1}(ρ)/h_n(ρ), whose imaginary part is 1/|ξ_n|².
        orders: up to which n.
    """
    found = np.empty(orders + 1)
    found[0], lead = rho, rho  # the first term of ψ_n, ρ^{n+1}/(2n + 1)!!
    for n in range(1, orders + 1):
        lead *= rho / (2 * n + 1)
        whole, term = 1.0, 1.0
        for j in range(1, _TERMS):
            term *= -rho * rho / (2 * j * (2 * n + 2 * j + 1))
            whole += term
        found[n] = np.arcsin(lead * whole * np.sqrt(back[n].imag))
    return found


@compiled()
def radial(rho, phase, back, turned, orders, waves, slopes):  # type: ignore[no-untyped-def]
    """u_n and D_n at one distance.

    Args:
        rho: k times the distance.
        phase: u_0 = e^{ik(r − R)}.
        back: h_{n−1}(x)/h_n(x) at the surface.
        turned: φ_n of `angles` at the surface; it is used if ρ is real and at most 1.
        orders: up to which n.
        waves: where u_n is written, (orders + 1,).
        slopes: where D_n is written.
    """
    here = upward(rho, orders)
    close = rho.imag == 0 and rho.real <= 1
    turns = angles(rho.real, here, orders) if close else turned
    value = phase
    waves[0], slopes[0] = value, 1j * rho
    for n in range(1, orders + 1):
        value = value * back[n] / here[n]
        waves[n] = abs(value) * np.exp(1j * (turns[n] - turned[n])) if close else value
        slopes[n] = rho * here[n] - n


@compiled()
def far_away(x, back, orders, waves, slopes):  # type: ignore[no-untyped-def]
    """The limits of e^{−ikr} u_n and of D_n/ρ at large distance; arguments as of `radial`."""
    value = np.exp(-1j * x)
    waves[0], slopes[0] = value, 1j
    for n in range(1, orders + 1):
        value = -1j * value * back[n]
        waves[n], slopes[n] = value, 1j


@compiled()
def sums(electric, magnetic, waves, slopes, left, right, near, gaps, orders):  # type: ignore[no-untyped-def]
    """The seven sums over n of every pair, (P, 7), and how much is left of their terms, (P,).

    They are ΣE P', ΣE P'', ΣM N²P, ΣM ND'P', ΣM DNP', ΣM DD'P'', ΣM DD'P', with N = n(n + 1) and
    with E and M the coefficients times u_nu'_n. The second answer is the size of the last term over
    that of the largest.

    Args:
        electric: of `coefficients`.
        magnetic: the same for the transverse magnetic waves.
        waves: u_n of every distance, (U, orders + 1).
        slopes: D_n likewise.
        left: the distance of each pair's field point, (P,).
        right: the same of the source point.
        near: 1, or 0 for field points far away, where the radial part is zero, (P,).
        gaps: 1 − cos γ, (P,); it keeps digits at small angles.
        orders: of each pair, (P,).
    """
    found = np.zeros((len(left), 7), dtype=np.complex128)
    rest = np.zeros(len(left))
    for p in range(len(left)):
        a, b, gap = left[p], right[p], gaps[p]
        e1 = e2 = m0 = m1 = m2 = m3 = m4 = 0j
        value, step = 1.0 - gap, -gap  # P_n and P_n − P_{n−1}
        slope_before, slope = 0.0, 1.0  # P'
        bend_before, bend = 0.0, 0.0  # P''
        largest, last = 0.0, 0.0
        for n in range(1, orders[p] + 1):
            whole = n * (n + 1.0)
            both = waves[a, n] * waves[b, n]
            e, m = electric[n] * both, magnetic[n] * both
            da, db = slopes[a, n], slopes[b, n]
            e1 += e * slope
            e2 += e * bend
            from_left, from_right = m * da, m * db
            m0 += m * (whole * whole * value)
            m1 += from_right * (whole * slope)
            m2 += from_left * (whole * slope)
            both = from_left * db
            m3 += both * bend
            m4 += both * slope
            term = m * whole * whole + both * whole + e * whole
            last = term.real * term.real + term.imag * term.imag
            largest = max(largest, last)
            step = (n * step - (2 * n + 1) * gap * value) / (n + 1)
            bend_before, bend = bend, bend_before + (2 * n + 1) * slope
            slope_before, slope = slope, slope_before + (2 * n + 1) * value
            value += step
        found[p, 0], found[p, 1], found[p, 2] = e1, e2, near[p] * m0
        found[p, 3], found[p, 4] = near[p] * m1, m2
        found[p, 5], found[p, 6] = m3, m4
        if largest > 0:
            rest[p] = np.sqrt(last / largest)
    return found, rest
