r"""Vectors of 2^N amplitudes after a while: the series of one step, see `vectors`.

The last terms are kept in turn, and added to the vectors of all wanted times at once.
"""

from collections.abc import Callable, Generator
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import daxpy

from collective.engines.driven.hamiltonian import Hamiltonian
from collective.engines.driven.vector_size import TERMS_AT_ONCE
from collective.engines.numerics.alignment import aligned
from collective.engines.numerics.pieces import DEGREE

NEGLIGIBLE = 1e-16  # terms of the series for a constant drive
_GROWN = 1e-6  # relative: a larger φ_j means that the spectrum of H is wider than was found
_IGNORED = 1e-17  # of the largest coefficient of a polynomial
_MOST_TERMS = 400  # of a power series
_PAUSE = 2**17  # amplitudes that are computed between two pauses
_ADDED_AT_ONCE = 2**18  # numbers of the vectors to which terms are added together

Vectors = NDArray[np.float64]


def expanded(
    h: Hamiltonian, start: Vectors, time: float, at: NDArray[np.float64]
) -> Generator[float, None, Vectors | None]:
    """The vectors at some times; None if the spectrum of H is wider than was found."""
    from scipy.special import jv

    turns = h.width * (at - time)
    longest = float(turns[-1])
    weights = jv(np.arange(int(longest + 12 * np.cbrt(longest) + 25)), turns[:, None])
    weights[:, 1:] *= 2
    needed = np.flatnonzero(np.abs(weights).max(axis=0) > NEGLIGIBLE)
    count = max(int(needed[-1]) + 1, 2)
    terms, totals = aligned((TERMS_AT_ONCE, *start.shape)), aligned((len(at), *start.shape))
    pause = 1 + _PAUSE // start[0].size
    terms[0] = start
    for j in range(count):
        place = j % TERMS_AT_ONCE
        if j:
            before, last = terms[(j - 1) % TERMS_AT_ONCE], terms[(j - 2) % TERMS_AT_ONCE]
            for r, psi in enumerate(before):
                one = (1 if j == 1 else 2) / h.width
                h.slope(psi, terms[place, r], one, last=None if j == 1 else last[r])
        if place == TERMS_AT_ONCE - 1 or j == count - 1:
            _add(weights[:, j - place : j + 1], terms[: place + 1], totals)
        if j % pause == pause - 1:
            yield time + (float(at[-1]) - time) * j / count
    size = np.linalg.norm(terms[(count - 1) % TERMS_AT_ONCE])
    return totals if size <= (1 + _GROWN) * np.linalg.norm(start) else None


def summed(
    h: Hamiltonian,
    start: Vectors,
    factors: NDArray[np.complex128],
    time: float,
    end: float,
    inside: NDArray[np.float64],
    tolerance: float,
    user_time: Callable[[float], float],
) -> Generator[float, None, Vectors]:
    """The vectors at the output times in a step, and at its end.

    Raises:
        FloatingPointError: if the series does not converge.
    """
    step, real = end - time, not factors.imag.any()
    drives = [aligned(start[0].shape) for _ in range(1 if real else 2)]
    shares = np.append((inside - time) / step, 1.0)
    terms, totals = aligned((TERMS_AT_ONCE, *start.shape)), aligned((len(shares), *start.shape))
    pause, small = 1 + _PAUSE // start[0].size, 0
    allowed = tolerance * np.linalg.norm(start)
    terms[0] = start
    for j in range(_MOST_TERMS):
        place = j % TERMS_AT_ONCE
        past = [terms[(j - 1 - k) % TERMS_AT_ONCE] for k in range(min(j, len(factors)))]
        for r in range(len(start) if j else 0):
            _drive(factors, [each[r] for each in past], drives)
            driven = drives[0], drives[-1]
            h.slope(past[0][r], terms[place, r], step / j, driven=driven)
        small = small + 1 if np.linalg.norm(terms[place]) < allowed else 0
        if place == TERMS_AT_ONCE - 1 or small == 3:
            powers = shares[:, None] ** np.arange(j - place, j + 1.0)
            _add(powers, terms[: place + 1], totals)
        if small == 3:
            return totals
        if j % pause == pause - 1:
            yield time
    raise FloatingPointError(
        f"the power series does not converge at t = {user_time(time):g}; "
        "method='exact' steps more slowly"
    )


def moved(
    coefficients: NDArray[np.complex128], start: float, length: float
) -> NDArray[np.complex128]:
    """The coefficients of Σ_k c_k u^k in powers of τ, with u = start + length·τ."""
    found = np.zeros(DEGREE + 1, complex)
    for k, c in enumerate(coefficients):
        for i in range(k + 1):
            found[i] += c * comb(k, i) * start ** (k - i) * length**i
    kept = np.flatnonzero(np.abs(found) > _IGNORED * np.abs(found).max())
    return found[: int(kept[-1]) + 1] if len(kept) else found[:1]


def _add(weights: NDArray[np.float64], terms: Vectors, totals: Vectors) -> None:
    """Add Σ_j w_tj·terms[j] to totals[t]."""
    into, what = totals.reshape(len(totals), -1), terms.reshape(len(terms), -1)
    some = max(64, _ADDED_AT_ONCE // len(totals))
    for begin in range(0, what.shape[1], some):
        into[:, begin : begin + some] += weights @ what[:, begin : begin + some]


def _drive(factors: NDArray[np.complex128], past: list[Vectors], found: list[Vectors]) -> None:
    """Set `found` to Σ_k f_k ψ_{n−k} and Σ_k f_k* ψ_{n−k}; one array if the f_k are real.

    Args:
        factors: f_k.
        past: ψ_n, ψ_{n−1}, …, as many as there are.
        found: receives the sums.
    """
    for part, total in zip((factors.real, factors.imag), found, strict=False):
        total[:] = 0
        for f, psi in zip(part.tolist(), past, strict=False):
            daxpy(psi.ravel(), total.ravel(), a=f)
    if len(found) == 2:  # from P = Σ Re f ψ and Q = Σ Im f ψ to P + iQ and P − iQ
        up, down = found
        turned = np.stack([-down[:, 1], down[:, 0]], axis=1)
        np.subtract(up, turned, out=down)
        up += turned
