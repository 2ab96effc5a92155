"""Prices of one's own, and of models that have none."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from fastgate.config.section import Section, Usd
from fastgate.config.shape import FACTOR

Factor = Annotated[Decimal, Meta(extra=FACTOR)]


class PriceSettings(Section, frozen=True, rename={"from_": "from"}):
    """What the catalogue does not know, or knows otherwise. A unit that has no price here keeps the
    catalogue's, if it has one. Of several entries that give the same, the last that applies wins."""

    provider: Annotated[str, Meta(description="Name of a configured provider.")]
    model: Annotated[str, Meta(min_length=1, description="Model, or a glob of models.")]
    region: Annotated[str | None, Meta(description="Only deployments of this region.")] = None
    tier: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="Service tier that it is for, as the provider names it (`batch`, `flex`, …). "
            "Default: amounts are for the standard one, a `multiplier` is for all of them."
        ),
    ] = None
    from_: Annotated[str | None, Meta(description="RFC 3339 time when it begins; default since ever.")] = None
    until: Annotated[str | None, Meta(description="RFC 3339 time when it ends; default never.")] = None
    like: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="`provider/model` of the catalogue that it costs as much as, for a name that the "
            "catalogue does not know."
        ),
    ] = None
    multiplier: Annotated[
        Factor | None, Meta(description="Factor on the catalogue's price, such as 0.85 for a contract.")
    ] = None
    input_per_mtok_usd: Annotated[Usd | None, Meta(description="A million input tokens.")] = None
    output_per_mtok_usd: Annotated[Usd | None, Meta(description="A million output tokens.")] = None
    cached_input_per_mtok_usd: Annotated[
        Usd | None, Meta(description="A million input tokens read from a cache; default as other input.")
    ] = None
    cache_write_per_mtok_usd: Annotated[
        Usd | None, Meta(description="A million input tokens written to a cache; default as other input.")
    ] = None
    cache_write_1h_per_mtok_usd: Annotated[
        Usd | None, Meta(description="The same to a cache that lasts an hour; default as other writes.")
    ] = None
    reasoning_per_mtok_usd: Annotated[
        Usd | None, Meta(description="A million reasoning tokens; default as other output.")
    ] = None
    input_audio_per_mtok_usd: Annotated[
        Usd | None, Meta(description="A million input tokens of sound; default as other input.")
    ] = None
    output_audio_per_mtok_usd: Annotated[
        Usd | None, Meta(description="A million output tokens of sound; default as other output.")
    ] = None
    per_image_usd: Annotated[Usd | None, Meta(description="An image that is made.")] = None
    per_request_usd: Annotated[Usd | None, Meta(description="A call, whatever it does.")] = None
    per_page_usd: Annotated[Usd | None, Meta(description="A page that is read.")] = None
    per_search_usd: Annotated[Usd | None, Meta(description="A search, of the web or of a reranker.")] = None


class AssumedPrice(Section, frozen=True):
    """Price of models that have none."""

    input_per_mtok_usd: Annotated[Usd, Meta(description="A million input tokens.")]
    output_per_mtok_usd: Annotated[Usd, Meta(description="A million output tokens.")]


class AssumeUnpriced(Section, frozen=True):
    """Unpriced models are billed at an assumed price."""

    assume: Annotated[AssumedPrice, Meta(description="The price.")]
