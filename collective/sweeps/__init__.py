"""Sweeps over parameters, by any executor, kept in a store as they go."""
