"""
Missing atoms
=============

*What is left of a mirror of atoms when sites are empty?* A full array of 10 × 10 atoms, 0.6 λ₀
apart, reflects nearly all light at its resonance. In experiments some sites stay empty. For each
filling, ``co.ensemble`` averages over 40 random arrangements and gives the standard error of the
mean; ``co.sweep`` puts the fillings into one dataset. Left: spectra, with bands of two standard
errors. Right: where the light at the resonance of the full array goes.
"""

import matplotlib.pyplot as plt
import numpy as np
import xarray

import collective as co

spacing = 0.6  # in wavelengths
full = co.square(10, 10, spacing, dipoles=(1, 0, 0))
(resonance,) = co.observables.bands("square", spacing, [[0, 0]]).shifts
frequencies = np.append(np.linspace(-1.5, 2, 36), resonance)
frequencies.sort()  # of the light minus ω₀, in Γ₀


def mirror(filling):
    """Mean over arrays in which each site is filled with the given probability."""

    def member(seed):
        atoms = full.with_filling(filling, seed=seed)
        couplings = co.couple(atoms, co.Vacuum())
        light = co.observables.scattering(couplings, frequencies, waist=1.5)
        along = {"frequency": frequencies}
        return xarray.Dataset(
            {
                "reflected": ("frequency", light.reflection),
                "transmitted": ("frequency", light.transmission),
                "elsewhere": ("frequency", light.loss),
            },
            along,
        )

    return co.ensemble(member, 40, seed=1)


found = co.sweep(mirror, {"filling": [0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0]})
at_resonance = found.sel(frequency=resonance)

# Light that sees the mean polarisation alone: a full array of weaker atoms
width = co.observables.bands("square", spacing, [[0, 0]]).rates[0]
smooth = np.linspace(0.02, 1, 99)
coherent = (smooth * width / (1 + smooth * (width - 1))) ** 2

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
for filling, colour in zip((1.0, 0.9, 0.6, 0.2), co.plot.COLOURS, strict=False):
    mean = found.sel(filling=filling)
    band = 2 * mean.reflected_error
    left.plot(frequencies, mean.reflected, color=colour, label=f"filling {filling:g}")
    low = mean.reflected - band
    left.fill_between(frequencies, low, mean.reflected + band, color=colour, alpha=0.2, lw=0)
left.set(xlabel="frequency ω − ω₀ (Γ₀)", ylabel="reflected power", ylim=(0, 1.05))
left.legend(frameon=False)
