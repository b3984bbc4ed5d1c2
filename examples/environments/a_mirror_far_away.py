"""
A mirror far away
=================

*When does an atom notice a distant mirror, and what does it keep?* A rubidium atom sits beside a
glass fibre, which ends in a perfect mirror some metres away. The atom is at a node of the standing
wave that the mirror makes, where it cannot emit into the fibre. Left: its population for three
lengths of the fibre. Right: where the excitation is, for the middle one.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.constants import c
from scipy.integrate import cumulative_trapezoid

import collective as co

index = 1.45  # of glass
line = co.units.atom("Rb87 D2")
lifetime = 1 / line.linewidth  # 26 ns
wavelength = line.wavelength / index  # in the fibre
times = np.linspace(0, 16, 641)  # in lifetimes
ns = times * lifetime * 1e9

# Lengths in wavelengths in the fibre, rates in 1/lifetime
velocity = c / index * lifetime / wavelength  # of light: ten million wavelengths in a lifetime


def before_the_mirror(metres):
    """The population of the atom, and the time of light to the mirror and back, in lifetimes."""
    place = round(metres / wavelength)  # whole wavelengths: a node
    guide = co.Waveguide(1.0, 2 * np.pi, group_velocity=velocity, mirror=0.0)
    couplings = co.couple(co.Emitters([[0, 0, place]]), guide)
    result = co.evolve(couplings, "inverted", times, method="retarded", progress=False)
    return result.populations[:, 0], 2 * place / velocity


lengths = [1, 3, 10]
runs = {metres: before_the_mirror(metres) for metres in lengths}

# Half of what the atom emits goes to the mirror, and stays between both until it is back
atom, delay = runs[3]
sent = cumulative_trapezoid(0.5 * atom, times, initial=0)
between = sent - np.interp(times - delay, times, sent)
gone = 1 - atom - between

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
for metres, colour in zip(lengths, co.plot.COLOURS, strict=False):
    population, back = runs[metres]
    left.semilogy(ns, population, color=colour)
    left.plot(back * lifetime * 1e9, np.exp(-back), "o", color=colour)
    left.text(425, population[-1], f"{metres} m", color=colour, va="center")
left.plot(ns, np.exp(-times), color="0.5", ls="--")
left.text(178, 2e-3, "no mirror", color="0.4")
left.set(xlabel="time (ns)", ylabel="population of the atom", xlim=(0, 420), ylim=(1e-3, 1.3))
left.set_title("dots: the first light is back")

shades = ["#0072B2", "#56B4E9", "0.92"]
right.stackplot(ns, atom, between, gone, colors=shades)
right.text(250, 0.2, "in the atom", color="white", va="center")
right.text(250, 0.52, "on its way between atom and mirror", ha="center", va="center")
right.text(250, 0.85, "gone through the open end", ha="center", va="center")
right.set(xlabel="time (ns)", ylabel="share of the excitation", xlim=(0, 420), ylim=(0, 1))
right.set_title("mirror 3 m away")
plt.show()

# %%
# What to notice: until its own light is back, the atom decays as if there were no mirror; it cannot
# know of it. Then the light that comes back cancels what the atom sends out through the open end.
# The decay ends at a plateau, and before a mirror 10 m away the atom first takes up light again.
# If light needed no time, an atom at a node would never decay. With the delay τ of the way there
# and back the share 1/(1 + Γτ/2)² stays in the atom, and Γτ/2 times as much is light on its way.
# Both together are a bound state. The farther the mirror, the more light leaves before the first
# comes back.
#
# Try changing: a quarter of a wavelength more, ``place = round(metres / wavelength) + 0.25``, where
# nothing stays; ``side_rate=0.1`` in ``co.Waveguide``, light that leaves the atom elsewhere; 0.1 m,
# where the delay hardly matters.
