r"""Mean field: every emitter has a Bloch vector of its own, in the field of the others.

With s_n = ⟨σ⁻_n⟩, e_n = ⟨σ⁺_nσ⁻_n⟩ and h = δ + Δ − iΓ/2, and without correlations,

.. math:: \dot s_n = −(ih_{nn} + iU_n + γ_φ + p/2)s_n + i(2e_n − 1)F_n, \qquad
          \dot e_n = −Γ_{nn}e_n + p(1 − e_n) + 2\,\mathrm{Im}(s^*_n F_n), \qquad
          F_n = \sum_{l≠n} h_{nl}s_l + ½Ω_n, \qquad U_n = \sum_l V_{nl}e_l.

The emission is :math:`\sum_{m≠n}Γ_{mn}s^*_ms_n + \sum Γ_{nn}e_n`; its first part is
:math:`−2\,\mathrm{Im}\sum_n s^*_n \sum_{l≠n}h_{nl}s_l`, because Δ is Hermitian.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.couplings import Couplings
from collective.engines.numerics import lattice
from collective.engines.numerics.exchange import Exchange, exchange
from collective.pulse.motion import Motion


class Equations:
    """The equations of N emitters for B samples at once.

    The values of all samples are one vector of real numbers: s (N, B) complex, then e (N, B).

    Args:
        couplings: of the emitters.
        envelope: by which the drive is multiplied, or None.
        single: whether the field of the others is computed in single precision.
        motion: what else changes in time, or None; the envelope is then 1.
        frame: a frequency that is subtracted from all emitters. None subtracts what they share, if
            nothing drives them.

    Attributes:
        numbers: length of the vector of one sample.
    """

    def __init__(
        self,
        couplings: Couplings,
        envelope: Callable[[float], complex] | None = None,
        *,
        single: bool = False,
        motion: Motion | None = None,
        frame: float | None = None,
    ):
        own = lattice.diagonal(couplings)
        if frame is None:
            frame = _shared(couplings, own, motion)
        own = own - frame
        self.n = len(couplings)
        self.numbers = 3 * self.n
        self.decay = couplings.decay.diagonal().real.copy()[:, None]
        self.pump = couplings.pump[:, None]
        self._turning = (-1j * own - couplings.dephasing - 0.5 * couplings.pump)[:, None]
        self._lost = (couplings.dephasing + 0.5 * couplings.pump)[:, None]
        self._half_drive = 0.5 * couplings.drive[:, None]
        self._driven = bool(np.any(couplings.drive))
        self._envelope, self._motion = envelope, motion
        self._detuned = -1j * (couplings.detunings - frame)[:, None]
        self._others: Exchange = exchange(couplings, single=single)
        self._ising = couplings.ising

    def _interaction(self, e: NDArray[np.float64]) -> NDArray[np.float64]:
        """U = Ve, (N, B): the shift of every emitter by the excitation of the others."""
        assert self._ising is not None
        if checks.constant(self._ising):
            return np.asarray(self._ising[0, 0] * (e.sum(axis=0) - e))
        return np.asarray(self._ising @ e)

    def slope(self, t: float, y: NDArray[np.float64], threads: int = 1) -> NDArray[np.float64]:
        """Dy/dt."""
        s, e = self.split(y)
        decay, turning = self.decay, self._turning
        if self._motion is not None:
            field, decay, turning = self._moving(t, s, threads)
        else:
            field = self._others(s, threads).astype(complex, copy=False)
        if self._driven and self._motion is None:
            strength = 1.0 if self._envelope is None else self._envelope(t)
            field = field + strength * self._half_drive
        found = np.empty_like(y)
        ds, de = self.split(found)
        np.multiply(field, 2 * e - 1, out=ds)
        ds *= 1j
        ds += turning * s
        if self._ising is not None:
            ds -= 1j * self._interaction(e) * s
        de[...] = self.pump - (self.pump + decay) * e
        de += 2 * (s.real * field.imag - s.imag * field.real)
        return found

    def _moving(
        self, t: float, s: NDArray[np.complex128], threads: int
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64], NDArray[np.complex128]]:
        """The field (N, B), the decay and the turning (N, 1) at a time."""
        motion, decay, turning = self._motion, self.decay, self._turning
        assert motion is not None
        if motion.strength is None:
            field = self._others(s, threads).astype(complex, copy=False)
        else:
            strength = motion.strength(t)[:, None]
            field = strength * self._others(strength * s, threads)
            turning = turning + (strength**2 - 1) * (turning - self._detuned + self._lost)
            decay = decay * strength**2
        if motion.detunings is not None:
            turning = turning - 1j * motion.detunings(t)[:, None]
        if motion.factors:
            field = field + 0.5 * motion.drive(t)[:, None]
        return field, decay, turning

    def derivative(
        self, y: NDArray[np.float64]
    ) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """The derivative of the slope at y, without an envelope, as a function of δy."""
        s, e = self.split(y)
        field = self._others(s, 1) + self._half_drive

        def changed(change: NDArray[np.float64]) -> NDArray[np.float64]:
            ds, de = self.split(np.ascontiguousarray(change.reshape(-1)))
            moved = self._others(ds, 1)
            along = self._turning * ds + 1j * (2 * field * de + (2 * e - 1) * moved)
            if self._ising is not None:
                along -= 1j * (self._interaction(e) * ds + self._interaction(de) * s)
            gained = -(self.decay + self.pump) * de
            gained = gained + 2 * (ds.conj() * field + s.conj() * moved).imag
            return self.joined(along, gained)

        return changed

    def split(self, y: NDArray[np.float64]) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """S and e, (N, B) each, as views of y."""
        third = len(y) // 3
        s = y[: 2 * third].view(complex).reshape(self.n, -1)
        return s, y[2 * third :].reshape(self.n, -1)

    def joined(self, s: NDArray[Any], e: NDArray[Any]) -> NDArray[np.float64]:
        """Y from s and e, (N, B) each."""
        flat = np.ascontiguousarray(s, dtype=complex).reshape(-1)
        return np.concatenate([flat.view(float), np.asarray(e, dtype=float).reshape(-1)])

    def emission(self, y: NDArray[np.float64], threads: int = 1, t: float = 0.0) -> NDArray[Any]:
        """The emission of every sample, (B,), at a time, which only a changing strength needs."""
        s, e = self.split(y)
        if self._motion is not None and self._motion.strength is not None:
            strength = self._motion.strength(t)[:, None]
            s, e = strength * s, strength**2 * e
        field = self._others(s, threads)
        together = -2 * (s.real * field.imag - s.imag * field.real).sum(axis=0)
        return np.asarray(together + (self.decay * e).sum(axis=0))

    def populations(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """The populations, (N, B)."""
        return self.split(y)[1]

    def excitation(self, populations: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean number of excited emitters from the populations (N, …)."""
        return np.asarray(populations.sum(axis=0))

    def pairs(self, y: NDArray[np.float64]) -> NDArray[np.complex128]:
        """⟨σ⁺_mσ⁻_n⟩ summed over the samples, (N, N)."""
        s, e = self.split(y)
        found = s.conj() @ s.T
        np.fill_diagonal(found, e.sum(axis=1))
        return np.asarray(found)

    def possible(self, change: NDArray[np.float64]) -> NDArray[np.float64]:
        """A change of a vector without what no state has: all of it."""
        return change

    def scales(self, weak: float, excited: float, length: int) -> NDArray[np.float64]:
        """The units of the numbers of a vector of this length, from those of s and e."""
        return np.repeat([weak, excited], [2 * length // 3, length // 3])


def _shared(couplings: Couplings, own: NDArray[np.complex128], motion: Motion | None) -> float:
    """A frequency that all emitters share and that has no effect, because nothing drives them.

    A strength that changes in time multiplies the diagonal of Δ, so that only the detunings are
    left.
    """
    if np.any(couplings.drive):
        return 0.0
    if motion is not None and motion.strength is not None:
        return float(couplings.detunings.mean())
    return float(own.real.mean())
