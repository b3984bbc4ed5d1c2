"""Kernels of the conditional state: what is local in a pair of emitters.

Every emitter has three operators, x = Re σ⁻ = (σ⁻ + σ⁺)/2, p = Im σ⁻ = (σ⁻ − σ⁺)/2i and z. A sample
holds their means, (3, N), and their covariances V, (3N, 3N), row A·N + m for operator A of emitter
m. The entries of V between operators of one emitter follow from the means. They are the normally
ordered ones, ⟨Aσ⁻⟩ − ⟨A⟩⟨σ⁻⟩ for the columns x and p, because these are what a field and a record
see.

Local operators of emitter m enter through the third cumulants ⟨⟨A_m σ⁻_m B_n⟩⟩, which are not zero
although those of three emitters are: A_m σ⁻_m is again an operator of emitter m. With s = x + ip,

    ⟨⟨x σ⁻ B⟩⟩ = ¼V_zB − 2x V_xB − i(p V_xB + x V_pB),
    ⟨⟨p σ⁻ B⟩⟩ = −(p V_xB + x V_pB) + i(¼V_zB − 2p V_pB),
    ⟨⟨z σ⁻ B⟩⟩ = −(1+z)V_xB − x V_zB − i((1+z)V_pB + p V_zB).

A step of one sample takes two evaluations of the drift: 24N³ + 24N²k operations of `matmul` for the
fields and the gains of k channels, 18N²k for their products, and one pass of the kernels here over
about 40 N² numbers. For N = 100 in single precision the products take half of the time, which flops
bound, and the passes the other half, which the cache bounds.
"""

import numpy as np

from collective._tools.compiled import compiled

strict = compiled(nogil=True, error_model="numpy")  # where numbers may be NaN
kernel = compiled(nogil=True, fastmath={"contract", "reassoc", "arcp", "nsz"}, error_model="numpy")


@kernel
def set_own(means, covariances):  # type: ignore[no-untyped-def]
    """Write the entries of V between operators of the same emitter.

    Args:
        means: (B, 3, N), x, p and z of every sample.
        covariances: (B, 3N, 3N), changed in place.
    """
    n = means.shape[2]
    for b in range(means.shape[0]):
        x, p, z = means[b]
        v = covariances[b]
        for m in range(n):
            quarter = (1 + z[m]) / 4
            v[m, m] = quarter - x[m] * x[m]
            v[n + m, n + m] = quarter - p[m] * p[m]
            v[m, n + m] = v[n + m, m] = -x[m] * p[m]
            v[2 * n + m, m] = v[m, 2 * n + m] = -(1 + z[m]) * x[m]
            v[2 * n + m, n + m] = v[n + m, 2 * n + m] = -(1 + z[m]) * p[m]
            v[2 * n + m, 2 * n + m] = 0


