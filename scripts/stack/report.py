"""Wait until the models are READY, and show the state of each."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests
from requests.utils import get_environ_proxies
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scripts.catalogue import Model
from scripts.ensembles import Ensemble, load_ensembles
from scripts.lifecycle.running import running_archive
from scripts.precision import lacking
from scripts.processes import wait_until
from scripts.proxy.own import own_session, own_url
from scripts.settings import Settings
from scripts.stack.supervision import Supervision
from scripts.store.index import IndexEntry
from scripts.torchserve.management import Management, ManagementError
from scripts.torchserve.process import TorchServeError, last_lines, start_log
from scripts.torchserve.waiting import START_SECONDS, LoadAttempts

PROXY_SECONDS = 15.0


@dataclass
class Outcome:
    """The state of each model, by its name in the catalogue.

    ``ready`` ones serve, ``starting`` ones have workers of which none is READY, ``failures`` say why not, ``absent``
    ones are not registered. It is the default version that counts: clients are answered by no other.
    """

    ready: set[str] = field(default_factory=set)
    starting: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)


def read_outcome(settings: Settings, models: Sequence[Model]) -> Outcome:
    """Ask TorchServe once which of ``models`` are READY."""
    management = Management(settings)
    outcome = Outcome()
    for model in models:
        try:
            serving = management.describe(model.archive_name)[0]
            if serving.ready:
                outcome.ready.add(model.name)
            elif serving.min_workers:
                outcome.starting.add(model.name)
        except ManagementError as error:
            if error.status == 404:
                outcome.absent.add(model.name)
            else:
                outcome.failures[model.name] = str(error)
    return outcome


def wait(settings: Settings, models: Sequence[Model], alive: Callable[[], bool], console: Console) -> Outcome:
    """Wait until each of ``models`` is READY or will not be.

    Raises TorchServeError when ``alive`` says that TorchServe has ended.
    """
    outcome = Outcome()
    attempts = {model.name: LoadAttempts() for model in models}
    deadline = time.monotonic() + START_SECONDS
    with _progress(console) as progress:
        task = progress.add_task("Loading the models", total=len(models))
        while pending := [m for m in models if m.name not in outcome.ready and m.name not in outcome.failures]:
            if not alive():
                raise TorchServeError(f"TorchServe ended while starting; {last_lines(start_log(settings))}")
            for model in pending:
                _update(settings, model, attempts[model.name], outcome)
            if time.monotonic() > deadline:
                late = f"not READY after {START_SECONDS:.0f} s; see {settings.log_dir}/workers.log"
                outcome.failures.update({model.name: late for model in pending if model.name not in outcome.ready})
            progress.update(task, completed=len(outcome.ready))
            time.sleep(0.1)
    return outcome


def unlisted(settings: Settings, catalogue: Mapping[str, Model]) -> list[str]:
    """What to tell of models that are registered but no longer in the catalogue."""
    listed = {model.archive_name for model in catalogue.values()}
    try:
        names = [name for name in Management(settings).names() if name not in listed]
    except ManagementError:
        return []  # the table says that
    return [
        f"{name} is registered and holds memory, but is not in {settings.catalogue.name}; "
        f"`scripts/models unregister {name}` frees it."
        for name in names
    ]


def wait_for_proxy(settings: Settings, ready: set[str], idle: set[str]) -> bool:
    """Wait until the proxy, which polls once a second, knows ``ready`` and ``idle`` models; False if it does not."""
    return wait_until(lambda: _proxy_knows(settings, ready, idle), PROXY_SECONDS)


def restarts(supervision: Supervision | None, name: str) -> str:
    """What the supervisor has had to do for a part, empty if nothing."""
    part = supervision.parts.get(name) if supervision else None
    if part is None or not part.restarts:
        return ""
    times = "once" if part.restarts == 1 else f"{part.restarts} times"
    since = datetime.fromtimestamp(part.since).astimezone().isoformat(sep=" ", timespec="seconds")
    return f", [yellow]brought back {times}[/], {part.state} since {since}"


def on_another_processor(entries: Mapping[str, IndexEntry]) -> list[str]:
    """What to tell of archives that were compared with float32 on a processor with instructions that this one lacks."""
    sentences = []
    for name, entry in entries.items():
        if entry.get("archive") and (missing := lacking(entry.get("instruction_sets", ()))):
            sentences.append(
                f"{name} was compared with float32 on a processor that has {', '.join(missing)}; this one has not, so "
                f"it gains less in {entry['precision']} and may answer otherwise: build it here, or with PRECISION=f32."
            )
    return sentences


def _proxy_knows(settings: Settings, ready: set[str], idle: set[str]) -> bool:
    try:
        with own_session(settings) as session:
            if settings.keys_required:
                return all(_answers_without_key(session, settings, name, name in idle) for name in ready | idle)
            answer = session.get(f"{own_url(settings)}/api/v1/models", timeout=5).json()
    except (OSError, ValueError):  # also those of requests
        return False
    available = {name for name, entry in answer["models"].items() if "error" not in entry}
    return ready <= set(answer["loaded_models"]) and idle <= available


def _answers_without_key(session: requests.Session, settings: Settings, name: str, idle: bool) -> bool:
    """Whether the proxy knows a model as READY or idle; a READY stand-in may not be ready for load balancers."""
    answer = session.get(f"{own_url(settings)}/api/v1/models/{name}/ready", timeout=5)
    expected = f"{name} is idle" if idle else "stand-in"
    return answer.status_code == 200 or expected in answer.json()["error"]


def show(
    settings: Settings,
    catalogue: dict[str, Model],
    entries: dict[str, IndexEntry],
    outcome: Outcome,
    console: Console,
) -> None:
    """Print a table of all models, the URL and a call to try."""
    table = Table("Model", "State", box=None, pad_edge=False)
    running = _running(settings, catalogue, outcome)
    stand_ins = {name for name in catalogue if _is_stand_in(entries.get(name), running.get(name))}
    for name in catalogue:
        state = _state(name, entries.get(name), outcome, running.get(name))
        table.add_row(name, state + (" [yellow](stand-in)[/]" if name in stand_ins else ""))
    for ensemble in load_ensembles(settings.catalogue).values():
        table.add_row(ensemble.name, _ensemble_state(ensemble, outcome))
    console.print(table)
    if stand_ins:
        console.print(
            "\n[yellow]Stand-in models know drawn faces only: their answers about photographs mean nothing.[/] "
            f"Put your checkpoints into {settings.results_dir.name}/ and start again."
        )
    example = sorted(outcome.ready)[0] if outcome.ready else next(iter(catalogue))
    key = '-H "Authorization: Bearer $API_KEY" ' if settings.keys_required else ""
    past = "--noproxy '*' " if get_environ_proxies(settings.url) else ""  # curl too would ask http_proxy
    form = f"{past}{key}-F model={example} -F file=@proxy/pages/static/samples/happiness.jpg"
    address = shlex.quote(f"{settings.url}/api/v1/predict")  # zsh takes the brackets of an IPv6 address for a pattern
    console.print(f"\n{settings.url}    try:\n  curl {form} {address}\n", soft_wrap=True)


def _update(settings: Settings, model: Model, attempts: LoadAttempts, outcome: Outcome) -> None:
    try:
        serving = Management(settings).describe(model.archive_name)[0]
    except ManagementError:
        return  # not registered yet, or the API is not up yet
    if serving.ready:
        outcome.ready.add(model.name)
    elif attempts.have_failed(serving):
        outcome.failures[model.name] = f"does not load; see {settings.log_dir}/workers.log"


def _running(settings: Settings, catalogue: Mapping[str, Model], outcome: Outcome) -> dict[str, dict[str, Any]]:
    """What the default version of each registered model was made of, by the model's name, as far as that is known."""
    found = {}
    for name in catalogue.keys() - outcome.absent:
        with suppress(ManagementError):
            state = Management(settings).describe(catalogue[name].archive_name)[0]
            found[name] = running_archive(settings, state).description
    return found


