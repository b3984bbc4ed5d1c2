r"""Light in space: the direction into which it is emitted, and its intensity at a point.

The positive-frequency field of the emitters is, in the units of `docs/conventions.md`,

.. math:: E^+(r) = \sum_n k^2\,G(r, r_n, k)·d̃_n\,σ^-_n, \qquad d̃_n = u_n\sqrt{3πΓ_n/k^3},

which agrees with :math:`Γ_{mn} = 2k^2\,d̃^*_m·\mathrm{Im}\,G·d̃_n`. Every observable here is a sum
:math:`\sum_{mn} f^*_m·f_n\,⟨σ^+_mσ^-_n⟩` over vectors f_n, one for each emitter and each place.
Emitters of different frequency radiate at the mean wave number k, as in Γ. The light of a drive is
not included. Multi-level emitters radiate every transition at its own wave number. For magnetic
dipoles the field is the magnetic one, c·B, and C of `magnetic_green` takes the place of k²G.

The file is longer than others because its docstrings give every sum with its units.
"""

from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality, notebook
from collective._tools.console import printable, span
from collective._tools.memory import require
from collective._tools.progress import Progress
from collective.couplings.channels import ChannelCouplings
from collective.fields import Vacuum
from collective.fields.answers import require_outside, response, total_green
from collective.fields.points import checked_points
from collective.observables import _inputs, _sphere, _transitions
from collective.observables._detection import wavenumber
from collective.observables._polarisers import polarisers
from collective.observables._sources import Fields, by_line, sources_of
from collective.results.result import Result

_CHUNK_BYTES = 2**24


def angular_pattern(
    result: Result,
    directions: ArrayLike,
    *,
    polarisation: Literal["s", "p", "helicity+", "helicity-"] | ArrayLike | None = None,
) -> NDArray[np.float64]:
    r"""Photons per time and solid angle far away from the emitters.

    .. math:: \frac{dR}{dΩ}(n̂) = \frac{3}{8π}\sum_{mn}\sqrt{Γ_mΓ_n}
              [u^*_m·u_n − (u^*_m·n̂)(n̂·u_n)]\,e^{ikn̂·(r_m − r_n)}\,⟨σ^+_mσ^-_n⟩

    in vacuum (Lehmberg, Phys. Rev. A 2, 883 (1970)), where its integral over all directions is
    `result.emission`. A field of your own gives its `far_field` (see `Field`).

    Atoms with manifolds (`ChannelCouplings`) have a dipole for each channel; their lines do not
    interfere, so that their rates add up. Through a polariser only the component ε*·E of the
    electric field passes, and two polarisers that are perpendicular to each other share all light.

    Args:
        result: of `evolve` with `observe=("correlations",)`, or of `moment`.
        directions: n̂, (D, 3) or (3,), of any length but zero.
        polarisation: of a polariser. "s" is across the plane of n̂ and the quantisation axis of the
            atoms (z for two-level emitters), "p" in it; "helicity+" and "helicity-" are circular,
            with the angular momentum ±1 along n̂. A vector ε, (3,) or (D, 3), complex if you like,
            is one whose part across n̂ is taken. None is without polariser.

    Returns:
        (T, D), in units of rate per steradian.

    Raises:
        ValueError: for a result without correlations or positions, or of emitters in a field
            that does not give its far field, directions that are zero, or a polarisation that is
            not defined in one of them: "s" and "p" along the axis, a vector along itself.
        ProblemTooLargeError: if the answer does not fit into memory.

    Example:
        A dipole along z emits 3/8π of its rate per steradian along x, and nothing along z:

        >>> import collective as co
        >>> atom = co.couple(co.Emitters([[0, 0, 0]]), co.Vacuum())
        >>> start = co.observables.moment(atom, "inverted")
        >>> co.observables.angular_pattern(start, [[1, 0, 0], [0, 0, 1]]).round(6)
        array([[0.119366, 0.      ]])

        The electric field of that light is along z:

        >>> co.observables.angular_pattern(start, [1, 0, 0], polarisation=(0, 1, 0)).round(6)
        array([[0.]])
    """
    sources = sources_of(result, "angular_pattern")
    unit = _inputs.directions("directions", directions)
    passed = None
    if polarisation is not None:
        passed = polarisers(polarisation, unit, sources.axis)
        if sources.kind == "magnetic":  # f is c·B = n̂ × E
            passed = np.cross(unit, passed)

    def fields(far: Fields, some: slice) -> NDArray[np.complex128]:
        light = far(unit[some])
        if passed is None:
            return light
        return np.einsum("di,dni->dn", passed[some].conj(), light)[..., None]

    of_lines = (
        _intensities(correlations, len(unit), partial(fields, far), "directions")
        for correlations, far in sources.lines
    )
    return reduce(np.add, of_lines)