@kernel
def slopes(means, covariances, products, spread, fields, rates, h, step, noise, first, before, out):  # type: ignore[no-untyped-def]
    """R of the change R + Rᵀ of the covariances: the drift of one step, and its noise.

    Args:
        means: (B, 3, N).
        covariances: V, (B, 3N, 3N), with its own entries set.
        products: (B, 3N, ≥2N); columns 0 … 2N hold Re and Im of Σ_l V[A_m, σ⁻_l] h_nl.
        spread: η G Gᵀ of the gains G, (B, 3N, 3N).
        fields: F_n = Σ_l h_nl s_l + Ω_n/2, real and imaginary part, (B, 2, N).
        rates: (3, N), real and imaginary part of the rate of σ⁻, and the rate of z.
        h: (2, N, N), real and imaginary part of h_nm in row m.
        step: of time.
        noise: twice the increments dξ_m of the record, real and imaginary part, (B, 2, N).
        first: means at the beginning of the step, on which the noise depends.
        before: V at the beginning of the step, on which the noise depends.
        out: (B, 3N, 3N), receives R. Its entries between operators of one emitter mean nothing.
    """
    n = means.shape[2]
    dt = step
    # numbers of the same precision: a whole number would turn single precision into double
    kind = out.dtype.type
    quarter, one, two, four = kind(0.25), kind(1), kind(2), kind(4)
    half = step / two
    decay, turn, loss = rates[0], rates[1], rates[2]
    for b in range(means.shape[0]):
        x, p, z = means[b, 0], means[b, 1], means[b, 2]
        fr, fi = fields[b, 0], fields[b, 1]
        for m in range(n):
            xm, pm, zm = x[m], p[m], z[m]
            up = one + zm
            u, w = noise[b, 0, m], noise[b, 1, m]
            hr, hi = h[0, m], h[1, m]
            vx, vp, vz = covariances[b, m], covariances[b, n + m], covariances[b, 2 * n + m]
            ox, op, oz = before[b, m], before[b, n + m], before[b, 2 * n + m]
            qx, qp, qz = products[b, m], products[b, n + m], products[b, 2 * n + m]
            sx, sp, sz = spread[b, m], spread[b, n + m], spread[b, 2 * n + m]
            rx, rp, rz = out[b, m], out[b, n + m], out[b, 2 * n + m]
            for i in range(n):
                j, k = n + i, 2 * n + i
                a, c = hr[i], hi[i]
                # third cumulants of x, p, z and σ⁻ of emitter m with x, p, z of emitter i
                xr_x, xi_x = quarter * vz[i] - two * xm * vx[i], -pm * vx[i] - xm * vp[i]
                xr_p, xi_p = quarter * vz[j] - two * xm * vx[j], -pm * vx[j] - xm * vp[j]
                xr_z, xi_z = quarter * vz[k] - two * xm * vx[k], -pm * vx[k] - xm * vp[k]
                pi_x = quarter * vz[i] - two * pm * vp[i]
                pi_p = quarter * vz[j] - two * pm * vp[j]
                pi_z = quarter * vz[k] - two * pm * vp[k]
                zr_x, zi_x = -up * vx[i] - xm * vz[i], -up * vp[i] - pm * vz[i]
                zr_p, zi_p = -up * vx[j] - xm * vz[j], -up * vp[j] - pm * vz[j]
                zr_z, zi_z = -up * vx[k] - xm * vz[k], -up * vp[k] - pm * vz[k]

                rx[i] = dt * (
                    decay[i] * vx[i] - turn[i] * vx[j] - fi[i] * vx[k] - z[i] * qx[j]
                    - a * xi_z - c * xr_z
                ) - half * sx[i]  # fmt: skip
                rx[j] = dt * (
                    decay[i] * vx[j] + turn[i] * vx[i] + fr[i] * vx[k] + z[i] * qx[i]
                    + a * xr_z - c * xi_z
                ) - half * sx[j]  # fmt: skip
                rx[k] = (
                    dt
                    * (
                        loss[i] * vx[k]
                        + four * (fi[i] * vx[i] - fr[i] * vx[j] + x[i] * qx[j] - p[i] * qx[i])
                        + four * (a * (xi_x - xr_p) + c * (xr_x + xi_p))
                    )
                    - half * sx[k]
                )
                rp[i] = dt * (
                    decay[i] * vp[i] - turn[i] * vp[j] - fi[i] * vp[k] - z[i] * qp[j]
                    - a * pi_z - c * xi_z
                ) - half * sp[i]  # fmt: skip
                rp[j] = dt * (
                    decay[i] * vp[j] + turn[i] * vp[i] + fr[i] * vp[k] + z[i] * qp[i]
                    + a * xi_z - c * pi_z
                ) - half * sp[j]  # fmt: skip
                rp[k] = (
                    dt
                    * (
                        loss[i] * vp[k]
                        + four * (fi[i] * vp[i] - fr[i] * vp[j] + x[i] * qp[j] - p[i] * qp[i])
                        + four * (a * (pi_x - xi_p) + c * (xi_x + pi_p))
                    )
                    - half * sp[k]
                )
                rz[i] = dt * (
                    decay[i] * vz[i] - turn[i] * vz[j] - fi[i] * vz[k] - z[i] * qz[j]
                    - a * zi_z - c * zr_z
                ) - half * sz[i]  # fmt: skip
                rz[j] = dt * (
                    decay[i] * vz[j] + turn[i] * vz[i] + fr[i] * vz[k] + z[i] * qz[i]
                    + a * zr_z - c * zi_z
                ) - half * sz[j]  # fmt: skip
                rz[k] = (
                    dt
                    * (
                        loss[i] * vz[k]
                        + four * (fi[i] * vz[i] - fr[i] * vz[j] + x[i] * qz[j] - p[i] * qz[i])
                        + four * (a * (zi_x - zr_p) + c * (zr_x + zi_p))
                    )
                    - half * sz[k]
                )
            xm, pm = first[b, 0, m], first[b, 1, m]
            up = one + first[b, 2, m]
            for i in range(3 * n):
                mixed = pm * ox[i] + xm * op[i]
                rx[i] += u * (quarter * oz[i] - two * xm * ox[i]) - w * mixed
                rp[i] += w * (quarter * oz[i] - two * pm * op[i]) - u * mixed
                rz[i] -= u * (up * ox[i] + xm * oz[i]) + w * (up * op[i] + pm * oz[i])


