"""
A phase diagram overnight
=========================

*How close and how many must atoms in a chain be to emit a burst?* ``co.sweep`` evolves inverted
chains of 2 to 9 atoms at 16 distances, 128 exact runs, and returns one labelled dataset. The colour
is the height of the burst: the largest emission over that of the first moment. The line is a
criterion that needs no evolution: where the eigenvalues of Γ/Γ₀ have the variance 1 (Masson &
Asenjo-Garcia, arXiv:2106.02042).
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

times = np.linspace(0, 1, 101)  # in 1/Γ₀


def burst(spacing, atoms):
    """Height of the burst of an inverted chain, and the variance of its decay rates."""
    couplings = co.couple(co.chain(atoms, spacing), co.Vacuum())
    result = co.evolve(couplings, "inverted", times)
    return {
        "height": result.emission.max() / result.emission[0],
        "variance": co.observables.burst_criterion(couplings).variance,
    }


grid = {"atoms": np.arange(2, 10), "spacing": np.linspace(0.04, 0.34, 16)}
diagram = co.sweep(burst, grid, progress=False)
bursts = diagram.height > 1

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
heights = diagram.height.where(bursts)  # without a burst the figure stays white
colours = ax.pcolormesh(diagram.spacing, diagram.atoms, heights, cmap="cividis")
ax.contour(diagram.spacing, diagram.atoms, diagram.variance, [1.0], colors="#D55E00")
ax.text(0.225, 8, "variance 1", color="#D55E00")
figure.colorbar(colours, label="largest emission / first emission")
ax.set(xlabel="distance (λ₀)", ylabel="atoms in the chain")
plt.show()

furthest = diagram.spacing.where(bursts).max("spacing")
for atoms, distance in zip(diagram.atoms.values, furthest.values, strict=True):
    print(f"{atoms} atoms:", f"burst up to {distance:.2f} λ₀" if distance > 0 else "no burst")

# %%
# What to notice
# --------------
#
# * Two atoms never burst, three do up to a distance of 0.14 λ₀ of this grid. Further atoms help:
#   seven to nine burst up to 0.2 λ₀.
# * The line of variance 1 separates the chains that burst from those that do not: the eigenvalues
#   of Γ decide it. How high the burst is they do not say.
#
# The real one, overnight
# -----------------------
#
# The same function on a finer grid of up to 14 atoms, by all cores of a machine. Each point is kept
# in the store as soon as it is computed, so that the same program goes on after any interruption:
#
# .. code-block:: python
#
#     from concurrent.futures import ProcessPoolExecutor
#
#     if __name__ == "__main__":  # because the workers import this file
#         grid = {"atoms": np.arange(2, 15), "spacing": np.linspace(0.02, 0.4, 77)}
#         with ProcessPoolExecutor() as executor:
#             diagram = co.sweep(burst, grid, executor=executor, store="diagram.nc")
#
# Try changing
# ------------
#
# ``co.chain(atoms, spacing)`` to ``co.ring(atoms, spacing)``: a ring bursts at larger distances.
