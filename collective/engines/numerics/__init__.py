"""Numerical methods that several engines use; no engine is named here."""
