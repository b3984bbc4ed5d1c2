"""
A π-pulse and its echo
======================

*Can emitters of different frequency shine together once more?* A short π/2-pulse brings 300
emitters into phase, and they send a flash. Their frequencies differ by some 20 Γ₀, so that they
soon point everywhere. A π-pulse after the time τ exchanges who is ahead and who is behind: at 2τ
all of them are in phase again, and a second flash follows, the *photon echo*.

The pulses last 2/1000 of a lifetime, less than the distance of the output times. Every end of a
pulse is the end of a step of the integrator, so that none is missed.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

n = 300
tau = 0.3
shared = 0.002  # of the light of each emitter goes into a mode that all of them share
detunings = np.random.default_rng(1).normal(0, 20, n)  # in Γ₀
decay = (1 - shared) * np.eye(n) + shared * np.ones((n, n))
couplings = co.Couplings(decay, np.zeros((n, n)), detunings=detunings)

half = co.pulse.square(area=np.pi / 2, start=0.0, length=0.002)
whole = co.pulse.square(area=np.pi, centre=tau, length=0.002)
times = np.linspace(-0.05, 0.9, 401)
runs = {}
for name, drive in {"with the π-pulse": [half, whole], "without": [half]}.items():
    runs[name] = co.evolve(couplings, "ground", times, drive=drive, method="mean_field")

together = {}  # light beyond that of independent emitters
for name, run in runs.items():
    together[name] = run.emission - run.excitation

figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(6, 5), layout="constrained")
co.plot.pulses(runs["with the π-pulse"], ax=top)
top.set(xlabel="", ylabel="|Ω| (Γ₀)")
blue, red = co.plot.COLOURS[:2]
bottom.plot(times, together["with the π-pulse"], color=blue, lw=3, label="with the π-pulse")
bottom.plot(times, together["without"], "--", color=red, label="without")
bottom.set(xlabel="time (1/Γ₀)", ylabel="light sent together (Γ₀)", xlim=times[[0, -1]])
bottom.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * The first flash is over after a twentieth of a lifetime, when the emitters have run apart.
#   Nothing is lost by that: the echo brings the light back.
# * The echo comes at 2τ = 0.6. It is weaker than the first flash by the decay of the dipoles since
#   then, :math:`e^{-2Γ_0τ}` = 0.55. What decays is lost, what only dephases is not.
# * Without the second pulse there is no second flash.
#
# Try changing
# ------------
#
# Move the π-pulse: the echo moves twice as far. Use a pulse of the area π/2 in its place, as in the
# first experiments: the echo is a quarter as bright. Add ``dephasing=1.0`` to the couplings: no
# pulse undoes that.
