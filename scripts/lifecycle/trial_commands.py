"""``scripts/models canary``, ``shadow``, ``promote``, ``abort`` and ``trials``."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from scripts.client.models import complete_model
from scripts.console import examples
from scripts.lifecycle.answers import Answers
from scripts.lifecycle.options import Json, Name, Patience, Timeout, count
from scripts.lifecycle.plans import LOAD_SECONDS
from scripts.lifecycle.trials import Limits, Outcome, Trial, read_outcome, read_trials

_HEADER = re.compile(r"header:[A-Za-z0-9-]{1,64}")
_DEFAULTS = Limits()


def _percent(given: str | float) -> float:
    """A number above 0, of 100 at most."""
    try:
        found = float(given)
    except ValueError:
        found = 0.0
    if not 0 < found <= 100:
        raise typer.BadParameter(f"{given!r} is not a percentage above 0, of 100 at most")
    return found


def _times(given: str | float) -> float:
    """A number of 1 or more."""
    try:
        found = float(given)
    except ValueError:
        found = 0.0
    if not 1 <= found < float("inf"):
        raise typer.BadParameter(f"{given!r} is not a number of 1 or more")
    return found


def _by(given: str) -> str:
    """What tells clients apart."""
    if given in ("client", "address") or _HEADER.fullmatch(given):
        return given
    raise typer.BadParameter(f"{given!r}: use client, address, or header:NAME with the name of a header")


ArchiveName = Annotated[str, typer.Argument(metavar="ARCHIVE", help="File name of an archive in the model store.")]
Workers = Annotated[int, typer.Option(parser=count, metavar="N", help="Of the new version.")]


def canary(
    model: Name,
    archive: ArchiveName,
    percent: Annotated[float, typer.Option(parser=_percent, metavar="P", help="Of the clients.")] = 5.0,
    by: Annotated[
        str,
        typer.Option(
            parser=_by,
            metavar="KEY",
            help="What tells clients apart: client (API key or address), address, header:NAME.",
        ),
    ] = "client",
    max_errors: Annotated[
        float, typer.Option(parser=_percent, metavar="P", help="Abort it above so many percent of failures.")
    ] = _DEFAULTS.errors,
    max_slower: Annotated[
        float, typer.Option(parser=_times, metavar="N", help="Abort it if it takes more than N times as long.")
    ] = _DEFAULTS.slower,
    max_disagreement: Annotated[
        float, typer.Option(parser=_percent, metavar="P", help="Abort it above so many percent of other answers.")
    ] = _DEFAULTS.disagreement,
    workers: Workers = 1,
    timeout: Timeout = LOAD_SECONDS,
    patience: Patience = 0.0,
    as_json: Json = False,
) -> int:
    """Let ARCHIVE's version answer some of the clients, and abort it by itself if it does worse."""
    answers = Answers(as_json, patience)
    limits = Limits(max_errors, max_slower, max_disagreement)
    change = answers.lifecycle.canary(model, archive, percent, by, limits, max(1, workers), timeout)
    return answers.changed(
        change,
        f"{change.model} {change.version} answers {percent:g} % of the clients, {change.before} the others; "
        f"`scripts/models trials` shows how it does, `promote {change.model}` or `abort {change.model}` ends it.",
    )


def shadow(
    model: Name,
    archive: ArchiveName,
    percent: Annotated[float, typer.Option(parser=_percent, metavar="P", help="Of the predictions.")] = 100.0,
    workers: Workers = 1,
    timeout: Timeout = LOAD_SECONDS,
    patience: Patience = 0.0,
    as_json: Json = False,
) -> int:
    """Ask ARCHIVE's version too, when a client has its answer, and count how often both agree."""
    answers = Answers(as_json, patience)
    change = answers.lifecycle.shadow(model, archive, percent, max(1, workers), timeout)
    return answers.changed(
        change,
        f"{change.model} {change.version} is asked about {percent:g} % of the pictures too, {change.before} answers; "
        f"`scripts/models trials` shows how they agree, `promote {change.model}` or `abort {change.model}` ends it.",
    )


def promote(model: Name, timeout: Timeout = LOAD_SECONDS, patience: Patience = 0.0, as_json: Json = False) -> int:
    """Let the version serve that is a canary or a shadow now."""
    answers = Answers(as_json, patience)
    change = answers.lifecycle.promote(model, timeout)
    return answers.changed(
        change,
        f"{change.model} {change.version} serves; `scripts/models rollback {change.model}` returns to {change.before}.",
    )


def abort(model: Name, patience: Patience = 0.0, as_json: Json = False) -> int:
    """End a canary or a shadow, and remove its version; the archive stays in the model store."""
    answers = Answers(as_json, patience)
    change = answers.lifecycle.abort(model)
    done = f"{change.before} is removed" if change.before != change.version else "no version is removed"
    return answers.changed(change, f"{change.model}: {done}; {change.version} serves as before.")


def trials(
    model: Annotated[
        str | None, typer.Argument(metavar="NAME", autocompletion=complete_model, help="Default: all models.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Show canaries and shadows: what they were asked, how they did, and how they agree by label."""
    answers = Answers(as_json)
    wanted = None if model is None else answers.lifecycle.catalogue_name(answers.lifecycle.archive_name(model))
    found = {
        name: (trial, read_outcome(answers.settings, name, trial))
        for name, trial in read_trials(answers.settings).items()
        if wanted in (None, name)
    }
    value = [{"model": name, **asdict(trial), **asdict(outcome)} for name, (trial, outcome) in found.items()]
    text = "\n".join(described(name, trial, outcome) for name, (trial, outcome) in found.items())
    return answers.print(value, escape(text or "There is no canary and no shadow."))


def described(name: str, trial: Trial, outcome: Outcome) -> str:
    """A trial as a person reads it, some lines."""
    of = "clients" if trial.kind == "canary" else "predictions"
    state = "under way" if outcome.under_way else "waits for a READY worker"
    if outcome.end:
        state = f"ended ({outcome.end['reason']}): {outcome.end['text']}"
    lines = [f"{name} {trial.version}: {trial.kind} beside {trial.before}, {trial.percent:g} % of the {of}; {state}"]
    if outcome.results:
        lines.append("  asked: " + ", ".join(f"{count} {result}" for result, count in outcome.results.items()))
    if outcome.milliseconds and outcome.serving_milliseconds:
        lines.append(f"  time: {outcome.milliseconds:g} ms, {trial.before}: {outcome.serving_milliseconds:g} ms")
    if outcome.compared:
        lines.append(f"  agreement: {_share(outcome.compared, outcome.agreed)}")
        lines += [f"    {label}: {_share(*counts)}" for label, counts in outcome.labels.items()]
    return "\n".join(lines)


def _share(compared: int, agreed: int) -> str:
    return f"{agreed} of {compared} ({agreed / compared:.1%})"


def add_to(app: typer.Typer) -> None:
    """Add the commands to those of ``scripts/models``."""
    file = "VGG19_CKplus48.mar"
    app.command(epilog=examples(f"scripts/models canary VGG19_CK+48 {file} --percent 5"))(canary)
    app.command(epilog=examples(f"scripts/models shadow VGG19_CK+48 {file}"))(shadow)
    app.command(epilog=examples("scripts/models promote VGG19_CK+48"))(promote)
    app.command(epilog=examples("scripts/models abort VGG19_CK+48"))(abort)
    app.command(epilog=examples("scripts/models trials", "scripts/models trials VGG19_CK+48 --json"))(trials)
