"""
Bright and dark modes
=====================

*One photon among forty atoms: how long does it stay?* A single excitation lives in N collective
modes of :math:`H_\\mathrm{eff} = Δ - \\tfrac{i}{2}Γ`. A mode whose phase advances faster along the
chain than light's, :math:`q > k_0`, can radiate only from the chain's two ends
(Asenjo-Garcia et al., Phys. Rev. X 7, 031024 (2017)). The figure shows the decay rate of every
mode, and how long an excitation lives that starts in one atom or comes from an absorbed photon.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

n = 40
spacing = 0.3  # in wavelengths
couplings = co.couple(co.chain(n, spacing), co.Vacuum())
modes = couplings.modes()

# The main wave number of a mode: that of the standing wave with the largest overlap
q = np.arange(1, n + 1) * np.pi / (n + 1)  # per spacing
waves = np.sqrt(2 / (n + 1)) * np.sin(np.outer(q, np.arange(1, n + 1)))
main = q[np.argmax(np.abs(waves @ modes.vectors), axis=0)]

spread = co.observables.participation_ratios(couplings)
print(f"the brightest mode spreads over {spread[0]:.0f} atoms, the darkest over {spread[-1]:.0f}")

times = np.linspace(0, 30, 301)  # in 1/Γ₀
starts = {
    "one atom in the middle": co.states.single(n // 2),
    "absorbed photon (timed Dicke)": co.states.timed_dicke([0, 2 * np.pi, 0]),
}
runs = {}
for label, start in starts.items():
    runs[label] = co.evolve(couplings, start, times, method="single")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.semilogy(main / np.pi, modes.rates, "o", ms=4, color=co.plot.COLOURS[0])
left.axvline(2 * spacing, color="0.5", ls="--")
left.text(2 * spacing + 0.02, 2, "light line", color="0.4")
left.set(xlabel="wave number of the mode, q·a/π", ylabel="decay rate (Γ₀)")
for (label, run), style, colour in zip(runs.items(), ("-", "--"), co.plot.COLOURS, strict=False):
    right.semilogy(times, run.excitation, style, label=label, color=colour)
right.semilogy(times, np.exp(-times), "k:", label="alone")
right.set(xlabel="time (1/Γ₀)", ylabel="probability of excitation", ylim=(1e-3, 1.2))
right.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * Beyond the light line the rates fall by orders of magnitude. The slowest is 0.00007 Γ₀. The
#   chain guides these modes: the darkest spreads over 27 atoms, two thirds of the chain, as a
#   standing wave does.
# * The excitation of one atom is a superposition of all modes. The bright part is emitted within a
#   lifetime, the dark part stays.
# * An absorbed photon is bright: its phases are those of light that comes in from the side.
#
# Try changing
# ------------
#
# Set ``spacing = 0.55``: no mode is beyond the light line any more. Try ``n = 1000``; weak
# excitation needs N amplitudes only.
