"""
One-dimensional light
=====================

*What do atoms beside a waveguide do to each other?* All of them share one mode, so that their
coupling never falls with distance. Only its phase matters. The figure shows first how fast eight
excited atoms emit, for two spacings, then where an excitation goes that starts in the middle of
a row: in a guide that carries light both ways, and in a chiral one that carries it to the right.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

k = 2 * np.pi  # lengths in wavelengths of the guided light, rates in the rate into the guide
guide = co.Waveguide(1.0, k)
one_way = co.Waveguide(1.0, k, chirality=1.0)

# Eight excited atoms. Atoms half a wavelength apart reflect light as a Bragg mirror does
times = np.linspace(0, 3, 301)
spacings = {"Bragg, λ/2": 0.5, "anti-Bragg, λ/4": 0.25}
emission = {}
for name, spacing in spacings.items():
    row = co.couple(co.chain(8, spacing), guide)
    emission[name] = co.evolve(row, "inverted", times, progress=False).emission

# One excitation in the middle of fifteen atoms
spread_times = np.linspace(0, 12, 241)
row = co.chain(15, 0.25)
spread = {}
for name, field in (("both ways", guide), ("one way", one_way)):
    couplings = co.couple(row, field)
    result = co.evolve(couplings, co.states.single(7), spread_times, progress=False)
    spread[name] = result.populations

figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
for (name, rate), style, colour in zip(
    emission.items(), ("-", "--"), co.plot.COLOURS, strict=False
):
    axes[0].plot(times, rate, style, color=colour, label=name)
axes[0].plot(times, 8 * np.exp(-times), color="0.6", ls=":", label="independent")
axes[0].set(xlabel="time (1/Γ)", ylabel="photons per time (Γ)", title="eight excited atoms")
axes[0].legend(frameon=False)
for axis, (name, populations) in zip(axes[1:], spread.items(), strict=True):
    edges = np.arange(16) - 7.5
    picture = axis.pcolormesh(edges, spread_times, populations[:-1], vmax=0.3, cmap="viridis")
    axis.set(xlabel="atom", ylabel="time (1/Γ)", title=f"light goes {name}")
    axis.set_xticks([-6, -3, 0, 3, 6])
figure.colorbar(picture, ax=axes[1:], label="excited population", extend="max")
plt.show()

# %%
# What to notice: at the Bragg spacing all light adds up, and the burst is that of atoms at one
# place: Γ has a single decay rate that is not zero. At a quarter of a wavelength neighbours share
# no decay and exchange excitation instead, and the burst is weaker: atoms two places apart still
# share it, with the opposite sign. In the chiral guide the excitation moves to the right, and no
# atom on the left ever notices it: the coupling is not reciprocal, and Γ is complex.
#
# Try changing: a guide that is only a little chiral, ``chirality=0.5``; light that also goes aside,
# ``side_rate=0.5``.
