r"""GMRES for (L − z)x = r, with the evolution between two jumps as preconditioner.

x is found in a growing space of directions (S − z)⁻¹r (`steady_generator`), in which the norm of
the residual r is smallest (Saad & Schultz, SIAM J. Sci. Stat. Comput. 7, 856 (1986)). The images
of the directions are made orthonormal (Walker & Zhou, Numer. Linear Algebra Appl. 1, 571 (1994)),
so that one space serves several right sides.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import available_bytes

if TYPE_CHECKING:
    from collective.evolution.steady_generator import Generator

ROUND_OFF = 3e-16  # residual over the norms of L and ρ that is aimed at
_SLOW = 0.9  # a residual that falls by less than this factor is a bad next direction
_LOST = 0.3  # share of a vector beside the space, below which it is made orthogonal once more
FEWEST = 30  # directions for which there must be memory
_MOST = 1000  # directions; a space of more is thrown away
_PATIENCE = 400  # directions, in which the residual must at least be halved
_SHARE = 0.6  # of the memory that is left, for directions
_ROWS = 16  # vectors that are allocated at a time


class Space:
    """Directions z and their images, of which Lz = QR has orthonormal columns Q.

    Args:
        generator: L and the inverse of S.
        base: a vector of trace 1; so much of it is taken from each direction that its trace is 0.
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
        residual = np.array(residual)
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
        new = new - (self._generator.trace @ new) * self._base
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
        if not left > 100 * ROUND_OFF * size:
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
        return int(np.clip(len(self._images) + _SHARE * left / each, FEWEST, _MOST))

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
