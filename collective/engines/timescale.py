r"""One unit of time for all computations, whichever unit the user has chosen.

Engines, steady states and two-time averages work in a unit of rate s near the largest rate or
frequency of the problem, and count time from the first of the times:

.. math:: Γ' = Γ/s, \quad H' = H/s, \quad L' = L/\sqrt s, \qquad t' = s\,(t − t_0)

So no tolerance depends on the unit that a user has chosen, and a late start costs no digits. s is a
power of four: dividing by s or by √s changes no digit, and results in units that differ by such a
power agree in every digit.

The file is longer than others because every kind of problem is scaled here.
"""

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.operators import Untidied, excited, largest_entry
from collective.couplings import noise
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings, require_markov
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.with_mode import CavityCouplings, CavityMode
from collective.emitters import Atoms
from collective.engines import controlled
from collective.engines.request import Problem as Problems
from collective.engines.request import Request
from collective.master.equation import MasterEquation

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.results.result import Result

_RATES_OF_CHANNELS = ("decay", "shift", "ground_shift", "detunings", "drive")
_RATES = ("decay", "shift", "detunings", "dephasing", "pump", "drive")
# powers of the unit of rate in fields of `Result`
_OF_EMISSION = {
    "emission": 1,
    "emission_error": 1,
    "error_estimate": 1,
    "shots": 1,
    "coincidence_rate": 2,
    "coincidence_error": 2,
}
_LARGEST = 1e300  # a rate: sums of larger ones overflow
_HIGHEST = 1000  # largest power of two, and minus the smallest: numbers end at 2^1024
_COPIED = 512  # emitters; more have no copies of their matrices made while the unit is near 1
_NEAR = 2.0**20
_ROUND_OFF = 4 * float(np.finfo(float).eps)  # of evenly spaced times

Problem = TypeVar("Problem", bound=Problems)


def unit_of(problem: Problems, strongest: float = 1.0) -> float:
    """A power of four between half and twice the largest rate or frequency; 0 if there is none.

    Args:
        problem: in the user's units.
        strongest: of the envelope, by which the drive is multiplied.

    Raises:
        ValueError: for rates so large that their sums overflow, and for couplings whose Γ and Δ
            describe nothing.
    """
    require_markov("this", problem)
    return _unit_of(problem, strongest)


def _unit_of(problem: Problems, strongest: float = 1.0) -> float:
    """`unit_of` for engines, which refuse couplings by themselves."""
    if isinstance(problem, Couplings):
        largest = _largest_of_couplings(problem, strongest)
    elif isinstance(problem, ChannelCouplings):
        largest = _largest_of_channels(problem, strongest)
    elif isinstance(problem, CavityCouplings):
        largest = _largest_with_mode(problem, strongest)
    else:
        largest = _largest_of_equation(problem)
    if not largest <= _LARGEST:
        raise ValueError(
            f"couplings: the largest rate is {largest:.3g}, and rates must be at most "
            f"{_LARGEST:g}; give them in another unit of time"
        )
    if largest == 0:
        return 0.0
    many = not isinstance(problem, MasterEquation) and len(problem) > _COPIED
    return 1.0 if many and 1 / _NEAR < largest < _NEAR else _power(largest)


def _power(value: float) -> float:
    """The power of four that lies between half of a value and twice the value."""
    exponent = int(np.clip(np.frexp(value)[1], -_HIGHEST, _HIGHEST))
    return float(np.ldexp(1.0, exponent - exponent % 2))


def _largest_of_couplings(couplings: Couplings, strongest: float) -> float:
    shift, n = couplings.shift, len(couplings)
    own = couplings.detunings + shift.diagonal().real
    # a frequency that all emitters share has no effect, unless there is a drive
    driven = bool(np.any(couplings.drive))
    frequencies = np.abs(own).max() if driven else own.max() - own.min()
    if isinstance(shift, LatticeMatrix):
        shift = shift.between()
    elif 1 < n <= _COPIED:
        shift = shift.copy()
        np.fill_diagonal(shift, 0.0)
    elif n == 1:
        shift = np.zeros((1, 1))
    # no entry of a positive Γ exceeds the largest on the diagonal
    own_rate = (1 + 2 * couplings.thermal_photons) * couplings.decay.diagonal().real.max()
    rates = own_rate, noise.own(couplings.dephasing).max(), noise.own(couplings.pump).max()
    drive = float(np.abs(couplings.drive).max()) * strongest
    pairs = couplings.largest_interaction()
    return float(max(*rates, drive, frequencies, pairs, _largest_entry(shift)))


