"""A field known at some places and wave numbers, from any Maxwell solver."""
