r"""The only state with Lρ = 0, from products of L with vectors.

From any state ρ₀ the steady state is ρ = ρ₀ + x with Lx = −Lρ₀. x is found in a growing space of
directions z = (S − 0)⁻¹r (`steady_generator`), in which the norm of the residual r = −L(ρ₀ + x) is
smallest: the method GMRES (Saad & Schultz, SIAM J. Sci. Stat. Comput. 7, 856 (1986)) with a right
preconditioner, in the form of orthonormal images Lz (Walker & Zhou, Numer. Linear Algebra Appl. 1,
571 (1994)), so that the space serves several right sides.

The steady state is unique if a second start, a product state at random, comes to the same state. The
difference of the two starts is reduced until almost nothing of it is left. If L annihilates what
is left before that, there is another steady state. A difference that L nearly annihilates, a slow
mode, is reduced too, as long as it is above round-off.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import available_bytes
from collective._tools.operators import excited

if TYPE_CHECKING:
    from collective.evolution.steady_generator import Generator

ZERO = 1e-11  # eigenvalue over the norm of L below which there is a second steady state
_ROUND_OFF = 3e-16  # residual over the norms of L and ρ that is aimed at
_ENOUGH = 4  # times that residual counts as none
_ACCEPTED = 1e-12  # residual over the norms of L and ρ; a larger one is an error
_SAME = 1e-5  # what is left of the difference of two starts that come to the same state
_NEARLY_SAME = 0.1  # the same, where a mode is so slow that round-off hides the rest
_STAGE = 1e-3  # the difference of two starts is reduced by this factor at a time
_SLOW = 0.9  # a residual that falls by less than this factor is a bad next direction
_LOST = 0.3  # share of a vector beside the space, below which it is made orthogonal once more
_FEWEST = 30  # directions for which there must be memory
_MOST = 1000  # directions; a space of more is thrown away
_PATIENCE = 400  # directions, in which the residual must at least be halved
_TRIES = 12  # times that a residual is computed anew
_SHARE = 0.6  # of the memory that is left, for directions
_ROWS = 16  # vectors that are allocated at a time
_WEAK = 0.1  # √ of the mean excitation, below which small entries are found with their own scale


class NotUniqueError(ValueError):
    """There is more than one steady state, up to round-off.

    Args:
        gap: a second eigenvalue of L within this distance of zero, relative to the norm.
    """

    def __init__(self, gap: float):
        super().__init__(f"a second eigenvalue lies within {gap:.1e} of zero")
        self.gap = gap


@dataclass(frozen=True, eq=False)
class Steady:
    """A steady state and how well it is known.

    Attributes:
        vector: ρ, (S,), of trace 1.
        residual: ‖Lρ‖, the Frobenius norm, in the unit of the generator.
        gap: an estimate of the smallest ‖Lx‖/‖x‖ for matrices of trace 0, in this unit.
        applications: how often L was applied.
    """

    vector: NDArray[np.float64]
    residual: float
    gap: float
    applications: int


def bytes_needed(side: int) -> int:
    """Bytes for a state of D levels: H_eff and its eigenvectors, and the fewest directions."""
    return side**2 * (12 * 16 + 16 * _FEWEST)


class Space:
    """Directions z and their images, of which Lz = QR has orthonormal columns Q.

    Args:
        generator: L and the inverse of S.
        base: a vector of trace 1, of which so much is taken from each direction that its trace is 0.
        report: is called with the norm of each new residual.
        shift: z, on the imaginary axis; L − z then takes the place of L, and vectors are complex.
    """

    def __init__(
        self,
        generator: "Generator",
        base: NDArray[np.float64],
        report: Callable[[float], None],
        shift: complex | None = None,
    ):
        self._generator, self._base, self._report = generator, base, report
        self._shift, self._kind = shift, np.dtype(float if shift is None else complex)
        self._directions, self._images = self._empty()
        self._upper = np.zeros((_ROWS, _ROWS), self._kind)
        self.applications = 0

    def _empty(self) -> "tuple[Rows, Rows]":
        """No directions and no images."""
        return tuple(Rows(self._generator.size, self._kind) for _ in range(2))  # type: ignore

    def reduced(
        self, residual: NDArray[Any], tolerance: float
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The solution x of Lx = r up to a residual of this norm, and that residual, both (S,)."""
        residual = residual.copy()
        share = self._images.removed_from(residual)
        found = self._combined(share)
        norm = float(np.linalg.norm(residual))
        direction, most = residual / norm if norm else residual, self._most()
        shares: list[complex] = []
        best, at = norm, self.applications
        while norm > tolerance:
            if norm < best / 2:
                best, at = norm, self.applications
            if self.applications > at + _PATIENCE:
                break
            if len(self._images) >= most:
                found += self._restarted(shares)
                shares = []
            image = self._extend(direction)
            if image is None:
                break
            shares.append(np.vdot(image, residual)[()])
            residual -= shares[-1] * image
            before, norm = norm, float(np.linalg.norm(residual))
            self._report(norm)
            direction = residual / norm if 0 < norm < _SLOW * before else image
        return found + self._combined(np.array(shares)), residual

    def _extend(self, direction: NDArray[Any]) -> NDArray[Any] | None:
        """Add the direction S⁻¹v and return its image, (S,); None if that is not a new one."""
        new = self._generator.invert(direction, self._shift or 0.0).astype(self._kind)
        new -= (self._generator.trace @ new) * self._base
        image = self._generator.apply(new)
        if self._shift is not None:
            image -= self._shift * new
        self.applications += 1
        size = float(np.linalg.norm(image))
        if not size > 0:
            return None
        count = len(self._images)
        share = self._images.removed_from(image)
        left = float(np.linalg.norm(image))
        if left < _LOST * size:
            share += self._images.removed_from(image)
            left = float(np.linalg.norm(image))
        if not left > 100 * _ROUND_OFF * size:
            return None
        image /= left
        if count + 1 > len(self._upper):
            self._upper = np.pad(self._upper, (0, _ROWS))
        self._upper[:count, count], self._upper[count, count] = share, left
        self._directions.append(new)
        self._images.append(image)
        return image

    def _combined(self, shares: NDArray[Any]) -> NDArray[Any]:
        """The x with Lx = the last images times these shares, (S,)."""
        from scipy.linalg import solve_triangular

        count = len(self._images)
        if not len(shares):
            return np.zeros(self._generator.size, self._kind)
        whole = np.zeros(count, self._kind)
        whole[count - len(shares) :] = shares
        return self._directions.times(solve_triangular(self._upper[:count, :count], whole))

    def _restarted(self, shares: list[complex]) -> NDArray[Any]:
        """The x found so far; the space becomes empty."""
        found = self._combined(np.array(shares))
        self._directions, self._images = self._empty()
        return found

    def _most(self) -> int:
        """The number of directions for which there is memory."""
        left, each = available_bytes(), self._generator.size * 2 * self._kind.itemsize
        if left is None:
            return _MOST
        return int(np.clip(len(self._images) + _SHARE * left / each, _FEWEST, _MOST))

    def gap(self, rho: NDArray[np.float64]) -> float:
        """The smallest ‖Lx‖/‖x‖ in the space, for x without the share of the steady state.

        Args:
            rho: the steady state, (S,), of trace 1.
        """
        from scipy.linalg import eigh, solve_triangular

        count = len(self._images)
        if count == 0:
            return np.inf
        traces = self._directions.along(self._generator.trace)
        along = self._directions.along(rho)
        lengths = self._directions.gram()
        lengths -= np.outer(traces, along) + np.outer(along, traces)
        lengths += np.outer(traces, traces) * (rho @ rho)
        upper = self._upper[:count, :count]
        half = solve_triangular(upper, lengths, trans="T")
        inverse = solve_triangular(upper, half.T, trans="T")
        last = [count - 1, count - 1]
        longest = eigh((inverse + inverse.T) / 2, eigvals_only=True, subset_by_index=last)[0]
        return float(1 / np.sqrt(longest)) if longest > 0 else np.inf


