"""From emitters and a field to Γ and Δ: `couple`.

The file is longer than others because `couple` says what it does for every kind of emitter.
"""

from typing import Any, Literal, overload

import numpy as np

from collective._tools import checks
from collective._tools.memory import fits, require
from collective.couplings import thermal
from collective.couplings.by_displacement import refusal, stand_in, unit_kernels, with_own
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.of_atoms import of_atoms
from collective.couplings.pairs import (
    averaged_shift,
    integral_parts,
    unit_couplings,
    with_way_out,
)
from collective.emitters import Atoms, Emitters, lengths
from collective.fields import answers
from collective.fields.protocol import COUPLING, require_field
from collective.spectral.baths import checked_temperature

SHIFTS = ("full", "rwa", "resonant")
_NOT_SCATTERED = 1e-12  # per linewidth
_MATRICES = 11  # N × N at the peak of `couple`: Γ, Δ, both scaled, and the checks of them
_PAIR_BYTES, _PAIRS_AT_ONCE = 380, 116_500  # of Green's tensors and what they are made from


@overload
def couple(
    emitters: Emitters,
    field: Any,
    *,
    shift: Literal["full", "rwa", "resonant"] = "full",
    temperature: float = 0.0,
    level_shifts: bool = True,
    by_displacement: bool | None = None,
) -> Couplings: ...


@overload
def couple(
    emitters: Atoms,
    field: Any,
    *,
    shift: Literal["full", "rwa", "resonant"] = "full",
    temperature: float = 0.0,
    level_shifts: bool = True,
    by_displacement: bool | None = None,
) -> ChannelCouplings: ...


