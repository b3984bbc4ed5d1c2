r"""What a Maxwell solver's tensor is checked for, and what is put right within its accuracy.

A Green's tensor is reciprocal, G(r, r') = Gᵀ(r', r). Im G of the whole field has no negative
eigenvalue. G is real on the imaginary axis, and both axes belong to one causal function. Numbers of
a solver keep to this within its accuracy, the tolerance. What violates a law by more is refused
with the number. What violates it by less is made to keep to it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.warn import warn
from collective.errors import UnitWarning
from collective.fields.checking import FieldCheck
from collective.fields.free_space import vacuum_green
from collective.fields.permittivity import spelled
from collective.fields.sampled.interpolation import Axis

_UNITS = 1e5  # times the rate in vacuum: at every place at once it is another unit
_ROUND_OFF = 1e-13  # of the largest eigenvalue
_WIDE = 100.0  # largest over smallest real wave number, from which causality is checked
_MANY = 20  # real wave numbers, from which it is checked
_AXIS = np.array([0.5, 0.8, 1.2, 2.0, 3.0])  # imaginary wave numbers compared, as in check_field
_PLACES, _NODES = 6, 6  # of which the pairs are compared; Gauss nodes between two samples
_ALLOWED = 1e-5  # of the comparison
_VACUUM = 1e-12  # of Im G of the vacuum: smaller scattered tensors are round-off
_UNCERTAIN = 0.01  # relative: a comparison that is less certain says nothing
_CONTENT = {
    "total": 'Is the vacuum missing in the tensors? Then say content="scattered"',
    "scattered": 'Is the vacuum included in the tensors? Then say content="total"',
}
_OTHER_TIME = (
    "they would be positive for the other time dependence: a solver with e^{+iωt} has G* where "
    'this package has G. Then say time="exp(+iwt)"'
)


def warn_of_zeros(
    tensors: NDArray[np.complex128], wavenumbers: NDArray[np.complex128], content: str
) -> None:
    """Warn of pairs of places whose tensor is exactly zero: a solver may have left them out.

    A scattered tensor may vanish altogether, up to round-off, which is the vacuum. On the imaginary
    axis a tensor may be too small for double precision.

    Args:
        tensors: (K, P, P, 3, 3), as given.
        wavenumbers: (K,).
        content: "total" or "scattered", of the tensors.
    """
    zero = ~tensors.any(axis=(3, 4)) & (wavenumbers.real > 0)[:, None, None]
    vacuum = np.abs(wavenumbers).max(initial=0.0) / (6 * np.pi)
    if not zero.any() or (content == "scattered" and np.abs(tensors).max() <= _VACUUM * vacuum):
        return
    n, i, j = (int(x) for x in np.argwhere(zero)[0])
    warn(
        f"tensors: {zero.sum()} of {zero.size} are zero, the first at wave number {n} between the "
        f"positions {i} and {j}: are they missing? Zero is exact only between places that see no "
        "light of each other"
    )


def made_reciprocal(
    tensors: NDArray[np.complex128], wavenumbers: NDArray[np.complex128], tolerance: float
) -> float:
    """Replace G by (G + Gᵀ)/2 and return by how much they differed.

    Args:
        tensors: (K, P, P, 3, 3), the scattered part, changed in place.
        wavenumbers: (K,).
        tolerance: the largest difference allowed.
    """
    worst = 0.0
    for tensor, k, size in zip(tensors, wavenumbers, sizes(tensors, wavenumbers), strict=True):
        back = tensor.transpose(1, 0, 3, 2)
        difference = np.abs(tensor - back).max(axis=(2, 3)) / size
        if difference.max() > tolerance:
            i, j = (int(x) for x in np.unravel_index(np.argmax(difference), difference.shape))
            pair = f"the positions {i} and {j}" if i != j else f"position {i} and itself"
            raise ValueError(
                f"tensors are not reciprocal: between {pair} at wave number {spelled(k)} "
                f"G(r, r') and Gᵀ(r', r) differ by {difference.max():.2g} of their size, tolerance "
                f"is {tolerance:g}. The order of the axes is [wave number, r, r', component at r, "
                "component at r']. If the solver is no more accurate, give a larger tolerance"
            )
        worst = max(worst, float(difference.max()))
        tensor[...] = (tensor + back) / 2
    return worst


def made_real(
    tensors: NDArray[np.complex128], wavenumbers: NDArray[np.complex128], tolerance: float
) -> float | None:
    """Leave out Im G(iκ) and return how large it was; None if there is no imaginary axis."""
    imaginary = np.flatnonzero(wavenumbers.imag)
    if not len(imaginary):
        return None
    scale = sizes(tensors, wavenumbers)[imaginary]
    found = np.abs(tensors[imaginary].imag).max(axis=(1, 2, 3, 4)) / scale
    n = int(np.argmax(found))
    if found[n] > tolerance:
        raise ValueError(
            "tensors must be real at imaginary wave numbers, because G(−k*) = G*(k): at "
            f"{spelled(wavenumbers[imaginary[n]])} their imaginary part is {found[n]:.2g} of their "
            f"size, tolerance is {tolerance:g}"
        )
    tensors[imaginary] = tensors[imaginary].real
    return float(found[n])


def made_passive(
    positions: NDArray[np.float64],
    tensors: NDArray[np.complex128],
    wavenumbers: NDArray[np.complex128],
    content: str,
    tolerance: float,
) -> float:
    """Clip negative eigenvalues of Im G of the whole field and return the largest of them.

    Args:
        positions: (P, 3).
        tensors: (K, P, P, 3, 3), the scattered part, changed in place.
        wavenumbers: (K,).
        content: "total" or "scattered", what the user gave.
        tolerance: the largest negative eigenvalue allowed, relative to the largest one.
    """
    worst, outer = 0.0, (np.inf, 0.0)
    for n in np.flatnonzero(wavenumbers.real):
        k = float(wavenumbers[n].real)
        vacuum = vacuum_green(positions[:, None], positions[None], k).imag
        whole = _matrix(vacuum + tensors[n].imag)
        smallest, largest = _rates(np.diag(whole), k)
        outer = min(smallest, outer[0]), max(largest, outer[1])
        size = max(float(np.abs(np.diag(whole)).max()), np.finfo(float).tiny)
        try:
            np.linalg.cholesky(whole + _ROUND_OFF * size * np.eye(len(whole)))
            continue
        except np.linalg.LinAlgError:
            values, vectors = np.linalg.eigh(whole)
        found = float(-values[0] / np.abs(values).max())
        if found > tolerance:
            mirrored = -whole if content == "total" else _matrix(vacuum - tensors[n].imag)
            lowest, *_, highest = np.linalg.eigvalsh(mirrored)
            hint = f"; {_OTHER_TIME}" if lowest >= -tolerance * abs(highest) else ""
            raise ValueError(
                "tensors give negative decay rates: the smallest eigenvalue of Im G of the whole "
                f"field is {-found:.2g} of the largest at wave number {spelled(k)}, tolerance is "
                f"{tolerance:g}. {_CONTENT[content]}"
                f"{hint or '. If the solver is no more accurate, give a larger tolerance'}"
            )
        if found > _ROUND_OFF:
            worst = max(worst, found)
            clipped = (vectors * values.clip(0)) @ vectors.T
            added = ((clipped + clipped.T) / 2 - whole).reshape(len(positions), 3, -1, 3)
            tensors[n] += 1j * added.transpose(0, 2, 1, 3)
    _warn_of_units(*outer)
    return worst


def checked_causality(real: Axis, imaginary: Axis, tolerance: float) -> tuple[Any, float, str]:
    r"""The Kramers–Kronig mismatch of the scattered part, its uncertainty, and a note.

    It is the relation of `check_field`, integrated over the samples. Below and above them the
    integrand is taken to fall as fast as 1/q⁴, and a quarter of it at the ends counts as uncertain.

    Args:
        real: G along real wave numbers.
        imaginary: κ²G on the imaginary axis.
        tolerance: accuracy of the samples.

    Raises:
        ValueError: if the two axes differ by more than the tolerance and the uncertainty.
    """
    if not len(imaginary):
        return None, 0.0, "it needs both axes"
    q = real.sizes
    if len(q) < _MANY or q[-1] < _WIDE * q[0]:
        return None, 0.0, (
            f"it needs {_MANY} real wave numbers over a factor of {_WIDE:g}, here are {len(q)} "
            f"over {q[-1] / q[0]:.3g}"
        )  # fmt: skip
    scale = float(np.sqrt(q[0] * q[-1]))
    kappas = _AXIS * scale
    if kappas[0] < imaginary.sizes[0] or kappas[-1] > imaginary.sizes[-1]:
        return None, 0.0, (
            f"it needs imaginary wave numbers from {kappas[0]:.3g}i to {kappas[-1]:.3g}i"
        )  # fmt: skip

    def integrand(at: NDArray[np.float64]) -> NDArray[np.float64]:
        ratio = at / scale
        return np.asarray(ratio**3 / np.prod(ratio[..., None] ** 2 + _AXIS**2, axis=-1))

    some = real.samples[:, :_PLACES, :_PLACES].imag
    every_other = Axis(q[::2], some[::2], logarithmic=False)
    left = np.tensordot(_integration(real, integrand), some, axes=1)
    coarse = np.tensordot(_integration(every_other, integrand), some[::2], axes=1)
    unsure = np.abs(left - coarse) / 8
    for end in (0, -1):
        unsure = unsure + integrand(q[end]) * q[end] / 4 * np.abs(some[end])
    right = np.zeros_like(left)
    weights = imaginary.weights(kappas)
    for position, ratio in enumerate(_AXIS):
        others = np.delete(_AXIS, position)
        values = np.tensordot(weights[position], imaginary.samples[:, :_PLACES, :_PLACES], axes=1)
        right -= np.pi / 2 * values / scale / np.prod(others**2 - ratio**2)
    size = np.maximum(np.abs(left), np.abs(right)).max()
    if size == 0:
        return None, 0.0, "nothing scatters"
    uncertain = float(unsure.max() / size)
    mismatch = float(np.abs(left - right).max() / size)
    if uncertain > _UNCERTAIN:
        return None, uncertain, f"the integral over the samples is uncertain by {uncertain:.1g}"
    if mismatch > max(tolerance, _ALLOWED, 2 * uncertain):
        raise ValueError(
            "tensors are not causal: Kramers and Kronig's relation between real and imaginary wave "
            f"numbers is violated by {mismatch:.2g} of its size (the integral is known to "
            f"{uncertain:.1g}); the two axes do not belong to the same medium, or one of them has "
            "another sign or unit"
        )
    return mismatch, 2 * uncertain, ""


def report(
    reciprocity: float,
    imaginary: float | None,
    passivity: float,
    causality: tuple[Any, float, str],
    tolerance: float,
) -> FieldCheck:
    """What was found of the samples, as `check_field` prints it."""
    mismatch, unsure, why = causality
    notes = {"Kramers–Kronig": why}
    if imaginary is None:
        notes["real on the imaginary axis"] = "no samples there"
    return FieldCheck(reciprocity, imaginary, passivity, mismatch, unsure, notes, tolerance)


def sizes(
    tensors: NDArray[np.complex128], wavenumbers: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """The size against which errors at each wave number are measured, (K,).

    On the real axis it is the largest entry, or k/6π if that is larger. On the imaginary axis it is
    the largest κ²G of all κ, divided by κ².
    """
    largest = np.abs(tensors).max(axis=(1, 2, 3, 4))
    k = np.abs(wavenumbers)
    real = np.maximum(largest, k / (6 * np.pi))
    response = np.where(wavenumbers.imag > 0, k**2 * largest, 0.0).max()
    return np.asarray(np.where(wavenumbers.imag > 0, max(response, 1e-300) / k**2, real))


def _integration(axis: Axis, integrand: Any) -> NDArray[np.float64]:
    """Weights of the samples (K,) in the integral of an integrand times the spline over k."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half, centre = np.diff(axis.sizes) / 2, (axis.sizes[1:] + axis.sizes[:-1]) / 2
    q = (centre[:, None] + half[:, None] * nodes).ravel()
    return np.asarray((half[:, None] * weights).ravel() * integrand(q) @ axis.weights(q))


