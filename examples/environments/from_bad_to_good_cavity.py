"""
From bad to good cavity
=======================

*When does an atom in a cavity no longer decay, but oscillate?* The atom couples to one mode with
the strength g, and the mode loses light at the rate κ. Left: the population of the atom for four
couplings. Solid lines keep the mode (``co.CavityCouplings``), dashed lines eliminate it
(``co.Cavity``). Right: the rates at which the excitation is lost, and the frequency at which atom
and mode exchange it, against g/κ.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

kappa = 1.0  # all rates in units of κ, times in 1/κ
atom = co.Emitters([[0, 0, 0]])
alone = co.Couplings([[0.0]], [[0.0]])  # the atom emits into the mode only
times = np.linspace(0, 12, 481)


def with_the_mode(g):
    """The population of the atom, the photon kept."""
    problem = co.CavityCouplings(alone, co.cavity_mode(g, kappa))
    return co.evolve(problem, "inverted", times, progress=False).excitation


def eliminated(g):
    """The same by Γ = 4g²/κ alone."""
    couplings = co.couple(atom, co.Cavity(g, kappa, 0.0))
    return co.evolve(couplings, "inverted", times, progress=False).excitation


couplings = [0.1, 0.25, 0.45, 1.5]
kept = {g: with_the_mode(g) for g in couplings}
markov = {g: eliminated(g) for g in couplings if g <= kappa / 2}  # its limit

# Amplitudes of atom and photon obey i dc/dt = h c. Each eigenvalue of h is a decay and a frequency
ratios = np.geomspace(0.05, 4, 161)
poles = []
for g in ratios * kappa:
    h = np.array([[0, g], [g, -0.5j * kappa]])
    poles.append(np.linalg.eigvals(h))
poles = np.array(poles)
losses = np.sort(-2 * poles.imag, axis=1)
splitting = np.ptp(poles.real, axis=1)

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
for g, colour in zip(couplings, co.plot.COLOURS, strict=False):
    left.plot(times, kept[g], color=colour)
    if g in markov:
        left.plot(times, markov[g], color=colour, ls="--", lw=1)
left.set(xlabel="time (1/κ)", ylabel="population of the atom", xlim=(0, 12), ylim=(0, 1.02))
names = [(8, 0.83, "g/κ = 0.1"), (5, 0.45, "0.25"), (2.75, 0.33, "0.45"), (4.1, 0.16, "1.5")]
for (x, y, name), colour in zip(names, co.plot.COLOURS, strict=False):
    left.text(x, y, name, color=colour)

blue = co.plot.COLOURS[0]
red = co.plot.COLOURS[1]
strong = ratios > 0.25
right.loglog(ratios, losses, color=blue, lw=2)
right.loglog(ratios, 4 * ratios**2, "--", color="0.4", lw=1)
right.loglog(ratios[strong], splitting[strong], "-.", color=red, lw=2)
right.axvline(0.25, color="0.6", ls=":")
right.text(0.045, 1.15, "loss of the photon", color=blue)
right.text(0.052, 0.07, "loss of\nthe atom", color=blue)
right.text(0.9, 0.32, "common loss κ/2", color=blue)
right.text(1.15, 0.8, "frequency of\nthe exchange", color=red)
right.text(1.05, 6, "4g²/κ", color="0.4", ha="right")
right.text(0.26, 0.013, "g = κ/4")
right.set(xlabel="coupling over linewidth g/κ", ylabel="rate (κ)", ylim=(0.01, 10))
plt.show()

# %%
# What to notice: below g = κ/4 the atom decays, and the weaker the coupling, the closer its rate is
# to 4g²/κ, which is all that Γ knows. Even there the decay begins late, because light must first
# fill the mode. At g = κ/4 the loss of the atom and that of the photon meet. Above, atom and photon
# are one: the excitation goes to and fro, and is lost at κ/2, because half of the time it is a
# photon. Above g = κ/2 the mode cannot be eliminated, and ``co.evolve`` says so for ``co.Cavity``;
# with ``method="retarded"`` the same object gives the solid lines.
#
# Try changing: four atoms, ``alone = co.Couplings(np.zeros((4, 4)), np.zeros((4, 4)))``, from the
# state ``co.states.dicke(1)`` in place of ``"inverted"``, which oscillate at twice the frequency;
# an atom that also emits to the side, ``alone = co.Couplings([[0.2]], [[0.0]])``.