class Rows:
    """Vectors that are allocated a few at a time.

    Args:
        size: the length of a vector.
        kind: real or complex.
    """

    def __init__(self, size: int, kind: np.dtype[Any]):
        self._size, self._kind, self._count = size, kind, 0
        self._blocks: list[NDArray[Any]] = []

    def __len__(self) -> int:
        return self._count

    def append(self, vector: NDArray[Any]) -> None:
        """Keep a copy of a vector."""
        if self._count % _ROWS == 0:
            self._blocks.append(np.empty((_ROWS, self._size), self._kind))
        self._blocks[-1][self._count % _ROWS] = vector
        self._count += 1

    def _filled(self) -> list[NDArray[Any]]:
        """The vectors so far, in blocks."""
        last = self._count - _ROWS * (len(self._blocks) - 1)
        return [*self._blocks[:-1], self._blocks[-1][:last]] if self._blocks else []

    def along(self, vector: NDArray[Any]) -> NDArray[Any]:
        """The scalar product of every vector with this one."""
        turned = vector.conj()
        found = [(block @ turned).conj() for block in self._filled()]
        return np.concatenate([np.zeros(0, self._kind), *found])

    def removed_from(self, vector: NDArray[Any]) -> NDArray[Any]:
        """Subtract from a vector what lies along orthonormal vectors, and return the shares."""
        shares = self.along(vector)
        vector -= self.times(shares)
        return shares

    def times(self, shares: NDArray[Any]) -> NDArray[Any]:
        """The sum of the vectors times these numbers, (S,)."""
        found, first = np.zeros(self._size, self._kind), 0
        for block in self._filled():
            found += shares[first : first + len(block)] @ block
            first += len(block)
        return found

    def gram(self) -> NDArray[Any]:
        """The scalar products of all pairs of vectors."""
        blocks = self._filled()
        return np.asarray(np.block([[a.conj() @ b.T for b in blocks] for a in blocks]))


