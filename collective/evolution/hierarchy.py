r"""Emitters in a bath of exponentials by QuTiP's hierarchical equations of motion.

A Hermitian coupling operator Q with the correlation function C(t) = Σ_p c_p e^{−v_pt} gives one
auxiliary matrix ρ_n for every list n of numbers n_p with Σn_p ≤ depth. ρ is the one of n = 0.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import comb, prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import Untidied, sparse_of
from collective._tools.speed import speed
from collective.emitters import Multilevel
from collective.engines.base import Accuracy, Cost, unsupported, without_docstrings
from collective.engines.measures import LevelMeasure
from collective.engines.record import Recorder
from collective.engines.request import Request
from collective.evolution.pseudomodes import emitters_of, record
from collective.master.pseudomodes import combined, coupling_operators
from collective.spectral.brownian import BrownianModes
from collective.spectral.lossy import LossyModes
from collective.states import matrices

if TYPE_CHECKING:
    from qutip import Qobj
    from qutip.solver.heom import HEOMSolver

    from collective.results.result import Result

_SAME = 1e-12  # relative difference below which two exponents or directions are one
_OF_DECAY = 0.4  # a decay slows the integrator as much as this share of a frequency
_STEPS = 3.0  # for each output time, in radians
_STEP_CALLS = 30.0  # per radian of the fastest matrix, beside the entries
_STEP_ENTRIES = 5.0  # for each entry of the generator
_MATRIX_CALLS = 10.0  # to make a matrix's part of the generator, for each exponential
_VECTORS = 40  # of the integrator
_ENTRY_BYTES = 62  # of the generator while it is built


@dataclass(frozen=True)
class Term:
    """One exponential of the bath.

    Attributes:
        direction: the unit vector u of the coupling operator Q = Σ_a u_a A_a, as a tuple.
        exponent: v.
        real: its weight in Re C(t).
        imaginary: its weight in Im C(t).
    """

    direction: tuple[float, ...]
    exponent: complex
    real: complex
    imaginary: complex


@dataclass(frozen=True)
class Hierarchy:
    """ρ of the emitters from a hierarchy of matrices, one for each excitation of the bath.

    Attributes:
        bath: what the emitters couple to.
        depth: the largest total number in the lists n.
        terms: the number of Matsubara terms of `BrownianModes`; the others act as white noise.
    """

    bath: LossyModes | BrownianModes
    depth: int
    terms: int = 0
    exponentials: list[Term] = field(init=False, repr=False, compare=False)

    name: ClassVar[str] = "heom"
    accuracy: ClassVar[Accuracy] = "exact"
    keeps: ClassVar[tuple[str, ...]] = ("states", "operators")
    cite: ClassVar[tuple[str, ...]] = ("qutip",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exponentials", exponentials_of(self.bath, self.terms))

    @property
    def matrices(self) -> int:
        """The number of matrices of the hierarchy."""
        return comb(len(self.exponentials) + self.depth, self.depth)

    def refusal(self, request: Request) -> str | None:
        """Refuse what has no multilevel, and python -OO."""
        return unsupported(self, request, equations=True) or without_docstrings()

    def cost(self, request: Request) -> Cost:
        """Predict memory and time of a run."""
        emitters = emitters_of(request)
        side, count = prod(emitters.levels), len(self.exponentials)
        entries = self._entries(emitters)
        v = np.array([term.exponent for term in self.exponentials]) / request.unit
        fastest = float(np.ptp(request.simple.hamiltonian().diag().real))
        fastest += self.depth * (np.abs(v.imag).max() + _OF_DECAY * v.real.max())
        machine = speed()
        step = _STEP_CALLS * machine.call + _STEP_ENTRIES * entries * machine.entry
        seconds = (fastest * float(np.ptp(request.times)) + _STEPS * len(request.times)) * step
        seconds += _MATRIX_CALLS * self.matrices * count * machine.call
        needed = entries * _ENTRY_BYTES + 16 * _VECTORS * self.matrices * side**2
        kept = len(request.times) * 16 * side**2 if "states" in request.words else 0
        work = f"depth {self.depth}, {count} exponentials, {self.matrices:,} matrices"
        return Cost(needed + kept, seconds, work)

    def _entries(self, emitters: Multilevel) -> int:
        """Entries of the generator that are not zero."""
        operators = coupling_operators(emitters, self.bath)
        side, count = prod(emitters.levels), len(self.exponentials)
        rows_of = combined(operators, np.array([term.direction for term in self.exponentials]))
        filled = [operator.nnz / side for operator in rows_of]
        rows = float(self.matrices)
        if isinstance(self.bath, BrownianModes):  # [Q, [Q, ρ]] of the terms that are left out
            rows *= 1 + max(2 * q * q - q for q in filled)
        neighbours = comb(count + self.depth - 1, self.depth - 1)
        for term, q in zip(self.exponentials, filled, strict=True):
            one_sided = abs(abs(term.real) - abs(term.imaginary)) < _SAME * abs(term.real)
            rows += neighbours * q * (3 if one_sided else 4)
        return int(rows * side**2)

    def prepare(self, request: Request) -> None:
        """Import QuTiP's solver."""
        import qutip.solver.heom  # noqa: F401

    def start(self, request: Request, earlier: "Result | None") -> "_Run":
        """Start from the state of the emitters and a bath in equilibrium."""
        assert earlier is None  # `compare` writes no checkpoints
        return _Run(request, self._solver(request))

    @Untidied()
    def _solver(self, request: Request) -> "HEOMSolver":
        """QuTiP's solver in the unit of the request."""
        from qutip import liouvillian, spost, spre
        from qutip.solver.heom import Bath, BathExponent, HEOMSolver

        hamiltonian, unit = request.simple.hamiltonian(), request.unit
        operators = coupling_operators(emitters_of(request), self.bath)
        dims = hamiltonian.dims

        def coupling(row: Any) -> "Qobj":
            return sparse_of(combined(operators, np.array([row]))[0], dims)

        found = {term.direction: coupling(term.direction) for term in self.exponentials}
        strengths = {u: _largest(q) or 1.0 for u, q in found.items()}
        exponents = []
        for term in self.exponentials:
            scale = strengths[term.direction]
            real, imaginary = (
                complex(c) * (scale / unit) ** 2 for c in (term.real, term.imaginary)
            )
            q, v = found[term.direction] / scale, complex(term.exponent) / unit
            if imaginary == 0:
                exponents.append(BathExponent("R", None, q, real, v))
            else:
                exponents.append(BathExponent("RI", None, q, real, v, ck2=imaginary))
        generator = liouvillian(hamiltonian)
        if isinstance(self.bath, BrownianModes):  # terms that are left out: −Σ Δ_ab [A_a, [A_b, ρ]]
            values, vectors = np.linalg.eigh(self.bath.remainder(self.terms))
            for value, vector in zip(values, vectors.T, strict=True):
                q = coupling(vector)
                commutator = spre(q) - spost(q)
                generator = generator - (value / unit) * (commutator * commutator)
        options = {
            "rtol": request.rtol,
            "atol": request.atol,
            "nsteps": 10**9,
            "progress_bar": "",
        }
        return HEOMSolver(generator, Bath(exponents), self.depth, options=options)


