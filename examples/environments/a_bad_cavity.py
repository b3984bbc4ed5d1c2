"""
A bad cavity
============

*When may one forget that light stays in a cavity?* Two atoms couple to one lossy mode, and the
first is excited. The figure shows its population: dots are atoms and mode together, solved by
QuTiP, and the line is ``co.Cavity``, which keeps the atoms alone. Then it shows how the difference
falls with the ratio of coupling and linewidth.
"""

import matplotlib.pyplot as plt
import numpy as np
import qutip

import collective as co

times = np.linspace(0, 4, 81)  # in units of 1/Γ, Γ = 4g²/κ is kept at 1
atoms = co.chain(2, 0.5)
none = qutip.qeye(2)  # at most one photon: the same space as that of an atom


def with_the_mode(g, kappa):
    """Population of the first atom, from atoms and mode together."""
    first = qutip.tensor(qutip.sigmam(), none, none)
    second = qutip.tensor(none, qutip.sigmam(), none)
    a = qutip.tensor(none, none, qutip.destroy(2))
    exchange = g * a.dag() * (first + second)
    start = qutip.tensor(qutip.basis(2, 0), qutip.basis(2, 1), qutip.basis(2, 0))
    watched = [first.dag() * first]
    loss = [np.sqrt(kappa) * a]
    run = qutip.mesolve(exchange + exchange.dag(), start, times, loss, e_ops=watched)
    return run.expect[0]


def without_the_mode(g, kappa):
    """The same from Γ and Δ of the atoms alone."""
    couplings = co.couple(atoms, co.Cavity(g, kappa, 0.0))
    return co.evolve(couplings, co.states.single(0), times, progress=False).populations[:, 0]


ratios = np.array([0.01, 0.02, 0.04, 0.08, 0.16, 0.32])  # g/κ
differences = []
whole = {}
for ratio in ratios:
    kappa = 1 / (4 * ratio**2)
    whole[ratio] = with_the_mode(ratio * kappa, kappa)
    reduced = without_the_mode(ratio * kappa, kappa)
    differences.append(np.abs(whole[ratio] - reduced).max())
print(co.couple(atoms, co.Cavity(0.32, 1.0, 0.0)).validity()["cavity eliminated"])

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for ratio, marker, colour in ((0.32, ".", co.plot.COLOURS[0]), (0.08, "x", co.plot.COLOURS[1])):
    label = f"with the mode, g/κ = {ratio}"
    left.plot(times, whole[ratio], marker, ms=5, color=colour, label=label)
left.plot(times, reduced, color="0.3", label="co.Cavity")
left.set(xlabel="time (1/Γ)", ylabel="population of the first atom", ylim=(0, 1.05))
left.legend(frameon=False)
right.loglog(ratios, differences, "o", color=co.plot.COLOURS[0], label="largest difference")
right.loglog(ratios, 7 * ratios**2, color="0.6", ls="--", label="7 (g/κ)²")
right.set(xlabel="coupling over linewidth g/κ", ylabel="error of the population")
right.legend(frameon=False)
plt.show()

# %%
# What to notice: both atoms end with a quarter of the excitation, because half of it was in a state
# whose light cancels in the mode: the dark state. The elimination does not know that the mode needs
# a time of about 2/κ to fill, and its error falls as the square of g/κ. ``validity()`` reports the
# ratio on which it rests.
#
# Try changing: the sign of one coupling, ``co.Cavity((g, -g), kappa, 0.0)``, which makes the other
# state dark; a cavity off resonance, where the atoms exchange excitation.
