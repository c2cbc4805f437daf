"""A host that builds, one that serves, and the two kinds of remote stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.transfer.hosts import NAMES, Host
from tests.transfer.servers import KEY, SECRET, running_registry, running_s3


@dataclass(frozen=True)
class Server:
    """A running server of remote stores: ``folder`` has what it keeps, ``log`` its requests."""

    kind: str
    port: int
    folder: Path
    log: Path
    environment: dict[str, str] = field(default_factory=dict)

    def address(self, name: str) -> str:
        """A store of that name."""
        return f"oci://127.0.0.1:{self.port}/{name}:1" if self.kind == "oci" else f"s3://models/{name}"

    def through(self, port: int, address: str) -> tuple[str, dict[str, str]]:
        """How a store is called, and what commands are told besides, so that they reach it at another port."""
        way = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"} if self.kind == "s3" else {}
        return address.replace(f":{self.port}/", f":{port}/"), way


@pytest.fixture(scope="package", params=["oci", "s3"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "oci":
        with running_registry(folder) as port:
            yield Server("oci", port, folder / "data", folder / "log")
        return
    with running_s3(folder / "s3") as port:
        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
        environment = {**keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        yield Server("s3", port, folder / "s3" / "models", folder / "s3.log", environment)


@pytest.fixture
def new_host(server: Server, tmp_path: Path) -> Callable[[str], Host]:
    """Makes hosts that reach the server."""
    return lambda name: Host(tmp_path / name, server.environment)


@pytest.fixture
def builder(new_host: Callable[[str], Host]) -> Host:
    """A host with an archive of each model."""
    host = new_host("builder")
    for seed, name in enumerate(NAMES):
        host.build(name, seed)
    return host


@pytest.fixture
def serving(new_host: Callable[[str], Host]) -> Host:
    """A host with nothing."""
    return new_host("serving")
