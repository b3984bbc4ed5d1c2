"""Controls of a run as named arrays and JSON, and back."""

from typing import Any

from collective.pulse import Controls, Pulse, Table

PREFIX = "controls:"  # how the names of their arrays begin
_NUMBERS = ("centre", "width", "phase", "detuning", "chirp")


def pack(controls: Controls, arrays: dict[str, Any]) -> dict[str, Any]:
    """What JSON holds of the controls; their numbers are added to the arrays."""

    def stored(array: Any) -> str:
        name = f"{PREFIX}{sum(each.startswith(PREFIX) for each in arrays)}"
        arrays[name] = array
        return name

    def table(found: Any) -> dict[str, Any] | None:
        if found is None:
            return None
        return {
            "times": stored(found.times),
            "values": stored(found.values),
            "interpolation": found.interpolation,
            "name": found.name,
        }

    return {
        "drive": [
            {name: getattr(pulse, name) for name in ("shape", *_NUMBERS)}
            | {"rabi": stored(pulse.rabi), "values": table(pulse.values)}
            for pulse in controls.drive
        ],
        "detunings": table(controls.detunings),
        "strength": table(controls.strength),
    }


def unpack(stored: Any, arrays: dict[str, Any]) -> Controls:
    """The controls that `pack` has written.

    Raises:
        ValueError: if something is missing, or does not fit.
    """

    def table(found: Any) -> Table | None:
        if found is None:
            return None
        times, values = arrays[found["times"]], arrays[found["values"]]
        return Table(times, values, found["interpolation"], found["name"])

    pulses = [
        Pulse(
            rabi=arrays[each["rabi"]],
            values=table(each["values"]),
            **{name: each[name] for name in ("shape", *_NUMBERS)},
        )
        for each in stored["drive"]
    ]
    return Controls(tuple(pulses), table(stored["detunings"]), table(stored["strength"]))
