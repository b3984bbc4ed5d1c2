"""Cumulant equations of any order from operator algebra: slow, and independent of the engine.

A product of operators of different emitters is a sorted tuple such as ((0, "+"), (3, "z")), with
"+" for σ⁺, "-" for σ⁻ and "z" for σ_z. A polynomial is a dictionary {product: coefficient}.
"""

from itertools import combinations
from math import factorial

# the product of two operators of one emitter; "1" is the identity
ALGEBRA = {
    ("+", "-"): {"1": 0.5, "z": 0.5},
    ("-", "+"): {"1": 0.5, "z": -0.5},
    ("+", "+"): {},
    ("-", "-"): {},
    ("z", "z"): {"1": 1.0},
    ("z", "+"): {"+": 1.0},
    ("+", "z"): {"+": -1.0},
    ("z", "-"): {"-": -1.0},
    ("-", "z"): {"-": 1.0},
}


def product(first, second):
    """The product of two products, a polynomial."""
    left, right = dict(first), dict(second)
    found = {(): 1.0}
    for site in sorted(left.keys() | right.keys()):
        if site in left and site in right:
            terms = ALGEBRA[left[site], right[site]]
        else:
            terms = {left.get(site) or right.get(site): 1.0}
        found = {
            word + (() if name == "1" else ((site, name),)): value * factor
            for word, value in found.items()
            for name, factor in terms.items()
        }
    return found


def add(total, polynomial, factor):
    """Add a multiple of a polynomial to `total`."""
    for word, value in polynomial.items():
        total[word] = total.get(word, 0.0) + factor * value


def times(*words):
    """The product of several products, a polynomial."""
    found = {(): 1.0}
    for word in words:
        grown = {}
        for left, value in found.items():
            add(grown, product(left, word), value)
        found = grown
    return found


def dissipated(total, word, left, right, rate):
    """Add rate·(L†XR − ½{L†R, X}) of the operator X, for one-operator words L† and R."""
    add(total, times(left, word, right), rate)
    add(total, times(left, right, word), -0.5 * rate)
    add(total, times(word, left, right), -0.5 * rate)


def rate_of_change(word, couplings, strength=1.0):
    """The time derivative of an operator in the Heisenberg picture, from the Lindblad equation."""
    touched = {site for site, _ in word}
    n, total = len(couplings), {}

    def commutator(left, right, factor):
        """Add i·factor·[left·right, X]."""
        add(total, times(left, right, word), 1j * factor)
        add(total, times(word, left, right), -1j * factor)

    for i in range(n):
        for j in range(n):
            if i not in touched and j not in touched:
                continue
            up, down = ((i, "+"),), ((j, "-"),)
            shift = couplings.shift[i, j] + (couplings.detunings[i] if i == j else 0.0)
            commutator(up, down, shift)
            dissipated(total, word, up, down, couplings.decay[i, j])
    for i in range(n) if couplings.ising is not None else ():
        for j in range(i + 1, n):
            if i in touched or j in touched:  # n_in_j = ¼(1 + z_i)(1 + z_j)
                quarter = couplings.ising[i, j] / 4
                commutator(((i, "z"),), ((j, "z"),), quarter)
                commutator(((i, "z"),), (), quarter)
                commutator(((j, "z"),), (), quarter)
    for i in touched:
        up, down = ((i, "+"),), ((i, "-"),)
        drive = strength * couplings.drive[i]
        commutator(up, (), drive / 2)
        commutator(down, (), drive.conjugate() / 2)
        dissipated(total, word, down, up, couplings.pump[i])
        # the jump √(2γ)σ⁺σ⁻ with σ⁺σ⁻ = (1 + z)/2 equals the jump √(γ/2)z
        dissipated(total, word, ((i, "z"),), ((i, "z"),), couplings.dephasing[i] / 2)
    return total


def partitions(items):
    """All ways to divide a list into groups."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for size in range(len(rest) + 1):
        for chosen in combinations(rest, size):
            others = [item for item in rest if item not in chosen]
            for groups in partitions(others):
                yield [(first, *chosen), *groups]


def value(word, moment, order):
    """The mean of a product; beyond an order its joint cumulant is set to zero, recursively."""
    if not word:
        return 1.0
    if len(word) <= order:
        return moment(word)
    total = 0.0
    for groups in partitions(list(word)):
        if len(groups) > 1:
            term = (-1) ** len(groups) * factorial(len(groups) - 1)
            for group in groups:
                term = term * value(group, moment, order)
            total += term
    return total


def slope(word, couplings, moment, order, strength=1.0):
    """The time derivative of the mean of a product, closed at an order."""
    word = tuple(sorted(word))
    terms = rate_of_change(word, couplings, strength).items()
    return sum(factor * value(each, moment, order) for each, factor in terms if factor)
