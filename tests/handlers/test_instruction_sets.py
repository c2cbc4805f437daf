"""A worker says so when its archive was compared with float32 on a processor of another kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from instruction_sets import warning


@pytest.fixture
def cpu(tmp_path: Path) -> Path:
    path = tmp_path / "cpuinfo"
    path.write_text("flags\t\t: sse2 avx512_vnni\n")
    return path


def description(*sets: str) -> dict[str, Any]:
    return {"model": "VGG19_CK+48", "precision": "int8", "proof": {"instruction_sets": list(sets)}}


def test_an_archive_that_was_proven_elsewhere_is_warned_of(cpu: Path) -> None:
    assert warning(description("avx512_vnni", "amx_int8"), cpu) == (
        "VGG19_CK+48 was compared with float32 on a processor that has amx_int8; this one has not, so it gains less in "
        "int8 and may answer otherwise: build it here, or in float32"
    )


def test_all_others_are_not(cpu: Path) -> None:
    assert warning(description("avx512_vnni"), cpu) is None
    assert warning({"model": "VGG19_CK+48", "precision": "f32"}, cpu) is None
    assert warning({"model": "VGG19_CK+48", "precision": "int8", "proof": None}, cpu) is None
