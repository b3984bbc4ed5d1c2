"""
Competing lines
===============

*An excited level decays on two lines: which one flashes?* Atoms that couple alike share the light
of each line, but an atom that ends in one ground level is lost for the other line. With the share b
of a single atom's decay, :math:`n_e` excited atoms and a in its ground level, the rate of a line is
:math:`bΓ_0\\,n_e(a + 1)`: the line that is ahead grows faster. The figure shows the emission of
five inverted atoms on both lines (dashed: independent atoms). Then it shows, against b, the peak of
the emission over its start, and how many atoms end in the line's ground level, over b.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

n = 5
names = ("e", "g1", "g2")
lowering = np.zeros((2, 3, 3, 3))
lowering[0, 2, 1, 0] = 1.0  # line 0: from "e" to "g1", along z
lowering[1, 2, 2, 0] = 1.0  # line 1: from "e" to "g2", along z
places = np.arange(n)[:, None] * [0.0, 0.0, 1.0]  # not used: all atoms couple alike
times = np.linspace(0, 2.5, 126)  # in 1/Γ₀, both lines together


def decayed(share):
    """Inverted atoms that decay on line 0 with this share, and on line 1 with the rest."""
    widths = (share, 1 - share)
    atoms = co.Atoms(places, names, (1, 0, 0), lowering, linewidths=widths)
    alike = np.kron(np.ones((n, n)), np.diag(np.repeat(widths, 3)))
    channels = co.ChannelCouplings(alike, np.zeros_like(alike), atoms)
    start = co.states.levels("e")
    return co.evolve(channels, start, times, observe="correlations", method="exact", progress=False)


def by_line(result):
    """Emission on each line, (T, 2)."""
    return co.observables.polarised_emission(result).sum(axis=2)


branches = np.array([0.5, 0.6, 0.7, 0.8, 0.9])
shares = []
heights = []
ends = []
for branch in branches:
    result = decayed(branch)
    light = by_line(result)
    shares += [branch, 1 - branch]
    heights += list(light.max(axis=0) / light[0])
    ends += list(result.populations[-1, :, 1:].mean(axis=0))
    if branch == 0.8:
        shown = light

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for line, (share, colour) in enumerate(zip((0.8, 0.2), co.plot.COLOURS, strict=False)):
    left.plot(times, shown[:, line], color=colour, label=f"line {line}, share {share}")
    left.plot(times, n * share * np.exp(-times), "--", color=colour, lw=1)
left.plot([], [], "--", color="0.4", lw=1, label="independent atoms")
left.set(xlabel="time (1/Γ₀)", ylabel="emission rate (Γ₀)")
left.legend(frameon=False)
right.plot(shares, heights, "o", color=co.plot.COLOURS[0], label="peak over start")
right.plot(shares, np.array(ends) / shares, "s", color=co.plot.COLOURS[1], label="atoms over share")
right.axvline(1 / (n - 1), color="0.6", ls="--", label="b = 1/(N − 1)")
right.axhline(1.0, color="0.8", lw=0.8)
right.set(xlabel="share b of the line in the decay of one atom", ylabel="ratio")
right.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * The strong line takes more than its share: of atoms that would decay to it in 80 % of the cases,
#   86 % do. The weak one is left with 14 %.
# * A line flashes if its share is above 1/(N − 1), the dashed line, because at the start
#   :math:`dR/dt = bNΓ_0^2\,[b(N - 1) - 1]`. Below, it only decays.
# * Two equal lines both flash, but each by 9 % only.
#
# Try changing
# ------------
#
# Use ``n = 6``: from which share on does a line flash now? Give the atoms a place in space,
# ``co.couple(atoms, co.Vacuum())`` with a spacing of 0.1: is there still a burst on both lines?
