"""Ollama's `POST /api/chat` towards Ollama."""

from typing import Any, Final

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.beside import NOTHING
from fastgate.wire.interface import Losses, Request, Splitter, StreamReader, Summary, Target, expect
from fastgate.wire.ollama.chat_answer import read_answer, summary
from fastgate.wire.ollama.chat_request import write_request
from fastgate.wire.ollama.chat_stream import ChatStreamReader
from fastgate.wire.ollama.lines import LineSplitter


class OllamaChatProvider:
    """Stateless."""

    format = Format.OLLAMA_CHAT
    beside: Final = NOTHING

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        return write_request(expect(request, Conversation), target, losses)

    def read_answer(self, body: bytes) -> Reply:
        return read_answer(body)

    def stream_reader(self) -> StreamReader:
        return ChatStreamReader()

    def splitter(self, limit: int) -> Splitter:
        return LineSplitter(limit)

    def summary(self, body: bytes) -> Summary:
        return summary(body)

    def json_in(self, event: bytes) -> bytes:
        return event
