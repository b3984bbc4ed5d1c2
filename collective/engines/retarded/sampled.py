"""Samples of what a field scatters between the emitters, at frequencies around their own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.progress import Progress
from collective.couplings.pairs import CHUNK_BYTES, upper_triangle
from collective.emitters import Emitters
from collective.engines.request import Request
from collective.fields import Vacuum, answers
from collective.fields.free_space import vacuum_green
from collective.fields.memory import Memory
from collective.fields.permittivity import of_one_frequency

NARROWEST = 8.0  # half the band, in units of the dynamics
_MOST = 0.4  # of ω₀: half the band
_STEP = 1e-4  # of half the band: two frequencies whose phases tell a delay
_ROUNDS = 40  # until the size of the dynamics is found
FREQUENCIES = 130  # that are sampled, as predicted
_TRIED = 36  # pairs whose samples tell how long all take


@dataclass(frozen=True, eq=False)
class Sampled:
    """A field that is to be sampled, in the user's unit of rate.

    Attributes:
        scattered: samples of Σ^S.
        emitters: N of them.
        middle: of the frequencies that matter.
        size: norm of the matrix that moves the amplitudes.
        widest: half of the widest band.
        guess: the memory of the vacuum, and of what is scattered with delays as some pairs have.
        markov: Δ − iΓ/2 of the couplings, (N, N).
        seconds: that one frequency takes.
    """

    scattered: "Scattered"
    emitters: Emitters
    middle: float
    size: float
    widest: float
    guess: Memory
    markov: NDArray[np.complex128]
    seconds: float


class Scattered:
    """Samples of Σ^S at detunings from ω₀, in the user's unit of rate; each is computed once.

    Args:
        emitters: N of them, with a frequency.
        field: any field with a Green's tensor.
    """

    def __init__(self, emitters: Emitters, field: Any):
        self._emitters = emitters
        self._progress: Progress | None = None
        self._field = answers.response(emitters.kind, field)
        self._known: dict[float, NDArray[np.complex128]] = {}

    def wavenumber(self, detuning: float) -> float:
        """The vacuum wave number k at a detuning from ω₀."""
        speed = self._emitters.speed_of_light
        assert speed is not None
        return float(2 * np.pi / self._emitters.wavelength + detuning / speed)

    @property
    def count(self) -> int:
        """How many frequencies were sampled."""
        return len(self._known)

    def __call__(self, detunings: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Σ^S, (F, N, N), at detunings (F,)."""
        missing = [x for x in dict.fromkeys(detunings.tolist()) if x not in self._known]
        for x in missing:
            self._known[x] = self._at(x)
            if self._progress is not None and self.count <= FREQUENCIES:
                self._progress.step()
        n = len(self._emitters)
        found = [self._known[x] for x in detunings.tolist()]
        return np.array(found, dtype=complex).reshape(len(detunings), n, n)

    @contextmanager
    def watched(self, show: bool) -> Iterator[None]:
        """Progress is shown, if it is to be shown, as if so many samples as usual were needed."""
        try:
            with Progress(FREQUENCIES, "sampling the field", show=show) as self._progress:
                yield
        finally:
            self._progress = None

    def _at(self, detuning: float) -> NDArray[np.complex128]:
        n = len(self._emitters)
        found = np.empty((n, n), dtype=complex)
        for i, j in upper_triangle(n, CHUNK_BYTES):
            found[i, j], found[j, i] = self.pairs(detuning, i, j)
        return found

    def pairs(
        self, detuning: float, i: NDArray[np.intp], j: NDArray[np.intp]
    ) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """Σ^S of pairs in both orders, (P,) each."""
        e, k = self._emitters, self.wavenumber(detuning)
        resonant = 2 * np.pi / e.wavelength
        try:
            tensor = self._tensor(e.positions[i], e.positions[j], k)
        except (ValueError, MemoryError):
            raise
        except Exception as error:
            raise ValueError(
                f"field {self._field!r} fails at k = {k:.10g} ({type(error).__name__}: {error})"
            ) from error
        size = np.sqrt(e.decay_rates[i] * e.decay_rates[j])
        size = -3 * np.pi / resonant * (k / resonant) ** 2 * size
        u, v = e.dipoles[i], e.dipoles[j]
        forward = np.einsum("pi,pij,pj->p", u.conj(), tensor, v)
        backward = np.einsum("pi,pji,pj->p", v.conj(), tensor, u)
        return size * forward, size * backward

    def _tensor(
        self, r: NDArray[np.float64], source: NDArray[np.float64], k: float
    ) -> NDArray[np.complex128]:
        """What is scattered between points, (P, 3, 3), checked."""
        if callable(getattr(self._field, "scattered", None)):
            answer = np.asarray(self._field.scattered(r, source, k))
            return np.asarray(answers.checked_tensor(self._field, answer, r, source))
        whole = answers.total_green(self._field, r, source, k)
        return np.asarray(whole - vacuum_green(r, source, k))


