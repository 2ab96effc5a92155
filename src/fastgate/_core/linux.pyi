def memfd_create(name: str) -> int:
    """memfd_create(2): an inheritable descriptor of a file that is nowhere but in memory. OSError."""
