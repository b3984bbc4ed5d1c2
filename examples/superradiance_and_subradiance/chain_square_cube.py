"""
Chain, square, cube
===================

*How far apart may atoms be and still flash together?* Inverted atoms start with a burst up to a
critical spacing, which follows from the eigenvalues of Γ alone (Masson and Asenjo-Garcia, Nat.
Commun. 13, 2285 (2022)). It depends on the dimension of the array: with the number of atoms it
saturates in a chain, grows more slowly than the logarithm in a square and as a power law in a cube
(Sierra, Masson and Asenjo-Garcia, Phys. Rev. Research 4, 023207 (2022)). Their figure is drawn here
again, with up to 512 atoms.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

along = (0, 0, 1)  # the direction of the chain
arrays = {
    "chain, dipoles across": lambda n, a: co.chain(n, a),
    "chain, dipoles along": lambda n, a: co.chain(n, a, dipoles=along),
    "square, dipoles across": lambda n, a: co.square(n, n, a),
    "cube": lambda n, a: co.cubic(n, n, n, a),
}
edges = {
    "chain": (3, 5, 10, 20, 50, 100, 200),
    "square": (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20),
    "cube": (2, 3, 4, 5, 6, 7, 8),
}


def critical(build, n):
    """The largest spacing, in wavelengths, at which an array of n atoms per edge flashes."""
    return co.observables.critical_spacing(
        lambda spacing: build(n, spacing), bracket=(0.15, 1), samples=24
    )


found = {}
for name, build in arrays.items():
    kind = name.split(",")[0]
    dimension = {"chain": 1, "square": 2, "cube": 3}[kind]
    atoms = np.array([n**dimension for n in edges[kind]])
    found[name] = (atoms, np.array([critical(build, n) for n in edges[kind]]))

# In an infinite chain closer than half a wavelength, the mode with wave number Q decays at
# 3π/4ka (1 + Q²/k²) Γ₀, dipoles across, or 3π/2ka (1 − Q²/k²) Γ₀, dipoles along, if |Q| < k, else
# not at all. The mean square of the rates is 21λ/40a or 3λ/5a. The critical spacing makes it 2 Γ₀².
limits = {"chain, dipoles across": 21 / 80, "chain, dipoles along": 3 / 10}

figure, ax = plt.subplots(figsize=(7, 4.8), layout="constrained")
markers = ("o", "s", "D", "^")
for (name, (atoms, spacings)), colour, marker in zip(
    found.items(), co.plot.COLOURS[:4], markers, strict=True
):
    ax.loglog(atoms, spacings, marker, color=colour, ms=5, label=name)
    if name in limits:
        ax.axhline(limits[name], color=colour, lw=1)
        print(f"{name}: {atoms[-1]} atoms {spacings[-1]:.4f} λ₀, infinite {limits[name]:.4f} λ₀")

# How large squares and cubes grow: these lines pass through the largest array.
growth = {
    "square, dipoles across": (lambda n: np.sqrt(np.log(n)), "√ln N"),
    "cube": (lambda n: n ** (1 / 6), "N$^{1/6}$"),
}
for name, (law, label) in growth.items():
    atoms, spacings = found[name]
    large = atoms[atoms > 60]
    line = spacings[-1] * law(large) / law(atoms[-1])
    ax.loglog(large, line, "k--", lw=0.8)
    ax.annotate(label, (large[-1], line[-1]), xytext=(8, -4), textcoords="offset points")
ax.set(xlabel="number of atoms", ylabel="critical spacing (λ₀)")
ax.set(xlim=(2.5, 1000), ylim=(0.07, 1))
ax.set_yticks([0.1, 0.15, 0.2, 0.3, 0.5, 0.8], labels=["0.1", "0.15", "0.2", "0.3", "0.5", "0.8"])
ax.minorticks_off()
ax.plot([], [], color="0.4", lw=1, label="infinite chain")
ax.legend(frameon=False, loc="lower right")
plt.show()

# %%
# What to notice
# --------------
#
# * A longer chain gains little: far atoms of a chain add almost nothing. Two hundred atoms with
#   dipoles across reach 0.259 λ₀ of at most 0.2625 λ₀, with dipoles along 0.299 λ₀ of 0.3 λ₀.
# * In a square and in a cube there are more atoms at larger distances r, where Γ² falls as 1/r².
#   Its sum grows as ln N and as :math:`N^{1/3}`, and so does the square of the critical spacing.
# * Between 64 and 81 atoms the square jumps from 0.41 to 0.57 λ₀. The reason is a second range of
#   spacings, beyond half a wavelength, at which the atoms flash again.
# * A square of atoms 0.316 λ₀ apart, as of erbium in an experiment, needs 25 of them: 16 flash only
#   up to 0.314 λ₀.
#
# Try changing
# ------------
#
# ``which="first"`` in ``critical_spacing``: the smallest spacing at which the array does not flash.
# In-plane dipoles, ``co.square(n, n, a, dipoles=(1, 0, 0))``, have no second range.
