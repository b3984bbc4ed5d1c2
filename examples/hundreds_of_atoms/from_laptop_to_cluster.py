"""
From laptop to cluster
======================

*What changes when a sweep outgrows the laptop?* Only the executor. Here two processes of this
machine compute the steady light of two weakly driven atoms, for 51 frequencies of the laser and 20
distances. Left: the light of all 1,020 points, with the two frequencies at which the pair should
shine, ω₀ ± Δ₁₂. Right: which process computed each point.
"""

import os
import tempfile
from pathlib import Path

import loky
import matplotlib.pyplot as plt
import numpy as np

import collective as co


def light(distance, frequency):
    """Photons per time from two atoms, driven by a weak laser along their axis."""
    atoms = co.chain(2, distance, dipoles=(1, 0, 0))
    laser = co.plane_wave(atoms, 0.05, direction=(0, 0, 1), polarisation=(1, 0, 0))
    couplings = co.couple(atoms, co.Vacuum()).replace(drive=laser, detunings=-frequency)
    return {"emission": co.observables.steady(couplings).emission, "process": os.getpid()}


grid = {"distance": np.linspace(0.08, 0.46, 20), "frequency": np.linspace(-4, 4, 51)}
store = Path(tempfile.mkdtemp()) / "pair.nc"  # on a laptop: a file that you keep

with loky.get_reusable_executor(max_workers=2) as executor:
    found = co.sweep(light, grid, executor=executor, store=store, progress=False)

again = co.sweep(light, grid, store=store)  # the store is finished: nothing is computed
print("the same from the store:", again.equals(found))
names, points = np.unique(found.process, return_counts=True)
for name, count in zip(names, points, strict=True):
    print(f"process {name} computed {count} points")

shifts = []
for distance in grid["distance"]:
    pair = co.couple(co.chain(2, distance, dipoles=(1, 0, 0)), co.Vacuum())
    shifts.append(pair.shift[0, 1])

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), sharey=True, layout="constrained")
figure.get_layout_engine().set(wspace=0.08)  # room beside the colour bar
brightness = np.log10(found.emission.T)
colours = left.pcolormesh(found.distance, found.frequency, brightness, cmap="cividis")
figure.colorbar(colours, ax=left, label="log₁₀ of the emission rate (Γ₀)")
for sign in (1, -1):
    left.plot(grid["distance"], sign * np.array(shifts), "w--", lw=1)
left.set(xlabel="distance (λ₀)", ylabel="laser ω − ω₀ (Γ₀)", ylim=(-4, 4))
worker = np.searchsorted(names, found.process.T)
right.pcolormesh(found.distance, found.frequency, worker, cmap="cividis")
right.set(xlabel="distance (λ₀)", title="which of the two processes")
plt.show()

# %%
# What to notice
# --------------
#
# * The pair shines at ω₀ ± Δ₁₂. At short distances the line of the dark state, below, becomes
#   narrow, and the two lines are far apart.
# * Points travel to the processes in tasks of about a quarter of a second. Every point is kept in
#   the store as soon as it is computed: after Ctrl-C, a crash or a power cut the same call goes on.
#
# A cluster
# ---------
#
# With SLURM, three lines make the executor, here of 4 jobs with 32 processes each, and the call of
# ``co.sweep`` stays as it is. (Other queues: another class of ``dask_jobqueue``.)
#
# .. code-block:: python
#
#     from dask_jobqueue import SLURMCluster
#
#     cluster = SLURMCluster(cores=32, processes=32, memory="64GB", walltime="12:00:00")
#     cluster.scale(jobs=4)
#     executor = cluster.get_client().get_executor()
#     found = co.sweep(light, grid, executor=executor, store="pair.nc")
#
# Try changing
# ------------
#
# The number of workers: the dataset stays the same bit for bit, but for ``process``.
