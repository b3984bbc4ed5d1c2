r"""What a spectrum adds to amplitudes with delays: an integral over frequency.

The equation with delays has a self-energy Σ₀(ω) that is a straight line beside its phases. With
what is left of the field's own, δΣ(ω), the amplitudes are

.. math:: c(t) = c_0(t) + \frac{i}{2π}\int dω\,e^{−iωt}\,
          [A_0(ω) − δΣ(ω)]^{-1}\,δΣ(ω)\,A_0(ω)^{-1}\,s(ω), \qquad A_0 = ω − δ − Σ_0(ω),

along a line above the real axis, on which resonances are no narrower than the inverse of the last
time. The source s(ω) = [1 − ΣC e^{iωτ}]c(0) is that of the equation with delays. Between the nodes
of a panel the integrand is a polynomial, and the integrals of its product with e^{−iωt} are known,

.. math:: \int_{-1}^{1}ds\,P_k(s)\,e^{−ias} = 2(−i)^k j_k(a),

so that no panel must resolve a late time. Panels become shorter until their last coefficients are
small.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.retarded.history import legendre
from collective.engines.retarded.spectrum import Spectrum
from collective.fields.memory import Memory

NODES = 16
_S, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
# coefficients of a polynomial from its values at the nodes, (NODES, NODES)
_TO_TERMS = (np.arange(NODES)[:, None] + 0.5) * legendre(_S, NODES) * _WEIGHTS
_TAIL = 3  # coefficients that tell the error of a panel
_SAFE = 4.0  # times their sum
_SHARE = 0.1  # of rtol, for all panels
_LEAST = 1e-3  # of the whole error that any panel may make
_MOST = 2**15  # panels
MORE = 33  # times at which the error is estimated as well
_SLOWEST = 0.25  # of the dynamics: largest distance from the real axis
_INNER = 0.5  # of half the band, within which δΣ counts whole
BYTES = 2**25  # of matrices, or of integrals, at once
MATRICES = 8  # at each frequency


@dataclass(frozen=True, eq=False)
class Remainder:
    """What is added to amplitudes and slopes at the output times, (T, N, R) each.

    Attributes:
        amplitudes: in the frame and in the unit of the equation with delays.
        slopes: their derivatives.
        error: a bound on that of the amplitudes by the integral and by f.
        outside: the estimated error by what is outside of the band.
        panels: how many were integrated.
    """

    amplitudes: NDArray[np.complex128]
    slopes: NDArray[np.complex128]
    error: float
    outside: float
    panels: int


@dataclass(frozen=True, eq=False)
class Problem:
    """What is integrated, in the unit of the run.

    Args:
        spectrum: in the user's unit.
        unit: of the run.
        at_once: shifts without delay and detunings, (N, N).
        start: c(0), (N, R).
        size: norm of the matrix that moves the amplitudes.
        last: the last time.
    """

    spectrum: Spectrum
    unit: float
    at_once: NDArray[np.complex128]
    start: NDArray[np.complex128]
    size: float
    last: float

    @property
    def above(self) -> float:
        """How far the line of integration is above the real axis."""
        return min(1 / self.last, _SLOWEST * self.size)

    def at(self, x: NDArray[np.float64]) -> tuple[NDArray[np.complex128], ...]:
        """At real parts (F,) of ω: what is added, the same with half the band, and c, (F, N, R)."""
        omega = x + 1j * self.above
        memory, s = self.spectrum.memory, self.spectrum
        users = omega * self.unit
        off = np.abs(x * self.unit - s.middle) / s.half
        left = s.left(users) / self.unit
        n = len(self.start)
        matrix = omega[:, None, None] * np.eye(n) - self.at_once
        matrix = matrix - memory.self_energy(users) / self.unit
        caused = s.caused(users) @ self.start
        first = np.linalg.solve(matrix, _source(memory, users) @ self.start)
        added = []
        for share in (window(off), window(2 * off)):
            some, more = share[:, None, None] * left, share[:, None, None] * caused
            added.append(np.linalg.solve(matrix - some, some @ first + more))
        return added[0], added[1], first + added[0]


def remainder(
    problem: Problem, times: NDArray[np.float64], frame: float, rtol: float
) -> Remainder:
    """Integrate over the band.

    The error by what is outside of the band is estimated as the largest change by its outer half,
    at the output times and at some more.

    Args:
        problem: what is integrated.
        times: from 0 on, (T,).
        frame: the frequency from which the phases of the amplitudes count.
        rtol: of the amplitudes.
    """
    s, unit, last = problem.spectrum, problem.unit, problem.last
    middle, half = s.middle / unit, s.half / unit
    growth = float(np.exp(problem.above * last))
    every = np.concatenate([times, np.linspace(0, last, MORE)])
    n, columns = problem.start.shape
    # of the amplitudes, of those with half the band, and of the slopes
    totals = np.zeros((3, len(every), n * columns), dtype=complex)
    low, high = _panels(middle, half, problem.size)
    error, square, count = 0.0, 0.0, 0
    rows = max(1, BYTES // (16 * NODES * max(MATRICES * n * n, 3 * len(every))))
    while len(low):
        again: list[NDArray[np.intp]] = []
        for begin in range(0, len(low), rows):
            a, b = low[begin : begin + rows], high[begin : begin + rows]
            nodes = ((a + b)[:, None] + (b - a)[:, None] * _S) / 2
            added, fewer, whole = (
                values.reshape(len(a), NODES, -1) for values in problem.at(nodes.ravel())
            )
            moved = nodes + 1j * problem.above - frame
            terms = [
                np.einsum("kq,pqx->pkx", _TO_TERMS, each)
                for each in (added, fewer, -1j * moved[:, :, None] * added)
            ]
            sizes = np.linalg.norm(terms[0][:, -_TAIL:], axis=2).sum(axis=1)
            off = _SAFE * growth * sizes * (b - a) / (2 * np.pi)
            allowed = _SHARE * rtol * np.maximum((b - a) / (2 * half), _LEAST)
            full = count + len(low) + 2 * sum(map(len, again)) > _MOST
            good = (off <= allowed) | full
            again.append(np.flatnonzero(~good) + begin)
            if not good.any():
                continue
            error += float(off[good].sum())
            count += int(good.sum())
            weight = np.maximum(1.0, np.abs(nodes - middle) / (2 * problem.size)) ** 2
            weight *= _WEIGHTS * (b - a)[:, None] / 2
            square += float((weight[good, :, None] * np.abs(whole[good]) ** 2).sum())
            phases = _phases(a[good] - frame, b[good] - frame, every)
            flat = phases.reshape(len(every), -1)
            for total, part in zip(totals, terms, strict=True):
                total += flat @ part[good].reshape(-1, n * columns)
        left = np.concatenate(again)
        centre = (low[left] + high[left]) / 2
        low, high = np.concatenate([low[left], centre]), np.concatenate([centre, high[left]])
    totals *= 1j / (2 * np.pi) * np.exp(problem.above * every)[:, None]
    totals[:, every == 0] = 0.0  # nothing has come back yet
    of_fit = n * s.error / unit
    error += growth * of_fit * float(np.sqrt(last * square / (2 * np.pi)))
    outside = float(np.linalg.norm(totals[0] - totals[1], axis=1).max())
    amplitudes, _, slopes = totals[:, : len(times)].reshape(3, len(times), n, columns)
    return Remainder(amplitudes, slopes, error, outside, count)


def window(off: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of δΣ counts, from 1 within half of the band to 0 at its ends."""
    s = np.clip((off - _INNER) / (1 - _INNER), 0, 1)
    return np.asarray(1 - s**4 * (35 - 84 * s + 70 * s**2 - 20 * s**3))


