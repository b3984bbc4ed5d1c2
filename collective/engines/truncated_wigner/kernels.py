r"""Compiled loops of truncated Wigner: turning spins, the part of single emitters, random numbers.

The spins of K samples are an array (3, N, K) in single precision: Re s⁻, Im s⁻ and s^z, of length
√3 (4|s⁻|² + (s^z)² = 3). Every loop runs over neighbouring samples, and the compiler makes vector
instructions of it: the trigonometric functions of a turn are polynomials for that reason. Products
of matrices are left to BLAS (`spins`). Each kernel has a twin in plain numpy in the tests.
"""

import math
from typing import Any

import numpy as np

from collective._tools.compiled import compiled

# sums may be reordered and products fused; infinities and NaN keep their meaning
OPTIONS: dict[str, Any] = {
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
    "error_model": "numpy",
    "nogil": True,
}
kernel = compiled(**OPTIONS)

_SQUARE = np.float32(3.0)  # of the length of a spin
_LENGTH = np.float32(math.sqrt(3.0) * (1 - 1e-6))  # the largest |s^z| after a correction
_POLE = np.float32(1e-6)  # 4|s⁻|² of a spin whose azimuth has no meaning
_WIDEST = np.float32(2.4)  # |B|² up to which the polynomials hold in single precision
_TERMS = 10
# cos(2r) − 1 = r² Σ _COS_j r^{2j} and sin(2r) = r Σ _SIN_j r^{2j}
_COS = np.array([(-4.0) ** (j + 1) / math.factorial(2 * j + 2) for j in range(_TERMS)], np.float32)
_SIN = np.array([2 * (-4.0) ** j / math.factorial(2 * j + 1) for j in range(_TERMS)], np.float32)
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9 = _COS
_S0, _S1, _S2, _S3, _S4, _S5, _S6, _S7, _S8, _S9 = _SIN


@kernel
def _series(x):  # type: ignore[no-untyped-def]
    """(cos 2r − 1)/r² and sin(2r)/r for x = r² up to `_WIDEST`."""
    c = _C9
    c = c * x + _C8
    c = c * x + _C7
    c = c * x + _C6
    c = c * x + _C5
    c = c * x + _C4
    c = c * x + _C3
    c = c * x + _C2
    c = c * x + _C1
    c = c * x + _C0
    s = _S9
    s = s * x + _S8
    s = s * x + _S7
    s = s * x + _S6
    s = s * x + _S5
    s = s * x + _S4
    s = s * x + _S3
    s = s * x + _S2
    s = s * x + _S1
    s = s * x + _S0
    return c, s


@kernel
def _turn_far(x, y, z, fx, fy, wx, wy, dx, dy, dt, width, amounts, levels):  # type: ignore[no-untyped-def]
    """The same as the first loop of `turn` for angles of any size, one sample after the other."""
    for k in range(len(x)):
        bx = fx[k] * dt + (wx[k] * width + dx)
        by = fy[k] * dt + (wy[k] * width + dy)
        r = max(math.sqrt(bx * bx + by * by), np.float32(1e-10))
        sine, cosine = math.sin(r), math.cos(r)
        q = bx * y[k] - by * x[k]
        one = sine / r
        amounts[k] = one * (z[k] * cosine - np.float32(2.0) * q * one)
        levels[k] = z[k] - np.float32(2.0) * sine * (z[k] * sine + np.float32(2.0) * q / r * cosine)


@kernel
def turn(spins, field, noise, drive, dt, width, midway, out):  # type: ignore[no-untyped-def]
    r"""Turn each spin about its field during a step, exactly.

    With B = (F + Ω/2)dt + dξ and r = |B| the equations ds⁻ = i s^z B, ds^z = −2i(s⁺B − c.c.) turn
    a spin by the angle 2r:

    .. math:: s'^- = s^- + iBQ\,\frac{\cos 2r − 1}{r^2} + \tfrac{i}{2} B s^z\,\frac{\sin 2r}{r},
              \qquad s'^z = s^z \cos 2r − 2Q\,\frac{\sin 2r}{r}, \qquad Q = \mathrm{Im}(B^* s^-)

    Args:
        spins: (3, N, K).
        field: (2, N, K), F, real and imaginary part.
        noise: (2, N, K), dξ/width.
        drive: (2, N), Ω/2.
        dt: step.
        width: standard deviation by which noise is multiplied.
        midway: whether only (s⁻ + s'⁻)/2 is wanted, the middle of the step.
        out: (3, N, K), receives s', may be `spins`; or (2, N, K).
    """
    half, two = np.float32(0.5), np.float32(2.0)
    amounts, levels = np.empty((2, spins.shape[2]), np.float32)
    for n in range(spins.shape[1]):
        x, y, z = spins[0, n], spins[1, n], spins[2, n]
        fx, fy, wx, wy = field[0, n], field[1, n], noise[0, n], noise[1, n]
        ox, oy, oz = out[0, n], out[1, n], out[out.shape[0] - 1, n]
        dx, dy = drive[0, n] * dt, drive[1, n] * dt
        wide = 0
        for k in range(len(x)):
            bx = fx[k] * dt + (wx[k] * width + dx)
            by = fy[k] * dt + (wy[k] * width + dy)
            square = bx * bx + by * by
            wide += not square <= _WIDEST
            c, s = _series(square)
            q = bx * y[k] - by * x[k]
            amounts[k] = q * c + half * z[k] * s
            levels[k] = z[k] + (z[k] * square * c - two * q * s)
        if wide:
            _turn_far(x, y, z, fx, fy, wx, wy, dx, dy, dt, width, amounts, levels)
        if midway:
            for k in range(len(x)):
                bx = fx[k] * dt + (wx[k] * width + dx)
                by = fy[k] * dt + (wy[k] * width + dy)
                ox[k] = x[k] - half * by * amounts[k]
                oy[k] = y[k] + half * bx * amounts[k]
        else:
            for k in range(len(x)):
                bx = fx[k] * dt + (wx[k] * width + dx)
                by = fy[k] * dt + (wy[k] * width + dy)
                ox[k] = x[k] - by * amounts[k]
                oy[k] = y[k] + bx * amounts[k]
            for k in range(len(x)):
                oz[k] = levels[k]


