r"""Estimated errors of approximate engines: before a run, and from what a run has found.

Every error is one of the emission R. Before a run it is relative to the largest emission,
:math:`\max_t|R - R_\mathrm{exact}|/\max_t R_\mathrm{exact}`; after it, there is a band (T,) around
the emission, in the unit of the emission. No band holds the standard error of a sampled result.

The numbers below are fits to about 190 problems of 3 to 12 emitters (up to 30 identical ones) with
exact results: chains, rings, squares, cubes, clouds, identical emitters, one-way couplings,
detuned, dephased and driven ones, 0.05 to 0.5 wavelengths apart. `benchmarks/accuracy.py` repeats
the comparison with the engines as they are, and the page "How far to trust it" shows it.

What they depend on, all in units of the mean decay rate Γ:

* the cooperation :math:`S = \sum_{m≠n}|Γ_{mn}|^2/N`, the slope by which a burst begins. The error
  of second order is proportional to it, and the ratio of the errors of third and second order too.
* the shifts :math:`X^2 = \sum_{m≠n}|Δ_{mn}Γ_{mn}|^2/N` of pairs that radiate together. They carry
  the emitters out of the symmetric states that low orders describe well.
* the common shift :math:`R = |\sum_{m≠n}Γ_{nm}Δ_{mn}|/N` of the bright modes, which works
  against X.

The file is longer than others because all fits use these numbers.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from collective.couplings.channels import ChannelCouplings, within
from collective.couplings.couplings import Couplings
from collective.emitters import Atoms
from collective.engines.request import Request
from collective.states.answers import typical_excitation
from collective.states.level_moments import matrices, uncorrelated_matrices
from collective.states.moments import uncorrelated

Kind = Literal["mean field", "random phases", "order 2", "order 3", "wigner", "conditional"]

_ROWS, _ENTRIES = 512, 2**21  # of Γ and Δ that are read, so that 10⁵ emitters cost no more than 10³
_WIDER = 2.2  # a band from an expected error alone is wider by this much: 95 % instead of half
_WIDER_DRIVEN = 4.0
_POLARISED = 1e-12  # relative size of polarisations that are only round-off
_HOLE = 0.09  # Γ of emission that Wigner invents for each emitter in its ground state, at most
UNBELIEVABLE = 10.0  # resets of a conditional sample; with more of them nothing is claimed
_LARGEST = 0.95  # no expected error is larger; one of 1 would say that there is no emission


@dataclass(frozen=True)
class Strength:
    """What the estimates depend on, in units of the mean decay rate of an emitter.

    Attributes:
        n: number of emitters.
        own: Σ Γ_mm, in the unit of the request.
        cooperation: S, reduced by dephasing and by different frequencies of the emitters.
        unreduced: S.
        shifts: X, of pairs that radiate together.
        common: R, the shift of the bright modes.
        scatter: the root mean square of all shifts of an emitter, and of the detunings.
        drive: the root mean square of |Ω|.
        excited: mean population at the start, or where a pump leads if that is more.
        coherence: 4|⟨σ⁻⟩|² at the start, from 0 to 1.
        correlated: whether the emitters are correlated at the start.
        pump: mean p.
        uneven: variance of the populations at the start over their mean; 0 if correlated.
    """

    n: int
    own: float
    cooperation: float
    unreduced: float
    shifts: float
    common: float
    scatter: float
    drive: float
    excited: float
    coherence: float
    correlated: bool
    pump: float
    uneven: float


def strength(request: Request) -> Strength:
    """The numbers on which the estimates depend; kept with the request.

    At most 512 rows of Γ and Δ are read, and 2²¹ entries. They are spread evenly over the emitters.
    """
    if Strength not in request.memo:
        request.memo[Strength] = _strength(request)
    found: Strength = request.memo[Strength]
    return found


def _strength(request: Request) -> Strength:
    n = len(request.rwa)
    rows = min(n, _ROWS, max(_ENTRIES // n, 1))
    chosen = np.unique(np.linspace(0, n - 1, rows).astype(int))
    of_atoms = isinstance(request.problem, ChannelCouplings)
    parts = _of_channels(request, chosen) if of_atoms else _of_couplings(request, chosen)
    mean = float(parts.rates.mean()) or 1.0
    others = np.arange(n) != chosen[:, None]
    decay, shift = parts.decay * others / mean, parts.shift * others / mean
    frequencies, pump = parts.frequencies / mean, parts.pump / mean
    noise = parts.dephasing / mean + pump / 2
    pairs = np.abs(decay) ** 2
    plain = float(pairs.sum()) / len(chosen)
    shifts = float(np.sqrt((pairs * np.abs(shift) ** 2).sum() / len(chosen)))
    # dephasing and different frequencies end the coherence of a pair
    width = 1 + plain + shifts
    apart = (frequencies[chosen, None] - frequencies) ** 2
    pairs = pairs / (1 + apart / width**2 + (noise[chosen, None] + noise) / max(plain, 1e-9))
    excited, coherence, uneven = parts.excited, parts.coherence, parts.uneven
    excited = max(excited, float((pump / (1 + pump)).mean()))
    envelope = float(np.abs(request.pulse).max()) if request.pulse.size else 1.0
    return Strength(
        n=n,
        own=float(parts.rates.sum()),
        cooperation=float(pairs.sum()) / len(chosen),
        unreduced=plain,
        shifts=shifts,
        common=float(np.abs((decay.conj() * shift).sum())) / len(chosen),
        scatter=float(np.sqrt((np.abs(shift) ** 2).sum() / len(chosen)) + frequencies.std()),
        drive=envelope * float(np.sqrt((parts.drive**2).mean())) / mean,
        excited=excited,
        coherence=coherence,
        correlated=parts.correlated,
        pump=float(pump.mean()),
        uneven=uneven,
    )


@dataclass(frozen=True)
class _Parts:
    """What `Strength` is made of, in the unit of the request.

    Attributes:
        rates: Γ_mm, (N,).
        decay: rows of Γ, (chosen, N).
        shift: rows of Δ.
        frequencies: of the emitters, (N,).
        pump: (N,).
        dephasing: (N,).
        drive: |Ω|, (N,).
        excited: mean population at the start.
        coherence: 4|⟨σ⁻⟩|² at the start, the mean.
        uneven: variance of the populations over their mean.
        correlated: whether emitters are correlated at the start.
    """

    rates: NDArray[np.float64]
    decay: NDArray[Any]
    shift: NDArray[Any]
    frequencies: NDArray[np.float64]
    pump: NDArray[np.float64]
    dephasing: NDArray[np.float64]
    drive: NDArray[np.float64]
    excited: float
    coherence: float
    uneven: float
    correlated: bool


def _of_couplings(request: Request, chosen: NDArray[np.int64]) -> _Parts:
    """The numbers of two-level emitters."""
    couplings, n = request.couplings, len(request.couplings)
    lowered = uncorrelated(request.state, n)
    if lowered is not None:
        excited = float((1 + lowered[1]).mean()) / 2
        coherence = 4 * float((np.abs(lowered[0]) ** 2).mean())
        uneven = float(((1 + lowered[1]) / 2).var()) / max(excited, 1e-300)
    else:
        excited, coherence = typical_excitation(request.state, n) / n, 0.0
        uneven = 0.0
    return _Parts(
        rates=couplings.decay.diagonal().real,
        decay=np.asarray(couplings.decay[chosen]),
        shift=np.asarray(couplings.shift[chosen]),
        frequencies=couplings.detunings + couplings.shift.diagonal().real,
        pump=couplings.pump,
        dephasing=couplings.dephasing,
        drive=np.abs(couplings.drive),
        excited=excited,
        coherence=coherence,
        uneven=uneven,
        correlated=lowered is None,
    )


def _of_channels(request: Request, chosen: NDArray[np.int64]) -> _Parts:
    """The numbers of atoms with manifolds, as if each level decayed by one channel.

    A pair then has √(‖Γ_mn‖₁‖Γ_mn‖_∞) over its channels, which is no less than the rate by which
    any polarisation is exchanged. Compared with the exact emission for 59 problems of 2 and 3 atoms
    with J = 0 to 2, at 0.06 to 0.3 wavelengths.
    """
    channels, atoms, n = request.channels, request.channels.atoms, len(request.channels)
    up = int(atoms.excited.sum())
    basis, strength = _transitions(atoms)
    each, kept = basis.shape
    rho = matrices(request.state, atoms)
    excited = np.einsum("mee->m", rho[:, :up, :up]).real
    dipoles = np.einsum("cge,meg->mc", atoms.channels, rho)
    h = channels.local_hamiltonians(drive=False).diagonal(axis1=1, axis2=2).real
    mean, nothing = float(excited.mean()), np.zeros(n)

    def blocks(matrix: NDArray[Any], m: int) -> NDArray[Any]:
        left = basis.conj().T @ matrix[m * each : (m + 1) * each]
        return (left.reshape(kept * n, each) @ basis).reshape(kept, n, kept)

    decay, shift = np.empty((2, len(chosen), n))
    for row, m in enumerate(chosen):
        pair = blocks(channels.decay, m), blocks(channels.shift, m)
        alike = np.sign(np.einsum("knl,knl->n", pair[0].conj(), pair[1]).real)
        decay[row], shift[row] = _norms(pair[0]), alike * _norms(pair[1])

    own = within(channels.decay, n)
    rates = np.einsum("cge,mcd,dge->m", atoms.channels.conj(), own, atoms.channels)
    return _Parts(
        rates=rates.real / up,
        decay=strength * decay,
        shift=strength * shift,
        frequencies=h[:, :up].mean(axis=1) - h[:, up:].mean(axis=1),
        pump=nothing,
        dephasing=nothing,
        drive=np.linalg.norm(channels.drive.reshape(n, each) @ basis.conj(), axis=1),
        excited=mean,
        coherence=min(4 * float((np.abs(dipoles) ** 2).sum(axis=1).mean()), 1.0),
        uneven=float(excited.var()) / max(mean, 1e-300),
        correlated=uncorrelated_matrices(request.state, atoms) is None,
    )


def _norms(blocks: NDArray[Any]) -> NDArray[np.float64]:
    """√(‖M‖₁‖M‖_∞) of each block, (N,), from (r, N, r)."""
    sizes = np.abs(blocks)
    return np.asarray(np.sqrt(sizes.sum(axis=0).max(axis=1) * sizes.sum(axis=2).max(axis=0)))


def _transitions(atoms: Atoms) -> tuple[NDArray[Any], float]:
    """The polarisations that transitions have, (C, r), and the largest strength of a level."""
    each = len(atoms.channels)
    basis, sizes, _ = np.linalg.svd(atoms.channels.reshape(each, -1), full_matrices=False)
    kept = sizes > _POLARISED * sizes[0]
    chosen = np.eye(each) if kept.all() else basis[:, kept]
    return chosen, float(np.sum(np.abs(atoms.channels) ** 2, axis=(0, 1)).max())


def expected(request: Request, kind: Kind, samples: int | None = None) -> float | None:
    """The expected error of a kind of approximation, relative to the largest emission.

    It is the typical error: the true one is smaller in half of all problems. In 95 % it is less
    than twice as large without a drive, and less than four times with one.

    Args:
        request: Γ, Δ, the drive and the state are read.
        kind: the approximation.
        samples: of a sampled approximation. Its statistical error is then added.

    Returns:
        A number from 0 to 0.95, for "wigner" any number ≥ 0; None if it is not known, as with
        Ising terms.
    """
    s = strength(request)
    if s.own == 0:
        return 0.0
    if isinstance(request.problem, Couplings) and request.problem.ising is not None:
        return None
    if kind == "wigner":
        scatter = 0.0 if samples is None else (0.3 + 0.1 * min(s.cooperation, 3)) / samples**0.5
        largest = _largest(s)
        return None if largest == 0 else (_hole(s) + scatter) / largest + 0.1 * _order(s, 2)
    scatter = min(0.08 + 0.08 * s.cooperation, 0.6)
    if kind == "conditional":
        scatter = _record_scatter(s)
    error = {
        "mean field": lambda: _mean_field(s),
        "random phases": lambda: _random_phases(s),
        "order 2": lambda: _order(s, 2),
        "order 3": lambda: _order(s, 3),
        "conditional": lambda: _share_of_second(s) * _order(s, 2),
    }[kind]()
    if samples is not None:
        error += scatter / samples**0.5
    return min(error, _LARGEST)


def _saturated(x: float) -> float:
    """An error that is small if x is, and never more than 1."""
    return x / (1 + x)


def _order(s: Strength, order: int) -> float:
    """The expected error of the cumulants of an order."""
    if s.n <= order:
        return 0.0
    spread = s.shifts**2 / (4 + s.shifts**2 + s.common**2)
    second = _saturated(s.cooperation * (0.013 + 0.08 * spread))
    # a triple of excitations is needed; dipoles from the start have their correlations in order 1
    second *= (1 - s.coherence) * s.excited**2 + 0.35 * s.coherence * s.excited
    second = max(second, 0.14 * (1 + s.shifts) ** (1 / 3) * _driven(s))
    if order == 2:
        return second
    return second if s.correlated else min((0.1 + s.cooperation / 8) * second, _LARGEST)


def _share_of_second(s: Strength) -> float:
    """The error of conditional cumulants as a share of that of second order.

    A record helps an inverted ensemble, whose emitters go one way or another. It hardly helps
    where a drive or the start has already chosen a way.
    """
    return 0.25 if s.drive == 0 and s.excited > 0.99 else 0.7


def _record_scatter(s: Strength) -> float:
    """The scatter of the emission of one conditional state, relative to the largest emission.

    Measured for 44 problems of 6 to 64 emitters, within a factor of 1.5 for the inverted ones.
    """
    return (2 if s.drive else 1) * (0.12 + 0.1 * s.cooperation) / s.n**0.5


def _driven(s: Strength) -> float:
    """The expected error of mean field under a drive.

    Both a weak drive, which keeps the emitters linear, and a strong one, which acts on each alone,
    make it small.
    """
    if s.n == 1 or s.drive == 0:
        return 0.0
    v = s.drive / (1 + s.cooperation + s.common + s.shifts)
    return _saturated(0.45 * ((1 + s.shifts) * v / (1 + v * v)) ** 2)


def _mean_field(s: Strength) -> float:
    """The expected error of mean field: without a dipole at the start it has no burst at all."""
    if s.n == 1:
        return 0.0
    burst = 1.13 * s.cooperation / (7.5 + s.cooperation)
    started = s.coherence * _saturated(0.02 * s.cooperation * (1 + s.shifts) ** 0.5)
    alone = (1 - s.coherence) * s.excited * burst
    # where emission is a matter of interference, small correlations matter
    least = 0.008 * min(1.0, 40 * s.excited, 20 * s.cooperation)
    return max(alone + s.excited * started, least, _driven(s), _pumped(s))


def _random_phases(s: Strength) -> float:
    """The expected error of mean field that starts with random phases.

    Phases that are drawn once tire: dephasing does not make this smaller. Beside emitters in the
    ground state the spins of excited ones are too long. Partly excited and uneven starts: measured
    for 54 problems of 6 emitters at 0.05 to 0.4 wavelengths.
    """
    square = s.unreduced**2
    begun = 0.1 * s.excited**0.5 * (1 + 2 * s.scatter / (s.scatter + 15)) * square / (4 + square)
    partly = 0.15 * min(1.0, (5 * s.excited) ** 0.5) * max(1 - s.excited, 0.0) ** 0.25
    partly = max(partly, 0.4 * s.uneven) * square / (2.5 + square)
    return max(begun, partly, _driven(s), _pumped(s))


def _pumped(s: Strength) -> float:
    """The expected error of mean field of pumped emitters, which in the end are independent in it.

    In truth a weak pump fills dark states, and a strong one makes the emitters radiate together.
    Measured for 40 problems of 5 or 6 emitters at 0.05 to 0.4 wavelengths.
    """
    if s.n == 1 or s.pump == 0:
        return 0.0
    together = 0.95 * s.unreduced / (1.8 + s.unreduced)
    return together * max(1 / (1 + 3 * s.pump), 0.38 / (1 + s.pump / 20))


def _hole(s: Strength) -> float:
    """What each emitter in its ground state still emits in truncated Wigner, over Γ."""
    return _HOLE * _saturated(5 * s.unreduced)


def _largest(s: Strength) -> float:
    """The largest emission for each emitter, roughly: that of a burst, or under the drive."""
    bright = 1 + s.cooperation
    driven = s.drive**2 * bright / (bright**2 + 4 * s.common**2)
    burst = s.excited + 0.17 * s.excited**2 * max(s.cooperation - 2, 0)
    return max(burst, _saturated(driven))


def from_orders(
    second: NDArray[np.float64],
    third: NDArray[np.float64],
    request: Request | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bands of the cumulants of second and third order from the gap between the two.

    Second order is off by 0.6 to 1.1 times the largest gap, and third order by a share that grows
    with the cooperation of the emitters.

    Args:
        second: (T,), emission of second order.
        third: (T,) or fewer, emission of third order, up to where it diverged.
        request: with it the band of third order is about as wide as it must be, without it often
            twice as wide.

    Returns:
        The band of second order (T,), and that of third order, as long as `third`.
    """
    known = len(third)
    gap = _lasting(np.abs(second[:known] - third), second[:known], third)
    share = 0.75 if request is None else _share(strength(request))
    band = np.full(len(second), np.inf)
    band[:known] = 1.3 * gap
    if known < len(second):  # third order has diverged, and tells nothing more
        least = 0.3 if request is None else 2 * _order(strength(request), 2)
        largest = np.maximum.accumulate(np.abs(second))
        relative = float((band[:known] / np.maximum(largest[:known], 1e-300)).max(initial=least))
        band[known:] = (relative * largest)[known:]
    return band, share * gap


