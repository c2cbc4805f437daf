"""Build the archives in ``model_store/`` from the checkpoints in ``results/``: only what changed, several at a time."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts import standins, store
from scripts.build import FIRST_VERSION, Build, Result
from scripts.catalogue import CatalogueError, Model, load_catalogue
from scripts.checksums import verify_checksums
from scripts.progress import teller
from scripts.settings import RUNTIMES, Settings, SettingsError, load_settings

__all__ = ["BuildError", "Result", "build_all", "main", "verify_checksums"]

_VERSION = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
# A GPU that torch can use shows as one of these; without one, torch need not be imported to find out.
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
_COLOURS = {"built": "green", "unchanged": "dim", "failed": "red"}


class BuildError(RuntimeError):
    """Nothing can be built; the message says why and what to do."""


def build_all(
    settings: Settings,
    console: Console,
    *,
    names: Iterable[str] = (),
    version: str | None = None,
    runtime: str | None = None,
    force: bool = False,
    jobs: int | None = None,
) -> dict[str, Result]:
    """Build the archives of ``names`` (default: all) that are not up to date, and rewrite the index.

    Makes stand-in checkpoints first where there is neither a checkpoint nor an archive of one. Waits while another
    process builds. ``version`` None keeps the version an archive has. Returns the results by contract name in the
    catalogue's order; a model that failed is one of them. Raises BuildError or CatalogueError when nothing can be
    built at all.
    """
    catalogue = load_catalogue(settings.catalogue)
    chosen = _chosen(catalogue, list(names))
    if version is not None and not _VERSION.match(version):
        raise BuildError(f"archive version {version!r}: use letters, digits, '.', '_' and '-'")
    try:
        with store.locked(settings.model_store, teller(console)) as work:
            if standins.wanted(settings):
                standins.make_stand_ins(settings, console)
            build = Build(settings, catalogue, work, _runtime(runtime or settings.runtime))
            build.run(chosen, console, version=version, force=force, jobs=jobs)
    except OSError as error:
        raise BuildError(
            f"{error.filename or settings.model_store} cannot be written ({error.strerror}); "
            "check its rights and the free space on its disk"
        ) from error
    except standins.StandInError as error:
        raise BuildError(str(error)) from error
    results = {name: build.results[name] for name in catalogue if name in build.results}
    show(settings, results, console)
    return results


def show(settings: Settings, results: dict[str, Result], console: Console) -> None:
    """Print the closing table, and say loudly which models are stand-ins."""
    store_name, results_name = settings.model_store.name, settings.results_dir.name
    if all(result.outcome == "unchanged" for result in results.values()):
        console.print(f"The archives in {store_name}/ are up to date ({len(results)} of {len(results)}).")
    else:
        table = Table("model", "archive", "reason", title=f"Archives in {store_name}/", title_justify="left")
        for result in results.values():
            seconds = f" in {result.seconds:.0f} s" if result.outcome == "built" else ""
            outcome = f"[{_COLOURS[result.outcome]}]{result.outcome}{seconds}[/]"
            table.add_row(result.name, outcome, escape(result.reason))
        console.print(table)
    stand_ins = [result.name for result in results.values() if result.stand_in]
    if stand_ins:
        which = "All models" if len(stand_ins) == len(results) else ", ".join(stand_ins)
        console.print(
            f"[bold yellow]Untrained stand-ins, whose answers mean nothing: {escape(which)}.[/]\n"
            f"Put your own checkpoints into {results_name}/ and run this again (docs/checkpoints.md)."
        )


def main(argv: list[str] | None = None) -> int:
    """Pack the checkpoints into archives; only what changed is built. Exit code 1 when one failed."""
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    errors = Console(stderr=True)
    try:
        results = build_all(
            load_settings(),
            Console(),
            names=options.model,
            version=options.archive_version,
            runtime=options.runtime,
            force=options.force,
            jobs=options.jobs,
        )
    except (SettingsError, CatalogueError, BuildError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("[yellow]Interrupted. Finished archives stay, the others are as before.[/]")
        return 130
    return 1 if any(result.outcome == "failed" for result in results.values()) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.archives", description=main.__doc__)
    parser.add_argument("--model", action="append", default=[], metavar="NAME", help="only this model; repeatable")
    parser.add_argument("--archive-version", metavar="VERSION", help=f"default: as before, {FIRST_VERSION} at first")
    parser.add_argument("--runtime", choices=RUNTIMES, help="default: the setting RUNTIME, else auto")
    parser.add_argument("--force", action="store_true", help="build also what did not change")
    parser.add_argument("--jobs", type=_positive, metavar="N", help="archives at a time; default: by cores and memory")
    return parser


def _chosen(catalogue: dict[str, Model], names: list[str]) -> list[Model]:
    for name in names:
        if name not in catalogue:
            raise BuildError(f"model {name!r} is not in the catalogue; it has {', '.join(catalogue)}")
    return [model for name, model in catalogue.items() if not names or name in names]


def _runtime(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    if any(os.path.exists(device) for device in _GPU_DEVICES):
        import torch

        return "torch" if torch.cuda.is_available() else "openvino"
    return "openvino"


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
