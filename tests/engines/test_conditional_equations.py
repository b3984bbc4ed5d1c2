"""The equations of the conditional state, against the stochastic master equation of the density matrix."""

from itertools import combinations

import numpy as np
import pytest

import collective as co
from collective.engines.conditional_cumulants.equations import Constants, Samples
from collective.engines.conditional_cumulants.size import channels

LOWER = np.array([[0, 0], [1, 0]], dtype=complex)  # the first state is the excited one
X, P, Z = (LOWER + LOWER.T) / 2, (LOWER - LOWER.T) / 2j, np.diag([1.0, -1.0])
EFFICIENCY = 0.7


def on(n, operators):
    """The product of operators of single emitters, {emitter: matrix}, as a (2^N, 2^N) matrix."""
    found = np.eye(1)
    for m in range(n):
        found = np.kron(found, operators.get(m, np.eye(2)))
    return found


def random_couplings(rng, n):
    """Complex Γ and Δ, a complex drive, detunings, dephasing and pump."""
    a = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    shift = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    return co.Couplings(
        a @ a.conj().T / n,
        shift + shift.conj().T,
        detunings=rng.normal(size=n),
        dephasing=rng.random(n),
        pump=rng.random(n),
        drive=rng.normal(size=n) + 1j * rng.normal(size=n),
    )


def random_moments(rng, n):
    """Means (3, N) and covariances (3N, 3N) of different emitters."""
    means = 0.3 * rng.normal(size=(3, n))
    v = 0.2 * rng.normal(size=(3, n, 3, n))
    v = v + v.transpose(2, 3, 0, 1)
    for m in range(n):
        v[:, m, :, m] = 0
    return means, v.reshape(3 * n, 3 * n)


def with_moments(means, v):
    """A Hermitian matrix of trace 1 with these means and covariances, and no third cumulants."""
    n = means.shape[1]
    v = v.reshape(3, n, 3, n)
    dual = (4 * X, 4 * P, Z)  # half the trace of dual·A is one for the operator itself, else zero
    rho = np.eye(2**n, dtype=complex) / 2**n
    for size in (1, 2, 3):
        for emitters in combinations(range(n), size):
            for kinds in np.ndindex(*[3] * size):
                pairs = list(zip(kinds, emitters, strict=True))
                value = np.prod([means[a, m] for a, m in pairs])
                for i, j in combinations(range(size), 2):
                    rest = [means[a, m] for k, (a, m) in enumerate(pairs) if k not in (i, j)]
                    value += v[pairs[i][0], pairs[i][1], pairs[j][0], pairs[j][1]] * np.prod(rest)
                product = {m: dual[a] for a, m in pairs}
                rho = rho + value * on(n, product) / 2**n
    return rho


def moments_of(rho, n):
    """Raw means (3, N) and pair moments (3, N, 3, N) of a matrix."""
    means = np.array([[np.trace(rho @ on(n, {m: a})) for m in range(n)] for a in (X, P, Z)])
    pairs = np.zeros((3, n, 3, n), complex)
    for i, a in enumerate((X, P, Z)):
        for j, b in enumerate((X, P, Z)):
            for m in range(n):
                for k in range(n):
                    if m != k:
                        pairs[i, m, j, k] = np.trace(rho @ on(n, {m: a, k: b}))
    return means.real, pairs.real


def stochastic_master_equation(couplings, jumps, rho):
    """The drift of ρ, and its change per increment dW of each of the 2k quadratures."""
    n = len(couplings)
    lower = [on(n, {m: LOWER}) for m in range(n)]
    hamiltonian = couplings.hamiltonian().full()
    drift = -1j * (hamiltonian @ rho - rho @ hamiltonian)
    for jump in couplings.collapse_operators():
        c = jump.full()
        cc = c.conj().T @ c
        drift = drift + c @ rho @ c.conj().T - (cc @ rho + rho @ cc) / 2
    changes = []
    for factor in (1, -1j):
        for v in range(jumps.shape[1]):
            # heterodyne detection: two homodyne detectors, each behind half of the light
            c = factor * sum(jumps[m, v].conj() * lower[m] for m in range(n))
            seen = c @ rho + rho @ c.conj().T
            changes.append(np.sqrt(EFFICIENCY / 2) * (seen - np.trace(seen) * rho))
    return drift, changes


def expected(couplings, jumps, means, v):
    """Itô's formula: drift and noise of the means and covariances of `with_moments`."""
    n = means.shape[1]
    rho = with_moments(means, v)
    drift, changes = stochastic_master_equation(couplings, jumps, rho)
    dm, dp = moments_of(drift, n)

    def of_pairs(one, pairs):
        return pairs - np.einsum("am,bn->ambn", one, means) - np.einsum("am,bn->ambn", means, one)

    dv = of_pairs(dm, dp)
    noises = []
    for change in changes:
        nm, npairs = moments_of(change, n)
        dv = dv - np.einsum("am,bn->ambn", nm, nm)
        noises.append((nm, of_pairs(nm, npairs)))
    return (dm, dv), noises


def ours(couplings, jumps, means, v):
    """The same by the kernels; the noise of each quadrature from one increment."""
    n = means.shape[1]
    constants = Constants.of(couplings, jumps, EFFICIENCY)
    quadratures = 2 * constants.channels

    def evaluated(step, increments):
        samples = Samples(means, v, constants, 1)
        noise = np.stack([increments @ constants.record[0], increments @ constants.record[1]], 1)
        fields, slopes = samples.drift(samples.means, samples.covariances, 1 + 0j)
        kicks = samples._products[0, :, 2 * n :] @ increments[0]
        r = samples.change(samples.means, samples.covariances, fields, step, noise)[0]
        return slopes[0], kicks.reshape(3, n), (r + r.T).reshape(3, n, 3, n)

    slopes, _, dv = evaluated(1.0, np.zeros((1, quadratures)))
    noises = [evaluated(0.0, np.eye(quadratures)[i : i + 1])[1:] for i in range(quadratures)]
    return (slopes, dv), noises


@pytest.mark.parametrize("n", [2, 3, 4])
def test_drift_and_noise_are_those_of_the_stochastic_master_equation(n):
    """Exact for two emitters; for more the matrix has no third cumulants, as the equations assume."""
    rng = np.random.default_rng(n)
    couplings = random_couplings(rng, n)
    jumps, _ = channels(couplings.decay, 0.0)
    means, v = random_moments(rng, n)
    (dm, dv), noises = expected(couplings, jumps, means, v)
    (slopes, change), kicks = ours(couplings, jumps, means, v)
    np.testing.assert_allclose(slopes, dm, atol=1e-13)
    others = ~np.eye(n, dtype=bool)

    def between(matrix):
        return matrix.transpose(1, 3, 0, 2)[others]

    np.testing.assert_allclose(between(change), between(dv), atol=1e-12)
    assert len(noises) == len(kicks) == 2 * n
    for (nm, nv), (km, kv) in zip(noises, kicks, strict=True):
        np.testing.assert_allclose(km, nm, atol=1e-13)
        np.testing.assert_allclose(between(kv), between(nv), atol=1e-13)
