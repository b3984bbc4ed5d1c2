"""A request as equations of motion: vectors at the start, and steps that notice divergence."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from collective._tools.blas import BlasThreads
from collective.couplings.channels import ChannelCouplings
from collective.engines.base import threads_for
from collective.engines.cumulants.first import First
from collective.engines.cumulants.general import General
from collective.engines.cumulants.levels import Levels
from collective.engines.cumulants.pairs import rates
from collective.engines.cumulants.second import Second
from collective.engines.cumulants.third import Third
from collective.engines.numerics.runge_kutta import RungeKutta, StepUnderflowError
from collective.engines.request import Request
from collective.errors import DivergedError
from collective.states.level_moments import correlations, matrices
from collective.states.moments import pair_moments, triple_moments

_SHARED = 48  # emitters; in products of fewer, threads of BLAS wait longer than they work
_ATOMS_SHARED = 16  # the same for atoms with manifolds, of whose pairs more is known
BOUND = 2.0  # of every moment; no physical one exceeds 1


class Problem:
    """A request, and the threads that share its work.

    Args:
        request: what is asked for.
        general: whether order 2 keeps all moments, and not only those with as many σ⁺ as σ⁻.
    """

    def __init__(self, request: Request, *, general: bool):
        self.request, self.general = request, general
        self._of_atoms = isinstance(request.problem, ChannelCouplings)
        self._rates = None if self._of_atoms else rates(request.couplings, request.motion)
        self._pool: ThreadPoolExecutor | None = None
        self._limits: ExitStack | None = None

    def limit(self) -> None:
        """Start the threads, and limit those of BLAS, once."""
        if self._limits is not None:
            return
        self._limits, threads = ExitStack(), threads_for(self.request)
        few = len(self.request.rwa) < (_ATOMS_SHARED if self._of_atoms else _SHARED)
        if self.request.threads or few:
            self._limits.enter_context(BlasThreads(1 if few else threads))
        if threads > 1:
            self._pool = ThreadPoolExecutor(threads - 1)
            self._limits.callback(self._pool.shutdown)

    def close(self) -> None:
        """End the threads."""
        if self._limits is not None:
            self._limits.close()
        self._limits = self._pool = None

    def equations(self, order: int) -> Second | General | Levels:
        """The equations of order 2 or 3."""
        threads, request = threads_for(self.request), self.request
        if self._rates is None:
            return Levels(request.channels, request.envelope, threads, self._pool)
        if order == 3:
            return Third(self._rates, threads, self._pool)
        if self.general:
            return General(self._rates, request.envelope, threads, self._pool)
        return Second(self._rates, threads, self._pool)

    def first(self) -> First | Levels:
        """The equations of first order."""
        request = self.request
        if self._rates is None:
            return Levels(request.channels, request.envelope, pairs=False)
        return First(self._rates, np.asarray(request.couplings.decay), request.envelope)

    def start(self, equations: First | Second | General | Levels) -> NDArray[np.float64]:
        """The vector of the initial state."""
        request = self.request
        if isinstance(equations, Levels):
            atoms = request.channels.atoms
            return equations.start(
                matrices(request.state, atoms), correlations(request.state, atoms)
            )
        moments = pair_moments(request.state, request.couplings)
        assert moments is not None
        if not isinstance(equations, Third):
            return equations.start(moments)
        triples = triple_moments(request.state, request.couplings)
        assert triples is not None
        return equations.start_triples(moments, *triples)

    def integrator(
        self,
        equations: First | Second | General | Levels,
        t: float,
        state: NDArray[np.float64],
        step: float | None = None,
    ) -> RungeKutta:
        """The integrator from a time and a vector on."""
        request = self.request
        return RungeKutta(
            equations.slope,
            t,
            state,
            float(request.times[-1]),
            rtol=request.rtol,
            atol=request.atol,
            blocks=equations.blocks,
            origins=equations.origins,
            step=step,
            threads=threads_for(request),
            pool=self._pool,
            pieces=request.timeline,  # no pulse is stepped over
        )

    def step(self, track: RungeKutta, order: int) -> None:
        """One step.

        Raises:
            DivergedError: if a moment has left the physical region for good.
            StepUnderflowError: if all moments are physical, but the tolerances cannot be reached.
        """
        shrunk = False
        try:
            track.step()
        except StepUnderflowError:
            shrunk = True
        when = self.request.user_time(track.t)
        if np.all(track.largest <= BOUND):
            if not shrunk:
                return
            raise StepUnderflowError(
                f"rtol={self.request.rtol:g} and atol={self.request.atol:g} cannot be reached at "
                f"t = {when:.4g}, because the steps would be shorter than round-off; use a larger "
                "atol or rtol"
            )
        raise DivergedError(f"the cumulants of order {order} diverged at t = {when:.4g}")
