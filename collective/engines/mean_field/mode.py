r"""Mean field of emitters with a cavity mode: a Bloch vector for each, and an amplitude α = ⟨a⟩.

.. math:: \dot α = −(κ/2 + iΔ_c)α − i\sum_m g_ms_m − iη, \qquad
          F_n = \sum_{l≠n} h_{nl}s_l + ½Ω_n + g^*_nα

with s, e and F as in `equations`. The light is |α|². An envelope multiplies Ω and η. Samples with
random phases have α = 0 at the start.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.speed import speed
from collective.engines import mode_error
from collective.engines.base import Cost, writing
from collective.engines.mean_field.equations import Equations
from collective.engines.mean_field.start import COHERENT, with_random_phases
from collective.engines.request import Request
from collective.states.moments import uncorrelated

SAMPLES = 100
_RTOL = 1e-4  # of random phases, far below standard errors
_SLOPES_PER_PHASE, _FEWEST_SLOPES, _SLOPES_PER_TIME = 4.0, 250.0, 6.0
_SLOPE_CALLS, _SLOPE_ENTRIES, _FLOPS = 60.0, 40.0, 8.0
_BYTES = 1100  # per emitter and sample: stages of the integrator


def refusal(request: Request) -> str | None:
    """The reason why mean field cannot evolve emitters and mode, or None."""
    if uncorrelated(request.state, len(request.cavity)) is None:
        return (
            "method 'mean_field' takes states without correlations between emitters, product "
            f"or mixed, not state {request.state_name}"
        )
    return None


def alone(request: Request) -> bool:
    """Whether excited emitters have no mean field: not coherent, and nothing drives them."""
    found = uncorrelated(request.state, len(request.cavity))
    assert found is not None
    excited = np.any(found[1] > -1) or np.any(request.cavity.couplings.pump)
    dark = float(np.abs(found[0]).max()) <= COHERENT
    return bool(not request.cavity.driven and dark and excited)


class ModeField:
    """The equations of all samples, and what is read off them.

    The vector has s (N, B) complex, then e (N, B), then α (B,) complex.

    Args:
        request: that `refusal` does not refuse.
        phases: number of samples with random phases, 0 for none.
        seed: of the phases.
    """

    def __init__(self, request: Request, phases: int, seed: int | None):
        self._request, self._phases, self._seed = request, phases, seed
        self._problem = problem = request.cavity
        # the mode has a frequency of its own: what emitters share has an effect
        self._emitters = Equations(problem.couplings, frame=0.0)
        self._samples = max(phases, 1)
        self._length = 3 * len(problem) * self._samples
        self._g = problem.coupling[:, None]
        self._half_drive = 0.5 * problem.couplings.drive[:, None]
        self._turning = -(problem.mode.linewidth / 2 + 1j * problem.mode.detuning)

    def start(self) -> NDArray[np.float64]:
        """The vector at the first time."""
        found = uncorrelated(self._request.state, len(self._problem))
        assert found is not None
        lowered, excited = found[0], (1 + found[1]) / 2
        s, e = lowered[:, None], excited[:, None]
        if self._phases:
            assert self._seed is not None
            s, e = with_random_phases(lowered, excited, self._phases, self._seed)
        return np.concatenate([self._emitters.joined(s, e), np.zeros(2 * self._samples)])

    def _split(self, y: NDArray[Any]) -> tuple[Any, Any, Any]:
        """S and e, (N, B), and α, (B,)."""
        s, e = self._emitters.split(y[: self._length])
        return s, e, np.ascontiguousarray(y[self._length :]).view(complex)

    def slope(self, t: float, y: NDArray[Any]) -> NDArray[Any]:
        """The derivative."""
        s, e, light = self._split(y)
        envelope = self._request.envelope
        strength = 1.0 if envelope is None else envelope(t)
        found = self._emitters.slope(t, y[: self._length])
        ds, de = self._emitters.split(found)
        field = self._g.conj() * light
        if envelope is not None:  # the drive is in the slope of the emitters already, once
            field = field + (strength - 1.0) * self._half_drive
        ds += 1j * (2 * e - 1) * field
        de += 2 * (s.conj() * field).imag
        given = (self._g * s).sum(axis=0) + strength * self._problem.mode.drive
        dlight = self._turning * light - 1j * given
        return np.concatenate([found, dlight.view(float)])

    def tolerances(self) -> tuple[float, float]:
        """Those of the request; random phases need less."""
        request = self._request
        if self._phases:
            return max(request.rtol, _RTOL), max(request.atol, _RTOL / 10)
        return request.rtol, request.atol

    def rows(self, y: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Fields of `Result` at one time."""
        s, e, light = self._split(y)
        emission = self._emitters.emission(y[: self._length])
        found = {
            "emission": emission.mean(keepdims=True),
            "populations": e.mean(axis=1)[None],
            "photons": (np.abs(light) ** 2).mean(keepdims=True),
        }
        if self._phases:
            found |= {
                "emission_error": _error(emission)[None],
                "populations_error": _error(e)[None],
                "excitation_error": _error(e.sum(axis=0))[None],
            }
        if "correlations" in self._request.words:
            pairs = s.conj() @ s.T / self._samples
            np.fill_diagonal(pairs, e.mean(axis=1))
            found["correlations"] = pairs[None]
        return found

    def names(self) -> tuple[str, ...]:
        """Fields of `Result` that are recorded."""
        found: tuple[str, ...] = ("emission", "populations", "photons")
        if self._phases:
            found = (*found, "emission_error", "populations_error", "excitation_error")
        return (*found, "correlations") if "correlations" in self._request.words else found

    def watch(self, y: NDArray[Any]) -> None:
        """Nothing is cut off."""

    def finished(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of `Result`, with the estimated error."""
        kind = "random phases" if self._phases else "mean field"
        fields["error_estimate"] = mode_error.band(self._request, kind, fields)
        return fields

    def diagnostics(self) -> dict[str, Any]:
        """The seed of the phases."""
        return {"phases": self._phases, "seed": self._seed} if self._phases else {}

    def notes(self) -> list[str]:
        """A warning if the emitters never met any light."""
        if self._phases or not alone(self._request):
            return []
        return [
            "mean field without random phases: the emitters start without coherence, and the mode "
            "is empty and not driven, so that it stays empty; use MeanField(phases=500) or "
            "Cumulants()"
        ]


def _error(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard errors of the means of rows."""
    return np.asarray(values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1]))


