"""What couples the emitters: a field's tensors F of all pairs, or the matrices of a bath.

Both answer the same question, J and K between two emitters at signed frequencies, and keep every
answer: a wave number is asked for once, whatever pairs, frequencies and schemes need it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.emitters import Multilevel
from collective.spectral.averages import lorentzian_averages, matsubara_sums
from collective.spectral.tensors import (
    STATIC,
    decay_and_shift,
    require_coupled,
    settled,
    static_tensors,
    tensors,
)

_RTOL = 1e-10  # of each 3×3 block of S
_COLD = 1e-7  # of all frequencies: below it the Matsubara sum is its integral
_SCATTERED = 1e-12  # of the vacuum's rate: what round-off may look like
_HERMITIAN = 1e-10
_CACHE_BYTES = 2**26  # of each kind of answer that is kept


class FieldTensors:
    """F(ω) of every pair of emitters i ≤ j in a field, kept for every frequency asked for.

    Args:
        multilevel: the emitters.
        field: the field.
        own: whether what an emitter does to itself is asked for as well; an interaction between
            emitters does not need it.

    Attributes:
        multilevel: the emitters.
        field: the field.
        largest: the highest Bohr frequency (1 without any).
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

    def real(self, omega: float) -> NDArray[np.complex128]:
        """F(ω) of all pairs at ω ≥ 0, (pairs, 3, 3)."""
        if omega not in self._real:
            pairs = self._first, self._second
            if omega == 0:
                found = static_tensors(self.multilevel, self.field, *pairs).astype(complex)
            else:
                found = tensors(self.multilevel, self.field, *pairs, omega)
            return _kept(self._real, omega, found)
        return self._real[omega]

    def matrix(self, pairs: NDArray[Any]) -> NDArray[Any]:
        """Blocks of all pairs as one symmetric matrix, (3N, 3N)."""
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
        if not all(float(size) in self._real for size in np.unique(sizes)):
            return decay_and_shift(self.multilevel, self.field, i, j, frequencies)
        where = np.flatnonzero((self._first == min(i, j)) & (self._second == max(i, j)))[0]
        found = np.array([self._real[float(size)][where] for size in sizes.ravel()])
        found = found.reshape(*frequencies.shape, 3, 3)
        if i > j:
            found = np.swapaxes(found, -1, -2)
        return np.sign(frequencies)[..., None, None] * found.imag, -0.5 * found.real

    def prepare(self) -> None:
        """Ask for all pairs at once, at every frequency at which a dipole turns."""
        m = self.multilevel
        used = [m.bohr_frequencies(i)[m.dipoles[i].any(axis=-1)] for i in range(len(m))]
        for omega in np.unique(np.abs(np.concatenate(used))):
            self.real(float(omega))

    def scatters(self, frequencies: list[float]) -> bool:
        """Whether light comes back to an emitter: Re F of it with itself is not zero."""
        own = self._first == self._second
        for omega in sorted({abs(w) for w in frequencies} - {0.0}):
            k = omega / self.multilevel.speed_of_light
            if np.abs(self.real(omega)[own].real).max() > _SCATTERED * k**3 / (3 * np.pi):
                return True
        return False

    def half_ranges(
        self, frequencies: list[float], temperature: float, *, own: bool = False
    ) -> list[NDArray[np.float64]]:
        """S(ω), (3N, 3N) each; own leaves out what is between different emitters."""
        sizes = sorted({abs(w) for w in frequencies} - {0.0})
        odd_parts = {w: self._half.get((temperature, w, own)) for w in sizes}
        missing = [w for w, found in odd_parts.items() if found is None]
        if missing:
            new = self._odd_parts(missing, temperature, own)
            for omega, value in zip(missing, new, strict=True):
                odd_parts[omega] = _kept(self._half, (temperature, omega, own), value)
        found = []
        for omega in frequencies:
            even = -0.25 * self.real(abs(omega)).real
            total = even + np.sign(omega) * odd_parts[abs(omega)] if omega else even
            if own:
                total = np.where((self._first == self._second)[:, None, None], total, 0.0)
            found.append(self.matrix(total))
        return found

    def _odd_parts(self, sizes: list[float], temperature: float, own: bool) -> Any:
        """½[S(ω) − S(−ω)] of all pairs at each ω > 0 listed, (sizes, pairs, 3, 3)."""
        c = self.multilevel.speed_of_light
        omega = np.array(sizes)[:, None, None, None]
        shift = np.stack([-0.5 * self.real(w).real for w in sizes])
        positions = self.multilevel.positions
        farthest = float(
            np.linalg.norm(positions[self._first] - positions[self._second], axis=1).max()
        )
        lowest = min(c / farthest if farthest else np.inf, sizes[0])

        def imaginary(nu: float) -> NDArray[np.float64]:
            if (nu, own) not in self._imaginary:
                chosen = self._first == self._second if own else slice(None)
                found = np.zeros((len(self._first), 3, 3))
                found[chosen] = tensors(
                    self.multilevel, self.field, self._first[chosen], self._second[chosen], 1j * nu
                ).real
                return _kept(self._imaginary, (nu, own), found)
            return self._imaginary[nu, own]

        def integral() -> NDArray[Any]:
            """(1/2π)∫₀^∞dν F(iν) ω/(ω² + ν²)."""
            return 0.5 * lorentzian_averages(
                imaginary, omega, anchor=self.largest, lowest=lowest, rtol=_RTOL, together=(-2, -1)
            )

        spacing = 2 * np.pi * temperature
        if spacing < _COLD * lowest:  # the sum is its integral, and coth(ω/2T) is 1
            return shift / 2 + integral()
        # F(0) from the imaginary axis, where the field of a metal is smooth, and linear at first
        static = settled(
            lambda nu: 2 * imaginary(nu) - imaginary(2 * nu), STATIC * min(spacing, lowest)
        )
        sums = matsubara_sums(imaginary, spacing, omega, rtol=_RTOL)
        thermal = shift / 2 / np.tanh(omega / (2 * temperature))
        return thermal + temperature / 2 * (static / omega + 2 * sums)


