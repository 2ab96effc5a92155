"""`fastgate keys` from issue to revocation, without a running gateway."""

import os
import re
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.cli.conftest import SMALL_KEY, Run

from fastgate.domain.secret_form import PATTERN
from fastgate.domain.virtual_key import VirtualKey
from fastgate.keys.secret import digest
from fastgate.store.keys import KeyStore, SecretRecord, Source, keys_path


def listed(run: Run, *options: str) -> dict[str, Any]:
    done = run("keys", "list", "--json", *options)
    assert done.returncode == 0, done.stderr
    return {report["id"]: report for report in msgspec.json.decode(done.stdout)}


def issued(run: Run, *arguments: str) -> str:
    done = run("keys", *arguments)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    return done.stdout.rstrip("\n")


def load_keys(tmp_path: Path) -> None:
    """What the control process does with the configuration."""
    with KeyStore(keys_path(tmp_path / "data")) as store:
        store.sync_configured(
            [
                VirtualKey(id="vk_acme", customer_id="acme", metadata={"code": "4711"}),
                VirtualKey(id="vk_small", allowed_models=("small",)),
            ],
            [(digest(SMALL_KEY.encode()), SecretRecord("vk_small", Source.CONFIG, issued_at_s=1))],
        )


def test_issue_prints_the_secret_alone_and_stores_its_digest(configured: Run, tmp_path: Path) -> None:
    done = configured("keys", "issue", "vk_acme")
    secret = done.stdout.rstrip("\n")
    assert re.fullmatch(PATTERN, secret)
    assert secret not in done.stderr
    assert "only this once" in done.stderr
    with KeyStore(keys_path(tmp_path / "data"), readonly=True) as store:
        (stored,) = store.secrets_of("vk_acme")
    assert stored.digest == digest(secret.encode())
    assert stored.record.not_after_s == 0
    assert all(secret.encode() not in path.read_bytes() for path in (tmp_path / "data" / "keys").iterdir())


def test_issue_says_when_the_gateway_does_not_know_the_key_yet(configured: Run, tmp_path: Path) -> None:
    assert "as soon as it has loaded" in configured("keys", "issue", "vk_acme").stderr
    load_keys(tmp_path)
    assert "as soon as it has loaded" not in configured("keys", "issue", "vk_acme").stderr


def test_a_key_that_is_not_configured_is_refused_with_a_suggestion(configured: Run, tmp_path: Path) -> None:
    done = configured("keys", "issue", "vk_acne")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "fastgate: there is no virtual key vk_acne: did you mean vk_acme?\n"
    assert not (tmp_path / "data").exists()


def test_a_secret_may_have_an_end(configured: Run, tmp_path: Path) -> None:
    issued(configured, "issue", "vk_acme", "--expires-in", "30d")
    with KeyStore(keys_path(tmp_path / "data"), readonly=True) as store:
        record = store.secrets_of("vk_acme")[0].record
    assert record.not_after_s - record.issued_at_s == 30 * 86_400


def test_rotate_lets_the_older_secrets_end(configured: Run, tmp_path: Path) -> None:
    load_keys(tmp_path)
    done = configured("keys", "rotate", "vk_small", "--grace", "2h")
    assert re.fullmatch(PATTERN, done.stdout.rstrip("\n"))
    fingerprint = digest(SMALL_KEY.encode()).hex()[:8]
    assert f"the secret {fingerprint} works until " in done.stderr
    assert f"the secret {fingerprint} is in the configuration: take it out there" in done.stderr
    with KeyStore(keys_path(tmp_path / "data"), readonly=True) as store:
        new, old = store.secrets_of("vk_small")
    assert old.record.not_after_s - new.record.issued_at_s == 2 * 3_600
    assert new.record.not_after_s == 0


def test_rotate_gives_a_day_unless_told_otherwise(configured: Run, tmp_path: Path) -> None:
    load_keys(tmp_path)
    issued(configured, "rotate", "vk_small")
    with KeyStore(keys_path(tmp_path / "data"), readonly=True) as store:
        new, old = store.secrets_of("vk_small")
    assert old.record.not_after_s - new.record.issued_at_s == 86_400


def test_revoke_takes_all_secrets_of_a_key(configured: Run, tmp_path: Path) -> None:
    load_keys(tmp_path)
    secret = issued(configured, "issue", "vk_small")
    done = configured("keys", "revoke", "vk_small")
    assert (done.returncode, done.stdout) == (0, "")
    assert "is in the configuration, where it has no effect any more" in done.stderr
    with KeyStore(keys_path(tmp_path / "data"), readonly=True) as store:
        assert store.lookup(digest(secret.encode())) is None
        assert store.lookup(digest(SMALL_KEY.encode())) is None
    again = configured("keys", "revoke", "vk_small")
    assert again.returncode == 1
    assert again.stderr == "fastgate: there is no such secret that is not revoked already\n"


@pytest.mark.parametrize("with_id", [True, False])
def test_revoke_takes_one_secret_by_fingerprint(configured: Run, tmp_path: Path, with_id: bool) -> None:
    load_keys(tmp_path)
    kept, gone = issued(configured, "issue", "vk_acme"), issued(configured, "issue", "vk_acme")
    fingerprint = digest(gone.encode()).hex()[:8]
    arguments = [*(["vk_acme"] if with_id else []), "--fingerprint", fingerprint.upper()]
    assert configured("keys", "revoke", *arguments).stderr == f"revoked the secret {fingerprint} of vk_acme\n"
    with KeyStore(keys_path(tmp_path / "data"), readonly=True) as store:
        assert store.lookup(digest(gone.encode())) is None
        assert store.lookup(digest(kept.encode())) is not None


