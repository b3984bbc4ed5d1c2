"""Every emitter in the mean field of the others: product states, with or without random phases."""