def _share(s: Strength) -> float:
    """The band of third order over the gap between the orders."""
    return 1.3 if s.correlated else min(0.3 + s.cooperation / 7, 1.3)


def from_mean_field(
    first: NDArray[np.float64], second: NDArray[np.float64], request: Request
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bands (T,) of mean field and of second order from their gap, for starts with a dipole.

    Mean field is off by the gap. Second order is off by a twentieth of it for weak shifts and by
    the whole gap for strong ones.
    """
    gap = _lasting(np.abs(second - first), first, second)
    return 1.4 * gap, 0.65 * (1 + strength(request).shifts) ** (1 / 3) * gap


def from_expected(
    emission: NDArray[np.float64], error: float, request: Request | None = None
) -> NDArray[np.float64]:
    """A band (T,) from the expected error alone, wide enough for most problems.

    Args:
        emission: (T,).
        error: from `expected`.
        request: with it the band is wider if there is a drive, where the error is less certain.
    """
    size = np.abs(emission)
    largest = np.maximum.accumulate(size)
    driven = request is not None and strength(request).drive > 0
    wide = (_WIDER_DRIVEN if driven else _WIDER) * error / (1 - min(error, 0.8))
    if driven and error < 1:
        wide = min(wide, 1.5)  # no drive makes mean field invent more than the emission itself
    return np.asarray(wide * largest**0.75 * size**0.25)


def from_conditional(
    conditional: NDArray[np.float64],
    second: NDArray[np.float64],
    resets: float,
    request: Request | None = None,
) -> NDArray[np.float64]:
    """The band (T,) of conditional cumulants, from their gap to plain ones of second order.

    Where a drive or the start has chosen a way the gap says little, and the error expected of
    second order is a lower bound of the band.

    Args:
        conditional: (T,), emission.
        second: (T,), emission of second-order cumulants.
        resets: mean number of resets of a run.
        request: with it the band is wider for a drive and for starts that are not inverted.
    """
    gap = 0.6 * np.abs(conditional - second)
    size = np.maximum(np.abs(conditional), np.abs(second))
    largest = np.maximum.accumulate(size)
    jumped = 0.02 * min(resets, 10.0) * np.sqrt(largest * size)
    band = _lasting(gap, conditional, second) + jumped
    if resets > UNBELIEVABLE:
        band = np.maximum(band, size)
    if request is None or _share_of_second(strength(request)) < 0.5:
        return band
    least = from_expected(conditional, expected(request, "order 2") or 0.0, request)
    return np.maximum(band, least)


def _lasting(
    gap: NDArray[np.float64],
    one: NDArray[np.float64],
    other: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The gap (T,), never less than earlier gaps scaled by the square root of the emission.

    Two curves that cross are both wrong there. The square root falls more slowly than the emission:
    errors in the tail are relatively larger.
    """
    size = np.maximum(np.abs(one), np.abs(other))
    largest = np.maximum.accumulate(size)
    size = np.sqrt(np.maximum(size, 1e-12 * largest))
    size[size == 0] = 1.0
    return np.asarray(np.maximum.accumulate(gap / size) * size)
