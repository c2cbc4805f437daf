"""The commands on a stack: start, supervise, stop, status, reload, and serve, which stays in the foreground."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime

from rich.console import Console

from scripts.access.apps import refuse_start_without_keys
from scripts.archives.build import build_all
from scripts.catalogue import load_catalogue
from scripts.console import discard
from scripts.ensembles import load_ensembles
from scripts.files import exclusive
from scripts.proxy import certificates, reloading
from scripts.running import kept_settings
from scripts.settings import Settings
from scripts.signals import ignore_signals, obey_signals, obey_terminal
from scripts.stack import report, restore
from scripts.stack.following import followed_logs
from scripts.stack.guard import guarded
from scripts.stack.stack import PARTS, SUPERVISOR, NotRunningError, Stack, StackError
from scripts.stack.supervision import Supervision, read_supervision
from scripts.stack.supervisor import Supervisor, start_supervisor
from scripts.store.index import read_index, verified_index
from scripts.store.serve_only import check_store


def start(settings: Settings, console: Console) -> int:
    """Build what is missing, start the stack, wait for its models, and leave a supervisor with it.

    Returns 0 when every model that should serve is READY, 3 when the stack runs without some of them.
    """
    obey_signals()
    stack = Stack(settings, console)
    if {*PARTS} == stack.records.keys():
        console.print(f"The stack runs already at {settings.url}, without its supervisor, which is started again.")
        start_supervisor(stack, "scripts.stack")
        return 0
    return _start(stack, lambda: start_supervisor(stack, "scripts.stack"))


def _start(stack: Stack, started: Callable[[], None], starting: Callable[[], object] = lambda: None) -> int:
    """Start the stack, and show what runs; with a PatientConsole also if nobody reads that.

    Calls ``starting`` before anything runs, ``started`` when all does.
    """
    refuse_unwritable(stack.settings)
    with exclusive(stack.settings.run_dir):
        stack.prepare_start()
        settings, console = stack.settings, stack.console
        refuse_start_without_keys(settings)
        ends_soon = certificates.check_all(settings) if "proxy" in stack.parts else []
        catalogue = load_catalogue(settings.catalogue)
        load_ensembles(settings.catalogue)  # refuses what cannot be used, before anything is built
        wanted = restore.models_to_load(settings, catalogue)
        if settings.serve_only == "1":
            check_store(settings, catalogue)
        else:
            build_all(settings, console, starting=True)
        entries = verified_index(settings, catalogue)
        plan = restore.plan_start(settings, catalogue, entries, wanted)
        starting()
        stack.start(plan)
    try:
        loaded = [model for model in catalogue.values() if plan.workers(model.archive_name)]
        outcome = report.wait(settings, loaded, lambda: "torchserve" in stack.records, console)
        outcome.absent |= {name for name, model in catalogue.items() if model.archive_name not in plan.models}
        idle = {name for name, model in catalogue.items() if plan.workers(model.archive_name) == 0} - outcome.absent
        if "proxy" in stack.parts and not report.wait_for_proxy(settings, outcome.ready, idle):
            console.print(f"The proxy does not see every model yet; {settings.url}/api/v1/models shows them.")
    except BaseException:
        stack.stop()
        raise
    started()
    report.show(settings, catalogue, entries, outcome, console)
    for sentence in plan.problems + plan.notes + ends_soon + report.on_another_processor(entries):
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    refused = any(name not in entries or entries[name]["error"] for name in catalogue)
    return 3 if refused or plan.problems or outcome.failures else 0


def refuse_unwritable(settings: Settings) -> None:
    """Make the run directory. Raises StackError where nothing can be written into it, as in a read-only clone."""
    try:
        settings.run_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.run_dir):
            pass
    except OSError as error:
        raise StackError(
            f"RUN_DIR={settings.run_dir}: nothing can be written there ({error.strerror}); set RUN_DIR to a folder of "
            "this user's"
        ) from error


def supervise(settings: Settings, console: Console) -> int:
    """Bring back what ends of a running stack (`start` starts this in the background)."""
    obey_signals()
    with contextlib.suppress(KeyboardInterrupt):
        _supervisor(Stack(settings, console)).run()
    return 0


def _supervisor(stack: Stack) -> Supervisor:
    def announce(message: str) -> None:
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        try:
            print(f"{now} supervisor: {message}", flush=True)
        except OSError as error:  # a full disk may have room for it later; a pipe or terminal that was closed, never
            if error.errno in (errno.EPIPE, errno.EIO):
                discard(sys.stdout)

    return Supervisor(stack, os.getpid(), announce)


def stop(settings: Settings, console: Console) -> int:
    """Stop the stack. Returns 0, also when nothing ran."""
    stopped = Stack(settings, console).stop()
    console.print(f"Stopped {' and '.join(stopped)}." if stopped else "Nothing runs.")
    return 0


def status(settings: Settings, console: Console) -> int:
    """Show processes and models. Returns 0 when the whole stack runs, 1 for half of it, 4 for none."""
    alive = Stack(settings, console).records
    supervisor = alive.get(SUPERVISOR)
    supervision = (read_supervision(settings) or Supervision(supervisor.pid)) if supervisor else None
    parts = (*supervision.parts,) if supervision and supervision.parts else PARTS
    for name in reversed(parts):
        text = f"runs, process {alive[name].pid}" if name in alive else "[red]does not run[/]"
        console.print(f"{name:<11}{text}{report.restarts(supervision, name)}", soft_wrap=True)
    console.print(f"{SUPERVISOR:<11}" + (f"runs, process {supervisor.pid}" if supervisor else "[red]does not run[/]"))
    missing = {*parts} - alive.keys()
    if missing:
        console.print(_advice(missing, supervision))
        return 1 if len(missing) < len(PARTS) or supervision else 4
    if supervision is None:
        console.print("[yellow]Nothing would bring back what ends; `make start` starts the supervisor.[/]")
    given = kept_settings(settings.run_dir) or {}
    console.print("settings   " + (" ".join(f"{name}={value}" for name, value in given.items()) or "the defaults"))
    catalogue = load_catalogue(settings.catalogue)
    outcome = report.read_outcome(settings, list(catalogue.values()))
    report.show(settings, catalogue, read_index(settings.index_file), outcome, console)
    for sentence in report.unlisted(settings, catalogue):
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    return 0


def reload(settings: Settings, console: Console) -> int:
    """Let the proxy load its certificates anew, as after a renewal; no request is lost. Returns 0 when they serve."""
    proxy = Stack(settings, console).records.get("proxy")
    if proxy is None:
        raise NotRunningError("the proxy does not run")
    with exclusive(settings.run_dir):
        loaded = reloading.reload(settings, proxy.pid)
    for address, pair in loaded.items():
        console.print(f"{address} answers with {pair.certificate}.", markup=False, soft_wrap=True)
    console.print("Reloaded." if loaded else "Reloaded; there is no certificate, since TLS is off.")
    return 0


def _advice(missing: set[str], supervision: Supervision | None) -> str:
    if supervision:
        return "The supervisor brings back what does not run."
    return (
        "Half of it runs: `make stop` first." if len(missing) < len(PARTS) else "Nothing runs; `make start` starts it."
    )


def serve(settings: Settings, console: Console) -> int:
    """Start the stack, follow its logs and bring back what ends, until Ctrl-C, SIGTERM or a closed terminal."""
    return serve_stack(Stack(settings, console))


def serve_stack(stack: Stack) -> int:
    """The same for a stack, or for the parts of one that a container has."""
    obey_signals()
    obey_terminal()
    console = stack.console
    with contextlib.ExitStack() as exits:
        try:
            _start(
                stack,
                lambda: stack.note(SUPERVISOR, os.getpid()),
                starting=lambda: exits.enter_context(guarded(stack.settings)),
            )
            with followed_logs(stack.settings, console):
                console.print("Ctrl-C stops everything. The logs follow.\n")
                _supervisor(stack).run()
            return 1
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):  # a terminal that was closed
                console.print("\nStopping.")
            return 0
        finally:
            ignore_signals()
            if stack.started:  # what runs already is not for this command to stop
                stack.stop()
