"""
Five engines, one system
========================

*Do they agree, and how much time does each need?* Seven inverted atoms with equal couplings are a
problem that five engines can solve, each in its own way. ``exact`` evolves the whole density matrix
by QuTiP, ``driven`` does so without sparse matrices, ``blocks`` evolves the excitation blocks.
``trajectories`` draws quantum jumps. ``symmetric`` climbs down the Dicke ladder of eight
populations. The figure shows their emission, their differences and their times.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

import collective as co

n = 7
times = np.linspace(0, 1.5, 76)  # in 1/Γ₀
couplings = co.Couplings(decay=np.ones((n, n)), shift=np.zeros((n, n)))

engines = (
    co.engines.Exact(),
    co.engines.Driven(),
    co.engines.Blocks(),
    co.engines.Trajectories(n=4000),
    co.engines.Symmetric(),
)
runs = {}
seconds = {}
for engine in engines:
    # A first short run, so that compiling is not timed. Only trajectories need the seed
    co.evolve(couplings, "inverted", times[:2], method=engine, seed=1)
    start = time.perf_counter()
    runs[engine.name] = co.evolve(couplings, "inverted", times, method=engine, seed=1)
    seconds[engine.name] = time.perf_counter() - start

# The largest difference to the Dicke ladder, the engine with the fewest numbers
truth = runs["symmetric"].emission
error = {name: np.abs(run.emission - truth).max() for name, run in runs.items()}

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
co.plot.emission(runs, independent=False, ax=left)
drawn = runs["trajectories"]
band = 3 * drawn.emission_error
left.fill_between(times, drawn.emission - band, drawn.emission + band, color="0.7", zorder=0)
for name, marker, colour in zip(runs, "os^dv", co.plot.COLOURS, strict=False):
    point = (seconds[name], max(error[name], 1e-15))  # zero has no place on a log axis
    right.loglog(*point, marker, color=colour)
    right.annotate(name, point, (8, 0), textcoords="offset points", va="center")
right.set(xlabel="seconds for the run", ylabel="largest difference to the ladder (Γ₀)")
right.margins(0.3, 0.25)
plt.show()

# %%
# What to notice
# --------------
#
# * The five curves are one line: each is drawn thinner than the one below it. Four of them differ
#   by less than 1e-8 of the peak, which is their tolerance. Trajectories differ by about a standard
#   error, which falls with the root of their number. The band shows three standard errors.
# * The fewer numbers an engine has to evolve, the faster it is. ``co.methods`` predicts which it
#   will be.
#
# Try changing
# ------------
#
# Use ``co.couple(co.ring(n, 0.15), co.Vacuum())``: which engines refuse, and what do they say?
