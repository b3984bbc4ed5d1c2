"""What a scenario has computed, as named arrays, and the files that hold it."""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from collective._tools import checks, equality
from collective._tools.console import printable
from collective._tools.files import checked_path, written
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.master.equation import MasterEquation
from collective.results.result import Result
from collective.results.xarray import write_dataset
from collective.scenarios import figures
from collective.scenarios.observing import Observed, observed
from collective.scenarios.tables import Call

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False, repr=False)
class Outcome:
    """What a scenario has computed.

    Attributes:
        title: of the figure.
        couplings: Γ and Δ, or the master equation.
        result: of `evolve`, or None for a scenario without a time evolution.
        answers: what the function of each observable has returned, by its name.
        calls: the call of each observable, with its arguments.
        left_out: "correlations" and "states", as far as only observables need them. They are in
            `result`, but not in what is written: states are 4^N numbers at each time.
    """

    title: str
    couplings: Couplings | ChannelCouplings | MasterEquation
    result: Result | None
    answers: dict[str, Any]
    calls: dict[str, Call]
    left_out: tuple[str, ...] = ()

    __eq__ = equality.same
    __hash__ = equality.hashed

    def arrays(self) -> dict[str, Observed]:
        """The observables as named arrays."""
        found: dict[str, Observed] = {}
        for name, answer in self.answers.items():
            call = self.calls[name]
            found |= observed(name, answer, call.arguments, call.options.meaning)
        return found

    def _kept(self) -> Result | None:
        """The result without what only observables need."""
        if self.result is None:
            return None
        return self.result.replace(**dict.fromkeys(self.left_out))

    def to_xarray(self) -> "xarray.Dataset":
        """The result, without `left_out`, and the observables as one `xarray.Dataset`."""
        import xarray

        kept = self._kept()
        found = xarray.Dataset() if kept is None else kept.to_xarray()
        for name, one in self.arrays().items():
            attributes = {"long_name": one.meaning, "units": one.units}
            variable = (one.dims, np.array(one.values), attributes)
            found = (
                found.assign_coords({name: variable})
                if one.dims == (name,)
                else found.assign({name: variable})
            )
        return found

    def save_data(self, folder: str | os.PathLike[str], name: str) -> list[Path]:
        """Write everything to a NetCDF file, or without xarray to .npz files.

        Args:
            folder: it is made if it is missing.
            name: of the NetCDF file, with the suffix .nc.

        Returns:
            The files written.

        Raises:
            ValueError: for a name without that suffix.
            OSError: if a file cannot be written.
        """
        target = _target(folder, name, (".nc",))
        if all(find_spec(module) for module in ("xarray", "h5py", "h5netcdf")):
            return [write_dataset(self.to_xarray(), target)]
        kept = self._kept()
        files = [] if kept is None else [kept.save(target.with_suffix(".npz"))]
        arrays: dict[str, Any] = {key: one.values for key, one in self.arrays().items()}
        if arrays:

            def write(partial: Path) -> None:
                with open(partial, "wb") as stream:
                    np.savez_compressed(stream, **arrays)

            other = target.with_name(f"{target.stem}-observables")
            files.append(written(other, ".npz", write))
        return files

    def save_figure(self, folder: str | os.PathLike[str], name: str) -> Path:
        """Draw emission, populations and observables.

        Args:
            folder: it is made if it is missing.
            name: of the file, which ends in .png, .pdf or .svg.

        Returns:
            The file written.

        Raises:
            ValueError: for a name with another suffix.
            OSError: if the file cannot be written.
        """
        target = _target(folder, name, (".png", ".pdf", ".svg"))
        figure = figures.of_run(self.title, self.result, self.answers.get("modes"), self.arrays())
        return figures.saved(figure, target)

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


def _target(folder: Any, name: Any, suffixes: tuple[str, ...]) -> Path:
    """The path of a file in a folder; raises for a name without one of the suffixes."""
    where = checked_path("folder", folder)
    if not isinstance(name, str) or Path(name).name != name or Path(name).suffix not in suffixes:
        raise ValueError(
            f"name must be a file name that ends in {' or '.join(suffixes)}, without folders; got "
            f"{checks.short(name)}"
        )
    return where / name
