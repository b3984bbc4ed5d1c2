"""Which basis states an engine keeps: excitation numbers, permutations, Dicke states."""
