"""A sphere of any material in vacuum."""
