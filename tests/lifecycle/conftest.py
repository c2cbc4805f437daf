"""Sites with two small models, and stacks that serve them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch

from scripts.settings import ROOT
from tests.lifecycle.remote import Remote, make_key
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.places import TEST_DIR
from tests.support.ports import free_ports
from tests.support.processes import one_at_a_time
from tests.support.sites import Site, write_checksum
from tests.support.stacks import RunningStack, ServeSite, running_stack

FOLDER = TEST_DIR / "lifecycle"


@pytest.fixture(scope="session")
def built() -> Site:
    """A site with stand-ins of two models in version 1.0, built; kept between runs, and not to be changed."""
    site = Site(FOLDER / "built")
    site.folder.mkdir(parents=True, exist_ok=True)
    entries = json.loads((ROOT / "models.json").read_text())
    site.catalogue_file.write_text(json.dumps({name: entries[name] for name in (OTHER, SERVED)}))
    with one_at_a_time("site"):
        site.build("--archive-version", "1.0")
    return site


@pytest.fixture(scope="session")
def retrained(built: Site, process: str) -> Path:
    """A checkpoint of SERVED that answers otherwise than the one in the built site."""
    path = FOLDER / f"retrained-{process}.pt"
    checkpoint = torch.load(built.results / f"{SERVED}_best.pt", weights_only=True)
    for part in ("classifier.1.weight", "classifier.1.bias"):
        checkpoint["state_dict"][part] = checkpoint["state_dict"][part].flip(0)
    torch.save(checkpoint, path)
    return path


@pytest.fixture(scope="session")
def rebuilt(built: Site, retrained: Path) -> Site:
    """The built site after a build of SERVED in version 1.1, from the retrained checkpoint.

    Kept between runs as long as the other model's archive is that of the built site, and not to be changed.
    """
    site = Site(FOLDER / "rebuilt")
    kept, present = (other.store / "index.json" for other in (site, built))
    with one_at_a_time("rebuilt"):
        if not kept.exists() or json.loads(kept.read_text())[OTHER] != json.loads(present.read_text())[OTHER]:
            built.copy(site.folder)
            shutil.copyfile(retrained, site.checkpoint(SERVED))
        site.build("--archive-version", "1.1", "--model", SERVED)
    return site


@pytest.fixture(scope="session")
def next_archive(rebuilt: Site) -> Path:
    """Version 1.1 of SERVED, made from the retrained checkpoint."""
    return rebuilt.archive(SERVED)


@pytest.fixture(scope="session")
def new_site(built: Site) -> Callable[[str], Site]:
    """Copy the built site under a name of the test's own."""
    return lambda name: built.copy(FOLDER / name)


@pytest.fixture(scope="session")
def serve_site() -> ServeSite:
    """Start a stack that serves a site: ``with serve_site(site) as stack:``."""

    def serve(site: Site, **settings: str) -> AbstractContextManager[RunningStack]:
        environment = {**site.environment, "CPUS": "1", **settings}
        return running_stack(Path(environment.pop("RUN_DIR")), None, **environment)

    return serve


@pytest.fixture(scope="module")
def site(new_site: Callable[[str], Site], next_archive: Path, request: pytest.FixtureRequest) -> Site:
    """A site of the module's own; its store has version 1.1 of SERVED beside the archive that serves."""
    made = new_site(request.module.__name__.rpartition(".")[2])
    copy = made.store / f"{ARCHIVE}-1.1.mar"
    copy.write_bytes(next_archive.read_bytes())
    write_checksum(copy)
    return made


@pytest.fixture(scope="module")
def stack(site: Site, serve_site: ServeSite) -> Iterator[RunningStack]:
    """A stack that serves the module's site."""
    with serve_site(site) as running:
        yield running


@pytest.fixture(scope="module")
def remote(site: Site, serve_site: ServeSite) -> Iterator[Remote]:
    """A stack that serves the module's site, as another machine sees it."""
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    with serve_site(site, MANAGEMENT_LISTEN=listen, MAX_WORKERS="4", RUN_DIR=str(site.folder / "remote")) as stack:
        yield Remote(stack, f"http://{listen}", make_key(stack, "ops"))
