"""A progress line for work that takes more than two seconds."""

import sys
import time
from types import TracebackType


class Progress:
    """Counts steps; after two seconds it shows a tqdm bar, or a plain line without tqdm.

    Args:
        total: number of steps.
        label: what is being done.
        show: False keeps silent.
    """

    def __init__(self, total: int, label: str, *, show: bool = True):
        self._total, self._label, self._show = total, label, show
        self._start, self._done, self._printed = time.monotonic(), 0, 0.0
        self._bar = None
        if show:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self._bar = tqdm(total=total, desc=label, delay=2, leave=False)

    def step(self, n: int = 1) -> None:
        """Count n steps as done."""
        self._done += n
        if self._bar is not None:
            self._bar.update(n)
        elif self._show:
            self._line()

    def _line(self) -> None:
        now = time.monotonic()
        if now - self._start > 2 and now - self._printed > 0.5:
            self._printed = now
            left = (now - self._start) * (self._total / self._done - 1)
            text = f"{self._label}: {self._done}/{self._total}, about {left:.0f} s left"
            print(f"\r{text:<70}", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._printed:
            print("\r" + " " * 70 + "\r", end="", file=sys.stderr, flush=True)
