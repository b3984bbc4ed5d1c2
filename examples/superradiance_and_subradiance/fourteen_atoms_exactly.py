"""
Fourteen atoms, exactly
=======================

*For how many atoms can the whole master equation be solved?* The density matrix of fourteen atoms
has :math:`4^{14}` = 268 million entries. Excitations are only lost, so the excitation blocks are
enough: 40 million. A ring looks the same from every atom and in the mirror, so one column in 28 is
enough: 1.7 million. Nothing is approximated. The figure shows the burst of rings
of 6, 10 and 14 atoms.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

times = np.linspace(0, 1, 51)  # in 1/Γ₀

bursts = {}
for n in (6, 10, 14):
    couplings = co.couple(co.ring(n, spacing=0.12), co.Vacuum())
    # The engine finds the turns and mirrors of the ring by itself.
    burst = co.evolve(couplings, "inverted", times, method="blocks", rtol=1e-6)
    bursts[f"N = {n}"] = burst

    height = burst.emission.max() / n
    when = times[burst.emission.argmax()]
    used = burst.diagnostics
    print(f"N = {n}: {height:.4f} Γ₀ per atom at t = {when:.2f}/Γ₀")
    print(f"    {used['symmetries']} symmetries, {used['seconds']:.2f} s")

ax = co.plot.emission(bursts, per_emitter=True, independent=False)
ax.plot(times, np.exp(-times), "k:", label="independent")
ax.legend(frameon=False)
ax.set_title("Rings of inverted atoms, 0.12 λ₀ apart")
plt.show()

# %%
# What to notice
# --------------
#
# * All three rings burst, but not like the Dicke ladder. Its peak per atom doubles from 6 to 14
#   atoms; here the peak even falls. An atom couples strongly only to its neighbours, and it has two
#   of them in every ring. The shifts between close atoms pull the collective states apart.
# * The more atoms, the earlier the peak.
# * From 10 to 14 atoms ρ grows 256 times. The numbers that are evolved, see ``co.methods``, grow
#   about 120 times, and all of them fit into 80 MB.
#
# Try changing
# ------------
#
# Print ``co.methods(couplings, "inverted", times)``: what would the other engines need? Set
# ``shift=0 * couplings.shift`` with ``couplings.replace`` and see the effect of the shifts.
