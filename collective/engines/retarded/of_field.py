"""A field that is sampled: its equation with delays, and what its spectrum adds to the solution."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.blas import BlasThreads
from collective.engines.request import Request
from collective.engines.retarded.problem import another_rate, at_once, equation_of, too_fast
from collective.engines.retarded.remainder import Problem, Remainder, remainder
from collective.engines.retarded.sampled import NARROWEST, Sampled
from collective.engines.retarded.spectrum import Spectrum, in_band
from collective.engines.retarded.steps import Equation

_WIDER = 4.0  # by how much the band grows
_DISPERSION = 10.0  # times (rates and shifts)/ω₀: smaller changes with frequency are no resonance


@dataclass(frozen=True, eq=False)
class OfField:
    """What is solved in time, and what is added to it.

    Attributes:
        equation: with delays.
        spectrum: Σ(ω) in a band.
        remainder: what is added at the output times.
        beyond: by how much a resonance beyond the band changes the amplitudes, 0 if there is none.
    """

    equation: Equation
    spectrum: Spectrum
    remainder: Remainder
    beyond: float

    @property
    def error(self) -> float:
        """The estimated error of what is added."""
        return self.remainder.error + self.remainder.outside + self.beyond

    def diagnostics(self) -> dict[str, Any]:
        """What `Result.diagnostics` says of the spectrum; the band is in the user's unit."""
        s = self.spectrum
        return {
            "band": [s.middle - s.half, s.middle + s.half],
            "frequencies": s.samples,
            "error_of_samples": self.remainder.error,
            "error_of_band": self.remainder.outside + self.beyond,
        }


def of_field(request: Request, start: NDArray[np.complex128]) -> OfField | None:
    """The problem of a field that is sampled, or None for a field that gives its memory.

    The band grows until what is outside of it changes the amplitudes by less than rtol, or until a
    wider one does not help.

    Args:
        request: what is asked for.
        start: amplitudes at time 0, (N, R).

    Raises:
        ValueError: for a field that does not answer in the narrowest band, or changes too fast with
            frequency; for couplings with another Γ than the field.
    """
    sampled = request.memo.get("sampled")
    if not isinstance(sampled, Sampled):
        return None
    with ExitStack() as stack:
        stack.enter_context(sampled.scattered.watched(request.progress))
        if request.threads:
            stack.enter_context(BlasThreads(request.threads))
        return _best(request, sampled, start)


def _best(request: Request, sampled: Sampled, start: NDArray[np.complex128]) -> OfField:
    """The problem with the band of the smallest error."""
    half, found = NARROWEST * sampled.size, None
    why: ValueError | None = None
    while half <= sampled.widest:
        try:
            wider = _in_band(request, sampled, start, half)
        except ValueError as error:  # a table ends in the band, or a resonance is at its end
            why = why or error
            if found is not None:
                break
        else:
            if found is None or wider.error < found.error:
                found = wider
            elif not wider.beyond:
                break
            if found.error <= request.rtol:
                break
        half *= _WIDER
    if found is None:
        assert why is not None
        raise why
    return found


def _in_band(
    request: Request, sampled: Sampled, start: NDArray[np.complex128], half: float
) -> OfField:
    """The problem with one band."""
    unit = request.unit
    last = float(request.times[-1]) or unit / sampled.size  # one time alone is 0
    spectrum = in_band(sampled, half, request.rtol, last / unit)
    for why in (another_rate(request, spectrum.at_resonance), too_fast(spectrum.memory)):
        if why is not None:
            raise ValueError(why)
    equation = equation_of(request, spectrum.memory, spectrum.at_resonance)
    shifts = at_once(request, spectrum.at_resonance)
    problem = Problem(spectrum, unit, shifts, start, sampled.size / unit, last)
    added = remainder(problem, request.times, equation.frame, request.rtol)
    assert sampled.emitters.frequency is not None
    beyond = spectrum.beyond()
    if beyond < _DISPERSION * sampled.size / sampled.emitters.frequency:
        beyond = 0.0
    return OfField(equation, spectrum, added, beyond)
