"""``python -m scripts.bench [run|report|faces|overload|quota|page|plan|soak]``: measure, make the page, plan, soak."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from scripts.bench import BenchError, paint
from scripts.bench import command_options as option
from scripts.bench import faces as face_bench
from scripts.bench import overload as overload_bench
from scripts.bench import quota as quota_bench
from scripts.bench.capacity import RATES, Node, capacity_table, checked, costs, need
from scripts.bench.images import IMAGES
from scripts.bench.page import page as page_text
from scripts.bench.plot import draw
from scripts.bench.run import Options, Run
from scripts.bench.showing import as_rich, keep, say, show
from scripts.bench.soak import report as soak_report
from scripts.bench.soak.run import Options as SoakOptions
from scripts.bench.soak.run import Soak
from scripts.catalogue import ARCHITECTURES
from scripts.console import new_app, run
from scripts.precision import EXACT
from scripts.running import running_settings
from scripts.settings import ROOT, load_settings

PAGE = ROOT / "docs" / "performance.md"
FIGURES = PAGE.with_suffix(".json")

app = new_app("Measure the stack beside the backend it replaces, or make docs/performance.md from a run.")


@app.command("run")
def measure(
    quick: option.Quick = False,
    architecture: option.Architectures = None,
    clients: option.Clients = None,
    precision: option.Precisions = None,
    seconds: option.Seconds = None,
    pairs: option.Pairs = None,
    image: option.Images = None,
    profile: option.Profile = False,
    build: option.Build = True,
    output: option.Output = None,
) -> int:
    """Measure this stack, two backends, and the machine's limit."""
    settings = load_settings()
    standard_clients, standard_seconds, standard_pairs = ((1, 8), 1.0, 2) if quick else ((1, 8, 32), 4.0, 5)
    standard_precisions = () if quick or profile else option.FEWER_BITS
    options = Options(
        architectures=tuple(architecture or ARCHITECTURES),
        clients=tuple(clients or standard_clients),
        seconds=seconds or standard_seconds,
        pairs=pairs or standard_pairs,
        rounds=1 if quick else 3,
        load=not profile,
        build=build and not quick and not profile,
        precisions=tuple(name for name in precision or standard_precisions if name != "none"),
        images=tuple(image or IMAGES),
    )
    console = Console(highlight=False)
    result = Run(settings, options, console).measure()
    show(result, output or settings.run_dir / "bench" / "results.json", settings, console)
    return 0


@app.command("report")
def report(
    results: Annotated[Path, typer.Argument(help="JSON file of a run.")],
    page: Annotated[Path, typer.Option(help="The page; plot and figures lie beside it.")] = PAGE,
) -> int:
    """Make the page and its plot from a run's JSON."""
    settings = load_settings()
    result = _figures(results)
    draw(result, page.with_suffix(".svg"), settings.run_dir / "bench" / "matplotlib")
    page.write_text(page_text(result, page.stem))
    page.with_suffix(".json").write_text(results.read_text())
    return 0


@app.command("faces")
def faces(
    architecture: option.Architectures = None,
    seconds: Annotated[float, typer.Option(help="Of one slice.")] = 4.0,
    pairs: Annotated[int, typer.Option(min=1, help="Of slices a case.")] = 5,
    output: Annotated[Path | None, typer.Option(help="JSON file; default: RUN_DIR/bench/faces.json.")] = None,
) -> int:
    """Measure /faces beside /predict for the same frame."""
    settings = load_settings()
    console = Console(highlight=False)
    options = face_bench.Options(tuple(architecture or ARCHITECTURES), seconds, pairs)
    result = face_bench.measure(settings, options, lambda text: say(console, text))
    keep(result, [face_bench.table(result)], output or settings.run_dir / "bench" / "faces.json", console)
    return 0


@app.command("overload")
def overload(
    architecture: option.Architectures = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of one slice.")] = 20.0,
    rounds: Annotated[int, typer.Option(min=1, metavar="N", help="Of slices.")] = 3,
    clients: Annotated[int, typer.Option(min=1, metavar="N", help="In a crowd.")] = 150,
    output: Annotated[Path | None, typer.Option(help="JSON file; default: RUN_DIR/bench/overload.json.")] = None,
) -> int:
    """Measure what is answered when far more ask than can be answered."""
    settings = load_settings()
    console = Console(highlight=False)
    options = overload_bench.Options(tuple(architecture or ARCHITECTURES), seconds, rounds, clients)
    result = overload_bench.measure(settings, options, lambda text: say(console, text))
    keep(result, overload_bench.tables(result), output or settings.run_dir / "bench" / "overload.json", console)
    return 0


