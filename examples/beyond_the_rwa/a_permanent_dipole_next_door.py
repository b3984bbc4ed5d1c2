"""
A permanent dipole next door
============================

*Can a neighbour that never changes its state excite an emitter?* In the rotating-wave approximation
it cannot. The mixed terms, a permanent dipole times a transition, do not conserve energy and are
dropped. For a soft transition, whose frequency is not far above the interaction, they matter. The
figure shows the excitation of a qubit that starts in its ground state, with these terms and
without.
"""

import matplotlib.pyplot as plt
import numpy as np
import qutip

import collective as co

# A qubit with a transition dipole along x
qubit = np.zeros((2, 2, 3))
qubit[0, 1, 0] = qubit[1, 0, 0] = 1.0
# A neighbour with a permanent dipole, opposite in its two levels, and no transition
neighbour = np.zeros((2, 2, 3))
neighbour[0, 0, 0] = 1.0
neighbour[1, 1, 0] = -1.0

omega = 1.0
pair = co.Multilevel(
    [[0, 0, 0], [1.0, 0, 0]],
    [[omega, 0.0], [0.3, 0.0]],
    [qubit, neighbour],
    speed_of_light=100.0,  # the pair is far smaller than a wavelength
)
print(co.interaction(pair, co.Vacuum()).terms())

times = np.linspace(0, 20, 401)
start = qutip.tensor(qutip.basis(2, 1), qutip.basis(2, 0))
found = co.compare(pair, co.Vacuum(), start, times, approximations=("universal", "rwa"))

# The static dipole is a field on the qubit: a two-level system turns about a tilted axis
size = abs(co.interaction(pair, co.Vacuum()).principal(0, 1)[0, 1, 0, 0])
rabi = np.sqrt(omega**2 + 4 * size**2)
height = (2 * size / rabi) ** 2

figure, ax = plt.subplots(layout="constrained")
for (name, result), colour, style in zip(
    found.results.items(), co.plot.COLOURS, ("-", "--"), strict=False
):
    ax.plot(times, result.populations[:, 0, 0], style, color=colour, label=name)
ax.axhline(height, color="0.4", ls=":", label="4G²/(Ω² + 4G²)")
ax.set(xlabel="time (1/Ω)", ylabel="population of the excited level", ylim=(-0.005, 0.12))
ax.legend(loc="upper center", ncols=3, frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * The printed terms are all *mixed*. None of them is resonant, counter-rotating or permanent.
# * The static dipole tilts the qubit's axis: it turns with √(Ω² + 4G²) up to 4G²/(Ω² + 4G²).
# * The neighbour does not change its state, and in the RWA nothing happens at all.
#
# Try changing
# ------------
#
# Start the neighbour in its other level, or in a superposition: the two become entangled.
