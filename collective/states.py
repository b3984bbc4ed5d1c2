r"""Initial states, as recipes rather than 2^N arrays.

A `State` knows the amplitude of any configuration of excited emitters, so that each engine asks
only for the configurations it keeps. `"inverted"` and `"ground"` work as plain words wherever a
state is expected.
"""

from dataclasses import dataclass
from math import comb, exp, log
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters import Emitters, Multilevel

_PARAMETERS = {
    "inverted": 0,
    "ground": 0,
    "single": 1,
    "dicke": 1,
    "timed_dicke": 3,
    "coherent": 2,
}


@dataclass(frozen=True)
class State:
    """A pure state of N two-level emitters, for any N it makes sense for.

    Made by `inverted`, `ground`, `single`, `dicke`, `timed_dicke` and `coherent`.
    """

    kind: Literal["inverted", "ground", "single", "dicke", "timed_dicke", "coherent"]
    parameters: tuple[float, ...] = ()

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        kind, given = self.kind, self.parameters
        wanted = _PARAMETERS.get(kind) if isinstance(kind, str) else None
        if not isinstance(given, list | tuple) or len(given) != wanted:
            number = len(given) if isinstance(given, list | tuple) else checks.short(given)
            raise ValueError(
                f"unknown state {checks.short(kind)} with {number} parameters: kind and "
                "parameters must be such as the functions of co.states give"
            )
        name = f"parameters of state {kind!r}"
        found: tuple[float, ...]
        if kind in ("single", "dicke"):
            found = (checks.count(name, given[0], minimum=0),)
        else:
            found = tuple(checks.number(name, value) for value in given)
        object.__setattr__(self, "parameters", found)

    def excitations(self, n: int) -> int | None:
        """How many of n emitters are excited, or None for a superposition of numbers.

        Raises:
            ValueError: if the state does not exist for n emitters.
        """
        n = checks.count("n", n)
        self._require(n)
        match self.kind:
            case "inverted":
                return n
            case "ground":
                return 0
            case "single" | "timed_dicke":
                return 1
            case "dicke":
                return int(self.parameters[0])
        return None

    def amplitudes(
        self, excited: NDArray[np.bool_], emitters: Emitters | Multilevel | None = None
    ) -> NDArray[np.complex128]:
        """Amplitude of each configuration.

        Args:
            excited: (B, N), which emitters are excited in each of B configurations.
            emitters: needed by `timed_dicke`, whose phases depend on where they are.

        Returns:
            (B,) complex.

        Raises:
            ValueError: if the state does not exist for N emitters.
        """
        try:
            excited = np.asarray(excited)
        except ValueError:
            excited = np.array(None)
        if excited.dtype != bool or excited.ndim != 2:
            raise ValueError(
                "excited must be truth values (B, N), one row for each configuration, got "
                f"{excited.dtype} of shape {excited.shape}"
            )
        n = excited.shape[1]
        self._require(n)
        counts = excited.sum(axis=1)
        match self.kind:
            case "single":
                return np.where((counts == 1) & excited[:, int(self.parameters[0])], 1.0 + 0j, 0)
            case "dicke":
                k = int(self.parameters[0])
                # of a number of choices too large for a float if N is
                return np.where(counts == k, exp(-log(comb(n, k)) / 2) + 0j, 0)
            case "timed_dicke":
                if emitters is None:
                    raise ValueError(
                        "state timed_dicke needs positions: use couple(emitters, field) or "
                        "Couplings(..., emitters=...)"
                    )
                if not isinstance(emitters, Emitters | Multilevel) or len(emitters) != n:
                    raise ValueError(
                        f"emitters must be {n} emitters, as excited has them; got "
                        f"{checks.short(emitters)}"
                    )
                phases = np.exp(1j * emitters.positions @ np.array(self.parameters))
                return np.where(counts == 1, excited @ phases, 0) / np.sqrt(n)
            case "coherent":
                theta, phi = self.parameters
                up, down = np.exp(1j * phi) * np.sin(theta / 2), np.cos(theta / 2)
                return up**counts * down ** (n - counts)
        return (counts == self.excitations(n)).astype(complex)

    def _require(self, n: int) -> None:
        """Raise unless n emitters can be in this state."""
        if self.kind == "single" and self.parameters[0] >= n:
            m = int(self.parameters[0])
            raise ValueError(f"state single({m}) needs emitter {m}, but there are {n}")
        if self.kind == "dicke" and self.parameters[0] > n:
            k = int(self.parameters[0])
            raise ValueError(f"state dicke({k}) needs {k} emitters, but there are {n}")

    def __str__(self) -> str:
        values = ", ".join(f"{p:g}" for p in self.parameters)
        return f"{self.kind}({values})" if values else self.kind


def inverted() -> State:
    """Every emitter excited."""
    return State("inverted")


def ground() -> State:
    """No emitter excited."""
    return State("ground")


def single(m: int) -> State:
    """Only emitter m excited.

    Args:
        m: index of the emitter, from 0.

    Example:
        >>> import collective as co
        >>> print(co.states.single(2))
        single(2)
    """
    return State("single", (checks.count("m", m, minimum=0),))


def dicke(k: int) -> State:
    """The symmetric Dicke state of k excitations: equal amplitude 1/√C(N,k) for every choice.

    Args:
        k: number of excitations, 0 to N.
    """
    return State("dicke", (checks.count("k", k, minimum=0),))


def timed_dicke(wavevector: ArrayLike) -> State:
    """One excitation with the phases of an absorbed photon: ``Σ_m e^{ik·r_m}|m⟩/√N``.

    Args:
        wavevector: k, (3,), in inverse units of length (of length 2π/wavelength for a photon).
    """
    return State("timed_dicke", tuple(map(float, checks.vector("wavevector", wavevector))))


def coherent(theta: float, phi: float = 0.0) -> State:
    """Each emitter in ``cos(θ/2)|g⟩ + e^{iφ}sin(θ/2)|e⟩``; θ = π is inverted.

    Args:
        theta: θ in radians.
        phi: φ in radians.
    """
    return State("coherent", (checks.number("theta", theta), checks.number("phi", phi)))


def named(state: State | str) -> State:
    """A `State` from itself or from the words "inverted" and "ground"."""
    if isinstance(state, State):
        return state
    if isinstance(state, str) and state in ("inverted", "ground"):
        return State(state)  # type: ignore[arg-type]
    shown = repr(state) if isinstance(state, str) else f"of type {type(state).__name__}"
    raise ValueError(
        f"unknown state {shown}: use 'inverted', 'ground', co.states.single(m), dicke(k), "
        "timed_dicke(wavevector), coherent(theta, phi), or a QuTiP ket or density matrix"
    )
