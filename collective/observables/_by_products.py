r"""Coherences and spectra of driven or pumped emitters from products with L, without its matrix.

The sums are those of `photons` and `spectra`. ρ, and the effect of a photon on it, are vectors of
4^N numbers (`evolution.steady_generator`). Delays are reached by `_delayed_moments`, frequencies by
`_shifted_solves`. All rates are in units of the largest rate.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective._tools.operators import exchange
from collective._tools.progress import Progress
from collective.couplings.couplings import Couplings
from collective.evolution import steady_kernel, steady_krylov
from collective.evolution.steady_generator import Generator, Threads, generator
from collective.observables import _delayed_moments, _regression, _shifted_solves
from collective.observables._detection import channels
from collective.observables._products import Products
from collective.states import density_matrix

if TYPE_CHECKING:
    from qutip import Qobj

_SOLUTIONS = 40  # vectors of one channel: solutions at some frequencies, and their images
_TOLERANCE = 1e-10  # of the spectrum, relative to the light of the brightest channel
_LOOSEST = 1e-6  # tolerance of the light of a dark channel
_MARKS = 1000  # of the progress bar


def suits(couplings: Couplings) -> bool:
    """Whether products are faster than matrices: for five or more driven or pumped emitters."""
    active = bool(np.any(couplings.drive) or np.any(couplings.pump))
    return active and len(couplings) >= steady_kernel.FEWEST


@dataclass(frozen=True, eq=False)
class _Source:
    """A state that emits light, and its generator.

    Attributes:
        generator: L.
        rho: ρ, (2^N, 2^N).
        vector: ρ as a vector, (S,).
        steady: whether it is the steady state.
    """

    generator: Generator
    rho: NDArray[np.complex128]
    vector: NDArray[np.float64]
    steady: bool

    @property
    def stationary(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """ρ at infinite time and the row that gives the trace; None if not known."""
        return (self.vector, self.generator.trace) if self.steady else None

    def after(self, jumps: "list[Qobj]") -> tuple[NDArray[Any], NDArray[Any]]:
        """ρL† of every channel as columns (S, C), and the rows (C, S) that give tr(LX)."""
        matrices = [jump.data_as("csr_matrix") for jump in jumps]
        pack, row = self.generator.pack, self.generator.row
        columns = [pack((m.conj() @ self.rho.T).T) for m in matrices]
        return np.stack(columns, axis=1), np.stack([row(m) for m in matrices])


def require_vectors(couplings: Couplings, observable: str, vectors: int) -> None:
    """Raise if ρ and a number of complex vectors do not fit, before anything is allocated."""
    n = len(couplings)
    require(
        steady_krylov.bytes_needed(2**n) + 16 * 4**n * vectors,
        f"{observable} of {n} emitters by the regression theorem",
        "use fewer emitters",
    )


def _source(couplings: Couplings, state: Any, observable: str, threads: Threads) -> _Source:
    """The state that emits the light: the given one, or the steady state."""
    if state is None:
        _regression.require_source(couplings, observable)
        steady_kernel.refuse_dark_pairs(couplings)
    whole = generator(couplings, threads, show=True)
    if state is not None:
        rho = density_matrix(state, couplings).full()
        return _Source(whole, rho, whole.pack(rho, real=True), False)
    with Progress(_MARKS, "steady state") as bar:
        found = steady_kernel.unique(whole, steady_kernel.advancing(bar))
    return _Source(whole, whole.unpack(found.vector), found.vector, True)


def g1(
    couplings: Couplings, matrix: NDArray[Any], delays: NDArray[np.float64], state: Any, unit: float
) -> NDArray[np.complex128]:
    """Σ_mn D_mn⟨σ⁺_m(0)σ⁻_n(τ)⟩ over its value at τ = 0, (K,).

    Args:
        couplings: in units of the largest rate.
        matrix: D, in this unit.
        delays: τ, in this unit.
        state: the state at time 0, or None for the steady state.
        unit: the unit of rate, for errors.
    """
    jumps = channels(matrix)
    require_vectors(couplings, "g1", 8 * len(jumps))
    with Threads(2 ** len(couplings)) as threads:
        source = _source(couplings, state, "g1", threads)
        starts, rows = source.after(jumps)
        zero = float(np.einsum("cn,nc->", rows, starts).real)
        what = "g1, normalised to the light at time 0"
        _regression.check_light(zero * unit, np.trace(matrix).real * unit, what)
        products = Products(source.generator)
        with Progress(_MARKS, "g1") as bar:
            later = _delayed_moments.moments(
                products,
                starts,
                rows,
                delays,
                "g1",
                stationary=source.stationary,
                report=steady_kernel.advancing(bar),
            )
    return np.asarray(np.einsum("kcc->k", later) / zero)


def g2(
    couplings: Couplings,
    first: NDArray[Any],
    second: NDArray[Any],
    delays: NDArray[np.float64],
    state: Any,
    unit: float,
) -> NDArray[np.float64]:
    """The coherence of second order at every delay, (K,); D of both photons are given."""
    jumps = channels(first)
    require_vectors(couplings, "g2", 24)
    with Threads(2 ** len(couplings)) as threads:
        source = _source(couplings, state, "g2", threads)
        rho = source.rho
        after = np.zeros_like(rho)
        for jump in jumps:
            m = jump.data_as("csr_matrix")
            after += (m.conj() @ (m @ rho).T).T
        light, what = float(np.trace(after).real), "g2, normalised to the light at time 0"
        _regression.check_light(light * unit, np.trace(first).real * unit, what)
        whole = source.generator
        if state is None:
            scale = _regression.magnitudes(couplings, rho)[:: len(rho) + 1]
            whole = whole.scaled(np.sqrt(scale))
        starts = np.stack([whole.pack(each, real=True) for each in (after, rho)], axis=1)
        row = whole.row(exchange(second).data_as("csr_matrix"))
        stationary = (starts[:, 1], whole.trace) if state is None else None
        products = Products(whole)
        with Progress(_MARKS, "g2") as bar:
            found = _delayed_moments.moments(
                products,
                starts,
                row[None],
                delays,
                "g2",
                stationary=stationary,
                report=steady_kernel.advancing(bar),
            )
    counted, rate = found[:, 0].real.T
    darkest = f"g2 at a delay of {delays[np.argmin(rate)] / unit:g}"
    _regression.check_light(rate.min() * unit, np.trace(second).real * unit, darkest)
    return np.asarray(counted / (light * rate))


def spectrum(
    couplings: Couplings, matrix: NDArray[Any], frequencies: NDArray[np.float64], unit: float
) -> tuple[NDArray[np.float64], float, float]:
    """Values of the spectrum of the steady state (F,), the elastic line and ∫S dω.

    Args:
        couplings: in units of the largest rate.
        matrix: D, in this unit.
        frequencies: ω, in this unit.
        unit: the unit of rate, for errors.
    """
    jumps = channels(matrix)
    require_vectors(couplings, "the spectrum", 2 * len(jumps) + 2 * _SOLUTIONS)
    with Threads(2 ** len(couplings)) as threads:
        source = _source(couplings, None, "spectrum", threads)
        starts, rows = source.after(jumps)
        means = rows @ source.vector
        starts = starts - np.outer(source.vector, means.conj())
        lights = np.einsum("cn,nc->c", rows, starts).real
        total, coherent = float(lights.sum()), float(np.sum(np.abs(means) ** 2))
        _regression.check_light(
            (total + coherent) * unit, np.trace(matrix).real * unit, "spectrum", "rate"
        )
        sizes = np.linalg.norm(starts, axis=0) * np.linalg.norm(rows, axis=1)
        values = np.zeros(len(frequencies))
        with Progress(_MARKS * len(jumps), "spectrum") as bar:
            for c in range(len(jumps)):
                share = sizes.max() / max(sizes[c], 1e-300)
                values += _shifted_solves.resolved(
                    source.generator,
                    source.vector,
                    np.ascontiguousarray(starts[:, c]),
                    rows[c],
                    frequencies,
                    float(min(_TOLERANCE * share, _LOOSEST)),
                    steady_kernel.advancing(bar),
                ).real
    return values / np.pi, coherent, total
