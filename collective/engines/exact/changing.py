r"""ρ under pulses, detunings and a strength that change in time, between their kinks.

.. math:: \dot ρ = −i(Kρ − ρK^†) + \sum_ν L_νρL_ν^† + \dots, \qquad
          K(t) = \sum_{mn} k_{mn}(t)σ^+_mσ^-_n + ½\sum_m(Ω_m(t)σ^+_m + h.c.)

The entries of K and L are sums of a few numbers that change; their places stay. The method of
Dormand and Prince stops at every kink. Where nothing changes in a piece of the time, ρ of few
emitters is multiplied by an exponential of the generator, which has no error of a step.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.operators import excited
from collective.couplings.couplings import Couplings
from collective.couplings.modes import emitting
from collective.engines.numerics.adaptive import Adaptive
from collective.engines.numerics.exponential import Exponential
from collective.engines.request import Request
from collective.pulse.timeline import Timeline

if TYPE_CHECKING:
    from qutip import Qobj

FEW = 3  # emitters, for which a piece without changes is one exponential
_LOOKED_AT = (0.0, 0.137, 0.333, 0.5, 0.618, 0.871, 1.0)  # of a piece
_KEPT = 16  # exponentials for different light
_LEAST_RTOL = 1e-13


class Moving:
    """What changes: Ω, δ and g of all emitters at a time.

    Args:
        request: of couplings, with an envelope or with `motion`.
    """

    def __init__(self, request: Request):
        self._couplings, self._motion = request.couplings, request.motion
        self._envelope = request.envelope
        self.n = len(request.couplings)

    def __call__(self, t: float) -> NDArray[np.complex128]:
        """Ω, δ and g in one row, (3N,)."""
        motion, n = self._motion, self.n
        found = np.ones(3 * n, dtype=complex)
        found[n : 2 * n] = self._couplings.detunings
        if motion is None:
            assert self._envelope is not None
            found[:n] = self._envelope(t) * self._couplings.drive
            return found
        found[:n] = motion.drive(t)
        if motion.detunings is not None:
            found[n : 2 * n] += motion.detunings(t)
        if motion.strength is not None:
            found[2 * n :] = motion.strength(t)
        return found


class Changing:
    """Steps of ρ from one output time to the next, as QuTiP's solvers have them.

    Args:
        request: of couplings, with an envelope or with `motion`.
    """

    def __init__(self, request: Request):
        pieces = request.timeline
        assert pieces is not None
        self._request, self._pieces = request, pieces
        self._moving = Moving(request)
        self._generator: Generator | None = None
        self._known: dict[bytes, Exponential] = {}
        self._solver: Adaptive | None = None
        self.steps = 0

    def start(self, state0: "Qobj", t0: float) -> None:
        """Set ρ at a time."""
        self._rho, self._time, self._dims = state0.full(), float(t0), state0.dims

    def step(self, t: float) -> "Qobj":
        """ρ at a later time."""
        from qutip import Qobj

        while self._time < t:
            piece = self._pieces.piece(self._time)
            end = min(float(t), float(self._pieces.edges[piece + 1]))
            constant = self._constant(piece)
            if constant is None:
                self._rho = self._integrated(piece, end)
            else:
                self._solver = None
                self._rho = self._multiplied(constant, end - self._time)
            self._time = end
        return Qobj(self._rho, dims=self._dims)

    def _constant(self, piece: int) -> NDArray[np.complex128] | None:
        """Ω, δ and g of a piece in which they do not change, if the emitters are few."""
        pieces, request = self._pieces, self._request
        unknown = request.marks is None or bool(request.unknown)
        if self._moving.n > FEW or unknown or np.isfinite(pieces.longest[piece]):
            return None
        start, end = pieces.edges[piece], pieces.edges[piece + 1]
        found = [self._moving(pieces.inside(start + (end - start) * x, piece)) for x in _LOOKED_AT]
        return found[0] if all(np.array_equal(found[0], each) for each in found) else None

    def _multiplied(self, now: NDArray[np.complex128], span: float) -> NDArray[np.complex128]:
        """ρ after a time in which Ω, δ and g are these."""
        from qutip import Qobj

        key = now.tobytes()
        if key not in self._known:
            if len(self._known) == _KEPT:
                self._known.clear()
            self._known[key] = Exponential(_at(self._request.couplings, now).liouvillian())
        known = self._known[key]
        known.start(Qobj(self._rho, dims=self._dims), 0.0)
        return np.asarray(known.step(span).full())

    def _integrated(self, piece: int, end: float) -> NDArray[np.complex128]:
        """ρ at a time within a piece, by steps."""
        if self._generator is None:
            self._generator = Generator(self._request.couplings)
        request, generator = self._request, self._generator
        if self._solver is None:
            self._solver = Adaptive(
                _slope(generator, self._moving), self._time, self._rho.ravel(),
                float(self._pieces.edges[piece + 1]), rtol=max(request.rtol / 10, _LEAST_RTOL),
                atol=request.atol / 10, pieces=self._pieces,
            )  # fmt: skip
        solver, before = self._solver, self._solver.steps
        found = solver.to(end).reshape(self._rho.shape).copy()
        self.steps += solver.steps - before
        if end == self._pieces.edges[piece + 1]:
            solver.close()
            self._solver = None
        return found

    def close(self) -> None:
        """Release the vectors."""
        if self._solver is not None:
            self._solver.close()
        self._solver = None


def _slope(
    generator: "Generator", moving: Moving
) -> Callable[[float, NDArray[Any]], NDArray[np.complex128]]:
    """The function of time and of the entries of ρ that returns its slope."""

    def slope(t: float, flat: NDArray[Any]) -> NDArray[np.complex128]:
        return generator.apply(moving(t), flat)

    return slope


def _at(couplings: Couplings, now: NDArray[np.complex128]) -> Couplings:
    """Couplings with the Ω, δ and g of one moment."""
    n = len(couplings)
    drive, detunings, strength = now[:n], now[n : 2 * n].real, now[2 * n :].real
    both = np.outer(strength, strength)
    found = object.__new__(Couplings)
    checks.freeze(
        found,
        **vars(couplings)
        | {
            "decay": couplings.decay * both,
            "shift": couplings.shift * both,
            "drive": drive.copy(),
            "detunings": detunings.copy(),
        },
    )
    return found


class Generator:
    """The slope of ρ from Ω, δ and g of one moment.

    Args:
        couplings: the others.
    """

    def __init__(self, couplings: Couplings):
        n, photons = len(couplings), couplings.thermal_photons
        self._n, self._side = n, 2**n
        decay = np.asarray(couplings.decay, dtype=complex)
        self._exchange = np.asarray(couplings.shift) - 0.5j * (1 + 2 * photons) * decay
        up = excited(n)
        # σ⁻σ⁺ = 1 − σ⁺σ⁻: what pump and absorption lose of a ground state
        self._alone = -1j * couplings.dephasing + 0.5j * couplings.pump
        self._ground = -0.5j * float(couplings.pump.sum())
        self._absorbed = 0.5j * photons * np.diag(decay).real
        self._effective = _Pattern(*_places_of_hamiltonian(up))
        self._lowering = _Pattern(*_places_of_lowering(up))
        rates, vectors = np.linalg.eigh(decay)
        bright = emitting(rates)
        self._jumps = (vectors[:, bright] * np.sqrt(rates[bright])).conj().T
        self._photons = photons
        both = 2 * (up * couplings.dephasing) @ up.T.astype(float)
        self._dephased = both if np.any(couplings.dephasing) else None
        unit = np.eye(n)
        self._pumps = [
            self._lowering.matrix(np.sqrt(rate) * unit[m]).conj().T.tocsr()
            for m, rate in enumerate(couplings.pump)
            if rate > 0
        ]

    def apply(
        self, now: NDArray[np.complex128], flat: NDArray[np.complex128]
    ) -> NDArray[np.complex128]:
        """The slope of ρ, (D²,), from Ω, δ and g in one row, (3N,), and ρ, (D²,)."""
        n = self._n
        drive, detunings, strength = now[:n], now[n : 2 * n].real, now[2 * n :].real
        rho = flat.reshape(self._side, self._side)
        moved = self._exchange * np.outer(strength, strength)
        absorbed = self._absorbed * strength**2
        moved[np.diag_indices(n)] += detunings + self._alone + 2 * absorbed
        whole = self._ground - absorbed.sum()
        numbers = np.concatenate([moved.ravel(), drive / 2, drive.conj() / 2, [whole]])
        found = -1j * (self._effective.matrix(numbers) @ rho)
        found = found + found.conj().T
        for row in self._jumps:
            jump = self._lowering.matrix(row * strength)
            once = jump @ rho
            found += (1 + self._photons) * (jump @ once.conj().T).conj().T
            if self._photons:
                raised = jump.conj().T.tocsr()
                found += self._photons * (raised @ (raised @ rho).conj().T).conj().T
        if self._dephased is not None:
            found += self._dephased * rho
        for pump in self._pumps:
            found += (pump @ (pump @ rho).conj().T).conj().T
        return np.asarray(found.ravel())


class _Pattern:
    """Sparse matrices whose entries are sums of some numbers, always in the same places.

    Args:
        side: of the matrix.
        rows: of every term.
        columns: of every term.
        sources: which number every term is.
        count: how many numbers there are.
    """

    def __init__(
        self,
        side: int,
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        sources: NDArray[np.intp],
        count: int,
    ):
        from scipy.sparse import csr_array

        places, at = np.unique(rows * side + columns, return_inverse=True)
        ones = np.ones(len(at))
        self._sums = csr_array((ones, (at, sources)), shape=(len(places), count))
        starts = np.searchsorted(places // side, np.arange(side + 1))
        self._shape = csr_array(
            (np.zeros(len(places), complex), places % side, starts), shape=(side, side)
        )

    def matrix(self, numbers: NDArray[Any]) -> Any:
        """The matrix for some values of the numbers; the next call overwrites it."""
        self._shape.data[:] = self._sums @ numbers
        return self._shape


_Places = tuple[int, NDArray[Any], NDArray[Any], NDArray[Any], int]


def _places_of_lowering(up: NDArray[np.bool_]) -> _Places:
    """The terms of Σ_n c_nσ⁻_n."""
    side, n = up.shape
    states, at = np.nonzero(up)
    return side, states + (1 << (n - 1 - at)), states, at, n


def _places_of_hamiltonian(up: NDArray[np.bool_]) -> _Places:
    """The terms of Σ k_mnσ⁺_mσ⁻_n + Σ (w_mσ⁺_m + v_mσ⁻_m) + c from k, w, v and c."""
    side, n = up.shape
    every, bits = np.arange(side), 1 << (n - 1 - np.arange(n))
    rows, columns, sources = [every], [every], [np.full(side, n * n + 2 * n)]
    for m in range(n):
        for k in range(n):
            before = every[up[:, k] & ~up[:, m]] if m != k else every[up[:, m]]
            after = before + bits[k] - bits[m]
            rows, columns = [*rows, after], [*columns, before]
            sources.append(np.full(len(before), m * n + k))
        low = every[up[:, m]] + bits[m]  # bit 0 is the excited state
        high = every[up[:, m]]
        rows, columns = [*rows, high, low], [*columns, low, high]
        sources += [np.full(len(low), n * n + m), np.full(len(low), n * n + n + m)]
    return (
        side,
        np.concatenate(rows),
        np.concatenate(columns),
        np.concatenate(sources),
        (n * n + 2 * n + 1),
    )


def pieces_of(request: Request) -> Timeline | None:
    """The pieces of a run of couplings that has to stop somewhere; None if one piece is enough."""
    found = request.timeline
    if found is None:
        return None
    stops = request.motion is not None or request.marks is not None or len(found.longest) > 1
    return found if stops else None
