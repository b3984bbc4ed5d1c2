r"""Steady states of mean field: evolution, then Newton's method.

For two-level emitters Newton's step solves :math:`J\,δy = −\dot y` by GMRES, with the derivative of
the equations

.. math:: δ\dot s = −(ih_{nn} + iU_n + γ_φ + p/2)δs − is\,δU + i(2F\,δe + (2e − 1)δF), \qquad
          δ\dot e = −(Γ_{nn} + p)δe + 2\,\mathrm{Im}(F\,δs^* + s^*δF),

with δF = h δs and δU = V δe of Ising terms.

Evolution brings the state near to an attractor: where there are several, the start decides. A small
disturbance of the answer must die out. For atoms with manifolds the step is one of the fields, see
`LevelEquations.newton`.

Under a weak drive Ω the answer has s ~ Ω/Γ and e ~ (Ω/Γ)². All tolerances are in these units, so
that weak excitation keeps its digits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.lattice import LatticeMatrix
from collective.engines.mean_field import size
from collective.engines.mean_field.equations import Equations
from collective.engines.mean_field.levels import LevelEquations
from collective.engines.numerics.adaptive import Adaptive
from collective.engines.request import Request

_LIFETIMES = 10.0  # evolved between two attempts
_ATTEMPTS = 60
_NEAR = 0.02  # ẏ over the largest own rate, below which Newton's method is tried
_STEPS = 12  # of Newton's method
# what may remain of ẏ after a step by GMRES, and after an exact one, which may first overshoot
_LEFT, _LEFT_EXACT = 0.5, 100.0
_EXACT = 1e-11  # ẏ over the largest own rate
_RTOL, _ATOL = 1e-6, 1e-8
_DISTURBANCE, _GROWTH = 1e-5, 2.0
_WEAKEST = 1e-60  # drive over rate; squares of weaker ones would be lost
_KRYLOV, _RESTARTS = 80, 6
_VECTORS = 64  # beside those of the Krylov space

Vectors = tuple[NDArray[np.complex128], NDArray[np.float64]]
Matrices = NDArray[np.complex128]


def steady(couplings: Couplings, lowered: NDArray[Any], excited: NDArray[Any]) -> Vectors:
    """⟨σ⁻_n⟩ and populations of the steady state that a start leads to, (N,) each.

    Args:
        couplings: in a unit near the largest rate.
        lowered: ⟨σ⁻_n⟩ at the start, (N,).
        excited: populations at the start, (N,).

    Raises:
        ValueError: if no stable steady state is reached.
    """
    equations = Equations(couplings)
    start = equations.joined(lowered[:, None], excited[:, None])
    rates = couplings.decay.diagonal().real + couplings.pump
    found = _found(equations, start, rates, couplings.drive, float(couplings.pump.max()))
    s, e = equations.split(found)
    return s[:, 0].copy(), e[:, 0].copy()


def steady_levels(channels: ChannelCouplings, matrices: Matrices) -> Matrices:
    """The density matrix of each atom in the steady state that a start leads to, (N, L, L).

    Args:
        channels: in a unit near the largest rate.
        matrices: at the start, (N, L, L).

    Raises:
        ValueError: if no stable steady state is reached.
    """
    equations = LevelEquations(channels)
    start = equations.joined(matrices[:, None])
    found = _found(equations, start, channels.decay.diagonal().real, channels.drive, 0.0)
    return equations.split(found)[:, 0].copy()


def _found(
    equations: Equations | LevelEquations,
    start: NDArray[np.float64],
    rates: NDArray[np.float64],
    drive: NDArray[np.complex128],
    pump: float,
) -> NDArray[np.float64]:
    """The vector of the steady state that a start leads to."""
    own = float(rates.max())
    if own == 0:
        raise ValueError("couplings: without decay and pump there is no steady state")
    weak = float(np.clip(np.abs(drive).max() / own, _WEAKEST, 1.0)) if np.any(drive) else 1.0
    excited = max(weak**2, min(1.0, pump / own))
    scaled = _Scaled(equations, equations.scales(weak, excited, len(start)))
    span = _LIFETIMES / float(rates.mean())
    rng = np.random.default_rng(0)
    now = start / scaled.units
    for _ in range(_ATTEMPTS):
        now = _evolved(scaled, now, span)
        if _residual(scaled, now) > _NEAR * own:
            continue
        found = _newton(scaled, now, _EXACT * own)
        if found is None:
            continue
        disturbed = found + _DISTURBANCE * scaled.possible(rng.standard_normal(len(found)))
        later = _evolved(scaled, disturbed, span)
        before, after = (np.linalg.norm(y - found) for y in (disturbed, later))
        if after <= _GROWTH * before:
            return found * scaled.units
        now = later  # a state that is steady but not stable: leave it
    raise ValueError(
        f"couplings: mean field has reached no stable steady state after {_ATTEMPTS * span:.3g} "
        "inverse rates: it may oscillate for ever, or take longer; evolve it to see"
    )


@dataclass(frozen=True)
class _Scaled:
    """The equations in the units that a weak drive gives to their numbers.

    Attributes:
        equations: of one sample.
        units: of the numbers of its vector.
    """

    equations: Equations | LevelEquations
    units: NDArray[np.float64]

    def slope(self, t: float, y: NDArray[Any]) -> NDArray[Any]:
        """Dy/dt."""
        return self.equations.slope(t, y * self.units) / self.units

    def derivative(self, y: NDArray[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
        """The derivative of the slope at y, as a function of δy."""
        changed, units = self.equations.derivative(y * self.units), self.units
        return lambda change: changed(change.reshape(-1) * units) / units

    def step(self, y: NDArray[Any], slope: NDArray[Any]) -> NDArray[Any]:
        """The step of Newton's method from y, whose slope is known."""
        if isinstance(self.equations, LevelEquations):
            return self.equations.newton(y * self.units, slope * self.units) / self.units
        from scipy.sparse.linalg import LinearOperator, gmres

        operator = LinearOperator((len(y), len(y)), matvec=self.derivative(y), dtype=float)
        return gmres(operator, -slope, rtol=1e-4, restart=_KRYLOV, maxiter=_RESTARTS)[0]

    def possible(self, change: NDArray[np.float64]) -> NDArray[np.float64]:
        """A change without what no state has."""
        return self.equations.possible(change * self.units) / self.units


