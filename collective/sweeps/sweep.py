"""`sweep`: a function at every point of a grid, by any executor, kept in a store as it goes."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from collective._tools import checks
from collective._tools.progress import Progress, say
from collective._tools.warn import warn
from collective.errors import EvolutionError
from collective.results.xarray import imported
from collective.sweeps import grid as grids
from collective.sweeps import store as stores
from collective.sweeps.blocks import Block, block, clean
from collective.sweeps.dataset import NOT_COMPUTED, Gathered
from collective.sweeps.grid import Grid
from collective.sweeps.identity import identity, name, provenance
from collective.sweeps.journal import Journal
from collective.sweeps.workers import Answer, ExecutorError, answers, checked_executor

if TYPE_CHECKING:
    import xarray

_LONGEST = 2000  # letters of a traceback in an error


def sweep(
    function: Callable[..., Any],
    grid: Mapping[str, Any],
    *,
    executor: Any = None,
    store: str | os.PathLike[str] | None = None,
    seed: int | None = None,
    progress: bool = True,
    retry_failed: bool = True,
) -> "xarray.Dataset":
    """Call a function at every point of a grid: y(a_i, b_j, …) for all a_i, b_j, ….

    The points do not depend on each other, so they can be computed in any order and anywhere; the
    dataset is the same, bit for bit. `docs/sweeps.md` has recipes for a laptop, for a cluster, and
    for long runs.

    Args:
        function: called as ``function(**point)``, with `seed=<int>` if there is a seed. It returns
            a number, a boolean, a text, an array of these, a mapping from names to these, a
            `Result` (all of `Result.to_xarray`, with its `method` and `complete` as variables), or
            a dataset of xarray. A lone number or array gets the name "value"; dimension i of a
            plain array a is called a_i.
        grid: for each argument its values: numbers, booleans or texts, (n,). The points are all
            combinations, the last name fastest.
        executor: None to compute in this process, or an object with the method `submit` of
            `concurrent.futures`: threads, processes, loky, mpi4py, or `client.get_executor()` of a
            dask client. By an executor every point has one thread of BLAS and of kernels.
        store: a file name that ends in .nc or .zarr. Every point is kept in a journal beside it as
            soon as it is computed, and the same call continues after any interruption, a kill
            included. A finished store is returned without computing. A store of another function
            name, grid or seed is refused; of other code in the function it is warned.
        seed: an integer, 0 or above. Each point then gets a seed of its own, which depends on this
            number and on the names and values of the point alone.
        progress: show a progress bar after two seconds.
        retry_failed: whether points that failed in an earlier call with this store are computed
            again.

    Returns:
        A dataset with the dimensions of the grid first, then those of the answers. Where answers
        differ in the length of a dimension, and at points without an answer, it has NaN, or ""
        for texts; integers and booleans with such gaps become floats. A function that raises does
        not stop the sweep: the variable `error` then has its traceback, and a warning says how
        many points failed. Attributes: function, seed, versions, date, complete, failed (number
        of points), and what the answers have in common. After Ctrl-C it has the points computed
        so far, and `complete` is False.

    Raises:
        ValueError: for bad arguments, before anything runs; for a store of another sweep, of
            another process, or a damaged one; if answers have dimensions or labels that do not fit
            together.
        ProblemTooLargeError: if the answers of all points do not fit into memory.
        EvolutionError: if all points failed, the executor lost its workers, or the store cannot be
            written any more; also if Python turns warnings into errors and points failed.
            `.result` is the dataset of what was computed.
        KeyboardInterrupt: for Ctrl-C before the first point is computed.
        ImportError: without xarray, or what writes the store.
        OSError: if the store cannot be opened.

    Example:
        >>> import numpy as np, collective as co
        >>> def burst(n, spacing):
        ...     couplings = co.couple(co.chain(n, spacing), co.Vacuum())
        ...     emission = co.evolve(couplings, "inverted", np.linspace(0, 2, 41)).emission
        ...     return emission.max() / n
        >>> found = co.sweep(burst, {"n": [2, 5], "spacing": [0.05, 0.4]})
        >>> found.value.dims, found.value.sel(n=5, spacing=0.05).round(2).item()
        (('n', 'spacing'), 1.18)
    """
    imported("sweep", "xarray")
    points = grids.checked(grid)
    checked_executor(executor)
    seed = None if seed is None else checks.count("seed", seed, minimum=0)
    checks.flag("progress", progress)
    checks.flag("retry_failed", retry_failed)
    grids.checked_function(function, points, seed)
    path = stores.checked_path(store)
    plan = _Plan(function, points, executor, seed, progress, retry_failed)
    if path is None:
        return plan.run(None, None)
    found = plan.finished(path)
    if found is None:
        with stores.opened(path, plan.identity) as journal:
            found = plan.finished(path)  # another process may have finished it meanwhile
            if found is None:
                return plan.run(path, journal)
    plan.report(found)
    return found


@dataclass(frozen=True)
class _Call:
    """The job of a worker: the function at one point, as a block."""

    function: Callable[..., Any]

    def __call__(self, point: dict[str, Any]) -> Block:
        return block(self.function(**point))


@dataclass(frozen=True)
class _Plan:
    """What is to be swept, and how."""

    function: Callable[..., Any]
    grid: Grid
    executor: Any
    seed: int | None
    progress: bool
    retry_failed: bool

    @property
    def identity(self) -> dict[str, Any]:
        """What a store is recognised by."""
        return identity(self.function, self.grid, self.seed)

    def finished(self, path: Path) -> "xarray.Dataset | None":
        """The dataset of a store that needs no more points, or None."""
        found = stores.loaded(path, self.identity)
        if found is None:
            return None
        if not found.attrs["failed"]:
            stores.remove_journal(path)
        if not found.attrs["failed"] or not self.retry_failed:
            return found
        if not stores.journal_path(path).exists():
            raise ValueError(
                f"store: {found.attrs['failed']} points in {str(path)!r} failed, and its journal, "
                f"{stores.journal_path(path).name}, from which the others would be taken, is "
                "missing: give retry_failed=False, or delete the store to compute all points again"
            )
        return None

    def run(self, path: Path | None, journal: Journal | None) -> "xarray.Dataset":
        """Compute the points that are not in the journal, and give the dataset of all."""
        gathered = Gathered(self.grid)
        todo = self._todo(gathered, journal)
        before = self.grid.size - len(todo)
        failure: BaseException | None = None
        label = f"sweep of {name(self.function)}"
        bar = Progress(self.grid.size, label, show=self.progress, done=before)
        try:
            job = _Call(self.function)
            with bar, closing(answers(job, self._items(todo), self.executor)) as new:
                for answer in new:
                    _take(gathered, answer, journal)
                    bar.step()
            if journal is not None:
                journal.sync()
        except (KeyboardInterrupt, ExecutorError, OSError) as error:
            if isinstance(error, KeyboardInterrupt) and not gathered.done.any():
                raise
            failure = error
        return self._concluded(path, journal, gathered, failure)

    def _todo(self, gathered: Gathered, journal: Journal | None) -> "np.ndarray[Any, Any]":
        """The indices of the points to compute; those in the journal are gathered."""
        if journal is None:
            return np.arange(self.grid.size)
        for index, what in journal.records():
            if isinstance(what, str):
                gathered.fail(index, what)
            else:
                gathered.add(index, what)
        if journal.damaged:
            warn(
                f"store: {journal.damaged} damaged records in {str(journal.path)!r} were passed "
                "over; their points are computed again"
            )
        waiting = ~gathered.done
        if self.retry_failed:
            gathered.failures.clear()
        else:
            waiting[list(gathered.failures)] = False
        return np.flatnonzero(waiting)

    def _items(self, todo: "np.ndarray[Any, Any]") -> Iterator[tuple[int, dict[str, Any]]]:
        """Points with their arguments."""
        for index in map(int, todo):
            point: dict[str, Any] = self.grid.point(index)
            if self.seed is not None:
                point["seed"] = self.grid.seed(index, self.seed)
            yield index, point

    def _concluded(
        self,
        path: Path | None,
        journal: Journal | None,
        gathered: Gathered,
        failure: BaseException | None,
    ) -> "xarray.Dataset":
        """The dataset, in its store if it is complete; raises if the sweep could not go on."""
        failed = len(gathered.failures)
        reached = int(gathered.done.sum()) + failed
        complete = reached == self.grid.size
        attributes: dict[str, Any] = {
            **provenance(self.function),
            "complete": complete,
            "failed": failed,
        }
        if self.seed is not None:
            attributes["seed"] = self.seed
        found = gathered.dataset(attributes)
        # the last answer is not in the journal if that could not be written
        safe = _safe(journal, reached - isinstance(failure, OSError), self.grid.size)
        if complete and path is not None and failure is None:
            try:
                stores.finish(path, self.identity, found, keep_journal=failed > 0)
            except OSError as error:
                failure = error
        if isinstance(failure, KeyboardInterrupt):
            say(f"collective: Ctrl-C after {reached} of {self.grid.size} points; {safe}")
        elif failure is not None:
            raise EvolutionError(
                f"the sweep ended after {reached} of {self.grid.size} points: {failure}; {safe}; "
                "the error's .result holds what was computed",
                found,
            ) from failure
        self.report(found)
        return found

    def report(self, found: "xarray.Dataset") -> None:
        """Warn of points that failed, or raise if every point that was tried failed."""
        if not found.attrs["failed"]:
            return
        texts = found["error"].values.ravel()
        failed = [i for i, text in enumerate(texts) if text not in ("", NOT_COMPUTED)]
        where, text = self.grid.described(failed[0]), str(texts[failed[0]])
        if "" not in texts:
            raise EvolutionError(
                f"function failed at all {len(failed)} points; the first is {where}:\n"
                f"{text[-_LONGEST:]}",
                found,
            )
        last = text.rsplit("\n", 1)[-1]
        told = (
            f"{len(failed)} of {self.grid.size} points failed, the first at {where}: "
            f"{last[:_LONGEST]}; the variable 'error' has the tracebacks"
        )
        try:
            warn(told)
        except Warning as error:  # where warnings are errors, they must not lose the dataset
            raise EvolutionError(f"{told}; the error's .result is the dataset", found) from error


def _take(gathered: Gathered, answer: Answer, journal: Journal | None) -> None:
    """Gather one answer, and keep it."""
    what: Block | str = answer.value if answer.failure is None else clean(answer.failure)
    if isinstance(what, str):
        gathered.fail(answer.index, what)
    else:
        gathered.add(answer.index, what)
    if journal is not None:
        journal.append(answer.index, what)


def _safe(journal: Journal | None, safe: int, size: int) -> str:
    """What is on the disk, and how to go on."""
    if journal is None:
        return "nothing was kept on disk, because no store was given"
    return f"{safe} of {size} points are safe in {str(journal.path)!r}; the same call goes on there"
