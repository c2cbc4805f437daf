"""The commands on a balancer: start, supervise, stop, status, and serve, which stays in the foreground."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime

from rich.console import Console

from scripts.balancer.balancer import Balancer
from scripts.balancer.seen import Seen, seen
from scripts.errors import NOT_LOADED, NOT_RUNNING
from scripts.processes import wait_until
from scripts.settings import Settings
from scripts.signals import ignore_signals, obey_signals, obey_terminal
from scripts.stack.following import followed_logs
from scripts.stack.guard import guarded
from scripts.stack.stack import SUPERVISOR
from scripts.stack.supervisor import Supervisor, start_supervisor

# The nodes are asked once a second.
_FIRST_ANSWER_SECONDS = 5.0


def start(settings: Settings, console: Console) -> int:
    """Start a balancer before NODES, and leave a supervisor with it.

    Returns 0 when a model can be asked, 3 when none can yet.
    """
    obey_signals()
    balancer = Balancer(settings, console)
    try:
        warnings = balancer.start_before_nodes()
    except BaseException:
        _stop_started(balancer)
        raise
    start_supervisor(balancer, "scripts.balancer")
    return _tell(balancer, warnings)


def serve(settings: Settings, console: Console) -> int:
    """Start a balancer, follow its log and bring it back if it ends, until Ctrl-C, SIGTERM or a closed terminal."""
    obey_signals()
    obey_terminal()
    balancer = Balancer(settings, console)
    with guarded(settings):
        try:
            warnings = balancer.start_before_nodes()
            balancer.note(SUPERVISOR, os.getpid())
            _tell(balancer, warnings)
            with followed_logs(settings, console):
                console.print("Ctrl-C stops it. The log follows.\n")
                Supervisor(balancer, os.getpid(), _announce).run()
            return 1
        except KeyboardInterrupt:
            return 0
        finally:
            ignore_signals()
            _stop_started(balancer)


def _stop_started(balancer: Balancer) -> None:
    """What runs with this RUN_DIR may be another one."""
    if balancer.started:
        balancer.stop()


def configure(settings: Settings, console: Console) -> int:
    """Render the configuration of a balancer in another container (docs/kubernetes.md). Returns 0."""
    for sentence in Balancer(settings, console).configure():
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    return 0


def stop(settings: Settings, console: Console) -> int:
    """Stop the balancer, after the requests under way. Returns 0, also when nothing ran."""
    stopped = Balancer(settings, console).stop()
    console.print("Stopped the balancer." if stopped else "Nothing runs.")
    return 0


def status(settings: Settings, console: Console) -> int:
    """Show the balancer's nodes. Returns 0 when it runs, 4 when it does not."""
    balancer = Balancer(settings, console)
    record = balancer.records.get("proxy")
    if record is None:
        console.print("The balancer does not run; `python -m scripts.balancer start` starts it.")
        return NOT_RUNNING
    console.print(f"The balancer answers at {settings.url}, process {record.pid}", soft_wrap=True)
    _show(seen(settings), console)
    return 0


def supervise(settings: Settings, console: Console) -> int:
    """Bring a balancer back that ends (`start` starts this in the background)."""
    obey_signals()
    with contextlib.suppress(KeyboardInterrupt):
        Supervisor(Balancer(settings, console), os.getpid(), _announce).run()
    return 0


def _announce(message: str) -> None:
    print(f"{datetime.now().astimezone().isoformat(timespec='seconds')} supervisor: {message}", flush=True)


def _tell(balancer: Balancer, warnings: list[str]) -> int:
    """Say what the balancer found; 3 if no model can be asked yet."""
    found = wait_until(lambda: seen(balancer.settings).loaded > 0, _FIRST_ANSWER_SECONDS, every=0.2)
    balancer.console.print(f"The balancer answers at {balancer.settings.url}", soft_wrap=True)
    _show(seen(balancer.settings), balancer.console)
    for sentence in warnings:
        balancer.console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    return 0 if found else NOT_LOADED


def _show(found: Seen, console: Console) -> None:
    for node, is_up in found.nodes.items():
        console.print(f"{node:<22}" + ("answers" if is_up else "[red]does not answer[/]"), soft_wrap=True)
    console.print(f"{found.loaded} of {found.available} models are READY on a node.")
