"""What couples the emitters: the tensors F of a field for all pairs, or the matrices of a bath.

Both give J and K between two emitters at signed frequencies and store every result. So a field is
evaluated once at each wave number, for all pairs, frequencies and approximations.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.emitters import Multilevel
from collective.spectral.averages import lorentzian_averages, matsubara_sums
from collective.spectral.tensors import (
    STATIC,
    converged_limit,
    decay_and_shift,
    require_coupled,
    static_tensors,
    tensors,
)

_RTOL = 1e-10  # relative to each 3×3 block of S
_COLD = 1e-7  # of the lowest frequency: below it the Matsubara sum is replaced by an integral
_SCATTERED = 1e-12  # of the vacuum's rate: below it scattered light is round-off
_HERMITIAN = 1e-10
_CACHE_BYTES = 2**26  # of each kind of result that is stored


class FieldTensors:
    """F(ω) of every pair of emitters i ≤ j in a field; results are stored by frequency.

    Args:
        multilevel: the emitters.
        field: the field.
        own: whether the pairs (i, i) are included; an interaction between emitters does not need
            them.

    Attributes:
        multilevel: the emitters.
        field: the field.
        largest: the highest Bohr frequency (1 if all are zero).
    """

    def __init__(self, multilevel: Multilevel, field: Any, *, own: bool = True):
        require_coupled(multilevel, field, own=own)
        self.multilevel, self.field = multilevel, field
        n = len(multilevel)
        self._first, self._second = np.triu_indices(n, 0 if own else 1)
        gaps = [np.abs(multilevel.bohr_frequencies(i)).max() for i in range(n)]
        self.largest = float(max(gaps)) or 1.0
        self._real: dict[float, NDArray[np.complex128]] = {}
        self._imaginary: dict[tuple[float, bool], NDArray[np.float64]] = {}
        self._half: dict[tuple[float, float, bool], NDArray[np.float64]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles contain: no stored results, which are computed again."""
        return {**vars(self), "_real": {}, "_imaginary": {}, "_half": {}}

    def real(self, omega: float) -> NDArray[np.complex128]:
        """F(ω) of all pairs at ω ≥ 0, (pairs, 3, 3)."""
        found = self._real.get(omega)
        if found is not None:
            return found
        pairs = self._first, self._second
        if omega == 0:
            found = static_tensors(self.multilevel, self.field, *pairs).astype(complex)
        else:
            found = tensors(self.multilevel, self.field, *pairs, omega)
        return _stored(self._real, omega, found)

    def matrix(self, pairs: NDArray[Any]) -> NDArray[Any]:
        """The blocks of all pairs as one symmetric matrix, (3N, 3N)."""
        n = len(self.multilevel)
        blocks = np.zeros((n, 3, n, 3), dtype=pairs.dtype)
        blocks[self._second, :, self._first] = pairs.transpose(0, 2, 1)
        blocks[self._first, :, self._second] = pairs
        return blocks.reshape(3 * n, 3 * n)

    def pair(
        self, i: int, j: int, frequencies: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """J and K between two emitters at signed frequencies, (..., 3, 3) each."""
        sizes = np.abs(frequencies)
        stored = self._real.copy()  # other threads may empty the original
        known = {w: stored[w] for w in np.unique(sizes).tolist() if w in stored}
        if len(known) < len(np.unique(sizes)):
            return decay_and_shift(self.multilevel, self.field, i, j, frequencies)
        where = np.flatnonzero((self._first == min(i, j)) & (self._second == max(i, j)))[0]
        found = np.array([known[float(size)][where] for size in sizes.ravel()])
        found = found.reshape(*frequencies.shape, 3, 3)
        if i > j:
            found = np.swapaxes(found, -1, -2)
        return np.sign(frequencies)[..., None, None] * found.imag, -0.5 * found.real

    def prepare(self) -> None:
        """Compute all pairs in one call of the field, at every frequency of a dipole element."""
        m = self.multilevel
        used = [m.bohr_frequencies(i)[m.dipoles[i].any(axis=-1)] for i in range(len(m))]
        for omega in np.unique(np.abs(np.concatenate(used))):
            self.real(float(omega))

    def scatters(self, frequencies: list[float]) -> bool:
        """Whether light is scattered back to an emitter: Re F of a pair (i, i) is not zero."""
        own = self._first == self._second
        for omega in sorted({abs(w) for w in frequencies} - {0.0}):
            k = omega / self.multilevel.speed_of_light
            if np.abs(self.real(omega)[own].real).max() > _SCATTERED * k**3 / (3 * np.pi):
                return True
        return False

    def half_ranges(
        self, frequencies: list[float], temperature: float, *, own_only: bool = False
    ) -> list[NDArray[np.float64]]:
        """S(ω), (3N, 3N) each; own_only sets the blocks between different emitters to zero."""
        sizes = sorted({abs(w) for w in frequencies} - {0.0})
        odd_parts = {w: self._half.get((temperature, w, own_only)) for w in sizes}
        missing = [w for w, found in odd_parts.items() if found is None]
        if missing:
            new = self._odd_parts(missing, temperature, own_only)
            for omega, value in zip(missing, new, strict=True):
                odd_parts[omega] = _stored(self._half, (temperature, omega, own_only), value)
        found = []
        for omega in frequencies:
            even = -0.25 * self.real(abs(omega)).real
            total = even + np.sign(omega) * odd_parts[abs(omega)] if omega else even
            if own_only:
                total = np.where((self._first == self._second)[:, None, None], total, 0.0)
            found.append(self.matrix(total))
        return found

    def _odd_parts(self, sizes: list[float], temperature: float, own_only: bool) -> Any:
        """½[S(ω) − S(−ω)] of all pairs at each ω > 0 in sizes, (sizes, pairs, 3, 3)."""
        c = self.multilevel.speed_of_light
        omega = np.array(sizes)[:, None, None, None]
        shift = np.stack([-0.5 * self.real(w).real for w in sizes])
        positions = self.multilevel.positions
        farthest = float(
            np.linalg.norm(positions[self._first] - positions[self._second], axis=1).max()
        )
        lowest = min(c / farthest if farthest else np.inf, sizes[0])

        def imaginary(nu: float) -> NDArray[np.float64]:
            found = self._imaginary.get((nu, own_only))
            if found is not None:
                return found
            chosen = self._first == self._second if own_only else slice(None)
            found = np.zeros((len(self._first), 3, 3))
            found[chosen] = tensors(
                self.multilevel, self.field, self._first[chosen], self._second[chosen], 1j * nu
            ).real
            return _stored(self._imaginary, (nu, own_only), found)

        def integral() -> NDArray[Any]:
            """(1/2π)∫₀^∞dν F(iν) ω/(ω² + ν²)."""
            return 0.5 * lorentzian_averages(
                imaginary, omega, anchor=self.largest, lowest=lowest, rtol=_RTOL, together=(-2, -1)
            )

        spacing = 2 * np.pi * temperature
        if spacing < _COLD * lowest:  # the sum becomes an integral, and coth(ω/2T) is 1
            return shift / 2 + integral()
        # F(0) from the imaginary axis, on which the field of a metal is smooth and linear near zero
        static = converged_limit(
            lambda nu: 2 * imaginary(nu) - imaginary(2 * nu), STATIC * min(spacing, lowest)
        )
        sums = matsubara_sums(imaginary, spacing, omega, rtol=_RTOL)
        thermal = shift / 2 / np.tanh(omega / (2 * temperature))
        return thermal + temperature / 2 * (static / omega + 2 * sums)


def _stored(answers: dict[Any, NDArray[Any]], key: Any, value: NDArray[Any]) -> NDArray[Any]:
    """Store one more result, all of one size; delete the others if they take too much memory."""
    if len(answers) * value.nbytes > _CACHE_BYTES:
        answers.clear()
    answers[key] = value
    return value


class BathMatrices:
    """The checked matrices γ and S of a bath; results are stored by frequency.

    Attributes:
        multilevel: the emitters.
        field: the bath.
        kept: indices of the coupling operators that are not zero, among all 3N.
    """

    def __init__(self, multilevel: Multilevel, the_bath: Any):
        self.multilevel, self.field = multilevel, the_bath
        dipoles = [m[:, :, alpha] for m in multilevel.dipoles for alpha in range(3)]
        self.kept = [a for a, matrix in enumerate(dipoles) if np.any(matrix)]
        gaps = [np.abs(multilevel.bohr_frequencies(i)) for i in range(len(multilevel))]
        largest = max(float(gap.max()) for gap in gaps)
        probe = checks.finite("bath: gamma", the_bath.gamma(largest or 1.0), complex)
        self._shape, sizes = probe.shape, (len(dipoles), len(self.kept))
        if probe.ndim != 2 or probe.shape[0] != probe.shape[1] or len(probe) not in sizes:
            raise ValueError(
                f"bath: gamma must be {sizes[0]}×{sizes[0]} (three components of every "
                f"dipole) or {sizes[1]}×{sizes[1]} (those that are not zero), "
                f"got shape {probe.shape}"
            )
        self._all = len(probe) == len(dipoles)
        self._found: dict[tuple[str, float], NDArray[Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles contain: no stored results, which are computed again."""
        return {**vars(self), "_found": {}}

    def matrix(self, name: str, omega: float) -> NDArray[Any]:
        """The checked γ(ω) or S(ω) for the coupling operators that are not zero."""
        found = self._found.get((name, omega))
        if found is not None:
            return found
        try:
            answer = getattr(self.field, name)(float(omega))
        except TypeError as error:
            raise ValueError(
                f"bath: {name}({omega:g}) must be a matrix; it raised TypeError: {error}"
            ) from error
        matrix = checks.finite(f"bath: {name}({omega:g})", answer, complex)
        if matrix.shape != self._shape:
            raise ValueError(
                f"bath: {name}({omega:g}) must have shape {self._shape}, got {matrix.shape}"
            )
        if self._all:
            matrix = matrix[np.ix_(self.kept, self.kept)]
        return _stored(self._found, (name, omega), checked_bath_matrix(name, omega, matrix))

    def pair(
        self, i: int, j: int, frequencies: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """J_ab = γ_ab(ω) − γ_ba(−ω) and K_ab = S_ab(ω) + S_ba(−ω) between two emitters."""
        left = [p for p, a in enumerate(self.kept) if a // 3 == i]
        right = [p for p, a in enumerate(self.kept) if a // 3 == j]
        rows, columns = ([self.kept[p] % 3 for p in some] for some in (left, right))
        decay = np.zeros((frequencies.size, 3, 3), dtype=complex)
        shift = np.zeros_like(decay)
        for at, omega in enumerate(frequencies.ravel()):
            for found, name, sign in ((decay, "gamma", -1), (shift, "shift", 1)):
                forward = self.matrix(name, float(omega))
                backward = self.matrix(name, -float(omega))
                whole = forward + sign * backward.T
                found[at][np.ix_(rows, columns)] = whole[np.ix_(left, right)]
        shape = (*frequencies.shape, 3, 3)
        return decay.reshape(shape), shift.reshape(shape)

    def prepare(self) -> None:
        """Do nothing: a bath gives all pairs at once."""


def checked_bath_matrix(name: str, omega: float, matrix: NDArray[Any]) -> NDArray[Any]:
    """The Hermitian part of γ(ω) or S(ω); raises if the matrix is not one of these."""
    scale = float(np.abs(matrix).max(initial=0.0))
    if np.abs(matrix - matrix.conj().T).max(initial=0.0) > _HERMITIAN * scale:
        raise ValueError(f"bath: {name}({omega:g}) must be Hermitian")
    matrix = (matrix + matrix.conj().T) / 2
    if name == "gamma" and matrix.size:
        smallest = float(np.linalg.eigvalsh(matrix)[0])
        if smallest < -_HERMITIAN * scale:
            raise ValueError(
                f"bath: gamma({omega:g}) must be positive semidefinite: smallest eigenvalue "
                f"{smallest:.3g} of {scale:.3g}; give the sum of vacuum and scattered rates"
            )
    return matrix
