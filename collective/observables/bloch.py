"""Bands of infinite chains and square lattices: shift and decay rate of every Bloch mode."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective import _checks
from collective.observables import _lattice_sums

LATTICES = ("chain", "square")
_GRAZING = 1e-10  # relative: closer to the light line than this counts as on it
_SILENT = 1e-12  # of a dipole's weight in a plane wave: below, it does not couple


@dataclass(frozen=True, eq=False)
class Bands:
    """Bloch modes of an infinite lattice; see `bands`.

    Attributes:
        lattice: "chain" or "square".
        spacing: a, in wavelengths.
        dipole: the unit dipole u of every emitter, (3,) complex.
        quasimomenta: Q, (K,) or (K, 2), in inverse wavelengths.
        shifts: ω_Q, (K,), in Γ₀.
        rates: decay rates Γ_Q, (K,), in Γ₀; exactly zero outside the light cone.
    """

    lattice: str
    spacing: float
    dipole: NDArray[np.complex128]
    quasimomenta: NDArray[np.float64]
    shifts: NDArray[np.float64]
    rates: NDArray[np.float64]

    @property
    def light_line(self) -> float:
        """The wave number k of light, 2π per wavelength: modes with |Q + g| < k radiate."""
        return 2 * np.pi

    @property
    def radiating(self) -> NDArray[np.bool_]:
        """Which modes lie inside the light cone of some diffraction order, (K,)."""
        q = _orders(self.lattice, self.spacing, self.quasimomenta)
        return np.any(np.sqrt((q**2).sum(axis=-1)) < 1, axis=1)


def bands(
    lattice: str,
    spacing: float,
    quasimomenta: ArrayLike,
    *,
    dipole: ArrayLike = (1, 0, 0),
) -> Bands:
    r"""Shifts and decay rates of the Bloch modes of identical emitters in vacuum.

    A chain along z (as `chain` puts it) has, with :math:`z_± = e^{i(k±Q)a}`, ξ = ka and
    :math:`q = |u·ẑ|^2`,

    .. math:: ω_Q − \frac{i}{2}Γ_Q = −\frac{i}{2} − \frac34\sum_±\left[(1−q)\frac{Li_1(z_±)}{ξ}
              + (1−3q)\left(\frac{i\,Li_2(z_±)}{ξ^2} − \frac{Li_3(z_±)}{ξ^3}\right)\right],

    .. math:: Γ_Q = \frac{3π}{2ξ}\sum_{|Q_g|<k}\left[(1−q)\tfrac12(1+Q_g^2/k^2)
              + q\,(1−Q_g^2/k^2)\right], \qquad Q_g = Q + 2πg/a,

    and a square lattice in the xy-plane (as `square` puts it), by Ewald's method for the shifts,

    .. math:: Γ_Q = \frac{3π}{ξ^2}\sum_{|Q_g|<k}\frac{|u_∥|^2 − |u_∥·Q_g|^2/k^2
              + |u_z|^2 Q_g^2/k^2}{\sqrt{1 − Q_g^2/k^2}}

    (Asenjo-Garcia et al., Phys. Rev. X 7, 031024 (2017)). Only open diffraction orders radiate:
    a mode outside the light cone, |Q_g| > k for every order, lives for ever.

    Args:
        lattice: "chain" or "square".
        spacing: a, in wavelengths; other units of length scale with theirs.
        quasimomenta: Q, (K,) along the chain or (K, 2) in the plane of the lattice, in inverse
            wavelengths; the first zone is −π/a … π/a.
        dipole: u (3,), real or complex, of any length but zero.

    Returns:
        `Bands`, rates and shifts in the vacuum linewidth Γ₀.

    Raises:
        ValueError: for a Q on the light line, where shift or rate diverges, unless the dipole
            does not couple to that order.

    Example:
        >>> from collective.observables.bloch import bands
        >>> found = bands("chain", 0.2, [0.0, 12.0])
        >>> found.shifts.round(6), found.rates.round(6)
        (array([ 1.283595, -0.397942]), array([1.875, 0.   ]))
        >>> bands("square", 0.2, [[0, 0]]).rates.round(6)  # 3/(4πa²)
        array([5.96831])
    """
    lattice = _checks.choice("lattice", lattice, LATTICES)
    spacing = _checks.number("spacing", spacing, above=0)
    dipole = _checks.unit_vector("dipole", dipole)
    bloch = np.atleast_1d(_checks.finite("quasimomenta", quasimomenta))
    if lattice == "square" and bloch.shape == (2,):
        bloch = bloch[None]
    if bloch.shape != ((len(bloch),) if lattice == "chain" else (len(bloch), 2)):
        wanted = "(K,)" if lattice == "chain" else "(K, 2)"
        raise ValueError(f"quasimomenta of a {lattice} must have shape {wanted}: {bloch.shape}")
    orders = _orders(lattice, spacing, bloch)
    strengths = _strengths(lattice, orders, dipole)
    _refuse_light_line(bloch, orders, strengths)
    xi = 2 * np.pi * spacing
    along = float(abs(dipole[2]) ** 2)
    if lattice == "chain":
        shifts = _lattice_sums.chain_shifts(xi, bloch / (2 * np.pi), along)
        rates = 1.5 * np.pi / xi * strengths.sum(axis=1)
    else:
        # a split at a/√π keeps both sums short, one near the wavelength keeps their digits
        split = max(np.sqrt(np.pi) / xi, 0.25)
        shifts = _lattice_sums.square_shifts(xi, bloch / (2 * np.pi), dipole, split)
        height = np.sqrt(np.maximum(1 - (orders**2).sum(axis=-1), 0))
        each = np.divide(strengths, height, out=np.zeros_like(strengths), where=height > 0)
        rates = 3 * np.pi / xi**2 * each.sum(axis=1)
    found = Bands(lattice, spacing, dipole, bloch, shifts, rates)
    for array in (dipole, bloch, shifts, rates):
        _checks.readonly(array)
    return found


def _orders(lattice: str, spacing: float, bloch: NDArray[Any]) -> NDArray[np.float64]:
    """(Q + g)/k of every order that may be open, (K, G, 1 or 2), Q folded into the first zone."""
    points = bloch.reshape(len(bloch), -1) / (2 * np.pi)
    zone = 1 / spacing
    points = points - zone * np.round(points / zone)
    reach = int(np.ceil(spacing)) + 1
    numbers = np.arange(-reach, reach + 1) * zone
    if lattice == "chain":
        return points[:, None] + numbers[:, None]
    grid = np.stack(np.meshgrid(numbers, numbers, indexing="ij"), axis=-1).reshape(-1, 2)
    return points[:, None] + grid


def _strengths(
    lattice: str, orders: NDArray[np.float64], dipole: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """How strongly a dipole radiates into every order, (K, G), zero into closed ones.

    Those on the light line count as open.
    """
    squared = (orders**2).sum(axis=-1)
    along = abs(dipole[2]) ** 2
    if lattice == "chain":
        strengths = (1 - along) * (1 + squared) / 2 + along * (1 - squared)
    else:
        strengths = _lattice_sums.weight(orders, dipole)
    return np.where(squared < (1 + _GRAZING) ** 2, strengths, 0.0)


def _refuse_light_line(
    bloch: NDArray[np.float64], orders: NDArray[np.float64], strengths: NDArray[np.float64]
) -> None:
    grazing = np.abs(np.sqrt((orders**2).sum(axis=-1)) - 1) < _GRAZING
    hit = np.argwhere(grazing & (np.abs(strengths) > _SILENT))
    if len(hit):
        which = int(hit[0, 0])
        raise ValueError(
            f"quasimomenta[{which}] = {np.array2string(bloch[which], precision=6)} lies on the "
            "light line |Q + g| = 2π, where the shift of this dipole's band diverges; move it by "
            "more than 1e-9"
        )
