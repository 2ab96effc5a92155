"""Secrets of virtual keys: that each can travel in a header, is whole, and belongs to one key only."""

import hashlib
from collections.abc import Mapping
from typing import Final

from fastgate.config.diagnostics import Report, SettingPath
from fastgate.config.interpolate import resolve_secret, secret_ref
from fastgate.config.settings import Settings
from fastgate.config.tree import Node
from fastgate.domain.secret_form import PREFIX, Verdict
from fastgate.domain.secret_form import check as verdict_on
from fastgate.errors import ConfigError

_SHA256: Final = "sha256:"


def check(settings: Settings, environ: Mapping[str, str], tree: Node, report: Report) -> None:
    """Report every secret that cannot be used, and warn of weak ones; no message contains one."""
    _Check(settings, environ, tree, report).run()


class _Check:
    def __init__(self, settings: Settings, environ: Mapping[str, str], tree: Node, report: Report) -> None:
        self._keys = settings.virtual_keys
        self._environ = environ
        self._tree = tree
        self._report = report

    def run(self) -> None:
        owner_of: dict[bytes, str] = {}
        any_failed = self._report.failed(("virtual_keys",))
        for index, key in enumerate(self._keys):
            if any_failed and self._failed(("virtual_keys", index)):
                continue
            setting, hashed = "secret_hash", None
            if key.secret_hash is not None:
                hashed = bytes.fromhex(key.secret_hash.removeprefix(_SHA256))
            elif key.secret is not None:
                setting = "secret"
                hashed = self._hash(("virtual_keys", index, setting), key.id, key.secret)
            if hashed is not None and (other := owner_of.setdefault(hashed, key.id)) != key.id:
                self._error(
                    ("virtual_keys", index, setting),
                    f"{key.id} has the same secret as {other}; each key needs its own",
                )

    def _failed(self, path: SettingPath) -> bool:
        return self._report.failed((*path, "secret")) or self._report.failed((*path, "secret_hash"))

    def _error(self, path: SettingPath, message: str) -> None:
        self._report.error(self._tree.locate(path), path, message)

    def _hash(self, path: SettingPath, key_id: str, template: str) -> bytes | None:
        """SHA-256 of the secret; None after a reported error."""
        ref = secret_ref(template)
        if ref is None:
            self._error(path, "a key without a secret is written without `secret`")
            return None
        try:
            text = resolve_secret(ref, self._environ)
        except ConfigError as error:
            self._error(path, str(error))
            return None
        secret = text.encode()
        verdict = verdict_on(secret)
        if verdict is Verdict.MISTYPED:
            self._error(
                path, f"starts with {PREFIX.decode()} but its checksum is wrong; was it copied whole?"
            )
            return None
        if " " in text:
            self._error(path, "a secret with spaces cannot travel as a bearer token")
            return None
        if verdict is Verdict.FOREIGN_WEAK:
            self._report.warning(
                self._tree.locate(path),
                path,
                "the secret is short or repetitive and can be guessed; "
                f"get a strong one with `fastgate keys issue {key_id}`",
            )
        return hashlib.sha256(secret).digest()
