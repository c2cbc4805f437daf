"""Archives in S3, or in what speaks its protocol: plain objects, and ``manifest.json`` with their digests.

Credentials, region and another endpoint (``AWS_ENDPOINT_URL``) come from where boto3 looks for them:
https://boto3.amazonaws.com/v1/documentation/api/latest/guide/credentials.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from scripts.transfer.manifest import MANIFEST, manifest_text, read_manifest
from scripts.transfer.remote import (
    FOLDER,
    InterruptedTransferError,
    NothingThereError,
    Part,
    RemoteError,
    RemoteFile,
    Sent,
)

_MOST_MANIFEST_BYTES = 1 << 20
_BLOCK = 1 << 20
# Not every store that speaks S3 knows the checksums which boto3 adds by itself since 1.36; ours are in the manifest.
_CONFIG = Config(
    connect_timeout=10,
    read_timeout=60,
    retries={"mode": "standard", "max_attempts": 5},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


class S3Remote:
    """The objects below a prefix of a bucket."""

    def __init__(self, place: str) -> None:
        self._bucket, _, prefix = place.partition("/")
        self._prefix = f"{prefix.strip('/')}/".lstrip("/")
        try:
            self._client: Any = boto3.client("s3", config=_CONFIG)
        except (BotoCoreError, ValueError) as error:  # a profile that is not there, an endpoint that is no URL
            raise RemoteError(self._message(error)) from error

    def files(self) -> dict[str, RemoteFile]:
        """What the manifest lists."""
        with self._explained():
            body = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}{MANIFEST}")["Body"]
            text = body.read(_MOST_MANIFEST_BYTES)
        return read_manifest(text, f"s3://{self._bucket}/{self._prefix}{MANIFEST}")

    def read(self, file: RemoteFile, start: int = 0) -> Iterator[bytes]:
        """The bytes of an object from ``start`` on."""
        with self._explained(InterruptedTransferError):
            wanted = {"Bucket": self._bucket, "Key": self._key(file)}
            body = self._client.get_object(**wanted, Range=f"bytes={start}-")["Body"]
            yield from body.iter_chunks(_BLOCK)

    def push(self, parts: Sequence[Part], sent: Sent) -> str:
        """Upload what is not there with this digest, then the manifest.

        Objects are replaced one by one, so that the manifest does not list meanwhile what is being replaced.
        """
        wanted = {file: path for part in parts for path, file in part.files.items()}
        with self._explained():
            listed = self._listed()
            new = [file for file in wanted if not self._has(file, listed.get(file.name))]
            sent(sum(file.size for file in wanted) - sum(file.size for file in new))
            if stays := {name: listed[name] for name in listed.keys() - {file.name for file in new}}:
                self._write_manifest(stays.values())
            for file in new:
                extra = {"Metadata": {"sha256": file.sha256}}
                path = str(wanted[file])
                self._client.upload_file(path, self._bucket, self._key(file), ExtraArgs=extra, Callback=sent)
            self._write_manifest(wanted)
        return f"s3://{self._bucket}/{self._prefix}"

    def _listed(self) -> dict[str, RemoteFile]:
        """What the manifest lists; nothing if there is none yet, or it is none."""
        try:
            return self.files()
        except NothingThereError:
            return {}

    def _write_manifest(self, files: Iterable[RemoteFile]) -> None:
        text = manifest_text(files)
        self._client.put_object(Bucket=self._bucket, Key=f"{self._prefix}{MANIFEST}", Body=text.encode())

    def _has(self, file: RemoteFile, listed: RemoteFile | None) -> bool:
        """Whether the object is there; not every store keeps what it is told of one, then the manifest counts."""
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=self._key(file))
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                return False
            raise
        sha256 = found["Metadata"].get("sha256") or (listed and listed.sha256)
        return (found["ContentLength"], sha256) == (file.size, file.sha256)

    def _key(self, file: RemoteFile) -> str:
        return f"{self._prefix}{FOLDER}/{file.name}"

    @contextmanager
    def _explained(self, kind: type[RemoteError] = RemoteError) -> Iterator[None]:
        try:
            yield
        except self._client.exceptions.NoSuchKey as error:
            place = f"s3://{self._bucket}/{self._prefix}"
            raise NothingThereError(f"{place}: lacks what was asked for; `make push TO={place}` first") from error
        except ClientError as error:  # another answer
            raise RemoteError(self._message(error)) from error
        except (BotoCoreError, Boto3Error, OSError) as error:
            raise kind(self._message(error)) from error

    def _message(self, error: Exception) -> str:
        return (
            f"s3://{self._bucket}/{self._prefix}: {error}; see that the bucket is there, and AWS_ENDPOINT_URL, "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws, are right"
        )
