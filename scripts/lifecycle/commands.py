"""The subcommands of ``scripts/models``."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

import typer

from scripts.catalogue import load_catalogue
from scripts.client.models import complete_model
from scripts.console import examples, new_app, print_notice
from scripts.ensembles import load_ensembles
from scripts.lifecycle import listing
from scripts.lifecycle.answers import Answers
from scripts.lifecycle.change_commands import add_to as add_change_commands
from scripts.lifecycle.changes import Lifecycle
from scripts.lifecycle.desired_commands import apply, export
from scripts.lifecycle.keys import app as key_app
from scripts.lifecycle.logs import logged_name, show_logs
from scripts.lifecycle.options import Json, Timeout, count
from scripts.lifecycle.outcomes import UnknownModelError
from scripts.lifecycle.plans import LOAD_SECONDS
from scripts.lifecycle.trial_commands import add_to as add_trial_commands
from scripts.nodes.commands import app as nodes_app
from scripts.running import require_running, running_settings
from scripts.store.index import read_index
from scripts.torchserve.management import ManagementError
from scripts.torchserve.waiting import wait_ready

app = new_app(
    """The models of a running stack. Each command has its own --help.

\b
exit codes:
  0  done, or done already
  1  refused, nothing was changed: the archive, its checksum or the setting is wrong, or TorchServe refuses
  2  the command line is wrong
  3  the version does not load or fails its probe; nothing was changed
  4  the stack does not run
  5  not ready in time; or done, but not all that belongs to it: the message says what is so
  6  no such model, or no such version of it
  7  of several nodes, some have the change and others not
  130  interrupted (Ctrl-C, SIGTERM, SIGHUP); what was half done is taken back""",
    "scripts/models list",
    "scripts/models scale VGG19_CK+48 2",
    "scripts/models upgrade VGG19_CK+48",
    "scripts/models rollback VGG19_CK+48",
    "scripts/models logs VGG19_CK+48 --follow",
    completion=True,
)
app.add_typer(key_app, name="key")
app.add_typer(nodes_app, name="nodes")


@app.command("list", epilog=examples("scripts/models list", "scripts/models list --json | jq '.[].sha256'"))
def list_models(as_json: Json = False) -> int:
    """Show every model: state, versions, workers, queue, precision, archive, checksum."""
    settings = running_settings()
    require_running(settings)
    catalogue = load_catalogue(settings.catalogue)
    rows = listing.list_rows(settings, catalogue, read_index(settings.index_file))
    for sentence in listing.unlisted(rows, catalogue):
        print_notice(sentence)
    rows += listing.ensemble_rows(load_ensembles(settings.catalogue).values(), rows)
    answers = Answers(as_json)
    return answers.print([asdict(row) for row in rows], listing.table(rows, answers.width))


add_change_commands(app)


@app.command(epilog=examples("scripts/models logs VGG19_CK+48 --follow", "scripts/models logs -n 200"))
def logs(
    model: Annotated[
        str | None, typer.Argument(metavar="NAME", autocompletion=complete_model, help="Default: all models.")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", parser=count, metavar="N")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what follows, until Ctrl-C.")] = False,
    as_json: Json = False,
) -> int:
    """Show what TorchServe and its workers logged, of all models or of one."""
    answers = Answers(as_json)
    archive_name = logged_name(Lifecycle(answers.settings, print), model) if model else None
    show_logs(answers.settings, archive_name, lines, follow, as_json)
    return 0


@app.command(epilog=examples("scripts/models wait", "scripts/models wait VGG19_CK+48 --timeout 30"))
def wait(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", autocompletion=complete_model, help="Default: all that have workers."),
    ] = None,
    timeout: Timeout = LOAD_SECONDS,
    as_json: Json = False,
) -> int:
    """Wait until models are READY; by default all that have workers."""
    answers = Answers(as_json)
    deadline = time.monotonic() + timeout
    names = models or _names_with_workers(answers.lifecycle, deadline)
    for name in names:
        state = answers.lifecycle.versions(name)[0]
        seconds = max(0.0, deadline - time.monotonic())
        workers = max(1, state.min_workers)
        management = answers.lifecycle.management
        wait_ready(management, answers.settings, state.archive_name, state.version, workers, seconds)
    return answers.print({"ready": names}, f"{', '.join(names) or 'No model'} is ready.")


app.command(epilog=examples("scripts/models apply models.yaml --dry-run", "scripts/models apply models.yaml --prune"))(
    apply
)
app.command(epilog=examples("scripts/models export > models.yaml"))(export)
add_trial_commands(app)


def _names_with_workers(lifecycle: Lifecycle, deadline: float) -> list[str]:
    """The models that should be READY, as soon as TorchServe can tell."""
    while True:
        try:
            names = lifecycle.management.names()
            states = [lifecycle.versions(name)[0] for name in names]
            return [lifecycle.catalogue_name(state.archive_name) for state in states if state.min_workers]
        except (ManagementError, UnknownModelError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)