def _is_stand_in(entry: IndexEntry | None, running: Mapping[str, Any] | None) -> bool:
    """Whether a stand-in runs, or would be registered; one that was refused does neither."""
    if running:
        return bool(running.get("stand_in"))
    return bool(entry and entry.get("stand_in") and not entry["error"])


def _state(name: str, entry: IndexEntry | None, outcome: Outcome, running: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "[red]not built[/]"
    # What a build since then came to takes no model away, unless that is a stand-in.
    if entry["error"] and (not running or running.get("stand_in")):
        return f"[red]{entry['error']}[/]"
    if name in outcome.failures:
        return f"[red]{outcome.failures[name]}[/]"
    if name in outcome.absent:
        return f"not registered; `scripts/models register {name}` does"
    warning = entry["error"] or entry.get("warning")
    remark = f" [yellow]{warning}[/]" if warning else ""
    if name in outcome.starting:
        return f"[yellow]starting[/]{remark}"
    return ("[green]ready[/]" if name in outcome.ready else "loads on its first request") + remark


def _ensemble_state(ensemble: Ensemble, outcome: Outcome) -> str:
    missing = [member for member in ensemble.members if member not in outcome.ready]
    if not missing:
        return f"[green]ready[/], the mean of {', '.join(ensemble.members)}"
    refused = ensemble.missing == "refuse" or len(missing) == len(ensemble.members)
    return f"[yellow]{'does not answer' if refused else 'answers'} without {', '.join(missing)}[/]"


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)
