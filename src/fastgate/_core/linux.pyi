def memfd_create(name: str) -> int:
    """memfd_create(2): an inheritable descriptor of a file that is nowhere but in memory. OSError."""

def pidfd_open(pid: int) -> int:
    """pidfd_open(2): becomes readable when that process ends; not inheritable. OSError."""
