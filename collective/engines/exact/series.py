r"""ρ from one output time to the next, by the sparse matrices of `sectors`.

Under a constant generator L, a step is one series of Faber polynomials,

.. math:: ρ(t + τ) = \sum_j c_j(τ) F_j(L) ρ(t),

whose polynomials serve all output times within reach. With an envelope, ρ is integrated by Dormand
and Prince's method. Both have the methods of `Stepper`, as QuTiP's solvers have.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective.engines.base import threads_for
from collective.engines.exact.sectors import generator_of
from collective.engines.numerics.runge_kutta import RungeKutta
from collective.engines.numerics.sparse_rows import Rows, compile_multiply
from collective.engines.request import Request

if TYPE_CHECKING:
    from qutip import Qobj

REACH = 24.0  # radius of the ellipse times the longest step: longer steps save little
AT_ONCE = 16  # output times of one step
GATHERED = 8  # polynomials that are added to the sums together
_ROUND_OFF = 1e-16
_SHORTEST = 2.0**-20  # of the longest step
_SHARE = 0.5  # of the tolerance, for the truncation of all series of the run


def compile_kernels(*, pulsed: bool) -> None:
    """Compile what steps need, or read it from disk, on the smallest of problems."""
    from collective.engines.exact import kernels

    one = Rows(np.array([0, 1]), np.array([0]), np.ones(1, dtype=complex))
    rho = np.ones((1, 1), dtype=complex)
    compile_multiply()
    kernels.jump(one, one, 1, rho, rho.copy(), 0, 1)
    if pulsed:

        def decay(t: float, y: NDArray[np.float64], out: NDArray[np.float64]) -> None:
            np.negative(y, out=out)

        RungeKutta(decay, 0.0, np.ones(1), 1.0, rtol=1e-3, atol=1e-3, blocks=(1,)).step()


class Series:
    """Steps of a constant generator.

    Args:
        request: of atoms, or of a master equation of Lindblad form.
    """

    def __init__(self, request: Request):
        self._request = request
        self._ready: list[tuple[float, NDArray[np.complex128]]] = []

    def start(self, state0: "Qobj", t0: float) -> None:
        """Set ρ at a time."""
        rho = state0.full()
        self._dims = state0.dims
        self._generator = generator_of(self._request)
        self._generator.share(threads_for(self._request))
        self._ellipse = self._generator.ellipse()
        self._longest = REACH / self._ellipse.radius
        self._start = self._time = float(t0)
        self._values = self._generator.pack(0.5 * (rho + rho.conj().T))

    def close(self) -> None:
        """End the threads."""
        self._generator.close()

    def step(self, t: float) -> "Qobj":
        """ρ at the next output time."""
        from qutip import Qobj

        while not self._ready:
            self._compute()
        time, values = self._ready.pop(0)
        assert time == t
        return Qobj(self._generator.unpack(values, t - self._start), dims=self._dims, copy=False)

    def _compute(self) -> None:
        """Advance to the last output time within reach, or towards the next one."""
        times = self._request.times
        ahead = times[times > self._time][:AT_ONCE]
        shortest = self._longest * _SHORTEST
        while self._longest > shortest:
            inside = ahead[ahead <= self._time + self._longest * (1 + 1e-9)]
            end = inside
            if not len(inside):  # equal steps to the next output time
                left = float(ahead[0]) - self._time
                end = np.array([self._time + left / np.ceil(left / self._longest)])
            sums = self._summed(end - self._time)
            if sums is not None:
                # a copy, so that the sums are not kept while the next ones are added
                self._time, self._values = float(end[-1]), sums[-1].copy()
                self._ready = list(zip(inside.tolist(), sums, strict=False))
                return
            self._longest /= 2
        raise FloatingPointError(
            "the series for e^{Lt} does not converge at "
            f"t = {self._request.user_time(self._time):g}"
        )

    def _summed(self, spans: NDArray[np.float64]) -> NDArray[np.complex128] | None:
        """ρ after these spans, (T, n), or None if round-off is too large or terms are too few."""
        ellipse, request = self._ellipse, self._request
        count = int(2.5 * ellipse.radius * spans[-1]) + 40
        weights = ellipse.coefficients(count, spans)
        # coefficients grow first, and those of early times may exceed those of the last time
        sizes = np.abs(weights).max(axis=1)
        ahead = np.maximum.accumulate(sizes[::-1])[::-1]
        norm = float(np.linalg.norm(self._values))
        share = float(spans[-1] / np.ptp(request.times))
        tolerance = _SHARE * share * (request.rtol * norm + request.atol)
        tolerance = max(tolerance, 100 * _ROUND_OFF * norm)
        here, before = self._values, np.zeros_like(self._values)
        sums = np.zeros((len(spans), len(here)), dtype=complex)
        gathered = np.empty((GATHERED, len(here)), dtype=complex)
        gathered[0], filled, first = here, 1, 0
        largest, small = norm * sizes[0], 0
        for j in range(1, count):
            alpha, beta, gamma = ellipse.recurrence(j)
            following = self._generator.apply(here)
            following *= alpha
            following += beta * here
            if gamma and j > 1:
                following += gamma * before
            before, here = here, following
            gathered[filled] = here
            filled += 1
            norm = float(np.linalg.norm(here))
            largest = max(largest, norm * sizes[j])
            if not _ROUND_OFF * largest < tolerance:
                return None
            small = small + 1 if norm * ahead[j] < tolerance else 0
            if filled == GATHERED or small == 2:
                sums += weights[first : j + 1].T @ gathered[:filled]
                filled, first = 0, j + 1
            if small == 2:
                return sums
        return None


class Pulsed:
    """Steps of a drive with an envelope.

    Args:
        request: of atoms with a drive.
    """

    def __init__(self, request: Request):
        assert request.envelope is not None
        self._request, self._envelope = request, request.envelope

    def start(self, state0: "Qobj", t0: float) -> None:
        """Set ρ at a time."""
        request, times = self._request, self._request.times
        rho = state0.full()
        self._dims = state0.dims
        self._generator = generator_of(request)
        self._generator.share(threads_for(request))
        values = self._generator.pack(0.5 * (rho + rho.conj().T)).view(float)
        self._solver = RungeKutta(
            self._slope, float(t0), values, float(times[-1]), rtol=request.rtol,
            atol=request.atol, blocks=(len(values),), pieces=request.timeline,
        )  # fmt: skip

    def close(self) -> None:
        """End the threads."""
        self._generator.close()

    def step(self, t: float) -> "Qobj":
        """ρ at a later time."""
        from qutip import Qobj

        while self._solver.t < t:
            self._solver.step()  # it stops at kinks, so that no pulse is stepped over
        values = self._solver.at(t).view(complex)
        return Qobj(self._generator.unpack(values, 0.0), dims=self._dims, copy=False)

    def _slope(self, t: float, y: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Lρ at a time."""
        out[:] = self._generator.apply(y.view(complex), self._envelope(t)).view(float)
