"""
Currents that attract
=====================

*Do two electrons that circle in the same direction attract each other?* Parallel currents do. An
electron in a p₊ orbital is a ring of current; in a p₋ orbital it runs the other way round. From
afar the ring is a magnet of one Bohr magneton. The first figure shows the magnetic energy of two
rings, on one axis or side by side, against their distance: below zero they attract.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.constants import alpha

import collective as co

micro_ev = 1e3 * co.units.from_atomic(1.0, "meV")
distances = np.array([0.5, 1, 1.5, 2, 3, 4, 5, 6])  # bohr
along_x = 0
along_z = 2

# direction of the distance, and m of the second orbital; the first has m = 1
cases = {
    "p₊ p₊ on one axis": (along_z, 1),
    "p₊ p₊ side by side": (along_x, 1),
    "p₊ p₋ on one axis": (along_z, -1),
}


def rings(distance, direction, m):
    """Energy −U^a of a p₊ orbital and a second one, integrated on a grid, in μeV."""
    # a box of 4.2 bohr around each orbital
    axes = [np.linspace(-4.2, 4.2, 18) for _ in range(3)]
    end = distance / 2 + 4.2
    axes[direction] = np.linspace(-end, end, 18 + round(2 * distance))
    centre = distance / 2 * np.eye(3)[direction]
    first = co.currents.gaussian(1, 1, centre=-centre)
    second = co.currents.gaussian(1, m, centre=centre)
    orbitals = co.currents.Orbitals(axes, [first, second])
    return -micro_ev * co.currents.interactions(orbitals, progress=False).ampere[0, 1]


found = {}
for name, case in cases.items():
    found[name] = np.array([rings(r, *case) for r in distances])

styles = ("o-", "s--", "d-.")
figure, ax = plt.subplots(layout="constrained")
for name, style, colour in zip(cases, styles, co.plot.COLOURS, strict=False):
    ax.plot(distances, found[name], style, color=colour, mfc="none", label=name)
ax.axhline(0, color="0.6", lw=0.8)
ax.set(xlabel="distance (bohr)", ylabel="magnetic energy (μeV)")
ax.legend(frameon=False)
plt.show()

# %%
# When are the rings as good as magnets? The second figure divides their energy by that of two point
# magnets.


def magnets(distance, direction, m):
    """Energy of two point magnets in the place of the rings, in μeV."""
    # half an atomic unit is one Bohr magneton; here μ₀ = 1
    moment = np.reshape([0, 0, -0.5 * np.sqrt(4 * np.pi) * alpha], (1, 1, 3))
    places = [[0, 0, 0], distance * np.eye(3)[direction]]
    pair = co.Multilevel(places, [[0.0], [0.0]], [moment, m * moment], kind="magnetic")
    return micro_ev * co.interaction(pair, co.Vacuum()).principal(0, 1).real.item()


limit = {}
for name, case in cases.items():
    limit[name] = np.array([magnets(r, *case) for r in distances])

figure, ax = plt.subplots(layout="constrained")
for name, style, colour in zip(cases, styles, co.plot.COLOURS, strict=False):
    width = 4 if style == "o-" else 1.5  # two of the three lie on each other
    ratio = found[name] / limit[name]
    ax.plot(distances, ratio, style, color=colour, mfc="none", lw=width, label=name)
ax.axhline(1, color="0.6", lw=0.8)
ax.set(xlabel="distance (bohr)", ylabel="energy of the rings / energy of magnets")
ax.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * Equal rings on one axis attract each other, and opposite rings repel each other as strongly.
#   Both energies are below 0.2 meV.
# * Side by side, the currents in the near edges are opposite: beyond two bohr equal rings repel.
# * From five bohr on the rings act as magnets to 0.1 %. At smaller distances the energy of magnets
#   diverges, and that of rings does not.
#
# Try changing: ``real=True``, orbitals without a current. ``width``: how does the energy scale?