@kernel
def alone(spins, rates, noise, noisy):  # type: ignore[no-untyped-def]
    r"""What each emitter does by itself during a step: see `single_emitters` in `model`.

    Args:
        spins: (3, N, K), changed.
        rates: (6, N): tanh(κ dt/2); e^{−r dt}; s^z of the equilibrium; (r + 2γ_φ)dt; cosine and
            sine of the phase δ dt.
        noise: (N, K), standard normal numbers; not read where nothing is noisy.
        noisy: (N,), whether the phase of the emitter is random.
    """
    one, half = np.float32(1.0), np.float32(0.5)
    for n in range(spins.shape[1]):
        x, y, z = spins[0, n], spins[1, n], spins[2, n]
        th, kept, rest, wide = rates[0, n], rates[1, n], rates[2, n], rates[3, n]
        c, s = rates[4, n], rates[5, n]
        if not noisy[n]:
            for k in range(len(x)):
                level = z[k]
                after = (level + th) / (one + level * th)
                after = min(max(after, -_LENGTH), _LENGTH)
                across = np.float32(4.0) * (x[k] * x[k] + y[k] * y[k])
                factor = math.sqrt((_SQUARE - after * after) / max(across, _POLE))
                re, im = x[k] * factor, y[k] * factor
                x[k], y[k], z[k] = re * c + im * s, im * c - re * s, after
            continue
        random = noise[n]
        for k in range(len(x)):
            level = z[k]
            after = (level + th) / (one + level * th)
            after = min(max(after, -_LENGTH), _LENGTH)
            between = _SQUARE - after * after
            after = rest + (after - rest) * kept
            left = _SQUARE - after * after
            re, im = x[k], y[k]
            across = np.float32(4.0) * (re * re + im * im)
            if across > _POLE:
                factor = math.sqrt(left / across)
                re, im = re * factor, im * factor
            else:  # any azimuth will do: the phase is random
                re, im = half * math.sqrt(left), np.float32(0.0)
            variance = max(wide + math.log(left / between), np.float32(0.0))
            angle = math.sqrt(variance) * random[k]
            cosine, sine = math.cos(angle), math.sin(angle)
            re, im = re * cosine - im * sine, re * sine + im * cosine
            x[k], y[k], z[k] = re * c + im * s, im * c - re * s, after


@kernel
def normal(bits, out):  # type: ignore[no-untyped-def]
    r"""Standard normal numbers from random bits, by the method of Box and Muller.

    .. math:: \sqrt{−2\ln u}\,(\cos 2πv, \sin 2πv)

    Logarithm, cosine and sine are polynomials, correct to about 1e-6.

    Args:
        bits: (M,) of 64 bits each, uniform.
        out: (2M,) in single precision; the first half receives the cosines.
    """
    count = len(bits)
    low = np.uint64(0xFFFFFF)
    for i in range(count):
        u = np.float32((bits[i] >> np.uint64(40)) + np.uint64(1))  # 1 … 2²⁴
        out[i] = u
        # v in (−1/2, 1/2)
        out[count + i] = np.float32(
            np.int64((bits[i] >> np.uint64(8)) & low) - 8388608
        ) * np.float32(2.0**-24)
    words = out.view(np.int32)
    for i in range(count):
        word = words[i]
        # u = 2^e m with m between √½ and √2
        e = (word - np.int32(0x3F3504F3)) >> np.int32(23)
        words[i] = word - (e << np.int32(23))
        m = out[i] - np.float32(1.0)
        p = np.float32(7.0376836292e-2)
        p = p * m - np.float32(1.1514610310e-1)
        p = p * m + np.float32(1.1676998740e-1)
        p = p * m - np.float32(1.2420140846e-1)
        p = p * m + np.float32(1.4249322787e-1)
        p = p * m - np.float32(1.6668057665e-1)
        p = p * m + np.float32(2.0000714765e-1)
        p = p * m - np.float32(2.4999993993e-1)
        p = p * m + np.float32(3.3333331174e-1)
        square = m * m
        logarithm = m + square * (p * m - np.float32(0.5))
        logarithm += (np.float32(e) - np.float32(24.0)) * np.float32(0.6931471805599453)
        radius = math.sqrt(max(np.float32(-2.0) * logarithm, np.float32(0.0)))
        # with r = πv/… the series of `turn`: cos 2r and sin 2r for 2r = 2πv, |v| ≤ ½
        angle = np.float32(3.141592653589793) * out[count + i]
        c, s = _series_of_angle(angle * angle)
        out[i] = radius * (np.float32(1.0) + angle * angle * c)
        out[count + i] = radius * angle * s


