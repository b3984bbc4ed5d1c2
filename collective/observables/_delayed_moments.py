r"""Moments ⟨⟨r| e^{Lτ} |v⟩⟩ of a sparse generator L at short and at very long delays τ.

Delays that are close together share one Faber expansion (`engines.numerics.spectrum`). Its moments
give every delay inside a window at the cost of a scalar product. Where the stationary part is
known, it is subtracted first: once the rest has decayed, every later delay is known too. A delay
far away is reached by powers of one dense exponential if the generator is small; otherwise it is
refused, and the error states the predicted time.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.engines.numerics.spectrum import Ellipse
from collective.observables._products import Products

_WINDOW = 45.0  # longest time of one expansion, times the radius of the ellipse: more loses digits
_SPARE_TERMS = 60  # terms of an expansion beyond two for each unit of time × radius
_NEGLIGIBLE = 1e-17  # a term below this share of the vectors is left out
_GROWTH = 1e4  # largest ratio of a term to the vectors: it costs four digits of sixteen
_DECAYED = 1e-16  # vectors below this share of the first ones count as zero
_DELAYS_AT_ONCE = 4096  # delays evaluated in one array
_LARGEST_DENSE = 1100  # rows of a generator whose dense exponential takes about a second
_MOST_POWERS = 52  # squarings: a phase of 2⁵² radians has no digits left
_ROUND_OFF = 4e-15  # error of an exponential, which every squaring doubles
_SECONDS_ENTRY = 2.5e-9  # for one entry of the generator and one column
_SECONDS_TERM = 5e-5  # for one term of an expansion, without its entries
_SECONDS_CUBE = 6e-10  # for a product of dense n × n matrices, over n³
_LONGEST = 3600.0  # predicted seconds; a longer run must become stationary before …
_STATIONARY_WITHIN = 60.0  # … so many predicted seconds
_TREND = 3.0  # predicted seconds after which the decay so far can be extrapolated
_INFINITE = 1e300  # stands for an infinite time
_TAYLOR_TERMS = 18  # over a time 1/‖L‖: 1/19! is below round-off


def in_unit(delays: NDArray[np.float64], unit: float) -> NDArray[np.float64]:
    """Delays times a rate; what would overflow becomes `_INFINITE`."""
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
    report: "Callable[[float], None] | None" = None,
) -> NDArray[np.complex128]:
    """Moments ⟨⟨rows| e^{Lτ} |starts⟩⟩ at every delay.

    Args:
        matrix: L, sparse (n, n), or `Products`.
        starts: column vectors at τ = 0, (n, C).
        rows: row vectors, (R, n).
        delays: τ, (K,), increasing from 0 or later.
        what: name of the observable, for errors.
        stationary: the vector v with Lv = 0 and the row t with tL = 0 and tv = 1; None if v is
            not unique or not known.
        report: is called with the share of the delays that are done.

    Returns:
        (K, R, C).

    Raises:
        ValueError: if a delay is so long that the evolution to it takes hours.
        ProblemTooLargeError: if the answer does not fit into memory, before it is allocated.
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
        limit, trace = stationary
        amounts = trace @ vectors
        found += np.outer(rows @ limit, amounts)
        vectors = vectors - np.outer(limit, amounts)
    unit = matrix.unit if isinstance(matrix, Products) else float(abs(matrix).sum(axis=0).max())
    if unit == 0:
        return found + rows @ vectors
    times = in_unit(delays, unit)
    evolution = _Evolution(matrix / unit, vectors, rows, times, unit, what, stationary)
    evolution.add_moments(found, float(np.linalg.norm(starts)), report)
    return found


