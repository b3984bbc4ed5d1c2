"""
How big is it really?
=====================

*Is the Ampère interaction of two electrons a millielectronvolt?* The paper of Su, Wang and Zhang
estimates it: v²/c² ≈ 10⁻⁴ at 10⁶ m/s, times a Coulomb energy of 10 eV. The figure compares three
kinds of numbers: the claim, the same estimate done again, and the integrals computed for orbitals.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

mev = co.units.from_atomic(1.0, "meV")
coulomb = 1e4  # 10 eV, in meV


def integrals(box, points, *orbitals, screening=0.0):
    """Coulomb and Ampère integrals on a cubic grid from −box to box, in bohr."""
    axes = [np.linspace(-box, box, points) for _ in range(3)]
    grid = co.currents.Orbitals(axes, orbitals)
    return co.currents.interactions(grid, screening=screening, progress=False)


# The estimate: two electrons side by side, both at 10⁶ m/s along x
ratio = co.currents.velocity_ratio([1e6, 0, 0], [1e6, 0, 0], [0, 0, 1])

# The integrals: a ring of current, the ring of hydrogen, and a pair of s orbitals
ring = co.currents.gaussian(1, 1)
hydrogen = co.currents.hydrogen_like(2, 1, 1)
below = co.currents.gaussian(centre=(0, 0, -1))
above = co.currents.gaussian(centre=(0, 0, 1))

# The electrons of copper screen the field of a current, over a length 1/copper
plasma = co.currents.plasma_frequency(0.0126, units="atomic")
copper = co.currents.screening_wavenumber(plasma, units="atomic")

alone = integrals(5, 32, ring).ampere[0, 0]
in_copper = integrals(5, 32, ring, screening=copper).ampere[0, 0]
exchange = integrals(6, 36, below, above).ampere_exchange[0, 1]
of_hydrogen = integrals(20, 64, hydrogen).ampere[0, 0]

sizes = {
    "claimed": {"$10^{-4}$ of 10 eV": 1.0},
    "estimated": {
        "$v^2/c^2$ of 10 eV": coulomb * ratio.printed,
        "Darwin, side by side": coulomb * ratio.corrected,
    },
    "computed": {
        "$U^a$, p₊ Gaussian of 1 bohr": mev * alone,
        "the same in copper": mev * in_copper,
        "$J^a$, s Gaussians 2 bohr apart": mev * exchange,
        "$U^a$, hydrogen 2p₊": mev * of_hydrogen,
    },
}

figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for (kind, rows), marker, colour in zip(sizes.items(), "Xso", co.plot.COLOURS, strict=False):
    ax.plot(rows.values(), rows.keys(), marker, color=colour, ms=8, label=kind)
    for name, value in rows.items():
        ax.text(1.15 * value, name, f"{value:#.2g}", va="center")
ax.set(xscale="log", xlim=(3e-3, 3), xlabel="energy (meV)", ylim=(6.5, -0.5))
ax.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * v²/c² at 10⁶ m/s is 1.1·10⁻⁵, not 10⁻⁴. The direction of the velocities halves it again.
# * Narrow Gaussians reach 0.2 meV. The ring of hydrogen is three times as wide, and its energy is a
#   thirtieth.
# * Copper screens currents over 340 bohr, which is too far to matter in an atom.
#
# Try changing: ``charge=2`` and half the box. It grows as Z³: which ion reaches 1 meV?
