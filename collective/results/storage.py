"""A result as named arrays and JSON, and back: what `Result.save` writes and `load` reads.

The file is longer than others because what is written and how it is read belong together.
"""

from collections.abc import Callable
from dataclasses import asdict, fields
from types import UnionType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.memory import require
from collective._tools.operators import sparse_of
from collective.couplings import loading, saving
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.emitters import Multilevel
from collective.fields.saving import decoded, encoded
from collective.master.approximations import Report
from collective.master.equation import MasterEquation
from collective.pulse import Controls
from collective.results import controls
from collective.results.contents import ACCURACIES, WORDS, expectations
from collective.results.jumps import Jumps
from collective.states import State
from collective.states.protocol import OWN
from collective.states.recipes import Dicke, Ground, Inverted, Single

if TYPE_CHECKING:
    from qutip import Qobj


ARRAYS = (
    "times",
    "emission",
    "excitation",
    "populations",
    "correlations",
    "emission_error",
    "excitation_error",
    "populations_error",
    "error_estimate",
    "coincidence_rate",
    "coincidence_error",
    "photons",
)
# accuracy of the engines whose files do not hold it
_ACCURACY = dict.fromkeys(("exact", "blocks", "driven", "symmetric", "single"), "exact")
_ACCURACY["trajectories"] = "sampled"
# states that are known completely from their printed name in formats 1 to 3
_OLD_WORDS: dict[str, State] = {"inverted": Inverted(), "ground": Ground()}
_OLD_COUNTED: dict[str, Callable[[int], State]] = {"single": Single, "dicke": Dicke}
_OBJECTS = {
    "jumps": Jumps,
    "couplings": Couplings | CavityCouplings | ChannelCouplings,
    "equation": MasterEquation,
    "controls": Controls,
}


def changed(name: str, value: Any) -> Any:
    """A new value of one attribute of a result, of which the type is checked.

    Whether its shape belongs to the other attributes is checked when the result is saved.

    Raises:
        ValueError, TypeError: naming the attribute.
    """
    from qutip import Qobj

    if name in ("method", "reason"):
        checks.instance(name, value, str, "text")
    elif name == "initial_state":
        if not isinstance(value, State | Qobj | str):
            raise TypeError(f"initial_state must be a State or Qobj, got {type(value).__name__}")
    elif name == "frame":
        checks.choice(name, value, ("rotating", "lab"))
    elif name == "complete":
        return checks.flag(name, value)
    elif name in ("diagnostics", "expect", "resume"):
        checks.instance(name, value, dict, "by name")
        if name != "diagnostics":
            return {key: _array(f"{name}[{key!r}]", each) for key, each in value.items()}
    elif name == "times" or (name in ("emission", "photons") and value is not None):
        row = checks.finite(name, value, largest=np.inf)
        if row.ndim != 1 or len(row) == 0:
            raise ValueError(f"{name} must be one row of numbers, got shape {row.shape}")
        return row
    elif value is None:
        return None
    elif name == "accuracy":
        checks.choice(name, value, ACCURACIES)
    elif name == "start":
        return checks.number(name, value)
    elif name in (*ARRAYS, "shots"):
        return _array(name, value)
    elif name in _OBJECTS:
        _require_kind(name, value)
    elif name == "last_state":
        checks.instance(name, value, Qobj, "a density matrix")
    elif name == "states":
        checks.instance(name, value, list, "one density matrix per time")
        for i, state in enumerate(value):
            checks.instance(f"states[{i}]", state, Qobj, "a density matrix")
    return value


def _require_kind(name: str, value: Any) -> None:
    """Raise unless the value is an object of the kind that the attribute has."""
    wanted = _OBJECTS[name]
    if not isinstance(value, wanted):
        kind = str(wanted) if isinstance(wanted, UnionType) else wanted.__name__
        short = " or ".join(part.split(".")[-1] for part in kind.split(" | "))
        raise TypeError(f"{name} must be {short} (of another result), got {type(value).__name__}")


