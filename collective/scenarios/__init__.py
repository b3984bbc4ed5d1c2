"""Scenario files: a calculation described in a TOML file, checked, run, and repeated."""

from collective.scenarios.outcome import Outcome
from collective.scenarios.scenario import Scenario, read
from collective.scenarios.source import ScenarioError

__all__ = ["Outcome", "Scenario", "ScenarioError", "read"]
