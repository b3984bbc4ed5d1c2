"""The class `Field`: what a field must have, and the list of everything that it may have.

`docs/environments.md` says the same to users. `collective.fields.answers` asks fields and checks
their answers; no other file does.
"""

from abc import ABCMeta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.fields.free_space import vacuum_green

TENSORS = ("green", "scattered", "magnetic_green")  # a field of dipoles has one of them
COUPLING = (*TENSORS, "coefficients")  # what couples two-level emitters has one of them


class _HasGreen(ABCMeta):
    """Every object with `green` or `scattered` counts as a `Field`, derived from it or not."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if cls is not Field or isinstance(instance, type):
            return super().__instancecheck__(instance)
        return has_green(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return super().__subclasscheck__(subclass) or (cls is Field and has_green(subclass))


class Field(metaclass=_HasGreen):
    r"""Anything with a Green's tensor.

    A field of your own needs **one** method: `green` (the whole tensor) or `scattered` (the whole
    tensor minus that of the vacuum). It need not inherit from this class: `isinstance(x, Field)`
    is true for every object with one of the two. A class that inherits is given the other method.

    Everything else is optional, and is looked for by its name:

    * ``magnetic_green(r, r_source, k)``: C = ∇×G×∇' with the arguments and the shape of `green`,
      the field of magnetic dipoles. Without it magnetic dipoles are refused.
    * ``coefficients(emitters) -> (decay, shift)``: Γ and Δ, (N, N) each, of a model that has no
      Green's tensor. Both are Hermitian, Γ is positive semidefinite. Complex ones are allowed: the
      model need not be reciprocal. `couple` uses it if there is no Green's tensor.
    * ``far_field(directions, r_source, k)``: the limit of :math:`r e^{-ikr} G(r\hat n, r', k)` far
      away, (..., 3, 3), for unit vectors (..., 3) and points (..., 3) that broadcast. A dipole u of
      the linewidth Γ₀ sends :math:`6πΓ_0|A·u|^2` photons per time and steradian. Without it the
      observables of the far field refuse the field. ``magnetic_far_field`` is the same limit of
      `magnetic_green`.
    * ``inside(points)``: a mask (...) of the points (..., 3) in solid matter. Emitters are refused
      there, and maps of the light stay empty.
    * ``guided(emitters)``: a dictionary from the name of each bound mode to the rates, (N,), at
      which the emitters emit into it, in all its polarizations and directions. A field on an axis
      may take ``direction``, 1 or -1, for the light that travels one way alone.
    * ``assumptions(emitters)``: a dictionary from the name of each assumption of a model to
      (number, meaning). `Couplings.validity` reports them; each holds if the number is small
      compared with 1.
    * ``beyond_markov(emitters)``: a text that says why Γ and Δ at ω₀ describe nothing, and what to
      do, or None where they do. Whatever uses Γ and Δ then refuses with this text.
    * ``memory(emitters)``: a `Memory`, what arrives later and from where. Without it
      ``method="retarded"`` of `evolve` samples the Green's tensor around ω₀.
    * ``lengths``: a dictionary from the name of each length of the field ("radius") to its value.
      `couple` warns if one looks as if it were in another unit than the wavelength.
    * ``citation``: BibTeX entries, a text, that `citation` adds to its own.

    `Result.save` writes the name and the arguments of a field that is a frozen dataclass of this
    package. Of any other field it writes the `repr`, and `load` gives None for it.

    Example:
        >>> import numpy as np, collective as co
        >>> class Mirror(co.Field):  # perfectly conducting, at z = 0
        ...     def scattered(self, r, r_source, k):
        ...         flip = np.array([1, 1, -1])
        ...         return co.Vacuum().green(r, r_source * flip, k) * -flip
        ...     def inside(self, points):
        ...         return points[..., 2] <= 0
        >>> above = co.Emitters([[0, 0, 0.01]], dipoles=(1, 0, 0))
        >>> float(co.couple(above, Mirror()).decay[0, 0].round(2))  # its image takes the light away
        0.0
    """

    def green(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """G(r, r_source, k) in Cartesian components, broadcasting over points.

        Args:
            r: field points, (..., 3), in units of length.
            r_source: source points, (..., 3).
            k: vacuum wave number ω/c, a number, positive or i times positive, in inverse units of
                length. Level shifts by scattered light, `shift="rwa"` and master equations beyond
                the RWA need the imaginary axis, where G is real.

        Returns:
            (..., 3, 3), in inverse units of length. At coincident points the divergent real
            part of the vacuum is left out: ik/6π·1 + scattered.
        """
        if type(self).scattered is Field.scattered:
            raise TypeError(f"{type(self).__name__} must define green or scattered, it has neither")
        return vacuum_green(r, r_source, k) + self.scattered(r, r_source, k)

    def scattered(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """`green` minus the tensor of the vacuum, (..., 3, 3); arguments as of `green`."""
        if type(self).green is Field.green:
            raise TypeError(f"{type(self).__name__} must define green or scattered, it has neither")
        return self.green(r, r_source, k) - vacuum_green(r, r_source, k)


def has_green(thing: Any) -> bool:
    """Whether an object or a class has one of `green` and `scattered`."""
    return any(callable(getattr(thing, name, None)) for name in ("green", "scattered"))


def require_field(
    name: str,
    field: Any,
    members: tuple[str, ...] = ("green", "scattered"),
    others: str = "",
) -> None:
    """Raise unless this is an object with one of the members.

    Args:
        name: name of the argument.
        field: the value given for it.
        members: methods of which the value must have one.
        others: what else the value may be, for the error.
    """
    if isinstance(field, type):
        raise TypeError(f"{name} must be an object: use {field.__name__}() with its arguments")
    if any(hasattr(field, member) for member in members):
        return
    if hasattr(field, "coefficients"):
        raise TypeError(
            f"{name}: {checks.short(field)} gives Γ and Δ of two-level emitters, but has no "
            "Green's tensor, which this needs: use co.couple(emitters, field), or a field with "
            "green(r, r_source, k)"
        )
    raise TypeError(
        f"{name} must be a Field (an object with green(r, r_source, k) or scattered(...), such "
        f"as co.Vacuum()){others}; got {checks.short(field)}"
    )
