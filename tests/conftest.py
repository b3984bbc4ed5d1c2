import os
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
# what processes started by tests measure on a busy machine is not kept for the user
os.environ["XDG_CACHE_HOME"] = str(Path(__file__).parents[1] / ".pytest_cache" / "user")

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def figures_of_a_common_machine(monkeypatch):
    """Predictions, and with them what "auto" takes, are the same wherever tests run."""
    from collective._tools import speed

    monkeypatch.setattr(speed, "_known", speed.COMMON)
