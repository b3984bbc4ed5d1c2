"""
Two colours
===========

*Do two emitters of different colour interfere?* Two qubits share a lossy mode: an exact answer.
"""

import matplotlib.pyplot as plt
import numpy as np
from qutip import basis, destroy, liouvillian, qeye, sigmax, tensor

import collective as co

g, mode, kappa = np.array([0.05, 0.04]), 1.6, 0.5
times, start = np.linspace(0, 1500, 301), tensor(basis(2, 0), basis(2, 1))  # |eg⟩
flip = np.einsum("xy,a->xya", [[0, 1], [1, 0]], [1, 0, 0])  # σ_x along x
shape = lambda w, top: np.outer(g, g) * top / ((w - mode) ** 2 + kappa**2 / 4)  # noqa: E731
bath = co.spectral.Bath(lambda w: shape(w, kappa), lambda w: shape(w, w - mode))
principal = co.spectral.Bath(lambda w: shape(w, 0), bath.shift)  # S alone: no G(D)
up, one, empty, a = basis(2, 0).proj(), qeye(2), qeye(4), destroy(4)


def exact(w1, w2):
    H = w1 * tensor(up, one, empty) + w2 * tensor(one, up, empty)
    H += mode * tensor(one, one, a.dag() * a) + g[0] * tensor(sigmax(), one, a + a.dag())
    H += g[1] * tensor(one, sigmax(), a + a.dag())
    whole = co.MasterEquation(H, [np.sqrt(kappa) * tensor(one, one, a)])
    return co.evolve(whole, tensor(start, basis(4, 0)), times)


def schemes(w1, w2):
    pair = co.Multilevel([[0, 0, 0], [0, 0, 1]], [[w1, 0], [w2, 0]], [flip, flip])
    tried = [co.master_equation(pair, bath, approximation=name) for name in names[:3]]
    H = tried[1].hamiltonian()
    twice = 2 * (H - co.master_equation(pair, principal).hamiltonian())
    tried.append(co.MasterEquation(H, generator=tried[1].liouvillian() - liouvillian(twice)))
    return [co.evolve(equation, start, times) for equation in tried]


names = ("universal", "redfield", "secular", "redfield, G(D) of wrong sign")
detunings = (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 0.6)
truth, found = ({d: of(1 + d / 2, 1 - d / 2) for d in detunings} for of in (exact, schemes))
miss = lambda d, of: 0.5 * (of.last_state - truth[d].last_state.ptrace([0, 1])).norm("tr")  # noqa: E731
errors = np.array([[miss(d, of) for of in found[d]] for d in detunings]).T
_, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for d, colour in zip(detunings[:5:2], co.plot.COLOURS, strict=False):
    left.plot(times, found[d][0].populations[:, 0, 0], color=colour, label=f"detuning {d:g}")
    left.plot(times[::6], truth[d].populations[::6, 0, 0], ".", color=colour)
for name, values, colour, marker in zip(names, errors, co.plot.COLOURS, "osd^", strict=False):
    right.loglog(detunings, values, marker=marker, color=colour, label=name)
left.set(xlabel="time", ylabel="population of the first: universal, exact (dots)")
right.set(xlabel="detuning of the two", ylabel="trace distance from the exact state, t = 1500")
_ = left.legend(frameon=False), right.legend(frameon=False), plt.show()

# %%
# What to notice: near colours decay together and trap a part of the light, then they beat, and far
# apart each decays alone. "secular" misses that; "universal" and "redfield" never do. G(D) grows
# with the detuning: its sign reversed, Redfield is ten times further off at the largest one only.
#
# Try changing: a broad mode, ``kappa = 3``: γ then varies less, and G(D) matters less.