def couple(
    emitters: Emitters | Atoms,
    field: Any,
    *,
    shift: Literal["full", "rwa", "resonant"] = "full",
    temperature: float = 0.0,
    level_shifts: bool = True,
    by_displacement: bool | None = None,
) -> Couplings | ChannelCouplings:
    r"""Γ and Δ of emitters in a field.

    .. math:: Γ_{mn} = 2k̄^2\, d̃_m^*·\mathrm{Im}\,G(r_m, r_n, k̄)·d̃_n, \qquad
              Δ_{mn} = −d̃_m^*·[k^2\, \mathrm{Re}\,G(r_m, r_n, k) + c\,X]·d̃_n, \qquad
              X = \frac{1}{π}\int_0^∞ dκ \frac{κ^2k}{κ^2+k^2} G(iκ)

    with d̃_m² = 3πΓ_m/k_m³, where Re and Im act on the entries of the tensor. The full dipole
    coupling has c = 0 for pairs. The RWA in the coupling has c = 1, and its shift is
    −(1/π)P∫₀^∞dq q² Im G(q)/(q − k) (Dzsotjan, Kästel & Fleischhauer, Phys. Rev. B 84, 075419
    (2011)): about half the full shift at small distances, and the same beyond a wavelength. On the
    diagonal the shift in vacuum belongs to the transition frequency; the shift by scattered light
    has c = 2 (full) or c = 1 (RWA). The shift "resonant" is the full one with c = 0 everywhere,
    for a field that is known at real wave numbers alone. Close to a metal what it leaves out is as
    large as what it keeps.

    For emitters of different frequency, Γ_mn/√(Γ_mΓ_n) is evaluated at the mean wave number k̄ of
    all emitters, which keeps Γ positive. Δ_mn is the average of its values at k_m and k_n, and the
    size of each dipole follows from its own k_m. `Couplings.validity` reports what this neglects.

    Magnetic dipoles (`Emitters(kind="magnetic")`) have C = ∇×G×∇' of the field in the place of
    k²G, Γ = 2m̃*·Im C·m̃ and Δ = −m̃*·Re C·m̃. At a temperature T the light has
    n̄ = 1/(e^{ω/T} − 1) photons per mode, ω the mean frequency. Between emitters Δ does not depend
    on T. On the diagonal S(ω) − S(−ω), the shift by scattered thermal light (see
    `collective.couplings.thermal`), replaces the shift with c = 2.

    Args:
        emitters: N of them; their detunings become those of the couplings (frame at ω₀).
        field: `Vacuum()`, `Nanowire(...)` or any object with `green(r, r_source, k)`; a model
            without a Green's tensor gives Γ and Δ itself, by `coefficients(emitters)` (see
            `Field`).
        shift: "full"; "rwa" for the coupling operator in the RWA; or "resonant", which leaves the
            integral out of the level shifts. It is not to be confused with the `approximation` of
            `master_equation`, which always has the full shift.
        temperature: T of the field in units of rate (ħ = k_B = 1); above 0 the emitters need
            their frequency.
        level_shifts: whether Δ_mm holds the shift of each transition by scattered light. With
            False Δ_mm is 0. Γ and the full Δ between emitters then need the field at real wave
            numbers alone, so that one ε at one wavelength is enough. Alike emitters at alike places
            have the same level shift, which only moves their common frequency. Others are
            detuned from each other by the difference; if you know it, give it as `detunings`.
        by_displacement: whether Γ and Δ of alike emitters, or of atoms, on a lattice are stored by
            the displacement between two sites and not as matrices. Sites may be vacant: random
            ones, or those around a ball or a cigar that is cut out of the lattice. The lattice is
            found from the positions, in any order of the emitters, if they are on its sites to
            10⁻⁹ of the spacing, and if its sites have at most N²/2 displacements (about 8 for each
            site in three dimensions). This takes little memory and
            time, but only `method="mean_field"` evolves such couplings. For None it is done only if
            the matrices do not fit into memory.

    Returns:
        `Couplings` with Γ and Δ, (N, N), or `ChannelCouplings` of `Atoms`; Γ and Δ are a
        `LatticeMatrix` each if they are stored by displacement.

    Raises:
        ValueError: for coincident emitters, whose shift diverges (unless their dipoles are
            orthogonal, which do not couple); emitters in solid matter; a field that is
            not reciprocal, or that is needed at imaginary wave numbers (for "rwa", or for level
            shifts by scattered light) and not known there; magnetic dipoles in a field
            without `magnetic_green`; a temperature without frequency, or together with "rwa" or
            "resonant"; a model without a Green's tensor together with "rwa", "resonant", a
            temperature or `level_shifts=False`, or with coefficients that are not Hermitian or a Γ
            that is not positive semidefinite; `by_displacement=True` for emitters that are not
            alike on a lattice, or in a field that sees more than displacements, or that does not
            answer at vacant sites.

    Warns:
        UnitWarning: for neighbours closer than 10⁻⁴ wavelengths or farther apart than 10⁴, or so
            far that nothing couples them; a wire of such a radius; shifts above ω₀ or 10⁹
            linewidths.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> float(pair.decay[0, 1].round(10)), float(pair.shift[0, 1].round(10))
        (0.9226968484, 2.5970938737)
        >>> close = co.couple(co.chain(2, 0.03), co.Vacuum(), shift="rwa")
        >>> float(close.shift[0, 1].round(5))  # the full one is 110.0479
        54.72085
        >>> warm = co.couple(co.chain(2, 0.1, frequency=1e7), co.Vacuum(), temperature=1e7)
        >>> round(warm.thermal_photons, 4)  # 1/(e − 1)
        0.582
        >>> silver = co.HalfSpace(-16 + 0.4j)  # one number, known at one wavelength
        >>> above = co.Emitters([[0, 0, 0.1], [0.1, 0, 0.1]])
        >>> co.couple(above, silver, level_shifts=False).shift.round(4)
        array([[0.    , 1.9288],
               [1.9288, 0.    ]])
        >>> many = co.couple(co.square(200, 200, 0.2), co.Vacuum(), by_displacement=True)
        >>> many.decay
        LatticeMatrix: 40,000 × 40,000, a lattice of 200 × 200 sites
        >>> places = np.random.default_rng(1).choice(many.emitters.positions, 30000, replace=False)
        >>> co.couple(co.Emitters(places), co.Vacuum(), by_displacement=True).decay
        LatticeMatrix: 30,000 × 30,000, a lattice of 200 × 200 sites, 10,000 of them vacant
    """
    coupling = checks.choice("shift", shift, SHIFTS)
    own = checks.flag("level_shifts", level_shifts)
    if isinstance(emitters, Atoms):
        return of_atoms(emitters, field, coupling, temperature, by_displacement, level_shifts=own)
    checks.instance("emitters", emitters, Emitters, "co.Emitters, a lattice, or co.Atoms")
    require_field("field", field, COUPLING)
    temperature = checked_temperature(temperature)
    sparing = _by_displacement(emitters, field, coupling, by_displacement)
    answers.require_outside("emitters.positions", field, emitters.positions)
    if answers.without_tensor(field):
        found = _of_model(emitters, field, coupling, temperature, own=own)
    elif sparing:
        found = _of_lattice(emitters, field, coupling, temperature, own=own)
    else:
        found = _of_tensor(emitters, field, coupling, temperature, own=own)
    lengths.warn_of_field_lengths(answers.lengths(field), emitters.wavelength)
    matrices = found.decay, found.shift
    if isinstance(found.decay, LatticeMatrix) and isinstance(found.shift, LatticeMatrix):
        matrices = stand_in(found.decay), stand_in(found.shift)
    absolute = answers.without_tensor(field)
    lengths.warn_of_couplings(*matrices, emitters, field, absolute=absolute)
    return found


def _of_model(
    emitters: Emitters, field: Any, coupling: str, temperature: float, *, own: bool
) -> Couplings:
    """The `Couplings` of a model that gives Γ and Δ itself."""
    if coupling == "rwa":
        raise ValueError(
            f'shift="rwa" needs a Green\'s tensor on the imaginary axis, and {field!r} has none: '
            'its coefficients are Γ and Δ themselves, shift="full"'
        )
    if coupling == "resonant":
        raise ValueError(
            f'shift="resonant" leaves an integral over a Green\'s tensor out, and {field!r} has no '
            'tensor: its coefficients are Γ and Δ themselves, shift="full"'
        )
    if temperature > 0:
        raise ValueError(
            f"temperature = {temperature:g} shifts levels by a Green's tensor on the imaginary "
            f"axis, and {field!r} has none: give Couplings(decay, shift, thermal_photons=...) "
            "your own matrices"
        )
    if not own:
        raise ValueError(
            f"level_shifts=False leaves scattered light out of Δ_mm, and {field!r} has no tensor "
            "to tell it apart: its coefficients are Γ and Δ themselves; give Couplings(decay, "
            "shift) a shift with another diagonal"
        )
    decay, shifts = answers.coefficients(field, emitters)
    return Couplings(decay, shifts, detunings=emitters.detunings, emitters=emitters, field=field)


