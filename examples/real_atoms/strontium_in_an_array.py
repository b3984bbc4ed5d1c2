"""
Strontium in an array
=====================

*How long does an array of atoms keep a photon, and what does a magnetic field do to it?* Strontium
has one ground level, and three excited levels of the line at 689 nm. In an array with a spacing of
0.6 wavelengths a photon lives longest when the dipoles stand upright and swing against their
neighbours. The figure shows the rate of the darkest mode against the field. A field across the
array leaves the upright dipoles alone, one in its plane turns them into the plane, where they
radiate. The map is the light that the array scatters from a weak laser.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

line = "Sr88 689 nm"
places = co.square(8, 8, 0.6).positions  # in wavelengths, in the plane z = 0
milligauss = 1e-3 * co.units.gauss


def array(field):
    """The array in a magnetic field, in tesla."""
    return co.atoms(places, line, ground=0, excited=1, magnetic_field=field)


fields = milligauss * np.geomspace(0.01, 100, 17)
directions = {"across the array (z)": (0, 0, 1), "in the array (x)": (1, 0, 0)}
darkest = {}
for name, direction in directions.items():
    rates = []
    for field in fields:
        atoms = array(field * np.array(direction))
        rates.append(co.couple(atoms, co.Vacuum()).modes().rates[-1])
    darkest[name] = np.array(rates)

lifetime = 1 / co.units.atom(line).linewidth
print(f"one atom: {1e6 * lifetime:.1f} µs")
for name, rates in darkest.items():
    milliseconds = 1e3 * lifetime / rates
    print(f"field {name}: {milliseconds[0]:.2f} ms in 0.01 mG, {milliseconds[-1]:.2f} ms in 100 mG")

# A weak laser along y, with an upright electric field, while the magnetic field along x grows
atoms = co.atoms(places, line, ground=0, excited=1, axis=(1, 0, 0))
laser = co.plane_wave(atoms, 1.0, direction=(0, 1, 0), polarisation=(0, 0, 1))
driven = co.couple(atoms, co.Vacuum()).replace(drive=laser)

figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained")
for (name, rates), style, colour in zip(
    darkest.items(), ("o-", "s-"), co.plot.COLOURS, strict=False
):
    left.loglog(fields / milligauss, rates, style, color=colour, ms=4, label=name)
left.axhline(1.0, color="0.6", ls="--", label="one atom")
left.set(xlabel="magnetic field (mG)", ylabel="rate of the darkest mode (Γ₀)", ylim=(0.008, 8))
left.legend(frameon=False, loc="upper left")
co.plot.zeeman_spectrum(driven, np.linspace(0, 2, 31), np.linspace(-3, 3, 121), ax=right)
right.set_title("field in the array")
plt.show()

# %%
# What to notice
# --------------
#
# * One atom keeps its photon for 21 µs, the array for 1.6 ms. Dipoles in the plane send much more
#   light upwards: their darkest mode has a rate of 0.15 Γ₀.
# * A field across the array shifts only the two other polarisations. One in its plane turns the
#   dipoles around it, and an upright dipole becomes one that radiates. Half a milligauss, a
#   thousandth of the Earth's field, makes the darkest mode ten times as fast.
# * In a strong field each mode belongs to one sublevel. Those of m = ±1 have dipoles that turn
#   around the field and are upright for half of the time, with at least 0.30 Γ₀. The darkest mode
#   is then one of m = 0, whose dipoles lie along the field, with 0.21 Γ₀.
# * In the map one resonance, where the upright dipoles scatter, becomes two: m = 1 and m = −1.
#
# Try changing
# ------------
#
# Set the spacing to 0.4: dipoles in the plane are dark as well, and the field does much less. Turn
# the laser's electric field into the array, ``polarisation=(1, 0, 0)``: which resonances stay?
