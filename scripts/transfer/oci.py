"""Archives in an OCI registry: an image with a layer for each, which can also be mounted as it is.

Requests and credentials (``docker login``, its credential helpers) are those of oras-py; the protocol is
https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests
from oras.container import Container

from scripts.transfer.layers import MEDIA_TYPE, Layer
from scripts.transfer.manifest import remote_file
from scripts.transfer.registry import Registry, blob_digest
from scripts.transfer.remote import InterruptedTransferError, Part, RemoteError, RemoteFile, Sent

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_TITLE = "org.opencontainers.image.title"
# In a layer's annotations: the files in it, with their digests and where they begin.
_FILES = "emotions.files"
_PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64"}
_BLOCK = 1 << 20


class OciRemote:
    """The image ``HOST[:PORT]/NAME[:TAG]``."""

    def __init__(self, place: str, *, plain_http: bool = False) -> None:
        self._place = f"oci://{place}"
        try:
            self._container = Container(place)
        except ValueError as error:
            raise RemoteError(f"{self._place}: is no image ({error}); give oci://HOST/NAME:TAG") from error
        with self._explained():
            self._registry = Registry(self._container, plain_http=plain_http)
        self._layers: dict[str, tuple[str, int]] = {}

    def files(self) -> dict[str, RemoteFile]:
        """What the annotations of the image's layers list."""
        found = {}
        wanted = self._container.digest
        with self._explained():
            content = self._registry.manifest(wanted or self._container.tag, _MANIFEST)
        if wanted and wanted != blob_digest(content):
            raise RemoteError(f"{self._place}: the registry answers with something else, {blob_digest(content)}")
        try:
            for layer in json.loads(content)["layers"]:
                for fields in json.loads(layer.get("annotations", {}).get(_FILES, "[]")):
                    file = remote_file(fields)
                    found[file.name] = file
                    self._layers[file.name] = (str(layer["digest"]), int(fields["offset"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RemoteError(f"{self._place}: is no image that `make push` made ({error})") from error
        if not found:
            raise RemoteError(f"{self._place}: has no archives that `make push` put there")
        return found

    def read(self, file: RemoteFile, start: int = 0) -> Iterator[bytes]:
        """The bytes of a file from ``start`` on, out of its layer."""
        digest, offset = self._layers[file.name]
        left = file.size - start
        if not left:
            return
        with self._explained(InterruptedTransferError):
            for block in self._registry.blob(digest, offset + start, left, _BLOCK):
                yield block
                left -= len(block)
        if left:
            raise InterruptedTransferError(f"{self._place}: {left} bytes of {file.name} did not arrive")

    def push(self, parts: Sequence[Part], sent: Sent) -> str:
        """Upload the layers that are not there, then let the tag mean this image. Returns its address by digest."""
        if self._container.digest:
            raise RemoteError(f"{self._place}: give a tag to push to, not a digest")
        layers = [Layer(part) for part in parts]
        with self._explained():
            for layer in layers:
                if self._registry.has(layer.digest):
                    sent(layer.part.size)
                else:
                    self._registry.upload(layer, sent)
            config = json.dumps(_config(layers), sort_keys=True).encode()
            manifest = {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": {"mediaType": _CONFIG, **self._registry.upload_bytes(config)},
                "layers": [_descriptor(layer) for layer in layers],
            }
            content = json.dumps(manifest).encode()
            self._registry.put_manifest(self._container.tag, content, _MANIFEST)
        return f"oci://{self._container.registry}/{self._container.api_prefix}@{blob_digest(content)}"

    def _refusal(self, answer: requests.Response) -> str:
        what = f"the registry answers {answer.request.method} with {answer.status_code} {answer.reason}"
        if answer.status_code == requests.codes.not_found:
            return f"{self._place}: {what}; see its name and tag, or `make push TO={self._place}` first"
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            return f"{self._place}: {what}; `docker login {self._container.registry}` with a user who may"
        return f"{self._place}: {what}"

    @contextmanager
    def _explained(self, kind: type[RemoteError] = RemoteError) -> Iterator[None]:
        try:
            yield
        except requests.HTTPError as error:
            raise RemoteError(self._refusal(error.response)) from error
        except requests.ConnectionError as error:
            raise kind(f"{self._place}: the registry cannot be reached, or hung up ({_cause(error)})") from error
        except (requests.RequestException, OSError) as error:
            raise kind(f"{self._place}: {error}") from error
        except ValueError as error:  # what oras-py says of credentials
            raise RemoteError(f"{self._place}: {error}; `docker login {self._container.registry}` first") from error


def _cause(error: BaseException) -> BaseException:
    """What a connection failed of, below what requests and urllib3 say around it."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _descriptor(layer: Layer) -> dict[str, Any]:
    files = [
        {"name": file.name, "size": file.size, "sha256": file.sha256, "offset": layer.offsets[file.name]}
        for file in layer.part.files.values()
    ]
    return {
        "mediaType": MEDIA_TYPE,
        "digest": layer.digest,
        "size": layer.size,
        "annotations": {_TITLE: layer.part.title, _FILES: json.dumps(files)},
    }


def _config(layers: Sequence[Layer]) -> Mapping[str, Any]:
    """What runtimes want of an image; nothing in it can be run."""
    machine = platform.machine()
    return {
        "architecture": _PROCESSORS.get(machine, machine),
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
    }
