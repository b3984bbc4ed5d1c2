"""
Two colours
===========

*Do two emitters of different colour still interfere?* Two qubits share one lossy mode, so that the
exact answer is known, and every scheme is held against it while they are detuned.
"""

import matplotlib.pyplot as plt
import numpy as np
from qutip import basis, destroy, liouvillian, qeye, sigmax, tensor

import collective as co

g, mode, kappa = np.array([0.05, 0.04]), 1.6, 0.5
times, start = np.linspace(0, 1500, 61), tensor(basis(2, 0), basis(2, 1))  # |eg⟩
flip = np.einsum("xy,a->xya", [[0, 1], [1, 0]], [1, 0, 0])  # σ_x along x
shape = lambda w, top: np.outer(g, g) * top / ((w - mode) ** 2 + kappa**2 / 4)  # noqa: E731
bath = co.spectral.Bath(lambda w: shape(w, kappa), lambda w: shape(w, w - mode))
principal = co.spectral.Bath(lambda w: shape(w, 0), bath.shift)  # S alone: no G(D)
up, one, empty, a = basis(2, 0).proj(), qeye(2), qeye(4), destroy(4)


def exact(w1, w2):
    H = w1 * tensor(up, one, empty) + w2 * tensor(one, up, empty)
    H += mode * tensor(one, one, a.dag() * a) + g[0] * tensor(sigmax(), one, a + a.dag())
    whole = co.MasterEquation(
        H + g[1] * tensor(one, sigmax(), a + a.dag()), [np.sqrt(kappa) * tensor(one, one, a)]
    )
    return co.evolve(whole, tensor(start, basis(4, 0)), times).last_state.ptrace([0, 1])


def late_errors(w1, w2):
    pair = co.Multilevel([[0, 0, 0], [0, 0, 1]], [[w1, 0], [w2, 0]], [flip, flip])
    tried = [co.master_equation(pair, bath, approximation=name) for name in names[:3]]
    H = tried[1].hamiltonian()
    twice = 2 * (H - co.master_equation(pair, principal).hamiltonian())
    tried.append(co.MasterEquation(H, generator=tried[1].liouvillian() - liouvillian(twice)))
    truth = exact(w1, w2)
    return [0.5 * (co.evolve(e, start, times).last_state - truth).norm("tr") for e in tried]


names = ("universal", "redfield", "secular", "redfield, G(D) of wrong sign")
detunings = np.geomspace(1e-3, 0.6, 13)
errors = np.array([late_errors(1 + delta / 2, 1 - delta / 2) for delta in detunings]).T
for name, values, colour, marker in zip(names, errors, co.plot.COLOURS, "osd^", strict=False):
    plt.loglog(detunings, values, marker=marker, color=colour, label=name)
plt.gca().set(xlabel="detuning of the two", ylabel="trace distance from the exact state, t = 1500")
plt.legend(frameon=False)
plt.show()

# %%
# What to notice: "secular" misses the interference of near colours; far apart it is right.
# "universal" and "redfield" are right throughout. The dissipative part G(D) of the interaction
# grows with the detuning: with its sign reversed Redfield ends ten times further off.
#
# Try changing: a broad mode, ``kappa = 3``: γ then varies less, and G(D) matters less.
