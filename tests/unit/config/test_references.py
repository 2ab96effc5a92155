"""Ids that are unique, names that exist, values that make sense; each at its line."""

from pathlib import Path

import pytest
from tests.support.configs import check_text, messages

from fastgate.config.diagnostics import Severity


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("teams: [{id: a}, {id: b}, {id: a}]", ["1: teams[2].id: `a` is taken: see FASTGATE_CONFIG_YAML:1"]),
        ("customers:\n- id: a\n- id: a", ["3: customers[1].id: `a` is taken: see FASTGATE_CONFIG_YAML:2"]),
        (
            "providers: {opnai: {}}",
            [
                "1: providers.opnai: is not a known provider, so it needs `dialect` and `base_url`; "
                "did you mean openai?"
            ],
        ),
        (
            "providers: {replicate: {credentials: [{secret: x}]}}",
            ["1: providers.replicate: this version does not speak the dialect of this provider yet"],
        ),
        (
            "providers: {gemini: {dialect: openai, credentials: [{secret: x}]}}",
            ["1: providers.gemini: needs `base_url`"],
        ),
        (
            "providers: {groq: {dialect: anthropic, credentials: [{secret: x}]}}",
            ["1: providers.groq: needs `base_url`"],
        ),
        (
            "routes: {r: [{deployments: [{provider: anthropic, model: m}, {provider: groq, model: m}]}]}",
            [
                "1: routes.r: none of its providers is configured (anthropic, groq); "
                "set ANTHROPIC_API_KEY or GROQ_API_KEY"
            ],
        ),
        (
            "providers: {a: {dialect: openai, base_url: http://h/v1, models: [m]}}\n"
            "routes: {r: [{deployments: [{provider: a, model: m}]}]}\n"
            "redirects: {old: OLD2, old2: m, r: m, auto: m}",
            [
                "3: redirects.old: `OLD2` is retired itself: say the name that takes its place in the end",
                "3: redirects.r: `r` is no model, so it cannot be retired",
                "3: redirects.auto: `auto` is no model, so it cannot be retired",
            ],
        ),
        (
            "providers: {local: {base_url: http://h/v1}}",
            ["1: providers.local: is not a known provider, so it needs `dialect` and `base_url`"],
        ),
        ("providers: {a: {dialect: openai, deployments: [{model: m, base_url: http://h/v1}]}}", []),
        ("providers: {openai_compatible: {}}", ["1: providers.openai_compatible: needs `base_url`"]),
        (
            "providers: {openai: {}}",
            [
                "1: providers.openai: has no credentials; "
                'write `credentials: [{secret: "${OPENAI_API_KEY}"}]`, or `secret: none`'
            ],
        ),
        (
            "providers: {openai: {credentials: [{id: a, secret: none}, {id: a, secret: none}]}}",
            ["1: providers.openai.credentials[1].id: `a` is taken: see FASTGATE_CONFIG_YAML:1"],
        ),
        (
            "providers: {openai: {credentials: [{id: main, secret: none}, {secret: none}],"
            " deployments: [{model: m, credentials: [mian, credential-2]}]}}",
            [
                "1: providers.openai.deployments[0].credentials[0]: the provider has no credential `mian`; "
                "did you mean main?"
            ],
        ),
        (
            "routes: {auto: [{deployments: [{provider: nope, model: m}]}]}",
            [
                "1: routes.auto: `auto` means the key's own fallbacks, so no route can have this name",
                "1: routes.auto[0].deployments[0].provider: no provider is called `nope`",
            ],
        ),
        (
            "routes: {r: {groups: [{deployments: [{provider: opnai, model: m}]}], hedge: {after: 800ms}}}",
            [
                "1: routes.r.groups[0].deployments[0].provider: no provider is called `opnai`; "
                "did you mean openai?"
            ],
        ),
        (
            "prices: [{provider: nope, model: m, input_per_mtok_usd: 1}]",
            ["1: prices[0].provider: no provider is called `nope`"],
        ),
        (
            "virtual_keys: [{id: v, fallbacks: [{model: 'gpt-*', provider: nope}]}]",
            [
                "1: virtual_keys[0].fallbacks[0].provider: no provider is called `nope`",
                "1: virtual_keys[0].fallbacks[0].model: is one model, so no `*`, `?` or `[`",
            ],
        ),
        (
            "customers: [{id: c}, {id: d}]\nteams: [{id: t, customer_id: c}]\n"
            "virtual_keys: [{id: v, team_id: t, customer_id: d}]",
            ["3: virtual_keys[0].customer_id: its team `t` belongs to `c`"],
        ),
    ],
)
def test_references(text: str, errors: list[str]) -> None:
    assert messages(text) == errors


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "customers: [{id: c, timezone: Europe/Berln}]",
            "customers[0].timezone: `Europe/Berln` is no time zone",
        ),
        ("customers: [{id: c, timezone: ../../etc/passwd}]", "customers[0].timezone: "),
        (
            "virtual_keys: [{id: v, expires_at: 2030-01-31}]",
            "virtual_keys[0].expires_at: expected an RFC 3339",
        ),
        ("virtual_keys: [{id: v, allowed_models: ['']}]", "virtual_keys[0].allowed_models[0]: an empty text"),
        ("virtual_keys: [{id: v, budget: {max_usd: 5}}]", "virtual_keys[0].budget.max_usd: needs"),
        (
            f"virtual_keys: [{{id: v, secret: x, secret_hash: {'ab' * 32}}}]",
            "virtual_keys[0].secret_hash: give `secret` or `secret_hash`, not both",
        ),
        (
            "virtual_keys: [{id: v, expires_at: ''}]",
            "virtual_keys[0].expires_at: expected an RFC 3339",
        ),
        ("virtual_keys: [{id: 'a b'}]", "virtual_keys[0].id: expected text of the form"),
        ("server: {tls: {certificate: /nonexistent, key: /dev/null/x}}", "server.tls.certificate: the file"),
        (
            "providers: {'a/b': {dialect: openai, base_url: http://h/v1}}",
            "providers.a/b: the name must",
        ),
        (
            "providers: {a: {dialect: openai, base_url: ftp://h/v1}}",
            "providers.a.base_url: the URL must start with http:// or https://",
        ),
        (
            "providers: {a: {dialect: openai, base_url: 'http://h:x/v1'}}",
            "providers.a.base_url: the URL has an invalid host or port",
        ),
        (
            "providers: {a: {dialect: openai, base_url: 'http://h/v1?k=1'}}",
            "providers.a.base_url: the URL must not contain a query",
        ),
        (
            "providers: {a: {dialect: openai, base_url: http://localhost:8080/v1}}",
            "providers.a.base_url: points to this gateway",
        ),
        (
            "providers: {a: {dialect: openai, base_url: http://h/v1, headers: {'a b': c}}}",
            "providers.a.headers.a b: `a b` cannot",
        ),
        (
            'providers: {a: {dialect: openai, base_url: http://h/v1, headers: {a: "b\\r\\nc: d"}}}',
            "providers.a.headers.a: holds characters",
        ),
        (
            "providers: {a: {dialect: openai, base_url: http://h/v1, network: {proxy: socks5://p}}}",
            "providers.a.network.proxy: only http:// proxies are supported: the URL is `http://host:port`, "
            "or `none`",
        ),
        (
            "providers: {a: {dialect: openai, base_url: http://h/v1, network: {client_key: /etc/hostname}}}",
            "providers.a.network.client_key: needs `client_cert` beside it",
        ),
        (
            "providers: {a: {dialect: openai, base_url: http://h, deployments: [{model: m, base_url: x}]}}",
            "providers.a.deployments[0].base_url: the URL must start with",
        ),
    ],
)
def test_values(text: str, error: str) -> None:
    found = messages(text)
    assert found[0].removeprefix("1: ").startswith(error)


