"""The simulated provider as an ASGI application."""

import hmac
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fastgate.sim.behaviour import Behaviour, Behaviours
from fastgate.sim.chat import chat_completions, completions
from fastgate.sim.classify import model, models, moderations, rerank
from fastgate.sim.embeddings import embeddings
from fastgate.sim.media import (
    audio_speech,
    audio_transcriptions,
    audio_translations,
    images_edits,
    images_generations,
)
from fastgate.sim.options import SimOptions
from fastgate.sim.play import Player, Receive, Send
from fastgate.sim.reply import Reply, SimError, json_reply
from fastgate.sim.request import Request
from fastgate.sim.responses import Responses

Handler = Callable[[Request], Reply]

_MAX_BODY_BYTES = 64 * 1024 * 1024
_PREFIXES = ("/openai/v1/", "/v1/", "/")


class SimApp:
    """Serves each endpoint with and without `/v1` in front. Holds stored responses in memory."""

    def __init__(self, options: SimOptions) -> None:
        self._models = options.models
        self._authorization = None if options.key is None else f"Bearer {options.key}".encode()
        self._behaviours = Behaviours(options)
        responses = Responses()
        self._responses = responses
        self._endpoints: dict[str, dict[str, Handler]] = {
            "": {"GET": _about, "HEAD": _about},
            "chat/completions": {"POST": chat_completions},
            "completions": {"POST": completions},
            "embeddings": {"POST": embeddings},
            "responses": {"POST": responses.create},
            "moderations": {"POST": moderations},
            "images/generations": {"POST": images_generations},
            "images/edits": {"POST": images_edits},
            "audio/speech": {"POST": audio_speech},
            "audio/transcriptions": {"POST": audio_transcriptions},
            "audio/translations": {"POST": audio_translations},
            "rerank": {"POST": rerank},
            "models": {"GET": models},
        }

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"ASGI scope {scope['type']}")
        headers = dict(scope["headers"])
        behaviour = Behaviour()
        try:
            self._authorize(headers)
            behaviour = self._behaviour(headers)
            handler, segments = self._find(scope["method"], scope["path"])
            request = Request(
                method=scope["method"],
                segments=segments,
                content_type=headers.get(b"content-type", b""),
                body=await _read_body(receive),
                behaviour=behaviour,
                models=self._models,
            )
            if behaviour.error:
                raise _asked_for(behaviour)
            reply = handler(request)
        except SimError as error:
            reply = error.reply
        jitter = partial(self._behaviours.jittered, behaviour)
        await Player(behaviour, jitter, receive, send).play(reply)

    def _authorize(self, headers: Mapping[bytes, bytes]) -> None:
        if self._authorization is None:
            return
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._authorization):
            raise SimError(401, "Incorrect API key provided.", code="invalid_api_key")

    def _behaviour(self, headers: Mapping[bytes, bytes]) -> Behaviour:
        try:
            return self._behaviours.choose(headers.get(b"x-sim"))
        except ValueError as error:
            raise SimError(400, str(error), param="x-sim") from error

    def _find(self, method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
        prefix = next((prefix for prefix in _PREFIXES if path.startswith(prefix)), "")
        name = path[len(prefix) :]
        segments: tuple[str, ...] = ()
        methods = self._endpoints.get(name)
        if methods is None:
            top, *rest = name.split("/")
            segments = tuple(rest)
            methods = self._members(top, segments)
        if methods is None:
            raise SimError(404, f"Unknown request URL: {method} {path}", code="unknown_url")
        if method not in methods:
            raise SimError(405, f"Not allowed method for {path}: {method}")
        return methods[method], segments

    def _members(self, top: str, segments: tuple[str, ...]) -> dict[str, Handler] | None:
        """Endpoints with an id in their path."""
        match top, len(segments), segments[-1] if segments else "":
            case "models", count, _ if count > 0:
                return {"GET": model}
            case "responses", 1, _:
                return {"GET": self._responses.get, "DELETE": self._responses.delete}
            case "responses", 2, "cancel":
                return {"POST": self._responses.cancel}
            case "responses", 2, "input_items":
                return {"GET": self._responses.input_items}
            case _:
                return None


def _about(_: Request) -> Reply:
    return json_reply({"simulated": True, "message": "fastgate sim: no language model is behind it"})


def _asked_for(behaviour: Behaviour) -> SimError:
    if behaviour.error == 429:
        return SimError(
            429,
            "Simulated: rate limit reached.",
            kind="requests",
            code="rate_limit_exceeded",
            retry_after_s=behaviour.retry_after_s,
        )
    kind = "server_error" if behaviour.error >= 500 else "invalid_request_error"
    return SimError(
        behaviour.error,
        f"Simulated: status {behaviour.error}.",
        kind=kind,
        retry_after_s=behaviour.retry_after_s,
    )


async def _read_body(receive: Receive) -> bytes:
    parts = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise SimError(400, "The client left.")
        part = message.get("body", b"")
        size += len(part)
        if size > _MAX_BODY_BYTES:
            raise SimError(413, "The body is too large.")
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
