"""
Climbing down the ladder
========================

*Which rungs are occupied when, and what decides the moment of the burst?* The mean number of
excited atoms falls smoothly. In a single run it falls in steps, one for each of N photons. Random
differences in the first steps are amplified. In the figure, blue shows the probability of each
rung, for atoms that all couple alike and for independent ones. Grey lines are single runs.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

n = 8
runs = 4000
engine = co.engines.Trajectories(n=runs)
times = np.linspace(0, 4, 401)  # in 1/Γ₀; no run keeps half of its photons for longer
no_shift = np.zeros((n, n))
alike = co.Couplings(np.ones((n, n)), no_shift)
independent = co.Couplings(np.eye(n), no_shift)
burst = co.evolve(alike, "inverted", times, method=engine, seed=1)
slow = co.evolve(independent, "inverted", times, method=engine, seed=1)


def photons(result):
    """Arrival time of each photon in each run, (runs, n); infinite if it is still to come."""
    run = result.jumps.trajectory  # the run of each photon, in ascending order
    number = np.arange(len(run)) - np.searchsorted(run, run)  # 0 for the first photon of a run
    arrivals = np.full((runs, n), np.inf)
    arrivals[run, number] = result.jumps.times
    return arrivals


def spread(result):
    """Standard deviation of the number of excited atoms at each time."""
    p = co.observables.excitation_distribution(result)
    rungs = np.arange(n + 1)
    return np.sqrt(p @ rungs**2 - (p @ rungs) ** 2)


# When is the second photon out, and when is half of the light out?
second = photons(burst)[:, 1]
half = photons(burst)[:, n // 2 - 1]
share = np.var(second) / np.var(half)
print(f"half the light is out after {half.mean():.3f} ± {half.std():.3f}/Γ₀")
print(f"the first two steps make {share:.0%} of that variance")

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
results = {"all couple alike": burst, "independent": slow}
for ax, (title, result) in zip(axes, results.items(), strict=True):
    co.plot.ladder(result, ax=ax)
    ax.set_title(f"{title}: spread up to {spread(result).max():.1f}")
    arrivals = np.minimum(photons(result), 99.0)  # infinity cannot be drawn
    order = np.argsort(arrivals[:, n // 2 - 1])
    for run in order[[runs // 20, runs // 2, -runs // 20]]:  # an early, a median and a late run
        ax.step([0, *arrivals[run]], np.arange(n, -1, -1), where="post", color="0.25", lw=1)
    ax.plot([], [], color="0.25", lw=1, label="single runs")
    ax.legend(frameon=False, loc="upper right")
axes[0].set_xlim(0, 1.2)
plt.show()

# %%
# What to notice
# --------------
#
# * The grey lines are an early, a median and a late run (5, 50 and 95 %). At the burst no rung is
#   likely: the spread is 2.4 rungs, against :math:`\sqrt{N}/2 = 1.4` of independent atoms. The
#   spread of independent atoms grows with √N, that of the burst nearly with N.
# * A step from rung m takes :math:`1/[m(N-m+1)Γ_0]`. The first and the last steps are slow, those
#   between are fast. The first two photons make four fifths of the variance of the delay.
#
# Try changing: a chain, ``co.couple(co.chain(n, 0.1), co.Vacuum())``: which rungs stay occupied?
