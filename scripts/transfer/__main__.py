"""``python -m scripts.transfer push|pull ADDRESS``: archives to and from an OCI registry, S3 or a folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from scripts.catalogue import Model, chosen, load_catalogue
from scripts.console import announcer, examples, interruption_says, new_app, print_error, print_notice, run
from scripts.errors import REFUSED, UserError
from scripts.files import exclusive
from scripts.settings import Settings, load_settings
from scripts.signals import obey_signals
from scripts.store.index import read_index
from scripts.transfer.progress import TransferProgress
from scripts.transfer.pulling import Pull
from scripts.transfer.pushing import push as push_archives
from scripts.transfer.remote import RemoteError, open_remote

app = new_app("Move archives to and from an OCI registry, S3 or a folder, which hosts that serve share.")

Names = Annotated[list[str] | None, typer.Option("--model", metavar="NAME", help="Only this model; repeatable.")]
PlainHttp = Annotated[bool, typer.Option("--plain-http", help="No TLS to the registry; loopback has none anyway.")]


@app.command(
    epilog=examples(
        "python -m scripts.transfer push oci://registry.example/emotions:1.1",
        "python -m scripts.transfer push s3://models/emotions/1.1 --model VGG19_CK+48",
    )
)
def push(address: str, model: Names = None, plain_http: PlainHttp = False) -> int:
    """Push the archives of the model store, with their checksums and signatures, in place of those at ADDRESS."""
    settings, console = load_settings(), Console()
    models = _models(settings, model) or _built(settings)
    remote = open_remote(address, plain_http=plain_http)
    with interruption_says(f"Interrupted. {address} is as before; what has arrived there is not sent again."):
        pushed = push_archives(settings, remote, models, TransferProgress(console))
    console.print(f"Pushed {len(models)} archive(s): {pushed}", markup=False, soft_wrap=True, highlight=False)
    return 0


@app.command(
    epilog=examples(
        "python -m scripts.transfer pull oci://registry.example/emotions:1.1",
        "python -m scripts.transfer pull s3://models/emotions/1.1",
    )
)
def pull(address: str, model: Names = None, plain_http: PlainHttp = False) -> int:
    """Pull archives into the model store; each is verified before it takes a place there. 1 if one could not be."""
    settings, console = load_settings(), Console()
    settings.model_store.mkdir(parents=True, exist_ok=True)
    remote = open_remote(address, plain_http=plain_http)
    with exclusive(settings.model_store, announcer(console)), interruption_says("Interrupted. Pull again to go on."):
        pulling = Pull(settings, remote, TransferProgress(console))
        outcomes = [_pulled(pulling, each, console) for each in _wanted(settings, pulling, model)]
    return 0 if all(outcomes) else REFUSED


def _pulled(pulling: Pull, model: Model, console: Console) -> bool:
    """Pull one model and say what came of it; the others go on in any case."""
    try:
        record, is_new = pulling.model(model)
    except UserError as error:
        print_error(error)
        return False
    outcome = "pulled" if is_new else "up to date"
    console.print(f"{model.name} {record.version}  {outcome}", markup=False, highlight=False)
    return True


def _wanted(settings: Settings, pulling: Pull, names: list[str] | None) -> list[Model]:
    """The models that were named, or those of the remote store that the catalogue knows."""
    if named := _models(settings, names):
        return named
    known = {model.archive_file: model for model in load_catalogue(settings.catalogue).values()}
    for strange in sorted(set(pulling.archives) - set(known)):
        print_notice(f"{strange} is left out: {settings.catalogue.name} has no such model")
    found = [model for file, model in known.items() if file in pulling.archives]
    if not found:
        raise RemoteError(f"there is no archive of a model of {settings.catalogue.name}")
    return found


def _models(settings: Settings, names: list[str] | None) -> list[Model]:
    catalogue = load_catalogue(settings.catalogue)
    return [catalogue[name] for name in chosen("--model", ",".join(names or []), catalogue, settings.catalogue)]


def _built(settings: Settings) -> list[Model]:
    """The models that have archives."""
    entries = read_index(settings.index_file)
    found = [m for m in load_catalogue(settings.catalogue).values() if entries.get(m.name, {}).get("archive")]
    if not found:
        raise RemoteError(f"{settings.model_store} has no archives; run `make archives` first")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Push or pull; returns the exit code."""
    return run(app, "python -m scripts.transfer", argv)


if __name__ == "__main__":
    obey_signals()
    sys.exit(main())
