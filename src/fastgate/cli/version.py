"""`fastgate version`: what a bug report needs to name."""

from typing import Final

_PARTS: Final = ("granian", "uvloop", "httptools", "msgspec", "lmdb", "genai-prices")


def version() -> None:
    """Print the versions of fastgate, of Python, and of what it is built on."""
    import platform
    from importlib.metadata import version as installed

    from fastgate._version import __version__

    print(f"fastgate {__version__}")
    print(f"{platform.python_implementation()} {platform.python_version()} on {platform.platform()}")
    for part in _PARTS:
        print(f"{part} {installed(part)}")