def _source(memory: Memory, omega: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """1 − ΣC e^{iωτ}, (F, N, N): the start of an equation with delayed slopes."""
    found = np.broadcast_to(np.eye(len(memory), dtype=complex), (len(omega), *memory.delays.shape[1:]))
    for change, delay in zip(memory.changes, memory.delays, strict=True):
        found = found - change * np.exp(1j * omega[:, None, None] * delay)
    return found


def _panels(
    middle: float, half: float, size: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first panels, shorter towards the middle: their lower and upper ends."""
    count = max(1, int(np.ceil(np.log2(half / size))) + 2)
    edges = half * 0.5 ** np.arange(count)
    edges = middle + np.concatenate([-edges, [0.0], edges[::-1]])
    return edges[:-1], edges[1:]


def _phases(
    low: NDArray[np.float64], high: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Integrals of P_k e^{−ixt} over panels, (T, P, NODES)."""
    from scipy.special import spherical_jn

    half = (high - low) / 2
    a = np.multiply.outer(times, half)
    found = np.empty((*a.shape, NODES), dtype=complex)
    for k in range(NODES):
        found[..., k] = 2 * (-1j) ** k * spherical_jn(k, a)
    turned = np.exp(-1j * np.multiply.outer(times, (low + high) / 2)) * half
    return found * turned[..., None]