@dataclass(frozen=True, eq=False, repr=False)
class FarField:
    """The angular pattern on a grid over the whole sphere, of P polar × A azimuthal angles.

    Attributes:
        polar: (P,), angle from the z axis, in radians; the cosines are Gauss–Legendre nodes.
        azimuth: (A,), angle from the x axis around z, in radians, evenly spaced.
        pattern: (T, P, A), dR/dΩ, in units of rate per steradian.
        weights: (P, A), solid angle of each direction; they sum to 4π.
    """

    polar: NDArray[np.float64]
    azimuth: NDArray[np.float64]
    pattern: NDArray[np.float64]
    weights: NDArray[np.float64]

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.lock(vars(self))

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        times, polar, azimuthal = self.pattern.shape
        plural = "" if times == 1 else "s"
        return (
            f"FarField: {polar} polar × {azimuthal} azimuthal angles at {times} time{plural}\n"
            f"  rate per steradian  {span(self.pattern)}\n"
            f"  total rate          {span(self.total())}"
        )

    def directions(self) -> NDArray[np.float64]:
        """Unit vectors, (P, A, 3)."""
        return _sphere.unit_vectors(np.cos(self.polar), self.azimuth)

    def total(self) -> NDArray[np.float64]:
        """∫dΩ dR/dΩ, the rate of photons into all directions, (T,)."""
        return np.einsum("tpa,pa->t", self.pattern, self.weights)


def far_field(
    result: Result, *, n_polar: int | None = None, n_azimuth: int | None = None
) -> FarField:
    """The angular pattern on a grid whose sums are integrals over the sphere.

    Args:
        result: as for `angular_pattern`.
        n_polar: P; None takes as many as integrals exact to about 10⁻¹² need for emitters of this
            extent.
        n_azimuth: A; None as for n_polar.

    The grid grows with the square of the extent: a million directions at a hundred wavelengths.

    Returns:
        `FarField`; its `total()` is the emission rate.

    Raises:
        ValueError: as for `angular_pattern`.
        ProblemTooLargeError: if the pattern or its grid does not fit into memory.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.couple(co.chain(2, 0.3), co.Vacuum())
        >>> result = co.evolve(pair, "inverted", [0, 0.5], observe="correlations")
        >>> light = co.observables.far_field(result)
        >>> bool(np.allclose(light.total(), result.emission, rtol=1e-10))
        True
    """
    sources = sources_of(result, "far_field")
    extent = float(np.linalg.norm(np.ptp(sources.positions, axis=0)))
    needed = _sphere.resolution(sources.wavenumber * extent)
    p = needed[0] if n_polar is None else checks.count("n_polar", n_polar)
    a = needed[1] if n_azimuth is None else checks.count("n_azimuth", n_azimuth)
    directions, weights = sphere(p, a)
    pattern = angular_pattern(result, directions)
    grid = directions.reshape(p, a, 3)
    return FarField(
        polar=np.arccos(grid[:, 0, 2]),
        azimuth=_sphere.azimuths(a),
        pattern=pattern.reshape(-1, p, a),
        weights=weights.reshape(p, a),
    )


