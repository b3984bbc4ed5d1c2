"""
RWA on trial
============

*What does the rotating-wave approximation get wrong, and for whom?* Two atoms 0.03 λ₀ apart
exchange an excitation at G = 110 Γ₀. The RWA keeps this exchange. It drops the counter-rotating
terms, which create or destroy two excitations at once and so change the energy by 2ω₀. The figure
shows the largest error of the RWA while the excitation goes over and comes back, against G/ω₀, for
three initial states.
"""

import matplotlib.pyplot as plt
import numpy as np
import qutip

import collective as co

G = 110.04789795  # Δ₁₂ of the pair, in Γ₀
times = np.linspace(0, np.pi / G, 121)  # the excitation goes over and comes back
ratios = np.array([0.003, 0.01, 0.03, 0.1])  # G/ω₀

up = qutip.basis(2, 0)
down = qutip.basis(2, 1)
starts = {
    "gg": qutip.tensor(down, down),
    "(e+g)g": qutip.tensor((up + down).unit(), down),
    "eg": qutip.tensor(up, down),
}

distance = {name: [] for name in starts}
population_error = []
for ratio in ratios:
    pair = co.chain(2, 0.03, frequency=G / ratio)
    for name, start in starts.items():
        found = co.compare(pair, co.Vacuum(), start, times, approximations=("universal", "rwa"))
        distance[name].append(found.distance("universal", "rwa").max())
        if name == "gg":
            full = found.results["universal"].populations
            rwa = found.results["rwa"].populations
            population_error.append(np.abs(full - rwa).max())

# An exact curve: the pair couples to one lossy mode of frequency 5ω₀, with opposite signs, so
# strongly that the exchange is G too. "modes" keeps this mode in the state.
flip = np.zeros((2, 2, 3))
flip[0, 1, 0] = flip[1, 0, 0] = 1
exact = []
for ratio in ratios:
    omega = G / ratio
    pair = co.Multilevel([[0, 0, 0], [0, 0, 1]], [[omega, 0]] * 2, [flip] * 2)
    g = np.sqrt(2.4 * omega * G)  # G = 2g²·5ω₀/(5²ω₀² − ω₀²)
    mode = co.spectral.LossyModes(5 * omega, 1e-4 * omega, [g, -g])
    found = co.compare(pair, mode, starts["gg"], times, approximations=("modes", "rwa"))
    exact.append(found.distance("modes", "rwa").max())

figure, ax = plt.subplots(layout="constrained")
styles = ("o-", "s--", "d-.")
for name, style, colour in zip(starts, styles, co.plot.COLOURS, strict=False):
    label = f"state, from {name} (trace distance)"
    width = 4 if name == "gg" else 1.5  # the next one lies on it
    ax.loglog(ratios, distance[name], style, color=colour, mfc="none", lw=width, label=label)
ax.loglog(ratios, population_error, "^:", color=co.plot.COLOURS[3], label="populations, from gg")
ax.loglog(ratios, exact, "k+", ms=12, label="state, from gg, exact (lossy mode)")
ax.set(xlabel="G/ω₀", ylabel="largest error of the RWA", ylim=(5e-6, 2))
ax.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * From the ground state, or from a coherence with it, the error of the state is G/ω₀. This is
#   first order.
# * The populations that start from gg have an error of only (G/ω₀)². Whoever looks only at these
#   overestimates the RWA.
# * The crosses are exact. This bath is another one, but it has the same G, and the error is the
#   same but for a tenth: the other master equation was no bad judge.
# * From eg the dropped terms have no effect. The small error comes from the decay to gg.
#
# Try changing
# ------------
#
# Replace "universal" by "redfield". Put the atoms at 0.3 λ₀: does G still decide?
