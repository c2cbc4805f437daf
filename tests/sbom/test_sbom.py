"""The bills of materials are CycloneDX's, and say what is in the archive and what is installed."""

from __future__ import annotations

import importlib.metadata
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from rfc3986_validator import validate_rfc3986

from scripts.files import sha256, sha256_of
from scripts.sbom.__main__ import INSTALLATION, main, without_local_files
from scripts.sbom.archive import archive_bom

DESCRIPTION = {
    "architecture": "VGG19",
    "dataset": "CK+48",
    "emotions": ["anger", "fear"],
    "precision": "int8",
    "stand_in": False,
}
FILES = {
    "MAR-INF/MANIFEST.json": json.dumps({"model": {"modelName": "A", "modelVersion": "1.1", "handler": "h.py"}}),
    "h.py": "# handler",
    "model.json": json.dumps(DESCRIPTION),
    "network.bin": "weights",
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "A.mar"
    with zipfile.ZipFile(path, "w") as contents:
        for name, text in FILES.items():
            contents.writestr(name, text)
    return path


def valid(text: str) -> dict[str, Any]:
    """The bill, if CycloneDX's schema allows it."""
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert errors is None, errors
    bill: dict[str, Any] = json.loads(text)
    return bill


def addresses_taken_out(bill: dict[str, Any]) -> list[str]:
    """The addresses of the components' references, each replaced by a short one.

    The schema's check parses an address by a grammar, for 10 ms and more each: 15 s for those of all packages.
    """
    references = [one for part in bill["components"] for one in part.get("externalReferences", [])]
    found = [str(reference["url"]) for reference in references]
    for reference in references:
        reference["url"] = "a"
    return found


def test_the_bill_of_an_archive_names_all_that_decides_its_answers(archive: Path) -> None:
    bill = valid(archive_bom(archive))
    model = bill["metadata"]["component"]
    assert (model["type"], model["name"], model["version"]) == ("machine-learning-model", "A", "1.1")
    assert model["hashes"] == [{"alg": "SHA-256", "content": sha256(archive)}]
    facts = {fact["name"]: fact["value"] for fact in model["properties"]}
    assert facts == {
        "emotion:architecture": "VGG19",
        "emotion:dataset": "CK+48",
        "emotion:precision": "int8",
        "emotion:stand_in": "false",
    }
    parts = {part["name"]: part for part in bill["components"]}
    digests = {name: part["hashes"][0]["content"] for name, part in parts.items() if part["type"] == "file"}
    assert digests == {name: sha256_of(text.encode()) for name, text in FILES.items()}
    assert [name for name, part in parts.items() if part.get("description") == "weights"] == ["network.bin"]
    assert parts["CK+48"]["type"] == "data"
    assert parts["CK+48"]["properties"] == [{"name": "emotion:labels", "value": "anger, fear"}]


def test_the_same_archive_has_the_same_bill(archive: Path) -> None:
    assert archive_bom(archive) == archive_bom(archive)


def test_a_package_from_a_file_keeps_its_other_references() -> None:
    page, file = {"type": "website", "url": "https://example.org"}, {"type": "distribution", "url": "file:///tmp/a.whl"}
    bill = {
        "components": [{"name": "a", "externalReferences": [page, file]}, {"name": "b", "externalReferences": [file]}]
    }
    expected = {"components": [{"name": "a", "externalReferences": [page]}, {"name": "b"}]}
    assert without_local_files(bill) == expected


@pytest.mark.slow
def test_the_command_writes_all_bills_without_a_path_of_this_machine(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("MODEL_STORE", str(tmp_path))
    assert main([]) == 0
    folder = tmp_path / "run" / "sbom"
    assert {path.name for path in folder.iterdir()} == {INSTALLATION, "A.cdx.json"}
    text = (folder / INSTALLATION).read_text()
    bill = json.loads(text)
    addresses = addresses_taken_out(bill)
    assert [address for address in addresses if not validate_rfc3986(address)] == []
    assert len(addresses) > 100
    packages = {part["name"].lower(): part["version"] for part in valid(json.dumps(bill))["components"]}
    for name in ("torchserve", "pillow", "openvino"):
        assert packages[name] == importlib.metadata.version(name)
    assert "file://" not in text
