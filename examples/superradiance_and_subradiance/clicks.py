"""
Clicks
======

*What does one run of the experiment look like?* A master equation gives averages. A detector that
sees every photon writes down times: quantum trajectories with jumps. Four inverted atoms click
four times, and the order of events carries what the average hides.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

n, times = 4, np.linspace(0, 6, 121)  # times in 1/Γ₀
couplings = co.couple(co.chain(n, 0.08), co.Vacuum())
options = {"method": "trajectories", "n_trajectories": 40_000, "seed": 3}
close = co.evolve(couplings, "inverted", times, **options)
far = co.evolve(co.Couplings(np.eye(n), np.zeros((n, n))), "inverted", times, **options)


def waiting(result, click):
    """Time from one click to the next, wherever there is a next one."""
    of = result.jumps.trajectory
    number = np.arange(len(of)) - np.searchsorted(of, of)  # 0 for the first click of a trajectory
    return np.diff(result.jumps.times)[(of[:-1] == of[1:]) & (number[:-1] == click)]


# photons in a short first window: pairs over what independent counts would give
counts = np.bincount(close.jumps.trajectory[close.jumps.times < 0.02], minlength=40_000)
pairs = np.sum(counts * (counts - 1)) / 2
g2 = 2 * pairs / 40_000 / np.mean(counts) ** 2
variance = np.var(np.linalg.eigvalsh(couplings.decay))
theory = 1 + (variance - 1) / n  # Masson & Asenjo-Garcia, Nat. Commun. 13, 2285 (2022)
print(
    f"g²(0) at the start: {g2:.2f} ± {g2 / np.sqrt(pairs):.2f} from clicks, {theory:.2f} in theory"
)

_, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
co.plot.jumps(close, trajectories=6, ax=left)
bins = {"bins": np.linspace(0, 4, 81), "density": True, "histtype": "step"}
right.hist(waiting(close, n - 2), **bins, label="close", color=co.plot.COLOURS[0])
right.hist(waiting(far, n - 2), **bins, label="far apart", color=co.plot.COLOURS[1])
right.set(xlabel="wait for the last photon (1/Γ₀)", ylabel="probability density (Γ₀)", yscale="log")
right.legend()
plt.show()
# %%
# What to notice
# --------------
#
# * Every run is a staircase, the mean is smooth. Some runs never reach the last step.
# * Close atoms hurry the last photon or keep it: bright states first, then a long dark tail.
#
# Try changing: ``spacing = 0.3``; ``close.jumps.channels``: which mode did each photon leave by?
