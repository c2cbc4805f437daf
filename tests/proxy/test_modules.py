"""Modules of proxy/njs by themselves: what they return, compared with Python on thousands of seeded cases."""

from __future__ import annotations

import email
import itertools
import json
import random
import re
import time
from email.message import Message
from typing import Any

import pytest

from tests.proxy.modules import Call, Modules

BOUNDARIES = ("x", "ab", "-", "--ab", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "a b'()+_,./:=?c", "-" * 69 + "1")
NAMES = ("file", "model", "a", "two words", "größe", "x;y", "name=1", "__proto__", "constructor", "f" * 100)


def test_search_finds_what_python_finds(modules: Modules) -> None:
    """Few different bytes, so that most places look right at first; sizes beyond the first windows."""
    noise = random.Random(3)
    given = []
    for _ in range(3000):
        letters = noise.choice([b"a", b"ab", b"\r\n-", bytes(range(256))])
        body = bytes(noise.choices(letters, k=noise.choice([0, 1, 7, 60, 600, 3000])))
        needle = bytes(noise.choices(letters, k=noise.choice([1, 2, 6, 7, 8, 9, 30])))
        for _ in range(noise.randrange(3)):
            place = noise.randrange(len(body) + 1)
            body = body[:place] + noise.choice([needle, needle[:-1], needle[:4]]) + body[place:]
        given.append((body, needle, noise.randrange(len(body) + 1)))
    for row in (
        b"\r\n----",
        b"\r\n--" + b"-" * 24,
        b"\r\n--",
        b"abcdefg",
    ):  # beyond the windows in which words are chosen
        for _ in range(4):
            needle, body = row + noise.randbytes(12), noise.randbytes(200_000)
            place = noise.randrange(140_000, len(body))
            given.append((body[:place] + needle[:-1] + body[place:] + needle, needle, noise.randrange(100)))
    results = modules.call([Call("predict/search.js", "find", case) for case in given])
    expected = [body.find(needle, start) for body, needle, start in given]
    assert [result.returned for result in results] == expected
    assert sum(position >= 0 for position in expected) > 1000


def random_data(noise: random.Random, boundary: str) -> bytes:
    """Data of a part: noise, and what is almost a boundary. Python takes a bare line feed for the end of a line."""
    pieces = [
        noise.randbytes(noise.choice([1, 5, 500])).replace(b"\n", b"."),
        b"\r\n",
        b"\r\n--",
        b"-" * 50,
        f".--{boundary}\r\n".encode(),
        f"\r\n--{boundary}x".encode(),
        f"\r\n--{boundary[:-1]}".encode(),
    ]
    data = b"".join(noise.choices(pieces, k=noise.randrange(6))) + b"."
    # A client chooses its boundary so that no line of the data begins like a whole delimiter.
    lines = [f"\r\n--{boundary}{end}".encode() for end in ("\r\n", "--")]
    return b"." if any(line in b"\r\n" + data for line in lines) else data


def random_form(noise: random.Random) -> tuple[str, bytes, dict[str, bytes]]:
    """The Content-Type, the body and the fields of a form that any client may send."""
    boundary = noise.choice(BOUNDARIES)
    fields = {name: random_data(noise, boundary) for name in noise.sample(NAMES, noise.randrange(1, 6))}
    parts = []
    for name, data in fields.items():
        more = noise.choice(["", '; filename="a.jpg"', "; filename=a", "\r\nContent-Type: image/jpeg"])
        case = noise.choice(["Content-Disposition", "content-disposition", "CONTENT-DISPOSITION"])
        blanks = noise.choice(["", " ", "\t "])
        head = f'{case}:{blanks}form-data; name="{name}"{more}\r\n\r\n'
        parts.append(head.encode() + data)
    delimiter = f"--{boundary}{noise.choice(['', ' ', chr(9)])}\r\n".encode()
    preamble, epilogue = noise.choice([b"", b"preamble\r\n"]), noise.choice([b"", b"\r\n", b"\r\nepilogue"])
    body = b"".join(delimiter + part + b"\r\n" for part in parts) + f"--{boundary}--".encode()
    return f'multipart/form-data; boundary="{boundary}"', preamble + body + epilogue, fields


