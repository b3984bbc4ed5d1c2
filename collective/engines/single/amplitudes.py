r"""Amplitudes of a single excitation, :math:`\dot c = −ihc` with h = δ + Δ − iΓ/2, and with
dephasing its density matrix.

Γ ⪰ 0 makes :math:`e^{−iht}` a contraction. So if an approximate solution has a defect d(t) in its
equation, its error is at most ∫|d|dt. This bounds the error of the modes. Without modes, truncated
Taylor series and dense exponentials are exact up to round-off, about 10⁻¹⁶ ‖h‖t.
"""  # noqa: D205

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings import noise
from collective.couplings.modes import Part, eigensystems, parts
from collective.engines.numerics.adaptive import Adaptive

_CHUNK = 64  # output times whose amplitudes are in memory at the same time
_LEAST_RTOL = 1e-13
_SAME_TIME = 8 * float(
    np.finfo(float).eps
)  # intervals whose difference is only round-off of t are equal
_SECONDS_PRODUCT = 2e-9  # per N² of h times a vector, and at least …
_SECONDS_CALL = 4e-5
_PRODUCTS_PER_PHASE = 1.5  # of a Taylor series, per unit of ‖h‖t, and …
_PRODUCTS_PER_TIME = 20
_SECONDS_DENSE = 5e-10  # per N³ of a product of matrices
_PRODUCTS_OF_PADE = 10  # including the solution of a linear system
_LARGEST_PADE = 5.0  # ‖h‖t beyond which squaring begins


class IllConditionedError(ArithmeticError):
    """Raised if the modes are so nearly parallel that their superposition has no correct digit."""


class ByModes:
    r"""Computes c(t) = V e^{−iΛt} V⁻¹c(0), at the cost of one product for each time.

    With R = hV − VΛ and x = V⁻¹c(0) as floating-point arithmetic gives them, the defect of the
    equation is :math:`Re^{−iΛt}x`, and the error is at most
    :math:`|Vx − c(0)| + \sum_j |R_j||x_j|\int_0^t e^{\mathrm{Im}λ_j s}ds`.

    Args:
        h: (N, N).
        start: c at the first time, (N, R), for R vectors.
        first: the first time.
        last: the last of the times that will be asked for.
        threads: the largest number of threads, or None for one thread for each half.

    Attributes:
        error: bound on |c(t) − exact|, relative to the largest |c(0)|, at every time.
    """

    def __init__(
        self,
        h: NDArray[Any],
        start: NDArray[Any],
        first: float,
        last: float,
        threads: int | None = None,
    ):
        self._first = first
        # for each part: itself, its occupied modes, their frequencies and their amplitudes
        self._pieces: list[tuple[Part, NDArray[Any], NDArray[Any], NDArray[Any]]] = []
        errors = np.zeros(start.shape[1])
        occupied = [part for part in parts(h) if np.any(part.fold(start))]
        matrices = [part.matrix for part in occupied]
        systems = eigensystems(matrices, threads=threads) if occupied else []
        for part, (values, vectors) in zip(occupied, systems, strict=True):
            inside = part.fold(start)
            try:
                x = np.linalg.solve(vectors, inside)
            except np.linalg.LinAlgError:
                raise IllConditionedError from None
            defects = np.linalg.norm(part.matrix @ vectors - vectors * values, axis=0)
            growth = np.clip(values.imag * (last - first), None, 1.0)
            shown = np.where(growth == 0, 1.0, growth)
            lasting = (last - first) * np.where(growth == 0, 1.0, np.expm1(shown) / shown)
            errors += np.linalg.norm(vectors @ x - inside, axis=0) + (defects * lasting) @ np.abs(x)
            self._pieces.append((part, vectors, values, x))
        size = np.linalg.norm(start, axis=0).max(initial=0.0)
        self.error = float(errors.max(initial=0.0) / size) if size else 0.0
        self._shape = start.shape

    def through(self, times: NDArray[np.float64]) -> Iterator[NDArray[Any]]:
        """Yield the amplitudes at successive times, a few times at once: (N, R, t)."""
        for begin in range(0, len(times), _CHUNK):
            elapsed = times[begin : begin + _CHUNK] - self._first
            found = np.zeros((*self._shape, len(elapsed)), dtype=complex)
            for part, vectors, values, x in self._pieces:
                turning = x[:, :, None] * np.exp(-1j * values[:, None] * elapsed)[:, None, :]
                carried = vectors @ turning.reshape(len(x), -1)
                found += part.unfold(carried.reshape(-1, *found.shape[1:]))
            yield found


