"""Ask the running service about pictures, many at a time, as apps do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scripts.client.service import PredictError, Service
from scripts.evaluation import EvaluationError
from scripts.evaluation.folder import Picture
from scripts.evaluation.journal import Identity, Journal, Outcome
from scripts.files import sha256_of
from scripts.probes import probe_files

# The service's word that a file is at fault and not the service (docs/api.md).
_REFUSED = frozenset({400, 413, 415, 422})
_TRIES = 3  # of a picture, after which an answer that never came ends the run
_LINE_EVERY = 1000  # pictures, where there is no terminal for a bar

NewService = Callable[[], Service]


@dataclass(frozen=True)
class Served:
    """A model as the service lists it, and what tells it from others under its name."""

    name: str
    entry: dict[str, Any]
    identity: Identity

    @property
    def labels(self) -> list[str]:
        """Its labels, in the order of the network's outputs."""
        return list(self.entry["emotions"])

    @property
    def stand_in(self) -> bool:
        """Whether it is an untrained network."""
        return bool(self.identity["stand_in"])

    @property
    def version(self) -> str | None:
        """The version that answers, where the service tells."""
        version = self.identity["version"]
        return None if version is None else str(version)


def served(service: Service, name: str) -> Served:
    """Look a model up and ask it about a seeded picture. Raises EvaluationError for an unknown name, or PredictError.

    Its answer tells weights apart that were put under the same name and version.
    """
    models = service.models()
    if name not in models:
        raise EvaluationError(f"{name!r} is not one of the service's models; use one of {', '.join(models)}")
    entry = models[name]
    answer = service.ask("the probe", probe_files(1)["frame.jpg"], name)
    keys = ("digest", "precision", "temperature", "preprocessing", "ensemble", "weights")
    described: Identity = {key: entry[key] for key in keys if key in entry}
    if "members" in answer.body:
        described["members"] = answer.body["members"]
    identity: Identity = {
        "name": name,
        "version": answer.body.get("version"),
        "stand_in": bool(answer.body.get("stand_in") or entry.get("stand_in")),
        **described,
        "probe": {label: answer.probabilities[label] for label in sorted(answer.probabilities)},
    }
    return Served(name, entry, identity)


def ask_all(
    new_service: NewService, model: str, pictures: Sequence[Picture], journal: Journal, clients: int, console: Console
) -> None:
    """Ask about every file that the journal has no answer of, ``clients`` at a time; the outcomes are in the journal.

    Raises EvaluationError when a picture gets no answer for a reason of the service's. What was answered until then is
    kept.
    """
    # What was refused is asked for again: the service may have other limits now.
    answered = {digest for digest, outcome in journal.outcomes.items() if outcome.probabilities}
    missing = {picture.digest: picture for picture in pictures if picture.digest not in answered}
    done = len({picture.digest for picture in pictures}) - len(missing)
    if done:
        console.print(f"{done:,} answers are recorded already; {len(missing):,} are asked for.")
    with _bar(console) as bar, ThreadPoolExecutor(clients) as threads:
        task = bar.add_task(model, total=done + len(missing), completed=done)
        asker = _Asker(new_service, model)
        futures = [threads.submit(asker.ask, picture) for picture in missing.values()]
        try:
            for number, (digest, outcome) in enumerate(_as_they_come(futures), done + 1):
                journal.add(digest, outcome)
                bar.advance(task)
                if not console.is_terminal and number % _LINE_EVERY == 0:
                    console.print(f"{number:,} of {done + len(missing):,}")
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


class _Asker:
    """Asks about one picture; each thread has a connection of its own."""

    def __init__(self, new_service: NewService, model: str) -> None:
        self._new, self._model, self._local = new_service, model, threading.local()

    def ask(self, picture: Picture) -> tuple[str, Outcome]:
        """The file's digest and what the service says to it."""
        if not hasattr(self._local, "service"):
            self._local.service = self._new()
        try:
            data = picture.path.read_bytes()
        except OSError as error:
            raise EvaluationError(f"{picture.path}: cannot be read ({error.strerror}); run this again") from error
        if sha256_of(data) != picture.digest:
            raise EvaluationError(f"{picture.path} changed while it was evaluated; run this again")
        return picture.digest, self._patiently(picture, data)

    def _patiently(self, picture: Picture, data: bytes) -> Outcome:
        for left in reversed(range(_TRIES)):
            try:
                answer = self._local.service.ask(picture.name, data, self._model)
                if answer.body.get("missing"):
                    raise EvaluationError(_incomplete(self._model, answer.body["missing"]))
                return Outcome(answer.probabilities, round(answer.milliseconds, 1))
            except PredictError as error:
                if error.status in _REFUSED:
                    return Outcome(refusal=str(error).removeprefix(f"{picture.name}: "))
                if not left or (error.status or 0) < requests.codes.server_error:
                    raise EvaluationError(
                        f"{error} What was answered is kept, and the same command goes on."
                    ) from error
        raise AssertionError("the last try returns or raises")


def _incomplete(model: str, missing: Sequence[str]) -> str:
    return f"{model} answers without {', '.join(missing)}; evaluate it when all its members answer"


def _as_they_come(futures: Sequence[Future[tuple[str, Outcome]]]) -> Iterator[tuple[str, Outcome]]:
    for future in as_completed(futures):
        yield future.result()


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
