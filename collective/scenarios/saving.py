"""The files that a scenario leaves in its folder: data, figure, copy, and work that is not done."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collective._tools.files import checked_path
from collective.errors import EvolutionError
from collective.scenarios import figures, sweeping
from collective.scenarios.copies import save_copy
from collective.scenarios.outcome import Outcome
from collective.scenarios.scenario import Scenario
from collective.scenarios.source import ScenarioError

if TYPE_CHECKING:
    import xarray

CHECKPOINT = "checkpoint.npz"
_FIGURE, _DATASET = "figure.png", "data.nc"


@dataclass(frozen=True, eq=False)
class Saved:
    """What was computed, and the files that hold it.

    Attributes:
        outcome: of a run, or the dataset of a sweep; incomplete after Ctrl-C.
        files: written, in the order of their writing.
    """

    outcome: "Outcome | xarray.Dataset"
    files: list[Path]


def folder_of(scenario: Scenario, asked: str | None) -> Path:
    """The folder of the answers, which is made; files can be written there.

    It is `asked` if given, else that of the section [output], which is relative to the scenario
    file, else the name of that file with -output.

    Raises:
        ScenarioError: for a folder in which nothing can be written.
    """
    file = scenario.file
    own = scenario.output.get("folder", f"{file.path.stem}-output")
    try:
        folder = file.path.parent / own if asked is None else checked_path("--output", asked)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        name = "--output" if asked is not None else "[output] folder"
        what = getattr(error, "strerror", None) or str(error)
        if isinstance(error, FileExistsError | NotADirectoryError):
            what = "it is not a folder"
        text = f"{name}: nothing can be written to {asked or own!r}: {what}"
        if asked is not None:
            raise ScenarioError("collective", None, text) from None
        raise file.error(("output", "folder"), text) from None
    return folder


def run(scenario: Scenario, folder: str | os.PathLike[str], *, progress: bool = True) -> Saved:
    """Run a scenario and write data, figure and copy into a folder.

    A checkpoint is kept there until everything is written, so that the same call goes on after an
    interruption, and computes nothing twice if a file could not be written.

    Raises:
        ScenarioError: as `Scenario.run`, or if the checkpoint in the folder is of another run.
        EvolutionError: if the run failed.
        OSError: if a file cannot be written.
    """
    checkpoint = None if scenario.times is None else Path(folder) / CHECKPOINT
    try:
        outcome = scenario.run(checkpoint=checkpoint, progress=progress)
    except ScenarioError as error:
        if checkpoint is None or "checkpoint" not in error.text:
            raise
        raise ScenarioError(
            error.path,
            error.line,
            f"{error.text}. It is the unfinished work of an earlier run: delete {checkpoint}, or "
            "give another folder with --output",
        ) from error
    if unfinished(outcome):
        return Saved(outcome, [])
    files = outcome.save_data(folder, scenario.output.get("dataset", _DATASET))
    figure = scenario.output.get("figure", _FIGURE)
    if figure:
        files.append(outcome.save_figure(folder, figure))
    files += save_copy(scenario.file, folder, _seed(scenario, outcome))
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return Saved(outcome, files)


def unfinished(outcome: Outcome) -> bool:
    """Whether Ctrl-C ended a run before its last time."""
    result = outcome.result
    return result is not None and not result.complete and "ended" not in result.diagnostics


def _seed(scenario: Scenario, outcome: Outcome) -> int | None:
    """The seed for the copy: none if the file has one, or if there were no random numbers."""
    if outcome.result is None or "seed" in scenario.file.data.get("run", {}):
        return None
    seed = outcome.result.diagnostics.get("seed")
    return None if seed is None else int(seed)


def sweep(
    scenario: Scenario,
    folder: str | os.PathLike[str],
    *,
    executor: Any = None,
    progress: bool = True,
) -> Saved:
    """Run all points of a scenario's grid, and write data, figure and copy into a folder.

    Points are kept as they are done; the same call goes on with the others.

    Raises:
        ScenarioError: for a scenario without a grid, or if the store in the folder is of another
            sweep.
        EvolutionError: if all points failed, or the sweep could not go on.
        OSError: if a file cannot be written.
    """
    store = Path(folder) / scenario.output.get("dataset", _DATASET)
    try:
        dataset = sweeping.sweep(scenario, executor=executor, store=store, progress=progress)
    except ScenarioError:
        raise
    except EvolutionError as error:
        told, _, traceback = str(error).partition(":\n")
        if not traceback:
            raise
        last = traceback.rsplit("\n", 1)[-1]
        raise EvolutionError(f"{told}: {last}", error.result) from error
    except (ValueError, TypeError, ImportError) as error:
        text = str(error)
        if text.startswith("store: "):
            text += f"; or give another folder with --output. The store is {store}"
        raise scenario.file.error(("grid",), text) from error
    if not dataset.attrs["complete"]:
        return Saved(dataset, [])
    files = [store]
    figure = scenario.output.get("figure", _FIGURE)
    if figure:
        drawn = figures.of_sweep(
            scenario.title, dataset, [axis.dimension for axis in scenario.axes]
        )
        files.append(figures.saved(drawn, Path(folder) / figure))
    seed = None if "seed" in scenario.file.data.get("run", {}) else int(dataset.attrs["seed"])
    files += save_copy(scenario.file, folder, seed)
    return Saved(dataset, files)
