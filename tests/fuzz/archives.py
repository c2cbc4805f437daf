"""Archives of the model store that others built, read and unpacked as a start does it."""

from __future__ import annotations

import io
import json
import shutil
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from scripts.settings import load_settings
from scripts.store.archive import ArchiveError, check_archive, read_archive, registered_labels
from scripts.store.unpacking import unpack
from tests.fuzz.mutations import changed_bytes

_MANIFEST = "MAR-INF/MANIFEST.json"
_WHOLE = {"modelName": "X", "modelVersion": "1.0", "handler": "h.py", "configFile": "c.yaml"}
# Names that lead elsewhere, or to no file at all.
_NAMES = (
    *("../outside", "../../outside", "a/../../../../outside", "/emotion-fuzz/outside", "C:\\outside", "..\\outside"),
    *(
        "a",
        "a/b",
        "a/",
        "",
        ".",
        "..",
        "./a",
        "a//b",
        "x" * 300,
        "d/" * 200 + "f",
        "nul\0byte",
        "größe",
        "c.yaml",
        "X.new",
    ),
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    1e999,
    "",
    "../../x",
    "X/Y",
    [],
    ["a"],
    {},
    {"a": {}},
    "é",
    "\ud800",
    "x" * 300,
    10**400,
)
_JSONS = (
    "",
    "null",
    "[]",
    "1",
    '"text"',
    '{"model": null}',
    '{"model": []}',
    '{"model": "x"}',
    "[" * 100_000,
    "{",
    "\xff",
)
_YAMLS = (
    *("", "null", "1", "[1]", "{a: 1}", "a: [", "? [1]\n: 2", "? {a: 1}\n: 2", "a: !!python/object/apply:os.getcwd []"),
    *(
        "- [a, b]",
        "- [[a], b]",
        "a: 2001-99-99",
        "a: !!int x",
        "a: !!float x",
        "a: !!timestamp x",
        "a: 0x",
        "\0",
        "a: &a [*a]",
    ),
    *("<<: 1", "!!set {a, b}", "!!binary x", "a: 1:99:99", "[" * 200, "%YAML 9.9\n---\na: 1", "a: !!bool maybe"),
)


class Archives:
    """``scripts/store``: archives are read, checked and unpacked in their folder, or an ArchiveError says why not."""

    batch = 1

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "case"

    def make(self, noise: Random) -> bytes:
        if noise.random() < 0.3:
            return _patched(noise, _zip(noise, _files(Random(noise.randrange(40)))))
        data = _zip(noise, _files(noise))
        return changed_bytes(noise, data) if noise.random() < 0.3 else data

    def faults(self, cases: Sequence[bytes]) -> list[str]:
        return [self._fault(case) for case in cases]

    def _fault(self, case: bytes) -> str:
        shutil.rmtree(self._folder, ignore_errors=True)
        store = self._folder / "a" / "b" / "store"
        store.mkdir(parents=True)
        path = store / "X.mar"
        path.write_bytes(case)
        settings = load_settings({"MODEL_STORE": str(store), "RUN_DIR": str(store.with_name("run"))})

        def read() -> None:
            archive = read_archive(path)
            names = (archive.archive_name, archive.version)
            assert all(isinstance(name, str) and name and not set(name) & set("/\\\0") for name in names), names
            assert isinstance(archive.configuration, dict), archive.configuration
            assert all(isinstance(label, str) for label in archive.labels), archive.labels
            check_archive(settings, archive)

        def labels() -> None:
            found = registered_labels(store, "X", "1.0", str(store.with_name("run") / "X"))
            assert all(isinstance(label, str) for label in found), found

        outcomes = (_outcome(read), _outcome(labels), _outcome(lambda: unpack(settings, path)))
        strangers = [str(found.relative_to(self._folder)) for found in self._strangers(store)]
        written = f"writes outside its folder: {strangers}" if strangers else ""
        return next(filter(None, (*outcomes, written)), "")

    def _strangers(self, store: Path) -> list[Path]:
        expected = {store, store / "X.mar", store / "digests.json", store.parent, store.parent.parent}
        unpacked = store.with_name("run")
        found = [path for path in self._folder.rglob("*") if path not in expected and path != unpacked]
        links = [path for path in found if path.is_symlink()]
        absolute = [path for path in (Path("/emotion-fuzz"),) if path.exists()]
        return [path for path in found if unpacked / "unpacked" not in (path, *path.parents)] + links + absolute


