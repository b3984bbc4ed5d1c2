r"""
Dark-state entanglement
=======================

*Can losing a photon entangle two atoms?* Excite one of a pair. Half of that is the bright state
(\|eg⟩ + \|ge⟩)/√2, which is soon gone. Half is the dark state (\|eg⟩ − \|ge⟩)/√2, which stays. What
survives is entangled, without anything but vacuum between the atoms. The figure shows the
concurrence, a measure of entanglement from 0 to 1, against time.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

times = np.concatenate([[0], np.geomspace(3e-3, 300, 1500)])  # in 1/Γ₀
distances = (0.05, 0.1, 0.25)  # in wavelengths
excited = co.states.single(0)

pairs = {}
entangled = {}
for r in distances:
    pairs[r] = co.couple(co.chain(2, r), co.Vacuum())
    result = co.evolve(pairs[r], excited, times, observe="correlations")
    entangled[r] = co.observables.concurrence(result, 0, 1)

independent = co.Couplings(np.eye(2), np.zeros((2, 2)))
apart = co.evolve(independent, excited, times, observe="correlations")
nothing = co.observables.concurrence(apart, 0, 1)

# Neighbours with opposite phases: the dark state alone
opposite = co.states.timed_dicke([0, 0, np.pi / distances[0]])
pure = co.evolve(pairs[distances[0]], opposite, times, observe="correlations")
dark = co.observables.concurrence(pure, 0, 1)

figure, ax = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
for (r, curve), style in zip(entangled.items(), ("-", "--", "-."), strict=True):
    colour = co.plot.COLOURS[distances.index(r)]
    ax.plot(times, curve, style, color=colour, label=f"one excited, {r:g} λ₀", lw=1.6)
ax.plot(times, dark, ":", color=co.plot.COLOURS[-1], lw=2, label="dark state, 0.05 λ₀")
ax.plot(times, nothing, color="0.6", lw=3, label="one excited, independent")
ax.axhline(0.5, color="0.8", lw=1, zorder=0)
ax.set(xscale="log", xlim=(3e-3, 300), ylim=(-0.02, 1.05))
ax.set(xlabel="time (1/Γ₀)", ylabel="concurrence")
figure.legend(loc="outside lower center", ncols=2, frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * At first Δ moves the excitation to and fro, which entangles the atoms, until the bright half has
#   decayed.
# * Between :math:`1/Γ_+` and :math:`1/Γ_-` the concurrence of the closest pair stays near ½: half
#   of the population is in the dark state, half in the ground state. The concurrence of the dark
#   state itself begins at 1 and decays at :math:`Γ_-`.
# * At a quarter wavelength there is no plateau, and independent atoms never become entangled.
#
# Try changing: ``dipoles=(0, 0, 1)`` in ``chain``: does the plateau last longer? Set
# ``shift`` to zero with ``replace``: what is left without exchange?
