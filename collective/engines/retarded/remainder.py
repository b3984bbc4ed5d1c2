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
from typing import Any, NamedTuple

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
MORE = 32  # times, and as many negative ones, at which the error is estimated as well
_EARLIEST = 8.0  # over half the band: the last negative time, where what grows fast is seen …
_GROWS = 0.01  # … if it is larger than what ends of the band leave there
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

    @property
    def growth(self) -> float:
        """By how much errors on this line are multiplied at the last time."""
        return float(np.exp(self.above * self.last))

    def at(self, x: NDArray[np.float64]) -> "Integrands":
        """The integrands at real parts (F,) of ω."""
        omega = (x + 1j * self.above).astype(np.complex128)
        memory, s = self.spectrum.memory, self.spectrum
        users = omega * self.unit
        off = np.abs(x * self.unit - s.middle) / s.half
        left = s.left(users) / self.unit
        matrix = omega[:, None, None] * np.eye(len(self.start)) - self.at_once
        matrix = (matrix - memory.self_energy(users) / self.unit).astype(np.complex128)
        caused = s.caused(users) @ self.start
        first = _solved(matrix, _source(memory, users) @ self.start)
        added = []
        for share in (window(off), window(2 * off)):
            some, more = share[:, None, None] * left, share[:, None, None] * caused
            added.append(_solved(matrix - some, some @ first + more))
        return Integrands(added[0], added[1], np.asarray(first + added[0]))


class Integrands(NamedTuple):
    """What is added to the amplitudes, the same with half the band, and c itself, (F, N, R)."""

    added: NDArray[np.complex128]
    fewer: NDArray[np.complex128]
    whole: NDArray[np.complex128]


