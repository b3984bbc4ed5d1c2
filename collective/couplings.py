"""From emitters and a field to Γ and Δ, and from those to QuTiP operators.

`Couplings` is the collective master equation within the rotating-wave approximation.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective import _checks, _operators
from collective._memory import require
from collective._modes import Modes, emitting, modes
from collective._pairs import (
    averaged_shift,
    integral_parts,
    require_finite_shifts,
    unit_couplings,
)
from collective.emitters import Emitters

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.validity import Validity

SHIFTS = ("full", "rwa")
_NOT_SCATTERED = 1e-12  # per linewidth


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Couplings:
    r"""Γ and Δ of N two-level emitters, and what else acts on them.

    .. math::
       H = \sum_m δ_m σ^+_mσ^-_m + \sum_{mn} Δ_{mn} σ^+_mσ^-_n + ½\sum_m(Ω_m σ^+_m + h.c.)

    .. math::
       \dot ρ = −i[H, ρ] + \sum_{mn} Γ_{mn}(σ^-_n ρ σ^+_m − ½\{σ^+_mσ^-_n, ρ\})

    and the jumps √(2γ_φ)σ⁺σ⁻ and √p σ⁺ of each emitter (Lehmberg, Phys. Rev. A 2, 883 (1970);
    Ficek & Tanaś, Phys. Rep. 372, 369 (2002)). Enter here with matrices of your own, or get one
    from `couple`.

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
    ):
        decay, shift = _checks.hermitian("decay", decay), _checks.hermitian("shift", shift)
        n = len(decay)
        if len(shift) != n:
            raise ValueError(f"shift must have the shape of decay, {decay.shape}: {shift.shape}")
        if emitters is not None:
            _checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
            if len(emitters) != n:
                raise ValueError(f"emitters: {len(emitters)} emitters for a {n}×{n} decay")
        if detunings is None:
            detunings = 0.0 if emitters is None else emitters.detunings
        _checks.positive_semidefinite(decay)
        _checks.freeze(
            self,
            decay=decay,
            shift=shift,
            detunings=_checks.per_emitter("detunings", detunings, n),
            dephasing=_checks.per_emitter("dephasing", dephasing, n, minimum=0),
            pump=_checks.per_emitter("pump", pump, n, minimum=0),
            drive=_checks.per_emitter("drive", drive, n, dtype=complex),
            emitters=emitters,
            field=field,
        )

    def __len__(self) -> int:
        return len(self.decay)

    def replace(self, **changes: Any) -> "Couplings":
        """A copy with the given arguments of the constructor changed.

        Example:
            >>> import collective as co
            >>> couplings = co.couple(co.chain(2, 0.1), co.Vacuum())
            >>> couplings.replace(dephasing=0.1, drive=2.0).dephasing
            array([0.1, 0.1])
        """
        if {"decay", "shift"} & changes.keys():
            changes.setdefault("field", None)  # matrices of your own are not the field's
        return replace(self, **changes)

    def effective_hamiltonian(self) -> NDArray[Any]:
        """One excitation's H_eff = δ + Δ − iΓ/2 as a matrix, (N, N).

        Dephasing, pump and drive are not part of it: they do not conserve the pure single
        excitation that H_eff describes.
        """
        require(48 * len(self) ** 2, f"H_eff of {len(self)} emitters", "use fewer emitters")
        return np.diag(self.detunings) + self.shift - 0.5j * self.decay

    def modes(self) -> "Modes":
        """Eigenmodes of H_eff and jump modes of Γ; see `Modes`."""
        return modes(self.effective_hamiltonian(), self.decay)

    def hamiltonian(self) -> "Qobj":
        """H in the rotating frame, a QuTiP operator with dims [[2]*N, [2]*N].

        Emitter 0 is the leftmost tensor factor; `qutip.basis(2, 0)` is the excited state.
        """
        drive = self.drive_operator()
        return self.undriven_hamiltonian() + drive + drive.dag()

    def undriven_hamiltonian(self) -> "Qobj":
        """H without the drive: Σ_m δ_m σ⁺_mσ⁻_m + Σ_mn Δ_mn σ⁺_mσ⁻_n."""
        require(20 * 2 ** len(self), f"H of {len(self)} emitters", "use fewer emitters")
        return _operators.exchange(np.diag(self.detunings) + self.shift)

    def drive_operator(self) -> "Qobj":
        """The half of the drive that excites, ½Σ_m Ω_m σ⁺_m; H contains it and its adjoint."""
        return 0.5 * _operators.lowering(np.conj(self.drive)).dag()

    def collapse_operators(self) -> list["Qobj"]:
        r"""Jump operators whose Lindblad terms sum to the whole dissipator.

        Γ = V diag(γ) V† gives :math:`L_ν = \sqrt{γ_ν}\sum_n (V^†)_{νn} σ^-_n`, brightest first,
        γ_ν of round-off size left out; then √(2γ_φ)σ⁺σ⁻ and √p σ⁺ of each emitter.
        """
        n = len(self)
        require(20 * n * n * 2**n, f"the collapse operators of {n} emitters", "use fewer emitters")
        rates, vectors = np.linalg.eigh(self.decay)
        jumps = [
            _operators.lowering(np.sqrt(rates[v]) * vectors[:, v].conj())
            for v in np.flatnonzero(emitting(rates))[::-1]
        ]
        unit = np.eye(len(self))
        jumps += [
            _operators.exchange(np.sqrt(2 * rate) * np.diag(unit[m]))
            for m, rate in enumerate(self.dephasing)
            if rate > 0
        ]
        jumps += [
            np.sqrt(rate) * _operators.lowering(unit[m]).dag()
            for m, rate in enumerate(self.pump)
            if rate > 0
        ]
        return jumps

    def liouvillian(self) -> "Qobj":
        """The generator as a superoperator, 4^N × 4^N sparse.

        Raises:
            ProblemTooLargeError: when it does not fit into memory (from about ten emitters).
        """
        from qutip import liouvillian

        n = len(self)
        entries = 4**n * (4 + 3 * n * n) // 4
        require(3 * 20 * entries, f"the Liouvillian of {n} emitters", "use evolve instead")
        return liouvillian(self.hamiltonian(), self.collapse_operators())

    def validity(self) -> "Validity":
        """Which assumptions behind these couplings hold, with numbers; print it."""
        from collective import validity

        return validity.of_couplings(self)

    def collective_rates(self) -> NDArray[np.float64]:
        """Eigenvalues of Γ, ascending, of a constant one without its matrix."""
        if not _checks.constant(self.decay):
            return np.linalg.eigvalsh(self.decay)
        rates = np.zeros(len(self))
        rates[-1] = len(self) * float(self.decay[0, 0])
        return rates

    def largest_exchange(self) -> float:
        """Largest absolute Δ_mn between two emitters."""
        if _checks.constant(self.shift):
            return float(abs(self.shift[0, 0]))
        return float(np.abs(self.shift - np.diag(np.diag(self.shift))).max())

    def __repr__(self) -> str:
        n = len(self)
        rates, largest = self.collective_rates(), self.largest_exchange()
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
            f"  {others}"
        )


