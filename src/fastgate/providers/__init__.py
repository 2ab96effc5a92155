"""Upstream dialects, one package each, sans I/O."""
