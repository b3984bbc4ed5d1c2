r"""Second order without coherence, beside a cavity mode: ⟨a†a⟩, ⟨a†σ⁻_m⟩, ⟨σ⁺_mσ⁻_n⟩ and ⟨z_mz_n⟩.

With n = ⟨a†a⟩, A_m = ⟨a†σ⁻_m⟩, and C, Z, P, h, e, a, b as in `second`,

.. math::
   \dot n &= −κn + 2\,\mathrm{Im}\sum_m g_mA_m \\
   \dot A_m &= (e_m − κ/2 + iΔ_c)A_m + i\sum_l g^*_l⟨σ^+_lσ^-_m⟩
       + iz_m\Bigl(\sum_{l≠m}h_{ml}A_l + g^*_mn\Bigr) \\
   \dot C_{mn} &= … + ig^*_nz_nA^*_m − ig_mz_mA_n, \qquad
   \dot z_m = … − 4\,\mathrm{Im}(g_mA_m) \\
   \dot Z_{mn} &= … − 4z_n\mathrm{Im}(g_mA_m) − 4z_m\mathrm{Im}(g_nA_n)

(Meiser, Ye, Carlson & Holland, Phys. Rev. Lett. 102, 163601 (2009), for emitters without Γ_mn and
Δ_mn). Emitters that nothing distinguishes are one class of w emitters, and a pair of classes has
one number (`mode_classes`): identical emitters need five, however many they are. In a sum over the
emitters l ≠ m of all classes, class j counts w_j − δ_jk times, where k is the class of m.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.speed import speed
from collective.engines import mode_error
from collective.engines.base import Cost, writing
from collective.engines.cumulants.mode_classes import Classes, classes_of
from collective.engines.request import Request
from collective.states import State
from collective.states.answers import definite_number
from collective.states.moments import moments_known, pair_moments, uncorrelated, without_coherence

_SLOPES_PER_PHASE, _FEWEST_SLOPES, _SLOPES_PER_TIME = 4.0, 250.0, 6.0
_SLOPE_CALLS, _SLOPE_ENTRIES = 90.0, 60.0  # entries per pair of classes
_BYTES_PAIR = 1300  # per pair of classes: stages of the integrator, matrices


def refusal(request: Request) -> str | None:
    """The reason why second order cannot evolve emitters and mode, or None."""
    problem, n, who = request.cavity, len(request.cavity), "method 'cumulants'"
    if problem.driven:
        return f"{who} with a cavity mode takes no drive"
    if not isinstance(request.state, State):
        return f"{who} with a cavity mode takes states of co.states, with an empty mode"
    if not moments_known(request.state, n) or not without_coherence(request.state, n):
        return (
            f"{who} with a cavity mode takes independent emitters without coherence, one "
            f"excitation and symmetric states of k excitations, not state {request.state_name}"
        )
    return None


class ModeMoments:
    """The equations for a vector (n, z, A, C, Z), and what is read off it.

    Args:
        request: that `refusal` does not refuse.
    """

    def __init__(self, request: Request):
        self._request = request
        problem, state, n = request.cavity, request.state, len(request.cavity)
        alone = uncorrelated(state, n)
        number = definite_number(state, n)
        even = isinstance(state, State) and state.symmetric(n) and number is not None
        if alone is not None:
            inversion = alone[1]
        else:
            inversion = np.full(n, 0.0) if even else np.arange(float(n))
        self.classes = classes = classes_of(problem, inversion)
        self.equations = Equations(classes)
        k = len(classes.sizes)
        first = np.unique(classes.of, return_index=True)[1]
        if alone is not None:
            z, exchange = alone[1][first], np.zeros((k, k), dtype=complex)
            together = np.outer(z, z)
        elif even and n > 1 and number is not None:
            z = np.full(k, 2 * number / n - 1)
            exchange = np.full((k, k), number * (n - number) / (n * (n - 1)) + 0j)
            unlike = 2 * number * (n - number) / (n * (n - 1))  # one of two emitters is excited
            together = np.full((k, k), 1 - 2 * unlike)
        else:
            moments = pair_moments(state, problem.couplings)
            assert moments is not None
            pairs = np.ix_(first, first)
            z, exchange = moments.inversion[first], moments.exchange[pairs]
            together = moments.inversions[pairs]
        self._start = self.equations.joined(0.0, z, np.zeros(k, dtype=complex), exchange, together)
        self._excess = 0.0

    def start(self) -> NDArray[np.float64]:
        """The vector at the first time."""
        return self._start

    def slope(self, t: float, y: NDArray[Any]) -> NDArray[Any]:
        """The derivative."""
        return self.equations.slope(y)

    def tolerances(self) -> tuple[float, float]:
        """Those of the request."""
        return self._request.rtol, self._request.atol

    def rows(self, y: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Fields of `Result` at one time."""
        photons, z, _, exchange, _ = self.equations.split(y)
        of, e = self.classes.of, (1 + z) / 2
        self._excess = max(self._excess, -float(e.min()), float(e.max()) - 1)
        found = {
            "emission": np.array([self.equations.emission(y)]),
            "populations": e[of][None],
            "photons": np.array([float(photons)]),
        }
        if "correlations" in self._request.words:
            pairs = exchange[np.ix_(of, of)].copy()
            np.fill_diagonal(pairs, e[of])
            found["correlations"] = pairs[None]
        return found

    def watch(self, y: NDArray[Any]) -> None:
        """Nothing is cut off."""

    def finished(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of `Result`, with the estimated error."""
        fields["error_estimate"] = mode_error.band(self._request, "order 2", fields)
        return fields

    def diagnostics(self) -> dict[str, Any]:
        """The largest excess of a population beyond 0 and 1."""
        return {"order": 2, "classes": len(self.classes.sizes), "population_excess": self._excess}

    def notes(self) -> list[str]:
        """There is nothing to say."""
        return []


class Equations:
    """The equations of some classes of emitters and one mode.

    Args:
        classes: of the emitters.
    """

    def __init__(self, classes: Classes):
        self.classes = c = classes
        self.count = k = len(c.sizes)
        self.length = 1 + k + 2 * k + 3 * k * k
        self._others = c.others()
        self._beside = self._others * c.between  # (k, j): of the sum over l ≠ m
        self._coupled = bool(np.any(c.between))
        self._real = ~((c.sizes[:, None] == 1) & np.eye(k, dtype=bool))  # pairs that exist

    def joined(
        self, n: float, z: NDArray[Any], a: NDArray[Any], c: NDArray[Any], together: NDArray[Any]
    ) -> NDArray[np.float64]:
        """One vector of real numbers."""
        flat = [np.ascontiguousarray(x, dtype=complex).ravel().view(float) for x in (a, c)]
        return np.concatenate([[n], z, *flat, np.ravel(together)])

    def split(self, y: NDArray[np.float64]) -> tuple[Any, Any, Any, Any, Any]:
        """The number n, and z (K,), A (K,), C (K, K) and Z (K, K), as views."""
        k = self.count
        a, c = y[1 + k : 1 + 3 * k], y[1 + 3 * k : 1 + 3 * k + 2 * k * k]
        rest = y[1 + 3 * k + 2 * k * k :]
        return y[0], y[1 : 1 + k], _complex(a), _complex(c).reshape(k, k), rest.reshape(k, k)

    def slope(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """The derivative of a vector."""
        c = self.classes
        n, z, a, pairs, together = self.split(y)
        given = (c.g * a).imag
        width, sent = c.decay + c.pump, c.decay - c.pump
        light = np.einsum("j,kj,jk->k", c.g.conj(), self._others, pairs)
        da = (c.own - 0.5 * c.linewidth + 1j * c.detuning) * a
        da += 1j * (c.g.conj() * (1 + z) / 2 + light)
        da += 1j * z * (self._beside @ a + c.g.conj() * n)
        dn = -c.linewidth * n + 2 * float(c.sizes @ given)
        dz = -width * z - sent - 4 * given
        dpairs = (c.own.conj()[:, None] + c.own) * pairs
        gained = np.outer(a.conj(), 1j * c.g.conj() * z)
        dpairs += gained + gained.conj().T
        dtogether = -(width[:, None] + width) * together - np.outer(sent, z) - np.outer(z, sent)
        dtogether -= 4 * (np.outer(given, z) + np.outer(z, given))
        if self._coupled:
            h = c.between
            inner = (self._beside * pairs).sum(axis=1)  # Σ_{l≠m} h_ml C_ml
            products = (pairs * c.sizes) @ h.T
            products -= pairs.diagonal()[:, None] * h.T + pairs * h.diagonal()
            swapped = 1j * z * products + 0.5j * h.T * (z + together)
            dpairs += swapped + swapped.conj().T
            dz += 4 * inner.imag
            direct = h * pairs
            moved = z * (inner[:, None] - direct) - direct
            dtogether += 4 * (moved + moved.T).imag
        dpairs *= self._real
        dtogether *= self._real
        return self.joined(dn, dz, da, dpairs, dtogether)

    def emission(self, y: NDArray[np.float64]) -> float:
        """Σ_mn Γ_mn⟨σ⁺_mσ⁻_n⟩."""
        c = self.classes
        _, z, _, pairs, _ = self.split(y)
        alone = float(c.sizes @ (c.decay * (1 + z) / 2))
        return alone + float(np.einsum("k,kj,kj,kj->", c.sizes, self._others, c.shared, pairs).real)

    def regression(self, y: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The matrix M and the start v of ⟨a†(0)a(τ)⟩ and ⟨a†(0)Σσ⁻(τ)⟩ of every class.

        By the regression theorem (x, y) = ⟨a†(0)(a, σ⁻_k)(τ)⟩ obeys d(x, y)/dτ = M(x, y).
        """
        c = self.classes
        n, z, a, _, _ = self.split(y)
        k = self.count
        matrix = np.zeros((k + 1, k + 1), dtype=complex)
        matrix[0, 0] = -0.5 * c.linewidth - 1j * c.detuning
        matrix[0, 1:] = -1j * c.g * c.sizes
        matrix[1:, 0] = 1j * z * c.g.conj()
        matrix[1:, 1:] = np.diag(c.own) + 1j * z[:, None] * self._beside
        return matrix, np.concatenate([[n], a])


def _complex(values: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Pairs of real numbers as complex ones; they may begin anywhere in memory."""
    return values.view(complex) if values.flags.c_contiguous else values.copy().view(complex)


def cost(request: Request) -> Cost:
    """Predict memory, time and error."""
    problem, s, times = request.cavity, speed(), len(request.times)
    n = len(problem)
    alone = uncorrelated(request.state, n)
    even = isinstance(request.state, State) and request.state.symmetric(n)
    inversion = alone[1] if alone is not None else (None if even else np.arange(float(n)))
    classes = classes_of(problem, inversion)
    k = len(classes.sizes)
    collective = float(np.linalg.norm(problem.coupling))
    rate = 2 * collective + classes.linewidth + abs(classes.detuning)
    rate += float((classes.decay + classes.pump + np.abs(classes.own.imag)).max())
    rate += 2 * float(np.abs(classes.between @ classes.sizes).max())
    slopes = _SLOPES_PER_PHASE * rate * float(np.ptp(request.times))
    slopes += _FEWEST_SLOPES + _SLOPES_PER_TIME * times
    coupled = 8.0 * k**3 * s.flop if np.any(classes.between) else 0.0
    slope = _SLOPE_CALLS * s.call + _SLOPE_ENTRIES * k * k * s.entry + coupled
    row = 16.0 * n * n if "correlations" in request.words else 8.0 * n
    compressing, written = writing(request, row * times)
    return Cost(
        int(_BYTES_PAIR * k * k + 2 * row * times + written + 200 * n) + 400_000,
        slopes * slope + compressing + 3000 * s.call,
        f"cumulants of second order of {n} emitters ({k} of them different) and a mode",
        error=mode_error.expected(request, "order 2"),
    )
