"""The light of identical emitters in a cavity mode, exactly, between Dicke states."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.couplings.noise import own as own_rates
from collective.couplings.with_mode import CavityCouplings, too_few
from collective.engines.basis.dicke import Identical, identical
from collective.engines.symmetric.mode_ladders import Ladders

_BYTES_ENTRY = 12_000  # of the factors, per entry of ρ
_DENSE = 600  # entries, up to which all eigenvalues are found
_POLES = 8  # of the eigenvalues of larger generators

# ⟨a†a⟩, the mean number of excited emitters, ω → Re∫₀^∞ e^{iωτ}⟨a†(0)a(τ)⟩dτ, its poles
Found = tuple[float, float, Callable[[float], float], NDArray[np.complex128]]


def refusal(problem: CavityCouplings) -> str | None:
    """The reason why the emitters are not identical, or None."""
    found = identical(problem.couplings)
    if isinstance(found, str):
        return found
    g = problem.coupling
    return None if np.all(g == g[0]) else "those to the mode are unequal"


def light(problem: CavityCouplings) -> Found:
    """⟨a†a⟩ and the mean number of excited emitters in the steady state, and the spectrum.

    Returns:
        Both numbers, the function ω → Re∫₀^∞ e^{iωτ}⟨a†(0)a(τ)⟩dτ, and its slowest poles.

    Raises:
        ValueError: if photon numbers are missing.
        ProblemTooLargeError: if the factors of the generator do not fit into memory.
    """
    from scipy.sparse import eye_array, lil_array
    from scipy.sparse.linalg import splu

    e = identical(problem.couplings)
    assert isinstance(e, Identical)
    total = e.n + problem.photons
    here = Ladders(problem, total, longest=e.one_ladder)
    require(_BYTES_ENTRY * len(here), f"the steady state of {e.n} emitters", "keep fewer photons")
    diagonal = here.k == here.k2
    matrix = lil_array(here.matrix)
    first = int(np.flatnonzero(diagonal)[0])
    matrix[[first]] = diagonal.astype(complex)[None]  # the trace, in place of one equation
    right = np.zeros(len(here), dtype=complex)
    right[first] = 1.0
    rho = splu(matrix.tocsc()).solve(right)
    p = rho[diagonal].real
    highest = float(p[here.n[diagonal] == problem.photons].sum())
    if (why := too_few(highest, problem.photons)) is not None:
        raise ValueError(why)
    apart = Ladders(problem, total, longest=e.one_ladder, difference=1)
    lowered = np.zeros(len(apart), dtype=complex)
    at = apart.place(here.d, here.k, here.k2, here.n, here.n2 - 1)
    kept = at >= 0
    lowered[at[kept]] = (rho * np.sqrt(here.n2))[kept]  # ρa†
    read = np.where((apart.k == apart.k2), np.sqrt(apart.n), 0.0)  # tr(aX)
    one = eye_array(len(apart), format="csc", dtype=complex)

    def transformed(frequency: float) -> float:
        solved = splu((apart.matrix + 1j * frequency * one).tocsc()).solve(lowered)
        return -float((read @ solved).real)

    photons, excited = float(p @ here.n[diagonal]), float(p @ here.k[diagonal])
    return photons, excited, transformed, _poles(problem, apart.matrix)


def _poles(problem: CavityCouplings, matrix: Any) -> NDArray[np.complex128]:
    """Eigenvalues of the generator that are nearest to the frequency where light is expected.

    The frequencies of emitters and mode pull each other: each counts by the width of the other.
    """
    from scipy.sparse.linalg import eigs

    if matrix.shape[0] <= _DENSE:
        return np.linalg.eigvals(matrix.toarray())
    c, mode = problem.couplings, problem.mode
    own = float(c.detunings[0] + c.shift[0, 0].real)
    wide = float((c.decay[0, 0].real + own_rates(c.pump)[0]) / 2 + own_rates(c.dephasing)[0])
    middle = (mode.linewidth / 2 * own + wide * mode.detuning) / (mode.linewidth / 2 + wide)
    start = np.ones(matrix.shape[0], dtype=complex)  # so that the same call gives the same digits
    found = eigs(matrix.tocsc(), k=_POLES, sigma=1e-9 - 1j * middle, v0=start)
    return np.asarray(found[0])
