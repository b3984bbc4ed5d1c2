r"""Emitters that never decay: pure states stay pure, C(N, k) amplitudes and not their square.

With Γ = 0 and no dephasing ρ is a sum of projectors, each of a vector that turns by H alone, which
keeps the number k of excitations:

.. math:: e^{−iHt}ψ = e^{−ict}\sum_j (2 − δ_{j0})(−i)^j J_j(wt)\,T_j((H − c)/w)\,ψ

(Tal-Ezer & Kosloff, J. Chem. Phys. 81, 3967 (1984)), the spectrum of H within c ± w. The phase
e^{−ict} belongs to all of a sector and reaches nothing that is observed. Sectors of up to some
thousand amplitudes take the eigenvectors of H where those are quicker: any time costs the same.

The file is longer than others: memory and time told beforehand, and one object, the vectors.
"""

from contextlib import suppress
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.progress import Progress
from collective._tools.speed import COMMON, Speed, speed
from collective.couplings.couplings import Couplings
from collective.engines.base import Checkpoint, Clock, Cost, Run
from collective.engines.basis import initial
from collective.engines.basis.sectors import Sectors, ensemble, one_excitation
from collective.engines.request import Request
from collective.states import State

if TYPE_CHECKING:
    from collective.results.result import Result

_MARGIN = 0.02  # of the width, beyond the eigenvalues found
_LOOSE = 1e-3  # of those
_DENSE = 40  # configurations
_MODES = 1500  # configurations, of which all eigenvectors are found in seconds
_NO_DIGITS = 2.0**52  # radians: of such a phase nothing is known
_LONGEST = 300.0  # radians in one expansion
_BLOCK = 16  # terms added to all output times at once
_AT_ONCE = 2**22  # amplitudes of output times that exist at once
_KEPT_NORM = 1e-10  # of the norm: more means that H reaches further than was found
_TERM_CALLS = 25.0  # per term of the series
_TERM_ENTRIES = 1.2  # per entry of H and column, likewise
_VECTOR_ENTRIES = 5.0  # per amplitude, likewise
_AMPLITUDE_FLOPS = 40.0  # per term and output time
_SETUP_ENTRIES = 70.0  # per entry of H
_PAIR_ENTRIES = 3.5  # per amplitude, emitter and output time, with correlations
_MODES_FLOPS = 10.0  # per n³ of a real H, four times as many of a complex one
_TURN_FLOPS = 16.0  # per n² and output time
_TIME_CALLS = 40.0  # per output time
_RUN_CALLS = 2500.0
_BYTES_ENTRY = 70  # of H, while it is made


def unitary(request: Request) -> bool:
    """Whether nothing but H moves the state."""
    problem = request.problem
    if not isinstance(problem, Couplings):
        return False
    return not any(
        np.any(part) for part in (problem.decay, problem.dephasing, problem.pump, problem.drive)
    )


def cost(request: Request) -> Cost:
    """Memory and time, the width of H by the row sums of one excitation."""
    n, state, times = len(request.couplings), request.state, len(request.times)
    numbers = _numbers(request)
    columns = 1
    if not isinstance(state, State) and not state.isket:
        columns = max(comb(n, k) for k in numbers)
    sizes = {k: comb(n, k) for k in numbers}
    hopping = np.count_nonzero(_one_excitation(request)) / max(1, n * n)
    entries = sum(size * (1 + k * (n - k) * hopping) for k, size in sizes.items())
    amplitudes = sum(sizes.values()) * columns
    largest = max(sizes.values()) * columns
    phase, real = _phase(request), not np.iscomplexobj(_one_excitation(request))
    tables = sum(comb(n, max(k - 1, 0)) * (n - k + 1) * 32 for k in numbers)
    correlated = "correlations" in request.words
    kept = times * (16 * n * n if correlated else 8 * n)
    s = speed()
    seconds = (_RUN_CALLS + _TIME_CALLS * times) * s.call + _SETUP_ENTRIES * entries * s.entry
    modes = 0
    for k, size in sizes.items():
        if _by_modes(size, phase, times, real):
            modes = max(modes, size)
            seconds += _modes_flops(size, times * columns, real) * s.flop
        else:
            hops = size * (1 + k * (n - k) * hopping)
            seconds += _series_seconds(size * columns, hops * columns, phase, times)
    if correlated:
        seconds += _PAIR_ENTRIES * amplitudes * n * times * s.entry
    everything = 0 if isinstance(state, State) else 16 * (2**n if state.isket else 3 * 4**n)
    return Cost(
        int(_BYTES_ENTRY * entries + 16 * largest * (_BLOCK + 8 + 2 * columns) + tables)
        + int(32 * max(min(_AT_ONCE, largest * times), largest))
        + kept
        + 64 * modes**2
        + everything,
        float(seconds),
        f"{amplitudes:,} amplitudes of a state that never decays, {n} emitters",
    )


