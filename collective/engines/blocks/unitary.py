r"""Emitters that never decay: pure states stay pure, so C(N, k) amplitudes are enough.

With Γ = 0 and no dephasing, ρ is a sum of projectors on vectors. Each vector evolves by H alone,
which conserves the number k of excitations:

.. math:: e^{−iHt}ψ = e^{−ict}\sum_j (2 − δ_{j0})(−i)^j J_j(wt)\,T_j((H − c)/w)\,ψ

(H. Tal-Ezer and R. Kosloff, J. Chem. Phys. 81, 3967 (1984)), where the spectrum of H
lies within c ± w. The phase e^{−ict} is common to the whole block and changes no observable. Blocks
of up to some thousand amplitudes use the eigenvectors of H where these are faster: then every time
costs the same.
"""

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.base import resumed
from collective.engines.basis.configurations import ExcitationBlocks, ensemble
from collective.engines.blocks.hamiltonian import Hamiltonian
from collective.engines.blocks.unitary_size import (
    AMPLITUDES_AT_ONCE,
    LONGEST,
    TERMS_AT_ONCE,
    by_modes,
    matrix_of_one_excitation,
    numbers,
    phase,
)
from collective.engines.record import Recorder
from collective.engines.request import Request

if TYPE_CHECKING:
    from collective.results.result import Result

_NO_DIGITS = 2.0**52  # radians: such a phase has no correct digit in double precision
_KEPT_NORM = 1e-10  # change of the norm; more means that the spectrum of H is wider than was found

Steps = Generator[None, None, None]
Vectors = dict[int, NDArray[np.complex128]]