def _evolved(equations: _Scaled, y: NDArray[Any], span: float) -> NDArray[Any]:
    return Adaptive(equations.slope, 0.0, y, span, rtol=_RTOL, atol=_ATOL).to(span)


def _residual(equations: _Scaled, y: NDArray[Any]) -> float:
    return float(np.abs(equations.slope(0.0, y)).max())


def _newton(equations: _Scaled, y: NDArray[Any], wanted: float) -> NDArray[Any] | None:
    """A point where ẏ = 0 beside y, or None if Newton's method does not find one."""
    left = _LEFT_EXACT if isinstance(equations.equations, LevelEquations) else _LEFT
    slope = equations.slope(0.0, y)
    residual = float(np.abs(slope).max())
    for _ in range(_STEPS):
        if residual <= wanted:
            return y
        try:
            further = y + equations.step(y, slope)
        except np.linalg.LinAlgError:  # the steady state is not unique here
            return None
        e = equations.equations.populations(further * equations.units)
        slope = equations.slope(0.0, further)
        before, residual = residual, float(np.abs(slope).max())
        physical = np.abs(e - 0.5).max() <= 0.5 + 1e-6
        if not physical or not residual < left * before:
            # round-off ends it too
            return y if before <= 100 * wanted else None
        y = further
    return y if residual <= 100 * wanted else None


def needed(request: Request) -> int:
    """Bytes at the peak while a steady state is found."""
    held = size.cost(request, 0, None).bytes
    if not isinstance(request.problem, ChannelCouplings):
        return held + 24 * len(request.couplings) * (_KRYLOV + _VECTORS)
    n, levels = len(request.channels), len(request.channels.atoms.levels)
    inverses = 16 * n * levels**2 * (4 * levels**2 + 2 * _VECTORS)
    side = size.channels(request)
    if isinstance(request.channels.decay, LatticeMatrix):
        return held + inverses + 16 * side * (_KRYLOV + _VECTORS)
    return held + inverses + 32 * 3 * side**2


def mean_emission(couplings: Couplings, lowered: NDArray[Any], excited: NDArray[Any]) -> float:
    """The emission of a product state, from ⟨σ⁻_n⟩ and populations, (N,) each."""
    equations = Equations(couplings)
    return float(equations.emission(equations.joined(lowered[:, None], excited[:, None]))[0])
