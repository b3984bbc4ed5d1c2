"""
A film that catches light
=========================

*How thick must a film be to catch the light of a molecule above it?* A membrane of silicon nitride
guides light inside it. A molecule sits 20 nm above, its dipole along the surface. Left: the rates
at which it emits upwards, downwards and into the guided waves, against the thickness. Right: how
strongly two molecules on the best membrane couple at a distance, beside two in free space.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

nitride = 4.0  # ε of silicon nitride, which absorbs next to nothing here
wavelength = 780  # all lengths in nm
k = 2 * np.pi / wavelength
molecule = co.Emitters([[0, 0, 20.0]], dipoles=(1, 0, 0), wavelength=wavelength)

directions, weights = co.observables.sphere(400, 3)


def membrane(thickness):
    """A film with vacuum on both sides."""
    return co.Layers([nitride, 1.0], [thickness])


def upwards(film):
    """The rate of light that leaves upwards, in the linewidth in vacuum."""
    field = film.far_field(directions, molecule.positions[0], k) @ molecule.dipoles[0]
    return 6 * np.pi * np.sum(np.abs(field) ** 2, axis=1) @ weights


thicknesses = np.arange(5, 401, 5)
rates = {"up": [], "down": [], "TE": [], "TM": []}
for thickness in thicknesses:
    film = membrane(thickness)
    modes = film.guided(molecule)
    for kind in ("TE", "TM"):
        rates[kind].append(sum(rate[0] for name, rate in modes.items() if name.startswith(kind)))
    rates["up"].append(upwards(film))
    rest = co.purcell(molecule, film)[0] - rates["up"][-1] - rates["TE"][-1] - rates["TM"][-1]
    rates["down"].append(rest)
rates = {name: np.array(values) for name, values in rates.items()}
caught = (rates["TE"] + rates["TM"]) / sum(rates.values())
thin = thicknesses < 200  # of the two maxima the first, where one wave carries nearly all
best = thicknesses[thin][np.argmax(caught[thin])]
print(f"a membrane of {best} nm catches {caught[thin].max():.0%} of the light")

# Two molecules beside each other across their dipoles: |Γ₁₂/2 + iΔ₁₂|, relative to Γ₁₁/2
distances = np.geomspace(60, 60_000, 80)
places = np.zeros((len(distances), 3))
places[:, 1] = distances
places[:, 2] = 20
coupling = {}
for name, field in (("membrane", membrane(best)), ("free space", co.Vacuum())):
    green = field.green(places, molecule.positions[0], k)[:, 0, 0]
    coupling[name] = 6 * np.pi / k * np.abs(green) / co.purcell(molecule, field)

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
parts = [rates[name] for name in ("TE", "TM", "up", "down")]
shades = ["#0072B2", "#56B4E9", "#F0E442", "0.6"]
left.stackplot(thicknesses, parts, colors=shades, edgecolor="white", lw=0.5)
left.axvline(best, color="k", ls=":")
left.text(105, 0.3, "guided, TE", color="white")
left.text(250, 0.95, "guided, TM")
left.text(190, 1.04, "up")
left.text(190, 1.45, "down")
left.set(xlabel="thickness (nm)", ylabel="rate (Γ₀ of the molecule)", xlim=(5, 400), ylim=(0, 1.8))
right.loglog(distances / 1000, coupling["membrane"], color=co.plot.COLOURS[0])
right.loglog(distances / 1000, coupling["free space"], "--", color=co.plot.COLOURS[1])
right.text(2.2, 0.36, f"membrane of {best} nm", color=co.plot.COLOURS[0])
right.text(0.5, 0.015, "free space", color=co.plot.COLOURS[1])
right.set(xlabel="distance (µm)", ylabel="coupling, over that of each with itself")
plt.show()

# %%
# What to notice: 85 nm are a ninth of the wavelength, and catch 77 % of the light in guided waves,
# nearly all of it in one. A lens above the membrane gets no more than 6 %. From 225 nm on the film
# guides a second pair of waves. Guided light spreads in two dimensions and not in three, so that
# the coupling of two molecules falls as 1/√r and not as 1/r: over 60 µm it is 15 times as large as
# in free space.
#
# Try changing: a dipole across the membrane, ``dipoles=(0, 0, 1)`` and ``[:, 2, 2]``, which emits
# TM waves alone; silicon, ``nitride = 12.1`` and ``wavelength = 1550``; a film on glass,
# ``co.Layers([nitride, 2.1], [thickness])``, where the light inside the glass counts as downwards.
