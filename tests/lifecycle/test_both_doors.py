"""Changes that are refused, repeated, waited for and logged, from this machine and from another."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys

import requests

from scripts.files import exclusive
from scripts.settings import ROOT
from tests.lifecycle.remote import Remote
from tests.support.asking import predict
from tests.support.commands import run_command
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.polling import poll
from tests.support.sites import Site, repack

REFUSED, UNKNOWN = 1, 6
NEXT = f"{ARCHIVE}-1.1.mar"
OTHER_FILE = "MobileNetV2_FER2013.mar"
ALREADY = {
    "status": 'Model "MobileNetV2_FER2013" Version: 1.0 is registered already, from this archive, with 1 worker(s); '
    "nothing was changed"
}


def urls(remote: Remote, path: str) -> set[str]:
    """Where the models come from, as the API says."""
    answer = remote("GET", path).json()
    return {model["modelUrl"] for model in (answer if isinstance(answer, list) else answer["models"])}


def test_a_version_without_a_ready_worker_is_not_made_the_default(remote: Remote) -> None:
    assert remote("POST", "/models", url=NEXT, initial_workers=0, synchronous="true").status_code == 200
    refused = remote("PUT", f"/models/{SERVED}/1.1/set-default")
    path = f"/models/{ARCHIVE}/1.1"
    told = (
        f"Version 1.1 of {ARCHIVE} has no READY worker, so requests would fail: start one with PUT "
        f"{path}?min_worker=1&max_worker=1; repeat GET {path} until a worker's status is READY, then set it as default."
    )
    assert (refused.status_code, refused.json()["error"]) == (409, told)
    assert predict(remote.stack.url, SERVED).body["version"] == "1.0"
    assert remote("PUT", f"/models/{SERVED}/1.1", min_worker=1, max_worker=1).status_code == 202
    remote.poll(lambda: remote("PUT", f"/models/{SERVED}/1.1/set-default").status_code, lambda status: status == 200)
    assert predict(remote.stack.url, SERVED).body["version"] == "1.1"
    assert remote("PUT", f"/models/{SERVED}/1.0/set-default").status_code == 200
    assert remote("DELETE", f"/models/{SERVED}/1.1").status_code == 200
    assert remote("PUT", f"/models/{SERVED}/1.1/set-default").status_code == 404


def test_what_is_registered_already_is_not_registered_again(remote: Remote) -> None:
    def again() -> None:
        repeated = remote("POST", "/models", url=OTHER_FILE, initial_workers=4)
        assert (repeated.status_code, repeated.json()) == (200, ALREADY)
        here = remote.stack.command("lifecycle", "register", OTHER, "--workers", "4")
        said = f"{OTHER} 1.0 is registered with 1 worker(s) already, and nothing was changed.\n"
        assert (here.returncode, here.stdout) == (0, said), here.stderr
        for path in ("/models", f"/models/{OTHER}", f"/models/{OTHER}/all"):
            assert urls(remote, path) <= {OTHER_FILE, f"{ARCHIVE}.mar"}, path

    again()  # as the start registered it
    assert remote("DELETE", f"/models/{OTHER}").status_code == 200
    assert remote("POST", "/models", url=OTHER_FILE, initial_workers=1).status_code == 202
    poll(lambda: predict(remote.stack.url, OTHER).status, lambda status: status == 200)
    again()  # as the supervisor registered it
    for change in ("unregister", "register"):
        assert remote.stack.command("lifecycle", change, OTHER).returncode == 0
    again()


def test_other_content_under_the_same_version_is_refused(remote: Remote, site: Site) -> None:
    first = repack(site.store / f"{ARCHIVE}.mar", site.store / "Guest.mar", "1.0", name="Guest")
    assert remote.stack.command("lifecycle", "register", "Guest.mar", "--workers", "0").returncode == 0
    repack(site.store / f"{ARCHIVE}.mar", first, "1.0", {"emotion_handler.py": "# other\n"}, name="Guest")
    refused = remote.stack.command("lifecycle", "register", "Guest.mar")
    assert refused.returncode == REFUSED
    assert "Guest is registered already, version 1.0, but not from what is in Guest.mar now; build" in refused.stderr
    repack(site.store / f"{ARCHIVE}.mar", first, "2.0", name="Guest")
    refused = remote.stack.command("lifecycle", "register", "Guest.mar")
    assert refused.returncode == REFUSED
    assert "Guest is registered already, version 1.0; `scripts/models upgrade Guest Guest.mar`" in refused.stderr
    assert remote.stack.command("lifecycle", "unregister", "Guest").returncode == 0


def test_a_second_operator_can_wait(remote: Remote) -> None:
    settings = remote.stack.settings
    scale = [sys.executable, "-m", "scripts.lifecycle", "scale", OTHER, "1", "--wait"]
    busy = f"process {os.getpid()} is writing into remote/ already"
    with exclusive(settings.run_dir):
        late = remote.stack.command("lifecycle", "scale", OTHER, "1", "--wait", "0.2")
        assert late.returncode == REFUSED
        assert late.stderr == f"{busy}; waiting for its end …\n{busy}, still after 0.2 s; wait for its end or stop it\n"
        second = subprocess.Popen(
            [*scale, "600"], cwd=ROOT, env=remote.stack.environment, stdout=-1, stderr=subprocess.PIPE, text=True
        )
        assert second.stderr
        assert second.stderr.readline() == f"{busy}; waiting for its end …\n"
    assert second.communicate(timeout=120)[0] == f"{OTHER} 1.0 has 1 worker(s).\n"


def test_changes_from_this_machine_are_logged_beside_the_others(remote: Remote) -> None:
    stack, user = remote.stack, pwd.getpwuid(os.getuid()).pw_name
    remote("PUT", f"/models/{OTHER}", min_worker=1, max_worker=1)
    assert remote.logs(method="PUT", key="ops")
    run_command({**stack.environment, "SUDO_USER": "alice"}, "lifecycle", "scale", OTHER, "1")
    assert stack.command("lifecycle", "scale", "Nobody", "1", "--version", "2").returncode == UNKNOWN
    assert stack.command("lifecycle", "key", "add", "bob").returncode == 0
    key = stack.command("lifecycle", "key", "add", "bob")
    assert key.returncode == REFUSED
    told = [
        (line["client"], line["who"], line["method"], line["request"], line["status"], line["result"])
        for line in remote.log()[-4:]
    ]
    absent = "Nobody is not registered; `scripts/models list` shows what is, `register Nobody` adds it"
    taken = "'bob': there is a key of this name; remove it first, or choose another name"
    scaled = f"{OTHER} 1.0 with 1 worker(s)"
    assert told == [
        ("local", f"alice as {user}", "scale", f"name={OTHER}&workers=1&seconds=120.0", 200, scaled),
        ("local", user, "scale", "name=Nobody&workers=1&version=2&seconds=120.0", 404, absent),
        ("local", user, "key add", "name=bob", 200, "done"),
        ("local", user, "key add", "name=bob", 409, taken),
    ]


def test_other_content_of_a_catalogues_model_is_refused_from_afar(remote: Remote, site: Site) -> None:
    site.change_file(OTHER, "emotion_handler.py", lambda source: source + b"# other\n")
    assert remote("POST", "/models", url=OTHER_FILE, synchronous="true").status_code == 409
    here = remote.stack.command("lifecycle", "register", OTHER)
    assert here.returncode == REFUSED
    assert f"{OTHER} is registered already, version 1.0, but not from what is in {OTHER_FILE} now" in here.stderr
    assert requests.get(f"{remote.stack.url}/api/v1/models/{OTHER}/ready", timeout=10).status_code == 200
