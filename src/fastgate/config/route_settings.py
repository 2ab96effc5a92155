"""Routes: public model names of one's own."""

from typing import Annotated

from msgspec import Meta

from fastgate.config.provider_settings import RetrySettings, TimeoutSettings
from fastgate.config.section import Section
from fastgate.domain.snapshot import Strategy, StreamFailure


class TargetSettings(Section, frozen=True):
    """A deployment in a group."""

    provider: Annotated[str, Meta(description="Name of a configured provider.")]
    model: Annotated[str, Meta(description="Model at that provider.")]
    region: Annotated[str | None, Meta(description="Only the deployment of this region.")] = None
    weight: Annotated[int, Meta(ge=1, le=1_000_000, description="Share of the calls, with `weighted`.")] = 1


class ConditionSettings(Section, frozen=True):
    """When a group takes part; all that is given must hold."""

    tags: Annotated[dict[str, str], Meta(description="Tags of the key that must be equal.")] = {}
    min_body_bytes: Annotated[int, Meta(ge=0, description="Smallest request body.")] = 0
    max_body_bytes: Annotated[int, Meta(ge=0, description="Largest request body; 0: any.")] = 0


class GroupSettings(Section, frozen=True):
    """Deployments that share the load; the next group is used when this one has nothing left."""

    deployments: Annotated[list[TargetSettings], Meta(min_length=1, description="Its members.")]
    strategy: Annotated[Strategy, Meta(description="How a member is chosen.")] = Strategy.WEIGHTED
    when: Annotated[ConditionSettings | None, Meta(description="Condition on the request.")] = None


GroupList = Annotated[list[GroupSettings], Meta(min_length=1)]


class HedgeSettings(Section, frozen=True):
    """A second attempt on the next deployment when the first is slow; the first content wins."""

    after: Annotated[
        str,
        Meta(
            pattern=r"^(p95|[0-9]{1,6}(\.[0-9]{1,6})?(ms|s))$",
            description="`p95`, or a time such as `800ms`.",
        ),
    ] = "p95"
    max: Annotated[int, Meta(ge=1, le=3, description="Further attempts at the same time.")] = 1


class RouteSettings(Section, frozen=True):
    """A route with options; a plain list of groups is the short form."""

    groups: Annotated[GroupList, Meta(description="Groups, in order.")]
    hedge: Annotated[HedgeSettings | None, Meta(description="Hedging; off by default.")] = None
    timeouts: Annotated[TimeoutSettings | None, Meta(description="Timers that win over the provider's.")] = (
        None
    )
    stream_failure: Annotated[
        StreamFailure | None, Meta(description="As `upstream.stream_failure`, for this route.")
    ] = None
    retries: Annotated[RetrySettings | None, Meta(description="Retries that win over the provider's.")] = None
