"""One loopback server that is every vendor: `URL/openai`, `URL/anthropic`, `URL/bedrock`, `URL/gemini` ….

It answers the scenes of `tests.support.vendors.scenes`, and a request that the vendor's own schema has
something against with the vendor's 400.
"""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from tests.support.vendors import anthropic, bedrock, cohere, google, ollama, openai, openai_hosts
from tests.support.vendors.interface import Asked, RefusedError, Reply, Vendor
from tests.support.vendors.scenes import FAILING, scene_in

KEY: Final = "sk-upstream-0123456789"
"""What every vendor wants to be shown."""

VENDORS: Final[dict[str, Vendor]] = {
    "openai": openai,
    "anthropic": anthropic,
    "bedrock": bedrock,
    "gemini": google.gemini,
    "vertex": google.vertex,
    "cohere": cohere,
    "ollama": ollama,
    "azure": openai_hosts.Azure(deployments=False),
    "azure-deployments": openai_hosts.Azure(deployments=True),
    "huggingface": openai_hosts.HuggingFace(),
    "vertex-openai": openai_hosts.VertexOpenAI(),
}


@dataclass
class ScriptedUpstreams:
    """`with ScriptedUpstreams() as upstreams:`; `seen` has each request with the name of its vendor, and
    `refused` why requests were."""

    seen: list[tuple[str, Asked]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, name: str, asked: Asked) -> Reply:
        vendor = VENDORS[name]
        try:
            return _answer(vendor, asked)
        except RefusedError as refused:
            self.refused.append(f"{name}{asked.path}: {refused}")
            return vendor.problem(400, str(refused))
        except LookupError as error:
            self.refused.append(f"{name}{asked.path}: {error!r}")
            return vendor.problem(404, repr(error))


def _answer(vendor: Vendor, asked: Asked) -> Reply:
    if asked.headers.get(vendor.key_header, "").removeprefix("Bearer ") != KEY:
        raise RefusedError(f"no key in {vendor.key_header}")
    scene = scene_in(asked.body) if b"SCENE-" in asked.body else ""
    if scene in FAILING:
        return vendor.problem(FAILING[scene], f"refused as scene {scene} wants it")
    reply = vendor.answer(asked)
    if scene == "dies" and len(reply.pieces) > 1:
        # Behind the first content, and before the end.
        return reply._replace(pieces=reply.pieces[: len(reply.pieces) // 2], cut=True)
    return reply


def _handler(upstreams: ScriptedUpstreams) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            url = urlsplit(self.path)
            _, name, path = url.path.split("/", 2)
            headers = {key.lower(): value for key, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            asked = Asked("/" + unquote(path), url.query, headers, body)
            upstreams.seen.append((name, asked))
            self._send(upstreams.answer(name, asked))

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            for name, value in reply.headers:
                self.send_header(name, value)
            if len(reply.pieces) == 1 and not reply.cut:
                self.send_header("Content-Length", str(len(reply.pieces[0])))
                self.end_headers()
                self.wfile.write(reply.pieces[0])
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in reply.pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
            if reply.cut:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is printed."""

    return Handler
