"""
A superradiant laser
====================

*How can light be more coherent than the atoms that emit it?* In a usual laser the light remembers
its phase, because photons stay in the cavity. In a superradiant laser the cavity forgets at once,
and the atoms remember: they synchronise as they do in a superradiant burst, and a pump keeps them
going. The figure shows the linewidth of the light and its power for three hundred and for a
thousand atoms, when the pump is turned up.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

# All rates are in units of Γ, the decay of one atom by itself.
g = 100.0
kappa = 1e5  # the light leaves much faster than anything else happens
alone = 4 * g**2 / kappa  # the rate at which one atom emits into the cavity
pumps = np.geomspace(1.2, 2e3, 21)


def laser(count, pump):
    """The light of pumped atoms in the steady state."""
    own = np.eye(count)
    atoms = co.Couplings(own, np.zeros((count, count)), pump=pump)
    mode = co.cavity_mode(g, kappa)
    return co.observables.cavity_light(co.CavityCouplings(atoms, mode))


counts = (300, 1000)
linewidths = {}
powers = {}
for count in counts:
    found = [laser(count, pump) for pump in pumps]
    linewidths[count] = np.array([light.linewidth for light in found])
    powers[count] = np.array([light.output for light in found])

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained")
for count, style, colour in zip(counts, ("-", "--"), co.plot.COLOURS, strict=False):
    left.loglog(pumps, linewidths[count], style, color=colour, label=f"{count:,} atoms")
    right.loglog(pumps, powers[count], style, color=colour, label=f"{count:,} atoms")
    right.axvline(count * alone, color=colour, ls=":", lw=1)
left.axhline(1, color="0.6", lw=1, label="an atom, Γ")
left.axhline(alone, color="0.3", ls="--", lw=1, label="4g²/κ")
left.set(xlabel="pump of an atom (Γ)", ylabel="linewidth of the light (Γ)")
right.set(xlabel="pump of an atom (Γ)", ylabel="photons leaving per time (Γ)")
left.legend(frameon=False)
right.set_title("dotted: N·4g²/κ", fontsize="medium")
plt.show()

for count in counts:
    best = linewidths[count].argmin()
    print(f"{count:,} atoms: linewidth {linewidths[count][best]:.4f} Γ at pump {pumps[best]:.3g} Γ")
print(f"linewidth of an atom: {1.0:.4f} Γ, of the empty cavity: {kappa:.0f} Γ")

# %%
# What to notice
# --------------
# * The line of the light is narrower than that of an atom, Γ, although the cavity is a hundred
#   thousand times as wide. With more atoms it comes closer to 4g²/κ, the dashed line, at which one
#   atom emits into the cavity (Meiser, Ye, Carlson and Holland, Phys. Rev. Lett. 102, 163601
#   (2009)).
# * The power is largest where the pump is half of N·4g²/κ, which the dotted lines show. There it is
#   an eighth of N²·4g²/κ: it grows with the square of the number of atoms.
# * A stronger pump disturbs the atoms faster than they synchronise. The light then goes out and its
#   line becomes as broad as the pump makes it.
#
# Try changing
# ------------
# * `dephasing=5.0` of the atoms: how strong must the pump be now?
# * `detunings`: half of the atoms at +3, half at −3. When do they still emit on one line?
