r"""Energies of pairs of excited emitters: Ising terms, van der Waals and dipolar interactions.

.. math:: H = \sum_{m<n} V_{mn} n_m n_n, \qquad n_m = σ^+_mσ^-_m

V_mn is the energy of the pair (m, n) with both emitters excited. Each pair is counted once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.memory import require
from collective.emitters import Emitters

_DENSE = 4096  # emitters; of more of them one number for all pairs is not made a matrix


@dataclass(frozen=True, eq=False)
class IsingTerms:
    r"""Arguments of `Couplings` that stand for an interaction of spins, and the constant left over.

    .. math:: H = \sum_{m<n} V_{mn} n_m n_n + \sum_m δ_m n_m + c

    `one_axis_twisting` and `ising_from_spins` make it.

    Attributes:
        ising: V, (N, N) real and symmetric with a zero diagonal; the energy of a pair with both
            emitters excited.
        detunings: δ, (N,); add your own detunings to them.
        constant: c, an energy of all states, which changes no observable.

    Example:
        >>> import numpy as np, collective as co
        >>> twist = co.one_axis_twisting(3, 0.5)
        >>> never = np.zeros((3, 3))
        >>> spins = co.Couplings(never, never, ising=twist.ising, detunings=twist.detunings)
        >>> spins.hamiltonian().eigenenergies()[[0, -1]] + twist.constant  # ½M² of M = ½ and 3/2
        array([0.125, 1.125])
    """

    ising: NDArray[np.float64]
    detunings: NDArray[np.float64]
    constant: float

    def __post_init__(self) -> None:
        detunings = checks.finite("detunings", self.detunings)
        if detunings.ndim != 1 or not len(detunings):
            raise ValueError(f"detunings must have shape (N,), got {detunings.shape}")
        n = len(detunings)
        side = np.shape(self.ising)[:1] if isinstance(self.ising, np.ndarray) else (n,)
        if side not in ((), (n,)):
            raise ValueError(
                f"detunings must be {side[0]} numbers, one for each row of ising, got {n}"
            )
        found = checked(self.ising, n)
        if found is None:
            found = np.zeros((n, n)) if n <= _DENSE else np.broadcast_to(0.0, (n, n))
        constant = checks.number("constant", self.constant)
        checks.freeze(self, ising=found, detunings=detunings, constant=constant)

    def __getstate__(self) -> dict[str, Any]:
        """The state for copies and pickles; a V that stores one number becomes that number."""
        one = self.ising[0, 0] if checks.constant(self.ising) else self.ising
        return {"ising": one, "detunings": self.detunings, "constant": self.constant}

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def spins(self) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        r"""The same Hamiltonian in Pauli matrices; the inverse of `ising_from_spins`.

        With n = ½(1 + σ^z),

        .. math:: H = \sum_{m<n} J_{mn} σ^z_mσ^z_n + \sum_m h_m σ^z_m + c'

        where J = V/4, h_m = ½δ_m + ¼Σ_n V_mn.

        Returns:
            J, (N, N); h, (N,); c'.

        Example:
            >>> import collective as co
            >>> bonds, fields, constant = co.one_axis_twisting(2, 1.0).spins()
            >>> float(bonds[0, 1]), fields.tolist(), constant  # J_z² = ½ + ½σ^zσ^z
            (0.5, [0.0, 0.0], 0.5)
        """
        ising = _whole(self.ising)
        pairs = float(ising.sum()) / 2
        fields = self.detunings / 2 + ising.sum(axis=1) / 4
        return ising / 4, fields, self.constant + float(self.detunings.sum()) / 2 + pairs / 4


def one_axis_twisting(n: int, chi: float) -> IsingTerms:
    r"""One-axis twisting χJ_z² of n emitters, J_z = ½Σσ^z, as uniform Ising terms.

    .. math:: χJ_z^2 = \sum_{m<n} 2χ\, n_m n_n − χ(N − 1)\sum_m n_m + \tfrac14 χN^2

    From a coherent state on the equator it makes spin-squeezed states (Kitagawa & Ueda, Phys. Rev.
    A 47, 5138 (1993)).

    Args:
        n: the number of emitters N.
        chi: χ, a rate of either sign.

    Returns:
        V = 2χ, the detunings −χ(N − 1), and the constant χN²/4. For more than 4,096 emitters V is
        stored as one number, and only `method="symmetric"` takes it.

    Raises:
        ValueError: for an n that is not an integer above 0, and a χ that is not a real number.
        ProblemTooLargeError: for more emitters than fit into memory.

    Example:
        >>> import collective as co
        >>> twist = co.one_axis_twisting(10, 0.1)
        >>> float(twist.ising[0, 1]), float(twist.detunings[0].round(12)), twist.constant
        (0.2, -0.9, 2.5)
    """
    n, chi = checks.count("n", n), checks.number("chi", chi)
    require(40 * n, f"one_axis_twisting: detunings of {n:,} emitters", "use fewer emitters")
    pairs = np.broadcast_to(2 * chi, (n, n))
    return IsingTerms(pairs, np.full(n, -chi * (n - 1)), chi * n * n / 4)


def ising_from_spins(bonds: ArrayLike, fields: ArrayLike = 0.0) -> IsingTerms:
    r"""Ising terms of a Hamiltonian in Pauli matrices.

    With σ^z = 2n − 1,

    .. math::
       \sum_{m<n} J_{mn} σ^z_mσ^z_n + \sum_m h_m σ^z_m
       = \sum_{m<n} V_{mn} n_m n_n + \sum_m δ_m n_m + c

    where V = 4J, δ_m = 2h_m − 2Σ_n J_mn and c = Σ_{m<n} J_mn − Σ_m h_m. For spins S^z = ½σ^z give
    J/4 and h/2. If your sum runs over all ordered pairs m ≠ n, give 2J.

    Args:
        bonds: J, (N, N) real and symmetric with a zero diagonal, rates.
        fields: h, scalar or (N,), rates.

    Raises:
        ValueError: for a J that is not such a matrix, or fields of another number of spins.

    Example:
        >>> import collective as co
        >>> terms = co.ising_from_spins([[0, 1.5], [1.5, 0]], fields=0.5)
        >>> terms.ising[0, 1], terms.detunings, terms.constant
        (np.float64(6.0), array([-2., -2.]), 0.5)
    """
    bonds = checks.finite("bonds", bonds)
    if bonds.ndim != 2 or bonds.shape[0] != bonds.shape[1] or not len(bonds):
        raise ValueError(f"bonds must be a square matrix (N, N), got shape {bonds.shape}")
    found = checked(bonds, len(bonds), "bonds")
    bonds = np.zeros_like(bonds) if found is None else found
    fields = checks.per_emitter("fields", fields, len(bonds))
    constant = float(bonds.sum()) / 2 - float(fields.sum())
    return IsingTerms(4 * bonds, 2 * fields - 2 * bonds.sum(axis=1), constant)


def van_der_waals(emitters: Emitters, c6: float) -> NDArray[np.float64]:
    r"""Van der Waals energies of pairs of emitters, as between two atoms in one Rydberg state.

    .. math:: V_{mn} = C_6/r_{mn}^6

    (Saffman, Walker & Mølmer, Rev. Mod. Phys. 82, 2313 (2010)).

    Args:
        emitters: N of them, at different places.
        c6: C₆, in units of rate · length⁶ (of the positions); positive for repulsion.

    Returns:
        V, (N, N), for `Couplings(..., ising=V)`.

    Raises:
        TypeError: for anything but emitters.
        ValueError: for a C₆ that is not a real number, and for two emitters at one place.

    Example:
        >>> import collective as co
        >>> co.van_der_waals(co.chain(3, 2.0), c6=64.0)
        array([[0.      , 1.      , 0.015625],
               [1.      , 0.      , 1.      ],
               [0.015625, 1.      , 0.      ]])
    """
    c6 = checks.number("c6", c6)
    _, distances = _separations(emitters, "van_der_waals")
    with np.errstate(over="ignore"):
        energies = c6 / distances**6
    return _between("c6", energies)


def dipolar(emitters: Emitters, c3: float, axis: ArrayLike = (0, 0, 1)) -> NDArray[np.float64]:
    r"""Energies of pairs of static dipoles that are all parallel to an axis.

    .. math:: V_{mn} = C_3\,(1 − 3\cos^2θ_{mn})/r_{mn}^3,

    where θ is the angle between the axis and the line through the pair. The same matrix serves two
    interactions:

    - as `ising=V` of `Couplings` it is the energy of two excited emitters, V n_m n_n;
    - as `shift=V` it exchanges excitations, V(σ⁺_mσ⁻_n + σ⁺_nσ⁻_m), as between two Rydberg
      states of opposite parity (Browaeys & Lahaye, Nat. Phys. 16, 132 (2020)).

    Args:
        emitters: N of them, at different places.
        c3: C₃, in units of rate · length³ (of the positions), of either sign.
        axis: a vector along which the dipoles, or the quantisation axis, point.

    Returns:
        V, (N, N).

    Raises:
        TypeError: for anything but emitters.
        ValueError: for a C₃ that is not a real number, an axis that is no vector, and for two
            emitters at one place.

    Example:
        >>> import numpy as np, collective as co
        >>> row = co.chain(3, 2.0)  # along z
        >>> co.dipolar(row, 8.0)[0].round(12)
        array([ 0.  , -2.  , -0.25])
        >>> exchange = co.Couplings(np.zeros((3, 3)), co.dipolar(row, 8.0, axis=(1, 0, 0)))
        >>> float(exchange.shift[0, 1])
        1.0
    """
    c3, axis = checks.number("c3", c3), checks.direction("axis", axis)
    vectors, distances = _separations(emitters, "dipolar")
    cosines = (vectors / distances[..., None]) @ axis
    with np.errstate(over="ignore"):
        energies = c3 * (1 - 3 * cosines**2) / distances**3
    return _between("c3", energies)


def _separations(emitters: Any, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """r_m − r_n, (N, N, 3), and their lengths, (N, N), which are 1 on the diagonal."""
    checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
    positions, n = emitters.positions, len(emitters)
    require(200 * n * n, f"{name}: energies of all pairs of {n:,} emitters", "use fewer emitters")
    vectors = positions[:, None] - positions[None]
    # dividing by the largest part first keeps squares in the range of doubles
    scale = np.abs(vectors).max(axis=2)
    np.fill_diagonal(scale, 1.0)
    if np.any(scale == 0):
        m, n = (int(i) for i in np.argwhere(scale == 0)[0])
        raise ValueError(
            f"emitters {m} and {n} are at one place, where {name} diverges: move one of them"
        )
    distances = scale * np.linalg.norm(vectors / scale[..., None], axis=2)
    np.fill_diagonal(distances, 1.0)
    return vectors, distances


def _between(name: str, energies: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same energies without a diagonal; they must be numbers that can be stored."""
    np.fill_diagonal(energies, 0.0)
    largest = float(np.abs(energies).max())
    if not largest <= checks.LARGEST:
        raise ValueError(
            f"{name}: the largest energy of a pair is {largest:.3g}, and rates must be at most "
            f"{checks.LARGEST:g}; choose other units, or move the emitters apart"
        )
    return energies