def sampled_of(request: Request) -> Sampled:
    """The field of a request as one to be sampled; only a few pairs are, to see how long it takes.

    Raises:
        ValueError: for a field without a Green's tensor, or one that is known at one frequency
            alone, or not in the narrowest band; emitters without a frequency; dynamics too fast
            for the frequency.
    """
    couplings, unit = request.couplings, request.unit
    field, emitters = couplings.field, couplings.emitters
    assert emitters is not None
    if answers.without_tensor(field):
        raise ValueError(
            f"{field!r} has neither a Green's tensor nor memory(emitters), which Waveguide and "
            "Cavity have and a field of your own may have"
        )
    if emitters.frequency is None:
        raise ValueError(
            "frequency is required: the spectrum of a field over a linewidth needs the speed of "
            "light, Emitters(..., frequency=...)"
        )
    if np.ptp(emitters.wavenumbers):
        raise ValueError(
            "the emitters have different wave numbers. Couple emitters without detunings, and give "
            "these by couplings.replace(detunings=...)"
        )
    why = of_one_frequency(field)
    if why is not None:
        raise ValueError(f"{field!r} has no spectrum: {why}")
    scattered, few = Scattered(emitters, field), _few(len(emitters))
    middle, size = _scale(request, scattered, few)
    half, widest = NARROWEST * size, _MOST * emitters.frequency - abs(middle)
    if half > widest:
        raise ValueError(
            f"the dynamics, with rates and shifts of {size:.3g}, is too fast for the frequency "
            f"{emitters.frequency:g}: they must be below {max(0.0, widest) / NARROWEST:.3g}"
        )
    samples, begin = [], 0.0
    try:
        for at in (-1, _STEP - 1, 1):
            samples.append(scattered.pairs(middle + at * half, *few)[0])
            begin = begin or time.perf_counter()  # the first answer may prepare others
    except ValueError as error:
        raise _needed(scattered, middle, half, error) from error
    n = len(emitters)
    seconds = (time.perf_counter() - begin) / 2 * (n * (n + 1) / 2) / len(few[0])
    vacuum = Vacuum().memory(emitters)
    direct = vacuum.delays[0][few]
    apart = (direct > 0) & (np.abs(samples[0]) > 0)
    slower = 1.0
    if apart.any():
        turned = np.angle(samples[1][apart] * samples[0][apart].conj()) / (_STEP * half)
        slower = max(1.0, float(np.median(turned / direct[apart])))
    markov = (np.asarray(couplings.shift) - 0.5j * np.asarray(couplings.decay)) * unit
    between = markov - vacuum.self_energy(0.0)
    between *= min(1.0, size / max(float(np.linalg.norm(between, 2)), np.finfo(float).tiny))
    guess = Memory(
        np.concatenate([vacuum.strengths, [between]]),
        np.concatenate([vacuum.delays, slower * vacuum.delays]),
        vacuum.couplings,
        vacuum.frequencies,
        np.concatenate([vacuum.changes, np.zeros_like(vacuum.changes)]),
    )
    return Sampled(scattered, emitters, middle, size, widest, guess, markov, seconds)


def _needed(scattered: "Scattered", middle: float, half: float, error: ValueError) -> ValueError:
    """The error for a field that does not answer in a band."""
    ends = (scattered.wavenumber(middle + way * half) for way in (-1, 1))
    return ValueError(
        "the field is needed at all wave numbers from {:.10g} to {:.10g}".format(*ends)
        + f", a band of {2 * half:.3g} in units of rate. {error}"
    )


def _few(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Some pairs m ≤ n of N emitters, or all if there are few; some of them have m = n."""
    first, second = np.triu_indices(n)
    order = np.random.default_rng(0).permutation(len(first))
    order = order[np.argsort(first[order] != second[order], kind="stable")]
    alone = order[: min(n, _TRIED // 3)]
    others = order[n : n + _TRIED - len(alone)]
    chosen = np.sort(np.concatenate([alone, others]))
    return first[chosen], second[chosen]


def _scale(
    request: Request, scattered: "Scattered", few: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> tuple[float, float]:
    """The middle of the frequencies that matter, and the size of rates and shifts around it.

    At a sharp resonance Δ and Γ at ω₀ itself may be far larger than both, so the size s is that of
    Σ(±s). From g²/ω of a mode it becomes g.
    """
    couplings, unit = request.couplings, request.unit
    emitters = couplings.emitters
    assert emitters is not None
    assert emitters.frequency is not None
    markov = (np.asarray(couplings.shift) - 0.5j * np.asarray(couplings.decay)) * unit
    detunings = np.broadcast_to(couplings.detunings * unit, len(markov))
    moving = markov + np.diag(detunings)
    middle = float(moving.diagonal().real.mean())
    size = float(np.linalg.norm(moving - middle * np.eye(len(moving)), 2))
    size = size or unit / float(request.times[-1])
    vacuum, alone = Vacuum().memory(emitters), few[0] == few[1]

    def entries(x: float) -> NDArray[np.complex128]:
        return np.asarray(vacuum.self_energy(x)[few] + scattered.pairs(x, *few)[0])

    at_resonance = entries(0.0)
    own = middle - float(at_resonance[alone].real.mean())  # without scattered light
    first = max(float(np.abs(at_resonance).max()), np.finfo(float).tiny)
    most, whole, shifts = _MOST * emitters.frequency, size, at_resonance
    for _ in range(_ROUNDS):
        away = min(size, most / 2)
        try:
            shifts = np.array([entries(way * away) for way in (-1, 1)])
        except ValueError as error:
            raise _needed(scattered, middle, NARROWEST * size, error) from error
        there = whole * float(np.abs(shifts).max()) / first
        if there > size / 2:
            return middle, size
        size = float(np.sqrt(size * there))
        middle = own + float(shifts[:, alone].real.mean())
    return middle, size
