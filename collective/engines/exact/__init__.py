"""The whole density matrix by QuTiP, or by exact exponentials."""
