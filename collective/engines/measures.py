"""Observables of ρ at an output time: arrays by the names of `Result`."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import operators
from collective.couplings.channels import ChannelCouplings
from collective.couplings.with_mode import CavityCouplings, too_few

if TYPE_CHECKING:
    from qutip import Qobj


class PairMeasure:
    """⟨σ⁺_mσ⁻_n⟩ of two-level emitters, from which emission and populations follow.

    Args:
        n: number of emitters.
    """

    names = ("correlations",)

    def __init__(self, n: int):
        self._n = n
        pairs, self._rows, self._columns = operators.pair_table(n)
        self._above, self._below = (pairs[:, 0], pairs[:, 1]), (pairs[:, 1], pairs[:, 0])
        self._excited = operators.excited(n).astype(float)

    def read(self, rho: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Correlations, (N, N)."""
        correlations = np.empty((self._n, self._n), dtype=complex)
        sums = rho[self._rows, self._columns].sum(axis=1)
        correlations[self._above] = sums
        correlations[self._below] = sums.conj()
        correlations.flat[:: self._n + 1] = rho.diagonal().real @ self._excited
        return {"correlations": correlations}

    def completed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of `Result`: all of them are known."""
        return fields


class CavityMeasure:
    """⟨σ⁺_mσ⁻_n⟩ of emitters beside a cavity mode, and the photons in the mode.

    Args:
        problem: the emitters and the mode.
        cut: whether photon numbers above the highest one that is kept can be reached.
    """

    names = ("correlations", "photons")

    def __init__(self, problem: CavityCouplings, *, cut: bool):
        self._pairs, self._cut = PairMeasure(len(problem)), cut
        self._shape = (2 ** len(problem), problem.photons + 1)
        self._numbers = np.arange(problem.photons + 1.0)
        self.highest = 0.0

    def read(self, rho: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Correlations, (N, N), and ⟨a†a⟩, ().

        Raises:
            ValueError: if the highest photon number is populated so much that others are missing.
        """
        whole = rho.reshape(*self._shape, *self._shape)
        inside = np.einsum("iaia->a", whole).real
        if self._cut:
            self.highest = max(self.highest, float(inside[-1]))
            if (why := too_few(float(inside[-1]), len(inside) - 1)) is not None:
                raise ValueError(why)
        found = self._pairs.read(np.einsum("iaja->ij", whole))
        return found | {"photons": np.asarray(inside @ self._numbers)}

    def completed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of `Result`: all of them are known."""
        return fields


class ChannelMeasure:
    r"""Populations of the levels of atoms, their emission, and ⟨σ⁺_cσ⁻_c'⟩ if it is wanted.

    Args:
        channels: the problem; the emission is :math:`\sum_{cc'}Γ_{cc'}⟨σ^+_cσ^-_{c'}⟩`.
        correlations: whether correlations are wanted.
    """

    def __init__(self, channels: ChannelCouplings, *, correlations: bool):
        from scipy.sparse import coo_array

        atoms, n = channels.atoms, len(channels)
        self._levels = (len(atoms.levels),) * n
        self._excited = atoms.excited
        self._wanted = correlations
        self._lower = [
            coo_array(operators.local(self._levels, m, lower))
            for m in range(n)
            for lower in atoms.channels
        ]
        # of the jumps, of which there are no more than channels
        rates, vectors = channels.jump_channels()
        jumps = [
            sum(v * lower for v, lower in zip(column.conj(), self._lower, strict=True) if v != 0)
            for column in (vectors * np.sqrt(rates)).T
        ]
        size = self._levels[0] ** n
        emission = sum((jump.conj().T @ jump for jump in jumps), coo_array((size, size)))
        self._emission = coo_array(emission)
        self.names: tuple[str, ...] = ("populations", "emission", "excitation")
        if correlations:
            self.names = (*self.names, "correlations")

    def read(self, rho: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Populations (N, L), emission (), excitation (), correlations (N·C, N·C)."""
        populations = level_populations(rho, self._levels)
        found = {
            "populations": populations,
            "emission": np.asarray(_expectation(self._emission, rho).real),
            "excitation": (populations @ self._excited).sum(),
        }
        if self._wanted:
            found["correlations"] = self._correlations(rho)
        return found

    def _correlations(self, rho: NDArray[Any]) -> NDArray[np.complex128]:
        """⟨σ⁺_cσ⁻_c'⟩ = tr(σ⁻_c'ρσ⁺_c), of all channels."""
        found = np.empty((len(self._lower),) * 2, dtype=complex)
        for d, lower in enumerate(self._lower):
            lowered = lower @ rho
            for c, other in enumerate(self._lower):
                found[c, d] = np.vdot(other.data, lowered[other.row, other.col])
        return found

    def completed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of `Result`: all of them are known."""
        return fields


class LevelMeasure:
    """The populations of every level of every emitter, and the emission rate where it is known.

    Args:
        levels: L_i of each emitter.
        emission_operator: the operator whose expectation value is the emission rate, or None.
    """

    def __init__(self, levels: tuple[int, ...], emission_operator: "Qobj | None"):
        self._levels = levels
        self._emission = None
        self.names: tuple[str, ...] = ("populations",)
        if emission_operator is not None:
            self._emission = operators.entries_of(emission_operator).T.tocsr()
            self.names = ("populations", "emission")

    def read(self, rho: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Populations padded with NaN, (N, L_max), and the emission, ()."""
        populations = level_populations(rho, self._levels)
        if self._emission is None:
            return {"populations": populations}
        return {
            "populations": populations,
            "emission": np.asarray(self._emission.multiply(rho).sum().real),
        }

    def completed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of `Result`; None for those that are defined for two levels only."""
        return {"emission": None, **fields, "excitation": None, "correlations": None}


def level_populations(rho: NDArray[Any], levels: tuple[int, ...]) -> NDArray[np.float64]:
    """The populations of the levels of every emitter, padded with NaN, (N, L_max)."""
    diagonal = np.diagonal(rho).real.reshape(levels)
    found = np.full((len(levels), max(levels)), np.nan)
    for i, n in enumerate(levels):
        others = tuple(j for j in range(len(levels)) if j != i)
        found[i, :n] = diagonal.sum(axis=others)
    return found


def _expectation(operator: Any, rho: NDArray[Any]) -> complex:
    """tr(Oρ) of a sparse operator."""
    return complex(operator.data @ rho[operator.col, operator.row])
