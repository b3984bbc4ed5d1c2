"""
Correlations between two sites
==============================

*What does one atom have to do with another one a moment later?* Four atoms in a row exchange their
excitation. Without a laser and with the first atom excited, the figure shows on the left how
coherent each atom n is at the time τ with the first atom at time 0,
:math:`|⟨σ^+_0(0)\\,σ^-_n(τ)⟩|`. On the right a laser shines on all of them, and atom 0 has just
emitted a photon. The figure shows how often atom n emits a time τ later, compared with chance:

.. math:: g_{0n}(τ) = \\frac{⟨σ^+_0(t)\\,σ^+_n(t+τ)\\,σ^-_n(t+τ)\\,σ^-_0(t)⟩}
          {⟨σ^+_0σ^-_0⟩⟨σ^+_nσ^-_n⟩}
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

delays = np.linspace(0, 10, 201)  # in 1/Γ₀
row = co.couple(co.chain(4, 0.15), co.Vacuum())  # 0.15 λ₀ apart
driven = row.replace(drive=1.0)  # in Γ₀

coherence = co.observables.correlation(row, co.states.single(0), 0.0, delays)[0]

# None is the steady state, in which the time t of the first photon does not matter
pairs = co.observables.correlation(driven, None, 0.0, delays, operators="coincidence")[0].real
excited = co.observables.steady(driven).populations
g = pairs / np.outer(excited, excited)
print("atom 0 has just emitted:", g[0, 0].round(2))

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
for n, style, colour in zip(range(4), ("-", "--", "-.", ":"), co.plot.COLOURS, strict=False):
    left.plot(delays, np.abs(coherence[:, 0, n]), style, color=colour, label=f"atom {n}")
    right.plot(delays, g[:, 0, n], style, color=colour, label=f"atom {n}")
right.axhline(1, color="0.6", lw=0.8)
left.set(xlabel="delay τ (1/Γ₀)", ylabel=r"$|⟨σ^+_0(0)\,σ^-_n(τ)⟩|$", title="one excitation")
right.set(xlabel="delay τ (1/Γ₀)", ylabel="$g_{0n}(τ)$", title="driven by a laser")
left.legend(frameon=False)
right.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * The excitation moves to the neighbour first and to the far end last. What has not been emitted
#   after a few lifetimes is in subradiant modes of the whole row.
# * Under the laser no atom emits twice at once: :math:`g_{00}(0) = 0`. It has to be excited again.
# * The other atoms emit *more* often than by chance just after atom 0, the one at the far end most
#   of all.
# * Later all curves come close to 1: the photons are then nearly independent.
#
# Try changing: ``drive=3.0``, where atoms hardly notice each other; ``co.chain(4, 0.5)``.
