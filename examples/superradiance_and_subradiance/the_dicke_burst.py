"""
The Dicke burst
===============

*How bright and how fast do N atoms flash if they all couple alike?* With :math:`Γ_{mn} = Γ_0` for
every pair, N inverted atoms climb down one ladder of symmetric states. The step from m to m − 1
excitations has the rate :math:`m(N - m + 1)Γ_0`, which is fastest in the middle (Dicke, Phys. Rev.
93, 99 (1954)). The figure shows the emission of 1, 2, 4 and 8 atoms. Black dots mark the peaks.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

times = np.linspace(0, 1.5, 601)  # in 1/Γ₀

bursts = {}
for n in (1, 2, 4, 8):
    couplings = co.Couplings(decay=np.ones((n, n)), shift=np.zeros((n, n)))
    bursts[f"N = {n}"] = co.evolve(couplings, "inverted", times, rtol=1e-6, atol=1e-8)

ax = co.plot.emission(bursts, per_emitter=True, independent=False)
ax.set_title("Superradiance of identically coupled atoms")
for label, burst in bursts.items():
    peak = burst.emission.argmax()
    height = burst.emission[peak] / len(burst.couplings)
    ax.plot(times[peak], height, "k.", ms=8)
    print(f"{label}: {burst.emission[peak]:.4f} Γ₀ at t = {times[peak]:.4f}/Γ₀")
ax.plot([], [], "k.", ms=8, label="peak")
ax.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * One atom only decays. The rate of two is constant for a moment. From three on there is a burst.
# * The peak *per atom* grows with N: the atoms emit together, not side by side.
# * The total peak grows more slowly than N² here. :math:`R_\mathrm{peak}/N^2` is 0.24 at N = 8,
#   0.23 at N = 10 and still falling towards 0.2 at N = 2000, so a straight line through small N
#   on log axes proves nothing about the exponent.
#
# Try changing
# ------------
#
# Give the atoms ``dephasing=2.0`` with ``couplings.replace``: up to which dephasing is there a
# burst? Start from ``co.states.dicke((n + 1) // 2)``, the brightest rung of the ladder.
