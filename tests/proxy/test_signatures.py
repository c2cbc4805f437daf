"""What the proxy makes of a signature is what scripts/store/signatures.py makes of it."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from scripts.files import sha256
from scripts.settings import load_settings
from scripts.store.signatures import signature_file, signature_problem, verify_keys
from tests.proxy.modules import Call, Modules
from tests.support.signing import FORGED, UNUSABLE, KeyPair, change

CURVES = [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()]
ROUNDS = 20  # a number of a signature may be shorter than its curve's


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[KeyPair]:
    folder = tmp_path_factory.mktemp("keys")
    return [KeyPair(folder, curve.name, curve) for curve in CURVES]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "A.mar"
    path.write_text("content")
    return path


def told(modules: Modules, trusted: list[KeyPair], archives: list[Path]) -> list[str | None]:
    """What the proxy says of archives in one folder; Python must say the same."""
    store = archives[0].parent
    settings = load_settings(
        {
            "MODEL_STORE": str(store),
            "RUN_DIR": str(store),
            "VERIFY_KEYS": ",".join(str(key.public) for key in trusted),
        }
    )
    given: list[dict[str, Any]] = [
        {"curve": key.curve, "spki": base64.b64encode(key.spki).decode()} for key in verify_keys(settings)
    ]
    calls = [Call("management/signature.js", "failure", (path.name, sha256(path))) for path in archives]
    results = modules.call(calls, model_store=str(store), verify_keys=given)
    said = [result.returned and str(result.returned["message"]).removesuffix(".") for result in results]
    here = [signature_problem(settings, path) for path in archives]
    # Why a file is no signature, the proxy does not say.
    assert said == [text and text.replace(_reason(text), "") for text in here]
    return said


def _reason(text: str) -> str:
    before, mark, after = text.partition(".sig: ")
    return f": {after.partition('; sign it')[0]}" if mark and "cannot be used" in before else "\0"


def test_signatures_of_every_curve_are_verified(modules: Modules, keys: list[KeyPair], tmp_path: Path) -> None:
    archives = []
    for number, key in enumerate(keys):
        for path in (tmp_path / f"{number}-{turn}.mar" for turn in range(ROUNDS)):
            path.write_text(path.name)
            key.sign_here(path)
            archives.append(path)
    assert told(modules, keys, archives) == [None] * len(archives)
    refused = told(modules, keys[:2], archives)
    assert refused[: 2 * ROUNDS] == [None] * 2 * ROUNDS
    assert all(text and "is not signed with a key of VERIFY_KEYS" in text for text in refused[2 * ROUNDS :])


def test_what_model_signing_signs_is_verified(modules: Modules, keys: list[KeyPair], archive: Path) -> None:
    keys[0].sign(archive)
    assert told(modules, keys, [archive]) == [None]
    archive.write_text("others!")
    assert "A.mar is not what was signed" in str(told(modules, keys, [archive])[0])
    signature_file(archive).unlink()
    assert "A.mar is not signed: there is no A.mar.sig" in str(told(modules, keys, [archive])[0])
    assert told(modules, [], [archive]) == [None]


def test_changed_signatures_are_refused(modules: Modules, keys: list[KeyPair], archive: Path) -> None:
    signature = keys[0].sign(archive)
    cases = []
    for number, damage in enumerate([*FORGED.values(), *UNUSABLE.values()]):
        copy = archive.with_name(f"{number}.mar")
        shutil.copy2(archive, copy)
        shutil.copy2(signature, signature_file(copy))
        change(copy, damage)
        cases.append(copy)
    for number, text in enumerate(["", "{", "null", "3", '{"mediaType": []}']):
        copy = archive.with_name(f"other-{number}.mar")
        shutil.copy2(archive, copy)
        signature_file(copy).write_text(text)
        cases.append(copy)
    said = told(modules, keys, cases)
    assert all(text and "is not signed with a key of VERIFY_KEYS" in text for text in said[: len(FORGED)])
    assert all(text and "has a signature that cannot be used" in text for text in said[len(FORGED) :])


def test_torchserve_itself_unpacks_nothing_that_must_be_signed(
    modules: Modules, keys: list[KeyPair], tmp_path: Path
) -> None:
    """Where no supervisor runs: the file may be another by then."""
    given = {"archive": "A.mar", "path": "/models?url=A.mar&synchronous=true"}
    call = Call("management/registering.js", "register", (given, "ops"), fetched=[(200, "{}")])
    places = {
        "model_store": str(tmp_path),
        "index": str(tmp_path / "index.json"),
        "supervision": str(tmp_path / "none"),
    }
    (unsigned,) = modules.call([call], verify_keys=[], **places)
    assert (unsigned.returned["status"], unsigned.left) == (200, 0)
    (refused,) = modules.call([call], verify_keys=[{"curve": "P-256", "spki": ""}], **places)
    assert (refused.returned["failure"]["status"], refused.left) == (503, 1)
    assert refused.returned["failure"]["message"].startswith("With VERIFY_KEYS the supervisor registers archives")
