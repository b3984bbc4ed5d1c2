"""One excitation with the delay of light and with modes that keep it: beyond the Markov limit."""
