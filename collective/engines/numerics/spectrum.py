r"""The extent of the spectrum of a generator, and e^{Lt} as a series of polynomials on it.

`Extent` says roughly how fast a problem oscillates and decays. The number of steps of every engine
depends on it. It follows from N × N matrices alone, as if excitations did not interact. With the
eigenvalues ε of δ + Δ, the energies of k excitations lie between the sums of the k lowest and of
the k highest ε (exact for hops between neighbours of a chain). Ising terms add at most the largest
difference of their energies. The decay rate of k excitations is
at most that of the Dicke states, :math:`γ_{max} k(N − k/2)/N`, or the sum of the k largest rates.
The last of k excitations lives as long as the k longest-lived modes of H_eff.

`Ellipse` gives e^{Lt} as a series of polynomials in L that stay small on an ellipse around the
spectrum. An operator that damps and oscillates has its eigenvalues near an ellipse about c < 0,
with semi-axes a along the real and b along the imaginary axis. The function z = c + s(w + q/w),
s = (a + b)/2, q = (a − b)/(a + b), maps the unit circle to it, and

.. math::
   e^{zt} = \sum_j c_j(t) F_j(z), \qquad F_j = \frac{z − c}{s} F_{j−1} − q F_{j−2}

with F_0 = 1, F_1 = (z − c)/s, and 2q in place of q at j = 2. The F_j are Faber polynomials (scaled
Chebyshev polynomials), with |F_j| ≤ 1 + |q|^j on the ellipse. The coefficients

.. math:: c_j(t) = e^{ct} q^{−j/2} I_j(2st\sqrt q),

fall faster than any power once j exceeds st. The vectors F_j(L)v do not depend on t: an expansion
up to t gives all earlier times too.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.couplings import noise
from collective.couplings.couplings import Couplings

TERMS_PER_RADIUS = 2.0  # terms of a Faber expansion for each radius of the ellipse, roughly
LONGEST_STEP = 50.0  # radii of the ellipse; longer steps save few terms
_LARGEST = 200  # emitters whose matrices are diagonalised; for more, sums of rows are the bounds
_MARGIN = 1.05  # of the semi-axes beyond the extents given
_SMALLEST = 1e-9  # extent; an operator that does nothing still has an ellipse
_HUGE = 1e200
_DIGITS = 60  # by which numbers may exceed _HUGE before they are made smaller
_INSTANT = 1e-25  # of st; below it e^{Lt} is 1


@dataclass(frozen=True)
class Ellipse:
    """An ellipse around the spectrum of L: −decay ≤ Re λ ≤ 0, |Im λ| ≤ width, without the corners.

    The series converges for any L. An eigenvalue outside the ellipse only makes |F_j| grow, which
    a caller sees in the norms of the vectors F_j(L)v.

    Attributes:
        decay: extent along the real axis, a rate.
        width: extent along the imaginary axis, to each side, a rate.
    """

    decay: float
    width: float

    @cached_property
    def _semi_axes(self) -> tuple[float, float]:
        a, b = _MARGIN * self.decay / 2, _MARGIN * self.width
        return max(a, _SMALLEST), max(b, 0.0)

    @cached_property
    def centre(self) -> float:
        """The centre c of the ellipse."""
        return -max(self.decay / 2, _SMALLEST / _MARGIN)

    @cached_property
    def radius(self) -> float:
        """The mean s of the semi-axes; a time t needs a few more than s·t terms."""
        a, b = self._semi_axes
        return (a + b) / 2

    @cached_property
    def ratio(self) -> float:
        """(a − b)/(a + b), q: 1 for a real interval, −1 for an imaginary one."""
        a, b = self._semi_axes
        return (a - b) / (a + b)

    def recurrence(self, j: int) -> tuple[float, float, float]:
        """α, β, γ of F_j = (αL + β)F_{j−1} + γF_{j−2}, for j ≥ 1."""
        s, q = self.radius, self.ratio
        return 1 / s, -self.centre / s, -q * (0, 2, 1)[min(j, 3) - 1]

    def coefficients(self, count: int, times: ArrayLike) -> NDArray[np.float64]:
        """The coefficients c_j(t) of the first terms.

        Args:
            count: how many terms, j = 0 … count − 1.
            times: (T,), not negative.

        Returns:
            (count, T). With b_j = q^{−j/2} I_j(2z√q), z = st, the recurrence
            b_{j−1} = q b_{j+1} + (j/z) b_j is run downwards, where it is stable, from where b_j is
            negligible; Σ_j b_j w^j over all integers is e^{z(w + q/w)}, which at w = 1 fixes the
            scale: b_0 + Σ_{j>0}(1 + q^j) b_j = e^{z(1+q)}.
        """
        times = np.atleast_1d(np.asarray(times, dtype=float))
        s, q = self.radius, self.ratio
        z = s * times
        found = np.zeros((count, len(z)))
        found[:1] = z < _INSTANT
        moving = z >= _INSTANT
        z = z[moving]
        if not len(z):
            return found
        beyond = max(count, int(2 * z.max())) + 30  # b_j ≤ e^z z^j/j!
        falling = np.zeros((count, len(z)))
        last, this, total = np.zeros_like(z), np.full_like(z, 1 / _HUGE), np.zeros_like(z)
        growth = np.log10(1 + beyond / z.min())  # digits of one term, at most
        unchecked = max(1, int(_DIGITS / growth))
        for j in range(beyond, -1, -1):
            if j < count:
                falling[j] = this
            total += (1 + q**j if j else 1) * this
            last, this = this, q * last + (j / z) * this
            if j % unchecked:
                continue
            large = np.abs(this) > _HUGE
            if large.any():
                for array in (last, this, total, falling):
                    array[..., large] /= _HUGE
        # a + c = s(1 + q) + c is the margin: nothing grows by more than e^{(a + c)t}
        found[:, moving] = falling * (np.exp(self.centre * times[moving] + z * (1 + q)) / total)
        return found


@dataclass(frozen=True, eq=False)
class Extent:
    """Rates of a problem.

    Attributes:
        couplings: the problem.
        top: largest number of excitations.
    """

    couplings: Couplings
    top: int

    @cached_property
    def _energies(self) -> NDArray[np.float64]:
        """The eigenvalues ε of δ + Δ, ascending, (N,)."""
        c = self.couplings
        if len(c) > _LARGEST:
            return np.sort(np.abs(c.detunings) + np.abs(c.shift).sum(axis=1))
        return np.linalg.eigvalsh(c.shift + np.diag(c.detunings))

    @cached_property
    def _rates(self) -> NDArray[np.float64]:
        """The eigenvalues of Γ, descending, (N,)."""
        c = self.couplings
        if len(c) > _LARGEST:
            return np.sort(np.abs(c.decay).sum(axis=1))[::-1]
        return np.maximum(c.collective_rates()[::-1], 0.0)

    @cached_property
    def _lasting(self) -> NDArray[np.float64]:
        """The decay rates of the modes of H_eff, ascending, (N,)."""
        c = self.couplings
        if len(c) > _LARGEST:
            return self._rates[::-1]
        found = -2 * np.linalg.eigvals(c.effective_hamiltonian()).imag
        return np.sort(np.maximum(found, 0.0))

    def frequency(self, k: int) -> float:
        """The largest difference of energies of states of k excitations."""
        e = self._energies
        return float(e[len(e) - k :].sum() - e[:k].sum()) + self.interaction(k)

    def interaction(self, k: int) -> float:
        """A bound on the difference of the Ising energies of two states of k excitations."""
        ising, n = self.couplings.ising, len(self.couplings)
        if ising is None or k < 2 or k >= n or checks.constant(ising):
            return 0.0
        others = np.sort(ising[~np.eye(n, dtype=bool)].reshape(n, n - 1), axis=1)
        least, most = (np.sort(others[:, at].sum(axis=1)) for at in (slice(k - 1), slice(n - k, n)))
        return float(most[n - k :].sum() - least[:k].sum()) / 2

    def decay(self, k: int) -> float:
        """The largest rate at which k excitations emit, and absorb thermal light."""
        n = len(self.couplings)
        emitted = max(self._rates[0] * k * (n - k / 2) / n, float(self._rates[:k].sum()))
        return (1 + 2 * self.couplings.thermal_photons) * emitted

    def lasting(self, k: int) -> float:
        """The rate at which the last of k excitations decays."""
        return float(self._lasting[:k].sum())

    @cached_property
    def spread(self) -> float:
        """The largest difference of energies of H, drive included."""
        drive, ising = float(np.abs(self.couplings.drive).sum()), self.couplings.ising
        undriven, n = float(np.abs(self._energies).sum()), len(self.couplings)
        if ising is not None and checks.constant(ising):
            undriven += abs(float(ising[0, 0])) * n * (n - 1) / 2
        elif ising is not None:  # energies of both signs mostly cancel
            undriven += abs(float(ising.sum())) / 2 + float(np.sqrt((ising**2).sum() / 2))
        return float(np.hypot(undriven, drive))

    @property
    def others(self) -> float:
        """The largest rates of dephasing and pump together: sums, or more for matrices."""
        c, n = self.couplings, len(self.couplings)
        pump = noise.total(c.pump)
        if c.pump.ndim == 2:
            pump = max(pump, noise.largest(c.pump) * n / 2)
        return noise.strongest_dephasing(c.dephasing) + pump
