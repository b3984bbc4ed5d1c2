r"""Permittivities ε(k) of a medium as functions of the vacuum wave number k = ω/c.

Time dependence e^{−iωt}: a medium that absorbs has Im ε > 0. On the imaginary axis k = iκ every
causal passive medium has a real ε ≥ 1,

.. math:: ε(iκ) = 1 + \frac{2}{π}\int_0^∞ dq\, \frac{q\, \mathrm{Im}\,ε(q)}{q^2 + κ^2} .

The file is longer than others because a table must be continued to the imaginary axis.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.console import printable
from collective._tools.warn import warn

__all__ = ["Drude", "Lorentz", "Table", "wavenumbers"]

_WORTH_A_WARNING = 0.01  # relative error of ε(iκ) from a table


@dataclass(frozen=True)
class Drude:
    r"""Free carriers: :math:`ε = ε_∞ − k_p^2/(k^2 + iγk)`.

    Args:
        plasma_wavenumber: k_p = ω_p/c, in inverse units of length.
        damping: γ/c ≥ 0, in inverse units of length.
        background: ε_∞ ≥ 1, from all resonances at higher frequencies.

    Raises:
        ValueError: if a number is outside its range.

    Example:
        >>> import numpy as np
        >>> from collective import materials
        >>> silver = materials.Drude.from_value(-50 + 0.6j, 2 * np.pi)
        >>> complex(silver.permittivity(2 * np.pi).round(9))
        (-50+0.6j)
    """

    plasma_wavenumber: float
    damping: float
    background: float = 1.0

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        checks.freeze(
            self,
            plasma_wavenumber=checks.wavenumber("plasma_wavenumber", self.plasma_wavenumber),
            damping=_damping("damping", self.damping),
            background=_background(self.background),
        )

    @classmethod
    def from_value(cls, epsilon: complex, k: float, *, background: float = 1.0) -> "Drude":
        """The Drude metal with permittivity ε at wave number k.

        Args:
            epsilon: ε(k) with Re ε < background and Im ε ≥ 0.
            k: real wave number, > 0.
            background: ε_∞.

        Raises:
            ValueError: if no Drude metal has this value.
        """
        array = checks.finite("epsilon", epsilon, complex)
        if array.shape:
            raise ValueError(f"epsilon must be one number, got shape {array.shape}")
        value = complex(array)
        k = checks.wavenumber("k", k)
        below = _background(background) - value.real
        if below <= 0 or value.imag < 0:
            raise ValueError(
                f"epsilon must have a real part below {background:g} and no negative imaginary "
                f"part, as every Drude metal has; got {value:g}"
            )
        damping = _damping("damping of such a metal", k * value.imag / below)
        return cls(float(np.sqrt(below) * np.hypot(k, damping)), damping, background)

    def permittivity(self, k: ArrayLike) -> NDArray[np.complex128]:
        """ε(k) for k > 0 or i times positive; the shape of k."""
        k = wavenumbers(k)
        with np.errstate(all="ignore"):
            value = self.background - self.plasma_wavenumber**2 / (k * (k + 1j * self.damping))
        return _finite_at(k, value)


@dataclass(frozen=True, eq=False)
class Lorentz:
    r"""Bound charges: :math:`ε = ε_∞ + \sum_j s_j k_j^2/(k_j^2 − k^2 − iγ_jk)`.

    Args:
        strengths: s_j ≥ 0, what each resonance adds to the static ε; number or (J,).
        wavenumbers: k_j > 0, (J,).
        dampings: γ_j ≥ 0, (J,).
        background: ε_∞ ≥ 1.

    Raises:
        ValueError: if a number is outside its range, or the arrays have different lengths.

    Example:
        >>> from collective import materials
        >>> glass = materials.Lorentz([1.1], [60.0], [0.0])
        >>> float(glass.permittivity(6.0).real.round(6))
        2.111111
    """

    strengths: NDArray[np.float64]
    wavenumbers: NDArray[np.float64]
    dampings: NDArray[np.float64]
    background: float = 1.0

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        arrays = {
            name: np.atleast_1d(checks.finite(name, getattr(self, name)))
            for name in ("strengths", "wavenumbers", "dampings")
        }
        if len({array.shape for array in arrays.values()}) > 1 or arrays["strengths"].ndim > 1:
            raise ValueError(
                "strengths, wavenumbers and dampings must be lists of the same length, got shapes "
                + ", ".join(str(array.shape) for array in arrays.values())
            )
        for name, array in arrays.items():
            if np.any(array < 0) or (name == "wavenumbers" and np.any(array == 0)):
                raise ValueError(f"{name} must be positive, got {array.min():g}")
        for one in arrays["wavenumbers"]:
            checks.wavenumber("wavenumbers", one)
        for one in arrays["dampings"]:
            _damping("dampings", one)
        checks.freeze(self, **arrays, background=_background(self.background))

    def permittivity(self, k: ArrayLike) -> NDArray[np.complex128]:
        """ε(k) for k > 0 or i times positive; the shape of k."""
        k = wavenumbers(k)[..., None]
        resonances = self.wavenumbers**2
        if np.any((k == self.wavenumbers) & (self.dampings == 0)):
            at = float(self.wavenumbers[self.dampings == 0][0])
            raise ValueError(f"k must not be at the undamped resonance {at:g}, where ε is infinite")
        with np.errstate(all="ignore"):
            value = self.background + np.sum(
                self.strengths * resonances / (resonances - k**2 - 1j * self.dampings * k), axis=-1
            )
        return _finite_at(k[..., 0], value)


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    r"""Measured or computed values, interpolated by cubic splines; never extrapolated.

    On the imaginary axis the table's Im ε is integrated (Kramers–Kronig). Absorption outside the
    table also contributes. It is inferred from Re ε inside the table: resonances below and above
    the table are fitted to the part of Re ε that the integral does not explain. Their distance
    from the table is uncertain. `imaginary_error` estimates the resulting error of ε(iκ), and a
    warning is given if it exceeds one percent at a κ within the table's range.

    Args:
        wavenumbers: (T,) real and increasing, at least 4 of them.
        values: ε at them, (T,) complex.
        allow_gain: accept Im ε < 0 in the table.

    Raises:
        ValueError: if the arrays do not fit, or if there is gain and `allow_gain` is False.

    Example:
        >>> import numpy as np
        >>> from collective import materials
        >>> k = np.linspace(1, 40, 800)
        >>> table = materials.Table(k, materials.Lorentz(2.0, 10.0, 1.0).permittivity(k))
        >>> float(table.permittivity(5j).real.round(2))  # 1 + 2·100/(100 + 25 + 5)
        2.54
    """

    wavenumbers: NDArray[np.float64]
    values: NDArray[np.complex128]
    allow_gain: bool = False

    __getstate__ = checks.arguments
    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        k = checks.finite("wavenumbers", self.wavenumbers)
        values = checks.finite("values", self.values, complex)
        if k.ndim != 1 or k.shape != values.shape or len(k) < 4:
            raise ValueError(
                f"wavenumbers and values must be two lists of one length, at least 4; got shapes "
                f"{k.shape} and {values.shape}"
            )
        allow_gain = checks.flag("allow_gain", self.allow_gain)
        if k[0] <= 0 or np.any(np.diff(k) <= 0):
            raise ValueError("wavenumbers must be positive and increasing")
        for one in k[[0, -1]]:
            checks.wavenumber("wavenumbers", one)
        largest = float(np.abs(values).max())
        if largest > checks.LARGEST:
            raise ValueError(
                f"values must be permittivities, at most {checks.LARGEST:g}, got {largest:g}"
            )
        if not allow_gain and np.any(values.imag < 0):
            at = int(np.argmin(values.imag))
            raise ValueError(
                f"values: gain at k = {k[at]:g} (Im ε = {values[at].imag:g}); give "
                "allow_gain=True if it is intended, or conjugate a table made for e^{+iωt}"
            )
        checks.freeze(self, wavenumbers=k, values=values, allow_gain=allow_gain)

    @printable
    def __repr__(self) -> str:
        k = self.wavenumbers
        return f"Table({len(k)} values, k = {k[0]:g} … {k[-1]:g})"

    def permittivity(self, k: ArrayLike) -> NDArray[np.complex128]:
        """ε(k) for k inside the table, or i times positive; the shape of k.

        Raises:
            ValueError: for a real k outside the table.
        """
        k = wavenumbers(k)
        if np.any(k.imag):
            kappa = np.abs(k)
            value = _finite_at(k, self._integral(kappa) + self._outside(kappa)[0])
            if self._largest_error > _WORTH_A_WARNING and np.any(
                (kappa >= self.wavenumbers[0]) & (kappa <= self.wavenumbers[-1])
            ):
                warn(
                    "the table's permittivity on the imaginary axis is known only to "
                    f"{self._largest_error:.1%} between its ends k = {self.wavenumbers[0]:g}i and "
                    f"{self.wavenumbers[-1]:g}i: level shifts and the shift of RWA couplings "
                    "integrate over it and may be wrong by as much (decay rates are not). Give the "
                    "table more values below and above, where the material absorbs, or fit a "
                    "Lorentz or Drude model"
                )
            return value.astype(complex)
        outside = (k.real < self.wavenumbers[0]) | (k.real > self.wavenumbers[-1])
        if np.any(outside):
            raise ValueError(
                f"k = {k.real[outside].flat[0]:g} is outside the table, which covers "
                f"{self.wavenumbers[0]:g} … {self.wavenumbers[-1]:g}"
            )
        return np.asarray(self._spline(k.real))

    def imaginary_error(self, kappa: ArrayLike) -> NDArray[np.float64]:
        """Estimated error of ε(iκ); the shape of κ > 0."""
        kappa = checks.finite("kappa", kappa)
        if np.any(kappa <= 0):
            raise ValueError(f"kappa must be above 0, got {kappa.min():g}")
        for one in (kappa.min(initial=1.0), kappa.max(initial=1.0)):
            checks.wavenumber("kappa", one)
        return self._outside(kappa)[1]

    @cached_property
    def _largest_error(self) -> float:
        """The largest relative error of ε(iκ) for κ within the table."""
        kappa = np.geomspace(self.wavenumbers[0], self.wavenumbers[-1], 50)
        added, error = self._outside(kappa)
        return float(np.max(error / (self._integral(kappa) + added)))

    @cached_property
    def _spline(self) -> Any:
        """The cubic spline of ε(k)."""
        from scipy.interpolate import CubicSpline

        return CubicSpline(self.wavenumbers, self.values)

    @cached_property
    def _absorption(self) -> tuple[NDArray[np.float64], ...]:
        """Gauss nodes between the table's points, weights times 2/π, and q·Im ε at them."""
        x, w = np.polynomial.legendre.leggauss(4)
        k = self.wavenumbers
        half, centre = np.diff(k) / 2, (k[1:] + k[:-1]) / 2
        q = (centre[:, None] + half[:, None] * x).ravel()
        return q, (half[:, None] * w).ravel() * 2 / np.pi, q * self._spline(q).imag

    def _integral(self, kappa: NDArray[np.float64]) -> NDArray[np.float64]:
        """ε(iκ) from the absorption inside the table alone."""
        q, weights, absorbed = self._absorption
        return 1 + np.sum(weights * absorbed / (q**2 + kappa[..., None] ** 2), axis=-1)

    @cached_property
    def _missing(self) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Fit resonances outside the table: Re ε = that of the integral + Σ_j A_j/(q_j² − k²).

        Returns the positions q_j, the weights A_j ≥ 0, and the largest error of the fit.
        """
        from scipy.optimize import nnls

        q, weights, absorbed = self._absorption
        first, last = self.wavenumbers[0], self.wavenumbers[-1]
        k = first + (last - first) * np.linspace(0.1, 0.9, 81)
        value = self._spline(k)
        # P∫dq q Im ε/(q² − k²): its pole is taken out with the value there, integrated exactly
        smooth = (absorbed - (k * value.imag)[:, None]) / (q**2 - k[:, None] ** 2)
        pole = np.log((last - k) * (k + first) / ((last + k) * (k - first))) / (2 * k)
        real = 1 + smooth @ weights + 2 / np.pi * k * value.imag * pole
        below, above = first * np.linspace(0, 0.9, 7), last * np.geomspace(1.1, 30, 12)
        outside = np.concatenate([below, above])
        shapes, rest = 1 / (outside**2 - k[:, None] ** 2), value.real - real
        strengths, _ = nnls(shapes, rest)
        return outside, strengths, float(np.abs(shapes @ strengths - rest).max())

    def _outside(
        self, kappa: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What absorption outside the table adds to ε(iκ), and the error of that."""
        outside, strengths, unexplained = self._missing
        first, last = self.wavenumbers[0], self.wavenumbers[-1]
        likely = np.sum(strengths / (outside**2 + kappa[..., None] ** 2), axis=-1)
        # absorption anywhere below or above the table has the same effect in its middle
        middle = first * last
        low = np.sum(strengths[outside < first] / (middle - outside[outside < first] ** 2))
        high = np.sum(strengths[outside > last] / (outside[outside > last] ** 2 - middle))
        nearest = low * (middle - first**2) / (first**2 + kappa**2)
        nearest = nearest + high * (last**2 - middle) / (last**2 + kappa**2)
        farthest = low * middle / kappa**2 + high
        spread = np.maximum(np.abs(nearest - likely), np.abs(farthest - likely))
        return likely, spread + unexplained * (1 + first**2 / kappa**2)


