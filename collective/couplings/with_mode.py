"""A cavity mode that is kept beside the emitters: `CavityMode`, `CavityCouplings`.

The file is longer than others because it holds two classes with the checks of their arguments.
"""

import os
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality, notebook, operators
from collective._tools.console import printable
from collective._tools.memory import fits, require
from collective.couplings import noise
from collective.couplings.assumptions import of_couplings
from collective.couplings.couplings import Couplings
from collective.couplings.lattice import LatticeMatrix
from collective.fields import models
from collective.fields.cavity import eliminated, too_strong
from collective.validity import Assumption, Validity, small

if TYPE_CHECKING:
    from qutip import Qobj

_BYTES_PER_ENTRY, _COPIES = 20, 4  # of sparse operators, while they are put together
_MOST_PHOTONS = 10**6  # kept by default
_LARGEST_TOP = 1e-6  # allowed population of the highest photon number
_LARGE = "use fewer emitters or photons"


@dataclass(frozen=True)
class CavityMode:
    """One mode of a cavity, coupled to emitters; made by `cavity_mode`.

    Attributes:
        coupling: g, a number, or a tuple with one number for each emitter.
        linewidth: κ, the rate at which the mode loses energy.
        detuning: Δ_c = ω_c − ω_frame.
        drive: η, the amplitude of a laser that drives the mode.
    """

    coupling: Any
    linewidth: float
    detuning: float = 0.0
    _: KW_ONLY
    drive: complex = 0.0

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        drive = checks.complex_number("drive", self.drive)
        checks.freeze(
            self,
            coupling=models.numbers("coupling", self.coupling),
            linewidth=checks.not_negative("linewidth", self.linewidth),
            detuning=checks.number("detuning", self.detuning),
            drive=drive if drive.imag else drive.real,
        )


def cavity_mode(
    coupling: ArrayLike, linewidth: float, detuning: float = 0.0, *, drive: complex = 0.0
) -> CavityMode:
    r"""A cavity mode that is kept, with photons of its own: the Tavis–Cummings model.

    .. math::
       H = \sum_m δ_m σ^+_mσ^-_m + Δ_c a^†a + \sum_m(g_m a^†σ^-_m + h.c.) + (ηa^† + h.c.),
       \qquad L = \sqrt κ\,a

    `CavityCouplings` puts it beside emitters. Eliminated, it is `Cavity` with δ = −Δ_c and the same
    g and κ: :math:`Γ_{mn} = g_m^*g_nκ/(Δ_c^2 + κ^2/4)`.

    Args:
        coupling: g, in units of rate, half the splitting of one emitter and the mode; a number, or
            one for each emitter, (N,), also complex: its phase is that of the mode at the emitter.
        linewidth: κ ≥ 0, the rate at which the mode loses energy, in units of rate (full width).
        detuning: Δ_c = ω_c − ω_frame, mode minus the frame in which the `detunings` of the emitters
            are given, in units of rate.
        drive: η, in units of rate, complex: a laser at the frequency of the frame drives the mode.
            An empty mode without emitters then goes to ⟨a⟩ = −iη/(κ/2 + iΔ_c).

    Raises:
        ValueError: for a negative linewidth, and for numbers that are not finite.

    Source: Tavis & Cummings, Phys. Rev. 170, 379 (1968).

    Example:
        >>> import collective as co
        >>> co.cavity_mode(0.5, 10.0)
        CavityMode(coupling=0.5, linewidth=10.0, detuning=0.0, drive=0.0)
    """
    return CavityMode(coupling, linewidth, detuning, drive=drive)


