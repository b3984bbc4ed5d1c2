r"""The states of the package: small frozen dataclasses, and the functions that make them.

A state gives amplitudes on request and never holds 2^N numbers. `State` explains its methods.

The file is longer than others: seven states, each with all of its methods.
The eighth, `Amplitudes`, is in `couplings.excitation`.
"""

from dataclasses import dataclass
from math import comb, exp, log
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.console import brief
from collective.couplings.excitation import Amplitudes, Given
from collective.emitters import Atoms, Multilevel

_SHOWN = 3  # angles in the name of a product state
_SAME = 1e-12  # amplitudes that differ by no more are the same


@dataclass(frozen=True)
class Inverted:
    """Every emitter excited; see `State` for the methods."""

    def excitations(self, n: int) -> int:
        """The number n."""
        return checks.count("n", n)

    def symmetric(self, n: int) -> bool:
        """True."""
        return checks.count("n", n) > 0

    def amplitudes(self, excited: NDArray[np.bool_], emitters: Given = None) -> NDArray[Any]:
        """1 where every emitter is excited."""
        return np.all(checks.configurations(excited, emitters), axis=1).astype(complex)

    def levels(self, multilevel: Multilevel) -> list[int]:
        """The highest level of each emitter."""
        checks.instance("multilevel", multilevel, Multilevel, "emitters with levels")
        return [int(np.argmax(energies)) for energies in multilevel.energies]

    def level_vectors(self, atoms: Atoms) -> NDArray[np.complex128]:
        """1 at the excited level of each atom, (N, L), if there is only one."""
        return _only_level(self, atoms, 1)

    def __str__(self) -> str:
        return "inverted"


@dataclass(frozen=True)
class Ground:
    """No emitter excited; see `State` for the methods."""

    def excitations(self, n: int) -> int:
        """Zero."""
        return 0 * checks.count("n", n)

    def symmetric(self, n: int) -> bool:
        """True."""
        return checks.count("n", n) > 0

    def amplitudes(self, excited: NDArray[np.bool_], emitters: Given = None) -> NDArray[Any]:
        """1 where no emitter is excited."""
        return (~np.any(checks.configurations(excited, emitters), axis=1)).astype(complex)

    def levels(self, multilevel: Multilevel) -> list[int]:
        """The lowest level of each emitter."""
        checks.instance("multilevel", multilevel, Multilevel, "emitters with levels")
        return [int(np.argmin(energies)) for energies in multilevel.energies]

    def level_vectors(self, atoms: Atoms) -> NDArray[np.complex128]:
        """1 at the ground level of each atom, (N, L), if there is only one."""
        return _only_level(self, atoms, 0)

    def __str__(self) -> str:
        return "ground"


@dataclass(frozen=True)
class Single:
    """Only emitter m excited; see `State` for the methods."""

    m: int

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        object.__setattr__(self, "m", checks.count("m", self.m, minimum=0))

    def excitations(self, n: int) -> int:
        """One."""
        if checks.count("n", n) <= self.m:
            raise ValueError(f"state {self} needs emitter {self.m}, but there are {n}")
        return 1

    def symmetric(self, n: int) -> bool:
        """True only for one emitter."""
        return n == self.excitations(n)

    def amplitudes(self, excited: NDArray[np.bool_], emitters: Given = None) -> NDArray[Any]:
        """1 where emitter m alone is excited."""
        excited = checks.configurations(excited, emitters)
        self.excitations(excited.shape[1])
        return ((excited.sum(axis=1) == 1) & excited[:, self.m]).astype(complex)

    def __str__(self) -> str:
        return f"single({self.m})"


@dataclass(frozen=True)
class Dicke:
    """The symmetric Dicke state of k excitations; see `State` for the methods."""

    k: int

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", checks.count("k", self.k, minimum=0))

    def excitations(self, n: int) -> int:
        """The number k."""
        if checks.count("n", n) < self.k:
            raise ValueError(f"state {self} needs {self.k} emitters, but there are {n}")
        return self.k

    def symmetric(self, n: int) -> bool:
        """True."""
        return self.excitations(n) <= n

    def amplitudes(self, excited: NDArray[np.bool_], emitters: Given = None) -> NDArray[Any]:
        """1/√C(N,k) where k emitters are excited."""
        excited = checks.configurations(excited, emitters)
        n = excited.shape[1]
        counts, k = excited.sum(axis=1), self.excitations(n)
        # by logarithms: C(N,k) itself may be too large for a float
        return np.where(counts == k, exp(-log(comb(n, k)) / 2) + 0j, 0)

    def __str__(self) -> str:
        return f"dicke({self.k})"