def wavenumbers(k: ArrayLike) -> NDArray[np.complex128]:
    """Checked wave numbers: all real and positive, or all i times positive.

    Raises:
        ValueError: for other numbers; the message names the number.
    """
    array = checks.finite("k", k, complex)
    real = bool(np.all((array.imag == 0) & (array.real > 0)))
    if not real and not np.all((array.real == 0) & (array.imag > 0)):
        legal = ((array.imag == 0) & (array.real > 0)) | ((array.real == 0) & (array.imag > 0))
        if np.all(legal):
            raise ValueError("k must be all real or all imaginary in one call, not both")
        raise ValueError(
            "k must be positive, or i times positive (the imaginary axis), got "
            f"{array[~legal].flat[0]:g}"
        )
    sizes = np.abs(array)
    if not 1 / checks.LARGEST <= sizes.min(initial=1.0) <= sizes.max(initial=1.0) <= checks.LARGEST:
        for one in (sizes.min(), sizes.max()):
            checks.wavenumber("k", one)
    return array


def _damping(name: str, value: Any) -> float:
    """A checked damping rate ≥ 0."""
    number = checks.not_negative(name, value)
    if number > checks.LARGEST:
        raise ValueError(f"{name} must be at most {checks.LARGEST:g}, got {number:g}")
    return number


def _finite_at(k: NDArray[np.complex128], value: NDArray[Any]) -> NDArray[Any]:
    """A permittivity; raises if it is not finite."""
    value = np.asarray(value)
    if not np.all(np.isfinite(value)):
        at = np.abs(k[~np.isfinite(value)]).flat[0]
        raise ValueError(f"k: the permittivity is not finite at {at:g}; choose another wave number")
    return value


def _background(value: Any) -> float:
    """A checked ε_∞ ≥ 1."""
    number = checks.number("background", value)
    if number < 1:
        raise ValueError(f"background must be at least 1, got {number:g}")
    return number
