"""Ensembles: the mean of what several models say, and what becomes of it when one of them is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scripts.ensembles import load_ensembles
from scripts.evaluation.__main__ import main as evaluate
from scripts.pictures.faces import write_faces
from tests.monitoring.scrape import settled
from tests.support import images
from tests.support.assertions import assert_error, assert_health, json_body
from tests.support.client import Client
from tests.support.models import SMALL
from tests.support.operator_view import Operator
from tests.support.polling import poll
from tests.support.sites import Site, some_of_the_nine

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack

FER, RAF, CK, RESNET = SMALL
ENTRIES: dict[str, dict[str, Any]] = {
    "Both_CK+48": {"ensemble": [CK, RESNET], "weights": [1, 3]},
    "Either": {"ensemble": [FER, RAF], "weights": [0.5, 0.25], "missing": "answer"},
    "Mapped": {
        "ensemble": [FER, CK],
        "emotions": ["anger", "disgust", "fear", "joy", "sadness", "surprise"],
        "labels_of": {FER: {"neutral": "sadness"}, CK: {"contempt": "disgust"}},
    },
}
REFUSES, ANSWERS, MAPPED = ENTRIES
FRAME = images.frame(21)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path) -> Site:
    """Four small models, and ensembles of them."""
    site = some_of_the_nine(tmp_path_factory.mktemp("ensembles"), results, archives, SMALL)
    entries = json.loads(site.catalogue_file.read_text())
    site.catalogue_file.write_text(json.dumps({**entries, **ENTRIES}))
    return site


@pytest.fixture(scope="module")
def served(start_stack: StartStack, site: Site) -> Iterator[RunningStack]:
    with start_stack(**site.places) as running:
        yield running


@pytest.fixture(scope="module")
def ensembles_client(served: RunningStack) -> Client:
    return Client(served.url)


def mean(site: Site, name: str, answers: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The weighted mean of some members' probabilities, by the ensemble's labels."""
    ensemble = load_ensembles(site.catalogue_file)[name]
    weights = {
        member: weight for member, weight in zip(ensemble.members, ensemble.weights, strict=True) if member in answers
    }
    sums = dict.fromkeys(ensemble.emotions, 0.0)
    for member, weight in weights.items():
        for label, probability in answers[member].items():
            sums[str(ensemble.label_of(member, label))] += weight / sum(weights.values()) * probability
    return sums


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ENTRIES)
def test_an_ensemble_answers_the_mean_of_its_members(
    site: Site, ensembles_client: Client, name: str, seed: int
) -> None:
    members = ENTRIES[name]["ensemble"]
    *alone, own = json_body(ensembles_client.compare(images.frame(seed), *members, name))["results"]
    predictions = own["predictions"]
    assert predictions == pytest.approx(
        mean(site, name, {result["model"]: result["predictions"] for result in alone}), rel=0, abs=1e-9
    )
    assert sum(predictions.values()) == pytest.approx(1, rel=0, abs=1e-5)
    assert list(predictions.values()) == sorted(predictions.values(), reverse=True)
    top = next(iter(predictions))
    assert own == {
        "success": True,
        "model": name,
        "predictions": predictions,
        "top_emotion": top,
        "confidence": predictions[top],
        "members": dict.fromkeys(members, "1.0"),
        "stand_in": True,
    }


def test_it_is_asked_for_like_any_model(site: Site, served: RunningStack, ensembles_client: Client) -> None:
    before = settled(served.url)
    answer = json_body(ensembles_client.predict(FRAME, REFUSES))
    alone = {member: ensembles_client.predict(FRAME, member).json()["predictions"] for member in (CK, RESNET)}
    assert answer["predictions"] == pytest.approx(mean(site, REFUSES, alone), abs=1e-5)
    after = settled(served.url)
    labels = {"model": REFUSES, "emotion": answer["top_emotion"]}
    assert after.value("emotion_predictions_total", **labels) == before.value("emotion_predictions_total", **labels) + 1
    for member in (CK, RESNET):  # once for the ensemble, once alone
        counts = [scrape.value("emotion_batch_size_sum", model=member) for scrape in (before, after)]
        assert counts[1] == counts[0] + 2


def test_an_ensemble_has_no_vote_beside_its_members(ensembles_client: Client) -> None:
    assert json_body(ensembles_client.compare(FRAME))["agreement"]["of"] == len(SMALL)
    assert json_body(ensembles_client.compare(FRAME, REFUSES, ANSWERS))["agreement"]["of"] == 2


def test_it_is_listed_with_the_models(site: Site, ensembles_client: Client) -> None:
    body = ensembles_client.get("/api/v1/models").json()
    assert list(body["models"]) == [*SMALL, *ENTRIES]
    assert set(body["loaded_models"]) == {*SMALL, *ENTRIES}
    shown = body["models"][ANSWERS]
    assert shown == {
        "architecture": "Ensemble",
        "dataset": "FER2013, RAF-DB",
        "emotions": list(site.catalogue[FER].emotions),
        **ENTRIES[ANSWERS],
        "stand_in": True,
    }
    assert_health(ensembles_client.get("/api/v1/health"), "healthy", loaded=7, available=7)
    assert ensembles_client.get(f"/api/v1/models/{REFUSES}/ready").json() == {"status": "ready"}


