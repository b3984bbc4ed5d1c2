"""Checks of ε and μ, for every field that has a material.

A field checks the argument by `material` when it is made, and asks for its `value` at each wave
number. The argument is a number, a function of k, or an object with `permittivity(k)`.
"""

from typing import Any

import numpy as np

from collective._tools import checks

_REAL = 1e-13  # relative: by how much ε(iκ) may miss being real


def material(name: str, value: Any) -> Any:
    """A material, a function of k, or a number as a complex one; zero is refused."""
    if isinstance(value, type):
        raise TypeError(f"{name} must be an object: use {value.__name__}(...) with its numbers")
    if hasattr(value, "permittivity") or callable(value):
        return value
    if isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be a number, a function or a material, got {value}")
    number = checks.finite(name, value, complex)
    if number.shape or number == 0:
        raise ValueError(
            f"{name} must be one number, not zero, a function or a material; got {value}"
        )
    return complex(number)


def value(name: str, given: Any, k: complex, *, allow_gain: bool | None) -> complex:
    """The permittivity or the permeability at k, positive or i times positive.

    Args:
        name: of the argument: "permittivity", "permeability" or, in a list, "permittivities[0]".
        given: a value that `material` has accepted.
        k: the wave number.
        allow_gain: accept a negative imaginary part; None for a field that never does.

    Raises:
        ValueError: for a number that cannot hold on the imaginary axis, anything but one finite
            number, or gain without `allow_gain`.
    """
    if isinstance(given, complex):
        found = given
        if k.imag and (found.imag or found.real < 1):
            raise ValueError(
                f"{name} {found:g} at k = {spelled(k)}: a constant that is not real and ≥ 1 "
                "cannot hold on the imaginary axis; use "
                "materials.Drude.from_value(epsilon, k) or another material, such as Lorentz"
            )
    else:
        array = checks.finite(f"{name}({spelled(k)})", _called(name, given, k), complex)
        if array.shape:
            raise ValueError(f"{name}({spelled(k)}) must be one number, got shape {array.shape}")
        found = complex(array)
    if k.imag:
        if abs(found.imag) > _REAL * abs(found) or found.real <= 0:
            raise ValueError(
                f"{name} must be real and positive on the imaginary axis, got "
                f"{found:g} at k = {spelled(k)}"
            )
        found = complex(found.real)
    elif found.imag < 0 and not allow_gain:
        way_out = "conjugate a value made for e^{+iωt}"
        if allow_gain is None:
            way_out = f"this field takes no gain; {way_out}"
        else:
            way_out = (
                f"say allow_gain=True if it is meant (Γ may then not be positive), or {way_out}"
            )
        symbol = "μ" if name == "permeability" else "ε"
        raise ValueError(
            f"{name} with gain: Im {symbol} = {found.imag:g} at k = {k.real:g}; {way_out}"
        )
    return found


def _called(name: str, material: Any, k: complex) -> Any:
    """The value of a material or a function at k, or an error that names the argument."""
    try:
        of = getattr(material, "permittivity", material)
        return of(k if k.imag else k.real)
    except (ValueError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(
            f"{name} must be a function of k or a material: {checks.short(material)} fails at "
            f"k = {spelled(k)} ({type(error).__name__}: {error})"
        ) from error


def of_one_frequency(field: Any) -> str | None:
    """Why ε or μ of a field can hold at one frequency alone, or None.

    A number that is not real and at least 1 is that of a metal or of an absorber, whose ε changes
    with frequency.
    """
    for name in ("permittivity", "permeability", "permittivities"):
        given = getattr(field, name, None)
        for each in given if isinstance(given, tuple) else (given,):
            if isinstance(each, complex) and (each.imag or each.real < 1):
                return (
                    f"{name} {each:g} is one number, which can hold at one frequency alone: use "
                    "materials.Drude.from_value(epsilon, k) or another material, such as Lorentz"
                )
    return None


def spelled(k: complex) -> str:
    """A wave number of either axis for a message."""
    return f"{k.imag:g}i" if k.imag else f"{k.real:g}"
