"""Who takes part: each contestant in a module of its own, and the table of all."""
