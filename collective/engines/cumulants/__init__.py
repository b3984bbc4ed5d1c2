"""Cumulants of second and third order for hundreds of emitters."""
