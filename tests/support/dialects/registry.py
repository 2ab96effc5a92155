"""All of them."""

from tests.support.dialects.anthropic import InvokeClient, MessagesClient
from tests.support.dialects.bedrock import ConverseClient
from tests.support.dialects.client import Client
from tests.support.dialects.gemini import GeminiClient
from tests.support.dialects.openai import ChatClient, ResponsesClient

CLIENTS: dict[str, Client] = {
    each.name: each
    for each in (
        ChatClient(),
        ResponsesClient(),
        MessagesClient(),
        InvokeClient(),
        ConverseClient(),
        GeminiClient(),
    )
}
