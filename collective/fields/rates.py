"""How much faster an emitter decays in a field than in vacuum: `purcell`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.emitters import Emitters
from collective.emitters.lengths import warn_of_field_lengths
from collective.fields import answers
from collective.fields.protocol import COUPLING, require_field


def purcell(emitters: Emitters, field: Any) -> NDArray[np.float64]:
    r"""Γ/Γ₀ of each emitter by itself: its decay rate in a field in units of that in vacuum.

    .. math:: \frac{Γ_{mm}}{Γ_m} = \frac{6π}{k_m}\,u_m^*·\mathrm{Im}\,G(r_m, r_m, k_m)·u_m

    with C/k² of `magnetic_green` in the place of G for magnetic dipoles, and Γ_mm/Γ_m of its
    `coefficients` for a model without a Green's tensor. For a map over many places put one
    emitter at each: no pairs are evaluated.

    Args:
        emitters: N of them; only their positions, dipoles and wave numbers matter, and to a model
            without a Green's tensor their linewidths.
        field: `Vacuum()`, `Nanowire(...)` or a field of your own.

    Returns:
        (N,), 1 in vacuum.

    Raises:
        ValueError: for emitters in solid matter, magnetic dipoles in a field without
            `magnetic_green`, a linewidth of zero in a model without a Green's tensor.

    Warns:
        UnitWarning: for a length of the field that looks as if it were in another unit.

    Source: Novotny and Hecht, Principles of Nano-Optics, 2nd ed. (2012), equation 8.115.

    Example:
        >>> import numpy as np, collective as co
        >>> silver = co.materials.Drude.from_value(-50 + 0.6j, 2 * np.pi)
        >>> atoms = co.Emitters([[0.015, 0, 0], [0.5, 0, 0]], dipoles=(1, 0, 0))
        >>> co.purcell(atoms, co.Nanowire(0.01, silver)).round(3)
        array([236.85 ,   0.999])
    """
    checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
    require_field("field", field, COUPLING)
    answers.require_outside("emitters.positions", field, emitters.positions)
    warn_of_field_lengths(answers.lengths(field), emitters.wavelength)
    if answers.without_tensor(field):
        return _of_model(emitters, field)
    seen = answers.response(emitters.kind, field)
    factors = np.empty(len(emitters))
    for k in np.unique(emitters.wavenumbers):
        chosen = np.flatnonzero(emitters.wavenumbers == k)
        r, u = emitters.positions[chosen], emitters.dipoles[chosen]
        tensor = answers.total_green(seen, r, r, float(k)).imag
        factors[chosen] = 6 * np.pi / k * np.einsum("mi,mij,mj->m", u.conj(), tensor, u).real
    return factors


def _of_model(emitters: Emitters, field: Any) -> NDArray[np.float64]:
    """Γ_mm/Γ_m of a model without a Green's tensor, (N,)."""
    if np.any(emitters.decay_rates == 0):
        m = int(np.argmin(emitters.decay_rates))
        raise ValueError(
            f"emitters: the linewidth of emitter {m} is zero, and {field!r} gives absolute rates: "
            "their ratio is not defined"
        )
    decay, _ = answers.coefficients(field, emitters)
    return np.asarray(np.diag(decay).real / emitters.decay_rates)
