"""The assumptions behind Γ and Δ: the RWA, no retardation, couplings flat over a linewidth."""

from typing import Any

import numpy as np

from collective.couplings import memory_effect
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.pairs import linewidth_variation
from collective.couplings.tensors import tensor_variation
from collective.fields.answers import assumptions, response, without_tensor
from collective.validity import Assumption, Validity, small

_NO_FREQUENCY = "needs Emitters(frequency=...)"
_FLAT, _CHANGE = "couplings flat over a linewidth", "change of Γ_mn, Δ_mn over Γ_max, per Γ_max"
_BACK = 1e-10  # relative change of the own decay rate above which light comes back
_NO_GEOMETRY = "needs emitters: Couplings(..., emitters=...)"


def of_couplings(couplings: Any) -> Validity:
    """A report on the assumptions of the collective master equation within the RWA."""
    lowest, highest = couplings.extreme_rates()
    krylov = isinstance(couplings.decay, LatticeMatrix) and not couplings.decay.few
    found = "upper bound of the smallest" if krylov else "smallest"
    rows = [_positivity(lowest, highest, found)]
    photons = couplings.thermal_photons
    fastest = (1 + 2 * photons) * highest  # thermal light broadens all lines
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
    if couplings.ising is not None:
        checks.append(
            (
                "weak interaction of excited emitters",
                lambda e, c: couplings.largest_interaction() / e.frequency,
                "max|V_mn|/ω₀",
            )
        )
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
    rows += _note_of_level_shifts(without_level_shifts(couplings))
    if emitters is not None and couplings.field is not None:
        of_field = assumptions(couplings.field, emitters)
        rows += [small(name, value, meaning) for name, (value, meaning) in of_field.items()]
    return Validity((*rows, _effect_of_memory(couplings)))


def _effect_of_memory(couplings: Any) -> Assumption:
    """How much one excitation changes if the memory of the field is not neglected."""
    found = memory_effect.largest(couplings)
    if isinstance(found, str):
        meaning = f"{memory_effect.MEANING}: {found}"
        return Assumption(memory_effect.NAME, None, "not assessed", meaning)
    return small(memory_effect.NAME, found, memory_effect.MEANING)


def of_channels(channels: Any) -> Validity:
    """A report on the assumptions of the master equation of atoms with manifolds."""
    atoms = channels.atoms
    lowest, highest = channels.extreme_rates()
    upper = atoms.excited == 1
    spread = float(np.ptp(channels.energies[:, upper]))
    strongest = float(np.abs(channels.drive).max())
    found = "upper bound of the smallest" if channels.krylov else "smallest"
    rows = [_positivity(lowest, highest, found)]
    c, frequency = atoms.speed_of_light, atoms.frequency
    numbers = [
        ("rotating-wave approximation", channels.largest_exchange(), frequency, "max|Δ|/ω₀"),
        ("no retardation", highest * atoms.extent, c, "Γ_max·extent/c"),
        ("no retardation of beats", spread * atoms.extent, c, "max|E_e−E_e'|·extent/c"),
        ("one wave number for all", spread, frequency, "max|E_e−E_e'|/ω₀ of excited levels"),
    ]
    if strongest:
        numbers.append(("weak drive", strongest, frequency, "max|Ω|/ω₀"))
    for name, value, scale, meaning in numbers:
        if scale is None:
            what = f"{meaning}: needs Atoms(frequency=...)"
            rows.append(Assumption(name, None, "not assessed", what))
        else:
            rows.append(small(name, value / scale, meaning))
    rows.append(_flatness_of_channels(channels, highest))
    rows += _note_of_level_shifts(channels_without_level_shifts(channels))
    rows += _apart(channels, highest)
    if np.any(channels.ground_shift):
        largest = float(np.abs(channels.ground_shift).max())
        text = (
            "largest |Λ|: levels outside these manifolds shift too, by amounts of this size that "
            "are not included"
        )
        rows.append(Assumption("only these manifolds", largest, "note", text))
    return Validity(tuple(rows))


def without_level_shifts(couplings: Any) -> bool:
    """Whether light comes back to the emitters and their Δ_mm are 0 all the same."""
    emitters, field = couplings.emitters, couplings.field
    if emitters is None or field is None or without_tensor(field):
        return False
    alone = emitters.decay_rates
    back = np.abs(couplings.decay.diagonal() - alone) > _BACK * alone
    return bool(np.any(back) and not np.any(couplings.shift.diagonal()))


