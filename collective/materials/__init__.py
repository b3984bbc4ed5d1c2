r"""Permittivities ε(k) of a medium as functions of the vacuum wave number k = ω/c.

Time dependence e^{−iωt}: a medium that absorbs has Im ε > 0. On the imaginary axis k = iκ every
causal passive medium has a real ε ≥ 1,

.. math:: ε(iκ) = 1 + \frac{2}{π}\int_0^∞ dq\, \frac{q\, \mathrm{Im}\,ε(q)}{q^2 + κ^2} .
"""

from collective.materials.axis import wavenumbers
from collective.materials.measured import gold, silica, silver
from collective.materials.models import Drude, Lorentz
from collective.materials.table import Table

__all__ = ["Drude", "Lorentz", "Table", "gold", "silica", "silver", "wavenumbers"]
