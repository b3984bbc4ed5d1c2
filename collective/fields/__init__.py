"""Fields, most of them given by their Green's tensor.

`G(r, r', k)` solves ∇×∇×G − k²εG = 1δ(r − r') for the time dependence e^{−iωt}, k = ω/c, and is
reciprocal: G(r, r') = Gᵀ(r', r). In vacuum Im G(r, r) = k/6π·1.
"""

from collective.fields.cavity import Cavity
from collective.fields.checking import FieldCheck, check_field
from collective.fields.layered.half_space import HalfSpace
from collective.fields.layered.layers import Layers
from collective.fields.memory import Memory
from collective.fields.mirror import Mirror
from collective.fields.nanowire.field import Nanowire
from collective.fields.nanowire.guided import GuidedMode
from collective.fields.plasma import Plasma
from collective.fields.protocol import Field
from collective.fields.rates import purcell
from collective.fields.sampled.field import SampledField
from collective.fields.sphere.field import Sphere
from collective.fields.vacuum import Vacuum
from collective.fields.waveguide import Waveguide

__all__ = [
    "Cavity",
    "Field",
    "FieldCheck",
    "GuidedMode",
    "HalfSpace",
    "Layers",
    "Memory",
    "Mirror",
    "Nanowire",
    "Plasma",
    "SampledField",
    "Sphere",
    "Vacuum",
    "Waveguide",
    "check_field",
    "purcell",
]