@dataclass(frozen=True, eq=False, repr=False, init=False)
class CavityCouplings:
    r"""N two-level emitters and the photons of one cavity mode.

    .. math::
       H = H_\mathrm{emitters} + Δ_c a^†a + \sum_m(g_m a^†σ^-_m + h.c.) + (ηa^† + h.c.)

    with all that `Couplings` says of the emitters, their own Γ, Δ, pump, dephasing and drive, and
    the jump √κ a of the mode (Tavis & Cummings, Phys. Rev. 170, 379 (1968)). `evolve` takes it; a
    state of `co.states` is one of the emitters, and the mode is then empty. A result has
    `photons`, ⟨a†a⟩. Its emission is that of the emitters into everything but the mode, and the
    light that leaves the mode is κ times `photons`.

    The mode is the last, rightmost tensor factor, with the photon numbers 0 … `photons`.

    Args:
        couplings: of the emitters; without light of the mode in Γ and Δ.
        mode: see `cavity_mode`.
        photons: largest photon number that is kept, at least 1. None keeps N of them, enough for
            every state of emitters, and more where a pump or a drive brings further ones, up to a
            million. A run that fills the highest number ends with an error ("exact" looks at the
            output times, the others at every step). Engines without photon numbers ("cumulants",
            "mean_field") do not need it.

    Raises:
        ValueError: for another number of couplings g than emitters, and for emitters in thermal
            light or with matrices stored by displacement.

    Example:
        >>> import collective as co
        >>> atoms = co.Couplings([[1, 0], [0, 1]], [[0, 0], [0, 0]])
        >>> co.CavityCouplings(atoms, co.cavity_mode(0.5, 10.0))
        CavityCouplings: 2 two-level emitters and a cavity mode, at most 2 photons
          coupling √Σ|g|²   0.707107
          linewidth κ       10
          detuning 0, drive 0
    """

    couplings: Couplings
    mode: CavityMode
    photons: int

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __init__(self, couplings: Couplings, mode: CavityMode, photons: int | None = None):
        checks.instance("couplings", couplings, Couplings, "co.couple, co.Couplings")
        checks.instance("mode", mode, CavityMode, "co.cavity_mode")
        n = len(couplings)
        if isinstance(mode.coupling, tuple) and len(mode.coupling) != n:
            raise ValueError(
                f"mode: its coupling has {len(mode.coupling)} numbers, but there are {n} emitters"
            )
        if couplings.thermal_photons:
            raise ValueError(
                "couplings: emitters in thermal light (thermal_photons="
                f"{couplings.thermal_photons:.4g}) are not combined with a cavity mode; give "
                "thermal_photons=0"
            )
        if isinstance(couplings.decay, LatticeMatrix):
            raise ValueError(
                "couplings: a cavity mode needs the N × N matrices, but these are stored by "
                "displacement: couple(..., by_displacement=False) makes the matrices"
            )
        kept = _enough(couplings, mode) if photons is None else checks.count("photons", photons)
        checks.freeze(self, couplings=couplings, mode=mode, photons=kept)

    def __len__(self) -> int:
        return len(self.couplings)

    @property
    def coupling(self) -> NDArray[np.complex128]:
        """The coupling g of each emitter, (N,)."""
        return np.broadcast_to(np.asarray(self.mode.coupling, dtype=complex), (len(self),))

    @property
    def driven(self) -> bool:
        """Whether a laser drives emitters or mode: then excitations are not conserved."""
        return bool(np.any(self.couplings.drive) or self.mode.drive)

    def replace(self, **changes: Any) -> "CavityCouplings":
        """A copy with the given arguments of the constructor changed; photons=None counts anew.

        Raises:
            ValueError, TypeError: for what the constructor refuses.

        Example:
            >>> import collective as co
            >>> one = co.CavityCouplings(co.Couplings([[1.0]], [[0.0]]), co.cavity_mode(1, 2))
            >>> one.replace(photons=5).photons
            5
        """
        return replace(self, **changes)

    @operators.Untidied()
    def hamiltonian(self) -> "Qobj":
        """H in the rotating frame, a QuTiP operator with dims [[2]*N + [photons + 1]]*2."""
        found = self.undriven_hamiltonian()
        if not self.driven:
            return found
        drive = self.drive_operator()
        return found + drive + drive.dag()

    @operators.Untidied()
    def undriven_hamiltonian(self) -> "Qobj":
        """H without the drives of emitters and mode."""
        import qutip

        self._require("H", 2 + 2 * len(self) ** 2)
        levels, n = self.photons + 1, len(self)
        found = qutip.tensor(self.couplings.undriven_hamiltonian(), qutip.qeye(levels))
        empty = qutip.tensor(*[qutip.qeye(2)] * n)
        if self.mode.detuning:
            found = found + self.mode.detuning * qutip.tensor(empty, qutip.num(levels))
        lower = operators.lowering(self.coupling)
        exchange = qutip.tensor(lower, qutip.destroy(levels).dag())
        return found + exchange + exchange.dag()

    @operators.Untidied()
    def drive_operator(self) -> "Qobj":
        """The exciting half of all drives, ½Σ_m Ω_m σ⁺_m + ηa†; H contains it and its adjoint."""
        import qutip

        self._require("the drive", 1 + len(self))
        levels = self.photons + 1
        emitters = qutip.tensor(self.couplings.drive_operator(), qutip.qeye(levels))
        empty = qutip.tensor(*[qutip.qeye(2)] * len(self))
        return emitters + self.mode.drive * qutip.tensor(empty, qutip.destroy(levels).dag())

    @operators.Untidied()
    def collapse_operators(self) -> list["Qobj"]:
        """Those of the emitters, as in `Couplings`, and last √κ a if κ > 0."""
        import qutip

        self._require("the collapse operators", len(self) * (len(self) + 3))
        levels = self.photons + 1
        found = [
            qutip.tensor(jump, qutip.qeye(levels)) for jump in self.couplings.collapse_operators()
        ]
        if self.mode.linewidth > 0:
            empty = qutip.tensor(*[qutip.qeye(2)] * len(self))
            loss = np.sqrt(self.mode.linewidth) * qutip.destroy(levels)
            found.append(qutip.tensor(empty, loss))
        return found

    def collapse_operator_names(self) -> list[str]:
        """What each of `collapse_operators` does, in their order: the mode's is last.

        Example:
            >>> import collective as co
            >>> one = co.CavityCouplings(co.Couplings([[1.0]], [[0.0]]), co.cavity_mode(1, 2))
            >>> one.collapse_operator_names()
            ['collective decay 0', 'photon leaves the mode']
        """
        last = ["photon leaves the mode"] if self.mode.linewidth > 0 else []
        return self.couplings.collapse_operator_names() + last

    @operators.Untidied()
    def liouvillian(self) -> "Qobj":
        """The generator as a sparse superoperator.

        Raises:
            ProblemTooLargeError: if it does not fit into memory.
        """
        from qutip import liouvillian

        size = (2 ** len(self) * (self.photons + 1)) ** 2
        way_out = "use evolve instead" if fits(48 * size) else _LARGE
        require(60 * size * (4 + 3 * len(self) ** 2), "the Liouvillian with a cavity mode", way_out)
        return liouvillian(self.hamiltonian(), self.collapse_operators())

    def adiabatic(self) -> Couplings:
        r"""The emitters alone, after the mode is eliminated: what `Cavity` describes.

        .. math::
           Γ_{mn} → Γ_{mn} + \frac{g_m^*g_nκ}{Δ_c^2 + κ^2/4}, \qquad
           Δ_{mn} → Δ_{mn} − \frac{g_m^*g_nΔ_c}{Δ_c^2 + κ^2/4}, \qquad
           Ω_m → Ω_m − \frac{2ig_m^*η}{κ/2 + iΔ_c}

        It is right where √(Σ|g_m|²) and the detunings, drives and dephasing of the emitters are
        much smaller than √(Δ_c² + κ²/4); the error of populations falls as (g/κ)².
        See `validity`.

        Raises:
            ValueError: for a size of g above √(Δ_c² + κ²/4), where nothing can be eliminated.
            ProblemTooLargeError: if the N × N matrices do not fit into memory.

        Example:
            >>> import collective as co
            >>> one = co.CavityCouplings(co.Couplings([[1.0]], [[0.0]]), co.cavity_mode(0.5, 10))
            >>> float(one.adiabatic().decay[0, 0].round(9))  # 1 + 4g²/κ
            1.1
        """
        g, mode, emitters = self.coupling, self.mode, self.couplings
        if mode.linewidth == 0 and mode.detuning == 0:
            raise ValueError(
                "mode: a resonant mode without losses cannot be eliminated; give linewidth > 0"
            )
        if (why := too_strong(g, mode.linewidth, mode.detuning)) is not None:
            raise ValueError(why)
        require(80 * len(self) ** 2, f"Γ and Δ of {len(self)} emitters", "use fewer emitters")
        decay, shift = eliminated(g, mode.linewidth, -mode.detuning)
        light = -2j * g.conj() * mode.drive / (mode.linewidth / 2 + 1j * mode.detuning)
        return emitters.replace(
            decay=checks.real_if_possible(emitters.decay + decay),
            shift=checks.real_if_possible(emitters.shift + shift),
            drive=emitters.drive + light,
        )

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

        return saving.save(self, saving.pack_mode, path)

    def validity(self) -> Validity:
        """The report of the emitters, and two numbers of the mode; print it.

        "weak coupling to the mode" is √(Σ|g_m|²)/ω₀, needed for the RWA. "cavity eliminated" is
        √(Σ|g_m|²)/√(Δ_c² + κ²/4): where it is far below 1, `adiabatic` does as well.
        """
        strength = float(np.linalg.norm(self.coupling))
        emitters, name = self.couplings.emitters, "weak coupling to the mode"
        if emitters is None or emitters.frequency is None:
            lacking = "needs Emitters(frequency=...)"
            row = Assumption(name, None, "not assessed", f"√Σ|g_m|²/ω₀: {lacking}")
        else:
            row = small(name, strength / emitters.frequency, "√Σ|g_m|²/ω₀")
        speed = float(np.hypot(self.mode.detuning, self.mode.linewidth / 2))
        ratio = strength / speed if speed > 0 else None
        note = Assumption("cavity eliminated", ratio, "note", "√Σ|g_m|²/√(Δ_c²+κ²/4), if it were")
        return Validity((*of_couplings(self.couplings).assumptions, row, note))

    def _require(self, what: str, entries_per_state: int) -> None:
        """Raise if an operator with so many entries in each row does not fit into memory."""
        states = 2 ** len(self) * (self.photons + 1)
        needed = states * entries_per_state * _BYTES_PER_ENTRY * _COPIES
        require(needed, f"{what} of {len(self)} emitters and {self.photons} photons", _LARGE)

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        n, mode = len(self), self.mode
        noun = "emitter" if n == 1 else "emitters"
        return (
            f"CavityCouplings: {n} two-level {noun} and a cavity mode, at most "
            f"{self.photons} photons\n"
            f"  coupling √Σ|g|²   {np.linalg.norm(self.coupling):.6g}\n"
            f"  linewidth κ       {mode.linewidth:g}\n"
            f"  detuning {mode.detuning:g}, drive {mode.drive:g}"
        )