def test_a_leaked_secret_is_revoked_without_standing_in_a_command_line(
    configured: Run, tmp_path: Path
) -> None:
    load_keys(tmp_path)
    secret = issued(configured, "issue", "vk_acme")
    done = configured("keys", "revoke", "--stdin", stdin=secret + "\n")
    assert done.returncode == 0
    assert "of vk_acme" in done.stderr
    assert secret not in done.stderr
    assert configured("keys", "revoke", "--stdin", stdin=secret + "\n").returncode == 1


def test_an_ambiguous_fingerprint_revokes_nothing(configured: Run, tmp_path: Path) -> None:
    load_keys(tmp_path)
    issued(configured, "issue", "vk_acme")
    done = configured("keys", "revoke", "--fingerprint", "")
    assert done.returncode == 1
    assert "2 secrets have a fingerprint that starts with" in done.stderr


def test_list_names_keys_and_secrets_but_shows_no_secret(configured: Run, tmp_path: Path) -> None:
    load_keys(tmp_path)
    secret = issued(configured, "issue", "vk_acme", "--expires-in", "1d")
    reports = listed(configured)
    assert [(key, report["state"]) for key, report in reports.items()] == [
        ("vk_acme", "enabled"),
        ("vk_small", "enabled"),
    ]
    (told,) = reports["vk_acme"]["secrets"]
    assert told["fingerprint"] == digest(secret.encode()).hex()[:8]
    assert (told["source"], told["state"], told["revoked_at"]) == ("issued", "usable", None)
    assert reports["vk_small"]["secrets"][0]["source"] == "config"
    table = configured("keys", "list").stdout
    assert told["fingerprint"] in table
    assert "acme" in table
    assert secret not in table


def test_show_tells_all_about_one_key(configured: Run, tmp_path: Path) -> None:
    load_keys(tmp_path)
    shown = configured("keys", "show", "vk_small")
    assert shown.returncode == 0
    assert re.search(r'allowed_models +\["small"\]', shown.stdout)
    assert re.search(r"allowed_providers +any", shown.stdout)
    told = msgspec.json.decode(configured("keys", "show", "vk_acme", "--json").stdout)
    assert told["key"]["metadata"] == {"code": "4711"}
    missing = configured("keys", "show", "vk_acne")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "did you mean vk_acme?" in missing.stderr


def test_a_terminal_without_the_gateways_secrets_can_look_after_the_keys(
    configured: Run, run: Run, tmp_path: Path
) -> None:
    load_keys(tmp_path)
    assert set(listed(run)) == {"vk_acme", "vk_small"}
    issued(run, "issue", "vk_acme")
    assert run("keys", "revoke", "vk_small").returncode == 0
    (tmp_path / "fastgate.yaml").write_text(CONFIG_BEING_EDITED)
    assert set(listed(run)) == {"vk_acme", "vk_small"}


CONFIG_BEING_EDITED = "data_dir: ./data\nproviders: 12\nunknown: true\n"


@pytest.mark.parametrize("content", [b"[", b"- 1", b"data_dir: [1]", b"\xff\xfe\xfd"])
def test_a_file_that_does_not_tell_the_data_directory(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "fastgate.yaml").write_bytes(content)
    done = run("keys", "list")
    assert done.returncode == 1
    expected = "fastgate: fastgate.yaml does not say where the gateway's files are: give --data-dir\n"
    assert done.stderr == expected


def test_the_data_directory_may_be_given(configured: Run, tmp_path: Path) -> None:
    load_keys(tmp_path)
    data_dir = str(tmp_path / "data")
    (tmp_path / "fastgate.yaml").write_text("[")
    assert set(listed(configured, "--data-dir", data_dir)) == {"vk_acme", "vk_small"}
    (tmp_path / "fastgate.yaml").write_text("data_dir: elsewhere\n")
    found = configured("keys", "list", environ={"FASTGATE_DATA_DIR": data_dir})
    assert "vk_acme" in found.stdout


@pytest.mark.parametrize("time", ["0", "0d", "999999999w", "-1d", "soon"])
def test_an_end_that_makes_no_sense_stores_nothing(configured: Run, tmp_path: Path, time: str) -> None:
    done = configured("keys", "issue", "vk_acme", "--expires-in", time)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_before_the_first_start_the_data_directory_is_for_its_owner_only(
    configured: Run, tmp_path: Path
) -> None:
    before = os.umask(0o022)
    try:
        issued(configured, "issue", "vk_acme")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_secrets_of_a_key_that_is_gone_are_kept_until_they_are_pruned(
    configured: Run, tmp_path: Path
) -> None:
    load_keys(tmp_path)
    issued(configured, "issue", "vk_acme")
    issued(configured, "issue", "vk_small")
    config = tmp_path / "fastgate.yaml"
    config.write_text(config.read_text().replace("vk_acme", "vk_other"))
    with KeyStore(keys_path(tmp_path / "data")) as store:
        store.sync_configured([VirtualKey(id="vk_other"), VirtualKey(id="vk_small")], [])
    issued(configured, "issue", "vk_other")
    assert {id_: report["state"] for id_, report in listed(configured).items()} == {
        "vk_acme": "not configured",
        "vk_other": "enabled",
        "vk_small": "enabled",
    }
    done = configured("keys", "prune")
    assert done.returncode == 0
    assert re.fullmatch(r"dropped the secret [0-9a-f]{8} of vk_acme\n1 secret dropped\n", done.stderr)
    assert set(listed(configured)) == {"vk_other", "vk_small"}
    config.write_text("nonsense: 1")
    assert configured("keys", "prune", "--data-dir", str(tmp_path / "data")).returncode == 1
