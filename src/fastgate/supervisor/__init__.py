"""The first process: owns the listening socket, starts the others and keeps them running."""
