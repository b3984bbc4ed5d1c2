"""The approximations of a master equation: what each keeps, what it drops and what it reports."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from collective.master.derivation import Derivation

if TYPE_CHECKING:
    from qutip import Qobj

APPROXIMATIONS = ("universal", "redfield", "secular", "rwa")


@dataclass(frozen=True)
class Report:
    """Numbers from the derivation for `MasterEquation.validity`.

    Attributes:
        dropped: the terms that the approximation leaves out, in words.
        gap: smallest difference between Bohr frequencies (None if there is only one).
        rate: largest rate at the positive Bohr frequencies.
        coupling: largest ``|G|`` between emitters.
        frequency: smallest non-zero Bohr frequency.
        variation: largest relative change of γ over a linewidth.
    """

    dropped: tuple[str, ...]
    gap: float | None
    rate: float
    coupling: float
    frequency: float
    variation: float


@dataclass(frozen=True)
class EquationParts:
    """The operators of one approximation, from which a `MasterEquation` is made.

    Attributes:
        hamiltonian: H₀ and the field-induced part.
        jumps: the collapse operators; empty if there is a superoperator.
        generator: the superoperator, if the approximation is not of Lindblad form.
        emission: its expectation value is the emission rate.
        report: numbers for `MasterEquation.validity`.
    """

    hamiltonian: "Qobj"
    jumps: "list[Qobj]"
    generator: "Qobj | None"
    emission: "Qobj"
    report: Report


def assemble(derived: Derivation, approximation: str, *, absorbing: bool) -> EquationParts:
    """The operators of one approximation; with absorbing, "rwa" keeps the jumps of ω < 0."""
    generator, dressed = None, derived.hamiltonian is not derived.bare
    dropped: tuple[str, ...] = ()
    hamiltonian, jumps = derived.hamiltonian, []
    match approximation:
        case "rwa":
            hamiltonian = derived.bare + derived.resonant()
            jumps = derived.jumps(lambda w: w > 0)
            if absorbing:
                jumps += derived.jumps(lambda w: w < 0)
            dropped = (
                "counter-rotating and mixed terms",
                "G^(D)",
                "jumps of ω = 0",
            )
        case "secular":
            if not dressed:
                hamiltonian = derived.bare + derived.secular_shift()
            for omega in derived.frequencies:
                jumps += derived.jumps(lambda w, omega=omega: w == omega)
            dropped = ("all terms between different Bohr frequencies",)
        case "universal":
            if not dressed:
                hamiltonian = derived.bare + derived.lamb_shift()
            jumps = derived.jumps(lambda w: np.ones(len(w), dtype=bool))
            dropped = ("i(S−S'), and (γγ')^½ in place of ½(γ+γ')",)
        case _:
            hamiltonian = derived.bare + derived.lamb_shift()
            generator = derived.redfield()
    dims = [list(derived.multilevel.levels)] * 2
    return EquationParts(
        _qobj(hamiltonian, dims),
        [_qobj(jump, dims) for jump in jumps],
        None if generator is None else _qobj(generator, [dims, dims]),
        _qobj(derived.emission(), dims),
        _report(derived, dropped, dressed),
    )


def _report(derived: Derivation, dropped: tuple[str, ...], dressed: bool) -> Report:
    """The numbers that `MasterEquation.validity` needs."""
    rates = [
        (omega, float(np.linalg.eigvalsh(matrix)[-1]) if matrix.size else 0.0)
        for omega, matrix in zip(derived.frequencies, derived.rates(), strict=True)
    ]
    rate = max((size for omega, size in rates if omega > 0), default=0.0)
    gaps = np.diff(derived.frequencies)
    # with bare levels G needs no imaginary wave numbers
    pair = derived.lamb_shift(pairs_only=True) if dressed else derived.interaction().sparse()
    return Report(
        dropped,
        float(gaps.min()) if len(gaps) else None,
        rate,
        float(abs(pair).max()) if pair.nnz else 0.0,
        min((omega for omega, _ in rates if omega > 0), default=0.0),
        derived.variation(rate),
    )


def _qobj(matrix: Any, dims: list[Any]) -> "Qobj":
    """A sparse matrix as a QuTiP operator."""
    from qutip import Qobj
    from scipy.sparse import csr_array

    found = csr_array(matrix, dtype=complex)
    found.eliminate_zeros()
    return Qobj(found, dims=dims)
