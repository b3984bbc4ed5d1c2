r"""States of at most K particles as symmetric tensors, on which H_eff acts by products of matrices.

.. math:: |ψ⟩ = Σ_k Σ_{n_1<…<n_k} ψ_k[n_1, …, n_k]\,|n_1 … n_k⟩

ψ_k has N^k entries: it is symmetric, and zero where two indices are equal. Then b_n picks one
index, (b_nψ)_{k−1} = ψ_k[n, …], and H_eff is one product of matrices followed by a sum over the k
places:

.. math::
   (H_\mathrm{eff}ψ)_k[n_1 … n_k] = Σ_i \Big(Σ_m h_{n_i m} ψ_k[m, …] + ½Ω_{n_i}ψ_{k−1}[…]\Big)
   + ½Σ_m Ω^*_mψ_{k+1}[m, …] + \Big(c + Σ_{i<j} V_{n_in_j}\Big)ψ_k

where … are the other indices. This stores every amplitude k! times, but 8N^{k+1} flops of matrix
products take a tenth of the time of as many hops between configurations.
"""

from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.capped.particles import Particles

_LETTERS = "abcdefghijklmnop"


class Layers:
    """Where the tensors of some numbers of particles are in one flat vector.

    Args:
        n: number of emitters.
        numbers: the numbers of particles, ascending without gaps.
    """

    def __init__(self, n: int, numbers: tuple[int, ...]):
        self.n, self.numbers = n, numbers
        sizes = [n**k for k in numbers]
        self._ends = np.cumsum([0, *sizes]).tolist()
        self.size = int(self._ends[-1])
        # states have Σ|ψ_k|²/k! as their norm
        self.measure = [1 / factorial(k) for k in numbers]

    def split(self, flat: NDArray[Any]) -> dict[int, NDArray[Any]]:
        """Views of a flat vector as tensors, by number of particles."""
        return {
            k: flat[begin:end].reshape((self.n,) * k)
            for k, begin, end in zip(self.numbers, self._ends[:-1], self._ends[1:], strict=True)
        }

    def joined(self, tensors: dict[int, NDArray[Any]]) -> NDArray[np.complex128]:
        """Tensors as one flat vector; those that are not given are zero."""
        flat = np.zeros(self.size, dtype=complex)
        for k, view in self.split(flat).items():
            if k in tensors:
                view[...] = tensors[k]
        return flat

    def weights(self, flat: NDArray[Any]) -> NDArray[np.float64]:
        """The squared norm of every layer."""
        pieces = zip(self.split(flat).values(), self.measure, strict=True)
        return np.array([share * np.vdot(x, x).real for x, share in pieces])

    def norm2(self, flat: NDArray[Any]) -> float:
        """The squared norm."""
        return float(self.weights(flat).sum())


def slope(
    particles: Particles, layers: Layers, flat: NDArray[Any], envelope: complex
) -> NDArray[Any]:
    """−i H_eff ψ within the layers; the drive is multiplied by the envelope."""
    n, found = particles.n, np.empty_like(flat)
    tensors, results = layers.split(flat), layers.split(found)
    half = (envelope.conjugate() if particles.holes else envelope) * particles.drive / 2
    driven = particles.driven and envelope != 0
    turned = particles.h.T
    for k, psi in tensors.items():
        out = results[k]
        if k == 0:
            out[...] = 0
        else:
            moved = psi.reshape(-1, n) @ turned
            if driven and k - 1 in tensors:
                moved += np.multiply.outer(tensors[k - 1].ravel(), half)
            _symmetrised(moved.reshape(psi.shape), out)
        if driven and k + 1 in tensors:
            out += lowered(half.conj(), tensors[k + 1])
        if k > 1 and particles.ising is not None:
            out += particles.pair_energies(k) * psi
    if particles.constant:
        found += particles.constant * flat
    found *= -1j
    return found


def _symmetrised(tensor: NDArray[Any], out: NDArray[Any]) -> None:
    """The sum over all places of the last index, without entries that have two equal indices."""
    k = tensor.ndim
    if k == 1:
        out[...] = tensor
        return
    np.add(tensor, np.moveaxis(tensor, -1, 0), out=out)
    for place in range(1, k - 1):
        out += np.moveaxis(tensor, -1, place)
    for i in range(k):
        for j in range(i + 1, k):
            letters = list(_LETTERS[:k])
            letters[j] = letters[i]
            kept = "".join(dict.fromkeys(letters))
            np.einsum(f"{''.join(letters)}->{kept}", out)[...] = 0


def lowered(vector: NDArray[Any], psi: NDArray[Any]) -> NDArray[Any]:
    """Σ_n v_n b_n on a tensor of k ≥ 1 particles: a tensor of k − 1."""
    n = len(vector)
    return (vector @ psi.reshape(n, -1)).reshape(psi.shape[1:])


def raised(vector: NDArray[Any], psi: NDArray[Any]) -> NDArray[Any]:
    """Σ_n v_n b⁺_n on a tensor of k particles: a tensor of k + 1."""
    found = np.empty((*psi.shape, len(vector)), dtype=complex)
    _symmetrised(np.multiply.outer(psi, vector), found)
    return found


def pairs(layers: Layers, flat: NDArray[Any]) -> NDArray[np.complex128]:
    """⟨b⁺_mb_n⟩, (N, N)."""
    n = layers.n
    found = np.zeros((n, n), dtype=complex)
    for k, psi in layers.split(flat).items():
        if k:
            rows = psi.reshape(n, -1)
            found += (rows.conj() @ rows.T) / factorial(k - 1)
    return found


def observed(particles: Particles, layers: Layers, flat: NDArray[Any]) -> dict[str, Any]:
    """Emission, excited populations (N,), the weights of the layers and, of excitations, pairs.

    The rate of photon pairs is :math:`ΣΓ_{mn}Γ_{pq}⟨σ^+_mσ^+_pσ^-_qσ^-_n⟩`; for two excitations it
    is Σ ψ₂* · Γψ₂Γᵀ.
    """
    n = particles.n
    weights = layers.weights(flat)
    weight, emission, coincidence = float(weights.sum()), 0.0, 0.0
    each = np.zeros(n)
    for k, psi in layers.split(flat).items():
        if k == 0:
            continue
        rows = np.ascontiguousarray(psi.reshape(n, -1))
        each += np.einsum("ni,ni->n", rows.conj(), rows).real / factorial(k - 1)
        shone = _product(particles.light, rows)
        emission += np.vdot(rows, shone).real / factorial(k - 1)
        if k > 1 and not particles.holes:
            # the second photon is one more product, with the second index first
            other = shone.reshape(psi.shape).swapaxes(0, 1).reshape(n, -1)
            seen = _product(particles.light, np.ascontiguousarray(other))
            coincidence += np.vdot(rows, seen).real / factorial(k - 2)
    return {
        "emission": emission + particles.light_constant * weight,
        "coincidence": coincidence,
        "populations": particles.populations(weight, each),
        "weights": dict(zip(layers.numbers, weights.tolist(), strict=True)),
    }


def _product(matrix: NDArray[Any], rows: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """A matrix times complex rows; a real matrix needs half of the work."""
    if np.iscomplexobj(matrix):
        return matrix @ rows
    return (matrix @ rows.view(float)).view(complex)
