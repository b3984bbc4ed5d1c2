"""
Two colours
===========

*Do two emitters of different colour interfere?* Two qubits share one lossy mode of a cavity, and
one qubit is excited. The mode can be simulated exactly, so a master equation for the qubits alone
can be put to the test. The first figure follows the excited qubit for three detunings: dots are
exact, lines are the master equation.
"""

import matplotlib.pyplot as plt
import numpy as np
from qutip import basis, destroy, liouvillian, qeye, sigmax, tensor

import collective as co

g = np.array([0.05, 0.04])  # coupling of each qubit to the mode
mode = 1.6  # frequency of the mode
kappa = 0.5  # loss rate of the mode
times = np.linspace(0, 1500, 301)
start = tensor(basis(2, 0), basis(2, 1))  # the first qubit is excited


def exact(w1, w2):
    """Qubits of frequencies w1 and w2 together with the mode, up to three photons."""
    excited = basis(2, 0).proj()
    one = qeye(2)
    a = destroy(4)
    H = w1 * tensor(excited, one, qeye(4)) + w2 * tensor(one, excited, qeye(4))
    H += mode * tensor(one, one, a.dag() * a)
    H += tensor(g[0] * tensor(sigmax(), one) + g[1] * tensor(one, sigmax()), a + a.dag())
    loss = np.sqrt(kappa) * tensor(one, one, a)
    return co.evolve(co.MasterEquation(H, [loss]), tensor(start, basis(4, 0)), times)


def shape(w, top):
    """The Lorentzian line of the mode, seen by both qubits."""
    return np.outer(g, g) * top / ((w - mode) ** 2 + kappa**2 / 4)


# The effect of the mode on the qubits: decay rates γ(ω) and level shifts S(ω)
bath = co.spectral.Bath(lambda w: shape(w, kappa), lambda w: shape(w, w - mode))
flip = np.zeros((2, 2, 3))
flip[0, 1, 0] = flip[1, 0, 0] = 1  # each qubit couples by σ_x

pairs = {}
truth = {}
universal = {}
detunings = (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 0.6)
for d in detunings:
    levels = [[1 + d / 2, 0], [1 - d / 2, 0]]
    pairs[d] = co.Multilevel([[0, 0, 0], [0, 0, 1]], levels, [flip, flip])
    truth[d] = exact(1 + d / 2, 1 - d / 2)
    universal[d] = co.evolve(co.master_equation(pairs[d], bath), start, times)

figure, ax = plt.subplots(layout="constrained")
for d, colour in zip((1e-3, 0.01, 0.1), co.plot.COLOURS, strict=False):
    ax.plot(times, universal[d].populations[:, 0, 0], color=colour, label=f"detuning {d:g}")
    ax.plot(times[::6], truth[d].populations[::6, 0, 0], ".", color=colour)
ax.set(xlabel="time (1/mean frequency)", ylabel="population of the first qubit")
ax.legend(frameon=False)
plt.show()

# %%
# The second figure measures how far four approximations end from the exact state of both qubits.

names = ("universal", "redfield", "secular", "redfield, G(D) of wrong sign")


def others(qubits):
    """The results of the other three approximations."""
    redfield = co.master_equation(qubits, bath, approximation="redfield")
    secular = co.master_equation(qubits, bath, approximation="secular")
    # γ at two colours differs, and this adds a term G(D) to H. A bath of S alone lacks the term.
    without = co.spectral.Bath(lambda w: shape(w, 0), bath.shift)
    H = redfield.hamiltonian()
    G_D = H - co.master_equation(qubits, without).hamiltonian()
    wrong = co.MasterEquation(H, generator=redfield.liouvillian() - liouvillian(2 * G_D))
    return [co.evolve(equation, start, times) for equation in (redfield, secular, wrong)]


errors = np.zeros((len(names), len(detunings)))
for column, d in enumerate(detunings):
    state = truth[d].last_state.ptrace([0, 1])
    for row, result in enumerate([universal[d], *others(pairs[d])]):
        errors[row, column] = 0.5 * (result.last_state - state).norm("tr")

figure, ax = plt.subplots(layout="constrained")
for name, values, colour, marker in zip(names, errors, co.plot.COLOURS, "osd^", strict=False):
    ax.loglog(detunings, values, marker=marker, color=colour, label=name)
ax.set(xlabel="detuning / mean frequency", ylabel="trace distance from the exact state")
ax.legend(frameon=False)
plt.show()

# %%
# What to notice: qubits of nearly equal colour decay together and trap a part of the light. At
# larger detunings they beat. At the largest detunings each decays alone. "secular" misses the
# interference; "universal" and "redfield" do not. G(D) grows with the detuning. With its sign
# reversed, the error of Redfield is ten times as large at 0.6.
#
# Try changing: a broad mode, ``kappa = 3``. Then γ varies less, and G(D) matters less.
