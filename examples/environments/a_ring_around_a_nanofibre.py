"""
A ring around a nanofibre
=========================

*How much of an atom's light does a glass fibre catch, and which way does it send it?* The fibre is
thinner than the wavelength and guides one mode, whose field reaches far outside. The left figure
shows the share of the light that is guided: for one atom, and for a ring of atoms around the fibre
that share one excitation. Its phase turns once around the ring, as the field of the mode does. The
right figure shows how much of the guided light travels along +z, for dipoles that turn in the plane
of the radius and the fibre's axis.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

glass = co.materials.silica(852e-9)  # lengths in units of 852 nm, a line of caesium
fibre = co.Nanowire(200 / 852, glass)  # a radius of 200 nm
(mode,) = fibre.guided_modes(2 * np.pi)
print(mode)

N = 10
phi = 2 * np.pi * np.arange(N) / N
outwards = np.stack([np.cos(phi), np.sin(phi), np.zeros(N)], axis=1)
along = np.array([0.0, 0.0, 1.0])
wave = np.exp(1j * phi) / np.sqrt(N)  # one excitation, its phase turns once around


def ring(distance, ellipticity=1.0):
    """Atoms around the fibre; their dipoles turn in the plane of the radius and the axis."""
    places = (fibre.radius + distance) * outwards
    return co.Emitters(places, dipoles=outwards - 1j * ellipticity * along)


def rate(matrix):
    """Rate of the shared excitation."""
    return np.real(wave.conj() @ matrix @ wave)


distances = np.linspace(0.03, 0.6, 20)  # from the surface, in wavelengths
alone = []
shared = []
for distance in distances:
    atoms = ring(distance)
    whole = co.couple(atoms, fibre).decay
    alone.append(fibre.beta(atoms)[0])
    shared.append(rate(fibre.guided_decay(atoms)) / rate(whole))

ellipticities = np.linspace(-4, 4, 81)  # axial part over radial part
forward = []
for ellipticity in ellipticities:
    atoms = ring(0.1, ellipticity)
    ahead = fibre.guided(atoms, direction=1)["HE11"][0]
    behind = fibre.guided(atoms, direction=-1)["HE11"][0]
    forward.append(ahead / (ahead + behind))

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(distances, shared, color=co.plot.COLOURS[0], label=f"ring of {N} atoms")
left.plot(distances, alone, "--", color=co.plot.COLOURS[1], label="one atom")
left.set(xlabel="distance from the surface (λ₀)", ylabel="share of the light that is guided")
left.set(ylim=(0, 0.4))
left.legend(frameon=False)
right.axhline(0.5, color="0.8")
right.plot(ellipticities, forward, color=co.plot.COLOURS[0])
right.set(
    xlabel="axial over radial part of the dipole", ylabel="share of the guided light along +z"
)
right.set(ylim=(0, 1.02))
for at in (-1, 1):
    right.axvline(at, color="0.8", ls=":")
    right.text(at, 0.45 - 0.3 * at, "circular", rotation=90, ha="right")
plt.show()

# %%
# What to notice: close to the surface a fifth of the light of one atom is guided, at 0.27 λ₀ a
# twentieth. The atoms of a ring emit into the mode together: their share stays above a quarter up
# to 0.28 λ₀, and beyond 0.4 λ₀ it is more than five times that of one atom. A dipole that
# oscillates along a line emits to both sides alike. A circular one sends 88 % of its guided light
# one way. The reason is that the light of the fibre turns in the same plane, in opposite senses for
# the two directions. All of the light goes one way at 2.2, where the dipole is orthogonal to the
# field of the other direction.
#
# Try changing: give ``wave`` no phase, ``np.ones(N) / np.sqrt(N)``. The ring then sends no light
# into the fibre, because the field of HE11 turns once around it.
