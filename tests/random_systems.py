"""Random emitters, couplings and states without any symmetry; `seed` may be a numpy Generator."""

import numpy as np

import collective as co


def random_matrix(seed, rows, columns=None, *, real=False):
    """Independent normal entries, complex unless `real`."""
    rng, shape = np.random.default_rng(seed), (rows, rows if columns is None else columns)
    return rng.normal(size=shape) + (0 if real else 1j * rng.normal(size=shape))


def random_couplings(seed, n=3, *, real=False, pump=True, drive=True):
    """Couplings of n emitters with all that acts on them: Γ ⪰ 0 and Δ Hermitian, of order one.

    Args:
        seed: a number or a numpy Generator.
        n: how many emitters.
        real: Γ, Δ and the drive are real.
        pump: whether there is a pump.
        drive: whether there is a drive.
    """
    rng = np.random.default_rng(seed)
    root, shift = random_matrix(rng, n, real=real), random_matrix(rng, n, real=real)
    return co.Couplings(
        root @ root.conj().T / n,
        (shift + shift.conj().T) / 2,
        detunings=rng.normal(size=n),
        dephasing=rng.uniform(0, 1, n),
        pump=pump * rng.uniform(0, 1, n),
        drive=drive * random_matrix(rng, n, 1, real=real)[:, 0],
    )


def random_rates(seed, n=3, *, real=False):
    """A Hermitian matrix ⪰ 0 of order one, for pump or dephasing."""
    root = random_matrix(seed, n, real=real)
    return root @ root.conj().T / (2 * n)


def random_state(seed, n, rank=None):
    """A density matrix of n emitters as a numpy array, with coherences between all states."""
    root = random_matrix(seed, 2**n, rank)
    rho = root @ root.conj().T
    return rho / np.trace(rho).real


def random_emitters(seed, n=3, *, extent=0.3, flat=False, frequency=None):
    """Emitters in a normal cloud of standard deviation `extent`, with complex dipoles.

    Args:
        seed: a number or a numpy Generator.
        n: how many emitters.
        extent: standard deviation of every coordinate, in wavelengths.
        flat: all of them in the plane z = 0.
        frequency: as for `Emitters`.
    """
    rng = np.random.default_rng(seed)
    return co.Emitters(
        rng.normal(size=(n, 3)) * extent * [1, 1, 0 if flat else 1],
        dipoles=random_matrix(rng, n, 3),
        decay_rates=rng.uniform(0.5, 2, n),
        detunings=rng.normal(size=n),
        frequency=frequency,
    )
