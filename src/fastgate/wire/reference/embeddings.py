"""Embeddings and rankings: how the requests of each format say each feature."""

from typing import Final

from fastgate.wire.reference.samples import JSON, PIXEL, PLAIN, Said

EMBEDDING_FEATURES: Final = (
    "several texts",
    "token ids",
    "image",
    "dimensions",
    "task",
    "title",
    "truncation",
    "base64",
    "int8",
    "end user",
    "a field unknown here",
)
RANKING_FEATURES: Final = (
    "documents that are objects",
    "how many",
    "documents in the answer",
    "bound on a document",
    "a field unknown here",
)

_PART: Final = {"parts": [{"text": PLAIN}]}

OPENAI_PLAIN: Final[JSON] = {"model": "m", "input": PLAIN}
OPENAI_SAID: Final[Said] = {
    "several texts": {"input": [PLAIN, "Another."]},
    "token ids": {"input": [[15339, 1917]]},
    "dimensions": {"dimensions": 512},
    "task": {"input_type": "search_query"},
    "base64": {"encoding_format": "base64"},
    "end user": {"user": "u"},
    "a field unknown here": {"brand_new": 1},
}

GEMINI_PLAIN: Final[JSON] = {"content": _PART}
GEMINI_SAID: Final[Said] = {
    "several texts": {
        "content": None,
        "requests": [{"model": "models/m", "content": _PART}, {"model": "models/m", "content": _PART}],
    },
    "image": {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}]}},
    "dimensions": {"outputDimensionality": 512},
    "task": {"taskType": "RETRIEVAL_QUERY"},
    "title": {"taskType": "RETRIEVAL_DOCUMENT", "title": "It"},
    "a field unknown here": {"brandNew": 1},
}

_TERMS: Final[JSON] = {"model": "m", "input_type": "search_document"}
COHERE_PLAIN: Final[JSON] = {**_TERMS, "texts": [PLAIN]}
COHERE_SAID: Final[Said] = {
    "several texts": {"texts": [PLAIN, "Another."]},
    "image": {
        "texts": None,
        "inputs": [
            {"content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]}
        ],
    },
    "dimensions": {"output_dimension": 512},
    "task": {"input_type": "search_query"},
    "truncation": {"truncate": "END"},
    "base64": {"embedding_types": ["base64"]},
    "int8": {"embedding_types": ["int8"]},
    "a field unknown here": {"brand_new": 1},
}

RANKING_PLAIN: Final[JSON] = {"model": "m", "query": "It?", "documents": [PLAIN, "Another."]}
RANKING_SAID: Final[Said] = {
    "documents that are objects": {"documents": [{"text": PLAIN}, {"text": "Another."}]},
    "how many": {"top_n": 1},
    "documents in the answer": {"return_documents": True},
    "bound on a document": {"max_tokens_per_doc": 100},
    "a field unknown here": {"brand_new": 1},
}
