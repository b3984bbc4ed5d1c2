"""Engines: each evolves a request in its own way and says how far its numbers can be trusted.

`co.engines.Trajectories(n=500)` is a value for the argument `method` of `evolve`; the string
"trajectories" stands for `co.engines.Trajectories()`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collective.engines.base import Cost, Engine, Run
    from collective.engines.blocks.engine import Blocks
    from collective.engines.capped.engine import Capped
    from collective.engines.conditional_cumulants.engine import ConditionalCumulants
    from collective.engines.cumulants.engine import Cumulants
    from collective.engines.driven.engine import Driven
    from collective.engines.exact.engine import Exact
    from collective.engines.mean_field.engine import MeanField
    from collective.engines.request import Request
    from collective.engines.retarded.engine import Retarded
    from collective.engines.single.engine import Single
    from collective.engines.symmetric.engine import Symmetric
    from collective.engines.trajectories.engine import Trajectories
    from collective.engines.truncated_wigner.engine import TruncatedWigner

__all__ = [
    "Blocks",
    "Capped",
    "ConditionalCumulants",
    "Cost",
    "Cumulants",
    "Driven",
    "Engine",
    "Exact",
    "MeanField",
    "Request",
    "Retarded",
    "Run",
    "Single",
    "Symmetric",
    "Trajectories",
    "TruncatedWigner",
]

# "auto" asks them in this order, and of several equally good ones it uses the first
NAMES = {
    "exact": "Exact",
    "single": "Single",
    "symmetric": "Symmetric",
    "blocks": "Blocks",
    "driven": "Driven",
    "trajectories": "Trajectories",
    "cumulants": "Cumulants",
    "truncated_wigner": "TruncatedWigner",
    "capped": "Capped",
    "mean_field": "MeanField",
    "conditional_cumulants": "ConditionalCumulants",
    "retarded": "Retarded",
}
# these answer another question than the master equation: they run only if they are named
NAMED_ONLY = frozenset({"retarded"})
_FILES = {kind: f"{name}.engine" for name, kind in NAMES.items()}
_FILES |= {"Cost": "base", "Engine": "base", "Run": "base", "Request": "request"}


def __getattr__(name: str) -> Any:
    """Import an engine when it is first asked for."""
    from importlib import import_module

    if name not in _FILES:
        raise AttributeError(f"module 'collective.engines' has no attribute {name!r}")
    value = getattr(import_module(f"collective.engines.{_FILES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
