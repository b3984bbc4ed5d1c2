"""The version of the package, and those of the packages that its numbers rest on."""

from functools import cache

__version__ = "0.2.0"


@cache
def versions() -> dict[str, str]:
    """The versions of this package, QuTiP, numpy and scipy, by their names."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"collective-emission": __version__}
    for name in ("qutip", "numpy", "scipy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a bundle without metadata
            found[name] = "unknown"
    return found
