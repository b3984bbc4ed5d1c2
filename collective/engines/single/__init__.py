"""At most one excitation of thousands of emitters."""
