import os

os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def figures_of_a_common_machine(monkeypatch):
    """Predictions, and with them what "auto" takes, are the same wherever tests run."""
    from collective import _speed

    monkeypatch.setattr(_speed, "_known", _speed.COMMON)
