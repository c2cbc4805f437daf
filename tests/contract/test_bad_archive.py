"""Checkpoints and archives that are missing, damaged or do not load: each model fails alone, with its reason."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import images
from tests.support.asking import asking
from tests.support.assertions import assert_error, assert_health, assert_models, assert_prediction
from tests.support.client import Client
from tests.support.operator_view import Operator
from tests.support.polling import poll
from tests.support.reference import Reference
from tests.support.sites import LFS_POINTER, Site, some_of_the_nine

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack

GOOD = "MobileNetV2_FER2013"
POINTER = "VGG19_CK+48"
MISSING = "VGG19_RAF-DB"
DAMAGED = "MobileNetV2_RAF-DB"
NOT_LOADING = "MobileNetV2_CK+48"
# Each bad model, and a word that its reason has.
BAD = {POINTER: "Git LFS", MISSING: "VGG19_RAF-DB_best.pt", DAMAGED: "SHA-256", NOT_LOADING: "load"}
# After so long, and its longest pause before that, TorchServe has given up.
RETRY_SECONDS = 20
CAUSE = 'raise RuntimeError("broken on purpose")'
FRAME = images.frame(9)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path) -> Site:
    """One good model and one of each kind of bad one."""
    site = some_of_the_nine(tmp_path_factory.mktemp("bad"), results, archives, (GOOD, *BAD))
    site.remove_archive(POINTER)
    site.checkpoint(POINTER).write_text(LFS_POINTER)
    site.remove_archive(MISSING)
    site.checkpoint(MISSING).unlink()
    site.keep_archive(DAMAGED)
    site.flip_a_byte(DAMAGED)
    site.keep_archive(NOT_LOADING)
    site.insert_code(NOT_LOADING, CAUSE)
    # TorchServe gives up on it soon, after more processes than those by which it counts as failing.
    site.change_file(
        NOT_LOADING, "model-config.yaml", lambda text: text.replace(b"TimeoutInSec: 300", b"TimeoutInSec: 10")
    )
    site.change_file(GOOD, "model.json", in_fewer_bits)  # behind the build's back
    site.change_file(NOT_LOADING, "model.json", prepared_fast)
    return site


def in_fewer_bits(description: bytes) -> bytes:
    """A description of 8 bits and a temperature, for files that are of 32 and without."""
    proof = {"agreement": {"value": 0.98123}, "instruction_sets": ["none_has_this"]}
    changed = {"precision": "int8", "temperature": 1.5, "proof": proof}
    return json.dumps({**json.loads(description), **changed}).encode()


def prepared_fast(description: bytes) -> bytes:
    """A description of bf16 and fast preprocessing."""
    return json.dumps({**json.loads(description), "precision": "bf16", "preprocessing": "fast"}).encode()


@pytest.fixture(scope="module")
def served(start_stack: StartStack, site: Site) -> Iterator[RunningStack]:
    """That store's stack."""
    with start_stack(**site.places) as stack:
        yield stack


@pytest.fixture(scope="module")
def client(served: RunningStack) -> Client:
    """A client of that stack."""
    return Client(served.url)


def _poll_error(client: Client, model: str) -> str:
    """The model's 500; until TorchServe has given up on it, a 503 may say that it is not ready."""
    answer = poll(lambda: client.predict(FRAME, model), lambda answer: answer.status_code != 503, seconds=120)
    return assert_error(answer, 500, model)


def test_good_model_is_served_and_the_service_is_degraded(client: Client, site: Site, reference: Reference) -> None:
    assert_prediction(client.predict(FRAME, GOOD), GOOD, reference.probabilities(GOOD, FRAME))
    assert_health(client.get("/api/v1/health"), "degraded", loaded=1, available=5)
    assert_models(client.get("/api/v1/models"), site.catalogue, loaded={GOOD})


def test_the_precision_is_that_of_the_archive_that_runs_whatever_the_build_recorded(client: Client) -> None:
    models = client.get("/api/v1/models").json()["models"]
    told = {key: models[GOOD].get(key) for key in ("precision", "temperature", "proof", "agreement")}
    assert told == {"precision": "int8", "temperature": 1.5, "proof": "proven", "agreement": 98.12}
    assert "preprocessing" not in models[GOOD]
    told = {key: models[NOT_LOADING].get(key) for key in ("precision", "preprocessing", "temperature", "proof")}
    assert told == {"precision": "bf16", "preprocessing": "fast", "temperature": None, "proof": "unproven"}
    assert "precision" not in models[MISSING]