def sphere(n_polar: int, n_azimuth: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions and solid angles whose weighted sums are integrals over the sphere.

    They are exact for spherical harmonics of degree l < 2·n_polar and of an order below n_azimuth
    in magnitude. The pattern of emitters at most r apart contains degrees up to little more than
    l = kr.

    Args:
        n_polar: P, Gauss–Legendre nodes in cos θ.
        n_azimuth: A, evenly spaced azimuthal angles.

    Returns:
        Unit vectors (P·A, 3), starting near −z, and weights (P·A,) that sum to 4π.

    Example:
        >>> import collective as co
        >>> directions, weights = co.observables.sphere(2, 4)
        >>> float((weights * directions[:, 2] ** 2).sum().round(12))  # 4π/3
        4.188790204786
    """
    p, a = checks.count("n_polar", n_polar), checks.count("n_azimuth", n_azimuth)
    return _sphere.band(p, a, 2.0)


def collected(result: Result, axis: ArrayLike, numerical_aperture: float) -> NDArray[np.float64]:
    r"""Photons per time into a lens: the pattern integrated over a cone about an axis.

    .. math:: \int_{θ ≤ \arcsin\mathrm{NA}} dΩ\,\frac{dR}{dΩ}

    where θ is the angle to the axis. The lens is in vacuum, so that an aperture of 1 means half of
    all directions.

    Args:
        result: as for `angular_pattern`.
        axis: direction from the emitters to the lens, (3,), of any length but zero.
        numerical_aperture: NA = sin θ of the outermost ray, 0 < NA ≤ 1.

    Returns:
        (T,), in units of rate.

    Raises:
        ValueError: for an aperture of zero or less or above 1, and as for `angular_pattern`.

    Example:
        Half of all light goes into a half space:

        >>> import collective as co
        >>> atom = co.couple(co.Emitters([[0, 0, 0]]), co.Vacuum())
        >>> start = co.observables.moment(atom, "inverted")
        >>> co.observables.collected(start, (1, 0, 0), 1.0).round(12)
        array([0.5])
    """
    sources = sources_of(result, "collected")
    aperture = checks.number("numerical_aperture", numerical_aperture, above=0)
    if aperture > 1:
        raise ValueError(
            f"numerical_aperture is {aperture:g}, but emitters and lens are in vacuum, where it is "
            "sin θ ≤ 1: use at most 1.0, which collects a half space (the opposite axis collects "
            "the other half)"
        )
    pole = checks.direction("axis", axis)
    axes = _sphere.frame(pole)
    span = float(aperture**2 / (1 + np.sqrt((1 - aperture) * (1 + aperture))))  # 1 − cos θ
    # phases by which a wave varies over the cone: around the axis, and away from it
    across, along = _sphere.extents(sources.positions @ axes.T)
    around = sources.wavenumber * across * aperture
    n_polar, _ = _sphere.resolution(around + sources.wavenumber * along * span)
    directions, weights = _sphere.band(n_polar, _sphere.resolution(around)[1], span)
    return angular_pattern(result, directions @ axes) @ weights


def near_field(result: Result, points: ArrayLike, field: Any = None) -> NDArray[np.float64]:
    r"""Intensity of the light of the emitters at points in any field.

    .. math:: I(r) = \frac{2}{k}⟨E^-(r)·E^+(r)⟩ = 6π\sum_{mn}\sqrt{Γ_mΓ_n}\,
              [G(r, r_m)·u_m]^*·[G(r, r_n)·u_n]\,⟨σ^+_mσ^-_n⟩

    in photons per area and time. Far away in vacuum it is the flux, r²I → dR/dΩ of
    `angular_pattern`. Close to the emitters it is the mean square of the electric field in the
    same unit, to which the rate of an absorber there is proportional. In a plasma, where waves
    have k_p < k, it is k/k_p times the flux. For magnetic dipoles c·B takes the place of E.

    Multi-level emitters, from a `MasterEquation`, radiate every transition a from y to x < y at its
    own k_a = (E_y − E_x)/c, with beats between transitions of different frequency:

    .. math:: I(r) = 2\sum_{ab} (k_ak_b)^{3/2}\,[G(r, r_a, k_a)·⟨x|d̃|y⟩_a]^*
              ·[G(r, r_b, k_b)·⟨x|d̃|y⟩_b]\,⟨T^†_aT_b⟩, \qquad T_a = |x⟩⟨y|_a.

    Args:
        result: of `evolve` with `observe=("correlations",)`, for a `MasterEquation` with
            `observe=("states",)`, or of `moment`.
        points: r, (..., 3), in units of length, not at an emitter.
        field: an object with `green(r, r_source, k)`; None takes the field of the couplings, or
            vacuum if they have none. A `MasterEquation` does not know its field, so give it here.

    Returns:
        (T, ...), in units of rate per length².

    Raises:
        ValueError: for a result without correlations (or states) or positions, a point at an
            emitter, where the field diverges, or a point where the field has no Green's tensor.
        ProblemTooLargeError: if the answer does not fit into memory.

    Example:
        Ten wavelengths beside a dipole the intensity is almost that of the far field:

        >>> import collective as co
        >>> atom = co.couple(co.Emitters([[0, 0, 0]]), co.Vacuum())
        >>> start = co.observables.moment(atom, "inverted")
        >>> (co.observables.near_field(start, [[10, 0, 0]]) * 10**2).round(4)
        array([[0.1193]])
    """
    checks.instance("result", result, Result, "co.evolve(...)")
    if result.equation is not None:
        return _near_field(*_transitions.light(result, points, field))
    if isinstance(result.couplings, ChannelCouplings):
        return _near_field_of_atoms(result, points, field)
    correlations = _inputs.correlations(result, "near_field")
    emitters = _inputs.emitters(result.couplings, "near_field")
    field = result.couplings.field if field is None else field
    if field is None:
        _inputs.in_vacuum(result.couplings, "near_field without field=")
        field = Vacuum()
    where = checked_points("points", points)
    at = where.reshape(-1, 3)
    require_outside("points", field, at)
    seen = response(emitters.kind, field)
    if len(at):
        _inputs.require_apart(at, emitters.positions, emitters.wavelength)
    k = wavenumber(emitters)
    strengths = np.sqrt(6 * np.pi * emitters.decay_rates)[:, None] * emitters.dipoles

    def fields(some: slice) -> NDArray[np.complex128]:
        tensors = total_green(seen, at[some, None], emitters.positions[None], k)
        return np.asarray(np.einsum("pnij,nj->pni", tensors, strengths))

    return _near_field(correlations, where, fields)


def _near_field_of_atoms(result: Result, points: ArrayLike, field: Any) -> NDArray[np.float64]:
    """The intensity of the light of all lines of atoms with manifolds at points (..., 3)."""
    pairs = _inputs.channel_correlations(result, "near_field")
    atoms = result.couplings.atoms
    field = result.couplings.field if field is None else field
    if field is None:
        field = _inputs.radiating_atoms(result.couplings, "near_field without field=")[1]
    where = checked_points("points", points)
    at = where.reshape(-1, 3)
    require_outside("points", field, at)
    if len(at):
        _inputs.require_apart(at, atoms.positions, atoms.wavelength)

    def fields(s: int, some: slice) -> NDArray[np.complex128]:
        k, strength = float(atoms.wavenumbers[s]), np.sqrt(6 * np.pi * atoms.linewidths[s])
        tensors = total_green(field, at[some, None], atoms.positions[None], k)
        columns = np.swapaxes(strength * tensors, -1, -2)  # the field of each component in a row
        return columns.reshape(len(columns), 3 * len(atoms), 3)

    own = by_line(pairs, atoms)
    of_lines = (_near_field(own[s], where, partial(fields, s)) for s in range(atoms.lines))
    return reduce(np.add, of_lines)


def _near_field(
    correlations: NDArray[np.complex128], where: NDArray[np.float64], fields: Any
) -> NDArray[np.float64]:
    """Intensities at points (..., 3), (T, ...); `fields` is as in `_intensities`."""
    found = _intensities(correlations, where.size // 3, fields, "points")
    return found.reshape(len(correlations), *where.shape[:-1])


def _intensities(
    correlations: NDArray[np.complex128], places: int, fields: Any, what: str
) -> NDArray[np.float64]:
    """Σ_mn f*_m·f_n⟨σ⁺_mσ⁻_n⟩ at every time and place, (T, places).

    Args:
        correlations: (T, N, N).
        places: number of places.
        fields: function that gives f, (P, N, 3), for a slice of the places; behind a polariser
            (P, N, 1).
        what: a word for the places, for errors and progress.
    """
    t, n = correlations.shape[:2]
    require(
        8 * t * places + 4 * _CHUNK_BYTES,
        f"the light at {t} times and {places} {what}",
        "ask for fewer times or " + what,
    )
    found = np.empty((t, places))
    step = max(1, _CHUNK_BYTES // (144 * n))
    with Progress(places, f"light in {places} {what}") as progress:
        for start in range(0, places, step):
            f = fields(slice(start, start + step))
            flat = np.ascontiguousarray(f.swapaxes(1, 2)).reshape(-1, n)
            for row, matrix in zip(found, correlations, strict=True):
                values = np.einsum("fn,fn->f", flat.conj() @ matrix, flat).real
                row[start : start + step] = values.reshape(len(f), -1).sum(axis=1)
            progress.step(len(f))
    return found
