"""What processes started by tests run; they import this file and nothing else of the tests."""

import numpy as np

import collective as co

TIMES = np.linspace(0, 1, 4)


def problems():
    """A small problem for each engine: couplings, state and engine."""
    four, driven = couplings(4), couplings(4).replace(drive=0.5)
    alike = co.Couplings(np.ones((6, 6)), np.zeros((6, 6)))
    e = co.engines
    return {
        "exact": (couplings(2), "inverted", e.Exact()),
        "blocks": (four, "inverted", e.Blocks()),
        "driven": (driven, "ground", e.Driven()),
        "trajectories": (four, "inverted", e.Trajectories(n=16)),
        "symmetric": (alike, "inverted", e.Symmetric()),
        "single": (four, co.states.single(1), e.Single()),
        "capped": (driven, "ground", e.Capped(excitations=2)),
        "mean field": (driven, "ground", e.MeanField()),
        "cumulants": (four, "inverted", e.Cumulants(order=2)),
        "third order": (four, "inverted", e.Cumulants(order=3)),
        "truncated Wigner": (four, "inverted", e.TruncatedWigner(n=16)),
        "conditional cumulants": (four, "inverted", e.ConditionalCumulants(n=4)),
    }


def couplings(n):
    return co.couple(co.chain(n, 0.2), co.Vacuum())


def evolved(problem):
    """The result of a problem, with two threads where the engine has a use for them."""
    system, state, engine = problem
    return co.evolve(system, state, TIMES, method=engine, seed=1, threads=2, progress=False)


def all_evolved(names):
    return {name: evolved(problems()[name]) for name in names}


def diverges(system):
    """Raise an `EvolutionError` with a result."""
    with np.errstate(all="ignore"):
        return co.evolve(system, "inverted", TIMES, method=Fails(), progress=False)


class Fails(co.engines.Exact):
    """An engine whose runs fail on the way."""

    def start(self, request, earlier):
        run = super().start(request, earlier)
        advance, calls = run.advance, iter(range(10))

        def failing():
            if next(calls) == 2:
                raise ArithmeticError("it is broken")
            advance()

        run.advance = failing
        return run


def echo(thing):
    return thing
