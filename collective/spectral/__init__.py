r"""From dissipation to shifts: principal-value and imaginary-axis integrals, and `Bath`.

A mediating field enters a master equation through rates γ(ω) and half-range shifts

.. math:: S(ω) = P\!\!\int \frac{dω'}{2π} \frac{γ(ω')}{ω − ω'} .

At zero temperature γ(ω) = J(ω)θ(ω) with J odd, and K(ω) = S(ω) + S(−ω) is the same integral over J.
Where J = Im F with F analytic in the upper half-plane, K = −½ Re F and S follows from F on the
imaginary axis, without a principal value; the two routes check each other.
"""

from collective.spectral.averages import imaginary_axis
from collective.spectral.baths import Bath, bath
from collective.spectral.integrals import principal_value
from collective.spectral.retardation import retarded
from collective.spectral.tensors import coupling_tensor, decay_and_shift, static_tensor

__all__ = [
    "Bath",
    "bath",
    "coupling_tensor",
    "decay_and_shift",
    "imaginary_axis",
    "principal_value",
    "retarded",
    "static_tensor",
]
