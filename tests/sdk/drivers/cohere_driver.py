"""cohere 7.x: embed and rerank, which are what clients of this format may ask for."""

from collections.abc import Callable
from typing import Any

import cohere
from cohere.core.api_error import ApiError
from cohere.core.request_options import RequestOptions

Task = dict[str, Any]
Seen = Any

_ONCE = RequestOptions(max_retries=0)


def connect(url: str, key: str) -> cohere.ClientV2:
    return cohere.ClientV2(api_key=key, base_url=url, timeout=20)


def disconnect(client: cohere.ClientV2) -> None:
    client.__exit__(None, None, None)  # type: ignore[no-untyped-call] # there is no `close`


def raised(error: Exception) -> Seen:
    if not isinstance(error, ApiError):
        raise error
    return {"raised": type(error).__name__, "status": error.status_code}


def embed(client: cohere.ClientV2, model: str, task: Task) -> Seen:
    answer = client.embed(
        model=model,
        texts=task["texts"],
        input_type="search_query",
        embedding_types=["float"],
        request_options=_ONCE,
    )
    units = answer.meta and answer.meta.billed_units
    return {"vectors": answer.embeddings.float_, "input": units and units.input_tokens}


def rerank(client: cohere.ClientV2, model: str, task: Task) -> Seen:
    answer = client.rerank(
        model=model, query=task["query"], documents=task["texts"], top_n=1, request_options=_ONCE
    )
    return [[each.index, each.relevance_score] for each in answer.results]


CALLS: dict[str, Callable[[cohere.ClientV2, str, Task], Seen]] = {"embed": embed, "rerank": rerank}