def couple(emitters: Emitters, field: Any, *, shift: str = "full") -> Couplings:
    r"""Γ and Δ of emitters in a field.

    .. math:: Γ_{mn} = 2k̄^2\, d̃_m^*·\mathrm{Im}\,G(r_m, r_n, k̄)·d̃_n, \qquad
              Δ_{mn} = −d̃_m^*·[k^2\, \mathrm{Re}\,G(r_m, r_n, k) + c\,X]·d̃_n, \qquad
              X = \frac{1}{π}\int_0^∞ dκ \frac{κ^2k}{κ^2+k^2} G(iκ)

    with d̃_m² = 3πΓ_m/k_m³, Re and Im taken of the tensor. The full dipole coupling has c = 0 for
    pairs; with the RWA in the coupling, whose shift is −(1/π)P∫₀^∞dq q² Im G(q)/(q − k), c = 1
    (Dzsotjan, Kästel & Fleischhauer, Phys. Rev. B 84, 075419 (2011)): about half the shift at
    small distances, the same beyond a wavelength. On the diagonal the vacuum's shift belongs to
    the transition frequency; what scattered light adds has c = 2 (full) or 1 (RWA).

    Emitters of different frequency: Γ at the mean wave number k̄ of all of them, which keeps it
    positive, for Γ_mn/√(Γ_mΓ_n); Δ_mn the average of its values at k_m and k_n, between dipoles
    each of the size that its own k_m gives it. `Couplings.validity` reports what that neglects.

    Args:
        emitters: N of them; their detunings become those of the couplings (frame at ω₀).
        field: `Vacuum()`, `Nanowire(...)` or any object with `green(r, r_source, k)` (see
            `Field`).
        shift: "full", or "rwa" for the coupling operator in the RWA; not to be confused with the
            `approximation` of `master_equation`, which always has the full shift.

    Returns:
        `Couplings` with Γ and Δ, (N, N).

    Raises:
        ValueError: for coincident emitters, whose shift diverges unless their dipoles are
            orthogonal (it is then what scattered light makes of it, 0 in vacuum); a field that is
            not reciprocal; or one that is needed at imaginary wave numbers (for "rwa", or where
            it scatters light back to the emitter) and not known there.

    Example:
        >>> import collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> float(pair.decay[0, 1].round(10)), float(pair.shift[0, 1].round(10))
        (0.9226968484, 2.5970938737)
        >>> close = co.couple(co.chain(2, 0.03), co.Vacuum(), shift="rwa")
        >>> float(close.shift[0, 1].round(5))  # the full one is 110.0479
        54.72085
    """
    _checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
    coupling = _checks.choice("shift", shift, SHIFTS)
    require_finite_shifts(emitters)
    wavenumbers = emitters.wavenumbers
    mean = float(wavenumbers.mean())
    if np.all(wavenumbers == wavenumbers[0]):
        decay, shifts = unit_couplings(emitters, field, mean)
    else:
        decay = unit_couplings(emitters, field, mean, shift=False)[0]
        shifts = averaged_shift(emitters, field)
    # G at the emitter itself is that of vacuum, i k/6π, unless light is scattered back to it
    back = np.maximum(np.abs(np.diag(shifts)), np.abs(np.diag(decay) - 1)).max() > _NOT_SCATTERED
    if coupling == "rwa":
        shifts = shifts + integral_parts(emitters, field, pairs=True)
    elif back:
        shifts = shifts + 2 * integral_parts(emitters, field, pairs=False)
    if not back:
        np.fill_diagonal(shifts, 0.0)
    strength = np.sqrt(emitters.decay_rates)
    scale = strength[:, None] * strength
    return Couplings(
        decay * scale,
        shifts * scale,
        detunings=emitters.detunings,
        emitters=emitters,
        field=field,
    )


def _span(values: NDArray[Any]) -> str:
    if np.all(values == values[0]):
        return f"{values[0].real:g}" if np.imag(values[0]) == 0 else f"{values[0]:g}"
    if np.iscomplexobj(values):
        return f"|…| ≤ {np.abs(values).max():.4g}"
    return f"{values.min():.4g} … {values.max():.4g}"
