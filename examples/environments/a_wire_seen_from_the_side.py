"""
A wire seen from the side
=========================

*Where is the light of a bright and of a dark pair?* Two atoms sit on a metal wire, two wavelengths
of its plasmon apart. They share one excitation, in phase or out of phase. The first figure shows
the intensity of the near field in a plane through the wire. The second follows it along a line
beside the wire. Both are computed from the whole Green's tensor of the wire, at the initial time.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

k = 2 * np.pi  # lengths in wavelengths λ₀ of the vacuum
silver = co.materials.Drude.from_value(-50 + 0.6j, k)
wire = co.Nanowire(0.02, silver)
length = k / wire.plasmon(k).real  # wavelength of the plasmon, 0.658 λ₀
atoms = co.chain(2, 2 * length, dipoles=(1, 0, 0)).translated([0.025, 0, 0])

# Decay rates from the field of one atom at its own place and at the place of the other
own = wire.purcell(atoms)[0]
shared = 6 * np.pi / k * wire.green(*atoms.positions, k)[0, 0].imag
decay = np.array([[own, shared], [shared, own]])
pair = co.Couplings(decay, np.zeros((2, 2)), emitters=atoms, field=wire)

# The phase of the excitation turns by 0 or by π from one atom to the other
phases = {"bright": 0, "dark": np.pi}
lights = {}
for name, phase in phases.items():
    state = co.states.timed_dicke([0, 0, phase / (2 * length)])
    lights[name] = co.observables.moment(pair, state)

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for ax, (name, light) in zip(axes, lights.items(), strict=True):
    co.plot.field_map(light, plane="zx", extent=1.4, points=71, ax=ax)
    ax.collections[0].set_clim(1e-2, 1e4)  # one colour scale for both
    ax.legend(frameon=False, loc="upper left", labelcolor="white")
    ax.set_title(f"{name}: emits {light.emission[0]:.0f} Γ₀")
plt.show()

# %%
# The same light along the wire, 0.05 λ₀ from its axis, on the side away from the atoms. Dotted
# lines mark the atoms.

z = np.linspace(-1.4, 1.4, 141) + length
x = np.full(141, -0.05)
beside = np.stack([x, np.zeros(141), z], axis=1)
profiles = {name: co.observables.near_field(light, beside)[0] for name, light in lights.items()}

figure, ax = plt.subplots(figsize=(9.5, 3.2), layout="constrained")
ax.semilogy(z, profiles["bright"], "-", color=co.plot.COLOURS[0], label="bright")
ax.semilogy(z, profiles["dark"], "--", color=co.plot.COLOURS[1], label="dark")
for place in atoms.positions[:, 2]:
    ax.axvline(place, color="0.6", ls=":", lw=1)
ax.set(xlabel="z (λ₀)", ylabel="intensity (Γ₀/λ₀²)")
ax.legend(frameon=False)
plt.show()

# %%
# What to notice: in phase, both atoms send plasmons along the wire. Out of phase, these plasmons
# cancel beyond the pair, to a fifth of a percent. The rest of the emission is absorbed or
# leaves the wire. Between the atoms the light of both is a standing wave, and one is bright where
# the other is dark.
#
# Try changing: ``2 * length`` to ``2.25 * length``: no phase between the atoms is dark any more.
