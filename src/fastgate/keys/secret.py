"""Makes secrets of virtual keys, and the digest that is stored of one (form: `domain.secret_form`)."""

import hashlib
import secrets

from fastgate.domain.secret_form import RANDOM_BITS, form


def generate() -> str:
    """A new secret, from the operating system's random numbers."""
    return form(secrets.randbits(RANDOM_BITS))


def digest(secret: bytes) -> bytes:
    """SHA-256: what is stored. A slow hash would add nothing to 256 random bits."""
    return hashlib.sha256(secret).digest()
