"""The whole density matrix of any Couplings, by kernels of our own."""