def _matrix(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, P, 3, 3) as a symmetric matrix (3P, 3P)."""
    size = 3 * len(tensor)
    matrix = tensor.transpose(0, 2, 1, 3).reshape(size, size)
    return np.asarray((matrix + matrix.T) / 2)


def _rates(diagonal: NDArray[np.float64], k: float) -> tuple[float, float]:
    """The smallest and the largest decay rate of all places, of randomly oriented dipoles, in Γ₀.

    Args:
        diagonal: Im G(r, r) of the whole field, (3P,).
        k: the wave number.
    """
    rates = np.abs(6 * np.pi / k * diagonal.reshape(-1, 3).mean(axis=1))
    return float(rates.min()), float(rates.max())


def _warn_of_units(smallest: float, largest: float) -> None:
    """Warn if all rates are so far from those in vacuum that a unit is probably wrong."""
    if smallest > _UNITS or 0 < largest < 1 / _UNITS:
        warn(
            f"tensors: Im G(r, r) is between {smallest:.3g} and {largest:.3g} times k/6π, its "
            "value in vacuum, at every place and wave number: are positions, wave numbers and "
            "tensors in the same unit of length? For metres, 1/m and 1/m use "
            "SampledField.from_si(..., length=...). G is normalised by ∇×∇×G − k²εG = 1δ(r − r'). "
            "If it is intended: warnings.simplefilter('ignore', co.UnitWarning)",
            UnitWarning,
        )
