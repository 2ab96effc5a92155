"""Price data newer than the package's: checked whole, kept in the data directory.

Never imported in a worker.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import Final

import msgspec
import pydantic
from genai_prices.types import Provider, _providers_from_raw  # the package's own reader has no other name

from fastgate.errors import ConfigError
from fastgate.pricing.catalogue import Catalogue, Found, installed
from fastgate.pricing.listing import Target, prices_of
from fastgate.store.data_dir import DataDir

_LABEL_DIGITS: Final = 12


def checksum(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def parse(data: bytes) -> Catalogue:
    """Of genai-prices' `data.json` (version 2): a list of vendors. ValueError says what is wrong with it.

    Every model is compiled on the way, so that what this returns has no surprises.
    """
    try:
        raw = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(raw, list) or not raw:
        raise ValueError("not price data: a list of vendors is expected")
    try:
        providers = _providers_from_raw(raw)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"not price data of genai-prices: {place}: {first['msg']}") from error
    catalogue = Catalogue(providers, f"update {checksum(data)[:_LABEL_DIGITS]}")
    for provider in providers:
        _check(provider, catalogue)
    return catalogue


def _check(provider: Provider, catalogue: Catalogue) -> None:
    ids = {each.id for each in catalogue.providers}
    unknown = set(provider.fallback_model_providers or ()) - ids
    if unknown:
        raise ValueError(f"{provider.id} resells the models of {', '.join(sorted(unknown))}, unknown here")
    for model in provider.models:
        try:
            prices_of(_target(provider, Found(provider.id, model, own=True)), (), catalogue)
            model.is_match(model.id)
        except (ValueError, re.error) as error:
            raise ValueError(f"{provider.id}/{model.id}: {error}") from error


def _target(provider: Provider, found: Found) -> Target:
    return Target(provider.id, found.model.id, None, (), found)


def current(data_dir: DataDir) -> Catalogue:
    """The data to compile prices from: the update, where one is installed.

    OSError, and ConfigError for one that is damaged.
    """
    try:
        data = data_dir.prices.read_bytes()
    except FileNotFoundError:
        return installed()
    try:
        return parse(data)
    except ValueError as error:
        raise ConfigError(f"{data_dir.prices}: {error} (`fastgate prices rollback` goes back)") from error


def install(data_dir: DataDir, data: bytes) -> None:
    """Put data that `parse` takes in place, all at once, and keep what was there for `roll_back`."""
    temporary = data_dir.prices.with_name(f"{data_dir.prices.name}.{os.getpid()}.tmp")
    try:
        _write(temporary, data)
        if data_dir.prices.exists():
            data_dir.previous_prices.unlink(missing_ok=True)
            os.link(data_dir.prices, data_dir.previous_prices)
        os.replace(temporary, data_dir.prices)
    finally:
        temporary.unlink(missing_ok=True)


def roll_back(data_dir: DataDir) -> bool:
    """Use again what was used before the last update; False where there is no update."""
    if not data_dir.prices.exists():
        return False
    if data_dir.previous_prices.exists():
        os.replace(data_dir.previous_prices, data_dir.prices)
    else:
        data_dir.prices.unlink()
    return True


def _write(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
