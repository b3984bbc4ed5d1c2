"""
A Rydberg array exchanges its excitation
========================================

*How do excitations move through a row of Rydberg atoms?* Two Rydberg states of opposite parity
exchange an excitation by the dipolar interaction :math:`C_3(1 − 3\\cos^2θ)/r^3` (Barredo et al.,
Phys. Rev. Lett. 114, 113002 (2015)). Two excitations also feel each other, by a van der Waals
energy :math:`C_6/r^6`. On the left one excitation starts in the middle of the row, on the right two
neighbours do.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

row = co.chain(11, 1.0)  # along z, lengths in units of the spacing
exchange = co.dipolar(row, 1.0, axis=(1, 0, 0))  # J = 1 between neighbours
never = np.zeros((11, 11))
times = np.linspace(0, 5, 101)  # in 1/J


def two(energy):
    """Populations after two neighbours are excited, whose pair has this energy."""
    interaction = co.van_der_waals(row, energy)
    atoms = co.Couplings(never, exchange, ising=interaction)
    start = co.states.mixed([0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])
    return co.evolve(atoms, start, times, method="blocks")


one = co.evolve(co.Couplings(never, exchange), co.states.single(5), times)
free = two(0.0)
bound = two(10.0)

figure, axes = plt.subplots(1, 3, sharey=True, figsize=(9, 3.5), layout="constrained")
panels = {
    "one excitation": one,
    "two that do not interact": free,
    "two, C₆ = 10 J": bound,
}
for ax, (title, result) in zip(axes, panels.items(), strict=True):
    image = ax.pcolormesh(np.arange(11), times, result.populations, cmap="magma", vmin=0, vmax=1)
    ax.set(xlabel="atom", title=title, xticks=range(0, 11, 2))
axes[0].set_ylabel("time (1/J)")
figure.colorbar(image, ax=axes, label="excited")
plt.show()

stayed = {name: float(result.populations[-1, 3:7].sum()) for name, result in panels.items()}
for name, share in stayed.items():
    print(f"{name}: {share:.2f} excitations are on the four atoms in the middle at t = 5/J")

# %%
# What to notice
# --------------
#
# * One excitation runs in both directions at the speed 2J, and comes back from the ends.
# * Two that do not interact spread in the same way.
# * Two neighbours with a large energy stay together: apart they would have another energy, and
#   nothing takes it up. The pair moves slowly: by :math:`J^2/V` through states in which it is
#   apart, and by J/8 as one excitation hops over the other.
#
# Try changing
# ------------
#
# Take C₆ = −10 J: attraction binds as well, and the two ways in which the pair moves nearly cancel.
# Set ``axis=(0, 0, 1)``: along the row the exchange is −2 times as large.
