r"""The interaction of two dipoles as a function of the delay: light needs the time r/c.

Dipole j drives a field, which acts on dipole i a time s later,

.. math:: H_{j→i}(t) = \int_0^∞ ds\; m_i(t)·D(s)·m_j(t − s), \qquad
          \int_0^∞ ds\, D(s)\,e^{iωs} = −½F(ω) = K(ω) − \tfrac i2 J(ω),

which is eq. (6) of Hu, Zhao and Li, "The field-induced interaction between non-resonant magnetic
dipoles", plus its Hermitian conjugate. Their D alone has only positive frequencies,
:math:`−i\int_0^∞\frac{dω}{2π}J(ω)e^{−iωs}`; only the sum of both is zero before the light arrives.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters import Multilevel
from collective.spectral.tensors import coupling_tensor, require_coupled

_LOWEST = 1e-90  # smallest wave number
_HIGHEST = 9.0  # in inverse widths: only e^{−40} of the pulse is at higher frequencies
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_FINEST = 1e-13  # smallest rtol in double precision
_MOST = 2**15  # largest number of frequencies; these take a few seconds in vacuum
_SETTLES = 0.1  # for a smooth F, half as many nodes again reduce the error more than this
_SAME = 1e-9  # of the highest frequency: a breakpoint below this counts as zero
_CHUNK = 2**20  # phases computed at once


def retarded(
    multilevel: Multilevel,
    field: Any,
    i: int,
    j: int,
    delays: ArrayLike,
    *,
    width: float,
    breakpoints: ArrayLike = (),
    rtol: float = 1e-8,
) -> NDArray[np.float64]:
    r"""D(s) between unit dipoles, averaged over a Gaussian pulse of width σ in time.

    D itself is a distribution. In vacuum it is zero except on the light cone; with τ = r/c,

    .. math:: D(s) = \frac{1}{4πr^3}\left[(1 − 3r̂r̂)\,[δ(s − τ) + τδ'(s − τ)]
              + (1 − r̂r̂)\,τ^2δ''(s − τ)\right],

    the static, the induction and the radiation field; a plasma, a wire or a mirror add a tail. The
    function returns :math:`∫ds' D(s')\,e^{−(s−s')^2/2σ^2}/\sqrt{2π}σ`. Before r/c it falls like the
    Gaussian. Its integral over s is the static interaction −½F(0) for every σ.

    Args:
        multilevel: the emitters.
        field: `Vacuum()` or any `Field`; only real wave numbers are used.
        i: the emitter on which the field acts.
        j: the emitter that drives the field.
        delays: s, any shape, in inverse units of rate.
        width: σ > 0 in inverse units of rate; the field is computed at frequencies up to 9/σ.
        breakpoints: frequencies where F or a derivative jumps, such as the plasma frequency.
        rtol: allowed error, relative to the integral of the modulus of F.

    Returns:
        D, (..., 3, 3). With the reduced dipoles m, the product m_i·D·m_j is a squared rate.

    Raises:
        ValueError: for i and j at one place, magnetic dipoles in a field without
            `magnetic_green`, a width too short for the delays, or an F with a pole on the axis.

    Example:
        The interaction is zero before the light arrives; then the pulse follows:

        >>> import numpy as np, collective as co
        >>> pair = co.Multilevel.from_emitters(co.chain(2, 0.5, frequency=2 * np.pi))  # c = 1
        >>> found = co.spectral.retarded(pair, co.Vacuum(), 0, 1, [0.2, 0.5, 0.8], width=0.03)
        >>> np.abs(found[:, 0, 0]).round(4)
        array([   0.    , 2343.1503,    0.    ])
    """
    checks.instance("multilevel", multilevel, Multilevel, "co.Multilevel(...)")
    require_coupled(multilevel, field)
    i, j = checks.index("i", i, len(multilevel)), checks.index("j", j, len(multilevel))
    if np.all(multilevel.positions[i] == multilevel.positions[j]):
        raise ValueError(
            f"i and j must be at different places, got {i} and {j}: the field of a dipole "
            "diverges at its own place"
        )
    times = checks.finite("delays", delays)
    width, rtol = checks.number("width", width, above=0), checks.number("rtol", rtol, above=0)
    if rtol < _FINEST:
        raise ValueError(f"rtol must be at least {_FINEST:g}, got {rtol:g}")
    marks = np.atleast_1d(checks.finite("breakpoints", breakpoints))
    highest = _HIGHEST / width
    if highest < _LOWEST * multilevel.speed_of_light:
        raise ValueError(
            f"width must be at most {_HIGHEST / _LOWEST:g} over the speed of light, got {width:g}: "
            "otherwise the frequencies of the pulse underflow"
        )
    travel = float(
        np.linalg.norm(multilevel.positions[i] - multilevel.positions[j])
        / multilevel.speed_of_light
    )
    latest = max(float(np.abs(times).max(initial=0.0)), travel)
    # a wave turns by π on each panel, which 16 nodes resolve
    panels = 4 + (travel + latest) * highest / np.pi
    if not panels * len(_NODES) * 2 < _MOST:
        raise ValueError(
            f"width = {width:g} is too short for delays up to {latest:g}: the integral would need "
            f"{panels * len(_NODES):.1e} frequencies; give a width of at least "
            f"{2 * len(_NODES) * (travel + latest) * _HIGHEST / np.pi / _MOST:.2g}"
        )
    inside = np.abs(marks)[(np.abs(marks) > _SAME * highest) & (np.abs(marks) < highest)]
    edges = np.unique(np.concatenate([[0.0], inside, [highest]]))
    count = int(np.ceil(panels))
    found, size = _integral(multilevel, field, (i, j), times.ravel(), width, edges, count)
    error = np.inf
    while True:
        count, last = (3 * count + 1) // 2, error
        before = found
        found, size = _integral(multilevel, field, (i, j), times.ravel(), width, edges, count)
        error = float(np.abs(found - before).max(initial=0.0))
        if error <= rtol * size:
            return found.reshape(*times.shape, 3, 3)
        if error > _SETTLES * last or 2 * count * len(_NODES) > _MOST:
            raise ValueError(
                f"field {field!r}: the integral over frequencies does not converge (its "
                f"error is {error / size:.1e}): give breakpoints= where F jumps; with a pole of F "
                "on the real axis the integral does not exist"
            )


def _integral(
    multilevel: Multilevel,
    field: Any,
    pair: tuple[int, int],
    times: NDArray[np.float64],
    width: float,
    edges: NDArray[np.float64],
    panels: int,
) -> tuple[NDArray[np.float64], float]:
    """−(1/2π) Re∫₀^∞dω F(ω)e^{−iωs − ω²σ²/2}, (S, 3, 3), and the same integral of ``|F|``.

    Between two edges ω is a cosine of the variable, so that a square root at an edge is smooth.
    """
    found = np.zeros((len(times), 9))
    size = 0.0
    for low, high in pairwise(edges):
        some = max(2, int(np.ceil(panels * (high - low) / edges[-1])))
        angles = np.pi * (np.arange(some)[:, None] + (1 + _NODES) / 2).ravel() / some
        weights = np.tile(_WEIGHTS, some) * np.pi / (2 * some) * (high - low) / 2 * np.sin(angles)
        omegas = low + (high - low) * np.sin(angles / 2) ** 2
        weights *= np.exp(-((omegas * width) ** 2) / 2) / (2 * np.pi)
        tensors = np.array(
            [coupling_tensor(multilevel, field, *pair, float(omega)).ravel() for omega in omegas]
        )
        step = max(1, _CHUNK // len(omegas))
        for start in range(0, len(times), step):
            some_times = slice(start, start + step)
            phases = np.exp(-1j * np.multiply.outer(times[some_times], omegas)) * weights
            found[some_times] -= (phases @ tensors).real
        size += float((weights @ np.abs(tensors)).max())
    return found.reshape(-1, 3, 3), size
