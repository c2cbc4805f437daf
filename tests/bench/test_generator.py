"""Does the generator make its requests, count them and the errors, and leave time for the servers?"""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from scripts.bench.child import Child
from scripts.bench.servers import null_server
from scripts.settings import Settings
from tests.bench.jobs import job


def test_the_generator_makes_every_request_it_was_asked_for(
    settings: Settings, directory: Path, generator: Child, request_file: Path
) -> None:
    with null_server(settings, directory / "null") as port:
        tally = generator.ask(job(port, request_file, clients=32, rounds=10))
    assert len(tally["latencies"]) == 320
    assert tally["errors"] == {}
    assert tally["answer"].startswith('{"success": true')


def test_the_generator_is_many_times_faster_than_any_model(
    settings: Settings, directory: Path, generator: Child, request_file: Path
) -> None:
    with null_server(settings, directory / "null") as port:
        tally = generator.ask(job(port, request_file, clients=8, seconds=0.3))
    assert len(tally["latencies"]) / tally["cpu"] > 2000  # requests of 61 kB per second of processor time


def test_the_generator_counts_connections_that_are_hung_up(generator: Child, request_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            for _ in range(3):
                connection, _ = server.accept()
                connection.recv(1000)
                connection.close()
            server.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        tally = generator.ask(job(server.getsockname()[1], request_file, rounds=3))
        thread.join(timeout=10)
    assert (tally["latencies"], tally["errors"]) == ([], {"hung up": 3})
