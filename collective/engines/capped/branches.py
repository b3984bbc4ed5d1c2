r"""Quantum trajectories of at most K particles, from their first jump on.

The part of ρ in which nothing has jumped yet is the pure state :math:`ψ_0(t)`, which is computed
once. With w = ‖ψ₀(0)‖²,

.. math:: ρ(t) = |ψ_0(t)⟩⟨ψ_0(t)| + (w − ‖ψ_0(t)‖^2)\,\overline{|φ⟩⟨φ|}

The mean is over branches φ: sampled trajectories whose first jump lies before t. A branch jumps for
the first time when ‖ψ₀‖² falls to a number drawn between its values at the beginning and at the
end, one number from each of n equal parts of this interval. Then it goes on as every trajectory
does: the next jump is where its squared norm has fallen to a uniform random number.

The scatter of the branches is multiplied by the probability of a jump. So under a weak drive, where
few photons are emitted, 64 branches give three or four digits.

A branch loses weight where a jump leads out of the cap. Its observables are those of the weight
that is left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.capped.channels import Channels
from collective.engines.capped.particles import Particles
from collective.engines.capped.tensors import Layers, observed, pairs, slope
from collective.engines.numerics.adaptive import Adaptive
from collective.pulse.timeline import Timeline

_ROOT_STEPS = 40  # of the search for the time of a jump
_JUMP = 1e-10  # relative accuracy of the squared norm at a jump
_GONE = 1e-14  # weight of a branch that is no longer followed


class Stopped(Exception):  # noqa: N818 - no error
    """Raised in a thread that shall stop."""


@dataclass(frozen=True, eq=False)
class Tolerance:
    """Of the integrator: see `Adaptive`."""

    rtol: float
    atol: float
    pieces: Timeline | None


class Flow:
    """Moves states between jumps: ψ̇ = −iH_eff ψ within the cap.

    Args:
        particles: the problem.
        envelope: of the drive, or None.
        tolerance: of the integrator.
        stopped: a function that says whether to raise `Stopped`.
    """

    def __init__(
        self,
        particles: Particles,
        envelope: Callable[[float], complex] | None,
        tolerance: Tolerance,
        stopped: Callable[[], bool],
    ):
        self.particles, self._envelope = particles, envelope
        self._tolerance, self._stopped = tolerance, stopped

    def solver(self, layers: Layers, flat: NDArray[Any], time: float, end: float) -> Adaptive:
        """An integrator that starts with a state."""

        def change(t: float, y: NDArray[Any]) -> NDArray[Any]:
            factor = 1.0 if self._envelope is None else self._envelope(t)
            return slope(self.particles, layers, y, complex(factor))

        wanted = self._tolerance
        scale = float(np.abs(flat).max(initial=0.0))
        return Adaptive(
            change, time, flat, end,
            rtol=wanted.rtol, atol=wanted.atol * min(1.0, scale), pieces=wanted.pieces,
        )  # fmt: skip

    def until(
        self,
        layers: Layers,
        flat: NDArray[Any],
        time: float,
        end: float,
        target: float,
        times: NDArray[np.float64],
        see: Callable[[float, NDArray[Any]], None],
    ) -> tuple[float, NDArray[Any]] | None:
        """Move a state until its squared norm has fallen to a target.

        Args:
            layers: its layers.
            flat: the state.
            time: its time.
            end: where to stop if there is no jump before.
            target: the squared norm at the jump.
            times: output times from `time` to `end`.
            see: a function called with every output time before the jump, and the state there.

        Returns:
            Time and state of the jump, or None if there is none.
        """
        if not time < end:
            return None
        steps = self.solver(layers, flat, time, end)
        try:
            return self._until(steps, layers, end, target, times, see)
        finally:
            steps.close()

    def _until(
        self,
        steps: Adaptive,
        layers: Layers,
        end: float,
        target: float,
        times: NDArray[np.float64],
        see: Callable[[float, NDArray[Any]], None],
    ) -> tuple[float, NDArray[Any]] | None:
        reached = 0
        while True:
            if self._stopped():
                raise Stopped
            before, now = steps.step()
            jump = None
            if layers.norm2(steps.to(now)) <= target:
                jump = now = _crossing(lambda t: layers.norm2(steps.to(t)), before, now, target)
            while reached < len(times) and times[reached] <= now:
                see(float(times[reached]), steps.to(float(times[reached])))
                reached += 1
            if jump is not None:
                return jump, steps.to(jump).copy()
            if now >= end:
                return None


def _crossing(value: Callable[[float], float], low: float, high: float, target: float) -> float:
    """Where a falling function reaches a target: regula falsi with bisection."""
    above, below = value(low) - target, value(high) - target
    for step in range(_ROOT_STEPS):
        if high - low <= 1e-14 * max(abs(high), 1.0):
            break
        at = low + (high - low) * (0.5 if step % 3 == 2 else above / max(above - below, 1e-300))
        at = min(max(at, low), high)
        found = value(at) - target
        if abs(found) <= _JUMP * target:
            return at
        if found > 0:
            low, above = at, found
        else:
            high, below = at, found
    return high


@dataclass(frozen=True, eq=False)
class Anchor:
    """The branch without jumps at one time, from which other branches start.

    Attributes:
        time: when.
        norm2: its squared norm.
        layers: its layers.
        flat: the state.
    """

    time: float
    norm2: float
    layers: Layers
    flat: NDArray[np.complex128]


class Columns:
    """Where observables are in a row: emission, photon pairs, excitation, weights, populations.

    Args:
        n: number of emitters.
        highest: the largest number of particles K.
    """

    def __init__(self, n: int, highest: int):
        self.weights = slice(3, 4 + highest)
        self.populations = slice(4 + highest, 4 + highest + n)
        self.width = 4 + highest + n

    def row(self, seen: dict[str, Any]) -> NDArray[np.float64]:
        """The answer of `observed` as a row."""
        row = np.zeros(self.width)
        row[:3] = seen["emission"], seen["coincidence"], seen["populations"].sum()
        row[self.populations] = seen["populations"]
        for k, weight in seen["weights"].items():
            row[self.weights.start + k] = weight
        return row


@dataclass(frozen=True, eq=False)
class Branch:
    """One branch: from which output time on it exists, and its observables there.

    Attributes:
        first: index of the first output time after its first jump.
        rows: (T − first, columns).
        pairs: (T − first, N, N), ⟨σ⁺_mσ⁻_n⟩, or of length 0 if not observed.
        jumps: number of jumps.
    """

    first: int
    rows: NDArray[np.float64]
    pairs: NDArray[np.complex128]
    jumps: int


def draw(
    flow: Flow,
    channels: Channels,
    anchors: list[Anchor],
    times: NDArray[np.float64],
    columns: Columns,
    highest: int,
    correlated: bool,
    target: float,
    rng: np.random.Generator,
) -> Branch:
    """One branch, whose first jump is where ‖ψ₀‖² reaches the target.

    Args:
        flow: moves states.
        channels: the jumps.
        anchors: ψ₀ at ascending times, the first at the beginning.
        times: all output times.
        columns: the layout of rows.
        highest: K.
        correlated: whether ⟨σ⁺_mσ⁻_n⟩ is kept.
        target: ‖ψ₀‖² at the first jump.
        rng: of the channels and the further jumps.
    """
    particles, end = flow.particles, float(times[-1])
    start = max((a for a in anchors if a.norm2 >= target), key=lambda a: a.time)
    layers, flat, time = start.layers, start.flat, start.time
    rows: list[NDArray[np.float64]] = []
    kept: list[NDArray[np.complex128]] = []
    weight, jumps = 1.0, 0

    def see(_: float, state: NDArray[Any]) -> None:
        share = weight / max(layers.norm2(state), 1e-300)
        rows.append(share * columns.row(observed(particles, layers, state)))
        if correlated:
            among = share * pairs(layers, state)
            kept.append(particles.correlations(weight, among))

    def unseen(_: float, __: NDArray[Any]) -> None:
        pass

    first = len(times)
    while True:
        left = times[np.searchsorted(times, time, side="right") :] if jumps else times[:0]
        found = flow.until(layers, flat, time, end, target, left, see if jumps else unseen)
        if found is None:
            if jumps == 0:  # round-off: the jump is at the very end
                return Branch(first, *_padded(rows, kept, 0, columns, particles.n), 0)
            break
        time, flat = found
        rates = channels.rates(layers, flat)
        cumulative = np.cumsum(rates)
        if not cumulative[-1] > 0:  # round-off: the norm has fallen, but nothing can jump
            if jumps == 0:
                return Branch(first, *_padded(rows, kept, 0, columns, particles.n), 0)
            target = -1.0
            continue
        chance = rng.random() * cumulative[-1]
        channel = int(min(np.searchsorted(cumulative, chance, "right"), len(rates) - 1))
        layers, after = channels.jump(layers, flat, channel, highest, particles.driven)
        inside = layers.norm2(after) if layers.numbers else 0.0
        weight *= min(1.0, inside / rates[channel])
        if jumps == 0:
            first = int(np.searchsorted(times, time, side="right"))
        jumps += 1
        if weight < _GONE:
            break
        flat = after / np.sqrt(inside)
        target = 1.0 - rng.random()
    return Branch(
        first, *_padded(rows, kept if correlated else [], len(times) - first, columns, particles.n),
        jumps,
    )  # fmt: skip


def _padded(
    rows: list[Any], kept: list[Any], count: int, columns: Columns, n: int
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Rows and correlations of `count` times; those after a branch has left the cap are zero."""
    found = np.zeros((count, columns.width))
    if rows:
        found[: len(rows)] = rows
    matrices = np.zeros((count if kept else 0, n, n), dtype=complex)
    if kept:
        matrices[: len(kept)] = kept
    return found, matrices
