"""
Clicks
======

*What does one run of the experiment look like?* A master equation gives averages. A detector that
sees every photon records times; quantum trajectories with jumps simulate it. Four inverted atoms
give four clicks, and their times contain more than the average. The figure shows six runs, and how
long the detector waits for the last photon.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

n = 4
times = np.linspace(0, 6, 121)  # in 1/Γ₀
runs = 40_000
couplings = co.couple(co.chain(n, 0.08), co.Vacuum())
engine = co.engines.Trajectories(n=runs)
close = co.evolve(couplings, "inverted", times, method=engine, seed=3)
independent = co.Couplings(np.eye(n), np.zeros((n, n)))
far = co.evolve(independent, "inverted", times, method=engine, seed=3)


def waiting(result, click):
    """Time from one click to the next, in every run that has a next one."""
    run = result.jumps.trajectory  # the run of each click, in ascending order
    number = np.arange(len(run)) - np.searchsorted(run, run)  # 0 for the first click of a run
    same_run = run[:-1] == run[1:]
    return np.diff(result.jumps.times)[same_run & (number[:-1] == click)]


# Photons in a short first window: number of pairs, relative to independent photons
early = close.jumps.times < 0.02
counts = np.bincount(close.jumps.trajectory[early], minlength=runs)
pairs = np.sum(counts * (counts - 1)) / 2
g2 = 2 * pairs / runs / np.mean(counts) ** 2
error = g2 / np.sqrt(pairs)
variance = np.var(np.linalg.eigvalsh(couplings.decay))
theory = 1 + (variance - 1) / n  # Masson & Asenjo-Garcia, Nat. Commun. 13, 2285 (2022)
print(f"g²(0) at the start: {g2:.2f} ± {error:.2f} from clicks, {theory:.2f} in theory")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
co.plot.jumps(close, trajectories=6, ax=left)
bins = {"bins": np.linspace(0, 4, 81), "density": True, "histtype": "step"}
right.hist(waiting(close, n - 2), **bins, label="close", color=co.plot.COLOURS[0])
right.hist(waiting(far, n - 2), **bins, label="far apart", color=co.plot.COLOURS[1], ls="--")
right.set(xlabel="wait for the last photon (1/Γ₀)", ylabel="probability density (Γ₀)", yscale="log")
right.legend(frameon=False)
plt.show()

# %%
# What to notice
# --------------
#
# * Every run is a staircase, the mean is smooth. Some runs do not reach the last step in this time.
# * Close atoms emit the last photon sooner or later than one atom. A bright state emits it soon; a
#   dark state makes the long tail.
#
# Try changing: ``spacing = 0.3``; ``close.jumps.channels``: which mode emitted each photon?
