"""
When Markov fails
=================

*How far apart may emitters be before the delay of light matters?* Γ and Δ say that light is at once
at every other emitter. In a fibre nothing changes in them when atoms are moved apart by whole
wavelengths, but light needs the time r/c. Left: two atoms, one of them excited, with delay (solid)
and without (dashed). Right: the largest error of any population against Γr/c, for two and ten
atoms beside a fibre, and for two in free space.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

k = 2 * np.pi  # lengths in wavelengths, rates in the linewidth Γ
times = np.linspace(0, 8, 161)
one = co.states.single(0)


def populations(couplings, method):
    """The excited population of each atom, the first excited."""
    return co.evolve(couplings, one, times, method=method, progress=False).populations


def error(couplings):
    """The largest error of a population that Γ and Δ make at any time."""
    late = populations(couplings, "retarded")
    return np.abs(late - populations(couplings, "single")).max()


def beside_a_fibre(n, delay):
    """n atoms at whole wavelengths, the delay from the first to the last in lifetimes."""
    return co.couple(co.chain(n, 1.0), co.Waveguide(1.0, k, group_velocity=(n - 1) / delay))


delays = np.geomspace(1e-3, 10, 17)  # Γr/c
pair = [error(beside_a_fibre(2, delay)) for delay in delays]
ten = [error(beside_a_fibre(10, delay)) for delay in delays]

# In free space light thins out on its way. ω₀ is 1000 Γ: this is an emitter with a broad line
distances = 0.25 * 2.0 ** np.arange(8)
space = []
away = []
for distance in distances:
    atoms = co.chain(2, distance, frequency=1000.0)
    space.append(error(co.couple(atoms, co.Vacuum())))
    away.append(distance / atoms.speed_of_light)

slope = pair[0] / delays[0]
limit = np.exp(np.interp(np.log(0.05), np.log(pair), np.log(delays)))
lifetime = 1e9 / co.units.atom("Rb87 D2").linewidth  # 26 ns
print(f"an error of 0.05 at Γr/c = {limit:.2f}; for rubidium a delay of {limit * lifetime:.1f} ns")

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.2), layout="constrained")
at_once = populations(beside_a_fibre(2, 1.0), "single")
slow = populations(beside_a_fibre(2, 1.0), "retarded")
for number, name in enumerate(("first atom", "second atom")):
    colour = co.plot.COLOURS[number]
    left.plot(times, slow[:, number], color=colour)
    left.plot(times, at_once[:, number], "--", color=colour)
    left.text(*[(0.9, 0.6), (2.8, 0.16)][number], name, color=colour)
left.set(xlabel="time (1/Γ)", ylabel="excited population", xlim=(0, 8), ylim=(0, 1.02))
left.set_title("Γr/c = 1; dashed: Γ and Δ alone")

right.loglog(delays, ten, "s", color=co.plot.COLOURS[1])
right.loglog(delays, pair, "o", color=co.plot.COLOURS[0])
right.loglog(delays, slope * delays, color="0.4", lw=1)
right.loglog(away, space, "^", color=co.plot.COLOURS[2])
right.loglog(limit, 0.05, "o", ms=14, mfc="none", color="0.2")
right.text(1.1e-3, 1.5e-2, "ten atoms, fibre", color=co.plot.COLOURS[1])
right.text(0.02, 1.5e-3, "two atoms, fibre", color=co.plot.COLOURS[0])
right.text(0.02, 1e-4, "two atoms, free space", color=co.plot.COLOURS[2])
right.text(0.4, 0.02, f"error 0.05\nat {limit:.2f}", color="0.2")
right.text(1.3, 1.2, f"{slope:.2f} Γr/c", color="0.4", ha="right")
right.set(xlabel="delay over lifetime, Γr/c", ylabel="error of a population", ylim=(1e-6, 3))
top = right.secondary_xaxis("top", functions=(lambda x: x * lifetime, lambda ns: ns / lifetime))
top.set_xlabel("delay for rubidium (ns)")
plt.show()

# %%
# What to notice: as long as the delay is short, the error is proportional to it, a third of Γr/c
# for two atoms and nearly twice as much for ten. It exceeds 0.05 at Γr/c = 0.16. For rubidium this
# is a delay of 4 ns, or 85 cm of glass fibre. Farther apart the straight line ends: two atoms then
# lose all that Γ and Δ leave them, a quarter each. In free space light thins out on its way, so
# that the error falls with the distance. The Γr/c that ``validity()`` reports does not: it is for
# light that all arrives. Its last line does: such an error, the largest of a few starts, measured
# for your emitters.
#
# Try changing: a quarter of a wavelength more, ``co.chain(n, 1.25)``, where the atoms keep nothing;
# a narrow line, ``co.units.atom("Sr88 689 nm")``, whose lifetime of 21 µs turns 85 cm into 700 m.