@kernel
def _series_of_angle(x):  # type: ignore[no-untyped-def]
    """As `_series`, for x up to (π/2)²."""
    return _series(x)


@kernel
def square(spins, squares, offsets):  # type: ignore[no-untyped-def]
    """Products on one emitter that the rate of photon pairs needs, before Γ multiplies them.

    Args:
        spins: (3, N, K).
        squares: (2, N, K), receives (s⁻)², real and imaginary part.
        offsets: (N, K), receives |s⁻|² − (1 + s^z)/2.
    """
    half = np.float32(0.5)
    for n in range(spins.shape[1]):
        x, y, z = spins[0, n], spins[1, n], spins[2, n]
        re, im, away = squares[0, n], squares[1, n], offsets[n]
        for k in range(len(x)):
            re[k] = x[k] * x[k] - y[k] * y[k]
            im[k] = x[k] * y[k] * np.float32(2.0)
            away[k] = x[k] * x[k] + y[k] * y[k] - half - half * z[k]


@kernel
def light(spins, fields, squares, doubled, offsets, paired, own, doubtful, values):  # type: ignore[no-untyped-def]
    r"""Emission, photon pairs, excitation and the excess of every sample.

    Products of operators of one emitter become one operator before their symbol is taken:
    σ⁺σ⁻ = (1 + z)/2 and σ⁺σ⁺ = 0. With P_n = (1 + s^z_n)/2, p_n = |s⁻_n|², y_n = p_n − P_n,
    f = Γs⁻ and u_n = s⁺_n f_n the emission is R = Σ_n (u_n − Γ_nn y_n). The sum of
    Γ_mnΓ_pq σ⁺_mσ⁺_pσ⁻_qσ⁻_n, by inclusion and exclusion over the emitters that coincide, is

    .. math:: R^2 + \sum_n \bigl[−2\,\mathrm{Re}\,u_n^2 − 2y_n|f_n|^2 + 8Γ_{nn}y_n\,\mathrm{Re}\,u_n
              − 2Γ_{nn}^2 y_n(3p_n − P_n)\bigr]
              + \sum_{nm} \bigl[(s^+_n)^2 Γ_{nm}^2 (s^-_m)^2 + y_n|Γ_{nm}|^2y_m\bigr].

    Args:
        spins: (3, N, K).
        fields: (2, N, K), Γs⁻.
        squares: (2, N, K), (s⁻)².
        doubled: (2, N, K), (Γ∘Γ)(s⁻)², where ∘ multiplies entry by entry.
        offsets: (N, K), see `square`.
        paired: (N, K), |Γ|² applied to the offsets.
        own: (N,), Γ_nn.
        doubtful: (N,), Γ_nn w_n of `error_weights`.
        values: (4, K), receives emission, pairs, excitation, and Σ Γ_nn w_n((s^z)² − 1)/4.
    """
    half, one, two = np.float32(0.5), np.float32(1.0), np.float32(2.0)
    values[:] = np.float32(0.0)
    emission, pairs, excitation, excess = values[0], values[1], values[2], values[3]
    for n in range(spins.shape[1]):
        x, y, z, gx, gy = spins[0, n], spins[1, n], spins[2, n], fields[0, n], fields[1, n]
        sx, sy, qx, qy = squares[0, n], squares[1, n], doubled[0, n], doubled[1, n]
        away, other, d, weight = offsets[n], paired[n], own[n], doubtful[n] * np.float32(0.25)
        for k in range(len(x)):
            u = x[k] * gx[k] + y[k] * gy[k]  # s⁺ Γs⁻, real and imaginary part
            v = x[k] * gy[k] - y[k] * gx[k]
            bright = gx[k] * gx[k] + gy[k] * gy[k]
            population = half + half * z[k]
            a = away[k]
            emission[k] += u - d * a
            excitation[k] += population
            excess[k] += weight * (z[k] * z[k] - one)
            pairs[k] += (
                two * (v * v - u * u)
                - two * a * bright
                + np.float32(8.0) * d * a * u
                - two * d * d * a * (np.float32(3.0) * a + two * population)
                + (sx[k] * qx[k] + sy[k] * qy[k])
                + a * other[k]
            )
    for k in range(len(emission)):
        pairs[k] += emission[k] * emission[k]
