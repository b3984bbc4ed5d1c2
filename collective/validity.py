"""Which assumptions behind a set of couplings hold, with the number that decides.

Numbers that must be small compared with 1 get a verdict: below 0.01 "holds", below 0.1
"doubtful", else "fails". What needs the speed of light is "not assessed" without a frequency.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collective._tools.console import aligned, printable
from collective.couplings.pairs import linewidth_variation
from collective.fields.protocol import seen_by

if TYPE_CHECKING:
    from collective.couplings.couplings import Couplings
    from collective.master.equation import MasterEquation

_CHOI_DIMENSION = 20  # its matrix has the fourth power of it as entries
_NO_FREQUENCY = "needs Emitters(frequency=...)"
_NO_GEOMETRY = "needs emitters: Couplings(..., emitters=...)"


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


def of_couplings(couplings: "Couplings") -> Validity:
    """The assumptions of the collective master equation within the RWA."""
    rates = couplings.collective_rates()
    rows = [_positivity(rates)]
    photons = couplings.thermal_photons
    fastest = (1 + 2 * photons) * float(rates[-1])  # thermal light broadens every line
    emitters = couplings.emitters
    detuning_spread = float(np.ptp(couplings.detunings))
    exchange = couplings.largest_exchange()
    # name, value from (emitters, speed of light), meaning
    checks = [
        (
            "rotating-wave approximation",
            lambda e, c: exchange / e.frequency,
            "max|Δ_mn|/ω₀",
        ),
        ("no retardation", lambda e, c: fastest * e.extent / c, "Γ_max·extent/c"),
        (
            "no retardation of beats",
            lambda e, c: detuning_spread * e.extent / c,
            "max|δ_m−δ_n|·extent/c",
        ),
        (
            "one wave number for all",
            lambda e, c: detuning_spread / e.frequency,
            "max|δ_m−δ_n|/ω₀",
        ),
    ]
    if np.any(couplings.drive):
        strongest = float(np.abs(couplings.drive).max())
        checks.append(("weak drive", lambda e, c: strongest / e.frequency, "max|Ω_m|/ω₀"))
    if photons:  # dn̄/dω · ω/n̄ = (1 + n̄) ln(1 + 1/n̄)
        steepness = (1 + photons) * np.log1p(1 / photons)
        width = fastest + detuning_spread
        checks.append(
            (
                "one occupation for all",
                lambda e, c: steepness * width / e.frequency,
                "relative change of n̄ over the spread of frequencies and Γ_max",
            )
        )
    for name, value, meaning in checks:
        if emitters is None:
            rows.append(Assumption(name, None, "not assessed", f"{meaning}: {_NO_GEOMETRY}"))
        elif emitters.frequency is None:
            rows.append(Assumption(name, None, "not assessed", f"{meaning}: {_NO_FREQUENCY}"))
        else:
            rows.append(small(name, value(emitters, emitters.speed_of_light), meaning))
    rows.append(_flatness(couplings, fastest))
    return Validity(tuple(rows))


def _positivity(rates: np.ndarray) -> Assumption:
    smallest, fastest = float(rates[0]), float(rates[-1])
    holds = smallest >= -1e-10 * max(fastest, np.finfo(float).tiny)
    return Assumption(
        "decay matrix positive",
        smallest,
        "holds" if holds else "fails",
        "smallest eigenvalue of Γ (round-off is allowed)",
    )


def _flatness(couplings: "Couplings", fastest: float) -> Assumption:
    name, meaning = "couplings flat over a linewidth", "change of Γ_mn, Δ_mn over Γ_max, per Γ_max"
    emitters, field = couplings.emitters, couplings.field
    if emitters is None or field is None:
        return Assumption(name, None, "not assessed", f"{meaning}: needs emitters and field")
    if emitters.frequency is None:
        return Assumption(name, None, "not assessed", f"{meaning}: {_NO_FREQUENCY}")
    field = seen_by(emitters.kind, field)
    return small(name, linewidth_variation(emitters, field, fastest), meaning)


def of_master_equation(equation: "MasterEquation") -> Validity:
    """Scheme, complete positivity and the separations of scales behind a master equation."""
    rows = [Assumption("scheme", None, "note", _scheme(equation)), _complete(equation)]
    report = equation.report
    if report is None:
        return Validity(tuple(rows))
    if report.dropped:
        rows.append(Assumption("dropped", None, "note", "; ".join(report.dropped)))
    frequency = report.frequency or float("inf")
    rows.append(small("weak damping", report.rate / frequency, "γ_max/smallest Bohr frequency"))
    rows.append(small("bath flat over a linewidth", report.variation, "relative change of γ"))
    coupling = report.coupling
    if equation.scheme == "rwa":
        rows.append(small("rotating-wave approximation", coupling / frequency, "|G|_max/ω_min"))
    if equation.scheme == "secular" and report.gap is not None:
        fastest = max(report.rate, coupling)
        meaning = f"max(γ, |G|)/smallest gap of Bohr frequencies ({report.gap:.3g})"
        rows.append(small("secular gaps", fastest / report.gap, meaning))
    ratio = coupling / report.rate if report.rate else (0.0 if coupling == 0 else float("inf"))
    verdict = "holds" if ratio < 1 else "doubtful"
    advice = '|G|_max/γ_max; above 1 consider eigenoperators="dressed"'
    rows.append(Assumption("local eigenoperators", ratio, verdict, advice))
    return Validity(tuple(rows))


def _scheme(equation: "MasterEquation") -> str:
    kind = f"{equation.scheme}, dimension {equation.dimension}"
    if equation.of_lindblad_form:
        return f"{kind}, {len(equation.collapse_operators())} collapse operators"
    return f"{kind}, not of Lindblad form"


def _complete(equation: "MasterEquation") -> Assumption:
    """Smallest eigenvalue of the generator's Choi matrix outside the maximally entangled state."""
    name = "complete positivity"
    size = equation.dimension
    if size > _CHOI_DIMENSION:
        meaning = f"smallest Choi eigenvalue: dimension above {_CHOI_DIMENSION}"
        return Assumption(name, None, "not assessed", meaning)
    generator = equation.liouvillian().full()
    choi = generator.reshape([size] * 4).transpose(1, 3, 0, 2).reshape(size**2, size**2)
    phi = np.eye(size).ravel() / np.sqrt(size)
    left = choi - np.outer(phi, phi @ choi)
    inner = left - np.outer(left @ phi, phi)
    smallest = float(np.linalg.eigvalsh((inner + inner.conj().T) / 2)[0])
    holds = smallest >= -1e-12 * max(float(np.abs(generator).max()), np.finfo(float).tiny)
    meaning = "smallest eigenvalue of the generator's Choi matrix"
    return Assumption(name, smallest, "holds" if holds else "fails", meaning)
