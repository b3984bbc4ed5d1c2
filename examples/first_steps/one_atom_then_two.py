"""
One atom, then two
==================

*What changes when a second excited atom comes near?* One atom alone emits :math:`Γ_0 e^{-Γ_0 t}`.
Two atoms share the field: the light of one increases or decreases the emission of the other.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

times = np.linspace(0, 5, 201)  # in 1/Γ₀
distances = (0.05, 0.25, 0.5)  # in wavelengths

pairs = {}
for r in distances:
    couplings = co.couple(co.chain(2, spacing=r), co.Vacuum())
    pairs[f"{r:g} λ₀ apart"] = co.evolve(couplings, "inverted", times)

ax = co.plot.emission(pairs, per_emitter=True)
ax.set(yscale="log", ylim=(3e-3, 1.5))
ax.set_title("Emission of two inverted atoms")
plt.show()

# %%
# What to notice
# --------------
#
# * All curves start at Γ₀ per atom: inverted atoms have no dipoles yet that could interfere.
# * The rate of a close pair is almost constant at first: its slope per atom is
#   :math:`-(1 - Γ_{12}^2)Γ_0`, because the first photon makes the second one faster.
# * After that, the rate of the pair at 0.05 λ₀ falls nearly twice as fast as that of one atom: its
#   last photon comes from the superradiant state, which decays at :math:`Γ_0 + Γ_{12}`.
# * At 0.25 λ₀ the curve ends *above* independent decay: a part of the excitation is in the
#   subradiant state, which decays at only :math:`Γ_0 - Γ_{12}`.
# * At half a wavelength the atoms are almost independent.
#
# Try changing
# ------------
#
# ``dipoles=(0, 0, 1)`` puts the dipoles along the axis: does 0.5 λ₀ still look independent?
# Print ``couplings`` to see Γ₁₂ and Δ₁₂; the shift Δ₁₂ drops out of this decay altogether.
