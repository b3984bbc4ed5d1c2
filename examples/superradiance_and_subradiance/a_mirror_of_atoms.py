"""
A mirror of atoms
=================

*How much light does one layer of atoms send back?* An infinite square array with less than one
wavelength between its atoms emits only in two directions: forward, where its light can cancel the
beam, and backward. At its resonance it reflects everything (Shahmoon, Wild, Lukin & Yelin, Phys.
Rev. Lett. 118, 113601 (2017)). The figure shows the reflection of small arrays and of the infinite
one, and how much is missing at the resonance.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

spacing = 0.6  # in wavelengths
sides = (2, 4, 6, 8, 10, 14)

# The infinite array
mode = co.observables.bands("square", spacing, [[0, 0]])
resonance = mode.shifts[0]
frequencies = np.append(np.linspace(-1.5, 2, 281), resonance)  # of the light minus ω₀, in Γ₀
infinite = co.observables.infinite_array(spacing, frequencies)

# Arrays of finite size, in a focused beam
arrays = {}
for side in sides:
    atoms = co.couple(co.square(side, side, spacing, dipoles=(1, 0, 0)), co.Vacuum())
    # the beam grows with the array, so that it never reaches beyond the edge
    arrays[side] = co.observables.scattering(atoms, frequencies, waist=side * spacing / 4)
missing = [1 - array.reflection[-1] for array in arrays.values()]

# One atom in the beam of the 10 × 10 array
atom = co.couple(co.square(1, 1, spacing, dipoles=(1, 0, 0)), co.Vacuum())
alone = co.observables.reflection(atom, [0.0], waist=10 * spacing / 4)[0]

order = np.argsort(frequencies)
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
left.plot(frequencies[order], infinite.reflection[order], color="0.8", lw=5, label="infinite array")
for side, colour, style in zip((2, 4, 10), (1, 0, 6), (":", "-.", "--"), strict=True):
    curve = arrays[side].reflection[order]
    label = f"{side} × {side} atoms"
    left.plot(frequencies[order], curve, style, color=co.plot.COLOURS[colour], label=label)
left.axvline(0, color="0.7", lw=0.8)
left.text(-0.05, 1.05, "one atom's ω₀", color="0.4", ha="right", fontsize="small")
left.set(xlabel="frequency ω − ω₀ (Γ₀)", ylabel="reflected power |r|²", ylim=(0, 1.12))
left.legend(frameon=False)
right.semilogy(sides, missing, "o-", color=co.plot.COLOURS[0])
right.axhline(0.01, color="0.5", ls="--", lw=1)
right.text(2, 0.0105, "99 % reflected", color="0.4", va="bottom")
right.set(xlabel="atoms along one side", ylabel="missing 1 − |r|² at the resonance")
plt.show()

# %%
# What to notice
# --------------
#
# * Sixty-four atoms in one layer, 0.6 λ₀ apart, return more than 99 % of the beam. One atom in the
#   beam of the 10 × 10 array returns 0.4 %.
# * The resonance is that of the mode Q = 0. It is shifted by 0.28 Γ₀ from that of the atom, and its
#   width of 0.66 Γ₀ is smaller. At ω₀ even the infinite array reflects only 59 %.
# * What the atoms send forward cancels the beam: nothing was absorbed.
#
# Try changing: ``spacing = 0.8``, where the shift vanishes, or 1.1, where light leaves in more
# directions and there is no mirror any more.
