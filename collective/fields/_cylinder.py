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

Everything is one form for real and imaginary k; on the real axis λ = −i√(k² − k_z²), outgoing. The
factors i of the components φ and z are left out here, which makes imaginary k real arithmetic on
real k_z: T_ij below is to be multiplied by cos k_zΔz or sin k_zΔz (`ODD_IN_Z`) over k_z > 0, no
more. Rows are nodes k_z, columns are orders m ≥ 0: m < 0 follows by symmetry. This file is longer
than others because the kernels of one formula are.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._compiled import compiled, in_pieces, threads_available

COMPONENTS = 9  # of the tensor, in (ρ, φ, z) order, rows first
EVEN_IN_Z, ODD_IN_Z = np.array([0, 1, 3, 4, 8]), np.array([2, 5, 6, 7])
_EXTRA = 64  # orders above the highest at which a downward recurrence starts
_ASYMPTOTIC = 1e8  # arguments beyond which the Bessel functions' ratio is 1 − (2m + 1)/2x
_UNDERFLOW = 1e-280
_LOSS_STEPS = 12
_NEWTON_STEPS = 8
_WORTH_THREADS = 2e5  # waves, or waves times pairs: some milliseconds
_PIECES = 4  # a thread


def transverse(kz: NDArray[Any], k: complex) -> NDArray[Any]:
    """λ = √(k_z² − k²): outgoing for real k, decaying for imaginary k."""
    if k.imag:
        return np.sqrt(kz**2 + k.imag**2) if np.iscomplexobj(kz) else np.hypot(kz, k.imag)
    return -1j * np.sqrt(k.real**2 - kz**2 + 0j)


def reflection(
    kz: NDArray[Any], k: complex, epsilon: complex, mu: complex, radius: float, orders: int
) -> NDArray[Any]:
    """−I_mK_m/4π²λ² times r_MM, r_EM, r_EE for m = 0…orders; (nodes, orders + 1, 3)."""
    outside = transverse(kz, k)
    if k.imag:
        squared: complex = -(k.imag**2)
        values: tuple[complex, complex] = epsilon.real, mu.real
    else:
        squared, values = k.real**2 + 0j, (epsilon + 0j, mu + 0j)
    inside = np.sqrt(kz**2 - values[0] * values[1] * squared)
    top = orders + _EXTRA
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
        _spectra(kz, squared, coefficients, radial, distances, *args)

    _in_threads(work, len(pairs), float(np.sum(orders + 1)) * len(kz))
    return found