@dataclass(frozen=True)
class TimedDicke:
    """One excitation with the phases of an absorbed photon; see `State` for the methods."""

    wavevector: tuple[float, float, float]

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        components = checks.vector("wavevector", self.wavevector)
        object.__setattr__(self, "wavevector", tuple(map(float, components)))

    def excitations(self, n: int) -> int:
        """One."""
        return 1 if checks.count("n", n) else 0

    def symmetric(self, n: int) -> bool:
        """True only for one emitter: the phases depend on where the emitters are."""
        return n == self.excitations(n)

    def amplitudes(self, excited: NDArray[np.bool_], emitters: Given = None) -> NDArray[Any]:
        """``e^{ik·r_m}/√N`` where emitter m alone is excited."""
        excited = checks.configurations(excited, emitters)
        n = excited.shape[1]
        if emitters is None:
            raise ValueError(
                "state timed_dicke needs positions: use couple(emitters, field) or "
                "Couplings(..., emitters=...)"
            )
        phases = np.exp(1j * emitters.positions @ np.array(self.wavevector))
        return np.where(excited.sum(axis=1) == 1, excited @ phases, 0) / np.sqrt(n)

    def __str__(self) -> str:
        return "timed_dicke({:g}, {:g}, {:g})".format(*self.wavevector)


@dataclass(frozen=True)
class Product:
    """Every emitter in a state of its own; see `State` for the methods and `product` for angles."""

    theta: float | tuple[float, ...]
    phi: float | tuple[float, ...] = 0.0

    __setstate__ = checks.restored
    __repr__ = brief

    def __post_init__(self) -> None:
        for name in ("theta", "phi"):
            angles = checks.finite(name, getattr(self, name))
            if angles.ndim > 1 or angles.size == 0:
                raise ValueError(
                    f"{name} must be a number or one number per emitter, got shape {angles.shape}"
                )
            kept = tuple(angles.tolist()) if angles.ndim else float(angles)
            object.__setattr__(self, name, kept)
        counts = [len(x) for x in (self.theta, self.phi) if isinstance(x, tuple)]
        if len(set(counts)) > 1:
            raise ValueError(f"theta and phi have {counts[0]} and {counts[1]} angles")

    def excitations(self, n: int) -> None:
        """None: each number has a probability, which follows from `spinors`."""
        self.spinors(n)

    def symmetric(self, n: int) -> bool:
        """Whether every emitter is in the same state."""
        spinors = self.spinors(n)
        return same_spinors(spinors[:1], spinors)

    def spinors(self, n: int) -> NDArray[np.complex128]:
        """``(e^{iφ}sin(θ/2), cos(θ/2))`` of each of n emitters, (n, 2).

        Args:
            n: number of emitters.

        Raises:
            ValueError: if the number of angles is not n.
        """
        n = checks.count("n", n)
        for name, angles in (("theta", self.theta), ("phi", self.phi)):
            if isinstance(angles, tuple) and len(angles) != n:
                raise ValueError(
                    f"state {self}: {name} has {len(angles)} angles, but there are {n} emitters"
                )
        theta, phi = np.array(self.theta), np.array(self.phi)
        found = np.empty((n, 2), dtype=complex)
        found[:, 0], found[:, 1] = np.exp(1j * phi) * np.sin(theta / 2), np.cos(theta / 2)
        return found

    def amplitudes(self, excited: NDArray[np.bool_], emitters: Given = None) -> NDArray[Any]:
        """The product of one factor for each emitter."""
        excited = checks.configurations(excited, emitters)
        return of_product(self.spinors(excited.shape[1]), excited)

    def __str__(self) -> str:
        one = isinstance(self.theta, float) and isinstance(self.phi, float)
        return f"{'coherent' if one else 'product'}({_text(self.theta)}, {_text(self.phi)})"