def _kept(answers: dict[Any, NDArray[Any]], key: Any, value: NDArray[Any]) -> NDArray[Any]:
    """Keep one more answer, all of one size; start anew where they would take too much memory."""
    if len(answers) * value.nbytes > _CACHE_BYTES:
        answers.clear()
    answers[key] = value
    return value


class BathMatrices:
    """γ and S of a bath over the coupling operators, checked, kept for every frequency.

    Attributes:
        multilevel: the emitters.
        field: the bath.
        kept: indices among the 3N coupling operators of those that are not zero.
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

    def matrix(self, name: str, omega: float) -> NDArray[Any]:
        """γ(ω) or S(ω) over the kept operators, Hermitian, γ positive semidefinite."""
        if (name, omega) in self._found:
            return self._found[name, omega]
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
        return _kept(self._found, (name, omega), checked_bath_matrix(name, omega, matrix))

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
                forth, back = self.matrix(name, float(omega)), self.matrix(name, -float(omega))
                whole = forth + sign * back.T
                found[at][np.ix_(rows, columns)] = whole[np.ix_(left, right)]
        shape = (*frequencies.shape, 3, 3)
        return decay.reshape(shape), shift.reshape(shape)

    def prepare(self) -> None:
        """Nothing: a bath gives all pairs at once."""


def checked_bath_matrix(name: str, omega: float, matrix: NDArray[Any]) -> NDArray[Any]:
    """The Hermitian part of γ(ω) or S(ω), or an error that says what is wrong with it."""
    scale = float(np.abs(matrix).max(initial=0.0))
    if np.abs(matrix - matrix.conj().T).max(initial=0.0) > _HERMITIAN * scale:
        raise ValueError(f"bath: {name}({omega:g}) must be Hermitian")
    matrix = (matrix + matrix.conj().T) / 2
    if name == "gamma" and matrix.size:
        smallest = float(np.linalg.eigvalsh(matrix)[0])
        if smallest < -_HERMITIAN * scale:
            raise ValueError(
                f"bath: gamma({omega:g}) must be positive semidefinite: smallest eigenvalue "
                f"{smallest:.3g} of {scale:.3g}; give the whole rates, vacuum and scattered"
            )
    return matrix
