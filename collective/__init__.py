"""Time evolution of quantum emitters coupled through a common electromagnetic field.

    emitters in a field → couplings → QuTiP operators → dynamics → what a detector sees

Lengths are in wavelengths, rates in linewidths, times in inverse linewidths; the conventions are
those of `docs/conventions.md`.
"""

from typing import TYPE_CHECKING, Any

from collective._tools.version import __version__ as __version__

if TYPE_CHECKING:
    from collective import (
        currents,
        engines,
        materials,
        observables,
        plot,
        pulse,
        scenarios,
        spectral,
        states,
        units,
    )
    from collective.citations import citation
    from collective.couplings.channels import ChannelCouplings
    from collective.couplings.couple import couple
    from collective.couplings.couplings import Couplings
    from collective.couplings.drives import plane_wave
    from collective.couplings.ising import (
        IsingTerms,
        dipolar,
        ising_from_spins,
        one_axis_twisting,
        van_der_waals,
    )
    from collective.couplings.modes import Modes
    from collective.couplings.with_mode import CavityCouplings, CavityMode, cavity_mode
    from collective.emitters import (
        Atoms,
        Emitters,
        Multilevel,
        chain,
        cloud,
        cubic,
        ring,
        spin,
        square,
        triangular,
    )
    from collective.emitters.named import atoms
    from collective.engines.choice import methods
    from collective.engines.methods import Methods
    from collective.errors import (
        DivergedError,
        EngineContractError,
        EvolutionError,
        ProblemTooLargeError,
        UnitWarning,
    )
    from collective.evolution.comparison import Comparison, compare
    from collective.evolution.engine_comparison import EngineComparison
    from collective.evolution.evolve import evolve
    from collective.evolution.steady_state import steady_state
    from collective.fields import (
        Cavity,
        Field,
        FieldCheck,
        GuidedMode,
        HalfSpace,
        Layers,
        Memory,
        Mirror,
        Nanowire,
        Plasma,
        SampledField,
        Sphere,
        Vacuum,
        Waveguide,
        check_field,
        purcell,
    )
    from collective.master.equation import MasterEquation
    from collective.master.interactions import interaction
    from collective.master.master_equation import master_equation
    from collective.results.jumps import Jumps
    from collective.results.result import Result, load
    from collective.sweeps.ensemble import ensemble
    from collective.sweeps.sweep import sweep

__all__ = [
    "Atoms",
    "Cavity",
    "CavityCouplings",
    "CavityMode",
    "ChannelCouplings",
    "Comparison",
    "Couplings",
    "DivergedError",
    "Emitters",
    "EngineComparison",
    "EngineContractError",
    "EvolutionError",
    "Field",
    "FieldCheck",
    "GuidedMode",
    "HalfSpace",
    "IsingTerms",
    "Jumps",
    "Layers",
    "MasterEquation",
    "Memory",
    "Methods",
    "Mirror",
    "Modes",
    "Multilevel",
    "Nanowire",
    "Plasma",
    "ProblemTooLargeError",
    "Result",
    "SampledField",
    "Sphere",
    "UnitWarning",
    "Vacuum",
    "Waveguide",
    "atoms",
    "cavity_mode",
    "chain",
    "check_field",
    "citation",
    "cloud",
    "compare",
    "couple",
    "cubic",
    "currents",
    "dipolar",
    "engines",
    "ensemble",
    "evolve",
    "interaction",
    "ising_from_spins",
    "load",
    "master_equation",
    "materials",
    "methods",
    "observables",
    "one_axis_twisting",
    "plane_wave",
    "plot",
    "pulse",
    "purcell",
    "ring",
    "scenarios",
    "spectral",
    "spin",
    "square",
    "states",
    "steady_state",
    "sweep",
    "triangular",
    "units",
    "van_der_waals",
]

# where each public name lives; nothing is imported before it is used
_MODULES = {
    "currents",
    "engines",
    "materials",
    "observables",
    "plot",
    "pulse",
    "scenarios",
    "spectral",
    "states",
    "units",
}
_HOMES = {
    "Atoms": "emitters",
    "Cavity": "fields",
    "CavityCouplings": "couplings.with_mode",
    "CavityMode": "couplings.with_mode",
    "ChannelCouplings": "couplings.channels",
    "Comparison": "evolution.comparison",
    "EngineComparison": "evolution.engine_comparison",
    "Couplings": "couplings.couplings",
    "Emitters": "emitters",
    "DivergedError": "errors",
    "EngineContractError": "errors",
    "EvolutionError": "errors",
    "Field": "fields",
    "FieldCheck": "fields",
    "GuidedMode": "fields",
    "HalfSpace": "fields",
    "IsingTerms": "couplings.ising",
    "Jumps": "results.jumps",
    "Layers": "fields",
    "MasterEquation": "master.equation",
    "Methods": "engines.methods",
    "Memory": "fields",
    "Mirror": "fields",
    "Modes": "couplings.modes",
    "Multilevel": "emitters",
    "Nanowire": "fields",
    "Plasma": "fields",
    "ProblemTooLargeError": "errors",
    "Result": "results.result",
    "SampledField": "fields",
    "Sphere": "fields",
    "UnitWarning": "errors",
    "Vacuum": "fields",
    "Waveguide": "fields",
    "atoms": "emitters.named",
    "cavity_mode": "couplings.with_mode",
    "chain": "emitters",
    "check_field": "fields",
    "citation": "citations",
    "cloud": "emitters",
    "compare": "evolution.comparison",
    "couple": "couplings.couple",
    "cubic": "emitters",
    "dipolar": "couplings.ising",
    "ensemble": "sweeps.ensemble",
    "evolve": "evolution.evolve",
    "interaction": "master.interactions",
    "ising_from_spins": "couplings.ising",
    "load": "results.result",
    "master_equation": "master.master_equation",
    "methods": "engines.choice",
    "one_axis_twisting": "couplings.ising",
    "plane_wave": "couplings.drives",
    "purcell": "fields",
    "ring": "emitters",
    "spin": "emitters",
    "square": "emitters",
    "steady_state": "evolution.steady_state",
    "sweep": "sweeps.sweep",
    "triangular": "emitters",
    "van_der_waals": "couplings.ising",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"collective.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'collective' has no attribute {name!r}")
    value = getattr(import_module(f"collective.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
