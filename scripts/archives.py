"""Build the archives in ``model_store/`` from the checkpoints in ``results/``: only what changed, several at a time."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts import checksums, fingerprints, standins, store
from scripts.catalogue import CatalogueError, Model, load_catalogue
from scripts.checksums import verify_checksums
from scripts.index import read_index, write_index
from scripts.pool import Task, run_tasks
from scripts.progress import BuildProgress
from scripts.settings import RUNTIMES, Settings, SettingsError, load_settings
from scripts.store import Record, StoreError

__all__ = ["BuildError", "Result", "build_all", "main", "verify_checksums"]

FIRST_VERSION = "1.0"
_VERSION = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
# A GPU torch can use shows as one of these; without one, torch need not be imported to find out.
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


class BuildError(RuntimeError):
    """Nothing can be built; the message says why and what to do."""


@dataclass(frozen=True)
class Result:
    """How one model's archive came out of a build.

    ``outcome`` is ``built``, ``unchanged`` or ``failed``; ``reason`` why it was built or failed.
    """

    name: str
    outcome: str
    reason: str = ""
    seconds: float = 0.0
    stand_in: bool = False


@dataclass(frozen=True)
class _Plan:
    """A model whose archive is to be built, and why."""

    model: Model
    version: str
    reason: str
    checkpoint_sha256: str | None


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

    Makes stand-in checkpoints first where the results directory has none of the catalogue's files. ``version``
    None keeps the one an archive has. Returns the results by contract name, in the catalogue's order; a
    model that failed is one of them. Raises BuildError, StoreError, StandInError or CatalogueError when
    nothing can be built at all.
    """
    catalogue = load_catalogue(settings.catalogue)
    chosen = _chosen(catalogue, list(names))
    if version is not None and not _VERSION.match(version):
        raise BuildError(f"--archive-version {version!r}: use letters, digits, '.', '_' and '-'")
    with store.locked(settings.model_store) as work:
        if len(standins.missing_checkpoints(settings)) == len(catalogue):
            standins.make_stand_ins(settings, console)
        build = _Build(settings, catalogue, work, _runtime(runtime or settings.runtime))
        build.run(chosen, version, force, jobs, console)
    results = {name: build.results[name] for name in catalogue if name in build.results}
    show(settings, results, console)
    return results


class _Build:
    """One run of the build. The index is rewritten after every archive, so that it is true whenever it is read."""

    def __init__(self, settings: Settings, catalogue: dict[str, Model], work: Path, runtime: str) -> None:
        self.settings, self.catalogue, self.work, self.runtime = settings, catalogue, work, runtime
        self.results: dict[str, Result] = {}
        self._errors: dict[str, str] = {
            name: error for name, entry in read_index(settings.index_file).items() if (error := entry.get("error"))
        }

    def run(self, chosen: list[Model], version: str | None, force: bool, jobs: int | None, console: Console) -> None:
        plans = {plan.model.name: plan for model in chosen if (plan := self._plan(model, version, force))}
        self._write_index()
        if not plans:
            return
        tasks = [self._task(plan) for plan in plans.values()]
        with BuildProgress(console, list(plans)) as progress:

            def finished(name: str, packed: dict[str, Any] | None, error: str | None) -> None:
                seconds = progress.seconds(name)
                result = self._finish(plans[name], packed, error)
                self.results[name] = replace(result, seconds=seconds)
                self._write_index()
                progress.finished(self.results[name].outcome, name)

            run_tasks(
                tasks,
                self.settings,
                stage=progress.stage,
                finished=finished,
                workers=jobs,
                temporary=self.work,
            )

    def _plan(self, model: Model, version: str | None, force: bool) -> _Plan | None:
        """Compare the archive with its inputs; notes the result and returns None if it is up to date."""
        record = store.read_record(self.settings.model_store, model)
        version = version or (record.version if record else FIRST_VERSION)
        checkpoint = self.settings.results_dir / model.checkpoint_file
        if record is None:
            return _Plan(model, version, "new", None)
        try:
            found = fingerprints.signature(checkpoint)
            unchanged = found == record.checkpoint_signature
            digest = record.inputs["checkpoint"] if unchanged else fingerprints.sha256(checkpoint)
        except OSError:
            return _Plan(model, version, "checkpoint changed", None)
        current = fingerprints.inputs(model, digest, self.runtime, version)
        changed = [name for name in current if current[name] != record.inputs.get(name)]
        if changed or force:
            reason = f"{', '.join(changed)} changed" if changed else "forced"
            return _Plan(model, version, reason, None if unchanged and changed == ["checkpoint"] else digest)
        if not store.archive_intact(self.settings.model_store, model, record):
            return _Plan(model, version, "archive damaged", digest)
        if not unchanged:
            latest = store.read_record(self.settings.model_store, model) or record
            store.write_record(self.settings.model_store, model, replace(latest, checkpoint_signature=found))
        self._errors.pop(model.name, None)
        self.results[model.name] = Result(model.name, "unchanged", stand_in=record.stand_in)
        return None

    def _task(self, plan: _Plan) -> Task:
        checkpoint = self.settings.results_dir / plan.model.checkpoint_file
        folder = self.work / plan.model.archive_name
        folder.mkdir()
        order = {
            "model": asdict(plan.model),
            "checkpoint": str(checkpoint),
            "folder": str(folder),
            "runtime": self.runtime,
            "version": plan.version,
            "checkpoint_sha256": plan.checkpoint_sha256,
        }
        return Task("archive", plan.model.name, order, checkpoint.stat().st_size if checkpoint.exists() else 0)

    def _finish(self, plan: _Plan, packed: dict[str, Any] | None, error: str | None) -> Result:
        name = plan.model.name
        if packed is None:
            self._errors[name] = error or f"{plan.model.archive_file} could not be built"
            return Result(name, "failed", self._errors[name])
        inputs = fingerprints.inputs(plan.model, packed["checkpoint_sha256"], self.runtime, plan.version)
        signature = tuple(packed["checkpoint_signature"])
        record = Record(inputs, packed["stand_in"], packed["sha256"], (), signature)
        store.place(self.settings.model_store, plan.model, Path(packed["file"]), record)
        checksums.remember(self.settings, self.settings.model_store / plan.model.archive_file, packed["sha256"])
        self._errors.pop(name, None)
        reason = f"{plan.reason}; {packed['note']}" if packed["note"] else plan.reason
        return Result(name, "built", reason, stand_in=packed["stand_in"])

    def _write_index(self) -> None:
        records = {name: store.read_record(self.settings.model_store, model) for name, model in self.catalogue.items()}
        write_index(
            self.settings.index_file,
            {
                name: store.index_entry(model, records[name], self._errors.get(name))
                for name, model in self.catalogue.items()
            },
        )


