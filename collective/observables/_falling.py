r"""Two-time averages of emitters that nothing excites, by number of excitations.

Without drive and pump a photon leaves ρσ⁺ with one excitation more in the rows than in the columns,
and only jumps change both numbers, downwards. With blocks X_k between k and k − q excitations,

.. math:: \dot X_k = −i(H_k X_k − X_k H_{k−q}^†) + \sum_{mn} Γ_{mn} σ^-_n X_{k+1} σ^+_m,

q = 1 for `g1` and `spectrum`, q = 0 for `g2`. There are C(2N, N−q) numbers for an inverted start,
and far fewer for a start with few excitations. The generator is block triangular, so that its
resolvent follows from one Sylvester equation for each block, from the highest one downwards. One
excitation needs its amplitudes alone.

The file is longer than others because the blocks and the three observables belong together.
"""

from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.couplings.couplings import Couplings
from collective.couplings.sharing import shared
from collective.engines.basis.configurations import (
    ExcitationBlocks,
    ensemble,
    interaction_energies,
    one_excitation_vectors,
)
from collective.observables._delayed_moments import moments
from collective.observables._detection import channels_of
from collective.observables._regression import check_light, is_lit
from collective.states.answers import highest_excitation
from collective.states.checking import checked_state

_LARGEST = 62  # emitters, for more than one excitation: as many bits as an integer has
_FEW = 6  # emitters that decay, whose whole generator is quick to factor
_MOST_DEPHASED = 300  # emitters, whose spectrum takes half a minute
_BYTES_ENTRY = 60  # of the sparse generator, while it is built
_MISSING_PHOTONS = 1e-9  # largest error of the number of photons, per emitter
_DARK = 1e-12  # rate of a mode, relative to ‖h‖, that counts as zero


class Falling:
    """Blocks of k and k − q excitations up to the highest number, and operators between them.

    Args:
        couplings: without drive and pump.
        highest: the largest number of excitations.
    """

    def __init__(self, couplings: Couplings, highest: int):
        self.couplings, self.n, self.highest = couplings, len(couplings), highest
        self._blocks = ExcitationBlocks(self.n, highest)
        self.sizes = self._blocks.sizes
        self._h = np.asarray(couplings.effective_hamiltonian(), dtype=complex)
        self._h -= 1j * np.diag(couplings.dephasing)

    def shapes(self, q: int) -> list[tuple[int, int]]:
        """The shapes of the blocks k = q … highest."""
        return [(self.sizes[k], self.sizes[k - q]) for k in range(q, self.highest + 1)]

    def hamiltonian(self, k: int) -> Any:
        """H_eff of k excitations, sparse (n_k, n_k); it contains the decay by dephasing."""
        from scipy.sparse import csr_array

        size = self.sizes[k]
        here = np.arange(size)
        values = [self._blocks.excited(k) @ np.diagonal(self._h)]
        if self.couplings.ising is not None:
            configurations = self._blocks.configurations(k)
            values[0] = values[0] + interaction_energies(self.couplings.ising, configurations)
        rows, columns = [here], [here]
        if 0 < k < self.n:
            target, m, to = self._blocks.hops(k)
            rows.append(target.ravel().astype(np.int64))
            columns.append(np.repeat(here, target.shape[1]))
            values.append(self._h[to, m].ravel())
        where = (np.concatenate(rows), np.concatenate(columns))
        return csr_array((np.concatenate(values), where), shape=(size, size))

    def lowered(self, k: int, amplitudes: NDArray[Any]) -> Any:
        """Σ_m amplitudes_m σ⁻_m from k excitations to k − 1, sparse (n_{k−1}, n_k)."""
        from scipy.sparse import csr_array

        target, m = self._blocks.lowered(k)
        columns = np.repeat(np.arange(self.sizes[k]), k)
        values = np.asarray(amplitudes, dtype=complex)[m].ravel()
        where = (target.ravel().astype(np.int64), columns)
        return csr_array((values, where), shape=(self.sizes[k - 1], self.sizes[k]))

    def rate(self, k: int, matrix: NDArray[Any]) -> Any:
        """Σ_mn D_mn σ⁺_mσ⁻_n of k excitations, sparse (n_k, n_k)."""
        from scipy.sparse import csr_array

        if k == 0:
            return csr_array((1, 1), dtype=complex)
        found = [self.lowered(k, channel) for channel in channels_of(matrix)]
        return sum((each.conj().T @ each for each in found), csr_array((self.sizes[k],) * 2))

    def density(self, state: Any, k: int) -> NDArray[np.complex128]:
        """ρ of k excitations, (n_k, n_k)."""
        vectors = ensemble(state, self._blocks, k, self.couplings.emitters)
        return vectors @ vectors.conj().T

    def dephasing(self, k: int, q: int) -> NDArray[np.float64]:
        """Rate at which dephasing feeds each entry of a block back into itself, (n_k, n_{k−q})."""
        up, down = (self._blocks.excited(each).astype(float) for each in (k, k - q))
        return np.asarray((up * 2 * self.couplings.dephasing) @ down.T)

    def jumps(self, k: int, q: int, x: NDArray[Any]) -> NDArray[np.complex128]:
        """Σ_mn Γ_mn σ⁻_n X σ⁺_m from block k to block k − 1."""
        found = np.zeros((self.sizes[k - 1], self.sizes[k - 1 - q]), dtype=complex)
        for each in channels_of(np.asarray(self.couplings.decay)):
            left, right = self.lowered(k, each), self.lowered(k - q, each)
            found += left @ (right.conj() @ x.T).T
        return found

    def generator(self, q: int) -> Any:
        """The sparse generator of all blocks, each stacked row by row, the lowest first."""
        from scipy.sparse import block_array, diags_array, eye_array, kron

        first, unit = q, np.eye(self.n)
        count = self.highest + 1 - q
        grid: list[list[Any]] = [[None] * count for _ in range(count)]
        decay = np.asarray(self.couplings.decay)
        for k in range(first, self.highest + 1):
            left, right = self.hamiltonian(k), self.hamiltonian(k - q)
            own = -1j * kron(left, eye_array(right.shape[0]))
            own = own + 1j * kron(eye_array(left.shape[0]), right.conj())
            if np.any(self.couplings.dephasing):
                own = own + diags_array(self.dephasing(k, q).ravel())
            grid[k - first][k - first] = own
            if k > first:
                grid[k - 1 - first][k - first] = sum(
                    kron(self.lowered(k, unit[n]), self.lowered(k - q, decay[:, n]))
                    for n in range(self.n)
                )
        return block_array(grid, format="csr")