def cost(request: Request, phases: int) -> Cost:
    """Predict memory, time and error."""
    problem, s, times = request.cavity, speed(), len(request.times)
    n, samples, c = len(problem), max(phases, 1), problem.couplings
    rate = 2 * float(np.linalg.norm(problem.coupling)) + problem.mode.linewidth
    own = c.detunings + c.shift.diagonal().real
    rate += abs(problem.mode.detuning) + float(np.abs(own).max())
    rate += float((c.decay.diagonal().real + c.pump + np.abs(c.drive)).max()) + abs(
        problem.mode.drive
    )
    phase = rate * float(np.ptp(request.times)) * (0.4 if phases else 1.0)
    fewest = _FEWEST_SLOPES + _SLOPES_PER_TIME * times
    slopes = _SLOPES_PER_PHASE * phase + (fewest / 4 if phases else fewest)
    product = _FLOPS * n * n * samples * s.flop + n * n * s.entry
    slope = _SLOPE_CALLS * s.call + _SLOPE_ENTRIES * n * samples * s.entry + product
    row = 16.0 * n * n if "correlations" in request.words else 16.0 * n
    compressing, written = writing(request, row * times)
    kind = "random phases" if phases else "mean field"
    return Cost(
        int(_BYTES * n * samples + 32.0 * n * n + 2 * row * times + written) + 300_000,
        slopes * slope + compressing + 3000 * s.call,
        f"mean field of {n} emitters and a mode"
        + (f", {phases} samples with random phases" if phases else ""),
        error=mode_error.expected(request, kind),
    )
