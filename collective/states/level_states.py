"""States of atoms with manifolds: levels by name, and superpositions of levels.

They exist for `Atoms`, and for two-level emitters as well, whose levels are "e" and "g".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.console import brief
from collective.emitters import Atoms, Multilevel

_TWO = ("e", "g")  # the levels of a two-level emitter, in the order of its spinors
_SHOWN = 3  # entries in the name of a state
_ROUND_OFF = 1e-14  # of the norm of a vector
_MOST = 10**7  # atoms of a state
_SAME = 1e-12  # amplitudes that differ by no more are the same

Level = str | int


@dataclass(frozen=True)
class Levels:
    """Every atom in one level; see `State` for the methods, `levels` for an example."""

    names: Level | tuple[Level, ...]

    __setstate__ = checks.restored
    __repr__ = brief

    def __post_init__(self) -> None:
        given = self.names
        alone = not isinstance(given, list | tuple) and np.ndim(given) != 1
        if not alone and len(given) > _MOST:  # type: ignore[arg-type]
            raise ValueError(f"names must be at most {_MOST:,}, got {len(given):,}")  # type: ignore[arg-type]
        listed = [given] if alone else list(given)  # type: ignore[arg-type]
        if not listed:
            raise ValueError("names must be a level, or one level per atom; got an empty list")
        kept = tuple(_level(name) for name in listed)
        object.__setattr__(self, "names", kept[0] if alone else kept)

    def _each(self, n: int) -> list[Level]:
        """The level of each of n atoms."""
        n = checks.count("n", n)
        if not isinstance(self.names, tuple):
            return [self.names] * n
        if len(self.names) != n:
            raise ValueError(
                f"state {self} has {len(self.names)} levels, one per atom, but there are {n} atoms"
            )
        return list(self.names)

    def excitations(self, n: int) -> None:
        """None: how many levels are excited depends on the atoms."""
        self._each(n)

    def symmetric(self, n: int) -> bool:
        """Whether every atom is in the same level."""
        return len(set(self._each(n))) == 1

    def level_vectors(self, atoms: Atoms) -> NDArray[np.complex128]:
        """1 at the level of each atom, (N, L)."""
        checks.instance("atoms", atoms, Atoms, "co.Atoms")
        each = [atoms.level(name) for name in self._each(len(atoms))]
        return np.eye(len(atoms.levels), dtype=complex)[each]

    def levels(self, multilevel: Multilevel) -> list[int]:
        """The level of each emitter of a `Multilevel`, which are known by their numbers alone."""
        checks.instance("multilevel", multilevel, Multilevel, "emitters with levels")
        found = []
        for name in self._each(len(multilevel)):
            if isinstance(name, str):
                raise ValueError(
                    f"state {self}: the levels of a Multilevel have no names; give the number of "
                    f"the level in place of {name!r}"
                )
            found.append(name)
        return found

    def spinors(self, n: int) -> NDArray[np.complex128]:
        """Amplitudes of "excited" and "ground" of n two-level emitters, (n, 2)."""
        each = self._each(n)
        found = np.zeros((len(each), 2), dtype=complex)
        for m, name in enumerate(each):
            if name not in (*_TWO, 0, 1):
                raise ValueError(
                    f"state {self}: two-level emitters have the levels 'e' and 'g' (0 and 1), not "
                    f"{name!r}; other levels belong to co.Atoms"
                )
            found[m, name if isinstance(name, int) else _TWO.index(name)] = 1.0
        return found

    def __str__(self) -> str:
        if not isinstance(self.names, tuple):
            return f"levels({self.names!r})"
        more = ", …" if len(self.names) > _SHOWN else ""
        return f"levels([{', '.join(map(repr, self.names[:_SHOWN]))}{more}])"


@dataclass(frozen=True)
class LevelProduct:
    """Every atom in a superposition of levels; see `State` for the methods and `level_product`."""

    vectors: tuple[complex, ...] | tuple[tuple[complex, ...], ...]

    __setstate__ = checks.restored
    __repr__ = brief

    def __post_init__(self) -> None:
        array = checks.finite("vectors", self.vectors, complex)
        if array.ndim not in (1, 2) or array.size == 0:
            raise ValueError(
                "vectors must be the amplitudes of the levels, (L,), or those of each atom, "
                f"(N, L); got shape {array.shape}"
            )
        array = _normalised("vectors", array)
        kept = [tuple(row) for row in array.tolist()] if array.ndim == 2 else array.tolist()
        object.__setattr__(self, "vectors", tuple(kept))

    def _each(self, n: int, levels: int) -> NDArray[np.complex128]:
        """The vector of each of n atoms, (n, levels)."""
        found = np.array(self.vectors)
        if found.ndim == 2 and len(found) != n:
            raise ValueError(
                f"state {self} has {len(found)} vectors, one per atom, but there are {n} atoms"
            )
        if found.shape[-1] != levels:
            raise ValueError(
                f"state {self} has {found.shape[-1]} amplitudes per atom, but the atoms have "
                f"{levels} levels"
            )
        return np.broadcast_to(found, (n, levels)).copy()

    def excitations(self, n: int) -> None:
        """None: each number has a probability, which follows from the vectors."""
        checks.count("n", n)

    def symmetric(self, n: int) -> bool:
        """Whether every atom is in the same state."""
        found = np.atleast_2d(np.array(self.vectors))
        self._each(checks.count("n", n), found.shape[1])
        overlaps = np.abs(found @ found[0].conj())
        return bool(np.all(np.abs(overlaps - 1) <= _SAME))

    def level_vectors(self, atoms: Atoms) -> NDArray[np.complex128]:
        """The amplitudes of the levels of each atom, (N, L)."""
        checks.instance("atoms", atoms, Atoms, "co.Atoms")
        return self._each(len(atoms), len(atoms.levels))

    def spinors(self, n: int) -> NDArray[np.complex128]:
        """Amplitudes of "excited" and "ground" of n two-level emitters, (n, 2)."""
        return self._each(checks.count("n", n), 2)

    def __str__(self) -> str:
        first = np.atleast_2d(np.array(self.vectors))[0]
        more = ", …" if np.ndim(self.vectors) == 2 and len(self.vectors) > 1 else ""
        return f"level_product([{', '.join(f'{z:.3g}' for z in first)}]{more})"


def levels(names: Level | ArrayLike) -> Levels:
    """Every atom in one level, given by its name or its number.

    Args:
        names: one level for all atoms, or a list of one level per atom. The levels of two-level
            emitters are "e" and "g".

    Raises:
        ValueError: for anything but names and numbers; at `evolve` for a level that the atoms do
            not have.

    Example:
        >>> import collective as co
        >>> atoms = co.Atoms.isotropic([[0, 0, 0], [0, 0, 0.1]])
        >>> state = co.states.levels(["e +1", "g 0"])
        >>> result = co.evolve(co.couple(atoms, co.Vacuum()), state, [0, 1.0], method="single")
        >>> result.populations[0].round(12)
        array([[1., 0., 0., 0.],
               [0., 0., 0., 1.]])
    """
    return Levels(names)  # type: ignore[arg-type]


def level_product(vectors: ArrayLike) -> LevelProduct:
    """Each atom in the superposition Σ_l v_l|l⟩ of its levels, independently of the others.

    Args:
        vectors: amplitudes v in the order of `Atoms.levels`, (L,) for all atoms or (N, L); each
            is normalised. For two-level emitters (v_e, v_g).

    Raises:
        ValueError: for a vector of zeros; at `evolve` if the numbers of atoms or levels differ.

    Example:
        The excited state that decays with light polarised along x:

        >>> import collective as co
        >>> print(co.states.level_product([-1, 0, 1, 0]))
        level_product([-0.707+0j, 0+0j, 0.707+0j, 0+0j])
    """
    return LevelProduct(vectors)  # type: ignore[arg-type]


def _level(name: Any) -> Level:
    """A name or a number of a level."""
    if isinstance(name, str):
        if not name.strip() or not name.isprintable():
            raise ValueError(f"names must be printable names of levels, got {checks.short(name)}")
        return str(name)
    if isinstance(name, int | np.integer) and not isinstance(name, bool):
        return checks.count("names", name, minimum=0)
    raise ValueError(f"names must be names of levels, or their numbers; got {checks.short(name)}")


def _normalised(name: str, vectors: NDArray[Any]) -> NDArray[Any]:
    """Vectors divided by their norms; those that are normalised to round-off do not change."""
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    if np.any(largest == 0):
        which = f"[{int(np.argmin(largest))}]" if vectors.ndim == 2 else ""
        raise ValueError(f"{name}{which} must not be all zero: a state needs an amplitude")
    larger, largest = checks.enlarged(vectors, largest)
    scaled = larger / largest  # first, so that no square underflows
    norm = np.linalg.norm(scaled, axis=-1, keepdims=True)
    alike = (larger is vectors) & (np.abs(norm * largest - 1) < _ROUND_OFF)
    return np.asarray(np.where(alike, vectors, scaled / norm))
