"""
Photons one by one
==================

*How close must atoms be to send photons one by one?* A weak laser drives a ring of atoms at the
resonance of their bright state, in which all oscillate in phase. One atom never emits two photons
at the same time. N independent atoms do: g²(0) is 1 − 1/N. Left: g²(0) of rings, relative to that
of independent atoms. Right: the same against the shift of the second excitation, in linewidths of
the bright state. The engine ``Capped`` keeps at most two excitations.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

engine = co.engines.Capped(excitations=2)
spacings = np.array([0.05, 0.065, 0.085, 0.11, 0.145, 0.2])  # in wavelengths
sizes = [2, 3, 6, 12]


def steady_light(n, spacing):
    """The late light of a ring that a laser drives at its bright state."""
    ring = co.couple(co.ring(n, spacing), co.Vacuum())
    bright = ring.shift.sum() / n  # the shift of the first excitation
    driven = ring.replace(drive=0.05, detunings=-bright)
    times = [0.0, 6.0]  # in 1/Γ₀
    return co.evolve(driven, "ground", times, method=engine, rtol=1e-6, progress=False)


pairs = {n: [] for n in sizes}
shifts = {n: [] for n in sizes}
for n in sizes:
    for spacing in spacings:
        result = steady_light(n, spacing)
        ring = result.couplings
        pairs[n].append(co.observables.g2(result)[-1] / (1 - 1 / n))
        # One excitation is exchanged with N − 1 atoms, each of two only with N − 2 atoms
        mean = ring.shift.sum() / (n * (n - 1))  # of all pairs
        shifts[n].append(2 * mean / (ring.decay.sum() / n))

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained", sharey=True)
for n, colour, marker in zip(sizes, co.plot.COLOURS, "os^D", strict=False):
    left.loglog(spacings, pairs[n], marker + "-", color=colour, lw=0.8, label=f"{n} atoms")
    right.loglog(shifts[n], pairs[n], marker, color=colour)
for ax in (left, right):
    ax.axhline(1, color="0.6", lw=0.8)
left.set_xticks([0.05, 0.1, 0.2], ["0.05", "0.1", "0.2"])
left.set_xticks([], minor=True)
left.set(xlabel="distance of neighbours (λ₀)", ylabel="g²(0) / (1 − 1/N)", ylim=(5e-4, 3))
left.legend(frameon=False, loc="lower right")
right.text(3, 1.2, "independent atoms", color="0.4")
right.set(xlabel="shift of the second excitation (linewidths)")
plt.show()

# %%
# What to notice: in a ring that is small against the wavelength atoms exchange their excitation,
# and this shifts the bright state. Two excitations are not shifted twice as much, because an atom
# that is excited already takes no second one. The laser is resonant with the first excitation, and
# thus not with the second: the ring behaves as one atom. The right panel shows what counts. Where
# the second excitation is ten linewidths off, pairs are rarer than from independent atoms, 200
# times for two atoms and 150 times for three. In a large ring each pair has a small part in the
# shift, and the linewidth grows with N, so that twelve atoms hardly notice.
#
# Try changing: a pair with the laser at ω₀, ``sizes = [2]``, ``drive=0.2`` and ``detunings=0.0``,
# which misses the first excitation and hits the second, so that photons come in twos; ``co.chain``
# in place of ``co.ring``; twelve atoms 0.03 wavelengths apart.
