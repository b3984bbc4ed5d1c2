"""Identical couplings on Dicke states."""