def possible(couplings: Couplings, state: Any) -> bool:
    """Whether nothing excites the emitters of a given state, and each is dephased alone."""
    excited = np.any(couplings.drive) or np.any(couplings.pump) or couplings.thermal_photons
    return state is not None and not excited and not shared(couplings)


def checked_highest(couplings: Couplings, state: Any, q: int, what: str) -> tuple[Any, int]:
    """A checked state and its highest number of excitations, if the sparse generator fits."""
    checked = checked_state(state, couplings)
    highest = highest_excitation(checked, len(couplings))
    if highest > 1:
        check_size(len(couplings), highest, q, what=what)
    return checked, highest


def check_size(n: int, highest: int, *differences: int, what: str) -> None:
    """Raise if the sparse generators do not fit.

    Args:
        n: N.
        highest: largest number of excitations.
        differences: q of each generator.
        what: the observable, for errors.
    """
    needed = size = 0
    for q in differences:
        entries, size = 0, 0
        for k in range(q, highest + 1):
            block = comb(n, k) * comb(n, k - q)
            size += block
            entries += block * (2 + k * (n - k) + (k - q) * (n - k + q) + k * max(k - q, 1))
        needed += _BYTES_ENTRY * entries + 16 * 8 * (n if q else 2) * size
    require(
        needed,
        f"{what} of {n} emitters with up to {highest} excitations ({size:,} numbers)",
        "use fewer emitters, or a state with fewer excitations",
    )
    if n > _LARGEST:
        raise ValueError(
            f"{what}: more than one excitation, or strong dephasing, is possible for up to "
            f"{_LARGEST} emitters, got {n}"
        )


def g1(
    couplings: Couplings,
    matrix: NDArray[Any],
    delays: NDArray[np.float64],
    state: Any,
    unit: float,
) -> NDArray[np.complex128]:
    """The first-order coherence of emitters that only decay, (K,).

    Args:
        couplings: in units of a rate.
        matrix: D, which says which light is seen, (N, N), in this unit.
        delays: τ in this unit, (K,).
        state: the state at time 0.
        unit: of rate, for errors.
    """
    checked, highest = checked_highest(couplings, state, 1, "g1")
    brightest = float(np.trace(matrix).real)
    what = "g1, normalised to the light at time 0"
    if highest == 0:
        check_light(0.0, brightest * unit, what)
    if highest == 1:
        vectors = one_excitation(couplings, checked)
        rows, generator = vectors.conj().T @ matrix, amplitudes(couplings)
        starts = vectors
    else:
        falling, found = Falling(couplings, highest), channels_of(matrix)
        rho = [falling.density(checked, k) for k in range(highest + 1)]
        starts, rows = after_photon(falling, rho, found), seen(falling, found)
        generator = falling.generator(1)
    zero = float(np.einsum("cn,nc->", rows, starts).real)
    check_light(zero * unit, brightest * unit, what)
    later = moments(generator, starts, rows, delays, "g1")
    return np.asarray(np.einsum("kcc->k", later) / zero)


