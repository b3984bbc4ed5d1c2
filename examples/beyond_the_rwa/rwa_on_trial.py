"""
RWA on trial
============

*What does the rotating-wave approximation get wrong, and for whom?* Two atoms 0.03 λ₀ apart swap an
excitation at G = 110 Γ₀. The RWA keeps that swap and drops the counter-rotating terms, which create
and destroy excitations in pairs at the cost of 2ω₀. Here is its error after half a swap.
"""

import matplotlib.pyplot as plt
import numpy as np
import qutip

import collective as co

G = 110.04789795  # Δ₁₂ of the pair, in Γ₀
times = np.linspace(0, np.pi / G, 121)
up, down = qutip.basis(2, 0), qutip.basis(2, 1)
starts = {
    "gg": qutip.tensor(down, down),
    "(e+g)g": qutip.tensor((up + down).unit(), down),
    "eg": qutip.tensor(up, down),
}
ratios = np.array([0.003, 0.01, 0.03, 0.1])  # G/ω₀

distance = {name: [] for name in starts}
population_error = []
for ratio in ratios:
    pair = co.chain(2, 0.03, frequency=G / ratio)
    for name, ket in starts.items():
        found = co.compare(pair, co.Vacuum(), ket, times, approximations=("universal", "rwa"))
        distance[name].append(found.distance("universal", "rwa").max())
        if name == "gg":
            full, rwa = found.results["universal"], found.results["rwa"]
            population_error.append(np.abs(full.populations - rwa.populations).max())

figure, ax = plt.subplots(layout="constrained")
for (name, values), colour, marker in zip(distance.items(), co.plot.COLOURS, "osd", strict=False):
    ax.loglog(ratios, values, marker=marker, color=colour, label=f"state, from {name}")
ax.loglog(ratios, population_error, "--", color=co.plot.COLOURS[0], label="populations, from gg")
ax.set(xlabel="G/ω₀", ylabel="largest error of the RWA (trace distance)")
ax.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * From the ground state, or a coherence with it, the error of the state is G/ω₀: first order.
# * Populations from gg err by only (G/ω₀)²: looking at them alone flatters the RWA.
# * From eg there is nothing to drop: what little is left comes from the decay to gg.
#
# Try changing
# ------------
#
# Replace "universal" by "redfield". Put the atoms at 0.3 λ₀: is G still what decides?
