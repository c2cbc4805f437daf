"""In how many bits an archive computes, which instructions make that quick, and what must hold before it is used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from scripts.errors import UserError

PRECISIONS = ("f32", "bf16", "int8")
EXACT = "f32"
# How a picture becomes what the network takes: as in training, byte for byte, or nearly so and several times as fast.
PREPROCESSINGS = ("exact", "fast")
FAST = "fast"
IN_WORDS = {"f32": "float32", "bf16": "bf16", "int8": "int8"}

# The instructions that compute in fewer bits, by Linux' names of them: x86's, then Arm's.
# https://docs.openvino.ai/2026/openvino-workflow/running-inference/inference-devices-and-modes/cpu-device.html
INSTRUCTION_SETS = {
    "f32": (),
    "bf16": ("avx512_bf16", "amx_bf16", "bf16"),
    "int8": ("avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"),
}
CPU = Path("/proc/cpuinfo")
# Like handlers/instruction_sets.py, which has to do without this file.
_FLAGS = re.compile(r"^(?:flags|Features)\s*:(.*)$", re.MULTILINE)


class GateError(UserError):
    """GATE has a value that cannot be used; the message names it and the remedy."""


def instruction_sets(precision: str, cpu: Path = CPU) -> list[str]:
    """Those of this machine that make ``precision`` quick; empty where it gains nothing."""
    missing = lacking(INSTRUCTION_SETS[precision], cpu)
    return [name for name in INSTRUCTION_SETS[precision] if name not in missing]


def lacking(names: Iterable[str], cpu: Path = CPU) -> list[str]:
    """Those of the instruction sets ``names`` that this machine has not."""
    try:
        found = _FLAGS.search(cpu.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = None
    present = set(found[1].split()) if found else set()
    return [name for name in names if name not in present]


@dataclass(frozen=True)
class Gate:
    """What an archive of fewer bits must reach against float32 on pictures that it has not seen.

    ``accuracy`` and ``recall`` are percentage points that may be lost, of all answers and of a label's beyond its
    interval; ``agreement`` is the percentage of same answers at least (None: what the precision should reach);
    ``difference`` the mean absolute difference of a probability at most. ``least`` and ``most`` pictures are compared.
    """

    accuracy: float = 0.5
    recall: float = 2.0
    agreement: float | None = None
    difference: float = 0.01
    least: int = 100
    most: int = 2000

    def for_precision(self, precision: str) -> Gate:
        """The same with every limit set."""
        return self if self.agreement is not None else replace(self, agreement=_AGREEMENT[precision])


_AGREEMENT = {"bf16": 98.5, "int8": 97.0}
_WHOLE = ("least", "most")


def gate(text: str) -> Gate | None:
    """The limits that ``GATE`` sets: ``on``, limits like ``agreement=95 accuracy=1``, or None for ``off``."""
    if text in ("on", "off"):
        return Gate() if text == "on" else None
    names = [field.name for field in fields(Gate)]
    limits = Gate()
    for part in text.replace(",", " ").split():
        name, _, value = part.partition("=")
        if name not in names or not re.fullmatch(r"\d+" if name in _WHOLE else r"\d+(\.\d+)?", value, re.ASCII):
            raise GateError(
                f"GATE={text}: {part} is not understood; use on, off, or limits like agreement=97 difference=0.01 "
                f"({', '.join(names)})"
            )
        number: Any = int(value) if name in _WHOLE else float(value)
        limits = replace(limits, **{name: number})
    if not 0 < limits.least <= limits.most:
        raise GateError(f"GATE={text}: at least {limits.least} and at most {limits.most} pictures cannot both hold")
    return limits
