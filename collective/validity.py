"""Reports on the assumptions behind a calculation: `Validity`.

A number that must be small compared with 1 gets a verdict: "holds" below 0.01, "doubtful" below
0.1, else "fails". What needs the speed of light is "not assessed" without a frequency.
"""

from dataclasses import dataclass

from collective._tools import notebook
from collective._tools.console import aligned, printable


@dataclass(frozen=True)
class Assumption:
    """One assumption, the number that measures its violation, and the verdict.

    Attributes:
        name: what is assumed.
        value: the number, or None if it cannot be known.
        verdict: "holds", "doubtful", "fails", "not assessed", or "note" for a remark without a
            verdict.
        meaning: what the number is, or what is missing to compute it.
    """

    name: str
    value: float | None
    verdict: str
    meaning: str


@dataclass(frozen=True)
class Validity:
    """A report on assumptions; print it, or index it by the name of an assumption.

    Attributes:
        assumptions: all of them, in the order in which they are printed.

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
        raise KeyError(f"no assumption is named {name!r}; use one of {known}")

    @printable
    def __str__(self) -> str:
        return aligned(self._rows(), "<30 >10 <12 <")

    def _repr_html_(self) -> str:
        return notebook.table("", self._rows(), ("assumption", "number", "verdict", "meaning"))

    def _rows(self) -> list[tuple[str, str, str, str]]:
        """Name, number, verdict and meaning of each assumption."""
        return [
            (a.name, "–" if a.value is None else f"{a.value:.2e}", a.verdict, a.meaning)
            for a in self.assumptions
        ]

    __repr__ = __str__


def small(name: str, value: float, meaning: str) -> Assumption:
    """An assumption that holds if a number is small compared with 1."""
    verdict = "holds" if value < 0.01 else "doubtful" if value < 0.1 else "fails"
    return Assumption(name, float(value), verdict, meaning)
