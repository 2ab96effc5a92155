"""Values shared by all layers: no I/O, no settings, no policy."""