def g2(
    couplings: Couplings,
    first: NDArray[Any],
    second: NDArray[Any],
    delays: NDArray[np.float64],
    state: Any,
    unit: float,
) -> NDArray[np.float64]:
    """The coincidences of two photons of emitters that only decay, (K,).

    Args:
        couplings: in units of a rate.
        first: D of the first photon, (N, N), in this unit.
        second: D of the second photon, (N, N).
        delays: τ in this unit, (K,).
        state: the state at time 0.
        unit: of rate, for errors.
    """
    checked, highest = checked_highest(couplings, state, 0, "g2")
    brightest = [float(np.trace(matrix).real) * unit for matrix in (first, second)]
    what, blocks = "g2, normalised to the light at time 0", False
    if highest == 0:
        check_light(0.0, brightest[0], what)
    if highest == 1:
        vectors = one_excitation(couplings, checked)
        light = float(np.einsum("nr,nm,mr->", vectors.conj(), first, vectors).real)
        check_light(light * unit, brightest[0], what)
        rows = np.array(channels_of(second))
        later = moments(amplitudes(couplings), vectors, rows, delays, "g2")
        rate = np.sum(np.abs(later) ** 2, axis=(1, 2))
        counted = np.zeros(len(delays))
        # dephasing keeps the excitation, so that with it this is only a lower bound of the rate
        lit = is_lit(float(rate.min()) * unit, brightest[1])
        blocks = bool(np.any(couplings.dephasing)) and not lit
        if blocks:
            check_size(len(couplings), highest, 0, what="g2")
    if highest > 1 or blocks:
        falling = Falling(couplings, highest)
        rho = [falling.density(checked, k) for k in range(highest + 1)]
        after = [np.zeros_like(each) for each in rho]
        for k in range(1, highest + 1):
            for channel in channels_of(first):
                low = falling.lowered(k, channel)
                after[k - 1] += low @ (low.conj() @ rho[k].T).T
        light = float(sum(np.trace(each) for each in after).real)
        check_light(light * unit, brightest[0], what)
        starts = np.stack([stacked(after), stacked(rho)], axis=1)
        rates = [falling.rate(k, second).toarray().T for k in range(highest + 1)]
        trace = stacked([np.eye(size) for size in falling.sizes]).real
        ground = np.eye(1, len(trace), dtype=complex)[0]
        found = moments(
            falling.generator(0),
            starts,
            stacked(rates)[None],
            delays,
            "g2",
            stationary=(ground, trace),
        )
        counted, rate = found[:, 0].real.T
    darkest = f"g2 at a delay of {delays[np.argmin(rate)] / unit:g}"
    check_light(float(rate.min()) * unit, brightest[1], darkest)
    return np.asarray(counted / (light * rate))


def spectrum(
    couplings: Couplings,
    matrix: NDArray[Any],
    frequencies: NDArray[np.float64],
    state: Any,
) -> "tuple[NDArray[np.float64], float] | None":
    """Values (F,) and ∫S dω of a decay; None where the whole ρ has to be used.

    Args:
        couplings: in units of a rate.
        matrix: D, (N, N), in this unit.
        frequencies: ω in this unit, (F,).
        state: the state at time 0.
    """
    if len(couplings) <= _FEW:
        return None
    dephased = bool(np.any(couplings.dephasing))
    if dephased:
        number = highest_excitation(checked_state(state, couplings), len(couplings))
        if number > 1 or len(couplings) > _MOST_DEPHASED:
            return None
    checked, highest = checked_highest(couplings, state, 1, "spectrum")
    found = np.zeros(len(frequencies)), 0.0
    if highest == 1:
        lines = _dephased_lines if dephased else _lines
        found = lines(couplings, matrix, frequencies, one_excitation(couplings, checked))
    elif highest > 1:
        found = _of_blocks(Falling(couplings, highest), matrix, frequencies, checked)
    # every emitter gives one photon, of which this share goes into the direction
    n = len(couplings)
    most = np.trace(matrix).real * n / couplings.decay.diagonal().real.sum()
    check_light(found[1], float(most), "spectrum", "photons")
    return found


