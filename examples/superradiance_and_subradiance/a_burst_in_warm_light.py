"""
A burst in warm light
=====================

*What does thermal light do to a superradiant burst?* A burst begins by chance, with a first photon
that comes from the vacuum. In a warm field there are photons already. Left: the excitation of 100
atoms at one place, for fields with n̄ photons in each mode. Right: how long the burst takes to
begin, against n̄. The temperatures are those of Rydberg atoms that emit at 50 GHz.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.constants import h
from scipy.constants import k as boltzmann

import collective as co

n = 100
times = np.linspace(0, 0.2, 801)  # in lifetimes of one atom


def excitation(photons):
    """The excited atoms against time, in thermal light."""
    warm = co.Couplings(np.ones((n, n)), np.zeros((n, n)), thermal_photons=photons)
    return co.evolve(warm, "inverted", times, method="symmetric", progress=False).excitation


def delay(excited):
    """The time at which half of what the atoms lose in the end is lost."""
    half = (n + excited[-1]) / 2
    return np.interp(-half, -excited, times)


shown = [0, 1, 10, 100]
bursts = {photons: excitation(photons) for photons in shown}
numbers = np.array([0, 0.3, 1, 2, 5, 10, 20, 50, 100])
delays = np.array([delay(excitation(photons)) for photons in numbers])
kelvins = np.array([4, 77, 300])
of_kelvins = 1 / np.expm1(h * 50e9 / (boltzmann * kelvins))  # Planck's number of photons

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
for photons, colour, style in zip(shown, co.plot.COLOURS, ("-", "--", "-.", ":"), strict=False):
    left.plot(times, bursts[photons], style, color=colour, label=f"n̄ = {photons}")
left.set(xlabel="time (1/Γ₀)", ylabel="excited atoms", xlim=(0, 0.12), ylim=(0, n))
left.legend(frameon=False)
right.semilogx(1 + numbers, delays, "o", color=co.plot.COLOURS[0], label="delay of the burst")
shorter = delays[0] - np.log(1 + numbers) / n
right.plot(1 + numbers, shorter, color="0.5", lw=1, label="shorter by ln(1 + n̄)/NΓ₀")
for kelvin, photons in zip(kelvins, of_kelvins, strict=True):
    right.axvline(1 + photons, ymin=0.25, color="0.7", ls=":", zorder=0)
    right.text(1 + photons, 0.0565, f"{kelvin} K", ha="center")
right.set(xlabel="1 + n̄", ylabel="delay (1/Γ₀)", xlim=(0.8, 200), ylim=(0, 0.055))
right.legend(frameon=False, loc="lower left")
plt.show()

# %%
# What to notice: with n̄ photons in its mode an atom emits 1 + n̄ times as fast, so that the burst
# begins as if 1 + n̄ photons were there in place of one. Then it grows as in the cold, and its delay
# is shorter by ln(1 + n̄)/NΓ₀. That holds as long as there are far fewer photons than atoms. With
# n̄ = 100 there is no burst any more, but an approach to equilibrium. The atoms also take up light:
# n̄ of them stay excited where n̄ is far below N. Visible light has no such photons: n̄ is 10⁻³⁵ at
# room temperature.
#
# Try changing: ``n = 400``, where the burst begins earlier and the law holds to larger n̄; the
# frequency of 50 GHz.
