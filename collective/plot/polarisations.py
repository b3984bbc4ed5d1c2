"""Figures of the light of atoms with manifolds: emission by polarisation, resonances in a field."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.progress import Progress
from collective.couplings.channels import ChannelCouplings
from collective.observables.polarisation import polarised_emission as rates_of
from collective.plot.labels import labels
from collective.plot.legends import colour_bar, legend
from collective.plot.style import axes
from collective.plot.sublevels import DRAWN, projections
from collective.results.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RESONANT = 1e-13  # relative distance of a laser from a mode that is only round-off
_LINE_WIDTHS = (2.0, 1.2, 0.7)  # of the curves of the first, second, third line of an atom


def polarised_emission(result: Result, *, ax: "Axes | None" = None) -> "Axes":
    """Emission from σ⁺, π and σ⁻ transitions against time, and their sum.

    Of atoms with several lines each line has its curves, thinner from line to line.

    Args:
        result: of `ChannelCouplings`, with correlations; see `observables.polarised_emission`.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: for a result of two-level emitters or without correlations.
    """
    rates = rates_of(result)
    ax = axes(ax)
    lines = rates.shape[1]
    for s in range(lines):
        width = _LINE_WIDTHS[min(s, len(_LINE_WIDTHS) - 1)]
        for q, (name, (colour, style)) in enumerate(DRAWN.items()):
            label = name if lines == 1 else f"{name}, line {s}"
            curve = rates[:, s, q]
            ax.plot(result.times, curve, style, color=colour, lw=width, label=label)
    ax.plot(result.times, result.emission, color="0.6", lw=0.8, label="sum", zorder=1)
    unit = labels(result)
    ax.set(xlabel=unit.times(), ylabel=unit.rates())
    legend(ax, ncols=lines)
    return ax


def zeeman_spectrum(
    couplings: ChannelCouplings,
    shifts: ArrayLike,
    detunings: ArrayLike,
    *,
    ax: "Axes | None" = None,
) -> "Axes":
    r"""Light that atoms scatter from a weak laser, against its detuning and the Zeeman shift.

    With the drive Ω of the couplings, weak enough to excite at most one atom, the amplitudes and
    the scattered light are

    .. math:: c = ½(δ - H_{eff})^{-1}\,Ω, \qquad R = \sum_{cc'} Γ_{cc'} ⟨σ^+_cσ^-_{c'}⟩,

    in units of what the same atoms would scatter without each other, at zero field and in
    resonance. Dashed lines are the resonances of single atoms that the laser drives.

    Args:
        couplings: of atoms with one ground level, with a drive, such as that of `plane_wave`.
        shifts: (B,), Zeeman shifts of the sublevel m = 1, in units of rate; m times this is added
            to the energies of the excited sublevels.
        detunings: (D,), δ = ω_laser − ω₀, in units of rate.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: for atoms with several ground levels or whose driven levels do not decay,
            without a drive, for rows that do not increase, or in resonance with a mode that does
            not decay at all.
    """
    checks.instance("couplings", couplings, ChannelCouplings, "co.couple(atoms, field)")
    along, up = _row("shifts", shifts), _row("detunings", detunings)
    couplings.transitions()  # refuses several ground levels
    if not np.any(couplings.drive):
        raise ValueError(
            "couplings have no drive: use couplings.replace(drive=co.plane_wave(atoms, ...))"
        )
    upper = int(couplings.atoms.excited.sum())
    m = np.array(projections(couplings.atoms.levels))[:upper]
    scattered = _scattered(couplings, m, along, up)
    ax = axes(ax)
    image = ax.pcolormesh(along, up, scattered.T, shading="nearest", rasterized=True)
    colour_bar(ax, image, "scattered light (independent: 1)")
    driven = np.abs(_raised(couplings)).reshape(len(couplings), upper).max(axis=0)
    for k in np.flatnonzero(driven > 1e-9 * driven.max()):
        resonance = couplings.transitions()[:, k].mean() + m[k] * along
        ax.plot(along, resonance, "--", color="white", lw=0.8)
    unit = labels(couplings)
    ax.set(xlabel=unit.rates("Zeeman shift of m = 1"), ylabel=unit.rates("detuning of the laser"))
    ax.set(xlim=(along[0], along[-1]), ylim=(up[0], up[-1]))
    return ax


def _scattered(
    couplings: ChannelCouplings,
    m: NDArray[np.float64],
    shifts: NDArray[np.float64],
    detunings: NDArray[np.float64],
) -> NDArray[np.float64]:
    """R at every Zeeman shift and detuning, relative to independent atoms, (B, D)."""
    from scipy.linalg import schur, solve_triangular

    n = len(couplings)
    bare, decay = couplings.effective_hamiltonian(), couplings.one_excitation()[0]
    drive = _raised(couplings)
    rates = np.tile(couplings.atoms.decay_rates[: len(m)], n)
    if np.any(rates[drive != 0] == 0):
        raise ValueError("couplings: the drive reaches a level that does not decay")
    alone = np.sum(np.abs(drive[drive != 0]) ** 2 / rates[drive != 0])
    found = np.empty((len(shifts), len(detunings)))
    with Progress(len(shifts), "scattering in magnetic fields") as progress:
        for row, shift in zip(found, shifts, strict=True):
            triangle, basis = schur(bare + np.diag(np.tile(shift * m, n)), output="complex")
            turned = basis.conj().T @ drive
            for i, detuning in enumerate(detunings):
                own = detuning * np.eye(len(triangle)) - triangle
                distances = np.abs(own.diagonal())
                if distances.min() < _RESONANT * max(distances.max(), rates.max()):
                    raise ValueError(
                        f"detunings: at {detuning:g} and a shift of {shift:g} the laser is in "
                        "resonance with a mode that does not decay; leave this detuning out"
                    )
                amplitudes = 0.5 * (basis @ solve_triangular(own, turned))
                row[i] = np.vdot(amplitudes, decay @ amplitudes).real
            progress.step()
    return found / alone


def _raised(couplings: ChannelCouplings) -> NDArray[np.complex128]:
    """Σ_c Ω_c⟨e|σ⁺_c|g⟩ of every atom and excited level, (N·n_e,)."""
    upper = int(couplings.atoms.excited.sum())
    dipoles = couplings.atoms.channels[:, -1, :upper]
    return (couplings.drive.reshape(len(couplings), -1) @ dipoles.conj()).ravel()


def _row(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """At least two increasing numbers."""
    row = checks.finite(name, value)
    if row.ndim != 1 or len(row) < 2 or np.any(np.diff(row) <= 0):
        raise ValueError(
            f"{name} must be at least two increasing numbers, as np.linspace(-5, 5, 101); got "
            f"{checks.short(value)}"
        )
    return row
