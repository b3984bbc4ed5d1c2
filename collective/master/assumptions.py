"""The assumptions behind a master equation: approximation, positivity, separation of scales."""

from typing import Any

import numpy as np

from collective.validity import Assumption, Validity, small

_CHOI_DIMENSION = 20  # the Choi matrix has the fourth power of the dimension as entries


def of_master_equation(equation: Any) -> Validity:
    """A report on the approximation, complete positivity and the separation of scales."""
    note = Assumption("approximation", None, "note", _approximation(equation))
    rows = [note, _complete_positivity(equation)]
    report = equation.report
    if report is None:
        return Validity(tuple(rows))
    if report.dropped:
        rows.append(Assumption("dropped", None, "note", "; ".join(report.dropped)))
    frequency = report.frequency or float("inf")
    rows.append(small("weak damping", report.rate / frequency, "γ_max/smallest Bohr frequency"))
    rows.append(small("bath flat over a linewidth", report.variation, "relative change of γ"))
    coupling = report.coupling
    if equation.approximation == "rwa":
        rows.append(small("rotating-wave approximation", coupling / frequency, "|G|_max/ω_min"))
    if equation.approximation == "secular" and report.gap is not None:
        fastest = max(report.rate, coupling)
        meaning = f"max(γ, |G|)/smallest gap of Bohr frequencies ({report.gap:.3g})"
        rows.append(small("secular gaps", fastest / report.gap, meaning))
    ratio = coupling / report.rate if report.rate else (0.0 if coupling == 0 else float("inf"))
    verdict = "holds" if ratio < 1 else "doubtful"
    advice = '|G|_max/γ_max; above 1 consider eigenoperators="dressed"'
    rows.append(Assumption("local eigenoperators", ratio, verdict, advice))
    return Validity(tuple(rows))


def _approximation(equation: Any) -> str:
    """The name of the approximation, the dimension and the number of collapse operators."""
    kind = f"{equation.approximation}, dimension {equation.dimension}"
    if equation.of_lindblad_form:
        return f"{kind}, {len(equation.collapse_operators())} collapse operators"
    return f"{kind}, not of Lindblad form"


def _complete_positivity(equation: Any) -> Assumption:
    """Whether the generator is completely positive.

    The test is the smallest eigenvalue of its Choi matrix outside the maximally entangled state.
    """
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