def checked(value: Any, n: int, name: str = "ising") -> NDArray[np.float64] | None:
    """A checked V, (N, N) real and symmetric with a zero diagonal; None if it is zero everywhere.

    One number stands for every pair. Of more than 4,096 emitters it is stored as one number, whose
    diagonal is then not zero, and not used either.
    """
    if value is None:
        return None
    stored_once = checks.constant(value)
    if stored_once and value.shape != (n, n):
        raise ValueError(f"{name} must have the shape ({n}, {n}), got {value.shape}")
    matrix = checks.finite(name, value[0, 0] if stored_once else value)
    if matrix.shape == ():
        number = float(matrix)
        if number == 0 or n == 1:
            return None
        every = np.broadcast_to(number, (n, n))
        return every if n > _DENSE else number * (1 - np.eye(n))
    if matrix.shape != (n, n):
        raise ValueError(
            f"{name} must be a number or have the shape ({n}, {n}), got shape {matrix.shape}"
        )
    own = np.diagonal(matrix)
    if np.any(own):
        m = int(np.flatnonzero(own)[0])
        raise ValueError(
            f"{name} must have a zero diagonal, because it is about pairs: {name}[{m}, {m}] is "
            f"{own[m]:g}; a shift of one emitter belongs into detunings"
        )
    matrix = checks.hermitian(name, matrix)
    return matrix if np.any(matrix) else None


def _whole(ising: NDArray[np.float64]) -> NDArray[np.float64]:
    """V as a matrix with a zero diagonal."""
    return ising[0, 0] * (1 - np.eye(len(ising))) if checks.constant(ising) else ising
