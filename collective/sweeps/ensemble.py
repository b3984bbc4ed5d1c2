"""Means over random members, such as clouds, missing atoms or trajectories: `ensemble`."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collective._tools import checks
from collective._tools.progress import Progress
from collective._tools.warn import warn
from collective.errors import EvolutionError
from collective.results.result import Result
from collective.sweeps.averages import Averages
from collective.sweeps.blocks import Block, attributes, block
from collective.sweeps.seeds import derived
from collective.sweeps.workers import ExecutorError, answers, checked_executor

if TYPE_CHECKING:
    import xarray

_TRUSTED = 20  # members that are needed before their scatter is trusted


def ensemble(
    builder: Callable[[int], Any],
    n: int,
    *,
    seed: int,
    executor: Any = None,
    standard_error: float | None = None,
    progress: bool = True,
) -> "xarray.Dataset":
    r"""Mean and standard error of a calculation over random members.

    Disorder, such as positions in a cloud or missing atoms, is averaged over n independent members:

    .. math:: \bar x = \frac1n\sum_i x_i, \qquad
              σ_{\bar x}^2 = \frac{\sum_i |x_i - \bar x|^2}{n(n-1)}

    Member i is `builder(s)`, where the seed s depends on `seed` and i alone, so that more members
    continue the same sequence. Members are added in their order, whoever computed them: the mean is
    the same, bit for bit, with any executor and any number of workers, if the members are.

    Args:
        builder: a function of one integer, from 0 to 2⁶³ − 1, that returns a number, an array, a
            mapping of these by name, a `Result`, or a dataset of xarray. The same seed must give
            the same member. One seed may serve several kinds of disorder and `evolve`.
        n: the number of members, or the most of them with `standard_error`.
        seed: of the whole ensemble, 0 or more.
        executor: None to compute in this process, or an executor as for `sweep`.
        standard_error: the ensemble ends with the first member, from the 20th on, after which the
            standard error of `emission`, relative to its largest value, is not above this number;
            if the members have no `emission`, that of every variable. A warning says if n members
            do not reach it.
        progress: show a progress bar after two seconds.

    Returns:
        Dataset with the mean of every numeric variable, in the dimensions and units of the members,
        and its standard error as `<name>_error`; that of one member alone is NaN. What the members
        themselves have as `<name>_error`, such as a `Result` of trajectories, is not used: it is in
        the scatter between the members. Coordinates and texts are kept if all members share them.
        Attributes are those that all members share, `n`, `seed`, `complete`, and `left_out`: what
        has no mean because members differ in shape, as the populations of different numbers of
        emitters. After Ctrl-C it is the mean of the members until then, with `complete` False.

    Raises:
        ValueError: for bad arguments, and if the members have nothing in common.
        EvolutionError: if a member fails or its run is incomplete, or if the executor fails. The
            message names the member and its seed, and `.result` is the mean of those before it, or
            None. It is also raised if Python turns warnings into errors and the ensemble ends with
            a warning; then `.result` is the whole dataset.
        KeyboardInterrupt: for Ctrl-C before the end of the first member.

    Example:
        >>> import numpy as np, collective as co
        >>> def burst(seed):
        ...     cloud = co.cloud(4, 0.2, min_distance=0.05, seed=seed)
        ...     couplings = co.couple(cloud, co.Vacuum())
        ...     return co.evolve(couplings, "inverted", np.linspace(0, 2, 5))
        >>> mean = co.ensemble(burst, 20, seed=1)
        >>> mean.emission.values.round(2), mean.emission_error.values.round(2)
    """
    builder = checks.function("builder", builder)
    n = checks.count("n", n)
    seed = checks.count("seed", seed, minimum=0, maximum=None)
    checked_executor(executor)
    if standard_error is not None:
        standard_error = checks.number("standard_error", standard_error, above=0)
    averages = Averages()
    bar = Progress(n, "ensemble", show=checks.flag("progress", progress))
    job = _Member(builder, seed)
    try:
        with (
            bar,
            closing(answers(job, ((i, i) for i in range(n)), executor, ordered=True)) as found,
        ):
            for answer in found:
                if answer.failure is not None:
                    raise _failed(answer.failure, answer.index, seed, averages)
                _add(averages, answer.value)
                bar.step()
                if standard_error is not None and _reached(averages, standard_error):
                    break
    except KeyboardInterrupt:
        if averages.count == 0:
            raise
        return _dataset(averages, seed, complete=False)
    except ExecutorError as error:
        raise EvolutionError(
            f"{error}; {_held(averages)}", _dataset(averages, seed, complete=False)
        ) from error
    mean = _dataset(averages, seed, complete=True)
    if standard_error is not None:
        _warn_of_large(averages, standard_error, mean)
    return mean


@dataclass(frozen=True)
class _Member:
    """What a worker does: one member of the ensemble from its index."""

    builder: Callable[[int], Any]
    seed: int

    def __call__(self, index: int) -> Block:
        """The member as a block; raises if it is incomplete."""
        answer = self.builder(member_seed(self.seed, index))
        if isinstance(answer, Result) and not answer.complete:
            why = answer.diagnostics.get("ended", "it was interrupted")
            raise ValueError(f"the run has only the times until t = {answer.times[-1]:g}: {why}")
        found = block(answer)
        if not found.attributes.get("complete", True):
            raise ValueError("the dataset is incomplete")
        found.variables.pop("complete", None)
        return found


def member_seed(seed: int, index: int) -> int:
    """The seed of one member, from 0 to 2⁶³ − 1."""
    return derived(seed, f"member {index}")


def _add(averages: Averages, member: Block) -> None:
    """Add a member; raises if it has no variable in common with those before."""
    averages.add(member)
    if not averages.names:
        why = _listed(averages.left_out) or "they have no numbers"
        raise ValueError(
            f"builder: there is nothing to average in members 0 to {averages.count - 1}: {why}; "
            "return what all members have in the same shape, such as result.emission"
        )


def _failed(failure: str, index: int, seed: int, averages: Averages) -> EvolutionError:
    """The error for a member that failed, with the mean of those before."""
    last = failure.splitlines()[-1]
    return EvolutionError(
        f"builder: member {index}, builder({member_seed(seed, index)}), failed: {last}; "
        f"{_held(averages)}\n\n{failure}",
        _dataset(averages, seed, complete=False),
    )


def _held(averages: Averages) -> str:
    """What the error holds."""
    if averages.count == 0:
        return "no member was finished"
    return f"the error's .result holds the mean of the {averages.count} before"


def _dataset(averages: Averages, seed: int, *, complete: bool) -> "xarray.Dataset | None":
    """The means with the attributes of the ensemble, or None without a member."""
    if averages.count == 0:
        return None
    own = {"n": averages.count, "seed": seed, "complete": int(complete)}
    found = averages.dataset()
    found.attrs |= attributes(own) | {"left_out": _listed(averages.left_out)}
    return found


def _listed(left_out: dict[str, str]) -> str:
    """What was left out, and why."""
    return "; ".join(f"{name}: {why}" for name, why in left_out.items())


def _reached(averages: Averages, wanted: float) -> bool:
    """Whether the scatter is known and the standard error small enough."""
    return averages.count >= _TRUSTED and _relative_error(averages)[0] <= wanted


def _relative_error(averages: Averages) -> tuple[float, str]:
    """The standard error that counts, relative to the largest value, and of which variable."""
    names = ["emission"] if "emission" in averages.names else averages.names
    return max((averages.relative_error(name), name) for name in names)


def _warn_of_large(averages: Averages, wanted: float, mean: "xarray.Dataset") -> None:
    """Warn if the standard error that was asked for is not reached."""
    error, name = _relative_error(averages)
    if averages.count < 2 or error <= wanted:
        return
    needed = float(f"{averages.count * (error / wanted) ** 2:.2g}")
    message = (
        f"standard_error: {error:.2g} of the largest {name} after {averages.count:,} members, "
        f"{wanted:g} asked for; allow more by n, about {needed:,.0f} are needed"
    )
    try:
        warn(message)
    except Warning as error_of_warning:
        raise EvolutionError(
            f"{message}; the error's .result holds the whole ensemble", mean
        ) from error_of_warning
