"""Every setting does the same in a variable, in a file that a variable names, and in the configuration."""

import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
import pytest
import trustme
import yaml
from msgspec.structs import FieldInfo

from fastgate.config.load import check
from fastgate.config.settings import Settings

DOCS = Path(__file__).parents[3] / "docs"
SPECIMEN = Path(__file__).with_name("every_setting.yaml")
ENVIRON = {"KEY_A": "sk-a-key-that-is-long-enough-0123", "GOOGLE_JSON": "{}"}
CHOSEN = {"providers", "routes", "redirects"}

Leaf = tuple[tuple[str, ...], Any]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("files")
    authority = trustme.CA()
    client = authority.issue_cert("client")
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    client.cert_chain_pems[0].write_to_path(str(directory / "client.pem"))
    client.private_key_pem.write_to_path(str(directory / "client.key"))
    (directory / "file.pem").write_text("")
    (directory / "google.json").write_text("{}")
    return SPECIMEN.read_text().replace("TMP", str(directory))


@pytest.fixture(scope="module")
def expected(text: str) -> Settings:
    return loaded(text, {})


def loaded(text: str, variables: dict[str, str]) -> Settings:
    settings, found = check(None, {"FASTGATE_CONFIG_YAML": text, **ENVIRON, **variables})
    assert settings is not None, found
    return settings


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from leaves(member, (*path, name))
    else:
        yield path, value


def variable(path: tuple[str, ...]) -> str:
    return "FASTGATE_" + "__".join(path).upper()


def written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def without(tree: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    name, *rest = path
    if not rest:
        return {key: member for key, member in tree.items() if key != name}
    return {**tree, name: without(tree[name], tuple(rest))}


# --- the specimen ---------------------------------------------------------------------------------


def sections(hint: Any) -> Iterator[type[msgspec.Struct]]:
    """All that a type is made of, in whatever it is wrapped."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
        for field in msgspec.structs.fields(hint):
            yield from sections(field.type)
    elif get_origin(hint) in (Annotated, Union, types.UnionType, list, dict):
        for argument in get_args(hint):
            yield from sections(argument)


def is_default(field: FieldInfo, value: Any) -> bool:
    if field.default_factory is not msgspec.NODEFAULT:
        return bool(value == field.default_factory())
    return bool(value == field.default)


def said(value: Any) -> Iterator[tuple[type[msgspec.Struct], str]]:
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            member = getattr(value, field.name)
            if not is_default(field, member):
                yield type(value), field.name
            yield from said(member)
    elif isinstance(value, dict):
        for member in value.values():
            yield from said(member)
    elif isinstance(value, list):
        for member in value:
            yield from said(member)


def test_the_specimen_has_every_setting(expected: Settings) -> None:
    known = {
        (section, field.name) for section in sections(Settings) for field in msgspec.structs.fields(section)
    }
    assert len(known) > 200
    missing = known - set(said(expected))
    assert sorted(f"{section.__name__}.{name}" for section, name in missing) == []


# --- the environment ------------------------------------------------------------------------------


def test_each_setting_in_a_variable_of_its_own(text: str, expected: Settings) -> None:
    variables = {variable(path): written(value) for path, value in leaves(yaml.safe_load(text))}
    assert loaded("{}", variables) == expected


def test_each_section_in_one_variable(text: str, expected: Settings) -> None:
    variables = {variable((name,)): written(value) for name, value in yaml.safe_load(text).items()}
    assert loaded("{}", variables) == expected


def test_each_setting_in_a_file_of_its_own(text: str, expected: Settings, tmp_path: Path) -> None:
    variables = {}
    for path, value in leaves(yaml.safe_load(text)):
        file = tmp_path / ".".join(path)
        file.write_text(written(value) + "\n")
        variables[f"{variable(path)}_FILE"] = str(file)
    settings = loaded("{}", variables)
    assert settings.ledger.url == f"file:{tmp_path}/ledger.url"  # a secret stays where it is
    ledger = msgspec.structs.replace(settings.ledger, url=expected.ledger.url)
    assert msgspec.structs.replace(settings, ledger=ledger) == expected


def test_a_variable_sets_its_setting_and_no_other(text: str, expected: Settings) -> None:
    tree = yaml.safe_load(text)
    for path, value in leaves(tree):
        rest = json.dumps(without(tree, path))
        assert loaded(rest, {variable(path): written(value)}) == expected, path


def test_the_page_has_the_variable_of_each(text: str) -> None:
    page = (DOCS / "settings.md").read_text()
    fixed = [path for path, _ in leaves(yaml.safe_load(text)) if path[0] not in CHOSEN]
    assert len(fixed) > 80
    assert [path for path in fixed if f"`{variable(path)}`" not in page] == []
