"""What is wrong with a provider: its URLs, models, headers and connections, each at its line."""

from typing import Any

import msgspec
import pytest
from tests.support.configs import check_text, messages

LOCAL: dict[str, Any] = {"dialect": "openai", "base_url": "http://h/v1", "credentials": [{"secret": "none"}]}


def errors(name: str = "a", **settings: Any) -> list[str]:
    """Of one provider, without the line and the path of the provider."""
    text = msgspec.json.encode({"providers": {name: settings}}).decode()
    return [error.removeprefix(f"1: providers.{name}") for error in messages(text)]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://my host/v1", "the URL must not contain spaces"),
        ("http://h/v1?", "the URL must not contain a query"),
        ("http://h/ü", "the path of the URL must be percent-encoded ASCII"),
        ("http://h:65536/v1", "the URL has an invalid host or port"),
        ("http://[::1/v1", "the URL has an invalid host or port"),
        ("http://u:p@h/v1", "the URL must not contain a user name or password"),
        ("https://{zone}.h/v1", "`{zone}` in the URL needs a `zone`"),
    ],
)
def test_urls_that_would_fail_at_the_first_request(url: str, reason: str) -> None:
    (error,) = errors(**{**LOCAL, "base_url": url})
    assert error.startswith(f".base_url: {reason}")
    deployments = [{"model": "m", "base_url": url}]
    (error,) = errors(dialect="openai", credentials=[{"secret": "none"}], deployments=deployments)
    assert error.startswith(f".deployments[0].base_url: {reason}")


@pytest.mark.parametrize("proxy", ["http://[::1", "http://u:hidden@p:x", "socks5://p", "http://p/path"])
def test_a_proxy_that_is_none(proxy: str) -> None:
    (error,) = errors(**LOCAL, network={"proxy": proxy})
    assert error.startswith(".network.proxy: ")
    assert "hidden" not in error


def test_every_error_of_a_provider_comes_beside_those_of_other_sections() -> None:
    text = (
        """\
server: {port: x}
providers:
  azure: {credentials: [{secret: none}]}
  a:
    dialect: openai
    base_url: http://h/v1
    models: [m, M, "x*", m, ""]
    url_style: deployments
  c:
    dialect: openai
    base_url: http://h/v1
    credentials: [{id: credential-2, secret: none}, {secret: none}]
    deployments:
      - {model: m}
      - {model: m}
      - {model: n, credentials: [c9]}
    models: [k, m]
routes:
  r:
    - deployments:
        - {provider: groq, model: m}
        - {provider: d, model: mm}
        - {provider: c, model: n, region: eu}
  s:
    - deployments: [{provider: e, model: mm}]
      when: {min_body_bytes: 9, max_body_bytes: 3}
    - deployments:
        - {provider: e, model: m, region: us}
  """
        + "x" * 257
        + """: [{deployments: [{provider: e, model: m}]}]
virtual_keys:
  - {id: v, secret: none}
"""
    )
    text = text.replace("  c:\n", "  e: {dialect: openai, base_url: http://h/v1, models: [m]}\n  c:\n")
    found = messages(text)
    for expected in (
        "1: server.port: expected a whole number",
        "3: providers.azure.base_url: `{resource}` in the URL needs a `resource`",
        "4: providers.a.api_version: is required with `url_style: deployments`",
        "7: providers.a.models[1]: `M` and `m` differ only in case",
        "7: providers.a.models[2]: `x*` is no model's name; see `any_model`",
        "7: providers.a.models[3]: `m` is there twice",
        "7: providers.a.models[4]: a model's name has 1 to 256 characters",
        "13: providers.c.credentials[1].id: `credential-2` is taken",
        "16: providers.c.deployments[1]: `c/m` is there twice: give each a `region`",
        "17: providers.c.deployments[2].credentials[0]: the provider has no credential `c9`",
        "18: providers.c.models[1]: `m` is there twice",
        "23: routes.r[0].deployments[1].provider: no provider is called `d`",
        "26: routes.s[0].deployments[0].model: `e` does not serve `mm`; did you mean m?",
        "27: routes.s[0].when: `min_body_bytes` is above `max_body_bytes`",
        "29: routes.s[1].deployments[0].region: `e` has no `m` in the region `us` (it has: none)",
        f"30: routes.{'x' * 257}: a name has 1 to 256 characters",
        "32: virtual_keys[0].secret: a key without a secret is written without `secret`",
    ):
        assert any(line.startswith(expected) for line in found), (expected, found)
    assert len(found) == 17, found


def test_an_error_inside_of_a_provider_hides_none_about_it() -> None:
    found = errors("openai", timeouts={"connect_s": 0}, headers={"host": "x"})
    assert [error.partition(":")[0] for error in found] == [".timeouts.connect_s", "", ".headers.host"]
    assert found[1].startswith(": has no credentials; write `credentials:")


def test_what_a_catalogue_lists_is_served_and_nothing_else_where_any_model_is_off() -> None:
    text = """\
providers: {openai: {credentials: [{secret: none}], any_model: false}}
routes:
  r: [{deployments: [{provider: openai, model: GPT-4o}, {provider: openai, model: gpt-4oo}]}]
"""
    (error,) = messages(text)
    assert error.startswith("3: routes.r[0].deployments[1].model: `openai` does not serve `gpt-4oo`")


def test_models_without_a_url_are_not_dropped_silently() -> None:
    deployments = [{"model": "m", "region": "eu"}]
    (error,) = errors(**{**LOCAL, "base_url": "http://{region}.h/v1"}, deployments=deployments, models=["n"])
    assert error.startswith(".models: have no URL")


