r"""Moments ⟨⟨r| e^{Lτ} |v⟩⟩ of a sparse generator at any delays, short or without end.

Delays that are near one another share one Faber expansion (`engines._faber`), whose moments give
every delay inside a window for a scalar product. What is left for ever is taken out beforehand
where it is known: once the rest has decayed, every later delay is known too. A delay that lies far
off is reached by powers of one dense exponential where the generator is small, and refused with
numbers where it is not.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.engines.numerics.faber import Ellipse

_WINDOW = 45.0  # radii of the ellipse in one expansion; longer ones lose digits
_SPARE = 60  # terms beyond two a radius
_NEGLIGIBLE = 1e-17  # of the vectors
_GROWTH = 1e4  # of a term over the vectors: four digits of sixteen
_DECAYED = 1e-16  # of the first vectors: nothing is left to come
_AT_ONCE = 4096  # delays
_DENSE = 1100  # numbers: their exponentials take a second
_MOST_POWERS = 52  # doublings: a phase of 2⁵² radians has no digits left
_ROUND_OFF = 4e-15  # of an exponential, doubled by every squaring
_SECONDS_ENTRY = 2.5e-9  # of the generator and column
_SECONDS_TERM = 5e-5
_SECONDS_CUBE = 6e-10  # of a product of dense matrices
_PATIENCE = 3600.0  # predicted seconds, above which the light must become steady soon …
_SOON = 60.0  # … within so many
_TREND = 3.0  # predicted seconds after which the decay so far shows whether it will
_INFINITE = 1e300
_TAYLOR = 18  # terms over a time 1/‖L‖: 1/19! is below round-off


def in_unit(delays: NDArray[np.float64], unit: float) -> NDArray[np.float64]:
    """Delays in the inverse of a rate; what would be no number is as good as without end."""
    with np.errstate(over="ignore"):
        return np.minimum(delays * unit, _INFINITE)


def moments(
    matrix: Any,
    starts: NDArray[Any],
    rows: NDArray[Any],
    delays: NDArray[np.float64],
    what: str,
    *,
    stationary: "tuple[NDArray[Any], NDArray[Any]] | None" = None,
) -> NDArray[np.complex128]:
    """⟨⟨rows| e^{Lτ} |starts⟩⟩.

    Args:
        matrix: L, sparse (n, n).
        starts: (n, C).
        rows: (R, n).
        delays: τ, (K,), increasing from 0 or later.
        what: the observable, for errors.
        stationary: the one vector with Lv = 0 and the row t with tL = 0, tv = 1; None where there
            is none, or more than one.

    Returns:
        (K, R, C).

    Raises:
        ValueError: if a delay is so long that following it takes hours.
        ProblemTooLargeError: before anything is allocated.
    """
    shape = (len(delays), len(rows), starts.shape[1])
    require(
        16 * shape[0] * shape[1] * shape[2] + 200 * starts.size,
        f"{what} at {len(delays)} delays",
        "use fewer delays or emitters",
    )
    found = np.zeros(shape, dtype=complex)
    vectors = starts.astype(complex)
    if stationary is not None:
        forever, trace = stationary
        amounts = trace @ vectors
        found += np.outer(rows @ forever, amounts)
        vectors = vectors - np.outer(forever, amounts)
    unit = float(abs(matrix).sum(axis=0).max()) if matrix.nnz else 0.0
    if unit == 0:
        return found + rows @ vectors
    times = in_unit(delays, unit)
    carrier = _Carrier(matrix / unit, vectors, rows, times, unit, what, stationary)
    carrier.into(found, float(np.linalg.norm(starts)))
    return found


class _Carrier:
    """Vectors carried through all delays, in units of time 1/‖L‖."""

    def __init__(
        self,
        matrix: Any,
        vectors: NDArray[np.complex128],
        rows: NDArray[Any],
        times: NDArray[np.float64],
        unit: float,
        what: str,
        stationary: "tuple[NDArray[Any], NDArray[Any]] | None",
    ):
        self._stationary = stationary
        self._matrix, self._vectors, self._rows = matrix, vectors, rows
        self._times, self._unit, self._what = times, unit, what
        self._ellipse = _around_spectrum(matrix)
        self._window = _WINDOW
        self._term = _SECONDS_TERM + _SECONDS_ENTRY * matrix.nnz * vectors.shape[1]
        self._powers: _Powers | None = None
        self._spent = 0.0
        self._sizes: list[tuple[float, float]] = []

    def into(self, found: NDArray[np.complex128], size: float) -> None:
        """Add the moments to (K, R, C), given the norm of the first vectors."""
        now, k, times = 0.0, 0, self._times
        while k < len(times):
            if self._stationary is not None:
                # what round-off makes of it would never decay
                forever, trace = self._stationary
                self._vectors -= np.outer(forever, trace @ self._vectors)
            if not np.linalg.norm(self._vectors) > _DECAYED * size:
                return
            if times[k] == now:
                found[k] += self._rows @ self._vectors
                k += 1
                continue
            gap = times[k] - now
            if self._dense_is_faster(gap):
                if self._powers is None:
                    self._powers = _Powers(self._matrix, self._what)
                self._vectors = self._powers.through(gap, self._vectors)
                now = times[k]
                continue
            self._look(float(times[-1] - now), now, size)
            span = min(float(times[-1] - now), self._window / self._ellipse.radius)
            inside = int(np.searchsorted(times, now + span, side="right"))
            taken = self._expand(span, times[k:inside] - now)
            if taken is None:
                self._window /= 2
                continue
            found[k:inside] += taken
            k, now = inside, now + span

    def _dense_is_faster(self, gap: float) -> bool:
        """Whether one delay is reached sooner by powers of a dense exponential."""
        n = len(self._vectors)
        if n > _DENSE or gap * self._ellipse.radius <= self._window:
            return False
        squarings = min(np.log2(gap + 1), _MOST_POWERS)
        known = 0 if self._powers is None else self._powers.known
        made = _SECONDS_CUBE * n**3 * max(0.0, squarings + 12 - known)
        jump = 4e-9 * n * n * self._vectors.shape[1] * squarings
        return bool(self._terms(gap) * self._term > made + jump + 1e-3)

    def _terms(self, span: float) -> float:
        windows = np.ceil(span * self._ellipse.radius / self._window)
        return float(2 * span * self._ellipse.radius + _SPARE * windows / 2)

    def _look(self, left: float, now: float, size: float) -> None:
        """Refuse what would take hours, unless the light is steady soon."""
        seconds = self._terms(left) * self._term
        if seconds <= _PATIENCE:
            return
        self._sizes.append((now, float(np.linalg.norm(self._vectors))))
        trend = self._terms(min(left, self._steady(size))) * self._term
        if self._spent > _SOON or (self._spent > _TREND and self._spent + trend > _SOON):
            raise ValueError(
                f"delays: {self._what} is not stationary at a delay of {now / self._unit:.3g}, and "
                f"to follow it to {self._times[-1] / self._unit:.3g} takes {seconds / 3600:.1e} "
                "hours; use shorter delays or fewer emitters"
            )

    def _steady(self, size: float) -> float:
        """Time until nothing is left to come, at least: as it decays now, it decays no faster."""
        (before, larger), (now, smaller) = self._sizes[len(self._sizes) // 2], self._sizes[-1]
        if not larger > smaller > 0:
            return _INFINITE
        return float(
            np.log(smaller / (_DECAYED * size)) * (now - before) / np.log(larger / smaller)
        )

    def _expand(self, span: float, at: NDArray[np.float64]) -> NDArray[Any] | None:
        """Moments at times of a window, the vectors moved to its end; None if a term grows."""
        ellipse = self._ellipse
        count = int(2 * span * ellipse.radius) + _SPARE
        weights = ellipse.coefficients(count, [span])[:, 0]
        size = np.linalg.norm(self._vectors)
        last, this = np.zeros_like(self._vectors), self._vectors
        total = weights[0] * this
        kept = [self._rows @ this]
        quiet = 0
        for j in range(1, count):
            a, b, c = ellipse.recurrence(j)
            last, this = this, a * (self._matrix @ this) + b * this + c * last
            kept.append(self._rows @ this)
            total += weights[j] * this
            # the largest weight of a term inside the window is not always at its end
            share = abs(weights[j]) * np.linalg.norm(this) / size
            if not share < _GROWTH:
                if span * ellipse.radius < 1:
                    raise ArithmeticError(f"{self._what}: the expansion of e^(Lτ) diverges")
                return None
            quiet = quiet + 1 if share < _NEGLIGIBLE and j > span * ellipse.radius else 0
            if quiet == 3:
                break
        self._spent += len(kept) * self._term
        self._vectors = total
        series = np.array(kept)
        found = np.empty((len(at), *series.shape[1:]), dtype=complex)
        for begin in range(0, len(at), _AT_ONCE):
            some = at[begin : begin + _AT_ONCE]
            found[begin : begin + len(some)] = np.einsum(
                "jt,jrc->trc", ellipse.coefficients(len(series), some), series
            )
        return found


def _around_spectrum(matrix: Any) -> Ellipse:
    """By Gershgorin's discs, of rows or of columns."""
    diagonal = matrix.diagonal()
    extents = []
    for axis in (0, 1):
        radii = np.asarray(abs(matrix).sum(axis=axis)).ravel() - np.abs(diagonal)
        extents.append(((radii - diagonal.real).max(), (radii + np.abs(diagonal.imag)).max()))
    decay, width = min(extents, key=sum)
    return Ellipse(float(max(decay, 0.0)), float(width))


