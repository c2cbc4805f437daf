"""TLS: what nginx accepts, answers and refuses on both listeners."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from requests.structures import CaseInsensitiveDict

from scripts.proxy.own import is_alive, own_session, own_url
from tests.support import forms, h2
from tests.support.authority import NAME, Authority, Installed
from tests.support.ports import free_ports
from tests.support.proxies import RunningProxy, running_proxy
from tests.support.wire import Reply, connection, head, read_reply

HSTS = "max-age=63072000"
# Answers of njs, of nginx itself, a page and a file.
ANSWERS = {
    "root": (200, "GET", "/"),
    "live": (200, "GET", "/api/v1/health/live"),
    "page": (200, "GET", "/docs"),
    "file": (200, "GET", "/static/css/page.css"),
    "description": (200, "GET", "/openapi.json"),
    "metrics": (200, "GET", "/metrics"),
    "not-found": (404, "GET", "/nowhere"),
    "no-file": (404, "GET", "/static/none"),
    "not-allowed": (405, "DELETE", "/api/v1/models"),
    "malformed": (400, "POST", "/api/v1/predict"),
}
PROTOCOLS = ("http/1.1", "h2")
HTTPS_ONLY = "This port accepts only HTTPS; write https:// instead of http:// in the address."


@pytest.fixture(scope="module")
def proxy(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """A proxy with TLS on both listeners, for localhost and NAME."""
    folder = tmp_path_factory.mktemp("tls")
    listen = {"MANAGEMENT_LISTEN": f"127.0.0.1:{free_ports(1)[0]}", "SERVER_NAMES": f"localhost {NAME}"}
    with running_proxy(folder / "run", {**Installed(folder, authority.issue("own")).settings, **listen}) as running:
        yield running


@pytest.fixture(scope="module")
def url(proxy: RunningProxy) -> str:
    return f"https://localhost:{proxy.settings.port}"


def ask(authority: Authority, url: str, protocol: str, method: str, path: str, **headers: str) -> Reply:
    """One request by HTTP/1.1 or HTTP/2."""
    if protocol == "h2":
        with h2.connection(url, authority.client("h2")) as http:
            return http.request(method, path, {name.lower(): value for name, value in headers.items()})
    answer = requests.request(method, url + path, headers=headers, verify=str(authority.file), timeout=10)
    assert answer.raw.version == 11
    return Reply(answer.status_code, CaseInsensitiveDict(answer.headers), answer.text)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_tells_browsers_to_stay_with_https(
    authority: Authority, url: str, protocol: str, answer: str
) -> None:
    status, method, path = ANSWERS[answer]
    reply = ask(authority, url, protocol, method, path)
    assert (reply.status_code, reply.headers["Strict-Transport-Security"]) == (status, HSTS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_another_host_is_refused_over_tls_too(authority: Authority, url: str, protocol: str) -> None:
    if protocol == "h2":
        with h2.connection(url, authority.client("h2")) as http:
            reply = http.request("GET", "/", {":authority": "evil.example"})
    else:
        reply = ask(authority, url, protocol, "GET", "/", Host="evil.example")
    assert (reply.status_code, reply.headers["Strict-Transport-Security"]) == (421, HSTS)
    assert "'evil.example' is not served here" in reply.text


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("scheme", "status"), [("https", 400), ("http", 403)])
def test_the_own_page_may_post_and_one_that_pretends_to_be_it_by_http_may_not(
    authority: Authority, url: str, protocol: str, scheme: str, status: int
) -> None:
    origin = f"{scheme}://{urlsplit(url).netloc}"
    assert ask(authority, url, protocol, "POST", "/api/v1/predict", Origin=origin).status_code == status


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_older_tls_is_refused(authority: Authority, url: str, version: str) -> None:
    context = authority.client()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with connection(url) as sock, pytest.raises(ssl.SSLError, match="TLSV1_ALERT_PROTOCOL_VERSION"):
        context.wrap_socket(sock, server_hostname="localhost")


@pytest.mark.parametrize(
    ("ciphers", "taken"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
        ("ECDHE-ECDSA-AES128-SHA", False),
    ],
)
def test_tls_1_2_is_taken_with_ciphers_that_authenticate(
    authority: Authority, url: str, ciphers: str, taken: bool
) -> None:
    context = authority.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    with connection(url) as sock:
        if taken:
            with context.wrap_socket(sock, server_hostname="localhost") as tls:
                assert tls.cipher() == (ciphers, "TLSv1.2", 256 if "CHACHA" in ciphers else 128)
        else:
            with pytest.raises(ssl.SSLError, match="ALERT_HANDSHAKE_FAILURE"):
                context.wrap_socket(sock, server_hostname="localhost")


def test_a_session_is_taken_up_again(authority: Authority, url: str) -> None:
    context = authority.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with connection(url) as sock, context.wrap_socket(sock, server_hostname="localhost") as first:
        session = first.session
    with connection(url) as sock, context.wrap_socket(sock, server_hostname="localhost", session=session) as second:
        assert second.session_reused


def plain(proxy: RunningProxy, port: int, start: str, *headers: str) -> Reply:
    with connection(f"http://127.0.0.1:{port}") as sock:
        sock.sendall(head(start, *headers))
        return read_reply(sock)


@pytest.mark.parametrize("start", ["GET /api/v1/models HTTP/1.1", "POST /api/v1/predict HTTP/1.1", "GET / HTTP/1.0"])
def test_programs_that_forget_tls_are_told_so(proxy: RunningProxy, start: str) -> None:
    reply = plain(proxy, proxy.settings.port, start, "Content-Length: 0")
    assert (reply.status_code, reply.text) == (400, f'{{"success":false,"error":"{HTTPS_ONLY}"}}')
    assert reply.headers["Content-Type"] == "application/json"
    assert "Strict-Transport-Security" not in reply.headers


def test_a_browser_that_forgets_tls_is_sent_there(proxy: RunningProxy) -> None:
    html = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
    reply = plain(proxy, proxy.settings.port, "GET /docs?a=b%20c HTTP/1.1", html)
    assert (reply.status_code, reply.headers["Location"]) == (308, "https://localhost/docs?a=b%20c")
    assert reply.headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in reply.headers
    assert plain(proxy, proxy.settings.port, "POST /docs HTTP/1.1", html, "Content-Length: 0").status_code == 400


def test_another_host_without_tls_is_sent_nowhere(proxy: RunningProxy) -> None:
    with connection(f"http://127.0.0.1:{proxy.settings.port}") as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\nAccept: text/html\r\n\r\n")
        reply = read_reply(sock)
    assert reply.status_code == 421
    assert "Location" not in reply.headers


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_management_listener_has_tls_too(proxy: RunningProxy, authority: Authority, protocol: str) -> None:
    address = proxy.settings.management_listen
    reply = ask(authority, f"https://{address}", protocol, "GET", "/models")
    assert (reply.status_code, reply.headers["Strict-Transport-Security"]) == (401, HSTS)
    reply = plain(proxy, int(address.rpartition(":")[2]), "GET /models HTTP/1.1")
    assert (reply.status_code, reply.text) == (400, f'{{"success":false,"error":"{HTTPS_ONLY}"}}')


def test_a_body_may_have_ten_megabytes_and_no_more_by_http_2(authority: Authority, url: str) -> None:
    kind = {"content-type": f"multipart/form-data; boundary={forms.BOUNDARY}"}
    room = 10 * 2**20 - len(forms.encode(forms.image(b""), forms.field("model", "none")))
    for size, status, sentence in ((room, 400, "Unknown model 'none'"), (room + 1, 413, "larger than 10 MiB")):
        body = forms.encode(forms.image(bytes(size)), forms.field("model", "none"))
        with h2.connection(url, authority.client("h2")) as http:
            reply = http.request("POST", "/api/v1/predict", kind, body)
        assert (reply.status_code, sentence in reply.text) == (status, True), reply.text


def test_requests_on_one_connection_are_answered_each(authority: Authority, url: str) -> None:
    with h2.connection(url, authority.client("h2")) as http:
        streams = [http.send("GET", "/api/v1/health/live", {"x-request-id": str(number)}) for number in range(30)]
        assert [http.reply(stream).headers["x-request-id"] for stream in streams] == [str(n) for n in range(30)]


def test_requests_that_are_reset_at_once_cost_no_other_its_answer(
    proxy: RunningProxy, authority: Authority, url: str
) -> None:
    processes = psutil.Process(proxy.pid).children()
    with h2.connection(url, authority.client("h2")) as hasty, h2.connection(url, authority.client("h2")) as patient:
        with suppress(h2.NotProcessedError, ConnectionError, ssl.SSLEOFError):
            for _ in range(500):
                hasty.reset(hasty.send("GET", "/api/v1/models"))
        assert patient.request("GET", "/api/v1/models").status_code == 200
        assert patient.most_streams == 32
    assert psutil.Process(proxy.pid).children() == processes


def test_a_proxy_is_alive_whatever_became_of_its_files_and_not_when_it_hangs(proxy: RunningProxy) -> None:
    gone = replace(proxy.settings, tls_certificate=Path("/nowhere.pem"))
    assert is_alive(gone, seconds=10)
    processes = [psutil.Process(proxy.pid), *psutil.Process(proxy.pid).children()]
    for process in processes:
        process.suspend()
    try:
        assert not is_alive(proxy.settings, seconds=0.5)
    finally:
        for process in processes:
            process.resume()
    assert not is_alive(replace(proxy.settings, port=free_ports(1)[0]), seconds=1)


def test_scripts_of_this_machine_take_the_proxys_own_certificate_and_no_other(
    proxy: RunningProxy, authority: Authority
) -> None:
    with own_session(proxy.settings) as session:
        assert session.get(f"{own_url(proxy.settings)}/api/v1/health/live", timeout=10).ok
    pair = proxy.settings.tls_certificate
    assert pair
    before = pair.readlink()
    pair.unlink()
    pair.symlink_to(authority.issue("stranger").certificate)
    try:
        with own_session(proxy.settings) as session, pytest.raises(requests.exceptions.SSLError, match="Fingerprints"):
            session.get(f"{own_url(proxy.settings)}/api/v1/health/live", timeout=10)
    finally:
        pair.unlink()
        pair.symlink_to(before)
