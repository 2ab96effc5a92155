"""Logins at clouds, exchanged for secrets of short life, for the workers."""
