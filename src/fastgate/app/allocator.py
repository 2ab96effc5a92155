"""Imported before granian is loaded: how its allocator, which is not Python's, gives memory back."""

import os

# jemalloc reads this once. By default it keeps freed pages for ten seconds, in which a worker whose
# streams come and go takes a fifth more memory than it needs. A tenth of a second costs no CPU that could
# be measured; giving pages back at once costs a tenth of it.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:100,muzzy_decay_ms:0")