@kernel
def predict(covariances, slope, out):  # type: ignore[no-untyped-def]
    """Write V + R + Rᵀ into `out`; all (B, 3N, 3N)."""
    size = covariances.shape[1]
    for b in range(covariances.shape[0]):
        for first in range(0, size, 32):
            for start in range(first, size, 32):
                for i in range(first, min(first + 32, size)):
                    for j in range(max(start, i), min(start + 32, size)):
                        value = covariances[b, i, j] + slope[b, i, j] + slope[b, j, i]
                        out[b, i, j] = value
                        out[b, j, i] = value


@kernel
def correct(covariances, predicted, slope):  # type: ignore[no-untyped-def]
    """Set V to the mean of V and of the second evaluation, (V + V' + R + Rᵀ)/2."""
    size = covariances.shape[1]
    half = covariances.dtype.type(0.5)
    for b in range(covariances.shape[0]):
        for first in range(0, size, 32):
            for start in range(first, size, 32):
                for i in range(first, min(first + 32, size)):
                    for j in range(max(start, i), min(start + 32, size)):
                        new = predicted[b, i, j] + slope[b, i, j] + slope[b, j, i]
                        value = half * (covariances[b, i, j] + new)
                        covariances[b, i, j] = value
                        covariances[b, j, i] = value


@strict
def reset(means, covariances, margin, resets, lost):  # type: ignore[no-untyped-def]
    """Make emitters whose Bloch vector has left the ball pure and uncorrelated again.

    Args:
        means: (B, 3, N), changed in place.
        covariances: (B, 3N, 3N), changed in place.
        margin: a Bloch vector longer than 1 + margin is reset to length 1.
        resets: (B,) counts, increased.
        lost: (B,) flags of samples that are not finite; these are set to the ground state for good.
    """
    n = means.shape[2]
    for b in range(means.shape[0]):
        if lost[b]:
            continue
        bad = False
        for m in range(n):
            x, p, z = means[b, 0, m], means[b, 1, m], means[b, 2, m]
            square = z * z + 4 * (x * x + p * p)
            if square <= (1 + margin) * (1 + margin):
                continue
            if not np.isfinite(square):
                bad = True
                break
            resets[b] += 1
            length = np.sqrt(square)
            for a in range(3):
                means[b, a, m] /= length
                covariances[b, a * n + m, :] = 0
                covariances[b, :, a * n + m] = 0
        if bad:
            lost[b] = True
            means[b, 0] = 0
            means[b, 1] = 0
            means[b, 2] = -1
            covariances[b] = 0
