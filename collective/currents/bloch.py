r"""Scattering amplitudes of Bloch electrons and ions: by their currents and by phonons.

The current that takes a particle of charge Q from k + q to k is (Su, Wang and Zhang, "Microscopic
Ampère current-current interaction", eqs. 24 and 27; the second is j(q), not j(r))

.. math:: j(q) = \frac{Q}{2\sqrt{𝒱}}(v_k + v_{k+q}),

with v_k = ∇_kε/ħ; ions have their own charge and v = ħK/M (eq. 23). Phonons couple electrons by
(eqs. 29 to 31)

.. math:: g_λ(q) = \sqrt{\frac{ħ}{2Mω_λ}}\,(q·ε_λ)\,V_L(q), \qquad
          g_p(q, ω) = \frac1N\sum_λ |g_λ|^2 \frac{ħω_λ}{(ħω)^2 − (ħω_λ)^2}.

The paper's g_λ lacks the 2 under the root. Without it a static charge would gain twice the energy
(q·ε V_L)²/2Mω² that the distorted lattice gives it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.currents.arguments import (
    bounded,
    frequencies,
    positive,
    positive_numbers,
    require_broadcast,
    thermal_energy,
    velocities,
    wavevector,
)
from collective.currents.kernels import momentum_kernel
from collective.currents.propagators import matsubara_sum
from collective.currents.units import Constants, Units, constants

_ON_POLE = 1e-12  # relative distance from the energy of a phonon that counts as zero
Velocity = Callable[[NDArray[np.float64]], ArrayLike]


def bloch_current(
    k: ArrayLike,
    q: ArrayLike,
    velocity: Velocity,
    *,
    volume: float,
    charge: float = -1.0,
    units: Units = "atomic",
) -> NDArray[np.float64]:
    """j(q) = Q(v_k + v_{k+q})/2√𝒱, which takes a particle from k + q to k; eqs. (24) and (27).

    Along q it obeys charge conservation, q·j = Q(ε_{k+q} − ε_k)/ħ√𝒱: exactly for parabolic bands,
    for others up to the third order in q. Only the part across q enters the Ampère interaction.

    Args:
        k: wave vector (3,).
        q: momentum transfer (3,).
        velocity: v of a wave vector (3,), (3,): ∇ε/ħ of a band, or ħK/M of an ion.
        volume: 𝒱, the normalisation volume of the states.
        charge: Q in units of e; −1 for electrons, +Z for ions.
        units: see `constants`.

    Returns:
        (3,), in charge·velocity per square root of volume.

    Raises:
        ValueError: for velocities that are not three numbers or not slower than light.

    Example:
        >>> import collective as co
        >>> j = co.currents.bloch_current([1, 0, 0], [0, 0, 0.5], lambda k: k, volume=4.0)
        >>> (j + 0.0).tolist()
        [-0.5, 0.0, -0.125]
    """
    k, q = wavevector("k", k), wavevector("q", q)
    ends = {"k": k, "k + q": k + q}
    return _current(ends, velocity, volume, _charge("charge", charge), constants(units))


def bloch_coupling(
    k1: ArrayLike,
    k2: ArrayLike,
    q: ArrayLike,
    velocity: "Velocity | tuple[Velocity, Velocity]",
    *,
    volume: float,
    frequency: ArrayLike = 0.0,
    plasma_frequency: float = 0.0,
    charges: tuple[float, float] = (-1.0, -1.0),
    units: Units = "atomic",
) -> Any:
    """g_J = (Q₁Q₂/4𝒱) V_J(q, ω)(v_{k₁} + v_{k₁−q})_⊥·(v_{k₂} + v_{k₂+q})_⊥, eq. (28), an energy.

    It scatters k₁ − q → k₁ and k₂ + q → k₂. For v = ħk/m it equals `plane_wave_coupling`. With the
    velocities and charges of ions it is the interaction of their currents, with each other or with
    those of electrons. For the function of time replace V_J(q, ω) by `time_kernel` or
    `imaginary_time_kernel`.

    Args:
        k1: wave vector (3,).
        k2: wave vector (3,).
        q: momentum transfer (3,), not zero: it defines the transverse direction.
        velocity: v of a wave vector, (3,) → (3,), or one such function for each particle.
        volume: 𝒱, the normalisation volume of the states.
        frequency: as in `momentum_kernel`, any shape.
        plasma_frequency: ω_p, or √(ω_p² + ω_I²) with ions; see `plasma_frequency`.
        charges: Q₁ and Q₂ in units of e.
        units: see `constants`.

    Raises:
        ValueError: for q = 0, or velocities that are not three numbers or not slower than light.

    Example:
        Two electrons halfway to the edge of the zone are fast; at the edge they do not move:

        >>> import numpy as np, collective as co
        >>> band = lambda k: 0.5 * np.sin(k)  # ε = −½Σcos k
        >>> q = [0, 0, 0.1]
        >>> for x in (np.pi / 2, np.pi):
        ...     g = co.currents.bloch_coupling([x, 0, 0], [x, 0, 0], q, band, volume=1.0)
        ...     print(f"{abs(g):.5f}")
        0.00836
        0.00000
    """
    given = list(velocity) if isinstance(velocity, list | tuple) else [velocity, velocity]
    if len(given) != 2:
        raise ValueError(f"velocity must be one function or two, got {len(given)}")
    charge = checks.finite("charges", charges)
    if charge.shape != (2,):
        raise ValueError(f"charges must be two numbers, got shape {charge.shape}")
    k1, k2, q = (wavevector(name, v) for name, v in (("k1", k1), ("k2", k2), ("q", q)))
    along = checks.direction("q", q)
    charge, c = bounded("charges", charge), constants(units)
    first = _current({"k1": k1, "k1 − q": k1 - q}, given[0], volume, charge[0], c)
    second = _current({"k2": k2, "k2 + q": k2 + q}, given[1], volume, charge[1], c)
    transverse = first @ second - (first @ along) * (second @ along)
    kernel = momentum_kernel(
        np.linalg.norm(q), frequency, plasma_frequency=plasma_frequency, units=units
    )
    return kernel * transverse


def phonon_matrix_element(
    q: ArrayLike,
    polarisation: ArrayLike,
    phonon_frequency: float,
    potential: complex,
    *,
    ion_mass: float,
    units: Units = "atomic",
) -> Any:
    """g_λ(q) = √(ħ/2Mω_λ)(q·ε_λ)V_L(q), of V_ep = −Σ(ig_λ/√N) c†_{k+q}c_k(b_q + b†_{−q}); eq. (29).

    The 2 under the root is missing in the paper.

    Args:
        q: wave vector of the phonon, (3,).
        polarisation: ε_λ, (3,); it is normalised.
        phonon_frequency: ω_λ, an angular frequency.
        potential: V_L(q) = (N/𝒱)∫V_L(r)e^{−iq·r}d³r of one ion on an electron, an energy.
        ion_mass: M, in electron masses (SI: kg).
        units: see `constants`.

    Returns:
        An energy, complex if the polarisation or the potential is.

    Example:
        >>> import collective as co
        >>> z = [0, 0, 1]
        >>> g = co.currents.phonon_matrix_element(z, z, 0.002, -0.4, ion_mass=2.5e4)
        >>> print(f"{g:.5f} Ha")
        -0.04000 Ha
    """
    c = constants(units)
    q = wavevector("q", q)
    direction = bounded(
        "polarisation", checks.vector("polarisation", polarisation, complex), complex
    )
    positive_numbers("the largest component of polarisation", np.abs(direction).max())
    epsilon = checks.unit_vector("polarisation", direction)
    size = bounded("potential", potential, complex)
    if size.shape != ():
        raise ValueError(f"potential must be one number, got shape {size.shape}")
    mass, omega = positive("ion_mass", ion_mass), positive("phonon_frequency", phonon_frequency)
    found = np.sqrt(c.hbar / (2 * mass) / omega) * (q @ epsilon) * size
    return found.real if found.imag == 0 else found


def phonon_coupling(
    matrix_element: ArrayLike,
    phonon_energy: ArrayLike,
    *,
    ions: int,
    energy: ArrayLike = 0.0,
    tau: ArrayLike | None = None,
    temperature: float = 0.0,
) -> Any:
    r"""g_p, the interaction of electrons by phonons, eqs. (30) and (31); negative means attraction.

    .. math:: g_p(q, ω) = \frac1N\sum_λ |g_λ|^2\frac{ħω_λ}{(ħω)^2 − (ħω_λ)^2}, \qquad
              g_p(q, τ) = −\frac{1}{N}\sum_λ |g_λ|^2\,
              \frac{e^{−E_λτ} + e^{−E_λ(β−τ)}}{2\,(1 − e^{−βE_λ})}.

    Args:
        matrix_element: g_λ(q), a number, or (L,) for L branches, which are summed.
        phonon_energy: E_λ = ħω_λ(q), a number or (L,); all energies have the same unit.
        ions: N, the number of ions.
        energy: ħω, real or in the upper half plane, any shape; on the imaginary axis ħν.
        tau: imaginary time in inverse units of energy, any shape, instead of an energy.
        temperature: k_BT of the phonons as an energy; for `tau` only.

    Returns:
        An energy of the shape of `energy`; with `tau` a squared energy of its shape.

    Raises:
        ValueError: at the energy of a phonon, at which it diverges, or for energy and tau together.

    Example:
        Slow electrons attract each other; electrons faster than the lattice repel:

        >>> import collective as co
        >>> co.currents.phonon_coupling(0.5, 0.02, ions=1, energy=[0.0, 0.04]).round(4)
        array([-12.5   ,   4.1667])
    """
    g, phonon = (
        bounded("matrix_element", matrix_element, complex),
        bounded("phonon_energy", phonon_energy),
    )
    require_broadcast(matrix_element=g.shape, phonon_energy=phonon.shape)
    if g.ndim > 1 or phonon.ndim > 1 or g.size == 0 or phonon.size == 0:
        raise ValueError(
            "matrix_element and phonon_energy must be a number or one for each branch, got shapes "
            f"{g.shape} and {phonon.shape}"
        )
    if np.any(phonon <= 0):
        raise ValueError(f"phonon_energy must be positive, got {phonon.min():g}")
    number = checks.count("ions", ions)
    weights, phonon = np.broadcast_arrays(np.abs(g) ** 2 / float(min(number, 10**60)), phonon)
    weights, phonon = np.atleast_1d(weights), np.atleast_1d(phonon)
    at = frequencies(energy, "energy")
    temperature = thermal_energy(temperature)
    if tau is not None:
        if np.any(at != 0):
            raise ValueError("energy and tau exclude each other: give one")
        times = bounded("tau", tau)[..., None]
        return -np.sum(weights * phonon * matsubara_sum(phonon, times, temperature), axis=-1)[()]
    if temperature > 0:
        raise ValueError(
            "temperature must be 0 without tau: g_p as a function of energy does not depend on it"
        )
    detuning = (at[..., None] - phonon) * (at[..., None] + phonon)
    if np.any(np.abs(detuning) <= _ON_POLE * phonon**2):
        raise ValueError(
            "energy must not equal that of a phonon, at which the interaction diverges: add a "
            "positive imaginary part, or choose another energy"
        )
    found = np.sum(weights * phonon / detuning, axis=-1)
    return (found if np.any(found.imag) else found.real)[()]


def _current(
    ends: dict[str, NDArray[np.float64]], velocity: Any, volume: Any, charge: float, c: Constants
) -> NDArray[np.float64]:
    """Charge times the mean velocity at two wave vectors, over √𝒱; `ends` names them for errors."""
    checks.function("velocity", velocity)
    found = []
    for where, k in ends.items():
        try:
            value = velocity(k.copy())
        except Exception as error:
            raise ValueError(
                f"velocity must take a wave vector; at {where} = {k.tolist()} it raised {error!r}"
            ) from error
        name = f"velocity at {where} = {k.tolist()}"
        found.append(velocities(name, checks.vector(name, value), c.speed_of_light))
    return charge * c.charge / np.sqrt(positive("volume", volume)) * (found[0] + found[1]) / 2


def _charge(name: str, value: Any) -> float:
    """A checked charge in units of e."""
    return float(bounded(name, checks.number(name, value)))
