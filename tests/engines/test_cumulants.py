"""Cumulants of orders 2 and 3, against operator algebra and exact engines."""

from itertools import combinations, permutations

import numpy as np
import pytest
from cumulant_oracle import slope
from random_systems import random_couplings, random_matrix

from collective.engines.cumulants.general import General
from collective.engines.cumulants.pairs import rates
from collective.engines.cumulants.second import Second
from collective.engines.cumulants.third import Third
from collective.states.moments import PairMoments

N = 5


def random_moments(seed, n=N):
    """Moments that no state has: every term of the equations counts."""
    rng, off = np.random.default_rng(seed), 1 - np.eye(n)
    c, m = random_matrix(rng, n) * off, random_matrix(rng, n) * off
    zz, q = rng.normal(size=(n, n)) * off, rng.normal(size=(n, n, n))
    t = rng.normal(size=(n, n, n)) + 1j * rng.normal(size=(n, n, n))
    for i in range(n):
        t[i, i], t[:, i, i], t[i, :, i] = 0, 0, 0
    return {
        "s": random_matrix(rng, n, 1)[:, 0],
        "z": rng.normal(size=n),
        "c": c + c.conj().T,
        "m": m + m.T,
        "y": random_matrix(rng, n) * off,
        "zz": zz + zz.T,
        "t": t + t.conj().transpose(0, 2, 1),
        "q": sum(q.transpose(axes) for axes in permutations(range(3))),
    }


def pairs_of(moments):
    return PairMoments(*(moments[name] for name in ("s", "z", "c", "m", "y", "zz")))


def mean(moments, *, coherent):
    """The function that gives the oracle the mean of a product of up to three operators."""

    def found(word):
        names = "".join(name for _, name in word)
        sites = {name: [i for i, each in word if each == name] for name in "+-z"}
        if not coherent and names.count("+") != names.count("-"):
            return 0.0
        if names.count("+") > names.count("-"):
            swap = {"+": "-", "-": "+", "z": "z"}
            return np.conj(found(tuple((i, swap[name]) for i, name in word)))
        if names == "-":
            return moments["s"][sites["-"][0]]
        if set(names) == {"z"}:
            return moments[{1: "z", 2: "zz", 3: "q"}[len(names)]][tuple(sites["z"])]
        kinds = {("+", "-"): "c", ("-", "-"): "m", ("z", "-"): "y", ("z", "+", "-"): "t"}
        ordered = sorted(word, key=lambda each: "z+-".index(each[1]))
        kind = kinds[tuple(name for _, name in ordered)]
        return moments[kind][tuple(i for i, _ in ordered)]

    return found


def slopes(equations, start, t=0.0):
    out = np.full_like(start, np.nan)
    equations.slope(t, start, out)
    return out


@pytest.mark.parametrize("order", [2, 3])
def test_equations_without_coherence_are_those_of_operator_algebra(order):
    couplings, moments = random_couplings(1, N, drive=False), random_moments(2)
    equations = {2: Second, 3: Third}[order](rates(couplings))
    if order == 2:
        start = equations.start(pairs_of(moments))
    else:
        start = equations.start_triples(pairs_of(moments), moments["t"], moments["q"])
    found = slopes(equations, start)
    c, z, zz = equations.parts(found)
    known = mean(moments, coherent=False)

    def expected(*word):
        return slope(word, couplings, known, order)

    pairs = list(combinations(range(N), 2))
    wanted = [expected((m, "+"), (n, "-")) for m, n in pairs]
    np.testing.assert_allclose(c, wanted, atol=1e-11)
    wanted = [expected((m, "z"), (n, "z")) for m, n in pairs]
    np.testing.assert_allclose(zz, wanted, atol=1e-11)
    np.testing.assert_allclose(z, [expected((m, "z")) for m in range(N)], atol=1e-11)
    if order == 2:
        return
    t, q = equations.triples(found)
    for j in range(N):
        for place, (m, n) in enumerate(pairs):
            wanted = 0.0 if j in (m, n) else expected((j, "z"), (m, "+"), (n, "-"))
            assert abs(t[j, place] - wanted) < 1e-11
    wanted = [expected(*((i, "z") for i in three)) for three in combinations(range(N), 3)]
    np.testing.assert_allclose(q, wanted, atol=1e-11)


def test_equations_with_coherence_are_those_of_operator_algebra():
    couplings, moments = random_couplings(3, N), random_moments(4)
    equations = General(rates(couplings), lambda t: 0.7 + 0.2j * t)
    start = equations.start(pairs_of(moments))
    c, z, s, m, y, zz = equations.parts(slopes(equations, start, 2.0))
    known = mean(moments, coherent=True)

    def expected(*word):
        return slope(word, couplings, known, 2, 0.7 + 0.4j)

    for place, (i, j) in enumerate(combinations(range(N), 2)):
        assert abs(c[place] - expected((i, "+"), (j, "-"))) < 1e-11
        assert abs(m[place] - expected((i, "-"), (j, "-"))) < 1e-11
        assert abs(zz[place] - expected((i, "z"), (j, "z"))) < 1e-11
        assert abs(y[i, j] - expected((i, "z"), (j, "-"))) < 1e-11
        assert abs(y[j, i] - expected((j, "z"), (i, "-"))) < 1e-11
    for i in range(N):
        assert abs(s[i] - expected((i, "-"))) < 1e-11
        assert abs(z[i] - expected((i, "z"))) < 1e-11
