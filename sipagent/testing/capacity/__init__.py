"""How many conversations a machine holds, and whether it holds them for an hour."""
