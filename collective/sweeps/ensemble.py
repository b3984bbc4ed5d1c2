"""Means over random members, such as clouds, missing atoms or trajectories: `ensemble`."""

import os
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collective._tools import checks
from collective._tools.progress import Progress, say
from collective._tools.warn import warn
from collective.errors import EvolutionError
from collective.results.xarray import imported
from collective.sweeps import store as stores
from collective.sweeps.averages import Averages
from collective.sweeps.blocks import Block
from collective.sweeps.identity import identity_of_ensemble, name, provenance
from collective.sweeps.journal import Journal
from collective.sweeps.members import Member, member_seed
from collective.sweeps.workers import Answer, ExecutorError, answers, checked_executor

if TYPE_CHECKING:
    import xarray

_TRUSTED = 20  # members that are needed before their scatter is trusted
_HOPELESS = 1e15  # members that nobody computes


def ensemble(
    builder: Callable[[int], Any],
    n: int,
    *,
    seed: int,
    executor: Any = None,
    standard_error: float | None = None,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> "xarray.Dataset":
    r"""Mean and standard error of a calculation over random members.

    Disorder, such as positions in a cloud or missing atoms, is averaged over n independent members:

    .. math:: \bar x = \frac1n\sum_i x_i, \qquad
              σ_{\bar x}^2 = \frac{\sum_i |x_i - \bar x|^2}{n(n-1)}

    Member i is `builder(s)`, where the seed s depends on `seed` and i alone. Members are added in
    their order, whoever computed them: the mean is the same, bit for bit, with any executor.

    Args:
        builder: a function of one integer, from 0 to 2⁶³ − 1, that returns a number, an array, a
            mapping of these by name, a `Result`, or a dataset of xarray. The same seed must give
            the same member. One seed may serve several kinds of disorder and `evolve`.
        n: the number of members, or the most of them, 2 or more, with `standard_error`.
        seed: of the whole ensemble, 0 or more.
        executor: None to compute in this process, or an executor as for `sweep`.
        standard_error: the ensemble ends with the first member, from the 20th on, after which the
            standard error of `emission`, relative to its largest value, is not above this number;
            if the members have no `emission`, that of every variable. A warning says if n members
            do not reach it.
        store: a file name that ends in .nc or .zarr, as for `sweep`. Members are kept in a journal
            beside it, and the same call continues after any interruption, a kill included. The
            journal stays, so that a larger n or a smaller standard error goes on from there.
        progress: show a progress bar after two seconds.

    Returns:
        Dataset with the mean of every numeric variable, in the dimensions and units of the members,
        and its standard error as `<name>_error`, which is NaN for a single member. Standard errors
        that the members have themselves, such as those of trajectories, are not used: the scatter
        between members contains them. Coordinates and texts are kept if all members share them.
        Attributes are those that all members share, `n`, `seed`, `function`, `versions`, `date`,
        `complete`, and `left_out`: what has no mean because members differ in shape, such as the
        populations of different numbers of emitters. After Ctrl-C it is the mean of the members
        until then, and `complete` is False. `co.plot.emission` draws it with its error.

    Raises:
        ValueError: for bad arguments, for a store of another ensemble, and if the members have
            nothing in common.
        EvolutionError: if a member fails or its run is incomplete, if the executor fails, or if the
            store cannot be written any more. The message names the member and its seed, and
            `.result` is the mean of those before it, or None. It is also raised if Python turns
            warnings into errors and the ensemble ends with a warning; then `.result` is the whole
            dataset.
        KeyboardInterrupt: for Ctrl-C before the end of the first member.
        ImportError: without xarray, or what writes the store.
        OSError: if the store cannot be opened.

    Example:
        >>> import numpy as np, collective as co
        >>> def burst(seed):
        ...     cloud = co.cloud(4, 0.2, min_distance=0.05, seed=seed)
        ...     couplings = co.couple(cloud, co.Vacuum())
        ...     return co.evolve(couplings, "inverted", np.linspace(0, 2, 5))
        >>> mean = co.ensemble(burst, 20, seed=1)
        >>> print(mean.emission.values.round(2))
        [4.   2.96 1.4  0.62 0.3 ]
        >>> print(mean.emission_error.values.round(3))
        [0.    0.063 0.03  0.028 0.019]
    """
    imported("ensemble", "xarray")
    checked_executor(executor)
    plan = _Plan(
        builder=checks.function("builder", builder),
        n=checks.count("n", n),
        seed=checks.count("seed", seed, minimum=0),
        executor=executor,
        standard_error=_checked_error(standard_error),
        progress=checks.flag("progress", progress),
    )
    if plan.standard_error is not None and plan.n < 2:
        raise ValueError("n must be at least 2 with standard_error, got 1: it has no scatter")
    path = stores.checked_path(store)
    if path is None:
        return plan.run(None, None)
    found = plan.finished(path)
    if found is not None:
        return found
    with stores.opened(path, plan.identity) as journal:
        return plan.run(path, journal)


def _checked_error(standard_error: Any) -> float | None:
    """The standard error that is asked for, or None."""
    if standard_error is None:
        return None
    return checks.number("standard_error", standard_error, above=0)


@dataclass(frozen=True)
class _Plan:
    """What is to be averaged, and how; the fields are the arguments of `ensemble`."""

    builder: Callable[[int], Any]
    n: int
    seed: int
    executor: Any
    standard_error: float | None
    progress: bool

    @property
    def identity(self) -> dict[str, Any]:
        """What a store is recognised by."""
        return identity_of_ensemble(self.builder, self.seed)

    def finished(self, path: Path) -> "xarray.Dataset | None":
        """The mean in a store, if it is the one that is asked for and needs no more members.

        Raises:
            ValueError: if it is another one, and the journal with the members is missing.
        """
        found, journal = stores.loaded(path, self.identity), stores.journal_path(path).exists()
        if found is None or (journal and self.standard_error is not None):
            return None
        n, error = found.attrs["n"], found.attrs.get("standard_error")
        if (n, error) == (self.n, self.standard_error):
            return found
        if journal:
            return None
        asked = f"n={n}" if error is None else f"n={n}, standard_error={error:g}"
        raise ValueError(
            f"store: {str(path)!r} has the mean of {n} members, and its journal, "
            f"{stores.journal_path(path).name}, which would have each of them, is missing: ask for "
            f"{asked}, or choose another file"
        )

    def run(self, path: Path | None, journal: Journal | None) -> "xarray.Dataset":
        """The mean of the members in the journal and of those that are computed now."""
        averages = Averages()
        bar = Progress(self.n, f"ensemble of {name(self.builder)}", show=self.progress)
        try:
            with bar, closing(self._answers(journal)) as members:
                for answer in members:
                    if answer.failure is not None:
                        raise self._failed(answer, averages)
                    averages.add(answer.value)
                    bar.step()
                    if averages.count == self.n or self._reached(averages):
                        break
            mean = self._dataset(averages, complete=True)
            if path is not None and journal is not None:
                journal.sync()
                stores.finish(path, self.identity, mean, keep_journal=True)
        except KeyboardInterrupt:
            if averages.count == 0:
                raise
            reached = f"collective: Ctrl-C after {averages.count} of {self.n} members"
            say(f"{reached}; {_safe(journal, averages)}")
            return self._dataset(averages, complete=False)
        except (ExecutorError, OSError) as error:
            mean = self._dataset(averages, complete=False)
            raise EvolutionError(
                f"the ensemble ended after {averages.count} of {self.n} members: {error}; "
                f"{_safe(journal, averages)}; {_held(averages)}",
                mean,
            ) from error
        self._warn(averages, mean)
        return mean

    def _answers(self, journal: Journal | None) -> Generator[Answer]:
        """The members in their order, first those in the journal."""
        job, first = Member(self.builder, self.seed), 0
        if journal is not None:
            for index, kept in journal.records():
                lost = range(first, index)
                if lost:
                    which = f"member {first}" + (f" to {index - 1}" if len(lost) > 1 else "")
                    warn(
                        f"store: {str(journal.path)!r} is damaged: {which} cannot be read any "
                        "more, and is computed again"
                    )
                yield from answers(job, zip(lost, lost, strict=True))
                if index >= first and isinstance(kept, Block):
                    yield Answer(index, kept, None, 0.0)
                    first = index + 1
        rest = range(first, self.n)
        with closing(
            answers(job, zip(rest, rest, strict=True), self.executor, ordered=True)
        ) as new:
            for answer in new:
                if journal is not None and answer.failure is None:
                    journal.append(answer.index, answer.value)
                yield answer

    def _failed(self, answer: Answer, averages: Averages) -> EvolutionError:
        """The error for a member that failed, with the mean of those before."""
        assert answer.failure is not None
        last = answer.failure.splitlines()[-1]
        return EvolutionError(
            f"builder: member {answer.index}, builder({member_seed(self.seed, answer.index)}), "
            f"failed: {last}; {_held(averages)}\n\n{answer.failure}",
            self._dataset(averages, complete=False),
        )

    def _dataset(self, averages: Averages, *, complete: bool) -> Any:
        """The means with the attributes of the ensemble, or None without a member."""
        if averages.count == 0:
            return None
        found = averages.dataset()
        found.attrs |= {
            **provenance(self.builder),
            "n": averages.count,
            "seed": self.seed,
            "complete": complete,
            "left_out": averages.told,
        }
        if self.standard_error is not None:
            found.attrs["standard_error"] = self.standard_error
        return found

    def _reached(self, averages: Averages) -> bool:
        """Whether the scatter is known and the standard error small enough."""
        if self.standard_error is None or averages.count < _TRUSTED:
            return False
        return averages.relative_error()[0] <= self.standard_error

    def _warn(self, averages: Averages, mean: "xarray.Dataset") -> None:
        """Warn if the standard error that was asked for is not reached."""
        if self.standard_error is None:
            return
        reached, worst = averages.relative_error()
        if reached <= self.standard_error:
            return
        needed = averages.count * (reached / self.standard_error) ** 2
        if needed < _HOPELESS:
            hope = f"allow more by n, about {float(f'{needed:.2g}'):,.0f} are needed"
        else:
            hope = f"the mean of {worst} is zero or not a number, so that no n may suffice"
        message = (
            f"standard_error: {reached:.2g} of the largest {worst} after {averages.count:,} "
            f"members, {self.standard_error:g} asked for; {hope}"
        )
        try:
            warn(message)
        except Warning as error:
            raise EvolutionError(
                f"{message}; the error's .result holds the whole ensemble", mean
            ) from error


def _safe(journal: Journal | None, averages: Averages) -> str:
    """What is on the disk, and how to go on."""
    if journal is None:
        return "nothing was kept on disk, because no store was given"
    return f"{averages.count} are safe in {str(journal.path)!r}; the same call goes on there"


def _held(averages: Averages) -> str:
    """What the error holds."""
    if averages.count == 0:
        return "no member was finished"
    return f"the error's .result holds the mean of the {averages.count} before"
