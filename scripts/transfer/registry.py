"""The requests to an OCI registry, by oras-py, which knows credentials; each chunk of an upload is tried again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import requests
from oras.container import Container
from oras.provider import Registry as OrasRegistry

from scripts.files import sha256_of
from scripts.transfer.layers import Layer
from scripts.transfer.remote import Sent

CHUNK = 8 << 20
_ATTEMPTS = 5
_BLOCK = 1 << 16
# The most a manifest may have: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
_MOST_ANSWER_BYTES = 4 << 20
_TIMEOUT = (10.0, 60.0)  # to connect, and between two blocks of an answer, in seconds


class _WaryAdapter(requests.adapters.HTTPAdapter):
    """oras-py passes no time-out on, and requests reads any answer that is not streamed to its end."""

    def send(self, *arguments: Any, **options: Any) -> requests.Response:
        timeout = options.get("timeout") or _TIMEOUT
        answer = super().send(*arguments, **{**options, "stream": True, "timeout": timeout})
        if not options.get("stream") or answer.is_redirect:  # of which requests reads all before it follows
            answer._content = _beginning(answer)
        return answer


def _beginning(answer: requests.Response) -> bytes:
    """What an answer has, or, of too long a one, a little more than it may have."""
    content = bytearray()
    for block in answer.iter_content(_BLOCK):
        content += block
        if len(content) > _MOST_ANSWER_BYTES:
            answer.close()
            break
    return bytes(content)


class Registry:
    """One repository of a registry. Raises requests.RequestException, and ValueError for missing credentials."""

    def __init__(self, container: Container, *, plain_http: bool) -> None:
        insecure = plain_http or _is_loopback(container.registry)
        host = container.registry
        self._root = f"{'http' if insecure else 'https'}://{host}/v2/"
        self._url = f"{self._root}{container.api_prefix}/"
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _WaryAdapter())
        challenge = session.get(self._root).headers.get("WWW-Authenticate", "")
        kind = "basic" if challenge.lower().startswith("basic") else "token"
        self._oras = OrasRegistry(hostname=host, insecure=insecure, auth_backend=kind)
        self._oras.session = self._oras.auth.session = session
        self._oras.auth.load_configs(container)
        if kind == "basic":
            if not hasattr(self._oras.auth, "_basic_auth"):
                raise ValueError("it wants a name and a password")
            session.headers.update(self._oras.auth.get_auth_header())  # or each request would be refused first

    def manifest(self, reference: str, media_type: str) -> bytes:
        """The manifest that a tag or a digest means."""
        content = bytes(self._ask("GET", f"manifests/{reference}", headers={"Accept": media_type}).content)
        if len(content) > _MOST_ANSWER_BYTES:
            raise requests.RequestException(f"the manifest has more than {_MOST_ANSWER_BYTES} bytes")
        return content

    def put_manifest(self, tag: str, content: bytes, media_type: str) -> None:
        """Let the tag mean this manifest."""
        self._ask("PUT", f"manifests/{tag}", data=content, headers={"Content-Type": media_type})

    def has(self, digest: str) -> bool:
        """Whether the repository has a blob."""
        answer = self._request("HEAD", f"{self._url}blobs/{digest}")
        if answer.status_code == requests.codes.not_found:
            return False
        answer.raise_for_status()
        return True

    def blob(self, digest: str, start: int, length: int, block: int) -> Iterator[bytes]:
        """``length`` bytes of a blob from ``start`` on, also from a registry that knows no ranges."""
        wanted = {"Range": f"bytes={start}-{start + length - 1}"}
        answer = self._ask("GET", f"blobs/{digest}", headers=wanted, stream=True)
        skip = 0 if answer.status_code == requests.codes.partial_content else start
        with answer:
            for data in answer.iter_content(block):
                kept = data[skip : skip + length]
                skip -= min(skip, len(data))
                length -= len(kept)
                if kept:
                    yield kept
                if not length:
                    return

    def upload_bytes(self, content: bytes) -> dict[str, Any]:
        """Upload a small blob; returns its digest and size."""
        digest = blob_digest(content)
        if not self.has(digest):
            self._finish(self._begin(), digest, content)
        return {"digest": digest, "size": len(content)}

    def upload(self, layer: Layer, sent: Sent) -> None:
        """Upload a layer in chunks. After a failure it goes on with what the registry lacks.

        A registry that cannot tell, as Docker's 2.8 after half a chunk, gets the layer from its beginning.
        """
        location, start, failures = self._begin(), 0, 0
        while start < layer.size:
            chunk = layer.read(start, CHUNK)
            try:
                answer = self._send(location, start, chunk)
            except requests.RequestException as error:
                failures += 1
                if failures == _ATTEMPTS or not _may_pass(error):
                    raise
                time.sleep(2.0**failures / 2)
                before = start
                location, start = self._progress(location)
                sent(start - before)
                continue
            location, start = self._location(answer), start + len(chunk)
            sent(len(chunk))
        self._finish(location, layer.digest, b"")

    def _begin(self) -> str:
        return self._location(self._ask("POST", "blobs/uploads/"))

    def _send(self, location: str, start: int, chunk: bytes) -> requests.Response:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"{start}-{start + len(chunk) - 1}",
        }
        answer = self._request("PATCH", location, data=chunk, headers=headers)
        answer.raise_for_status()
        return answer

    def _progress(self, location: str) -> tuple[str, int]:
        """Where an upload goes on, and from which byte; from the first one where the registry has forgotten it."""
        answer = self._request("GET", location)
        if answer.status_code == requests.codes.not_found:
            return self._begin(), 0
        answer.raise_for_status()
        last = answer.headers.get("Range", "0-0").rpartition("-")[2]
        return self._location(answer), int(last) + 1 if int(last) else 0

    def _finish(self, location: str, digest: str, content: bytes) -> None:
        separator = "&" if "?" in location else "?"
        headers = {"Content-Type": "application/octet-stream"}
        url = f"{location}{separator}digest={digest}"
        self._request("PUT", url, data=content, headers=headers).raise_for_status()

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self._request(method, f"{self._url}{path}", **options)
        answer.raise_for_status()
        return answer

    def _request(self, method: str, url: str, **options: Any) -> requests.Response:
        answer: requests.Response = self._oras.do_request(url, method, **options)
        if answer.status_code == requests.codes.unauthorized and getattr(self._oras.auth, "token", None):
            self._oras.auth.token = None  # it was for reading, or is too old; oras-py would send it again
            answer = self._oras.do_request(url, method, **options)
        return answer

    def _location(self, answer: requests.Response) -> str:
        location: str = requests.compat.urljoin(self._root, answer.headers["Location"])
        if self._root.startswith("https:") and not location.startswith("https:"):
            raise requests.RequestException(
                f"the registry wants the upload, and the password with it, without TLS at {location}"
            )
        return location


def blob_digest(content: bytes) -> str:
    """The digest by which a registry knows these bytes."""
    return f"sha256:{sha256_of(content)}"


def _may_pass(error: requests.RequestException) -> bool:
    """Whether a chunk may be taken when it is sent again: no answer, one that blames the server, or one that says that
    the registry has another part of the upload; it may still have been writing what came before.
    """
    status = requests.codes.internal_server_error if error.response is None else error.response.status_code
    another_part = (requests.codes.not_found, requests.codes.requested_range_not_satisfiable)
    return status in another_part or status >= requests.codes.internal_server_error


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] or host
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"
