"""What `collective demo` shows: bursts, a detuned pair, and the ground state beyond the RWA."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from collective import plot
from collective._tools.console import shown
from collective.couplings.couple import couple
from collective.couplings.couplings import Couplings
from collective.emitters import Emitters, chain
from collective.evolution.evolve import evolve
from collective.fields import Vacuum
from collective.master.master_equation import master_equation
from collective.plot.legends import draw_curves, legend
from collective.results.result import Result
from collective.states import single

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SPACING = 0.1  # of neighbours, in wavelengths


def show(folder: Path, longest: int = 8) -> dict[str, float]:
    """Compute and draw bursts, a detuned pair, and the ground state beyond the RWA.

    Returns:
        The numbers in the printed sentences, by name.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    print(f"Evolving chains of 2 to {longest} inverted atoms …", file=sys.stderr)
    bursts = {f"N = {n}": burst(n) for n in range(2, longest + 1)}
    largest = bursts[f"N = {longest}"]
    pair = pair_without_shift()
    gamma12 = float(pair.decay[0, 1])

    figure, (left, right, third) = plt.subplots(1, 3, figsize=(15.5, 4.6), layout="constrained")
    plot.emission(bursts, per_emitter=True, ax=left)
    left.set_title(f"(a) inverted chains, spacing {_SPACING:g} λ₀")
    _draw_beats(pair, right)
    right.set_title("(b) two atoms, one excited, detuned by δ")

    pumped = _draw_counter_rotation(third)
    third.set_title("(c) the ground state, with and without the RWA")

    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "demo.png", dpi=150)
    plt.close(figure)
    saved = largest.save(folder / "burst.npz")

    time, height = peak(largest)
    numbers = {
        "peak": height,
        "peak_time": time,
        "gain": height / (longest * float(np.exp(-time))),
        "gamma12": gamma12,
        **{f"{name}_rate": rate for name, rate in _pair_rates(pair, 0.0).items()},
        "beat": float(np.sqrt(9 - 1)) * gamma12,
        "pumped": pumped,
    }
    text = (
        f"{longest} inverted atoms {_SPACING:g} λ₀ apart emit a burst: it is highest at "
        f"t = {numbers['peak_time']:.3f}/Γ₀, {numbers['peak']:.2f} Γ₀, which is "
        f"{numbers['gain']:.2f} times what independent atoms would emit then.\n"
        f"Two atoms with Γ₁₂ = {gamma12:.3f} Γ₀ and no shift decay at {numbers['bright_rate']:.3f} "
        f"and {numbers['dark_rate']:.3f} Γ₀ on resonance; beyond the exceptional point "
        f"δ = Γ₁₂ both decay at Γ₀, and at δ = 3Γ₁₂ they beat at {numbers['beat']:.3f} Γ₀.\n"
        f"At G = ω₀/5 the counter-rotating terms lift {100 * pumped:.1f} % of each of two atoms "
        "out of the ground state; the rotating-wave approximation gives none."
    )
    print(shown(text))
    print(shown(f"Figure: {folder / 'demo.png'}\nResult: {saved} (read it with collective.load)"))
    return numbers


def burst(n: int) -> Result:
    """The run of a chain of n inverted atoms."""
    couplings = couple(chain(n, _SPACING), Vacuum())
    return evolve(couplings, "inverted", np.linspace(0, 2, 201), rtol=1e-6, atol=1e-8)


def peak(result: Result) -> tuple[float, float]:
    """Time and height of the burst, from the parabola through the three highest points."""
    i = int(np.clip(np.argmax(result.emission), 1, len(result.times) - 2))
    near = slice(i - 1, i + 2)
    a, b, c = np.polyfit(result.times[near] - result.times[i], result.emission[near], 2)
    return float(result.times[i] - b / (2 * a)), float(c - b**2 / (4 * a))


