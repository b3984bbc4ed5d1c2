"""Check the package in the environment that runs this: make package calls it in .venv-package."""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

import collective as co

installed = Path(co.__file__).resolve()
if not installed.is_relative_to(Path(sys.prefix).resolve()):
    sys.exit(f"{installed} is not what was installed into {sys.prefix}")
if co.__version__ != version("collective-emission"):
    sys.exit(f"the package says {co.__version__}, its metadata {version('collective-emission')}")
wheel, source = (co.load(f"from-{kind}/burst.npz") for kind in ("wheel", "source"))
if not np.array_equal(wheel.emission, source.emission):
    sys.exit("the wheel and the source distribution gave different results")
print(f"collective-emission {co.__version__}: wheel and source distribution run the demo alike")
