"""Pulses of light, and functions of time from an array, for `evolve(drive=..., detunings=...)`.

A pulse is a number or a vector of Rabi frequencies times a shape in time.
"""

from collective.pulse.controls import Controls
from collective.pulse.pulse import Pulse
from collective.pulse.pulses import (
    from_array,
    gaussian,
    sech,
    sequence,
    square,
)
from collective.pulse.tables import Table, table

__all__ = [
    "Controls",
    "Pulse",
    "Table",
    "from_array",
    "gaussian",
    "sech",
    "sequence",
    "square",
    "table",
]
