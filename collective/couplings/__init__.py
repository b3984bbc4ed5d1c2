"""Γ and Δ of two-level emitters within the rotating-wave approximation: `couple`, `Couplings`."""
