"""The container's health check, against the gateway."""

import os
import subprocess
import sys
from pathlib import Path

import trustme
from tests.support.gateway_process import GatewayProcess, gateway_config, provider_config
from tests.support.processes import ROOT, python_environment

CONFIG = gateway_config({"local": provider_config("http://127.0.0.1:1/v1")})


def check(gateway: GatewayProcess, **environment: str) -> int:
    port = gateway.url.rpartition(":")[2]
    names = {
        "FASTGATE_SERVER__HOST": "0.0.0.0",
        "FASTGATE_SERVER__PORT": port,
        "HTTP_PROXY": "http://127.0.0.1:1",
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "healthcheck.py")],
        env=python_environment({**names, **environment}),
        stdout=subprocess.DEVNULL,
        timeout=20,
        check=False,
    ).returncode


def test_ready_and_gone(tmp_path: Path) -> None:
    with GatewayProcess(CONFIG, tmp_path) as gateway:
        assert check(gateway) == 0
        assert check(gateway, FASTGATE_SERVER__HOST="127.0.0.1") == 0
        gateway.terminate()
        gateway.wait()
        assert check(gateway) == 1


def test_over_tls(tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("gateway.example.com")
    files = {"CERTIFICATE": tmp_path / "certificate.pem", "KEY": tmp_path / "key.pem"}
    certificate.cert_chain_pems[0].write_to_path(os.fspath(files["CERTIFICATE"]))
    certificate.private_key_pem.write_to_path(os.fspath(files["KEY"]))
    names = {f"FASTGATE_SERVER__TLS__{name}": str(path) for name, path in files.items()}
    with GatewayProcess(CONFIG, tmp_path, env=names) as gateway:
        assert gateway.url.startswith("https://")
        assert check(gateway, **names) == 0
        assert check(gateway) == 1
