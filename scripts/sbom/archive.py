"""The bill of materials of an archive: the model, its weights, its code and its labels, each with its digest."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6

from scripts.files import sha256, sha256_of_stream
from scripts.store.archive import read_archive

_WEIGHTS = (".bin", ".pt", ".pth", ".safetensors")
# What the description of an archive says that decides its answers; "emotions" are the labels in the outputs' order.
_FACTS = (
    "architecture",
    "dataset",
    "runtime",
    "precision",
    "preprocessing",
    "temperature",
    "stand_in",
    "checkpoint_sha256",
)


def archive_bom(path: Path) -> str:
    """The bill of an archive as CycloneDX 1.6 in JSON; the same for the same content.

    Raises ArchiveError for a file that TorchServe could not register.
    """
    archive, digest = read_archive(path), sha256(path)
    model = Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=archive.archive_name,
        version=archive.version,
        bom_ref="archive",
        hashes=[_hash(digest)],
        properties=_properties(archive.description),
    )
    bom = Bom(components=[*_files(path), *_labels(archive.description)])
    bom.metadata.component = model
    bom.register_dependency(model, bom.components)
    return _reproducible(JsonV1Dot6(bom).output_as_string(indent=2), digest)


def _properties(description: dict[str, Any]) -> list[Property]:
    found = {name: description[name] for name in _FACTS if description.get(name) is not None}
    return [Property(name=f"emotion:{name}", value=_text(value)) for name, value in found.items()]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _files(path: Path) -> list[Component]:
    with zipfile.ZipFile(path) as contents:
        return [_file(contents, item) for item in contents.infolist() if not item.is_dir()]


def _file(contents: zipfile.ZipFile, item: zipfile.ZipInfo) -> Component:
    with contents.open(item) as file:
        digest = sha256_of_stream(file)
    weights = item.filename.endswith(_WEIGHTS)
    return Component(
        type=ComponentType.FILE,
        name=item.filename,
        bom_ref=f"file:{item.filename}",
        description="weights" if weights else None,
        hashes=[_hash(digest)],
    )


def _labels(description: dict[str, Any]) -> list[Component]:
    """The labels of the data set that the model was trained on; none in an archive that does not say."""
    if not description.get("emotions"):
        return []
    labels = ", ".join(description["emotions"])
    name = str(description.get("dataset", "labels"))
    listed = [Property(name="emotion:labels", value=labels)]
    return [Component(type=ComponentType.DATA, name=name, bom_ref="labels", properties=listed)]


def _hash(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def _reproducible(text: str, digest: str) -> str:
    """Without the time, and with a serial number that is the content's."""
    bill = json.loads(text)
    bill["metadata"].pop("timestamp", None)
    bill["serialNumber"] = f"urn:uuid:{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
    return json.dumps(bill, indent=2) + "\n"
