r"""Pulses, detunings and strength of a request as an engine takes them.

Most engines know a drive with one function of time by which it is multiplied, its envelope. All
light whose Rabi frequencies have one common ratio between the emitters becomes such a drive,

.. math:: Ω_m(t) = \sum_k Ω_{km} f_k(t) = Ω_m f(t).

A detuning :math:`δ(t)` that all emitters share turns the frame: with
:math:`φ(t) = \int_{t_0}^t δ\,dt'` the light is multiplied by :math:`e^{iφ}`, nothing else changes,
and density matrices are turned back for the user. What is left is `Motion`.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.engines.plan import Light, Plan, Shape
from collective.engines.request import Request, envelope_at
from collective.pulse.controls import marks_of, values_at
from collective.pulse.phase import Phase
from collective.pulse.pulse import Pulse, factor_at
from collective.pulse.tables import Table
from collective.pulse.timeline import Marks, timeline

_PARALLEL = 1e-14  # relative difference of the ratios of two drives that have the same
_LOOKED_AT = 41  # times within each pulse at which its strength is looked at
_CELLS = 65  # of the time, at least, in which a detuning is integrated
_MANY = 500  # times; of more some are left out
_INSTANT = 1e-12  # of the whole time: a pulse that is shorter within it has no effect
_ROUND_OFF = 4 * float(np.finfo(float).eps)
_GENERIC = 0.5 * (5**0.5 - 1)


def plan(request: Request) -> Plan:
    """How a request in the user's unit looks to an engine."""
    problem, envelope, controls = request.problem, request.envelope, request.controls
    if controls is None:
        strongest = float(np.abs(request.pulse).max()) if len(request.pulse) else 1.0
        shape = None if envelope is None else partial(envelope_at, envelope)
        return Plan(problem, shape, strongest=strongest)
    assert isinstance(problem, Couplings | ChannelCouplings)
    n = len(problem.drive)
    lights: list[Light] = []
    sources: list[Any] = []
    if np.any(problem.drive) and envelope is None:
        lights.append(Light(problem.drive, _always))
    elif np.any(problem.drive):
        assert envelope is not None
        lights.append(Light(problem.drive, partial(envelope_at, envelope)))
        sources.append(lights[0].shape)
    for pulse in controls.drive:
        if _acts(pulse, request.times):
            lights.append(Light(np.broadcast_to(pulse.rabi, (n,)), partial(factor_at, pulse)))
            sources.append(pulse)
    detunings = strength = turn = None
    fastest, stronger, quicker, moments = 0.0, 1.0, 1.0, _moments(request)
    if controls.detunings is not None:
        detunings = _vectors("detunings", controls.detunings, n)
        sources.append(controls.detunings)
        fastest = max(float(np.abs(detunings(t)).max()) for t in moments)
        # operators of the user stay in the user's frame
        if _uniform(request, controls.detunings) and not request.operators:
            turn = _phase(request, detunings, controls.detunings)
            lights = [Light(light.rabi, _turned(light.shape, turn)) for light in lights]
            detunings = None
    if controls.strength is not None:
        strength = _vectors("strength", controls.strength, n)
        sources.append(controls.strength)
        squares = np.array([float(np.abs(strength(t)).max()) ** 2 for t in moments])
        stronger = max(1.0, float(squares.max()))
        quicker = float(squares.max()) * _mean_share(squares, moments)
    marks, unknown = _known(sources)
    common = _common(lights)
    further: dict[str, Any] = {"fastest": fastest, "marks": marks, "unknown": unknown, "turn": turn}
    if detunings is None and strength is None and common is not None:
        return _with_envelope(problem, lights, *common, moments, further)
    sizes = np.array([np.abs(_sum(lights, t)).max() if lights else 0.0 for t in moments])
    return Plan(
        _driven(problem, _generic(lights, n, float(max(sizes)))),
        _always,
        np.ones(1, dtype=complex),
        share=_mean_share(sizes, moments),
        stronger=stronger,
        quicker=quicker,
        lights=tuple(lights),
        detunings=detunings,
        strength=strength,
        **further,
    )


def _with_envelope(
    problem: Couplings | ChannelCouplings,
    lights: Sequence[Light],
    rabi: NDArray[np.complex128],
    shares: list[complex],
    moments: Sequence[float],
    further: dict[str, Any],
) -> Plan:
    """The plan for light of one common ratio: a drive, and an envelope of size 1."""

    def total(t: float) -> complex:
        pairs = zip(shares, lights, strict=True)
        return complex(sum(share * light.shape(t) for share, light in pairs))

    if not lights:
        return Plan(_driven(problem, np.zeros_like(problem.drive)), turn=further["turn"])
    values = np.array([total(t) for t in moments], dtype=complex)
    # a function of the user may be zero at all these times and not between them
    size = float(np.abs(values).max()) or max(map(abs, shares))
    return Plan(
        _driven(problem, size * rabi),
        lambda t: total(t) / size,
        np.asarray(values / size, dtype=complex),
        share=_mean_share(np.abs(values), moments),
        **further,
    )


def _acts(pulse: Pulse, times: NDArray[np.float64]) -> bool:
    """Whether a pulse sends any light between the first and the last of the times."""
    first, last = float(times[0]), float(times[-1])
    start, end = pulse.support
    together = min(end, last) - max(start, first)
    round_off = max(_INSTANT * (last - first), _ROUND_OFF * max(abs(first), abs(last)))
    shape = 1.0 if pulse.values is None else pulse.values.values
    return bool(np.any(pulse.rabi) and np.any(shape) and together > round_off)


