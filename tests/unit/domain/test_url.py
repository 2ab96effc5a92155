"""One rule for URLs: what passes the configuration's check can be connected to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.domain.url import base_url, proxy_url


@pytest.mark.parametrize(
    ("url", "spelt"),
    [
        ("https://API.example/v1/", "https://api.example/v1"),
        ("https://h:443", "https://h"),
        ("http://h:443/v1", "http://h:443/v1"),
        ("http://[2001:DB8::1]:81/x", "http://[2001:db8::1]:81/x"),
        ("https://bücher.example/v1", "https://xn--bcher-kva.example/v1"),
        ("http://my_service:8000/v1", "http://my_service:8000/v1"),
        ("http://h./a%20b", "http://h./a%20b"),
    ],
)
def test_one_spelling(url: str, spelt: str) -> None:
    assert str(base_url(url)) == spelt
    assert base_url(spelt) == base_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://my host/v1",
        "http://h/v1?",
        "http://h/v1#",
        "http://h/ü",
        "http://h:0/v1",
        "http://h:65536/v1",
        "http://h\n/v1",
        " http://h/v1",
        "http://h/\tv1",
        "http://a..b/v1",
        "http://.h/v1",
        "http://h%41/v1",
        "http://{region}.h/v1",
        "http://[::1/v1",
        "http://[zz::1]/v1",
        f"http://{'a' * 64}.example",
        f"http://{'a.' * 127}example",
        "http://\udcff/v1",
        "",
    ],
)
def test_what_could_not_be_called(url: str) -> None:
    with pytest.raises(ValueError, match=r"^the "):
        base_url(url)


def test_proxies() -> None:
    assert proxy_url("http://p:3128") == ("p", 3128, None)
    assert proxy_url("p") == ("p", 80, None)
    assert proxy_url("http://u:p%40ss@[::1]:1/") == ("::1", 1, "u:p@ss")


@pytest.mark.parametrize(
    "url", ["http://u:hidden@[::1", "socks5://u:hidden@p", "http://u:hidden@p/path", "http://u:hidden@p:x"]
)
def test_a_message_about_a_proxy_has_no_password(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as caught:
        proxy_url(url)
    assert "hidden" not in str(caught.value)


@given(st.text(max_size=40))
def test_nothing_but_a_value_error(text: str) -> None:
    for url in (text, f"http://{text}", f"https://h/{text}"):
        try:
            found = base_url(url)
        except ValueError:
            continue
        assert base_url(str(found)) == found