def _of_blocks(
    falling: Falling, matrix: NDArray[Any], frequencies: NDArray[np.float64], state: Any
) -> tuple[NDArray[np.float64], float]:
    """The spectrum (F,) and its integral, for several excitations and without dephasing."""
    couplings, highest = falling.couplings, falling.highest
    solved = _Resolvents(falling)
    rho = [falling.density(state, k) for k in range(highest + 1)]
    lived = solved.through(0, 0.0, [-1j * each for each in rho])
    rates = [falling.rate(k, np.asarray(couplings.decay)) for k in range(highest + 1)]
    photons = sum(
        float((rate.multiply(each.T)).sum().real) for rate, each in zip(rates, lived, strict=True)
    )
    excited = sum(k * float(np.trace(each).real) for k, each in enumerate(rho))
    _check_photons(photons, excited, len(couplings))
    values, total = np.zeros(len(frequencies)), 0.0
    for channel in channels_of(matrix):
        low = [falling.lowered(k, channel) for k in range(1, highest + 1)]
        # P σ⁺ of all times, and the rows of Tr[σ⁻X]
        starts = [(each.conj() @ lived[k + 1].T).T for k, each in enumerate(low)]
        total += sum(
            float((each @ start).trace().real) for each, start in zip(low, starts, strict=True)
        )
        for i, frequency in enumerate(frequencies):
            found = solved.through(1, frequency, [-1j * start for start in starts])
            values[i] += sum(
                float((each @ x).trace().real) for each, x in zip(low, found, strict=True)
            )
    return values / np.pi, total


def _check_photons(photons: float, excited: float, n: int) -> None:
    """Raise if fewer photons leave than there are excitations."""
    if not abs(photons - excited) <= _MISSING_PHOTONS * n:
        raise ValueError(
            f"spectrum: {excited - photons:.2g} of {excited:.6g} photons are missing: the "
            "excitation stays in dark states, or decays at rates far below the others; only the "
            "full ρ of at most six emitters can separate it from the rest"
        )


class _Resolvents:
    """(−iω − L)⁻¹ of all blocks by Schur forms H_k = U T U†, without dephasing.

    In block k, (H_k − ω)X − X H_{k−q}^† = −iF is a Sylvester equation; F is the source and what
    jumps bring from block k + 1.
    """

    def __init__(self, falling: Falling):
        from scipy.linalg import schur

        self._falling = falling
        matrices = [falling.hamiltonian(k).toarray() for k in range(falling.highest + 1)]
        self._forms = [schur(matrix, output="complex") for matrix in matrices]

    def through(
        self, q: int, frequency: float, sources: list[NDArray[Any]]
    ) -> list[NDArray[np.complex128]]:
        """The blocks k = q … highest for sources −iF; block 0 of q = 0 is left at zero."""
        from scipy.linalg.lapack import ztrsyl

        falling = self._falling
        found = [np.zeros(shape, dtype=complex) for shape in falling.shapes(q)]
        fed: Any = 0.0
        for k in range(falling.highest, max(q, 1) - 1, -1):
            (upper, left), (other, right) = self._forms[k], self._forms[k - q]
            target = left.conj().T @ (sources[k - q] + fed) @ right
            shifted = upper - frequency * np.eye(len(upper))
            x, scale, _ = ztrsyl(shifted, other, target, trana="N", tranb="C", isgn=-1)
            found[k - q] = left @ (x / scale) @ right.conj().T
            if k > max(q, 1):
                fed = -1j * falling.jumps(k, q, found[k - q])
        return found


def after_photon(
    falling: Falling, rho: list[NDArray[Any]], channels: NDArray[Any]
) -> NDArray[np.complex128]:
    """Stacked ρL† of every channel (C, N), (S, C)."""
    starts = []
    for channel in channels:
        low = [falling.lowered(k, channel) for k in range(1, falling.highest + 1)]
        starts.append(stacked([(each.conj() @ rho[k + 1].T).T for k, each in enumerate(low)]))
    return np.stack(starts, axis=1)


def seen(falling: Falling, channels: NDArray[Any]) -> NDArray[np.complex128]:
    """The rows of Tr[LX] of every channel (C, N), (C, S)."""
    every = range(1, falling.highest + 1)
    rows = [
        stacked([falling.lowered(k, channel).toarray().T for k in every]) for channel in channels
    ]
    return np.array(rows)


def stacked(blocks: list[NDArray[Any]]) -> NDArray[np.complex128]:
    """All blocks row by row in one vector."""
    return np.concatenate([np.ravel(block) for block in blocks]).astype(complex)


