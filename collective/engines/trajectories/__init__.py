"""Quantum jumps: means over trajectories, with standard errors."""
