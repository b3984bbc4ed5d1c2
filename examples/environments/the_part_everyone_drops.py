"""
The part everyone drops
=======================

*Is the shift the real part of the Green's tensor?* With the full dipole coupling it is. Many papers
start from the RWA in the coupling instead. Then an integral over imaginary frequencies is left, and
it is often dropped. The figure compares the shift Δ₁₂ of two atoms in both couplings, beside a wire
and in vacuum. Squares are the coupling of the RWA, triangles the integral: the difference of the
two.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

silver = co.materials.Drude.from_value(-50 + 0.6j, 2 * np.pi)
fields = {"wire and vacuum": co.Nanowire(0.01, silver), "vacuum": co.Vacuum()}

# One atom at z = 0 and others at growing distance, all 0.015 λ₀ from the axis of the wire
distances = np.geomspace(0.01, 0.5, 28)
places = np.zeros((29, 3))
places[:, 0] = 0.015
places[1:, 2] = distances
atoms = co.Emitters(places, dipoles=(1, 0, 0))

# Δ of the first atom with each of the others, in units of Γ₀
full = {}
rwa = {}
for name, field in fields.items():
    full[name] = co.couple(atoms, field).shift[0, 1:]
    rwa[name] = co.couple(atoms, field, shift="rwa").shift[0, 1:]

# The real part of the Green's tensor, at many more distances
fine = np.geomspace(0.01, 0.5, 400)
beside = np.column_stack([np.full(400, 0.015), np.zeros(400), fine])
real = {name: field.green(beside, places[0], 2 * np.pi).real for name, field in fields.items()}

blue, red, green = co.plot.COLOURS[:3]
figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for ax, name in zip(axes, fields, strict=True):
    shift = abs(-3 / 2 * real[name][:, 0, 0])
    integral = abs(rwa[name] - full[name])
    ax.loglog(fine, shift, color=blue, label="full coupling: Re G")
    ax.loglog(distances, abs(rwa[name]), "s", ms=4, color=red, label="RWA coupling")
    ax.loglog(distances, integral, "^", ms=4, mfc="none", color=green, label="their difference")
    ax.set(xlabel="separation (λ₀)", title=name, ylim=(1e-3, 1e4))
axes[0].set(ylabel="|Δ₁₂| (Γ₀)")
axes[0].legend(frameon=False)
plt.show()

# %%
# What to notice: close to each other the two couplings disagree by a factor of about two, in vacuum
# and at the wire. Half a wavelength apart the integral is small against the plasmon's shift. That
# is why it is often dropped. The factor of two belongs to the coupling, not to the field: with the
# anti-resonant terms ("full", the default) the shift is Re G at every distance.
#
# Try changing: dipoles along the wire, ``dipoles=(0, 0, 1)``.
