r"""Lossy modes whose γ(ω) and S(ω) come close to those of any bath: `fit_modes`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.console import printable
from collective.fields import Field
from collective.spectral.baths import Bath
from collective.spectral.brownian import BrownianModes
from collective.spectral.lossy import LossyModes

_FINER = 3  # points between those of the fit, at which the error is found
_WIDTHS = (1.0, 0.25, 0.05)  # of a new mode, in units of the width of the band
_REACH = 3.0  # bands beyond the band in which modes may lie
_NARROWEST, _WIDEST = 1e-4, 1e2  # linewidths, in units of the width of the band
_EVALUATIONS = 60  # of a fit with a new mode; the last fit has ten times as many
_MOST_POINTS, _MOST_MODES = 5_000, 40
_NEGATIVE = 1e-3  # of the largest γ: a more negative one is no noise
_SHORTEST = 1e-10  # of the largest frequency: the shortest band


@dataclass(frozen=True, eq=False)
class ModeFit:
    """Lossy modes that were fitted to a bath.

    Attributes:
        modes: the `LossyModes`.
        error: largest deviation of an entry of γ in the band, over the largest entry of γ there.
        shift_error: the same of 2S, over the same entry of γ; None if only γ was fitted.
        band: lowest and highest frequency of the fit.
    """

    modes: LossyModes
    error: float
    shift_error: float | None
    band: tuple[float, float]

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    @printable
    def __str__(self) -> str:
        shift = "" if self.shift_error is None else f", 2S off by {self.shift_error:.1e}"
        return (
            f"ModeFit: {len(self.modes)} modes for ω = {self.band[0]:g} … {self.band[1]:g}, "
            f"γ off by {self.error:.1e}{shift} of the largest γ"
        )

    __repr__ = __str__


def fit_modes(
    bath: Bath | BrownianModes | LossyModes | Callable[[float], Any],
    band: ArrayLike,
    *,
    modes: int = 4,
    points: int = 120,
) -> ModeFit:
    r"""Lossy modes whose rates and shifts come close to those of a bath in a band of frequencies.

    .. math:: \min_{ω_k, κ_k, g_k} \sum_{ω} \left‖γ(ω) − \sum_k \frac{g_kg_k^†\,κ_k}
              {(ω−ω_k)^2+κ_k^2/4}\right‖^2 \; (+\ \text{the same of } 2S)

    by least squares: modes are added one by one where the deviation is largest, and all are
    improved together. The modes are a bath that exists (γ ⪰ 0), which "modes" and "heom" of
    `compare` treat exactly; `error` says how far it is from yours. A bath at a temperature also
    has rates at ω < 0, so its band should reach there. A field becomes a bath by `spectral.bath`.

    Args:
        bath: a `Bath`, `BrownianModes` or `LossyModes`, of which γ and S are fitted; or a function
            ω → γ(ω), a number or (M, M), of which γ alone is fitted, such as a spectral density
            J(ω).
        band: the lowest and the highest frequency, in units of rate. It should contain all
            frequencies of the emitters, ±ω.
        modes: the number K of modes. For two emitters that see different light, two modes may be
            needed for one line.
        points: the number of frequencies that are fitted, evenly spaced; about three for the width
            of the narrowest line.

    Returns:
        `ModeFit`.

    Raises:
        ValueError: for a band that does not increase, a γ that is not Hermitian, has a negative
            eigenvalue, or is zero in the whole band.

    Example:
        >>> from collective import spectral
        >>> fit = spectral.fit_modes(lambda w: 0.1 / ((w - 1) ** 2 + 0.04), (0, 2), modes=1)
        >>> fit.modes.frequencies.round(6), fit.modes.linewidths.round(6), fit.error < 1e-6
        (array([1.]), array([0.4]), True)
    """
    edges = checks.finite("band", band)
    if edges.shape != (2,) or not edges[1] - edges[0] > _SHORTEST * np.abs(edges).max():
        raise ValueError(
            f"band must be the lowest and the highest frequency, such as (0.5, 2), got "
            f"{checks.short(band)}"
        )
    count = checks.count("modes", modes, maximum=_MOST_MODES)
    number = checks.count("points", points, minimum=3, maximum=_MOST_POINTS)
    if isinstance(bath, Bath | BrownianModes | LossyModes):
        gamma, shift = bath.gamma, bath.shift
    else:
        if isinstance(bath, Field):
            raise ValueError(
                f"bath: {checks.short(bath)} is a field, which becomes a bath with the emitters: "
                "co.spectral.bath(multilevel, field, temperature)"
            )
        gamma, shift = checks.function("bath", bath), None
    fine = np.linspace(edges[0], edges[1], (number - 1) * _FINER + 1)
    rates = _sampled("gamma", gamma, fine)
    largest = float(np.abs(rates).max())
    if largest == 0:
        raise ValueError(
            f"bath: gamma is zero from {edges[0]:g} to {edges[1]:g}: no mode is needed"
        )
    _require_rates(rates, fine, largest)
    shifts = None if shift is None else 2 * _sampled("shift", shift, fine)
    fit = _Fit(fine[::_FINER], rates[::_FINER], None if shifts is None else shifts[::_FINER])
    found = fit.best(count)
    off = np.abs(_matrices(found.gamma, fine) - rates).max() / largest
    off_shift = None
    if shifts is not None:
        off_shift = float(np.abs(2 * _matrices(found.shift, fine) - shifts).max() / largest)
    return ModeFit(found, float(off), off_shift, (float(edges[0]), float(edges[1])))


def _sampled(name: str, function: Callable[[float], Any], at: NDArray[np.float64]) -> NDArray[Any]:
    """Checked Hermitian matrices at all frequencies, (P, M, M)."""
    found: list[NDArray[Any]] = []
    for omega in at:
        matrix = checks.finite(f"bath: {name}({omega:g})", function(float(omega)), complex)
        matrix = matrix[None, None] if matrix.ndim == 0 else matrix
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
            raise ValueError(
                f"bath: {name}({omega:g}) must be a number or a square matrix, got shape "
                f"{matrix.shape}"
            )
        if found and matrix.shape != found[0].shape:
            raise ValueError(
                f"bath: {name}({omega:g}) must have shape {found[0].shape}, as at {at[0]:g}, got "
                f"{matrix.shape}"
            )
        if np.abs(matrix - matrix.conj().T).max() > 1e-8 * np.abs(matrix).max():
            raise ValueError(f"bath: {name}({omega:g}) must be Hermitian")
        found.append(matrix)
    return checks.real_if_possible(np.array(found))


def _require_rates(rates: NDArray[Any], at: NDArray[np.float64], largest: float) -> None:
    """Raise where an eigenvalue of γ is clearly negative: no mode has such a rate."""
    smallest = np.linalg.eigvalsh(rates)[:, 0]
    k = int(np.argmin(smallest))
    if smallest[k] < -_NEGATIVE * largest:
        raise ValueError(
            f"bath: gamma({at[k]:g}) has the eigenvalue {smallest[k]:g}, but rates are not "
            "negative. A spectral density J(ω) is odd in ω: γ = J/(1 − e^(−ω/T)) is the rate, and "
            "at T = 0 it is zero below ω = 0"
        )


def _matrices(function: Callable[[float], Any], at: NDArray[np.float64]) -> NDArray[Any]:
    """The answers of a function at all frequencies, (P, M, M)."""
    return np.array([function(float(omega)) for omega in at])


class _Fit:
    """One fit, of which nothing depends on the unit of rate.

    Frequencies are counted from the middle of the band in units of its width, and γ in units of
    its largest entry.
    """

    def __init__(self, at: NDArray[np.float64], rates: NDArray[Any], shifts: NDArray[Any] | None):
        self._middle, self._width = (at[0] + at[-1]) / 2, at[-1] - at[0]
        self._unit = float(np.abs(rates).max())
        self._at = (at - self._middle) / self._width
        self._parts = [rates / self._unit] + ([] if shifts is None else [shifts / self._unit])
        self._complex = any(np.iscomplexobj(part) for part in self._parts)
        self._size = rates.shape[1]

    def best(self, count: int) -> LossyModes:
        """The modes with the smallest deviation that was found."""
        rows = np.empty((0, self._row))
        for k in range(count):
            tried = [self._improved(row, _EVALUATIONS) for row in self._with_one_more(rows)]
            rows = min(tried, key=lambda pair: pair[1])[0]
            if k == count - 1:
                rows = self._improved(rows, 10 * _EVALUATIONS)[0]
        centre, width, g = self._read(rows)
        order = np.argsort(centre)
        main = np.take_along_axis(g, np.abs(g).argmax(axis=1)[:, None], axis=1)
        g = g * (main.conj() / np.abs(main))  # the phase of a mode is free
        scale = np.sqrt(self._unit * self._width)
        return LossyModes(
            self._middle + self._width * centre[order],
            self._width * width[order],
            checks.real_if_possible(scale * g[order]),
        )

    @property
    def _row(self) -> int:
        """Parameters of a mode: centre, logarithm of the linewidth, couplings."""
        return 2 + self._size * (2 if self._complex else 1)

    def _read(self, rows: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
        """Centres (K,), linewidths (K,) and couplings (K, M)."""
        m = self._size
        g = rows[:, 2 : 2 + m] + (1j * rows[:, 2 + m :] if self._complex else 0)
        return rows[:, 0], np.exp(rows[:, 1]), g

    def _model(self, rows: NDArray[np.float64]) -> list[NDArray[Any]]:
        """γ and 2S of modes, (P, M, M) each."""
        centre, width, g = self._read(rows)
        pole = 1 / (width / 2 - 1j * (self._at[:, None] - centre))
        pairs = g[:, :, None] * g.conj()[:, None]
        total = [np.tensordot(2 * part, pairs, axes=1) for part in (pole.real, pole.imag)]
        return total[: len(self._parts)]

    def _deviation(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """All deviations as one list of real numbers."""
        off = np.concatenate(
            [(m - p).ravel() for m, p in zip(self._model(rows), self._parts, strict=True)]
        )
        return np.concatenate([off.real, off.imag]) if self._complex else off

    def _with_one_more(self, rows: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The modes so far and a new one where γ lacks most, with several linewidths."""
        lacking = self._parts[0] - self._model(rows)[0]
        values, vectors = np.linalg.eigh(lacking)
        at = int(np.argmax(values[:, -1]))
        strength, u = max(float(values[at, -1]), 1e-6), vectors[at, :, -1]
        found = []
        for width in _WIDTHS:
            g = u * np.sqrt(strength * width) / 2
            new = [self._at[at], np.log(width), *g.real, *(g.imag if self._complex else ())]
            found.append(np.concatenate([rows, [new]]))
        return found

    def _improved(
        self, rows: NDArray[np.float64], evaluations: int
    ) -> tuple[NDArray[np.float64], float]:
        """The modes after a least-squares fit, and half the sum of squares."""
        from scipy.optimize import least_squares

        low, high = np.full(rows.shape, -np.inf), np.full(rows.shape, np.inf)
        low[:, 0], high[:, 0] = -0.5 - _REACH, 0.5 + _REACH
        low[:, 1], high[:, 1] = np.log(_NARROWEST), np.log(_WIDEST)
        found = least_squares(
            lambda x: self._deviation(x.reshape(rows.shape)),
            rows.ravel(),
            bounds=(low.ravel(), high.ravel()),
            x_scale="jac",
            max_nfev=evaluations,
            xtol=1e-12,
            ftol=1e-12,
            gtol=1e-12,
        )
        return found.x.reshape(rows.shape), float(found.cost)
