"""What writers of requests and answers are told besides, with values that say nothing."""

from fastgate.wire.interface import Asked, Request, Target


def target(model: str = "m-1", *, stream: bool = False, cap: int | None = None) -> Target:
    return Target(provider="p", model=model, stream=stream, default_max_tokens=4_096, cap=cap)


def asked(request: Request) -> Asked:
    return Asked(
        request=request,
        model="asked-model",
        fallback_id="fallback-id",
        created_s=1_790_000_000,
        include_usage=False,
        path="/",
        query="",
    )
