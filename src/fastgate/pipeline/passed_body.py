"""The body of a request that passes through: as the client wrote it, changed only where it must be."""

from collections.abc import Callable
from typing import Any

import msgspec

from fastgate.domain.format import MODEL_IN_PATH, Format
from fastgate.pipeline.operation import Operation
from fastgate.providers.interface import RequestPlan
from fastgate.wire import options
from fastgate.wire.envelope import Cap, Envelope
from fastgate.wire.nested import nested_for


def passed_body(
    envelope: Envelope,
    operation: Operation,
    plan: RequestPlan,
    *,
    cap: Cap | None,
    adapt: Callable[[dict[str, Any]], None] | None,
) -> bytes:
    """`adapt` is the dialect's. GatewayError: `provider_options` that nobody may say."""
    spoken, said = plan.format, envelope.fields.provider_options
    nested = None if spoken is None or cap is None else nested_for(spoken, plan.model)
    body = envelope.render(
        None if spoken in MODEL_IN_PATH else plan.model,
        ask_usage=plan.stream and operation.usage_in_stream and plan.provider.stream_usage,
        cap=cap if nested is None else None,
    )
    streams_by_path = spoken is Format.MESSAGES and operation.streams is not None
    if adapt is None and nested is None and said is None and not streams_by_path:
        return body
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    if said is not None:
        del members["provider_options"]
        options.add(members, said, spoken or "", plan.provider.dialect, plan.provider.name)
    if streams_by_path:  # its body may say something else
        members["stream"] = msgspec.Raw(b"true" if plan.stream else b"false")
    if nested is not None and cap is not None:
        nested.set(members, "max_tokens", cap[1])
    if adapt is not None:
        adapt(members)
    return msgspec.json.encode(members)