def test_undeclared_owners_are_labels() -> None:
    assert check_text("virtual_keys: [{id: v, customer_id: acme, team_id: search}]")[1] == []
    text = "customers: [{id: acme}]\nvirtual_keys: [{id: v, customer_id: acem}, {id: w, customer_id: acem}]"
    assert messages(text, Severity.WARNING) == [
        "2: virtual_keys[0].customer_id: there is no customer `acem`; it is only a label; did you mean acme?"
    ]


def test_warnings_are_given_once_with_a_count() -> None:
    keys = "\n".join(f"- {{id: v{n}, budget: {{}}, allowed_providers: [mistral]}}" for n in range(5))
    assert messages(f"virtual_keys:\n{keys}", Severity.WARNING) == [
        "2: virtual_keys[0].allowed_providers[0]: the provider `mistral` is not configured, "
        "so it is skipped (and 4 more like it)",
    ]


def test_files_that_are_there(tmp_path: Path) -> None:
    file = tmp_path / "x.pem"
    file.write_text("x")
    assert messages(f"server: {{tls: {{certificate: {file}, key: {file}}}}}") == []


def test_what_takes_the_place_of_a_retired_model_is_served() -> None:
    text = (
        "providers:\n  a: {dialect: openai, base_url: http://h/v1, models: [m], any_model: true}\n"
        "routes: {r: [{deployments: [{provider: a, model: m}]}]}\n"
        "redirects: {o1: m, o2: a/anything, o3: r, o4: mm, o5: b/m}"
    )
    assert messages(text) == []
    assert messages(text, Severity.WARNING) == [
        "4: redirects.o4: nothing that is configured serves `mm`",
        "4: redirects.o5: nothing that is configured serves `b/m`",
    ]


def test_a_route_loses_what_is_not_configured() -> None:
    text = (
        "providers: {a: {dialect: openai, base_url: http://h/v1, models: [m]}}\n"
        "routes: {r: [{deployments: [{provider: groq, model: x}, {provider: a, model: m}]}]}"
    )
    assert messages(text) == []
    assert messages(text, Severity.WARNING) == [
        "2: routes.r[0].deployments[0].provider: the provider `groq` is not configured, so it is skipped"
    ]
