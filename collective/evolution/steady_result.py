"""A `Result` of one time from a density matrix."""

from typing import TYPE_CHECKING, Any

import numpy as np

from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.engines.measures import ChannelMeasure
from collective.engines.request import Problem
from collective.master.equation import MasterEquation
from collective.results.result import Result
from collective.states import State, correlations

if TYPE_CHECKING:
    from qutip import Qobj

_LARGEST_KEPT = 1024  # levels: a larger ρ is not kept in a result


def result_of(
    problem: Problem,
    rho: "Qobj",
    *,
    operators: "dict[str, Qobj] | None" = None,
    whole: bool = False,
    initial_state: "State | Qobj | str",
    **others: Any,
) -> Result:
    """What is observed in a state, as a result with the one time 0.

    Args:
        problem: couplings, of emitters or of channels, or a master equation.
        rho: ρ.
        operators: whose expectation values are wanted, by name.
        whole: whether ρ is kept however large it is.
        initial_state: for the result.
        others: further fields of `Result`: method, reason, accuracy, diagnostics.
    """
    import qutip

    values = {name: qutip.expect(each, rho) for name, each in (operators or {}).items()}
    if isinstance(problem, Couplings):
        read = _of_couplings(problem, rho)
    elif isinstance(problem, CavityCouplings):
        emitters = rho.ptrace(list(range(len(problem))))
        read = _of_couplings(problem.couplings, emitters) | {"couplings": problem}
        inside = rho.ptrace(len(problem)).diag().real
        read["photons"] = np.array([inside @ np.arange(problem.photons + 1)])
    elif isinstance(problem, ChannelCouplings):
        read = _of_channels(problem, rho)
    else:
        read = _of_equation(problem, rho)
    kept = rho if whole or rho.shape[0] <= _LARGEST_KEPT else None
    return Result(
        times=np.zeros(1),
        states=None if kept is None else [kept],
        expect={name: np.array([value]) for name, value in values.items()},
        initial_state=initial_state,
        **read,
        **others,
    )


def _of_couplings(couplings: Couplings, rho: "Qobj") -> dict[str, Any]:
    """Fields of two-level emitters: what follows from ⟨σ⁺_mσ⁻_n⟩."""
    pairs = correlations(rho, couplings)
    populations = np.diagonal(pairs).real.copy()[None]
    rate = (1 + couplings.thermal_photons) * np.einsum("mn,mn->", couplings.decay, pairs).real
    return {
        "emission": np.array([rate]),
        "excitation": populations.sum(axis=1),
        "populations": populations,
        "correlations": pairs[None],
        "couplings": couplings,
    }


def _of_channels(channels: ChannelCouplings, rho: "Qobj") -> dict[str, Any]:
    """Fields of atoms: the probability of every level, ⟨σ⁺_cσ⁻_c'⟩, and Σ Γ_cc'⟨σ⁺_cσ⁻_c'⟩."""
    read = ChannelMeasure(channels, correlations=True).read(rho.full())
    return {**{name: np.array([value]) for name, value in read.items()}, "couplings": channels}


def _of_equation(equation: MasterEquation, rho: "Qobj") -> dict[str, Any]:
    """Fields of a master equation: the probability of every level, and its emission if known."""
    populations = np.full((1, len(equation.dims), max(equation.dims)), np.nan)
    for i, levels in enumerate(equation.dims):
        populations[0, i, :levels] = rho.ptrace(i).diag().real
    operator = equation.emission_operator
    return {
        "emission": None if operator is None else np.array([(operator * rho).tr().real]),
        "excitation": None,
        "populations": populations,
        "couplings": None,
        "equation": equation,
        "frame": "lab",
    }
