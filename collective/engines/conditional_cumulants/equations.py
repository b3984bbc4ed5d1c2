r"""The conditional state of a batch of samples: fields, gains, and one step of time.

.. math::
   d⟨A⟩ = ⟨L^†A⟩dt + \sum_{lν} \bigl[⟨⟨Aσ^-_l⟩⟩ Λ^*_{lν} dζ^*_ν + c.c.\bigr], \qquad
   Γ ≈ ΛΛ^†, \quad \overline{dζ_ν dζ^*_μ} = ηδ_{νμ}dt

With third joint cumulants of different emitters set to zero, the means (3, N) and covariances V
(3N, 3N) of x, p and z obey a closed set. The covariances lose what the record reveals,
:math:`dV = … − G G^T dt`, where G are the real gains of the 2k quadratures, (3N, 2k).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.engines.conditional_cumulants import kernels


@dataclass(frozen=True, eq=False)
class Constants:
    """Numbers of the couplings, in the precision of the samples.

    Attributes:
        channels: number k of channels that are recorded.
        matrix: (2N, 2N + 2k); [V_Ax, V_Ap] times it gives Re and Im of Σ_l V[A, σ⁻_l] h_nl, then
            the gains of the 2k quadratures per √dt.
        record: (2, 2k, N); increments of the quadratures times it give 2 Re dξ_m and 2 Im dξ_m.
        rates: (3, N), real and imaginary part of the rate of σ⁻, and the rate of z.
        towards: (N,), p − Γ_mm, the rate of z that does not depend on z.
        h: (2, N, N), h_nm without diagonal in row m.
        drive: (2, N), Ω/2.
        decay: (2, N, N), Γ.
    """

    channels: int
    matrix: NDArray[Any]
    record: NDArray[Any]
    rates: NDArray[Any]
    towards: NDArray[Any]
    h: NDArray[Any]
    drive: NDArray[Any]
    decay: NDArray[Any]

    @classmethod
    def of(
        cls, couplings: Couplings, jumps: NDArray[Any], efficiency: float, kind: Any = np.float64
    ) -> "Constants":
        """The constants of couplings whose channels Λ, (N, k), are recorded."""
        decay = np.asarray(couplings.decay)
        own = np.diagonal(decay).real
        h = np.asarray(couplings.shift) + np.diag(couplings.detunings) - 0.5j * decay
        rate = -1j * np.diagonal(h) - couplings.dephasing - couplings.pump / 2
        h = h - np.diag(np.diagonal(h))
        r, i = h.T.real, h.T.imag
        # ⟨⟨Aσ⁻⟩⟩Λ* has the real part V_Ax Λr + V_Ap Λi and the imaginary part V_Ap Λr − V_Ax Λi
        u, v = jumps.real, jumps.imag
        gains = np.sqrt(2 * efficiency) * np.block([[u, -v], [v, u]])
        matrix = np.hstack([np.block([[r, i], [-i, r]]), gains])
        # dξ = Λ dζ, dζ = √(η/2)(dW + i dW')
        record = np.sqrt(2 * efficiency) * np.stack([np.hstack([u, -v]).T, np.hstack([v, u]).T])
        rates = np.stack([rate.real, rate.imag, -own - couplings.pump])

        def cast(array: NDArray[Any]) -> NDArray[Any]:
            return np.ascontiguousarray(array, dtype=kind)

        return cls(
            jumps.shape[1],
            cast(matrix),
            cast(record),
            cast(rates),
            cast(couplings.pump - own),
            cast(np.stack([r, i])),
            cast(np.stack([couplings.drive.real, couplings.drive.imag]) / 2),
            cast(np.stack([decay.real, decay.imag])),
        )


class Samples:
    """Conditional states of a batch of B samples, and the arrays that a step needs.

    Args:
        means: (3, N) at the start, the same for every sample.
        covariances: (3N, 3N) at the start.
        constants: see `Constants`.
        count: number B of samples.

    Attributes:
        means: (B, 3, N).
        covariances: (B, 3N, 3N); entries between operators of one emitter are set by `own`.
        resets: (B,) how many emitters were reset so far.
        lost: (B,) whether the sample left the finite numbers.
    """

    def __init__(
        self,
        means: NDArray[Any],
        covariances: NDArray[Any],
        constants: Constants,
        count: int,
    ):
        kind, n = constants.matrix.dtype, means.shape[1]
        self._constants = constants
        self.means = np.tile(means.astype(kind), (count, 1, 1))
        self.covariances = np.tile(covariances.astype(kind), (count, 1, 1))
        self._predicted = np.empty_like(self.covariances)
        self._slope = np.empty_like(self.covariances)
        self._spread = np.empty_like(self.covariances)
        self._products = np.empty((count, 3 * n, constants.matrix.shape[1]), kind)
        self.resets = np.zeros(count, np.int64)
        self.lost = np.zeros(count, bool)

    def drift(
        self, means: NDArray[Any], covariances: NDArray[Any], drive: complex
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Set own entries, fields, gains and their products; returns F and the slopes of the means.

        Args:
            means: (B, 3, N).
            covariances: (B, 3N, 3N), whose own entries are written.
            drive: factor of the drive at this time.

        Returns:
            F, real and imaginary part, (B, 2, N), and the slopes (B, 3, N).
        """
        c, n, count = self._constants, means.shape[2], len(means)
        kernels.set_own(means, covariances)
        flat = covariances.reshape(-1, 3 * n)[:, : 2 * n]
        np.matmul(flat, c.matrix, out=self._products.reshape(count * 3 * n, -1))
        if c.channels:
            gains = self._products[:, :, 2 * n :]
            np.matmul(gains, gains.transpose(0, 2, 1), out=self._spread)
        else:
            self._spread[:] = 0
        fields = (means[:, :2].reshape(count, -1) @ c.matrix[:, : 2 * n]).reshape(count, 2, n)
        fields[:, 0] += c.drive[0] * drive.real - c.drive[1] * drive.imag
        fields[:, 1] += c.drive[1] * drive.real + c.drive[0] * drive.imag
        q = self._products[:, :, : 2 * n].reshape(count, 3, n, 2, n)
        q = q.diagonal(axis1=2, axis2=4)  # (B, 3, 2, N), of operators of the emitter itself
        x, p, z = means[:, 0], means[:, 1], means[:, 2]
        slopes = np.empty_like(means)
        slopes[:, 0] = c.rates[0] * x - c.rates[1] * p - z * fields[:, 1] - q[:, 2, 1]
        slopes[:, 1] = c.rates[0] * p + c.rates[1] * x + z * fields[:, 0] + q[:, 2, 0]
        slopes[:, 2] = (
            c.rates[2] * z
            + c.towards
            + 4 * (x * fields[:, 1] - p * fields[:, 0] + q[:, 0, 1] - q[:, 1, 0])
        )
        return fields, slopes

    def change(
        self,
        means: NDArray[Any],
        covariances: NDArray[Any],
        fields: NDArray[Any],
        step: float,
        noise: NDArray[Any],
    ) -> NDArray[Any]:
        """R of the change R + Rᵀ of the covariances, after `drift`; see `kernels.slopes`."""
        c = self._constants
        step = c.matrix.dtype.type(step)
        kernels.slopes(
            means, covariances, self._products, self._spread, fields, c.rates, c.h, step, noise,
            self.means, self.covariances, self._slope,
        )  # fmt: skip
        return self._slope

    def step(self, step: float, increments: NDArray[Any], drive: complex) -> None:
        """One step: the drift by Heun's rule, the noise in Itô's sense.

        Args:
            step: of time.
            increments: dW of the 2k quadratures, (B, 2k), of variance `step`.
            drive: factor of the drive in this step.
        """
        c, n = self._constants, self.means.shape[2]
        noise = np.stack([increments @ c.record[0], increments @ c.record[1]], axis=1)
        fields, slopes = self.drift(self.means, self.covariances, drive)
        kicks = self._products[:, :, 2 * n :] @ increments[:, :, None]
        kicks = kicks.reshape(self.means.shape)
        step = c.matrix.dtype.type(step)
        predicted = self.means + step * slopes + kicks
        slope = self.change(self.means, self.covariances, fields, step, noise)
        kernels.predict(self.covariances, slope, self._predicted)
        fields, slopes = self.drift(predicted, self._predicted, drive)
        slope = self.change(predicted, self._predicted, fields, step, noise)
        kernels.correct(self.covariances, self._predicted, slope)
        self.means = (self.means + predicted + step * slopes + kicks) / 2
