"""The subcommands of ``scripts/models`` that change which models run, in which versions, with how many workers."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from scripts.client.models import complete_model
from scripts.console import examples
from scripts.lifecycle.answers import Answers
from scripts.lifecycle.options import AskedBy, DryRun, Json, Name, Patience, Timeout, count
from scripts.lifecycle.plans import LOAD_SECONDS
from scripts.lifecycle.trials import standing_trial


def register(
    model: Annotated[
        str,
        typer.Argument(
            metavar="NAME|ARCHIVE",
            autocompletion=complete_model,
            help="A model of models.json, or an archive's file name.",
        ),
    ],
    workers: Annotated[int, typer.Option(parser=count, metavar="N")] = 1,
    beside: Annotated[bool, typer.Option("--beside", help="Other versions of the model go on answering.")] = False,
    asked_by: AskedBy = None,
    dry_run: DryRun = False,
    timeout: Timeout = LOAD_SECONDS,
    patience: Patience = 0.0,
    as_json: Json = False,
) -> int:
    """Register a model of the catalogue, or an archive of the model store."""
    answers = Answers(as_json, patience, asked_by)
    if dry_run:
        return answers.planned(answers.lifecycle.plan_register(model, workers, beside))
    change = answers.lifecycle.register(model, workers, timeout, beside)
    already = "" if change.changed else " already, and nothing was changed"
    text = f"{change.model} {change.version} is registered with {change.workers} worker(s){already}."
    return answers.changed(change, text)


def unregister(
    model: Name,
    version: Annotated[
        str | None, typer.Option(help="Only this version; the one that serves can only go with all others.")
    ] = None,
    asked_by: AskedBy = None,
    dry_run: DryRun = False,
    patience: Patience = 0.0,
    as_json: Json = False,
) -> int:
    """Remove a model, or one of its versions; its archive stays in the model store."""
    answers = Answers(as_json, patience, asked_by)
    if dry_run:
        plan = answers.lifecycle.plan_unregister(model, version)
        versions = [state.version for state in plan]
        name = answers.lifecycle.catalogue_name(plan[0].archive_name)
        trial = standing_trial(answers.settings, name) if version is None else None
        text = f"{model} {', '.join(versions)} would be unregistered. Nothing was changed."
        return answers.print({"model": model, "versions": versions, "trial": trial}, escape(text))
    versions = answers.lifecycle.unregister(model, version)
    text = f"{model} {', '.join(versions)} is unregistered."
    return answers.print({"model": model, "versions": versions}, escape(text))


def scale(
    model: Name,
    workers: Annotated[int, typer.Argument(parser=count, metavar="WORKERS")],
    version: Annotated[str | None, typer.Option(help="Default: the version that serves.")] = None,
    asked_by: AskedBy = None,
    dry_run: DryRun = False,
    timeout: Timeout = LOAD_SECONDS,
    patience: Patience = 0.0,
    as_json: Json = False,
) -> int:
    """Change a model's number of workers; without any, its next request starts one."""
    answers = Answers(as_json, patience, asked_by)
    if dry_run:
        return answers.planned(answers.lifecycle.plan_scale(model, workers, version))
    change = answers.lifecycle.scale(model, workers, version, timeout)
    return answers.changed(change, f"{change.model} {change.version} has {change.workers} worker(s).")


def upgrade(
    model: Name,
    archive: Annotated[
        str | None, typer.Argument(metavar="ARCHIVE", help="File name in the model store; default: the one built last.")
    ] = None,
    asked_by: AskedBy = None,
    dry_run: DryRun = False,
    timeout: Timeout = LOAD_SECONDS,
    patience: Patience = 0.0,
    as_json: Json = False,
) -> int:
    """Replace the version that serves by the one in ARCHIVE, without a failed request."""
    answers = Answers(as_json, patience, asked_by)
    file_name = archive or answers.lifecycle.catalogue_name(answers.lifecycle.archive_name(model))
    if dry_run:
        return answers.planned(answers.lifecycle.plan_upgrade(model, file_name))
    change = answers.lifecycle.upgrade(model, file_name, timeout)
    back = f"`scripts/models rollback {change.model}` returns to {change.before}."
    already = "already, from this archive; a new one needs another version: `make archives ARCHIVE_VERSION=…`"
    return answers.changed(
        change, f"{change.model} {change.version} serves" + (f"; {back}" if change.changed else f" {already}")
    )


def rollback(
    model: Name,
    asked_by: AskedBy = None,
    dry_run: DryRun = False,
    timeout: Timeout = LOAD_SECONDS,
    patience: Patience = 0.0,
    as_json: Json = False,
) -> int:
    """Go back to the version that served before."""
    answers = Answers(as_json, patience, asked_by)
    if dry_run:
        return answers.planned(answers.lifecycle.plan_rollback(model))
    change = answers.lifecycle.rollback(model, timeout)
    return answers.changed(change, f"{change.model} {change.version} serves again, instead of {change.before}.")


def add_to(app: typer.Typer) -> None:
    """Add the commands to those of ``scripts/models``."""
    name = "VGG19_CK+48"
    app.command(epilog=examples(f"scripts/models register {name}", "scripts/models register Guest.mar --workers 2"))(
        register
    )
    app.command(
        epilog=examples(f"scripts/models unregister {name}", f"scripts/models unregister {name} --version 1.0")
    )(unregister)
    app.command(epilog=examples(f"scripts/models scale {name} 2"))(scale)
    app.command(
        epilog=examples(f"scripts/models upgrade {name}", f"scripts/models upgrade {name} VGG19_CKplus48-1.1.mar")
    )(upgrade)
    app.command(epilog=examples(f"scripts/models rollback {name}"))(rollback)
