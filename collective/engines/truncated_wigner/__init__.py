"""Truncated Wigner: classical spins with noise, sampled."""