class PureStates:
    """The evolution of the vectors of ρ through the output times; see `base.Run`.

    Args:
        request: a request of Couplings without decay, dephasing, drive and pump.
        earlier: an interrupted result of the same request, or None.

    Raises:
        ValueError: for a time at which phases have no correct digit, or if the arrays of the
            earlier result do not fit.
    """

    def __init__(self, request: Request, earlier: "Result | None"):
        turns = phase(request)
        if not turns <= _NO_DIGITS:
            raise ValueError(
                f"times: nothing decays, and they span a phase of {turns:.1e} rad, which has no "
                "correct digit in double precision; use shorter times"
            )
        self._request, n = request, len(request.couplings)
        self._correlated = "correlations" in request.words
        self._recorder = Recorder(request, eigenvalues=False)
        h = matrix_of_one_excitation(request)
        present = numbers(request)
        self._blocks = ExcitationBlocks(n, max(present))
        emitters = request.couplings.emitters
        found = ((k, ensemble(request.state, self._blocks, k, emitters)) for k in present)
        vectors = {k: np.ascontiguousarray(v) for k, v in found if v.size}
        self._norm = float(sum(np.vdot(v, v).real for v in vectors.values()))
        self._hamiltonian = Hamiltonian(h, self._blocks, request.couplings.ising)
        real, steps = not np.iscomplexobj(h), len(request.times)
        self._by_modes = {k: by_modes(self._blocks.sizes[k], turns, steps, real) for k in vectors}
        self._error_bound = float(np.finfo(float).eps) * turns  # the round-off of H, times the time
        self._applications = 0
        self._begin = float(request.times[0])
        self._span = max(float(request.times[-1]) - self._begin, 1e-300)
        if earlier is not None and earlier.resume:
            self._continue_from(earlier, vectors)
        else:
            self._record({k: v[None] for k, v in vectors.items()}, (self._begin, vectors))
        self._share = (self._recorder.now[0] - self._begin) / self._span
        self._steps = self._groups()

    def _continue_from(self, earlier: "Result", vectors: Vectors) -> None:
        """Continue from what an interrupted run has reached, instead of the initial vectors."""
        flat = resumed(earlier, "vector", (sum(v.size for v in vectors.values()),))
        ends = np.cumsum([v.size for v in vectors.values()])[:-1]
        parts = zip(vectors.items(), np.split(flat.astype(complex), ends), strict=True)
        found = {k: part.reshape(v.shape) for (k, v), part in parts}
        self._applications = int(resumed(earlier, "applications", ()))
        names = ("emission", "populations", *(["correlations"] if self._correlated else []))
        self._recorder.restore(earlier, names, now=(float(resumed(earlier, "time", ())), found))

    @property
    def done(self) -> bool:
        """Whether every output time is reached."""
        return self._recorder.done

    @property
    def share(self) -> float:
        """The share of the time that has passed, from 0 to 1."""
        return 1.0 if self.done else self._share

    def advance(self) -> None:
        """Compute a few terms of the series, or all output times of a block by its eigenvectors."""
        next(self._steps)

    def fields(self) -> dict[str, Any]:
        """The recorded arrays by the names of `Result`."""
        return self._recorder.fields()

    def diagnostics(self) -> dict[str, Any]:
        """Numbers of products with H, and the largest error of the trace."""
        return {
            "route": "pure states",
            "applications": self._applications,
            "error_bound": self._error_bound,
            **self._recorder.checks(),
        }

    def resume(self) -> dict[str, NDArray[Any]]:
        """The vectors after the last whole group of output times, and its time."""
        time, vectors = self._recorder.now
        flat = np.concatenate([v.ravel() for v in vectors.values()])
        applications = np.array(self._applications)
        return {"vector": flat, "time": np.array(time), "applications": applications}

    def notes(self) -> list[str]:
        """No warnings."""
        return []

    def close(self) -> None:
        """End the generator that computes the series."""
        self._steps.close()

    def _groups(self) -> Steps:
        """Compute one group of output times after the other, in small pieces."""
        while not self.done:
            yield from self._group()
            yield

    def _group(self) -> Steps:
        """Compute the next output times, as many as fit into memory and into one expansion."""
        times, reached = self._request.times, self._recorder.reached
        time, vectors = self._recorder.now
        largest = max(v.size for v in vectors.values())
        series = [self._hamiltonian.width(k)[1] for k in vectors if not self._by_modes[k]]
        widest = max(series, default=0.0) * self._hamiltonian.unit
        at_once = max(1, AMPLITUDES_AT_ONCE // largest)
        end = times[min(reached + at_once, len(times)) - 1]
        if widest * (end - time) > LONGEST:
            end = time + LONGEST / widest
        inside = times[reached : reached + at_once]
        inside = inside[inside <= end]
        # the vectors are then known at the last output time, or at a time before it
        last = float(inside[-1]) if len(inside) else float(end)
        at = np.append(inside - time, last - time)
        found: dict[int, NDArray[np.complex128]] = {}
        for i, (k, v) in enumerate(vectors.items()):
            if self._by_modes[k]:
                found[k] = self._hamiltonian.by_eigenvectors(k, v, at)
                terms: Iterable[float] = (1.0,)
            else:
                terms = self._terms(k, v, at, found)
            for done in terms:
                elapsed = time + (last - time) * (i + done) / len(vectors) - self._begin
                self._share = max(self._share, elapsed / self._span)
                yield
        now = last, {k: np.ascontiguousarray(v[-1]) for k, v in found.items()}
        self._record({k: v[:-1] for k, v in found.items()}, now)

    def _terms(
        self,
        k: int,
        start: NDArray[Any],
        elapsed: NDArray[np.float64],
        found: dict[int, NDArray[np.complex128]],
    ) -> Generator[float, None, None]:
        """Compute the vectors of k excitations after each time, term by term of the series.

        It yields the share of the terms that are done.

        Args:
            k: number of excitations.
            start: (n_k, R).
            elapsed: (T,), ascending.
            found: receives the vectors under k, (T, n_k, R), after the last term.
        """
        from scipy.special import jv

        c, w = self._hamiltonian.width(k)
        phases = elapsed * self._hamiltonian.unit * w
        longest = float(phases[-1])
        count = int(longest + 12 * np.cbrt(longest) + 25)
        weights = jv(np.arange(count), phases[:, None]) * (-1j) ** (np.arange(count) % 4)
        weights[:, 1:] *= 2
        matrix = self._hamiltonian.matrix(k)
        real = not np.iscomplexobj(matrix)

        def applied(v: NDArray[Any]) -> NDArray[Any]:
            # a real matrix is applied to two real columns for each complex one
            product = (matrix @ v.view(float)).view(complex) if real else matrix @ v
            return np.asarray((product - c * v) / w)

        total = np.zeros((len(elapsed), start.size), dtype=complex)
        last, this = np.zeros_like(start), start
        terms: list[NDArray[Any]] = []
        for j in range(count):
            terms.append(this.ravel())
            if len(terms) == TERMS_AT_ONCE or j == count - 1:
                total += weights[:, j + 1 - len(terms) : j + 1] @ np.array(terms)
                terms.clear()
            following = applied(this)
            last, this = this, following if j == 0 else 2 * following - last
            self._applications += 1
            yield (j + 1) / count
        before = float(np.vdot(start, start).real)
        error = abs(float(np.vdot(total[-1], total[-1]).real) - before)
        if error <= _KEPT_NORM * before:
            found[k] = total.reshape(len(elapsed), *start.shape)
        else:  # the spectrum is wider than was found
            self._hamiltonian.widen(k)
            yield from self._terms(k, start, elapsed, found)

    def _record(self, vectors: Vectors, now: tuple[float, Vectors]) -> None:
        """Record the next output times.

        Args:
            vectors: of every block at these times, (T, n_k, R); T may be 0.
            now: a time and the vectors at this time, from which the run can continue.
        """
        n, steps = self._blocks.n, len(next(iter(vectors.values())))
        populations = np.zeros((steps, n))
        weights = np.zeros(steps)
        for k, found in vectors.items():
            chances = np.sum(np.abs(found) ** 2, axis=2)
            populations += chances @ self._blocks.excited(k)
            weights += chances.sum(axis=1)
        rows: dict[str, NDArray[Any]] = {"emission": np.zeros(steps), "populations": populations}
        if self._correlated:
            rows["correlations"] = np.zeros((steps, n, n), dtype=complex)
            for k, found in vectors.items():
                if k > 0:
                    self._add_pairs(k, found, rows["correlations"])
        error = float(np.abs(weights - self._norm).max(initial=0.0))
        self._recorder.add(rows, trace_error=error, now=now)

    def _add_pairs(
        self, k: int, found: NDArray[np.complex128], pairs: NDArray[np.complex128]
    ) -> None:
        """Add ⟨σ⁺_mσ⁻_n⟩, (T, N, N), from σ⁻_nψ of every emitter."""
        places, who = self._blocks.raised(k - 1)
        lowered = np.zeros((len(places), self._blocks.n), dtype=complex)
        for t, vectors in enumerate(found):
            for column in vectors.T:
                np.put_along_axis(lowered, who, column[places], axis=1)
                pairs[t] += lowered.conj().T @ lowered
