r"""Correlations of two times of emitters under pulses.

ρ(t) comes from `evolve`. Once the last pulse is over, the generator is constant and the vectors CρA
evolve as without pulses. Before, they evolve under the rest of the pulses. They are no density
matrices, but they are sums of them: with its Hermitian parts X = H₁ + iH₂ and c below every
eigenvalue of H,

.. math:: e^{𝓛}H = n\,e^{𝓛}\left[\frac{H − c}{n}\right] + c\,e^{𝓛}[1], \qquad
          n = \mathrm{tr}(H − c)

where both brackets are states for `evolve` up to a factor.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.progress import Progress
from collective.couplings.couplings import Couplings
from collective.evolution.evolve import evolve
from collective.observables._delayed_moments import in_unit
from collective.observables._two_times import (
    NAME,
    Operators,
    Route,
    outputs_of,
    sources_of,
    values,
)
from collective.pulse import Pulse

if TYPE_CHECKING:
    from qutip import Qobj

_TOLERANCES: dict[str, Any] = {"rtol": 1e-11, "atol": 1e-13}
_NOTHING = 1e-15  # a matrix of smaller entries counts as zero


def pulsed(
    couplings: Couplings,
    state: Any,
    times: NDArray[np.float64],
    delays: NDArray[np.float64],
    drive: tuple[Pulse, ...],
    operators: Operators,
    method: str,
    route: Route,
    unit: float,
    *,
    show: bool,
) -> NDArray[np.complex128]:
    """The correlation (T, K, …) from a state that pulses act on.

    Args:
        couplings: in the units of the user.
        state: at the first time.
        times: t, (T,), of the user.
        delays: τ, (K,), of the user.
        drive: the pulses.
        operators: as in `_two_times.exact`.
        method: "exact" or "driven", the engine that evolves ρ.
        route: of the couplings without pulses, in units of `unit`.
        unit: of rate.
        show: whether to show progress.
    """
    found = evolve(
        couplings,
        state,
        times,
        method=method,
        observe="states",
        drive=drive,
        progress=show,
        **_TOLERANCES,
    )
    if not found.complete or found.states is None:
        raise KeyboardInterrupt
    assert route.packed is not None
    rho = [each.full() for each in found.states]
    over = times >= max(pulse.support[1] for pulse in drive)
    answers: list[Any] = [None] * len(times)
    if np.any(over):
        some = np.flatnonzero(over)
        packed = np.array([route.packed(rho[i]) for i in some])
        for i, each in zip(
            some, values(route, packed, in_unit(delays, unit), show=show), strict=True
        ):
            answers[i] = each
    before = np.flatnonzero(~over)
    make = sources_of(operators, len(couplings))
    outputs = outputs_of(operators, len(couplings))
    sources = [make(rho[i]) for i in before]
    with Progress(sum(map(len, sources)), f"{NAME} under pulses", show=show) as bar:
        for i, matrices in zip(before, sources, strict=True):
            later = _Later(couplings, float(times[i]), delays, drive, outputs, method)
            each = np.empty((len(delays), len(matrices), len(outputs)), dtype=complex)
            for m, matrix in enumerate(matrices):
                each[:, m] = later.moments(matrix)
                bar.step()
            answers[i] = each if isinstance(operators, str) else each[:, 0, 0]
    return np.array(answers)


class _Later:
    """Moments of matrices that evolve from one time on, under the rest of the pulses."""

    def __init__(
        self,
        couplings: Couplings,
        begin: float,
        delays: NDArray[np.float64],
        drive: tuple[Pulse, ...],
        outputs: list[Any],
        method: str,
    ):
        self._couplings, self._drive, self._method = couplings, drive, method
        checks.finite("delays", delays)  # `evolve` takes no larger times
        self._skip = int(delays[0] > 0)  # evolve starts at the first of its times
        self._times = begin + (np.append(0.0, delays) if self._skip else delays)
        self._outputs = {str(k): self._qobj(each) for k, each in enumerate(outputs)}
        side = 2 ** len(couplings)
        try:
            self._unity = side * self._of_state(np.eye(side, dtype=complex) / side)
        except ValueError as error:  # its times are those of the delays
            raise ValueError(f"delays: {error}") from None

    def moments(self, matrix: NDArray[Any]) -> NDArray[np.complex128]:
        """Tr[B_r X(τ)], (K, R), of any matrix X."""
        adjoint = matrix.conj().T
        return self._of_hermitian((matrix + adjoint) / 2) + 1j * self._of_hermitian(
            (matrix - adjoint) / 2j
        )

    def _of_hermitian(self, matrix: NDArray[Any]) -> NDArray[np.complex128]:
        """The same for a Hermitian matrix."""
        if np.abs(matrix).max() < _NOTHING:
            return np.zeros_like(self._unity)
        lowest = min(float(np.linalg.eigvalsh(matrix)[0]), 0.0)
        shifted = matrix - lowest * np.eye(len(matrix))
        size = float(np.trace(shifted).real)
        return size * self._of_state(shifted / size) + lowest * self._unity

    def _of_state(self, rho: NDArray[Any]) -> NDArray[np.complex128]:
        """The same for a density matrix, by `evolve`."""
        found = evolve(
            self._couplings,
            self._qobj(rho),
            self._times,
            method=self._method,
            observe=self._outputs,
            drive=self._drive,
            progress=False,
            **_TOLERANCES,
        )
        if not found.complete:
            raise KeyboardInterrupt
        columns = [np.asarray(found.expect[name]) for name in self._outputs]
        return np.stack(columns, axis=1)[self._skip :].astype(complex)

    def _qobj(self, matrix: Any) -> "Qobj":
        """A matrix of all emitters as QuTiP's object."""
        from qutip import Qobj

        dims = [[2] * len(self._couplings)] * 2
        return Qobj(matrix, dims=dims)
