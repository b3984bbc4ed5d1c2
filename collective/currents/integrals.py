r"""Coulomb and Ampère integrals of orbitals: `interactions`.

With :math:`ρ_{ll'} = ψ_l^*ψ_{l'}` and :math:`p_{ll'} = ψ_l^*(p̂ψ_{l'}) − (p̂ψ_l^*)ψ_{l'}`, the charge
and twice the momentum of a transition l' → l, in atomic units

.. math:: V^c[l_1l_2l_3l_4] = \iint ρ_{l_1l_2}(r)\frac{1}{|r − r'|}ρ_{l_3l_4}(r'), \qquad
          V^a[l_1l_2l_3l_4] = πα^2\iint p_{l_1l_2}(r)·D(r − r')·p_{l_3l_4}(r'),

where D, the transform of :math:`(1 − q̂q̂)/(q^2 + κ^2)`, is the field of the transverse part of a
current, (1 + r̂r̂)/8πr without screening. Since D = A·1 − qqB, V^a needs one potential for each
component of p and one for its divergence (Su, Wang and Zhang, "Microscopic Ampère current–current
interaction", eqs. 39–49, with the errata of the documentation).
"""

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.console import aligned, printable
from collective._tools.memory import require
from collective._tools.progress import Progress
from collective.currents.arguments import (
    not_negative,
)
from collective.currents.checkpoint import Checkpoint
from collective.currents.fermions import full, reduced
from collective.currents.free_space import Grid
from collective.currents.orbitals import Orbitals
from collective.currents.pair_integrals import coulomb_and_ampere

if TYPE_CHECKING:
    from qutip import Qobj

_OVERLAP = 1e-8  # allowed deviation of orbitals from orthonormality in a Hamiltonian
_UNRESOLVED = 8  # factor of this error: bra and ket, two densities, folded and unfolded waves
_OUTSIDE = 4  # factor of this error: two densities, bra and ket of each