def _by_modes(size: int, phase: float, times: int, real: bool) -> bool:
    """Whether a sector takes eigenvectors: the same on every machine, so that numbers are too."""
    if size > _MODES:
        return False
    made = _modes_flops(size, times, real) * COMMON.flop
    return size <= _DENSE or made < _series_seconds(size, size, phase, times, COMMON)


def _modes_flops(size: int, vectors: int, real: bool) -> float:
    """To find all eigenvectors of a sector, and to turn some vectors in their basis."""
    return _MODES_FLOPS * (1 if real else 4) * size**3 + _TURN_FLOPS * size**2 * vectors


def _series_seconds(
    size: int, entries: float, phase: float, times: int, s: Speed | None = None
) -> float:
    """Of the series of one sector.

    Args:
        size: amplitudes, of all columns.
        entries: multiplications by H.
        phase: by which H turns in all.
        times: of the output.
        s: the machine; None is this one.
    """
    s = speed() if s is None else s
    expansions = max(1.0, phase / _LONGEST)
    terms = phase + 60 * expansions
    each = _TERM_CALLS * s.call + (_TERM_ENTRIES * entries + _VECTOR_ENTRIES * size) * s.entry
    together = _AMPLITUDE_FLOPS * size * times * terms / expansions
    return float(terms * each + together * s.flop)


def run(request: Request, earlier: "Result | None", checkpoint: Checkpoint | None) -> Run:
    """Turn the vectors from one group of output times to the next.

    Raises:
        ValueError: for a time after which phases have no digits.
    """
    phase = _phase(request)
    if not phase <= _NO_DIGITS:
        raise ValueError(
            f"times: nothing decays, and they span a phase of {phase:.1e} rad, of which double "
            "precision knows nothing; use shorter times"
        )
    clock = Clock(checkpoint)
    failure: BaseException | None = None
    work = _Vectors(request, earlier)

    def report() -> Run:
        populations = np.concatenate(work.populations)
        observables: dict[str, Any] = {
            "emission": np.zeros(len(populations)),
            "excitation": populations.sum(axis=1),
            "populations": populations,
        }
        if work.correlated:
            observables["correlations"] = np.concatenate(work.correlations)
        diagnostics = {**clock.diagnostics(), "route": "pure states", **work.diagnostics}
        done = len(populations) == len(request.times)
        return Run(observables, diagnostics, failure, {} if done else work.resume())

    clock.first(report)
    try:
        with Progress(len(request.times), "evolving (blocks)", show=request.progress) as bar:
            bar.step(work.reached)
            while work.reached < len(request.times):
                bar.step(work.step(clock.look))
                clock.keep(report)
    except (KeyboardInterrupt, Exception) as error:
        failure = error
    finished = report()
    clock.last(finished)
    return finished


def _numbers(request: Request) -> list[int]:
    """Excitation numbers that the state has."""
    return initial.numbers(request.state, len(request.couplings))


def _one_excitation(request: Request) -> NDArray[Any]:
    """H = δ + Δ, real where it is; (N, N)."""
    h = one_excitation(request.couplings)
    return h if np.any(h.imag) else h.real


def _phase(request: Request) -> float:
    """How far H turns in all, roughly: as of fermions, or as of one ladder of equal exchanges."""
    h, n = _one_excitation(request), len(request.couplings)
    modes = np.linalg.eigvalsh(h)
    mean = abs(np.sum(h - np.diag(np.diagonal(h)))) / max(1, n * (n - 1))
    widths = [
        max((modes[n - k :].sum() - modes[:k].sum()) / 2, mean * k * (n - k + 1) / 2)
        for k in _numbers(request)
    ]
    return max(widths) * float(np.ptp(request.times))


