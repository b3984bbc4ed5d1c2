"""What the field of an emitter remembers: light that arrives later, and modes that keep it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective.emitters import Emitters


@dataclass(frozen=True, eq=False, repr=False)
class Memory:
    r"""The self-energy of N emitters as a function of frequency, or the memory kernel in time.

    A photon that emitter n sends along path p arrives at emitter m after the delay τ, and a mode k
    keeps a photon for a while. With the amplitudes c_m of one excitation in the frame of ω₀,

    .. math:: \dot c_m = −iδ_mc_m − i\sum_n\int_0^t ds\,K_{mn}(s)\,c_n(t − s), \qquad
              K_{mn}(s) = \sum_p S^p_{mn}\,δ(s − τ^p_{mn}) − i\sum_k g_{km}^*g_{kn}\,e^{−iν_ks},

    .. math:: Σ_{mn}(ω) = \int_0^∞ ds\,K_{mn}(s)\,e^{iωs}
              = \sum_p S^p_{mn}\,e^{iωτ^p_{mn}} + \sum_k\frac{g_{km}^*g_{kn}}{ω − ν_k},

    where ω counts from ω₀. At ω = 0 it is Δ − iΓ/2 of the Markov approximation. The method
    `memory(emitters)` of a field returns it, and `method="retarded"` of `evolve` uses it.

    Args:
        strengths: S, (P, N, N) complex, in units of rate: the interaction Δ − iΓ/2 along each
            path, with its phase at ω₀.
        delays: τ ≥ 0, (P, N, N), in inverse units of rate.
        couplings: g, (K, N) complex, in units of rate; without modes it is empty.
        frequencies: ν_k, (K,) complex, in units of rate, counted from ω₀: the real part is that of
            the mode, and −2 Im ν_k ≥ 0 is the rate at which it loses energy.

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
        )

    def __len__(self) -> int:
        return self.strengths.shape[1]

    def self_energy(self, detuning: ArrayLike) -> NDArray[np.complex128]:
        """Σ_mn(ω), (..., N, N), in units of rate.

        Args:
            detuning: ω, counted from ω₀, in units of rate; any shape, also complex.

        Raises:
            ValueError: for a frequency that is not finite, or that is exactly one of a mode
                without loss.
        """
        omega = checks.finite("detuning", detuning, complex)
        away = omega[..., None] - self.frequencies
        if np.any(away == 0):
            raise ValueError("detuning: Σ(ω) diverges at the frequency of a mode without loss")
        found = np.einsum("km,kn,...k->...mn", self.couplings.conj(), self.couplings, 1 / away)
        for strength, delay in zip(self.strengths, self.delays, strict=True):
            found = found + strength * np.exp(1j * omega[..., None, None] * delay)
        return np.asarray(found, dtype=complex)

    def __repr__(self) -> str:
        used = self.delays[self.strengths != 0]
        first, last = (used.min(), used.max()) if used.size else (0.0, 0.0)
        noun = "emitter" if len(self) == 1 else "emitters"
        modes = f"{len(self.frequencies)} mode" + ("" if len(self.frequencies) == 1 else "s")
        return f"Memory: {len(self)} {noun}, delays {first:.4g} … {last:.4g}, {modes}"


def along_paths(strengths: Any, delays: Any) -> Memory:
    """The memory of a field that has paths alone, lists of (N, N) each, and no modes."""
    strengths = np.array(strengths, dtype=complex)
    empty = np.zeros((0, strengths.shape[1]), dtype=complex)
    return Memory(strengths, np.array(delays), empty, np.zeros(0, dtype=complex))


def dipole_strengths(emitters: Emitters, tensor: NDArray[Any]) -> NDArray[np.complex128]:
    """Δ − iΓ/2 = −(3π/k)√(Γ_mΓ_n) u_m*·G·u_n at ω₀ from a Green's tensor (N, N, 3, 3)."""
    u, root = emitters.dipoles, np.sqrt(emitters.decay_rates)
    sandwich = np.einsum("mi,mnij,nj->mn", u.conj(), tensor, u)
    return np.asarray(-1.5 * emitters.wavelength * np.outer(root, root) * sandwich)


def travel_times(emitters: Emitters, separations: NDArray[np.float64]) -> NDArray[np.float64]:
    """r/c of separations (N, N, 3).

    Raises:
        ValueError: for emitters without a frequency.
    """
    speed = emitters.speed_of_light
    if speed is None:
        raise ValueError(
            "frequency is required: the delay r/c needs the speed of light, "
            "Emitters(..., frequency=...)"
        )
    return np.asarray(np.linalg.norm(separations, axis=-1) / speed)
