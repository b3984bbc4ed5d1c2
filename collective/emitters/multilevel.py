r"""Emitters with any number of levels: energies and a Hermitian dipole matrix for each emitter.

The package uses reduced dipoles: d̃ = d/√(ε₀ħ) or m̃ = m√(μ₀/ħ), in √(length³·rate), so that
d̃²/length³ is a rate for both kinds. A transition of vacuum linewidth Γ has d̃² = 3πΓ/k³.

The file is longer than others because it holds one class with the checks of its four constructors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality, notebook
from collective._tools.console import printable, span
from collective._tools.warn import warn
from collective.emitters.atoms import Atoms
from collective.emitters.si import unit
from collective.emitters.two_level import Emitters, checked_positions
from collective.errors import UnitWarning

_HERMITIAN = 1e-12
_DEGENERATE = 1e-13
_LOOP = 1e-9  # allowed contradiction of frequencies along closed loops of lines, relative
_LARGEST_SPIN = 100
_LISTED = 4  # emitters, of more the numbers of levels are not listed one by one
_LARGEST_ENERGY = 1e-10  # joules between two levels, above which the unit is probably wrong


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Multilevel:
    r"""Emitters that have several levels each, with permanent and transition dipoles.

    Args:
        positions: (N, 3), in units of length.
        energies: energies[i] (L_i,), E/ħ in units of rate. Their order is that of the basis.
        dipoles: dipoles[i] (L_i, L_i, 3), reduced, ``dipoles[i][x, y] = ⟨x|m̂|y⟩``; Hermitian in
            x, y. The diagonal holds the permanent dipoles.
        kind: "electric" or "magnetic".
        speed_of_light: c in units of length times rate.

    Raises:
        ValueError: for wrong shapes, numbers that are not finite, or a dipole matrix that is not
            Hermitian.

    Example:
        >>> import numpy as np, collective as co
        >>> sigma_x = np.zeros((2, 2, 3)); sigma_x[0, 1, 0] = sigma_x[1, 0, 0] = 1
        >>> co.Multilevel([[0, 0, 0], [0, 0, 1]], [[1.0, 0.0]] * 2, [sigma_x] * 2)
        Multilevel: 2 electric dipoles of 2, 2 levels
          Bohr frequencies  1 … 1
          largest dipole    1
          speed of light    1
    """

    positions: NDArray[np.float64]
    energies: tuple[NDArray[np.float64], ...]
    dipoles: tuple[NDArray[np.complex128], ...]
    kind: Literal["electric", "magnetic"]
    speed_of_light: float

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __init__(
        self,
        positions: ArrayLike,
        energies: Sequence[ArrayLike],
        dipoles: Sequence[ArrayLike],
        *,
        kind: Literal["electric", "magnetic"] = "electric",
        speed_of_light: float = 1.0,
    ):
        positions = checked_positions(positions)
        n = len(positions)
        energies = checks.listed("energies", energies, n)
        dipoles = checks.listed("dipoles", dipoles, n)
        levels = tuple(
            checks.readonly(_energies(f"energies[{i}]", e)) for i, e in enumerate(energies)
        )
        matrices = tuple(
            checks.readonly(_dipole_matrix(i, d, len(levels[i]))) for i, d in enumerate(dipoles)
        )
        checks.freeze(
            self,
            positions=positions,
            energies=levels,
            dipoles=matrices,
            kind=checks.choice("kind", kind, ("electric", "magnetic")),
            speed_of_light=checks.number("speed_of_light", speed_of_light, above=0),
        )

    @classmethod
    def from_emitters(cls, emitters: Emitters) -> "Multilevel":
        """Two-level emitters as `Multilevel`; the order (excited, ground) is that of QuTiP.

        The ground state has energy zero, the excited one ω_m; ``⟨g|d|e⟩ = √(3πΓ_m/k_m³) u_m``.
        The kind, electric or magnetic, is kept.

        Raises:
            ValueError: if the emitters have no frequency, which sets the speed of light.
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        if emitters.frequency is None:
            raise ValueError("frequency is required: use Emitters(frequency=...)")
        strength = np.sqrt(3 * np.pi * emitters.decay_rates / emitters.wavenumbers**3)
        dipoles = np.zeros((len(emitters), 2, 2, 3), dtype=complex)
        dipoles[:, 1, 0] = strength[:, None] * emitters.dipoles
        dipoles[:, 0, 1] = dipoles[:, 1, 0].conj()
        frequencies = emitters.frequency + emitters.detunings
        assert emitters.speed_of_light is not None
        return cls(
            emitters.positions,
            [[omega, 0.0] for omega in frequencies],
            list(dipoles),
            kind=emitters.kind,
            speed_of_light=emitters.speed_of_light,
        )

    @classmethod
    def from_atoms(cls, atoms: Atoms) -> "Multilevel":
        r"""Atoms with manifolds as `Multilevel`, for master equations beyond the RWA.

        The levels keep their order. An excited level lies :math:`ω_0 k_s λ_0/2π` above the ground
        levels to which line s leads, and the energies of the atoms, which are Zeeman shifts and
        detunings, are added. The dipole of a transition on line s is ``√(3πΓ_s/k_s³)`` times
        its lowering vector. The lowest ground level without shifts has energy zero.

        Args:
            atoms: with a `frequency`, which atoms of a named line have.

        Raises:
            ValueError: if the atoms have no frequency, which sets the speed of light, and if the
                wave numbers of the lines contradict each other.

        Example:
            >>> import collective as co
            >>> pair = co.atoms([[0, 0, 0], [0, 0, 0.2]], "Yb174 556 nm", ground=0, excited=1)
            >>> co.Multilevel.from_atoms(pair)
            Multilevel: 2 electric dipoles of 4, 4 levels
              Bohr frequencies  0 … 2.96366e+09
              largest dipole    0.194924
              speed of light    4.71682e+08
        """
        checks.instance("atoms", atoms, Atoms, 'co.atoms(positions, "Rb87 D2", ...)')
        if atoms.frequency is None:
            raise ValueError(
                "frequency is required: name the line of the atoms, or use "
                "atoms.replace(frequency=...)"
            )
        frequencies = atoms.frequency * atoms.wavenumbers * atoms.wavelength / (2 * np.pi)
        energies = _without_rotation(atoms, frequencies) + atoms.energies
        strengths = np.sqrt(3 * np.pi * atoms.linewidths / atoms.wavenumbers**3)
        lowering = np.einsum("s,sage->gea", strengths, atoms.lowering)
        dipoles = lowering + lowering.conj().transpose(1, 0, 2)
        assert atoms.speed_of_light is not None
        return cls(
            atoms.positions,
            list(energies),
            [dipoles] * len(atoms),
            speed_of_light=atoms.speed_of_light,
        )

    @classmethod
    def from_si(
        cls,
        positions: ArrayLike,
        energies: Sequence[ArrayLike],
        dipoles: Sequence[ArrayLike],
        *,
        kind: Literal["electric", "magnetic"],
        length: float = 1.0,
        rate: float = 1.0,
    ) -> "Multilevel":
        """Make emitters from metres, joules, and C·m (electric) or J/T (magnetic).

        Args:
            positions: (N, 3) in metres.
            energies: energies[i] (L_i,) in joules.
            dipoles: dipoles[i] (L_i, L_i, 3) in C·m or J/T.
            kind: "electric" or "magnetic".
            length: unit of length of the result, in metres.
            rate: unit of rate of the result, in s⁻¹.

        Warns:
            UnitWarning: if levels are so far apart that they are probably not in joules.

        Example:
            Two Bohr magnetons 10 nm apart, resonant at 2.87 GHz:

            >>> import numpy as np, collective as co
            >>> from scipy.constants import h, physical_constants
            >>> moment = np.zeros((2, 2, 3))
            >>> moment[0, 1, 0] = moment[1, 0, 0] = physical_constants["Bohr magneton"][0]
            >>> pair = co.Multilevel.from_si(
            ...     [[0, 0, 0], [0, 0, 1e-8]], [[2.87e9 * h, 0.0]] * 2, [moment] * 2,
            ...     kind="magnetic")
            >>> coupling = co.interaction(pair, co.Vacuum()).principal(0, 1)[0, 1, 1, 0]
            >>> f"{coupling.real / (2 * np.pi):.5g} Hz"
            '12980 Hz'
        """
        from scipy.constants import c, epsilon_0, hbar, mu_0

        length, rate = unit("length", length, "metres"), unit("rate", rate, "s⁻¹")
        kind_ = checks.choice("kind", kind, ("electric", "magnetic"))
        reduce = 1 / np.sqrt(epsilon_0 * hbar) if kind_ == "electric" else np.sqrt(mu_0 / hbar)
        reduce /= length**1.5 * rate**0.5
        where = checked_positions(positions)
        levels = checks.listed("energies", energies, len(where))
        matrices = checks.listed("dipoles", dipoles, len(where))
        joules = [checks.finite(f"energies[{i}]", e) for i, e in enumerate(levels)]
        apart = max((float(np.ptp(e)) for e in joules if e.size), default=0.0)
        if apart > _LARGEST_ENERGY:
            warn(
                f"energies: two levels are {apart:.3g} J apart, more than in any atom or nucleus: "
                "are they in joules? Multiply frequencies in Hz by h = 6.626e-34, angular "
                "frequencies by ħ, electronvolts by 1.602e-19. If it is intended: "
                "warnings.simplefilter('ignore', co.UnitWarning)",
                UnitWarning,
            )
        return cls(
            where / length,
            [e / hbar / rate for e in joules],
            [checks.finite(f"dipoles[{i}]", d, complex) * reduce for i, d in enumerate(matrices)],
            kind=kind,
            speed_of_light=c / length / rate,
        )

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def levels(self) -> tuple[int, ...]:
        """Number of levels L_i of each emitter."""
        return tuple(len(e) for e in self.energies)

    def bohr_frequencies(self, i: int) -> NDArray[np.float64]:
        """Ω^{yx} = E_y − E_x of emitter i as a matrix [y, x], (L_i, L_i).

        Differences below 10⁻¹³ of the largest are rounding and set to zero: degenerate levels.
        """
        i = checks.index("i", i, len(self))
        omega = self.energies[i][:, None] - self.energies[i]
        return np.where(np.abs(omega) > _DEGENERATE * np.abs(omega).max(), omega, 0.0)

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        transitions = np.concatenate(
            [np.abs(self.bohr_frequencies(i)[np.triu_indices(n, 1)]) for i, n in
             enumerate(self.levels)]
        )  # fmt: skip
        bohr = f"{transitions.min():g} … {transitions.max():g}" if len(transitions) else "–"
        largest = max(np.abs(d).max() for d in self.dipoles)
        count = ", ".join(map(str, self.levels))
        if len(self) > _LISTED:
            count = span(self.levels)
        return (
            f"Multilevel: {len(self)} {self.kind} dipoles of {count} levels\n"
            f"  Bohr frequencies  {bohr}\n"
            f"  largest dipole    {largest:g}\n"
            f"  speed of light    {self.speed_of_light:g}"
        )