class BySteps:
    """Advances c from one time to the next by e^{−iht}, without modes.

    Truncated Taylor series are used where ‖h‖t is small, since their work grows with it. The work
    of a dense exponential grows with the logarithm of ‖h‖t, and one exponential serves all
    intervals of the same length.

    Args:
        h: (N, N).
        start: c at the first time, (N, R).
        first: the first time.
    """

    def __init__(self, h: NDArray[Any], start: NDArray[Any], first: float):
        self._generator = -1j * h
        self._now, self._time = start, first
        self._norm = float(np.abs(h).sum(axis=0).max())
        self._interval = 0.0  # for which the stored exponential holds
        self._exponential = np.empty(0)

    def through(self, times: NDArray[np.float64]) -> Iterator[NDArray[Any]]:
        """Yield the amplitudes at successive times, one time after the other: (N, R, 1)."""
        for t in times:
            if t != self._time:
                self._advance(float(t))
            yield self._now[:, :, None]

    def _advance(self, t: float) -> None:
        from scipy.linalg import expm
        from scipy.sparse.linalg import expm_multiply

        interval = t - self._time
        same = abs(interval - self._interval) <= _SAME_TIME * abs(t)
        n, columns = self._now.shape
        if not same and taylor_seconds(n, columns, self._norm * interval) < dense_seconds(
            n, self._norm * interval
        ):
            self._now = expm_multiply(self._generator * interval, self._now)
            self._time = t
            return
        if not same:
            self._exponential = expm(self._generator * interval)
            self._interval = interval
        self._now = self._exponential @ self._now
        self._time += self._interval  # not = t: round-off of the intervals must not add up


def taylor_seconds(n: int, columns: int, phase: float, times: int = 1) -> float:
    """Seconds of the Taylor series of N × R amplitudes over ‖h‖t, with stops at some times."""
    products = _PRODUCTS_PER_PHASE * phase + _PRODUCTS_PER_TIME * times
    return products * (_SECONDS_PRODUCT * n * n * columns + _SECONDS_CALL)


def dense_seconds(n: int, phase: float) -> float:
    """Seconds of a dense exponential of N × N numbers: a Padé fraction that is squared often."""
    squarings = max(0.0, np.log2(max(phase, 1e-300) / _LARGEST_PADE))
    return (_PRODUCTS_OF_PADE + float(squarings)) * (_SECONDS_DENSE * n**3 + _SECONDS_CALL)


class Dephased:
    r"""Integrates ρ_nm = ⟨n|ρ|m⟩ of one excitation, whose coherences decay at γ_n + γ_m:

    .. math:: \dot ρ = −i(h'ρ − ρh'^†) + 2\,\mathrm{diag}(γ_m ρ_{mm}), \qquad h' = h − iγ

    With a matrix D, the last term is 2D_mn ρ_mn, and γ its diagonal.

    Args:
        h: (N, N).
        dephasing: γ_φ, (N,), or D, (N, N).
        start: ρ at the first time, (N, N).
        first: the first time.
        last: the last of the times that will be asked for.
        rtol: relative tolerance of a step.
        atol: absolute tolerance of a step.
    """  # noqa: D415

    def __init__(
        self,
        h: NDArray[Any],
        dephasing: NDArray[Any],
        start: NDArray[Any],
        first: float,
        last: float,
        rtol: float,
        atol: float,
    ):
        n = len(h)
        own = noise.own(dephasing)
        generator = -1j * h - np.diag(own)
        together = dephasing.ndim == 2

        def slope(t: float, flat: NDArray[Any]) -> NDArray[Any]:
            rho = flat.reshape(n, n)
            half = generator @ rho
            change = half + half.conj().T
            if together:
                change += 2 * dephasing * rho
            else:
                change[np.diag_indices(n)] += 2 * own * rho.diagonal().real
            return change.ravel()

        self._n = n
        self._steps = Adaptive(
            slope,
            first,
            start.ravel().astype(complex),
            last,
            rtol=max(rtol / 10, _LEAST_RTOL),
            atol=atol / 10,
        )

    def at(self, t: float) -> NDArray[Any]:
        """The matrix ρ at a time, (N, N)."""
        return self._steps.to(t).reshape(self._n, self._n)
