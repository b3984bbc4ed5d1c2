"""At most K excitations, or at most K holes in an inverted ensemble."""