@dataclass(frozen=True, eq=False, repr=False)
class Interactions:
    r"""Coulomb and Ampère integrals of L orbitals in hartree; made by `interactions`.

    Attributes:
        orbitals: the orbitals, as given.
        screening: κ in bohr⁻¹.
        coulomb_integrals: V^c[l₁, l₂, l₃, l₄], (L, L, L, L).
        ampere_integrals: V^a[l₁, l₂, l₃, l₄], (L, L, L, L), which enters the energy with a minus
            sign.
        coulomb_error: estimate of the largest error of a Coulomb integral, from waves that the
            grid does not resolve and from the part of the orbitals outside the grid.
        ampere_error: the same for an Ampère integral.
        diagnostics: the two parts of each error, seconds, predicted bytes.
    """

    orbitals: Orbitals
    screening: float
    coulomb_integrals: NDArray[Any]
    ampere_integrals: NDArray[Any]
    coulomb_error: float
    ampere_error: float
    diagnostics: dict[str, Any] = field(default_factory=dict)

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.readonly(self.coulomb_integrals)
        checks.readonly(self.ampere_integrals)

    @property
    def coulomb(self) -> NDArray[np.float64]:
        """U^c_ll' = V^c[l, l, l', l'], (L, L): the repulsion of two densities."""
        return _hubbard(self.coulomb_integrals)

    @property
    def exchange(self) -> NDArray[np.float64]:
        """J^c_ll' = V^c[l, l', l', l], (L, L), not negative: it favours parallel spins."""
        return _exchange(self.coulomb_integrals, self.coulomb_error)

    @property
    def ampere(self) -> NDArray[np.float64]:
        """U^a_ll' = V^a[l, l, l', l'], (L, L): the energy gained by parallel currents."""
        return _hubbard(self.ampere_integrals)

    @property
    def ampere_exchange(self) -> NDArray[np.float64]:
        """J^a_ll' = V^a[l, l', l', l], (L, L), not negative: it favours antiparallel spins."""
        return _exchange(self.ampere_integrals, self.ampere_error)

    @property
    def two_body(self) -> NDArray[Any]:
        """V^c − V^a as [l₁, l₂, l₃, l₄], the interaction of two electrons."""
        return self.coulomb_integrals - self.ampere_integrals

    def hamiltonian(
        self, one_body: "ArrayLike | None" = None, *, form: Literal["full", "reduced"] = "full"
    ) -> "Qobj":
        r"""The Hamiltonian of electrons in these orbitals, as a QuTiP operator on 2L modes.

        "full" contains every integral, V = V^c − V^a,

        .. math:: H = \sum h_{ll'} c^†_{ls}c_{l's}
                  + ½\sum V[l_1l_2l_3l_4]\, c^†_{l_1s}c^†_{l_3t}c_{l_4t}c_{l_2s};

        "reduced" contains those of the Hubbard and Heisenberg form, in sums over ordered l ≠ l',

        .. math:: H = \sum h_{ll'} c^†_{ls}c_{l's} + \sum_l U_{ll}n_{l↑}n_{l↓}
                  + ½\sum U_{ll'}n_ln_{l'} − \sum J_{ll'}(S_l·S_{l'} + ¼n_ln_{l'})
                  + \sum V[ll'll'] c^†_{l↑}c^†_{l↓}c_{l'↓}c_{l'↑},

        with U = U^c − U^a and J = J^c − J^a. It drops the integrals on three or four orbitals, and
        the hops that depend on another electron, V[lll'l''] … . Two electrons on two orbitals with
        single occupation then have E_T − E_S = −2J^c + 2J^a.

        The modes are l↑, l↓ in the order of the orbitals; `qutip.basis(2, 1)` is occupied
        (Jordan-Wigner transformation). `annihilator`, `number` and `spin` give the operators.

        Args:
            one_body: h, (L, L) Hermitian in hartree, for example `orbitals.one_body(V)`; None
                means zero.
            form: "full" or "reduced".

        Raises:
            ValueError: for orbitals that are not orthonormal to 10⁻⁸, or an h of a wrong shape.
            ProblemTooLargeError: if the Hamiltonian does not fit into memory.

        Example:
            >>> import numpy as np, collective as co
            >>> axis = np.linspace(-6, 6, 40)
            >>> ring = [co.currents.gaussian(1, m) for m in (1, -1)]
            >>> found = co.currents.interactions(co.currents.Orbitals([axis] * 3, ring))
            >>> H = found.hamiltonian()
            >>> H.dims[0], H.isherm
            ([2, 2, 2, 2], True)
        """
        checks.choice("form", form, ("full", "reduced"))
        size = len(self.orbitals)
        h = checks.hermitian("one_body", np.zeros((size, size)) if one_body is None else one_body)
        if h.shape != (size, size):
            raise ValueError(f"one_body must have shape {(size, size)}, got {h.shape}")
        excess = np.abs(self.orbitals.overlap() - np.eye(size))
        l, k = (int(i) for i in np.unravel_index(np.argmax(excess), excess.shape))
        if excess[l, k] > _OVERLAP:
            what = (
                f"orbital {l} has norm 1 {self.orbitals.overlap()[l, l].real - 1:+.2e}"
                if l == k
                else f"orbitals {l} and {k} overlap by {excess[l, k]:.2e}"
            )
            raise ValueError(
                f"orbitals must be orthonormal to {_OVERLAP:g} for a Hamiltonian: {what}; use "
                "interactions(orbitals.orthonormalised())"
            )
        return full(h, self.two_body) if form == "full" else reduced(h, self.two_body)

    @printable
    def __repr__(self) -> str:
        rows = [
            ("U^c", self.coulomb, self.coulomb_error),
            ("J^c", self.exchange, self.coulomb_error),
            ("U^a", self.ampere, self.ampere_error),
            ("J^a", self.ampere_exchange, self.ampere_error),
        ]
        size = len(self.orbitals)
        pairs = [(l, k) for l in range(size) for k in range(l, size)][:6]
        cells = [["", *(f"{l}–{k}" for l, k in pairs), "error"]]
        for name, matrix, error in rows:
            cells.append([name, *(f"{matrix[l, k]:.6e}" for l, k in pairs), f"{error:.0e}"])
        return (
            f"Interactions of {self.orbitals!r}, screening {self.screening:g} bohr⁻¹; "
            "in hartree, with the error of the largest integral:\n"
            + aligned(cells, "<3" + " >12" * len(pairs) + " >10")
        )


