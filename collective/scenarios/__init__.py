"""Scenario files: a calculation described in a TOML file, checked, run, and repeated."""

from collective.scenarios.outcome import Outcome
from collective.scenarios.reading import read
from collective.scenarios.scenario import Scenario
from collective.scenarios.source import ScenarioError
from collective.scenarios.sweeping import sweep

__all__ = ["Outcome", "Scenario", "ScenarioError", "read", "sweep"]
