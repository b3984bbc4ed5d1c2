"""`ChannelCouplings`: the collective master equation of atoms with manifolds, within the RWA.

A channel is one Cartesian component of one line of one atom; Γ and Δ are matrices over channels.

The file is longer than others because it holds one class with the checks of its arguments.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality, notebook, operators
from collective._tools.console import printable
from collective._tools.memory import fits, require
from collective.couplings.lattice import (
    LatticeMatrix,
    alike,
    krylov_extremes,
    require_positive,
    same_entries,
)
from collective.couplings.modes import Modes, emitting
from collective.emitters import Atoms
from collective.fields.protocol import require_field

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.validity import Validity

_ORIGIN = ("positions", "linewidths", "wavenumbers")  # of atoms, on which Γ and Δ depend
_BYTES_PER_ENTRY, _COPIES = 20, 4  # of sparse operators, while they are put together
_MODE_BYTES = 110  # per entry of H_eff, at the peak while its modes are computed
_SAME_DIRECTION = 1e-12  # relative size of polarisations that are only round-off
_FEW = 1000  # polarisations of all atoms, whose Γ has all eigenvalues within a tenth of a second
_LINES_APART = 1e-12  # allowed coupling of two lines, relative to the largest entry


@dataclass(frozen=True, eq=False, repr=False, init=False)
class ChannelCouplings:
    r"""Γ and Δ of N atoms with ground and excited manifolds, over channels.

    Channel c = (atom m, line s, Cartesian component α) has the lowering operator
    :math:`σ^-_c = \sum_{ge} D^s_{α,ge}\,|g⟩⟨e|` of its atom (see `Atoms`), and there are C = 3S of
    them in each atom.

    .. math::
       H = \sum_m h_m + \sum_{c,c'}^{m≠n} Δ_{cc'} σ^+_cσ^-_{c'}, \qquad
       h_m = \sum_l E_{ml}|l⟩⟨l| + \sum_{c,c'∈m}(Δ_{cc'} σ^+_cσ^-_{c'} + Λ_{cc'} σ^-_cσ^+_{c'})
       + ½\sum_{c∈m}(Ω_c σ^+_c + h.c.)

    .. math::
       \dot ρ = −i[H, ρ] + \sum_{cc'} Γ_{cc'}(σ^-_{c'} ρ σ^+_c − ½\{σ^+_cσ^-_{c'}, ρ\})

    Within an atom Δ shifts and mixes the excited levels, and Λ the ground levels: both come from
    light that the surroundings scatter back, and vanish in vacuum. `couple` makes this object from
    `Atoms` in a field; you can also give your own matrices. For two-level atoms this is the
    master equation of `Couplings` (Lehmberg, Phys. Rev. A 2, 883 (1970)); for J = 0 → 1 see
    Agarwal & Patnaik, Phys. Rev. A 63, 043805 (2001), and for any manifolds Asenjo-Garcia, Kimble
    & Chang, PNAS 116, 25503 (2019).

    Args:
        decay: Γ, (N·C, N·C) Hermitian and positive semidefinite, in the order (atom, line, α). In
            vacuum the block of an atom is Γ_s δ_αβ. Two lines have no common entries.
        shift: Δ, (N·C, N·C) Hermitian. Of atoms on a lattice both may be stored by displacement, as
            a `LatticeMatrix` (see `couple`).
        atoms: the N atoms.
        ground_shift: Λ of each atom, (N, C, C) Hermitian, or 0.
        detunings: δ_m = ω_m − ω_frame, scalar or (N,), added to the energies of all excited
            levels. The energies of `atoms` stay as they are. Scan the frequency of a laser with it.
        drive: Rabi frequencies Ω_c, 0 or (N·C,) complex; see `plane_wave`.
        field: the field to which Γ and Δ belong, if known.

    All rates have the same unit. Arrays are read-only. Γ and Δ are stored as real arrays if they
    are real, which they are in every reciprocal field. Two couplings are equal (`==`) if all their
    numbers, their atoms and their fields are, however Γ and Δ are stored.

    Raises:
        ValueError: for wrong shapes, numbers that are not finite, a matrix that is not Hermitian,
            a Γ with a negative eigenvalue beyond round-off, or two lines that are coupled.

    Example:
        >>> import collective as co
        >>> atoms = co.Atoms.isotropic([[0, 0, 0], [0, 0, 0.1]])
        >>> channels = co.couple(atoms, co.Vacuum())
        >>> channels
        ChannelCouplings: 2 atoms of 4 levels, 6 channels in Vacuum()
          collective rates  0.0389258 … 1.96107
          largest |Δ|       7.12557
          detunings 0, drive 0
        >>> channels.modes().rates.round(4)
        array([1.9611, 1.9227, 1.9227, 0.0773, 0.0773, 0.0389])
        >>> channels.hamiltonian().dims
        [[4, 4], [4, 4]]
    """

    decay: NDArray[Any]
    shift: NDArray[Any]
    atoms: Atoms
    ground_shift: NDArray[Any]
    detunings: NDArray[np.float64]
    drive: NDArray[np.complex128]
    field: Any

    __setstate__ = checks.restored

    def __init__(
        self,
        decay: ArrayLike,
        shift: ArrayLike,
        atoms: Atoms,
        *,
        ground_shift: ArrayLike = 0.0,
        detunings: ArrayLike = 0.0,
        drive: ArrayLike = 0.0,
        field: Any = None,
    ):
        checks.instance("atoms", atoms, Atoms, "co.Atoms or co.Atoms.isotropic")
        if field is not None:
            require_field("field", field, others=" or None")
        n, each = len(atoms), 3 * atoms.lines
        gamma, delta = alike(_matrix("decay", decay, each), _matrix("shift", shift, each))
        for name, matrix in (("decay", gamma), ("shift", delta)):
            if len(matrix) != n * each:
                raise ValueError(
                    f"{name} must be {n * each} × {n * each}: {n} atoms of {each} channels each "
                    f"(3 components of {atoms.lines} lines); got {matrix.shape}"
                )
            _refuse_mixed_lines(name, matrix, atoms)
        if isinstance(gamma, LatticeMatrix):
            require_positive(gamma)
        else:
            checks.positive_semidefinite(gamma)
        checks.freeze(
            self,
            decay=gamma,
            shift=delta,
            atoms=atoms,
            ground_shift=_ground_shift(ground_shift, n, each),
            detunings=checks.per_emitter("detunings", detunings, n),
            drive=_drive(drive, n, each),
            field=field,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ChannelCouplings):
            return NotImplemented
        others = [each.name for each in fields(self) if each.name not in ("decay", "shift")]
        return self is other or (
            equality.same_fields(self, other, others)
            and same_entries(self.decay, other.decay)
            and same_entries(self.shift, other.shift)
        )

    def __hash__(self) -> int:
        """The same in every form of Γ and Δ."""
        parts = (self.decay[0], self.shift[0], self.detunings, self.drive)
        return hash((len(self), *map(equality.digest, parts)))

    def __len__(self) -> int:
        return len(self.atoms)

    @property
    def energies(self) -> NDArray[np.float64]:
        """Energy of each level in the rotating frame, the detunings included, (N, L)."""
        return self.atoms.energies + self.detunings[:, None] * self.atoms.excited

    def replace(self, **changes: Any) -> "ChannelCouplings":
        """A copy with the given arguments of the constructor changed.

        Γ and Δ are not computed again: for atoms at other places or with other lines, or for
        another field, use `couple`.

        Raises:
            ValueError: for atoms or a field to which Γ and Δ do not belong, unless new matrices are
                given too; and for what the constructor refuses.

        Example:
            >>> import collective as co
            >>> channels = co.couple(co.Atoms.isotropic([[0, 0, 0]]), co.Vacuum())
            >>> channels.replace(detunings=-2.0).energies
            array([[-2., -2., -2.,  0.]])
        """
        if {"decay", "shift"} & changes.keys():
            changes.setdefault("field", None)  # new matrices do not belong to the old field
        else:
            self._refuse_other_origin(changes)
        return replace(self, **changes)

    def _refuse_other_origin(self, changes: dict[str, Any]) -> None:
        """Raise for atoms or a field to which Γ and Δ do not belong."""
        if "atoms" in changes:
            atoms = changes["atoms"]
            checks.instance("atoms", atoms, Atoms, "co.Atoms or co.Atoms.isotropic")
            if not equality.same_fields(self.atoms, atoms, _ORIGIN):
                raise ValueError(
                    "atoms: Γ and Δ of these couplings belong to other atoms (positions, "
                    "linewidths or wave numbers differ); use co.couple(atoms, field), or give "
                    "decay= and shift= too"
                )
        field = changes.get("field")
        if self.field is not None and field is not None:
            require_field("field", field, others=" or None")
            if not equality.equal(field, self.field):
                raise ValueError(
                    f"field: Γ and Δ of these couplings belong to {self.field!r}, not to "
                    f"{field!r}; use co.couple(atoms, field), or give decay= and shift= too"
                )

    def local_hamiltonians(self, *, drive: bool = True) -> NDArray[np.complex128]:
        """h_m of each atom, (N, L, L): level energies, own shifts, and the drive unless False."""
        n, lower = len(self), self.atoms.channels
        found = np.zeros((n, *lower.shape[1:]), dtype=complex)
        count = len(self.atoms.levels)
        found[:, range(count), range(count)] = self.energies
        own = within(self.shift, n)
        found += np.einsum("mcd,cge,dgf->mef", own, lower.conj(), lower, optimize=True)
        found += np.einsum(
            "mcd,cge,dhe->mgh", self.ground_shift, lower, lower.conj(), optimize=True
        )
        if checks.flag("drive", drive):
            half = 0.5 * np.einsum("mc,cge->meg", self.drive.reshape(n, -1), lower.conj())
            found += half + half.conj().transpose(0, 2, 1)
        return found

    def one_excitation(self) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """Γ and Δ between the states with one excited atom, (N·n_e, N·n_e) each.

        The states are in the order (atom, excited level).

        Raises:
            ValueError: for atoms with several ground levels, whose state is then not determined.
        """
        self._require_one_ground_level()
        n, upper = len(self), int(self.atoms.excited.sum())
        require(48 * (n * upper) ** 2, f"one excitation of {n} atoms", "use fewer atoms")
        dipoles = self.atoms.channels[:, -1, :upper]  # (C, n_e)

        def between(matrix: NDArray[Any]) -> NDArray[np.complex128]:
            left = np.matmul(dipoles.conj().T, matrix.reshape(n, -1, len(matrix)))
            right = left.reshape(n * upper * n, -1) @ dipoles
            return right.reshape(n * upper, n * upper)

        return between(self.decay), between(self.shift)

    def _require_one_ground_level(self) -> None:
        """Raise unless the atoms have exactly one ground level."""
        lower = [
            name for name, up in zip(self.atoms.levels, self.atoms.excited, strict=True) if not up
        ]
        if len(lower) > 1:
            raise ValueError(
                f"atoms: a single excitation is described by its amplitudes only if there is one "
                f"ground level; these atoms have {len(lower)} ({', '.join(lower)}). Use "
                "hamiltonian(), collapse_operators() or an engine for manifolds"
            )

    def effective_hamiltonian(self) -> NDArray[np.complex128]:
        """H_eff = E + Δ − iΓ/2 of a single excitation, (N·n_e, N·n_e), without the drive.

        n_e is the number of excited levels: 3 for J = 0 → 1. The order is (atom, excited level);
        energies are relative to all atoms in the ground level.

        Raises:
            ValueError: for atoms with several ground levels.
        """
        self._require_one_ground_level()
        n, upper = len(self), int(self.atoms.excited.sum())
        require(80 * (n * upper) ** 2, f"H_eff of {n} atoms", "use fewer atoms")
        decay, shift = self.one_excitation()
        found = shift - 0.5j * decay
        found[range(n * upper), range(n * upper)] += self.transitions().ravel()
        return found

    def transitions(self) -> NDArray[np.float64]:
        """Energy of each excited level above the only ground level, (N, n_e), without Δ.

        Raises:
            ValueError: for atoms with several ground levels.
        """
        self._require_one_ground_level()
        upper = int(self.atoms.excited.sum())
        strengths = self.atoms.channels[:, -1, :upper]
        raised = np.einsum("mcd,ce,de->m", self.ground_shift, strengths, strengths.conj()).real
        energies = self.energies
        return energies[:, :upper] - (energies[:, -1] + raised)[:, None]

    def modes(self) -> "Modes":
        """Eigenmodes of H_eff and jump modes of Γ of a single excitation; see `Modes`.

        The entries of the vectors are in the order (atom, excited level).

        Raises:
            ValueError: for atoms with several ground levels.
        """
        from collective.couplings.channel_modes import modes

        self._require_one_ground_level()
        n, upper = len(self), int(self.atoms.excited.sum())
        require(_MODE_BYTES * (n * upper) ** 2, f"the modes of {n} atoms", "use fewer atoms")
        return modes(
            lambda: self.one_excitation()[0],
            self.effective_hamiltonian,
            self.atoms.channels[:, -1, :upper],
            self.atoms.positions,
        )

    @operators.Untidied()
    def hamiltonian(self) -> "Qobj":
        """H in the rotating frame, a QuTiP operator with dims [[L]*N, [L]*N].

        Atom 0 is the leftmost tensor factor; `qutip.basis(L, 0)` is the first of the levels.
        """
        undriven = self.undriven_hamiltonian()
        if not np.any(self.drive):
            return undriven
        drive = self.drive_operator()
        return undriven + drive + drive.dag()

    @operators.Untidied()
    def undriven_hamiltonian(self) -> "Qobj":
        """H without the drive."""
        self._require_operators("H", 1 + self._entries_per_state())
        dims, n = self._dims(), len(self)
        local = self.local_hamiltonians(drive=False)
        found = sum(operators.local(dims, m, local[m]) for m in range(n))
        if n > 1:
            lower = self._lowering()
            each = len(lower) // n
            for c, own in enumerate(lower):
                row = self.shift[c].copy()
                row[c // each * each : (c // each + 1) * each] = 0.0
                if np.any(row):
                    found = found + own.conj().T @ _weighted(row, lower)
        return self._operator(found)

    @operators.Untidied()
    def drive_operator(self) -> "Qobj":
        """The exciting half of the drive, ½Σ_c Ω_c σ⁺_c; H contains it and its adjoint."""
        lowered = _weighted(0.5 * self.drive.conj(), self._lowering())
        return self._operator(lowered).dag()

    @operators.Untidied()
    def collapse_operators(self) -> list["Qobj"]:
        r"""Jump operators; the sum of their Lindblad terms is the whole dissipator.

        Γ = V diag(γ) V† of each line gives :math:`L_ν = \sqrt{γ_ν}\sum_c (V^†)_{νc} σ^-_c`. The
        largest γ_ν comes first; those of the size of round-off are left out.
        """
        lower = self._lowering()
        rates, vectors = self.jump_channels()
        return [
            self._operator(_weighted(np.sqrt(rate) * vectors[:, v].conj(), lower))
            for v, rate in enumerate(rates)
        ]

    def collapse_operator_names(self) -> list[str]:
        """What each of `collapse_operators` does, in their order.

        `Jumps.channels` of trajectories are indices into this list.

        Returns:
            Names such as "line 0, collective decay 0". They give the line of L_ν and the number ν,
            with the largest γ_ν first.

        Example:
            >>> import collective as co
            >>> one = co.couple(co.Atoms.isotropic([[0, 0, 0]]), co.Vacuum())
            >>> one.collapse_operator_names()[2]
            'line 0, collective decay 2'
        """
        _, vectors = self.jump_channels()
        shape = len(self), self.atoms.lines, 3, vectors.shape[1]
        sizes = np.abs(vectors).reshape(shape).sum(axis=(0, 2))
        lines = np.argmax(sizes, axis=0)
        return [f"line {s}, collective decay {v}" for v, s in enumerate(lines.tolist())]

    def jump_channels(self) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Rates of the jumps, descending, and their vectors over channels, (N·C, jumps).

        Each jump belongs to one line. Rates of the size of round-off are left out, and so are
        polarisations that no transition has.
        """
        n, rates, vectors = len(self), [], []
        for of_line, basis, decay in self._lines():
            values, columns = np.linalg.eigh(decay)
            kept = emitting(values)
            found = np.matmul(basis, columns[:, kept].reshape(n, basis.shape[1], -1))
            whole = np.zeros((len(self.decay), int(kept.sum())), dtype=found.dtype)
            whole[of_line] = found.reshape(3 * n, -1)
            rates.append(values[kept])
            vectors.append(whole)
        order = np.argsort(-np.concatenate(rates), kind="stable")
        return np.concatenate(rates)[order], np.concatenate(vectors, axis=1)[:, order]

    def _lines(self) -> Iterator[tuple[NDArray[np.intp], NDArray[Any], NDArray[Any]]]:
        """For each line its channels, a basis of its polarisations (3, r), and Γ in that basis."""
        n, lines = len(self), self.atoms.lines
        index = np.arange(3 * lines * n).reshape(n, lines, 3)
        for s in range(lines):
            of_line = index[:, s].ravel()
            decay = self.decay[np.ix_(of_line, of_line)]
            basis = _polarisations(self.atoms.lowering[s])
            if basis.shape == (3, 3):
                yield of_line, np.eye(3), decay
                continue
            left = np.matmul(basis.conj().T, decay.reshape(n, 3, 3 * n))
            right = left.reshape(-1, 3) @ basis
            yield of_line, basis, right.reshape(n * basis.shape[1], -1)

    @operators.Untidied()
    def liouvillian(self) -> "Qobj":
        """The generator as a superoperator, L^(2N) × L^(2N) sparse.

        Raises:
            ProblemTooLargeError: if it does not fit into memory.
        """
        from qutip import liouvillian

        size = prod(self._dims())
        entries = size**2 * (4 + 3 * self._entries_per_state())
        way_out = "use evolve instead" if fits(48 * size**2) else "use fewer atoms"
        require(3 * 20 * entries, f"the Liouvillian of {len(self)} atoms", way_out)
        return liouvillian(self.hamiltonian(), self.collapse_operators())

    def _dims(self) -> tuple[int, ...]:
        return (len(self.atoms.levels),) * len(self)

    def _operator(self, matrix: Any) -> "Qobj":
        """A sparse matrix as a QuTiP operator."""
        dims = list(self._dims())
        return operators.sparse_of(matrix, [dims, dims])

    def _entries_per_state(self) -> int:
        """About how many entries the terms between atoms add to a row of an operator."""
        reached = int(np.any(self.atoms.channels != 0, axis=0).sum())
        return int(np.ceil(len(self) ** 2 * (reached / len(self.atoms.levels)) ** 2))

    def _require_operators(self, what: str, entries_per_state: int) -> None:
        """Raise if an operator with so many entries in each row does not fit into memory."""
        needed = prod(self._dims()) * entries_per_state * _BYTES_PER_ENTRY * _COPIES
        require(needed, f"{what} of {len(self)} atoms", "use fewer atoms")

    def _lowering(self) -> list[Any]:
        """The lowering operator of every channel as a sparse matrix of the whole space."""
        self._require_operators("the lowering operators", 3 * self.atoms.lines * len(self))
        dims = self._dims()
        return [
            operators.local(dims, m, lower)
            for m in range(len(self))
            for lower in self.atoms.channels
        ]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to one compressed .npz file; `co.load` reads it back.

        Args:
            path: a file name; ".npz" is appended if missing, folders are made, "~" is the home.

        Returns:
            The path written. A field that is not the package's own comes back as None.

        Raises:
            ValueError: if the path is not that of a file.
            OSError: if the system cannot write the file: no room, no permission.
        """
        from collective.couplings import saving

        return saving.save(self, saving.pack_channels, path)

    def validity(self) -> "Validity":
        """A report on the assumptions behind these couplings, with numbers; print it."""
        from collective.couplings.assumptions import of_channels

        return of_channels(self)

    def extreme_rates(self) -> tuple[float, float]:
        """The smallest and the largest eigenvalue of Γ, of polarisations that transitions have.

        For more than a thousand polarisations of all atoms both are those of a Krylov space, and
        for more than 200 if Γ is stored by displacement. The largest then has several correct
        digits. The smallest is an upper bound: where many rates are close to 0, the true one may be
        much closer to 0.
        """
        if isinstance(self.decay, LatticeMatrix):
            extremes = [matrix.extremes for matrix in self._lattice_lines(self.decay)]
            return min(low for low, _ in extremes), max(high for _, high in extremes)
        rates = []
        for _, _, decay in self._lines():
            if len(decay) > _FEW:
                rates.append(krylov_extremes(decay, real=not np.iscomplexobj(decay)))
            else:
                rates.append(tuple(np.linalg.eigvalsh(decay)[[0, -1]]))
        return float(np.min(rates)), float(np.max(rates))

    def _lattice_lines(self, decay: LatticeMatrix) -> Iterator[LatticeMatrix]:
        """Γ of each line by displacement, over a basis of its polarisations."""
        for s in range(self.atoms.lines):
            basis, line = _polarisations(self.atoms.lowering[s]), slice(3 * s, 3 * s + 3)
            if len(decay.own) == basis.shape[1]:  # all polarisations of the only line
                yield decay
                continue
            kernel = basis.conj().T @ decay.kernel[..., line, line] @ basis
            yield LatticeMatrix(kernel, decay.sites)

    @property
    def krylov(self) -> bool:
        """Whether `extreme_rates` are those of a Krylov space."""
        if isinstance(self.decay, LatticeMatrix):
            return not all(matrix.few for matrix in self._lattice_lines(self.decay))
        ranks = [_polarisations(each).shape[1] for each in self.atoms.lowering]
        return len(self) * max(ranks) > _FEW

    def largest_exchange(self) -> float:
        """The largest absolute Δ between channels of two atoms."""
        if isinstance(self.shift, LatticeMatrix):
            return self.shift.largest_between()
        n = len(self)
        blocks = np.abs(self.shift).reshape(n, -1, n, len(self.shift) // n).max(axis=(1, 3))
        np.fill_diagonal(blocks, 0.0)
        return float(blocks.max())

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        from collective.couplings.assumptions import channels_without_level_shifts

        n, (lowest, highest) = len(self), self.extreme_rates()
        noun = "atom" if n == 1 else "atoms"
        where = "" if self.field is None else f" in {self.field!r}"
        where += ", level shifts left out" if channels_without_level_shifts(self) else ""
        low, high = float(self.detunings.min()), float(self.detunings.max())
        detunings = f"{low:g}" if low == high else f"{low:.4g} … {high:.4g}"
        bound = "at most " if self.krylov else ""
        largest = float(np.abs(self.drive).max())
        drive = f"|Ω| ≤ {largest:.4g}" if largest else "0"
        return (
            f"ChannelCouplings: {n} {noun} of {len(self.atoms.levels)} levels, "
            f"{len(self.decay)} channels{where}\n"
            f"  collective rates  {bound}{lowest:.6g} … {highest:.6g}\n"
            f"  largest |Δ|       {self.largest_exchange():.6g}\n"
            f"  detunings {detunings}, drive {drive}"
        )


def _polarisations(lowering: NDArray[Any]) -> NDArray[Any]:
    """An orthonormal basis of the polarisations in the vectors (3, L, L) of a line, (3, r)."""
    basis, sizes, _ = np.linalg.svd(lowering.reshape(3, -1), full_matrices=False)
    return basis[:, sizes > _SAME_DIRECTION * sizes[0]]


def _weighted(weights: NDArray[Any], matrices: list[Any]) -> Any:
    """The sum of sparse matrices, each times its weight."""
    terms = [w * matrix for w, matrix in zip(weights, matrices, strict=True) if w != 0]
    return sum(terms[1:], terms[0]) if terms else 0.0 * matrices[0]


def mean_transition(channels: ChannelCouplings) -> float:
    """The mean energy of a transition: in a frame that turns with it H is as slow as possible.

    Without a drive every excited atom has this phase, whatever else happens.
    """
    upper = channels.atoms.excited == 1
    energies = channels.energies
    return float(energies[:, upper].mean() - energies[:, ~upper].mean())


def within(matrix: Any, n: int) -> NDArray[Any]:
    """The blocks (N, C, C) of n atoms alone of a matrix over channels, in any of its forms."""
    each = len(matrix) // n
    if isinstance(matrix, LatticeMatrix):
        return np.broadcast_to(matrix.own, (n, each, each))
    return np.asarray(matrix.reshape(n, each, n, each)[range(n), :, range(n), :])


def _matrix(name: str, value: Any, each: int) -> Any:
    """A checked matrix over channels, or one that is stored by displacement."""
    if not isinstance(value, LatticeMatrix) or value.each != each:
        return checks.hermitian(name, value)
    value.require_hermitian(name)
    return value


def _refuse_mixed_lines(name: str, matrix: Any, atoms: Atoms) -> None:
    """Raise if a matrix over channels has entries between two lines."""
    if atoms.lines == 1:
        return
    line = np.repeat(np.arange(atoms.lines), 3)
    if isinstance(matrix, LatticeMatrix):
        entries = matrix.kernel.reshape(-1, len(line))  # rows of the blocks, as they are
        of_rows = np.tile(line, len(entries) // len(line))
        where = "its blocks"
    else:
        entries, of_rows, where = matrix, np.tile(line, len(atoms)), name
        line = of_rows
    mixed = np.abs(np.where(of_rows[:, None] == line, 0.0, entries))
    a, b = (int(i) for i in np.unravel_index(np.argmax(mixed), mixed.shape))
    if mixed[a, b] > _LINES_APART * np.abs(entries).max():
        raise ValueError(
            f"{name} must not couple different lines, whose frequencies are far apart: "
            f"{where}[{a}, {b}] = {entries[a, b]:.4g} is between lines {of_rows[a]} and {line[b]}"
        )


def _ground_shift(value: ArrayLike, n: int, each: int) -> NDArray[Any]:
    """The checked Λ of each atom, (N, C, C)."""
    array = checks.finite("ground_shift", value, None)
    if array.shape == () and array == 0:
        return np.zeros((n, each, each))
    if array.shape != (n, each, each):
        raise ValueError(
            f"ground_shift must be 0 or have shape ({n}, {each}, {each}), one matrix over the "
            f"channels of each atom; got shape {array.shape}"
        )
    for m, matrix in enumerate(array):
        array[m] = checks.hermitian(f"ground_shift[{m}]", matrix)
    return checks.real_if_possible(array)


def _drive(value: ArrayLike, n: int, each: int) -> NDArray[np.complex128]:
    """The checked Rabi frequency of every channel, (N·C,)."""
    array = checks.finite("drive", value, complex)
    if array.shape == () and array == 0:
        return np.zeros(n * each, dtype=complex)
    if array.shape != (n * each,):
        raise ValueError(
            f"drive must be 0 or have one entry per channel, {n * each} ({n} atoms of {each} "
            f"channels), as plane_wave(atoms, ...) gives it; got shape {array.shape}"
        )
    return array
