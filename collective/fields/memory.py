"""What the field of an emitter remembers: light that arrives later, and modes that keep it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective.emitters import Emitters

MOST_CHANGE = 0.5  # of `largest_change`; from 1 on there is no solution in time
_GROWTH = 500.0  # of an exponent: its exponential is below 1e218
_STEP = 0.25  # of the wave number, to both sides


@dataclass(frozen=True, eq=False, repr=False)
class Memory:
    r"""The self-energy of N emitters as a function of frequency, or the memory kernel in time.

    A photon that emitter n sends along path p arrives at emitter m after the delay τ, and a mode k
    keeps a photon for a while. With the amplitudes c_m of one excitation in the frame of ω₀,

    .. math:: \dot c_m = −iδ_mc_m − i\sum_n\int_0^t ds\,K_{mn}(s)\,c_n(t − s), \qquad
              K_{mn}(s) = \sum_p S^p_{mn}\,δ(s − τ^p_{mn}) − i\sum_k g_{km}^*g_{kn}\,e^{−iν_ks},

    .. math:: Σ_{mn}(ω) = \int_0^∞ ds\,K_{mn}(s)\,e^{iωs}
              = \sum_p (S^p_{mn} + ωC^p_{mn})\,e^{iωτ^p_{mn}}
              + \sum_k\frac{g_{km}^*g_{kn}}{ω − ν_k},

    where ω counts from ω₀. At ω = 0 it is Δ − iΓ/2 of the Markov approximation. C is how the
    strengths change with frequency, zero in a guide; K is written for C = 0. The near field of a
    dipole needs it: there C ≈ −iτS, and the interaction hardly has a delay. The method
    `memory(emitters)` of a field returns it, and `method="retarded"` of `evolve` uses it. It must
    not give energy to the emitters: i(Σ − Σ†) is Γ(ω), which is not negative at any real ω.

    Args:
        strengths: S, (P, N, N) complex, in units of rate: the interaction Δ − iΓ/2 along each
            path, with its phase at ω₀.
        delays: τ ≥ 0, (P, N, N), in inverse units of rate.
        couplings: g, (K, N) complex, in units of rate; without modes it is empty.
        frequencies: ν_k, (K,) complex, in units of rate, counted from ω₀: the real part is that of
            the mode, and −2 Im ν_k ≥ 0 is the rate at which it loses energy.
        changes: C, (P, N, N) complex, no unit; None for zeros.

    Raises:
        ValueError: for other shapes, numbers that are not finite, a negative delay, or a mode
            that gains energy.

    Source: Milonni and Knight, Phys. Rev. A 10, 1096 (1974).

    Example:
        >>> import numpy as np, collective as co
        >>> guide = co.Waveguide(1.0, 2 * np.pi, group_velocity=0.5)
        >>> found = guide.memory(co.chain(2, 0.25))
        >>> found
        Memory: 2 emitters, delays 0 … 0.5, 0 modes
        >>> found.self_energy(0.3)[0, 1].round(6)  # −(i/2)γ e^{i(π/2 + 0.15)}
        np.complex128(0.494386+0.074719j)
    """

    strengths: NDArray[np.complex128]
    delays: NDArray[np.float64]
    couplings: NDArray[np.complex128]
    frequencies: NDArray[np.complex128]
    changes: Any = None

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        strengths = checks.finite("strengths", self.strengths, complex)
        if strengths.ndim != 3 or strengths.shape[1] != strengths.shape[2]:
            raise ValueError(f"strengths must have the shape (P, N, N), got {strengths.shape}")
        delays = checks.finite("delays", self.delays)
        if delays.shape != strengths.shape:
            raise ValueError(
                f"delays must have the shape {strengths.shape} of strengths, got {delays.shape}"
            )
        if np.any(delays < 0):
            where = tuple(int(i) for i in np.argwhere(delays < 0)[0])
            raise ValueError(
                f"delays must not be negative: delays{list(where)} is {delays[where]:g}"
            )
        changes = np.zeros_like(strengths)
        if self.changes is not None:
            changes = checks.finite("changes", self.changes, complex)
        if changes.shape != strengths.shape:
            raise ValueError(
                f"changes must have the shape {strengths.shape} of strengths, got {changes.shape}"
            )
        n = strengths.shape[1]
        couplings = checks.finite("couplings", self.couplings, complex)
        couplings = couplings.reshape(0, n) if couplings.size == 0 else couplings
        if couplings.ndim != 2 or couplings.shape[1] != n:
            raise ValueError(
                f"couplings must have the shape (K, {n}), of {n} emitters; got {couplings.shape}"
            )
        frequencies = checks.finite("frequencies", self.frequencies, complex)
        if frequencies.shape != (len(couplings),):
            raise ValueError(
                f"frequencies must be one number for each mode: couplings has {len(couplings)} "
                f"modes, frequencies the shape {frequencies.shape}"
            )
        if np.any(frequencies.imag > 0):
            k = int(np.argmax(frequencies.imag > 0))
            raise ValueError(
                f"frequencies[{k}] is {frequencies[k]:g}: its imaginary part must not be positive, "
                "a mode loses energy at −2 Im ν"
            )
        checks.freeze(
            self,
            strengths=strengths,
            delays=delays,
            couplings=couplings,
            frequencies=frequencies,
            changes=changes,
        )

    def __len__(self) -> int:
        return self.strengths.shape[1]

    def self_energy(self, detuning: ArrayLike) -> NDArray[np.complex128]:
        """Σ_mn(ω), (..., N, N), in units of rate.

        Args:
            detuning: ω, counted from ω₀, in units of rate; any shape, also complex.

        Raises:
            ValueError: for a frequency that is not finite, or that is exactly one of a mode
                without loss, or so far below the real axis that e^{iωτ} overflows.
        """
        omega = checks.finite("detuning", detuning, complex)
        away = omega[..., None] - self.frequencies
        if np.any(away == 0):
            raise ValueError("detuning: Σ(ω) diverges at the frequency of a mode without loss")
        growth = -float(omega.imag.min(initial=0.0)) * float(self.delays.max(initial=0.0))
        if growth > _GROWTH:
            raise ValueError(
                f"detuning: e^(iωτ) overflows at the imaginary part {omega.imag.min():g}, for a "
                f"delay of {self.delays.max():g}; it may be at least "
                f"{-_GROWTH / self.delays.max():.3g}"
            )
        found = np.einsum("km,kn,...k->...mn", self.couplings.conj(), self.couplings, 1 / away)
        omega = omega[..., None, None]
        for paths in zip(self.strengths, self.changes, self.delays, strict=True):
            strength, change, delay = paths
            found = found + (strength + omega * change) * np.exp(1j * omega * delay)
        return np.asarray(found, dtype=complex)

    def __repr__(self) -> str:
        used = self.delays[self.strengths != 0]
        first, last = (used.min(), used.max()) if used.size else (0.0, 0.0)
        noun = "emitter" if len(self) == 1 else "emitters"
        modes = f"{len(self.frequencies)} mode" + ("" if len(self.frequencies) == 1 else "s")
        return f"Memory: {len(self)} {noun}, delays {first:.4g} … {last:.4g}, {modes}"


def largest_change(memory: Memory) -> float:
    """A bound on the norm of C = Σ_p C^p, the change of Σ with frequency at the delays."""
    growing = np.abs(memory.changes).sum(axis=0)
    rows, columns = (float(growing.sum(axis=axis).max(initial=0.0)) for axis in (1, 0))
    return max(rows, columns)


def along_paths(strengths: Any, delays: Any, changes: Any = None) -> Memory:
    """The memory of a field that has paths alone, lists of (N, N) each, and no modes."""
    strengths = np.array(strengths, dtype=complex)
    empty = np.zeros((0, strengths.shape[1]), dtype=complex)
    changes = None if changes is None else np.array(changes)
    return Memory(strengths, np.array(delays), empty, np.zeros(0, dtype=complex), changes)


def of_dipoles(
    emitters: Emitters,
    paths: Sequence[tuple[Callable[[float], NDArray[Any]], NDArray[Any]]],
) -> Memory:
    r"""The memory of dipoles in vacuum, along direct ways and by images.

    With S = −(3π/k₀³)√(Γ_mΓ_n) k²u_m*·G·u_n of dipoles of fixed size, :math:`k^2 G e^{−ikr}` is a
    polynomial of second degree in k, whose slope a central difference gives without error. Where r
    is zero it is that of k³.

    Args:
        emitters: N of them, with a frequency.
        paths: for each the tensor as a function of k, (N, N, 3, 3), and the separations (N, N, 3).

    Raises:
        ValueError: for emitters without a frequency.
    """
    speed, k = emitters.speed_of_light, 2 * np.pi / emitters.wavelength
    if speed is None:
        raise ValueError(
            "frequency is required: the delay r/c needs the speed of light, "
            "Emitters(..., frequency=...)"
        )
    u, root = emitters.dipoles, np.sqrt(emitters.decay_rates)
    strengths, delays, changes = [], [], []
    for tensor, separations in paths:
        distance = np.linalg.norm(separations, axis=-1)

        def strength(at: float, tensor: Any = tensor, r: Any = distance) -> NDArray[Any]:
            """S at a wave number, without the part of the phase that grows with its distance."""
            sandwich = np.einsum("mi,mnij,nj->mn", u.conj(), tensor(at), u)
            size = -3 * np.pi / k**3 * at**2 * np.outer(root, root)
            return np.asarray(size * sandwich * np.exp(-1j * (at - k) * r))

        here = strength(k)
        slope = (strength((1 + _STEP) * k) - strength((1 - _STEP) * k)) / (2 * _STEP * k)
        slope = np.where(distance == 0, 3 * here / k, slope)
        strengths.append(here)
        changes.append(slope / speed)
        delays.append(distance / speed)
    return along_paths(strengths, delays, changes)