@dataclass(frozen=True)
class Mixed:
    """Independent emitters without coherence; see `State` for the methods, `mixed` for an example.

    It is no pure state: it has probabilities instead of amplitudes.
    """

    populations: float | tuple[float, ...]

    __setstate__ = checks.restored
    __repr__ = brief

    def __post_init__(self) -> None:
        found = checks.finite("populations", self.populations)
        if found.ndim > 1 or found.size == 0:
            raise ValueError(
                f"populations must be a number or one number per emitter, got shape {found.shape}"
            )
        if found.min() < 0 or found.max() > 1:
            worst = found.ravel()[np.argmax(np.abs(found - 0.5))]
            raise ValueError(f"populations must be from 0 to 1, but one is {worst:g}")
        kept = tuple(found.tolist()) if found.ndim else float(found)
        object.__setattr__(self, "populations", kept)

    def excitations(self, n: int) -> NDArray[np.float64]:
        """The probability of each number of excitations, (n + 1,): Poisson binomial."""
        chances = self.probabilities(n)
        return poisson_binomial(chances, 1 - chances)

    def symmetric(self, n: int) -> bool:
        """Whether every emitter is excited with the same probability."""
        chances = self.probabilities(n)
        return bool(np.ptp(chances) <= _SAME)

    def probabilities(self, n: int) -> NDArray[np.float64]:
        """The probability that each of n emitters is excited, (n,).

        Args:
            n: number of emitters.

        Raises:
            ValueError: if the number of populations is not n.
        """
        n, given = checks.count("n", n), self.populations
        if isinstance(given, tuple) and len(given) != n:
            raise ValueError(
                f"state {self} has {len(given)} populations, but there are {n} emitters"
            )
        return np.full(n, given) if isinstance(given, float) else np.array(given)

    def __str__(self) -> str:
        return f"mixed({_text(self.populations)})"


def inverted() -> Inverted:
    """Every emitter excited."""
    return Inverted()


def ground() -> Ground:
    """No emitter excited."""
    return Ground()


def single(m: int) -> Single:
    """Only emitter m excited.

    Args:
        m: index of the emitter, from 0.

    Example:
        >>> import collective as co
        >>> print(co.states.single(2))
        single(2)
    """
    return Single(m)


def dicke(k: int) -> Dicke:
    """The symmetric Dicke state of k excitations: equal amplitude 1/√C(N,k) for every choice.

    Args:
        k: number of excitations, 0 to N.
    """
    return Dicke(k)


def timed_dicke(wavevector: ArrayLike) -> TimedDicke:
    """One excitation with the phases of an absorbed photon: ``Σ_m e^{ik·r_m}|m⟩/√N``.

    Args:
        wavevector: k, (3,), in inverse units of length (of length 2π/wavelength for a photon).
    """
    return TimedDicke(wavevector)  # type: ignore[arg-type]


def from_amplitudes(vector: ArrayLike) -> Amplitudes:
    r"""One excitation shared among the emitters: :math:`\sum_m c_m|m⟩`.

    Args:
        vector: c, one complex amplitude for each emitter, (N,), of norm 1. For `Atoms` with one
            ground level one for each atom and excited level, (N, n_e) or (N·n_e,).

    Raises:
        ValueError: for a norm that differs from 1 by more than 1e-8; at `evolve` if the number of
            amplitudes is not that of the emitters.

    Example:
        The most subradiant mode of a chain; `couplings.modes().state(-1)` is the same:

        >>> import collective as co
        >>> chain = co.couple(co.chain(10, 0.3), co.Vacuum())
        >>> mode = co.states.from_amplitudes(chain.modes().vectors[:, -1])
        >>> result = co.evolve(chain, mode, [0.0, 10.0])
        >>> bool(result.excitation[1] > 0.8)
        True
    """
    return Amplitudes(vector)  # type: ignore[arg-type]


def coherent(theta: float, phi: float = 0.0) -> Product:
    """Each emitter in ``cos(θ/2)|g⟩ + e^{iφ}sin(θ/2)|e⟩``; θ = π is inverted.

    Args:
        theta: θ in radians.
        phi: φ in radians.
    """
    return Product(checks.number("theta", theta), checks.number("phi", phi))


