"""The same changes with plain HTTP calls to TorchServe's management API, as docs/models.md gives them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.settings import ROOT
from scripts.torchserve.process import TorchServeError
from scripts.torchserve.waiting import wait_for_answer
from tests.support.asking import IMAGE, asking, predict, wait_for_answers
from tests.support.commands import program_is_missing
from tests.support.models import ARCHIVE, SERVED
from tests.support.polling import poll
from tests.support.stacks import RunningStack

NEXT = f"{ARCHIVE}-1.1.mar"
PAGE = ROOT / "docs" / "models.md"


class Api:
    """TorchServe's management API with its token."""

    def __init__(self, stack: RunningStack) -> None:
        self.url = stack.settings.management_url
        self.inference_url = f"http://127.0.0.1:{stack.settings.inference_port}"
        self.keys = stack.keys()

    def __call__(self, method: str, path: str, **parameters: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.keys['management']}"}
        return requests.request(method, self.url + path, params=parameters, headers=headers, timeout=30)

    def ready(self, version: str) -> int:
        """READY workers of a version."""
        described = self("GET", f"/models/{ARCHIVE}/{version}").json()[0]
        return sum(worker["status"] == "READY" for worker in described["workers"])

    def probe(self, version: str) -> requests.Response:
        return requests.post(
            f"{self.inference_url}/predictions/{ARCHIVE}/{version}",
            data=IMAGE,
            headers={"Authorization": f"Bearer {self.keys['inference']}"},
            timeout=30,
        )


@pytest.fixture(scope="module")
def api(stack: RunningStack) -> Api:
    return Api(stack)


def test_an_upgrade_by_plain_calls_fails_no_request(stack: RunningStack, api: Api) -> None:
    with asking(stack.url, SERVED, 4) as answers:
        wait_for_answers(answers, 2)
        registered = api("POST", "/models", url=NEXT, model_name=ARCHIVE, initial_workers=1, synchronous="false")
        assert registered.status_code == 202, registered.text
        poll(lambda: api.ready("1.1"), lambda count: count == 1)
        probed = api.probe("1.1")
        assert (probed.status_code, probed.json()["version"]) == (200, "1.1")
        assert api("PUT", f"/models/{ARCHIVE}/1.1/set-default").status_code == 200
        wait_for_answers(answers, 2)
        queue = api("GET", f"/models/{ARCHIVE}/1.0").json()[0]["jobQueueStatus"]
        assert queue == {"remainingCapacity": 128, "pendingRequests": 0}
        api.probe("1.0")
        assert api("PUT", f"/models/{ARCHIVE}/1.0", min_worker=0, max_worker=0).status_code == 202
        wait_for_answers(answers, 2)
    assert {answer.status for own in answers for answer in own} == {200}
    assert {own[-1].body["version"] for own in answers} == {"1.1"}
    assert "1.1" in stack.command("lifecycle", "list").stdout


def test_the_documented_probe_gets_an_answer(api: Api) -> None:
    if shutil.which("curl") is None:
        program_is_missing("curl is not installed")
    (line,) = re.findall(r"^curl (?:.|\\\n)*?8080\S*", PAGE.read_text(), re.MULTILINE)
    here = line.replace("localhost:8080", api.inference_url).replace("VGG19_CKplus48/1.1", ARCHIVE)
    environment = {**os.environ, "KEY": api.keys["inference"]}
    asked = subprocess.run(["bash", "-c", here], cwd=ROOT, env=environment, capture_output=True, check=True, timeout=60)
    answer = json.loads(asked.stdout)
    assert answer["success"]


def test_a_rollback_by_plain_calls(stack: RunningStack, api: Api) -> None:
    assert api("PUT", f"/models/{ARCHIVE}/1.0", min_worker=1, max_worker=1).status_code == 202
    poll(lambda: api.ready("1.0"), lambda count: count == 1)
    assert api("PUT", f"/models/{ARCHIVE}/1.0/set-default").status_code == 200
    assert predict(stack.url, SERVED).body["version"] == "1.0"
    assert api("DELETE", f"/models/{ARCHIVE}/1.1").status_code == 200
    assert [state["modelVersion"] for state in api("GET", f"/models/{ARCHIVE}/all").json()] == ["1.0"]


@pytest.mark.parametrize(
    "url", ["https://example.org/x.mar", "file:///etc/passwd", "../x.mar", "http://127.0.0.1/x.mar"]
)
def test_no_url_is_ever_downloaded(api: Api, url: str) -> None:
    refused = api("POST", "/models", url=url)
    assert refused.status_code in (400, 404), refused.text
    assert [model["modelName"] for model in api("GET", "/models").json()["models"]] == [ARCHIVE, "MobileNetV2_FER2013"]


def test_without_its_token_nothing_is_shown(api: Api) -> None:
    assert requests.get(f"{api.url}/models", timeout=10).status_code == 400


def test_it_is_off_unless_it_is_wanted(stack: RunningStack) -> None:
    assert "listen" not in (stack.settings.run_dir / "nginx" / "nginx.conf").read_text().partition("MANAGEMENT")[2]
    assert not (stack.settings.log_dir / "management.log").exists()
    assert requests.get(f"{stack.url}/models", timeout=10).status_code == 404


@pytest.mark.parametrize(
    ("key_file", "reason"),
    [(None, "no management key in it yet"), ('{"management": {"key": "wrong"}}', "Token Authorization failed")],
    ids=["no key file", "wrong key"],
)
def test_a_start_without_access_to_torchserve_ends_within_seconds(
    stack: RunningStack, tmp_path: Path, key_file: str | None, reason: str
) -> None:
    settings = dataclasses.replace(stack.settings, run_dir=tmp_path)
    settings.torchserve_dir.mkdir()
    if key_file:
        settings.key_file.write_text(key_file)
    start = time.monotonic()
    message = f"^TorchServe listens on port {settings.management_port} but gives no access: .*{reason}.*; remove a "
    with pytest.raises(TorchServeError, match=message):
        wait_for_answer(settings, lambda: True)
    assert time.monotonic() - start < 30