def _mean_share(sizes: NDArray[np.float64], moments: Sequence[float]) -> float:
    """The mean over time over the largest of some sizes, which decides how long a run takes."""
    span = moments[-1] - moments[0]
    if span == 0 or not sizes.any():
        return 1.0
    return float(np.trapezoid(sizes, moments) / (span * sizes.max()))


def _driven(
    problem: Couplings | ChannelCouplings, drive: NDArray[np.complex128]
) -> Couplings | ChannelCouplings:
    """The couplings with another drive; Γ and Δ are checked already."""
    found = object.__new__(type(problem))
    kept = {f.name: getattr(problem, f.name) for f in fields(problem)}
    checks.freeze(found, **kept | {"drive": drive.astype(complex)})
    return found


def _always(t: float) -> complex:
    """The shape of light that does not change."""
    return 1.0 + 0j


def _turned(shape: Shape, turn: Callable[[float], float]) -> Shape:
    """A shape in the frame that turns with a detuning."""
    return lambda t: shape(t) * np.exp(1j * turn(t))


def _sum(lights: Sequence[Light], t: float) -> NDArray[np.complex128]:
    """Ω of all light at a time, (N,)."""
    return np.asarray(sum(light.rabi * light.shape(t) for light in lights))


def _generic(lights: Sequence[Light], n: int, size: float) -> NDArray[np.complex128]:
    """A drive of this size with no symmetry that not every part of the light has, (N,)."""
    found = np.zeros(n, dtype=complex)
    for k, light in enumerate(lights):
        found += light.rabi / (np.abs(light.rabi).max() * (1 + k * _GENERIC))
    largest = float(np.abs(found).max())
    return np.asarray(found * (size / largest if largest > 0 else 1.0), dtype=complex)


def _common(lights: Sequence[Light]) -> tuple[NDArray[np.complex128], list[complex]] | None:
    """Rabi frequencies of size 1 and the multiple that each part of the light has; or None."""
    if not lights:
        return np.zeros(0, dtype=complex), []
    first = lights[0].rabi
    at = int(np.argmax(np.abs(first)))
    unit, shares = first / first[at], []
    for light in lights:
        share = complex(light.rabi[at])
        if np.abs(light.rabi - share * unit).max() > _PARALLEL * np.abs(light.rabi).max():
            return None
        shares.append(share)
    return unit, shares


def _moments(request: Request) -> list[float]:
    """Times of the user at which the strength of what changes is looked at."""
    controls, times = request.controls, request.times
    assert controls is not None
    first, last = times[[0, -1]]
    found = [_some(times), np.linspace(first, last, _CELLS), times[[0, -1]]]
    for pulse in controls.drive:
        start, end = np.clip(pulse.support, first, last)
        centre = np.clip(pulse.centre, first, last)
        near = np.clip(centre + pulse.width * np.linspace(-2, 2, _LOOKED_AT), start, end)
        found += [np.linspace(start, end, _LOOKED_AT), near]
        if pulse.values is not None:
            found.append(np.clip(_peaks(pulse.values), first, last))
    for each in (controls.detunings, controls.strength):
        if isinstance(each, Table):
            found.append(np.clip(_peaks(each), first, last))
    return [float(t) for t in np.unique(np.concatenate(found))]


def _some(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Some hundred of many times."""
    return times[:: max(1, len(times) // _MANY)]


def _peaks(table: Table) -> NDArray[np.float64]:
    """Some hundred times of a table: where it is largest in each of as many parts."""
    sizes = np.abs(table.values.reshape(len(table.times), -1)).max(axis=1)
    begins = np.arange(0, len(sizes), max(1, len(sizes) // _MANY))
    parts = pairwise([*begins, len(sizes)])
    return table.times[[a + int(np.argmax(sizes[a:b])) for a, b in parts]]


def _vectors(
    name: str, function: Callable[[float], Any], n: int
) -> Callable[[float], NDArray[np.float64]]:
    """A function of the user that returns (N,), whether it gives one number or N."""

    def found(t: float) -> NDArray[np.float64]:
        value = values_at(name, function, t)
        if value.shape not in ((), (n,)):
            raise ValueError(
                f"{name} must return a number or {n} numbers, one per emitter: at t = {t:g} it has "
                f"the shape {value.shape}"
            )
        return np.broadcast_to(value, (n,))

    return found


def _uniform(request: Request, function: Callable[[float], Any]) -> bool:
    """Whether a function gives one number for all emitters."""
    moments = (float(t) for t in request.times[[0, -1]])
    return len(request.rwa) == 1 or all(np.ndim(function(t)) == 0 for t in moments)


def _phase(
    request: Request, detunings: Callable[[float], NDArray[np.float64]], source: Any
) -> Callable[[float], float]:
    """φ(t) of detunings that all emitters share."""
    first, last = float(request.times[0]), float(request.times[-1])
    if first == last:
        return lambda t: 0.0

    def one(t: float) -> float:
        found = detunings(t)
        if np.any(found != found[0]):
            raise ValueError(
                f"detunings must return one number, or as many at every time: at t = {t:g} they "
                "differ between the emitters"
            )
        return float(found[0])

    marks, unknown = _known([source])
    pieces = timeline(first, last, marks, unknown)
    cells = np.concatenate([pieces.parts(first, last), np.linspace(first, last, _CELLS)])
    return Phase(one, np.unique(cells))


def _known(sources: Sequence[Any]) -> tuple[Marks, tuple[Callable[[float], Any], ...]]:
    """The marks of pulses and tables, and the functions that have none."""
    marks, unknown = Marks(), []
    for source in sources:
        found = marks_of(source)
        if found is None:
            unknown.append(source)
        else:
            marks = marks.joined(found)
    return marks, tuple(unknown)
