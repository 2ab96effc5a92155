"""Who calls and who pays: customers, teams, virtual keys."""

from typing import Annotated

from msgspec import Meta

from fastgate.config.money_settings import BudgetList, RateLimitSettings
from fastgate.config.section import DAY_S, Identifier, Section
from fastgate.config.shape import SECRET, SENSITIVE
from fastgate.domain.virtual_key import OnDisconnect


class FallbackSettings(Section, frozen=True):
    """A model to try when the one that was asked for has no deployment left."""

    model: Annotated[str, Meta(description="Model or route.")]
    provider: Annotated[str | None, Meta(description="Provider; default is whoever serves the model.")] = None


class CustomerSettings(Section, frozen=True):
    """Who is billed."""

    id: Annotated[Identifier, Meta(description="Unique name.")]
    timezone: Annotated[str | None, Meta(description="IANA zone of calendar periods.")] = None
    budget: Annotated[BudgetList, Meta(description="Caps of money.")] = None
    rate_limit: Annotated[RateLimitSettings | None, Meta(description="Caps per time.")] = None
    model_limits: Annotated[
        dict[str, RateLimitSettings], Meta(description="Caps per time for models, by glob.")
    ] = {}
    provider_limits: Annotated[
        dict[str, RateLimitSettings], Meta(description="Caps per time for providers, by name.")
    ] = {}
    metadata: Annotated[dict[str, str], Meta(description="Free-form, copied onto every record.")] = {}


class TeamSettings(Section, frozen=True):
    """A part of a customer, or of another team."""

    id: Annotated[Identifier, Meta(description="Unique name.")]
    customer_id: Annotated[
        str | None, Meta(description="The customer it belongs to; default that of the parent.")
    ] = None
    parent_team_id: Annotated[str | None, Meta(description="The team that it is a part of.")] = None
    budget: Annotated[BudgetList, Meta(description="Caps of money.")] = None
    rate_limit: Annotated[RateLimitSettings | None, Meta(description="Caps per time.")] = None
    model_limits: Annotated[
        dict[str, RateLimitSettings], Meta(description="Caps per time for models, by glob.")
    ] = {}
    provider_limits: Annotated[
        dict[str, RateLimitSettings], Meta(description="Caps per time for providers, by name.")
    ] = {}
    metadata: Annotated[dict[str, str], Meta(description="Free-form, copied onto every record.")] = {}


class VirtualKeySettings(Section, frozen=True):
    """A workload's credential, with what it may use."""

    id: Annotated[Identifier, Meta(description="Unique name; the secret is another thing.")]
    secret: Annotated[
        str | None, Meta(description="The secret, as `${VAR}` or `file:/path`.", extra=SECRET)
    ] = None
    secret_hash: Annotated[
        Annotated[str, Meta(pattern=r"^(sha256:)?[0-9a-f]{64}$")] | None,
        Meta(description="SHA-256 of the secret, hexadecimal.", extra=SENSITIVE),
    ] = None
    enabled: Annotated[bool, Meta(description="Switched off, it is answered with 401.")] = True
    expires_at: Annotated[str | None, Meta(description="RFC 3339 time after which it is refused.")] = None
    customer_id: Annotated[str | None, Meta(description="Customer it belongs to.")] = None
    team_id: Annotated[str | None, Meta(description="Team it belongs to.")] = None
    allowed_providers: Annotated[list[str] | None, Meta(description="Providers it may use; default all.")] = (
        None
    )
    allowed_models: Annotated[
        list[str] | None, Meta(description="Globs of models and routes it may use.")
    ] = None
    denied_models: Annotated[
        list[str], Meta(description="Globs that it may not use, whatever is allowed.")
    ] = []
    fallbacks: Annotated[
        list[FallbackSettings], Meta(description="Tried in order when nothing else is left.")
    ] = []
    budget: Annotated[BudgetList, Meta(description="Caps of money.")] = None
    rate_limit: Annotated[RateLimitSettings | None, Meta(description="Caps per time.")] = None
    model_limits: Annotated[
        dict[str, RateLimitSettings], Meta(description="Caps per time for models, by glob.")
    ] = {}
    provider_limits: Annotated[
        dict[str, RateLimitSettings], Meta(description="Caps per time for providers, by name.")
    ] = {}
    tags: Annotated[dict[str, str], Meta(description="For route conditions, tag budgets and records.")] = {}
    metadata: Annotated[dict[str, str], Meta(description="Free-form, copied onto every record.")] = {}
    log_prompts: Annotated[bool, Meta(description="Write prompts and answers to the log.")] = False
    on_disconnect: Annotated[
        OnDisconnect, Meta(description="When the client leaves: `cancel` the upstream, or `drain` it.")
    ] = OnDisconnect.CANCEL
    drain_max_s: Annotated[float, Meta(gt=0, le=DAY_S, description="Longest time that `drain` goes on.")] = (
        30.0
    )
