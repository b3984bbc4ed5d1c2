r"""Weak light on atoms with one ground level: what they do to a beam of any polarisation.

To first order in the light, each atom is a dipole on springs, with one spring for each excited
level e. The amplitudes b of these levels follow from

.. math:: (ω − E_{me}) b_{me} − \sum_α D^*_{αe}\sum_{nβ}(Δ − \tfrac i2Γ)_{mα,nβ}\,p_{nβ}
          = ½\sum_α D^*_{αe}\,E_α(r_m), \qquad p_{mα} = \sum_e D_{αe}b_{me},

where E is the field of the beam in Rabi frequencies, D_{αe} = ⟨g|d_α|e⟩/d, and p = ⟨σ⁻⟩.

The file is longer than others because its docstrings give every number with its unit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.memory import fits, require
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couple import couple
from collective.couplings.dipole_products import (
    LatticeDipoles,
    nearly_inverse,
    of_cloud,
    over_levels,
)
from collective.couplings.finding import sites
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.sites import Sites
from collective.emitters import Atoms, Emitters, lengths
from collective.fields import Vacuum
from collective.observables import _focused_beam, _inputs, _resolvent, _weak_light_time

METHODS = ("auto", "dense", "lattice", "sum")

_FEW = 600  # levels of all atoms, up to which elimination is always quick
_QUICK = 1e11  # frequencies times levels³, up to which elimination takes seconds
_MATRIX_BYTES = 176  # per entry of H, while it is made and eliminated
_VACANT = 0.5  # vacant sites per atom, up to which the full lattice is a good guide
_TOGETHER_BYTES = 2**25  # of vectors that are multiplied at a time
_PERPENDICULAR = 1e-9  # largest product of two unit vectors that count as perpendicular
_DRIVEN = 1e-3  # |D*·ε|: if it is smaller for every level, the beam is refused
_TIGHTEST = 1e-14  # a smaller residual is round-off


@dataclass(frozen=True, eq=False, repr=False)
class WeakLight:
    """What atoms do to a weak beam; see `weak_light`.

    Powers are shares of the power of the beam. A plane wave has infinite power: for it they are
    cross-sections, power divided by the intensity of the wave, in units of length².

    Attributes:
        atoms: the N atoms.
        frequencies: ω − ω₀ of the light, (F,), in units of rate.
        axis: direction of the beam, (3,).
        polarisation: ε, (3,).
        waist: of the beam in its focus, in units of length, or None for a plane wave.
        amplitudes: ⟨σ⁻_{mα}⟩ of each Cartesian component, divided by the Rabi frequency of the
            beam in its focus (or of the plane wave), (F, N, 3), in inverse units of rate.
        transmitted: amplitudes t behind the atoms in the mode of the beam, of polarisation ε and of
            the polarisation ε′ = axis × ε* perpendicular to it, (F, 2); None for a plane wave.
        reflected: amplitudes r in the mirror image of that mode, of ε and ε′, (F, 2), or None.
        extinction: power that the light of the atoms takes from the beam by interference, (F,).
        scattered: power that the atoms emit, (F,). In vacuum it equals the extinction: nothing is
            absorbed.
        residuals: what is left of the equations, relative to the beam, (F,), by products of their
            own after the solution.
        method: how the equations were solved.
        products: how many products with Δ − iΓ/2 it took; 0 for elimination.
        flux: Φ, photons per time in a beam of Rabi frequency 1 in its focus, by which powers are
            divided; for a plane wave per time and area.
    """

    atoms: Atoms
    frequencies: NDArray[np.float64]
    axis: NDArray[np.float64]
    polarisation: NDArray[np.complex128]
    waist: float | None
    amplitudes: NDArray[np.complex128]
    transmitted: NDArray[np.complex128] | None
    reflected: NDArray[np.complex128] | None
    extinction: NDArray[np.float64]
    scattered: NDArray[np.float64]
    residuals: NDArray[np.float64]
    method: str
    products: int
    flux: float

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.lock(vars(self))

    @property
    def transmission(self) -> NDArray[np.float64]:
        """``|t|²`` of both polarisations together, (F,)."""
        return np.sum(np.abs(_of_beam(self.transmitted)) ** 2, axis=1)

    @property
    def reflection(self) -> NDArray[np.float64]:
        """``|r|²`` of both polarisations together, (F,)."""
        return np.sum(np.abs(_of_beam(self.reflected)) ** 2, axis=1)

    @property
    def loss(self) -> NDArray[np.float64]:
        """``1 − |t|² − |r|²``, the share that leaves in other directions, (F,)."""
        return 1 - self.transmission - self.reflection

    @property
    def optical_depth(self) -> NDArray[np.float64]:
        """``−ln |t|²``, from `transmission`, (F,)."""
        return -np.log(self.transmission)

    def pattern(
        self, directions: ArrayLike, polarisation: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        r"""Power of the light of the atoms per solid angle far away.

        .. math:: \frac{dP}{dΩ}(n̂) = \frac{3Γ}{8π}\sum_e\Big|e^*·\sum_m p_m e^{−ikn̂·r_m}\Big|^2

        with the sum over two polarisations e ⟂ n̂, or with the given one. Its integral over all
        directions is `scattered`. The light of the beam is not included.

        Args:
            directions: n̂, (K, 3) or (3,), of any length but zero.
            polarisation: of the light that a detector counts, (3,); its part across n̂ matters, and
                it is normalised. None counts all light.

        Returns:
            (F, K), a share of the power of the beam, or a cross-section, per steradian.

        Raises:
            ValueError: for a direction of length 0, or a polarisation along one of the directions.

        Example:
            A dipole along x emits nothing along x:

            >>> import collective as co
            >>> light = co.observables.weak_light(co.Atoms.isotropic([[0, 0, 0]]), 0.0)
            >>> light.pattern([[1, 0, 0], [0, 1, 0]]).round(4)
            array([[0.   , 0.057]])
        """
        unit = _inputs.directions("directions", directions)
        chosen = None
        if polarisation is not None:
            vector = checks.unit_vector("polarisation", polarisation)
            chosen = vector - (unit @ vector)[:, None] * unit
            size = np.linalg.norm(chosen, axis=1)
            if np.any(size < _DRIVEN):
                i = int(np.argmin(size))
                raise ValueError(
                    f"polarisation {checks.short(polarisation)} is along directions[{i}], and "
                    "light is polarised across its direction"
                )
            chosen = chosen / size[:, None]
        count, (f, n, _) = len(unit), self.amplitudes.shape
        require(8 * f * count, f"the pattern in {count:,} directions", "ask for fewer directions")
        found = np.empty((f, count))
        k = float(self.atoms.wavenumbers[0])
        step = max(1, _TOGETHER_BYTES // (16 * max(n, 9 * f)))
        flat = self.amplitudes.transpose(1, 0, 2).reshape(n, -1)
        for begin in range(0, count, step):
            some = slice(begin, begin + step)
            phases = np.exp(-1j * k * (unit[some] @ self.atoms.positions.T))
            sums = (phases @ flat).reshape(-1, f, 3).transpose(1, 0, 2)
            if chosen is None:
                along = np.einsum("fki,ki->fk", sums, unit[some])
                powers = np.sum(np.abs(sums) ** 2, axis=2) - np.abs(along) ** 2
            else:
                powers = np.abs(np.einsum("fki,ki->fk", sums, chosen[some].conj())) ** 2
            found[:, some] = powers
        rate = 3 * float(self.atoms.linewidths[0]) / (8 * np.pi)
        return rate / self.flux * np.maximum(found, 0.0)

    def __repr__(self) -> str:
        f, n, _ = self.amplitudes.shape
        beam = "a plane wave" if self.waist is None else f"a beam of waist {self.waist:g}"
        how = f"by {self.method}"
        if self.products:
            how += f", {self.products} products"
        plural = "y" if f == 1 else "ies"
        low, high = f"{self.extinction.min():.6g}", f"{self.extinction.max():.6g}"
        return (
            f"WeakLight: {beam} of {f} frequenc{plural} on {n} atoms\n"
            f"  extinction  {low if low == high else f'{low} … {high}'}\n"
            f"  solved      {how}, residual {self.residuals.max():.1e}"
        )


def _of_beam(amplitudes: NDArray[np.complex128] | None) -> NDArray[np.complex128]:
    """The amplitudes of a beam; raise for a plane wave."""
    if amplitudes is None:
        raise ValueError(
            "waist is None: a plane wave is infinitely wide, and no share of it is transmitted or "
            "reflected. Give waist= for a beam; of a plane wave take extinction and pattern"
        )
    return amplitudes


def weak_light(
    atoms: Atoms | ChannelCouplings,
    frequencies: ArrayLike,
    *,
    waist: float | None = None,
    axis: ArrayLike = (0, 0, 1),
    polarisation: ArrayLike = (1, 0, 0),
    method: Literal["auto", "dense", "lattice", "sum"] = "auto",
    tolerance: float = 1e-11,
) -> WeakLight:
    r"""The steady response of atoms with one ground level to a weak beam of any polarisation.

    A beam with the waist w is the one of `scattering`, focused at the mean position of the atoms.
    With the field E_j of its mode, E_j = 1 in the focus, for the polarisations j = ε and ε′,

    .. math:: t_j = δ_{jε} − \frac{i}{2Φ}\sum_m E_j^*(r_m)·p_m, \qquad
              σ = −\frac1Φ \mathrm{Im}\sum_m E_ε^*(r_m)·p_m, \qquad Φ = \frac{k^2P}{6πΓ}.

    P is the power of the mode in units where a plane wave has the intensity 1. A plane wave has
    Φ = k²/6πΓ, and σ is a cross-section: that of one atom at its resonance is 3λ²/2π. r_j has the
    mode mirrored at the plane of the focus, and no δ. The atoms may be anywhere. All polarisations
    of the light between them are included, and a magnetic field by their `energies`. Source:
    Lagendijk & van Tiggelen, Phys. Rep. 270, 143 (1996); Shahmoon, Wild, Lukin & Yelin, Phys. Rev.
    Lett. 118, 113601 (2017).

    The equations are solved by elimination, or from products with Δ − iΓ/2 in a Krylov space:

    * ``"dense"``: elimination with matrices, up to about 1,500 atoms with three excited levels. It
      needs no convergence.
    * ``"lattice"``: products by Fourier transforms, for the sites of a lattice, of which some may
      be vacant, one frequency after the other. Each starts from the lattice that closes on
      itself, and needs some ten products; 200 × 200 atoms take seconds.
    * ``"sum"``: products by sums over all pairs, each computed anew, for all frequencies at once.
      Some hundred are needed, more for a denser cloud. A product takes about 10 ns of
      a core for each of the N² pairs: 10 s on two cores for 50,000 atoms.
    * ``"auto"``: the first for up to 600 levels, then the second where there is a lattice.
      Elsewhere the first again while it takes seconds, then the third.

    `ChannelCouplings` have their matrices, with which "sum" makes its products, unless these are
    stored by displacement.

    Args:
        atoms: with one ground level and one line, such as `Atoms.isotropic`, in vacuum; or
            `ChannelCouplings` of them in `Vacuum`. `Atoms.from_emitters` makes them of two-level
            emitters. A drive is ignored: the beam is the drive.
        frequencies: ω − ω₀ of the light, a number or (F,), in units of rate.
        waist: radius w in the focus at which the amplitude has fallen to 1/e, in units of length;
            None is a plane wave of phase 0 at the origin.
        axis: direction of the beam, (3,).
        polarisation: ε, (3,) real or complex, perpendicular to the axis; it is normalised.
        method: "auto", "dense", "lattice" or "sum".
        tolerance: largest residual, relative to the beam, at which products stop.

    Returns:
        `WeakLight`.

    Raises:
        ValueError: for atoms with several ground levels or lines, or not in vacuum; for a beam that
            drives no level; for the frequency of a mode that does not decay; if products do not
            converge to the tolerance.
        ProblemTooLargeError: if it does not fit into memory.

    Example:
        >>> import numpy as np, collective as co
        >>> atom = co.Atoms.isotropic([[0, 0, 0]])
        >>> light = co.observables.weak_light(atom, [0.0])
        >>> (light.extinction / (3 / (2 * np.pi))).round(12)
        array([1.])

        In a magnetic field along the beam one circular polarisation is reflected:

        >>> array = co.square(8, 8, 0.6).positions
        >>> atoms = co.Atoms.isotropic(array, zeeman=5.0)
        >>> for circular in ((1, 1j, 0), (1, -1j, 0)):
        ...     light = co.observables.weak_light(atoms, 5.3, waist=1.2, polarisation=circular)
        ...     print(light.reflection.round(3))
        [0.983]
        [0.001]
    """
    source: Atoms | ChannelCouplings = atoms
    atoms = _atoms(source)
    if isinstance(source, ChannelCouplings) and isinstance(source.decay, LatticeMatrix):
        source = atoms.replace(energies=source.energies)  # of which products need no matrices
    frequencies = np.atleast_1d(checks.finite("frequencies", frequencies))
    if frequencies.ndim != 1 or len(frequencies) == 0:
        raise ValueError(f"frequencies must be a row of numbers, got shape {frequencies.shape}")
    checks.choice("method", method, METHODS)
    tolerance = checks.number("tolerance", tolerance, above=0, scale=False)
    if not _TIGHTEST <= tolerance < 1:
        raise ValueError(f"tolerance must be from {_TIGHTEST:g} to 1, got {tolerance:g}")
    towards = checks.direction("axis", axis)
    vector = checks.unit_vector("polarisation", polarisation)
    if abs(vector @ towards) > _PERPENDICULAR:
        raise ValueError(
            "polarisation must be perpendicular to the axis of the beam, but the product of their "
            f"unit vectors is {abs(vector @ towards):.3g}"
        )
    modes, flux = _modes(atoms, towards, vector, waist)
    used = np.any(atoms.lowering[0, :, -1] != 0, axis=0)  # levels that light reaches
    dipoles = atoms.lowering[0][:, -1, used]
    driven = 0.5 * modes[0] @ dipoles.conj()
    if np.abs(vector @ dipoles.conj()).max() < _DRIVEN:
        raise ValueError(
            f"polarisation {checks.short(polarisation)} is perpendicular to every transition of "
            "the atoms: the beam drives none. Turn the polarisation or the atoms"
        )
    equations = _equations(source, atoms, used, method, len(frequencies))
    n, f = len(atoms), len(frequencies)
    need = f"weak_light: amplitudes of {n:,} atoms at {f} frequencies"
    require(16 * f * n * (3 + 2 * dipoles.shape[1]), need, "ask for fewer frequencies")
    _weak_light_time.announce(
        equations.method,
        atoms,
        dipoles.shape[1],
        towards,
        frequencies,
        tolerance,
        equations.sites,
        isinstance(source, ChannelCouplings),
    )
    drive, products = driven.ravel(), 0
    if equations.matrix is not None:
        answers = _resolvent.by_elimination(equations.matrix, drive, frequencies)
    elif equations.inverse is not None:
        answers, products = _resolvent.preconditioned(
            equations.product, equations.inverse, drive, frequencies, tolerance
        )
    else:
        answers, products = _resolvent.by_products(equations.product, drive, frequencies, tolerance)
    together = max(1, min(16, _TOGETHER_BYTES // (48 * n)))
    left, emitted = _resolvent.residuals(equations.product, answers, drive, frequencies, together)
    _require_solved(left, frequencies, tolerance, equations.matrix is None)
    amplitudes = np.einsum("fme,ae->fma", answers.reshape(f, n, -1), dipoles)
    overlaps = np.einsum("jma,fma->fj", modes.conj(), amplitudes)
    amounts = -0.5j / flux * overlaps
    forward = amounts[:, :2].copy()
    forward[:, 0] += 1
    return WeakLight(
        atoms,
        frequencies,
        towards,
        vector,
        None if waist is None else float(waist),
        amplitudes,
        None if waist is None else forward,
        None if waist is None else amounts[:, 2:],
        -overlaps[:, 0].imag / flux,
        emitted / flux,
        left,
        equations.method,
        products,
        flux,
    )


def _atoms(source: Any) -> Atoms:
    """The atoms of the first argument, in vacuum, with one ground level and one line."""
    if isinstance(source, ChannelCouplings):
        if not isinstance(source.field, Vacuum):
            raise ValueError(
                "atoms: weak_light is defined in free space, but the field of these couplings is "
                f"{source.field!r}; use co.couple(atoms, co.Vacuum())"
            )
        atoms = source.atoms
    else:
        checks.instance("atoms", source, Atoms, "co.Atoms.isotropic, co.atoms or co.couple(atoms)")
        atoms = source
    ground = int((atoms.excited == 0).sum())
    if ground > 1:
        raise ValueError(
            f"atoms: they have {ground} ground levels, between which even weak light moves them in "
            "the long run; weak_light is for atoms with one, such as co.Atoms.isotropic or "
            'co.atoms(positions, "Sr88 689 nm", ground=0, excited=1)'
        )
    if atoms.lines > 1:
        raise ValueError(
            f"atoms: they have {atoms.lines} lines, and light has the frequency of one: make atoms "
            "of that line alone"
        )
    if atoms.linewidths[0] == 0:
        raise ValueError("atoms: their linewidth is 0: no light reaches them")
    return atoms


def _modes(
    atoms: Atoms,
    towards: NDArray[np.float64],
    vector: NDArray[np.complex128],
    waist: float | None,
) -> tuple[NDArray[np.complex128], float]:
    """Fields at the atoms, (J, N, 3), 1 in the focus, and Φ.

    They are the beams of polarisation ε and ε′, then their mirror images; or one plane wave.
    """
    k, gamma = float(atoms.wavenumbers[0]), float(atoms.linewidths[0])
    if waist is None:
        phases = np.exp(1j * k * (atoms.positions @ towards))
        return (phases[:, None] * vector)[None], k**2 / (6 * np.pi * gamma)
    waist = checks.number("waist", waist, above=0)
    lengths.warn_of_waist(waist, atoms.wavelength)
    away = atoms.positions - atoms.positions.mean(axis=0)
    beam = _focused_beam.beam(k * away, k * waist, towards, "atoms")
    both = vector, np.cross(towards, vector.conj())
    fields = [beam.field(each) for each in both] + [beam.mirrored(each) for each in both]
    return np.array(fields) / beam.middle, beam.power / beam.middle**2 / (6 * np.pi * gamma)


@dataclass(frozen=True)
class _Equations:
    """(ω − H)b = f over (atom, excited level), for the levels that light reaches.

    Attributes:
        method: how they are solved.
        product: H times vectors (n, B).
        matrix: H, if it is to be eliminated.
        inverse: for a frequency, a function like (ω − H)⁻¹, if one is known.
        sites: of the lattice on which transforms make the products.
    """

    method: str
    product: Callable[[Any], Any]
    matrix: NDArray[np.complex128] | None = None
    inverse: Callable[[float], Callable[[Any], Any]] | None = None
    sites: Sites | None = None


def _equations(
    source: Atoms | ChannelCouplings,
    atoms: Atoms,
    used: NDArray[np.bool_],
    method: str,
    frequencies: int,
) -> _Equations:
    """The equations of atoms or of their couplings, and by which method they are solved."""
    levels = len(atoms) * int(used.sum())
    small = method == "dense" or (method == "auto" and levels <= _FEW)
    quick = (
        method == "auto" and frequencies * levels**3 <= _QUICK and fits(_MATRIX_BYTES * levels**2)
    )
    if isinstance(source, ChannelCouplings):
        if method == "lattice":
            raise ValueError(
                "method='lattice' needs no matrices: give co.Atoms, not their couplings"
            )
        return _of_matrix(_matrix(source, used), small or quick)
    where = Emitters(atoms.positions, wavelength=atoms.wavelength)
    lengths.refuse_coincident(where)
    found = sites(atoms.positions) if method in ("auto", "lattice") and len(atoms) > 1 else None
    if small or (quick and found is None):
        return _of_matrix(_matrix(couple(source, Vacuum()), used), True)  # couple warns of lengths
    lengths.warn_of_lengths(where)
    k, gamma = float(atoms.wavenumbers[0]), float(atoms.linewidths[0])
    own = (source.energies[:, :-1] - source.energies[:, -1:])[:, used[:-1]]
    dipoles = atoms.lowering[0][:, -1, used]
    if found is not None:
        lattice = LatticeDipoles(atoms.positions, found, k)
        product = over_levels(own, lambda x: gamma * lattice.product(x), dipoles)
        inverse = None
        if found.vacant <= _VACANT * len(found):
            inverse = nearly_inverse(own, gamma * lattice.averaged, dipoles, found)
        return _Equations("lattice", product, inverse=inverse, sites=found)
    if method == "lattice":
        raise ValueError(
            "method='lattice': the atoms must be on the sites of a lattice, such as "
            "co.square(...).positions, of which not too many are vacant; use method='sum'"
        )
    exchange = of_cloud(atoms.positions, k)
    return _Equations("sum", over_levels(own, lambda x: gamma * exchange(x), dipoles))


def _of_matrix(matrix: NDArray[np.complex128], small: bool) -> _Equations:
    """The equations with a matrix, which is eliminated if it is small, or multiplied."""
    if small:
        return _Equations("dense", lambda x: matrix @ x, matrix)
    return _Equations("sum", lambda x: matrix @ x)


def _matrix(channels: ChannelCouplings, used: NDArray[np.bool_]) -> NDArray[np.complex128]:
    """H_eff over (atom, excited level), of the levels that light reaches."""
    matrix = channels.effective_hamiltonian()
    if used[:-1].all():
        return matrix
    kept = np.tile(used[:-1], len(channels))
    return matrix[np.ix_(kept, kept)]


def _require_solved(
    left: NDArray[np.float64], frequencies: NDArray[np.float64], tolerance: float, products: bool
) -> None:
    """Raise if the residual is far above the tolerance, or what elimination can reach."""
    allowed = 10 * tolerance if products else max(10 * tolerance, 1e-9)
    i = int(np.argmax(left))
    if not left[i] <= allowed:
        raise ValueError(
            f"frequencies[{i}] = {frequencies[i]:g}: the residual is {left[i]:.2g} of the beam, "
            f"above tolerance = {tolerance:g}: modes that hardly decay are excited, or atoms are "
            "very close to each other. Move the frequency, or give a larger tolerance="
        )