@pytest.mark.parametrize("setting", ["base_url", "dialect", "credentials", "deployments", "models"])
def test_a_setting_of_the_wrong_type_is_one_error(setting: str) -> None:
    assert len(errors("openai" if setting == "credentials" else "a", **{**LOCAL, setting: 5})) == 1


@pytest.mark.parametrize(
    "name",
    ["Transfer-Encoding", "content-length", "Host", "connection", "expect", "TE", "keep-alive",
     "Proxy-Authorization", "accept-encoding", "trailer", "upgrade", "content-type"],
)  # fmt: skip
def test_headers_that_frame_the_request_cannot_be_set(name: str) -> None:
    assert errors(**LOCAL, headers={name: "x"}) == [
        f".headers.{name}: is written by fastgate itself: it cannot be set"
    ]
    (error,) = errors(**LOCAL, auth_header=name)
    assert error.startswith(".auth_header: is written")


def test_the_header_of_the_secret_is_set_once() -> None:
    keyed = {**LOCAL, "credentials": [{"secret": "sk-1"}]}
    (error,) = errors(**keyed, headers={"Authorization": "Basic x"})
    assert error.startswith(".headers.Authorization: carries the secret of the credentials")
    (error,) = errors(**keyed, auth_header="x-key", headers={"X-Key": "x"})
    assert error.startswith(".headers.X-Key: carries")
    assert errors(**LOCAL, headers={"authorization": "Basic x"}) == []
    (error,) = errors(**LOCAL, headers={"x-a": "1", "X-A": "2"})
    assert error.startswith(".headers.X-A: stands there twice")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "is written by fastgate itself") for name in
          ("transfer-encoding", "Content-Length", "host", "connection", "expect", "accept-encoding", "te",
           "trailer", "upgrade", "keep-alive", "proxy-authorization", "proxy-connection", "content-type")),
        *((name, "may carry a virtual key") for name in
          ("Authorization", "x-api-key", "api-key", "x-goog-api-key", "x-fg-virtual-key", "x-bf-vk")),
        ("Cookie", "cookies are for"),
        ("x y", "cannot be the name of an HTTP header"),
        ("", "cannot be the name of an HTTP header"),
        ("x\r\ny", "cannot be the name of an HTTP header"),
        ("X-Vendor", "is set by the provider `a`"),
        ("x-secret", "is set by the provider `a`"),
    ],
)  # fmt: skip
def test_client_headers_that_are_not_forwarded(name: str, reason: str) -> None:
    text = msgspec.json.encode(
        {
            "providers": {"a": {**LOCAL, "headers": {"x-vendor": "v"}, "auth_header": "X-Secret"}},
            "upstream": {"forward_request_headers": ["x-fine", name]},
        }
    ).decode()
    (error,) = messages(text)
    assert error.startswith("1: upstream.forward_request_headers[1]: ")
    assert reason in error


def test_an_address_in_brackets_is_refused() -> None:
    (error,) = messages('server: {host: "[::1]"}')
    assert error.startswith("1: server.host: an IPv6 address is written without brackets")
    assert check_text("server: {host: '::1'}")[0] is not None


@pytest.mark.parametrize(
    "text",
    [
        "providers: {a: {dialect: openai, base_url: http://h, breaker: {open_s: 1e10}}}",
        "providers: {a: {dialect: openai, base_url: http://h, breaker: {max_open_s: 1e30}}}",
        "providers: {a: {dialect: openai, base_url: http://h, timeouts: {headers_s: 1e12}}}",
        "providers: {a: {dialect: openai, base_url: http://h, network: {dns_ttl_s: 1e12}}}",
        "server: {drain_s: 1e10}",
        "server: {backlog: 99999999999}",
        "upstream: {retry_budget_min_per_s: 1e300}",
        "virtual_keys: [{id: a, drain_max_s: 1e10}]",
    ],
)
def test_numbers_that_no_timer_can_take(text: str) -> None:
    (error,) = messages(text)
    assert "at most" in error or " to " in error


def test_a_hedge_after_more_than_a_number_can_hold() -> None:
    text = """\
providers: {a: {dialect: openai, base_url: http://h/v1}}
routes: {r: {groups: [{deployments: [{provider: a, model: m}]}], hedge: {after: %ss}}}
"""
    assert messages(text % 30) == []
    (error,) = messages(text % ("9" * 400))
    assert error.startswith("2: routes.r.hedge.after: expected text of the form")


@pytest.mark.parametrize(
    "text",
    [
        "providers: {openai: {credentials: [{secret: 998877665544}]}}",
        "providers: {openai: {credentials: [998877665544]}}",
        "providers: {openai: {credentials: 998877665544}}",
        "providers: {openai: {credentials: [{secret: *k998877665544}]}}",
        "providers: {openai: {credentials: [{secret: !998877665544 x}]}}",
        "providers: {openai: {credentials: [{secret: none}], headers: {x-key: 998877665544}}}",
        "providers: {openai: {credentials: [{secret: none}], network: {proxy: 998877665544}}}",
        "virtual_keys: [{id: a, secret: 998877665544}]",
        "virtual_keys: [{id: a, secret_hash: 998877665544}]",
        "virtual_keys: [998877665544]",
    ],
)
def test_a_secret_that_looks_like_something_else_is_not_shown(text: str) -> None:
    found = messages(text)
    assert found
    assert "998877665544" not in "\n".join(found)


def test_dates_beyond_the_calendar() -> None:
    for moment in ("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"):
        (error,) = messages(f"virtual_keys: [{{id: v, expires_at: '{moment}'}}]")
        assert "expected an RFC 3339 time" in error
