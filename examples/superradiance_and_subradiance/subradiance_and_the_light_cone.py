"""
Subradiance and the light cone
==============================

*Why are some modes of a chain so dark, and how dark do they get?* An infinite chain has Bloch modes
:math:`e^{iQz}`. One with :math:`|Q| > k_0` matches no wave that could carry its energy away: it
never decays. A finite chain leaks at its ends (Asenjo-Garcia et al., Phys. Rev. X 7, 031024
(2017)). The figure shows the modes of 40 atoms on the bands of the infinite chain, and the decay
rate of the slowest mode against the number of atoms.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

n = 40
spacing = 0.3  # in wavelengths
edge = np.pi / spacing  # of the Brillouin zone
q = edge * (np.arange(600) + 0.5) / 600
infinite = co.observables.bands("chain", spacing, q)

modes = co.couple(co.chain(n, spacing), co.Vacuum()).modes()
# the standing wave with the largest overlap with a mode
number = np.arange(1, n + 1)
waves = np.sin(np.pi * np.outer(number, number) / (n + 1))
main = edge * number[np.argmax(np.abs(waves @ modes.vectors), axis=0)] / (n + 1)

sizes = (10, 14, 20, 28, 40, 56)
chains = [co.couple(co.chain(size, spacing), co.Vacuum()) for size in sizes]
slowest = np.array([chain.modes().rates.min() for chain in chains])

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
figure.get_layout_engine().set(wspace=0.08)  # room beside the colour bar
co.plot.bands(infinite, ax=left)
left.plot(main, modes.shifts, "o", ms=5, mfc="white", mec=co.plot.COLOURS[0], label=f"{n} atoms")
left.set(ylim=(-1.3, 0.8))
left.legend(loc="lower left", frameon=False)
right.loglog(sizes, slowest, "o", color=co.plot.COLOURS[0], label="slowest mode")
cubic = slowest[-1] * (sizes[-1] / np.array(sizes)) ** 3
right.loglog(sizes, cubic, "--", color="0.5", label="N⁻³")
right.set(xlabel="number of atoms N", ylabel="decay rate (Γ₀)", xticks=sizes, xticklabels=sizes)
right.minorticks_off()
right.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * Forty atoms are close to an infinite chain: their modes lie on the bands, except at the light
#   line.
# * Sixteen of the forty modes lie beyond it. Fifteen of these decay slower than 0.4 Γ₀, and the
#   farther they are from it, the slower.
# * The darkest mode is at the edge of the zone, with neighbours in antiphase. With four times as
#   many atoms it lives 74 times as long (4³ = 64 in the limit): 0.0051, 0.00057, 0.000069 Γ₀ for
#   10, 20, 40 atoms.
#
# Try changing
# ------------
#
# ``spacing = 0.2``: for some N the rate falls faster than N⁻³. ``dipoles=(0, 0, 1)`` in `chain`
# with ``dipole=(0, 0, 1)`` in `bands`: does the curve still diverge at the light line?
