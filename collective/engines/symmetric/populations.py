r"""Populations of Dicke states without a drive, of one ladder or of all.

:math:`\dot p = Ap` is solved by rational steps. Without a pump, each linear system is solved by one
sweep from many excitations to few. A pump also raises the excitation, so that sparse factors are
needed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.dicke import Identical, Triangle, lost
from collective.engines.basis.dicke_states import mixture, on_all_ladders, populations
from collective.engines.numerics.rational import POLES, WEIGHTS, Rational, factored
from collective.engines.request import Request
from collective.states import State

_LEAST_POPULATION = 1e-40  # of an initial state; smaller populations make arithmetic slow

Step = Callable[[NDArray[np.float64], float], NDArray[np.float64]]


class Populations:
    """Evolves populations from one output time to the next.

    Args:
        e: the emitters.
        request: its state and tolerance are read.

    Attributes:
        now: populations of the Dicke states.
        excitations: k of each state.
        bright: ⟨J⁺J⁻⟩ of each state.
    """

    def __init__(self, e: Identical, request: Request):
        self._rtol = request.rtol
        everywhere = on_all_ladders(request.state, e.n)
        if e.one_ladder and not everywhere:
            ladder = _without_the_smallest(populations(request.state, e.n))
            self.excitations = np.arange(e.n + 1.0)
            self.bright = self.excitations * (e.n - self.excitations + 1)
            self.now = ladder
            self._rates = lost(e, self.excitations, np.zeros(1))
            if e.pumped:
                self._step = factored(_ladder(e, self.excitations, self.bright))
            else:
                self._step = _down_a_ladder(self._rates)
        else:
            states = Triangle.of(e.n)
            self.excitations, self.bright = states.k.astype(float), states.bright
            if everywhere:
                assert isinstance(request.state, State)
                self.now = _without_the_smallest(mixture(request.state, states))
            else:
                self.now = np.zeros(len(states.k))
                self.now[states.d == 0] = _without_the_smallest(populations(request.state, e.n))
            leaving = states.rates(e)
            self._rates = np.sum(list(leaving.values()), axis=0)
            if e.pumped:
                self._step = factored(states.matrix(e))
            else:
                self._step = _down_all(states, leaving, self._rates)
        self._steps: Rational | None = None

    def start(self, t: float) -> None:
        """Set the time of `now`, and start the steps from there."""
        rate = float(self._rates @ np.abs(self.now))
        self._steps = Rational(self._step, self.now, t, rate, self._rtol)

    def to(self, t: float) -> None:
        """Evolve `now` to a time."""
        assert self._steps is not None
        self.now = self._steps.to(t)

    def diagonal(self) -> NDArray[np.float64]:
        """Populations of the Dicke states."""
        return self.now

    def smallest(self) -> float:
        """The smallest eigenvalue of ρ."""
        return float(self.now.min())

    def diagnostics(self) -> dict[str, Any]:
        """Entries of `Result.diagnostics` about the steps."""
        if self._steps is None:
            return {}
        s = self._steps
        return {"steps": s.steps, "rejected_steps": s.rejected, "error_estimate": s.error}


def _ladder(e: Identical, k: NDArray[np.float64], bright: NDArray[np.float64]) -> Any:
    """The sparse matrix A of dp/dt = Ap of one ladder with decay and a pump, (N + 1, N + 1)."""
    from scipy.sparse import diags_array

    down, up = e.collective * bright, e.pump_together * (bright + e.n - 2 * k)
    return diags_array([up[:-1], -down - up, down[1:]], offsets=[-1, 0, 1], format="csc")


def _without_the_smallest(populations: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same populations, with zero for the smallest ones."""
    populations[populations < _LEAST_POPULATION] = 0.0
    return populations


def compile_kernels(show: bool) -> None:
    """Compile both kernels, or read them from the cache."""
    from collective._tools.compiled import announced
    from collective.engines.symmetric import kernels

    with announced("the symmetric engine", 3, show=show):
        kernels.rehearse(POLES, WEIGHTS)


def _down_a_ladder(rates: NDArray[np.float64]) -> Step:
    """A function that returns r(hA)p of one ladder."""
    from collective.engines.symmetric.kernels import ladder

    def step(p: NDArray[np.float64], h: float) -> NDArray[np.float64]:
        result = np.empty_like(p)
        ladder(p, rates, h, POLES, WEIGHTS, result)
        return result

    return step


def _down_all(
    states: Triangle, leaving: dict[tuple[int, int], NDArray[np.float64]], rates: NDArray[Any]
) -> Step:
    """A function that returns r(hA)p of all ladders without a pump."""
    from collective.engines.symmetric.kernels import triangle

    fed, mixed = np.zeros((3, len(rates))), np.zeros((2, len(rates)))
    for table, a, shifts in ((fed, -1, (1, 0, -1)), (mixed, 0, (1, -1))):
        for row, b in zip(table, shifts, strict=True):
            if (a, b) in leaving:
                row[:] = states.arriving(leaving[a, b], a, b)

    def step(p: NDArray[np.float64], h: float) -> NDArray[np.float64]:
        result = np.empty_like(p)
        triangle(p, states.n, rates, fed, mixed, h, POLES, WEIGHTS, result)
        return result

    return step