class _Evolution:
    """The evolution of vectors through all delays, with times in units of 1/‖L‖."""

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
        known = isinstance(matrix, Products)
        self._ellipse = matrix.ellipse() if known else _around_spectrum(matrix)
        self._window, self._dense = _WINDOW, not known
        work = matrix.work if known else matrix.nnz
        self._seconds_term = _SECONDS_TERM + _SECONDS_ENTRY * work * vectors.shape[1]
        self._powers: _Powers | None = None
        self._seconds_spent = 0.0  # predicted, of all expansions so far
        self._norms: list[tuple[float, float]] = []  # times and norms of the vectors then

    def add_moments(
        self,
        found: NDArray[np.complex128],
        size: float,
        report: "Callable[[float], None] | None",
    ) -> None:
        """Add the moments to an array (K, R, C).

        Args:
            found: the array.
            size: norm of the vectors at τ = 0, stationary part included.
            report: is called with the share of the delays that are done, or None.
        """
        now, k, times = 0.0, 0, self._times
        while k < len(times):
            if self._stationary is not None:
                # round-off brings back a little of the stationary vector, which never decays
                limit, trace = self._stationary
                self._vectors -= np.outer(limit, trace @ self._vectors)
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
            self._refuse_hours(float(times[-1] - now), now, size)
            span = min(float(times[-1] - now), self._window / self._ellipse.radius)
            stop = int(np.searchsorted(times, now + span, side="right"))
            inside = self._expand(span, times[k:stop] - now)
            if inside is None:
                self._window /= 2
                continue
            found[k:stop] += inside
            k, now = stop, now + span
            if report is not None:
                report(k / len(times))

    def _dense_is_faster(self, gap: float) -> bool:
        """Whether powers of a dense exponential reach the next delay in less time."""
        n = len(self._vectors)
        if not self._dense or n > _LARGEST_DENSE or gap * self._ellipse.radius <= self._window:
            return False
        squarings = min(np.log2(gap + 1), _MOST_POWERS)
        products = 0 if self._powers is None else self._powers.products
        prepare = _SECONDS_CUBE * n**3 * max(0.0, squarings + 12 - products)
        apply = 4e-9 * n * n * self._vectors.shape[1] * squarings
        return bool(self._terms(gap) * self._seconds_term > prepare + apply + 1e-3)

    def _terms(self, span: float) -> float:
        """Predicted number of terms of all expansions over a time span."""
        windows = np.ceil(span * self._ellipse.radius / self._window)
        return float(2 * span * self._ellipse.radius + _SPARE_TERMS * windows / 2)

    def _refuse_hours(self, left: float, now: float, size: float) -> None:
        """Raise if the rest would take hours, unless the vectors become stationary soon.

        Args:
            left: time from now to the last delay.
            now: time reached.
            size: norm of the vectors at τ = 0.
        """
        seconds = self._terms(left) * self._seconds_term
        if seconds <= _LONGEST:
            return
        self._norms.append((now, float(np.linalg.norm(self._vectors))))
        spent = self._seconds_spent
        trend = self._terms(min(left, self._time_to_decay(size))) * self._seconds_term
        if spent > _STATIONARY_WITHIN or (spent > _TREND and spent + trend > _STATIONARY_WITHIN):
            raise ValueError(
                f"delays: {self._what} is not yet stationary at a delay of "
                f"{now / self._unit:.3g}; the evolution to {self._times[-1] / self._unit:.3g} "
                f"would take {seconds / 3600:.1e} hours: use shorter delays or fewer emitters"
            )

    def _time_to_decay(self, size: float) -> float:
        """Lower bound of the time until the vectors count as zero: the decay only slows down."""
        (before, larger), (now, smaller) = self._norms[len(self._norms) // 2], self._norms[-1]
        if not larger > smaller > 0:
            return _INFINITE
        return float(
            np.log(smaller / (_DECAYED * size)) * (now - before) / np.log(larger / smaller)
        )

    def _expand(self, span: float, at: NDArray[np.float64]) -> NDArray[Any] | None:
        """Moments (K', R, C) at times inside a window; moves the vectors to its end.

        Returns None, with the vectors unchanged, if a term grows too much.
        """
        ellipse = self._ellipse
        count = int(2 * span * ellipse.radius) + _SPARE_TERMS
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
            # inside the window a term may weigh more than at its end: so wait for three small ones
            share = abs(weights[j]) * np.linalg.norm(this) / size
            if not share < _GROWTH:
                if span * ellipse.radius < 1:
                    raise ArithmeticError(f"{self._what}: the expansion of e^(Lτ) diverges")
                return None
            quiet = quiet + 1 if share < _NEGLIGIBLE and j > span * ellipse.radius else 0
            if quiet == 3:
                break
        self._seconds_spent += len(kept) * self._seconds_term
        self._vectors = total
        series = np.array(kept)
        found = np.empty((len(at), *series.shape[1:]), dtype=complex)
        for begin in range(0, len(at), _DELAYS_AT_ONCE):
            some = at[begin : begin + _DELAYS_AT_ONCE]
            found[begin : begin + len(some)] = np.einsum(
                "jt,jrc->trc", ellipse.coefficients(len(series), some), series
            )
        return found


def _around_spectrum(matrix: Any) -> Ellipse:
    """An ellipse around the spectrum, from Gershgorin's discs of the rows or of the columns."""
    diagonal = matrix.diagonal()
    extents = []
    for axis in (0, 1):
        radii = np.asarray(abs(matrix).sum(axis=axis)).ravel() - np.abs(diagonal)
        extents.append(((radii - diagonal.real).max(), (radii + np.abs(diagonal.imag)).max()))
    decay, width = min(extents, key=sum)
    return Ellipse(float(max(decay, 0.0)), float(width))


class _Powers:
    """The powers e^{L2^j} of a dense L of norm 1, computed when they are needed."""

    def __init__(self, matrix: Any, what: str):
        from scipy.linalg import expm

        n = matrix.shape[0]
        require(16 * n * n * (_MOST_POWERS + 8), f"{what} at long delays", "use shorter delays")
        self._matrix = matrix
        self._powers = [expm(matrix.toarray())]
        self._limit: NDArray[np.complex128] | None = None

    @property
    def products(self) -> int:
        """Number of matrix products already computed; the first exponential counts as twelve."""
        return len(self._powers) + 12

    def through(self, time: float, vectors: NDArray[Any]) -> NDArray[Any]:
        """e^{Lt} applied to vectors (n, C)."""
        whole = int(time)
        for n in range(whole.bit_length()):
            while len(self._powers) <= n and self._limit is None:
                self._square()
            if n >= len(self._powers):
                return np.asarray(self._limit @ vectors)
        term = vectors
        for j in range(1, _TAYLOR_TERMS + 1):
            term = (self._matrix @ term) * ((time - whole) / j)
            vectors = vectors + term
        for n in range(whole.bit_length()):
            if whole >> n & 1:
                vectors = self._powers[n] @ vectors
        return vectors

    def _square(self) -> None:
        """Append the next power, or store it as the limit of infinite time."""
        last = self._powers[-1]
        square = last @ last
        round_off = _ROUND_OFF * 2.0 ** len(self._powers)
        if np.abs(square - last).max() <= round_off * np.abs(last).max():
            self._limit = square
        elif len(self._powers) > _MOST_POWERS:
            raise ValueError(
                "delays: the slowest decay is below 10⁻¹⁵ of the fastest rate, which double "
                "precision cannot resolve; use shorter delays"
            )
        else:
            self._powers.append(square)
