r"""Moments ⟨⟨r| e^{Lτ} |v⟩⟩ of a sparse generator L at short and at very long delays τ.

Delays that are close together share one Faber expansion (`engines.numerics.spectrum`). Its moments
give every delay inside a window at the cost of a scalar product. Where the stationary part is
known, it is subtracted first: once the rest has decayed, every later delay is known too. A delay
far away is reached by powers of one dense exponential if the generator is small, and so are the
steps of a long even grid; otherwise a delay that would take hours is refused, and the error states
the predicted time.

The file is longer than others because it holds these ways and the choice between them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective._tools.progress import say
from collective.engines.numerics.spectrum import Ellipse
from collective.observables._powers import LARGEST, MOST, SECONDS_CUBE, Grid, Powers, even_step
from collective.observables._products import Products

_WINDOW = 45.0  # longest time of one expansion, times the radius of the ellipse: more loses digits
_SPARE_TERMS = 60  # terms of an expansion beyond two for each unit of time × radius
_NEGLIGIBLE = 1e-17  # a term below this share of the vectors is left out
_GROWTH = 1e4  # largest ratio of a term to the vectors: it costs four digits of sixteen
_DECAYED = 1e-16  # vectors below this share of the first ones count as zero
_DELAYS_AT_ONCE = 4096  # delays evaluated in one array
_LARGEST_DENSE = LARGEST  # rows of a generator of which powers are computed
_SECONDS_ENTRY = 2.5e-9  # for one entry of the generator and one column
_SECONDS_TERM = 5e-5  # for one term of an expansion, without its entries
_SECONDS_PRODUCT = 1e-9  # for one entry of one vector and one output
_LONGEST = 3600.0  # predicted seconds; a longer run must become stationary before …
_STATIONARY_WITHIN = 60.0  # … so many predicted seconds
_TREND = 3.0  # predicted seconds after which the decay so far can be extrapolated
_ANNOUNCED = 60.0  # predicted seconds
_INFINITE = 1e300  # stands for an infinite time


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
    show: bool = False,
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
        show: whether to announce what takes more than a minute.

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
    if show:
        evolution.announce()
    evolution.add_moments(found, float(np.linalg.norm(starts)), report)
    return found


def evolved(
    matrix: Any,
    starts: NDArray[Any],
    times: NDArray[np.float64],
    what: str,
    *,
    stationary: "tuple[NDArray[Any], NDArray[Any]] | None" = None,
    report: "Callable[[float], None] | None" = None,
) -> NDArray[np.complex128]:
    """The vectors e^{Lt}|starts⟩⟩ at every time, (T, n, C); arguments as in `moments`.

    Args:
        matrix: L, sparse (n, n), or `Products`.
        starts: column vectors at time 0, (n, C).
        times: (T,), increasing from 0 or later.
        what: name of the observable, for errors.
        stationary: as in `moments`, or None.
        report: is called with the share of the times that are done.
    """
    require(
        16 * (len(times) + 12) * starts.size,
        f"{what} from {len(times)} times",
        "use fewer times or emitters",
    )
    vectors = starts.astype(complex)
    staying = np.zeros_like(vectors)
    if stationary is not None:
        staying = np.outer(stationary[0], stationary[1] @ vectors)
        vectors = vectors - staying
    unit = matrix.unit if isinstance(matrix, Products) else float(abs(matrix).sum(axis=0).max())
    found = np.empty((len(times), *starts.shape), dtype=complex)
    if unit == 0:
        found[:] = starts
        return found
    marks = in_unit(times, unit)
    nothing = np.empty((0, len(starts)))
    evolution = _Evolution(matrix / unit, vectors, nothing, marks, unit, what, stationary, "times")
    size, before = float(np.linalg.norm(starts)), 0.0
    for i, now in enumerate(marks):
        found[i] = staying + evolution.advanced(float(now) - before, size)
        before = float(now)
        if report is not None:
            report((i + 1) / len(marks))
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
        name: str = "delays",
    ):
        self._stationary, self._name = stationary, name
        self._matrix, self._vectors, self._rows = matrix, vectors, rows
        self._times, self._unit, self._what = times, unit, what
        known = isinstance(matrix, Products)
        self._ellipse = matrix.ellipse() if known else _around_spectrum(matrix)
        self._window, self._dense = _WINDOW, not known
        work = matrix.work if known else matrix.nnz
        sizes = vectors.size * (len(rows) + 1)
        self._seconds_term = (
            _SECONDS_TERM + _SECONDS_ENTRY * work * vectors.shape[1] + _SECONDS_PRODUCT * sizes
        )
        self._powers: Powers | None = None
        self._seconds_spent = 0.0  # predicted, of all expansions so far
        self._norms: list[tuple[float, float]] = []  # times and norms of the vectors then

    def announce(self) -> None:
        """Say how long the evolution takes at most, if that is more than a minute."""
        grid = self._grid()
        gaps = np.diff(self._times, prepend=0.0)
        if self._dense_is_faster(float(gaps.max())):  # powers take no time beside expansions
            gaps = gaps[gaps * self._ellipse.radius <= self._window]
        left = float(gaps.sum())
        seconds = self._terms(left) * self._seconds_term if grid is None else grid.seconds
        if seconds > _ANNOUNCED:
            known = " if the light does not become stationary before" if grid is None else ""
            some = f"{len(self._times):,} delay{'' if len(self._times) == 1 else 's'}"
            say(f"collective: {self._what} at {some}, about {seconds:.2g} s predicted{known}")

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
        grid = self._grid()
        if grid is None or self._may_end_soon(grid):
            self._add(found, self._times, size, report, grid)
            return
        self._add(found[:1], self._times[:1], size)
        self._add_grid(found[1:], grid, size, report)

    def _may_end_soon(self, grid: Grid) -> bool:
        """Whether expansions may find that the rest has decayed before a grid would be ready."""
        within = grid.step * self._ellipse.radius <= self._window
        return self._stationary is not None and within

    def advanced(self, time: float, size: float) -> NDArray[np.complex128]:
        """The vectors after a further time; `size` is as in `add_moments`."""
        self._add(np.zeros((1, 0, self._vectors.shape[1]), complex), np.array([time]), size)
        return self._vectors

    def _grid(self) -> Grid | None:
        """How to step through evenly spaced delays, or None where expansions are faster."""
        n, columns = self._vectors.shape
        step = even_step(self._times) if self._dense and n <= _LARGEST_DENSE else None
        if step is None or not len(self._rows):
            return None
        grid = Grid((n, len(self._rows), columns), len(self._times) - 1, step)
        left = float(self._times[-1] - self._times[0])
        return grid if grid.seconds + 1e-3 < self._terms(left) * self._seconds_term else None

    def _add_grid(
        self,
        found: NDArray[np.complex128],
        grid: Grid,
        size: float,
        report: "Callable[[float], None] | None",
    ) -> None:
        """Add the moments at all delays of a grid but the first, where the vectors are now."""
        if not self._is_left(size):
            return
        rows, leap = grid.made(self._dense_powers(), self._rows)
        outputs = len(self._rows)
        for begin in range(0, len(found), grid.leap):
            if not self._is_left(size):
                return
            some = found[begin : begin + grid.leap]
            some += (rows[: len(some) * outputs] @ self._vectors).reshape(some.shape)
            self._vectors = leap @ self._vectors
            if report is not None:
                report((begin + len(some)) / len(found))

    def _is_left(self, size: float) -> bool:
        """Whether the vectors have not decayed yet, after the stationary part is taken out."""
        if self._stationary is not None:
            # round-off brings back a little of the stationary vector, which never decays
            limit, trace = self._stationary
            self._vectors -= np.outer(limit, trace @ self._vectors)
        return bool(np.linalg.norm(self._vectors) > _DECAYED * size)

    def _dense_powers(self) -> Powers:
        """The powers of one exponential, made when they are first needed."""
        if self._powers is None:
            self._powers = Powers(self._matrix, self._what)
        return self._powers

    def _add(
        self,
        found: NDArray[np.complex128],
        times: NDArray[np.float64],
        size: float,
        report: "Callable[[float], None] | None" = None,
        grid: Grid | None = None,
    ) -> None:
        """Add the moments at some times from now on to an array (K, R, C).

        Args:
            found: the array.
            times: from now on.
            size: as in `add_moments`.
            report: as in `add_moments`.
            grid: takes over when expansions have taken as long as it would, or None.
        """
        now, k, spent = 0.0, 0, self._seconds_spent
        self._norms = []
        while k < len(times):
            if not self._is_left(size):
                return
            if grid is not None and self._seconds_spent - spent > grid.seconds:
                self._add(found[k : k + 1], times[k : k + 1] - now, size)
                self._add_grid(found[k + 1 :], grid, size, report)
                return
            if times[k] == now:
                found[k] += self._rows @ self._vectors
                k += 1
                continue
            gap = times[k] - now
            if self._dense_is_faster(gap):
                self._vectors = self._dense_powers().through(gap, self._vectors)
                now = times[k]
                continue
            self._refuse_hours(float(times[-1] - now), now, float(times[-1]), size)
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
        squarings = min(np.log2(gap + 1), MOST)
        products = 0 if self._powers is None else self._powers.products
        prepare = SECONDS_CUBE * n**3 * max(0.0, squarings + 12 - products)
        apply = 4e-9 * n * n * self._vectors.shape[1] * squarings
        return bool(self._terms(gap) * self._seconds_term > prepare + apply + 1e-3)

    def _terms(self, span: float) -> float:
        """Predicted number of terms of all expansions over a time span."""
        windows = np.ceil(span * self._ellipse.radius / self._window)
        return float(2 * span * self._ellipse.radius + _SPARE_TERMS * windows / 2)

    def _refuse_hours(self, left: float, now: float, last: float, size: float) -> None:
        """Raise if the rest would take hours, unless the vectors become stationary soon.

        Args:
            left: time from now to the last delay.
            now: time reached.
            last: the last delay.
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
                f"{self._name}: {self._what} is not yet stationary at a "
                f"{'delay' if self._name == 'delays' else 'time'} of {now / self._unit:.3g}; the "
                f"evolution to {last / self._unit:.3g} would take {seconds / 3600:.1e} hours: use "
                f"shorter {self._name} or fewer emitters"
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
