"""What is read off the kets of trajectories of atoms with manifolds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import operators as _operators
from collective.engines.request import Request
from collective.engines.trajectories.atom_parts import parts_of


class Reader:
    """Reads what a request asks for.

    Args:
        request: of `ChannelCouplings`.

    Attributes:
        populations: how many numbers they are, N·L.
    """

    def __init__(self, request: Request):
        channels = request.channels
        n, levels = channels.energies.shape
        self._parts, dims = parts_of(request), (levels,) * n
        # for each state which levels are occupied, (N·L, D)
        each = np.unravel_index(np.arange(levels**n), dims)
        self._numbers = np.array([level == k for level in each for k in range(levels)], dtype=float)
        self.populations = len(self._numbers)
        self._excited = np.tile(channels.atoms.excited, n)
        self._lower: list[Any] = []
        if "correlations" in request.words:
            one = channels.atoms.channels
            self._lower = [_operators.local(dims, m, lower) for m in range(n) for lower in one]
        found = request.operators.values()
        self._operators = [_operators.entries_of(operator).tocsr() for operator in found]

    def read(
        self, kets: NDArray[np.complex128], times: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """Values with an error, (T, N·L + 2), and without, (T, X), of kets (D, T) of any norm."""
        kets = kets / np.linalg.norm(kets, axis=0)
        populations = (self._numbers @ np.abs(kets) ** 2).T
        emission = np.einsum("it,it->t", kets.conj(), self._parts.emission @ kets).real
        values = np.column_stack([emission, populations @ self._excited, populations])
        others: list[NDArray[Any]] = [np.empty((len(values), 0))]
        if self._lower:
            lowered = np.array([lower @ kets for lower in self._lower])
            found = np.einsum("cit,dit->tcd", lowered.conj(), lowered, optimize=True)
            others.append(found.reshape(len(values), -1))
        if self._operators:
            turned = kets * np.exp(-1j * np.outer(self._parts.frame, times))
            others += [
                np.einsum("it,it->t", turned.conj(), each @ turned)[:, None]
                for each in self._operators
            ]
        return values, np.concatenate(others, axis=1).astype(complex)
