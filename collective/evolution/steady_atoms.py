r"""The steady state of driven atoms with manifolds, without the matrix of the generator.

With the jumps J and the evolution S between them, :math:`Lρ = Sρ + Jρ`, Sρ = −i(Kρ − ρK†), the
steady state obeys

.. math:: ρ = −S^{-1}Jρ .

It is the eigenvector of a completely positive map to the largest eigenvalue 1. With the
eigenvectors of K, a D × D matrix, S is diagonal. A second eigenvalue of 1 means a second steady
state.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.couplings.channels import ChannelCouplings
from collective.engines.exact.lindblad import of_channels
from collective.engines.exact.sectors import Generator

if TYPE_CHECKING:
    from qutip import Qobj

SMALLEST = 32  # states; fewer are solved by the kernel of the dense generator
LARGEST = 1100  # states, whose eigenvectors take a minute
_VECTORS = 40  # of D² numbers
_DARK = 1e-9  # relative: a rate below which a state of K does not decay
_SAME = 1e-8  # eigenvalues that differ by less are equal to working precision
_RESIDUAL = 1e-10  # of Lρ, relative to the largest rate


def steady_state(channels: ChannelCouplings) -> "Qobj | None":
    """The steady state of driven atoms, or None where the kernel of the generator must give it.

    None is returned for few states, without a drive, and where K has a state that does not decay.

    Args:
        channels: in the unit of the largest rate.

    Raises:
        ValueError: if the steady state is not unique.
        ProblemTooLargeError: before anything is allocated.
    """
    from qutip import Qobj

    count, n = len(channels.atoms.levels), len(channels)
    if not SMALLEST < count**n <= LARGEST or not np.any(channels.drive):
        return None
    side = count**n
    require(16 * _VECTORS * side**2, f"the steady state of {n} atoms", "use fewer atoms")
    lindblad = of_channels(channels)
    values, vectors = np.linalg.eig(lindblad.effective().toarray())
    rates = -values.imag
    if rates.min() <= _DARK * rates.max():
        return None
    generator = Generator(lindblad, np.ones((side, side), dtype=bool))
    rho = _fixed_point(generator, values, vectors)
    residual = float(np.linalg.norm(generator.apply(generator.pack(rho))))
    if residual > _RESIDUAL * max(1.0, float(np.abs(values).max())):
        return None
    return Qobj(rho, dims=[[count] * n] * 2)


def _fixed_point(
    generator: Generator, values: NDArray[np.complex128], vectors: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """The density matrix that the map −S⁻¹J leaves as it is."""
    from scipy.sparse.linalg import LinearOperator, eigs

    side = len(values)
    inverse = np.linalg.inv(vectors)
    turning = 1j * (values[:, None] - values.conj())

    def chain(packed: NDArray[np.complex128]) -> NDArray[np.complex128]:
        fed = generator.unpack(generator.jumped(packed.astype(complex).ravel()), 0.0)
        found = inverse @ fed @ inverse.conj().T / turning
        return generator.pack(vectors @ found @ vectors.conj().T)

    size = generator.size
    start = generator.pack(np.eye(side, dtype=complex) / side)
    found, kets = eigs(
        LinearOperator((size, size), matvec=chain, dtype=complex), 2, v0=start, tol=1e-13
    )
    order = np.argsort(np.abs(found - 1))
    if abs(found[order[1]] - 1) < _SAME:
        raise ValueError(
            "the steady state is not unique to working precision: a second state is left unchanged "
            f"to {abs(found[order[1]] - 1):.1e}, so the final state depends on the initial one; "
            "evolve from a state to late times"
        )
    rho = generator.unpack(kets[:, order[0]], 0.0)
    rho = rho / np.trace(rho)
    return np.asarray((rho + rho.conj().T) / 2)
