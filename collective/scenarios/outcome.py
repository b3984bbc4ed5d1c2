"""What a scenario has computed, as named arrays, and the files that hold it."""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from collective._tools.console import printable
from collective._tools.files import written
from collective.couplings.couplings import Couplings
from collective.master.equation import MasterEquation
from collective.results.result import Result
from collective.results.xarray import write_dataset
from collective.scenarios import figures
from collective.scenarios.observing import Observed, observed
from collective.scenarios.tables import Call

if TYPE_CHECKING:
    import xarray

# what a sweep keeps of the result of each point
_KEPT = (
    "emission",
    "emission_error",
    "error_estimate",
    "excitation",
    "excitation_error",
    "populations",
    "populations_error",
    "coincidence_rate",
    "coincidence_error",
    "correlations",
    "states",
)


@dataclass(frozen=True, eq=False, repr=False)
class Outcome:
    """What a scenario has computed.

    Attributes:
        title: of the figure.
        couplings: Γ and Δ, or the master equation.
        result: of `evolve`, or None for a scenario without a time evolution.
        answers: what the function of each observable has returned, by its name.
        calls: the call of each observable, with its arguments.
    """

    title: str
    couplings: Couplings | MasterEquation
    result: Result | None
    answers: dict[str, Any]
    calls: dict[str, Call]

    def arrays(self) -> dict[str, Observed]:
        """The observables as named arrays."""
        found: dict[str, Observed] = {}
        for name, answer in self.answers.items():
            call = self.calls[name]
            found |= observed(name, answer, call.arguments, call.options.meaning)
        return found

    def to_xarray(self) -> "xarray.Dataset":
        """The result and the observables as one `xarray.Dataset`."""
        import xarray

        found = xarray.Dataset() if self.result is None else self.result.to_xarray()
        for name, one in self.arrays().items():
            attributes = {"long_name": one.meaning, "units": one.units}
            variable = (one.dims, np.array(one.values), attributes)
            found = (
                found.assign_coords({name: variable})
                if one.dims == (name,)
                else found.assign({name: variable})
            )
        return found

    def of_sweep(self) -> "xarray.Dataset":
        """What a sweep keeps of one point: what a detector sees, without couplings and places."""
        found = self.to_xarray()
        kept = [name for name in (*_KEPT, *self.arrays()) if name in found]
        extra = [name for name in found.coords if name not in found.dims]
        found = found[kept].drop_vars(extra, errors="ignore")
        return found.drop_attrs(deep=False)

    def save_data(self, folder: str | os.PathLike[str], name: str) -> list[Path]:
        """Write everything to a NetCDF file, or without xarray to .npz files.

        Args:
            folder: it is made if it is missing.
            name: of the NetCDF file, with the suffix .nc.

        Returns:
            The files written.
        """
        target = Path(folder) / name
        if all(find_spec(module) for module in ("xarray", "h5py", "h5netcdf")):
            return [write_dataset(self.to_xarray(), target)]
        files = [] if self.result is None else [self.result.save(target.with_suffix(".npz"))]
        arrays: dict[str, Any] = {key: one.values for key, one in self.arrays().items()}
        if arrays:

            def write(partial: Path) -> None:
                with open(partial, "wb") as stream:
                    np.savez_compressed(stream, **arrays)

            other = target.with_name(f"{target.stem}-observables")
            files.append(written(other, ".npz", write))
        return files

    def save_figure(self, folder: str | os.PathLike[str], name: str) -> Path:
        """Draw emission, populations and observables into a .png, .pdf or .svg file."""
        figure = figures.of_run(self.title, self.result, self.answers.get("modes"), self.arrays())
        return figures.saved(figure, folder, name)

    @printable
    def __repr__(self) -> str:
        lines = [] if self.result is None else [repr(self.result)]
        for name, one in self.arrays().items():
            if one.values.ndim == 0:
                lines.append(f"{name:<28} {one.values.item():.6g}")
            else:
                shape = " × ".join(
                    f"{size} {dim}" for dim, size in zip(one.dims, one.values.shape, strict=True)
                )
                lines.append(f"{name:<28} {shape}")
        return "\n".join(lines)
