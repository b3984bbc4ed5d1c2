"""
Five engines, one system
========================

*Do they agree, and what does each take?* Seven atoms that all couple alike, inverted, are a problem
that five engines can solve, each in its own way: the whole density matrix by QuTiP (``exact``) and
without its sparse matrices (``driven``), excitation-number blocks, quantum jumps, and the Dicke
ladder of eight populations (``symmetric``).
"""

import time

import matplotlib.pyplot as plt
import numpy as np

import collective as co

n = 7
times = np.linspace(0, 1.5, 76)  # in 1/Γ₀
couplings = co.Couplings(decay=np.ones((n, n)), shift=np.zeros((n, n)))

methods = ("exact", "driven", "blocks", "trajectories", "symmetric")
runs, seconds = {}, {}
for method in methods:
    options = {"n_trajectories": 4000, "seed": 1} if method == "trajectories" else {}
    co.evolve(couplings, "inverted", times[:2], method=method, **options)  # compiles
    start = time.perf_counter()
    runs[method] = co.evolve(couplings, "inverted", times, method=method, **options)
    seconds[method] = time.perf_counter() - start

truth = runs["symmetric"].emission
error = {name: np.abs(run.emission - truth).max() for name, run in runs.items()}
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
co.plot.emission(runs, independent=False, ax=left)
drawn = runs["trajectories"]
left.fill_between(
    times, drawn.emission - 3 * drawn.emission_error, drawn.emission + 3 * drawn.emission_error,
    color="0.7", zorder=0,
)  # fmt: skip
for name, colour in zip(methods, co.plot.COLOURS, strict=False):
    right.loglog(seconds[name], max(error[name], 1e-15), "o", color=colour)
    right.annotate(
        name, (seconds[name], max(error[name], 1e-15)), (4, 6), textcoords="offset points"
    )
right.set(xlabel="time of the run (s)", ylabel="largest difference to the ladder (Γ₀)")
right.margins(0.25)
plt.show()

# %%
# What to notice
# --------------
#
# * Five curves, one line. Four differ by less than 1e-8 of the peak, their tolerance; trajectories
#   by a standard error (the band is three), which shrinks with the root of their number.
# * The less an engine has to carry, the faster it is; ``co.methods`` predicts which it will be.
#
# Try changing
# ------------
#
# Use ``co.couple(co.ring(n, 0.15), co.Vacuum())``: who refuses, and what does the message say?
