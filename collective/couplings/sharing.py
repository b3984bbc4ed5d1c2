"""Which couplings have noise that emitters share, and thermal light as such noise."""

import numpy as np

from collective.couplings.couplings import Couplings
from collective.couplings.noise import matrix

NAMES = ("pump", "dephasing")


def shared(couplings: Couplings) -> list[str]:
    """Which of "pump" and "dephasing" is given as a matrix."""
    return [name for name in NAMES if getattr(couplings, name).ndim == 2]


def without_light(couplings: Couplings) -> Couplings:
    """The same master equation without thermal light: with decay (n̄ + 1)Γ and a pump P + n̄Γ."""
    photons = couplings.thermal_photons
    if not photons:
        return couplings
    decay = np.asarray(couplings.decay)
    return couplings.replace(
        decay=(1 + photons) * decay,
        shift=couplings.shift,
        pump=matrix(couplings.pump) + photons * decay,
        thermal_photons=0.0,
    )
