"""
A spin exchange from magnetism
==============================

*How much does magnetism change the clock by which two electrons exchange their spins?* Take an
s orbital and a p₊ ring above it on its axis: orthogonal at any distance, with no hopping between
them, so that ↑↓ turns into ↓↑ and back at the frequency E_S − E_T = 2(J^c − J^a) and no other.
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import qutip

import collective as co

ev, fs = (co.units.from_atomic(1.0, unit) for unit in ("eV", "fs"))
distances = [0.0, 1.0, 2.0, 3.0, 4.0]  # bohr


def integrals(r):
    x, z = np.linspace(-5, 5, 24), np.linspace(-r / 2 - 5, r / 2 + 5, 24 + round(2.3 * r))
    s = co.currents.gaussian(centre=(0, 0, -r / 2))
    ring = co.currents.gaussian(1, 1, centre=(0, 0, r / 2))
    return co.currents.interactions(co.currents.Orbitals([x, x, z], [s, ring]), progress=False)


found = [integrals(r) for r in distances]
coulomb, ampere = np.array([(f.exchange[0, 1], f.ampere_exchange[0, 1]) for f in found]).T
alone = replace(found[2], ampere_integrals=0 * found[2].ampere_integrals)
period = np.pi / coulomb[2]  # by Coulomb's exchange alone, in atomic units
turns = round(coulomb[2] / ampere[2] / 2)  # until magnetism has lost half a turn

start = qutip.tensor(*(qutip.basis(2, n) for n in (1, 0, 0, 1)))  # modes s↑ s↓ p↑ p↓: ↑ on s
window = np.linspace(0, 2 * period, 81)
times = np.concatenate([window, turns * period + window])
_, (ax, early, late) = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
runs = {"Coulomb": (alone, "-"), "Coulomb and Ampère": (found[2], "--")}
for (name, (run, style)), colour in zip(runs.items(), co.plot.COLOURS, strict=False):
    equation = co.MasterEquation(run.hamiltonian(form="reduced"))
    runs[name] = up = co.evolve(equation, start, times, progress=False).populations[:, 0, 1]
    early.plot(fs * window, up[:81], style, color=colour, label=name)
    late.plot(fs * window, up[81:], style, color=colour)
ax.semilogy(distances, ev * coulomb, "o-", color=co.plot.COLOURS[0], label="$J^c$, Coulomb")
ax.semilogy(distances, ev * ampere, "s--", color=co.plot.COLOURS[1], label="$J^a$, Ampère")
ax.set(xlabel="distance (bohr)", ylabel="exchange integral (eV)")
ax.legend(frameon=False)
early.set(xlabel="time (fs)", ylabel="spin up on the s orbital", ylim=(-0.05, 1.4))
late.set(xlabel=f"time − {fs * turns * period / 1e3:.1f} ps (fs)", ylim=(-0.05, 1.4))
early.legend(loc="upper center", frameon=False)
plt.show()
# %%
# What to notice: J^a is 1 to 3 parts in 10⁴ of J^c, as the paper says, and slows the clock by as
# much. For two turns nobody sees it; after 3,353 turns, 14 ps, the clocks tell opposite times.
# Nothing here is dropped: the full Hamiltonian is the reduced one, for these two orbitals.
#
# Try changing: two s orbitals, ``orthonormalised()``; now they hop, too: pass ``one_body``.