@pytest.mark.parametrize(("model", "word"), BAD.items(), ids=["pointer", "missing", "damaged", "not-loading"])
def test_bad_model_answers_500_with_its_reason(client: Client, model: str, word: str) -> None:
    assert word.lower() in _poll_error(client, model).lower()
    listed = client.get("/api/v1/models").json()["models"][model]
    assert word.lower() in listed["error"].lower()
    assert "retry_after" not in listed  # nobody need wait for an operator


@pytest.mark.parametrize("model", BAD, ids=["pointer", "missing", "damaged", "not-loading"])
def test_bad_model_changes_nothing_for_the_good_one(client: Client, reference: Reference, model: str) -> None:
    _poll_error(client, model)
    assert_prediction(client.predict(FRAME, GOOD), GOOD, reference.probabilities(GOOD, FRAME))


def handler_of(served: RunningStack, site: Site) -> Path:
    """The handler of NOT_LOADING, as TorchServe runs it."""
    folder = Path(Operator(served).describe(site.catalogue[NOT_LOADING].archive_name)["modelUrl"])
    return folder / "emotion_handler.py"


def replace_text(file: Path, text: str) -> None:
    file.unlink()  # others may share its content
    file.write_text(text)


def test_a_model_that_torchserve_gave_up_loads_once_the_cause_is_gone(
    served: RunningStack, client: Client, site: Site, reference: Reference
) -> None:
    _poll_error(client, NOT_LOADING)
    handler = handler_of(served, site)
    replace_text(handler, handler.read_text().replace(CAUSE, ""))
    answer = poll(lambda: client.predict(FRAME, NOT_LOADING), lambda given: given.status_code == 200, seconds=120)
    expected = reference.probabilities(NOT_LOADING, FRAME)  # it prepares pictures in the fast way: not the same digits
    assert answer.json()["top_emotion"] == max(expected, key=lambda label: expected[label])


def test_one_of_two_workers_that_was_given_up_comes_back_and_the_other_stays(served: RunningStack, site: Site) -> None:
    """The last in the list; the first takes minutes: proxy/test_revival.py has it. The model has loaded by now."""
    operator, archive = Operator(served), site.catalogue[NOT_LOADING].archive_name
    assert served.command("lifecycle", "scale", NOT_LOADING, "2").returncode == 0
    stays, given_up = [worker["pid"] for worker in operator.describe(archive)["workers"]]
    handler = handler_of(served, site)
    good = handler.read_text()
    with asking(served.url, NOT_LOADING, 2) as answers:
        replace_text(handler, f"{good}\n{CAUSE}\n")
        os.kill(given_up, signal.SIGKILL)
        time.sleep(RETRY_SECONDS)
        replace_text(handler, good)
        pids = poll(lambda: operator.worker_pids(archive), lambda pids: len(pids) == 2, seconds=120)
    assert stays in pids
    assert operator.describe(archive)["minWorkers"] == 2
    assert {answer.status for own in answers for answer in own} == {200}


def test_mended_checkpoint_is_served_after_the_next_start(
    start_stack: StartStack, tmp_path: Path, results: Path, archives: Path, reference: Reference
) -> None:
    """What a user does: the stack says what is wrong with a checkpoint, the right file is put there, it is served."""
    name = "MobileNetV2_CK+48"
    site = some_of_the_nine(tmp_path, results, archives, (GOOD, name))
    site.remove_archive(name)
    checkpoint = site.checkpoint(name).read_bytes()
    site.checkpoint(name).write_text(LFS_POINTER)
    with start_stack(**site.places) as stack:
        assert_error(Client(stack.url).predict(FRAME, name), 500, name, "Git LFS")
    site.checkpoint(name).write_bytes(checkpoint)
    with start_stack(**site.places) as stack:
        client = Client(stack.url)
        assert_prediction(client.predict(FRAME, name), name, reference.probabilities(name, FRAME))
        assert_health(client.get("/api/v1/health"), "healthy", loaded=2, available=2)
