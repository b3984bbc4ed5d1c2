"""
Superradiance through a wire
============================

*Can atoms that are wavelengths apart burst together?* Not through vacuum. Along a wire they share
one plasmon. Placed at multiples of its wavelength, they emit as if they were at one place. The
figure shows the emission of 2 and of 8 inverted atoms, at a wire and in vacuum. Each is drawn in
units of its own single-atom rate Γ₁₁.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

k = 2 * np.pi
silver = co.materials.Drude.from_value(-50 + 0.6j, k)
wire = co.Nanowire(0.02, silver)
step = 3 * k / wire.plasmon(k).real  # three wavelengths of the plasmon, 1.97 λ₀
times = np.linspace(0, 3, 61)  # in 1/Γ₁₁


def emission(n, field, rate):
    """Emission per atom of n inverted atoms, in units of the rate of one atom."""
    atoms = co.chain(n, step, dipoles=(1, 0, 0)).translated([0.025, 0, 0])
    found = co.couple(atoms, field)
    # a level shift that is the same for all atoms has no effect: leave it out
    shift = found.shift - np.eye(n) * found.shift[0, 0]
    couplings = co.Couplings(found.decay / rate, shift / rate)
    return co.evolve(couplings, "inverted", times, rtol=1e-4, atol=1e-6).emission / n


one_atom = co.chain(1, step, dipoles=(1, 0, 0)).translated([0.025, 0, 0])
own = wire.purcell(one_atom)[0]
results = {}
for n in (2, 8):
    results["wire", n] = emission(n, wire, own)
    results["vacuum", n] = emission(n, co.Vacuum(), 1.0)

figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for ax, n in zip(axes, (2, 8), strict=True):
    ax.plot(times, np.exp(-times), color="0.8", lw=5, label="one atom")
    ax.plot(times, results["wire", n], color=co.plot.COLOURS[0], label="wire")
    ax.plot(times, results["vacuum", n], "--", color=co.plot.COLOURS[1], label="vacuum")
    ax.set(xlabel="time (1/Γ₁₁)", title=f"{n} atoms, {(n - 1) * step:.1f} λ₀ from end to end")
axes[0].set(ylabel="emission rate per atom (Γ₁₁)")
axes[0].legend(frameon=False)
plt.show()

# %%
# What to notice: in vacuum the atoms decay as if they were alone. Through the wire eight of them,
# fourteen wavelengths from end to end, emit a burst. The emission of a pair is nearly constant at
# first and ends sooner. Losses in the metal, and light that leaves the wire, keep the burst below
# that of atoms at one place.
#
# Try changing: ``step`` by a quarter of the plasmon's wavelength: Γ₁₂ vanishes and Δ₁₂ is largest.
