"""The light that leaves a cavity mode in the steady state: its power, spectrum and linewidth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective.couplings.sharing import shared
from collective.couplings.with_mode import CavityCouplings
from collective.engines import timescale
from collective.engines.cumulants.mode_steady import steady
from collective.observables import _mode_ladders

METHODS = ("cumulants", "symmetric")
_POINTS, _WIDTHS = 201, 5.0  # of the frequencies if none are given, and linewidths on each side
_CANDIDATES = 40  # poles near which the maximum is looked for
_FARTHEST = 60  # doublings of a step from the maximum until half of it is reached


@dataclass(frozen=True, eq=False, repr=False)
class CavityLight:
    """The light of a cavity mode in the steady state.

    Attributes:
        frequencies: ω, (F,), relative to the frame of the couplings.
        values: S(ω), (F,), photons per time and per unit of angular frequency; over all
            frequencies they sum to `output`.
        photons: ⟨a†a⟩.
        output: κ⟨a†a⟩, photons per time that leave the mode.
        excitation: mean number of excited emitters.
        linewidth: full width at half of the maximum of S(ω), in units of rate.
        centre: the frequency of this maximum.
        method: "cumulants", an approximation of second order, or "symmetric", which is exact.
    """

    frequencies: NDArray[np.float64]
    values: NDArray[np.float64]
    photons: float
    output: float
    excitation: float
    linewidth: float
    centre: float
    method: str

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.freeze(self, frequencies=self.frequencies, values=self.values)

    def __repr__(self) -> str:
        approximate = " (an approximation)" if self.method == "cumulants" else ""
        return (
            f"Light of a cavity mode, by {self.method}{approximate}\n"
            f"  photons inside    {self.photons:.6g}\n"
            f"  photons per time  {self.output:.6g}\n"
            f"  linewidth         {self.linewidth:.6g} around {self.centre:.6g}"
        )


def cavity_light(
    couplings: CavityCouplings,
    frequencies: ArrayLike | None = None,
    *,
    method: Literal["cumulants", "symmetric"] = "cumulants",
) -> CavityLight:
    r"""Power, spectrum and linewidth of the light of a cavity mode with pumped emitters.

    .. math:: S(ω) = \frac κπ\,\mathrm{Re}\int_0^∞ dτ\,e^{iωτ}⟨a^†(0)a(τ)⟩, \qquad
              \int dω\,S(ω) = κ⟨a^†a⟩

    in the steady state; ⟨a†(0)a(τ)⟩ follows from the regression theorem. Many emitters that are
    pumped in a bad cavity are a superradiant laser: where Γ_mm ≪ p ≪ 4N|g|²/κ, its linewidth is
    close to 4|g|²/κ, which may be far below the linewidths of emitters and mode (Meiser, Ye,
    Carlson & Holland, Phys. Rev. Lett. 102, 163601 (2009)).

    Args:
        couplings: emitters with a pump, and a mode with losses; without a drive.
        frequencies: ω relative to the frame of the couplings, (F,). None: 201 of them around the
            maximum, 5 linewidths to each side.
        method: "cumulants", second order of any number of emitters, of which at most 40 kinds
            differ; for N emitters in a superradiant laser its error is of the order 1/N.
            "symmetric" is exact, for up to about 20 identical emitters.

    Returns:
        `CavityLight`, all arrays read-only.

    Raises:
        ValueError: for a drive, for no pump or no losses, for emitters that are not identical
            ("symmetric"), if photon numbers are missing, and if there is no steady state.
        ProblemTooLargeError: if the density matrix does not fit into memory.

    Example:
        Ten thousand emitters that hardly decay by themselves:

        >>> import numpy as np, collective as co
        >>> nothing = np.broadcast_to(0.0, (10_000, 10_000))
        >>> atoms = co.Couplings(nothing, nothing, pump=20.0)
        >>> laser = co.CavityCouplings(atoms, co.cavity_mode(50.0, 1e5))
        >>> light = co.observables.cavity_light(laser)
        >>> 4 * 50.0**2 / 1e5, round(light.linewidth, 4)
        (0.1, 0.102)
    """
    checks.instance("couplings", couplings, CavityCouplings, "co.CavityCouplings")
    checks.choice("method", method, METHODS)
    asked = None if frequencies is None else _checked(frequencies)
    if couplings.driven:
        raise ValueError(
            "couplings: the light of a driven mode has an elastic line; leave the drive out, or "
            "take co.steady_state(couplings) and QuTiP's spectra"
        )
    if not np.any(couplings.couplings.pump) or couplings.mode.linewidth == 0:
        raise ValueError(
            "couplings: without pump=... and a linewidth > 0 of the mode there is no light that "
            "lasts; evolve(...) gives the light of a decay"
        )
    if method == "symmetric" and (why := _mode_ladders.refusal(couplings)) is not None:
        raise ValueError(
            f"method 'symmetric' is for identical couplings: {why}; use method='cumulants'"
        )
    if method == "cumulants" and (noise := shared(couplings.couplings)):
        raise ValueError(
            f"method 'cumulants' takes the {noise[0]} of each emitter alone, not a matrix (N, N); "
            "use method='symmetric'"
        )
    if method == "cumulants" and couplings.couplings.ising is not None:
        raise ValueError(
            "method 'cumulants' does not treat Ising terms beside a mode; use method='symmetric'"
        )
    unit = timescale.unit_of(couplings)
    problem = timescale.in_unit(couplings, unit)
    found = (_moments if method == "cumulants" else _mode_ladders.light)(problem)
    photons, excitation, transformed, poles = found
    kappa = problem.mode.linewidth

    def spectrum(frequency: float) -> float:
        return kappa / np.pi * transformed(frequency)

    centre, width = _line(spectrum, poles)
    if asked is None:
        points = centre + width * np.linspace(-_WIDTHS, _WIDTHS, _POINTS)
        asked = points * unit
    else:
        points = asked / unit
    return CavityLight(
        asked,
        np.array([spectrum(float(w)) for w in points]),
        photons,
        kappa * photons * unit,
        excitation,
        width * unit,
        centre * unit,
        method,
    )


def _checked(frequencies: ArrayLike) -> NDArray[np.float64]:
    """One row of frequencies."""
    found = np.atleast_1d(checks.finite("frequencies", frequencies))
    if found.ndim != 1 or len(found) == 0:
        raise ValueError(f"frequencies must be one row of numbers, got shape {found.shape}")
    return found


def _moments(problem: CavityCouplings) -> _mode_ladders.Found:
    """What `_mode_ladders.light` gives, by moments of second order."""
    equations, y = steady(problem)
    matrix, start = equations.regression(y)
    photons, z, _, _, _ = equations.split(y)
    one = np.eye(len(matrix))

    def transformed(frequency: float) -> float:
        return -float(np.linalg.solve(matrix + 1j * frequency * one, start)[0].real)

    excitation = float(equations.classes.sizes @ (1 + z) / 2)
    return float(photons), excitation, transformed, np.linalg.eigvals(matrix)


def _line(spectrum: Callable[[float], float], poles: NDArray[np.complex128]) -> tuple[float, float]:
    """The frequency of the maximum, and the full width at half of it.

    Args:
        spectrum: S(ω).
        poles: λ of ⟨a†(0)a(τ)⟩ = Σ r e^{λτ}: the maximum is near the frequency −Im λ of one of
            them.
    """
    from scipy.optimize import brentq, minimize_scalar

    slowest = poles[np.argsort(-poles.real)][:_CANDIDATES]
    heights = [spectrum(-float(pole.imag)) for pole in slowest]
    best = slowest[int(np.argmax(heights))]
    at, step = -float(best.imag), abs(float(best.real))
    found = minimize_scalar(
        lambda w: -spectrum(at + step * w), bounds=(-2.0, 2.0), method="bounded",
        options={"xatol": 1e-7},
    )  # fmt: skip
    top = -float(found.fun)
    centre = at + step * float(found.x)

    def above(w: float) -> float:
        return spectrum(w) / top - 0.5

    sides = []
    for sign in (-1.0, 1.0):
        inner, away = 0.0, step
        for _ in range(_FARTHEST):
            if above(centre + sign * away) < 0:
                break
            inner, away = away, 2 * away
        ends = centre + sign * inner, centre + sign * away
        sides.append(float(brentq(above, *ends, xtol=1e-12 * step, rtol=1e-12)))
    return centre, sides[1] - sides[0]
