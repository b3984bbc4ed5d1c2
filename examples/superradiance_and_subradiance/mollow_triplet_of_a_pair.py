"""
Mollow triplet of a pair
========================

*What does a second atom do to resonance fluorescence?* Strong light, :math:`Ω ≫ Γ_0`, makes one
atom shine at three frequencies (Mollow, Phys. Rev. 188, 1969 (1969)). For two, the interaction
Δ₁₂ moves the levels between which the pair jumps. The figure compares the spectrum of two
independent atoms with that of a close pair, and shows one sideband in detail.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

rabi = 20.0  # in Γ₀
distance = 0.08  # in λ₀
omega = np.linspace(-55, 55, 2201)  # of the light minus that of the drive, in Γ₀
close = co.couple(co.chain(2, distance), co.Vacuum())
apart = co.Couplings(np.eye(2), np.zeros((2, 2)))
pairs = {"independent": apart, f"{distance:g} λ₀ apart": close}
light = {}
for label, pair in pairs.items():
    light[label] = co.observables.spectrum(pair.replace(drive=rabi), omega)

shift = close.shift[0, 1]
print(f"Δ₁₂ = {shift:.3f} Γ₀")
for label, spectrum in light.items():
    print(f"{label}: {spectrum.total:.4f} Γ₀ incoherent, {spectrum.coherent:.5f} Γ₀ elastic")

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
co.plot.spectrum(light, log=True, ax=left)
co.plot.spectrum(light, ax=right)
left.set(ylim=(1e-5, 2), title="all of it")
right.set(xlim=(8, 32), ylim=(0, 0.13), title="one sideband")
for lines, name in ((rabi + shift / 2, "Ω ± Δ₁₂/2"), (rabi + 3 * shift / 2, "Ω ± 3Δ₁₂/2")):
    for line in (lines, 2 * rabi - lines):
        right.axvline(line, ymax=0.5, color="0.6", ls=":", lw=1)
    right.text(lines, 0.066, name, ha="center", color="0.4", fontsize="small")
right.legend(loc="upper left", frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * Independent atoms have a line at the drive and one at each side, with weights 1 : 2 : 1.
# * Each sideband of the close pair has two peaks. The states with both atoms along the drive, both
#   against it, one of each, and the dark singlet have the energies :math:`±Ω + Δ_{12}/2`, 0 and
#   :math:`-Δ_{12}`. The pair jumps between them, from or to the singlet at Ω ± 3Δ₁₂/2.
# * There are new lines at ±2Ω: one photon now turns both atoms over.
# * The incoherent light hardly changes, but the elastic line nearly doubles: in it the dipoles add
#   as amplitudes.
#
# Try changing: ``distance = 0.2``, where the sidebands are whole again; ``rabi = 3``.