def read_by_python(content_type: str, body: bytes) -> dict[str, bytes]:
    """The fields by the letters of ASCII in their names, since Python reads no others there."""
    message = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    fields = {}
    for part in message.get_payload():
        assert isinstance(part, Message)
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        fields[in_ascii(str(part.get_param("name", header="content-disposition")))] = data
    return fields


def in_ascii(name: str) -> str:
    return name.encode("ascii", "ignore").decode()


def test_forms_are_read_as_python_reads_them(modules: Modules) -> None:
    noise = random.Random(4)
    forms = [random_form(noise) for _ in range(2000)]
    results = modules.call([Call("predict/form.js", "parse", form[:2]) for form in forms])
    for (content_type, body, fields), result in zip(forms, results, strict=True):
        assert result.returned == {"fields": fields}, body
        assert read_by_python(content_type, body) == {in_ascii(name): data for name, data in fields.items()}, body


def test_a_form_that_was_cut_or_changed_is_refused_or_has_fields_of_its_bytes(modules: Modules) -> None:
    noise = random.Random(5)
    given = []
    for _ in range(2000):
        content_type, body, _ = random_form(noise)
        place, size = noise.randrange(len(body)), noise.randrange(1, 20)
        replaced = noise.choice([b"", noise.randbytes(size), b'"', b"\r\n", b"\r\n\r\n", b"--"])
        given.append((content_type, noise.choice([body[:place], body[:place] + replaced + body[place + size :]])))
    refused = 0
    for (_, body), result in zip(
        given, modules.call([Call("predict/form.js", "parse", g) for g in given]), strict=True
    ):
        if "failure" in result.returned:
            refused += 1
            assert result.returned.keys() == {"failure"}
            assert result.returned["failure"]["status"] == 400
            assert result.returned["failure"]["message"].startswith("The form cannot be read: ")
        else:
            assert all(value in body for value in result.returned["fields"].values())
    assert 500 < refused < 1900


# By the status of TorchServe's reply: the status for the client, Retry-After, the reason that is counted, and whether
# the image is sent again.
MEANINGS: dict[int, tuple[int, int | None, str | None, bool]] = {
    400: (503, 1, "torchserve_down", True),
    404: (500, None, None, False),
    408: (503, 1, "abandoned", True),
    410: (503, 1, "abandoned", False),
    425: (503, 1, "expected_wait", True),
    413: (413, None, None, False),
    502: (503, 2, "torchserve_down", True),
    503: (503, 1, "queue_full", False),
    504: (504, None, None, False),
    507: (503, 2, None, True),
}
FAULT = (500, None, None, False)
DIED = MEANINGS[507]


def test_every_reply_of_torchserve_has_its_meaning(modules: Modules) -> None:
    own = ['{"success": true}', ' {\n "success" : false}', '{"success": false, "error": "Worker died"}']
    others = ["", "{", '{"code": 503, "message": "Worker died."}', '{"code": 503, "message": "Prediction failed"}']
    given = list(
        itertools.product([200, 400, 404, 408, 410, 413, 415, 425, 500, 502, 503, 504, 507, 599], own + others)
    )
    calls = [Call("predict/replies.js", "interpret", ("M", {"status": s, "responseText": text})) for s, text in given]
    for (status, body), result in zip(given, modules.call(calls), strict=True):
        if body in own and status not in (408, 410, 425, 502, 504):
            assert result.returned == {"status": status, "body": body}
            continue
        died = ("Worker died" in body and status not in (408, 410, 425)) or (status, body) == (500, "")
        expected = DIED if died else MEANINGS.get(status, FAULT)
        expected = FAULT if "Prediction failed" in body and status == 503 else expected
        failure = result.returned["failure"]
        assert tuple(failure.get(key) for key in ("status", "retryAfter", "reason")) == expected[:3], (status, body)
        assert failure.get("repeat", False) is expected[3], (status, body)
        assert re.search(r"\bM\b", failure["message"]) or status == 413


