"""One run of the build: decide what has to be made, have it made, put it into the store and the index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from scripts.archives import choices
from scripts.archives.inputs import archive_inputs
from scripts.archives.versions import Request, VersionError, next_version, present_version
from scripts.catalogue import Model
from scripts.checkpoints.digest_files import refuse_wrong_digest
from scripts.checkpoints.file_types import CheckpointError, refuse_other_files
from scripts.pool.progress import ARCHIVE_STAGES, BuildProgress
from scripts.pool.tasks import Task, run_tasks
from scripts.precision import EXACT, PREPROCESSINGS
from scripts.settings import Settings
from scripts.store import records, served
from scripts.store.digests import digest, remember
from scripts.store.index import build_error, index_entry, read_index, write_index
from scripts.store.records import Record
from scripts.store.serve_only import refuse_to_build_without_torch
from scripts.store.stand_ins import note_real, stand_ins_may_serve

# What archives have whose records do not say it.
_FIRST_INPUTS = {"precision": EXACT, "temperature": None, "preprocessing": PREPROCESSINGS[0]}


@dataclass(frozen=True)
class Result:
    """How one model's archive came out of a build.

    ``outcome`` is ``built``, ``unchanged``, ``failed`` or ``refused`` (in fewer bits); ``reason`` says why it was built
    or why not. ``lines`` say how an archive of fewer bits compares with the float32 one.
    """

    name: str
    outcome: str
    reason: str = ""
    seconds: float = 0.0
    stand_in: bool = False
    precision: str = EXACT
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """An archive that is to be built: why, and from what.

    ``serving``: there is one already, which may go on serving if this one is refused for its precision.
    """

    model: Model
    reason: str
    inputs: dict[str, Any]
    serving: bool = False


class Build:
    """Builds archives for one runtime; ``results`` gets one entry a model, by name.

    The index is rewritten after every archive, so that it is true whenever it is read.
    """

    def __init__(self, settings: Settings, catalogue: dict[str, Model], runtime: str) -> None:
        self.settings, self.catalogue, self.runtime = settings, catalogue, runtime
        self.results: dict[str, Result] = {}
        index = read_index(settings.index_file)
        self._errors = {name: error for name, entry in index.items() if (error := build_error(entry))}

    def run(
        self,
        chosen: list[Model],
        work: Path,
        console: Console,
        request: Request,
        jobs: int | None,
    ) -> None:
        """Build what is not up to date among ``chosen``. ``work`` is an empty folder on the model store's disk."""
        plans = {plan.model.name: plan for model in chosen if (plan := self.plan(model, request))}
        self._write_index()
        if not plans:
            return
        refuse_to_build_without_torch()
        with BuildProgress(console, list(plans), ARCHIVE_STAGES, lines=False) as progress:

            def finished(name: str, packed: dict[str, Any] | None, error: str | None) -> None:
                result = self._finish(plans[name], packed, error)
                self.results[name] = replace(result, seconds=progress.seconds(name))
                self._write_index()
                progress.finished(result.outcome, name)

            tasks = [self._task(plan, work) for plan in plans.values()]
            run_tasks(tasks, self.settings, stage=progress.stage, finished=finished, workers=jobs, temporary=work)

    def plan(self, model: Model, request: Request) -> Plan | None:
        """Compare the archive with its inputs; returns None and records the result if there is nothing to build."""
        checkpoint = self.settings.results_dir / model.checkpoint_file
        record = records.read_record(self.settings.model_store, model)
        try:
            refuse_other_files(checkpoint)
            if record:
                refuse_wrong_digest(checkpoint, partial(digest, self.settings.model_store, checkpoint))
        except CheckpointError as error:
            self._fail(model.name, str(error))
            return None
        # Of a new archive the worker hashes the checkpoint when it reads it.
        read = digest(self.settings.model_store, checkpoint) if record else ""
        precision = choices.precision(model, self.settings, record)
        preprocessing = choices.preprocessing(model, self.settings, record, precision)
        inputs = archive_inputs(model, read, self.runtime, present_version(record), precision, preprocessing)
        changed = _changed(record, inputs) if record else set()
        reason = self._reason(model, record, changed, request) if record else "new"
        if record and not reason:
            self._errors.pop(model.name, None)
            self.results[model.name] = Result(model.name, "unchanged", stand_in=record.stand_in, precision=precision)
            return None
        serving = bool(record) and changed <= {*_FIRST_INPUTS, "build code", "libraries"} and "damaged" not in reason
        same = bool(record) and not changed
        return self._in_its_version(Plan(model, reason, inputs, serving), record, request.version, same)

    def _in_its_version(self, plan: Plan, record: Record | None, wanted: str | None, same: bool) -> Plan | None:
        """The plan, for a version of its own if the one there is has served; None if that cannot be built."""
        before = plan.inputs["version"]
        try:
            version = next_version(self.settings, plan.model, record, wanted, same=same)
        except VersionError as error:
            self.results[plan.model.name] = Result(plan.model.name, "refused", str(error))
            return None
        if version == before:
            return self._possible(plan)
        why = f"{plan.reason}; version {version}" + ("" if wanted else f", since {before} has served and stays")
        return self._possible(replace(plan, reason=why, inputs={**plan.inputs, "version": version}))

    def _possible(self, plan: Plan) -> Plan | None:
        """The plan, unless something is missing that fewer bits need; then that is the result."""
        precision, preprocessing = plan.inputs["precision"], plan.inputs["preprocessing"]
        problem = choices.problem(self.settings, self.runtime, precision, preprocessing)
        if problem is None:
            return plan
        self._refuse(plan, f"{plan.model.archive_file}: {problem}", ())
        return None

    def _reason(self, model: Model, record: Record, changed: set[str], request: Request) -> str:
        """Why the archive has to be rebuilt; empty if it has not."""
        if changed:
            return f"{', '.join(name for name in record.inputs | _FIRST_INPUTS if name in changed)} changed"
        if not records.archive_intact(self.settings.model_store, model, record):
            return "archive or checksum damaged"
        if record.precision != EXACT and record.proof is None and self.settings.calibration and self.settings.gate:
            return "unproven"
        if request.named and request.version not in (None, record.version):
            return "asked for"
        return "forced" if request.force else ""

    def _task(self, plan: Plan, work: Path) -> Task:
        checkpoint = self.settings.results_dir / plan.model.checkpoint_file
        folder = work / plan.model.archive_name
        folder.mkdir()
        order = {
            "model": plan.model.to_json(),
            "checkpoint": str(checkpoint),
            "store": str(self.settings.model_store),
            "folder": str(folder),
            "runtime": self.runtime,
            "version": plan.inputs["version"],
            "precision": plan.inputs["precision"],
            "preprocessing": plan.inputs["preprocessing"],
            "calibration": str(self.settings.calibration) if self.settings.calibration else None,
            "gate": asdict(self.settings.gate) if self.settings.gate else None,
        }
        return Task("scripts.archives.packing:build_archive", plan.model.name, order, weight=checkpoint.stat().st_size)

    def _finish(self, plan: Plan, packed: dict[str, Any] | None, error: str | None) -> Result:
        name = plan.model.name
        if packed is None:
            return self._fail(name, error or f"{plan.model.archive_file} could not be built")
        if "refused" in packed:
            return self._refuse(plan, packed["refused"], packed["lines"])
        inputs = {**plan.inputs, "checkpoint": packed["checkpoint_sha256"]}
        record = Record(inputs, packed["stand_in"], packed["sha256"], packed["proof"])
        store, archive_name = self.settings.model_store, plan.model.archive_name
        records.place(store, plan.model, Path(packed["file"]), record)
        if record.version in served.versions(self.settings, archive_name):
            served.note(self.settings, archive_name, record.version, record.sha256)  # made again from the same
        read = (tuple(packed["checkpoint_signature"]), packed["checkpoint_sha256"])
        remember(store, {plan.model.checkpoint_file: read})
        if not record.stand_in:
            note_real(self.settings)
        self._errors.pop(name, None)
        reason = f"{plan.reason}; {packed['note']}" if packed["note"] else plan.reason
        return Result(
            name,
            "built",
            reason,
            stand_in=packed["stand_in"],
            precision=record.precision,
            lines=tuple(packed["lines"]),
        )

    def _refuse(self, plan: Plan, problem: str, lines: Sequence[str]) -> Result:
        """Record that there is no archive of the wanted precision; what served before serves on if it is up to date."""
        name = plan.model.name
        stays = f"{problem}; the archive before it stays" if plan.serving else problem
        if plan.serving:
            self._errors.pop(name, None)
        else:
            self._errors[name] = problem
        self.results[name] = Result(name, "refused", stays, precision=plan.inputs["precision"], lines=tuple(lines))
        return self.results[name]

    def _fail(self, name: str, error: str) -> Result:
        self._errors[name] = error
        self.results[name] = Result(name, "failed", error)
        return self.results[name]

    def _write_index(self) -> None:
        entries, may_serve = {}, stand_ins_may_serve(self.settings)
        for name, model in self.catalogue.items():
            record = records.read_record(self.settings.model_store, model)
            entries[name] = index_entry(model, record, self._errors.get(name), stand_ins=may_serve)
        write_index(self.settings.index_file, entries)


def _changed(record: Record, inputs: dict[str, Any]) -> set[str]:
    """What is not as it was; archives of version 1.0 of this project do not say all of it."""
    before = {**_FIRST_INPUTS, **record.inputs}
    return {name for name in inputs if inputs[name] != before.get(name)}
