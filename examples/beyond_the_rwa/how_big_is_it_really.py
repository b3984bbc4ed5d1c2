"""
How big is it really?
=====================

*Is the Ampère interaction of two electrons a millielectronvolt?* So the paper of Su, Wang and Zhang
estimates it: v²/c² ≈ 10⁻⁴ at 10⁶ m/s, times a Coulomb energy of 10 eV. Here is the same arithmetic
done again, and the integrals themselves.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

mev = co.units.from_atomic(1.0, "meV")


def integrals(box, points, *orbitals, **screening):
    axes = [np.linspace(-box, box, points)] * 3
    return co.currents.interactions(
        co.currents.Orbitals(axes, orbitals), progress=False, **screening
    )


ratio = co.currents.velocity_ratio([1e6, 0, 0], [1e6, 0, 0], [0, 0, 1])  # m/s, side by side
plasma = co.currents.plasma_frequency(0.0126, units="atomic")  # copper
copper = co.currents.screening_wavenumber(plasma, units="atomic")
ring, hydrogen = co.currents.gaussian(1, 1), co.currents.hydrogen_like(2, 1, 1)
pair = [co.currents.gaussian(centre=(0, 0, z)) for z in (-1, 1)]
sizes = {  # meV
    "claimed": {"$10^{-4}$ of 10 eV": 1.0},
    "estimated": {
        "$v^2/c^2$ of 10 eV": 1e4 * ratio.printed,
        "Darwin, side by side": 1e4 * ratio.corrected,
    },
    "computed": {
        "$U^a$, p₊ Gaussian of 1 bohr": mev * integrals(5, 32, ring).ampere[0, 0],
        "the same in copper": mev * integrals(5, 32, ring, screening=copper).ampere[0, 0],
        "$J^a$, s Gaussians 2 bohr apart": mev * integrals(6, 36, *pair).ampere_exchange[0, 1],
        "$U^a$, hydrogen 2p₊": mev * integrals(20, 64, hydrogen).ampere[0, 0],
    },
}

figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for k, (kind, rows) in enumerate(sizes.items()):
    ax.plot(rows.values(), rows.keys(), "Xso"[k], color=co.plot.COLOURS[k], ms=8, label=kind)
    for name, value in rows.items():
        ax.text(1.15 * value, name, f"{value:#.2g}", va="center")
ax.set(xscale="log", xlim=(3e-3, 3), xlabel="energy (meV)", ylim=(6.5, -0.5))
ax.legend(frameon=False)
plt.show()
# %%
# What to notice
# --------------
#
# * v²/c² at 10⁶ m/s is 1.1·10⁻⁵, not 10⁻⁴; the direction of the velocities halves it again.
# * Tight Gaussians reach 0.2 meV; the ring of hydrogen, three times as wide, a thirtieth.
# * Copper screens currents over 340 bohr: an atom does not notice.
#
# Try changing: ``charge=2`` and half the box. It grows as Z³: which ion reaches 1 meV?
