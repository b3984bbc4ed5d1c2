"""
The part everyone drops
=======================

*Is the shift the real part of the Green's tensor?* With the full dipole coupling it is. With the
RWA in the coupling, as many papers start from, an integral over imaginary frequencies is left.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

silver = co.materials.Drude.from_value(-50 + 0.6j, 2 * np.pi)
wire = co.Nanowire(0.01, silver)
distances = np.geomspace(0.01, 0.5, 28)
places = np.column_stack([np.full(29, 0.015), np.zeros(29), [0, *distances]])
atoms = co.Emitters(places, dipoles=(1, 0, 0))
fields = {"wire and vacuum": wire, "vacuum": co.Vacuum()}

# Δ of the atom at z = 0 with each of the others, in vacuum linewidths
full = {name: co.couple(atoms, field).shift[0, 1:] for name, field in fields.items()}
rwa = {name: co.couple(atoms, field, shift="rwa").shift[0, 1:] for name, field in fields.items()}

_, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for ax, name in zip(axes, fields, strict=True):
    ax.loglog(distances, abs(full[name]), color=co.plot.COLOURS[0], label="full coupling: Re G")
    ax.loglog(distances, abs(rwa[name]), "--", color=co.plot.COLOURS[1], label="RWA coupling")
    integral = abs(rwa[name] - full[name])
    ax.loglog(distances, integral, ":", color=co.plot.COLOURS[2], label="their difference")
    ax.set(xlabel="separation / λ₀", title=name, ylim=(1e-3, 1e4))
axes[0].set(ylabel="|Δ₁₂| / Γ₀")
axes[0].legend(frameon=False)
plt.show()

# %%
# What to notice: close to each other the two couplings disagree by a factor of about two, in vacuum
# as at the wire. Half a wavelength apart the integral is small against the plasmon's shift, and so
# it is often dropped. The factor of two is not the field's but the coupling's: keep the
# anti-resonant terms ("full", the default) and the shift is Re G at every distance.
#
# Try changing: dipoles along the wire, ``dipoles=(0, 0, 1)``.
