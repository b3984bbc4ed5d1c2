"""
Single shots of a superradiant burst
====================================

*Does every burst look like the mean burst?* A detector records one burst at a time. Truncated
Wigner evolves single bursts: each sample has its own quantum noise, and ``result.shots`` has the
emission of each. Left: 100 atoms at one place, which share a single mode. Middle: 100 atoms in a
square, 0.1 λ apart, which radiate through many modes. Right: g²(0), how much more often than by
chance two photons leave at the same time.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import collective as co

# Truncated Wigner is wrong after a burst, and warns. The times here end with the burst.
warnings.filterwarnings("ignore", message=".*is estimated to be up to")

n = 100
together = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
square = co.couple(co.square(10, 10, spacing=0.1), co.Vacuum())
engine = co.engines.TruncatedWigner(n=1000)
bursts = {}
for name, couplings, end in (("at one place", together, 0.14), ("in a square", square, 0.5)):
    times = np.linspace(0, end, 141)  # in 1/Γ₀
    bursts[name] = co.evolve(couplings, "inverted", times, method=engine, seed=1)


def half_out(result):
    """The time at which each sample has emitted half of its photons."""
    between = (result.shots[:, 1:] + result.shots[:, :-1]) / 2
    photons = np.cumsum(between * np.diff(result.times), axis=1)
    return np.array([np.interp(n / 2, row, result.times[1:]) for row in photons])


figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
for ax, (name, result) in zip(axes, bursts.items(), strict=False):
    co.plot.shots(result, per_emitter=True, ax=ax)
    ax.set_title(f"{n} atoms {name}")
    ax.set_ylim(top=1.7 * result.emission.max() / n)

    delay = half_out(result)
    height = result.shots.max(axis=1) / n
    print(f"{name}: half of the light is out after {delay.mean():.3f} ± {delay.std():.3f}/Γ₀")
    print(f"    peak of a single shot {height.mean():.1f} ± {height.std():.1f} Γ₀ per atom,")
    print(f"    peak of the mean {result.emission.max() / n:.1f} Γ₀ per atom")

for (name, result), style, colour in zip(
    bursts.items(), ("-", "--"), co.plot.COLOURS, strict=False
):
    peak = result.emission.argmax()
    bright = result.emission > 0.5 * result.emission[peak]
    bright[: peak + 1] = True
    g2 = co.observables.g2(result)[bright]
    error = 2 * result.coincidence_error[bright] / result.emission[bright] ** 2
    relative = result.times[bright] / result.times[peak]
    axes[2].plot(relative, g2, style, color=colour, label=name)
    axes[2].fill_between(relative, g2 - error, g2 + error, color=colour, alpha=0.15, lw=0)
    # Inverted atoms: 1 + (variance of the eigenvalues of Γ − 1)/N, exactly.
    modes = result.couplings.modes().jump_rates
    axes[2].plot(0, 1 + (modes.var() - 1) / n, "o", color=colour, clip_on=False)
axes[2].plot([], [], "ko", label="exact, at the start")
axes[2].axhline(1, color="0.6", lw=0.8)
axes[2].set(xlabel="time / time of the mean peak", ylabel="g²(0)", ylim=(0.8, 2.3))
axes[2].set_xlim(left=0)
axes[2].set_title("photon pairs")
axes[2].legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * At one place all single bursts have the same height, 25 Γ₀ per atom, to 2 %, and nearly one
#   shape. They come at different times: the first photons are a matter of chance, and what they
#   start is amplified. The mean of pulses with different delays is lower and longer than each.
# * The square radiates through many modes, each with its own chance. Relative to their means,
#   delays vary less than at one place, and heights vary more.
# * A single mode starts as chaotic light, g² = 2 − 2/N (dots: exact). Photons of different modes
#   come independently, so that g² of the square starts near 1. At the peak both are nearly
#   coherent. Later g² at one place grows: some bursts are over while others still shine.
#
# Try changing
# ------------
#
# The spacing to 0.2 λ and 0.05 λ: when does a square behave like one place?