class _Run:
    """ρ at the output times reached so far."""

    def __init__(self, request: Request, solver: "HEOMSolver"):
        self._request, self._solver = request, solver
        self._measure = LevelMeasure(emitters_of(request).levels, None)
        self._recorder = Recorder(request)
        rho = matrices.matrix(request.state, request.simple)
        solver.start(rho, float(request.times[0]))
        record(request, self._recorder, self._measure, rho)

    @property
    def done(self) -> bool:
        return self._recorder.done

    @property
    def share(self) -> float:
        return self._recorder.share

    def advance(self) -> None:
        """Step to the next output time."""
        time = float(self._request.times[self._recorder.reached])
        with unhidden():
            state = self._solver.step(time)
        record(self._request, self._recorder, self._measure, state.rho)

    def fields(self) -> dict[str, Any]:
        return {
            **self._measure.completed(self._recorder.fields()),
            "last_state": self._recorder.now,
        }

    def diagnostics(self) -> dict[str, Any]:
        return self._recorder.checks()

    def resume(self) -> dict[str, NDArray[Any]]:
        return {}

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        pass


@contextmanager
def unhidden() -> Iterator[None]:
    """Ctrl-C within the derivative is Ctrl-C, and not the error into which scipy turns it."""
    try:
        yield
    except ValueError as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, KeyboardInterrupt):
                raise cause from None
            cause = cause.__cause__ or cause.__context__
        raise


def exponentials_of(bath: LossyModes | BrownianModes, terms: int) -> list[Term]:
    """The exponentials of a bath, one for each direction and exponent of C and of C*.

    Raises:
        ValueError: for modes whose couplings have different phases.
    """
    found: dict[tuple[float, ...], list[list[complex]]] = {}
    weights, exponents = (
        bath.exponentials(terms) if isinstance(bath, BrownianModes) else bath.exponentials()
    )
    for k, (matrix, v) in enumerate(zip(weights, exponents, strict=True)):
        for u, c in _directions(k, matrix):
            known = next((w for w in found if np.allclose(w, u, rtol=0, atol=_SAME)), u)
            rows = found.setdefault(known, [])
            _add(rows, complex(v), c / 2, c / 2j)
            _add(rows, complex(v).conjugate(), np.conj(c) / 2, -np.conj(c) / 2j)
    if not found:  # nothing couples, but QuTiP wants one exponential
        return [Term((1.0,) + (0.0,) * (weights.shape[1] - 1), 1.0, 0.0, 0.0)]
    return [Term(u, v, real, imaginary) for u, rows in found.items() for v, real, imaginary in rows]


def _directions(k: int, matrix: NDArray[Any]) -> list[tuple[tuple[float, ...], complex]]:
    """The eigenvectors u and weights c of one term of C(t): Σ c u uᵀ with real u."""
    trace = complex(np.trace(matrix))
    if trace == 0:
        return []
    turned = np.asarray(matrix / (trace / abs(trace)), dtype=complex)
    size = float(np.abs(turned).max())
    if np.abs(turned.imag).max() > _SAME * size:
        raise ValueError(
            f"approximations: 'heom' needs couplings that are real up to one phase for each mode, "
            f"but those of mode {k} have different phases; take 'modes'"
        )
    values, vectors = np.linalg.eigh((turned.real + turned.real.T) / 2)
    kept = [i for i, value in enumerate(values) if abs(value) > _SAME * size]
    found = []
    for i in kept:
        u = vectors[:, i] * np.sign(vectors[np.argmax(np.abs(vectors[:, i])), i])
        found.append((tuple(map(float, u)), complex(values[i] * trace / abs(trace))))
    return found


def _add(rows: list[list[complex]], v: complex, real: complex, imaginary: complex) -> None:
    """Add weights to the row of an exponent, which is made if there is none yet."""
    for row in rows:
        if abs(row[0] - v) <= _SAME * abs(v):
            row[1] += real
            row[2] += imaginary
            return
    rows.append([v, real, imaginary])


def _largest(operator: "Qobj") -> float:
    """The size of the largest entry of an operator."""
    return float(np.abs(operator.full()).max(initial=0.0))
