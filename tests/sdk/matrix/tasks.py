"""What every SDK is asked to say, in no format: a driver writes it with its SDK's own means."""

from typing import Any, Final

PIXEL: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
IMAGE_URL: Final = "https://images.example/pixel.png"
SYSTEM: Final = "You are terse."
STOP: Final = "END"

_TOOL: Final = {
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
_SCHEMA: Final = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}


def _task(scene: str, **more: Any) -> dict[str, Any]:
    return {"system": SYSTEM, "text": f"Please: SCENE-{scene}", **more}


TASKS: Final[dict[str, dict[str, Any]]] = {
    "text": _task("text"),
    "tool": _task("tool", tool=_TOOL, result="SCENE-told"),
    "tools": _task("tools", tool=_TOOL, result="SCENE-told"),
    "image": _task("image", image=PIXEL),
    "image_url": _task("image", image_url=IMAGE_URL),
    "structured": _task("structured", schema=_SCHEMA),
    "sequence": _task("sequence", stop=STOP),
    "thinking": _task("thinking", think=True, next="And: SCENE-thought"),
    "limited": _task("limited"),
    "bad": _task("bad"),
    "dies": _task("dies"),
    "texts": {"texts": ["one", "two"], "query": "which is the second?"},
    "single": {"texts": ["one"]},
}

SAID: Final = {
    "text": SYSTEM,
    "tool": "get_weather",
    "tools": "get_weather",
    "image": PIXEL,
    "image_url": IMAGE_URL,
    "structured": "degrees",
    "sequence": STOP,
}
"""What a request upstream has to have in it, whatever its format is."""
