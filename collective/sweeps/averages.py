"""The mean of datasets and its standard error, member by member, in memory that does not grow.

Members may differ in more than their numbers. What exists in every member, at the same coordinates,
is averaged, and the rest is left out by name.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from collective._tools.means import Arrays, combined, standard_errors

if TYPE_CHECKING:
    import xarray

_ERROR = "_error"
_NO_SCATTER = np.zeros(())  # of a single value
# attributes of a single run
_OF_ONE_RUN = ("diagnostics", "left_out", "complete", "n_trajectories")


class Averages:
    """Means of the variables of datasets, which are added one after another.

    Attributes:
        count: how many members were added.
        left_out: for each variable that cannot be averaged, the reason.
    """

    def __init__(self) -> None:
        self.count = 0
        self.left_out: dict[str, str] = {}
        self._first: Any = None
        self._means: dict[str, Arrays] = {}
        self._kept: dict[str, Any] = {}  # coordinates and texts, which all members share
        self._attributes: dict[str, Any] = {}

    @property
    def names(self) -> list[str]:
        """The variables that are averaged."""
        return list(self._means)

    def add(self, member: "xarray.Dataset") -> None:
        """Add the next member."""
        if self._first is None:
            self._begin(member)
        else:
            self._compare(member)
        for name, sums in self._means.items():
            self._means[name] = _with(sums, self.count, member.variables[name].values)
        self.count += 1

    def _begin(self, member: "xarray.Dataset") -> None:
        """Take names, coordinates and attributes from the first member."""
        self._first = member.copy(deep=True)
        self._attributes = {k: v for k, v in member.attrs.items() if k not in _OF_ONE_RUN}
        for name, variable in self._first.variables.items():
            if name in member.coords or not _numeric(variable):
                self._kept[str(name)] = variable
            elif not _is_error(str(name), member):  # the scatter of the members takes its place
                zeros = np.zeros(variable.shape)
                self._means[str(name)] = (zeros, zeros)

    def _compare(self, member: "xarray.Dataset") -> None:
        """Leave out what a later member lacks, or has in another shape or at other places."""
        for name in list(self._kept):
            here = member.variables.get(name)
            if here is None or not _equal(self._kept[name], here):
                self._leave_out(name, "differs between members")
        moved = {d for d in self._first.dims if d in self._first.coords and d not in self._kept}
        for name in list(self._means):
            first, here = self._first.variables[name], member.variables.get(name)
            if here is None or not _numeric(here):
                self._leave_out(name, f"member {self.count} has no such number")
            elif here.dims != first.dims or here.shape != first.shape:
                shapes = f"{_sizes(first)} in member 0, {_sizes(here)} in member {self.count}"
                self._leave_out(name, f"its shape differs ({shapes})")
            elif moved.intersection(first.dims):
                along = ", ".join(sorted(map(str, moved.intersection(first.dims))))
                self._leave_out(name, f"its {along} differs between members")
        for name in member.data_vars:
            if name not in self._first.variables and not _is_error(str(name), member):
                self.left_out.setdefault(str(name), "member 0 does not have it")
        for name, value in list(self._attributes.items()):
            if name not in member.attrs or not _same(value, member.attrs[name]):
                del self._attributes[name]

    def _leave_out(self, name: str, why: str) -> None:
        self._means.pop(name, None)
        self._kept.pop(name, None)
        self.left_out[name] = why

    def relative_error(self, name: str) -> float:
        """The largest standard error of a variable over its largest value; 0 where all is 0."""
        mean, scatter = self._means[name]
        error, largest = _largest(standard_errors(self.count, scatter)), _largest(mean)
        return error / largest if largest > 0 else 0.0

    def dataset(self) -> "xarray.Dataset":
        """The means, each with its standard error, which is NaN for a single member."""
        import xarray

        found: dict[str, Any] = {}
        for name, (mean, scatter) in self._means.items():
            variable = self._first.variables[name]
            error = standard_errors(self.count, scatter)
            if self.count < 2:
                error = np.full_like(error, np.nan)
            meaning = f"standard error of {variable.attrs.get('long_name', name)}"
            found[name] = (variable.dims, mean, variable.attrs)
            found[name + _ERROR] = (variable.dims, error, {**variable.attrs, "long_name": meaning})
        coords = {name: value for name, value in self._kept.items() if name in self._first.coords}
        texts = {name: value for name, value in self._kept.items() if name not in coords}
        return xarray.Dataset({**found, **texts}, coords, self._attributes)


def _with(sums: Arrays, count: int, values: Any) -> Any:
    """Mean and M of `count` values and one more; M of complex numbers is that of both parts."""
    mean, scatter = sums
    if not (np.iscomplexobj(mean) or np.iscomplexobj(values)):
        return combined(count, sums, 1, (np.asarray(values, dtype=float), _NO_SCATTER))
    real, both = combined(count, (mean.real, scatter), 1, (values.real, _NO_SCATTER))
    imaginary, both = combined(count, (mean.imag, both), 1, (values.imag, _NO_SCATTER))
    together = real.astype(complex)
    together.imag = imaginary
    return together, both


def _is_error(name: str, member: "xarray.Dataset") -> bool:
    """Whether a variable is the standard error of another one of the same member."""
    return name.endswith(_ERROR) and name.removesuffix(_ERROR) in member.data_vars


def _numeric(variable: Any) -> bool:
    """Whether a variable holds numbers, True and False among them."""
    return variable.dtype.kind in "biufc"


def _sizes(variable: Any) -> str:
    return " × ".join(f"{d} {n}" for d, n in variable.sizes.items()) or "one number"


def _largest(values: Any) -> float:
    """The largest modulus of an array, NaN left out; 0 of an empty one."""
    sizes = np.abs(values)
    return float(np.max(sizes, initial=0.0, where=~np.isnan(sizes)))


def _equal(one: Any, other: Any) -> bool:
    """Whether two variables have the same dimensions and values, NaN being equal to NaN."""
    return one.dims == other.dims and one.shape == other.shape and bool(one.equals(other))


def _same(one: Any, other: Any) -> bool:
    """Whether two attributes are equal: numbers, texts or arrays."""
    return type(one) is type(other) and np.array_equal(one, other)