def show(settings: Settings, results: dict[str, Result], console: Console) -> None:
    """Print the closing table, and say loudly which models are stand-ins."""
    table = Table("model", "archive", "", title=f"Archives in {settings.model_store.name}/", title_justify="left")
    colours = {"built": "green", "unchanged": "dim", "failed": "red"}
    for result in results.values():
        seconds = f" ({result.seconds:.0f} s)" if result.outcome == "built" else ""
        kind = "[yellow]untrained stand-in[/]  " if result.stand_in else ""
        outcome = f"[{colours[result.outcome]}]{result.outcome}{seconds}[/]"
        table.add_row(result.name, outcome, kind + escape(result.reason))
    console.print(table)
    stand_ins = sum(result.stand_in for result in results.values())
    if stand_ins:
        console.print(
            f"[bold yellow]{stand_ins} of {len(results)} models are untrained stand-ins: "
            "their answers mean nothing.[/]\n"
            f"Put your own checkpoints into {settings.results_dir.name}/ and run this again (docs/checkpoints.md)."
        )


def main(argv: list[str] | None = None) -> int:
    """Pack the checkpoints into archives; only what changed is built. Exit code 1 when one failed."""
    parser = argparse.ArgumentParser(prog="python -m scripts.archives", description=main.__doc__)
    parser.add_argument("--model", action="append", default=[], metavar="NAME", help="only this model; repeatable")
    parser.add_argument("--archive-version", metavar="VERSION", help=f"default: as before, {FIRST_VERSION} at first")
    parser.add_argument("--runtime", choices=RUNTIMES, help="default: the setting RUNTIME, else auto")
    parser.add_argument("--force", action="store_true", help="build also what did not change")
    parser.add_argument("--jobs", type=_positive, metavar="N", help="archives at a time; default: by cores and memory")
    options = parser.parse_args(argv)
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
    except (SettingsError, CatalogueError, StoreError, standins.StandInError, BuildError, OSError) as error:
        errors.print(f"[red]{escape(str(error))}[/]", highlight=False)
        return 1
    except KeyboardInterrupt:
        errors.print("[yellow]Interrupted. Finished archives stay, the others are as before.[/]")
        return 130
    return 1 if any(result.outcome == "failed" for result in results.values()) else 0


def _chosen(catalogue: dict[str, Model], names: list[str]) -> list[Model]:
    for name in names:
        if name not in catalogue:
            raise BuildError(f"--model {name!r}: the catalogue has {', '.join(catalogue)}")
    return [model for name, model in catalogue.items() if not names or name in names]


def _runtime(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    if any(os.path.exists(device) for device in _GPU_DEVICES):
        import torch

        return "torch" if torch.cuda.is_available() else "openvino"
    return "openvino"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
