"""
Squeezing by one-axis twisting
==============================

*How much can an interaction of all atoms with each other reduce the noise of their spin?* A
hundred atoms start with all spins along x. The Hamiltonian :math:`χJ_z^2` turns a spin that points
up the other way than one that points down, so that the round cloud of uncertainty becomes a tilted
ellipse. Its smallest width gives the squeezing parameter ξ² of Kitagawa and Ueda, Phys. Rev. A 47,
5138 (1993). In a real experiment each atom also decays, at a rate Γ.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

n = 100
chi = 1.0
times = np.linspace(0, 0.1, 101)  # χt
along_x = co.states.coherent(np.pi / 2)
twist = co.one_axis_twisting(n, chi)


def squeezed(decay):
    """ξ² at each time if every atom decays at this rate on its own."""
    spins = co.Couplings(
        decay * np.eye(n),
        np.zeros((n, n)),
        ising=twist.ising,
        detunings=twist.detunings,
    )
    return co.observables.squeezing(
        spins, definition="kitagawa-ueda", state=along_x, times=times / chi
    )


figure, ax = plt.subplots(layout="constrained")
found = {}
styles = ("-", "--", "-.")
for decay, style, colour in zip((0.0, 1.0, 5.0), styles, co.plot.COLOURS, strict=False):
    found[decay] = squeezed(decay)
    label = "no decay" if decay == 0 else f"Γ = {decay:g} χ"
    ax.semilogy(times, found[decay], style, color=colour, label=label)
    best = times[np.argmin(found[decay])]
    print(f"Γ = {decay:g} χ: smallest ξ² = {found[decay].min():.4f} at χt = {best:.4f}")
ax.axhline(1, color="0.6", ls=":", label="independent spins")
ax.set(xlabel="time (1/χ)", ylabel="squeezing ξ²", ylim=(0.02, 3))
ax.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * Without decay the noise falls to 5 % of that of independent spins, at
#   :math:`χt ≈ 1.2\,N^{-2/3}`. Later the ellipse bends around the sphere, and the noise grows.
# * Decay limits how much is gained. It also shifts the best time to an earlier one.
# * A hundred spins have 2^100 states. As all of them are alike, Dicke states are enough.
#
# Try changing
# ------------
#
# ``definition="wineland"`` counts the shorter mean spin too: it is the gain of a clock. Take
# n = 1000 without decay: the noise falls with :math:`N^{-2/3}`.
