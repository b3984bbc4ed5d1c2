"""One file per engine; `collective.evolve` chooses."""
