"""The endpoints as a client sees them, called as an ASGI application."""

import base64
import struct
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from fastgate.sim.app import SimApp
from fastgate.sim.options import SimOptions

USER = [{"role": "user", "content": "hello"}]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(SimApp(SimOptions()))
    async with httpx.AsyncClient(transport=transport, base_url="http://sim") as client:
        yield client


def events(response: httpx.Response) -> list[Any]:
    data = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    return [msgspec.json.decode(item) for item in data if item != "[DONE]"]


@pytest.mark.parametrize("prefix", ["", "/v1", "/openai/v1"])
async def test_paths_and_marks(client: httpx.AsyncClient, prefix: str) -> None:
    response = await client.post(f"{prefix}/chat/completions", json={"model": "m", "messages": USER})
    assert response.status_code == 200
    assert response.headers["x-simulated"] == "true"
    assert response.headers["x-request-id"].startswith("req_sim")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/nothing", 404),
        ("GET", "/", 200),
        ("GET", "/v2/x", 404),
    ],
)
async def test_wrong_paths_and_methods(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    assert (await client.request(method, path)).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"model":"m"}',
        b'{"model":"m","messages":[]}',
        b'{"model":1,"messages":[{"role":"user"}]}',
        b'{"model":"\xff","messages":[{"role":"user"}]}',
        b'{"model":"m","messages":[{"role":"user"}],"max_tokens":0}',
        b'{"model":"m","messages":[{"role":"user"}],"tools":[{"type":"function"}]}',
        b'{"model":"m","messages":[{"role":"user"}],'
        b'"response_format":{"type":"json_schema","json_schema":{"schema":{"$ref":"#/no"}}}}',
    ],
)
async def test_bad_bodies_are_400_in_the_dialect(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/v1/chat/completions", content=body)
    assert response.status_code == 400
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


async def test_several_choices_in_a_stream(client: httpx.AsyncClient) -> None:
    body = {"model": "m", "messages": USER, "stream": True, "n": 2, "max_tokens": 3}
    chunks = events(await client.post("/v1/chat/completions", json=body))
    by_index = [[c["choices"][0] for c in chunks if c["choices"][0]["index"] == index] for index in (0, 1)]
    assert by_index[0][-1]["finish_reason"] == by_index[1][-1]["finish_reason"] == "length"
    assert [len(choices) for choices in by_index] == [5, 5]


async def test_completions_take_several_prompts_and_token_arrays(client: httpx.AsyncClient) -> None:
    body = {"model": "m", "prompt": [[1, 2, 3], [4]], "max_tokens": 2}
    answer = (await client.post("/v1/completions", json=body)).json()
    assert [choice["text"] for choice in answer["choices"]] == ["This is", "This is"]
    assert answer["usage"]["prompt_tokens"] == 4
    assert answer["usage"]["completion_tokens"] == 4


async def test_completions_stream(client: httpx.AsyncClient) -> None:
    body = {
        "model": "m",
        "prompt": "x",
        "max_tokens": 3,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    *chunks, usage = events(await client.post("/v1/completions", json=body))
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == "This is a"
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"
    assert usage["usage"]["completion_tokens"] == 3


async def test_embeddings_are_unit_vectors_of_the_asked_size(client: httpx.AsyncClient) -> None:
    body = {"model": "m", "input": ["a", "b"], "dimensions": 12}
    plain = (await client.post("/v1/embeddings", json=body)).json()
    encoded = (await client.post("/v1/embeddings", json={**body, "encoding_format": "base64"})).json()
    for floats, text in zip(plain["data"], encoded["data"], strict=True):
        assert sum(x * x for x in floats["embedding"]) == pytest.approx(1)
        unpacked = struct.unpack("<12f", base64.b64decode(text["embedding"]))
        assert unpacked == pytest.approx(floats["embedding"])
    assert plain["data"][0]["embedding"] != plain["data"][1]["embedding"]


@pytest.mark.parametrize(("given", "count"), [("a", 1), ([1, 2], 1), ([[1], [2]], 2), (["a", [1]], 2)])
async def test_embedding_inputs(client: httpx.AsyncClient, given: Any, count: int) -> None:
    response = await client.post("/v1/embeddings", json={"model": "m", "input": given})
    assert len(response.json()["data"]) == count


@pytest.mark.parametrize("given", [[], [1.5], [None], {}])
async def test_embedding_inputs_that_are_none(client: httpx.AsyncClient, given: Any) -> None:
    response = await client.post("/v1/embeddings", json={"model": "m", "input": given})
    assert response.status_code == 400


async def test_response_stream_is_numbered_and_ends_once(client: httpx.AsyncClient) -> None:
    body = {"model": "m", "input": "hello", "stream": True, "max_output_tokens": 4}
    seen = events(await client.post("/v1/responses", json=body))
    assert [event["sequence_number"] for event in seen] == list(range(len(seen)))
    assert seen[0]["type"] == "response.created"
    assert seen[-1]["type"] == "response.incomplete"
    assert seen[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    deltas = [event["delta"] for event in seen if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == seen[-1]["response"]["output"][0]["content"][0]["text"]


async def test_only_a_background_response_can_be_cancelled(client: httpx.AsyncClient) -> None:
    async def cancel(background: bool) -> httpx.Response:
        body = {"model": "m", "input": "x", "background": background}
        made = (await client.post("/v1/responses", json=body)).json()
        return await client.post(f"/v1/responses/{made['id']}/cancel")

    assert (await cancel(False)).status_code == 400
    assert (await cancel(True)).json()["status"] == "cancelled"


async def test_unstored_and_oldest_responses_are_forgotten(client: httpx.AsyncClient) -> None:
    async def make(**more: Any) -> str:
        made = await client.post("/v1/responses", json={"model": "m", "input": "x", **more})
        response_id: str = made.json()["id"]
        return response_id

    unstored, first = await make(store=False), await make()
    assert (await client.get(f"/v1/responses/{unstored}")).status_code == 404
    assert (await client.get(f"/v1/responses/{first}")).status_code == 200
    for _ in range(1000):
        await make()
    assert (await client.get(f"/v1/responses/{first}")).status_code == 404


async def test_unknown_previous_response(client: httpx.AsyncClient) -> None:
    body = {"model": "m", "input": "x", "previous_response_id": "resp_none"}
    assert (await client.post("/v1/responses", json=body)).status_code == 404


async def test_moderations_flag_the_magic_word(client: httpx.AsyncClient) -> None:
    body = {"input": ["fine", "flagme"]}
    results = (await client.post("/v1/moderations", json=body)).json()["results"]
    assert [result["flagged"] for result in results] == [False, True]


async def test_rerank_orders_by_shared_words(client: httpx.AsyncClient) -> None:
    body = {
        "model": "m",
        "query": "red fox",
        "documents": ["a cat", {"text": "the red fox"}, "a fox"],
        "top_n": 2,
        "return_documents": True,
    }
    results = (await client.post("/v1/rerank", json=body)).json()["results"]
    assert [(result["index"], result["relevance_score"]) for result in results] == [(1, 1.0), (2, 0.5)]
    assert results[0]["document"] == {"text": "the red fox"}


async def test_image_is_a_png(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/v1/images/generations", json={"prompt": "x", "n": 2})).json()
    assert len(answer["data"]) == 2
    assert base64.b64decode(answer["data"][0]["b64_json"]).startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    ("fields", "files", "status"),
    [
        ({"prompt": "x"}, {"image": b"1"}, 200),
        ({"prompt": "x", "n": "2"}, {"image[]": b"1"}, 200),
        ({"prompt": "x", "n": "many"}, {"image": b"1"}, 400),
        ({}, {"image": b"1"}, 400),
        ({"prompt": "x"}, {"picture": b"1"}, 400),
    ],
)
async def test_image_edits(
    client: httpx.AsyncClient, fields: dict[str, str], files: dict[str, bytes], status: int
) -> None:
    response = await client.post("/v1/images/edits", data=fields, files=files)
    assert response.status_code == status


async def test_speech_is_a_wav(client: httpx.AsyncClient) -> None:
    body = {"model": "m", "input": "hello", "voice": "alloy"}
    response = await client.post("/v1/audio/speech", json=body)
    assert response.headers["content-type"] == "audio/wav"
    riff, size, wave = struct.unpack_from("<4sI4s", response.content)
    assert (riff, wave, size) == (b"RIFF", b"WAVE", len(response.content) - 8)


@pytest.mark.parametrize("form", ["json", "verbose_json", "text"])
@pytest.mark.parametrize("task", ["transcriptions", "translations"])
async def test_transcripts(client: httpx.AsyncClient, task: str, form: str) -> None:
    fields = {"model": "m", "response_format": form}
    response = await client.post(f"/v1/audio/{task}", data=fields, files={"file": b"\x00" * 40_000})
    assert "simulated transcript" in response.text
    if form == "verbose_json":
        assert response.json()["duration"] == 2


async def test_form_that_is_none(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    for content in (b"--x\r\nnonsense", b""):
        response = await client.post("/v1/audio/transcriptions", content=content, headers=headers)
        assert response.status_code == 400
    assert (await client.post("/v1/audio/transcriptions", json={})).status_code == 400


async def test_models_and_keys() -> None:
    transport = httpx.ASGITransport(SimApp(SimOptions(models=("a", "b/c"), key="secret")))
    async with httpx.AsyncClient(transport=transport, base_url="http://sim") as client:
        assert (await client.get("/v1/models")).status_code == 401
        client.headers["authorization"] = "Bearer secret"
        listed = (await client.get("/v1/models")).json()["data"]
        assert [model["id"] for model in listed] == ["a", "b/c"]
        assert (await client.get("/v1/models/b/c")).json()["id"] == "b/c"
        assert (await client.get("/v1/models/d")).status_code == 404
        body = {"model": "d", "messages": USER}
        assert (await client.post("/v1/chat/completions", json=body)).status_code == 404


async def test_asked_for_errors(client: httpx.AsyncClient) -> None:
    body = {"model": "m", "messages": USER}
    headers = {"x-sim": "error=429,retry_after_s=2.5"}
    response = await client.post("/v1/chat/completions", json=body, headers=headers)
    assert (response.status_code, response.headers["retry-after"]) == (429, "2.5")
    headers = {"x-sim": "error=503"}
    response = await client.post("/v1/chat/completions", json=body, headers=headers)
    assert (response.status_code, response.json()["error"]["type"]) == (503, "server_error")
