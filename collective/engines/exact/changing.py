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
from collective.couplings.couplings import Couplings
from collective.engines.exact.moving import Generator, Moving
from collective.engines.numerics.adaptive import Adaptive
from collective.engines.numerics.exponential import Exponential
from collective.engines.request import Request
from collective.pulse.timeline import Timeline

if TYPE_CHECKING:
    from qutip import Qobj

FEW = 3  # emitters, for which a piece without changes is one exponential
_LOOKED_AT = (0.0, 0.137, 0.333, 0.5, 0.618, 0.871, 1.0)  # of a piece
_KEPT = 16  # exponentials for different light
_MANY = 64  # pieces; for more, exponentials take longer than steps
_LEAST_RTOL = 1e-13


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
        many = self._moving.n > FEW or len(pieces.longest) > _MANY
        if many or unknown or np.isfinite(pieces.longest[piece]):
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
    generator: Generator, moving: Moving
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


def pieces_of(request: Request) -> Timeline | None:
    """The pieces of a run of couplings that has to stop somewhere; None if one piece is enough."""
    found = request.timeline
    if found is None:
        return None
    stops = request.motion is not None or request.marks is not None or len(found.longest) > 1
    return found if stops else None
