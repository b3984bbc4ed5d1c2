"""How far work is that takes more than two seconds; an error of what shows it never stops the work.

The environment variable COLLECTIVE_PROGRESS sets how progress is shown in the whole package, in the
processes that it starts too: ``bar``, ``lines`` or ``off``. It is read each time work begins.
"""

import os
import sys
import time
from types import TracebackType
from typing import Any

from collective._tools import checks

SWITCH = "COLLECTIVE_PROGRESS"
STYLES = ("bar", "lines", "off")
APART = 30.0  # seconds between two lines of a process
_last_line = -APART  # when this process printed a line


def style() -> str:
    """How progress is shown: by a bar that moves, by a line now and then, or not at all.

    Without the variable it is a bar in a terminal or a notebook, and lines elsewhere: a file would
    keep every state of the bar.

    Raises:
        ValueError: if the variable has another value.
    """
    wanted = os.environ.get(SWITCH)
    if wanted:
        return checks.choice(f"the environment variable {SWITCH}", wanted, STYLES)
    return "bar" if _seen_at_once() else "lines"


class Progress:
    """Counts steps. After two seconds it shows a tqdm bar, or lines of text, see `style`.

    If nothing can be shown (no stderr, a closed pipe, an error in the bar) it prints nothing.

    Args:
        total: number of steps.
        label: what is being done.
        show: whether to print anything.
        delay: seconds until something is shown.
        done: steps that were done before.

    Raises:
        ValueError: as `style`.
    """

    def __init__(
        self, total: int, label: str, *, show: bool = True, delay: float = 2.0, done: int = 0
    ):
        self._style = style() if show else "off"
        self._total, self._label = total, label
        self._show = self._style != "off" and _writable()
        self._start, self._delay, self._printed = time.monotonic(), delay, 0.0
        self._done = self._before = done
        self._bar: Any = None
        if self._show and self._style == "bar":
            try:
                from tqdm.auto import tqdm

                self._bar = tqdm(total=total, desc=label, initial=done, delay=delay, leave=False)
            except ImportError:
                return
            except Exception:  # warnings turned into errors, a closed stderr
                self._show = False

    def step(self, n: int = 1) -> None:
        """Count n steps as done."""
        self._done += n
        try:
            if self._bar is not None:
                self._bar.update(n)
            elif self._show:
                self._print_line()
        except Exception:
            self._stop_showing()

    def _print_line(self) -> None:
        """Print the steps done and the time left, if it is time for that."""
        global _last_line
        now = time.monotonic()
        if now - self._start <= self._delay:
            return
        here = max(1, self._done - self._before)
        left = (now - self._start) * (self._total - self._done) / here
        text = f"{self._label}: {self._done}/{self._total}, about {left:.0f} s left"
        if self._style == "lines":
            if now - _last_line >= APART:
                _last_line = now
                print(text, file=sys.stderr, flush=True)
        elif now - self._printed > 0.5:
            self._printed = now
            print(f"\r{text:<70}", end="", file=sys.stderr, flush=True)

    def _stop_showing(self) -> None:
        """Print nothing from now on."""
        self._show, self._printed = False, 0.0
        if self._bar is not None:
            self._bar.disable = True  # tqdm reads this before it writes, even in its __del__
            self._bar = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._bar is not None:
                self._bar.close()
            elif self._printed:
                print("\r" + " " * 70 + "\r", end="", file=sys.stderr, flush=True)
        except Exception:
            self._stop_showing()


def _seen_at_once() -> bool:
    """Whether stderr is a terminal, or this is a notebook of Jupyter."""
    try:
        if sys.stderr.isatty():
            return True
        shell = sys.modules["IPython"].get_ipython()
    except Exception:  # stderr is None or closed; no IPython
        return False
    return hasattr(shell, "kernel")


def _writable() -> bool:
    """Whether stderr can be written to; a tqdm bar without it would fail when it is deleted."""
    try:
        sys.stderr.write("")
        sys.stderr.flush()
    except Exception:  # stderr is None, closed, or a pipe that nobody reads
        return False
    return True


def say(text: str) -> None:
    """Print one line on stderr, if possible."""
    try:
        if sys.stderr is not None:
            print(text, file=sys.stderr, flush=True)
    except Exception:  # a pipe that nobody reads any more
        return


def notice(text: str) -> None:
    """Print one line about work that begins, if possible and if progress is shown at all."""
    if os.environ.get(SWITCH) != "off":
        say(text)
