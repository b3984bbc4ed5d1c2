"""
A magnetic field makes a mirror
===============================

*Can a magnetic field switch a mirror on, and for one polarisation alone?* Strontium has no spin in
its ground state, and its excited state ³P₁ has the three levels m = +1, 0, −1. Without a field the
array reflects every polarisation alike. A field along the beam moves the resonance of one circular
polarisation up and that of the other down. Here are 10 × 10 atoms, 0.6 wavelengths apart. Left, the
laser is three linewidths above the resonance of the array, and the field is changed. Right, the
frequency is scanned at the field that makes the mirror.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

places = co.square(10, 10, 0.6).positions  # in wavelengths of the line, 689 nm
waist = 1.5
detuning = 3.0  # of the laser from the resonance of the infinite array, in linewidths
resonance = co.observables.bands("square", 0.6, [[0, 0]]).shifts[0]
polarisations = {"σ⁺": (1, 1j, 0), "σ⁻": (1, -1j, 0), "linear": (1, 0, 0)}


def strontium(milligauss):
    """The array in a magnetic field along z."""
    field = (0, 0, 1e-3 * milligauss * co.units.gauss)
    return co.atoms(places, "Sr88 689 nm", ground=0, excited=1, magnetic_field=field)


# Γ and Δ do not depend on the magnetic field: they are computed once
array = co.couple(strontium(0.0), co.Vacuum())


def light(milligauss, frequencies, name):
    """What the array does to a weak beam."""
    atoms = array.replace(atoms=strontium(milligauss))
    vector = polarisations[name]
    return co.observables.weak_light(atoms, frequencies, waist=waist, polarisation=vector)


# The field that shifts m = +1 by the detuning of the laser
shift_per_milligauss = strontium(1.0).energies[0, 0]
switch = detuning / shift_per_milligauss
fields = np.linspace(-1.6 * switch, 1.6 * switch, 97)
laser = resonance + detuning
frequencies = resonance + np.linspace(-5, 5, 201)

against_field = {}
for name in ("σ⁺", "σ⁻"):
    against_field[name] = np.array([light(b, laser, name).reflection[0] for b in fields])
spectra = {name: light(switch, frequencies, name) for name in polarisations}
on = {name: light(switch, laser, name) for name in polarisations}

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained", sharey=True)
colours = {"σ⁺": co.plot.COLOURS[0], "σ⁻": co.plot.COLOURS[1], "linear": "0.4"}
lines = {"σ⁺": "-", "σ⁻": "--", "linear": ":"}
for name, values in against_field.items():
    left.plot(fields, values, lines[name], color=colours[name], label=name)
left.axvline(0, color="0.8", lw=0.8, zorder=0)
left.set(xlabel="magnetic field along the beam (mG)", ylabel="reflected power |r|²", ylim=(0, 1.02))
left.set_title(f"laser at +{detuning:g} Γ₀", fontsize="medium")
left.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.5, 1))
for name, found in spectra.items():
    right.plot(
        frequencies - resonance, found.reflection, lines[name], color=colours[name], label=name
    )
right.axvline(detuning, color="0.8", lw=0.8, zorder=0)
right.set(xlabel="frequency from the resonance without a field (Γ₀)")
right.set_title(f"field of {switch:.1f} mG", fontsize="medium")
right.legend(frameon=False, loc="upper center")
plt.show()

# %%
# What to notice
# --------------
#
# * Without a field the array lets 99 % of the laser pass. A field of 10.7 mG brings m = +1 into
#   resonance: then the array reflects 99.7 % of σ⁺ light and 0.3 % of σ⁻. The opposite field
#   exchanges the two.
# * The mirror is as sharp as the line is narrow. The width of the peaks is that of the collective
#   mode, 0.66 Γ₀: a change of 1.2 mG halves the reflection.
# * Linear light is half σ⁺ and half σ⁻. At the resonance half of it comes back, most of it σ⁺,
#   and the other half goes on as σ⁻.
# * The kink near 0 is the level m = 0, which the field does not shift. The part of a focused beam
#   along its axis drives it.
#
# Try changing: ``field`` to lie along x. All three levels then take part, and linear light along x
# has a resonance that does not move.