class _Powers:
    """e^{L2^j} of a dense L of norm 1, made as they are needed."""

    def __init__(self, matrix: Any, what: str):
        from scipy.linalg import expm

        n = matrix.shape[0]
        require(16 * n * n * (_MOST_POWERS + 8), f"{what} at long delays", "use shorter delays")
        self._matrix = matrix
        self._powers = [expm(matrix.toarray())]
        self._limit: NDArray[np.complex128] | None = None

    @property
    def known(self) -> int:
        """How many there are."""
        return len(self._powers) + 12

    def through(self, time: float, vectors: NDArray[Any]) -> NDArray[Any]:
        """e^{Lt} on vectors."""
        whole = int(time)
        for n in range(whole.bit_length()):
            while len(self._powers) <= n and self._limit is None:
                self._square()
            if n >= len(self._powers):
                return np.asarray(self._limit @ vectors)
        term = vectors
        for j in range(1, _TAYLOR + 1):
            term = (self._matrix @ term) * ((time - whole) / j)
            vectors = vectors + term
        for n in range(whole.bit_length()):
            if whole >> n & 1:
                vectors = self._powers[n] @ vectors
        return vectors

    def _square(self) -> None:
        last = self._powers[-1]
        square = last @ last
        known = _ROUND_OFF * 2.0 ** len(self._powers)
        if np.abs(square - last).max() <= known * np.abs(last).max():
            self._limit = square  # of infinite time
        elif len(self._powers) > _MOST_POWERS:
            raise ValueError(
                "delays: the slowest decay is 10⁻¹⁵ of the fastest rate, lost in double precision; "
                "use shorter delays"
            )
        else:
            self._powers.append(square)
