"""One run of the benchmark, from the servers' start to the figures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console

from scripts.bench import BenchError
from scripts.bench.breakdown import Breakdown
from scripts.bench.build_time import BUILD, build_seconds
from scripts.bench.child import Child
from scripts.bench.images import IMAGES, image_bytes, predict_request, write_once
from scripts.bench.limits import unpack_network
from scripts.bench.machine import cores, describe_machine
from scripts.bench.measure import BATCH, Bench, Case, percentiles
from scripts.bench.own_stack import first_models
from scripts.bench.precisions import prepare
from scripts.bench.processes import memory
from scripts.bench.servers import (
    Server,
    null_server,
    peer_backend,
    project_stack,
    reference_backend,
    run_command,
    stack_environment,
    stack_settings,
)
from scripts.catalogue import Model, load_catalogue
from scripts.precision import EXACT
from scripts.settings import Settings

MIXED = "all models"


@dataclass(frozen=True)
class Options:
    """What to measure.

    A case is ``pairs`` of slices of ``seconds``, each with at least ``rounds`` answers a client; ``load`` and ``build``
    say whether to measure these at all. ``precisions`` are those besides the archives' own.
    """

    architectures: tuple[str, ...]
    clients: tuple[int, ...]
    seconds: float
    pairs: int
    rounds: int
    load: bool
    build: bool
    precisions: tuple[str, ...] = ()
    images: tuple[str, ...] = tuple(IMAGES)


class Run:
    """A run with the user's ``settings``; all it writes lies in ``RUN_DIR/bench``."""

    def __init__(self, settings: Settings, options: Options, console: Console) -> None:
        self._directory = settings.run_dir / "bench"
        self._settings = stack_settings(settings, self._directory / "stack")
        self._options = options
        self._console = console
        self._models = load_catalogue(settings.catalogue)

    def measure(self) -> dict[str, Any]:
        """Measure everything that the options ask for."""
        self._say("Building the archives, unless they are up to date")
        run_command(BUILD, stack_environment(self._settings), self._log("build"))
        result: dict[str, Any] = {
            "date": datetime.now(timezone.utc).date().isoformat(),
            "options": asdict(self._options),
            "machine": describe_machine(),
            "stand_ins": self._stand_ins(),
        }
        requests = self._write_requests()
        with ExitStack() as servers:
            generator = servers.enter_context(Child("scripts.bench.generator", self._log("generator")))
            result["generator"] = self._check_generator(generator, requests)
            bench = self._start(servers, generator, requests, result)
            result["answers"] = self._compare_answers(bench)
            result["limits"] = self._limits(bench)
            result["cases"] = [self._measure(bench, case) for case in self._cases()]
            for precision in self._options.precisions:
                self._in_fewer_bits(servers, bench, precision, result)
            result["breakdown"] = self._break_down(bench)
        if self._options.build:
            self._say("Building all archives from nothing, then one whose checkpoint changed")
            result["build"] = build_seconds(self._settings, self._directory / "build", self._log("build"))
        return result

    def _start(
        self,
        servers: ExitStack,
        generator: Child,
        requests: dict[tuple[str, str], Path],
        result: dict[str, Any],
    ) -> Bench:
        """Start the servers, one after the other so that each one's memory is measured without the next."""
        started: dict[str, Server] = {}
        bench = Bench(
            servers=started,
            generator=generator,
            limits=servers.enter_context(Child("scripts.bench.limits", self._log("limits"))),
            requests=requests,
            images={name: write_once(self._directory / f"{name}.image", image_bytes(name)) for name in IMAGES},
            networks={EXACT: self._unpack_networks(self._settings, first_models(self._models).values(), EXACT)},
            seconds=self._options.seconds,
            pairs=self._options.pairs,
            rounds=self._options.rounds,
        )
        for name, start in (("stack", project_stack), ("reference", reference_backend), ("peer", peer_backend)):
            self._say(f"Starting the {name}")
            started[name] = servers.enter_context(start(self._settings, self._log(name)))
            self._warm(bench, name, self._models)
            result.setdefault("start", {})[name] = started[name].start_seconds
            processes = memory(started[name].roots, started[name].names)
            result.setdefault("memory", {})[name] = [asdict(process) for process in processes]
        return bench

    @staticmethod
    def _warm(bench: Bench, server: str, models: Iterable[str]) -> None:
        for model in models:
            # Twice, since a worker prepares for batches beside the first one.
            bench.load(server, Case(model, (model,), "frame", BATCH), seconds=0, rounds=2)

    def _in_fewer_bits(self, servers: ExitStack, bench: Bench, precision: str, result: dict[str, Any]) -> None:
        """Build, serve and measure the chosen models in ``precision``, as far as the gate lets them pass."""
        self._say(f"Building in {precision}, and comparing with float32 on drawn faces")
        place, chosen = self._directory / precision, self._chosen()
        own, refused = prepare(self._settings, place, precision, chosen, self._log(f"build {precision}"))
        names = {model.name: model.architecture for model in chosen}
        result.setdefault("refused", {})[precision] = {names[name]: reason for name, reason in refused.items()}
        served = [model for model in chosen if model.name not in refused]
        if not served or not self._options.load:
            return
        bench.networks[precision] = self._unpack_networks(own, served, precision)
        for name, start in ((f"stack {precision}", project_stack), (f"peer {precision}", peer_backend)):
            bench.servers[name] = servers.enter_context(start(own, self._log(name)))
            self._warm(bench, name, [model.name for model in served])
        for model in served:
            for clients in self._options.clients:
                case = Case(model.architecture, (model.name,), "frame", clients, precision)
                result["cases"].append(self._measure(bench, case))

    def _cases(self) -> Iterator[Case]:
        if not self._options.load:
            return
        for model in self._chosen():
            for clients in self._options.clients:
                yield Case(model.architecture, (model.name,), "frame", clients)
        for clients in self._options.clients:
            yield Case(MIXED, tuple(self._models), "frame", clients)
        for image in (name for name in self._options.images if name != "frame"):
            for model in self._chosen():
                yield Case(model.architecture, (model.name,), image, self._options.clients[0])

    def _chosen(self) -> list[Model]:
        """The models that stand for the architectures to measure."""
        first = first_models(self._models)
        return [first[architecture] for architecture in self._options.architectures if architecture in first]

    def _measure(self, bench: Bench, case: Case) -> dict[str, Any]:
        self._say(f"{case.title}, {IMAGES[case.image]}, {case.precision}, {case.clients} clients")
        return bench.measure(case)

    def _break_down(self, bench: Bench) -> dict[str, Any]:
        self._say("Where a request's time goes")
        breakdown = Breakdown(bench, self._settings, bench.images["frame"], self._directory / "requests")
        return {model.architecture: breakdown.measure(model) for model in self._chosen()}

    def _limits(self, bench: Bench) -> dict[str, Any]:
        """The best a matrix product and the networks reach here."""
        self._say("The machine's limits")
        seconds = self._options.seconds
        networks = {
            model.architecture: {
                str(batch): bench.network(bench.networks[EXACT][model.name], batch, seconds)["ms"]
                for batch in (1, BATCH)
            }
            for model in self._chosen()
        }
        return {"gemm": bench.limits.ask({"kind": "gemm", "seconds": seconds})["result"], "networks": networks}

    def _check_generator(self, generator: Child, requests: dict[tuple[str, str], Path]) -> dict[str, Any]:
        """Its rate, latency and share of all cores against a server that does nothing."""
        self._say("What the load generator itself can do")
        path = requests[next(iter(self._models)), "frame"]
        with null_server(self._settings, self._directory / "null") as port:
            job = {"port": port, "requests": [str(path)], "clients": BATCH, "seconds": self._options.seconds}
            start = time.perf_counter()
            tally = generator.ask(job)
            capacity = (time.perf_counter() - start) * cores()
        return {
            **percentiles(tally["latencies"]),
            "rate": len(tally["latencies"]) / tally["seconds"],
            "share": tally["cpu"] / capacity,
            "cpu_ms": tally["cpu"] * 1000 / max(1, len(tally["latencies"])),
            "request_bytes": path.stat().st_size,
            "errors": tally["errors"],
        }

    def _compare_answers(self, bench: Bench) -> dict[str, float]:
        """Largest difference of a probability from the stack's, by image, over all models and the other servers."""
        self._say("Comparing the answers")
        return {image: max(self._difference(bench, model, image) for model in self._models) for image in IMAGES}

    def _difference(self, bench: Bench, model: str, image: str) -> float:
        answers = [json.loads(bench.answer(name, model, image)) for name in bench.servers]
        for answer in answers:
            if not answer.get("success"):
                raise BenchError(f"{model}: no prediction of the {IMAGES[image]}: {answer}")
        ours, *others = (answer["predictions"] for answer in answers)
        return float(max(abs(ours[label] - other[label]) for other in others for label in ours))

    def _write_requests(self) -> dict[tuple[str, str], Path]:
        requests = {}
        for image in IMAGES:
            data = image_bytes(image)
            for name, model in self._models.items():
                path = self._directory / "requests" / f"{model.archive_name}-{image}.http"
                requests[name, image] = write_once(path, predict_request(data, name))
        return requests

    def _unpack_networks(self, settings: Settings, models: Iterable[Model], precision: str) -> dict[str, Path]:
        directory, store = self._directory / "networks" / precision, settings.model_store
        return {
            model.name: unpack_network(store / model.archive_file, directory / model.archive_name) for model in models
        }

    def _stand_ins(self) -> bool:
        index = json.loads(self._settings.index_file.read_text())
        return any(index[name]["stand_in"] for name in self._models)

    def _log(self, name: str) -> Path:
        return self._directory / "logs" / f"{name}.log"

    def _say(self, text: str) -> None:
        self._console.print(f"[dim]{datetime.now():%H:%M:%S}[/] {text}")
