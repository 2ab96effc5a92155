"""All of them."""

from tests.support.upstreams.bedrock import ClaudeConverseUpstream, ConverseUpstream, InvokeUpstream
from tests.support.upstreams.chat import ChatUpstream
from tests.support.upstreams.cohere import CohereUpstream
from tests.support.upstreams.gemini import GeminiUpstream
from tests.support.upstreams.messages import MessagesUpstream
from tests.support.upstreams.ollama import OllamaUpstream
from tests.support.upstreams.script import Upstream
from tests.support.upstreams.vertex import VertexClaudeUpstream, VertexGeminiUpstream

UPSTREAMS: dict[str, Upstream] = {
    each.name: each
    for each in (
        ChatUpstream(),
        MessagesUpstream(),
        ConverseUpstream(),
        ClaudeConverseUpstream(),
        InvokeUpstream(),
        GeminiUpstream(),
        VertexGeminiUpstream(),
        VertexClaudeUpstream(),
        CohereUpstream(),
        OllamaUpstream(),
    )
}
"""By the name of the provider."""
