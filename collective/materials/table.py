"""A permittivity given by a table, and its continuation to the imaginary axis.

The file is longer than others because the continuation needs all parts of the table.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.console import printable
from collective._tools.warn import warn
from collective.materials.axis import finite_at, wavenumbers
from collective.materials.models import Drude

_WORTH_A_WARNING = 0.01  # relative error of ε(iκ) from a table
_FAR_BELOW = 1e-8  # of the damping: the first panel of the integral over free carriers
_PANELS, _NODES = 40, 6  # of that integral: 10⁻⁹ of it


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    r"""Measured or computed values, interpolated by cubic splines; never extrapolated.

    Where the spline of a medium without gain falls below Im ε = 0 between two values, Im ε is zero.
    A warning is given if that changes ε by more than one percent.

    On the imaginary axis the table's Im ε is integrated (Kramers–Kronig). Absorption outside the
    table also contributes. It is inferred from Re ε inside the table: resonances below and above
    the table are fitted to the part of Re ε that the integral does not explain. Their distance
    from the table is uncertain. `imaginary_error` estimates the resulting error of ε(iκ), and a
    warning is given if it exceeds one percent at a κ within the table's range.

    A metal absorbs most below its table. If its free carriers are known, `carriers` gives Im ε
    there, and nothing is inferred below the table.

    Args:
        wavenumbers: (T,) real and increasing, at least 4 of them.
        values: ε at them, (T,) complex.
        allow_gain: accept Im ε < 0 in the table.
        carriers: a `Drude` metal whose Im ε continues the table to k = 0, or None.

    Raises:
        ValueError: if the arrays do not fit, or if there is gain and `allow_gain` is False.
        TypeError: for carriers that are not a `Drude` metal.

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
    carriers: Drude | None = None

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
        if self.carriers is not None:
            checks.instance("carriers", self.carriers, Drude, "a materials.Drude metal")
        checks.freeze(self, wavenumbers=k, values=values, allow_gain=allow_gain)

    @classmethod
    def from_nk(
        cls,
        wavelength: ArrayLike,
        n: ArrayLike,
        k: ArrayLike = 0.0,
        *,
        allow_gain: bool = False,
        carriers: Drude | None = None,
    ) -> "Table":
        r"""The table of a complex refractive index: ε = (n + ik)² at the wave numbers 2π/λ.

        Args:
            wavelength: (T,) vacuum wavelengths λ > 0 in any order, each once, in units of length:
                divide nanometres by the wavelength of the emitters in nanometres.
            n: (T,) refractive indices.
            k: (T,) or one number, the extinction coefficients, ≥ 0 for a medium that absorbs.
            allow_gain: accept k < 0.
            carriers: the free carriers of a metal, see `Table`.

        Raises:
            ValueError: if the arrays do not fit, for a wavelength that is not above 0 or is given
                twice, or for gain without `allow_gain`.

        Example:
            Four lines of a file with wavelengths in μm, for emitters at 780 nm:

            >>> import numpy as np
            >>> from collective import materials
            >>> micrometres = np.array([1.088, 0.984, 0.892, 0.821])
            >>> n, k = [0.27, 0.22, 0.17, 0.16], [7.150, 6.350, 5.663, 5.083]
            >>> materials.Table.from_nk(micrometres / 0.780, n, k)
            Table(4 values, k = 4.50449 … 5.96941)
        """
        lengths = checks.finite("wavelength", wavelength)
        if lengths.ndim != 1:
            raise ValueError(f"wavelength must be a list of numbers, got shape {lengths.shape}")
        if np.any(lengths <= 0):
            raise ValueError(f"wavelength must be above 0, got {lengths.min():g}")
        largest = np.sqrt(checks.LARGEST / 2)
        parts = {
            "n": checks.finite("n", n, largest=largest),
            "k": checks.finite("k", k, largest=largest),
        }
        for name, part in parts.items():
            if part.shape != lengths.shape and (part.shape or name == "n"):
                raise ValueError(
                    f"{name} must have the shape of wavelength, {lengths.shape}, got {part.shape}"
                )
        index = parts["n"] + 1j * parts["k"]
        order = np.argsort(-lengths, kind="stable")
        ordered = lengths[order]
        if np.any(np.diff(ordered) == 0):
            twice = ordered[:-1][np.diff(ordered) == 0][0]
            raise ValueError(f"wavelength: {twice:g} is given twice")
        return cls(2 * np.pi / ordered, index[order] ** 2, allow_gain, carriers)

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
            value = finite_at(k, self._integral(kappa) + self._outside(kappa)[0])
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
        spline = self._spline(k.real)
        if not self.allow_gain and np.any(spline.imag < -_WORTH_A_WARNING * np.abs(spline)):
            n = int(np.argmin(spline.imag))
            warn(
                f"the table is too coarse around k = {k.real.flat[n]:g}: its spline has gain there "
                f"(Im ε = {spline.imag.flat[n]:.2g}) and zero is taken; give more values around it"
            )
        return np.asarray(self._without_gain(spline))

    def _without_gain(self, spline: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Values of the spline, with Im ε ≥ 0 unless gain is allowed."""
        if self.allow_gain:
            return spline
        return np.asarray(spline.real + 1j * np.maximum(spline.imag, 0.0))

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
        return (
            q,
            (half[:, None] * w).ravel() * 2 / np.pi,
            q * self._without_gain(self._spline(q)).imag,
        )

    def _integral(self, kappa: NDArray[np.float64]) -> NDArray[np.float64]:
        """ε(iκ) from the absorption inside the table alone."""
        q, weights, absorbed = self._absorption
        return 1 + np.sum(weights * absorbed / (q**2 + kappa[..., None] ** 2), axis=-1)

    @cached_property
    def _missing(self) -> tuple[NDArray[np.float64], ...]:
        """Fit resonances outside the table: Re ε = what is known + Σ_j A_j/(q_j² − k²).

        What is known is the integral of the table's absorption and, if given, that of carriers.

        Returns the positions q_j, the weights A_j ≥ 0, and the error of the fit at 81 wave numbers
        with these wave numbers.
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
        real += self._of_carriers(-(k**2))
        below, above = first * np.linspace(0, 0.9, 7), last * np.geomspace(1.1, 30, 12)
        if self.carriers is not None:
            below = below[:0]
        outside = np.concatenate([below, above])
        shapes, rest = 1 / (outside**2 - k[:, None] ** 2), value.real - real
        strengths, _ = nnls(shapes, rest)
        return outside, strengths, np.abs(shapes @ strengths - rest), k

    def _of_carriers(self, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        r"""What the carriers' absorption below the table adds to ε at κ² = −k².

        .. math:: \frac{2}{π} \int_0^{k_1} dq \frac{q\,\mathrm{Im}\,ε(q)}{q^2 + κ^2}, \quad
            q\,\mathrm{Im}\,ε = \frac{k_p^2 γ}{q^2 + γ^2}

        Args:
            squared: κ² > 0, or −k² for k above the first wave number of the table.
        """
        if self.carriers is None:
            return np.zeros_like(squared)
        damping, first = self.carriers.damping, self.wavenumbers[0]
        if damping == 0:  # all of it at q = 0
            return self.carriers.plasma_wavenumber**2 / squared
        x, w = np.polynomial.legendre.leggauss(_NODES)
        smallest = _FAR_BELOW * min(damping, first)
        edges = np.concatenate([[0.0], np.geomspace(smallest, first, _PANELS)])
        half, centre = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
        q, weights = (centre[:, None] + half[:, None] * x).ravel(), (half[:, None] * w).ravel()
        absorbed = self.carriers.plasma_wavenumber**2 * damping / (q**2 + damping**2)
        return np.asarray(2 / np.pi * np.sum(weights * absorbed / (q**2 + squared[..., None]), -1))

    def _outside(
        self, kappa: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What absorption outside the table adds to ε(iκ), with the error of that."""
        outside, strengths, unexplained, k = self._missing
        first, last = self.wavenumbers[0], self.wavenumbers[-1]
        likely = np.sum(strengths / (outside**2 + kappa[..., None] ** 2), axis=-1)
        carriers = self._of_carriers(kappa**2)
        # absorption anywhere below or above the table has the same effect in its middle
        middle = first * last
        low = np.sum(strengths[outside < first] / (middle - outside[outside < first] ** 2))
        high = np.sum(strengths[outside > last] / (outside[outside > last] ** 2 - middle))
        nearest = low * (middle - first**2) / (first**2 + kappa**2)
        nearest = nearest + high * (last**2 - middle) / (last**2 + kappa**2)
        farthest = low * middle / kappa**2 + high
        spread = np.maximum(np.abs(nearest - likely), np.abs(farthest - likely))
        largest = unexplained.max()
        if self.carriers is not None:
            # what is still missing is above κ: below, the carriers explain it
            from_here = np.maximum.accumulate(unexplained[::-1])[::-1]
            largest = np.interp(kappa, k, from_here)
        error = spread + largest * (1 + first**2 / kappa**2)
        return likely + carriers, error + self._carriers_error(kappa, carriers)

    def _carriers_error(
        self, kappa: NDArray[np.float64], part: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The error of ε(iκ) if Im ε below the table misses by as much as at its first k₁.

        Either the damping is wrong, Im ε ∝ γ and the part of the carriers ≈ k_p²/κ(κ + γ), or there
        is other absorption, which falls to zero with k: 2/π·∫dq q (q/k₁)/(q² + κ²) < 2/π.
        """
        if self.carriers is None:
            return np.zeros_like(kappa)
        first, wanted, damping = self.wavenumbers[0], self.values[0].imag, self.carriers.damping
        missed = abs(self.carriers.permittivity(first).imag - wanted)
        relative = missed / max(abs(wanted), np.finfo(float).tiny)
        by_damping = part * relative * damping / (kappa + damping)
        return np.asarray(by_damping + 2 / np.pi * missed * first**2 / (first**2 + kappa**2))
