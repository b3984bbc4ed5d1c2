"""
Two NV centres and a nuclear spin
=================================

*How fast do two NV centres 10 nm apart exchange a spin, and does a nearby nucleus matter?* An NV
centre has an electron spin of 1. Beside the first one sits a carbon-13 nucleus. The spins are
magnetic dipoles, and the magnetic field of the vacuum mediates between them. The excitation starts
on the first NV centre. The figure shows where it goes.
"""

import matplotlib.pyplot as plt
import numpy as np
import qutip
from scipy.constants import h, hbar, k

import collective as co

# All in SI units. A bias field of 1 mT splits the levels m = +1 and m = −1.
bias = (0, 0, 1e-3)
nv = co.spin(1, 2.0028, zero_field_splitting=2.87e9 * h, field=bias)
carbon = co.spin(0.5, 1.4048, magneton="nuclear", field=bias)
energies, moments = zip(nv, nv, carbon, strict=True)
positions = np.array([[0, 0, 0], [0, 0, 10e-9], [0, 0.6e-9, 0]])

# From here on: lengths in nanometres, times in microseconds
microsecond = 1e-6
trio = co.Multilevel.from_si(
    positions, energies, moments, kind="magnetic", length=1e-9, rate=1 / microsecond
)
temperature = k * 4.0 / hbar * microsecond  # 4 K
equation = co.master_equation(trio, co.Vacuum(), temperature=temperature)

# The levels are numbered from the highest: m = +1, −1, 0 of an NV centre
excited = qutip.basis(3, 0)
resting = qutip.basis(3, 2)
nucleus_down = qutip.basis(2, 1)
start = qutip.tensor(excited, resting, nucleus_down)
times = np.linspace(0, 40, 201)
result = co.evolve(equation, start, times)

# The matrix element that moves the excitation from one NV centre to the other
exchange = co.interaction(trio, co.Vacuum()).principal(0, 1)[0, 2, 2, 0]
G = abs(exchange) / (2 * np.pi)
print(f"exchange of the two NV centres: {1e3 * G:.2f} kHz")

figure, ax = plt.subplots(layout="constrained")
first = result.populations[:, 0, 0]
second = result.populations[:, 1, 0]
nucleus = result.populations[:, 2, 0]
ax.plot(times, first, color=co.plot.COLOURS[0], label="first NV in m = +1")
ax.plot(times, second, "-.", color=co.plot.COLOURS[1], label="second NV in m = +1")
ax.plot(times, nucleus, "--", color="0.4", label="¹³C in its upper level")
ax.set(xlabel="time (μs)", ylabel="population", ylim=(-0.05, 1.3))
ax.legend(frameon=False, loc="upper center", ncols=2)
plt.show()

# %%
# What to notice
# --------------
#
# * The exchange takes microseconds, and the transitions have gigahertz. So the phase turns 10⁴
#   times in one swap. This is no difficulty for exact exponentials.
# * The swap is incomplete: the nucleus 0.6 nm away detunes its NV centre from the other one.
# * Nothing decays. Spontaneous emission of a spin takes 300,000 years; at 4 K emission takes a
#   thirtieth of this time.
#
# Try changing
# ------------
#
# Move the nucleus to 2 nm: the swap completes. Raise the bias field of one NV centre alone.
