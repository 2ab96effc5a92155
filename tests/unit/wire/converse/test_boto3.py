"""boto3 itself, on a socket, as a client of this format."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError
from tests.support.wire_targets import asked

from fastgate.domain.conversation import Conversation, Text, ToolUse
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Delta, Ended, Finish, Reply, Started, TextDelta, Used
from fastgate.domain.usage import Usage
from fastgate.wire.converse import CLIENT
from fastgate.wire.converse.access_key import virtual_key_in
from fastgate.wire.interface import Header, Losses, Problem

_ASKED = asked(Conversation(format=Format.CONVERSE, messages=()))
_JSON: list[Header] = [(b"content-type", b"application/json")]
_STREAM: list[Header] = [(b"content-type", CLIENT.stream_type)]
_MESSAGES = [{"role": "user", "content": [{"text": "Hi"}]}]
_PROBLEM = Problem(429, "slow down", "rate_limit_error", "rate_limit_exceeded", None, "req-1")


class _Server(HTTPServer):
    """Gives every request the same answer."""

    def __init__(self, status: int, headers: list[Header], body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = (status, headers, body)
        self.asked: list[tuple[str, dict[str, str], bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, dict(self.headers.items()), body))
        status, headers, answer = self.server.answer
        self.send_response(status)
        for name, value in (*headers, (b"content-length", b"%d" % len(answer))):
            self.send_header(name.decode(), value.decode())
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def answering(
    status: int, headers: list[Header], body: bytes, *, attempts: int = 1
) -> Iterator[tuple[Any, _Server]]:
    """A client of boto3's kind, and the server that it talks to."""
    session = botocore.session.Session()
    session.set_credentials("sk-fg-virtual", "any")
    with _Server(status, headers, body) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        client = session.create_client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            config=Config(retries={"total_max_attempts": attempts}),
        )
        try:
            yield client, server
        finally:
            client.close()
            server.shutdown()
            thread.join()


def test_converse() -> None:
    parts = (Text(text="Hello"), ToolUse(id="t", name="n", arguments='{"a":1}'))
    reply = Reply(id="", model="", choices=(Choice(parts=parts, finish=Finish.TOOL_USE),))
    with answering(200, _JSON, CLIENT.write_answer(reply, _ASKED, Losses())) as (client, server):
        answer = client.converse(modelId="a.b:0", messages=_MESSAGES)
    assert answer["output"]["message"]["content"] == [
        {"text": "Hello"},
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {"a": 1}}},
    ]
    ((path, headers, body),) = server.asked
    assert path == "/model/a.b%3A0/converse"
    assert virtual_key_in(headers["Authorization"].encode()) == b"sk-fg-virtual"
    request = CLIENT.read_request(body, "a.b:0")
    assert request.messages[0].parts == (Text(text="Hi"),)


def test_converse_stream() -> None:
    writer = CLIENT.stream_writer(_ASKED)
    usage = Usage(input_tokens=3, output_tokens=4)
    deltas: list[Delta] = [
        Started("", ""),
        TextDelta("Hel"),
        TextDelta("lo"),
        Ended(Finish.STOP),
        Used(usage),
    ]
    with answering(200, _STREAM, writer.write(deltas) + writer.end()) as (client, server):
        events = list(client.converse_stream(modelId="m", messages=_MESSAGES)["stream"])
    texts = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
    assert texts == ["Hel", "lo"]
    assert events[-1]["metadata"]["usage"]["totalTokens"] == 7
    assert server.asked[0][0] == "/model/m/converse-stream"


def test_a_failure_in_the_middle() -> None:
    writer = CLIENT.stream_writer(_ASKED)
    stream = writer.write([TextDelta("Hel")]) + writer.failure(_PROBLEM)
    with answering(200, _STREAM, stream) as (client, _):
        events = client.converse_stream(modelId="m", messages=_MESSAGES)["stream"]
        with pytest.raises(EventStreamError, match="throttlingException"):
            list(events)


def test_a_refusal() -> None:
    headers, body = CLIENT.write_problem(_PROBLEM)
    with answering(429, headers, body) as (client, _):
        with pytest.raises(ClientError) as raised:
            client.converse(modelId="m", messages=_MESSAGES)
        assert isinstance(raised.value, client.exceptions.ThrottlingException)
    error = raised.value.response
    assert error["Error"] == {"Message": "slow down", "Code": "ThrottlingException"}


@pytest.mark.parametrize("status", [401, 403])
def test_a_bad_key_is_the_same_by_either_status(status: int) -> None:
    """AWS says 403 where the gateway says 401 to everybody: the name decides, and nothing is tried again."""
    problem = Problem(status, "no such key", "authentication_error", "invalid_virtual_key", None, "req-1")
    headers, body = CLIENT.write_problem(problem)
    with answering(status, headers, body, attempts=3) as (client, server):
        with pytest.raises(ClientError) as raised:
            client.converse(modelId="m", messages=_MESSAGES)
        assert isinstance(raised.value, client.exceptions.AccessDeniedException)
    assert len(server.asked) == 1
