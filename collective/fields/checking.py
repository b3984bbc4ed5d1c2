"""`check_field`: by how much a field violates reciprocity, passivity and causality."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.console import aligned, printable
from collective._tools.progress import Progress
from collective.fields.answers import imaginary_green, require_outside, total_green
from collective.fields.points import checked_points
from collective.fields.protocol import require_field

_AXIS = np.array([0.5, 0.8, 1.2, 2.0, 3.0])  # imaginary wave numbers compared, in units of k
_EDGES = np.array([1e-6, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 48.0])  # panels on the real axis, per k
_TURNS = 12.0  # phase between edges, which a Gauss-Kronrod panel resolves
_MOST_PANELS = 400
_ROUND_OFF = 1e-14  # of terms that cancel at small distances
_UNCERTAIN = 1e-3  # a quadrature with a larger relative error is not reported
_QUADRATURE, _INTERVALS = 1e-6, 20
_ALLOWED = {
    "reciprocity": 1e-8,
    "real on the imaginary axis": 1e-8,
    "passivity": 1e-8,
    "Kramers–Kronig": 1e-5,
}


@dataclass(frozen=True, eq=False)
class FieldCheck:
    """How much a field violates the laws of a Green's tensor, relative to its size; print it.

    Attributes:
        reciprocity: largest ``|G(r, r') − Gᵀ(r', r)|`` at k and ik.
        imaginary_axis: largest Im G(ik), zero because G(−k*) = G*(k); None if the field has no
            answer there.
        passivity: minus the smallest eigenvalue of Im G over all points (0 if none is negative).
        kramers_kronig: mismatch between the two axes, None if it was not asked for.
        quadrature: the part of that mismatch that may be the error of the quadrature.
        notes: why a property was not assessed, by its name.
        tolerance: accuracy of the field: larger violations than it and round-off are failures.
    """

    reciprocity: float
    imaginary_axis: float | None
    passivity: float
    kramers_kronig: float | None
    quadrature: float = 0.0
    notes: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 0.0

    __eq__ = equality.same
    __hash__ = equality.hashed

    @property
    def passed(self) -> bool:
        """Whether every number is as small as round-off and quadrature allow."""
        return all(verdict != "fails" for *_, verdict in self._rows())

    def _rows(self) -> list[tuple[str, float | None, str]]:
        values = (self.reciprocity, self.imaginary_axis, self.passivity, self.kramers_kronig)
        rows = []
        for (name, allowed), value in zip(_ALLOWED.items(), values, strict=True):
            allowed = max(allowed, self.tolerance)
            if name == "Kramers–Kronig":
                allowed = max(allowed, self.quadrature)
            verdict = "holds" if value is not None and value <= allowed else "fails"
            if value is None:
                verdict = ": ".join(["not assessed", *filter(None, [self.notes.get(name)])])
            rows.append((name, value, verdict))
        return rows

    @printable
    def __str__(self) -> str:
        rows = [
            (name, "–" if value is None else f"{value:.1e}", verdict)
            for name, value, verdict in self._rows()
        ]
        return aligned(rows, "<26 >8 <")

    __repr__ = __str__


def check_field(
    field: Any, points: ArrayLike, k: float = 2 * np.pi, *, kramers_kronig: bool = True
) -> FieldCheck:
    r"""Test reciprocity, passivity and causality of a field at some points.

    Reciprocity is G(r, r') = Gᵀ(r', r). G(ik) is real. Passivity is Im G over all points, vacuum
    and scattered part together, being positive semidefinite. Causality makes F = k²G analytic
    above the real axis, so that for five κ_j around k

    .. math:: \int_0^∞ dq\, \frac{q\,\mathrm{Im}\,F(q)}{\prod_j (q^2 + κ_j^2)}
              = \frac{π}{2}\sum_j \frac{F(iκ_j)}{\prod_{l≠j}(κ_l^2 − κ_j^2)}.

    This is the Kramers–Kronig relation in a form whose integrand decays even if F oscillates.

    Args:
        field: `Nanowire(...)`, `Vacuum()` or a field of your own.
        points: (P, 3), at least two different ones; a few where you will put emitters.
        k: wave number around which to check.
        kramers_kronig: evaluate the integral as well, at several hundred wave numbers up to 48k.

    Returns:
        `FieldCheck` with the numbers. It says why a law was not assessed. This happens if the
        field has no answer at imaginary wave numbers, or at some of the real ones that the
        integral needs, if the points are more than a few wavelengths apart, or if resonances have
        no absorption. (The electric response of a lossless `Plasma` fails: its dissipation is in a
        pole on the real axis, which the integral does not include.)

    Raises:
        ValueError: for fewer than two points, coincident points, points in solid matter, or a
            field without an answer at k.

    Example:
        >>> import collective as co
        >>> print(co.check_field(co.Vacuum(), [[0, 0, 0], [0.1, 0.2, 0.3]]).passed)
        True
    """
    r = checked_points("points", points)
    k = checks.wavenumber("k", k)
    kramers_kronig = checks.flag("kramers_kronig", kramers_kronig)
    if r.ndim != 2 or len(r) < 2:
        raise ValueError(f"points must be at least two, (P, 3), got shape {r.shape}")
    require_field("field", field)
    require_outside("points", field, r)
    distances = np.linalg.norm(r[:, None] - r[None], axis=-1) + np.diag(np.full(len(r), np.inf))
    if distances.min() == 0:
        i, j = (int(x) for x in np.unravel_index(np.argmin(distances), distances.shape))
        raise ValueError(f"points {i} and {j} coincide")
    real = total_green(field, r[:, None], r[None], k)
    imaginary, missing = _on_the_imaginary_axis(field, r, k)
    zero = not np.any(real.imag) or (imaginary is not None and not np.any(imaginary))
    if zero:
        raise ValueError(
            f"field {field!r} is zero at k = {k:g} or at k = {k:g}i: nothing to check; take points "
            "closer to one wavelength apart"
        )
    tensors = [real] if imaginary is None else [real, imaginary]
    reciprocity = max(
        float(np.abs(tensor - tensor.transpose(1, 0, 3, 2)).max() / np.abs(tensor).max())
        for tensor in tensors
    )
    size = len(r)
    whole = real.imag.transpose(0, 2, 1, 3).reshape(3 * size, 3 * size)
    eigenvalues = np.linalg.eigvalsh((whole + whole.T) / 2)
    notes = {"real on the imaginary axis": missing}
    mismatch, unsure = None, 0.0
    if not kramers_kronig:
        notes["Kramers–Kronig"] = "not asked for"
    elif imaginary is None:
        notes["Kramers–Kronig"] = "it needs both axes"
    else:
        try:
            mismatch, unsure, notes["Kramers–Kronig"] = _kramers_kronig(field, r, k)
        except (KeyboardInterrupt, MemoryError):
            raise
        except Exception as error:
            notes["Kramers–Kronig"] = (
                f"the field does not answer between k = {_EDGES[0] * k:.2g} and "
                f"{_EDGES[-1] * k:.3g} ({type(error).__name__}: {error})"
            )
    return FieldCheck(
        reciprocity,
        None
        if imaginary is None
        else float(np.abs(imaginary.imag).max() / np.abs(imaginary).max()),
        float(max(0.0, -eigenvalues[0]) / np.abs(eigenvalues).max()),
        mismatch,
        unsure,
        notes,
    )


def _on_the_imaginary_axis(
    field: Any, r: NDArray[np.float64], k: float
) -> tuple[NDArray[np.complex128] | None, str]:
    """G(ik) between all points, or None and the reason why there is none."""
    try:
        return total_green(field, r[:, None], r[None], 1j * k), ""
    except (KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        return None, f"no answer at k = {k:.3g}i ({type(error).__name__}: {error})"


def _kramers_kronig(
    field: Any, r: NDArray[np.float64], k: float
) -> tuple[float | None, float, str]:
    """Relative mismatch of the two sides for the worst pair of points, its error, and a note."""
    from scipy.integrate import quad_vec

    i, j = np.array(list(combinations(range(len(r)), 2))).T
    scale = k**2 * np.prod(_AXIS**2 + 1)

    def dissipation(q: float) -> NDArray[np.float64]:
        """The integrand at q, in units of k."""
        value = total_green(field, r[i], r[j], q * k).imag
        return np.asarray(scale * q**3 / np.prod(q**2 + _AXIS**2) * value)

    left: Any = np.zeros(())
    unsure = 0.0
    farthest = float(np.linalg.norm(r[i] - r[j], axis=-1).max())
    phases = np.arange(0.0, _EDGES[-1], _TURNS / (k * farthest))[1 : _MOST_PANELS + 1]
    if len(phases) == _MOST_PANELS:
        return None, np.inf, f"points {farthest:.3g} apart are too far for the integral over k"
    edges = np.unique(np.concatenate([_EDGES, phases]))
    with Progress(len(edges) - 1, "Kramers–Kronig") as progress:
        for low, high in pairwise(edges):
            value, error, *_ = quad_vec(
                dissipation,
                low,
                high,
                epsrel=_QUADRATURE,
                epsabs=_QUADRATURE / 10 * float(np.abs(left).max()),
                norm="max",
                quadrature="gk15",
                limit=_INTERVALS,
            )
            left, unsure = left + value, unsure + error
            progress.step()
    right: Any = 0.0
    for position, kappa in enumerate(_AXIS):
        others = np.delete(_AXIS, position)
        value = -(kappa**2) * imaginary_green(field, r[i], r[j], kappa * k)
        term = np.pi / 2 * scale * value / np.prod(others**2 - kappa**2)
        right, unsure = right + term, unsure + _ROUND_OFF * float(np.abs(term).max())
    sizes = np.maximum(np.abs(left), np.abs(right)).max(axis=(-2, -1))
    mismatch = np.abs(left - right).max(axis=(-2, -1)) / sizes
    uncertainty = float(unsure / sizes.min())
    if uncertainty < _UNCERTAIN:
        return float(mismatch.max()), uncertainty, ""
    return None, uncertainty, f"the integral over real k is uncertain by {uncertainty:.1g}"
