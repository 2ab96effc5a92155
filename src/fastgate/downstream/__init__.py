"""The client side: one small interface, and the edges that implement it."""
