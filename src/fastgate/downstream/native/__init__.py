"""The edge that needs no server: the worker's own event loop accepts the connections."""
