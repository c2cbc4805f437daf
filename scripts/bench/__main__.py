"""``python -m scripts.bench [run|report]``: measure, or make docs/performance.md from figures measured before."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rich.table
from rich.console import Console

from scripts.bench import BenchError
from scripts.bench.page import page, verdict, warning
from scripts.bench.plot import draw
from scripts.bench.run import Options, Run
from scripts.bench.tables import Table, all_tables
from scripts.catalogue import ARCHITECTURES
from scripts.console import print_error
from scripts.errors import INTERRUPTED, UserError
from scripts.settings import ROOT, Settings, load_settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0, 1 for an error, 130 after a signal."""
    console = Console(highlight=False)
    try:
        arguments = _parser().parse_args(_with_command(sys.argv[1:] if argv is None else argv))
        settings = load_settings()
        return _report(settings, arguments) if arguments.command == "report" else _run(settings, arguments, console)
    except UserError as error:
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure this stack, the reference backend and the machine's limit")
    run.add_argument("--quick", action="store_true", help="short slices and no builds: to see that all works")
    run.add_argument("--architectures", nargs="+", choices=ARCHITECTURES, default=ARCHITECTURES, metavar="NAME")
    run.add_argument("--clients", nargs="+", type=_positive, metavar="N", help="(default 1 8 32, quick 1 8)")
    run.add_argument("--seconds", type=float, help="of one slice (default 4)")
    run.add_argument("--pairs", type=_positive, help="of slices a case (default 5)")
    run.add_argument("--profile", action="store_true", help="only where a request's time goes")
    run.add_argument("--no-build", action="store_true", help="do not measure how long the archives take to build")
    run.add_argument("--output", type=Path, help="JSON file (default RUN_DIR/bench/results.json)")
    report = commands.add_parser("report", help="make the page and its plot from a run's JSON")
    report.add_argument("results", type=Path)
    report.add_argument("--page", type=Path, default=ROOT / "docs" / "performance.md")
    return parser


def _with_command(words: Sequence[str]) -> list[str]:
    """``run`` need not be said."""
    named = bool(words) and words[0] in ("run", "report", "-h", "--help")
    return list(words) if named else ["run", *words]


def _run(settings: Settings, arguments: argparse.Namespace, console: Console) -> int:
    output = arguments.output or settings.run_dir / "bench" / "results.json"
    result = Run(settings, _options(arguments), console).measure()
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=2) + "\n")
    for table in all_tables(result):
        console.print(_rich(table))
    plot = output.with_suffix(".svg")
    draw(result, plot, settings.run_dir / "bench" / "matplotlib")
    if warning(result):
        console.print(warning(result), style="yellow")
    console.print(f"{verdict(result)}\nFigures: {output}\nPlot: {plot}", soft_wrap=True)
    return 0


def _report(settings: Settings, arguments: argparse.Namespace) -> int:
    try:
        figures = arguments.results.read_text()
        result: dict[str, Any] = json.loads(figures)
    except (OSError, ValueError) as error:
        raise BenchError(f"{arguments.results}: {error}; give the JSON file of a run") from error
    plot = arguments.page.with_suffix(".svg")
    draw(result, plot, settings.run_dir / "bench" / "matplotlib")
    arguments.page.write_text(page(result, arguments.page.stem))
    arguments.page.with_suffix(".json").write_text(figures)
    return 0


def _options(arguments: argparse.Namespace) -> Options:
    clients, seconds, pairs = ((1, 8), 1.0, 2) if arguments.quick else ((1, 8, 32), 4.0, 5)
    return Options(
        architectures=tuple(arguments.architectures),
        clients=tuple(arguments.clients or clients),
        seconds=arguments.seconds or seconds,
        pairs=arguments.pairs or pairs,
        rounds=1 if arguments.quick else 3,
        load=not arguments.profile,
        build=not (arguments.quick or arguments.no_build or arguments.profile),
    )


def _rich(table: Table) -> rich.table.Table:
    shown = rich.table.Table(title=table.title, title_justify="left", box=None, pad_edge=False)
    for index, heading in enumerate(table.headings):
        shown.add_column(heading, justify="left" if index == 0 else "right")
    for row in table.rows:
        shown.add_row(*(cell.replace("**", "") for cell in row))
    return shown


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be at least 1")
    return number


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # the servers are stopped as after Ctrl-C
    sys.exit(main())
