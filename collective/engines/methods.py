"""What every engine answers to a problem, as a table: `Methods`."""

import math
from dataclasses import dataclass

from collective._tools import checks, equality, notebook
from collective._tools.console import aligned, printable
from collective._tools.memory import bytes_text
from collective.engines.base import ACCURACIES, Accuracy, Cost

LONGEST = 86400.0  # seconds; a longer run starts only if its method is named


@dataclass(frozen=True, eq=False, repr=False)
class Methods:
    """The answers of all engines to a problem; print it.

    Attributes:
        costs: predicted bytes and seconds of the engines that can evolve it, by name.
        refusals: the reasons why the others cannot, by name.
        accuracy: "exact", "sampled" or "approximate", of every engine by name.
        keeps: what the result of every engine can hold, by name.
        available: bytes of available memory, or None if the system does not say.
        chosen: the engine that `method="auto"` would run; None if no exact and no sampled engine
            fits and ends within a day.
        advice: what the user can reduce if nothing fits.

    `believe` is the approximate engine whose expected error is the smallest. An expected error is
    relative to the largest emission; see the page "How far to trust it".
    """

    costs: dict[str, Cost]
    refusals: dict[str, str]
    accuracy: dict[str, str]
    keeps: dict[str, tuple[str, ...]]
    available: int | None
    chosen: str | None
    advice: str = "use fewer emitters"

    __eq__ = equality.same
    __hash__ = equality.hashed

    def fits(self, name: str) -> bool:
        """Whether there is enough memory for an engine.

        Raises:
            KeyError: for an engine that cannot evolve the problem, or that does not exist.
        """
        checks.instance("name", name, str, "the name of an engine")
        if name not in self.costs:
            why = self.refusals.get(name, f"there are {', '.join(self.costs)}")
            raise KeyError(f"no cost of {name!r}: {why}")
        return self.available is None or self.costs[name].bytes <= self.available

    def fitting(self, accuracy: Accuracy) -> list[str]:
        """The engines of one accuracy for which there is enough memory, the fastest first.

        Args:
            accuracy: "exact", "sampled" or "approximate".

        Raises:
            ValueError: for another word.
        """
        checks.choice("accuracy", accuracy, ACCURACIES)
        found = [n for n in self.costs if self.accuracy[n] == accuracy and self.fits(n)]
        return sorted(found, key=lambda name: self.costs[name].seconds)

    def able(self) -> list[str]:
        """The engines that can evolve it, fit, and end within a day.

        The most accurate ones come first, and among these the fastest. Approximate engines have the
        order of their expected errors, those that do not know it last.
        """
        every = [name for accuracy in ACCURACIES for name in self.fitting(accuracy)]
        ends = [name for name in every if self.costs[name].seconds <= LONGEST]
        return sorted(ends, key=self._rank)

    def _rank(self, name: str) -> tuple[int, float]:
        """A key that sorts engines by their accuracy, and approximate ones by their error."""
        accuracy, error = self.accuracy[name], self.costs[name].error
        if accuracy != "approximate":
            return ACCURACIES.index(accuracy), 0.0
        return ACCURACIES.index(accuracy), math.inf if error is None else error

    @property
    def believe(self) -> str | None:
        """The approximate engine with the smallest expected error that fits and ends within a day.

        It is None if no approximate engine can, or if none knows its error.
        """
        found = [n for n in self.able() if self.costs[n].error is not None]
        known = [n for n in found if self.accuracy[n] == "approximate"]
        return known[0] if known else None

    @printable
    def __repr__(self) -> str:
        rows = self._rows()
        able = len(rows) - len(self.refusals)
        # a refusal is long: it starts below "work", and makes this column no wider
        cells = rows[:able] + [(*row[:4], "", "") for row in rows[able:]]
        lines = aligned(cells, "< < > > < <").split("\n")
        start = lines[0].index(" work")
        lines[able:] = [
            f"{line:<{start}}{row[4]}" for line, row in zip(lines[able:], rows[able:], strict=True)
        ]
        return "\n".join([*lines, *self._remarks()])

    def _repr_html_(self) -> str:
        names, *rows = ([cell.strip() for cell in row] for row in self._rows())
        return notebook.table("", [*rows, *([remark] for remark in self._remarks())], names)

    def _rows(self) -> list[tuple[str, str, str, str, str, str]]:
        """Names of the columns, then the answer of each engine; the chosen one has a star."""
        rows = [("method", " accuracy", "memory", "time", " work", " keeps")]
        for name, cost in self.costs.items():
            mark = "*" if name == self.chosen else " "
            notes = [] if self.fits(name) else ["more memory than there is"]
            if cost.seconds > LONGEST:
                notes.append("more than a day")
            work = ", ".join([cost.work, *notes])
            memory, time = bytes_text(cost.bytes), seconds_text(cost.seconds)
            kept = ", ".join(self.keeps[name])
            accuracy = self.accuracy[name]
            if cost.error is not None:
                accuracy += f", {error_text(cost.error)}"
            elif accuracy == "approximate":
                accuracy += ", error not known"
            rows.append((mark + name, accuracy, memory, time, work, kept))
        refused = self.refusals.items()
        return rows + [(" " + n, self.accuracy[n], "–", "–", why, "") for n, why in refused]

    def _remarks(self) -> list[str]:
        """What is said below the table."""
        found = []
        exact = self.chosen is not None and self.accuracy.get(self.chosen) == "exact"
        if not exact and (believe := self.believe) is not None:
            found.append(
                f"of the approximate engines, believe {believe!r}: it expects the least error"
            )
        if self.chosen is None:
            found.append(f'no engine that "auto" would take: {self.needed()}')
        return found

    def needed(self) -> str:
        """What would have to change if no engine that "auto" may use fits and ends within a day."""
        able = self.able()
        if able and self.accuracy[able[0]] == "approximate":
            return f"method={able[0]!r} can, with an approximation"
        if able:
            return f"method={able[0]!r} can"
        if not self.costs:
            return "none can"
        if any(self.fits(name) for name in self.costs):
            return "all that fit take more than a day; use fewer emitters or shorter times"
        return f"none fits into memory; {self.advice}"

    def __str__(self) -> str:
        return repr(self)


def error_text(error: float) -> str:
    """An expected error of the emission, relative to its largest value, in words.

    >>> [error_text(e) for e in (0, 0.004, 0.0371, 0.42, 2.5)]
    ['error < 0.1 %', 'error ≈ 0.4 %', 'error ≈ 4 %', 'error ≈ 40 %', 'error > 100 %']
    """
    if error < 1e-3:
        return "error < 0.1 %"
    return "error > 100 %" if error > 1 else f"error ≈ {float(f'{100 * error:.1g}'):g} %"


def seconds_text(seconds: float) -> str:
    """A time in a unit that suits its size.

    >>> [seconds_text(s) for s in (0.0024, 1.5, 600, 8000, 1e6, 1e12)]
    ['2 ms', '1.5 s', '10 min', '2.22 h', '11.6 days', '3.2e+04 years']
    """
    if seconds < 1:
        return f"{max(1, round(1000 * seconds))} ms"
    if seconds < 120:
        return f"{seconds:.2g} s"
    if seconds < 7200:
        return f"{seconds / 60:.3g} min"
    if seconds < 2 * LONGEST:
        return f"{seconds / 3600:.3g} h"
    years = seconds / (365.25 * 86400)
    if years < 2:
        return f"{seconds / 86400:.3g} days"
    return f"{years:.2g} years" if years < 1e9 else "more than 1e9 years"
