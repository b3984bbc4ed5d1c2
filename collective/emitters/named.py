"""Real atoms by the name of a line or by quantum numbers: `atoms`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters.atoms import Atoms
from collective.emitters.hyperfine import near_levels, offset, warn_of_overlap
from collective.emitters.selection import chosen_momenta, closed_pairs, refuse_forbidden
from collective.emitters.spherical import spherical_vectors
from collective.emitters.transitions import amplitudes, sublevels
from collective.emitters.two_level import Emitters, checked_positions
from collective.emitters.zeeman import zeeman_shifts
from collective.units import Level, Line
from collective.units.lines import Side, fraction, half_integer
from collective.units.table import named


def atoms(
    positions: ArrayLike,
    line: str | Line | None = None,
    *,
    ground: float | Sequence[float],
    excited: float | Sequence[float],
    momenta: tuple[float, float] | None = None,
    nuclear_spin: float | None = None,
    magnetic_field: ArrayLike | None = None,
    axis: ArrayLike | None = None,
    detunings: ArrayLike = 0.0,
    wavelength: float = 1.0,
) -> Atoms:
    r"""Real atoms: Zeeman sublevels and dipoles of a line, given by its name or by numbers.

    The dipole of every transition follows from the Wigner–Eckart theorem. Without a nuclear spin,
    and with :math:`e_q` the spherical unit vectors about the quantisation axis,

    .. math:: ⟨J m|\mathbf d|J' m'⟩ = d\, ⟨J m; 1 q|J' m'⟩\, e_q, \qquad q = m' - m .

    Each excited sublevel decays at the rate 1, the linewidth Γ₀ of the line. Lengths are in
    wavelengths of the first transition and rates in Γ₀, which the line gives in SI units.

    Pairs of hyperfine levels, such as F = 2 → F′ = 2 and F = 1 → F′ = 2, are lines of their own:
    they are so far apart in frequency that they do not interfere, and each has its wave number.
    Hyperfine levels of a `line` that are closer than 10 linewidths share a line. Then they
    interfere, and `energies` hold their distances.

    Args:
        positions: (N, 3), in wavelengths, or in the unit of `wavelength`.
        line: a name such as "Rb87 D2" or "Sr88 689 nm" (see `units.atom`), a `units.Line`, or None
            if only the quantum numbers matter.
        ground: F of the ground levels, one number or several: they must hold all decays. Without a
            nuclear spin F is J.
        excited: F′ of the excited levels, one number or several.
        momenta: (J, J′) of the electrons, for hyperfine levels without a `line`.
        nuclear_spin: I, for hyperfine levels without a `line`.
        magnetic_field: (3,) in tesla; `units.gauss` is one gauss. Sublevel m is shifted by
            g_F m μ_B B/ħ, and the direction of the field is the quantisation axis.
        axis: (3,), the quantisation axis without a magnetic field; z by default.
        detunings: ω_m − ω₀ of each atom at zero field, in linewidths, scalar or (N,): added to the
            energies of all excited levels.
        wavelength: that of the first transition in the unit of the positions.

    Returns:
        `Atoms` with levels named by m, such as "e +1" and "g -1/2", in the order of falling m. If
        there are several excited or several ground levels, F is named too, as in "e2 +1" and
        "g1 -1". Lines are in the order of `excited`, then `ground`; the wave number of a line is
        that of its first pair.
        `frequency` is ω₀/Γ₀ if `line` is given.

    Raises:
        ValueError: for an unknown line (the error shows near names), quantum numbers that are not
            possible, a forbidden transition, ground levels that do not hold all decays of an
            excited level (the error says where they go), and a magnetic field without three
            components, with an axis that is not along it, or with a line whose g factors are not
            known.

    Warns:
        UserWarning: if a magnetic field is so strong that shifts are no longer linear in it (a
            tenth of the hyperfine splitting), and if an excited hyperfine level that is left out is
            so close that it takes part (10 linewidths).

    Source:
        D. A. Steck, Rubidium 87 D Line Data, section 4.3.

    Example:
        >>> import collective as co
        >>> co.atoms([[0, 0, 0], [0, 0, 0.3]], "Sr88 689 nm", ground=0, excited=1)
        Atoms: 2 atoms of 4 levels, 3 excited and 1 ground
          nearest pair  0.3
          extent        0.3
          lines         1, linewidth 1, decay rate of the levels 1
          energies      0
          axis          (0, 0, 1)
          wavelength    1

        The cycling transition of rubidium in one gauss along x:

        >>> field = [1 * co.units.gauss, 0, 0]
        >>> rb = co.atoms([[0, 0, 0]], "Rb87 D2", ground=2, excited=3, magnetic_field=field)
        >>> rb.axis, rb.levels[:3]
        (array([1., 0., 0.]), ('e +3', 'e +2', 'e +1'))
        >>> rb.energies[0, [rb.level("e +3"), rb.level("g +2")]].round(4)  # in linewidths
        array([0.4621, 0.2306])
    """
    if isinstance(positions, Emitters):
        raise ValueError("positions must be numbers (N, 3): of a lattice give lattice.positions")
    where = checked_positions(positions)
    transition = _transition(line, ground, excited, momenta, nuclear_spin)
    spin = transition.nuclear_spin
    electrons = transition.level("ground").momentum, transition.level("excited").momentum
    refuse_forbidden(transition)
    lower = chosen_momenta("ground", ground, transition)
    upper = chosen_momenta("excited", excited, transition)
    pairs = closed_pairs(electrons, spin, lower, upper)
    direction, strength = _direction(magnetic_field, axis)
    names, flags, first = _levels(lower, upper)
    near = {"ground": {f: f for f in lower}, "excited": {f: f for f in upper}}
    if line is not None:
        near["ground"] = near_levels(transition, "ground", lower)
        near["excited"] = near_levels(transition, "excited", upper)
    energies = np.zeros(len(names))
    for (side, momentum), begin in first.items():
        shift = offset(transition, side, momentum, near[side][momentum])
        energies[begin : begin + len(sublevels(momentum))] = shift
    if strength:
        if line is None:
            raise ValueError(
                "magnetic_field in tesla needs a line whose linewidth and g factors are known: "
                'give its name, such as "Rb87 D2", or a co.units.Line. Without one give shifts in '
                "linewidths: atoms.replace(energies=...)"
            )
        for (side, momentum), begin in first.items():
            shifts = zeeman_shifts(transition, side, momentum, strength)
            energies[begin : begin + len(shifts)] += shifts
    if line is not None:
        warn_of_overlap(transition, lower, upper)
    # pairs whose levels are close to each other share a line
    of_lines = [(near["ground"][below], near["excited"][above]) for below, above in pairs]
    lines = list(dict.fromkeys(of_lines))
    lowering = np.zeros((len(lines), 3, len(names), len(names)), dtype=complex)
    vectors = spherical_vectors(direction)
    for (below, above), own in zip(pairs, of_lines, strict=True):
        dipoles = np.einsum("qge,qa->age", amplitudes(electrons, spin, below, above), vectors)
        g, e = first["ground", below], first["excited", above]
        s = lines.index(own)
        lowering[s, :, g : g + dipoles.shape[1], e : e + dipoles.shape[2]] = dipoles
    offsets = checks.per_emitter("detunings", detunings, len(where))
    wavelength = checks.number("wavelength", wavelength, above=0)
    frequency, ratios = _frequencies(None if line is None else transition, lines)
    return Atoms(
        where,
        names,
        flags,
        lowering,
        linewidths=np.ones(len(lines)),
        wavenumbers=2 * np.pi / wavelength * ratios,
        energies=energies + offsets[:, None] * flags,
        axis=direction,
        wavelength=wavelength,
        frequency=frequency,
    )


def _transition(
    line: str | Line | None,
    ground: Any,
    excited: Any,
    momenta: Any,
    nuclear_spin: float | None,
) -> Line:
    """The line; without one a line of the given quantum numbers, in arbitrary units."""
    if line is not None:
        for name, value in (("momenta", momenta), ("nuclear_spin", nuclear_spin)):
            if value is not None:
                raise ValueError(f"{name} belongs to the line, which is given; leave it out")
        if isinstance(line, str):
            return named("line", line)
        checks.instance("line", line, Line, 'a name such as "Rb87 D2", or co.units.Line(...)')
        return line
    spin = half_integer("nuclear_spin", 0.0 if nuclear_spin is None else nuclear_spin)
    if momenta is None:
        if spin:
            raise ValueError(
                f"nuclear_spin = {fraction(spin)} needs momenta=(J, J′) of the electrons too"
            )
        momenta = (_one("ground", ground), _one("excited", excited))
    both = checks.finite("momenta", momenta)
    if both.shape != (2,):
        raise ValueError(f"momenta must be (J, J′), two numbers; got {checks.short(momenta)}")
    lower, upper = (half_integer(f"momenta[{i}]", each) for i, each in enumerate(both))
    return Line("", 1.0, 1.0, ground=Level(lower), excited=Level(upper), nuclear_spin=spin)


def _one(name: str, value: Any) -> float:
    """J of a level that has no hyperfine structure."""
    given = checks.finite(name, value)
    if given.size != 1:
        raise ValueError(
            f"{name} must be one J, got {checks.short(value)}: several hyperfine levels F need a "
            "line, or momenta=(J, J′) and nuclear_spin=I"
        )
    return half_integer(name, given.item())


def _direction(magnetic_field: Any, axis: Any) -> tuple[NDArray[np.float64], float]:
    """The quantisation axis, and the strength of the field along it in tesla."""
    chosen = None if axis is None else checks.direction("axis", axis)
    if magnetic_field is None:
        return np.array([0.0, 0.0, 1.0]) if chosen is None else chosen, 0.0
    if checks.finite("magnetic_field", magnetic_field).ndim == 0:
        raise ValueError(
            "magnetic_field needs a direction: give (Bx, By, Bz) in tesla, such as "
            f"(0, 0, {checks.short(magnetic_field)}), not one number"
        )
    field = checks.vector("magnetic_field", magnetic_field)
    if not np.any(field):
        return np.array([0.0, 0.0, 1.0]) if chosen is None else chosen, 0.0
    along = checks.direction("magnetic_field", field)
    strength = float(along @ field)
    if chosen is None:
        return along, strength
    if abs(abs(chosen @ along) - 1) > 1e-9:
        raise ValueError(
            f"axis must be along magnetic_field, whose direction is {along.round(4).tolist()}: m "
            "refers to the field; leave axis out"
        )
    return chosen, strength * float(np.sign(chosen @ along))


def _levels(
    lower: tuple[float, ...], upper: tuple[float, ...]
) -> tuple[tuple[str, ...], NDArray[np.int64], dict[tuple[Side, float], int]]:
    """Names of all levels, whether each is excited, and where each hyperfine level begins."""
    names: list[str] = []
    flags: list[int] = []
    first: dict[tuple[Side, float], int] = {}
    sides: tuple[tuple[Side, tuple[float, ...]], ...] = ("excited", upper), ("ground", lower)
    for side, momenta in sides:
        for momentum in momenta:
            first[side, momentum] = len(names)
            label = side[0] + (fraction(momentum) if len(momenta) > 1 else "")
            projections = sublevels(momentum)
            names += [f"{label} {'+' if m > 0 else ''}{fraction(m)}" for m in projections]
            flags += [int(side == "excited")] * len(projections)
    return tuple(names), np.array(flags), first


def _frequencies(
    line: Line | None, pairs: list[tuple[float, float]]
) -> tuple[float | None, NDArray[np.float64]]:
    """ω₀/Γ₀ of the first pair (F, F′), and the frequency of each pair relative to it."""
    if line is None:
        return None, np.ones(len(pairs))
    from scipy.constants import speed_of_light

    hertz = speed_of_light / line.wavelength + np.array(
        [
            line.hyperfine_shift("excited", above) - line.hyperfine_shift("ground", below)
            for below, above in pairs
        ]
    )
    return float(2 * np.pi * hertz[0] / line.linewidth), hertz / hertz[0]