def interactions(
    orbitals: Orbitals,
    screening: float = 0.0,
    *,
    checkpoint: "str | os.PathLike[str] | None" = None,
    progress: bool = True,
) -> Interactions:
    r"""All Coulomb and Ampère integrals of orbitals, in free space.

    Args:
        orbitals: orbitals on a grid that resolves the product of any two of them. The grid needs
            no margin for the Fourier transform, because the kernels are those of free space.
        screening: κ of the Ampère interaction in bohr⁻¹, ω_p/c of a plasma
            (`screening_wavenumber`). The Coulomb interaction is not screened.
        checkpoint: a file in which each of the five parts (the charge, three components of the
            current and its divergence) is saved when it is finished; Ctrl-C saves an unfinished
            part. The same call later continues from the file. A full disk gives a warning.
        progress: whether to show a progress bar after two seconds.

    Returns:
        `Interactions` of the orbitals as given; they are neither normalised nor orthonormalised.

    Raises:
        ValueError: for a screening that is negative or too large for the grid, or a checkpoint of
            another problem.
        OSError: if a new checkpoint cannot be written.
        ProblemTooLargeError: if the integrals do not fit into memory.

    Example:
        Two rings at one centre: currents in the same and in opposite directions (10⁻⁶ hartree):

        >>> import numpy as np, collective as co
        >>> axis = np.linspace(-6, 6, 40)
        >>> rings = [co.currents.gaussian(1, m) for m in (1, -1)]
        >>> found = co.currents.interactions(co.currents.Orbitals([axis] * 3, rings))
        >>> np.round(1e6 * found.ampere, 4)
        array([[ 7.0814, -7.0814],
               [-7.0814,  7.0814]])
    """
    checks.instance("orbitals", orbitals, Orbitals, "co.currents.Orbitals(...)")
    screening = not_negative("screening", screening)
    progress = checks.flag("progress", progress)
    finest = np.pi / min(orbitals.spacings)
    if screening > finest:
        raise ValueError(
            f"screening must be at most {finest:.3g} bohr⁻¹, which the grid resolves, got "
            f"{screening:g}; is it in bohr⁻¹? screening_wavenumber(..., units='atomic')"
        )
    predicted = _bytes(orbitals)
    require(
        predicted,
        f"interactions of {orbitals!r}",
        "use fewer orbitals, or shorter axes that still contain the orbitals",
    )
    saved = Checkpoint(checkpoint, orbitals, screening)
    start = time.perf_counter()
    size = len(orbitals)
    with Progress(5 * size * (size + 1) // 2, "integrals", show=progress) as bar:
        coulomb, ampere = coulomb_and_ampere(orbitals, screening, bar, saved)
    saved.warn()
    unresolved = _UNRESOLVED * float(orbitals.unresolved.max())
    grid_errors, box_errors = [], []
    for found in (coulomb, ampere):
        largest = float(np.abs(found.values).max())
        grid_errors.append(found.error + unresolved * largest)
        box_errors.append(_OUTSIDE * float(orbitals.outside.max()) * largest)
    diagnostics = {
        "coulomb_grid_error": grid_errors[0],
        "coulomb_box_error": box_errors[0],
        "ampere_grid_error": grid_errors[1],
        "ampere_box_error": box_errors[1],
        "bytes_predicted": predicted,
        "seconds": time.perf_counter() - start,
        **({} if saved.failure is None else {"checkpoint_failure": saved.failure}),
    }
    return Interactions(
        orbitals,
        screening,
        coulomb.values,
        ampere.values,
        grid_errors[0] + box_errors[0],
        grid_errors[1] + box_errors[1],
        diagnostics,
    )


def _bytes(orbitals: Orbitals) -> int:
    """Bytes of the orbitals, one derivative of each, two weighted copies, and a transform."""
    grid = Grid(orbitals.wavefunctions.shape[1:], orbitals.spacings)
    item = orbitals.wavefunctions.itemsize
    points = orbitals.wavefunctions[0].size
    size = len(orbitals)
    return grid.bytes + item * points * (3 * size + 4) + 16 * 8 * size**4


def _hubbard(integrals: NDArray) -> NDArray[np.float64]:
    """V[l, l, l', l'] as an (L, L) matrix."""
    return np.einsum("aabb->ab", integrals).real.copy()


def _exchange(integrals: NDArray, error: float) -> NDArray[np.float64]:
    """V[l, l', l', l] as an (L, L) matrix."""
    values = np.einsum("abba->ab", integrals).real.copy()
    values[(values < 0) & (values >= -error)] = 0.0  # these are not negative, except by their error
    return values
