"""What a remote store says is checked before anything is named after it."""

from __future__ import annotations

import json

import pytest

from scripts.transfer.manifest import read_manifest
from scripts.transfer.remote import NothingThereError, RemoteError, RemoteFile, open_remote

DIGEST = "0123456789abcdef" * 4
GOOD = {"name": "A.mar", "size": 5, "sha256": DIGEST}


def test_files_are_found_by_their_names() -> None:
    assert read_manifest(json.dumps({"files": [GOOD]}), "x") == {"A.mar": RemoteFile("A.mar", 5, DIGEST)}


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "../A.mar"},
        {"name": "/etc/A.mar"},
        {"name": ".A.mar"},
        {"name": "A\n.mar"},
        {"name": ""},
        {"name": 5},
        {"size": -1},
        {"size": "5"},
        {"sha256": DIGEST[1:]},
        {"sha256": DIGEST.upper()},
        {"sha256": None},
    ],
    ids=str,
)
def test_no_file_gets_another_name_or_digest(changed: dict[str, object]) -> None:
    with pytest.raises(NothingThereError, match=r"^x: is no list of archives"):
        read_manifest(json.dumps({"files": [{**GOOD, **changed}]}), "x")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 3}', '{"files": [3]}', "[" * 100_000, b"\xff"], ids=repr)
def test_what_is_no_list_is_said_to_be_none(text: str | bytes) -> None:
    with pytest.raises(NothingThereError, match=r"^x: is no list of archives"):
        read_manifest(text, "x")


@pytest.mark.parametrize("address", ["", "model_store", "gs://a/b", "oci://", "s3://", "http://a/b"])
def test_an_address_is_that_of_a_registry_or_a_bucket(address: str) -> None:
    with pytest.raises(RemoteError, match=r"give oci://HOST/NAME:TAG, s3://BUCKET/PREFIX or file:///FOLDER$"):
        open_remote(address)
