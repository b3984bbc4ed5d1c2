"""
Light on a wire
===============

*How far does a metal wire carry the coupling of two atoms?* The figure shows the shared decay rate
Γ₁₂ and the shift Δ₁₂ against the separation of the atoms along the wire. The broad line comes from
the wire's whole Green's tensor, the dashed one from its plasmon alone.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

k = 2 * np.pi
silver = co.materials.Drude.from_value(-50 + 0.6j, k)
wire = co.Nanowire(0.01, silver)  # a radius of a hundredth of a wavelength
print(f"wavelength of the plasmon: {k / wire.plasmon(k).real:.3f} λ₀")

# One atom at z = 0 and others at growing distance, all 0.015 λ₀ from the axis of the wire
distances = np.concatenate([np.geomspace(0.01, 0.2, 40), np.linspace(0.205, 6, 600)])
places = np.zeros((641, 3))
places[:, 0] = 0.015
places[1:, 2] = distances
atoms = co.Emitters(places, dipoles=(1, 0, 0))
own = wire.purcell(atoms)[0]  # Γ₁₁ in vacuum linewidths
print(f"share of the emission that enters the plasmon: {wire.beta(atoms)[0]:.3f}")

# The imaginary part of the Green's tensor is the decay, the real part is the shift
green = wire.green(atoms.positions[0], atoms.positions[1:], k)[:, 0, 0]
decay = 6 * np.pi / k * green.imag / own
shift = -3 * np.pi / k * green.real / own

# The plasmon is one damped wave
wave = wire.plasmon_amplitude(atoms)[0] * np.exp(1j * wire.plasmon(k) * distances) / own

figure, (top, bottom) = plt.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
broad = {"color": co.plot.COLOURS[4], "lw": 4, "label": "Green's tensor"}
dashed = {"color": co.plot.COLOURS[1], "ls": "--", "label": "plasmon alone"}
top.plot(distances, decay, **broad)
top.plot(distances, wave.real, **dashed)
bottom.plot(distances, shift, **broad)
bottom.plot(distances, wave.imag / 2, **dashed)
top.set(ylabel="decay rate Γ₁₂ / Γ₁₁", ylim=(-1.05, 1.5))
bottom.set(xlabel="separation along the wire (λ₀)", ylabel="shift Δ₁₂ / Γ₁₁", ylim=(-1.05, 1.05))
top.legend(frameon=False, ncols=2)
plt.show()

# %%
# What to notice: the coupling oscillates with the plasmon's wavelength, 0.415 λ₀. The losses of the
# metal damp it over ten vacuum wavelengths; in vacuum a tenth is left after two and a half. Where
# Γ₁₂ is largest Δ₁₂ vanishes, and the other way round. Δ₁₂ stays below half of Γ₁₁, except at very
# small distances: there the near fields of the atoms matter, and not the plasmon alone.
#
# Try changing: a thicker wire, ``co.Nanowire(0.02, silver)``, whose light is less tightly bound.
