"""Settings of the Responses API towards providers that do not have it."""

from typing import Annotated

from msgspec import Meta

from fastgate.config.section import DAY_S, Section


class ResponsesSettings(Section, frozen=True):
    """Whether responses that the gateway has translated are stored, as OpenAI stores its own."""

    store_translated: Annotated[
        bool,
        Meta(
            description="Keep such responses and what led to them in `data_dir`, unless a request says "
            "`store: false`: a later one can then go on from them by `previous_response_id`."
        ),
    ] = False
    ttl_s: Annotated[int, Meta(ge=60, le=400 * DAY_S, description="How long they are kept, in seconds.")] = (
        30 * DAY_S
    )
    max_mb: Annotated[
        int,
        Meta(ge=1, le=32 * 1024, description="Disk for them in MiB; the oldest give way to new ones."),
    ] = 1024
