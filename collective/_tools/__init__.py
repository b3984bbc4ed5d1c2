"""Helpers without physics, which every room may use."""
