import pytest

from fastgate.domain.snapshot import Network
from fastgate.upstream.origin import Origin


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.openai.com/v1", ("https", "api.openai.com", 443, b"api.openai.com", "/v1")),
        ("http://127.0.0.1:8000/v1/", ("http", "127.0.0.1", 8000, b"127.0.0.1:8000", "/v1")),
        ("http://Local.Example", ("http", "local.example", 80, b"local.example", "")),
        ("https://h:443/", ("https", "h", 443, b"h", "")),
        ("http://h:443", ("http", "h", 443, b"h:443", "")),
        ("http://[::1]:81/x/y", ("http", "::1", 81, b"[::1]:81", "/x/y")),
        ("https://bücher.example", ("https", "xn--bcher-kva.example", 443, b"xn--bcher-kva.example", "")),
    ],
)
def test_parse(url: str, expected: tuple[str, str, int, bytes, str]) -> None:
    origin, path = Origin.parse(url, Network())
    assert (origin.scheme, origin.host, origin.port, origin.authority, path) == expected


@pytest.mark.parametrize(
    "url",
    [
        "ftp://secret",
        "secret.example/v1",
        "unix:///secret",
        "http://",
        "http:///secret",
        "http://.secret",
        "http://user:secret@h",
        "http://secret@h",
        "http://h:99999/secret",
        "http://h:x/secret",
        "http://h/v1?api-version=secret",
        "http://h/v1#secret",
        "http://h/v1?",
        "http://h/a secret",
        "http://h/sécret",
        "http://se cret/",
        "http://[::1/secret",
        "http://a..b.é/secret",
    ],
)
def test_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="the ") as caught:
        Origin.parse(url, Network())
    assert "cret" not in str(caught.value)


def test_equal_origins_share_a_pool_and_others_do_not() -> None:
    same = {Origin.parse(f"https://h{path}", Network())[0] for path in ("/a", ":443/b", "")}
    assert len(same) == 1
    others = {
        Origin.parse("https://h", Network())[0],
        Origin.parse("http://h", Network())[0],
        Origin.parse("https://h:444", Network())[0],
        Origin.parse("https://h", Network(proxy="http://p"))[0],
        Origin.parse("https://h", Network(verify_tls=False))[0],
    }
    assert len(others) == 5


def test_repr_shows_no_password_of_a_proxy() -> None:
    origin, _ = Origin.parse("https://h/v1", Network(proxy="http://user:secret@p:3128"))
    assert repr(origin) == "Origin(https://h:443)"