def pair_without_shift(detuning: float = 0.0) -> Couplings:
    r"""Two atoms whose dipoles are tilted towards each other until Δ₁₂ vanishes.

    With the dipoles at the angle θ to the axis, Δ₁₂ ∝ −sin²θ cos ξ/ξ +
    (1 − 3cos²θ)(sin ξ/ξ² + cos ξ/ξ³), ξ = 2πr/λ₀. This is linear in cos²θ, so its zero has a closed
    form.
    """
    xi = 2 * np.pi * _SPACING
    far, near = np.cos(xi) / xi, np.sin(xi) / xi**2 + np.cos(xi) / xi**3
    cos2 = (near - far) / (3 * near - far)
    atoms = Emitters(
        np.array([[0, 0, 0], [0, 0, _SPACING]]),
        dipoles=(np.sqrt(1 - cos2), 0, np.sqrt(cos2)),
        detunings=[detuning / 2, -detuning / 2],
    )
    return couple(atoms, Vacuum())


def _draw_beats(pair: Couplings, ax: "Axes") -> None:
    """Emission of two detuned atoms, one of them excited; the inset shows their decay rates."""
    gamma12 = float(pair.decay[0, 1])
    times = np.linspace(0, 6, 301)
    curves = ((0.0, "δ = 0"), (1.0, "δ = Γ₁₂ (exceptional point)"), (3.0, "δ = 3Γ₁₂"))
    drawn = {}
    for multiple, label in curves:
        result = evolve(pair_without_shift(multiple * gamma12), single(0), times)
        drawn[label] = times, result.emission
    draw_curves(ax, drawn, list(drawn.values()))
    ax.semilogy(times, np.exp(-times), ":", color="0.3", label="one atom alone")
    ax.set(xlabel="time (1/Γ₀)", ylabel="emission rate (Γ₀)", ylim=(8e-4, 40))
    legend(ax, loc="lower left", fontsize="small")

    inset = ax.inset_axes((0.55, 0.66, 0.42, 0.31))
    detunings = np.linspace(0, 2, 201)
    rates = [_pair_rates(pair, multiple * gamma12) for multiple in detunings]
    names = ("bright", "dark")
    branches = [(detunings, np.array([rate[name] for rate in rates])) for name in names]
    draw_curves(inset, names, branches)
    inset.axvline(1, color="0.6", lw=0.8, ls=":")
    inset.set(xlabel="δ/Γ₁₂", ylabel="decay rates (Γ₀)", ylim=(0, 2))
    inset.tick_params(labelsize="small")


def _draw_counter_rotation(ax: "Axes") -> float:
    """Draw two atoms that start in the ground state, G = ω₀/5; return the largest population."""
    couplings = couple(chain(2, _SPACING / 4), Vacuum())
    strength = float(couplings.shift[0, 1])
    atoms = chain(2, _SPACING / 4, frequency=5 * strength)
    times = np.linspace(0, 4 * np.pi / (5 * strength), 201)
    largest = 0.0
    names: tuple[Literal["universal", "rwa"], ...] = ("universal", "rwa")
    drawn = {}
    for name in names:
        equation = master_equation(atoms, Vacuum(), approximation=name)
        population = evolve(equation, "ground", times).populations[:, 0, 0]
        drawn[name] = times * 5 * strength / (2 * np.pi), population
        largest = max(largest, float(population.max()))
    draw_curves(ax, drawn, list(drawn.values()))
    ax.set(xlabel="time (periods of the transition)", ylabel="excited population of each atom")
    ax.set_ylim(top=1.3 * largest)
    legend(ax, loc="upper right", ncols=2)
    return largest


def _pair_rates(pair: Couplings, detuning: float) -> dict[str, float]:
    """Decay rates of the two modes of a pair with a detuning."""
    bright, dark = pair.replace(detunings=[detuning / 2, -detuning / 2]).modes().rates
    return {"bright": float(bright), "dark": float(dark)}
