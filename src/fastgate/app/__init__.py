"""A worker: the data plane in a process of its own."""
