"""F(ω) between two dipoles, and its parts J = Im F and K = −½ Re F."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters import Multilevel
from collective.fields.answers import (
    imaginary_green,
    require_outside,
    response,
    total_green,
)
from collective.fields.protocol import TENSORS, require_field

_COINCIDENT = 1e-60  # in units of length; its cube is near the smallest double
_LOWEST = 1e-100  # wave number: below it a tensor equals its static limit to all digits
_ORTHOGONAL = 1e-12  # product of dipoles, relative to their lengths, that counts as zero
STATIC = 1e-5  # k·r at which the static limit is extrapolated; the error is its fourth power
_STATIC_STEPS, _STATIC_CONVERGED = 4, 1e-9  # most divisions of it by ten; final relative change
_RECIPROCAL = 1e-6  # relative: allowed difference of G(r, r') and Gᵀ(r', r)
_SAMPLED = 12  # pairs for which reciprocity is checked


def coupling_tensor(
    multilevel: Multilevel, field: Any, i: int, j: int, omega: complex
) -> NDArray[np.complex128]:
    """F(ω) between unit dipoles of emitters i and j, (3, 3): 2k²G (electric) or 2C (magnetic).

    For i = j it is the scattered part plus i times the rate in vacuum, k³/3π.

    Args:
        multilevel: positions, kind and speed of light.
        field: any `Field`; magnetic dipoles need `magnetic_green`.
        i: index of an emitter.
        j: index of an emitter.
        omega: ω > 0 or i times positive, in units of rate.

    Raises:
        ValueError: for an index or a frequency that is not allowed.

    Example:
        >>> import collective as co
        >>> atom = co.Multilevel.from_emitters(co.chain(1, 1.0, frequency=1e6))
        >>> tensor = co.spectral.coupling_tensor(atom, co.Vacuum(), 0, 0, 1e6)
        >>> dipole = atom.dipoles[0][1, 0]
        >>> round(float((dipole.conj() @ tensor.imag @ dipole).real), 9)  # its linewidth
        1.0
    """
    require_known(multilevel, field)
    i, j = checks.index("i", i, len(multilevel)), checks.index("j", j, len(multilevel))
    value = checks.complex_number("omega", omega)
    if not ((value.imag == 0 and value.real > 0) or (value.real == 0 and value.imag > 0)):
        raise ValueError(
            f"omega must be one frequency, positive or i times positive; got {omega}. The static "
            "limit is static_tensor(multilevel, field, i, j)"
        )
    if not _LOWEST <= abs(value) / multilevel.speed_of_light <= 1 / _LOWEST:
        raise ValueError(
            f"omega must be {_LOWEST:g} to {1 / _LOWEST:g} times the speed of light, so "
            f"that its powers do not underflow or overflow; got {omega}. The static limit is "
            "static_tensor(multilevel, field, i, j)"
        )
    return tensors(multilevel, field, np.array([i]), np.array([j]), value)[0]


def tensors(
    multilevel: Multilevel,
    field: Any,
    i: NDArray[np.intp],
    j: NDArray[np.intp],
    omega: complex,
) -> NDArray[np.complex128]:
    """F(ω) of many pairs of emitters in one call of the field, (pairs, 3, 3)."""
    k = omega / multilevel.speed_of_light
    r, r_source = multilevel.positions[i], multilevel.positions[j]
    seen = response(multilevel.kind, field)
    if np.imag(k):
        kappa = float(np.imag(k))
        return (-2 * kappa**2 * imaginary_green(seen, r, r_source, kappa)).astype(complex)
    k = float(np.real(k))
    return 2 * k**2 * total_green(seen, r, r_source, k)


def static_tensor(multilevel: Multilevel, field: Any, i: int, j: int) -> NDArray[np.float64]:
    """F(0) = lim 2k²G between emitters i and j, (3, 3) real, from two small wave numbers.

    F is even in ω at low frequency, so (4F(k) − F(2k))/3 is right to the fourth order of k·r.

    Args:
        multilevel: positions, kind and speed of light.
        field: any `Field`.
        i: index of an emitter.
        j: index of an emitter; i = j gives the scattered part.
    """
    require_known(multilevel, field)
    i, j = checks.index("i", i, len(multilevel)), checks.index("j", j, len(multilevel))
    return static_tensors(multilevel, field, np.array([i]), np.array([j]))[0]


def static_tensors(
    multilevel: Multilevel, field: Any, i: NDArray[np.intp], j: NDArray[np.intp]
) -> NDArray[np.float64]:
    """F(0) of many pairs, (pairs, 3, 3) real.

    A scatterer may be farther away than the emitters are from each other. So for pairs (i, i) the
    wave number is lowered until the limit does not change, at most four times, because an infinite
    wire has logarithms.
    """
    r = np.linalg.norm(multilevel.positions[i] - multilevel.positions[j], axis=-1).max()
    gaps = [np.abs(multilevel.bohr_frequencies(m)).max() for m in (*i, *j)]
    c = multilevel.speed_of_light
    omega = STATIC * (c / float(r) if r else float(max(gaps)) or c)

    def limit(omega: float) -> NDArray[np.float64]:
        near, far = (tensors(multilevel, field, i, j, s * omega).real for s in (1, 2))
        return np.asarray((4 * near - far) / 3)

    if r and not np.any(i == j):
        return limit(omega)
    return converged_limit(limit, omega)


def converged_limit(
    limit: Callable[[float], NDArray[np.float64]], start: float
) -> NDArray[np.float64]:
    """A limit at zero frequency: estimates at lower and lower frequencies until they agree."""
    value = limit(start)
    for _ in range(_STATIC_STEPS):
        start /= 10
        earlier, value = value, limit(start)
        if np.abs(value - earlier).max() <= _STATIC_CONVERGED * np.abs(value).max():
            break
    return value


def decay_and_shift(
    multilevel: Multilevel, field: Any, i: int, j: int, frequencies: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """J(ω) and K(ω) between two emitters at signed frequencies, (..., 3, 3) each.

    Args:
        multilevel: positions, kind and speed of light.
        field: any `Field`; magnetic dipoles need `magnetic_green`.
        i: index of an emitter.
        j: index of an emitter; for i = j, K is that of the scattered part.
        frequencies: real, any shape, in units of rate.

    Example:
        >>> import collective as co
        >>> pair = co.Multilevel.from_emitters(co.chain(2, 0.1, frequency=1e6))
        >>> J, K = co.spectral.decay_and_shift(pair, co.Vacuum(), 0, 1, [1e6, -1e6])
        >>> bool((J[0] == -J[1]).all() and (K[0] == K[1]).all())
        True
    """
    require_known(multilevel, field)
    i, j = checks.index("i", i, len(multilevel)), checks.index("j", j, len(multilevel))
    frequencies = checks.finite("frequencies", frequencies)
    c = multilevel.speed_of_light
    checks.finite("frequencies divided by the speed of light", frequencies / c)
    sizes, where = np.unique(np.abs(frequencies), return_inverse=True)
    pair = np.array([i]), np.array([j])
    found = [
        static_tensors(multilevel, field, *pair)[0].astype(complex)
        if size < _LOWEST * c
        else tensors(multilevel, field, *pair, float(size))[0]
        for size in sizes
    ]
    shape = frequencies.shape
    tensor = np.stack(found)[where.reshape(shape)] if found else np.zeros((*shape, 3, 3))
    return np.sign(frequencies)[..., None, None] * tensor.imag, -0.5 * tensor.real


def require_known(multilevel: Any, field: Any) -> None:
    """Raise unless these are emitters, and a field that has a Green's tensor of them there."""
    checks.instance("multilevel", multilevel, Multilevel, "co.Multilevel(...)")
    require_field("field", field, TENSORS)
    response(multilevel.kind, field)
    require_outside("multilevel.positions", field, multilevel.positions)


