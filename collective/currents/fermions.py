r"""Operators of electrons in orbitals for QuTiP, by the Jordan-Wigner transformation.

Mode 2l is orbital l with spin up, mode 2l + 1 with spin down; `qutip.basis(2, 1)` is occupied.
With :math:`E_{ll'} = \sum_s c^†_{ls}c_{l's}`,

.. math:: \sum_{st} c^†_{l_1s}c^†_{l_3t}c_{l_4t}c_{l_2s}
          = E_{l_1l_2}E_{l_3l_4} − δ_{l_2l_3}E_{l_1l_4}.
"""

from typing import TYPE_CHECKING, Literal

from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.memory import require

if TYPE_CHECKING:
    from qutip import Qobj

_BYTES_PER_ENTRY = 20  # of a complex sparse matrix
_MOST_ORBITALS = 500  # in estimates of memory: 4^500 does not overflow
Spin = Literal["up", "down"]
_SPINS: tuple[Spin, Spin] = ("up", "down")


def annihilator(orbitals: int, orbital: int, spin: Spin) -> "Qobj":
    """c_ls, which removes an electron from an orbital; its adjoint adds one.

    Args:
        orbitals: L, the number of orbitals.
        orbital: l, from 0 to L − 1.
        spin: "up" or "down".

    Raises:
        ValueError: if there is no such orbital or spin.
        ProblemTooLargeError: if the operator does not fit into memory (about 16 orbitals).

    Example:
        >>> import collective as co
        >>> c = co.currents.annihilator(2, 0, "up")
        >>> (c * c.dag() + c.dag() * c).tr() / 16  # {c, c†} = 1
        1.0
    """
    from qutip import fdestroy

    count = checks.count("orbitals", orbitals)
    require(
        int(_BYTES_PER_ENTRY * 4.0 ** min(count, _MOST_ORBITALS)),
        f"an operator on {checks.short(count)} orbitals",
        "use fewer orbitals",
    )
    orbital = checks.index("orbital", orbital, count, "orbitals")
    return fdestroy(2 * count, 2 * orbital + _SPINS.index(checks.choice("spin", spin, _SPINS)))


def number(orbitals: int, orbital: int) -> "Qobj":
    """n_l = n_l↑ + n_l↓; the arguments are those of `annihilator`."""
    return _transfer(orbitals, orbital, orbital)


def spin(orbitals: int, orbital: int) -> "tuple[Qobj, Qobj, Qobj]":
    """(S_x, S_y, S_z) of the electrons in an orbital; the arguments are those of `annihilator`."""
    up, down = (annihilator(orbitals, orbital, s) for s in _SPINS)
    raised = up.dag() * down
    z = 0.5 * (up.dag() * up - down.dag() * down)
    return 0.5 * (raised + raised.dag()), -0.5j * (raised - raised.dag()), z


def full(one_body: NDArray, two_body: NDArray) -> "Qobj":
    """The Hamiltonian with every integral; see `Interactions.hamiltonian`."""
    size = len(one_body)
    _require(size, terms=size**2)
    transfers = [[_transfer(size, a, b) for b in range(size)] for a in range(size)]
    total = _one_body(one_body, transfers)
    for a in range(size):
        for b in range(size):
            field = sum(
                complex(two_body[a, b, c, d]) * transfers[c][d]
                for c in range(size)
                for d in range(size)
            )
            total = total + 0.5 * transfers[a][b] * field
            # normal order: an electron does not act on itself
            total = total - 0.5 * sum(
                complex(two_body[a, b, b, d]) * transfers[a][d] for d in range(size)
            )
    return _hermitian(total)


def reduced(one_body: NDArray, two_body: NDArray) -> "Qobj":
    """The Hamiltonian with on-site, density, exchange and pair-hopping terms only."""
    size = len(one_body)
    _require(size, terms=size)
    transfers = [[_transfer(size, a, b) for b in range(size)] for a in range(size)]
    numbers = [transfers[a][a] for a in range(size)]
    spins = [spin(size, a) for a in range(size)]
    removed = [annihilator(size, a, "down") * annihilator(size, a, "up") for a in range(size)]
    total = _one_body(one_body, transfers)
    for a in range(size):
        total = total + two_body[a, a, a, a].real * removed[a].dag() * removed[a]
        for b in range(size):
            if a == b:
                continue
            pair = numbers[a] * numbers[b]
            exchange = sum(s * t for s, t in zip(spins[a], spins[b], strict=True)) + 0.25 * pair
            total = total + 0.5 * two_body[a, a, b, b].real * pair
            total = total - two_body[a, b, b, a].real * exchange
            total = total + complex(two_body[a, b, a, b]) * removed[a].dag() * removed[b]
    return _hermitian(total)


def _one_body(h: NDArray, transfers: "list[list[Qobj]]") -> "Qobj":
    """Σ h_ll' E_ll'."""
    size = len(h)
    return sum(complex(h[a, b]) * transfers[a][b] for a in range(size) for b in range(size))


def _transfer(orbitals: int, to: int, source: int) -> "Qobj":
    """E = Σ_s c†_ls c_l's."""
    return sum(
        annihilator(orbitals, to, s).dag() * annihilator(orbitals, source, s) for s in _SPINS
    )


def _hermitian(operator: "Qobj") -> "Qobj":
    """The Hermitian part; this removes round-off, so that QuTiP finds the operator Hermitian."""
    return 0.5 * (operator + operator.dag())


def _require(size: int, terms: int) -> None:
    """Raise if the Hamiltonian does not fit into memory.

    Each of L² hops has an entry for a quarter of the states; their sum has one for each hop and
    state.
    """
    entries = 4.0 ** min(size, _MOST_ORBITALS) * (size**2 / 2 + 3 * (1 + terms))
    require(
        int(entries * _BYTES_PER_ENTRY),
        f"a Hamiltonian on {size} orbitals, 4^{size} states,",
        "use fewer orbitals",
    )