def _enough(couplings: Couplings, mode: CavityMode) -> int:
    """How many photons are kept by default: N, and those that pump and drive usually bring.

    The pump brings at most Σp photons in a unit of time, of which the mode loses κ⟨a†a⟩. A drive
    brings what it would bring to an empty mode, and driven emitters what dipoles of size ½ would.
    A run checks that it was enough.
    """
    n, speed = len(couplings), float(np.hypot(mode.detuning, mode.linewidth / 2))
    pump = couplings.pump  # a matrix may pump all of them together, at N times its largest rate
    pumped = float(pump.sum()) if pump.ndim == 1 else n * n * noise.largest(pump)
    driven = np.any(couplings.drive)
    if not pumped and not driven and not mode.drive:
        return n
    g = np.broadcast_to(np.asarray(mode.coupling, dtype=complex), (n,))
    light = abs(mode.drive) + 0.5 * float(np.abs(g).sum()) * bool(driven)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        further = np.divide(pumped, mode.linewidth) if pumped else np.float64(0.0)
        further = further + (np.divide(light, speed) ** 2 if light else 0.0)
        count = n + 2 * further + 8 * np.sqrt(further) + 4
    return int(np.ceil(count)) if count < _MOST_PHOTONS else max(_MOST_PHOTONS, n)


def too_few(population: float, photons: int) -> str | None:
    """A text if the highest photon number is populated so much that photons are cut off, or None.

    Args:
        population: of the highest photon number.
        photons: this number.
    """
    if population <= _LARGEST_TOP:
        return None
    return (
        f"photons: the highest photon number that is kept, {photons}, has the population "
        f"{population:.1e}, above {_LARGEST_TOP:g}: larger numbers are missing; use "
        f"CavityCouplings(..., photons={2 * photons + 2}) or more"
    )