def spin(
    spin: float,
    g_factor: float,
    *,
    magneton: Literal["bohr", "nuclear"] = "bohr",
    field: ArrayLike = (0.0, 0.0, 0.0),
    zero_field_splitting: float = 0.0,
    axis: ArrayLike = (0.0, 0.0, 1.0),
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    r"""Levels and magnetic moments of a spin in a bias field, for `Multilevel.from_si`.

    H = D (S·axis)² − m̂·B with m̂ = −g μ_B S (electrons) or +g μ_N S (nuclei), diagonalised.

    Args:
        spin: S, a positive multiple of ½.
        g_factor: 2.0028 for the NV centre; a nuclear one has its sign (¹³C: 1.4048).
        magneton: "bohr" or "nuclear".
        field: B in tesla, (3,).
        zero_field_splitting: D in joules (NV centre: 2.87 GHz times h).
        axis: the symmetry axis of D, (3,).

    Returns:
        energies (2S+1,) in joules, highest first, and moments (2S+1, 2S+1, 3) in J/T between
        those levels. Degenerate levels keep the order of their projection on the axis.

    Example:
        >>> import collective as co
        >>> energies, moments = co.spin(0.5, 2.0, field=(0, 0, 1.0))
        >>> f"{energies[0] - energies[1]:.4g} J", moments.shape
        ('1.855e-23 J', (2, 2, 3))
    """
    from scipy.constants import physical_constants

    size = checks.number("spin", spin)
    twice = round(2 * size)
    if abs(twice - 2 * size) > 1e-12:
        raise ValueError(f"spin must be a multiple of 1/2, got {size:g}")
    if twice < 1:
        raise ValueError(f"spin must be at least 1/2, got {size:g}")
    if twice > 2 * _LARGEST_SPIN:
        raise ValueError(f"spin must be at most {_LARGEST_SPIN}, got {size:g}")
    which = checks.choice("magneton", magneton, ("bohr", "nuclear"))
    unit = physical_constants["Bohr magneton" if which == "bohr" else "nuclear magneton"][0]
    g_factor = checks.number("g_factor", g_factor)
    operators = _spin_matrices(twice)
    moments = (-1 if which == "bohr" else 1) * g_factor * unit * operators
    along = np.einsum("xyi,i->xy", operators, checks.direction("axis", axis))
    splitting = checks.number("zero_field_splitting", zero_field_splitting)
    hamiltonian = splitting * along @ along - np.einsum(
        "xyi,i->xy", moments, checks.vector("field", field)
    )
    # a very small term along the axis orders degenerate levels and mixes no others
    size = np.abs(hamiltonian).max() or 1.0
    energies, vectors = np.linalg.eigh(hamiltonian + 1e-13 * size * along)
    order = np.argsort(-energies, kind="stable")
    vectors = vectors[:, order]
    exact = np.einsum("xa,xy,ya->a", vectors.conj(), hamiltonian, vectors).real
    return exact, np.einsum("xa,xyi,yb->abi", vectors.conj(), moments, vectors)


def _without_rotation(atoms: Atoms, frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energies (L,) of the levels of one atom from the frequencies of its lines, without shifts."""
    count = len(atoms.levels)
    known = np.full(count, np.nan)
    joined = [np.argwhere(np.any(line != 0, axis=0)) for line in atoms.lowering]
    while np.any(np.isnan(known)):
        known[np.flatnonzero(np.isnan(known))[-1]] = 0.0  # the last is a ground level, if any is
        for _ in range(count):
            for frequency, pairs in zip(frequencies, joined, strict=True):
                for low, high in pairs:
                    if np.isnan(known[high]):
                        known[high] = known[low] + frequency
                    if np.isnan(known[low]):
                        known[low] = known[high] - frequency
    for s, (frequency, pairs) in enumerate(zip(frequencies, joined, strict=True)):
        for low, high in pairs:
            apart = known[high] - known[low]
            if abs(apart - frequency) > _LOOP * frequency:
                raise ValueError(
                    f"wavenumbers contradict each other: line {s} has the frequency "
                    f"{frequency:.10g}, but the other lines put {atoms.levels[high]!r} "
                    f"{apart:.10g} above {atoms.levels[low]!r}"
                )
    return known - known[atoms.excited == 0].min()


def _spin_matrices(twice: int) -> NDArray[np.complex128]:
    """S as (2S+1, 2S+1, 3); the highest projection comes first."""
    s = twice / 2
    m = s - np.arange(twice + 1)
    raising = np.diag(np.sqrt(s * (s + 1) - m[1:] * (m[1:] + 1)), 1)
    x, y = (raising + raising.T) / 2, (raising - raising.T) / 2j
    return np.stack([x, y, np.diag(m)], axis=-1).astype(complex)


def _energies(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """The checked energies of one emitter, (L,)."""
    energies = checks.finite(name, value)
    if energies.ndim != 1 or len(energies) == 0:
        raise ValueError(f"{name} must be a list of energies, got shape {energies.shape}")
    return energies


def _dipole_matrix(i: int, value: ArrayLike, levels: int) -> NDArray[np.complex128]:
    """The checked dipole matrix of emitter i, (L, L, 3)."""
    name = f"dipoles[{i}]"
    matrix = checks.finite(name, value, complex)
    if matrix.shape != (levels, levels, 3):
        raise ValueError(
            f"{name} must have shape ({levels}, {levels}, 3), one vector per pair of levels of "
            f"energies[{i}]; got {matrix.shape}"
        )
    deviation = np.abs(matrix - matrix.conj().transpose(1, 0, 2))
    x, y, alpha = (int(k) for k in np.unravel_index(np.argmax(deviation), deviation.shape))
    if deviation[x, y, alpha] > _HERMITIAN * np.abs(matrix).max():
        raise ValueError(
            f"{name} must be Hermitian: component {'xyz'[alpha]} of [{x}, {y}] is "
            f"{matrix[x, y, alpha]:.6g}, of [{y}, {x}]* {matrix[y, x, alpha].conjugate():.6g}"
        )
    return (matrix + matrix.conj().transpose(1, 0, 2)) / 2
