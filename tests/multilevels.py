"""Multi-level systems that several tests share."""

import json
from pathlib import Path

import numpy as np

import collective as co
from collective import spectral

GOLDEN = json.loads((Path(__file__).parent / "data" / "golden_dipoles.json").read_text())


class Mirror:
    """A perfect mirror at z = 0, with emitters above it; every dipole has an image."""

    sides = np.array([-1, -1, 1])

    def green(self, r, r_source, k):
        return co.Vacuum().green(r, r_source, k) + self.scattered(r, r_source, k)

    def scattered(self, r, r_source, k):
        image = np.asarray(r_source, float) * [1, 1, -1]
        return co.Vacuum().green(r, image, k) * self.sides

    def magnetic_green(self, r, r_source, k):
        image = np.asarray(r_source, float) * [1, 1, -1]
        return k**2 * (
            co.Vacuum().green(r, r_source, k) - co.Vacuum().green(r, image, k) * self.sides
        )


def number(pair):
    """A complex number from its real and imaginary part, given as text."""
    return complex(float(pair[0]), float(pair[1]))


def vector(triple):
    """A complex vector from three such pairs."""
    return np.array([number(pair) for pair in triple])


def golden_pair(name, kind="magnetic"):
    """The two dipoles of a reference geometry, and the element [y, x, u, v] of its numbers."""
    g = GOLDEN["dipoles"][name]
    m1, m2 = vector(g["m1"]), vector(g["m2"])
    r = [float(x) for x in g["r"]]
    if name == "permanent":
        levels, element = [[0.0, -1.0]] * 2, (0, 0, 0, 0)
    else:
        levels = [[float(g["Omega1"]), 0.0], [float(g["Omega2"]), 0.0]]
        element = (0, 1, 0, 1)
    dipoles = np.zeros((2, 2, 2, 3), dtype=complex)
    for i, m in enumerate((m1, m2)):
        if name == "permanent":
            dipoles[i, 0, 0] = m
        else:
            dipoles[i, 0, 1], dipoles[i, 1, 0] = m, m.conj()
    return co.Multilevel([r, [0, 0, 0]], levels, list(dipoles), kind=kind), element


def flip(direction=(1, 0, 0)):
    """σ_x along a direction: the dipole matrix of a two-level transition."""
    return np.einsum("xy,a->xya", [[0, 1], [1, 0]], direction)


def random_multilevel(seed, levels=(3, 3, 2), kind="electric"):
    """Dipoles with random levels, moments and positions."""
    rng = np.random.default_rng(seed)
    dipoles = []
    for n in levels:
        a = rng.standard_normal((n, n, 3)) + 1j * rng.standard_normal((n, n, 3))
        dipoles.append(0.4 * (a + a.conj().transpose(1, 0, 2)))
    positions = rng.standard_normal((len(levels), 3)) + 3 * np.eye(3)[: len(levels)]
    return co.Multilevel(
        positions, [np.sort(rng.uniform(0, 2, n))[::-1] for n in levels], dipoles, kind=kind
    )


def lossy_mode(frequencies, g, mode, kappa):
    """Two qubits with dipoles along x, and the bath of one lossy mode."""
    g = np.asarray(g)
    pair = co.Multilevel(
        [[0, 0, 0], [0, 0, 1]], [[omega, 0.0] for omega in frequencies], [flip(), flip()]
    )

    def shape(omega, top):
        return np.outer(g, g) * top / ((omega - mode) ** 2 + kappa**2 / 4)

    return pair, spectral.Bath(lambda w: shape(w, kappa), lambda w: shape(w, w - mode))
