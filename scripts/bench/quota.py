"""What a stack makes of a quota of processor time, beside others whose threads are set by hand.

Each has a control group of its own with the time of one processor, and they are loaded in turn. It needs version 1 of
control groups, and root.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scripts.bench import BenchError
from scripts.bench.build_time import BUILD
from scripts.bench.child import Child
from scripts.bench.images import image_bytes, predict_request, write_once
from scripts.bench.machine import cores, describe_machine
from scripts.bench.own_stack import first_models
from scripts.bench.processes import Meter
from scripts.bench.servers import Server, project_stack, run_command, stack_environment, stack_settings
from scripts.bench.tables import Table
from scripts.catalogue import load_catalogue
from scripts.settings import Settings

CLIENTS = 8
_GROUPS = Path("/sys/fs/cgroup/cpu")
_PERIOD_US = 100_000
OWN = "by itself"


@dataclass(frozen=True)
class Options:
    """For each of the ``architectures`` ``rounds`` of slices of ``seconds``."""

    architectures: tuple[str, ...]
    seconds: float
    rounds: int


def measure(settings: Settings, options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Start the stacks and measure; all that is written lies in ``RUN_DIR/bench``. Raises BenchError."""
    if not _GROUPS.is_dir():
        raise BenchError(f"{_GROUPS} is not there: a quota is measured with version 1 of control groups")
    cases = [_case(settings, options, architecture, say) for architecture in options.architectures]
    return {"machine": describe_machine(), "options": asdict(options), "cases": cases}


def table(result: dict[str, Any]) -> Table:
    """The cases for people."""
    rows = [
        (
            f"{case['architecture']}, {name}",
            f"{part['rate']:.1f}",
            f"{part['ratio']:.0%}",
            f"{part['cpu_ms']:.1f} ms",
            f"{part['p50']:.0f} ms",
        )
        for case in result["cases"]
        for name, part in case["parts"].items()
    ]
    headings = ("Threads", "answers/s", "of those by hand", "processor time", "p50")
    return Table(f"With the time of one of {result['machine']['cores']} processors, {CLIENTS} clients", headings, rows)


def _case(settings: Settings, options: Options, architecture: str, say: Callable[[str], None]) -> dict[str, Any]:
    directory = settings.run_dir / "bench" / "quota"
    by_hand = {f"CPUS={count}": count for count in sorted({1, cores()})}
    with ExitStack() as servers:
        generator = servers.enter_context(Child("scripts.bench.generator", directory / "logs" / "generator.log"))
        stacks, model = {}, ""
        for number, (name, cpus) in enumerate({OWN: 0, **by_hand}.items()):
            own, model = _settings(settings, directory, architecture, number, cpus)
            if number == 0:
                say(f"Building {model}, unless it is up to date")
                run_command(BUILD, stack_environment(own), directory / "logs" / "build.log")
            say(f"Starting a stack with its threads {name}")
            with _quota(f"emotions-bench-{number}", servers):
                stacks[name] = servers.enter_context(project_stack(own, directory / "logs" / f"stack-{number}.log"))
        request = write_once(directory / f"{model}.http", predict_request(image_bytes("frame"), model))
        return {"architecture": architecture, "parts": _parts(generator, stacks, request, options)}


def _settings(settings: Settings, directory: Path, architecture: str, number: int, cpus: int) -> tuple[Settings, str]:
    """A stack of one model, and the model's name."""
    catalogue = json.loads(settings.catalogue.read_text(encoding="utf-8"))
    model = first_models(load_catalogue(settings.catalogue))[architecture].name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "models.json").write_text(json.dumps({model: catalogue[model]}), encoding="utf-8")
    own = replace(settings, catalogue=directory / "models.json", model_store=directory / "model_store", cpus=cpus)
    return stack_settings(own, directory / f"stack-{number}"), model


@contextmanager
def _quota(name: str, until: ExitStack) -> Iterator[None]:
    """Within the block, what is started gets the time of one processor; the group is removed when ``until`` ends."""
    group = _GROUPS / name
    try:
        group.mkdir(exist_ok=True)
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(_PERIOD_US))
    except OSError as error:
        raise BenchError(f"{group}: no group can be made ({error}); do it as root") from error
    until.callback(group.rmdir)
    before = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if ":cpu:" in line)
    (group / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        (_GROUPS / before.rpartition(":")[2].lstrip("/") / "cgroup.procs").write_text(str(os.getpid()))


def _parts(generator: Child, stacks: dict[str, Server], request: Path, options: Options) -> dict[str, Any]:
    """Slices of all stacks in turn; ``ratio`` is the median over the rounds against the better one set by hand."""
    rounds: list[dict[str, dict[str, Any]]] = []
    for number in range(-1, options.rounds):  # the first warms up
        names = list(stacks) if number % 2 == 0 else list(reversed(stacks))
        rounds.append({name: _slice(generator, stacks[name], request, options.seconds) for name in names})
    del rounds[0]
    rates = {name: statistics.median(one[name]["rate"] for one in rounds) for name in stacks}
    best = max((name for name in stacks if name != OWN), key=lambda name: rates[name])
    return {
        name: {
            "rate": rates[name],
            "ratio": statistics.median(one[name]["rate"] / one[best]["rate"] for one in rounds),
            **{key: statistics.median(one[name][key] for one in rounds) for key in ("cpu_ms", "p50")},
        }
        for name in stacks
    }


def _slice(generator: Child, server: Server, request: Path, seconds: float) -> dict[str, float]:
    job = {"port": server.port, "requests": [str(request)], "clients": CLIENTS, "seconds": seconds}
    with Meter(server.roots) as stack:
        tally = generator.ask(job)
    if tally["errors"] or not tally["latencies"]:
        raise BenchError(f"/api/v1/predict answered {tally['errors'] or 'nothing'}: {tally['answer'][:300]}")
    answered = len(tally["latencies"])
    return {
        "rate": answered / tally["seconds"],
        "cpu_ms": stack.cpu * 1000 / answered,
        "p50": statistics.median(tally["latencies"]),
    }
