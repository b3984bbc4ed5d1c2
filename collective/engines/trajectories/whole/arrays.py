"""What the kernels of whole trajectories work on: tables of the problem, trajectories, memory.

n = 2^N is the number of configurations, panels have eight lanes (see `panel`).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collective.couplings import noise
from collective.couplings.couplings import Couplings
from collective.couplings.sharing import without_light
from collective.engines.basis.configurations import interaction_energies
from collective.engines.numerics.lanes import LANES

AT_ONCE = 4  # output times that are evaluated in one pass over the terms


class Tables(NamedTuple):
    """What the kernels know of a problem of N emitters with n = 2^N configurations.

    Attributes:
        empty: (n, N), the emitters that are not excited in a configuration, and zeros.
        width: (n,), how many these are.
        h: (N, N, 3), a, b − a and a + b of h = a + ib: three products make a complex one,
            −i(a + ib)(r + is) = [a(r + s) + (b − a)r] + i[(a + b)s − a(r + s)].
        centre: (2,), half the trace of h, which is first subtracted from Σ h σ⁺σ⁻.
        drive: (D,), w of each driven emitter.
        driven: (D,), 1 << m of each of them.
        decay: (N, N), the real part of Γ.
        across: (N, N), its imaginary part, or (0, 0) if Γ is real.
        channels: (C, N, 2), coefficients √γ_ν (V†)_νm of the collective jumps, the brightest first.
        dephasing: (N,), 2γ_φ; zeros where it is a matrix.
        pump: (N,), p; zeros where it is a matrix.
        raising: (U, N, 2), coefficients of the collective jumps that excite, complex conjugate:
            those of a pump matrix, then those of thermal light.
        holding: (H, N, 2), coefficients of the collective jumps Σ_m c_m σ⁺_mσ⁻_m.
        lost: (n,), half the rate of the latter in a configuration, or (0,) without them.
        pumped: (1,), the sum of the rates of all jumps that excite, without an excitation.
        energies: (n,), Ising energies without their mean; (0,) without Ising terms.
    """

    empty: NDArray[np.uint8]
    width: NDArray[np.int64]
    h: NDArray[np.float64]
    centre: NDArray[np.float64]
    drive: NDArray[np.float64]
    driven: NDArray[np.uint64]
    decay: NDArray[np.float64]
    across: NDArray[np.float64]
    channels: NDArray[np.float64]
    dephasing: NDArray[np.float64]
    pump: NDArray[np.float64]
    raising: NDArray[np.float64]
    holding: NDArray[np.float64]
    lost: NDArray[np.float64]
    pumped: NDArray[np.float64]
    energies: NDArray[np.float64]


class Pulse(NamedTuple):
    """The envelope as polynomials Σ_k c_k u^k, where u is 0 … 1 between two edges.

    Attributes:
        edges: (P + 1,), increasing, from the first to the last output time.
        coefficients: (P, K, 2), real and imaginary parts of c_k; K = 0 without an envelope.
    """

    edges: NDArray[np.float64]
    coefficients: NDArray[np.float64]


class Observed(NamedTuple):
    """Sparse operators whose means are wanted.

    Attributes:
        starts: (X, n + 1), the first entry of each row of each operator.
        columns: (·,), the column of each entry.
        entries: (·, 2), real and imaginary part of each entry.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.uint32]
    entries: NDArray[np.float64]


class Path(NamedTuple):
    """What all trajectories from one ket have in common: the evolution before their first jump.

    It ends with the run, or where nearly all of them have jumped. Without it S = 0.

    Attributes:
        kets: (S, n, 2), φ at the beginning of each step, normalised.
        now: (S,), time there.
        scale: (S,), unit of time of the series of the step.
        spent: (S,), ∫rate dt over the step; infinite for the last one, which is not made.
        following: (S,), index of the next output time.
        piece: (S,), index of the polynomial of the envelope.
        record: (T, N + 2), emission, excitation and populations at the times before the last step.
        means: (T, X, 2), ⟨σ⁺_lσ⁻_m⟩ and operators at these times.
        ended: (1,), whether the last step would begin at the end of the run.
    """

    kets: NDArray[np.float64]
    now: NDArray[np.float64]
    scale: NDArray[np.float64]
    spent: NDArray[np.float64]
    following: NDArray[np.int64]
    piece: NDArray[np.int64]
    record: NDArray[np.float64]
    means: NDArray[np.float64]
    ended: NDArray[np.bool_]


