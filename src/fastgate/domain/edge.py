"""What speaks HTTP with the clients."""

from typing import Literal

Edge = Literal["native", "asgi", "rsgi"]
