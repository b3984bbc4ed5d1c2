"""An infinite cylinder: its Green's tensor by cylinder waves."""
