"""`Couplings`: the collective master equation within the rotating-wave approximation.

The file is longer than others because it holds one class with the checks of its arguments.
"""

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality, notebook, operators
from collective._tools.console import printable
from collective._tools.memory import fits, require
from collective.couplings import ising as _ising
from collective.couplings import noise as _noise
from collective.couplings import thermal as _thermal
from collective.couplings.lattice import LatticeMatrix, alike, require_positive, same_entries
from collective.couplings.modes import Modes, emitting, modes
from collective.emitters import Emitters
from collective.fields import answers
from collective.fields.protocol import COUPLING, require_field

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.validity import Validity


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Couplings:
    r"""Γ and Δ of N two-level emitters, with detunings, dephasing, pump and drive.

    .. math::
       H = \sum_m δ_m σ^+_mσ^-_m + \sum_{mn} Δ_{mn} σ^+_mσ^-_n + ½\sum_m(Ω_m σ^+_m + h.c.)
           + \sum_{m<n} V_{mn} σ^+_mσ^-_m σ^+_nσ^-_n

    .. math::
       \dot ρ = −i[H, ρ] + \sum_{mn} Γ_{mn}(σ^-_n ρ σ^+_m − ½\{σ^+_mσ^-_n, ρ\})

    and the jumps √(2γ_φ)σ⁺σ⁻ and √p σ⁺ of each emitter (Lehmberg, Phys. Rev. A 2, 883 (1970);
    Ficek & Tanaś, Phys. Rep. 372, 369 (2002)). Noise that emitters share is given by matrices P
    and D in the place of p and γ_φ: with n_m = σ⁺_mσ⁻_m,

    .. math::
       \dot ρ = … + \sum_{mn} P_{mn}(σ^+_m ρ σ^-_n − ½\{σ^-_nσ^+_m, ρ\})
       + \sum_{mn} 2D_{mn}(n_m ρ n_n − ½\{n_n n_m, ρ\}).

    `couple` makes this object from emitters in a field; you can also give your own matrices. In
    thermal light of n̄ photons per mode the emitters emit at (n̄ + 1)Γ and absorb together,

    .. math:: \dot ρ = … + \sum_{mn} n̄Γ_{mn}(σ^+_m ρ σ^-_n − ½\{σ^-_nσ^+_m, ρ\}).

    Args:
        decay: Γ, (N, N) Hermitian and positive semidefinite. The diagonal is the total decay rate
            of each emitter, radiated and absorbed. For more than 4,096 identical emitters,
            `np.broadcast_to(1.0, (N, N))` takes no memory; `method="symmetric"` accepts it. For
            large lattices, also with vacant sites, `couple` can store Γ and Δ by displacement.
        shift: Δ, (N, N) Hermitian; the diagonal shifts each transition.
        detunings: δ_m = ω_m − ω_frame, scalar or (N,). The frame rotates at the drive's
            frequency if there is a drive, else at ω₀. None: those of the emitters, or 0.
        dephasing: γ_φ, scalar or (N,): the coherences of an emitter decay at this extra rate. Or D,
            (N, N) Hermitian and positive semidefinite, for noise of the frequencies that is
            correlated between emitters: for white noise ξ_m(t) added to δ_m,
            ⟨ξ_m(t)ξ_n(t')⟩ = 2D_mn δ(t − t').
        pump: p, scalar or (N,): incoherent excitation by σ⁺ at this rate. Or P, (N, N) Hermitian
            and positive semidefinite: np.full((N, N), p) excites all emitters together.
        drive: Rabi frequencies Ω_m, scalar or (N,) complex; see `plane_wave`.
        emitters: the emitters to which Γ and Δ belong, if known, for figures and checks.
        field: the field to which Γ and Δ belong, if known.
        thermal_photons: n̄ ≥ 0, photons of thermal light per mode at the transition. Γ is the
            decay without them. Engines that take a pump matrix take n̄ > 0; the others refuse it.
        ising: V, (N, N) real and symmetric with a zero diagonal: V_mn is the energy of the pair
            (m, n) with both emitters excited, and each pair counts once (½Σ_{m≠n}). One number
            stands for every pair; None for no such interaction, and so does a V that is zero.
            `van_der_waals`, `dipolar`, `one_axis_twisting` and `ising_from_spins` make it.

    All rates have the same unit, Γ₀ by default, and times its inverse: with Γ and Δ in 1/s the
    times of `evolve` are in seconds. Arrays are read-only. Γ and Δ are stored as real arrays if
    they are real. A diagonal P or D is stored as (N,). Two couplings are equal (`==`) if all their
    numbers, their emitters and their fields are, however Γ and Δ are stored.

    Raises:
        ValueError: for wrong shapes, numbers that are not finite, a Γ or Δ that is not
            Hermitian, a Γ, P or D with a negative eigenvalue beyond round-off, or a V that is not
            symmetric or has a diagonal.

    Example:
        >>> import collective as co
        >>> co.Couplings([[1, 0.5], [0.5, 1]], [[0, 2], [2, 0]])
        Couplings: 2 two-level emitters
          collective rates  0.5 … 1.5
          largest |Δ_mn|    2
          detunings 0, dephasing 0, pump 0, drive 0
    """

    decay: NDArray[Any]
    shift: NDArray[Any]
    detunings: NDArray[np.float64]
    dephasing: NDArray[Any]
    pump: NDArray[Any]
    drive: NDArray[np.complex128]
    emitters: Emitters | None
    field: Any
    thermal_photons: float
    ising: NDArray[np.float64] | None

    def __init__(
        self,
        decay: ArrayLike,
        shift: ArrayLike,
        *,
        detunings: ArrayLike | None = None,
        dephasing: ArrayLike = 0.0,
        pump: ArrayLike = 0.0,
        drive: ArrayLike = 0.0,
        emitters: Emitters | None = None,
        field: Any = None,
        thermal_photons: float = 0.0,
        ising: ArrayLike | None = None,
    ):
        gamma, delta = _matrix("decay", decay), _matrix("shift", shift)
        if field is not None:
            require_field("field", field, COUPLING, " or None")
        n = len(gamma)
        if len(delta) != n:
            raise ValueError(f"shift must have the shape {gamma.shape} of decay, got {delta.shape}")
        gamma, delta = alike(gamma, delta)
        if emitters is not None:
            checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
            if len(emitters) != n:
                raise ValueError(f"emitters must be {n}, as decay is {n}×{n}; got {len(emitters)}")
        if detunings is None:
            detunings = 0.0 if emitters is None else emitters.detunings
        if isinstance(gamma, LatticeMatrix):
            require_positive(gamma)
        else:
            checks.positive_semidefinite(gamma)
        checks.freeze(
            self,
            decay=gamma,
            shift=delta,
            detunings=checks.per_emitter("detunings", detunings, n),
            dephasing=_noise.checked("dephasing", dephasing, n),
            pump=_noise.checked("pump", pump, n),
            drive=checks.per_emitter("drive", drive, n, dtype=complex),
            emitters=emitters,
            field=field,
            thermal_photons=_thermal.checked_photons(thermal_photons),
            ising=_ising.checked(ising, n),
        )

    def __getstate__(self) -> dict[str, Any]:
        """The state for copies and pickles; a matrix that stores one number becomes that number."""
        return {
            name: (value[0, 0], len(value)) if checks.constant(value) else value
            for name, value in vars(self).items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy or a pickle."""
        whole = {
            name: np.broadcast_to(value[0], (value[1], value[1]))
            if isinstance(value, tuple)
            else value
            for name, value in state.items()
        }
        checks.restored(self, whole)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Couplings):
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
        return len(self.decay)

    def replace(self, **changes: Any) -> "Couplings":
        """A copy with the given arguments of the constructor changed.

        Γ and Δ are not computed again: for other emitters or another field use `couple`.

        Raises:
            ValueError: for emitters or a field to which Γ and Δ do not belong, unless new matrices
                are given too; and for what the constructor refuses.

        Example:
            >>> import collective as co
            >>> couplings = co.couple(co.chain(2, 0.1), co.Vacuum())
            >>> couplings.replace(dephasing=0.1, drive=2.0).dephasing
            array([0.1, 0.1])
        """
        if {"decay", "shift"} & changes.keys():
            changes.setdefault("field", None)  # new matrices do not belong to the old field
        else:
            self._refuse_other_origin(changes)
        return replace(self, **changes)

    def _refuse_other_origin(self, changes: dict[str, Any]) -> None:
        """Raise for emitters or a field to which Γ and Δ do not belong."""
        emitters, field = changes.get("emitters"), changes.get("field")
        if self.emitters is not None and emitters is not None:
            checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
            if not _same_couplings(self.emitters, emitters):
                raise ValueError(
                    "emitters: Γ and Δ of these couplings belong to other emitters (positions, "
                    "dipoles, decay_rates or wave numbers differ); use co.couple(emitters, field), "
                    "or give decay= and shift= too"
                )
            if np.any(emitters.detunings != self.emitters.detunings):
                changes.setdefault("detunings", emitters.detunings)
        if self.field is not None and field is not None:
            require_field("field", field, COUPLING, " or None")
            if not equality.equal(field, self.field):
                raise ValueError(
                    f"field: Γ and Δ of these couplings belong to {self.field!r}, not to "
                    f"{field!r}; use co.couple(emitters, field), or give decay= and shift= too"
                )

    def effective_hamiltonian(self) -> NDArray[Any]:
        """H_eff = δ + Δ − iΓ/2 of a single excitation as a matrix, (N, N).

        It does not contain dephasing, pump, thermal photons and drive, because with them the state
        does not stay a pure single excitation. Ising terms need two excitations.
        """
        self._require_markov("H_eff")
        require(48 * len(self) ** 2, f"H_eff of {len(self)} emitters", "use fewer emitters")
        return np.diag(self.detunings) + self.shift - 0.5j * self.decay

    def modes(self) -> "Modes":
        """Eigenmodes of H_eff and jump modes of Γ; see `Modes`."""
        return modes(self.effective_hamiltonian(), np.asarray(self.decay))

    @operators.Untidied()
    def hamiltonian(self) -> "Qobj":
        """H in the rotating frame, a QuTiP operator with dims [[2]*N, [2]*N].

        Emitter 0 is the leftmost tensor factor; `qutip.basis(2, 0)` is the excited state.
        """
        undriven = self.undriven_hamiltonian()
        if not np.any(self.drive):
            return undriven
        drive = self.drive_operator()
        return undriven + drive + drive.dag()

    @operators.Untidied()
    def undriven_hamiltonian(self) -> "Qobj":
        """H without the drive: Σ_m δ_m σ⁺_mσ⁻_m + Σ_mn Δ_mn σ⁺_mσ⁻_n + Σ_{m<n} V_mn n_m n_n."""
        self._require_markov("H")
        require(20 * 2 ** len(self), f"H of {len(self)} emitters", "use fewer emitters")
        return operators.exchange(np.diag(self.detunings) + self.shift, self.ising)

    @operators.Untidied()
    def drive_operator(self) -> "Qobj":
        """The exciting half of the drive, ½Σ_m Ω_m σ⁺_m; H contains it and its adjoint."""
        return 0.5 * operators.lowering(np.conj(self.drive)).dag()

    @operators.Untidied()
    def collapse_operators(self) -> list["Qobj"]:
        r"""Jump operators; the sum of their Lindblad terms is the whole dissipator.

        Γ = V diag(γ) V† gives :math:`L_ν = \sqrt{γ_ν}\sum_n (V^†)_{νn} σ^-_n`. The largest γ_ν
        comes first; those of the size of round-off are left out. Then follow √(2γ_φ)σ⁺σ⁻ and √p σ⁺
        of each emitter, or of each eigenvector of a matrix, the largest eigenvalue first: for
        D = V diag(d) V† and P = V diag(p) V† they are :math:`\sqrt{2d_ν}\sum_m V_{mν}σ^+_mσ^-_m`
        and :math:`\sqrt{p_ν}\sum_m V_{mν}σ^+_m`. With n̄ thermal photons the first are
        √(n̄ + 1) L_ν, and √n̄ L_ν† come last.
        """
        self._require_markov("a jump")
        n = len(self)
        require(20 * n * n * 2**n, f"the collapse operators of {n} emitters", "use fewer emitters")
        rates, vectors = np.linalg.eigh(self.decay)
        jumps = [
            operators.lowering(np.sqrt(rates[v]) * vectors[:, v].conj())
            for v in np.flatnonzero(emitting(rates))[::-1]
        ]
        photons = self.thermal_photons
        absorbing = [np.sqrt(photons) * jump.dag() for jump in jumps] if photons > 0 else []
        jumps = [np.sqrt(1 + photons) * jump for jump in jumps] if photons > 0 else jumps
        rates, vectors = _noise.modes(self.dephasing)
        jumps += [
            operators.exchange(np.diag(np.sqrt(2 * rate) * vector))
            for rate, vector in zip(rates, vectors.T, strict=True)
        ]
        rates, vectors = _noise.modes(self.pump)
        jumps += [
            np.sqrt(rate) * operators.lowering(vector.conj()).dag()
            for rate, vector in zip(rates, vectors.T, strict=True)
        ]
        return jumps + absorbing

    def collapse_operator_names(self) -> list[str]:
        """What each of `collapse_operators` does, in their order.

        With a drive, a pump or dephasing `Jumps.channels` are indices into this list.

        Returns:
            "collective decay 0", … for L_ν, the largest γ_ν first; then "dephasing of emitter m"
            and "pump of emitter m" for emitters that have them, or "collective dephasing 0", … and
            "collective pump 0", … for the eigenvectors of matrices; in thermal light last
            "collective absorption 0", ….

        Example:
            >>> import collective as co
            >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
            >>> pair.replace(dephasing=[0, 0.1], pump=0.2).collapse_operator_names()[1:4]
            ['collective decay 1', 'dephasing of emitter 1', 'pump of emitter 0']
        """
        require(48 * len(self) ** 2, f"the modes of {len(self)} emitters", "use fewer emitters")
        modes = range(int(np.count_nonzero(emitting(np.linalg.eigh(self.decay)[0]))))
        names = [f"collective decay {v}" for v in modes]
        for name in ("dephasing", "pump"):
            noise = getattr(self, name)
            if noise.ndim == 1:
                names += [f"{name} of emitter {m}" for m in np.flatnonzero(noise)]
            else:
                names += [f"collective {name} {v}" for v in range(len(_noise.modes(noise)[0]))]
        absorbing = modes if self.thermal_photons > 0 else ()
        return names + [f"collective absorption {v}" for v in absorbing]

    @operators.Untidied()
    def liouvillian(self) -> "Qobj":
        """The generator as a superoperator, 4^N × 4^N sparse.

        Raises:
            ProblemTooLargeError: if it does not fit into memory (from about ten emitters).
        """
        from qutip import liouvillian

        n = len(self)
        collective = 1 + bool(self.thermal_photons) + (self.pump.ndim == 2)
        entries = 4**n * ((4 + 3 * n * n) // 4 * collective + n * (self.dephasing.ndim == 2))
        way_out = "use evolve instead" if fits(48 * 4**n) else "use fewer emitters"
        require(3 * 20 * entries, f"the Liouvillian of {n} emitters", way_out)
        return liouvillian(self.hamiltonian(), self.collapse_operators())

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

        return saving.save(self, saving.pack_couplings, path)

    def validity(self) -> "Validity":
        """A report on the assumptions behind these couplings, with numbers; print it.

        "one excitation without memory" is a measured consequence, where the field gives its
        `Memory`: the largest change of a population that delays and kept modes cause, without
        drive, pump and dephasing. The excitation starts at each emitter alone, and in the mode of
        Γ that decays fastest, whose whole excitation counts too. It is followed for 5/Γ_max of the
        emitters and two of the longest delay. The number is right to about a tenth.
        ``method="retarded"`` of `evolve` has what is neglected. What would take more than about
        half a second is not assessed.
        """
        from collective.couplings.assumptions import of_couplings

        return of_couplings(self)

    def collective_rates(self) -> NDArray[np.float64]:
        """Eigenvalues of Γ, ascending; for a constant Γ without making the matrix.

        Those below N·2·10⁻¹⁶ of the largest are zero up to round-off, and may be negative.
        """
        if not checks.constant(self.decay):
            return np.linalg.eigvalsh(self.decay)
        rates = np.zeros(len(self))
        rates[-1] = len(self) * float(self.decay[0, 0])
        return rates

    def extreme_rates(self) -> tuple[float, float]:
        """The smallest and the largest eigenvalue of Γ.

        If Γ of more than 200 emitters is stored by displacement, both are those of a Krylov space.
        The largest then has several correct digits. The smallest is an upper bound: where many
        rates are close to 0, the true one may be much closer to 0.
        """
        if isinstance(self.decay, LatticeMatrix):
            return self.decay.extremes
        rates = self.collective_rates()
        return float(rates[0]), float(rates[-1])

    def largest_exchange(self) -> float:
        """The largest absolute Δ_mn between two emitters."""
        if checks.constant(self.shift):
            return float(abs(self.shift[0, 0]))
        if isinstance(self.shift, LatticeMatrix):
            return self.shift.largest_between()
        return float(np.abs(self.shift - np.diag(np.diag(self.shift))).max())

    def largest_interaction(self) -> float:
        """The largest absolute V_mn of the Ising terms, 0 without them."""
        if self.ising is None:
            return 0.0
        every = self.ising[:1, :1] if checks.constant(self.ising) else self.ising
        return float(np.abs(every).max())

    def _require_markov(self, what: str) -> None:
        """Raise if Γ and Δ describe nothing, as in a good cavity."""
        require_markov(what, self)

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        from collective.couplings.assumptions import without_level_shifts

        n = len(self)
        (lowest, highest), largest = self.extreme_rates(), self.largest_exchange()
        thermal = f", thermal photons {self.thermal_photons:.4g}" if self.thermal_photons else ""
        where = "" if self.field is None else f" in {self.field!r}"
        where += ", level shifts left out" if without_level_shifts(self) else ""
        pairs = "" if self.ising is None else f", Ising |V_mn| ≤ {self.largest_interaction():.4g}"
        krylov = isinstance(self.decay, LatticeMatrix) and not self.decay.few
        bound = "at most " if krylov else ""
        noun = "emitter" if n == 1 else "emitters"
        kept = "\n  only for method='retarded'" if beyond_markov(self) is not None else ""
        others = ", ".join(
            f"{name} {_span(getattr(self, name))}"
            for name in ("detunings", "dephasing", "pump", "drive")
        )
        return (
            f"Couplings: {n} two-level {noun}{where}\n"
            f"  collective rates  {bound}{lowest:.6g} … {highest:.6g}\n"
            f"  largest |Δ_mn|    {largest:.6g}\n"
            f"  {others}{thermal}{pairs}{kept}"
        )


def beyond_markov(problem: Any) -> str | None:
    """Why Γ and Δ of couplings, with or without a mode beside them, describe nothing, or None."""
    couplings = getattr(problem, "couplings", problem)
    emitters, field = getattr(couplings, "emitters", None), getattr(couplings, "field", None)
    if emitters is None or not hasattr(field, "beyond_markov"):
        return None
    return answers.beyond_markov(field, emitters)


def require_markov(what: str, problem: Any) -> None:
    """Raise for couplings whose Γ and Δ describe nothing.

    Raises:
        ValueError: with what needs them, the reason, and the way out.
    """
    if (why := beyond_markov(problem)) is not None:
        raise ValueError(f"{what} uses Γ and Δ, which describe nothing here: {why}")


def _matrix(name: str, value: Any) -> Any:
    """A checked (N, N) matrix, or one that is stored by displacement."""
    if not isinstance(value, LatticeMatrix):
        return checks.hermitian(name, value)
    value.require_hermitian(name)
    return value


def _same_couplings(one: Emitters, other: Emitters) -> bool:
    """Whether two sets of emitters have the same Γ and Δ in every field: only detunings differ."""
    return (len(one), one.kind) == (len(other), other.kind) and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("positions", "dipoles", "decay_rates", "wavenumbers")
    )


def _span(values: NDArray[Any]) -> str:
    """Values as `repr` shows them: the common value, or the range; of a matrix its eigenvalues."""
    if checks.constant(values):
        return f"matrix of {values[0, 0]:g} everywhere"
    if values.ndim == 2:
        rates = np.linalg.eigvalsh(values)
        return f"matrix of rates {max(rates[0], 0.0):.4g} … {rates[-1]:.4g}"
    if np.all(values == values[0]):
        return f"{values[0].real:g}" if np.imag(values[0]) == 0 else f"{values[0]:g}"
    if np.iscomplexobj(values):
        return f"|…| ≤ {np.abs(values).max():.4g}"
    return f"{values.min():.4g} … {values.max():.4g}"
