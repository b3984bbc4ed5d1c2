"""Bands of infinite chains and square lattices: shift and decay rate of every Bloch mode."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality, notebook
from collective._tools.console import printable, span
from collective._tools.memory import require
from collective.emitters import lengths
from collective.observables import _lattice_sums

LATTICES = ("chain", "square")
_GRAZING = 1e-10  # relative distance from the light line below which an order counts as on it
_LARGEST_SPACING = 1e9  # in wavelengths; orders are 1/a apart: beyond, one always counts as on it
_UNCOUPLED = 1e-12  # weight of a dipole in a plane wave below which it does not couple to it
_CHUNK = 200_000  # orders of all quasimomenta together held at a time
_NUMBERS = 16  # floats held for each order, those of the lattice sums included


@dataclass(frozen=True, eq=False, repr=False)
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

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.lock(vars(self))

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        which = f"a {self.lattice} of spacing {self.spacing:.6g}"
        return (
            f"Bands: {len(self.rates):,} modes of {which}\n"
            f"  shifts       {span(self.shifts)}\n"
            f"  decay rates  {span(self.rates)}"
        )

    @property
    def light_line(self) -> float:
        """The wave number k of light, 2π per wavelength: modes with ``|Q + g| < k`` radiate."""
        return 2 * np.pi

    @property
    def radiating(self) -> NDArray[np.bool_]:
        """Which modes lie inside the light cone of some diffraction order, (K,)."""
        pieces = _pieces(self.lattice, self.spacing, self.quasimomenta)
        return np.concatenate([np.any(_squared(q) < 1, axis=1) for _, q in pieces])


def bands(
    lattice: Literal["chain", "square"],
    spacing: float,
    quasimomenta: ArrayLike,
    *,
    dipole: ArrayLike = (1, 0, 0),
) -> Bands:
    r"""Shifts and decay rates of the Bloch modes of identical emitters in vacuum.

    A chain along z (as built by `chain`) has, with :math:`z_± = e^{i(k±Q)a}`, ξ = ka and
    :math:`q = |u·ẑ|^2`,

    .. math:: ω_Q − \frac{i}{2}Γ_Q = −\frac{i}{2} − \frac34\sum_±\left[(1−q)\frac{Li_1(z_±)}{ξ}
              + (1−3q)\left(\frac{i\,Li_2(z_±)}{ξ^2} − \frac{Li_3(z_±)}{ξ^3}\right)\right],

    .. math:: Γ_Q = \frac{3π}{2ξ}\sum_{|Q_g|<k}\left[(1−q)\tfrac12(1+Q_g^2/k^2)
              + q\,(1−Q_g^2/k^2)\right], \qquad Q_g = Q + 2πg/a,

    and a square lattice in the xy-plane (as built by `square`), whose shifts come from Ewald's
    method, has

    .. math:: Γ_Q = \frac{3π}{ξ^2}\sum_{|Q_g|<k}\frac{|u_∥|^2 − |u_∥·Q_g|^2/k^2
              + |u_z|^2 Q_g^2/k^2}{\sqrt{1 − Q_g^2/k^2}}

    (Asenjo-Garcia et al., Phys. Rev. X 7, 031024 (2017)). Only open diffraction orders radiate:
    a mode outside the light cone, with ``|Q_g| > k`` for every order, lives forever.

    Args:
        lattice: "chain" or "square".
        spacing: a, in wavelengths.
        quasimomenta: Q, (K,) along the chain or (K, 2) in the plane of the lattice, in inverse
            wavelengths; the first zone is −π/a … π/a.
        dipole: u (3,), real or complex, of any length but zero.

    Returns:
        `Bands`, rates and shifts in the vacuum linewidth Γ₀.

    Warns:
        UnitWarning: for a spacing below 10⁻⁴ or above 10⁴, as metres or nanometres give.

    Raises:
        ValueError: for a Q on the light line, where shift or rate diverges, unless the dipole
            does not couple to that order; for a spacing above 10⁹, or one of a square lattice
            with more orders than memory holds.

    Example:
        >>> import collective as co
        >>> found = co.observables.bands("chain", 0.2, [0.0, 12.0])
        >>> found.shifts.round(6), found.rates.round(6)
        (array([ 1.283595, -0.397942]), array([1.875, 0.   ]))
        >>> co.observables.bands("square", 0.2, [[0, 0]]).rates.round(6)  # 3/(4πa²)
        array([5.96831])
    """
    checks.choice("lattice", lattice, LATTICES)
    spacing = checks.number("spacing", spacing, above=0)
    dipole = checks.unit_vector("dipole", dipole)
    bloch = np.atleast_1d(checks.finite("quasimomenta", quasimomenta))
    if bloch.size == 0:
        raise ValueError("quasimomenta is empty: give at least one")
    if lattice == "square" and bloch.shape == (2,):
        bloch = bloch[None]
    if bloch.shape != ((len(bloch),) if lattice == "chain" else (len(bloch), 2)):
        wanted = "(K,)" if lattice == "chain" else "(K, 2)"
        raise ValueError(f"quasimomenta of a {lattice} must have shape {wanted}, got {bloch.shape}")
    _require_memory(lattice, spacing)
    lengths.warn_of_spacing(spacing)
    rates = np.empty(len(bloch))
    for part, orders in _pieces(lattice, spacing, bloch):
        _refuse_light_line(bloch[part], part.start, orders, dipole)
        if lattice == "square":
            rates[part] = _rates(spacing, orders, dipole)
    xi = 2 * np.pi * spacing
    if lattice == "chain":
        rates = _chain_rates(spacing, bloch, float(abs(dipole[2]) ** 2))
        shifts = _lattice_sums.chain_shifts(xi, bloch / (2 * np.pi), float(abs(dipole[2]) ** 2))
    else:
        # a split at a/√π keeps both sums short; for large spacings one near the wavelength keeps
        # the two sums from cancelling
        split = max(np.sqrt(np.pi) / xi, 0.25)
        shifts = _lattice_sums.square_shifts(xi, bloch / (2 * np.pi), dipole, split)
    found = Bands(lattice, spacing, dipole, bloch, shifts, rates)
    for array in (dipole, bloch, shifts, rates):
        checks.readonly(array)
    return found


def _require_memory(lattice: str, spacing: float) -> None:
    """Raise if double precision cannot separate the orders, or a single mode does not fit."""
    if spacing > _LARGEST_SPACING:
        raise ValueError(
            f"spacing must be at most {_LARGEST_SPACING:g} wavelengths, got {spacing:g}: beyond, "
            "double precision cannot separate the diffraction orders; give the spacing in "
            "wavelengths"
        )
    if lattice == "chain":
        return
    # Ewald's sum contains orders up to 1 + 2·0.25·6.4 wave numbers of light
    orders = (8.4 * spacing + 9) ** 2
    require(
        int(min(8 * _NUMBERS * orders, 1e18)),
        f"bands of a {lattice} with spacing {spacing:g}, about {orders:.3g} diffraction orders,",
        "give the spacing in wavelengths",
    )


def _pieces(
    lattice: str, spacing: float, bloch: NDArray[Any]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield slices of the K quasi-momenta, and (Q + g)/k of the orders needed, (K', G, 1 or 2).

    Q is folded into the first zone. For a chain these are the orders next to the light line, on
    both sides of it, and the one nearest to zero; the orders between them are summed in closed
    form (`_chain_rates`). For a square lattice they are all orders that may be open.
    """
    zone = 1 / spacing
    points = bloch.reshape(len(bloch), -1) / (2 * np.pi)
    points = points - zone * np.round(points / zone)
    if lattice == "chain":
        yield slice(0, len(bloch)), (points + zone * _chain_orders(spacing, points))[:, :, None]
        return
    reach = int(np.ceil(spacing)) + 1
    numbers = np.arange(-reach, reach + 1) * zone
    grid = np.stack(np.meshgrid(numbers, numbers, indexing="ij"), axis=-1).reshape(-1, 2)
    step = max(1, _CHUNK // len(grid))
    for start in range(0, len(bloch), step):
        part = slice(start, start + step)
        yield part, points[part, None] + grid


def _chain_orders(spacing: float, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers of the three orders around each light line, and of the order nearest to 0, (K, 7)."""
    first = np.ceil((-1 - points) * spacing)
    last = np.floor((1 - points) * spacing)
    beside = np.array([-1, 0, 1])
    return np.concatenate([first + beside, last + beside, 0 * points], axis=1)


def _chain_rates(spacing: float, bloch: NDArray[np.float64], along: float) -> Any:
    r"""Γ_Q of a chain from sums over its open orders g = a … b in closed form, (K,).

    With G open orders and m their mean,
    :math:`\sum_g (p + g/s)^2 = G(p + m/s)^2 + G(G^2 − 1)/12s^2`.

    Args:
        spacing: s, in wavelengths.
        bloch: Q, (K,); p = Q/k.
        along: |u·axis|² of the dipole.
    """
    zone = 1 / spacing
    p = bloch / (2 * np.pi)
    p = p - zone * np.round(p / zone)
    first, last = np.ceil((-1 - p) * spacing), np.floor((1 - p) * spacing)
    # an order on the light line does not count: a dipole that couples to it has been refused
    first += np.abs(p + first * zone) >= 1
    last -= np.abs(p + last * zone) >= 1
    count = np.maximum(last - first + 1, 0.0)
    squares = count * (p + zone * (first + last) / 2) ** 2
    squares += count * (count**2 - 1) / 12 * zone**2
    strengths = (1 - along) * (count + squares) / 2 + along * (count - squares)
    return 1.5 * np.pi / (2 * np.pi * spacing) * np.maximum(strengths, 0.0)


def _squared(orders: NDArray[np.float64]) -> NDArray[np.float64]:
    """|Q + g|²/k² of orders (K, G, 1 or 2), (K, G)."""
    return np.asarray((orders**2).sum(axis=-1))


def _strengths(orders: NDArray[np.float64], dipole: NDArray[np.complex128]) -> NDArray[np.float64]:
    """How strongly a dipole couples to every order (K, G, 1 or 2), open or not, (K, G)."""
    if orders.shape[-1] == 1:
        squared, along = _squared(orders), abs(dipole[2]) ** 2
        return np.asarray((1 - along) * (1 + squared) / 2 + along * (1 - squared))
    return _lattice_sums.weight(orders, dipole)


def _rates(
    spacing: float, orders: NDArray[np.float64], dipole: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """Γ_Q of a square lattice from its open orders, (K,)."""
    squared, xi = _squared(orders), 2 * np.pi * spacing
    # the strength of a dipole that does not couple is round-off, which may be negative
    strengths = np.where(squared < 1, np.maximum(_strengths(orders, dipole), 0.0), 0.0)
    height = np.sqrt(np.maximum(1 - squared, 0))
    each = np.divide(strengths, height, out=np.zeros_like(strengths), where=height > 0)
    return np.asarray(3 * np.pi / xi**2 * each.sum(axis=1))


def _refuse_light_line(
    bloch: NDArray[np.float64],
    first: int,
    orders: NDArray[np.float64],
    dipole: NDArray[np.complex128],
) -> None:
    """Raise if the dipole couples to an order on the light line.

    Args:
        bloch: some of the quasi-momenta, for the error.
        first: number of the first of them among all.
        orders: (Q + g)/k, (K, G, 1 or 2).
        dipole: unit dipole, (3,).
    """
    length = np.sqrt(_squared(orders))
    mode, order = np.nonzero(np.abs(length - 1) < _GRAZING)
    # moved exactly onto the line: round-off may have put the order on either side of it
    onto = orders[mode, order] / length[mode, order, None]
    hit = mode[np.abs(_strengths(onto, dipole)) > _UNCOUPLED]
    if len(hit):
        which = int(hit[0])
        raise ValueError(
            f"quasimomenta[{first + which}] = {np.array2string(bloch[which], precision=6)} lies "
            "on the light line |Q + g| = 2π, where the shift of the band of this dipole diverges; "
            "move the quasi-momentum by more than 1e-9"
        )
