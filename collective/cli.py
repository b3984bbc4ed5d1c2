"""The command line: `collective run scenario.toml`, `collective demo`, and others.

It returns 0 if all went well, 1 for a run that failed, 2 for bad input, and 130 after Ctrl-C.

The file is longer than others because it has every command with the text of its help.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collective import scenarios
from collective._tools.console import shown
from collective._tools.files import checked_path
from collective._tools.progress import say, style
from collective._tools.version import __version__
from collective.errors import EvolutionError
from collective.scenarios import copies, saving
from collective.scenarios.scenario import Scenario

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

_EXAMPLES = Path(scenarios.__file__).parent / "examples"


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the `collective` command; returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        style()
    except ValueError as error:
        say(f"collective: {error}")
        return BAD_INPUT
    try:
        with _short_warnings():
            code: int = options.call(parser, options)
            sys.stdout.flush()
            return code
    except scenarios.ScenarioError as error:
        say(shown(f"collective: {error}" if error.path != "collective" else str(error)))
        return BAD_INPUT
    except BrokenPipeError:  # nobody reads the output any more, as after `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (EvolutionError, OSError) as error:
        say(shown(f"collective: {error}"))
        return FAILED
    except KeyboardInterrupt:
        say("collective: interrupted; the same command goes on where the work was kept")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog="collective",
        description="Quantum emitters coupled through a common field. A scenario file describes a "
        "calculation; `collective scenario --example > my.toml` writes one to start from.",
        epilog="Exit code: 0 if all went well, 1 for a run that failed, 2 for bad input, 130 after "
        "Ctrl-C.",
    )
    parser.add_argument("--version", action="version", version=f"collective {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)

    def command_of(name: str, does: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.")

    one = command_of("run", "run a scenario file, and write data, a figure and a copy of the file")
    many = command_of("sweep", "run every point of the section [grid] of a scenario file")
    workers = many.add_mutually_exclusive_group()
    workers.add_argument(
        "--workers", type=int, metavar="N", help="run N points at a time, in N processes"
    )
    workers.add_argument(
        "--scheduler", metavar="ADDRESS", help="run the points on the dask cluster at this address"
    )
    for command, call in ((one, _run), (many, _sweep)):
        _scenario_argument(command)
        command.add_argument(
            "--output",
            metavar="FOLDER",
            help="where the files are written (default: as the scenario says, else its name with "
            "-output)",
        )
        command.add_argument(
            "--dry-run", action="store_true", help="only check the file and predict time and memory"
        )
        command.set_defaults(call=call)

    table = command_of(
        "methods", "show the time and memory that each engine would need, and how exact it is"
    )
    _scenario_argument(table)
    table.set_defaults(call=_methods)
    report = command_of("validity", "show the assumptions behind a scenario, with their numbers")
    _scenario_argument(report)
    report.set_defaults(call=_validity)

    example = command_of("scenario", "print a scenario file to start from")
    example.add_argument(
        "--example",
        nargs="?",
        required=True,
        const="first_steps",
        choices=chapters(),
        metavar="CHAPTER",
        help=f"a chapter of the gallery, first_steps by default: {', '.join(chapters())}",
    )
    example.set_defaults(call=_example)

    shows = command_of("demo", "compute and draw a superradiant burst and detuned beats")
    shows.add_argument(
        "--output",
        default="demo-output",
        metavar="FOLDER",
        help="where the files are written (default: demo-output)",
    )
    shows.add_argument(
        "--emitters",
        type=int,
        default=8,
        metavar="N",
        help="emitters of the longest chain, 3 to 10 (default: 8)",
    )
    shows.set_defaults(call=_demo)
    return parser


def _scenario_argument(command: argparse.ArgumentParser) -> None:
    command.add_argument("scenario", metavar="scenario.toml", help="the scenario file")


def chapters() -> list[str]:
    """Chapters of the gallery that have an example of a scenario."""
    return sorted(path.stem for path in _EXAMPLES.glob("*.toml"))


def example(chapter: str) -> str:
    """The text of the example of a chapter."""
    return (_EXAMPLES / f"{chapter}.toml").read_text(encoding="utf-8")


@contextmanager
def _short_warnings() -> Iterator[None]:
    """A context in which a warning is one line, without the code that it comes from."""

    def show(message: Any, *_: Any, **__: Any) -> None:
        say(shown(f"collective: warning: {message}"))

    before = warnings.showwarning
    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


def _read(options: argparse.Namespace) -> Scenario:
    """The scenario of the command, with a note on other versions that wrote it."""
    scenario = scenarios.read(options.scenario)
    other = copies.differing(scenario.file)
    if other:
        say(shown(f"collective: this copy was written with {other}: last digits may differ"))
    return scenario


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """`collective run`."""
    scenario = _read(options)
    if scenario.axes:
        raise scenario.file.error(("grid",), "[grid] makes this a sweep: use `collective sweep`")
    if options.dry_run:
        return _predict(scenario)
    folder = saving.folder_of(scenario, options.output)
    saved = saving.run(scenario, folder)
    outcome = saved.outcome
    print(outcome)
    if isinstance(outcome, scenarios.Outcome) and saving.unfinished(outcome):
        say(shown(f"The work is kept in {folder / saving.CHECKPOINT}: the same command goes on."))
        return INTERRUPTED
    return _list(saved)


def _sweep(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """`collective sweep`."""
    if options.workers is not None and options.workers < 1:
        parser.error(f"--workers must be at least 1, got {options.workers}")
    scenario = _read(options)
    if not scenario.axes:
        raise scenario.file.error(
            (), "a sweep needs a section [grid]; `collective run` runs a scenario without one"
        )
    if options.dry_run:
        return _predict(scenario)
    folder = saving.folder_of(scenario, options.output)
    with _executor(parser, options) as executor:
        saved = saving.sweep(scenario, folder, executor=executor)
    if not saved.files:
        say(shown(f"The points are kept in {folder}: the same command goes on."))
        return INTERRUPTED
    return _list(saved)


@contextmanager
def _executor(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Iterator[Any]:
    """The executor of a sweep: None, processes of this machine, or those of a dask cluster."""
    if options.scheduler is not None:
        with _client(parser, options.scheduler) as client:
            yield client.get_executor()
    elif options.workers is None or options.workers == 1:
        yield None
    else:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_all_start_methods, get_context

        way = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
        executor = ProcessPoolExecutor(
            options.workers, mp_context=get_context(way), initializer=_end_with_parent
        )
        try:
            yield executor
        finally:
            executor.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone, even if that one was killed.

    A worker waits for its next task on a pipe of which it holds both ends, so that it would wait
    for ever.
    """
    from multiprocessing import connection, parent_process
    from threading import Thread

    parent = parent_process()
    if parent is None:
        return
    gone = parent.sentinel

    def watch() -> None:
        connection.wait([gone])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _client(parser: argparse.ArgumentParser, address: str) -> Any:
    """A client of the dask cluster at an address."""
    try:
        from dask.distributed import Client
    except ImportError:
        parser.error("--scheduler needs dask: pip install 'collective-emission[cluster]'")
    try:
        return Client(address, timeout=10)
    except (OSError, ValueError, TypeError) as error:
        parser.error(f"--scheduler: there is no dask scheduler at {address!r}: {error}")


