"""The commands on a stack: start, stop, status, reload, and serve, which stays in the foreground."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator

from rich.console import Console

from scripts.archives.build import build_all
from scripts.catalogue import load_catalogue
from scripts.files import exclusive
from scripts.processes import wait_until
from scripts.proxy import certificates, reloading
from scripts.settings import Settings
from scripts.stack import report, restore
from scripts.stack.stack import NotRunningError, Stack
from scripts.store.index import read_index, verified_index


def start(settings: Settings, console: Console) -> int:
    """Build what is missing, start the stack and wait for its models.

    Returns 0 when every model that should serve is READY, 3 when the stack runs without some of them.
    """
    return _start(Stack(settings, console))


def _start(stack: Stack) -> int:
    settings, console = stack.settings, stack.console
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    with exclusive(settings.run_dir):
        stack.refuse_second_start()
        ends_soon = certificates.check_all(settings)
        catalogue = load_catalogue(settings.catalogue)
        wanted = restore.models_to_load(settings, catalogue)
        build_all(settings, console)
        entries = verified_index(settings, catalogue)
        plan = restore.plan_start(settings, catalogue, entries, wanted)
        stack.start(plan)
    try:
        loaded = [model for model in catalogue.values() if plan.workers(model.archive_name)]
        outcome = report.wait(settings, loaded, lambda: "torchserve" in stack.records, console)
        outcome.absent |= {name for name, model in catalogue.items() if model.archive_name not in plan.models}
        idle = {name for name, model in catalogue.items() if plan.workers(model.archive_name) == 0} - outcome.absent
        if not report.wait_for_proxy(settings, outcome.ready, idle):
            console.print(f"The proxy does not see every model yet; {settings.url}/api/v1/models shows them.")
        report.show(settings, catalogue, entries, outcome, console)
    except BaseException:
        stack.stop()
        raise
    for sentence in plan.problems + plan.notes + ends_soon:
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    refused = any(name not in entries or entries[name]["error"] for name in catalogue)
    return 3 if refused or plan.problems or outcome.failures else 0


def stop(settings: Settings, console: Console) -> int:
    """Stop the stack. Returns 0, also when nothing ran."""
    stopped = Stack(settings, console).stop()
    console.print(f"Stopped {' and '.join(stopped)}." if stopped else "Nothing runs.")
    return 0


def status(settings: Settings, console: Console) -> int:
    """Show processes and models. Returns 0 when the whole stack runs, 1 for half of it, 4 for none."""
    alive = Stack(settings, console).records
    for name in ("proxy", "torchserve"):
        text = f"runs, process {alive[name].pid}" if name in alive else "[red]does not run[/]"
        console.print(f"{name:<11}{text}")
    if len(alive) < 2:
        console.print("Nothing runs; `make start` starts it." if not alive else "Half of it runs: `make stop` first.")
        return 1 if alive else 4
    catalogue = load_catalogue(settings.catalogue)
    outcome = report.read_outcome(settings, list(catalogue.values()))
    report.show(settings, catalogue, read_index(settings.index_file), outcome, console)
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


def serve(settings: Settings, console: Console) -> int:
    """Start the stack and follow its logs until Ctrl-C, SIGTERM, or the end of one of its processes."""
    signal.signal(signal.SIGTERM, _interrupt)
    stack = Stack(settings, console)
    try:
        _start(stack)
        with _followed_logs(settings):
            console.print("Ctrl-C stops everything. The logs follow.\n")
            wait_until(lambda: len(stack.records) < 2, float("inf"), every=0.5)
        gone = sorted({"torchserve", "proxy"} - stack.records.keys())
        console.print(f"[red]{gone[0]} ended by itself[/]; its log is in {settings.log_dir}")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopping.")
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if stack.started:  # what runs already is not for this command to stop
            stack.stop()


@contextlib.contextmanager
def _followed_logs(settings: Settings) -> Iterator[None]:
    names = ("torchserve.log", "workers.log", "proxy-error.log", "proxy-access.log")
    logs = [str(settings.log_dir / name) for name in names]
    # --pid: an interrupt in the middle of this line would leave a tail that nobody knows.
    command = ["tail", f"--pid={os.getpid()}", "-q", "-n", "0", "-F", *logs]
    tail = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        tail.kill()
        tail.wait()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
