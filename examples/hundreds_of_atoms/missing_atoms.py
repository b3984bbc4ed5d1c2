"""
Missing atoms
=============

*What is left of a mirror of atoms when some sites are empty?* A full array of 10 × 10 atoms, 0.6 λ₀
apart, reflects nearly all light at its resonance. In experiments not every site has an atom. For
each filling ``co.ensemble`` averages over 40 random arrangements, and gives the standard error of
the mean. ``co.sweep`` puts all fillings into one dataset. Left: spectra, with bands of two standard
errors. Right: where the light goes at the resonance of the full array.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

spacing = 0.6  # in wavelengths
full = co.square(10, 10, spacing, dipoles=(1, 0, 0))
mode = co.observables.bands("square", spacing, [[0, 0]])  # of the infinite array
frequencies = np.append(np.linspace(-1.5, 2, 36), mode.shifts)  # ω − ω₀, the last is the resonance


def mirror(filling):
    """The mean over arrays in which each site has an atom with the given probability."""

    def member(seed):
        atoms = full.with_filling(filling, seed=seed)
        light = co.observables.scattering(co.couple(atoms, co.Vacuum()), frequencies, waist=1.5)
        return {
            "reflected": light.reflection,
            "transmitted": light.transmission,
            "elsewhere": light.loss,
        }

    return co.ensemble(member, 40, seed=1, progress=False)


grid = {"filling": [0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0]}
found = co.sweep(mirror, grid, progress=False)

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
order = np.argsort(frequencies)
styles = ("-", "--", "-.", ":")
for filling, style, colour in zip((1.0, 0.9, 0.6, 0.2), styles, co.plot.COLOURS, strict=False):
    mean = found.reflected.sel(filling=filling).values[order]
    band = 2 * found.reflected_error.sel(filling=filling).values[order]
    left.plot(frequencies[order], mean, style, color=colour, label=f"filling {filling:g}")
    left.fill_between(frequencies[order], mean - band, mean + band, color=colour, alpha=0.25, lw=0)
left.set(xlabel="frequency ω − ω₀ (Γ₀)", ylabel="reflected power", ylim=(0, 1.05))
left.legend(frameon=False)

names = ("reflected", "transmitted", "elsewhere")
for name, marker, colour in zip(names, "os^", co.plot.COLOURS, strict=False):
    mean = found[name].values[:, -1]
    error = 2 * found[f"{name}_error"].values[:, -1]
    right.errorbar(found.filling, mean, error, fmt=marker, ms=4, color=colour, label=name)

# An infinite array of atoms that are all alike, each with the mean polarisation of a site
fillings = np.linspace(0.02, 1, 99)
width = 1 + fillings * (mode.rates[0] - 1)
detuned = (1 - fillings) * mode.shifts[0]
coherent = (fillings * mode.rates[0] / 2) ** 2 / (detuned**2 + width**2 / 4)
right.plot(fillings, coherent, "--", color="0.4", label="mean polarisation")
right.set(xlabel="filling", ylabel="share of the light at the resonance", ylim=(0, 1.05))
right.legend(frameon=False, loc="upper center")
plt.show()

for filling, power in zip(found.filling.values, found.reflected.values[:, -1], strict=True):
    print(f"filling {filling:4.0%}: {power:.0%} reflected")

# %%
# What to notice
# --------------
#
# * One missing atom in ten costs more than a fifth of the reflection, and with 60 % of the atoms
#   the array returns less than a third.
# * What is not reflected does not just pass: at a filling of 60 % the largest share goes elsewhere,
#   because irregular atoms scatter in all directions. Fewer atoms transmit more.
# * The mean polarisation explains most of it. A site that is filled with probability f couples to
#   the others f times as much, so that the shift of the resonance and its width change with f. The
#   light of single arrangements fluctuates around this mean, which adds some power.
#
# Try changing
# ------------
#
# ``full.with_filling(filling, seed=seed)`` to ``full.with_motion((w, w, 0), seed=seed)``: how well
# must the atoms be held? ``co.units.trap_width`` gives the width w of a trap.