def require_coupled(multilevel: Multilevel, field: Any, *, own: bool = True) -> None:
    """Raise if the field has no tensor for such dipoles, their interaction diverges, or G ≠ Gᵀ.

    With own, the symmetry of the tensors of pairs (i, i) is checked as well.
    """
    require_known(multilevel, field)
    require_apart(multilevel)
    gaps = [np.abs(multilevel.bohr_frequencies(i)).max() for i in range(len(multilevel))]
    spread = float(np.linalg.norm(np.ptp(multilevel.positions, axis=0)))
    c = multilevel.speed_of_light
    omega = float(max(gaps)) or (STATIC * c / spread if spread else 0.0)
    if omega:
        require_reciprocal(
            field,
            multilevel.positions,
            lambda i, j: tensors(multilevel, field, i, j, omega),
            f"at ω = {omega:g}",
            own=own,
        )


def require_apart(multilevel: Multilevel) -> None:
    """Raise if two emitters coincide, unless their dipoles do not interact there.

    At exactly the same place the near field of a dipole, averaged over all directions, is parallel
    to it. So it does not act on a dipole that is perpendicular to it in all its elements.
    """
    r = multilevel.positions
    for i in range(1, len(r)):
        for j in np.flatnonzero(np.abs(r[:i] - r[i]).max(axis=1) < _COINCIDENT):
            one, other = multilevel.dipoles[j], multilevel.dipoles[i]
            size = np.linalg.norm(one, axis=-1).max() * np.linalg.norm(other, axis=-1).max()
            overlap = np.abs(np.einsum("yxa,uva->yxuv", one, other)).max()
            if overlap > _ORTHOGONAL * size or np.any(r[i] != r[j]):
                share = overlap / size if size else 0.0
                raise ValueError(
                    f"emitters {j} and {i} coincide: their interaction diverges; move one. "
                    "It is finite only for orthogonal dipoles at exactly the same place; here the "
                    "largest product of two elements (counter-rotating terms included) is "
                    f"{share:.3g} of the product of their lengths"
                )