def remainder(problem: Problem, times: NDArray[np.float64], frame: float, rtol: float) -> Remainder:
    """Integrate over the band.

    The error by what is outside of the band is estimated as the largest change by its outer half,
    at the output times and at some more. It is at least what is found at negative times, where a
    field that is causal gives nothing. A pole above the line of integration would be an amplitude
    that grows. It is missed, and seen at negative times that are short enough.

    Args:
        problem: what is integrated.
        times: from 0 on, (T,).
        frame: the frequency from which the phases of the amplitudes count.
        rtol: of the amplitudes.
    """
    s, unit, last = problem.spectrum, problem.unit, problem.last
    more = np.linspace(0, last, MORE + 1)
    halvings = max(0, int(np.log2(more[1] * s.half / (_EARLIEST * unit))))
    early = more[1] / 2.0 ** np.arange(1, halvings + 1)
    every = np.concatenate([times, more, -more[1:], -early])
    n, columns = problem.start.shape
    total = _Total(problem, every, frame, _SHARE * rtol)
    panels = _panels(s.middle / unit, s.half / unit, problem.size)
    rows = max(1, BYTES // (16 * NODES * max(MATRICES * n * n, 3 * len(every))))
    while len(panels):
        room = _MOST - total.count - 2 * len(panels)
        rest = [total.add(panels[k : k + rows], room < 0) for k in range(0, len(panels), rows)]
        low, high = np.concatenate(rest).T
        middle = (low + high) / 2
        panels = np.concatenate([np.stack([low, middle], 1), np.stack([middle, high], 1)])
    sums = 1j / (2 * np.pi) * np.exp(problem.above * every)[:, None] * total.sums
    sums[:, every == 0] = 0.0  # nothing has come back yet
    of_samples = n * s.error / unit * np.sqrt(last * total.square / (2 * np.pi))
    off = np.linalg.norm(np.where(every[:, None] < 0, sums[0], sums[0] - sums[1]), axis=1)
    soon = off[len(off) - len(early) :].max(initial=0.0)
    outside = float(max(off[: len(off) - len(early)].max(), soon if soon > _GROWS else 0.0))
    amplitudes, _, slopes = sums[:, : len(times)].reshape(3, len(times), n, columns)
    error = float(total.error + problem.growth * of_samples)
    return Remainder(amplitudes, slopes, error, outside, total.count)


class _Total:
    """The integrals over the panels so far.

    Attributes:
        sums: of the amplitudes, of those with half the band, and of the slopes, (3, T, N·R).
        error: of the first.
        square: the integral of |c|², larger far from the middle as the error of f is.
        count: panels.
    """

    def __init__(self, problem: Problem, times: NDArray[np.float64], frame: float, allowed: float):
        self._problem, self._times, self._frame = problem, times, frame
        self._allowed = allowed
        self.sums = np.zeros((3, len(times), problem.start.size), dtype=complex)
        self.error, self.square, self.count = 0.0, 0.0, 0

    def add(self, panels: NDArray[np.float64], everything: bool) -> NDArray[np.float64]:
        """Add panels (P, 2) that are short enough, or all; return the others."""
        p = self._problem
        low, length = panels[:, 0], np.diff(panels, axis=1)[:, 0]
        nodes = low[:, None] + length[:, None] * (1 + _S) / 2
        found = p.at(nodes.ravel())
        added, fewer, whole = (each.reshape(len(panels), NODES, -1) for each in found)
        rates = -1j * (nodes + 1j * p.above - self._frame)[:, :, None] * added
        terms = [np.einsum("kq,pqx->pkx", _TO_TERMS, each) for each in (added, fewer, rates)]
        tail = np.linalg.norm(terms[0][:, -_TAIL:], axis=2).sum(axis=1)
        off = _SAFE * p.growth * tail * length / (2 * np.pi)
        band = 2 * p.spectrum.half / p.unit
        good = (off <= self._allowed * np.maximum(length / band, _LEAST)) | everything
        self.error += float(off[good].sum())
        self.count += int(good.sum())
        away = np.abs(nodes - p.spectrum.middle / p.unit) / (2 * p.size)
        weights = _WEIGHTS * length[:, None] / 2 * np.maximum(1.0, away) ** 2
        self.square += float((weights[good, :, None] * np.abs(whole[good]) ** 2).sum())
        phases = _phases(panels[good] - self._frame, self._times).reshape(len(self._times), -1)
        for total, part in zip(self.sums, terms, strict=True):
            total += phases @ part[good].reshape(phases.shape[1], total.shape[1])
        return panels[~good]


def _solved(matrix: NDArray[Any], right: NDArray[Any]) -> NDArray[np.complex128]:
    """The solutions of linear equations, (F, N, R)."""
    return np.asarray(np.linalg.solve(matrix, right), dtype=complex)


def window(off: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of δΣ counts, from 1 within half of the band to 0 at its ends."""
    s = np.clip((off - _INNER) / (1 - _INNER), 0, 1)
    return np.asarray(1 - s**4 * (35 - 84 * s + 70 * s**2 - 20 * s**3))


def _source(memory: Memory, omega: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """1 − ΣC e^{iωτ}, (F, N, N): the start of an equation with delayed slopes."""
    n = len(memory)
    found = np.tile(np.eye(n, dtype=complex), (len(omega), 1, 1))
    for change, delay in zip(memory.changes, memory.delays, strict=True):
        found -= change * np.exp(1j * omega[:, None, None] * delay)
    return found


def _panels(middle: float, half: float, size: float) -> NDArray[np.float64]:
    """The lower and upper ends of the first panels, (P, 2), shorter towards the middle."""
    count = max(1, int(np.ceil(np.log2(half / size))) + 2)
    edges = half * 0.5 ** np.arange(count)
    edges = middle + np.concatenate([-edges, [0.0], edges[::-1]])
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _phases(panels: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Integrals of P_k e^{−ixt} over panels (P, 2), (T, P, NODES)."""
    from scipy.special import spherical_jn

    half, middle = (panels[:, 1] - panels[:, 0]) / 2, panels.mean(axis=1)
    a = np.multiply.outer(times, half)
    found = np.empty((*a.shape, NODES), dtype=complex)
    for k in range(NODES):
        found[..., k] = 2 * (-1j) ** k * spherical_jn(k, a)
    return found * (half * np.exp(-1j * np.multiply.outer(times, middle)))[..., None]
