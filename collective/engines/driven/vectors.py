r"""Driven emitters that never decay: pure states stay pure, so 2^N amplitudes are enough.

With Γ = 0 and neither dephasing nor pump, ρ is a sum of projectors on vectors ψ, and each of them
evolves by H alone. If the drive is constant, and the spectrum of H lies within c ± w,

.. math:: e^{−iHt}ψ = e^{−ict}\sum_j (2 − δ_{j0}) J_j(wt)\,φ_j, \qquad
          φ_j = (−i)^j T_j((H − c)/w)\,ψ

(H. Tal-Ezer and R. Kosloff, J. Chem. Phys. 81, 3967 (1984)). With :math:`|φ_j| ≤ |ψ|` the terms end
soon after j = wt. Under an envelope f(t), which is a polynomial :math:`\sum_k f_k τ^k` in a step of
length h, the terms of :math:`ψ = \sum_n ψ_n τ^n` follow from each other:

.. math:: (n + 1)ψ_{n+1} = −ih(H_0 − c)ψ_n − ih\sum_k (f_k D + f_k^* D^†)ψ_{n−k}

where D is the part of the drive with σ⁺. The phase e^{−ict} changes no observable.
"""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import operators
from collective.engines.base import resumed
from collective.engines.driven.hamiltonian import Hamiltonian, packed, unpacked
from collective.engines.driven.size import STATE_EMITTERS
from collective.engines.driven.vector_series import (
    NEGLIGIBLE,
    Vectors,
    expanded,
    moved,
    summed,
)
from collective.engines.driven.vector_size import (
    AMPLITUDES_AT_ONCE,
    LONGEST,
    REACH,
    initial,
    phase,
    threads,
)
from collective.engines.numerics.pieces import pieces_of
from collective.engines.record import Recorder
from collective.engines.request import Request

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.results.result import Result

_SHARE = 0.1  # of the tolerance, for the power series and for the polynomials of the envelope
_READ_AT_ONCE = 2**14  # states whose pairs are read together

# the times of a group, its vectors (T, R, 2^N/8, 2, 8), and the time and the vectors at its end
Group = tuple[NDArray[np.float64], Vectors, float, Vectors]


