"""Fields and a model as a user writes them, without help of the package."""

import numpy as np

import collective as co


class Mirror:
    """A user's field: a perfect mirror at z = 0 that defines nothing but what it scatters."""

    def scattered(self, r, r_source, k):
        image = np.asarray(r_source) * [1, 1, -1]
        return co.Vacuum().green(r, image, k) * [-1, -1, 1]


class WholeMirror(co.Field):
    """A user's field that inherits, with all optional members of a mirror."""

    citation = "@misc{mirror,\n  title = {A mirror},\n}"

    def green(self, r, r_source, k):
        return co.Vacuum().green(r, r_source, k) + Mirror().scattered(r, r_source, k)

    def magnetic_green(self, r, r_source, k):
        squared = np.asarray(k)[..., None, None] ** 2
        vacuum = co.Vacuum().magnetic_green(r, r_source, k)
        return vacuum - squared * Mirror().scattered(r, r_source, k)

    def far_field(self, directions, r_source, k):
        image = np.asarray(r_source) * [1, 1, -1]
        vacuum = co.Vacuum().far_field
        whole = vacuum(directions, r_source, k) + vacuum(directions, image, k) * [-1, -1, 1]
        return np.where(directions[..., 2, None, None] > 0, whole, 0)

    def inside(self, points):
        return points[..., 2] <= 0


class Waveguide:
    """One mode along x, with a rate to the right and one to the left: a model without a tensor."""

    citation = "@misc{guide,\n  title = {A guide},\n}"

    def __init__(self, right=0.5, left=0.5, k=2 * np.pi):
        self.right, self.left, self.k = right, left, k

    def __repr__(self):
        return f"Waveguide({self.right}, {self.left})"

    def coefficients(self, emitters):
        x = emitters.positions[:, 0]
        z = x[:, None] - x
        right = self.right * np.exp(1j * self.k * z)
        left = self.left * np.exp(-1j * self.k * z)
        return right + left, np.sign(z) * (right - left) / 2j
