"""
A pulse for unlike ions
=======================

*Which pulse inverts ions that have different frequencies, in a beam that is not uniform?* Each dot
is one of the 100 ions of an array after a pulse. The π-pulse has one frequency. The other pulse
sweeps its frequency across all ions. Left: the population against the detuning of the ion, in a
uniform beam. Right: against the strength of the beam at the ion, all ions on resonance.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

# Rates in the linewidth, times in the lifetime: the pulses are over long before ions emit
width = 0.005
times = [-0.03, 0.03]
alike = co.square(10, 10, 0.5)
unlike = alike.with_random_detunings(300.0, seed=1)

places = alike.positions - alike.positions.mean(axis=0)
beam = 1.3 * np.exp(-np.sum(places**2, axis=1) / 2.0**2)  # 1 is what the pulses are made for
uniform = np.ones(100)

rabi = 4000.0
chirp = 8e5  # the frequency moves by 800,000 linewidths in a lifetime


def pi_pulse(strength):
    """A pulse that inverts where the strength is one."""
    return co.pulse.gaussian(area=np.pi * strength, centre=0, width=width)


def swept_pulse(strength):
    """A stronger pulse, whose frequency grows in proportion to the time."""
    return co.pulse.sech(rabi=rabi * strength, centre=0, width=width, chirp=chirp)


def populations(ions, pulse):
    """The population of each ion after the pulse."""
    couplings = co.couple(ions, co.Vacuum())
    run = co.evolve(couplings, "ground", times, drive=pulse, method="mean_field", progress=False)
    return run.populations[-1]


figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained", sharey=True)
after = {}
pulses = {"π-pulse": (pi_pulse, "o"), "swept pulse": (swept_pulse, "^")}
for number, (name, (pulse, marker)) in enumerate(pulses.items()):
    colour = co.plot.COLOURS[number]
    after[name, "detuning"] = populations(unlike, pulse(uniform))
    after[name, "strength"] = populations(alike, pulse(beam))
    left.plot(unlike.detunings, after[name, "detuning"], marker, ms=4, color=colour, label=name)
    right.plot(beam, after[name, "strength"], marker, ms=4, color=colour)
    mean = after[name, "detuning"].mean()
    print(f"{name}: mean population of the unlike ions {mean:.2f}")

# Closed forms without emission: Rabi's for the first, Landau's for the second pulse
strengths = np.linspace(0, 1.35, 200)
rabis = np.sin(np.pi * strengths / 2) ** 2
landaus = 1 - np.exp(-np.pi * (rabi * strengths) ** 2 / (2 * chirp))
right.plot(strengths, rabis, color="0.5", lw=0.8, label="Rabi")
right.plot(strengths, landaus, "--", color="0.5", lw=0.8, label="Landau")
left.set(xlabel="detuning of the ion (linewidths)", ylabel="population", ylim=(0, 1.05))
right.set(xlabel="strength of the beam at the ion", xlim=(0, 1.35))
left.legend(frameon=False, loc="center right")
right.legend(frameon=False, loc="lower right", bbox_to_anchor=(0.98, 0.1))
plt.show()

# %%
# What to notice: the π-pulse inverts ions within its bandwidth of 1/width = 200 linewidths, and
# only where the beam has the strength it was made for. The swept pulse takes every ion along when
# its frequency passes that of the ion. It needs a beam that is strong enough, not one of a known
# strength. Rabi's and Landau's formulas hold up to the 3 % that ions emit during the pulse. The
# price is power: sixteen times the Rabi frequency is 250 times the power.
#
# Try changing: ``rabi = 800.0``, too weak for so fast a sweep; ions that are farther apart in
# frequency, ``with_random_detunings(10000.0, seed=1)``; ``detuning=500`` in both pulses.
