"""Where a warning of the package points."""

import warnings

import collective as co
from collective._tools.warn import warn


def test_warnings_point_at_the_line_of_the_user():
    inside = {"__name__": "collective.somewhere", "warn": warn}
    exec("def deep(n):\n    return warn('n') if n == 0 else deep(n - 1)", inside)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inside["deep"](3)
        co.couple(co.chain(2, 1e-6), co.Vacuum())
        co.couple(co.chain(2, 1e-6), co.Vacuum())  # through couple, emitters and the helper
    assert [w.filename for w in caught] == [__file__] * 3
    first, second, third = (w.lineno for w in caught)
    assert (second, third) == (first + 1, first + 2)
