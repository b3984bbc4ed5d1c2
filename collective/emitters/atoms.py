r"""Atoms with ground and excited manifolds: `Atoms`.

Each atom has L levels. A line s leads from excited to ground levels; its lowering operators are the
Cartesian components of one vector operator,

.. math:: σ^-_{sα} = \sum_{ge} D^s_{α,ge}\, |g⟩⟨e|, \qquad D^s_{α,ge} = ⟨g|d_α|e⟩/d_s,

where the size d_s of the dipole follows from the linewidth, d̃_s² = 3πΓ_s/k_s³.

The file is longer than others because it holds one class with the checks of its arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality, notebook
from collective._tools.console import printable
from collective.emitters import choosing
from collective.emitters.spherical import checked_rotation, spherical_vectors
from collective.emitters.two_level import Emitters, checked_positions

_SHARED = (  # what all atoms of a set have in common
    "levels", "excited", "lowering", "linewidths", "wavenumbers", "axis", "wavelength", "frequency",
)  # fmt: skip
_MOST_LEVELS = 200  # of one atom; a D2 line of caesium has 48


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Atoms:
    r"""Alike atoms with several ground and excited levels, and the lines between them.

    Excited level e decays on line s at the rate :math:`Γ_s\sum_{αg}|⟨g|d_α|e⟩/d_s|^2`. The lines
    are so far apart in frequency that light of one does not act on another: they do not interfere.
    Within the rotating-wave approximation each line has its own rotating frame, and `energies` are
    those that are left in it: Zeeman shifts, detunings.

    Args:
        positions: (N, 3), in units of length.
        levels: the names of the L levels, excited levels first, each manifold by falling m:
            ("e +1", "e 0", "e -1", "g 0").
        excited: (L,), whether each level is excited: 1 or True for excited levels, 0 for ground
            levels.
        lowering: (S, 3, L, L) complex, the Cartesian vectors of each of S lines,
            ``lowering[s, α, g, e]`` = ⟨g|d_α|e⟩/d_s. Only entries from an excited level e to a
            ground level g may differ from zero.
        linewidths: (S,), Γ_s ≥ 0.
        wavenumbers: (S,), k_s of each line in inverse units of length; None means 2π/wavelength
            for all.
        energies: of each level in the rotating frame, in units of rate: one number, (L,), or (N, L)
            if they differ from atom to atom.
        axis: (3,), the quantisation axis to which m refers: the direction of the magnetic field.
        wavelength: vacuum wavelength of the reference transition, in units of length.
        frequency: ω₀ of the reference transition in units of rate, which sets the speed of light;
            None is the limit ω₀ → ∞, as in `Emitters`.

    Raises:
        ValueError: for a wrong shape, a number that is not finite, levels in another order, a
            lowering entry that does not lead from an excited to a ground level, or a line without
            any transition.

    Example:
        A ground state with J = 0 and an excited state with J = 1:

        >>> import numpy as np, collective as co
        >>> lowering = np.zeros((1, 3, 4, 4), complex)
        >>> lowering[0, :, 3, 0] = -np.array([1, 1j, 0]) / np.sqrt(2)  # ⟨g|d|e +1⟩
        >>> lowering[0, :, 3, 1] = 0, 0, 1
        >>> lowering[0, :, 3, 2] = np.array([1, -1j, 0]) / np.sqrt(2)
        >>> names = ("e +1", "e 0", "e -1", "g 0")
        >>> atoms = co.Atoms([[0, 0, 0], [0, 0, 0.1]], names, (1, 1, 1, 0), lowering)
        >>> atoms
        Atoms: 2 atoms of 4 levels, 3 excited and 1 ground
          nearest pair  0.1
          extent        0.1
          lines         1, linewidth 1, decay rate of the levels 1
          energies      0
          axis          (0, 0, 1)
          wavelength    1
        >>> atoms == co.Atoms.isotropic(atoms.positions)
        True
    """

    positions: NDArray[np.float64]
    levels: tuple[str, ...]
    excited: NDArray[np.int64]
    lowering: NDArray[np.complex128]
    linewidths: NDArray[np.float64]
    wavenumbers: NDArray[np.float64]
    energies: NDArray[np.float64]
    axis: NDArray[np.float64]
    wavelength: float
    frequency: float | None

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __init__(
        self,
        positions: ArrayLike,
        levels: Sequence[str],
        excited: ArrayLike,
        lowering: ArrayLike,
        *,
        linewidths: ArrayLike = (1.0,),
        wavenumbers: ArrayLike | None = None,
        energies: ArrayLike = 0.0,
        axis: ArrayLike = (0.0, 0.0, 1.0),
        wavelength: float = 1.0,
        frequency: float | None = None,
    ):
        positions = checked_positions(positions)
        names = _names(levels)
        flags = _excited(excited, names)
        vectors = _lowering(lowering, names, flags)
        lines = len(vectors)
        wavelength = checks.number("wavelength", wavelength, above=0)
        if wavenumbers is None:
            wavenumbers = np.full(lines, 2 * np.pi / wavelength)
        checks.freeze(
            self,
            positions=positions,
            levels=names,
            excited=flags,
            lowering=vectors,
            linewidths=_per_line("linewidths", linewidths, lines, above=False),
            wavenumbers=_per_line("wavenumbers", wavenumbers, lines, above=True),
            energies=_energies(energies, len(positions), names),
            axis=checks.direction("axis", axis),
            wavelength=wavelength,
            frequency=None if frequency is None else checks.number("frequency", frequency, above=0),
        )

    @classmethod
    def isotropic(
        cls,
        positions: ArrayLike,
        *,
        zeeman: float = 0.0,
        detunings: ArrayLike = 0.0,
        axis: ArrayLike = (0.0, 0.0, 1.0),
        wavelength: float = 1.0,
        frequency: float | None = None,
    ) -> "Atoms":
        r"""Atoms with J = 0 in the ground state and J = 1 in the excited state.

        They answer to every polarisation alike, as a classical dipole on a spring does: ⟨g|d|e, m⟩
        is along the spherical vector e_m. The unit of rate is their linewidth.

        Args:
            positions: (N, 3), in units of length.
            zeeman: shift of "e +1", and minus that of "e -1", in linewidths.
            detunings: ω_m − ω₀ of each atom at zero field, scalar or (N,), in linewidths.
            axis: (3,), the quantisation axis: the direction of the magnetic field.
            wavelength: of the transition, in units of length.
            frequency: ω₀ in linewidths, or None.

        Example:
            >>> import collective as co
            >>> co.Atoms.isotropic([[0, 0, 0]], zeeman=5.0).energies
            array([[ 5.,  0., -5.,  0.]])
        """
        where = checked_positions(positions)
        lowering = np.zeros((1, 3, 4, 4), dtype=complex)
        lowering[0, :, 3, :3] = spherical_vectors(axis).T
        split = checks.number("zeeman", zeeman) * np.array([1.0, 0.0, -1.0, 0.0])
        offsets = checks.per_emitter("detunings", detunings, len(where))
        excited = np.array([1, 1, 1, 0])
        return cls(
            where,
            ("e +1", "e 0", "e -1", "g 0"),
            excited,
            lowering,
            energies=split + offsets[:, None] * excited,
            axis=axis,
            wavelength=wavelength,
            frequency=frequency,
        )

    @classmethod
    def from_emitters(cls, emitters: Emitters) -> "Atoms":
        """Two-level emitters as `Atoms` of the levels "e" and "g".

        Raises:
            ValueError: for emitters that are not alike in dipole, linewidth and wave number, and
                for magnetic dipoles: the lines of `Atoms` are electric.

        Example:
            >>> import collective as co
            >>> co.Atoms.from_emitters(co.chain(3, 0.2)).levels
            ('e', 'g')
        """
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        if emitters.kind != "electric":
            raise ValueError("emitters must be electric dipoles, as all lines of Atoms are")
        for name in ("dipoles", "decay_rates", "wavenumbers"):
            values = getattr(emitters, name)
            other = np.flatnonzero(np.any(values.reshape(len(emitters), -1) != values[0], axis=1))
            if len(other):
                raise ValueError(
                    f"emitters must be alike, as Atoms are: {name}[{other[0]}] = "
                    f"{values[other[0]]} differs from {name}[0] = {values[0]}"
                )
        lowering = np.zeros((1, 3, 2, 2), dtype=complex)
        lowering[0, :, 1, 0] = emitters.dipoles[0]
        return cls(
            emitters.positions,
            ("e", "g"),
            (1, 0),
            lowering,
            linewidths=emitters.decay_rates[:1],
            wavenumbers=emitters.wavenumbers[:1],
            energies=emitters.detunings[:, None] * [1.0, 0.0],
            wavelength=emitters.wavelength,
            frequency=emitters.frequency,
        )

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> "Atoms":
        """Some of the atoms: `atoms[0]`, `atoms[1:]`, `atoms[[0, 3]]`, or by truth values."""
        chosen = choosing.places(index, len(self), "atoms")
        return self.replace(positions=self.positions[chosen], energies=self.energies[chosen])

    def __add__(self, other: object) -> "Atoms":
        """Both sets in one, those of the left side first; they must be of one kind."""
        if not isinstance(other, Atoms):
            choosing.refuse_numbers(other)
            return NotImplemented
        choosing.require_same(self, other, _SHARED)
        return self.replace(
            positions=np.concatenate([self.positions, other.positions]),
            energies=np.concatenate([self.energies, other.energies]),
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return choosing.as_one_object(self, dtype)

    @property
    def lines(self) -> int:
        """S, the number of lines."""
        return len(self.linewidths)

    @property
    def channels(self) -> NDArray[np.complex128]:
        """The lowering operators of one atom, (3S, L, L), in the order (line, Cartesian α)."""
        count = len(self.levels)
        return self.lowering.reshape(3 * self.lines, count, count)

    @property
    def decay_rates(self) -> NDArray[np.float64]:
        r"""Rate of each level in vacuum, :math:`\sum_sΓ_s\sum_{αg}|⟨g|d_α|e⟩/d_s|^2`, (L,)."""
        strengths = np.sum(np.abs(self.lowering) ** 2, axis=(1, 2))
        return np.asarray(self.linewidths @ strengths)

    @property
    def speed_of_light(self) -> float | None:
        """The speed of light ω₀λ₀/2π in these units, or None without a frequency."""
        return None if self.frequency is None else self.frequency * self.wavelength / (2 * np.pi)

    @property
    def extent(self) -> float:
        """Diagonal of the box around the atoms, in units of length; no pair is farther apart."""
        return float(np.linalg.norm(np.ptp(self.positions, axis=0)))

    def nearest_pair(self) -> tuple[float, tuple[int, int]]:
        """Distance and indices of the two closest atoms (∞ and (0, 0) for one atom)."""
        return Emitters(self.positions).nearest_pair()

    def level(self, name: str | int) -> int:
        """The index of a level, from its name or from the index itself.

        Raises:
            ValueError: for a level that does not exist; the error lists those that do.

        Example:
            >>> import collective as co
            >>> co.Atoms.isotropic([[0, 0, 0]]).level("e -1")
            2
        """
        if isinstance(name, str):
            if name not in self.levels:
                known = ", ".join(repr(each) for each in self.levels)
                raise ValueError(
                    f"the level of name {checks.short(name)} does not exist: these atoms have "
                    f"{known}"
                )
            return self.levels.index(name)
        return checks.index("name, the number of a level,", name, len(self.levels), "levels")

    def replace(self, **changes: Any) -> "Atoms":
        """A copy with the given arguments of the constructor changed."""
        if "wavelength" in changes and "wavenumbers" not in changes:
            raise ValueError(
                "wavelength: the wave numbers of the lines depend on it; give wavenumbers= too, or "
                "None for 2π/wavelength"
            )
        return replace(self, **changes)

    def translated(self, vector: ArrayLike) -> "Atoms":
        """A copy moved by a vector (3,)."""
        return self.replace(positions=self.positions + checks.vector("vector", vector))

    def rotated(self, rotation: ArrayLike) -> "Atoms":
        """A copy turned about the origin: positions, dipoles and quantisation axis.

        Args:
            rotation: (3, 3), an orthogonal matrix R with determinant 1; a position r becomes R r.

        Raises:
            ValueError: for another matrix.

        Example:
            >>> import collective as co
            >>> atoms = co.Atoms.isotropic([[0, 0, 0.5]])
            >>> atoms.rotated([[0, 0, 1], [1, 0, 0], [0, 1, 0]]).positions
            array([[0.5, 0. , 0. ]])
        """
        turn = checked_rotation("rotation", rotation)
        return self.replace(
            positions=self.positions @ turn.T,
            lowering=np.einsum("ab,sbge->sage", turn, self.lowering),
            axis=turn @ self.axis,
        )

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        nearest = "–" if len(self) == 1 else f"{self.nearest_pair()[0]:.6g}"
        upper = int(self.excited.sum())
        noun = "atom" if len(self) == 1 else "atoms"
        rates = self.decay_rates[self.excited == 1]
        plural = "" if self.lines == 1 else "s"
        axis = ", ".join(f"{x:.4g}" for x in self.axis + 0.0)
        return "\n".join(
            [
                f"Atoms: {len(self)} {noun} of {len(self.levels)} levels, {upper} excited and "
                f"{len(self.levels) - upper} ground",
                f"  nearest pair  {nearest}",
                f"  extent        {self.extent:.6g}",
                f"  lines         {self.lines}, linewidth{plural} {_range(self.linewidths)}, "
                f"decay rate of the levels {_range(rates)}",
                f"  energies      {_range(self.energies)}",
                f"  axis          ({axis})",
                f"  wavelength    {self.wavelength:g}",
            ]
        )


def _names(value: Any) -> tuple[str, ...]:
    """The checked names of the levels."""
    if not isinstance(value, list | tuple) and (np.ndim(value) != 1 or isinstance(value, str)):
        raise ValueError(
            f'levels must be a list of names, such as ("e", "g"), got {checks.short(value)}'
        )
    if len(value) > _MOST_LEVELS:
        raise ValueError(f"levels must be at most {_MOST_LEVELS}, got {len(value)}")
    for i, name in enumerate(value):
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise ValueError(f"levels[{i}] must be a printable name, got {checks.short(name)}")
    names = tuple(str(name) for name in value)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"levels must have different names, but {twice[0]!r} comes twice")
    return names


def _excited(value: Any, names: tuple[str, ...]) -> NDArray[np.int64]:
    """Whether each level is excited, (L,) of 1 and 0, excited levels first."""
    if isinstance(value, np.ndarray) and value.dtype == bool:
        value = value.astype(int)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        value = [int(x) if isinstance(x, bool | np.bool_) else x for x in value]
    flags = checks.finite("excited", value)
    if flags.shape != (len(names),):
        raise ValueError(
            f"excited must have one entry per level ({len(names)} names in levels), got shape "
            f"{flags.shape}"
        )
    wrong = np.flatnonzero((flags != 0) & (flags != 1))
    if len(wrong):
        i = int(wrong[0])
        raise ValueError(
            f"excited must be 1 or 0: excited[{i}], of level {names[i]!r}, is {flags[i]:g}"
        )
    if np.any(np.diff(flags) > 0):
        i = int(np.argmax(np.diff(flags) > 0))
        raise ValueError(
            f"levels must list excited levels first, but {names[i + 1]!r}, which is excited, comes "
            f"after {names[i]!r}, which is not"
        )
    if flags.all() or not flags.any():
        lacking = "ground" if flags.all() else "excited"
        raise ValueError(f"excited: there must be at least one {lacking} level")
    return flags.astype(np.int64)


def _lowering(
    value: Any, names: tuple[str, ...], excited: NDArray[np.int64]
) -> NDArray[np.complex128]:
    """The checked lowering vectors, (S, 3, L, L)."""
    vectors = checks.finite("lowering", value, complex)
    count = len(names)
    if vectors.ndim != 4 or vectors.shape[1:] != (3, count, count) or len(vectors) == 0:
        raise ValueError(
            f"lowering must have shape (S, 3, {count}, {count}): lines, Cartesian components, "
            f"lower and upper level; got {vectors.shape}"
        )
    allowed = (excited[:, None] == 0) & (excited == 1)
    wrong = np.argwhere((vectors != 0) & ~allowed)
    if len(wrong):
        s, alpha, low, high = (int(i) for i in wrong[0])
        raise ValueError(
            f"lowering must lead from excited to ground levels: lowering[{s}, {alpha}, {low}, "
            f"{high}] = {vectors[s, alpha, low, high]:.4g} leads from {names[high]!r} to "
            f"{names[low]!r}"
        )
    empty = np.flatnonzero(np.abs(vectors).max(axis=(1, 2, 3)) == 0)
    if len(empty):
        raise ValueError(f"lowering[{empty[0]}] is zero: a line needs a transition")
    return vectors


def _per_line(name: str, value: ArrayLike, lines: int, *, above: bool) -> NDArray[np.float64]:
    """One number per line, at least 0, or above 0."""
    array = checks.finite(name, value)
    if array.shape != (lines,):
        raise ValueError(
            f"{name} must have one entry per line of lowering, {lines}, got shape {array.shape}"
        )
    wrong = np.flatnonzero(array <= 0 if above else array < 0)
    if len(wrong):
        bound = "above 0" if above else "at least 0"
        raise ValueError(f"{name} must be {bound}: {name}[{wrong[0]}] is {array[wrong[0]]:g}")
    for k in array if above else ():
        checks.wavenumber(name, k)
    return array


def _energies(value: ArrayLike, n: int, names: tuple[str, ...]) -> NDArray[np.float64]:
    """The energy of each level of each atom, (N, L)."""
    array = checks.finite("energies", value)
    count = len(names)
    if array.shape not in ((), (count,), (n, count)):
        raise ValueError(
            f"energies must be a number, one per level ({count},), or one per atom and level "
            f"({n}, {count}); got shape {array.shape}"
        )
    return np.broadcast_to(array, (n, count)).copy()


def _range(values: NDArray[np.float64]) -> str:
    """The common value, or the range."""
    low, high = float(values.min()), float(values.max())
    return f"{low + 0.0:.6g}" if f"{low:.6g}" == f"{high:.6g}" else f"{low:.6g} … {high:.6g}"