def channels_without_level_shifts(channels: Any) -> bool:
    """Whether light comes back to the atoms and Δ within each atom and Λ are 0 all the same."""
    if channels.field is None or np.any(channels.ground_shift):
        return False
    lines = channels.atoms.linewidths
    decay, shift = (_within_atoms(m, 3 * len(lines)) for m in (channels.decay, channels.shift))
    back = np.abs(decay - np.diag(np.repeat(lines, 3))) > _BACK * lines.max()
    return bool(np.any(back) and not np.any(shift))


def _within_atoms(matrix: Any, side: int) -> Any:
    """The block of each atom, (N, C, C), of a matrix over channels; (C, C) on a lattice."""
    if isinstance(matrix, LatticeMatrix):
        return matrix.own
    n = len(matrix) // side
    return matrix.reshape(n, side, n, side)[np.arange(n), :, np.arange(n), :]


def _note_of_level_shifts(left_out: bool) -> list[Assumption]:
    """A remark if the shifts of levels by scattered light are left out."""
    if not left_out:
        return []
    text = (
        "left out, Δ_mm = 0: light comes back to each emitter and shifts it; emitters that are "
        "shifted differently are detuned from each other by the difference"
    )
    return [Assumption("level shifts", None, "note", text)]


def _flatness_of_channels(channels: Any, fastest: float) -> Assumption:
    """How much Γ and Δ over channels change over the largest decay rate."""
    atoms, field, name = channels.atoms, channels.field, _FLAT
    if field is None:
        return Assumption(name, None, "not assessed", f"{_CHANGE}: needs a field")
    if atoms.frequency is None:
        return Assumption(name, None, "not assessed", f"{_CHANGE}: needs Atoms(frequency=...)")
    if isinstance(channels.decay, LatticeMatrix):
        return Assumption(name, None, "not assessed", f"{_CHANGE}: assess a smaller lattice")
    try:
        variation = tensor_variation(atoms, field, fastest)
    except ValueError as error:  # a table or samples that end there
        return Assumption(name, None, "not assessed", f"{_CHANGE}: {error}")
    return small(name, variation, _CHANGE)


def _apart(channels: Any, fastest: float) -> list[Assumption]:
    """Whether the lines of the atoms are far apart, compared with what could mix them."""
    atoms = channels.atoms
    if atoms.lines == 1:
        return []
    name, meaning = "lines far apart", "max(Γ_max, |Δ|, |Ω|) over the distance of two lines"
    wavenumbers = np.sort(atoms.wavenumbers)
    gap = float(np.diff(wavenumbers).min())
    if atoms.speed_of_light is None or gap == 0:
        missing = "Atoms(frequency=...)" if gap else "different wave numbers of the lines"
        return [Assumption(name, None, "not assessed", f"{meaning}: needs {missing}")]
    strongest = max(fastest, channels.largest_exchange(), float(np.abs(channels.drive).max()))
    return [small(name, strongest / (gap * atoms.speed_of_light), meaning)]


def _positivity(smallest: float, fastest: float, found: str) -> Assumption:
    """Whether the smallest eigenvalue of Γ is not negative."""
    holds = smallest >= -1e-10 * max(fastest, np.finfo(float).tiny)
    return Assumption(
        "decay matrix positive",
        smallest,
        "holds" if holds else "fails",
        f"{found} eigenvalue of Γ (round-off is allowed)",
    )


def _flatness(couplings: Any, fastest: float) -> Assumption:
    """How much the couplings change over the largest decay rate."""
    name, meaning = _FLAT, _CHANGE
    emitters, field = couplings.emitters, couplings.field
    if emitters is None or field is None:
        return Assumption(name, None, "not assessed", f"{meaning}: needs emitters and field")
    if emitters.frequency is None:
        return Assumption(name, None, "not assessed", f"{meaning}: {_NO_FREQUENCY}")
    if without_tensor(field):
        return Assumption(name, None, "not assessed", f"{meaning}: {field!r} has no Green's tensor")
    if isinstance(couplings.decay, LatticeMatrix):
        return Assumption(name, None, "not assessed", f"{meaning}: assess a smaller lattice")
    field = response(emitters.kind, field)
    try:
        variation = linewidth_variation(emitters, field, fastest)
    except ValueError as error:  # a table or samples that end there
        return Assumption(name, None, "not assessed", f"{meaning}: {error}")
    return small(name, variation, meaning)
