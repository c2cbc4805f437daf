"""Archives that must not be served, each written into a site's model store; its file name."""

from __future__ import annotations

from tests.support.models import ARCHIVE, SERVED
from tests.support.sites import Site, repack, write_checksum

NEXT = f"{ARCHIVE}-1.1.mar"


def unsigned(site: Site) -> str:
    archive = repack(site.store / f"{ARCHIVE}.mar", site.store / "Unsigned.mar", "1.0", name="Unsigned")
    archive.with_name(f"{archive.name}.sha256").unlink()
    return archive.name


def damaged(site: Site) -> str:
    archive = repack(site.store / f"{ARCHIVE}.mar", site.store / "Damaged.mar", "1.0", name="Damaged")
    archive.write_bytes(archive.read_bytes() + b"\0")
    return archive.name


def linked(site: Site) -> str:
    (site.store / "Linked.mar").symlink_to(site.store / f"{ARCHIVE}.mar")
    return "Linked.mar"


def broken_handler(site: Site) -> str:
    code = "class Broken:\n    def initialize(self, context):\n        raise ValueError('no such layer')\n"
    handler = {"emotion_handler.py": code + "    def handle(self, data, context):\n        return data\n"}
    return repack(site.store / NEXT, site.store / f"{ARCHIVE}-broken.mar", "1.2", handler).name


WRONG = {
    "emotion_handler.py": "class Wrong:\n    def initialize(self, context):\n        pass\n"
    "    def handle(self, data, context):\n"
    '        return [\'{"success": true, "predictions": {"cat": 1.0}}\' for _ in data]\n'
}


def wrong_labels(site: Site) -> str:
    return repack(site.store / NEXT, site.store / f"{ARCHIVE}-wrong.mar", "1.2", WRONG).name


def no_checksum(site: Site) -> str:
    archive = repack(site.store / NEXT, site.store / f"{ARCHIVE}-unsigned.mar", "1.3")
    archive.with_name(f"{archive.name}.sha256").unlink()
    return archive.name


def wrong_checksum(site: Site) -> str:
    archive = repack(site.store / NEXT, site.store / f"{ARCHIVE}-changed.mar", "1.3")
    archive.write_bytes(archive.read_bytes() + b"\0")
    return archive.name


def truncated(site: Site) -> str:
    archive = site.store / f"{ARCHIVE}-truncated.mar"
    archive.write_bytes((site.store / NEXT).read_bytes()[:100_000])
    write_checksum(archive)
    return archive.name


def same_version(site: Site) -> str:
    other = {"emotion_handler.py": "# other\n"}
    return repack(site.archive(SERVED), site.store / f"{ARCHIVE}-same.mar", "1.0", other).name
