"""The management API on MANAGEMENT_LISTEN."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import requests

from tests.lifecycle.bad_archives import damaged, linked, unsigned
from tests.lifecycle.remote import Remote, error, make_key
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.polling import poll
from tests.support.sites import Site, repack

KEY_NEEDED = 'A key is required: "Authorization: Bearer KEY"; `scripts/models key add NAME` makes one.'


ONLY_MODELS = "There is nothing at this path; only /models, /registrations and /changes are served here."
NO_SUCH_ROUTE = "There is nothing at this path; see docs/models.md for those of /models."
NO_COUNT = "The parameter 'min_worker' must be given once, as a whole number."
_REMEDY = "run `make archives`, which builds it again"
YES_OR_NO = "The parameter 'synchronous' must be true or false."
FORGOTTEN = "max_worker=2: with min_worker=0 TorchServe would forget workers without ending them; use max_worker=0."
NO_ARCHIVE = "'X' is not the plain file name of an archive in the model store, like X.mar."
NO_ID = "'X' is no id of a change: 32 hexadecimal digits in small letters."
NO_NAME = "The parameter 'model' must be given once, as a plain name."
NO_COMMAND = "The parameter 'command' must be one of register, unregister, scale, upgrade and rollback."
CHANGE = f"/changes/{'0a' * 16}"
HANDLER_GIVEN = "The parameter 'handler' is not accepted here; use url, initial_workers, synchronous."
CUSTOMIZED_GIVEN = "The parameter 'customized' is not accepted here; there are none."


def test_models_are_registered_scaled_and_removed_from_afar(remote: Remote, site: Site) -> None:
    repack(site.store / f"{ARCHIVE}.mar", site.store / "Guest.mar", "1.0", name="Guest")
    registered = remote("POST", "/models", url="Guest.mar", initial_workers=1, synchronous="true")
    told = "Guest 1.0 is registered with 1 worker(s)"
    assert (registered.status_code, registered.json()) == (200, {"status": told})
    assert remote("PUT", "/models/Guest", min_worker=2, max_worker=2).status_code == 202
    remote.poll(lambda: remote("GET", "/models/Guest").text, lambda text: text.count("READY") == 2)
    assert remote("DELETE", "/models/Guest/1.0").json() == {"status": 'Model "Guest" unregistered'}
    assert remote.logs(method="DELETE")
    changes = [
        (line["key"], line["method"], line["request"], line["status"], line["result"])
        for line in remote.log()
        if line["method"] != "GET"
    ]
    by_supervisor = "what=Guest.mar&workers=1&seconds=120.0&beside=True&asked_by=ops"
    assert changes[-4:] == [
        ("-", "register", by_supervisor, 200, "Guest 1.0 with 1 worker(s)"),
        ("ops", "POST", "/models?url=Guest.mar&initial_workers=1&synchronous=true", 200, told),
        (
            "ops",
            "PUT",
            "/models/Guest?min_worker=2&max_worker=2&synchronous=false",
            202,
            "Processing worker updates...",
        ),
        ("ops", "DELETE", "/models/Guest/1.0", 200, 'Model "Guest" unregistered'),
    ]


def test_no_more_workers_are_started_than_may_run(remote: Remote, site: Site) -> None:
    """Of four, the other model has one."""
    repack(site.store / f"{ARCHIVE}.mar", site.store / "Guest.mar", "1.0", name="Guest")
    rest = "all models together may have 4 workers (MAX_WORKERS), and the others have"
    for path in (f"/models/{SERVED}", f"/models/{ARCHIVE}/1.0"):
        refused = remote("PUT", path, min_worker=999, max_worker=999)
        assert (refused.status_code, error(refused)) == (400, f"min_worker=999: {rest} 1; use at most 3.")
    refused = remote("POST", "/models", url="Guest.mar", initial_workers=3)
    assert (refused.status_code, error(refused)) == (400, f"initial_workers=3: {rest} 2; use at most 2.")
    assert [model["modelName"] for model in remote("GET", "/models").json()["models"]] == [ARCHIVE, OTHER]
    assert remote("PUT", f"/models/{SERVED}", min_worker=3, max_worker=3).status_code == 202
    refused = remote("POST", "/models", url="Guest.mar")
    assert (refused.status_code, error(refused)) == (400, f"initial_workers=1: {rest} 4; use at most 0.")
    here = remote.stack.command("lifecycle", "scale", SERVED, "4")
    assert here.returncode == 1
    assert here.stderr == (
        f"4 worker(s) of {ARCHIVE}: all models together may have 4 (MAX_WORKERS, by default what fits into memory), "
        "and the others have 1; use at most 3\n"
    )
    remote.poll(lambda: remote("GET", f"/models/{SERVED}").text, lambda text: text.count("READY") == 3)
    # What a max_worker above the minimum leaves running counts too.
    assert remote("PUT", f"/models/{SERVED}", min_worker=1, max_worker=999).status_code == 202
    refused = remote("PUT", f"/models/{OTHER}", min_worker=2, max_worker=2)
    assert (refused.status_code, error(refused)) == (400, f"min_worker=2: {rest} 3; use at most 1.")
    here = remote.stack.command("lifecycle", "scale", OTHER, "2")
    assert (here.returncode, here.stderr.rpartition(", and ")[2]) == (1, "the others have 3; use at most 1\n")
    assert remote("PUT", f"/models/{SERVED}", min_worker=1, max_worker=1).status_code == 202
    remote.poll(lambda: remote("GET", f"/models/{SERVED}").json()[0]["workers"], lambda workers: len(workers) == 1)


def test_clients_names_and_all_reading_routes(remote: Remote) -> None:
    assert [model["modelName"] for model in remote("GET", "/models").json()["models"]] == [ARCHIVE, OTHER]
    assert remote("GET", f"/models/{SERVED}").json()[0]["modelName"] == ARCHIVE
    assert remote("GET", f"/models/{ARCHIVE}/all").json()[0]["modelVersion"] == "1.0"
    assert remote("PUT", f"/models/{ARCHIVE}/1.0/set-default").status_code == 200


def test_without_a_key_nothing_is_shown(remote: Remote) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": remote.key}):
        refused = requests.get(f"{remote.url}/models", headers=headers, timeout=10)
        assert (refused.status_code, error(refused)) == (401, KEY_NEEDED)
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    for key in remote.stack.keys().values():
        assert remote("GET", "/models", key=key).status_code == 401


def test_a_removed_key_is_refused_at_once_and_the_others_stay(remote: Remote) -> None:
    key = make_key(remote.stack, "temporary")
    assert remote("GET", "/models", key=key).status_code == 200
    listed = json.loads(remote.stack.command("lifecycle", "key", "list", "--json").stdout)
    assert listed.keys() == {"ops", "temporary"}
    assert remote.stack.command("lifecycle", "key", "remove", "temporary").returncode == 0
    assert remote("GET", "/models", key=key).status_code == 401
    assert remote("GET", "/models").status_code == 200


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add", "ops"], "'ops': there is a key of this name; remove it first, or choose another name"),
        (["add", "a b"], "'a b': name a key with letters, digits, '_', '.', '@' and '-', at most 64"),
        (["remove", "nobody"], "'nobody': there is no key of this name; there are: ops"),
        (["add"], "give the key to add a name"),
    ],
)
def test_a_key_that_cannot_be_made_or_removed_says_why(remote: Remote, arguments: list[str], sentence: str) -> None:
    refused = remote.stack.command("lifecycle", "key", *arguments)
    assert (refused.returncode, refused.stderr) == (1, f"{sentence}\n")


@pytest.mark.parametrize(
    "url", ["https://example.org/x.mar", "file:///etc/x.mar", "../x.mar", "/etc/x.mar", "x.zip", ".x.mar", "x.mar/", ""]
)
def test_only_plain_names_of_archives_are_registered(remote: Remote, url: str) -> None:
    refused = remote("POST", "/models", url=url)
    sentence = "The parameter 'url' must be the plain file name of an archive in the model store, like X.mar."
    assert (refused.status_code, error(refused)) == (400, sentence)


@pytest.mark.parametrize(
    ("make", "status", "sentence"),
    [
        (unsigned, 409, "Unsigned.mar has no checksum file Unsigned.mar.sha256; put it beside the archive."),
        (damaged, 409, f"Damaged.mar is damaged: its SHA-256 is not the one in Damaged.mar.sha256; {_REMEDY}"),
        (linked, 404, "Linked.mar is not a file in the model store."),
        (lambda site: "None.mar", 404, "There is no archive None.mar in the model store."),
    ],
)
def test_archives_are_verified_first(remote: Remote, site: Site, make: Any, status: int, sentence: str) -> None:
    name = make(site)
    refused = remote("POST", "/models", url=name, synchronous="true")
    assert (refused.status_code, error(refused)) == (status, sentence)
    assert remote.logs(key="ops", method="POST", status=status, result=sentence)


@pytest.mark.parametrize(
    ("method", "path", "parameters", "status", "sentence"),
    [
        ("GET", "/", {}, 404, ONLY_MODELS),
        ("GET", "/ping", {}, 404, ONLY_MODELS),
        ("POST", "/workflows", {}, 404, ONLY_MODELS),
        ("GET", "/token", {"type": "management"}, 404, ONLY_MODELS),
        ("PUT", f"/models/{ARCHIVE}/1.0/else", {}, 404, NO_SUCH_ROUTE),
        ("PATCH", "/models", {}, 405, "PATCH is not allowed here; use GET, POST."),
        ("OPTIONS", f"/models/{ARCHIVE}", {}, 405, "OPTIONS is not allowed here; use GET, PUT, DELETE."),
        ("GET", "/models/a%20b", {}, 400, "'a b' is neither a model's name nor a version."),
        ("GET", "/models/x", {"customized": "1"}, 400, CUSTOMIZED_GIVEN),
        ("POST", "/models", {}, 400, "The parameter 'url' is missing."),
        ("POST", "/models", {"handler": "os"}, 400, HANDLER_GIVEN),
        ("POST", "/models", {"url": "X.mar", "synchronous": "1"}, 400, YES_OR_NO),
        ("POST", "/registrations/X.mar", {}, 405, "POST is not allowed here; use GET."),
        ("GET", "/registrations/X", {}, 400, NO_ARCHIVE),
        ("PUT", "/changes/X", {}, 400, NO_ID),
        ("POST", CHANGE, {}, 405, "POST is not allowed here; use PUT, GET."),
        ("PUT", CHANGE, {"command": "stop", "model": "M"}, 400, NO_COMMAND),
        ("PUT", CHANGE, {"command": "rollback"}, 400, "The parameter 'model' is missing."),
        ("PUT", CHANGE, {"command": "scale", "model": "M"}, 400, "The parameter 'workers' is missing."),
        ("PUT", CHANGE, {"command": "rollback", "model": "--help"}, 400, NO_NAME),
        ("GET", CHANGE, {}, 404, f"There is no change '{CHANGE[9:]}'; only the last ones are kept."),
        ("PUT", f"/models/{ARCHIVE}", {"min_worker": "-1"}, 400, NO_COUNT),
        ("PUT", f"/models/{ARCHIVE}", {"min_worker": ["1", "2"]}, 400, NO_COUNT),
        ("PUT", f"/models/{ARCHIVE}", {"max_worker": "1"}, 400, "The parameter 'min_worker' is missing."),
        ("PUT", f"/models/{ARCHIVE}/1.0", {"min_worker": "0", "max_worker": "2"}, 400, FORGOTTEN),
    ],
)  # fmt: skip
def test_nothing_but_the_model_routes_reaches_torchserve(
    remote: Remote, method: str, path: str, parameters: dict[str, Any], status: int, sentence: str
) -> None:
    refused = remote(method, path, **parameters)
    assert (refused.status_code, error(refused)) == (status, sentence)
    assert remote.logs(key="ops", method=method, status=status, result=sentence)


def test_no_key_is_in_any_log(remote: Remote) -> None:
    before = len(remote.log())
    requests.get(f"{remote.url}/models", params={"token": remote.key}, timeout=10)
    poll(lambda: remote.log()[before:])
    secrets = [remote.key, *remote.stack.keys().values()]
    for path in remote.stack.settings.log_dir.glob("*.log"):
        text = path.read_text(errors="replace")
        assert [secret for secret in secrets if secret in text] == [], path.name
    stored = remote.stack.settings.management_keys
    assert remote.key not in stored.read_text()
    assert stored.stat().st_mode & 0o077 == 0


def test_torchserve_down_is_told(remote: Remote) -> None:
    remote.stack.settings.key_file.rename(remote.stack.settings.key_file.with_suffix(".away"))
    try:
        refused = remote("GET", "/models")
    finally:
        remote.stack.settings.key_file.with_suffix(".away").rename(remote.stack.settings.key_file)
    assert (refused.status_code, error(refused)) == (503, "TorchServe does not answer; is the stack running?")
    assert refused.headers["Retry-After"] == "2"


def test_a_large_log_is_put_aside_and_logging_goes_on(remote: Remote) -> None:
    remote("GET", "/models")
    log = remote.stack.settings.log_dir / "management.log"
    os.truncate(log, 20 * 2**20)
    poll(log.with_name("management.log.1").exists, seconds=10)

    def is_logged() -> bool:
        remote("GET", f"/models/{OTHER}")
        return log.exists() and remote.logs(method="GET", request=f"/models/{OTHER}")

    poll(is_logged, seconds=10)
