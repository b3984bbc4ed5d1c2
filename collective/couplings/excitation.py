r"""One excitation shared among the emitters, :math:`\sum_m c_m|m⟩`: a mode, and an initial state.

It stands here, below the other states, because a mode of the couplings is such a state.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.console import brief
from collective.emitters import Atoms, Emitters, Multilevel

_NORM = 1e-8  # by this much the norm may differ from one
_SAME = 1e-12  # amplitudes that differ by no more are the same
_SHOWN = 3  # amplitudes in the name

Given = Emitters | Multilevel | None


@dataclass(frozen=True)
class Amplitudes:
    """One excitation, on emitter m with the amplitude ``values[m]``; see `State` for the methods.

    Atoms with several excited levels have an amplitude for each, in the order (atom, level).
    `co.states.from_amplitudes` makes it.
    """

    values: tuple[complex, ...]

    __setstate__ = checks.restored
    __repr__ = brief

    def __post_init__(self) -> None:
        found = checks.finite("vector", self.values, complex)
        if found.ndim not in (1, 2) or found.size == 0:
            raise ValueError(
                "vector must be amplitudes, one per emitter, (N,), or one per atom and excited "
                f"level, (N, n_e); got shape {found.shape}"
            )
        norm = float(np.linalg.norm(found))
        if abs(norm - 1) > _NORM:
            way_out = "" if norm == 0 else "; divide it by np.linalg.norm(vector)"
            raise ValueError(f"vector must have a norm of 1, but it is {norm:.9g}{way_out}")
        object.__setattr__(self, "values", tuple(found.ravel().tolist()))

    def excitations(self, n: int) -> int:
        """One."""
        if len(self.values) % checks.count("n", n):
            raise ValueError(
                f"state {self} has {len(self.values)} amplitudes, but there are {n} emitters"
            )
        return 1

    def symmetric(self, n: int) -> bool:
        """Whether every emitter has the same amplitude."""
        self.excitations(n)
        each = np.array(self.values).reshape(n, -1)
        return bool(np.all(np.abs(each - each[0]) <= _SAME))

    def amplitudes(self, excited: NDArray[np.bool_], emitters: Given = None) -> NDArray[Any]:
        """``values[m]`` where emitter m alone is excited."""
        excited = checks.configurations(excited, emitters)
        n = excited.shape[1]
        if len(self.values) != n:
            raise ValueError(
                f"state {self} has {len(self.values)} amplitudes, but there are {n} emitters"
            )
        alone = np.array(self.values)[np.argmax(excited, axis=1)]
        return np.where(np.count_nonzero(excited, axis=1) == 1, alone, 0)

    def one_excitation(self, atoms: Atoms) -> NDArray[np.complex128]:
        """The amplitude of each excited level of each atom, (N, n_e)."""
        checks.instance("atoms", atoms, Atoms, "co.Atoms")
        shape = len(atoms), int(atoms.excited.sum())
        if len(self.values) != shape[0] * shape[1]:
            raise ValueError(
                f"state {self} has {len(self.values)} amplitudes, but {shape[0]} "
                f"atoms of {shape[1]} excited levels need {shape[0] * shape[1]}"
            )
        return np.array(self.values).reshape(shape)

    def __str__(self) -> str:
        shown = ", ".join(_text(c) for c in self.values[:_SHOWN])
        more = f", … {len(self.values)} in all" if len(self.values) > _SHOWN else ""
        return f"from_amplitudes([{shown}{more}])"


def _text(amplitude: complex) -> str:
    """A number with few digits, without an imaginary part that is zero."""
    return f"{amplitude.real:.3g}" if amplitude.imag == 0 else f"{amplitude:.3g}"
