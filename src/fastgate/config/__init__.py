"""Settings: one typed place, loaded from YAML and the environment, every error at once."""
