"""Bad values for every argument of every public function, and the check of the outcome.

`discovered` finds all public functions, constructors and methods. `recipes.py` holds good arguments
for each. `walk` then replaces one argument at a time by a bad value. Either the call must return a
result without NaN and infinity, or the package must raise an error that names the argument.
"""

import dataclasses
import decimal
import dis
import fractions
import inspect
import re
import resource
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import qutip

import collective

PACKAGE = Path(collective.__file__).parent
SECONDS = 5.0  # of CPU: the longest time for one call
_WALL = 60.0  # seconds of wall time: the longest for one call
_ROOM = 3 * 2**30  # bytes of address space: the most for one call


def gives_none(*_args, **_options):
    return None


def takes_nothing():
    return 0.0


def gives_text(*_args, **_options):
    return "x"


class Plain:
    """An object without any methods or attributes of its own."""

    def __repr__(self):
        return "<plain object>"


def _recursive():
    inside = []
    inside.append(inside)
    return inside


def _read_only():
    array = np.array([1.0, 2.0])
    array.flags.writeable = False
    return array


# values that must not be accepted where a number is expected
NOT_NUMBERS = {
    "True": lambda: True,
    "False": lambda: False,
    "numpy's True": lambda: np.True_,
    "'x'": lambda: "x",
    "'0.1'": lambda: "0.1",
    "b'1'": lambda: b"1",
    "an object": Plain,
    "a function": lambda: gives_none,
    "a function without arguments": lambda: takes_nothing,
    "a function that gives text": lambda: gives_text,
    "{}": dict,
    "{'a': 1}": lambda: {"a": 1},
    "set()": set,
    "a ragged list": lambda: [[1.0, 2.0], [3.0]],
    "a list of None": lambda: [None, None],
    "a list in itself": _recursive,
    "NaN": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "-inf": lambda: float("-inf"),
    "complex NaN": lambda: complex(float("nan"), 1.0),
    "[10**400]": lambda: [10**400],
    "[NaN, NaN, NaN]": lambda: [float("nan")] * 3,
    "a date": lambda: np.datetime64("1970-01-02"),
    "a time span": lambda: np.timedelta64(1, "s"),
    "time spans": lambda: np.array([0, 1, 2], "m8[ms]"),
    "masked": lambda: np.ma.masked,
    "a masked array": lambda: np.ma.array([0.0, 1.0, 2.0], mask=[0, 0, 1]),
    "a structured array": lambda: np.zeros(2, [("a", "f8")]),
    "an array of objects": lambda: np.array([Plain(), Plain()], dtype=object),
    "an array of text": lambda: np.array(["0.1", "0.2"]),
    "an array of bytes": lambda: np.array([b"1", b"2"]),
    "an array of booleans": lambda: np.array([True, False, True]),
    "a class": lambda: dict,
    "a generator": lambda: (x for x in (1.0, 2.0)),
    "a path": lambda: Path("x"),
    "not a word": lambda: "invertde",
    "an empty text": lambda: "",
}
ODD_NUMBERS = {
    "None": lambda: None,
    "-1": lambda: -1,
    "0": lambda: 0,
    "-0.0": lambda: -0.0,
    "1.5": lambda: 1.5,
    "1e308": lambda: 1e308,
    "-1e308": lambda: -1e308,
    "1e200": lambda: 1e200,
    "1e-308": lambda: 1e-308,
    "5e-324": lambda: 5e-324,
    "2**70": lambda: 2**70,
    "10**400": lambda: 10**400,  # a seed may be this long
    "-10**400": lambda: -(10**400),
    "1j": lambda: 1j,
    "[]": list,
    "an empty array": lambda: np.zeros((0, 3)),
    "a decimal number": lambda: decimal.Decimal("0.1"),
    "a fraction": lambda: fractions.Fraction(1, 3),
    "an array of no axes": lambda: np.array(0.5),
    "1e99": lambda: 1e99,  # near the largest allowed number and the smallest allowed scale
    "1e-99": lambda: 1e-99,
    "[1e99, 1e99, 1e99]": lambda: [1e99] * 3,
    "[0, 0, 1e30]": lambda: [0, 0, 1e30],
    "[0, 0, 1e-30]": lambda: [0, 0, 1e-30],
    "three zeros": lambda: np.zeros(3),
    "ones (2, 2, 2)": lambda: np.ones((2, 2, 2)),
    "one number seen 10**10 times": lambda: np.broadcast_to(1.0, (10**10,)),
    "one matrix seen 10**10 times": lambda: np.broadcast_to(np.eye(3), (10**10, 3, 3)),
    "a read-only array": _read_only,
    "[1e308, 1e308, 1e308]": lambda: [1e308] * 3,
    "a range": lambda: range(3),
    "integers": lambda: np.arange(4),
    "a QuTiP operator": lambda: qutip.num(5),
}
BAD = NOT_NUMBERS | ODD_NUMBERS


def public():
    """Every public name and its object: "chain", "currents.gaussian", …"""
    for name in sorted(collective.__all__):
        thing = getattr(collective, name)
        if not inspect.ismodule(thing):
            yield name, thing
            continue
        listed = getattr(thing, "__all__", None) or [
            inner
            for inner, value in vars(thing).items()
            if not inner.startswith("_") and getattr(value, "__module__", "") == thing.__name__
        ]
        for inner in listed:
            yield f"{name}.{inner}", getattr(thing, inner)


def methods(kind):
    """Names of the public methods of a class of the package."""
    for name in dir(kind):
        if name.startswith("_") or not callable(getattr(kind, name)):
            continue
        if any(name in vars(base) for base in kind.__mro__ if _ours(base)):
            yield name


