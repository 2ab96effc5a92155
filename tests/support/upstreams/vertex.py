"""Vertex AI: Gemini's and Claude's own formats, behind paths of Google's."""

from tests.support.upstreams.gemini import GeminiUpstream
from tests.support.upstreams.messages import MessagesUpstream


class VertexGeminiUpstream(GeminiUpstream):
    name, dialect = "up_vertex_gemini", "vertex"
    base_path = "/v1/projects/p/locations/global"


class VertexClaudeUpstream(MessagesUpstream):
    name, dialect = "up_vertex_claude", "vertex"
    base_path = "/v1/projects/p/locations/global"