def state_after(before: dict[str, Any], description: dict[str, Any] | None) -> dict[str, Any]:
    """What docs/metrics.md and the comments of models/lifecycle.js say of a model's state; all but its time."""
    workers = (description or {}).get("workers", [])
    if any(worker["status"] == "READY" for worker in workers):
        return {"state": "ready", "pids": [], "served": True, "gpu": any(worker["gpu"] for worker in workers)}
    if not workers:
        return {"state": "absent" if description is None else "idle", "pids": [], "served": False, "gpu": False}
    pids = before["pids"] + [w["pid"] for w in workers if w["pid"] > 0 and w["pid"] not in before["pids"]]
    tried = len(pids) - (len(workers) - 1)
    failing = tried >= (6 if before["served"] else 3) or (goes_on(before) and before["since"] < 0)
    unready = "failing" if failing else "restarting" if before["served"] else "starting"
    return {"state": unready, "pids": pids, "served": before["served"], "gpu": before["gpu"]}


def goes_on(before: dict[str, Any]) -> bool:
    """Whether it had no READY worker before either, and TorchServe has answered lately."""
    return bool(before["pids"]) and before["asked"] > 0


def test_the_state_of_a_model_follows_from_its_workers(modules: Modules) -> None:
    noise = random.Random(6)
    given: list[tuple[dict[str, Any], dict[str, Any] | None]] = []
    for _ in range(2000):
        pids = noise.sample(range(1, 9), noise.randrange(7))
        since, asked = noise.choices([-(2**52), 2**52], k=2)  # long ago, or not yet
        before = {"pids": pids, "served": noise.random() < 0.5, "gpu": noise.random() < 0.5}
        before |= {"since": since, "asked": asked}
        workers = [
            # Process ids differ; 0 and -1 are those of workers without a process.
            {"status": noise.choice(["READY", *["UNLOADING"] * 4]), "pid": pid, "gpu": noise.random() < 0.3}
            for pid in noise.sample([*range(1, 20), 0, -1], noise.randrange(4))
        ]
        given.append((before, noise.choice([{"workers": workers}] * 8 + [{}, None])))
    calls = [Call("models/lifecycle.js", "after", case) for case in given]
    for (before, description), result in zip(given, modules.call(calls), strict=True):
        since = result.returned.pop("since")
        expected = state_after(before, description)
        assert result.returned == {"asked": before["asked"], **expected}, (before, description)
        assert since == before["since"] if expected["pids"] and goes_on(before) else 0 < since < 2**52


BUSY = (500, '{"code": 500, "type": "InternalServerException", "message": "java.util.ConcurrentModificationException"}')
DONE = (202, '{"status": "Processing worker updates..."}')


@pytest.mark.parametrize(
    ("method", "fetched", "status", "left"),
    [
        ("PUT", [BUSY, BUSY, DONE], 202, 0),
        ("PUT", [BUSY] * 6, 500, 1),
        ("PUT", [(500, "{}"), DONE], 500, 1),
        ("POST", [BUSY, DONE], 500, 1),
    ],
    ids=["twice", "again and again", "another error", "another method"],
)
def test_a_change_that_met_another_one_is_asked_for_five_times_at_most(
    modules: Modules, method: str, fetched: list[tuple[int, str]], status: int, left: int
) -> None:
    (result,) = modules.call([Call("models/torchserve.js", "call", (method, "/models/M?min_worker=1"), fetched)])
    assert (result.returned["status"], result.left) == (status, left)


def test_a_model_that_has_got_workers_meanwhile_is_asked_for_no_other(modules: Modules) -> None:
    """One that is asked for would be the only one."""
    before = {"archive": "M", "built": True, "error": "", "state": "idle", "pids": [], "since": 0, "served": False}
    ready = {"id": "1", "status": "READY", "pid": 1, "gpu": False}
    described = {"modelName": "M", "modelVersion": "1", "modelUrl": "M.mar", "workers": [ready, ready, ready]}
    answers = [(200, json.dumps([described]))] * 2
    known = [Call("models/state.js", "setModel", ("M", before)), Call("models/state.js", "setAnswered", (True,))]
    result = modules.call([*known, Call("models/loading.js", "load", ("M",), answers)], load_timeout=10, index="")[2]
    assert (result.returned, result.left) == (None, 1)


def test_a_round_of_nginx_that_lasts_is_told_from_one_that_has_just_begun(modules: Modules) -> None:
    now = time.time()
    begun = {now - 60: True, now + 60: False}
    results = modules.call([Call("http/rounds.js", "isLong", (f"{seconds:.3f}",)) for seconds in begun])
    assert [result.returned for result in results] == list(begun.values())