def discovered():
    """All public callables by name: functions, "Class" for constructors, "Class.method"."""
    found = {}
    for name, thing in public():
        if inspect.isclass(thing):
            if issubclass(thing, BaseException):
                continue
            found[name] = thing
            for method in methods(thing):
                found[f"{name}.{method}"] = getattr(thing, method)
        elif callable(thing):
            found[name] = thing
    return found


def _ours(kind):
    return kind.__module__.partition(".")[0] == "collective"


class HangError(BaseException):
    """A call takes too long."""


@contextmanager
def watched():
    """Limit the time and the memory of one call."""

    def stop(*_):
        raise HangError

    before = [signal.signal(kind, stop) for kind in (signal.SIGPROF, signal.SIGALRM)]
    limits = resource.getrlimit(resource.RLIMIT_AS)
    statm = Path("/proc/self/statm")
    if statm.exists():
        held = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + _ROOM, limits[1]))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, _WALL)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        for kind, handler in zip((signal.SIGPROF, signal.SIGALRM), before, strict=True):
            signal.signal(kind, handler)


def complaint(recipe, argument, label, make):
    """What is wrong with the outcome for one bad value, or None."""
    try:
        arguments = recipe.arguments()
    except Exception as error:  # pragma: no cover
        return f"the recipe itself fails: {error!r}"
    good = arguments[argument]
    arguments[argument] = make()
    begin = time.process_time()
    name: str | None = argument
    try:
        with watched():
            answer = recipe.call(arguments)
            name = None  # later calls need not name the argument
            if recipe.then is not None:
                answer = (answer, recipe.then(answer))
            shown = repr(answer)
    except HangError:
        return f"still running after {SECONDS:g} s"
    except Exception as error:
        return _about(error, name, recipe.errors)
    seconds = time.process_time() - begin
    if seconds > SECONDS:
        return f"took {seconds:.1f} s"
    if label in NOT_NUMBERS and numeric(good):
        return f"was accepted as a number: {_short(shown)}"
    bad = not_finite(answer, recipe.holes)
    return None if bad is None else f"gave {bad}"


def walk(recipe, values):
    """All complaints about one function, as lines; a first call compiles the kernels."""
    answer = recipe.call(recipe.arguments())
    if recipe.then is not None:
        recipe.then(answer)
    lines = []
    for argument in recipe.arguments():
        if argument == "self":
            continue
        for label, make in values.items():
            wrong = complaint(recipe, argument, label, make)
            if wrong is not None:
                lines.append(f"{recipe.name}({argument}={label}): {wrong}")
    return lines


def numeric(good):
    """Whether a good value is a number or contains only numbers."""
    if isinstance(good, bool | str | dict | set) or callable(good) or good is None:
        return False
    if isinstance(good, int | float | complex | np.number):
        return True
    if isinstance(good, list | tuple):
        return len(good) > 0 and all(numeric(each) for each in good)
    return isinstance(good, np.ndarray) and good.dtype.kind in "iufc"


def not_finite(thing, holes=(), depth=0):
    """Where a result contains a NaN or an infinity, or None."""
    if isinstance(thing, float | complex | np.number):
        return None if np.isfinite(thing) else f"{thing}"
    if isinstance(thing, np.ndarray):
        if thing.dtype.kind in "fc" and 0 not in thing.strides and not np.all(np.isfinite(thing)):
            return "an array with NaN or infinity in it"
        return None
    if isinstance(thing, qutip.Qobj):
        if thing.shape[0] * thing.shape[1] > 10**6:
            return None
        return None if np.all(np.isfinite(thing.full())) else "an operator that is not finite"
    if depth > 4:
        return None
    if isinstance(thing, dict):
        parts = list(thing.items())
    elif isinstance(thing, list | tuple):
        parts = list(enumerate(thing))
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        parts = [(field.name, getattr(thing, field.name)) for field in dataclasses.fields(thing)]
    else:
        return None
    for name, part in parts:
        if name in holes:
            continue
        found = not_finite(part, holes, depth + 1)
        if found is not None:
            return f"{found} ({name})" if depth else f"{found}, in {name}"
    return None


def _about(error, argument, errors):
    """What is wrong with an error, or None if the package raised it and it names the argument."""
    shown = f"{type(error).__name__}: {_short(str(error))}"
    if isinstance(error, errors):
        return None
    text = "\n".join([str(error), *getattr(error, "__notes__", ())])
    frame = error.__traceback__
    while frame.tb_next is not None:
        frame = frame.tb_next
    place = Path(frame.tb_frame.f_code.co_filename)
    if place == Path(__file__) or "takes_nothing()" in text or _noted(error, argument):
        return None  # errors of the user's own function pass through
    where = f"{place.name}:{frame.tb_lineno}"
    if isinstance(error, Warning):
        raised = place == PACKAGE / "_tools" / "warn.py"
    elif isinstance(error, ValueError | TypeError):
        code = frame.tb_frame.f_code.co_code
        raised = PACKAGE in place.parents and code[frame.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    else:
        raised = False
    if not raised:
        return f"raw {shown} at {where}"
    if argument is not None and not re.search(rf"(?<!\w){re.escape(argument)}(?!\w)", text):
        return f"{argument!r} is not named in {shown} ({where})"
    if len(text) > 1500:
        return f"an error of {len(text)} letters at {where}"
    return None


def _noted(error, argument):
    """Whether a note of the package names the argument to which the user's error belongs."""
    notes = "\n".join(getattr(error, "__notes__", ()))
    return argument is not None and re.search(rf"(?<!\w){re.escape(argument)}(?!\w)", notes)


def _short(text):
    text = " ".join(text.split())
    return text if len(text) <= 110 else text[:107] + "..."
