"""
Two detuned emitters
====================

*How different may two emitters be and still decay together?* One excitation shared by two emitters
has the two eigenvalues of :math:`H_\\mathrm{eff} = δ + Δ - iΓ/2`. Their imaginary parts are decay
rates, the difference of their real parts is the frequency at which the emission beats. The figure
shows both against the detuning, without and with a shift between the emitters.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

gamma12 = 0.9
detunings = np.linspace(0, 8, 801)  # δ = ω₁ − ω₂, in Γ₀
shifts = {0.0: "no shift", 2.0: "Δ₁₂ = 2 Γ₀"}

rates = {}
splitting = {}
for shift in shifts:
    pair = co.Couplings([[1, gamma12], [gamma12, 1]], [[0, shift], [shift, 0]])
    detuned = [pair.replace(detunings=[delta / 2, -delta / 2]) for delta in detunings]
    modes = [couplings.modes() for couplings in detuned]
    rates[shift] = np.array([m.rates for m in modes])
    splitting[shift] = np.array([np.ptp(m.shifts) for m in modes])

figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(6, 6), layout="constrained")
for (shift, label), style, colour in zip(
    shifts.items(), ("-", "--"), co.plot.COLOURS, strict=False
):
    top.plot(detunings, rates[shift], style, color=colour)
    bottom.plot(detunings, splitting[shift], style, color=colour, label=label)
bottom.plot(detunings, detunings, ":", color="0.4", label="independent emitters")
top.axhline(1, color="0.4", ls=":")
top.set(ylabel="decay rates (Γ₀)", ylim=(0, 2))
bottom.set(xlabel="detuning δ (Γ₀)", ylabel="beat frequency (Γ₀)", ylim=(0, 9))
bottom.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * Without a shift there is an *exceptional point* at δ = Γ₁₂. Below it the emitters decay at two
#   rates, :math:`Γ_0 ± \sqrt{Γ_{12}^2 - δ^2}`, and never beat; above it they both decay at Γ₀ and
#   beat at :math:`\sqrt{δ^2 - Γ_{12}^2}`.
# * With a dipole-dipole shift the pair decays collectively up to larger detunings: the crossover is
#   at :math:`δ ≈ 2Δ_{12}`, and there is no sharp point any more.
# * In the near field Δ₁₂ is far larger than Γ₁₂. Without it the effect of a detuning is
#   overestimated.
#
# Try changing
# ------------
#
# Set ``gamma12 = -0.9``: which mode is the bright one now? Take real Γ₁₂ and Δ₁₂ from
# ``co.couple(co.chain(2, 0.1), co.Vacuum())``.
