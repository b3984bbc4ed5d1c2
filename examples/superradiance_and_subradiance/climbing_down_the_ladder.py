"""
Climbing down the ladder
========================

*Which rungs are occupied when, and what decides the moment of the burst?* The mean number of
excited atoms glides smoothly down. No single run does: it steps, N photons one after the other,
and chance in the first steps is amplified.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

n, runs = 8, 4000
options = {"method": "trajectories", "n_trajectories": runs, "seed": 1}
times = np.linspace(0, 4, 401)  # in 1/Γ₀; no run keeps half of its photons for longer
burst, slow = (
    co.evolve(co.Couplings(decay, np.zeros((n, n))), "inverted", times, **options)
    for decay in (np.ones((n, n)), np.eye(n))
)


def photons(result):
    """Arrival time of each photon in each run, (runs, n); infinite if it is still to come."""
    of, arrivals = result.jumps.trajectory, np.full((runs, n), np.inf)
    arrivals[of, np.arange(len(of)) - np.searchsorted(of, of)] = result.jumps.times
    return arrivals


def spread(result):
    """Standard deviation of the number of excited atoms at each time."""
    p, rungs = co.observables.excitation_distribution(result), np.arange(n + 1)
    return np.sqrt(p @ rungs**2 - (p @ rungs) ** 2)


second, half = photons(burst)[:, 1], photons(burst)[:, n // 2 - 1]
share = np.var(second) / np.var(half)
print(f"half the light is out after {half.mean():.3f} ± {half.std():.3f}/Γ₀")
print(f"the first two steps make {share:.0%} of that variance")

_, axes = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")
for ax, result, title in zip(axes, (burst, slow), ("all couple alike", "independent"), strict=True):
    co.plot.ladder(result, ax=ax).set_title(f"{title}: spread up to {spread(result).max():.1f}")
    arrivals = np.minimum(photons(result), 99.0)
    for run in np.argsort(arrivals[:, n // 2 - 1])[[runs // 20, runs // 2, -runs // 20]]:
        ax.step([0, *arrivals[run]], np.arange(n, -1, -1), where="post", color="0.25", lw=1)
axes[0].set_xlim(0, 1.2)
plt.show()
# %%
# What to notice
# --------------
#
# * Blue is how probable a rung is, grey an early, a median and a late run (5, 50 and 95 %). At the
#   burst no rung is likely: the spread is 2.4 rungs, against :math:`\sqrt{N}/2 = 1.4` of
#   independent atoms. Theirs grows with √N, that of the burst nearly with N.
# * A step from rung m takes :math:`1/[m(N-m+1)Γ_0]`: the first and the last are slow, those between
#   hurry. Two photons decide when: four fifths of the variance of the delay are theirs.
#
# Try changing: a chain, ``co.couple(co.chain(n, 0.1), co.Vacuum())``: which rungs stay occupied?
