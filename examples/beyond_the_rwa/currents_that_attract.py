"""
Currents that attract
=====================

*Do two electrons that circle the same way attract each other?* Parallel currents do. A p₊ orbital
is a ring of current, from afar a magnet: one Bohr magneton, half an atomic unit. Here are two of
them, on one axis or side by side.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.constants import alpha

import collective as co

micro_ev = 1e3 * co.units.from_atomic(1.0, "meV")
distances = np.array([0.5, 1, 1.5, 2, 3, 4, 5, 6])  # bohr


def rings(r, axis, second):
    """−U^a of p₊ and, at a distance r along an axis, p₊ or p₋."""
    axes = [np.linspace(-4.2, 4.2, 18)] * 3
    axes[axis] = np.linspace(-r / 2 - 4.2, r / 2 + 4.2, 18 + round(2 * r))
    half = np.eye(3)[axis] * r / 2
    pair = [co.currents.gaussian(1, m, centre=c) for m, c in ((1, -half), (second, half))]
    found = co.currents.interactions(co.currents.Orbitals(axes, pair), progress=False)
    return -micro_ev * found.ampere[0, 1]


def magnets(r, axis, second):
    """The same of two magnetic dipoles in vacuum, where μ₀ = 1: √μ₀ m instead of m."""
    m = np.reshape([0, 0, -0.5 * np.sqrt(4 * np.pi) * alpha], (1, 1, 3))
    places = np.eye(3)[axis] * [[0], [r]]
    pair = co.Multilevel(places, [[0.0]] * 2, [m, second * m], kind="magnetic")
    return micro_ev * co.interaction(pair, co.Vacuum()).principal(0, 1).real.item()


_, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
cases = {"p₊ p₊ on one axis": (2, 1), "p₊ p₊ side by side": (0, 1), "p₊ p₋ on one axis": (2, -1)}
found, limit = {}, {}
for k, (name, case) in enumerate(cases.items()):
    style, look = ("o-", "s--", "d-.")[k], {"color": co.plot.COLOURS[k], "mfc": "none"}
    found[name] = np.array([rings(r, *case) for r in distances])
    limit[name] = np.array([magnets(r, *case) for r in distances])
    left.plot(distances, found[name], style, label=name, **look)
    right.plot(distances, found[name] / limit[name], style, **look)
left.axhline(0, color="0.6", lw=0.8)
left.set(xlabel="distance (bohr)", ylabel="energy (μeV)")
right.set(xlabel="distance (bohr)", ylabel="energy / that of two magnets")
left.legend(frameon=False)
plt.show()
# %%
# What to notice
# --------------
#
# * Equal rings on one axis attract, opposite ones repel just as much: by less than 0.2 meV.
# * Side by side, near edges run against each other: beyond two bohr equal rings repel.
# * From five bohr on they are magnets to 0.1 %. Closer, magnets diverge and rings do not.
#
# Try changing: ``real=True``, orbitals without a current. ``width``: how does the energy scale?
