"""Google's own SDK against what is written for it, over a socket of this machine."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from google import genai
from google.genai import errors, types

from fastgate.domain.conversation import (
    Conversation,
    Document,
    Image,
    Role,
    Source,
    Text,
    Tool,
    ToolResult,
    ToolUse,
)
from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Choice,
    Ended,
    Finish,
    Reply,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.gemini import CLIENT, EMBED_CLIENT
from fastgate.wire.gemini.count import count_answer, read_count_request
from fastgate.wire.interface import Asked, Losses, Problem

pytestmark = pytest.mark.sdk

MODEL = "gemini-3-pro"


class Server:
    """Answers each request with what `answer` says, and keeps what it was sent."""

    def __init__(self) -> None:
        self.path = ""
        self.body = b""
        self.answer: tuple[int, str, bytes] = (200, "application/json", b"{}")
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever)
        self._thread.start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that http.server calls
                server.path = self.path
                server.body = self.rfile.read(int(self.headers["content-length"]))
                status, content_type, body = server.answer
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=server.url, retry_options=types.HttpRetryOptions(attempts=1))
    with genai.Client(api_key="k", http_options=options) as client:
        yield client


def asked(request: Conversation | EmbeddingRequest, server: Server) -> Asked:
    path, _, query = server.path.partition("?")
    return Asked(request, MODEL, "r1", 0, include_usage=False, path=path, query=query)


def test_what_the_sdk_sends_is_read(client: genai.Client, server: Server) -> None:
    def get_weather(city: str, days: int = 1) -> str:
        """The weather of a city."""
        return f"{city} {days}"

    client.models.generate_content(
        model=MODEL,
        contents=[
            types.Content(
                role="user",
                parts=[
                    types.Part.from_text(text="hi"),
                    types.Part.from_bytes(data=b"\xfb\xff\xfe", mime_type="image/png"),
                    types.Part.from_uri(file_uri="gs://a/b.pdf", mime_type="application/pdf"),
                ],
            ),
            types.Content(
                role="model",
                parts=[
                    types.Part(
                        function_call=types.FunctionCall(id="c1", name="get_weather", args={"city": "x"}),
                        thought_signature=b"\xfb\xff\xfe",
                    )
                ],
            ),
            types.Content(
                role="tool",
                parts=[types.Part.from_function_response(name="get_weather", response={"result": "sun"})],
            ),
        ],
        config=types.GenerateContentConfig(
            system_instruction="Be short.",
            temperature=0.5,
            max_output_tokens=9,
            tools=[get_weather, types.Tool(google_search=types.GoogleSearch())],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW),
            response_mime_type="application/json",
            response_schema=types.Schema(type=types.Type.OBJECT, nullable=True),
            safety_settings=[
                types.SafetySetting(
                    category=types.HarmCategory.HARM_CATEGORY_HATE_SPEECH,
                    threshold=types.HarmBlockThreshold.BLOCK_NONE,
                )
            ],
        ),
    )
    said = CLIENT.read_request(server.body, MODEL)
    system, user, model, tool = said.messages
    assert (system.role, system.parts) == (Role.SYSTEM, (Text(text="Be short."),))
    assert user.parts == (
        Text(text="hi"),
        Image(source=Source(media_type="image/png", data="+//+")),
        Document(source=Source(media_type="application/pdf", url="gs://a/b.pdf")),
    )
    (call,) = model.parts
    assert isinstance(call, ToolUse)
    assert (call.id, call.arguments) == ("c1", '{"city":"x"}')
    assert tool.parts == (ToolResult(id="c1", name="get_weather", parts=(Text(text="sun"),)),)
    (tool_said,) = [each for each in said.tools if isinstance(each, Tool)]
    assert len(said.tools) == 2
    assert tool_said.parameters is not None
    schema = msgspec.json.decode(tool_said.parameters)
    assert schema["type"] == "object"
    assert schema["properties"]["days"]["type"] == "integer"
    assert (said.temperature, said.max_output_tokens) == (0.5, 9)
    assert "safetySettings" in said.extra


def test_the_sdk_reads_an_answer(client: genai.Client, server: Server) -> None:
    reply = Reply(
        id="r",
        model="claude",
        choices=(
            Choice(
                parts=(Text(text="Hi"), ToolUse(id="c", name="f", arguments='{"a":1}')),
                finish=Finish.TOOL_USE,
            ),
        ),
        usage=Usage(input_tokens=3, output_tokens=4, reasoning_tokens=1),
    )
    request = Conversation(format=Format.GENERATE_CONTENT, messages=())
    server.answer = (200, "application/json", CLIENT.write_answer(reply, asked(request, server), Losses()))
    answer = client.models.generate_content(model=MODEL, contents="hi")
    assert server.path == f"/v1/models/{MODEL}:generateContent"
    assert answer.function_calls is not None
    assert (answer.function_calls[0].id, answer.function_calls[0].args) == ("c", {"a": 1})
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.thoughts_token_count == 1
    assert (answer.response_id, answer.model_version) == ("r", "claude")


def test_the_sdk_reads_a_stream(client: genai.Client, server: Server) -> None:
    writer = CLIENT.stream_writer(
        Asked(
            Conversation(format=Format.GENERATE_CONTENT, messages=()),
            MODEL,
            "r1",
            0,
            include_usage=False,
            path=f"/v1/models/{MODEL}:streamGenerateContent",
            query="alt=sse",
        )
    )
    data = writer.write([Started("r", "m"), TextDelta("He")]) + writer.write([TextDelta("llo")])
    data += writer.write([ToolStarted(index=0, id="c", name="f"), ToolDelta(0, '{"a":1}')])
    data += writer.write([Ended(Finish.TOOL_USE), Used(Usage(input_tokens=1))]) + writer.end()
    server.answer = (200, "text/event-stream", data)
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="hi"))
    assert server.path.endswith(":streamGenerateContent?alt=sse")
    parts = [
        part
        for chunk in chunks
        for candidate in chunk.candidates or ()
        for part in (candidate.content and candidate.content.parts) or ()
    ]
    assert "".join(part.text or "" for part in parts) == "Hello"
    assert [part.function_call.args for part in parts if part.function_call] == [{"a": 1}]
    assert chunks[-1].candidates is not None
    assert chunks[-1].candidates[0].finish_reason is types.FinishReason.STOP
    assert chunks[-1].usage_metadata is not None


def test_the_sdk_raises_on_problems(client: genai.Client, server: Server) -> None:
    problem = Problem(429, "slow down", "rate_limit_error", "rate_limit_exceeded", None, "req-1")
    headers, body = CLIENT.write_problem(problem)
    assert headers == [(b"content-type", b"application/json; charset=UTF-8")]
    server.answer = (429, "application/json", body)
    with pytest.raises(errors.ClientError, match="slow down") as raised:
        client.models.generate_content(model=MODEL, contents="hi")
    assert (raised.value.code, raised.value.status) == (429, "RESOURCE_EXHAUSTED")
    writer = CLIENT.stream_writer(
        Asked(Conversation(format=Format.GENERATE_CONTENT, messages=()), MODEL, "r", 0, False, "", "")
    )
    broken = writer.write([TextDelta("a")]) + writer.failure(problem._replace(status=502, message="it broke"))
    server.answer = (200, "text/event-stream", broken)
    with pytest.raises(errors.APIError, match="it broke"):
        list(client.models.generate_content_stream(model=MODEL, contents="hi"))


def test_the_sdk_embeds_and_counts(client: genai.Client, server: Server) -> None:
    reply = EmbeddingReply(id="", model="m", vectors={"float": ((0.5, 1.0), (2.0, 3.0))})
    request = EmbeddingRequest(format=Format.EMBED_CONTENT, inputs=("a", "b"))
    server.answer = (
        200,
        "application/json",
        EMBED_CLIENT.write_answer(reply, asked(request, server), Losses()),
    )
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=2)
    answer = client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"], config=config)
    assert [each.values for each in answer.embeddings or ()] == [[0.5, 1.0], [2.0, 3.0]]
    said = EMBED_CLIENT.read_request(server.body, "gemini-embedding-001")
    assert (said.inputs, said.task, said.dimensions, said.single) == (("a", "b"), "search_query", 2, False)
    server.answer = (200, "application/json", count_answer(7))
    assert client.models.count_tokens(model=MODEL, contents="hi").total_tokens == 7
    assert read_count_request(server.body).messages[0].parts == (Text(text="hi"),)
