"""The secrets of a configuration, as this worker finds them.

One that is missing costs its credential and nothing else: the worker takes it for rejected, under a
fingerprint of its own, since other workers may have read the secret while it was there.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from fastgate.config.interpolate import resolve_secret
from fastgate.domain.snapshot import Credential, Provider, Snapshot
from fastgate.errors import ConfigError
from fastgate.routing.health import Health

UNRESOLVED: Final = "unresolved"

_Place = tuple[str, str]


class Secrets(NamedTuple):
    """By provider and id of the credential; `missing` has the reasons, which name no secret."""

    found: dict[_Place, str | None]
    missing: dict[_Place, str]


def resolve(snapshot: Snapshot, environ: Mapping[str, str]) -> Secrets:
    secrets = Secrets({}, {})
    for provider in snapshot.providers.values():
        for credential in provider.credentials:
            place = (provider.name, credential.id)
            try:
                ref = credential.secret
                secrets.found[place] = None if ref is None else resolve_secret(ref, environ)
            except ConfigError as error:
                secrets.missing[place] = str(error)
    return secrets


def without(snapshot: Snapshot, missing: Mapping[_Place, str], health: Health) -> Snapshot:
    """The snapshot with the credentials whose secrets are missing taken out of use, as rejected ones are."""
    if not missing:
        return snapshot
    providers = {name: _marked(provider, missing) for name, provider in snapshot.providers.items()}
    rejected: set[_Place] = set()
    for deployment in snapshot.deployments.values():
        for credential in providers[deployment.provider].credentials:
            place = (deployment.provider, credential.id)
            if place in missing and place not in rejected:
                health.credential(deployment.id, deployment.provider, credential).reject(everywhere=True)
                rejected.add(place)
    return msgspec.structs.replace(snapshot, providers=providers)


def _marked(provider: Provider, missing: Mapping[_Place, str]) -> Provider:
    def marked(credential: Credential) -> Credential:
        if (provider.name, credential.id) not in missing:
            return credential
        return msgspec.structs.replace(credential, fingerprint=UNRESOLVED)

    return msgspec.structs.replace(provider, credentials=tuple(map(marked, provider.credentials)))
