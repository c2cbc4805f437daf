"""Nodes with different models behind several balancers: each is asked for what it has, and all tell the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
import requests

from scripts.access.key_file import KeyFile
from scripts.settings import ROOT
from tests.monitoring.scrape import Scrape, settled
from tests.nodes.balancers import address, in_flight, places, running_balancer
from tests.support import forms, images
from tests.support.assertions import assert_cors, assert_error, json_body
from tests.support.client import Client
from tests.support.leaving import leave, prediction, proxy_processes
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.operator_view import Operator
from tests.support.polling import poll
from tests.support.proxies import proxy_of
from tests.support.sites import some_of_the_nine
from tests.support.stacks import DEGRADED, RunningStack, StartStack
from tests.support.wire import connection

FRAME = images.frame(7)
BALANCERS = 2
WAITING = 12
ELSEWHERE = "127.0.0.2"  # an address of this machine too
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def pools(
    start_stack: StartStack, results: Path, archives: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, RunningStack]]:
    """A node for each of two models, which knows of the other and has no archive of it."""
    names = (SERVED, OTHER)
    with ExitStack() as exits:
        sites = {
            model: some_of_the_nine(tmp_path_factory.mktemp("site"), results, archives, [model]) for model in names
        }
        entries = json.loads((ROOT / "models.json").read_text())
        for site in sites.values():
            site.catalogue_file.write_text(json.dumps({name: entries[name] for name in names}))
        yield {
            model: exits.enter_context(start_stack(**site.places, LOAD_MODELS=model)) for model, site in sites.items()
        }


@pytest.fixture(scope="module")
def balancers(pools: dict[str, RunningStack], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RunningStack]]:
    names = [address(node) for node in pools.values()]
    with ExitStack() as exits:
        running = [
            exits.enter_context(running_balancer(tmp_path_factory.mktemp("balancer") / "run", names))
            for _ in range(BALANCERS)
        ]
        for balancer in running:
            poll(lambda: [places(balancer, model) for model in pools], lambda found: found == [1, 1])  # noqa: B023
        yield running


@pytest.fixture(scope="module")
def client(balancers: list[RunningStack]) -> Client:
    return Client(balancers[0].url)


def asked(balancer: RunningStack) -> dict[str, float]:
    """How many requests each node was asked."""
    scrape = Scrape(balancer.url)
    return {
        node: scrape.total("emotion_node_requests_total", node=node) for node in balancer.environment["NODES"].split()
    }


@pytest.mark.parametrize("model", [SERVED, OTHER])
def test_only_the_node_that_has_a_model_is_asked_for_it(
    balancers: list[RunningStack], client: Client, pools: dict[str, RunningStack], model: str
) -> None:
    before = asked(balancers[0])
    answers = [client.predict(FRAME, model) for _ in range(4)]
    own = Client(pools[model].url).predict(FRAME, model)
    assert [answer.json() for answer in answers] == [own.json()] * 4
    assert_cors(answers[0])
    grown = {node: count - before[node] for node, count in asked(balancers[0]).items()}
    assert grown == {address(node): 4 * (name == model) for name, node in pools.items()}


def test_all_balancers_tell_of_all_models_what_their_nodes_do(
    balancers: list[RunningStack], pools: dict[str, RunningStack]
) -> None:
    told = [Client(balancer.url).get("/api/v1/models").json() for balancer in balancers]
    own = {model: Client(node.url).get("/api/v1/models").json()["models"][model] for model, node in pools.items()}
    assert told == [{"models": own, "loaded_models": [SERVED, OTHER]}] * BALANCERS
    health = {"status": "healthy", "device": "cpu", "loaded_models": 2, "available_models": 2}
    for balancer in balancers:
        client = Client(balancer.url)
        assert client.get("/api/v1/health").json() == health
        assert client.get("/api/v1/health/ready").status_code == 200
        assert client.get(f"/api/v1/models/{OTHER}/ready").status_code == 200
        assert client.predict(FRAME, OTHER).json() == Client(pools[OTHER].url).predict(FRAME, OTHER).json()


def test_a_comparison_is_one_answer_although_no_node_has_all_models(
    client: Client, pools: dict[str, RunningStack]
) -> None:
    answer = client.compare(FRAME)
    body = json_body(answer)
    own = [Client(node.url).predict(FRAME, model).json() for model, node in pools.items()]
    assert body["results"] == own
    assert body["agreement"]["of"] == 2
    for names, expected in [
        ((SERVED, OTHER), own),
        ((OTHER, SERVED), own[::-1]),
    ] * 4:  # the nodes are asked in any order
        assert client.compare(FRAME, *names).json()["results"] == expected
    assert_error(client.compare(b"GIF89 but not really"), 415)


def test_what_a_node_answers_is_passed_on(client: Client, pools: dict[str, RunningStack]) -> None:
    node = Client(pools[SERVED].url)
    infer = f"/v2/models/{SERVED}/infer"
    tensor = {"name": "pixels", "datatype": "UINT8", "shape": [1, 224, 224, 3], "data": [7] * 224 * 224 * 3}
    binary = {"binary_data_output": True}
    asks: list[Callable[[Client], requests.Response]] = [
        lambda to: to.predict(b"not an image at all", SERVED),
        lambda to: to.predict(images.frame(3), SERVED, headers={"X-Request-ID": "mine"}),
        lambda to: to.faces(FRAME, SERVED, max_faces="99"),
        lambda to: to.faces(FRAME, SERVED),
        lambda to: to.get(f"/v2/models/{SERVED}"),
        lambda to: to.get(f"/v2/models/{SERVED}/versions/9/ready"),
        lambda to: to.request("HEAD", f"/v2/models/{SERVED}/ready"),
        lambda to: to.request("POST", infer, data=b"{}"),
        lambda to: to.request("POST", infer, data=json.dumps({"inputs": [tensor]}).encode()),
        lambda to: to.request("POST", infer, data=json.dumps({"inputs": [tensor], "parameters": binary}).encode()),
    ]
    for ask in asks:
        expected, answer = ask(node), ask(client)
        assert (answer.status_code, answer.content) == (expected.status_code, expected.content)
        for header in (
            "Content-Type",
            "Inference-Header-Content-Length",
            "Retry-After",
            "Cache-Control",
            "X-Content-Type-Options",
        ):
            assert answer.headers.get(header) == expected.headers.get(header)
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_a_node_learns_of_the_client_its_key_and_its_trace(
    pools: dict[str, RunningStack], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    keys = KeyFile(tmp_path / "api_keys.json")
    (tmp_path / "key").write_text(keys.add("balancer"))
    own = {"X-API-Key": keys.add("app"), "traceparent": f"00-{TRACE}-{TRACE[:16]}-01"}
    wanted = {"ALLOW_ANONYMOUS": "0", "API_KEYS_FILE": str(keys.path), "TRUSTED_PROXIES": "127.0.0.1"}
    with proxy_of(pools[SERVED], tmp_path_factory.mktemp("guarded") / "run", **wanted) as node:
        name = f"127.0.0.1:{node.settings.port}"
        with running_balancer(tmp_path / "run", [name], NODES_KEY_FILE=str(tmp_path / "key")) as balancer:
            refused = Client(balancer.url).predict(FRAME, SERVED)
            assert_error(refused, 401)
            assert refused.headers["WWW-Authenticate"] == "Bearer"
            asking = HTTPConnection("127.0.0.1", balancer.settings.port, source_address=(ELSEWHERE, 0))
            with closing(asking):
                kind = {"Content-Type": f"multipart/form-data; boundary={forms.BOUNDARY}"}
                body = forms.encode(forms.image(FRAME), forms.field("model", SERVED))
                asking.request("POST", "/api/v1/predict", body, own | kind)
                assert asking.getresponse().status == 200
        lines = [json.loads(line) for line in node.log("proxy-access.log").splitlines()]
    line = next(line for line in lines if line["status"] == 200 and line["path"] == "/api/v1/predict")
    assert (line["client"], line["key"], line["trace_id"]) == (ELSEWHERE, "app", TRACE)


def test_what_no_node_need_be_asked_for_is_refused_at_once(balancers: list[RunningStack], client: Client) -> None:
    before = asked(balancers[0])
    assert f"{SERVED}, {OTHER}" in assert_error(client.predict(FRAME, "ResNet50_RAF-DB"), 400)
    assert_error(client.post_form(forms.field("model", SERVED)), 400)
    assert_error(client.post_form(forms.image(bytes(11 << 20)), forms.field("model", SERVED)), 413)
    assert client.get("/v2/models/nobody").status_code == 404
    assert_error(client.request("DELETE", "/api/v1/predict"), 405)
    assert asked(balancers[0]) == before


def test_a_model_whose_node_is_away_is_told_of_and_its_clients_to_come_again(
    balancers: list[RunningStack], client: Client, pools: dict[str, RunningStack]
) -> None:
    assert pools[OTHER].command("stack", "stop").returncode == 0
    try:
        poll(lambda: places(balancers[0], OTHER), lambda found: found == 0)
        answer = client.predict(FRAME, OTHER)
        assert "no node that has it can be reached" in assert_error(answer, 503)
        assert answer.headers["Retry-After"] == "2"
        assert client.predict(FRAME, SERVED).status_code == 200
        assert client.get("/api/v1/health").json()["status"] == "degraded"
        assert client.get(f"/api/v1/models/{OTHER}/ready").status_code == 503
        results = client.compare(FRAME).json()["results"]
        assert [result["success"] for result in results] == [True, False]
    finally:
        assert pools[OTHER].command("stack", "start").returncode == DEGRADED
    poll(lambda: places(balancers[0], OTHER), lambda found: found == 1)


def test_every_metric_of_a_balancer_is_documented(balancers: list[RunningStack], client: Client) -> None:
    client.predict(FRAME, SERVED)
    scrape = Scrape(balancers[0].url)
    documented = set(re.findall(r"^\| `(emotion_\w+)`", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
    shown = set(re.findall(r"^# TYPE (\S+)", scrape.text, re.MULTILINE))
    assert shown <= documented
    assert {name for name in documented if name.startswith(("emotion_node_", "emotion_model_nodes"))} <= shown
    assert scrape.labels("node") == set(balancers[0].environment["NODES"].split())


@pytest.mark.parametrize("resets", [True, False], ids=["reset", "closed"])
def test_clients_that_leave_are_counted_out(balancers: list[RunningStack], resets: bool) -> None:
    before = proxy_processes(balancers[0])
    leave(balancers[0].url, SERVED, FRAME, 60, resets=resets)
    assert settled(balancers[0].url).in_flight() == 0
    poll(lambda: in_flight(balancers[0]), lambda count: count == 0)
    assert proxy_processes(balancers[0]) == before


def test_what_a_process_of_nginx_had_under_way_is_forgotten_when_it_ends(
    balancers: list[RunningStack], client: Client, pools: dict[str, RunningStack]
) -> None:
    """Both processes end with requests in hand, since their node's worker stands still."""
    balancer = balancers[0]
    with Operator(pools[SERVED]).frozen(ARCHIVE), ExitStack() as exits:
        for _ in range(WAITING):
            exits.enter_context(connection(balancer.url)).sendall(prediction(SERVED, FRAME))
        poll(lambda: in_flight(balancer), lambda count: count == WAITING)
        for process in proxy_processes(balancer):
            process.kill()
        poll(lambda: in_flight(balancer), lambda count: count == 0)
    assert client.predict(FRAME, SERVED).status_code == 200


def test_a_body_that_is_not_taken_reaches_no_node(client: Client) -> None:
    """Of a length without its bytes the node would make a request of the next one on that connection."""
    for _ in range(6):
        assert client.request("GET", f"/v2/models/{SERVED}", data=b"body").status_code == 200
        assert client.get(f"/v2/models/{SERVED}/ready").json()["ready"] is True
