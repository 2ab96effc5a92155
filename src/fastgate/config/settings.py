"""The whole configuration: every setting with its type, default and doc.

The shape is the public contract (DESIGN part 10). `docs/settings.md` is generated from it.
"""

from typing import Annotated, Literal

from msgspec import Meta

from fastgate.config.money_settings import (
    BudgetsSettings,
    GatewaySettings,
    LedgerSettings,
    LimitsSettings,
    ModelBudgetSettings,
    TagBudgetSettings,
    TagSettings,
)
from fastgate.config.owner_settings import CustomerSettings, TeamSettings, VirtualKeySettings
from fastgate.config.price_settings import AssumeUnpriced, PriceSettings
from fastgate.config.provider_settings import ProviderSettings
from fastgate.config.responses_settings import ResponsesSettings
from fastgate.config.route_settings import GroupSettings, RouteSettings
from fastgate.config.section import Identifier, Section
from fastgate.config.server_settings import Auth, Logging, Metrics, Server, Upstream
from fastgate.domain.snapshot import Compat


class Settings(Section, frozen=True):
    """The whole configuration."""

    data_dir: Annotated[str, Meta(description="Directory of the shared files, mode 0700.")] = (
        "./fastgate-data"
    )
    server: Annotated[Server, Meta(description="Public port and processes.")] = Server()
    auth: Annotated[Auth, Meta(description="Who may call.")] = Auth()
    logging: Annotated[Logging, Meta(description="Logs.")] = Logging()
    metrics: Annotated[Metrics, Meta(description="Metrics.")] = Metrics()
    upstream: Annotated[Upstream, Meta(description="Calls to providers.")] = Upstream()
    gateway: Annotated[GatewaySettings, Meta(description="Caps for all calls together.")] = GatewaySettings()
    providers: Annotated[dict[Identifier, ProviderSettings], Meta(description="Vendors, by name.")] = {}
    routes: Annotated[
        dict[
            Annotated[str, Meta(min_length=1)],
            Annotated[list[GroupSettings], Meta(min_length=1)] | RouteSettings,
        ],
        Meta(description="Public model names of one's own."),
    ] = {}
    redirects: Annotated[
        dict[Annotated[str, Meta(min_length=1)], Annotated[str, Meta(min_length=1)]],
        Meta(
            description="Public names of retired models, each with the name that takes its place. Answers "
            "say so in `x-fastgate-model-deprecated`."
        ),
    ] = {}
    compat: Annotated[
        Compat,
        Meta(
            description="Fields of a request that the provider cannot be told: `drop` names them in a header "
            "of the answer, `strict` refuses the request, `pass` sends them on as they are."
        ),
    ] = Compat.DROP
    responses: Annotated[
        ResponsesSettings, Meta(description="The Responses API for providers that do not have it.")
    ] = ResponsesSettings()
    customers: Annotated[list[CustomerSettings], Meta(description="Who is billed.")] = []
    teams: Annotated[list[TeamSettings], Meta(description="Parts of customers.")] = []
    virtual_keys: Annotated[list[VirtualKeySettings], Meta(description="Credentials of workloads.")] = []
    tag_budgets: Annotated[
        list[TagBudgetSettings], Meta(description="Caps for calls with certain tags.")
    ] = []
    model_budgets: Annotated[list[ModelBudgetSettings], Meta(description="Caps for certain models.")] = []
    tags: Annotated[TagSettings, Meta(description="Tags that a request brings with it.")] = TagSettings()
    limits: Annotated[LimitsSettings, Meta(description="How rate limits are applied.")] = LimitsSettings()
    budgets: Annotated[BudgetsSettings, Meta(description="How budgets are applied.")] = BudgetsSettings()
    prices: Annotated[list[PriceSettings], Meta(description="Prices of one's own.")] = []
    unpriced: Annotated[
        Literal["deny", "deny_budgeted", "allow"] | AssumeUnpriced,
        Meta(
            description="Calls that have no price: `deny_budgeted` refuses those that a budget applies to, "
            "`deny` all, `allow` none (they cost 0); or a price to `assume`."
        ),
    ] = "deny_budgeted"
    ledger: Annotated[LedgerSettings, Meta(description="The record of every call that costs.")] = (
        LedgerSettings()
    )