class _Vectors:
    """The vectors at the last time reached, and what was observed so far.

    Attributes:
        populations: of each group of output times, (T, N).
        correlations: likewise ⟨σ⁺_mσ⁻_n⟩, (T, N, N), if observed.
        diagnostics: entries of `Result.diagnostics`.
    """

    def __init__(self, request: Request, earlier: "Result | None"):
        self._request, n = request, len(request.couplings)
        self.correlated = "correlations" in request.words
        h = _one_excitation(request)
        self._unit = float(np.abs(h).sum(axis=0).max()) or 1.0
        self._h = h / self._unit
        self._sectors = Sectors(n, max(_numbers(request)))
        emitters = request.couplings.emitters
        found = (
            (k, ensemble(request.state, self._sectors, k, emitters)) for k in _numbers(request)
        )
        self._now = {k: np.ascontiguousarray(v) for k, v in found if v.size}
        self._norm = float(sum(np.vdot(v, v).real for v in self._now.values()))
        self._matrices: dict[int, Any] = {}
        self._ranges: dict[int, tuple[float, float]] = {}
        phase, steps = _phase(request), len(request.times)
        real = not np.iscomplexobj(h)
        self._by_modes = {
            k: _by_modes(self._sectors.sizes[k], phase, steps, real) for k in self._now
        }
        self._modes: dict[int, tuple[NDArray[np.float64], NDArray[Any]]] = {}
        self.populations: list[NDArray[np.float64]] = []
        self.correlations: list[NDArray[np.complex128]] = []
        bound = float(np.finfo(float).eps) * phase  # phases are known to the round-off of H
        self.diagnostics: dict[str, Any] = {
            "applications": 0,
            "trace_error": 0.0,
            "error_bound": bound,
        }
        if earlier is None or not earlier.resume:
            self._time = float(request.times[0])
            self._observe({k: v[None] for k, v in self._now.items()})
            return
        self._time = float(earlier.resume["time"])
        flat, begin = earlier.resume["vector"], 0
        for k, v in self._now.items():
            self._now[k] = flat[begin : begin + v.size].reshape(v.shape)
            begin += v.size
        for name in self.diagnostics:
            self.diagnostics[name] = earlier.diagnostics[name]
        self.populations.append(np.asarray(earlier.populations))
        if self.correlated:
            self.correlations.append(np.asarray(earlier.correlations))

    @property
    def reached(self) -> int:
        """How many output times are done."""
        return sum(map(len, self.populations))

    def resume(self) -> dict[str, NDArray[Any]]:
        """What goes on from here."""
        flat = np.concatenate([v.ravel() for v in self._now.values()])
        return {"vector": flat, "time": np.array(self._time)}

    def step(self, look: Any) -> int:
        """Go through the next group of output times; how many they are."""
        times, reached = self._request.times, self.reached
        largest = max(v.size for v in self._now.values())
        series = [self._width(k)[1] for k in self._now if not self._by_modes[k]]
        widest = max(series, default=0.0) * self._unit
        at_once = max(1, _AT_ONCE // largest)
        end = times[min(reached + at_once, len(times)) - 1]
        if widest * (end - self._time) > _LONGEST:
            end = self._time + _LONGEST / widest
        inside = times[reached : reached + at_once]
        inside = inside[inside <= end]
        # the vectors end at the last output time, or on the way to it
        last = float(inside[-1]) if len(inside) else float(end)
        at = np.append(inside - self._time, last - self._time)
        found = {k: self._turned(k, v, at, look) for k, v in self._now.items()}
        if len(inside):
            self._observe({k: v[:-1] for k, v in found.items()})
        # one assignment at the end: an interruption leaves whole steps
        self._now, self._time = {k: np.ascontiguousarray(v[-1]) for k, v in found.items()}, last
        return len(inside)

    def _matrix(self, k: int) -> Any:
        """H between configurations of k excitations in units of the largest rate, sparse."""
        if k not in self._matrices:
            from scipy.sparse import csr_array

            size = self._sectors.sizes[k]
            target, m, to = self._sectors.hops(k)
            values = self._h[to, m]
            kept = values != 0
            sources = np.broadcast_to(np.arange(size)[:, None], target.shape)
            own = self._sectors.excited(k) @ np.diagonal(self._h)
            rows = np.concatenate([target[kept].astype(np.int32), np.arange(size, dtype=np.int32)])
            columns = np.concatenate([sources[kept].astype(np.int32), np.arange(size)])
            data = np.concatenate([values[kept], own])
            self._matrices[k] = csr_array((data, (rows, columns)), shape=(size, size))
        return self._matrices[k]

    def _width(self, k: int) -> tuple[float, float]:
        """C and w of the spectrum of H."""
        if k not in self._ranges:
            from scipy.sparse.linalg import ArpackError, eigsh

            matrix = self._matrix(k)
            size = matrix.shape[0]
            reach = float(abs(matrix).sum(axis=1).max())
            ends = np.array([-reach, reach])
            if size <= _DENSE:
                ends = np.linalg.eigvalsh(matrix.toarray())[[0, -1]]
            elif reach > 0:
                options = {"tol": _LOOSE, "v0": np.random.default_rng(1).normal(size=size)}
                with suppress(ArpackError):  # else the row sums, which are wider
                    ends = np.array(
                        [
                            eigsh(matrix, 1, which=which, return_eigenvectors=False, **options)[0]
                            for which in ("SA", "LA")
                        ]
                    ).real
            w = (1 + _MARGIN) * (ends[1] - ends[0]) / 2
            self._ranges[k] = float(ends.sum()) / 2, max(float(w), 1e-12)
        return self._ranges[k]

    def _turned(
        self, k: int, start: NDArray[Any], elapsed: NDArray[np.float64], look: Any
    ) -> NDArray[np.complex128]:
        """The vectors of k excitations after each time, (T, n_k, R)."""
        from scipy.special import jv

        if self._by_modes[k]:
            if k not in self._modes:
                self._modes[k] = np.linalg.eigh(self._matrix(k).toarray())
            energies, modes = self._modes[k]
            turns = np.exp(-1j * self._unit * np.outer(elapsed, energies))
            parts = turns[:, :, None] * (modes.conj().T @ start)
            return np.asarray(modes @ parts)

        c, w = self._width(k)
        phases = elapsed * self._unit * w
        longest = float(phases[-1])
        count = int(longest + 12 * np.cbrt(longest) + 25)
        weights = jv(np.arange(count), phases[:, None]) * (-1j) ** (np.arange(count) % 4)
        weights[:, 1:] *= 2
        matrix = self._matrix(k)
        real = not np.iscomplexobj(matrix)

        def applied(v: NDArray[Any]) -> NDArray[Any]:
            # a real matrix on two real columns for each complex one
            product = (matrix @ v.view(float)).view(complex) if real else matrix @ v
            return np.asarray((product - c * v) / w)

        found = np.zeros((len(elapsed), start.size), dtype=complex)
        last, this = np.zeros_like(start), start
        terms: list[NDArray[Any]] = []
        for j in range(count):
            terms.append(this.ravel())
            if len(terms) == _BLOCK or j == count - 1:
                found += weights[:, j + 1 - len(terms) : j + 1] @ np.array(terms)
                terms.clear()
                look()
            following = applied(this)
            last, this = this, following if j == 0 else 2 * following - last
        self.diagnostics["applications"] += count
        before = float(np.vdot(start, start).real)
        error = abs(float(np.vdot(found[-1], found[-1]).real) - before)
        if not error <= _KEPT_NORM * before:
            self._ranges[k] = c, 1.5 * w
            return self._turned(k, start, elapsed, look)
        return found.reshape(len(elapsed), *start.shape)

    def _observe(self, vectors: dict[int, NDArray[np.complex128]]) -> None:
        """Populations, and correlations if asked for, of vectors (T, n_k, R) of every sector."""
        n, steps = self._sectors.n, len(next(iter(vectors.values())))
        populations = np.zeros((steps, n))
        weights = np.zeros(steps)
        for k, found in vectors.items():
            chances = np.sum(np.abs(found) ** 2, axis=2)
            populations += chances @ self._sectors.excited(k)
            weights += chances.sum(axis=1)
        if self.correlated:
            pairs = np.zeros((steps, n, n), dtype=complex)
            for k, found in vectors.items():
                if k > 0:
                    self._add_pairs(k, found, pairs)
            self.correlations.append(pairs)
        error = float(np.abs(weights - self._norm).max())
        self.diagnostics["trace_error"] = max(self.diagnostics["trace_error"], error)
        self.populations.append(populations)

    def _add_pairs(
        self, k: int, found: NDArray[np.complex128], pairs: NDArray[np.complex128]
    ) -> None:
        """⟨σ⁺_mσ⁻_n⟩ from σ⁻_nψ of every emitter."""
        places, who = self._sectors.raised(k - 1)
        lowered = np.zeros((len(places), self._sectors.n), dtype=complex)
        for t, vectors in enumerate(found):
            for column in vectors.T:
                np.put_along_axis(lowered, who, column[places], axis=1)
                pairs[t] += lowered.conj().T @ lowered