class Lanes(NamedTuple):
    """The trajectories of one batch, and where each lane stands.

    Attributes:
        kets: (M, n, 2), normalised initial vectors, or (0, n, 2) for single configurations.
        members: (B,), the initial vector or configuration of each trajectory.
        lanes: (8,), the trajectory in each lane, or −1.
        cursor: (2,), how many trajectories have started, and how many jumps are recorded.
        now: (8,), time.
        left: (8,), ∫rate dt until the jump.
        spent: (8,), ∫rate dt over the last step.
        chances: (8,), the random number that draws the channel of this jump.
        scale: (8,), unit of time of the series.
        following: (8,), index of the next output time.
        jumps: (8,), how many jumps there were.
        piece: (8,), index of the polynomial of the envelope.
        click_times: (J,), time of each recorded jump.
        clicks: (J, 2), trajectory and channel of each recorded jump.
    """

    kets: NDArray[np.float64]
    members: NDArray[np.int64]
    lanes: NDArray[np.int64]
    cursor: NDArray[np.int64]
    now: NDArray[np.float64]
    left: NDArray[np.float64]
    spent: NDArray[np.float64]
    chances: NDArray[np.float64]
    scale: NDArray[np.float64]
    following: NDArray[np.int64]
    jumps: NDArray[np.int64]
    piece: NDArray[np.int64]
    click_times: NDArray[np.float64]
    clicks: NDArray[np.int64]


class Work(NamedTuple):
    """Memory of one thread; n = 2^N.

    Attributes:
        x: ((most + 1)·pitch, 2, 8), the terms.
        value: (n, 2, 8), φ at the end of the step.
        values: (4, n, 2, 8), φ at output times.
        centre: (1, 2, 8), the number that is subtracted from H_eff.
        mixed: see `panel.apply`.
        pulse: (K, 2, 8), coefficients of the envelope in the unit of time of each lane.
        theta: (4, 1, 8), times in this unit.
        norms: (4, 1, 8), ‖φ‖² at output times.
        sums: (1, 2, 8), ‖φ‖² and half its slope.
        norm: (1, 1, 8), ‖φ‖² at the end of the step.
        pairs: (N², 2, 8), ⟨σ⁺_lσ⁻_m⟩.
        share: (4N, 1, 8), rates of the channels.
        down: (N, 2, 8), weights of σ⁻_m.
        up: (N, 2, 8), weights of σ⁺_m.
        hold: (N, 2, 8), weights of σ⁺_mσ⁻_m.
        excited: (N, 1, 8), populations.
        found: (1, 2, 8), ⟨O⟩ of an operator.
    """

    x: NDArray[np.float64]
    value: NDArray[np.float64]
    values: NDArray[np.float64]
    centre: NDArray[np.float64]
    mixed: NDArray[np.float64]
    pulse: NDArray[np.float64]
    theta: NDArray[np.float64]
    norms: NDArray[np.float64]
    sums: NDArray[np.float64]
    norm: NDArray[np.float64]
    pairs: NDArray[np.float64]
    share: NDArray[np.float64]
    down: NDArray[np.float64]
    up: NDArray[np.float64]
    hold: NDArray[np.float64]
    excited: NDArray[np.float64]
    found: NDArray[np.float64]


def workspace(n: int, terms: int, pitch: int, powers: int) -> Work:
    """The memory of one thread for N emitters, with Taylor terms and powers of an envelope."""
    rows = 1 << n
    return Work(
        x=np.zeros(((terms + 1) * pitch, 2, LANES)),
        value=np.zeros((rows, 2, LANES)),
        values=np.zeros((AT_ONCE, rows, 2, LANES)),
        centre=np.zeros((1, 2, LANES)),
        mixed=np.zeros((2 * rows if powers else 0, 2, LANES)),
        pulse=np.zeros((powers, 2, LANES)),
        theta=np.zeros((AT_ONCE, 1, LANES)),
        norms=np.zeros((AT_ONCE, 1, LANES)),
        sums=np.zeros((1, 2, LANES)),
        norm=np.zeros((1, 1, LANES)),
        pairs=np.zeros((n * n, 2, LANES)),
        share=np.zeros((4 * n, 1, LANES)),
        down=np.zeros((n, 2, LANES)),
        up=np.zeros((n, 2, LANES)),
        hold=np.zeros((n, 2, LANES)),
        excited=np.zeros((n, 1, LANES)),
        found=np.zeros((1, 2, LANES)),
    )