def _array(name: str, value: Any) -> NDArray[Any]:
    """A checked array of numbers. It is copied if the user can write to it."""
    checks.instance(name, value, np.ndarray, "numbers at every time")
    kinds = "biufc" if "[" in name else "iufc"  # booleans only in expect and resume
    if value.dtype.kind not in kinds or isinstance(value, np.ma.MaskedArray):
        raise ValueError(f"{name} must be numbers, got {checks.short(value)}")
    if value.size == 0 and not name.startswith("resume"):
        raise ValueError(f"{name} has no numbers: its shape is {value.shape}")
    if 0 in value.strides:  # one number for all entries takes no memory, but its copy does
        require(value.nbytes, f"{name} of shape {value.shape}", "pass fewer numbers")
    return value.copy() if value.flags.writeable else value


def pack(result: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays by name, and metadata for JSON."""
    arrays: dict[str, Any] = {
        name: getattr(result, name)
        for name in (*ARRAYS, "shots")
        if getattr(result, name) is not None
    }
    # the user chooses these names, and not all of them can be names of arrays in a file
    arrays |= {f"expect:{i}": values for i, values in enumerate(result.expect.values())}
    arrays |= {f"resume:{name}": values for name, values in result.resume.items()}
    if result.jumps is not None:
        arrays |= {f"jumps:{f.name}": getattr(result.jumps, f.name) for f in fields(result.jumps)}
    metadata = {name: getattr(result, name) for name in (*WORDS, "accuracy", "start")}
    metadata["initial_state"] = _pack_state(result.initial_state, arrays)
    metadata["diagnostics"] = dict(result.diagnostics)
    metadata["expect"] = list(result.expect)
    for name, states in (("states", result.states), ("last_state", result.last_state)):
        if states is not None:
            listed = states if isinstance(states, list) else [states]
            arrays[name] = np.stack([state.full() for state in listed])
            metadata[f"{name}_dims"] = listed[0].dims
    if isinstance(result.couplings, ChannelCouplings):
        saving.pack_channels(result.couplings, arrays, metadata)
    elif isinstance(result.couplings, CavityCouplings):
        saving.pack_mode(result.couplings, arrays, metadata)
    elif result.couplings is not None:
        saving.pack_couplings(result.couplings, arrays, metadata)
    if "unknown_field" in metadata:
        metadata["diagnostics"]["field"] = metadata.pop("unknown_field")
    if result.controls is not None:
        metadata["controls"] = controls.pack(result.controls, arrays)
    if result.equation is not None:
        _pack_equation(result.equation, arrays, metadata)
    return arrays, metadata


def unpack(arrays: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `Result`."""

    def named(prefix: str) -> dict[str, Any]:
        return {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}

    states, last = (_qobjs(name, arrays, metadata) for name in ("states", "last_state"))
    return {
        **{name: arrays.get(name) for name in (*ARRAYS, "shots")},
        **{name: metadata[name] for name in WORDS},
        "initial_state": _unpack_state(arrays, metadata),
        "accuracy": metadata.get("accuracy", _ACCURACY.get(metadata["method"])),
        "start": metadata.get("start"),
        "couplings": _problem(arrays, metadata),
        "equation": _unpack_equation(arrays, metadata) if "equation" in metadata else None,
        "controls": controls.unpack(metadata["controls"], arrays)
        if "controls" in metadata
        else None,
        "states": states,
        "last_state": last[0] if last else None,
        "expect": {name: arrays[of] for name, of in expectations(arrays, metadata).items()},
        "resume": named("resume:"),
        "jumps": _unpack_jumps(named("jumps:")),
    }


def _pack_state(state: Any, arrays: dict[str, Any]) -> Any:
    """An initial state as JSON. The numbers of a QuTiP state are added to the arrays."""
    if isinstance(state, OWN):
        parameters = {f.name: _argument(state, f.name) for f in fields(state)}
        return {"state": type(state).__name__, "parameters": parameters}
    if isinstance(state, str | State):
        return {"text": str(state)}
    arrays["initial_state"] = state.full()
    return {"dims": state.dims}


def _argument(state: State, name: str) -> Any:
    """An argument of a state of the package for JSON."""
    try:
        return encoded(getattr(state, name))
    except TypeError as error:
        raise TypeError(f"{name} of state {state}: {error}") from None


def _unpack_state(arrays: dict[str, Any], metadata: dict[str, Any]) -> "State | Qobj | str":
    stored = metadata["initial_state"]
    if isinstance(stored, str):
        return _of_old_name(stored)
    if "text" in stored:
        return str(stored["text"])
    if "dims" in stored:
        from qutip import Qobj

        return Qobj(arrays["initial_state"], dims=stored["dims"])
    kind = {kind.__name__: kind for kind in OWN}[stored["state"]]
    state = kind(**{name: decoded(each) for name, each in stored["parameters"].items()})
    if "equation" not in metadata and "channels" not in metadata:
        n = len(arrays["couplings:detunings"])
        getattr(state, "probabilities", state.excitations)(n)  # raises if it does not exist
    return state


def _of_old_name(name: str) -> "State | str":
    """The state with a printed name of formats 1 to 3, or the name itself if it is not enough.

    Only some names hold everything about the state. Those of other states leave digits out.
    """
    if name in _OLD_WORDS:
        return _OLD_WORDS[name]
    for kind, make in _OLD_COUNTED.items():
        number = name.removeprefix(f"{kind}(").removesuffix(")")
        if number.isascii() and number.isdigit() and name == f"{kind}({number})":
            return make(int(number))
    return name


def _unpack_jumps(arrays: dict[str, Any]) -> Jumps | None:
    if not arrays:
        return None
    return Jumps(**{**arrays, "n_trajectories": int(arrays["n_trajectories"])})


def _problem(arrays: dict[str, Any], metadata: dict[str, Any]) -> Any:
    """The couplings of a result, or None for a master equation."""
    if "equation" in metadata:
        return None
    return loading.unpack(arrays, metadata)


def _pack_equation(
    equation: MasterEquation, arrays: dict[str, Any], metadata: dict[str, Any]
) -> None:
    size = equation.dimension
    jumps = equation.collapse_operators() if equation.of_lindblad_form else []
    arrays["equation:hamiltonian"] = equation.hamiltonian().full()
    arrays["equation:jumps"] = np.array([j.full() for j in jumps]).reshape(-1, size, size)
    if not equation.of_lindblad_form:
        arrays["equation:generator"] = equation.liouvillian().full()
    if equation.emission_operator is not None:
        arrays["equation:emission"] = equation.emission_operator.full()
    if equation.frame is not None:
        arrays["equation:frame"] = equation.frame
    metadata["equation"] = {
        "dims": equation.dims,
        "scheme": equation.approximation,  # the key that all formats use
        "report": None if equation.report is None else asdict(equation.report),
    }
    system = equation.multilevel
    if system is not None:
        arrays["multilevel:positions"] = system.positions
        for i, (energies, dipoles) in enumerate(zip(system.energies, system.dipoles, strict=True)):
            arrays[f"multilevel:energies:{i}"] = energies
            arrays[f"multilevel:dipoles:{i}"] = dipoles
        metadata["multilevel"] = {
            "kind": system.kind,
            "speed_of_light": system.speed_of_light,
        }


def _unpack_equation(arrays: dict[str, Any], metadata: dict[str, Any]) -> MasterEquation:
    stored = metadata["equation"]
    dims = [stored["dims"]] * 2
    system = None
    if "multilevel" in metadata:
        positions = arrays["multilevel:positions"]
        system = Multilevel(
            positions,
            [arrays[f"multilevel:energies:{i}"] for i in range(len(positions))],
            [arrays[f"multilevel:dipoles:{i}"] for i in range(len(positions))],
            **metadata["multilevel"],
        )
    generator, emission = arrays.get("equation:generator"), arrays.get("equation:emission")
    report = stored["report"]
    if report is not None:
        report = Report(**{**report, "dropped": tuple(report["dropped"])})
    return MasterEquation(
        sparse_of(arrays["equation:hamiltonian"], dims),
        [sparse_of(jump, dims) for jump in arrays["equation:jumps"]],
        generator=None if generator is None else sparse_of(generator, [dims, dims]),
        approximation=stored["scheme"],
        multilevel=system,
        frame=arrays.get("equation:frame"),
        emission_operator=None if emission is None else sparse_of(emission, dims),
        report=report,
    )


def _qobjs(name: str, arrays: dict[str, Any], metadata: dict[str, Any]) -> "list[Qobj] | None":
    if name not in arrays:
        return None
    from qutip import Qobj

    return [Qobj(array, dims=metadata[f"{name}_dims"]) for array in arrays[name]]
