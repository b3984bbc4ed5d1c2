r"""The density matrix of identical driven emitters, in blocks ⟨J, M|ρ|J, M'⟩.

.. math:: \dot ρ_{MM'} = −i[H, ρ]_{MM'} − ½(g_M + g_{M'})ρ_{MM'} + \text{jumps},

where g is the rate of all jumps of a state. The drive acts within a ladder; individual decay,
dephasing and a pump couple neighbouring ladders. There are N³/6 numbers, or (N+1)² if only the
longest ladder is occupied.
(QuTiP's `piqs` has the same generator, in single precision.)
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.dicke import Identical, lost, processes
from collective.engines.numerics.adaptive import Adaptive
from collective.engines.request import Request

_LEAST_RTOL = 1e-13


def entries(n: int, one_ladder: bool) -> int:
    """The number of entries of all blocks."""
    return (n + 1) ** 2 if one_ladder else (n + 1) * (n + 2) * (n + 3) // 6


class Blocks(Protocol):
    """The generator of some entries of ρ, and what is read off them."""

    def slope(
        self, envelope: Callable[[float], complex] | None
    ) -> Callable[[float, NDArray[Any]], NDArray[Any]]:
        """A function of time and of all entries that returns dρ/dt."""
        ...

    def diagonal(self, rho: NDArray[Any]) -> NDArray[np.float64]:
        """Populations of the Dicke states."""
        ...

    def smallest_eigenvalue(self, rho: NDArray[Any]) -> float:
        """The smallest eigenvalue of ρ."""
        ...


class LadderBlocks:
    """The generator of the blocks, and their observables.

    Args:
        e: the emitters.

    Attributes:
        excitations: k = M + N/2 of each diagonal entry, (D,).
        bright: ⟨J⁺J⁻⟩ of each diagonal entry, (D,).
    """

    def __init__(self, e: Identical):
        self._e = e
        dark = np.arange(1 if e.one_ladder else e.n // 2 + 1)
        self._sides = e.n - 2 * dark + 1
        self._firsts = np.cumsum(self._sides**2) - self._sides**2
        self._d = np.repeat(dark, self._sides**2)
        within = np.arange(len(self._d)) - self._firsts[self._d]
        row, column = np.divmod(within, self._sides[self._d])
        self._k, self._k2 = row + self._d, column + self._d
        self._diagonal = np.flatnonzero(row == column)
        self.excitations = self._k[self._diagonal].astype(float)
        self.bright = self._lowered(self._k, self._d)[self._diagonal]
        self._still, self._up, self._down = self._undriven(), *self._drive()

    def _lowered(self, k: NDArray[Any], d: NDArray[Any]) -> NDArray[np.float64]:
        """The squared norm |J⁻|J, M⟩|² = (J + M)(J − M + 1)."""
        return (k - d) * (self._e.n - d - k + 1.0)

    def _moved(self, a: int, a2: int, b: int, values: NDArray[Any]) -> tuple[Any, Any, Any]:
        """Triplets that map entry (k, k', d) to (k + a, k' + a2, d + b), multiplied by values."""
        n, d = self._e.n, self._d + b
        k, k2 = self._k + a, self._k2 + a2
        inside = (d >= 0) & (d < len(self._sides)) & (values != 0)
        for index in (k, k2):
            inside &= (index >= d) & (index <= n - d)
        source = np.flatnonzero(inside)
        d, k, k2 = d[source], k[source], k2[source]
        return self._firsts[d] + (k - d) * self._sides[d] + k2 - d, source, values[source]

    def _summed(self, *triplets: tuple[Any, Any, Any]) -> Any:
        """The sparse matrix of triplets."""
        from scipy.sparse import csr_array

        rows, columns, values = (np.concatenate(part) for part in zip(*triplets, strict=True))
        size = len(self._d)
        return csr_array((values.astype(complex), (rows, columns)), shape=(size, size))

    def _undriven(self) -> Any:
        """The sparse generator without the drive."""
        e, d = self._e, self._d
        left, right = processes(e, self._k, d), processes(e, self._k2, d)
        jumps = []
        for (a, b), (strength, square) in left.items():
            if (a, b) == (0, 0):  # dephasing by σ_z: f = M and f' = M' have signs
                factors = (self._k - e.n / 2) * (self._k2 - e.n / 2)
            else:
                factors = np.sqrt(square * right[a, b][1])
            jumps.append(self._moved(a, a, b, strength * factors))

        def energy(k: NDArray[Any]) -> NDArray[np.complex128]:
            """The complex energy of H_eff: a ket evolves with e^{−i·energy·t}."""
            bright = self._lowered(k, d)
            own = e.exchange * bright + (e.detuning - e.exchange) * k + e.energy(k)
            return np.asarray(own - 0.5j * lost(e, k, d))

        turned = -1j * (energy(self._k) - energy(self._k2).conj())
        return self._summed(*jumps, self._moved(0, 0, 0, turned))

    def _drive(self) -> tuple[Any, Any]:
        """The two parts of the drive as sparse matrices: −i[½ΩJ⁺, ρ] and −i[½Ω*J⁻, ρ]."""
        d, half = self._d, -0.5j * self._e.drive
        down, down2 = (np.sqrt(self._lowered(k, d)) for k in (self._k, self._k2))
        up, up2 = (np.sqrt(self._lowered(k + 1, d)) for k in (self._k, self._k2))
        other = -0.5j * np.conj(self._e.drive)
        return (
            self._summed(self._moved(1, 0, 0, half * up), self._moved(0, -1, 0, -half * down2)),
            self._summed(self._moved(-1, 0, 0, other * down), self._moved(0, 1, 0, -other * up2)),
        )

    def slope(
        self, envelope: Callable[[float], complex] | None
    ) -> Callable[[float, NDArray[Any]], NDArray[Any]]:
        """A function of time and of all entries that returns dρ/dt."""
        if envelope is None:
            whole = self._still + self._up + self._down
            return lambda t, rho: whole @ rho
        still, up, down = self._still, self._up, self._down

        def driven(t: float, rho: NDArray[Any]) -> NDArray[Any]:
            value = complex(envelope(t))
            return still @ rho + value * (up @ rho) + value.conjugate() * (down @ rho)

        return driven

    def start(self, symmetric: NDArray[Any]) -> NDArray[np.complex128]:
        """All entries of a ρ in the longest ladder, given as (N + 1, N + 1), ground state first."""
        rho = np.zeros(len(self._d), dtype=complex)
        rho[: symmetric.size] = symmetric.ravel()
        return rho

    def diagonal(self, rho: NDArray[Any]) -> NDArray[np.float64]:
        """Populations of the Dicke states, (D,)."""
        return rho[self._diagonal].real

    def smallest_eigenvalue(self, rho: NDArray[Any]) -> float:
        """The smallest eigenvalue of all blocks."""
        lowest = np.inf
        for first, side in zip(self._firsts, self._sides, strict=True):
            block = rho[first : first + side**2].reshape(side, side)
            lowest = min(lowest, np.linalg.eigvalsh((block + block.conj().T) / 2)[0])
        return float(lowest)


class Density:
    """Evolves the blocks of ρ from one output time to the next.

    Args:
        blocks: of one species, or of several.
        rho: all entries at the first time.
        request: its times, tolerances and envelope are read.

    Attributes:
        now: all entries.
    """

    def __init__(self, blocks: Blocks, rho: NDArray[Any], request: Request):
        self._request, self._blocks = request, blocks
        self.now: NDArray[Any] = rho
        self._steps: Adaptive | None = None

    def start(self, t: float) -> None:
        """Set the time of `now`, and start the integrator from there."""
        request, times = self._request, self._request.times
        self._steps = Adaptive(
            self._blocks.slope(request.envelope),
            t,
            self.now,
            float(times[-1]),
            rtol=max(request.rtol / 10, _LEAST_RTOL),
            # the error of a step is a mean over all entries, most of which are nearly zero
            atol=request.atol / 10 / np.sqrt(len(self.now)),
            pieces=request.timeline,  # no pulse is stepped over
        )

    def to(self, t: float) -> None:
        """Evolve `now` to a time."""
        assert self._steps is not None
        self.now = self._steps.to(t)

    def diagonal(self) -> NDArray[np.float64]:
        """Populations of the Dicke states, (D,)."""
        return self._blocks.diagonal(self.now)

    def smallest(self) -> float:
        """The smallest eigenvalue of ρ."""
        return self._blocks.smallest_eigenvalue(self.now)

    def diagnostics(self) -> dict[str, Any]:
        """Entries of `Result.diagnostics` about the steps."""
        return {} if self._steps is None else {"steps": self._steps.steps}
