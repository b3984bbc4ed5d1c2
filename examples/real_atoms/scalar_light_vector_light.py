"""
Scalar light, vector light
==========================

*Does it matter that light has a polarisation?* Many models replace the dipoles of a cold cloud by
points that emit scalar waves, :math:`e^{ikr}/kr`. Then each atom has one excited state. A real atom
with J = 0 → 1 has three, and close to it the field grows as 1/r³. The figure compares the modes of
one excitation in the same dense cloud. Dark modes are a first sign of localised light, which scalar
waves show at such densities and vector waves do not
(Skipetrov & Sokolov, Phys. Rev. Lett. 112, 023905 (2014)).
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

k = 2 * np.pi  # lengths are in wavelengths
n = 250


def cloud(density):
    """Atoms at random places in a ball; the density is per cubed 1/k."""
    radius = (3 * n / (4 * np.pi * density)) ** (1 / 3) / k
    random = np.random.default_rng(1)
    directions = random.normal(size=(n, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    return radius * directions * random.random(n)[:, None] ** (1 / 3)


def scalar(positions):
    """Modes of points that emit scalar waves, with the same rate of a single atom."""
    kr = k * np.linalg.norm(positions[:, None] - positions, axis=2)
    np.fill_diagonal(kr, 1.0)
    decay = np.sin(kr) / kr
    shift = -np.cos(kr) / (2 * kr)
    np.fill_diagonal(decay, 1.0)
    np.fill_diagonal(shift, 0.0)
    return co.Couplings(decay, shift).modes()


def vector(positions):
    """Modes of atoms with J = 0 → 1."""
    return co.couple(co.Atoms.isotropic(positions), co.Vacuum()).modes()


densities = (0.02, 0.1, 0.3)
models = {"scalar": scalar, "vector": vector}
rates = {}
for name, modes_of in models.items():
    rates[name] = [modes_of(cloud(density)).rates for density in densities]
    for density, found in zip(densities, rates[name], strict=True):
        dark = np.mean(found < 0.01)
        print(f"{name} light, {density} atoms per 1/k³: {dark:.1%} of the modes below 0.01 Γ₀")

figure, panels = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
for panel, name in zip(panels, models, strict=True):
    for density, found, style, colour in zip(
        densities, rates[name], ("-", "--", "-."), co.plot.COLOURS, strict=False
    ):
        share = np.arange(1, len(found) + 1) / len(found)
        panel.semilogx(np.sort(found), share, style, color=colour, label=f"{density} per 1/k³")
    panel.axvline(1.0, color="0.7", lw=0.8)
    panel.set(xlim=(1e-5, 1e2), xlabel="decay rate (Γ₀)", title=f"{name} light")
panels[0].set_ylabel("share of modes that decay more slowly")
panels[0].legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * In the thin cloud both kinds of light have hardly any mode below 0.05 Γ₀.
# * With more atoms in a wavelength scalar modes become darker and darker: of the densest cloud
#   more than a quarter decays more slowly than 0.01 Γ₀, and some a hundred times more slowly still.
# * The rates of vector light hardly change between the two dense clouds. The near field of close
#   atoms, 1/r³, shifts their resonances by many linewidths: they are out of tune with the rest.
#
# Try changing
# ------------
#
# A magnetic field: ``co.Atoms.isotropic(positions, zeeman=1000.0)`` leaves one polarisation in
# resonance, and the light becomes almost scalar (Skipetrov & Sokolov, Phys. Rev. Lett. 114, 053902
# (2015)): which modes come back? Plot ``modes.shifts`` against the rates.
