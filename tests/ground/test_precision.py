"""Which instructions of a processor count for which precision."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.precision import Gate, gate, instruction_sets, lacking

ZEN_5 = "processor\t: 0\nflags\t\t: fpu sse2 avx2 avx512f avx512_bf16 avx512_vnni avx_vnni\n"
SKYLAKE = "processor\t: 0\nflags\t\t: fpu sse2 avx2 avx512f\n"
GRAVITON_3 = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm bf16\n"


@pytest.mark.parametrize(
    ("text", "bf16", "int8"),
    [
        (ZEN_5, ["avx512_bf16"], ["avx_vnni", "avx512_vnni"]),
        (SKYLAKE, [], []),
        (GRAVITON_3, ["bf16"], ["asimddp", "i8mm"]),
        ("nothing of the kind", [], []),
    ],
)
def test_the_processor_s_instructions_are_found(tmp_path: Path, text: str, bf16: list[str], int8: list[str]) -> None:
    cpu = tmp_path / "cpuinfo"
    cpu.write_text(text)
    assert instruction_sets("bf16", cpu) == bf16
    assert instruction_sets("int8", cpu) == int8
    assert instruction_sets("f32", cpu) == []
    assert lacking(["sse2", "amx_bf16"], cpu) == (["amx_bf16"] if "sse2" in text else ["sse2", "amx_bf16"])


def test_a_system_that_does_not_tell_has_none(tmp_path: Path) -> None:
    assert instruction_sets("bf16", tmp_path / "none") == []


def test_limits_that_are_not_said_stay() -> None:
    assert gate("off") is None
    assert gate("on") == Gate()
    assert gate("agreement=96.5, least=50") == Gate(agreement=96.5, least=50)
