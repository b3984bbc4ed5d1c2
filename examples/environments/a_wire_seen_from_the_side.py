"""
A wire seen from the side
=========================

*Where is the light of a bright and of a dark pair?* Two atoms on a metal wire, two wavelengths of
its plasmon apart, share one excitation in phase or out of phase: intensity of the near field, from
the wire's whole Green's tensor, before any of it is spent.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

k = 2 * np.pi
wire = co.Nanowire(0.02, co.materials.Drude.from_value(-50 + 0.6j, k))
length = k / wire.plasmon(k).real  # of the plasmon's wave, 0.658 λ₀
atoms = co.chain(2, 2 * length, dipoles=(1, 0, 0)).translated([0.025, 0, 0])
own = wire.purcell(atoms)[0]
shared = 6 * np.pi / k * wire.green(*atoms.positions, k)[0, 0].imag
decay = np.array([[own, shared], [shared, own]])
pair = co.Couplings(decay, np.zeros((2, 2)), emitters=atoms, field=wire)

z = np.linspace(-1.4, 1.4, 141) + length
beside = np.stack([np.full(141, -0.05), np.zeros(141), z], axis=1)  # across from the atoms
figure, axes = plt.subplot_mosaic(
    [["bright", "dark"], ["line", "line"]], figsize=(9.5, 7), layout="constrained"
)
profiles = {}
for name, turn, style in (("bright", 0, "-"), ("dark", np.pi, "--")):
    state = co.states.timed_dicke([0, 0, turn / (2 * length)])
    light = co.evolve(pair, state, [0.0], observe="correlations")
    co.plot.field_map(light, plane="zx", extent=1.4, points=71, ax=axes[name])
    axes[name].collections[0].set_clim(1e-2, 1e4)  # one scale for both
    axes[name].set_title(f"{name}: emits {light.emission[0]:.0f} Γ₀")
    profiles[name] = co.observables.near_field(light, beside)[0]
    colour = co.plot.COLOURS[name == "dark"]
    axes["line"].semilogy(z, profiles[name], style, color=colour, label=name)
for place in atoms.positions[:, 2]:
    axes["line"].axvline(place, color="0.6", ls=":", lw=1)
axes["line"].set(xlabel="z (λ₀)", ylabel="intensity 0.05 λ₀ from the axis (Γ₀/λ₀²)")
axes["line"].legend(frameon=False)
plt.show()

# %%
# What to notice: in phase, both atoms send plasmons out along the wire; out of phase these cancel
# beyond the pair, to a fifth of a percent, and what is left of the emission is absorbed or leaves
# the wire. Between the atoms both stand as waves, one bright where the other is dark.
#
# Try changing: ``2 * length`` to ``2.25 * length``: no phase between the atoms is dark any more.
