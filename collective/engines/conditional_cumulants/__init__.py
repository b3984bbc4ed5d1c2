"""Second-order cumulants of states conditioned on a heterodyne record."""
