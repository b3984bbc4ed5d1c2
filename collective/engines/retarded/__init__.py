"""One excitation with the delay of light, with modes that keep it, and with any spectrum."""
