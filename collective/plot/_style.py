"""What all figures share: colours, axes, units."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito's palette, ordered so that neighbours also differ in grey
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
RATE = "emission rate (Γ₀)"
TIME = "time (1/Γ₀)"


def colours(n: int) -> list[Any]:
    """The palette, or for more curves than it has, the sequential cividis."""
    if n <= len(COLOURS):
        return list(COLOURS[:n])
    import matplotlib

    return list(matplotlib.colormaps["cividis"](np.linspace(0, 0.9, n)))


def axes(ax: "Axes | None") -> "Axes":
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]