class VectorRun:
    """The evolution of the vectors of ρ through the output times; see `base.Run`.

    Args:
        request: a request of Couplings without decay, dephasing and pump.
        earlier: an interrupted result of the same request, or None.

    Raises:
        ValueError: if the arrays of the earlier result do not fit.
    """

    def __init__(self, request: Request, earlier: "Result | None"):
        self._request, self._n = request, len(request.couplings)
        self._correlated = "correlations" in request.words
        self._recorder = Recorder(request, eigenvalues=False)
        self._operators = [operators.entries_of(o).tocsr() for o in request.operators.values()]
        self._hermitian = [bool(o.isherm) for o in request.operators.values()]
        self._threads = threads(request)
        self._error_bound = float(np.finfo(float).eps) * phase(request)  # round-off of H
        self._earlier_applications = 0
        self._hamiltonian: Hamiltonian | None = None
        self._last_state: Qobj | None = None
        self._unpacking = False
        vectors = packed(initial(request))
        begin = float(request.times[0])
        if earlier is None:
            self._record(vectors[None], (begin, vectors))
        else:
            self._earlier_applications = int(earlier.diagnostics["applications"])
            found = resumed(earlier, "vector", vectors.shape)
            names = ("emission", "populations", *(["correlations"] if self._correlated else []))
            now = float(resumed(earlier, "time", ())), found
            self._recorder.restore(earlier, names, now=now)
        self._shown = self._recorder.now[0]
        self._groups = self._all_groups()

    @property
    def done(self) -> bool:
        """False also if the run was stopped while its last state was computed: it can continue."""
        return self._recorder.done and not self._unpacking

    @property
    def share(self) -> float:
        """How far the run has come in time."""
        if self.done:
            return 1.0
        first, last = self._request.times[[0, -1]]
        return float((self._shown - first) / (last - first))

    def advance(self) -> None:
        """Compute some terms of a series; after the last of a group, record its output times."""
        next(self._groups)

    def fields(self) -> dict[str, Any]:
        """What is recorded, and ρ at the end."""
        return {**self._recorder.fields(), "last_state": self._last_state}

    def diagnostics(self) -> dict[str, Any]:
        """Counts, the round-off of the phases, and the largest error of the trace."""
        return {
            "route": "pure states",
            "applications": self._applications,
            "threads": self._threads,
            "error_bound": self._error_bound,
            **self._recorder.checks(),
        }

    @property
    def _applications(self) -> int:
        """How often H was applied to a vector."""
        made = 0 if self._hamiltonian is None else self._hamiltonian.applications
        return self._earlier_applications + made

    def resume(self) -> dict[str, NDArray[Any]]:
        """The vectors after the last whole group of output times, and its time."""
        time, vectors = self._recorder.now
        return {"vector": vectors, "time": np.array(time)}

    def notes(self) -> list[str]:
        """Nothing: the answers are exact."""
        return []

    def close(self) -> None:
        """End the threads, and compute ρ if the run has ended at an output time."""
        self._groups.close()
        self._earlier_applications = self._applications
        if self._hamiltonian is not None:
            self._hamiltonian.close()
            self._hamiltonian = None
        time, vectors = self._recorder.now
        at_output_time = time == self._request.times[self._recorder.reached - 1]
        if at_output_time and self._n <= STATE_EMITTERS:
            self._unpacking = True
            self._last_state = self._density(unpacked(vectors, self._n))
            self._unpacking = False

    def _all_groups(self) -> Generator[None, None, None]:
        """Compute one group of output times after the other, in small pieces."""
        request = self._request
        if len(request.times) > 1:
            constant = request.envelope is None
            h = Hamiltonian(request.couplings, self._threads, driven=constant)
            self._hamiltonian = h
            groups = self._by_expansion(h) if constant else self._by_powers(h)
            for found in groups:
                if isinstance(found, float):
                    self._shown = max(self._shown, found)
                else:
                    inside, vectors, time, last = found
                    self._record(vectors[: len(inside)], (time, last))
                    self._shown = max(self._shown, time)
                yield

    def _ahead(self) -> tuple[float, Vectors, NDArray[np.float64]]:
        """Where the run is, and as many of the next output times as are computed together."""
        time, vectors = self._recorder.now
        count = max(1, 2 * AMPLITUDES_AT_ONCE // vectors.size)
        reached = self._recorder.reached
        return time, vectors, self._request.times[reached : reached + count]

    def _by_expansion(self, h: Hamiltonian) -> "Iterator[float | Group]":
        """Groups of output times for a constant drive, each by one series."""
        while not self._recorder.done:
            time, start, inside = self._ahead()
            end = min(float(inside[-1]), time + LONGEST / h.width)
            inside = inside[inside <= end]
            # the run continues from the last of these times, or from a time before the next one
            end = float(inside[-1]) if len(inside) else end
            at = inside if len(inside) else np.array([end])
            found = yield from expanded(h, start, time, at)
            if found is None:
                h.widen()
            else:
                yield inside, found, end, found[-1].copy()

    def _by_powers(self, h: Hamiltonian) -> "Iterator[float | Group]":
        """Groups of output times under an envelope, each by one power series."""
        request = self._request
        assert request.envelope is not None
        tolerance = _SHARE * (request.rtol + request.atol)
        strength = h.drive_strength * request.rtol / tolerance  # the message names rtol
        edges, pieces = pieces_of(
            request.envelope,
            request.times,
            request.rtol,
            strength,
            request.user_time,
            request.timeline,
        )
        duration = float(np.ptp(request.times))
        while not self._recorder.done:
            time, start, inside = self._ahead()
            piece = min(int(np.searchsorted(edges, time, side="right")) - 1, len(pieces) - 1)
            begin, length = edges[piece], edges[piece + 1] - edges[piece]
            step = min(float(edges[piece + 1]), float(inside[-1])) - time
            while True:
                factors = moved(pieces[piece], (time - begin) / length, step / length)
                rate = h.width + h.drive_strength * float(np.abs(factors).sum())
                if step * rate <= REACH:
                    break
                step *= max(0.5, 0.99 * REACH / (step * rate))
            end = time + step
            if piece < len(pieces) - 1 and end >= edges[piece + 1] * (1 - 1e-15):
                end = float(edges[piece + 1])  # no step is left over for round-off
            inside = inside[inside <= end]
            if len(inside) and inside[-1] > end - 1e-12 * step:
                end = float(inside[-1])
            allowed = max(tolerance * step / duration, NEGLIGIBLE)
            found = yield from summed(
                h, start, factors, time, end, inside, allowed, request.user_time
            )
            yield inside, found[: len(inside)], end, found[-1]

    def _record(self, vectors: Vectors, now: tuple[float, Vectors]) -> None:
        """Record the next output times.

        Args:
            vectors: at these times, (T, R, 2^N/8, 2, 8); T may be 0.
            now: a time and the vectors at this time, from which the run can continue.
        """
        n, steps = self._n, len(vectors)
        rows: dict[str, NDArray[Any]] = {
            "emission": np.zeros(steps),
            "populations": np.zeros((steps, n)),
        }
        if self._correlated:
            rows["correlations"] = np.zeros((steps, n, n), complex)
        for o, hermitian in enumerate(self._hermitian):
            rows[f"expect:{o}"] = np.zeros(steps, float if hermitian else complex)
        weights, states = np.zeros(steps), []
        for t, each in enumerate(vectors):
            kets = unpacked(each, n)
            if not np.all(np.isfinite(kets)):
                raise FloatingPointError("the amplitudes are not finite")
            chances = np.sum(kets.real**2 + kets.imag**2, axis=0)
            weights[t] = chances.sum()
            for m in range(n):
                rows["populations"][t, m] = chances.reshape(1 << m, 2, -1)[:, 0].sum()
            for ket in kets:
                if self._correlated:
                    rows["correlations"][t] += _pairs(ket, n)
                for o, matrix in enumerate(self._operators):
                    value = np.vdot(ket, matrix @ ket)
                    rows[f"expect:{o}"][t] += value.real if self._hermitian[o] else value
            if "states" in self._request.words:
                states.append(self._density(kets))
        error = float(np.abs(weights - 1).max(initial=0.0))
        wanted = states if "states" in self._request.words else None
        self._recorder.add(rows, trace_error=error, states=wanted, now=now)

    def _density(self, kets: NDArray[np.complex128]) -> "Qobj":
        """ρ as a QuTiP object."""
        from qutip import Qobj

        return Qobj(kets.T @ kets.conj(), dims=[[2] * self._n] * 2, copy=False)


def _pairs(ket: NDArray[np.complex128], n: int) -> NDArray[np.complex128]:
    """⟨σ⁺_mσ⁻_n⟩ of one vector, (N, N), from σ⁻_nψ of every emitter, some states at a time."""
    found = np.zeros((n, n), complex)
    for begin in range(0, len(ket), _READ_AT_ONCE):
        states = np.arange(begin, min(begin + _READ_AT_ONCE, len(ket)))
        lowered = np.zeros((n, len(states)), complex)
        for m in range(n):
            bit = 1 << (n - 1 - m)
            down = states & bit != 0
            lowered[m, down] = ket[states[down] ^ bit]
        found += lowered.conj() @ lowered.T
    return found
