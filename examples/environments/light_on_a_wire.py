"""
Light on a wire
===============

*How far does a metal wire carry the coupling of two atoms?* Γ₁₂ and Δ₁₂ against their separation,
both from the wire's whole Green's tensor and from its plasmon alone.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

k = 2 * np.pi
silver = co.materials.Drude.from_value(-50 + 0.6j, k)
wire = co.Nanowire(0.01, silver)  # a radius of a hundredth of a wavelength
distances = np.concatenate([np.geomspace(0.01, 0.2, 40), np.linspace(0.205, 6, 600)])
atoms = co.Emitters(
    np.column_stack([np.full(641, 0.015), np.zeros(641), [0, *distances]]), dipoles=(1, 0, 0)
)
own = wire.purcell(atoms)[0]  # Γ₁₁ in vacuum linewidths

green = wire.green(atoms.positions[0], atoms.positions[1:], k)[:, 0, 0]
decay, shift = 6 * np.pi / k * green.imag / own, -3 * np.pi / k * green.real / own
wave = wire.plasmon_amplitude(atoms)[0] * np.exp(1j * wire.plasmon(k) * distances) / own

_, axes = plt.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
for ax, exact, plasmon, name in (
    (axes[0], decay, wave.real, "decay rate Γ₁₂ / Γ₁₁"),
    (axes[1], shift, wave.imag / 2, "shift Δ₁₂ / Γ₁₁"),
):
    ax.plot(distances, exact, color=co.plot.COLOURS[0], lw=3, alpha=0.6, label="Green's tensor")
    ax.plot(distances, plasmon, "--", color=co.plot.COLOURS[1], label="plasmon alone")
    ax.set(ylabel=name, ylim=(-1.05, 1.05))
axes[0].legend(frameon=False)
axes[1].set(xlabel="separation along the wire / λ₀")
plt.show()

print(f"plasmon wavelength {k / wire.plasmon(k).real:.3f} λ₀, β = {wire.beta(atoms)[0]:.3f}")

# %%
# What to notice: the coupling swings with the plasmon's wavelength, 0.415 λ₀, and fades with the
# metal's losses over ten vacuum wavelengths; in vacuum a tenth is left after two and a half. Where
# Γ₁₂ is largest Δ₁₂ vanishes, and the other way round. Δ₁₂ stays below half of Γ₁₁, except very
# close by: there the atoms see each other's near field and the plasmon is not all.
#
# Try changing: a thicker wire, ``co.Nanowire(0.02, silver)``, whose light is less tightly bound.
