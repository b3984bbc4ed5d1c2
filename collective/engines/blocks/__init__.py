"""The density matrix block by block of equal excitation number."""
