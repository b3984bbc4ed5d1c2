"""`Couplings`: the collective master equation within the rotating-wave approximation."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, operators
from collective._tools.console import printable
from collective._tools.memory import fits, require
from collective.couplings import thermal as _thermal
from collective.couplings.modes import Modes, emitting, modes
from collective.emitters import Emitters
from collective.fields.protocol import require_field

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.validity import Validity

_FIELD = ("green", "scattered", "coefficients")  # of which what couples emitters has one


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Couplings:
    r"""Γ and Δ of N two-level emitters, and what else acts on them.

    .. math::
       H = \sum_m δ_m σ^+_mσ^-_m + \sum_{mn} Δ_{mn} σ^+_mσ^-_n + ½\sum_m(Ω_m σ^+_m + h.c.)

    .. math::
       \dot ρ = −i[H, ρ] + \sum_{mn} Γ_{mn}(σ^-_n ρ σ^+_m − ½\{σ^+_mσ^-_n, ρ\})

    and the jumps √(2γ_φ)σ⁺σ⁻ and √p σ⁺ of each emitter (Lehmberg, Phys. Rev. A 2, 883 (1970);
    Ficek & Tanaś, Phys. Rep. 372, 369 (2002)). Enter here with matrices of your own, or get one
    from `couple`. In thermal light of n̄ photons per mode emitters emit at (n̄ + 1)Γ and absorb
    together,

    .. math:: \dot ρ = … + \sum_{mn} n̄Γ_{mn}(σ^+_m ρ σ^-_n − ½\{σ^-_nσ^+_m, ρ\}).

    Args:
        decay: Γ, (N, N) Hermitian and positive semidefinite; the diagonal is the whole rate of
            each emitter, radiated and absorbed. One number, `np.broadcast_to(1.0, (N, N))`, takes
            no memory above 4,096 emitters, where `method="symmetric"` needs no more than that.
        shift: Δ, (N, N) Hermitian; the diagonal shifts each transition.
        detunings: δ_m = ω_m − ω_frame, scalar or (N,). The frame rotates at the drive's
            frequency if there is a drive, else at ω₀. None takes those of the emitters, else 0.
        dephasing: γ_φ, scalar or (N,): coherences of the emitter decay at this extra rate.
        pump: p, scalar or (N,): incoherent excitation σ⁺ at this rate.
        drive: Rabi frequencies Ω_m, scalar or (N,) complex; see `plane_wave`.
        emitters: where Γ and Δ come from, if known: geometry for figures and checks.
        field: likewise.
        thermal_photons: n̄ ≥ 0, photons of thermal light per mode at the transition; Γ stays the
            decay without them. Of the engines "exact" takes it, the others refuse.

    All rates in one unit (Γ₀ by default); arrays are kept read-only, and real where Γ and Δ are.

    Raises:
        ValueError: for wrong shapes, numbers that are not finite, a Γ or Δ that is not
            Hermitian, or a Γ with a negative eigenvalue beyond round-off.

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
    dephasing: NDArray[np.float64]
    pump: NDArray[np.float64]
    drive: NDArray[np.complex128]
    emitters: Emitters | None
    field: Any
    thermal_photons: float

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
    ):
        decay, shift = checks.hermitian("decay", decay), checks.hermitian("shift", shift)
        if field is not None:
            require_field("field", field, _FIELD, " or None")
        n = len(decay)
        if len(shift) != n:
            raise ValueError(f"shift must have the shape of decay, {decay.shape}: {shift.shape}")
        if emitters is not None:
            checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
            if len(emitters) != n:
                raise ValueError(f"emitters: {len(emitters)} emitters for a {n}×{n} decay")
        if detunings is None:
            detunings = 0.0 if emitters is None else emitters.detunings
        checks.positive_semidefinite(decay)
        checks.freeze(
            self,
            decay=decay,
            shift=shift,
            detunings=checks.per_emitter("detunings", detunings, n),
            dephasing=checks.per_emitter("dephasing", dephasing, n, minimum=0),
            pump=checks.per_emitter("pump", pump, n, minimum=0),
            drive=checks.per_emitter("drive", drive, n, dtype=complex),
            emitters=emitters,
            field=field,
            thermal_photons=_thermal.checked_photons(thermal_photons),
        )

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle takes along: one number seen N² times as that number."""
        return {
            name: (value[0, 0], len(value))
            if name in ("decay", "shift") and checks.constant(value)
            else value
            for name, value in vars(self).items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        whole = {
            name: np.broadcast_to(value[0], (value[1], value[1]))
            if isinstance(value, tuple)
            else value
            for name, value in state.items()
        }
        checks.restored(self, whole)

    def __len__(self) -> int:
        return len(self.decay)

    def replace(self, **changes: Any) -> "Couplings":
        """A copy with the given arguments of the constructor changed.

        Γ and Δ are not computed again: emitters elsewhere and another field need `couple`.

        Raises:
            ValueError: for emitters or a field that Γ and Δ do not belong to, unless new matrices
                come with them; and as the constructor.

        Example:
            >>> import collective as co
            >>> couplings = co.couple(co.chain(2, 0.1), co.Vacuum())
            >>> couplings.replace(dephasing=0.1, drive=2.0).dephasing
            array([0.1, 0.1])
        """
        if {"decay", "shift"} & changes.keys():
            changes.setdefault("field", None)  # matrices of your own are not the field's
        else:
            self._refuse_other_origin(changes)
        return replace(self, **changes)

    def _refuse_other_origin(self, changes: dict[str, Any]) -> None:
        """Raise for emitters or a field that Γ and Δ are not of."""
        emitters, field = changes.get("emitters"), changes.get("field")
        if self.emitters is not None and emitters is not None:
            checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
            if not _same_couplings(self.emitters, emitters):
                raise ValueError(
                    "emitters: Γ and Δ of these couplings are of other emitters (positions, "
                    "dipoles, decay_rates or wave numbers differ); use co.couple(emitters, field), "
                    "or give decay= and shift= with them"
                )
            if np.any(emitters.detunings != self.emitters.detunings):
                changes.setdefault("detunings", emitters.detunings)
        if self.field is not None and field is not None:
            require_field("field", field, _FIELD, " or None")
            if field is not self.field and field != self.field:
                raise ValueError(
                    f"field: Γ and Δ of these couplings are those in {self.field!r}, not in "
                    f"{field!r}; use co.couple(emitters, field), or give decay= and shift= with it"
                )

    def effective_hamiltonian(self) -> NDArray[Any]:
        """One excitation's H_eff = δ + Δ − iΓ/2 as a matrix, (N, N).

        Dephasing, pump, thermal photons and drive are not part of it: they do not conserve the
        pure single excitation that H_eff describes.
        """
        require(48 * len(self) ** 2, f"H_eff of {len(self)} emitters", "use fewer emitters")
        return np.diag(self.detunings) + self.shift - 0.5j * self.decay

    def modes(self) -> "Modes":
        """Eigenmodes of H_eff and jump modes of Γ; see `Modes`."""
        return modes(self.effective_hamiltonian(), self.decay)

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
        """H without the drive: Σ_m δ_m σ⁺_mσ⁻_m + Σ_mn Δ_mn σ⁺_mσ⁻_n."""
        require(20 * 2 ** len(self), f"H of {len(self)} emitters", "use fewer emitters")
        return operators.exchange(np.diag(self.detunings) + self.shift)

    @operators.Untidied()
    def drive_operator(self) -> "Qobj":
        """The half of the drive that excites, ½Σ_m Ω_m σ⁺_m; H contains it and its adjoint."""
        return 0.5 * operators.lowering(np.conj(self.drive)).dag()

    @operators.Untidied()
    def collapse_operators(self) -> list["Qobj"]:
        r"""Jump operators whose Lindblad terms sum to the whole dissipator.

        Γ = V diag(γ) V† gives :math:`L_ν = \sqrt{γ_ν}\sum_n (V^†)_{νn} σ^-_n`, brightest first,
        γ_ν of round-off size left out; then √(2γ_φ)σ⁺σ⁻ and √p σ⁺ of each emitter. With n̄ thermal
        photons the first are √(n̄ + 1) L_ν, and √n̄ L_ν† come last.
        """
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
        unit = np.eye(len(self))
        jumps += [
            operators.exchange(np.sqrt(2 * rate) * np.diag(unit[m]))
            for m, rate in enumerate(self.dephasing)
            if rate > 0
        ]
        jumps += [
            np.sqrt(rate) * operators.lowering(unit[m]).dag()
            for m, rate in enumerate(self.pump)
            if rate > 0
        ]
        return jumps + absorbing

    @operators.Untidied()
    def liouvillian(self) -> "Qobj":
        """The generator as a superoperator, 4^N × 4^N sparse.

        Raises:
            ProblemTooLargeError: when it does not fit into memory (from about ten emitters).
        """
        from qutip import liouvillian

        n = len(self)
        entries = 4**n * (4 + 3 * n * n) // 4 * (2 if self.thermal_photons else 1)
        way_out = "use evolve instead" if fits(48 * 4**n) else "use fewer emitters"
        require(3 * 20 * entries, f"the Liouvillian of {n} emitters", way_out)
        return liouvillian(self.hamiltonian(), self.collapse_operators())

    def validity(self) -> "Validity":
        """Which assumptions behind these couplings hold, with numbers; print it."""
        from collective.couplings.assumptions import of_couplings

        return of_couplings(self)

    def collective_rates(self) -> NDArray[np.float64]:
        """Eigenvalues of Γ, ascending, of a constant one without its matrix."""
        if not checks.constant(self.decay):
            return np.linalg.eigvalsh(self.decay)
        rates = np.zeros(len(self))
        rates[-1] = len(self) * float(self.decay[0, 0])
        return rates

    def largest_exchange(self) -> float:
        """Largest absolute Δ_mn between two emitters."""
        if checks.constant(self.shift):
            return float(abs(self.shift[0, 0]))
        return float(np.abs(self.shift - np.diag(np.diag(self.shift))).max())

    @printable
    def __repr__(self) -> str:
        n = len(self)
        rates, largest = self.collective_rates(), self.largest_exchange()
        thermal = f", thermal photons {self.thermal_photons:.4g}" if self.thermal_photons else ""
        where = "" if self.field is None else f" in {self.field!r}"
        noun = "emitter" if n == 1 else "emitters"
        others = ", ".join(
            f"{name} {_span(getattr(self, name))}"
            for name in ("detunings", "dephasing", "pump", "drive")
        )
        return (
            f"Couplings: {n} two-level {noun}{where}\n"
            f"  collective rates  {rates[0]:.6g} … {rates[-1]:.6g}\n"
            f"  largest |Δ_mn|    {largest:.6g}\n"
            f"  {others}{thermal}"
        )


def _same_couplings(one: Emitters, other: Emitters) -> bool:
    """Whether Γ and Δ of the two are the same in any field: all but their detunings are."""
    return (len(one), one.kind) == (len(other), other.kind) and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("positions", "dipoles", "decay_rates", "wavenumbers")
    )


def _span(values: NDArray[Any]) -> str:
    if np.all(values == values[0]):
        return f"{values[0].real:g}" if np.imag(values[0]) == 0 else f"{values[0]:g}"
    if np.iscomplexobj(values):
        return f"|…| ≤ {np.abs(values).max():.4g}"
    return f"{values.min():.4g} … {values.max():.4g}"
