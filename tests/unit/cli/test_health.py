"""`fastgate health`, against the gateway and against what is none."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import trustme
from tests.support.gateway_process import GatewayProcess, gateway_config, provider_config
from tests.support.tls_client import write_certificate
from tests.unit.cli.conftest import Run

from fastgate.cli.written import Written

CONFIG = gateway_config({"local": provider_config("http://127.0.0.1:1/v1")})


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """A server's URL that sends `answer` to its one client; None: it never takes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer or b"")

        thread = threading.Thread(target=serve, daemon=True)
        if answer is not None:
            thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        if answer is not None:
            thread.join(10)


def http(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


def gateway_directory(tmp_path: Path) -> Path:
    """Not the one that the command runs in, where it would find the gateway's file."""
    directory = tmp_path / "gateway"
    directory.mkdir()
    return directory


def port_of(gateway: GatewayProcess) -> str:
    return gateway.url.rpartition(":")[2]


def test_ready_and_gone(tmp_path: Path, run: Run) -> None:
    with GatewayProcess(CONFIG, gateway_directory(tmp_path)) as gateway:
        variables = {"FASTGATE_SERVER__PORT": port_of(gateway), "HTTP_PROXY": "http://127.0.0.1:1"}
        done = run("health", environ=variables)
        assert (done.returncode, done.stdout) == (0, f"{gateway.url}: ready\n")
        for host in ("0.0.0.0", "localhost"):
            assert run("health", environ={**variables, "FASTGATE_SERVER__HOST": host}).returncode == 0
        assert run("health", "--url", gateway.url).returncode == 0
        gateway.terminate()
        gateway.wait()
        gone = run("health", environ=variables)
        assert (gone.returncode, gone.stderr) == (1, f"fastgate: {gateway.url}: Connection refused\n")


def test_the_file_says_where_and_a_broken_one_does_not_make_it_sick(tmp_path: Path, run: Run) -> None:
    certificate, key = write_certificate(trustme.CA(), tmp_path)
    tls = {"certificate": certificate, "key": key}
    config = {**CONFIG, "server": {"workers": 1, "drain_s": 10, "tls": tls}}
    with GatewayProcess(config, gateway_directory(tmp_path)) as gateway:
        assert gateway.url.startswith("https://")
        file = tmp_path / "fastgate.yaml"
        file.write_text(f"server: {{port: '${{PORT}}', tls: {{certificate: {certificate}, key: {key}}}}}")
        assert run("health", environ={"PORT": port_of(gateway)}).returncode == 0
        # What else is missing in the file is no concern of this command.
        file.write_text(file.read_text().replace("${PORT}", port_of(gateway)) + "\nproviders: ${NOT_SET}\n")
        assert run("health").returncode == 0
        variables = {"FASTGATE_SERVER__PORT": port_of(gateway)}
        file.write_text("server: {port: 1}\n")
        plain = run("health", environ=variables)
        assert plain.returncode == 1, "over HTTP, to a port that speaks HTTPS"
        file.write_text("server: [\n")
        assert run("health", environ=variables).stdout == f"{gateway.url}: ready\n"


def test_a_file_that_is_gone_does_not_make_it_sick_but_a_named_one_has_to_be_there(run: Run) -> None:
    with answering(http("200 OK", b'{"status":"ready"}')) as url:
        variables = {
            "FASTGATE_CONFIG": "/gone/fastgate.yaml",
            "FASTGATE_SERVER__PORT": url.rpartition(":")[2],
        }
        assert run("health", environ=variables).returncode == 0
        named = run("health", "--config", "/gone/fastgate.yaml", environ=variables)
        assert (named.returncode, named.stderr) == (
            1,
            "fastgate: /gone/fastgate.yaml: No such file or directory\n",
        )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (http("503 Service Unavailable", b'{"status":"draining"}'), "not ready: draining"),
        (http("404 Not Found", b"<html>"), "not ready: /health/ready is answered with 404"),
        (http("404 Not Found", b"[]"), "not ready: /health/ready is answered with 404"),
        (b"220 mail.example.com ESMTP\r\n", "220 mail.example.com ESMTP"),
        (b"", "Remote end closed connection without response"),
        (None, "no answer within 0.2 s"),
    ],
)
def test_what_is_not_ready_says_why_in_one_line(run: Run, answer: bytes | None, reason: str) -> None:
    with answering(answer) as url:
        done = run("health", "--url", url, "--timeout", "0.2" if answer is None else "10")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"fastgate: {url}: {reason}\n")


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://localhost", "http://", "http://[::1", "http://a:b"])
def test_what_is_no_url_is_wrong_usage(run: Run, url: str) -> None:
    done = run("health", "--url", url)
    assert done.returncode == 2
    assert url in done.stderr


@pytest.mark.parametrize("port", ["0", "[1]"])
def test_a_port_that_cannot_be_known_is_said(tmp_path: Path, run: Run, port: str) -> None:
    (tmp_path / "fastgate.yaml").write_text(f"server: {{port: {port}}}")
    done = run("health")
    assert done.returncode == 1
    assert "give --url" in done.stderr


def test_what_stands_beside_very_many_keys_is_found_without_reading_them(tmp_path: Path) -> None:
    keys = [{"id": f"vk_{number}", "metadata": {"code": "x" * 100}} for number in range(10_000)]
    file = tmp_path / "fastgate.yaml"
    file.write_bytes(msgspec.json.encode({"virtual_keys": keys, "server": {"port": 9000}}))
    written = Written.read(file)
    assert written.find("virtual_keys") == []
    assert written.find("server", "port") == 9000


def test_little_is_loaded_for_it(run: Run) -> None:
    """It runs every few seconds beside a gateway that has work to do."""
    done = run("health", environ={"PYTHONPROFILEIMPORTTIME": "1"})
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "fastgate.cli.health" in loaded
    assert not loaded & {"httpx", "rich", "sqlalchemy", "genai_prices", "granian", "uvloop"}
