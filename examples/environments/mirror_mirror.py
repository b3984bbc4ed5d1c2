"""
Mirror, mirror
==============

*How does a mirror change the lifetime of a molecule, and does it matter what it is made of?* Light
that returns from the mirror adds to what the molecule emits, or cancels it. The left panel shows
the decay rate against the distance from a perfect mirror (dashed) and from silver (solid), for
dipoles along the surface and across it. The right panel looks closer: a few nanometres from silver
the metal takes nearly all. Lengths are in nanometres.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

nm = 1e-9
silver = co.HalfSpace(co.materials.silver(length=nm))
perfect = co.Mirror()
mirrors = {"silver": silver, "perfect mirror": perfect}
dipoles = {"along": (1, 0, 0), "across": (0, 0, 1)}


def above(heights, dipole):
    """A molecule at each height, far from the others."""
    places = np.zeros((len(heights), 3))
    places[:, 0] = 1000 * np.arange(len(heights))
    places[:, 2] = heights
    return co.Emitters(places, dipoles=dipole, wavelength=600)


far = np.linspace(10, 900, 179)
close = np.geomspace(2, 200, 40)
rates_far = {}
rates_close = {}
for name, mirror in mirrors.items():
    for word, dipole in dipoles.items():
        rates_far[name, word] = co.purcell(above(far, dipole), mirror)
        rates_close[name, word] = co.purcell(above(close, dipole), mirror)

# The part of the decay that goes into the plasmon of the surface, a wave bound to silver
plasmon = silver.guided(above(close, dipoles["across"]))["plasmon"]

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for word, colour, lw in zip(dipoles, co.plot.COLOURS, (1.2, 2.5), strict=False):
    for name, style in {"silver": "-", "perfect mirror": "--"}.items():
        label = f"{word}, {name}"
        axes[0].plot(far, rates_far[name, word], style, color=colour, lw=lw, label=label)
        axes[1].loglog(close, rates_close[name, word], style, color=colour, lw=lw)
axes[1].loglog(close, plasmon, ":", color=co.plot.COLOURS[2], label="into the plasmon (across)")
axes[0].set(xlabel="distance (nm)", ylabel="decay rate Γ/Γ₀", ylim=(0, 3))
axes[1].set(xlabel="distance (nm)", ylim=(1e-2, 1e3))
for ax in axes:
    ax.legend(frameon=False)
plt.show()

# %%
# What to notice: at a perfect mirror a dipole along the surface is dark, because its image has the
# opposite sign. A dipole across emits twice as fast. Farther away both rates oscillate around one.
# The oscillations in front of silver begin some 30 nm closer, because light enters silver. Below
# 10 nm both dipoles decay faster and faster, as the inverse cube of the distance. This light heats
# the silver: the molecule is quenched. Between 10 and 100 nm most of the light of a dipole across
# goes into the plasmon.
#
# Try changing: ``co.materials.gold(length=nm)``, and where a molecule is brightest.