def one_excitation(couplings: Couplings, state: Any) -> NDArray[np.complex128]:
    """Vectors (N, R) whose projectors sum to ρ of one excitation."""
    return one_excitation_vectors(state, len(couplings), couplings.emitters)


def amplitudes(couplings: Couplings) -> Any:
    """The generator −ih of the amplitudes of one excitation, sparse (N, N)."""
    from scipy.sparse import csr_array

    h = couplings.effective_hamiltonian() - 1j * np.diag(couplings.dephasing)
    return csr_array(-1j * h)


def _lines(
    couplings: Couplings,
    matrix: NDArray[Any],
    frequencies: NDArray[np.float64],
    vectors: NDArray[np.complex128],
) -> tuple[NDArray[np.float64], float]:
    r"""The spectrum of one excitation, :math:`\frac{1}{2π}\tilde c^†D\tilde c`, and its integral.

    :math:`\tilde c(ω) = i(ω − h)^{−1}c(0)`. A mode that never decays is orthogonal to all others,
    sends no light and is left out.
    """
    from scipy.linalg import schur, solve_triangular
    from scipy.linalg.lapack import ztrsyl

    h = np.asarray(couplings.effective_hamiltonian(), dtype=complex)
    dark = _DARK * float(np.abs(h).max())
    upper, unitary, skipped = schur(h, output="complex", sort=lambda value: value.imag > -dark)
    upper, unitary = upper[skipped:, skipped:], unitary[:, skipped:]
    start, seen = unitary.conj().T @ vectors, unitary.conj().T @ matrix @ unitary
    values = np.empty(len(frequencies))
    for i, frequency in enumerate(frequencies):
        system = upper - frequency * np.eye(len(upper))
        x = solve_triangular(system, start, check_finite=False)
        values[i] = float(np.sum(x.conj() * (seen @ x)).real)
    # ∫|c⟩⟨c|dt = P with hP − Ph† = −i|c⟩⟨c|
    lived, scale, _ = ztrsyl(upper, upper, -1j * start @ start.conj().T, tranb="C", isgn=-1)
    total = float(np.sum(seen * (lived / scale).T).real)
    return values / (2 * np.pi), total


def _dephased_lines(
    couplings: Couplings,
    matrix: NDArray[Any],
    frequencies: NDArray[np.float64],
    vectors: NDArray[np.complex128],
) -> tuple[NDArray[np.float64], float]:
    r"""The spectrum of one excitation with dephasing, and its integral.

    It is :math:`\frac{1}{π}\mathrm{Re\,Tr}[D\,(i(h − ω))^{−1}P]`, where h contains the decay of
    coherences, and P = ∫ρ dt solves hP − Ph† = −i(ρ(0) + Σ_m 2γ_m P_mm |m⟩⟨m|).
    """
    from scipy.linalg import schur
    from scipy.linalg.lapack import ztrsyl

    n = len(couplings)
    h = couplings.effective_hamiltonian() - 1j * np.diag(couplings.dephasing)
    upper, unitary = schur(np.asarray(h, dtype=complex), output="complex")

    def lived(source: NDArray[Any]) -> NDArray[np.complex128]:
        turned = -1j * unitary.conj().T @ source @ unitary
        x, scale, _ = ztrsyl(upper, upper, turned, tranb="C", isgn=-1)
        return np.asarray(unitary @ (x / scale) @ unitary.conj().T)

    start = vectors @ vectors.conj().T
    fed = np.empty((n, n))  # what is lived in each emitter after a rate into emitter m
    for m in range(n):
        one = np.zeros((n, n))
        one[m, m] = 2 * couplings.dephasing[m]
        fed[:, m] = lived(one).diagonal().real
    spent = _solved(np.eye(n) - fed, lived(start).diagonal().real)
    whole = lived(start + np.diag(2 * couplings.dephasing * spent))
    photons = float(np.sum(couplings.decay * whole.T).real)
    excited = float(np.trace(start).real)
    _check_photons(photons, excited, n)
    values = [
        float(np.trace(matrix @ _solved(1j * (h - w * np.eye(n)), whole)).real) for w in frequencies
    ]
    return np.array(values) / np.pi, float(np.sum(matrix * whole.T).real)


def _solved(matrix: NDArray[Any], target: NDArray[Any]) -> NDArray[Any]:
    """The solution of linear equations; the smallest one where dark emitters leave them open."""
    try:
        return np.linalg.solve(matrix, target)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(matrix, target)[0]