def test_an_image_that_cannot_be_read_is_refused_as_by_a_model(ensembles_client: Client) -> None:
    for name in (REFUSES, ANSWERS):
        refused = assert_error(ensembles_client.predict(b"no image", name), 415)
        assert refused == assert_error(ensembles_client.predict(b"no image", FER), 415)


def test_it_is_evaluated_with_its_members(
    served: RunningStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_faces(tmp_path / "faces", load_ensembles(served.settings.catalogue)[REFUSES].emotions, 14, seed=3)
    arguments = [str(tmp_path / "faces"), "--url", served.url, "--output", str(tmp_path), "--model"]
    assert evaluate([*arguments, REFUSES, "--margin", "100"]) == 0
    found = json.loads((tmp_path / f"{REFUSES}.json").read_text())
    assert [(member["name"], member["weight"]) for member in found["ensemble"]["members"]] == [
        (CK, 0.25),
        (RESNET, 0.75),
    ]
    assert found["ensemble"]["best"] in (CK, RESNET)
    assert found["ensemble"]["gain"]["accuracy"] == found["accuracy"]
    printed = capsys.readouterr().out
    assert f"points against the best, {found['ensemble']['best']}" in printed
    assert f"<td>{RESNET}</td><td>0.750</td>" in (tmp_path / f"{REFUSES}.html").read_text()
    assert evaluate([*arguments, REFUSES, "--fit-weights"]) == 1
    assert "14 pictures are too few" in capsys.readouterr().err
    assert evaluate([*arguments, CK, "--fit-weights"]) == 1
    assert "is no ensemble" in capsys.readouterr().err


def test_without_a_member_it_refuses_or_answers_as_its_entry_says(
    site: Site, served: RunningStack, ensembles_client: Client
) -> None:
    unregister(served, CK)
    unregister(served, RAF)
    try:
        refused = poll(lambda: ensembles_client.predict(FRAME, REFUSES), lambda answer: answer.status_code == 503)
        assert_error(refused, 503, REFUSES, f"without {CK}", "not registered")
        answer = json_body(ensembles_client.predict(FRAME, ANSWERS))
        assert (answer["missing"], answer["members"]) == ([RAF], {FER: "1.0"})
        alone = {FER: ensembles_client.predict(FRAME, FER).json()["predictions"]}
        assert answer["predictions"] == pytest.approx(mean(site, ANSWERS, alone), abs=1e-5)
        # Until the proxy has read again what is being unregistered.
        poll(lambda: ensembles_client.predict(FRAME, RAF).json()["error"], lambda error: "not registered" in error)
        assert_comparison_without(ensembles_client, {CK, RAF, REFUSES, MAPPED})
        states = {
            row["model"]: row["state"] for row in json.loads(served.command("lifecycle", "list", "--json").stdout)
        }
        assert (states[REFUSES], states[ANSWERS]) == ("incomplete", "ready")
        assert_error(ensembles_client.get(f"/api/v1/models/{REFUSES}/ready"), 503, CK)
        poll(
            lambda: ensembles_client.get("/api/v1/models").json()["loaded_models"],
            lambda loaded: set(loaded) == {FER, RESNET, ANSWERS},
        )
    finally:
        for name in (CK, RAF):
            assert served.command("lifecycle", "register", name).returncode == 0
    poll(lambda: ensembles_client.predict(FRAME, REFUSES).status_code, lambda status: status == 200)


def unregister(stack: RunningStack, name: str) -> None:
    done = stack.command("lifecycle", "unregister", name)
    assert done.returncode == 0, done.stderr


def assert_comparison_without(client: Client, missing: set[str]) -> None:
    """The others answer; each of those ``missing`` has its own error, with the status of a prediction."""
    body = json_body(client.compare(FRAME))
    failed = {result["model"]: result for result in body["results"] if not result["success"]}
    assert failed.keys() == missing
    for name, result in failed.items():
        alone = client.predict(FRAME, name)
        assert (result["status"], result["error"]) == (alone.status_code, alone.json()["error"])
        assert str(result.get("retry_after", "")) == alone.headers.get("Retry-After", "")
    assert body["agreement"]["of"] == 2


def test_what_is_done_to_archives_is_refused_with_the_members_named(served: RunningStack) -> None:
    for command in (
        ("lifecycle", "unregister"),
        ("lifecycle", "register"),
        ("lifecycle", "wait"),
        ("archives", "--model"),
    ):
        done = served.command(*command, REFUSES)
        assert done.returncode != 0
        assert "is an ensemble, which has no archive of its own" in " ".join((done.stdout + done.stderr).split())
    status = served.command("stack", "status")
    assert "ready, the mean of" in " ".join(status.stdout.split()), status.stdout


def test_a_member_whose_worker_dies_is_asked_again(served: RunningStack, ensembles_client: Client) -> None:
    operator = Operator(served)
    archive = RESNET.replace("+", "plus")
    with operator.frozen(archive) as pid:
        import os
        import signal
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(lambda: ensembles_client.predict(FRAME, REFUSES))
            poll(lambda: settled_in_flight(served), lambda count: count >= 2)
            os.kill(pid, signal.SIGKILL)
            answer = json_body(asked.result())
    assert answer["members"].keys() == {CK, RESNET}


def settled_in_flight(stack: RunningStack) -> float:
    from tests.monitoring.scrape import Scrape

    return Scrape(stack.url).in_flight()
