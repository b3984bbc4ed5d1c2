"""Spherical unit vectors about any axis: the polarisations σ⁺, π and σ⁻ of a vector transition."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks


def spherical_vectors(axis: ArrayLike = (0.0, 0.0, 1.0)) -> NDArray[np.complex128]:
    r"""The vectors e₊₁, e₀ and e₋₁ about an axis, in the rows, (3, 3).

    .. math:: e_{±1} = ∓(\hat x ± i\hat y)/\sqrt 2, \qquad e_0 = \hat z

    about z (Condon–Shortley phases). For another axis these are turned by the shortest rotation
    from z to it. ⟨0, 0|d|1, q⟩ is along e_q.

    Args:
        axis: (3,) real, of any length above zero.
    """
    vectors = np.array([[-1, -1j, 0], [0, 0, np.sqrt(2)], [1, -1j, 0]]) / np.sqrt(2)
    return vectors @ rotation_to(checks.direction("axis", axis)).T


def rotation_to(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shortest rotation of z to a unit vector, (3, 3); −z is reached about the x axis."""
    x, y, z = axis
    across = x**2 + y**2
    if z < 0 and across < 1e-200:
        return np.diag([1.0, -1.0, -1.0])
    scale = 1 / (1 + z) if z >= 0 else (1 - z) / across  # equal, without cancellation near −z
    cross = np.array([[0, 0, x], [0, 0, y], [-x, -y, 0]])  # (ẑ × axis) ×
    return np.asarray(np.eye(3) + cross + cross @ cross * scale)


def checked_rotation(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """A rotation matrix, (3, 3): orthogonal, with determinant 1; no `Rotation` of scipy."""
    if hasattr(value, "as_matrix"):
        raise TypeError(f"{name} must be a 3 × 3 matrix: give {name}.as_matrix()")
    matrix = checks.finite(name, value)
    if matrix.shape != (3, 3):
        raise ValueError(
            f"{name} must be a 3 × 3 matrix, got shape {matrix.shape}; scipy makes one: "
            "Rotation.from_rotvec(angle * axis).as_matrix()"
        )
    deviation = float(np.abs(matrix @ matrix.T - np.eye(3)).max())
    if deviation > 1e-9:
        raise ValueError(f"{name} must be orthogonal: R Rᵀ differs from 1 by {deviation:.3g}")
    if np.linalg.det(matrix) < 0:
        raise ValueError(f"{name} must be a rotation, but its determinant is −1: a reflection")
    return matrix