def require_reciprocal(
    field: Any,
    positions: NDArray[np.float64],
    tensor: Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[Any]],
    where: str,
    *,
    own: bool = True,
) -> None:
    """Raise unless G(r, r') = Gᵀ(r', r) for a sample of pairs of emitters.

    Args:
        field: the field, for the error.
        positions: (N, 3).
        tensor: indices i, j (pairs,) → G(r_i, r_j) times any factor, (pairs, 3, 3).
        where: the wave number in words, for the error.
        own: whether pairs (i, i), whose tensor must be symmetric, are checked too.
    """
    n = len(positions)
    total = n * (n + 1) // 2
    if total <= _SAMPLED:
        i, j = np.triu_indices(n, 0 if own else 1)
    else:
        # the first and last emitters, and random pairs with a fixed seed
        draw = np.random.default_rng(0).integers(0, n, (2, 2 * _SAMPLED))
        i, j = np.concatenate([[[0], [n - 1]], [[0], [0]], draw], axis=1)[:, :_SAMPLED]
    if not own:
        i, j = i[i != j], j[i != j]
    if len(i) == 0:
        return
    forward, backward = tensor(i, j), tensor(j, i)
    deviation = np.abs(forward - backward.transpose(0, 2, 1)).max(axis=(1, 2))
    size = np.abs(forward).max(axis=(1, 2))
    worst = int(np.argmax(deviation - _RECIPROCAL * size))
    if deviation[worst] > _RECIPROCAL * size[worst]:
        raise ValueError(
            f"field {field!r} is not reciprocal: G(r, r') and Gᵀ(r', r) differ by "
            f"{deviation[worst] / size[worst]:.2g} of their size for emitters {i[worst]} and "
            f"{j[worst]} {where}; for such a field (a biased magnet, a one-way guide) give "
            "couple a model with coefficients(emitters), see co.Field, or your own matrices to "
            "Couplings(decay, shift)"
        )
