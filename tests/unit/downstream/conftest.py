from pathlib import Path

import pytest
import trustme
from tests.support.edges import EDGES
from tests.support.tls_client import write_certificate

from fastgate.launch import Edge


@pytest.fixture(params=EDGES)
def edge(request: pytest.FixtureRequest) -> Edge:
    edge: Edge = request.param
    return edge


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """Keys are slow to make: one CA for the session."""
    return trustme.CA()


@pytest.fixture
def certificate(ca: trustme.CA, tmp_path: Path) -> tuple[str, str]:
    return write_certificate(ca, tmp_path)
