"""The mean of blocks and its standard error, member by member, in memory that does not grow.

Members may differ in more than their numbers. What exists in every member, at the same coordinates,
is averaged, and the rest is left out by name.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.means import Arrays, combined, standard_errors
from collective.sweeps.blocks import Attributes, Block, Variable, equal, in_common

if TYPE_CHECKING:
    import xarray

_ERROR = "_error"
_SINGLE = {"jump", "sample", "channel"}  # dimensions whose entries do not correspond to each other
_STANDARD_ERROR = "standard error of"  # so begins the long name of one
_NO_SCATTER = np.zeros(())  # of a single value


class Averages:
    """Means of the variables of blocks, which are added one after another.

    Attributes:
        count: how many members were added.
        left_out: for each variable that cannot be averaged, the reason.
    """

    def __init__(self) -> None:
        self.count = 0
        self.left_out: dict[str, str] = {}
        self._first = Block()
        self._means: dict[str, Arrays] = {}
        self._shared: dict[str, Variable] = {}  # coordinates and texts
        self._attributes: Attributes = {}

    def add(self, member: Block) -> None:
        """Add the next member.

        Raises:
            ValueError: if it has no variable in common with those before.
        """
        if self.count == 0:
            self._begin(member)
        else:
            self._compare(member)
        with np.errstate(invalid="ignore", over="ignore"):  # means with infinities are NaN
            for name, sums in self._means.items():
                self._means[name] = _with(sums, self.count, member.variables[name].values)
        self.count += 1
        if not self._means:
            raise ValueError(
                f"builder: there is nothing to average in members 0 to {self.count - 1}: "
                f"{self.told or 'they have no numbers'}; return what all members have in the same "
                "shape, such as result.emission"
            )

    @property
    def told(self) -> str:
        """What is left out, and why, as one text."""
        return "; ".join(f"{name}: {why}" for name, why in sorted(self.left_out.items()))

    def _begin(self, first: Block) -> None:
        """Take names, coordinates and attributes from the first member."""
        self._first = first
        self._attributes = dict(first.attributes)
        self._shared = {n: v for n, v in first.coordinates.items() if not _is_error(n, first)}
        for name, variable in first.variables.items():
            if _SINGLE.intersection(variable.dims):
                self.left_out[name] = "single jumps, samples and channels have no mean"
            elif not _numeric(variable):
                self._shared[name] = variable
            elif not _is_error(name, first):  # the scatter of the members takes its place
                zeros = np.zeros(variable.values.shape)
                self._means[name] = (zeros, zeros)

    def _compare(self, member: Block) -> None:
        """Leave out what a later member lacks, or has in another shape or at other places."""
        here = member.variables | member.coordinates
        for name in list(self._shared):
            if name not in here or not equal(self._shared[name], here[name]):
                self._leave_out(name, "it differs between members")
        moved = {name for name in self._first.coordinates if name not in self._shared}
        for name in list(self._means):
            first, other = self._first.variables[name], here.get(name)
            if other is None or not _numeric(other):
                self._leave_out(name, f"member {self.count} has no such number")
            elif other.dims != first.dims or other.values.shape != first.values.shape:
                shapes = f"{_sizes(first)} in member 0, {_sizes(other)} in member {self.count}"
                self._leave_out(name, f"its shape differs: {shapes}")
            elif moved.intersection(first.dims):
                along = ", ".join(sorted(moved.intersection(first.dims)))
                self._leave_out(name, f"its {along} differs between members")
        for name in member.variables.keys() - self._first.variables.keys():
            if not _is_error(name, member):
                self.left_out.setdefault(name, "member 0 does not have it")
        self._attributes = in_common(self._attributes, member.attributes)

    def _leave_out(self, name: str, why: str) -> None:
        self._means.pop(name, None)
        self._shared.pop(name, None)
        self.left_out[name] = why

    def relative_error(self) -> tuple[float, str]:
        """The largest standard error of a variable over its largest value, and of which variable.

        It is that of the emission if the members have one, else that of the variable that is known
        worst; 0 where all values are 0, and infinite where the mean is 0 but has an error.
        """
        names = ["emission"] if "emission" in self._means else list(self._means)
        return max((self._relative_error(name), name) for name in names)

    def _relative_error(self, name: str) -> float:
        mean, scatter = self._means[name]
        if mean.size and np.all(np.isnan(mean)):
            return np.inf  # nothing is known
        error, largest = _largest(standard_errors(self.count, scatter)), _largest(mean)
        if largest == 0:  # also of numbers whose mean happens to be 0
            return 0.0 if error == 0 else np.inf
        return error / largest

    def dataset(self) -> "xarray.Dataset":
        """The means, each with its standard error, which is NaN for a single member."""
        import xarray

        found: dict[str, Any] = {}
        for name, (mean, scatter) in self._means.items():
            dims, _, attributes = self._first.variables[name]
            error = standard_errors(self.count, scatter)
            if self.count < 2:
                error = np.full_like(error, np.nan)
            meaning = f"{_STANDARD_ERROR} {attributes.get('long_name', name)}"
            found[name] = (dims, mean, attributes)
            found[name + _ERROR] = (dims, error, {**attributes, "long_name": meaning})
        shared = {name: tuple(variable) for name, variable in self._shared.items()}
        coordinates = {n: shared.pop(n) for n in self._first.coordinates if n in shared}
        return xarray.Dataset({**found, **shared}, coordinates, self._attributes)


def _with(sums: Arrays, count: int, values: NDArray[Any]) -> Any:
    """Mean and M of `count` values and one more; M of complex numbers is that of both parts."""
    mean, scatter = sums
    if not (np.iscomplexobj(mean) or np.iscomplexobj(values)):
        return combined(count, sums, 1, (values.astype(float, copy=False), _NO_SCATTER))
    real, both = combined(count, (mean.real, scatter), 1, (values.real, _NO_SCATTER))
    imaginary, both = combined(count, (mean.imag, both), 1, (values.imag, _NO_SCATTER))
    together = np.array(real, dtype=complex)
    together.imag = imaginary
    return together, both


def _is_error(name: str, member: Block) -> bool:
    """Whether a variable is the standard error of another one of the same member.

    Those of results say so, which have names such as coincidence_error.
    """
    own = member.variables.get(name)
    if own is not None and str(own.attributes.get("long_name")).startswith(_STANDARD_ERROR):
        return True
    value = member.variables.get(name.removesuffix(_ERROR))
    return name.endswith(_ERROR) and value is not None and _numeric(value)


def _numeric(variable: Variable) -> bool:
    """Whether a variable holds numbers, True and False among them."""
    return variable.values.dtype.kind in "bifc"


def _sizes(variable: Variable) -> str:
    sizes = zip(variable.dims, variable.values.shape, strict=True)
    return " × ".join(f"{dim} {size}" for dim, size in sizes) or "one number"


def _largest(values: NDArray[Any]) -> float:
    """The largest modulus of an array, NaN left out; 0 of an empty one."""
    sizes = np.abs(values)
    return float(np.max(sizes, initial=0.0, where=~np.isnan(sizes)))
