"""A progress line for work that takes more than two seconds; its errors never stop the work."""

import sys
import time
from types import TracebackType
from typing import Any


class Progress:
    """Counts steps. After two seconds it shows a tqdm bar, or a plain line without tqdm.

    If nothing can be shown (no stderr, a closed pipe, an error in the bar) it prints nothing.

    Args:
        total: number of steps.
        label: what is being done.
        show: whether to print anything.
    """

    def __init__(self, total: int, label: str, *, show: bool = True):
        self._total, self._label, self._show = total, label, show and _writable()
        self._start, self._done, self._printed = time.monotonic(), 0, 0.0
        self._bar: Any = None
        if self._show:
            try:
                from tqdm.auto import tqdm

                self._bar = tqdm(total=total, desc=label, delay=2, leave=False)
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
        """Print the steps done and the time left, at most twice a second."""
        now = time.monotonic()
        if now - self._start > 2 and now - self._printed > 0.5:
            self._printed = now
            left = (now - self._start) * (self._total / self._done - 1)
            text = f"{self._label}: {self._done}/{self._total}, about {left:.0f} s left"
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
