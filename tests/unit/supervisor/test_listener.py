import socket

import pytest

from fastgate.supervisor.errors import StartError
from fastgate.supervisor.listener import listen, local_url_of, url_of


@pytest.mark.parametrize(
    ("host", "url", "local"),
    [
        ("127.0.0.1", "http://127.0.0.1:", "http://127.0.0.1:"),
        ("localhost", "http://127.0.0.1:", "http://127.0.0.1:"),
        ("::1", "http://[::1]:", "http://[::1]:"),
        ("0.0.0.0", "http://0.0.0.0:", "http://127.0.0.1:"),
        ("::", "http://[::]:", "http://[::1]:"),
        ("", "http://", "http://"),
    ],
)
def test_listens_on_names_and_addresses(host: str, url: str, local: str) -> None:
    with listen(host, 0, 16) as listener:
        port = listener.getsockname()[1]
        # What a name resolves to first is the machine's business.
        assert url_of(listener).startswith(url) or host == "localhost"
        assert local_url_of(listener).startswith(local) or host == "localhost"
        assert url_of(listener, tls=True) == url_of(listener).replace("http:", "https:")
        assert str(port) in local_url_of(listener)


def test_accepted_connections_do_not_wait_to_send() -> None:
    with listen("127.0.0.1", 0, 16) as listener, socket.create_connection(listener.getsockname()):
        listener.setblocking(True)
        with listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_in_use_is_named() -> None:
    with listen("127.0.0.1", 0, 16) as first:
        port = first.getsockname()[1]
        with pytest.raises(StartError, match=rf"127\.0\.0\.1:{port} is in use by another program"):
            listen("127.0.0.1", port, 16)


def test_an_address_of_another_machine() -> None:
    with pytest.raises(StartError, match=r"cannot listen on 192\.0\.2\.1:0: "):
        listen("192.0.2.1", 0, 16)


def test_a_name_that_is_none() -> None:
    with pytest.raises(StartError, match=r"server\.host: no\.such\.host\.invalid is no address"):
        listen("no.such.host.invalid", 0, 16)