def _of_tensor(
    emitters: Emitters, field: Any, coupling: str, temperature: float, *, own: bool
) -> Couplings:
    """The `Couplings` that follow from a Green's tensor."""
    lengths.refuse_coincident(emitters)
    if temperature > 0 and coupling == "rwa":
        raise ValueError(
            f'temperature = {temperature:g} needs shift="full": the RWA in the coupling leaves out '
            "the absorption with which thermal light shifts levels"
        )
    if temperature > 0 and coupling == "resonant":
        raise ValueError(
            f'temperature = {temperature:g} needs shift="full": thermal light shifts levels by a '
            'sum over imaginary wave numbers, which shift="resonant" leaves out'
        )
    photons = thermal.occupation(emitters, temperature)
    seen = answers.response(emitters.kind, field)
    wavenumbers = emitters.wavenumbers
    mean = float(wavenumbers.mean())
    if np.all(wavenumbers == wavenumbers[0]):
        decay, shifts = unit_couplings(emitters, seen, mean)
    else:
        decay = unit_couplings(emitters, seen, mean, shift=False)[0]
        shifts = averaged_shift(emitters, seen)
    # G at the emitter itself is that of vacuum, i k/6π, unless light is scattered back to it
    back = np.maximum(np.abs(np.diag(shifts)), np.abs(np.diag(decay) - 1)).max() > _NOT_SCATTERED
    if coupling == "rwa":
        shifts = shifts + integral_parts(emitters, seen, pairs=True)
    elif back and own and temperature > 0:
        resonant = np.diag(shifts).real
        with with_way_out():
            of_each = thermal.level_shifts(emitters, seen, resonant, temperature)
        np.fill_diagonal(shifts, of_each)
    elif back and own and coupling == "full":
        with with_way_out():
            shifts = shifts + 2 * integral_parts(emitters, seen, pairs=False)
    if not back or not own:
        np.fill_diagonal(shifts, 0.0)
    strength = np.sqrt(emitters.decay_rates)
    scale = strength[:, None] * strength
    return Couplings(
        decay * scale,
        shifts * scale,
        detunings=emitters.detunings,
        emitters=emitters,
        field=field,
        thermal_photons=photons,
    )


def _of_lattice(
    emitters: Emitters, field: Any, coupling: str, temperature: float, *, own: bool
) -> Couplings:
    """The `Couplings` of alike emitters on a lattice, stored by displacement."""
    lengths.refuse_coincident(emitters)
    decay, shift = unit_kernels(emitters, field, float(emitters.wavenumbers[0]))
    per_emitter = ("positions", "dipoles", "decay_rates", "detunings")
    one = emitters.replace(**{name: getattr(emitters, name)[:1] for name in per_emitter})
    alone = _of_tensor(one, field, coupling, temperature, own=own)
    rate = float(emitters.decay_rates[0])
    return Couplings(
        with_own(decay, alone.decay[0, 0], rate),
        with_own(shift, alone.shift[0, 0], rate),
        detunings=emitters.detunings,
        emitters=emitters,
        field=field,
        thermal_photons=thermal.occupation(emitters, temperature),
    )


def _by_displacement(emitters: Emitters, field: Any, coupling: str, asked: Any) -> bool:
    """Whether Γ and Δ are stored by displacement; raises if they do not fit into memory."""
    needed = _needed(emitters)
    if asked is not None and not checks.flag("by_displacement", asked):
        asked = False
    if asked is None and fits(needed):
        return False
    why = "" if asked is False else refusal(emitters)
    if coupling == "rwa":
        why = 'the shift must be "full" or "resonant"'
    elif answers.without_tensor(field):
        why = f"{field!r} has no Green's tensor"
    if why is None:
        return True
    if asked:
        lengths.refuse_coincident(emitters)
        raise ValueError(f"by_displacement: {why}")
    way_out = "use fewer emitters"
    if asked is None:
        way_out += f"; they cannot be stored by displacement: {why}"
    require(needed, f"couple: to hold Γ and Δ of {len(emitters):,} emitters", way_out)
    return False


def _needed(emitters: Emitters) -> int:
    """Bytes at the peak while the matrices of the emitters are made."""
    n = len(emitters)
    square = (16 if np.any(emitters.dipoles.imag) else 8) * n * n
    making = 2 * square + _PAIR_BYTES * min(n * (n + 1) // 2, _PAIRS_AT_ONCE)
    return max(_MATRICES * square, making)
