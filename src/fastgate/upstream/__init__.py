"""The provider side: an HTTP/1.1 client with its own connection pools (DESIGN part 4, parts 7 and 8)."""