def _predict(scenario: Scenario) -> int:
    """Print what a scenario will take."""
    from collective.scenarios.planning import plan

    found = plan(scenario)
    print(shown(f"{scenario}\n{found}"))
    return BAD_INPUT if found.refused == found.looked_at else 0


def _list(saved: saving.Saved) -> int:
    """Print which files were written."""
    print(shown("Files: " + ", ".join(str(file) for file in saved.files)))
    return 0


def _methods(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """`collective methods`."""
    scenario = _read(options)
    table = scenario.methods()
    _print_point(scenario)
    print(table)
    return 0


def _validity(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """`collective validity`."""
    scenario = _read(options)
    report = scenario.validity()
    _print_point(scenario)
    print(report)
    return 0


def _print_point(scenario: Scenario) -> None:
    """Say which point of a grid the next lines are about."""
    if scenario.axes:
        values = ", ".join(f"{axis.name} = {axis.values[0]}" for axis in scenario.axes)
        print(shown(f"The first point of the grid: {values}"))


def _example(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """`collective scenario --example`."""
    text = example(options.example)
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None or sys.stdout.isatty():
        print(shown(text), end="")
    else:  # into a file or a pipe: a scenario is UTF-8, whatever the console uses
        sys.stdout.flush()
        stream.write(text.encode())
        stream.flush()
    return 0


def _demo(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """`collective demo`."""
    from collective import demo

    if not 3 <= options.emitters <= 10:
        parser.error(f"--emitters must be from 3 to 10, got {options.emitters}")
    try:
        folder = checked_path("--output", options.output)
    except ValueError as error:
        parser.error(str(error))
    if folder.exists() and not folder.is_dir():
        parser.error(f"--output must be a folder, but {folder} is a file")
    try:
        demo.show(folder, options.emitters)
    except OSError as error:
        parser.error(f"--output {folder}: {error.strerror or error}")
    return 0
