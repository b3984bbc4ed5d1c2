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
diagram = co.sweep(burst, grid)

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
colours = ax.pcolormesh(diagram.spacing, diagram.atoms, diagram.height, cmap="cividis")
lines = ax.contour(diagram.spacing, diagram.atoms, diagram.variance, [1.0], colors="w")
ax.clabel(lines, fmt="variance 1")
figure.colorbar(colours, label="largest emission / first emission")
ax.set(xlabel="distance (λ₀)", ylabel="atoms in the chain")
plt.show()

furthest = diagram.spacing.where(diagram.height > 1).max("spacing")
print("atoms   largest distance with a burst")
for atoms, distance in zip(diagram.atoms.values, furthest.values, strict=True):
    print(f"{atoms:5d}   {distance:.2f} λ₀" if distance > 0 else f"{atoms:5d}   none")