def turned(couplings: Couplings) -> NDArray[np.complex128]:
    """The phase factor of each emitter that makes its Rabi frequency real; 1 if all are real.

    The basis state of a configuration is multiplied by those of all its excited emitters.
    """
    drive = couplings.drive
    if not np.any(drive.imag):
        return np.ones(len(drive), complex)
    return np.exp(1j * np.angle(drive))


def tables(couplings: Couplings, phases: NDArray[np.complex128]) -> Tables:
    """What the kernels know of a problem, with basis states of these phases (see `turned`)."""
    n, every = len(couplings), np.arange(1 << len(couplings))
    free = (every[:, None] >> np.arange(n)) & 1 == 0
    empty = np.argsort(~free, axis=1, kind="stable").astype(np.uint8)
    outer = phases.conj()[:, None] * phases
    photons, alone = couplings.thermal_photons, np.zeros(n)
    whole = without_light(couplings)
    pump, dephasing = noise.own(whole.pump), couplings.dephasing
    h = np.array(whole.effective_hamiltonian(), dtype=complex)
    if whole.pump.ndim == 2:  # σ⁻_nσ⁺_m is σ⁺_mσ⁻_n for two emitters
        h -= 0.5j * (whole.pump - np.diag(pump))
    h = (h + 1j * np.diag(pump / 2 - (dephasing if dephasing.ndim == 1 else alone))) * outer
    decay = whole.decay * outer
    centre = np.trace(h) / 2
    # as `collapse_operators` counts them
    rates, vectors = noise.modes(np.asarray(couplings.decay))
    channels = (np.sqrt((1 + photons) * rates) * vectors.conj()).T * phases
    raising = [(np.sqrt(photons) * np.sqrt(rates) * vectors.conj()).T * phases] if photons else []
    if couplings.pump.ndim == 2:
        rates, vectors = noise.modes(couplings.pump)
        raising.insert(0, (np.sqrt(rates) * vectors.conj()).T * phases)
    holding, lost = np.zeros((0, n)), np.zeros(0)
    if dephasing.ndim == 2:
        rates, vectors = noise.modes(dephasing)
        holding, lost = (np.sqrt(2 * rates) * vectors).T, ~free @ dephasing.real
        lost = np.sum(lost * ~free, axis=1)
    driven = np.flatnonzero(couplings.drive)
    real = np.isrealobj(couplings.decay) and np.all(phases == 1)
    energies = np.zeros(0)
    if couplings.ising is not None:
        energies = interaction_energies(couplings.ising, every)
        energies -= energies.mean()
    return Tables(
        empty=empty,
        width=free.sum(axis=1),
        h=np.ascontiguousarray(np.stack([h.real, h.imag - h.real, h.real + h.imag], axis=-1)),
        centre=np.array([centre.real, centre.imag]),
        drive=(couplings.drive * phases.conj()).real[driven] / 2,
        driven=(1 << driven).astype(np.uint64),
        decay=np.ascontiguousarray(decay.real),
        across=np.zeros((0, 0)) if real else np.ascontiguousarray(decay.imag),
        channels=_pairs(channels),
        dephasing=alone if dephasing.ndim == 2 else 2 * dephasing,
        pump=np.array(couplings.pump) if couplings.pump.ndim == 1 else alone,
        raising=_pairs(np.concatenate([np.zeros((0, n)), *raising])),
        holding=_pairs(holding),
        lost=lost,
        pumped=np.array([pump.sum()]),
        energies=energies,
    )


def _pairs(values: NDArray[Any]) -> NDArray[np.float64]:
    """Complex numbers as pairs of real ones, along a last axis."""
    return np.ascontiguousarray(np.stack([values.real, values.imag], axis=-1), dtype=float)
