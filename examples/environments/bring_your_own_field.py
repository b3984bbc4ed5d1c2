"""
Bring your own field
====================

*Can I use the numbers of my own Maxwell solver?* Yes, if it gives the Green's tensor between the
emitters. Here the solver is a coupled-dipole program of ten lines. It computes a chain of silver
spheres between two molecules, in metres, at 81 wavelengths. The left panel shows what the chain
does to the rates Γ and shifts Δ of the molecules. The right panel shows the dynamics: one molecule
is excited, and the chain carries its excitation to the other one, 500 nm away.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

nm = 1e-9
ns = 1e-9
radius = 25 * nm
spheres = np.zeros((6, 3))
spheres[:, 0] = np.linspace(-187.5, 187.5, 6) * nm  # 75 nm from centre to centre
molecules = np.array([[-250.0, 0, 0], [250.0, 0, 0]]) * nm  # on the axis, beyond both ends
silver = co.materials.silver(length=1.0)  # wave numbers in 1/m
vacuum = co.Vacuum()


# %%
# The solver: each sphere has a polarisability α, of Mie's first order, and feels the light of all
# others. The scattered tensor is k²G(r, i)·[1/α − k²G]⁻¹·G(j, r'). The results are in 1/m.
def scattered(k):
    x = k * radius
    epsilon = complex(silver.permittivity(k))
    ratio = (epsilon - 1) / (epsilon + 2)
    static = 4 * np.pi * radius**3 * ratio / (1 - 0.6 * x**2 * (epsilon - 2) / (epsilon + 2))
    inverse = 1 / static - 1j * k**3 / (6 * np.pi)  # the last term is the light that is radiated
    between = k**2 * vacuum.green(spheres[:, None], spheres, k)
    for own in range(len(spheres)):
        between[own, own] = 0
    matrix = inverse * np.eye(3 * len(spheres)) - between.transpose(0, 2, 1, 3).reshape(18, 18)
    arriving = vacuum.green(spheres[:, None], molecules, k).transpose(0, 2, 1, 3).reshape(18, 6)
    answer = k**2 * arriving.T @ np.linalg.solve(matrix, arriving)
    return answer.reshape(2, 3, 2, 3).transpose(0, 2, 1, 3)


wavelengths = np.linspace(360, 520, 81) * nm
wavenumbers = 2 * np.pi / wavelengths
tensors = np.array([scattered(k) for k in wavenumbers])

# %%
# From here on these are the numbers of any solver. The tensor becomes a field in nanometres, and
# dipoles of 10 debye give rates in 1/ns.
field = co.SampledField.from_si(molecules, wavenumbers, tensors, content="scattered", length=nm)
print(field)
print(field.check)


def pair_at(wavelength):
    along = [10 * co.units.debye, 0, 0]
    return co.Emitters.from_si(
        molecules, dipoles=along, wavelength=wavelength, length=nm, rate=1 / ns
    )


couplings = [co.couple(pair_at(each), field, shift="resonant") for each in wavelengths]
linewidths = np.array([pair_at(each).decay_rates[0] for each in wavelengths])
own = np.array([each.decay[0, 0] for each in couplings]) / linewidths
shared = np.array([each.decay[0, 1] for each in couplings]) / linewidths
exchanged = np.array([each.shift[0, 1] for each in couplings]) / linewidths

best = int(np.argmax(shared / own))
times = np.linspace(0, 5, 201)
alone = co.couple(pair_at(wavelengths[best]), vacuum)
passed = {}
for name, one in {"along the chain": couplings[best], "in vacuum": alone}.items():
    result = co.evolve(one, co.states.single(0), times, progress=False)
    passed[name] = result.populations[:, 1]

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
blue, red, green = co.plot.COLOURS[:3]
axes[0].plot(wavelengths / nm, own, "-", color=blue, label="Γ₁₁")
axes[0].plot(wavelengths / nm, shared, "--", color=red, label="Γ₁₂")
axes[0].plot(wavelengths / nm, exchanged, ":", color=green, label="Δ₁₂")
axes[0].axvline(wavelengths[best] / nm, color="0.8", zorder=0, label="shown at the right")
axes[0].set(xlabel="wavelength (nm)", ylabel="rate or shift (linewidths Γ₀)")
axes[0].legend(frameon=False)
axes[1].semilogy(times, passed["along the chain"], "-", color=blue, label="along the chain")
axes[1].semilogy(times, passed["in vacuum"], "--", color=red, label="in vacuum")
axes[1].set(xlabel="time (ns)", ylabel="excitation of the second molecule", ylim=(1e-5, 1))
axes[1].legend(frameon=False)
plt.show()

# %%
# What to notice: near 370 nm the spheres resonate together, and Γ₁₂ is half of Γ₁₁. The second
# molecule gets more than a hundred times the excitation that it gets through vacuum. The file of a
# solver, ``co.SampledField.from_file(path, length=nm)``, takes the place of the function above.
#
# Try changing: ``time="exp(+iwt)"``, or one entry of the tensors. Both are refused, with a number.