def _largest_with_mode(problem: CavityCouplings, strongest: float) -> float:
    emitters, mode = problem.couplings, problem.mode
    own = emitters.detunings + emitters.shift.diagonal().real
    apart = np.abs(own - mode.detuning).max()
    if problem.driven:
        apart = max(abs(mode.detuning), np.abs(own).max())
    drive, coupled = abs(mode.drive) * strongest, np.abs(problem.coupling).max()
    return float(
        max(_largest_of_couplings(emitters, strongest), mode.linewidth, apart, drive, coupled)
    )


def _largest_of_channels(channels: ChannelCouplings, strongest: float) -> float:
    decay, energies = channels.decay, channels.energies
    # an energy that all levels of an atom share has no effect, nor, without a drive, one that all
    # excited levels of all atoms share
    upper = channels.atoms.excited == 1
    if np.any(channels.drive):
        levels = float(np.ptp(energies, axis=1).max())
    else:
        levels = float(max(np.ptp(energies[:, upper]), np.ptp(energies[:, ~upper])))
    own = (_largest_entry(matrix) for matrix in (decay, channels.shift))
    drive = float(np.abs(channels.drive).max()) * strongest
    return max(levels, drive, *own, float(np.abs(channels.ground_shift).max()))


def _largest_entry(matrix: NDArray[Any]) -> float:
    """The largest |Re| or |Im| of the entries, without a copy of the matrix."""
    if checks.constant(matrix):
        matrix = matrix[:1, :1]
    elif isinstance(matrix, LatticeMatrix):
        matrix = matrix.kernel
    parts = (matrix.real, matrix.imag) if np.iscomplexobj(matrix) else (matrix,)
    return max(max(float(part.max()), -float(part.min())) for part in parts)


def _largest_of_equation(equation: MasterEquation) -> float:
    largest = largest_entry(equation.hamiltonian())
    if not equation.of_lindblad_form:
        return max(largest, largest_entry(equation.liouvillian()))
    amplitudes = (largest_entry(jump) for jump in equation.collapse_operators())
    return max([largest, *(a * a for a in amplitudes)])  # a square of 10²⁰⁰ by ** raises


def in_unit(problem: Problem, unit: float) -> Problem:
    """A problem with its rates and frequencies divided by a power of four."""
    if unit in (0.0, 1.0):
        return problem
    found = object.__new__(type(problem))
    kept = {f.name: getattr(problem, f.name) for f in fields(problem)}
    if isinstance(problem, Couplings):
        kept |= {name: _divided(kept[name], unit) for name in _RATES}
        if kept["ising"] is not None:
            kept["ising"] = _divided(kept["ising"], unit)
    elif isinstance(problem, ChannelCouplings):
        kept |= {name: _divided(kept[name], unit) for name in _RATES_OF_CHANNELS}
        kept["atoms"] = _atoms_in_unit(problem.atoms, unit)
    elif isinstance(problem, CavityCouplings):
        kept["couplings"] = in_unit(problem.couplings, unit)
        kept["mode"] = _mode_in_unit(problem.mode, unit)
    else:
        kept |= _equation_parts(kept, unit)
    checks.freeze(found, **kept)
    return found


def _mode_in_unit(mode: CavityMode, unit: float) -> CavityMode:
    """A mode with its rates divided by a power of four."""
    g = mode.coupling
    coupling = tuple(each / unit for each in g) if isinstance(g, tuple) else g / unit
    found = object.__new__(CavityMode)
    checks.freeze(
        found,
        coupling=coupling,
        linewidth=mode.linewidth / unit,
        detuning=mode.detuning / unit,
        drive=mode.drive / unit,
    )
    return found


def _atoms_in_unit(atoms: Atoms, unit: float) -> Atoms:
    """Atoms with their linewidths, energies and frequency divided by a power of four."""
    found = object.__new__(Atoms)
    kept = {f.name: getattr(atoms, f.name) for f in fields(atoms)}
    kept |= {"linewidths": atoms.linewidths / unit, "energies": atoms.energies / unit}
    if atoms.frequency is not None:
        kept["frequency"] = atoms.frequency / unit
    checks.freeze(found, **kept)
    return found


def _divided(array: Any, unit: float) -> Any:
    if isinstance(array, LatticeMatrix):
        return array.scaled(1 / unit)
    if checks.constant(array):
        return np.broadcast_to(array[0, 0] / unit, array.shape)
    return np.asarray(array / unit)


@Untidied()
def _equation_parts(kept: dict[str, Any], unit: float) -> dict[str, Any]:
    root, generator = np.sqrt(unit), kept["_generator"]
    return {
        "_hamiltonian": kept["_hamiltonian"] / unit,
        "_jumps": tuple(jump / root for jump in kept["_jumps"]),
        "_generator": None if generator is None else generator / unit,
    }


