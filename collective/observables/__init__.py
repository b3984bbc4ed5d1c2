"""What a detector sees, and what the couplings alone tell."""