@app.command("quota")
def quota(
    architecture: option.Architectures = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of one slice.")] = 8.0,
    rounds: Annotated[int, typer.Option(min=1, metavar="N", help="Of slices.")] = 5,
    output: Annotated[Path | None, typer.Option(help="JSON file; default: RUN_DIR/bench/quota.json.")] = None,
) -> int:
    """Measure what is made of a quota of one processor's time."""
    settings = load_settings()
    console = Console(highlight=False)
    options = quota_bench.Options(tuple(architecture or ARCHITECTURES), seconds, rounds)
    result = quota_bench.measure(settings, options, lambda text: say(console, text))
    keep(result, [quota_bench.table(result)], output or settings.run_dir / "bench" / "quota.json", console)
    return 0


@app.command("plan")
def plan(
    figures: Annotated[Path, typer.Argument(help="JSON file of a run.")] = FIGURES,
    mix: option.Mix = None,
    precision: option.Precision = EXACT,
    rate: option.Rates = None,
    cores: Annotated[int, typer.Option(min=1, help="Of a node.")] = 8,
    memory: Annotated[float, typer.Option(min=0.1, help="Of a node, in GB.")] = 16.0,
    network: Annotated[float, typer.Option(min=0.01, help="Of a node, in Gbit/s.")] = 10.0,
    utilisation: Annotated[float, typer.Option(min=0.05, max=1.0, help="Part of a node that is planned with.")] = 0.7,
    price: Annotated[float | None, typer.Option(min=0.0, help="Of a node and hour, in any currency.")] = None,
) -> int:
    """How many nodes a rate needs, from a run's figures."""
    result, node = _figures(figures), Node(cores, memory, network, price)
    cost = costs(result, dict(mix or dict.fromkeys(ARCHITECTURES, 1.0)), precision)
    needs = [need(one, cost, node, utilisation) for one in rate or RATES]
    console = Console(highlight=False)
    console.print(as_rich(capacity_table(needs, node)))
    console.print(f"The models hold {cost.memory:.1f} GB on each node; one node and one balancer may be away.")
    for line in checked(result):
        console.print(line, soft_wrap=True)
    return 0


@app.command("page")
def first_paint(
    loads: Annotated[int, typer.Option(min=1, metavar="N", help="Of each profile.")] = 15,
    url: Annotated[str | None, typer.Option(help="Of the page; default: that of the stack that runs.")] = None,
    output: Annotated[Path | None, typer.Option(help="JSON file; default: RUN_DIR/bench/page.json.")] = None,
) -> int:
    """Measure how soon the page of a running service is there."""
    settings = running_settings()
    console = Console(highlight=False)
    result = paint.measure(url or f"{settings.url}/", loads, lambda text: say(console, text))
    keep(result, [paint.table(result)], output or settings.run_dir / "bench" / "page.json", console)
    return 0


@app.command("soak")
def soak(
    minutes: Annotated[float, typer.Option(min=0.1, help="After the start of the stack.")] = 60.0,
    clients: Annotated[int, typer.Option(min=1, metavar="N", help="At a time.")] = 6,
    leavers: Annotated[int, typer.Option(min=0, metavar="N", help="More, who leave about every second.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the requests, the kills and their times.")] = 1,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Default: RUN_DIR/bench/soak.json.")
    ] = None,
) -> int:
    """Load the stack while processes are killed and a version changes.

    Exit code 1 after an unexpected answer, or when a process grows.
    """
    settings = load_settings()
    console = Console(highlight=False)
    result = Soak(settings, SoakOptions(minutes, clients, leavers, seed), lambda text: say(console, text)).run()
    output = json_file or settings.run_dir / "bench" / "soak.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result) + "\n")
    for table in soak_report.tables(result):
        console.print(as_rich(table))
    for line in [*soak_report.conclusion(result), f"Figures: {output}"]:
        console.print(line, markup=False, soft_wrap=True)
    return 0 if soak_report.passed(result) else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; ``run`` need not be said. Returns 0, 1 for an error, 130 after a signal."""
    words = list(sys.argv[1:] if argv is None else argv)
    named = bool(words) and words[0] in {"--help", *(command.name for command in app.registered_commands)}
    return run(app, "python -m scripts.bench", words if named else ["run", *words])


def _figures(file: Path) -> dict[str, Any]:
    try:
        result: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise BenchError(f"{file}: {error}; give the JSON file of a run") from error
    return result


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # the servers are stopped as after Ctrl-C
    sys.exit(main())
