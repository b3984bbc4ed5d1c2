"""
Two colours
===========

*Do two emitters of different colour interfere?* Two qubits share one lossy mode of a cavity, and
one qubit is excited. `compare` can keep the mode itself ("modes"), which is exact, so a master
equation for the qubits alone can be put to the test. The first figure follows the excited qubit for
three detunings: dots are exact, lines are the master equation.
"""

import matplotlib.pyplot as plt
import numpy as np
from qutip import basis, liouvillian, tensor

import collective as co

# One mode of frequency 1.6 and loss rate 0.5, to which the qubits couple with 0.05 and 0.04. Its
# effect on the qubits are decay rates γ(ω) and level shifts S(ω).
bath = co.spectral.LossyModes(1.6, 0.5, [0.05, 0.04])
times = np.linspace(0, 1500, 301)
start = tensor(basis(2, 0), basis(2, 1))  # the first qubit is excited
flip = np.zeros((2, 2, 3))
flip[0, 1, 0] = flip[1, 0, 0] = 1  # each qubit couples by σ_x

names = ("universal", "redfield", "secular")
pairs = {}
found = {}
detunings = (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 0.6)
for d in detunings:
    levels = [[1 + d / 2, 0], [1 - d / 2, 0]]
    pairs[d] = co.Multilevel([[0, 0, 0], [0, 0, 1]], levels, [flip, flip])
    found[d] = co.compare(pairs[d], bath, start, times, approximations=("modes", *names))

figure, ax = plt.subplots(layout="constrained")
for d, style, colour in zip((1e-3, 0.01, 0.1), ("-", "--", "-."), co.plot.COLOURS, strict=False):
    first = {name: result.populations[:, 0, 0] for name, result in found[d].results.items()}
    ax.plot(times, first["universal"], style, color=colour, label=f"detuning {d:g}")
    ax.plot(times[::6], first["modes"][::6], ".", color=colour)
ax.plot([], [], "k.", label="exact, with the mode")
ax.set(xlabel="time (1/mean frequency)", ylabel="population of the first qubit")
ax.legend(frameon=False)
plt.show()

# %%
# The second figure measures how far four approximations end from the exact state of both qubits.


def of_wrong_sign(qubits):
    """The result of the Redfield equation with the sign of G(D) reversed."""
    redfield = co.master_equation(qubits, bath, approximation="redfield")
    # γ at two colours differs, and this adds a term G(D) to H. A bath of S alone lacks the term.
    without = co.spectral.Bath(lambda w: np.zeros((2, 2)), bath.shift)
    H = redfield.hamiltonian()
    G_D = H - co.master_equation(qubits, without).hamiltonian()
    wrong = co.MasterEquation(H, generator=redfield.liouvillian() - liouvillian(2 * G_D))
    return co.evolve(wrong, start, times)


errors = np.zeros((len(names) + 1, len(detunings)))
for column, d in enumerate(detunings):
    errors[:-1, column] = [found[d].distance("modes", name)[-1] for name in names]
    truth = found[d].results["modes"].in_frame("lab").last_state
    errors[-1, column] = 0.5 * (of_wrong_sign(pairs[d]).last_state - truth).norm("tr")

figure, ax = plt.subplots(layout="constrained")
labels = (*names, "redfield, G(D) of wrong sign")
styles = ("o-", "s--", "d-.", "^:")
for name, values, colour, style in zip(labels, errors, co.plot.COLOURS, styles, strict=False):
    ax.loglog(detunings, values, style, color=colour, label=name)
ax.set(xlabel="detuning / mean frequency", ylabel="trace distance from the exact state")
ax.legend(frameon=False)
plt.show()

# %%
# What to notice: qubits of nearly equal colour decay together and trap a part of the light. At
# larger detunings they beat; at the largest each decays alone. "secular" misses the interference.
# G(D) grows with the detuning: with its sign reversed, Redfield is off by ten times as much at 0.6.
#
# Try changing: a broad mode, of loss rate 3. Then γ varies less, and G(D) matters less.
