"""Which assumptions hold, with the number that decides: `Validity`, what it says and how it prints.

Numbers that must be small compared with 1 get a verdict: below 0.01 "holds", below 0.1
"doubtful", else "fails". What needs the speed of light is "not assessed" without a frequency.
"""

from dataclasses import dataclass

from collective._tools.console import aligned, printable


@dataclass(frozen=True)
class Assumption:
    """One assumption, the number that measures its violation, and what follows.

    Attributes:
        name: what is assumed.
        value: the number, or None if it cannot be known.
        verdict: "holds", "doubtful", "fails", "not assessed", or "note" for what is only said.
        meaning: what the number is, or what is missing.
    """

    name: str
    value: float | None
    verdict: str
    meaning: str


@dataclass(frozen=True)
class Validity:
    """A report on assumptions; print it, or index it by name.

    Example:
        >>> import collective as co
        >>> report = co.couple(co.chain(4, 0.1, frequency=1e7), co.Vacuum()).validity()
        >>> report["no retardation"].verdict
        'holds'
    """

    assumptions: tuple[Assumption, ...]

    def __getitem__(self, name: str) -> Assumption:
        for assumption in self.assumptions:
            if assumption.name == name:
                return assumption
        known = ", ".join(repr(a.name) for a in self.assumptions)
        raise KeyError(f"no assumption {name!r}; there are {known}")

    @printable
    def __str__(self) -> str:
        rows = [
            (a.name, "–" if a.value is None else f"{a.value:.2e}", a.verdict, a.meaning)
            for a in self.assumptions
        ]
        return aligned(rows, "<30 >10 <12 <")

    __repr__ = __str__


def small(name: str, value: float, meaning: str) -> Assumption:
    """An assumption that holds as far as a number is small compared with 1."""
    verdict = "holds" if value < 0.01 else "doubtful" if value < 0.1 else "fails"
    return Assumption(name, float(value), verdict, meaning)