def steady(generator: "Generator", report: Callable[[float], None]) -> Steady:
    """The only state that L annihilates.

    Args:
        generator: L.
        report: is called with the share of the work that is done, from 0 to 1.

    Raises:
        NotUniqueError: if there is another one.
        FloatingPointError: if the residual does not become small.
    """
    scale = generator.norm
    target = _ROUND_OFF * scale

    def shown(norm: float) -> None:
        report(0.6 * float(np.clip(np.log(max(norm, target)) / np.log(target), 0, 1)))

    start = _slowest(generator)
    space = Space(generator, start, shown)
    rho, residual = _solved(generator, space, start)
    _check_unique(generator, space, rho, report)
    gap, made = space.gap(rho), space.applications
    del space
    number = _mean_excitation(generator, rho)
    if number is not None and number < _WEAK**2:
        fine = generator.scaled(_amplitudes(generator, np.sqrt(max(number, 1e-16))))
        start = _slowest(fine)
        space = Space(fine, start, lambda norm: None)
        vector, _ = _solved(fine, space, start)
        rho = generator.pack(fine.unpack(vector), real=True)
        rho /= generator.trace @ rho
        residual = float(np.linalg.norm(generator.apply(rho)))
        made += space.applications
    return Steady(rho, residual, gap, made)


def _solved(
    generator: "Generator", space: Space, start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """The steady state that a start of trace 1 comes to, (S,), and its residual."""
    rho, before = start, np.inf
    for _ in range(_TRIES):
        slope = generator.apply(rho)
        residual, size = float(np.linalg.norm(slope)), float(np.linalg.norm(rho))
        target = _ROUND_OFF * generator.norm * size
        if residual <= _ENOUGH * target or not residual < before / 2:
            break
        found, _ = space.reduced(-slope, target)
        rho, before = rho + found, residual
        rho /= generator.trace @ rho
    if not residual <= _ACCEPTED * generator.norm * size:
        raise FloatingPointError(
            f"the steady state is known only to a residual ‖Lρ‖ of {residual:.1e} in the unit of "
            f"the largest rate, after {space.applications} products with L"
        )
    return rho, residual


def _check_unique(
    generator: "Generator",
    space: Space,
    rho: NDArray[np.float64],
    report: Callable[[float], None],
) -> None:
    """Raise `NotUniqueError` if a second start does not come to the same state."""
    difference = _second_start(generator) - rho
    first = float(np.linalg.norm(difference))
    size, before = first, np.inf
    for k in range(_TRIES):
        slope = generator.apply(difference)
        norm = float(np.linalg.norm(slope))
        if not norm > ZERO * generator.norm * size:
            raise NotUniqueError(norm / (generator.norm * size))
        if not norm < before / 2:
            break
        found, _ = space.reduced(slope, _STAGE * norm)
        difference = difference - found
        difference -= (generator.trace @ difference) * rho
        size, before = float(np.linalg.norm(difference)), norm
        report(0.6 + 0.4 * (k + 1) / _TRIES)
        if size <= _SAME * first:
            return
    if size > _NEARLY_SAME * first:
        raise NotUniqueError(norm / (generator.norm * size))


def _slowest(generator: "Generator") -> NDArray[np.float64]:
    """The state that lives longest between two jumps, (S,)."""
    ket = generator.inverse.slowest
    found = generator.panels_of(np.outer(ket, ket.conj()))
    return found / (generator.trace @ found)


def _second_start(generator: "Generator") -> NDArray[np.float64]:
    """A product of pure states at random, the same for each call, (S,)."""
    rng = np.random.default_rng(1)
    ket = np.ones(1, dtype=complex)
    for levels in generator.dims:
        one = rng.normal(size=levels) + 1j * rng.normal(size=levels)
        ket = np.kron(ket, one / np.linalg.norm(one))
    return generator.pack(np.outer(ket, ket.conj()), real=True)


def _mean_excitation(generator: "Generator", rho: NDArray[np.float64]) -> float | None:
    """The mean number of excited two-level emitters; None for others."""
    if any(levels != 2 for levels in generator.dims):
        return None
    counts = excited(len(generator.dims)).sum(axis=1)
    return float(counts @ generator.unpack(rho).diagonal().real)


def _amplitudes(generator: "Generator", one: float) -> NDArray[np.float64]:
    """The expected amplitude of each state, in QuTiP's order: that of one excitation to its number."""
    counts = excited(len(generator.dims)).sum(axis=1)
    return np.asarray(one**counts)
