"""
How close is close?
===================

*At what spacing does a chain of inverted atoms stop flashing?* No dynamics is needed to know:
the emission rises at the start if and only if the eigenvalues of Γ/Γ₀ have a variance above 1,
that is :math:`\\mathrm{Tr}\\,Γ^2/N > 2Γ_0^2` (Masson and Asenjo-Garcia, arXiv:2106.02042). The
figure shows this variance against the spacing. A dot marks where it is 1.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

spacings = np.linspace(0.05, 0.5, 181)  # in wavelengths
sizes = (3, 10, 100)


def variance(n, spacing):
    """Variance of the eigenvalues of Γ/Γ₀: above 1 the emission rises at the start."""
    couplings = co.couple(co.chain(n, spacing), co.Vacuum())
    return co.observables.burst_criterion(couplings).variance


def limit(n):
    """The spacing at which the variance is 1."""
    return co.observables.critical_spacing(lambda spacing: co.chain(n, spacing))


figure, ax = plt.subplots(layout="constrained")
threshold = {}
for n, style, colour in zip(sizes, ("-", "--", "-."), co.plot.COLOURS, strict=False):
    ax.plot(spacings, [variance(n, a) for a in spacings], style, color=colour, label=f"N = {n}")
    threshold[n] = limit(n)
    ax.plot(threshold[n], 1, "o", color=colour)
    print(f"{n} atoms flash below {threshold[n]:.4f} λ₀")
ax.axhline(1, color="0.4", ls=":", label="threshold of the burst")
ax.plot([], [], "ko", label="largest spacing of a burst")
ax.set(xlabel="spacing (λ₀)", ylabel="variance of the eigenvalues of Γ/Γ₀", ylim=(0, 5))
ax.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * The spacing must be below 0.154 λ₀ for three atoms and below 0.256 λ₀ for a hundred. More
#   neighbours make a burst easier, but far neighbours in a chain add little.
# * The shift Δ does not enter. It changes the burst later, but does not decide whether one starts.
#
# Try changing
# ------------
#
# ``co.square(10, 10, spacing)`` has more near neighbours: the threshold is at a larger spacing.
# Check a point of the figure with ``co.evolve`` for N = 3, just below and just above 0.154 λ₀.
