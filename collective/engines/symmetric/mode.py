r"""Identical emitters on Dicke ladders beside a cavity mode, by the total number of excitations.

Entries are ⟨J, k, n|ρ|J, k', n'⟩ with k excited emitters and n photons (`basis/dicke`). Without a
drive nothing couples entries of different k + n − k' − n', and observables need those where it is
zero. The Hamiltonian

.. math:: H = V J^+J^- + (δ − V)\hat k + Δ_c\hat n + ga^†J^- + g^*aJ^+

stays on a ladder. A photon that leaves and collective decay lower k + n by one. Individual decay,
dephasing and a pump couple neighbouring ladders.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.speed import speed
from collective.couplings.with_mode import CavityCouplings, too_few
from collective.engines.base import Cost, writing
from collective.engines.basis.dicke import Identical, identical
from collective.engines.basis.dicke_states import density, mixture_weights, on_all_ladders
from collective.engines.request import Request
from collective.engines.symmetric.mode_ladders import Ladders
from collective.states import State
from collective.states.answers import highest_excitation, probabilities_of

_EQUAL = 1e-12  # relative: couplings of identical emitters
_LEAST_RTOL = 1e-13
_BYTES_ENTRY = 950  # per entry of ρ: stages of the integrator, tables, the generator
_BYTES_TERM = 60  # per entry of the generator, while it is built
_SLOPE_ENTRIES = 1.1  # per entry of the generator
_VECTOR_ENTRIES = 14.0  # per entry of ρ and slope
_BUILT_ENTRIES = 60.0  # per entry of the generator, once
_SLOPES_PER_PHASE = 1.5
_SLOPES_PER_TIME = 4.0
_FEWEST_SLOPES = 150.0
_RUN_CALLS = 4000.0
_SLOPE_CALLS = 25.0


def refusal(request: Request) -> str | None:
    """The reason why emitters and mode are not those of this file, or None."""
    problem, who = request.cavity, "method 'symmetric'"
    e = identical(problem.couplings)
    if isinstance(e, str):
        return f"{who} is for identical couplings: {e}"
    g = problem.coupling
    if np.abs(g - g[0]).max() > _EQUAL * np.abs(g).max():
        return f"{who} is for identical couplings: those to the mode are unequal"
    if problem.driven:
        return f"{who} with a cavity mode takes no drive"
    if not isinstance(request.state, State):
        return f"{who} with a cavity mode takes states of co.states, with an empty mode"
    if not request.state.symmetric(e.n):
        return f"{who} is for states that no permutation changes, which {request.state} is not"
    return None


def highest(problem: CavityCouplings, request: Request) -> int:
    """The largest number of excited emitters and photons together that is kept."""
    n = len(problem)
    if np.any(problem.couplings.pump):
        return n + problem.photons
    return highest_excitation(request.state, n)


def one_ladder(e: Identical, request: Request) -> bool:
    """Whether only the longest ladder is occupied."""
    return e.one_ladder and not on_all_ladders(request.state, e.n)


class LadderMode:
    """The density matrix of one request, and what is read off it.

    Args:
        request: that `refusal` does not refuse.
    """

    def __init__(self, request: Request):
        self._request = request
        problem = request.cavity
        e = identical(problem.couplings)
        assert isinstance(e, Identical)
        self._e, self._photons, total = e, problem.photons, highest(problem, request)
        self._cut = bool(np.any(problem.couplings.pump)) or total > problem.photons
        self._highest_photon = 0.0
        self._ladders = ladders = Ladders(problem, total, longest=one_ladder(e, request))
        self._diagonal = diagonal = np.flatnonzero(ladders.k == ladders.k2)
        k, d = ladders.k[diagonal].astype(float), ladders.d[diagonal]
        self._excited, self._bright = k, (k - d) * (e.n - d - k + 1.0)
        self._inside = ladders.n[diagonal].astype(float)
        self._last = ladders.n[diagonal] == self._photons

    def start(self) -> NDArray[np.complex128]:
        """The entries of the initial state, with an empty mode."""
        e, state = self._e, self._request.state
        found = np.zeros(len(self._ladders), dtype=complex)
        ladders = self._ladders
        at = np.flatnonzero((ladders.n == 0) & (ladders.n2 == 0))
        k, d = ladders.k[at], ladders.d[at]
        if on_all_ladders(state, e.n):
            assert isinstance(state, State)
            chances = probabilities_of(state, e.n)
            assert chances is not None
            found[at] = mixture_weights(e.n, k, d, float(chances[0]))
            return found
        longest = d == 0
        rho = density(state, e.n).diagonal()
        found[at[longest]] = rho[k[longest]]
        return found

    def slope(self, t: float, y: NDArray[Any]) -> NDArray[Any]:
        """The derivative dρ/dt."""
        return self._ladders.matrix @ y

    def tolerances(self) -> tuple[float, float]:
        """Of a step; its error is a mean over all entries, most of which are nearly zero."""
        request = self._request
        atol = request.atol / 10 / np.sqrt(len(self._ladders))
        return max(request.rtol / 10, _LEAST_RTOL), float(atol)

    def rows(self, y: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Fields of `Result` at one time.

        Raises:
            ValueError: if photon numbers are missing.
        """
        self.watch(y)
        e, p = self._e, y[self._diagonal].real
        number, bright = float(p @ self._excited), float(p @ self._bright)
        return {
            "emission": np.array([e.collective * bright + e.individual * number]),
            "excitation": np.array([number]),
            "bright": np.array([bright]),
            "photons": np.array([float(p @ self._inside)]),
            "trace_error": np.array([abs(float(p.sum()) - 1)]),
        }

    def watch(self, y: NDArray[Any]) -> None:
        """Look at the highest photon number.

        Raises:
            ValueError: if photon numbers are missing.
        """
        if self._cut:
            top = float(y[self._diagonal[self._last]].real.sum())
            self._highest_photon = max(self._highest_photon, top)
            if (why := too_few(top, self._photons)) is not None:
                raise ValueError(why)

    def finished(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of `Result`, with the same populations for all emitters."""
        n, number = self._e.n, fields["excitation"]
        bright = fields.pop("bright")
        fields["populations"] = np.broadcast_to((number / n)[:, None], (len(number), n))
        if "correlations" in self._request.words:
            pairs = (bright - number) / max(1, n * (n - 1))
            found = np.empty((len(number), n, n), dtype=complex)
            found[:] = pairs[:, None, None]
            found[:, np.arange(n), np.arange(n)] = (number / n)[:, None]
            fields["correlations"] = found
        return fields

    def diagnostics(self) -> dict[str, Any]:
        """The largest population of the highest photon number."""
        return {"highest_photon_population": self._highest_photon}

    def notes(self) -> list[str]:
        """There is nothing to say."""
        return []


def entries(problem: CavityCouplings, request: Request) -> int:
    """The number of entries of ρ, without making them."""
    e = identical(problem.couplings)
    assert isinstance(e, Identical)
    total, photons = highest(problem, request), problem.photons
    ladders = 1 if one_ladder(e, request) else min(e.n // 2, total) + 1
    found = 0
    for d in range(ladders):  # blocks of s excitations: as many squared as numbers n fit
        s = np.arange(d, min(total, e.n - d + photons) + 1)
        fitting = np.minimum(s - d, photons) - np.maximum(s - (e.n - d), 0) + 1
        found += int((np.maximum(fitting, 0).astype(float) ** 2).sum())
    return found


def cost(request: Request) -> Cost:
    """Predict memory and time."""
    problem, s = request.cavity, speed()
    e = identical(problem.couplings)
    assert isinstance(e, Identical)
    size, times, n = entries(problem, request), len(request.times), e.n
    kinds = [e.individual, e.dephasing, e.pump]
    terms = 6 + bool(e.collective) + 3 * sum(map(bool, kinds))
    total = highest(problem, request)
    photons = min(problem.photons, total)
    strength = abs(problem.coupling[0]) * np.sqrt(photons) * max(min(n, total) / 2, np.sqrt(n))
    rate = 2 * strength + problem.mode.linewidth * photons + abs(problem.mode.detuning) * photons
    together = e.collective + e.pump_together + e.dephasing_together
    rate += together * (n + 2) ** 2 / 4 + n * sum(kinds)
    slopes = _SLOPES_PER_PHASE * rate * float(np.ptp(request.times))
    slopes += _SLOPES_PER_TIME * times + _FEWEST_SLOPES
    slope = (_SLOPE_ENTRIES * terms + _VECTOR_ENTRIES) * size * s.entry + _SLOPE_CALLS * s.call
    correlated = 16 * n**2 * times if "correlations" in request.words else 0
    compressing, written = writing(request, correlated + 8 * n * times)
    seconds = _RUN_CALLS * s.call + _BUILT_ENTRIES * terms * size * s.entry + slopes * slope
    return Cost(
        int((_BYTES_ENTRY + _BYTES_TERM * terms) * size + correlated + written) + 400 * times,
        seconds + compressing,
        f"{n} identical emitters and up to {photons} photons, {size:,} entries of ρ",
    )
