r"""The field a circular cylinder scatters, as a sum over orders m and an integral over k_z.

Outside a cylinder of radius R, permittivity ε and permeability μ, with λ² = k_z² − k²,
λ₁² = k_z² − εμk² and every Bessel function K_m(λρ) divided by K_m(λR) so that nothing over- or
underflows,

.. math:: G^S = \frac{1}{4π^2}\int dk_z \sum_m e^{imΔφ + ik_zΔz}\,
          \frac{−I_mK_m}{λ^2} \sum_{st} f^s(ρ)\, r_{st}\, s^t(ρ')

where the waves s, t are TM (from E_z) and TE (from H_z): in (ρ, φ, z),

    f^M = (ik_z K', −k_zm K/ρ, −λ²K),  f^E = (imK/ρ, −K', 0)      at the field point,
    s^M = (ik_z K', +k_zm K/ρ', +λ²K), s^E = (−imK/ρ', −K', 0)    at the source,

K' the derivative by ρ. Continuity of E_φ, E_z, H_φ, H_z at R, with the logarithmic derivatives
p = K'/K − λ²μi, P = I'/I − λ²μi, q and Q the same with εi, where i = I₁'/(λ₁²I₁) inside, and
β = k_zm(1 − εμ)/(Rλ₁²), gives with D = k²β² − pq

    r_MM = (k²β² − pQ)/k²D,  r_EE = (qP − k²β²)/D,  r_EM = −r_ME = β/(RI_mK_mD).

No term cancels another in D: powers of λ, 1/k² and the conductor's ε have been divided out.
As ∇×f^E = f^M, ∇×f^M = k²f^E and ∇'×s^E = −s^M, ∇'×s^M = −k²s^E, the curls of G^S from both sides
are k² times the same sum with −r_EE/k², −k²r_MM and r_EM for r_MM, r_EE and r_EM. Those are the
coefficients of a wire whose ε and μ have changed places: the field of magnetic dipoles.

The same form holds for real and imaginary k; on the real axis λ = −i√(k² − k_z²), outgoing. The
factors i of the components φ and z are left out here, so that imaginary k on real k_z needs real
arithmetic only: T_ij below is multiplied by cos k_zΔz or sin k_zΔz (`ODD_IN_Z`) and integrated over
k_z > 0. Rows are nodes k_z, columns are orders m ≥ 0: m < 0 follows by symmetry.
The file is longer than others because all kernels of one formula are here.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled, in_pieces, threads_available

COMPONENTS = 9  # of the tensor, in (ρ, φ, z) order, rows first
EVEN_IN_Z, ODD_IN_Z = np.array([0, 1, 3, 4, 8]), np.array([2, 5, 6, 7])
# orders above the highest at which a downward recurrence starts; up to 400 orders 8 are enough,
# because I_m underflows only where the recurrence forgets its start
_EXTRA = 64
_FEW_EXTRA, _FEW = 8, 400
_ASYMPTOTIC = 1e8  # arguments beyond which the Bessel functions' ratio is 1 − (2m + 1)/2x
_SMALL = 0.2  # of the order: below it the recurrence forgets a hundredfold a step
_UNDERFLOW = 1e-280
_LOSS_STEPS = 12
_NEWTON_STEPS = 8
_WORTH_THREADS = 2e5  # waves, or waves times pairs, from which threads save time
_PIECES = 4  # per thread


def transverse(kz: NDArray[Any], k: complex) -> NDArray[Any]:
    """λ = √(k_z² − k²): outgoing for real k, decaying for imaginary k."""
    if k.imag:
        return np.sqrt(kz**2 + k.imag**2) if np.iscomplexobj(kz) else np.hypot(kz, k.imag)
    return -1j * np.sqrt(k.real**2 - kz**2 + 0j)


def reflection(
    kz: NDArray[Any], k: complex, epsilon: complex, mu: complex, radius: float, orders: int
) -> NDArray[Any]:
    """−I_mK_m/4π²λ² times r_st and what the waves have in common; (nodes, orders + 1, 6).

    For m = 0…orders k_z²r_MM, k_zr_EM, r_EE, k_zλ²r_MM, λ²r_EM and λ⁴r_MM.
    """
    outside = transverse(kz, k)
    if k.imag:
        squared: complex = -(k.imag**2)
        values: tuple[complex, complex] = epsilon.real, mu.real
    else:
        squared, values = k.real**2 + 0j, (epsilon + 0j, mu + 0j)
    inside = np.sqrt(kz**2 - values[0] * values[1] * squared)
    top = orders + (_FEW_EXTRA if orders <= _FEW else _EXTRA)
    return np.asarray(
        _reflection(
            kz,
            squared,
            *values,
            radius,
            outside,
            inside,
            _upward(outside * radius)[1],
            _ratio(top, outside * radius),
            _ratio(top, inside * radius),
            orders,
            top,
        )
    )


def waves(
    kz: NDArray[Any], k: complex, radius: float, distances: NDArray[np.float64], orders: int
) -> NDArray[Any]:
    """K_m(λρ)/K_m(λR) and its derivative by ρ; (distances, nodes, orders + 1, 2)."""
    outside = transverse(kz, k)
    scaled, ratio = _upward(outside * radius)
    far, far_ratio = _upward(outside * distances[:, None])
    start = far / scaled * np.exp(-outside * (distances[:, None] - radius))
    found = np.empty((*far.shape, orders + 1, 2), dtype=outside.dtype)

    def work(some: slice) -> None:
        args = distances[some], ratio, far_ratio[some], start[some], orders, found[some]
        _waves(outside, radius, *args)

    _in_threads(work, len(distances), far.size * (orders + 1))
    return found


def spectra(
    kz: NDArray[Any],
    k: complex,
    coefficients: NDArray[Any],
    radial: NDArray[Any],
    distances: NDArray[np.float64],
    pairs: NDArray[np.intp],
    angles: NDArray[np.float64],
    orders: NDArray[np.intp],
) -> NDArray[Any]:
    """The tensor's spectrum summed over all m, (pairs, 9, nodes).

    Args:
        kz: nodes, (nodes,).
        k: wave number.
        coefficients: of `reflection`.
        radial: of `waves`.
        distances: ρ of the waves.
        pairs: which of the distances the field and the source point have, (pairs, 2).
        angles: Δφ, (pairs,).
        orders: highest m of each pair, (pairs,).
    """
    squared = transverse(kz, k) ** 2
    found = np.empty((len(pairs), COMPONENTS, len(kz)), dtype=squared.dtype)

    def work(some: slice) -> None:
        args = pairs[some], angles[some], orders[some], found[some]
        _spectra(squared, coefficients, radial, distances, *args)

    _in_threads(work, len(pairs), float(np.sum(orders + 1)) * len(kz))
    return found


def _in_threads(work: Callable[[slice], None], rows: int, size: float) -> None:
    """Call work on slices of the rows, in several threads if there is enough to do.

    The threads end with the call, so that a process that is forked later does not miss them.
    """
    threads = min(threads_available(), rows) if size > _WORTH_THREADS else 1
    if threads == 1:
        work(slice(rows))
        return
    pieces = min(rows, _PIECES * threads)
    edges = np.linspace(0, rows, pieces + 1).astype(int)
    with ThreadPoolExecutor(threads - 1) as pool:
        in_pieces(lambda _, p: work(slice(edges[p], edges[p + 1])), pieces, threads, pool)


def plasmon(k: float, epsilon: complex, mu: complex, radius: float) -> complex:
    """k_z of the bound TM mode with m = 0, where q vanishes; Re ε < −1."""
    from scipy.optimize import brentq

    def lossless(log_decay: float) -> float:
        kz = np.hypot(k, np.exp(log_decay) / radius)
        with np.errstate(all="ignore"):
            return float(_dispersion(kz, k, epsilon.real, mu.real, radius)[0].real)

    ends = [-1.0, 1.0]
    while not lossless(ends[0]) * lossless(ends[1]) <= 0:
        ends = [2 * end for end in ends]
        if ends[1] > 500:
            raise ValueError(
                f"no bound plasmon found at k = {k:g} for ε = {epsilon:g}, R = {radius:g}: it "
                "is bound too loosely for double precision"
            )
    kz = complex(np.hypot(k, np.exp(brentq(lossless, *ends, xtol=1e-14)) / radius))
    for share in np.linspace(0, 1, _LOSS_STEPS) if epsilon.imag or mu.imag else [0.0]:
        values = (value.real + 1j * share * value.imag for value in (epsilon, mu))
        eps, permeability = values
        for _ in range(_NEWTON_STEPS):
            with np.errstate(all="ignore"):
                q, slope = _dispersion(kz, k, eps, permeability, radius)
                kz -= q / slope
    # accept a root of the right branch only: the amplitude decays along the direction of travel
    sign = epsilon.imag or mu.imag
    if not (kz.real > 0 and kz.imag * sign >= 0 and abs(q / slope) < 1e-9 * abs(kz)):
        raise ValueError(
            f"no bound plasmon found at k = {k:g} for ε = {epsilon:g}, R = {radius:g}: the "
            "resonance of the flat surface, ε = −1, is too near for the absorption there"
        )
    return kz


def plasmon_amplitudes(
    kz: complex,
    k: float,
    epsilon: complex,
    mu: complex,
    radius: float,
    distances: NDArray[np.float64],
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """C of radial and of axial unit dipoles at each ρ: G_ii → (ik/6π) C e^{ik_z|Δz|}."""
    from scipy.special import kve

    outside = np.sqrt(kz**2 - k**2)
    _, slope = _dispersion(kz, k, epsilon, mu, radius)
    decay = np.exp(-outside * (distances - radius)) / kve(0, outside * radius)
    radial = -1j * kz * outside * kve(1, outside * distances) * decay
    axial = outside**2 * kve(0, outside * distances) * decay
    residue = -3 / (k**3 * outside**2 * radius * slope)
    return residue * radial**2, -residue * axial**2


def _dispersion(
    kz: complex, k: float, epsilon: complex, mu: complex, radius: float
) -> tuple[complex, complex]:
    """The factor q of m = 0 and its derivative by k_z."""
    from scipy.special import ive, kve

    outside, inside = np.sqrt(kz**2 - k**2 + 0j), np.sqrt(kz**2 - epsilon * mu * k**2 + 0j)
    x, x1 = outside * radius, inside * radius
    k_ratio, i_ratio = kve(1, x) / kve(0, x), ive(1, x1) / ive(0, x1)
    q = -outside * k_ratio - epsilon * outside**2 * i_ratio / inside
    # d(K₁/K₀)/dx = r² − r/x − 1, d(I₁/I₀)/dx = 1 − r/x − r²
    outer = -k_ratio - x * (k_ratio**2 - k_ratio / x - 1) - 2 * epsilon * outside * i_ratio / inside
    inner = (radius * (1 - i_ratio / x1 - i_ratio**2) - i_ratio / inside) / inside
    return q, kz / outside * outer - kz / inside * epsilon * outside**2 * inner


def _upward(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """e^x K₀ and K₁/K₀, from which K_{m+1}/K_m follows upwards."""
    from scipy.special import k0e, k1e, kve

    if np.iscomplexobj(x):
        lowest, next_ = kve(0, x), kve(1, x)
    else:
        lowest, next_ = k0e(x), k1e(x)
    return lowest, next_ / lowest


def _ratio(m: int, x: NDArray[Any]) -> NDArray[Any]:
    """I_{m+1}/I_m to start the stable, downward recurrence with."""
    from scipy.special import ive

    size = np.abs(x)
    # if I_m underflows or x is small, this bound (Amos 1974) is close, and the recurrence
    # forgets its start anyway
    ratio = x / (m + 1 + np.sqrt((m + 1) ** 2 + x**2))
    large = size > _ASYMPTOTIC
    ratio[large] = 1 - (2 * m + 1) / (2 * x[large])
    middle = np.flatnonzero((size > _SMALL * m) & ~large)
    lower = ive(m, x[middle])
    direct = np.abs(lower) > _UNDERFLOW
    middle = middle[direct]
    ratio[middle] = ive(m + 1, x[middle]) / lower[direct]
    return np.asarray(ratio)


@compiled()
def _inverse(z):  # type: ignore[no-untyped-def]
    """1/z of a number that neither over- nor underflows when squared: faster than a division."""
    return z.conjugate() * (1 / (z.real * z.real + z.imag * z.imag))


@compiled()
def _reflection(  # type: ignore[no-untyped-def]
    kz, k2, epsilon, mu, radius, outside, inside, k_ratio, i_ratio, i1_ratio, orders, top
):
    found = np.empty((len(kz), orders + 1, 6), dtype=outside.dtype)
    outer, inner = np.empty_like(found[0, :, 0]), np.empty_like(found[0, :, 0])
    for n in range(len(kz)):
        x = outside[n] * radius
        step, step1 = 2 / x, 2 / (inside[n] * radius)
        a, b = i_ratio[n], i1_ratio[n]
        for m in range(top, 0, -1):
            if m <= orders:
                outer[m], inner[m] = a, b
            a, b = _inverse(m * step + a), _inverse(m * step1 + b)
        outer[0], inner[0] = a, b
        squared, inverse1 = outside[n] ** 2, 1 / inside[n] ** 2
        to_beta = kz[n] * (1 - epsilon * mu) * inverse1 / radius
        scale = -1 / (4 * np.pi**2 * squared)
        ratio = k_ratio[n]
        for m in range(orders + 1):
            product = _inverse(x * (outer[m] + ratio))  # I_mK_m, by the Wronskian
            log_k = -outside[n] * ratio + m / radius
            log_i = outside[n] * outer[m] + m / radius
            log_in = squared * (inside[n] * inner[m] + m / radius) * inverse1
            p, q = log_k - mu * log_in, log_k - epsilon * log_in
            big_p, big_q = log_i - mu * log_in, log_i - epsilon * log_in
            beta = m * to_beta
            mixed = k2 * beta * beta
            common = scale / (mixed - p * q)
            mm = common * product * (mixed - p * big_q) / k2
            em = common * beta / radius
            found[n, m, 0], found[n, m, 1] = mm * kz[n] * kz[n], em * kz[n]
            found[n, m, 2] = common * product * (q * big_p - mixed)
            found[n, m, 3], found[n, m, 4] = mm * kz[n] * squared, em * squared
            found[n, m, 5] = mm * squared * squared
            ratio = _inverse(ratio) + (m + 1) * step
    return found


@compiled(nogil=True)
def _waves(outside, radius, distances, ratio, far_ratio, start, orders, found):  # type: ignore[no-untyped-def]
    for d in range(len(distances)):
        for n in range(len(outside)):
            near, far, value = ratio[n], far_ratio[d, n], start[d, n]
            step, far_step = 2 / (outside[n] * radius), 2 / (outside[n] * distances[d])
            for m in range(orders + 1):
                found[d, n, m, 0] = value
                found[d, n, m, 1] = value * (m / distances[d] - outside[n] * far)
                inverse = _inverse(near)
                value = value * far * inverse
                near = inverse + (m + 1) * step
                far = _inverse(far) + (m + 1) * far_step


@compiled(nogil=True)
def _spectra(squared, coefficients, radial, distances, pairs, angles, orders, found):  # type: ignore[no-untyped-def]
    for g in range(len(pairs)):
        a, b = pairs[g]
        m = np.arange(orders[g] + 1)
        cosines, sines = 2 * np.cos(m * angles[g]), 2 * np.sin(m * angles[g])
        cosines[0] = 1
        at, source = 1 / distances[a], 1 / distances[b]
        for n in range(len(squared)):
            rr = rp = rz = pr = pp = pz = zr = zp = zz = 0 * squared[n]
            for m in range(orders[g] + 1):
                # f^M = (ik_zK', −k_zmK/ρ, −λ²K) and so on without their i: products of K and K'
                ka, da = radial[a, n, m, 0], radial[a, n, m, 1]
                kb, db = radial[b, n, m, 0], radial[b, n, m, 1]
                both, left, right, none = da * db, da * kb, ka * db, ka * kb
                mixed, other = m * source * left, m * at * right
                azimuthal = m * m * at * source * none
                # of `reflection`
                mm, em, ee, mm_z, em_z, mm_zz = coefficients[n, m]
                even, odd = cosines[m], sines[m]
                cross, same = em * (mixed + other), em * (both + azimuthal)
                rr -= even * (mm * both + cross - ee * azimuthal)
                rp -= odd * (mm * mixed + same - ee * other)
                rz -= even * (mm_z * left + m * at * em_z * none)
                pr += odd * (mm * other + same - ee * mixed)
                pp -= even * (mm * azimuthal + cross - ee * both)
                pz += odd * (m * at * mm_z * none + em_z * left)
                zr += even * (mm_z * right + m * source * em_z * none)
                zp += odd * (m * source * mm_z * none + em_z * right)
                zz -= even * mm_zz * none
            for c, value in enumerate((rr, rp, rz, pr, pp, pz, zr, zp, zz)):
                found[g, c, n] = value
