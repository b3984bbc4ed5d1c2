"""
Superradiance through a wire
============================

*Can atoms that are wavelengths apart burst together?* Not through vacuum. Along a wire they share
one plasmon, and set at multiples of its wavelength they emit as if they were at one place.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

k = 2 * np.pi
wire = co.Nanowire(0.02, co.materials.Drude.from_value(-50 + 0.6j, k))
step = 3 * k / wire.plasmon(k).real  # three plasmon wavelengths, 1.97 λ₀
times = np.linspace(0, 3, 61)  # in units of 1/Γ₁₁ of one atom at the wire

_, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
results, couplings = {}, {}
for ax, n in zip(axes, (2, 8), strict=True):
    atoms = co.chain(n, step, dipoles=(1, 0, 0)).translated([0.025, 0, 0])
    own = wire.purcell(atoms)[0]
    for name, field, rate in (("wire", wire, own), ("vacuum", co.Vacuum(), 1.0)):
        found = co.couple(atoms, field)
        # each in units of its own single-atom rate; equal level shifts only move the frame
        shift = found.shift / rate - np.eye(n) * found.shift[0, 0] / rate
        couplings[name, n] = co.Couplings(found.decay / rate, shift)
        state = co.evolve(couplings[name, n], "inverted", times, rtol=1e-4, atol=1e-6)
        results[name, n] = state.emission / n
    for (name, colour), style in zip((("wire", 0), ("vacuum", 1)), ("-", "--"), strict=True):
        ax.plot(times, results[name, n], style, color=co.plot.COLOURS[colour], label=name)
    ax.plot(times, np.exp(-times), ":", color="0.5", label="one atom")
    ax.set(xlabel="time / (1/Γ₁₁)", title=f"{n} atoms, {(n - 1) * step:.1f} λ₀ from end to end")
axes[0].set(ylabel="emission rate per atom / Γ₁₁")
axes[0].legend(frameon=False)
plt.show()

# %%
# What to notice: in vacuum the atoms decay as if they were alone. Through the wire eight of them
# emit a burst, fourteen wavelengths from end to end; a pair holds its emission at first and ends
# sooner. Losses in the metal and light that leaves the wire keep them from the ideal of one place.
#
# Try changing: ``step`` by a quarter of the plasmon's wavelength: Γ₁₂ vanishes and Δ₁₂ takes over.