def _in_threads(work: Callable[[slice], None], rows: int, size: float) -> None:
    """Call work on slices of so many rows, at the same time where there is enough to do.

    The threads end with the call: a process forked later finds none of them missing.
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
        return float(_dispersion(kz, k, epsilon.real, mu.real, radius)[0].real)

    ends = [-1.0, 1.0]
    while lossless(ends[0]) * lossless(ends[1]) > 0:
        ends = [2 * end for end in ends]
        if ends[1] > 500:
            raise ValueError(
                f"no bound plasmon found at k = {k:g} for ε = {epsilon:g}, R = {radius:g}: it "
                "clings to the wire too loosely for double precision"
            )
    kz = complex(np.hypot(k, np.exp(brentq(lossless, *ends, xtol=1e-14)) / radius))
    for share in np.linspace(0, 1, _LOSS_STEPS) if epsilon.imag or mu.imag else [0.0]:
        values = (value.real + 1j * share * value.imag for value in (epsilon, mu))
        eps, permeability = values
        for _ in range(_NEWTON_STEPS):
            q, slope = _dispersion(kz, k, eps, permeability, radius)
            kz -= q / slope
    # a root of the right branch, where an amplitude decays as it runs
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
    """Q of m = 0 and its derivative by k_z."""
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

    large = np.abs(x) > _ASYMPTOTIC
    safe = np.where(large, 1.0, x)
    lower = ive(m, safe)
    direct = np.abs(lower) > _UNDERFLOW
    # where I_m underflows this bound (Amos 1974) is near, and the recurrence forgets its start
    bound = safe / (m + 1 + np.sqrt((m + 1) ** 2 + safe**2))
    ratio = np.where(direct, ive(m + 1, safe) / np.where(direct, lower, 1.0), bound)
    return np.where(large, 1 - (2 * m + 1) / (2 * x), ratio)


@compiled()
def _reflection(kz, k2, epsilon, mu, radius, outside, inside, k_ratio, i_ratio, i1_ratio, orders):  # type: ignore[no-untyped-def]
    found = np.empty((len(kz), orders + 1, 3), dtype=outside.dtype)
    outer, inner = np.empty_like(found[0, :, 0]), np.empty_like(found[0, :, 0])
    for n in range(len(kz)):
        x, x1 = outside[n] * radius, inside[n] * radius
        a, b = i_ratio[n], i1_ratio[n]
        for m in range(orders + _EXTRA, 0, -1):
            if m <= orders:
                outer[m], inner[m] = a, b
            a, b = 1 / (2 * m / x + a), 1 / (2 * m / x1 + b)
        outer[0], inner[0] = a, b
        squared, squared1 = outside[n] ** 2, inside[n] ** 2
        ratio = k_ratio[n]
        for m in range(orders + 1):
            product = 1 / (x * (outer[m] + ratio))  # I_mK_m, by the Wronskian
            log_k = -outside[n] * ratio + m / radius
            log_i = outside[n] * outer[m] + m / radius
            log_in = squared * (inside[n] * inner[m] + m / radius) / squared1
            p, q = log_k - mu * log_in, log_k - epsilon * log_in
            big_p, big_q = log_i - mu * log_in, log_i - epsilon * log_in
            beta = kz[n] * m * (1 - epsilon * mu) / (radius * squared1)
            mixed = k2 * beta * beta
            common = -1 / (4 * np.pi**2 * squared * (mixed - p * q))
            found[n, m, 0] = common * product * (mixed - p * big_q) / k2
            found[n, m, 1] = common * beta / radius
            found[n, m, 2] = common * product * (q * big_p - mixed)
            ratio = 1 / ratio + 2 * (m + 1) / x
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
                value = value * far / near
                near = 1 / near + (m + 1) * step
                far = 1 / far + (m + 1) * far_step


@compiled(nogil=True)
def _spectra(kz, squared, coefficients, radial, distances, pairs, angles, orders, found):  # type: ignore[no-untyped-def]
    for g in range(len(pairs)):
        a, b = pairs[g]
        m = np.arange(orders[g] + 1)
        cosines, sines = 2 * np.cos(m * angles[g]), 2 * np.sin(m * angles[g])
        cosines[0] = 1
        for n in range(len(kz)):
            z, l2 = kz[n], squared[n]
            rr = rp = rz = pr = pp = pz = zr = zp = zz = 0 * l2
            for m in range(orders[g] + 1):
                # waves without their i, −i of s^E included in the signs
                mr, ep = z * radial[a, n, m, 1], radial[a, n, m, 1]
                er = m / distances[a] * radial[a, n, m, 0]
                mp, mz = z * er, l2 * radial[a, n, m, 0]
                sr, tp = z * radial[b, n, m, 1], radial[b, n, m, 1]
                tr = m / distances[b] * radial[b, n, m, 0]
                sp, sz = z * tr, l2 * radial[b, n, m, 0]
                r_mm, r_em, r_ee = coefficients[n, m]
                # what each component of the source excites of the two waves
                m_r, m_p, m_z = r_mm * sr + r_em * tr, r_mm * sp + r_em * tp, r_mm * sz
                e_r, e_p, e_z = r_em * sr - r_ee * tr, r_em * sp - r_ee * tp, r_em * sz
                even, odd = cosines[m], sines[m]
                rr -= even * (mr * m_r + er * e_r)
                rp -= odd * (mr * m_p + er * e_p)
                rz -= even * (mr * m_z + er * e_z)
                pr += odd * (mp * m_r + ep * e_r)
                pp -= even * (mp * m_p + ep * e_p)
                pz += odd * (mp * m_z + ep * e_z)
                zr += even * mz * m_r
                zp += odd * mz * m_p
                zz -= even * mz * m_z
            for c, value in enumerate((rr, rp, rz, pr, pp, pz, zr, zp, zz)):
                found[g, c, n] = value