def _outcome(action: Callable[[], object]) -> str:
    """What is wrong with how an action ended."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            action()
    except ArchiveError as error:
        return "" if str(error).startswith("X.mar: ") else f"a message without the file's name: {error}"
    except AssertionError as error:
        return f"reads what is none: {error}"
    except Exception as error:
        return f"raises {type(error).__name__} {error}: of {type(error).__module__}"
    return ""


def _files(noise: Random) -> list[tuple[str, bytes]]:
    """Names and contents: those of a good archive, some of them other ones."""
    manifest: Any = dict(_WHOLE)
    for _ in range(noise.choice((0, 0, 1, 2))):
        manifest[noise.choice((*_WHOLE, "other"))] = noise.choice(_VALUES)
    description: Any = {"emotions": ["a", "b"], "stand_in": True}
    if noise.random() < 0.3:
        description = noise.choice((*_VALUES, {"emotions": noise.choice(_VALUES)}))
    files = {
        _MANIFEST: json.dumps({"model": manifest}),
        "c.yaml": "batchSize: 8\n" if noise.random() < 0.7 else noise.choice(_YAMLS),
        "model.json": json.dumps(description),
        "weights": "w" * noise.choice((0, 10, 5000)),
    }
    if noise.random() < 0.2:
        files[noise.choice((_MANIFEST, "model.json"))] = noise.choice(_JSONS)
    if noise.random() < 0.2:
        del files[noise.choice(list(files))]
    found = [(name, text.encode("latin-1", "replace")) for name, text in files.items()]
    if noise.random() < 0.2:
        place = noise.randrange(len(found) or 1)
        found[place : place + 1] = [(name, changed_bytes(noise, data)) for name, data in found[place : place + 1]]
    found += [(noise.choice(_NAMES), b"data") for _ in range(noise.choice((0, 0, 1, 2)))]
    noise.shuffle(found)
    return found


def _zip(noise: Random, files: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as contents:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, data in files:
            item = zipfile.ZipInfo(name)
            item.filename = name  # with the characters that ZipInfo leaves out
            item.compress_type = noise.choice((0, 0, 0, 8, 12, 14))
            kind = noise.choice((stat.S_IFREG, stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO))
            item.external_attr = (kind | noise.choice((0o644, 0, 0o7777))) << 16
            contents.writestr(item, data)
        if noise.random() < 0.1:
            contents.comment = noise.randbytes(30)
    return buffer.getvalue()


# In the two headers of each file: signature, and where are version needed, flags, method, CRC, sizes and lengths.
_HEADERS = ((b"PK\3\4", (4, 6, 8, 14, 18, 22, 26, 28)), (b"PK\1\2", (6, 8, 10, 16, 20, 24, 28, 30, 32, 34, 42)))
_NUMBERS = (0, 1, 8, 9, 12, 14, 20, 63, 64, 93, 99, 255, 0x800, 0x801, 0x2041, 0xFFFF)


def _patched(noise: Random, data: bytes) -> bytes:
    """Other numbers in a file's headers, or in the end of the directory."""
    patched = bytearray(data)
    for _ in range(noise.randint(1, 3)):
        signature, fields = noise.choice((*_HEADERS, (b"PK\5\6", (4, 6, 8, 10, 12, 16, 20))))
        starts = [place for place in range(len(data)) if data.startswith(signature, place)]
        if starts:
            place = noise.choice(starts) + noise.choice(fields)
            patched[place : place + 2] = struct.pack("<H", noise.choice(_NUMBERS))
    return bytes(patched)