def product(theta: ArrayLike, phi: ArrayLike = 0.0) -> Product:
    """Emitter m in ``cos(θ_m/2)|g⟩ + e^{iφ_m}sin(θ_m/2)|e⟩``, independently of the others.

    Args:
        theta: θ in radians, a number or one for each emitter, (N,).
        phi: φ in radians, a number or one for each emitter, (N,).

    Raises:
        ValueError: if theta and phi have different numbers of angles; at `evolve` if the number of
            angles is not that of the emitters.

    Example:
        A plane pulse of area θ leaves the phase of its wave on each emitter:

        >>> import numpy as np, collective as co
        >>> atoms = co.chain(3, 0.25)
        >>> state = co.states.product(0.4 * np.pi, 2 * np.pi * atoms.positions[:, 2])
        >>> result = co.evolve(co.couple(atoms, co.Vacuum()), state, [0, 1.0])
        >>> result.populations[0].round(6)
        array([0.345492, 0.345492, 0.345492])
    """
    return Product(theta, phi)  # type: ignore[arg-type]


def mixed(populations: ArrayLike) -> Mixed:
    """Emitter m is excited with probability p_m, independently of the others, without coherence.

    ``ρ = ⊗_m (p_m|e⟩⟨e| + (1 − p_m)|g⟩⟨g|)``, as after incoherent pumping, or in an array with
    emitters missing. An inversion of w is a population of (1 + w)/2.

    Args:
        populations: p, a number or one for each emitter, (N,), from 0 to 1.

    Raises:
        ValueError: for numbers outside 0 … 1; at `evolve` if their number is not that of the
            emitters.

    Example:
        >>> import collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> co.evolve(pair, co.states.mixed([0.9, 0.5]), [0, 1.0]).populations[0].round(9)
        array([0.9, 0.5])
        >>> co.states.mixed(0.5).excitations(2)
        array([0.25, 0.5 , 0.25])
    """
    return Mixed(populations)  # type: ignore[arg-type]


def poisson_binomial(up: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (N + 1,) that k of N independent emitters are excited.

    Only positive numbers are added, so that small probabilities keep their digits.

    Args:
        up: the probability that each emitter is excited, (N,).
        down: the probability that it is not, (N,).
    """
    found = np.zeros(len(up) + 1)
    found[0] = 1.0
    for p, q in zip(up, down, strict=True):
        found[1:] = q * found[1:] + p * found[:-1]
        found[0] *= q
    return found


def of_independent(chances: NDArray[np.float64], excited: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Probabilities of configurations (B, N) of emitters that are excited with chances (N,)."""
    found = np.ones(len(excited))
    for m, p in enumerate(chances):
        found *= np.where(excited[:, m], p, 1 - p)
    return found


def of_product(spinors: NDArray[Any], excited: NDArray[np.bool_]) -> NDArray[np.complex128]:
    """Amplitudes of configurations (B, N) of a product state with spinors (N, 2)."""
    up, down = spinors.T
    if np.all(spinors == spinors[:1]):
        counts = excited.sum(axis=1)
        # real where it is: a real power keeps the last digits
        low = down[0] if down[0].imag else down[0].real
        return np.asarray(up[0] ** counts * low ** (excited.shape[1] - counts), dtype=complex)
    found = np.ones(len(excited), dtype=complex)
    for m in range(excited.shape[1]):
        found *= np.where(excited[:, m], up[m], down[m])
    return found


def same_spinors(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two product states with spinors (N, 2), or (1, 2), are the same up to phases."""
    areas = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    return bool(np.abs(areas).max() <= _SAME)


def _text(angles: float | tuple[float, ...]) -> str:
    """One angle, or the first few of several."""
    if isinstance(angles, float):
        return f"{angles:g}"
    more = ", …" if len(angles) > _SHOWN else ""
    return f"[{', '.join(f'{x:g}' for x in angles[:_SHOWN])}{more}]"


def _only_level(state: Any, atoms: Atoms, excited: int) -> NDArray[np.complex128]:
    """Every atom in its only level that is excited (1) or not (0), (N, L)."""
    checks.instance("atoms", atoms, Atoms, "co.Atoms")
    found = np.flatnonzero(atoms.excited == excited)
    if len(found) > 1:
        names = ", ".join(repr(atoms.levels[i]) for i in found)
        raise ValueError(
            f"state {str(state)!r} is not determined: these atoms have {len(found)} "
            f"{'excited' if excited else 'ground'} levels, {names}; name one, as in "
            f"co.states.levels({atoms.levels[found[0]]!r})"
        )
    return np.tile(np.eye(len(atoms.levels), dtype=complex)[found[0]], (len(atoms), 1))