def scaled(request: Request) -> Request:
    """The request in the unit of its largest rate, from time 0; `Request.user_time` inverts this.

    Raises:
        ValueError: for rates or times that overflow, or steps of time that are below the
            round-off of the first time.
    """
    times = request.times
    elapsed = _elapsed(times)
    changing = request.controls is not None or request.envelope is not None
    plan = controlled.plan(request) if changing else None
    if plan is None:
        problem, unit = request.problem, _unit_of(request.problem)
    else:
        problem, unit = plan.problem, _unit_of(plan.problem, plan.strongest)
        unit = max(unit, _power(plan.fastest) if plan.fastest else 0.0)
        unit *= _power(plan.stronger) if plan.stronger > 1 else 1.0
    if unit == 0:  # without any rate nothing happens, and any unit will do
        unit = 1 / _power(float(elapsed[-1])) if len(times) > 1 else 1.0
    with np.errstate(over="ignore"):
        since = elapsed * unit
    if not np.isfinite(since[-1]):
        raise ValueError(
            f"times: from {times[0]:g} to {times[-1]:g} they span more than 10³⁰⁰ times the "
            f"inverse of the largest rate, about {unit:.3g}; give shorter times"
        )
    if np.any(since[1:] <= since[:-1]):
        i = int(np.argmax(since[1:] <= since[:-1]))
        raise ValueError(
            f"times: the step from {times[i]:.17g} to {times[i + 1]:.17g} is lost beside "
            f"times[0] = {times[0]:g}; start later, or leave one of them out"
        )
    return replace(
        request,
        problem=in_unit(problem, unit),
        times=checks.readonly(since),
        unit=unit,
        origin=float(times[0]),
        controls=None,
        **({} if plan is None else plan.in_unit(times, since, unit)),
    )


def _elapsed(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """The times since the first one; evenly spaced times become exactly evenly spaced.

    A late start would add round-off. Engines reuse what they have computed for an equal step.
    """
    elapsed = times - times[0]
    if times[0] == 0 or len(times) < 3:
        return elapsed
    even = np.arange(len(times)) * (elapsed[-1] / (len(times) - 1))
    round_off = _ROUND_OFF * float(np.abs(times[[0, -1]]).max())
    return even if np.abs(elapsed - even).max() <= round_off else elapsed


def outward(observables: dict[str, Any], request: Request) -> dict[str, Any]:
    """The observables of a scaled request in the user's units.

    The emission of a `MasterEquation` is the mean of an operator of the user: it does not change.
    """
    found = observables | _emission(observables, request, request.unit)
    if request.turn is None:
        return found
    states, last = found.get("states"), found.get("last_state")
    reached = request.times[: len(found["populations"])]
    times = [request.user_time(float(t)) for t in reached]
    if states is not None:
        found["states"] = [
            _turned(rho, -request.turn(t)) for rho, t in zip(states, times, strict=True)
        ]
    if last is not None:
        found["last_state"] = _turned(last, -request.turn(times[-1]))
    return found


def inward(earlier: "Result", request: Request) -> "Result":
    """An earlier result in the units of the engine that continues it; `resume` does not change."""
    kept = {name: getattr(earlier, name) for name in _OF_EMISSION}
    found = earlier.replace(**_emission(kept, request, 1 / request.unit))
    if request.turn is None:
        return found
    turn, times, states = request.turn, earlier.times, earlier.states
    if states is not None:
        pairs = zip(states, times, strict=True)
        found = found.replace(states=[_turned(rho, turn(float(t))) for rho, t in pairs])
    if earlier.last_state is None:
        return found
    return found.replace(last_state=_turned(earlier.last_state, turn(float(times[-1]))))


def _turned(rho: "Qobj", phase: float) -> "Qobj":
    """ρ in a frame that is ahead by a phase per excitation: e^{iφn̂}ρe^{−iφn̂}."""
    from qutip import Qobj

    matrix = rho.full()
    numbers = excited(len(rho.dims[0])).sum(axis=1)
    phases = np.exp(1j * phase * numbers)
    return Qobj(phases[:, None] * matrix * phases.conj(), dims=rho.dims)


def _emission(values: dict[str, Any], request: Request, factor: float) -> dict[str, Any]:
    if factor == 1 or isinstance(request.problem, MasterEquation):
        return {}
    return {
        name: _times(values[name], factor, power)
        for name, power in _OF_EMISSION.items()
        if values.get(name) is not None
    }


def _times(values: NDArray[np.float64], factor: float, power: int) -> NDArray[np.float64]:
    """Values times a power of a factor; the power itself may be too large for a number."""
    for _ in range(power):
        values = values * factor
    return values
