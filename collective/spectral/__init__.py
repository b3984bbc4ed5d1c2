r"""From rates to level shifts: principal-value and imaginary-axis integrals, and `Bath`.

A field enters a master equation through its rates γ(ω) and half-range shifts

.. math:: S(ω) = P\!\!\int \frac{dω'}{2π} \frac{γ(ω')}{ω − ω'} .

At zero temperature γ(ω) = J(ω)θ(ω) with J odd, and K(ω) = S(ω) + S(−ω) is the same integral over J.
If J = Im F and F is analytic in the upper half-plane, then K = −½ Re F, and S follows from F on the
imaginary axis without a principal value. The tests compare the two ways.
"""

from collective.spectral.averages import imaginary_axis
from collective.spectral.baths import Bath, bath
from collective.spectral.brownian import BrownianModes
from collective.spectral.fitting import ModeFit, fit_modes
from collective.spectral.integrals import principal_value
from collective.spectral.lossy import LossyModes
from collective.spectral.retardation import retarded
from collective.spectral.tensors import coupling_tensor, decay_and_shift, static_tensor

__all__ = [
    "Bath",
    "BrownianModes",
    "LossyModes",
    "ModeFit",
    "bath",
    "coupling_tensor",
    "decay_and_shift",
    "fit_modes",
    "imaginary_axis",
    "principal_value",
    "retarded",
    "static_tensor",
]
