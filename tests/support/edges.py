"""Which edges there are, and which one the tests that start a gateway run on."""

import os
from typing import Final, get_args

import msgspec

from fastgate.config.server_settings import Server
from fastgate.launch import Edge

VARIABLE: Final = "FASTGATE_SERVER__EDGE"
EDGE: Final = msgspec.convert(os.environ.get(VARIABLE, Server().edge), Edge)
"""The gateway's own default, or what the environment says; it says so to the gateway too."""
EDGES: Final[tuple[Edge, ...]] = (EDGE,) if VARIABLE in os.environ else get_args(Edge)
"""Those on which the tests that are about them run."""
