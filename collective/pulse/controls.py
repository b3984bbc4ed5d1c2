"""What changes in time during a run: pulses, detunings and the strength of the coupling."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks, equality
from collective.pulse.pulse import Pulse, marks_of_pulse
from collective.pulse.tables import Table, interpolated, marks_of_table
from collective.pulse.timeline import Marks

_FAST = (float, int, np.float64)  # numbers that need no further check
_RECORDED = 512  # intervals in which a function is written down

Function = Callable[[float], Any]


@dataclass(frozen=True, eq=False, repr=False)
class Controls:
    r"""What changes in time during a run, as `evolve` is asked for it and `Result` keeps it.

    .. math::
        δ_m → δ_m + δ_m(t), \qquad Γ_{mn} → g_m(t)g_n(t)Γ_{mn}, \qquad
        Δ_{mn} → g_m(t)g_n(t)Δ_{mn}

    and the light of all pulses is added to the constant drive.

    Attributes:
        drive: the pulses.
        detunings: δ(t), added to those of the couplings: a function or a `Table` of one number or
            of (N,), or None.
        strength: g(t), real, or None; the diagonals of Γ and Δ change too.

    In a `Result` functions are `Table` s of their values, with their names.
    """

    drive: tuple[Pulse, ...] = ()
    detunings: Table | Function | None = None
    strength: Table | Function | None = None

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        drive = self.drive
        drive = (drive,) if isinstance(drive, Pulse) else drive
        if not isinstance(drive, list | tuple) or not all(isinstance(p, Pulse) for p in drive):
            raise TypeError(
                "drive must be a pulse or a list of pulses (co.pulse.square, gaussian, sech, "
                f"from_array, sequence), got {checks.short(drive)}; a constant drive belongs to "
                "the couplings: couplings.replace(drive=...)"
            )
        object.__setattr__(self, "drive", tuple(drive))
        for name in ("detunings", "strength"):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, Table):
                checks.function(name, value)
            elif np.iscomplexobj(value.values):
                raise ValueError(f"{name} must be real, and its table has complex values")

    def __repr__(self) -> str:
        parts = [repr(pulse) for pulse in self.drive]
        for name in ("detunings", "strength"):
            value = getattr(self, name)
            if value is not None:
                parts.append(f"{name}: {value!r}")
        return "Controls\n" + "\n".join(f"  {part}" for part in parts or ["nothing changes"])


def fit(controls: Controls, n: int, channels: int) -> None:
    """Raise ValueError unless pulses and tables are for N emitters.

    Args:
        controls: what changes.
        n: N.
        channels: how many Rabi frequencies a drive has: N, or those of all channels of atoms.
    """
    for i, pulse in enumerate(controls.drive):
        shapes = [(channels,)] if channels != n else [(), (n,)]
        if pulse.rabi.shape not in shapes:
            wanted = f"{channels} numbers" + ("" if channels != n else " or one for all")
            raise ValueError(f"drive[{i}]: its rabi must be {wanted}, got shape {pulse.rabi.shape}")
    for name in ("detunings", "strength"):
        value = getattr(controls, name)
        if isinstance(value, Table) and value.values.shape[1:] not in ((), (n,)):
            raise ValueError(
                f"{name}: its table must have one number at each time, or {n} of them, got "
                f"shape {value.values.shape}"
            )


def recorded(controls: Controls, times: NDArray[np.float64]) -> "Controls":
    """The same with the values of functions between the first and the last of the times.

    Raises:
        ValueError: if a function fails, or is not finite and real.
    """
    found = {}
    for name in ("detunings", "strength"):
        value = getattr(controls, name)
        if value is not None and not isinstance(value, Table):
            ends = float(times[0]), float(times[-1])
            if ends[0] == ends[1]:
                ends = ends[0], float(np.nextafter(ends[0], np.inf))
            asked = np.unique(np.concatenate([np.linspace(*ends, _RECORDED + 1), times]))
            rows = [values_at(name, value, float(t)) for t in asked]
            if any(row.shape != rows[0].shape for row in rows):
                raise ValueError(
                    f"{name} must return a number at every time, or one number per emitter at "
                    "every time"
                )
            label = getattr(value, "__name__", type(value).__name__)
            value = Table(asked, np.array(rows), "linear", str(label))
        found[name] = value
    return Controls(controls.drive, **found)


def values_at(name: str, function: Table | Function, t: float) -> NDArray[np.float64]:
    """The real value of a function, () or (N,).

    Raises:
        ValueError: if it is not finite or not real, or if the function itself fails.
    """
    if isinstance(function, Table):
        return np.asarray(interpolated(function, t))
    try:
        value = function(t)
    except Exception as error:
        raise ValueError(f"{name} failed at t = {t:g}: {error!r}") from error
    if type(value) in _FAST and abs(value) < checks.LARGEST:
        return np.asarray(value, dtype=float)
    found = checks.finite(f"{name} at t = {t:g}", value)
    if found.ndim > 1:
        raise ValueError(
            f"{name} must return a number or one number per emitter: at t = {t:g} it has the shape "
            f"{found.shape}"
        )
    return found


def marks_of(function: Any) -> Marks | None:
    """What a pulse or a table knows of its kinks; None for a function, which knows nothing."""
    if isinstance(function, Pulse):
        return marks_of_pulse(function)
    return marks_of_table(function) if isinstance(function, Table) else None
