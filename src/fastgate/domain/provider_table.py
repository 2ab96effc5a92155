"""The providers that fastgate knows by name: what differs between those that speak OpenAI's dialect.

One row a provider; a configuration may override every column. `{name}` in a URL is a required
setting of the provider (`resource`, `host`, `region`, `account`), filled in when it is compiled.
"""

from typing import Final, NamedTuple

from fastgate.domain.endpoint import Endpoint

_TEXT: Final = (Endpoint.CHAT, Endpoint.MODELS)
_TEXT_EMBED: Final = (*_TEXT, Endpoint.EMBEDDINGS)
_ALL: Final = tuple(Endpoint)


class KnownProvider(NamedTuple):
    base_url: str | None
    env: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = _ALL
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    stream_usage: bool = True
    catalogue: str | None = None
    needs_secret: bool = True
    any_model: bool = False
    azure_deployments: bool = False
